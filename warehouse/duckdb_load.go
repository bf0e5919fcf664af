package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"lifeline/change"
)

// landingWithout are ways to compress that cost a tenth of the landing and give nothing on columns that dictionaries and bit packing suit.
const landingWithout = "fsst,rle"

// duckLoad lands one snapshot. Rows stream into tables named <table>__next, which Commit compares with staging.
type duckLoad struct {
	run    *duckRun
	at     change.Snapshot
	tables []*duckTable

	mu      sync.Mutex
	writers map[*duckWriter]bool
	done    bool
	narrowed
	conditioned
	largest int  // The bytes of the largest batch so far.
	long    bool // Some rows were so long that each needs room in memory.
}

// duckTable is one table of a load. Its rows are in parts: a new one, with a wider column, begins where a decimal is met that the
// part before cannot hold, so that nothing that was written needs to be written again.
type duckTable struct {
	table *change.Table

	mu    sync.Mutex
	parts []duckPart
	rows  int64
}

// duckPart is a table of rows under one set of types. The columns of each part include the wide ones of the part before.
type duckPart struct {
	name string
	wide map[int]bool
}

// Load begins to land one snapshot of the given tables.
func (r *duckRun) Load(ctx context.Context, tables []*change.Table, at change.Snapshot) (Load, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.load != nil && !r.load.done {
		return nil, errors.New("load: another load of this run is not ended yet")
	}
	// Each writer does its own part of the engine's work; helpers would only take cores from the writers and the source.
	if err := r.allow(ctx, duckLimits{memory: landingMemory, threads: 1, without: landingWithout}); err != nil {
		return nil, err
	}
	if err := duckNames.check(tables); err != nil {
		return nil, err
	}
	l := &duckLoad{run: r, at: at, writers: map[*duckWriter]bool{}}
	r.load = l
	if err := l.begin(ctx, tables); err != nil {
		return nil, errors.Join(err, l.abort(ctx))
	}
	return l, nil
}

// begin makes the tables that rows stream into, in one transaction: each would wait for the disk by itself.
func (l *duckLoad) begin(ctx context.Context, tables []*change.Table) error {
	staged, err := l.run.columnsOf(ctx, l.run.db)
	if err != nil {
		return duckProblem("begin to land", err)
	}
	return l.run.inTx(ctx, func(tx *sql.Tx) error {
		for _, t := range tables {
			dt := &duckTable{table: t}
			l.tables = append(l.tables, dt)
			if _, err := l.addPart(ctx, tx, dt, alreadyWide(t, staged["staging."+t.Name])); err != nil {
				return duckProblem("begin to land "+t.Name, err)
			}
		}
		return nil
	})
}

// alreadyWide finds the columns that an earlier load had to widen, so that the type does not change to and fro.
func alreadyWide(t *change.Table, staged []duckColumn) map[int]bool {
	wide := map[int]bool{}
	for i, c := range t.Columns {
		before, there := findColumn(staged, c.Name)
		if canNarrow(c.Type) && there && before.sqlType == duckType(c.Type, true) {
			wide[i] = true
		}
	}
	return wide
}

// addPart makes the next part of a table; its mutex is held, or nobody else knows of it yet.
func (l *duckLoad) addPart(ctx context.Context, db executor, t *duckTable, wide map[int]bool) (duckPart, error) {
	p := duckPart{name: t.table.Name + "__next", wide: wide}
	if n := len(t.parts); n > 0 {
		p.name += fmt.Sprint(n)
	}
	var columns []string
	for i, c := range t.table.Columns {
		columns = append(columns, Quote(c.Name)+" "+duckType(c.Type, wide[i]))
	}
	columns = append(columns, "_raw VARCHAR", "_run BIGINT")
	_, err := db.ExecContext(ctx, "create table staging."+Quote(p.name)+" ("+strings.Join(columns, ", ")+")")
	if err != nil {
		return p, err
	}
	t.parts = append(t.parts, p)
	return p, nil
}

// executor runs a statement: a database or a transaction.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// widen gives the part that holds the given columns wide, made where there is none yet.
func (l *duckLoad) widen(ctx context.Context, t *duckTable, columns map[int]bool) (duckPart, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := t.parts[len(t.parts)-1]
	wide := maps.Clone(last.wide)
	maps.Copy(wide, columns)
	if len(wide) == len(last.wide) {
		return last, nil
	}
	p, err := l.addPart(ctx, l.run.db, t, wide)
	return p, duckProblem("widen "+t.table.Name, err)
}

// Writer opens a stream of batches into one table.
func (l *duckLoad) Writer(_ context.Context, t *change.Table) (change.Writer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return nil, errors.New("write: the load has ended")
	}
	i := slices.IndexFunc(l.tables, func(dt *duckTable) bool { return dt.table.Name == t.Name })
	if i < 0 {
		return nil, fmt.Errorf("write: table %s is not part of the load", t.Name)
	}
	dt := l.tables[i]
	dt.mu.Lock()
	part := dt.parts[len(dt.parts)-1]
	dt.mu.Unlock()
	w, err := newDuckWriter(l, dt, part)
	if err != nil {
		return nil, duckProblem("begin to write "+t.Name, err)
	}
	l.writers[w] = true
	return w, nil
}

// makeRoom lets the engine use more memory before a batch of long rows comes.
func (l *duckLoad) makeRoom(ctx context.Context, bytes int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done || l.long && bytes <= l.largest {
		return nil
	}
	l.long, l.largest = true, max(bytes, l.largest)
	return l.run.allow(ctx, duckLimits{
		memory:  max(landingLong, landingMemory+int64(len(l.writers))*(landingLongTexts+landingCopies*int64(l.largest))),
		threads: 1, without: landingWithout,
	})
}

// forget is called by a writer that has closed.
func (l *duckLoad) forget(w *duckWriter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.writers, w)
}

// Narrow says what the rows stand for.
func (l *duckLoad) Narrow(scopes []change.Scope, sums []change.Checksums) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.narrow(scopes)
	l.sums = sums
}

// Abort drops what was written.
func (l *duckLoad) Abort(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.abort(context.WithoutCancel(ctx))
}

func (l *duckLoad) abort(ctx context.Context) error {
	if l.done {
		return nil
	}
	l.done = true
	for w := range l.writers {
		w.free()
	}
	clear(l.writers)
	var failed []error
	for _, t := range l.tables {
		for _, p := range t.parts {
			_, err := l.run.db.ExecContext(ctx, "drop table if exists staging."+Quote(p.name))
			failed = append(failed, duckProblem("drop what was landed of "+t.table.Name, err))
		}
	}
	return errors.Join(append(failed, l.run.allow(ctx, duckLimits{}))...)
}
