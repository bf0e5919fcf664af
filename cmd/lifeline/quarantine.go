package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"lifeline/change"
	"lifeline/project"
	"lifeline/run"
)

type quarantineCommand struct {
	Ls     quarantineLs     `cmd:"" help:"How many rows are quarantined, by check; with --rows every row."`
	Show   quarantineShow   `cmd:"" help:"One row: all its reasons, its history, the whole row, and the rows that follow it."`
	Replay quarantineReplay `cmd:"" help:"Evaluate the rows anew from what has landed, and publish those that pass."`
}

func (quarantineCommand) Help() string {
	return `Rows that no consumer may count yet are kept whole, with every reason. States: held (waits for a late parent), quarantined,
released (arrived in core, the source's row unchanged), fixed_at_source (the source's row was mended), expired (gone from the source),
superseded (the same row once more).

Examples:
  lifeline quarantine ls
  lifeline quarantine show 4711 --table claim
  lifeline quarantine replay`
}

type quarantineLs struct {
	Table string `placeholder:"TABLE" help:"Only this source table."`
	Check string `placeholder:"CHECK" help:"Only rows that this check quarantined."`
	State string `default:"open" enum:"${quarantine_states}" help:"${quarantine_states}; open is held and quarantined."`
	Rows  bool   `help:"Every row instead of counts."`
}

func (quarantineLs) Help() string {
	return `Examples:
  lifeline quarantine ls
  lifeline quarantine ls --table claim --rows
  lifeline quarantine ls --state released --json`
}

// quarantineFrom joins rows with their reasons; $1 is the table, $2 the check and $3 the state, empty for all.
const quarantineFrom = `
from quarantine.rows as q
left join quarantine.reasons as r on r.table_name = q.table_name and r.key = q.key and r.occurrence = q.occurrence
where ($1 = '' or q.table_name = $1)
  and ($2 = '' or r.check_name = $2)
  and ($3 = 'all' or q.state = $3 or $3 = 'open' and q.state in ('held', 'quarantined'))`

const countQuarantined = `
select q.table_name, r.check_name as "check", r.reason, r.column_name, q.state, count(*) as rows, min(q.first_run) as first_run,
       max(q.last_run) as last_run, min(q.first_seen) as first_seen, max(q.last_seen) as last_seen` + quarantineFrom + `
group by q.table_name, r.check_name, r.reason, r.column_name, q.state
order by q.table_name, q.state, rows desc, r.check_name, r.reason`

const listQuarantined = `
select q.table_name, q.key, q.occurrence, q.state, r.check_name as "check", r.reason, r.column_name, r.value, q.first_run, q.last_run,
       q.first_seen, q.last_seen, q.held_until` + quarantineFrom + `
order by q.table_name, length(q.key), q.key, q.occurrence, r.check_name`

func (c *quarantineLs) Run(ctx context.Context, g *Globals) error {
	return g.withBooks(ctx, func(_ *project.Project, db *sql.DB) error {
		query := countQuarantined
		if c.Rows {
			query = listQuarantined
		}
		return g.printQuery(ctx, db, query, c.Table, c.Check, c.State)
	})
}

type quarantineShow struct {
	Key   string `arg:"" help:"The row's key, as ls --rows prints it."`
	Table string `placeholder:"TABLE" help:"The source table, where several have this key in quarantine."`
}

func (quarantineShow) Help() string {
	return `Examples:
  lifeline quarantine show 4711
  lifeline quarantine show 4711 --table claim --json`
}

// quarantinedRow is one row of quarantine with all that is known of it.
type quarantinedRow struct {
	Table      string             `json:"table"`
	Key        string             `json:"key"`
	Occurrence int64              `json:"occurrence"`
	State      string             `json:"state"`
	FirstRun   int64              `json:"first_run"`
	LastRun    int64              `json:"last_run"`
	ReleasedBy int64              `json:"released_by_run,omitempty"`
	FirstSeen  time.Time          `json:"first_seen"`
	LastSeen   time.Time          `json:"last_seen"`
	HeldUntil  *time.Time         `json:"held_until,omitempty"`
	Reasons    []quarantineReason `json:"reasons"`
	Row        json.RawMessage    `json:"row"`
	Children   []quarantineChild  `json:"children"` // Rows that are quarantined because this one is.
}

