package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // The driver of PostgreSQL.

	"lifeline/lifecycle"
	"lifeline/lifecycle/lifecycletest"
	"lifeline/model"
	"lifeline/project"
	"lifeline/run"
	"lifeline/sample"
	"lifeline/source"
	"lifeline/warehouse"
)

// lifeScales are the sizes over which the growth of the generated tables is measured: each twice the one before.
func (b *bench) lifeScales() []float64 {
	return []float64{b.scale / 4, b.scale / 2, b.scale, b.scale * 2}
}

const (
	generated   = "tables of lifecycles on DuckDB"
	handwritten = "the same tables by hand on DuckDB"
	onPostgres  = "tables of lifecycles on PostgreSQL"
)

// lives measures the tables that lifecycles make: against the SQL by hand that they replace, as the data doubles, and against
// PostgreSQL where the bench has built a warehouse there.
func (b *bench) lives(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, scale := range b.lifeScales() {
		file, err := b.coreAt(ctx, scale)
		if err != nil {
			return err
		}
		if err := b.timedAt(ctx, scale, b.runs, generated, nil, self, "child", "lives", "generated", file); err != nil {
			return err
		}
		if scale == b.scale {
			if err := b.timedAt(ctx, scale, b.runs, handwritten, nil, self, "child", "lives", "handwritten", file); err != nil {
				return err
			}
		}
		if err := os.RemoveAll(filepath.Dir(file)); err != nil {
			return err
		}
	}
	if b.median("build on PostgreSQL", b.scale) == 0 {
		b.note("lifecycles on PostgreSQL: not measured without the part postgres before it")
		return nil
	}
	return b.timedAt(ctx, b.scale, 1, onPostgres, nil, self, "child", "lives", "generated", b.postgres)
}

// coreAt builds a DuckDB warehouse of a sample of some size, from CSV files, and gives its published file.
func (b *bench) coreAt(ctx context.Context, scale float64) (string, error) {
	dir := filepath.Join(b.dir, fmt.Sprintf("lives-%g", scale))
	fmt.Fprintf(os.Stderr, "a warehouse at scale %g\n", scale)
	if _, err := sample.Write(ctx, sample.Options{Project: "carepay", Scale: scale, Seed: 1, Dirt: "real"},
		filepath.Join(dir, "csv")); err != nil {
		return "", err
	}
	p, err := lifecycle.Load(projectDir, project.Options{})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "lives.duckdb")
	wh, err := warehouse.Open(ctx, warehouse.Options{DSN: "duckdb:" + file, MemoryLimit: p.Config.Warehouse.MemoryLimit})
	if err != nil {
		return "", err
	}
	defer wh.Close()
	_, err = run.Do(ctx, run.Options{
		Project: p, Warehouse: wh, Command: "bench", Full: true,
		Source: func(ctx context.Context) (source.Source, error) {
			return source.Open(ctx, source.Options{DSN: "csv:" + filepath.Join(dir, "csv"), TimeZone: "UTC", Tables: run.Contracts(p)})
		},
	})
	return file, err
}

// livesChild makes the tables anew over a published core and says how long that took; those by hand replace nine of them.
func livesChild(ctx context.Context, which, to string) error {
	load := func() (*project.Project, error) { return lifecycle.Load(projectDir, project.Options{}) }
	if which == "handwritten" {
		load = func() (*project.Project, error) { return lifecycletest.Handwritten(projectDir) }
	}
	p, err := load()
	if err != nil {
		return err
	}
	engine, db, err := openCore(ctx, p, to)
	if err != nil {
		return err
	}
	defer db.Close()
	g, err := model.NewGraph(p, model.Options{Target: model.Target{Type: engine}, Vars: map[string]any{"as_of": "2019-11-25 21:00:00"}})
	if err != nil {
		return err
	}
	relation := func(n *model.Node) string {
		switch {
		case n.Schema == "core" && engine == "duckdb":
			return "v.core." + n.Alias
		case n.Schema == "core" || n.Kind == model.KindSource:
			return n.Schema + "." + n.Alias
		}
		return "bench_lives." + n.Alias
	}
	var statements, named []string
	for _, n := range g.Nodes {
		replaces := slices.Contains(lifecycletest.Tables, n.Name)
		further := n.Kind == model.KindModel && n.Model.Generated && which == "generated"
		if !replaces && !further || n.Materialized == model.Ephemeral {
			continue
		}
		text, err := g.Compile(n, model.Env{Relation: relation, This: relation(n)})
		if err != nil {
			return err
		}
		statements, named = append(statements, "create "+n.Materialized+" "+relation(n)+" as\n"+text), append(named, n.Name)
	}
	var replaced, further time.Duration
	for i, q := range statements {
		began := time.Now()
		if _, err := db.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%s: %w", tail(q), err)
		}
		if slices.Contains(lifecycletest.Tables, named[i]) {
			replaced += time.Since(began)
		} else {
			further += time.Since(began)
		}
		fmt.Fprintf(os.Stderr, "%s %.2f\n", named[i], time.Since(began).Seconds())
	}
	if engine == "postgres" {
		if _, err := db.ExecContext(ctx, "drop schema bench_lives cascade"); err != nil {
			return err
		}
	}
	fmt.Printf("those that were written by hand %.2f s\nfurther ones %.2f s\nmeasured %.3f\n", replaced.Seconds(), further.Seconds(),
		(replaced + further).Seconds())
	return nil
}

// openCore opens an engine in which core is there to be read and bench_lives to be written; sources are empty, as without history.
func openCore(ctx context.Context, p *project.Project, to string) (string, *sql.DB, error) {
	if _, err := os.Stat(to); err != nil {
		db, err := sql.Open("pgx", to)
		if err != nil {
			return "", nil, err
		}
		_, err = db.ExecContext(ctx, "create schema bench_lives")
		return "postgres", db, err
	}
	db, err := sql.Open("duckdb", filepath.Join(filepath.Dir(to), "made.duckdb"))
	if err != nil {
		return "", nil, err
	}
	db.SetMaxOpenConns(1)
	set := []string{
		"attach '" + to + "' as v (read_only)", "attach '" + to + ".lifeline/landing.duckdb' as landing (read_only)",
		"drop schema if exists bench_lives cascade", "create schema bench_lives", "create schema if not exists staging",
		"set integer_division = true", "set default_null_order = 'postgres'", "set preserve_insertion_order = false", "set memory_limit = '" +
			p.Config.Warehouse.MemoryLimit + "'",
	}
	for _, t := range p.Sources {
		set = append(set, "create or replace view staging."+t.Name+" as select * from landing.staging."+t.Name)
	}
	for _, q := range set {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return "", nil, fmt.Errorf("%s: %w", q, err)
		}
	}
	return "duckdb", db, nil
}
