package run

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifeline/change"
	"lifeline/model"
	"lifeline/warehouse"
)

// momentForms are how a moment is written; without an offset it is UTC, as the times of history are.
var momentForms = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04", time.DateOnly,
}

// Moment reads a moment of a source's past.
func Moment(text string) (time.Time, error) {
	for _, form := range momentForms {
		if at, err := time.Parse(form, strings.TrimSpace(text)); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, &change.Problem{
		Err: fmt.Errorf("%q is not a moment", text), Class: change.ClassUsage,
		Try: "'2026-11-28 10:15:00' (UTC), or with an offset: '2026-11-28T10:15:00+03:00'",
	}
}

// PastTable is a table of staging as it was.
type PastTable struct {
	Table string    `json:"table"`
	At    time.Time `json:"at"`
	// Basis is binlog where each change is known with its commit's time, and snapshot where the table is only known as two landings found
	// it: then it is as that of Seen found it, and what changed until Next is not told apart.
	Basis string     `json:"basis"`
	Seen  time.Time  `json:"seen,omitzero"`
	Next  *time.Time `json:"next,omitempty"`
	Notes []string   `json:"notes,omitempty"`

	sql string
}

// SQL is the table as a subquery in brackets, over staging and history as the database that was asked names them: in is what stands before
// their schemas, such as "landing.".
func (p *PastTable) SQL(in string) string { return strings.ReplaceAll(p.sql, "{in}", in) }

// Note says what is not exact about the answer; empty where nothing is.
func (p *PastTable) Note() string {
	if p.Basis == "binlog" {
		return strings.Join(p.Notes, "; ")
	}
	text := fmt.Sprintf("%s is as the landing of %s found it (basis %s)", p.Table, clock(p.Seen), p.Basis)
	if p.Next != nil {
		text += fmt.Sprintf("; what changed until the next one, of %s, is not told apart", clock(*p.Next))
	}
	return strings.Join(append([]string{text}, p.Notes...), "; ")
}

// moment is a time as SQL reads it on every engine, whatever the session's zone.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000000") }

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.999999") + " UTC" }

// unknown says that a question has no answer.
func unknown(table string, at time.Time, why, try string) error {
	return &change.Problem{
		Err: fmt.Errorf("%s at %s is unknown: %s", table, clock(at), why), Class: change.ClassError, Try: try,
	}
}

// Past finds a table of staging as it was at a moment, by the commit times of the source's log or else the times of the landings. A moment
// of which too little is known is an error, never an answer. The database is one that Run.DB or OpenStaging gives.
func Past(ctx context.Context, db *sql.DB, table string, at time.Time) (*PastTable, error) {
	at = stamp(at)
	k, err := knownOf(ctx, db, table, at)
	if err != nil {
		return nil, err
	}
	if at.Before(k.since) { // Within its second.
		at = k.since
	}
	p := &PastTable{Table: table, At: at, Basis: "snapshot"}
	if err := p.basis(ctx, db, k.byLanding); err != nil {
		return nil, err
	}
	return p, p.write(ctx, db, k)
}

// known is what ops.kept says of a table.
type known struct {
	since, until time.Time
	byLanding    bool
	landing      int64 // The last landing of the table's source that is not after the moment.
}

// knownOf refuses what cannot be known.
func knownOf(ctx context.Context, db *sql.DB, table string, at time.Time) (k known, err error) {
	err = db.QueryRowContext(ctx, `
select since_time, until_time, coalesce(by_landing, false)
from ops.kept
where table_name = $1`, table).Scan(&k.since, &k.until, &k.byLanding)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return k, unknown(table, at, "it has not landed", "lifeline run")
	case err != nil:
		return k, fmt.Errorf("read ops.kept: %w", err)
	case at.Before(k.since.Truncate(time.Second)): // Moments are mostly written to the second.
		return k, unknown(table, at, fmt.Sprintf("its versions are kept since %s", clock(k.since)),
			"a moment since then; keep_history in lifeline.yml says how long they are kept")
	case at.After(k.until):
		return k, unknown(table, at, fmt.Sprintf("the source has been read up to %s", clock(k.until)), "lifeline run, and ask again")
	}
	var from, to time.Time
	var why string
	err = db.QueryRowContext(ctx, `
select from_time, to_time, coalesce(why, '')
from ops.continuity
where state = 'lost' and stream in ('', $1) and from_time < cast($2 as timestamp) and to_time > cast($2 as timestamp)
order by run_id
limit 1`, table, moment(at)).Scan(&from, &to, &why)
	if err == nil {
		return k, unknown(table, at, fmt.Sprintf("what happened from %s to %s was not seen by anybody (%s)", clock(from), clock(to), why),
			"a moment outside of that; ops.continuity lists every such stretch")
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return k, fmt.Errorf("read ops.continuity: %w", err)
	}
	err = db.QueryRowContext(ctx, `
select max(run_id)
from ops.positions
where taken_at <= cast($1 as timestamp)`, moment(at)).Scan(nullable(&k.landing))
	if err != nil {
		return k, fmt.Errorf("read ops.positions: %w", err)
	}
	return k, nil
}

