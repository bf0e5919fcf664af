package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// duckBuild is a version under construction, in a file of its own that is attached to the landing file's engine as v. The
// published version is attached as prev, read-only, once somebody asks for it.
type duckBuild struct {
	run *duckRun
	id  int64

	mu    sync.Mutex
	has   map[string]bool   // Schemas made so far.
	prev  bool              // The published version is attached.
	kinds map[string]string // What the published version has: "table" or "view" by schema.name.
	first bool              // There is no published version.
	done  bool

	inherited      bool              // The file began as a copy of the published one.
	inheritedKinds map[string]string // What it has of that still, as kinds.
	made           map[string]bool   // Relations that this build has made or carried, as schema.name.
}

// storageVersion is the format of a published file: that of the oldest client which is to read it. The engine's default is older still and
// compresses less.
const storageVersion = "v1.2.0"

// Build begins a new version beside the published one.
func (r *duckRun) Build(ctx context.Context) (Build, error) {
	b := &duckBuild{run: r, has: map[string]bool{}, made: map[string]bool{}}
	err := r.db.QueryRowContext(ctx, `
select coalesce(max(version), 0) + 1
from ops.versions`).Scan(&b.id)
	if err != nil {
		return nil, duckProblem("begin a version", err)
	}
	if err := os.RemoveAll(r.paths.building(b.id)); err != nil {
		return nil, duckProblem("begin a version", err)
	}
	// Until it is sealed nobody would want the file back after a crash, so it keeps no log.
	if _, err := r.db.ExecContext(ctx,
		"attach "+Literal(r.paths.building(b.id))+" as v (recovery_mode no_wal_writes, storage_version '"+storageVersion+"')"); err != nil {
		return nil, duckProblem("begin a version", err)
	}
	r.mu.Lock()
	r.build = b
	r.mu.Unlock()
	if err := r.fitThreads(ctx, smallStaging); err != nil {
		return nil, errors.Join(err, b.Discard(ctx))
	}
	for _, schema := range []string{"core", "analytics", "build"} {
		if err := b.schema(ctx, schema); err != nil {
			return nil, errors.Join(err, b.Discard(ctx))
		}
	}
	return b, nil
}

// Version is the number that this version gets.
func (b *duckBuild) Version() int64 { return b.id }

// DB runs SQL over staging and the version.
func (b *duckBuild) DB() *sql.DB { return b.run.db }

// CheckDB is DB: a select cannot write on DuckDB.
func (b *duckBuild) CheckDB() *sql.DB { return b.run.db }

// Built has nothing to give back on DuckDB.
func (b *duckBuild) Built(context.Context) error { return nil }

// Parallel is one: the engine spreads each model over all cores by itself.
func (b *duckBuild) Parallel() int { return 1 }

// Relation names a table or view of this version for SQL.
func (b *duckBuild) Relation(schema, name string) string { return b.relation("v", schema, name) }

func (b *duckBuild) relation(catalog, schema, name string) string {
	return catalog + "." + Relation(schema, name)
}

func (b *duckBuild) schema(ctx context.Context, schema string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.has[schema] {
		return nil
	}
	if _, err := b.run.db.ExecContext(ctx, "create schema if not exists v."+Name(schema)); err != nil {
		return duckProblem("make schema "+schema, err)
	}
	b.has[schema] = true
	return nil
}

// Previous names the same relation in the published version, if it is there.
func (b *duckBuild) Previous(ctx context.Context, schema, name string) (string, bool, error) {
	kind, err := b.previous(ctx, schema, name)
	return b.relation("prev", schema, name), kind != "", err
}

// previous tells what a relation is in the published version: "table", "view" or, where it is not there, "".
func (b *duckBuild) previous(ctx context.Context, schema, name string) (string, error) {
	if err := b.attachPrevious(ctx); err != nil || b.first {
		return "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.kinds[schema+"."+name], nil
}

// attachPrevious attaches the published version's own file, which nobody replaces.
func (b *duckBuild) attachPrevious(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.prev || b.first {
		return nil
	}
	var id int64
	err := b.run.db.QueryRowContext(ctx, `
select version
from ops.versions
where state = 'published'`).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		b.first = true
		return nil
	}
	if err == nil {
		_, err = b.run.db.ExecContext(ctx, "attach "+Literal(b.run.paths.version(id))+" as prev (read_only)")
	}
	if err != nil {
		return duckProblem("open the published version", err)
	}
	b.prev = true
	b.kinds, err = b.run.relationKinds(ctx, "prev")
	return duckProblem("look into the published version", err)
}

// relationKinds are "table" or "view" by schema.name, for what an attached file has.
func (r *duckRun) relationKinds(ctx context.Context, catalog string) (map[string]string, error) {
	rows, err := r.db.QueryContext(ctx, `
select schema_name || '.' || table_name, 'table'
from duckdb_tables()
where database_name = $1
union all
select schema_name || '.' || view_name, 'view'
from duckdb_views()
where database_name = $1 and not internal`, catalog)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	kinds := map[string]string{}
	for rows.Next() {
		var name, kind string
		if err := rows.Scan(&name, &kind); err != nil {
			return nil, err
		}
		kinds[name] = kind
	}
	return kinds, rows.Err()
}

