package warehouse

import (
	"context"
	"strings"
	"time"

	"lifeline/change"
)

// Conditions are what a landing keeps beside its rows, in their transaction.
type Conditions struct {
	Stretches []Stretch            // Of the source's log, that the landing ends.
	Guard     func([]Landed) error // Refuses the landing by what it would change; nil refuses nothing.
	Anew      bool                 // A snapshot: reading the log resumes once the tables' columns are noted.
}

// The states of a stretch of a source's log, as ops.continuity has them.
const (
	StretchSeen          = "seen"          // Every change in it has landed with its time.
	StretchResnapshotted = "resnapshotted" // A snapshot stands at its end; what came and went within it is not known.
	StretchLost          = "lost"          // The same, and nobody can read the log of it any more.
)

// Stretch is a part of a source's log. None is ever taken away, and a seen one only grows.
type Stretch struct {
	Table    string // In staging; "" for all that have none of their own.
	State    string
	Why      string
	From, To change.Position
	Begins   time.Time // By the source's clock, UTC; zero where it is not known.
	Ends     time.Time
}

// conditioned keeps the conditions of a landing.
type conditioned struct{ conditions Conditions }

// With sets what the landing keeps beside its rows; it is called before Commit.
func (c *conditioned) With(conditions Conditions) { c.conditions = conditions }

// keep asks the guard and writes down the stretches and until when each table is known.
func (c *conditioned) keep(ctx context.Context, exec execer, run int64, at time.Time, tables []string, landed []Landed) error {
	if c.conditions.Guard != nil {
		if err := c.conditions.Guard(landed); err != nil {
			return err
		}
	}
	for _, s := range c.conditions.Stretches {
		if err := keepStretch(ctx, exec, run, s); err != nil {
			return err
		}
	}
	if c.conditions.Anew {
		if err := exec(ctx, `delete from ops.log_tables`); err != nil {
			return err
		}
	}
	return keepKnown(ctx, exec, run, tables, at)
}

func keepStretch(ctx context.Context, exec execer, run int64, s Stretch) error {
	var begins any
	if !s.Begins.IsZero() {
		begins = stampOf(s.Begins)
	}
	if s.State == StretchSeen {
		// It is lengthened: what it grew from is the end of what it was.
		if err := exec(ctx, `
update ops.continuity
set to_position = $1, to_time = cast($2 as timestamp)
where run_id = $3 and state = 'seen' and stream = ''`, string(s.To), stampOf(s.Ends), run); err != nil {
			return err
		}
		return exec(ctx, `
insert into ops.continuity (stream, state, from_position, to_position, from_time, to_time, run_id, why)
select '', 'seen', cast($1 as text), cast($2 as text), cast($3 as timestamp), cast($4 as timestamp), cast($5 as bigint), cast($6 as text)
where not exists (select 1 from ops.continuity where run_id = $5 and state = 'seen' and stream = '')`,
			string(s.From), string(s.To), begins, stampOf(s.Ends), run, s.Why)
	}
	return exec(ctx, `
insert into ops.continuity (stream, state, from_position, to_position, from_time, to_time, run_id, why)
values ($8, $1, $2, $3, cast($4 as timestamp), cast($5 as timestamp), $6, $7)`, s.State, string(s.From), string(s.To), begins,
		stampOf(s.Ends), run, s.Why, s.Table)
}

// keepKnown moves on until when tables are known. Where others landed without one in between, that stretch of it is lost.
func keepKnown(ctx context.Context, exec execer, run int64, tables []string, at time.Time) error {
	if len(tables) == 0 {
		return nil
	}
	names := literals(tables)
	if err := exec(ctx, `
insert into ops.continuity (stream, state, from_position, to_position, from_time, to_time, run_id, why)
select k.table_name, 'lost', '', '', k.until_time, cast($1 as timestamp), cast($2 as bigint), 'the table did not land in between'
from ops.kept as k
where k.table_name in (`+names+`) and exists (
	select 1
	from ops.positions as p
	where p.run_id > k.run_id and p.run_id < $2 and p.taken_at > k.until_time
)`, stampOf(at), run); err != nil {
		return err
	}
	if err := exec(ctx, `
insert into ops.kept (table_name, since_time, until_time, run_id, by_landing)
select t.table_name, cast($1 as timestamp), cast($1 as timestamp), cast($2 as bigint), false
from (values `+rowsOfLiterals(tables)+`) as t (table_name)
where not exists (select 1 from ops.kept as k where k.table_name = t.table_name)`, stampOf(at), run); err != nil {
		return err
	}
	return exec(ctx, `
update ops.kept
set until_time = greatest(until_time, cast($1 as timestamp)), run_id = $2
where table_name in (`+names+`)`, stampOf(at), run)
}

// keepByLanding notes that the log tells a table's rows apart by all their values.
func keepByLanding(ctx context.Context, exec execer, table string) error {
	return exec(ctx, `
update ops.kept
set by_landing = true
where table_name = $1 and not by_landing`, table)
}

// rowsOfLiterals writes texts as rows of one column for SQL.
func rowsOfLiterals(texts []string) string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = "(" + Literal(t) + ")"
	}
	return strings.Join(out, ", ")
}