type quarantineReason struct {
	Check  string  `json:"check"`
	Reason string  `json:"reason"`
	Column string  `json:"column,omitempty"`
	Value  *string `json:"value"`
}

type quarantineChild struct {
	Table string `json:"table"`
	Key   string `json:"key"`
	State string `json:"state"`
}

func (c *quarantineShow) Run(ctx context.Context, g *Globals) error {
	return g.withBooks(ctx, func(p *project.Project, db *sql.DB) error {
		rows, err := c.rows(ctx, db)
		if err != nil {
			return fmt.Errorf("read the quarantine: %w", err)
		}
		if len(rows) == 0 {
			return &change.Problem{
				Err: fmt.Errorf("no row with the key %s has been quarantined", c.Key), Class: change.ClassUsage, Try: "lifeline quarantine ls --rows",
			}
		}
		for i := range rows {
			if err := rows[i].read(ctx, p, db); err != nil {
				return fmt.Errorf("read the quarantine: %w", err)
			}
		}
		if g.JSON {
			return writeJSON(g.terminal.out, rows)
		}
		for i := range rows {
			rows[i].print(g.terminal)
		}
		return nil
	})
}

func (c *quarantineShow) rows(ctx context.Context, db *sql.DB) ([]quarantinedRow, error) {
	// By the key as it is kept, as JSON, by the rules of CSV, and bytes by their hexadecimal digits.
	args, places := []any{c.Table}, []string{}
	for _, key := range change.KeySpellings(c.Key) {
		args = append(args, key)
		places = append(places, fmt.Sprintf("$%d", len(args)))
	}
	found, err := db.QueryContext(ctx, fmt.Sprintf(`
select table_name, key, occurrence, state, first_run, last_run, first_seen, last_seen, held_until, "row"
from quarantine.rows
where key in (%s)
  and ($1 = '' or table_name = $1)
order by table_name, occurrence`, strings.Join(places, ", ")), args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var out []quarantinedRow
	for found.Next() {
		var a quarantinedRow
		var until sql.NullTime
		var row string
		if err := found.Scan(&a.Table, &a.Key, &a.Occurrence, &a.State, &a.FirstRun, &a.LastRun, &a.FirstSeen, &a.LastSeen, &until,
			&row); err != nil {
			return nil, err
		}
		a.Row = json.RawMessage(row)
		if until.Valid {
			a.HeldUntil = &until.Time
		}
		if a.State == "released" || a.State == "fixed_at_source" {
			a.ReleasedBy = a.LastRun
		}
		out = append(out, a)
	}
	return out, found.Err()
}

// read adds the reasons and the rows that follow.
func (a *quarantinedRow) read(ctx context.Context, p *project.Project, db *sql.DB) error {
	a.Reasons, a.Children = []quarantineReason{}, []quarantineChild{}
	reasons, err := db.QueryContext(ctx, `
select check_name, reason, coalesce(column_name, ''), value
from quarantine.reasons
where table_name = $1
  and key = $2
  and occurrence = $3
order by check_name, reason`, a.Table, a.Key, a.Occurrence)
	if err != nil {
		return err
	}
	defer reasons.Close()
	for reasons.Next() {
		var r quarantineReason
		if err := reasons.Scan(&r.Check, &r.Reason, &r.Column, &r.Value); err != nil {
			return err
		}
		a.Reasons = append(a.Reasons, r)
	}
	if err := reasons.Err(); err != nil {
		return err
	}
	for _, check := range parentChecks(p, a.Table) {
		if err := a.follow(ctx, db, check); err != nil {
			return err
		}
	}
	return nil
}

func (a *quarantinedRow) follow(ctx context.Context, db *sql.DB, check string) error {
	children, err := db.QueryContext(ctx, `
select r.table_name, r.key, q.state
from quarantine.reasons as r
join quarantine.rows as q on q.table_name = r.table_name and q.key = r.key and q.occurrence = r.occurrence
where r.check_name = $1
  and r.value = $2
order by r.table_name, length(r.key), r.key`, check, a.Key)
	if err != nil {
		return err
	}
	defer children.Close()
	for children.Next() {
		var c quarantineChild
		if err := children.Scan(&c.Table, &c.Key, &c.State); err != nil {
			return err
		}
		a.Children = append(a.Children, c)
	}
	return children.Err()
}

var refName = regexp.MustCompile(`ref\(\s*['"]([^'"]+)['"]`)

// parentChecks are the checks by which rows follow those of a source table.
func parentChecks(p *project.Project, table string) []string {
	var models []string
	for _, m := range p.Models {
		if m.EntityOf == table {
			models = append(models, m.Name)
		}
	}
	var checks []string
	for _, t := range p.Tests {
		to, _ := t.Args["to"].(string)
		if m := refName.FindStringSubmatch(to); m != nil && t.OnFail == "quarantine" && slices.Contains(models, m[1]) {
			checks = append(checks, t.Name)
		}
	}
	return checks
}

func (a *quarantinedRow) print(t terminal) {
	fmt.Fprintf(t.out, "%s %s", a.Table, a.Key)
	if a.Occurrence > 1 {
		fmt.Fprintf(t.out, " (copy %d)", a.Occurrence)
	}
	fmt.Fprintf(t.out, ": %s", a.State)
	switch {
	case a.ReleasedBy > 0:
		fmt.Fprintf(t.out, " by run %d, %s", a.ReleasedBy, timeText(a.LastSeen))
	case a.HeldUntil != nil && a.State == "held":
		fmt.Fprintf(t.out, " until %s", timeText(*a.HeldUntil))
	}
	fmt.Fprintf(t.out, "\nfirst seen %s (run %d), last %s (run %d)\n", timeText(a.FirstSeen), a.FirstRun, timeText(a.LastSeen), a.LastRun)
	for _, r := range a.Reasons {
		value := "null"
		if r.Value != nil {
			value = *r.Value
		}
		fmt.Fprintf(t.out, "  %s: %s", r.Check, r.Reason)
		if r.Column != "" {
			fmt.Fprintf(t.out, ", %s = %s", r.Column, value)
		}
		fmt.Fprintln(t.out)
	}
	fmt.Fprintf(t.out, "  row: %s\n", a.Row)
	if len(a.Children) > 0 {
		var names []string
		for _, c := range a.Children {
			names = append(names, fmt.Sprintf("%s %s (%s)", c.Table, c.Key, c.State))
		}
		fmt.Fprintf(t.out, "  follow it: %s\n", strings.Join(names, ", "))
	}
}

type quarantineReplay struct {
	Check string        `placeholder:"CHECK" help:"Evaluate only rows that this check quarantined, and those that follow them."`
	Wait  time.Duration `placeholder:"10m" help:"Wait this long for another run that holds the warehouse."`
}

func (quarantineReplay) Help() string {
	return `Builds the next version from what has landed; the source is not read. Rows that pass now, because a check, a seed, a model or
their own source row changed, arrive in core with the rows that follow them. Where none would, nothing is published.

Examples:
  lifeline quarantine replay
  lifeline quarantine replay --check not_null_claims_treatment_id
  lifeline quarantine replay --json | jq .released`
}

func (c *quarantineReplay) Run(ctx context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		return err
	}
	defer wh.Close()
	bars := newProgress(g)
	defer bars.Close()
	report, err := run.Do(ctx, run.Options{
		Project: p, Warehouse: wh, Command: "replay", Version: version, Replay: &run.Replay{Check: c.Check},
		Wait: c.Wait, Progress: bars, Logger: g.logger(),
	})
	bars.Close()
	if err == nil && !g.JSON {
		printReleases(g.terminal, report)
	}
	return g.printReport(report, err)
}

// printReleases says what left quarantine, by check.
func printReleases(t terminal, r *run.Report) {
	if r.Left == 0 {
		return
	}
	fmt.Fprintf(t.out, "%s rows released from quarantine\n", count(r.Left))
	for _, x := range r.Released {
		fmt.Fprintf(t.out, "  %s of %s: %s (%s), %s\n", count(x.Rows), x.Table, x.Check, x.Reason, strings.ReplaceAll(x.State, "_", " "))
	}
}

// withBooks reads ops and quarantine.
func (g *Globals) withBooks(ctx context.Context, do func(*project.Project, *sql.DB) error) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		return err
	}
	defer wh.Close()
	r, err := wh.OpenOps(ctx)
	if err != nil {
		return nothingPublished(err)
	}
	defer r.Close()
	return do(p, r.DB)
}
