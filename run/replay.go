package run

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lifeline/change"
	"lifeline/project"
)

// Replay asks for the rows in quarantine to be evaluated anew from what has landed.
type Replay struct {
	Check string // Only rows that this check quarantined, and those that follow them; empty means all.
}

// ReleaseReport counts rows of one source table that leave quarantine, by what had put them there. A row with two reasons counts for
// both.
type ReleaseReport struct {
	Table  string `json:"table"`
	Check  string `json:"check"`
	Reason string `json:"reason"`
	State  string `json:"state"` // released, fixed_at_source or expired.
	Rows   int64  `json:"rows"`
}

// quarantineDelta puts into the report what the run does to the quarantine. A replay that does nothing ends here: it publishes nothing.
func (w *walk) quarantineDelta(ctx context.Context) (string, error) {
	m, err := w.rowVerdicts.Delta(ctx)
	if err != nil {
		return "", err
	}
	w.report.Left, w.report.Came = m.Left, m.Came
	w.report.Released = []ReleaseReport{}
	for _, r := range m.Releases {
		w.report.Released = append(w.report.Released, ReleaseReport{
			Table: r.Table, Check: r.Rule, Reason: r.Reason, State: r.State,
			Rows: r.Rows,
		})
	}
	if w.opt.Replay != nil && m.Nothing() {
		w.report.Status = Unchanged
		w.report.Why = "no row of quarantine would be released"
		err := w.hold.DB().QueryRowContext(ctx, "select version from ops.versions where state = 'published'").Scan(&w.report.Version)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return "", fmt.Errorf("read ops.versions: %w", err)
		}
	}
	return fmt.Sprintf("%d released, %d quarantined", m.Left, m.Came), nil
}

// startReplay tells the verdicts which rows to evaluate. A check that neither the project nor the quarantine knows is a mistake.
func (w *walk) startReplay(ctx context.Context) error {
	if w.opt.Replay == nil || w.opt.Replay.Check == "" {
		return nil
	}
	check := w.opt.Replay.Check
	w.rowVerdicts.Only = check
	known := slices.ContainsFunc(w.opt.Project.Tests, func(t *project.Test) bool { return t.Name == check })
	if known {
		return nil
	}
	var n int64
	if err := w.hold.DB().QueryRowContext(ctx, `
select count(*)
from quarantine.reasons
where check_name = $1`, check).Scan(&n); err != nil {
		return fmt.Errorf("look for the check in quarantine: %w", err)
	}
	if n > 0 {
		return nil
	}
	var names []string
	for _, t := range w.opt.Project.Tests {
		if t.OnFail == "quarantine" {
			names = append(names, t.Name)
		}
	}
	try := project.Nearest(check, names)
	if try == "" {
		try = strings.Join(append(names, "identity"), ", ")
	}
	return &change.Problem{Err: fmt.Errorf("no check %q quarantines rows", check), Class: change.ClassUsage, Try: try}
}

// holdEnds tells whether rows that wait for their parent have waited long enough, which a run has to say even when nothing changed.
func (w *walk) holdEnds(ctx context.Context) (bool, error) {
	var n int64
	err := w.hold.DB().QueryRowContext(ctx, `
select count(*)
from quarantine.rows
where state = 'held'
  and held_until <= $1`, stamp(w.opt.Now())).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look for rows that waited long enough: %w", err)
	}
	return n > 0, nil
}
