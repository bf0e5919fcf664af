package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"lifeline/change"
)

// duckChanges lands images of rows. They stream into <table>__next, as a snapshot's rows do.
type duckChanges struct {
	load   *duckLoad
	logged map[string]*change.LoggedTable
}

// Changes begins to land what the log tells of the given tables.
func (r *duckRun) Changes(ctx context.Context, tables []*change.LoggedTable) (Changes, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.load != nil && !r.load.done {
		return nil, errors.New("land changes: another load of this run is not ended yet")
	}
	if err := r.allow(ctx, duckLimits{memory: landingMemory, threads: 1, without: landingWithout}); err != nil {
		return nil, err
	}
	c := &duckChanges{load: &duckLoad{run: r, writers: map[*duckWriter]bool{}}, logged: map[string]*change.LoggedTable{}}
	for _, t := range tables {
		c.logged[t.Name] = t
	}
	r.load = c.load
	return c, nil
}

// Writer opens a stream of images, and makes the table that they go to where there is none yet.
func (c *duckChanges) Writer(ctx context.Context, t *change.Table) (change.Writer, error) {
	l := c.load
	images := change.Images(t)
	l.mu.Lock()
	there := slices.ContainsFunc(l.tables, func(d *duckTable) bool { return d.table.Name == t.Name })
	l.mu.Unlock()
	if !there {
		if c.logged[t.Name] == nil {
			return nil, fmt.Errorf("write: table %s is not one of those whose changes land", t.Name)
		}
		if err := l.begin(ctx, []*change.Table{images}); err != nil {
			return nil, err
		}
	}
	return l.Writer(ctx, images)
}

// Abort drops what was written.
func (c *duckChanges) Abort(ctx context.Context) error { return c.load.Abort(ctx) }

// Commit brings staging to where the log stands.
func (c *duckChanges) Commit(ctx context.Context, b change.LogBatch) ([]Landed, error) {
	l := c.load
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.done:
		return nil, errors.New("commit: the load has ended")
	case len(l.writers) > 0:
		return nil, fmt.Errorf("commit: %d writers are not closed", len(l.writers))
	}
	limits := []duckLimits{{memory: comparingMemory(max(len(l.tables), 1))}, {}, {threads: 1}}
	if l.long {
		limits = limits[1:]
	}
	var landed []Landed
	err := l.run.withMemory(ctx, limits, func() (err error) {
		landed, err = c.commit(ctx, b)
		return err
	})
	if err != nil {
		return nil, duckProblem("land the source's changes", err)
	}
	l.done = true
	return landed, nil
}

func (c *duckChanges) commit(ctx context.Context, b change.LogBatch) ([]Landed, error) {
	l := c.load
	for _, t := range l.tables {
		if err := l.join(ctx, t); err != nil {
			return nil, duckProblem("put the parts of "+t.table.Name+" together", err)
		}
	}
	if err := c.widen(ctx); err != nil {
		return nil, err
	}
	duckStep("changes written")
	var landed []Landed
	err := l.run.inTx(ctx, func(tx *sql.Tx) error {
		landed = nil
		columns, err := l.run.columnsOf(ctx, tx)
		if err != nil {
			return err
		}
		for _, t := range b.Truncated {
			a := c.applying(tx, t.Table, columns)
			one, err := a.truncate(ctx, t)
			if err != nil {
				return fmt.Errorf("empty staging.%s: %w", t.Table, err)
			}
			landed = append(landed, one)
		}
		for _, t := range l.tables {
			a := c.applying(tx, t.table.Name, columns)
			one, err := a.apply(ctx, t, b)
			if err != nil {
				return fmt.Errorf("bring staging.%s to the log: %w", t.table.Name, err)
			}
			landed = append(landed, one)
		}
		return c.keepAll(ctx, tx, b, landed)
	})
	if err != nil {
		return nil, err
	}
	duckStep("changes committed")
	return landed, nil
}