// basis finds whether the log was seen at the moment, and else between which landings it lies.
func (p *PastTable) basis(ctx context.Context, db *sql.DB, byLanding bool) error {
	var seen bool
	if err := db.QueryRowContext(ctx, `
select exists (
	select 1
	from ops.continuity
	where state = 'seen' and stream = '' and from_time <= cast($1 as timestamp) and to_time >= cast($1 as timestamp)
) and not exists (
	select 1
	from ops.continuity
	where state <> 'seen' and stream = $2 and from_time < cast($1 as timestamp) and to_time > cast($1 as timestamp)
)`, moment(p.At), p.Table).Scan(&seen); err != nil {
		return fmt.Errorf("read ops.continuity: %w", err)
	}
	if seen && !byLanding {
		p.Basis = "binlog"
		return nil
	}
	if seen {
		p.Notes = append(p.Notes, "its rows have no key, so that they are known landing by landing")
	}
	var last, next sql.NullTime
	if err := db.QueryRowContext(ctx, `
select max(case when taken_at <= cast($1 as timestamp) then taken_at end), min(case when taken_at > cast($1 as timestamp) then taken_at end)
from ops.positions`, moment(p.At)).Scan(&last, &next); err != nil {
		return fmt.Errorf("read ops.positions: %w", err)
	}
	p.Seen = last.Time
	if next.Valid && !last.Time.Equal(p.At) {
		p.Next = &next.Time
	}
	return nil
}

// pastColumn is a column as staging has it, and history too.
type pastColumn struct{ name, staging, history string }

// historyColumns are those that history has for itself.
var historyColumns = []string{"_op", "_valid_from", "_valid_to", "_basis", "_position", "_ended_run", "_from_basis"}

// pastColumns are those of staging; what history has besides went away since.
func pastColumns(ctx context.Context, db *sql.DB, table string) (columns []pastColumn, gone, since []string, err error) {
	rows, err := db.QueryContext(ctx, `
select table_schema, column_name, data_type
from information_schema.columns
where table_schema in ('staging', 'history', 'since') and table_name = $1
order by table_schema desc, ordinal_position`, table)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("look at %s: %w", table, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var schema, name, typ string
		if err := rows.Scan(&schema, &name, &typ); err != nil {
			return nil, nil, nil, fmt.Errorf("look at %s: %w", table, err)
		}
		at := slices.IndexFunc(columns, func(c pastColumn) bool { return c.name == name })
		switch {
		case schema == "staging":
			columns = append(columns, pastColumn{name: name, staging: typ})
		case schema == "since":
			since = append(since, name)
		case at >= 0:
			columns[at].history = typ
		case !slices.Contains(historyColumns, name):
			gone = append(gone, name)
		}
	}
	return columns, gone, since, rows.Err()
}

// write makes the subquery: the versions that were true then, of those that ended and of those that are true still.
func (p *PastTable) write(ctx context.Context, db *sql.DB, k known) error {
	columns, gone, since, err := pastColumns(ctx, db, p.Table)
	if err != nil {
		return err
	}
	if len(gone) > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("%s had further columns (%s), which history.%s has", p.Table, strings.Join(gone, ", "), p.Table))
	}
	var ended, present, on []string
	for _, c := range columns {
		name := warehouse.Name(c.name)
		e, s := "h."+name, "s."+name
		switch {
		case c.history == "":
			e = "cast(null as " + c.staging + ")"
		case c.history != c.staging: // History holds values of both.
			s = "cast(s." + name + " as " + c.history + ") as " + name
		}
		ended, present = append(ended, e), append(present, s)
	}
	for _, name := range since {
		if slices.Contains(warehouse.OwnSince, name) {
			continue
		}
		if !slices.ContainsFunc(columns, func(c pastColumn) bool { return c.name == name }) {
			on = nil // Of a key that staging has no more: what it says is of rows that are gone.
			break
		}
		on = append(on, "b."+warehouse.Name(name)+" = s."+warehouse.Name(name))
	}
	table, at := warehouse.Name(p.Table), "timestamp '"+moment(p.At)+"'"
	if k.byLanding || len(on) == 0 {
		p.sql = fmt.Sprintf(`(
    select %[1]s
    from {in}history.%[3]s as h
    where h._run <= %[4]d and h._ended_run > %[4]d
    union all
    select %[2]s
    from {in}staging.%[3]s as s
    where s._run <= %[4]d
)`, strings.Join(ended, ", "), strings.Join(present, ", "), table, k.landing)
		return nil
	}
	p.sql = fmt.Sprintf(`(
    select %[1]s
    from {in}history.%[3]s as h
    where h._valid_from <= %[4]s and h._valid_to > %[4]s
    union all
    select %[2]s
    from {in}staging.%[3]s as s
    left join {in}since.%[3]s as b on %[5]s and b._run = s._run
    left join (
        select run_id, max(taken_at) as taken_at
        from {in}ops.positions
        group by run_id
    ) as p on p.run_id = s._run
    where coalesce(b._since, p.taken_at) <= %[4]s
)`, strings.Join(ended, ", "), strings.Join(present, ", "), table, at, strings.Join(on, " and "))
	return nil
}

// past gives a model a source table as it was; what is not exact about it is a warning of the run.
func (w *walk) past(ctx context.Context) func(n *model.Node, text string) (string, error) {
	return func(n *model.Node, text string) (string, error) {
		at, err := Moment(text)
		if err != nil {
			return "", err
		}
		p, err := Past(ctx, w.hold.DB(), n.Alias, at)
		if err != nil {
			return "", err
		}
		w.stating.Lock()
		defer w.stating.Unlock()
		if note := p.Note(); note != "" && !slices.Contains(w.report.Warnings, note) {
			w.report.Warnings = append(w.report.Warnings, note)
		}
		return p.SQL(""), nil
	}
}
