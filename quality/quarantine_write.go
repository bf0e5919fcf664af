package quality

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// Ending says how the run that wrote the verdicts ends.
type Ending struct {
	Run       int64
	At        time.Time // UTC.
	Publishes bool      // false for a run that is stopped: it adds what it found and releases nothing.
}

// Write brings quarantine.rows and quarantine.reasons to what this build found, in one transaction, so that a kill leaves
// either the state before or the state after. It goes right before the publication, while the working tables are still there.
//
// A row that is set aside again keeps its first run and first time. When the run publishes, a row that was set aside earlier and
// is not now becomes released, fixed_at_source or expired, by what became of it in the source. A release that was written by a
// run that was killed before it published is decided anew.
func (a *RowVerdicts) Write(ctx context.Context, db *sql.DB, end Ending) error {
	if end.Publishes {
		for _, e := range a.entities.all() {
			if e.verdict == nil {
				continue
			}
			if err := a.depart(ctx, e); err != nil {
				return err
			}
		}
	}
	return inTx(ctx, db, func(tx *sql.Tx) error {
		for _, e := range a.entities.all() {
			if e.verdict == nil {
				continue
			}
			if err := writeEntity(ctx, tx, e, end); err != nil {
				return fmt.Errorf("write the quarantine of %s: %w", e.source.Name, err)
			}
		}
		return nil
	})
}

func writeEntity(ctx context.Context, tx *sql.Tx, e *entity, end Ending) error {
	pairs := []string{
		"table", text(e.source.Name), "run", fmt.Sprint(end.Run), "at", instant(end.At),
		"aside", e.aside, "held", e.held, "leaving", e.leaving, "pinned", e.pinned, "failing", e.failing, "suspects", e.suspects,
	}
	var steps []string
	// Each is bound once: a value may look like a named place itself.
	add := func(statement string, more ...string) {
		steps = append(steps, bind(statement, append(slices.Clone(pairs), more...)...))
	}
	if end.Publishes && e.leaving != "" {
		add(release)
	}
	if e.aside != "" {
		add(updateHeld)
		add(insertHeld)
		add(dropReasons)
		for i := range e.verdict.Results {
			if r := &e.verdict.Results[i]; e.failing != "" {
				add(checkReasons, "check", text(r.Name), "column", text(r.Column), "number", fmt.Sprint(i))
			}
		}
		if e.failing != "" && e.pinned != "" {
			add(pinnedReasons)
		}
		if e.held != "" {
			add(waitUntil)
		}
		if e.suspects != "" {
			add(identityReasons)
		}
	}
	for _, s := range steps {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// release ends the stay of rows that this build did not set aside.
const release = `
	update quarantine.rows as q
	set state = l.lifeline__state,
	    last_run = {run},
	    last_seen = {at},
	    held_until = null
	from {leaving} as l
	where q.table_name = {table}
	  and q.key = l.lifeline__key
	  and q.occurrence = l.lifeline__occurrence`

const waitUntil = `
	update quarantine.rows as q
	set held_until = h.lifeline__until
	from {held} as h
	where q.table_name = {table}
	  and q.key = h.lifeline__key
	  and q.occurrence = 1
	  and q.state = 'held'`

const updateHeld = `
	update quarantine.rows as q
	set "row" = a.lifeline__row,
	    state = a.lifeline__state,
	    last_run = {run},
	    last_seen = {at}
	from {aside} as a
	where q.table_name = {table}
	  and q.key = a.lifeline__key
	  and q.occurrence = a.lifeline__occurrence`

const insertHeld = `
	insert into quarantine.rows (table_name, key, occurrence, "row", state, first_run, last_run, first_seen, last_seen)
	select {table}, a.lifeline__key, a.lifeline__occurrence, a.lifeline__row, a.lifeline__state, {run}, {run}, {at}, {at}
	from {aside} as a
	where not exists (select 1 from quarantine.rows as q
	                  where q.table_name = {table} and q.key = a.lifeline__key and q.occurrence = a.lifeline__occurrence)`

const dropReasons = `
	delete from quarantine.reasons
	where table_name = {table}
	  and key in (select a.lifeline__key from {aside} as a)`

const identityReasons = `
	insert into quarantine.reasons (table_name, key, occurrence, reason, check_name, column_name, value, run_id)
	select {table}, s.lifeline__key, s.lifeline__occurrence, s.lifeline__verdict, 'identity', null, null, {run}
	from {suspects} as s
	where s.lifeline__verdict <> 'kept'`

// checkReasons name the rows that one check found.
const checkReasons = `
	insert into quarantine.reasons (table_name, key, occurrence, reason, check_name, column_name, value, run_id)
	select {table}, f.lifeline__key, 1, f.lifeline__reason, {check}, {column}, f.lifeline__value, {run}
	from {failing} as f
	where f.lifeline__check = {number}`