// keepAll stores the position and what belongs to it, in the transaction of its rows.
func (c *duckChanges) keepAll(ctx context.Context, tx *sql.Tx, b change.LogBatch, landed []Landed) error {
	exec := execIn(tx)
	for _, t := range b.Truncated {
		if err := forgetTotals(ctx, exec, t.Table); err != nil {
			return err
		}
	}
	if err := c.load.keep(ctx, exec, c.load.run.id, b.At, loggedNames(c.logged), landed); err != nil {
		return err
	}
	for _, l := range landed {
		if len(c.logged[l.Table].Unique) == 0 {
			if err := keepByLanding(ctx, exec, l.Table); err != nil {
				return err
			}
		}
	}
	return keepPosition(ctx, exec, c.load.run.id, "", b, anyChanged(landed))
}

func execIn(tx *sql.Tx) execer {
	return func(ctx context.Context, query string, args ...any) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}
}

// askIn asks a transaction for rows of texts.
func askIn(tx *sql.Tx) texter {
	return func(ctx context.Context, query string, columns int) (out [][]string, err error) {
		rows, err := tx.QueryContext(ctx, query)
		if err != nil {
			return nil, err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			texts, into := make([]string, columns), make([]any, columns)
			for i := range texts {
				into[i] = &texts[i]
			}
			if err := rows.Scan(into...); err != nil {
				return nil, err
			}
			out = append(out, texts)
		}
		return out, rows.Err()
	}
}

// With sets what is kept beside the rows.
func (c *duckChanges) With(conditions Conditions) { c.load.With(conditions) }

// widen makes staging, history and since hold the values that have come, in a transaction of its own: DuckDB does not commit one that
// alters a table and changes its rows. The rows that are there stay as they are.
func (c *duckChanges) widen(ctx context.Context) error {
	return c.load.run.inTx(ctx, func(tx *sql.Tx) error {
		columns, err := c.load.run.columnsOf(ctx, tx)
		if err != nil {
			return err
		}
		for _, t := range c.load.tables {
			a := c.applying(tx, t.table.Name, columns)
			if err := a.widen(ctx, t.parts[0].name); err != nil {
				return fmt.Errorf("widen staging.%s: %w", t.table.Name, err)
			}
			if err := a.widenSince(ctx, columns["since."+t.table.Name]); err != nil {
				return fmt.Errorf("widen since.%s: %w", t.table.Name, err)
			}
		}
		return nil
	})
}

// widenSince makes the keys of since hold those of staging.
func (a *duckApplying) widenSince(ctx context.Context, have []duckColumn) error {
	for _, k := range a.unique {
		was, there := findColumn(have, k)
		is, _ := findColumn(a.diff.after, k)
		if !there || commonType(was.sqlType, is.sqlType) == was.sqlType {
			continue
		}
		if err := a.exec(ctx, "alter table {since} alter column "+Quote(k)+" type "+is.sqlType); err != nil {
			return err
		}
	}
	return nil
}

// duckApplying applies the images of one table.
type duckApplying struct {
	*imageNames

	tx     *sql.Tx
	logged *change.LoggedTable
	diff   *duckDiff // For what it knows of shapes.
}

func (c *duckChanges) applying(tx *sql.Tx, table string, columns map[string][]duckColumn) *duckApplying {
	a := &duckApplying{imageNames: &imageNames{table: table, run: c.load.run.id}, tx: tx, logged: c.logged[table]}
	for _, column := range a.logged.Columns {
		a.columns = append(a.columns, column.Name)
	}
	a.columns = append(a.columns, "_raw")
	a.unique = a.logged.Unique
	a.diff = &duckDiff{
		tx: tx, run: c.load.run, name: table,
		before: columns["staging."+table], after: columns["staging."+table], kept: columns["history."+table],
	}
	return a
}

func (a *duckApplying) exec(ctx context.Context, text string, args ...any) error {
	return a.diff.exec(ctx, a.bind(text), args...)
}

// apply brings the table's staging and history to the end of the images.
func (a *duckApplying) apply(ctx context.Context, t *duckTable, b change.LogBatch) (Landed, error) {
	part := t.parts[0].name
	a.next = "staging." + Quote(part)
	landed := Landed{Table: a.table, Read: t.rows}
	var there int64
	if err := a.diff.count(ctx, a.next, &there); err != nil {
		return landed, err
	}
	if there != t.rows {
		return landed, fmt.Errorf("%d images were written and %d are there", t.rows, there)
	}
	if err := a.widen(ctx, part); err != nil {
		return landed, err
	}
	if err := a.settle(ctx, b); err != nil {
		return landed, err
	}
	var err error
	if len(a.unique) > 0 {
		err = a.byKey(ctx, b, &landed)
	} else {
		err = a.byRow(ctx, b, &landed)
	}
	if err != nil {
		return landed, err
	}
	if err := a.addTotals(ctx, execIn(a.tx), askIn(a.tx)); err != nil {
		return landed, fmt.Errorf("add up the images: %w", err)
	}
	if err := a.exec(ctx, "drop table {next}"); err != nil {
		return landed, err
	}
	return landed, a.diff.count(ctx, quoted("staging", a.table), &landed.Rows)
}