// Create materializes one model and returns its rows.
func (b *duckBuild) Create(ctx context.Context, m Model) (int64, error) {
	if err := b.schema(ctx, m.Schema); err != nil {
		return 0, err
	}
	var previous string
	if m.Carry {
		var err error
		if previous, err = b.previous(ctx, m.Schema, m.Name); err != nil {
			return 0, err
		}
	}
	target := b.Relation(m.Schema, m.Name)
	rows := int64(-1) // Not known yet.
	var make func() error
	stays := previous == "table" && (m.SQL == "" || m.Replaces != "")
	if err := b.begin(ctx, m.Schema, m.Name, stays); err != nil {
		return 0, err
	}
	switch {
	case stays:
		make = b.staying(ctx, m)
	case m.SQL == "" && previous == "view":
		return 0, b.carryView(ctx, m)
	case m.SQL == "":
		return 0, fmt.Errorf("carry %s.%s over: the published version has none", m.Schema, m.Name)
	case m.View:
		return 0, b.createView(ctx, m)
	case previous != "":
		make = func() error { return b.merge(ctx, m) }
	default:
		make = func() (err error) {
			rows, err = b.one(ctx, "create table "+target+" as "+selected(m.SQL))
			return err
		}
	}
	// Each thread holds rows of its own, so what is too much for all of them may fit one.
	if err := b.run.withMemory(ctx, []duckLimits{{}, {threads: 1}}, make); err != nil {
		return 0, duckProblem(fmt.Sprintf("build %s.%s", m.Schema, m.Name), err)
	}
	if stays && m.SQL == "" && m.Rows > 0 {
		rows = m.Rows
	}
	if rows >= 0 {
		return rows, nil
	}
	err := b.run.db.QueryRowContext(ctx, "select count(*) from "+target).Scan(&rows)
	return rows, duckProblem(fmt.Sprintf("count %s.%s", m.Schema, m.Name), err)
}

func (b *duckBuild) statement(ctx context.Context, text string) func() error {
	return func() error {
		_, err := b.one(ctx, text)
		return err
	}
}

// merge builds an incremental model: its rows, and those of the published version whose key they do not have. A column that the
// model has gained is null in rows carried over, one that it has lost is gone.
func (b *duckBuild) merge(ctx context.Context, m Model) error {
	fresh := b.Relation("build", m.Schema+"__"+m.Name+"__fresh")
	if err := b.schema(ctx, "build"); err != nil {
		return err
	}
	if _, err := b.one(ctx, "create or replace table "+fresh+" as "+selected(m.SQL)); err != nil {
		return err
	}
	now, err := b.run.columns(ctx, b.run.db, "v", "build", m.Schema+"__"+m.Name+"__fresh")
	if err != nil {
		return err
	}
	before, err := b.run.columns(ctx, b.run.db, "prev", m.Schema, m.Name)
	if err != nil {
		return err
	}
	selected := make([]string, len(now))
	for i, c := range now {
		selected[i] = "null"
		if _, there := findColumn(before, c.name); there {
			selected[i] = fmt.Sprintf("cast(p.%s as %s)", Quote(c.name), c.sqlType)
		}
	}
	where := ""
	if len(m.UniqueKey) > 0 {
		same := make([]string, len(m.UniqueKey))
		for i, k := range m.UniqueKey {
			same[i] = fmt.Sprintf("f.%s is not distinct from p.%s", Quote(k), Quote(k))
		}
		where = "\nwhere not exists (select 1 from " + fresh + " as f where " + strings.Join(same, " and ") + ")"
	}
	_, err = b.run.db.ExecContext(ctx, fmt.Sprintf(`
create table %s as
select * from %s
union all
select %s
from %s as p%s`, b.Relation(m.Schema, m.Name), fresh, strings.Join(selected, ", "), b.relation("prev", m.Schema, m.Name), where))
	if err != nil {
		return err
	}
	_, err = b.run.db.ExecContext(ctx, "drop table "+fresh)
	return err
}

// Seed creates a table from typed text rows.
func (b *duckBuild) Seed(ctx context.Context, schema, name string, columns []SeedColumn, rows [][]*string) error {
	if err := b.schema(ctx, schema); err != nil {
		return err
	}
	if err := b.begin(ctx, schema, name, false); err != nil {
		return err
	}
	return duckProblem(fmt.Sprintf("seed %s.%s", schema, name), FillTable(ctx, b.run.db, b.Relation(schema, name), columns, rows))
}

// Index is nothing here: the engine keeps minima and maxima of every block, and a published file's readers scan.
func (b *duckBuild) Index(context.Context, Model) error { return nil }

// Discard drops the version.
func (b *duckBuild) Discard(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done {
		return nil
	}
	b.done = true
	// What is dropped need not be written out first.
	err := b.detach(context.WithoutCancel(ctx))
	for _, path := range []string{b.run.paths.building(b.id), b.run.paths.building(b.id) + ".wal"} {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return duckProblem(fmt.Sprintf("discard version %d", b.id), err)
}

// detach lets go of the version's file and the published one's.
func (b *duckBuild) detach(ctx context.Context) error {
	_, err := b.run.db.ExecContext(ctx, "detach v")
	if b.prev {
		_, detached := b.run.db.ExecContext(ctx, "detach prev")
		b.prev = false
		err = errors.Join(err, detached)
	}
	return err
}
