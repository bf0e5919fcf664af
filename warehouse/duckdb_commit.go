package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"lifeline/change"
)

// Commit brings staging to exactly the rows written. Staging, history and the position change in one transaction (promise 5).
func (l *duckLoad) Commit(ctx context.Context, totals []LandedTotals) ([]Landed, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return nil, errors.New("commit: the load has ended")
	}
	if len(l.writers) > 0 {
		return nil, fmt.Errorf("commit: %d writers are not closed", len(l.writers))
	}
	// The writers are done, so the comparison may have all cores; its memory stays bounded, unless rows are too long for that.
	// What does not fit gets all that the run may use, and then that for one thread alone.
	limits := []duckLimits{{memory: comparingMemory(len(l.tables))}, {}, {threads: 1}}
	if l.long {
		limits = limits[1:]
	}
	var landed []Landed
	err := l.run.withMemory(ctx, limits, func() (err error) {
		landed, err = l.commit(ctx, totals)
		return err
	})
	if err != nil {
		return nil, duckProblem("commit the load", err)
	}
	l.done = true
	return landed, nil
}

// commit may be tried again: what it does before its transaction, putting parts together, is done or left.
func (l *duckLoad) commit(ctx context.Context, totals []LandedTotals) ([]Landed, error) {
	for _, t := range l.tables {
		if err := l.join(ctx, t); err != nil {
			return nil, duckProblem("put the parts of "+t.table.Name+" together", err)
		}
	}
	duckStep("load written")
	landed := make([]Landed, len(l.tables))
	err := l.run.inTx(ctx, func(tx *sql.Tx) error {
		columns, err := l.run.columnsOf(ctx, tx)
		if err != nil {
			return err
		}
		for i, t := range l.tables {
			if landed[i], err = l.apply(ctx, tx, t, columns); err != nil {
				return duckProblem("bring staging."+t.table.Name+" to the new rows", err)
			}
		}
		names := make([]string, len(l.tables))
		for i, t := range l.tables {
			names[i] = t.table.Name
		}
		exec := func(ctx context.Context, query string, args ...any) error {
			_, err := tx.ExecContext(ctx, query, args...)
			return err
		}
		if err := l.keep(ctx, exec, l.run.id, l.at.TakenAt, names, landed); err != nil {
			return err
		}
		if err := keepTotals(ctx, exec, l.run.id, names, totals); err != nil {
			return err
		}
		if err := keepPosition(ctx, exec, l.run.id, "", change.LogBatch{Position: l.at.Position, At: l.at.TakenAt},
			anyChanged(landed)); err != nil {
			return err
		}
		duckStep("position kept") // And nothing committed yet.
		return l.keepChecksums(ctx, exec, l.run.id, l.at.Position, names)
	})
	if err != nil {
		return nil, err
	}
	duckStep("load committed")
	return landed, nil
}

// join puts all parts of a table into the last, whose types hold the values of all.
func (l *duckLoad) join(ctx context.Context, t *duckTable) error {
	last := t.parts[len(t.parts)-1]
	for len(t.parts) > 1 {
		first := t.parts[0]
		err := l.run.inTx(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "insert into staging."+Quote(last.name)+" from staging."+Quote(first.name))
			if err == nil {
				_, err = tx.ExecContext(ctx, "drop table staging."+Quote(first.name))
			}
			return err
		})
		if err != nil {
			return err
		}
		t.parts = t.parts[1:]
	}
	return nil
}

// apply brings one table's staging to the new rows.
func (l *duckLoad) apply(ctx context.Context, tx *sql.Tx, t *duckTable, columns map[string][]duckColumn) (Landed, error) {
	d := &duckDiff{
		tx: tx, run: l.run, at: l.at, name: t.table.Name, key: t.table.Key,
		old: "staging." + Quote(t.table.Name), next: "staging." + Quote(t.parts[0].name),
	}
	landed := Landed{Table: t.table.Name, Read: t.rows}
	d.before, d.after, d.kept = columns["staging."+t.table.Name], columns["staging."+t.parts[0].name], columns["history."+t.table.Name]
	d.since = columns["since."+t.table.Name]
	// What the engine holds must be what was written, whatever happened in between (promise 1).
	if err := tx.QueryRowContext(ctx, "select count(*) from "+d.next).Scan(&landed.Rows); err != nil {
		return landed, err
	}
	if landed.Rows != t.rows {
		return landed, fmt.Errorf("%d rows were written and %d are there", t.rows, landed.Rows)
	}
	if scope := l.of(t.table.Name); scope != nil {
		return landed, d.applyScope(ctx, t, scope, &landed)
	}
	if err := d.widenHistory(ctx); err != nil {
		return landed, err
	}
	if len(d.before) == 0 {
		landed.Inserted = landed.Rows
		return landed, d.exec(ctx, "alter table "+d.next+" rename to "+Quote(d.name))
	}
	return landed, d.apply(ctx, &landed)
}