// widen makes staging and history hold the images' values: a decimal may have more digits than any before it.
func (a *duckApplying) widen(ctx context.Context, part string) error {
	if len(a.diff.before) == 0 {
		return fmt.Errorf("there is no staging.%s yet", a.table)
	}
	images, err := a.diff.run.columns(ctx, a.tx, "landing", "staging", part)
	if err != nil {
		return err
	}
	for i, c := range a.diff.after {
		image, there := findColumn(images, c.name)
		if !there {
			if c.name == "_run" {
				continue
			}
			return fmt.Errorf("column %s is in staging and not in the log's images", c.name)
		}
		if common := commonType(c.sqlType, image.sqlType); common != c.sqlType {
			if err := a.exec(ctx, "alter table {staging} alter column "+Quote(c.name)+" type "+common); err != nil {
				return err
			}
			a.diff.after = slices.Clone(a.diff.after)
			a.diff.after[i].sqlType = common
		}
	}
	return a.diff.widenHistory(ctx)
}

// settle gives late commit times, and takes out what was not committed.
func (a *duckApplying) settle(ctx context.Context, b change.LogBatch) error {
	for tx, at := range b.Times {
		if err := a.exec(ctx, "update {next} set {at} = cast($1 as timestamp) where {tx} = $2", stampOf(at), tx); err != nil {
			return err
		}
	}
	if len(b.Dropped) == 0 {
		return nil
	}
	return a.exec(ctx, "delete from {next} where {tx} in ("+numberList(b.Dropped)+")")
}

// truncate ends every row of a table.
func (a *duckApplying) truncate(ctx context.Context, t change.Truncation) (Landed, error) {
	landed := Landed{Table: a.table}
	if err := a.diff.count(ctx, quoted("staging", a.table), &landed.Deleted); err != nil {
		return landed, err
	}
	if err := a.diff.widenHistory(ctx); err != nil {
		return landed, err
	}
	if err := a.makeSince(ctx); err != nil {
		return landed, err
	}
	from := "left join (select null as _since, null as _op, null as _run) as s on false"
	if len(a.unique) > 0 {
		from = "left join {since} as s on {s=o} and s._run = o._run"
	}
	if err := a.exec(ctx, `
insert into {history} ({names}, _run, _op, _valid_from, _valid_to, _basis, _position, _ended_run, _from_basis)
select {o.names}, o._run, 'delete', least(cast($1 as timestamp), coalesce(cast(s._since as timestamp), p.taken_at, u.started_at)),
	cast($1 as timestamp), 'binlog', $2, {run}, {brought}
from {staging} as o
`+from+`
left join (
	select run_id, max(taken_at) as taken_at
	from ops.positions
	group by run_id
) as p on p.run_id = o._run
left join ops.runs as u on u.run_id = o._run`, stampOf(t.At), t.Position); err != nil {
		return landed, err
	}
	return landed, a.exec(ctx, "delete from {staging}")
}

// makeSince makes the table that says since when rows are as they are, and gives it the key that the source has now.
func (a *duckApplying) makeSince(ctx context.Context) error {
	if len(a.unique) == 0 {
		return nil
	}
	want, err := a.diff.run.columns(ctx, a.tx, "landing", "staging", a.table)
	if err != nil {
		return err
	}
	have, err := a.diff.run.columns(ctx, a.tx, "landing", "since", a.table)
	if err != nil {
		return err
	}
	types := func(columns []duckColumn) map[string]string {
		out := map[string]string{}
		for _, c := range columns {
			out[c.name] = c.sqlType
		}
		return out
	}
	change := sinceChange(types(have), types(want), a.unique)
	if change == nil {
		return nil
	}
	return a.all(ctx, change...)
}
