package quality

import (
	"context"
	"database/sql"
	"fmt"
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
		"aside", e.aside, "held", e.held, "leaving", e.leaving, "pinned", e.pinned, "failing", e.failing,
	}
	var steps []string
	if end.Publishes && e.leaving != "" {
		steps = append(steps, release)
	}
	if e.aside != "" {
		steps = append(steps, updateHeld, insertHeld, dropReasons)
		if e.failing != "" {
			for i := range e.verdict.Results {
				steps = append(steps, e.reasonsOf(i))
			}
		}
		if e.failing != "" && e.pinned != "" {
			steps = append(steps, pinnedReasons)
		}
		if e.held != "" {
			steps = append(steps, waitUntil)
		}
		if e.suspects != "" {
			steps = append(steps, bind(identityReasons, "suspects", e.suspects))
		}
	}
	for _, s := range steps {
		if _, err := tx.ExecContext(ctx, bind(s, pairs...)); err != nil {
			return err
		}
	}
	return nil
}

// release ends the stay of rows that this build did not set aside.
const release = `
	update quarantine.rows as q
	set state = l._state,
	    last_run = {run},
	    last_seen = {at},
	    held_until = null
	from {leaving} as l
	where q.table_name = {table}
	  and q.key = l._key
	  and q.occurrence = l._occurrence`

const waitUntil = `
	update quarantine.rows as q
	set held_until = h._until
	from {held} as h
	where q.table_name = {table}
	  and q.key = h._key
	  and q.occurrence = 1
	  and q.state = 'held'`

const updateHeld = `
	update quarantine.rows as q
	set "row" = a._row,
	    state = a._state,
	    last_run = {run},
	    last_seen = {at}
	from {aside} as a
	where q.table_name = {table}
	  and q.key = a._key
	  and q.occurrence = a._occurrence`

const insertHeld = `
	insert into quarantine.rows (table_name, key, occurrence, "row", state, first_run, last_run, first_seen, last_seen)
	select {table}, a._key, a._occurrence, a._row, a._state, {run}, {run}, {at}, {at}
	from {aside} as a
	where not exists (select 1 from quarantine.rows as q
	                  where q.table_name = {table} and q.key = a._key and q.occurrence = a._occurrence)`

const dropReasons = `
	delete from quarantine.reasons
	where table_name = {table}
	  and key in (select a._key from {aside} as a)`

const identityReasons = `
	insert into quarantine.reasons (table_name, key, occurrence, reason, check_name, column_name, value, run_id)
	select {table}, s._key, s._occurrence, s._verdict, 'identity', null, null, {run}
	from {suspects} as s
	where s._verdict <> 'kept'`

// reasonsOf names the rows that one check found.
func (e *entity) reasonsOf(number int) string {
	r := &e.verdict.Results[number]
	return bind(`
		insert into quarantine.reasons (table_name, key, occurrence, reason, check_name, column_name, value, run_id)
		select {table}, f._key, 1, f._reason, {check}, {column}, f._value, {run}
		from {failing} as f
		where f._check = {number}`,
		"failing", e.failing, "check", text(r.Name), "column", text(r.Column), "number", fmt.Sprint(number),
		"table", "{table}", "run", "{run}")
}
