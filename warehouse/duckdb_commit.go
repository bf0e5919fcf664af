package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Commit brings staging to exactly the rows written. Staging, history and the position change in one transaction (promise 5).
func (l *duckLoad) Commit(ctx context.Context) ([]Landed, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return nil, errors.New("commit: the load has ended")
	}
	if len(l.writers) > 0 {
		return nil, fmt.Errorf("commit: %d writers are not closed", len(l.writers))
	}
	// The writers are done, so the comparison may have all cores; its memory stays bounded.
	if err := l.run.allow(ctx, duckLimits{memory: comparingMemory(len(l.tables)), threads: l.run.Threads}); err != nil {
		return nil, err
	}
	for _, t := range l.tables {
		if err := l.join(ctx, t); err != nil {
			return nil, duckProblem("put the parts of "+t.table.Name+" together", err)
		}
	}
	duckStep("load written")
	landed := make([]Landed, len(l.tables))
	err := l.run.inTx(ctx, func(tx *sql.Tx) error {
		for i, t := range l.tables {
			var err error
			if landed[i], err = l.apply(ctx, tx, t); err != nil {
				return duckProblem("bring staging."+t.table.Name+" to the new rows", err)
			}
		}
		_, err := tx.ExecContext(ctx, `
insert into ops.positions (source, position, taken_at, run_id, changed)
values ('', $1, cast($2 as timestamp), $3, $4)`, string(l.at.Position), stampOf(l.at.TakenAt), l.run.id, anyChanged(landed))
		return err
	})
	if err != nil {
		return nil, duckProblem("commit the load", err)
	}
	duckStep("load committed")
	l.done = true
	return landed, l.run.allow(ctx, l.run.usual())
}

// join puts all parts of a table into the last, whose types hold the values of all.
func (l *duckLoad) join(ctx context.Context, t *duckTable) error {
	last := t.parts[len(t.parts)-1]
	for len(t.parts) > 1 {
		first := t.parts[0]
		for _, s := range []string{
			"insert into staging." + quote(last.name) + " from staging." + quote(first.name),
			"drop table staging." + quote(first.name),
		} {
			if _, err := l.run.db.ExecContext(ctx, s); err != nil {
				return err
			}
		}
		t.parts = t.parts[1:]
	}
	return nil
}

// apply brings one table's staging to the new rows.
func (l *duckLoad) apply(ctx context.Context, tx *sql.Tx, t *duckTable) (Landed, error) {
	d := &duckDiff{
		tx: tx, run: l.run, at: l.at, name: t.table.Name, key: t.table.Key,
		old: "staging." + quote(t.table.Name), next: "staging." + quote(t.parts[0].name),
	}
	landed := Landed{Table: t.table.Name, Read: t.rows}
	var err error
	if d.before, err = l.run.columns(ctx, tx, "landing", "staging", t.table.Name); err != nil {
		return landed, err
	}
	if d.after, err = l.run.columns(ctx, tx, "landing", "staging", t.parts[0].name); err != nil {
		return landed, err
	}
	// What the engine holds must be what was written, whatever happened in between (promise 1).
	if err := tx.QueryRowContext(ctx, "select count(*) from "+d.next).Scan(&landed.Rows); err != nil {
		return landed, err
	}
	if landed.Rows != t.rows {
		return landed, fmt.Errorf("%d rows were written and %d are there", t.rows, landed.Rows)
	}
	if err := d.widenHistory(ctx); err != nil {
		return landed, err
	}
	if len(d.before) == 0 {
		landed.Inserted = landed.Rows
		return landed, d.exec(ctx, "alter table "+d.next+" rename to "+quote(d.name))
	}
	return landed, d.apply(ctx, &landed)
}
