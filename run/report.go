package run

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"lifeline/change"
)

// Status is how a run ended.
type Status string

// The ends of a run.
const (
	Published Status = "published" // A new version is visible.
	Unchanged Status = "unchanged" // Source, project and as-of are as at the last publication.
	Blocked   Status = "blocked"   // A check, the source's contract or the books stopped it; the old version stays.
	Failed    Status = "failed"    // An error; the old version stays.
	Checked   Status = "checked"   // A trial: everything was built and checked, and nothing was to be published.
)

// The modes: how a run reads its source.
const (
	ModeLog       = "log"       // What changed since the last landing, from the binary log.
	ModeFull      = "full"      // Every row.
	ModeChecksums = "checksums" // The key ranges whose checksums changed.
	ModeBuild     = "build"     // Nothing: from what has landed.
)

// Report is the record of one run, as `run --json` prints it. Times are UTC.
type Report struct {
	landedAt time.Time // Up to when the source was read, by its own clock.

	RunID       int64           `json:"run_id"`
	Project     string          `json:"project"`
	Status      Status          `json:"status"`
	Mode        string          `json:"mode"`               // How the source was read: one of the modes.
	ModeWhy     string          `json:"mode_why,omitempty"` // Why it was read that way.
	Why         string          `json:"why,omitempty"`
	StartedAt   time.Time       `json:"started_at"`
	EndedAt     time.Time       `json:"ended_at"`
	Position    string          `json:"position"`
	Consistency string          `json:"consistency,omitempty"` // How the snapshot became one point in time.
	LockMS      float64         `json:"lock_ms"`               // How long a lock was held on the source.
	AsOf        *time.Time      `json:"as_of,omitempty"`
	AsOfColumn  string          `json:"as_of_column,omitempty"` // The column of staging whose newest time it follows.
	Ignored     []string        `json:"ignored,omitempty"`      // Keys and calls of the project that have no effect, with their places.
	Tables      []TableReport   `json:"tables"`
	Models      []ModelReport   `json:"models"`
	Checks      []CheckReport   `json:"checks"`
	Books       []BookReport    `json:"books"`
	Left        int64           `json:"left_quarantine"`    // Rows that this run lets out of quarantine.
	Came        int64           `json:"came_to_quarantine"` // Rows that were not held or quarantined before.
	Released    []ReleaseReport `json:"released,omitempty"`
	Repairs     []RepairReport  `json:"repairs,omitempty"`
	Steps       []StepReport    `json:"steps"`
	LeftOut     []LeftOut       `json:"left_out,omitempty"`
	Warnings    []string        `json:"warnings,omitempty"` // Of the source: what people should know, and what stops nothing.
	Version     int64           `json:"version,omitempty"`
	Error       *ErrorReport    `json:"error,omitempty"`
}

// TableReport is what happened to one source table, in rows.
type TableReport struct {
	Name        string `json:"name"`
	Read        int64  `json:"read"`
	Landed      int64  `json:"landed"` // Rows in staging now.
	Inserted    int64  `json:"inserted"`
	Updated     int64  `json:"updated"`
	Deleted     int64  `json:"deleted"`
	Repaired    int64  `json:"repaired"` // Cells in core whose basis is "repaired".
	Quarantined int64  `json:"quarantined"`
	Held        int64  `json:"held"`       // Waiting for a late parent, or following a row that does.
	Superseded  int64  `json:"superseded"` // Exact duplicates beyond the first.
	Published   int64  `json:"published"`  // Rows in core.
}

// ModelReport is one model as it was built.
type ModelReport struct {
	Name    string  `json:"name"`
	Rows    int64   `json:"rows"`
	Seconds float64 `json:"seconds"`
	Built   string  `json:"built"`          // whole, keys or carried.
	Keys    int64   `json:"keys,omitempty"` // For how many keys it was built.
	Why     string  `json:"why,omitempty"`  // Why it was built whole.
}

// how says in one line how the model was built.
func (m ModelReport) how() string {
	switch {
	case m.Built == builtKeys:
		return fmt.Sprintf("keys: %d", m.Keys)
	case m.Why != "":
		return m.Built + ": " + m.Why
	}
	return m.Built
}

// CheckReport is one check as it came out.
type CheckReport struct {
	Name     string `json:"name"`
	Severity string `json:"severity"`
	Status   string `json:"status"`
	Failing  int64  `json:"failing"`
	Tested   int64  `json:"tested"`
	Change   string `json:"change,omitempty"` // new, persisting or resolved, against the run before.
	Since    int64  `json:"since_run,omitempty"`
	Detail   string `json:"detail,omitempty"`
}

// LeftOut says how many values of a core column durations and KPIs leave out, because they are missing or only imputed (promise 7).
type LeftOut struct {
	Table   string `json:"table"`
	Column  string `json:"column"`
	Imputed int64  `json:"imputed"`
	Missing int64  `json:"missing"`
	Of      int64  `json:"of"`
}

// BookReport is one line of the books: an equation over one table.
type BookReport struct {
	Table    string `json:"table"`
	Equation string `json:"equation"`
	Balances bool   `json:"balances"`
}

// RepairReport counts the cells of one core column that are not as the source has them, by what was done to them (promise 7).
type RepairReport struct {
	Table  string `json:"table"`
	Column string `json:"column"`
	Basis  string `json:"basis"` // repaired, imputed or missing.
	Rule   string `json:"rule,omitempty"`
	Rows   int64  `json:"rows"`
}

// StepReport is one step of the walk.
type StepReport struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	Status  string  `json:"status"`
	Detail  string  `json:"detail"`
}

// ErrorReport says why a run stopped.
type ErrorReport struct {
	Message  string `json:"message"`
	Where    string `json:"where,omitempty"`
	Try      string `json:"try,omitempty"`
	ExitCode int    `json:"exit_code"`
}

func errorReport(err error) *ErrorReport {
	e := &ErrorReport{Message: err.Error(), ExitCode: 1}
	var p *change.Problem
	if errors.As(err, &p) {
		e.Where, e.Try, e.ExitCode = p.Where, p.Try, int(p.Class)
	}
	return e
}

func (r *Report) table(name string) *TableReport {
	for i := range r.Tables {
		if r.Tables[i].Name == name {
			return &r.Tables[i]
		}
	}
	r.Tables = append(r.Tables, TableReport{Name: name})
	return &r.Tables[len(r.Tables)-1]
}

type host struct {
	name string
	pid  int
}

func thisHost() host {
	name, err := os.Hostname()
	if err != nil {
		name = "unknown"
	}
	return host{name: name, pid: os.Getpid()}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
