package main

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // The same SQL on DuckDB alone.

	"lifeline/lifecycle"
	"lifeline/model"
	"lifeline/project"
	"lifeline/run"
	"lifeline/source"
	"lifeline/warehouse"
)

const projectDir = "examples/carepay"

// landing measures our own landing of the four tables into each engine, every time into an empty warehouse.
func (b *bench) landing(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := b.timed(ctx, "land into PostgreSQL", b.emptyWarehouse, self, "child", "land", b.mysql, b.postgres); err != nil {
		return err
	}
	duck := filepath.Join(b.dir, "bench.duckdb")
	return b.timed(ctx, "land into DuckDB", func(context.Context) error { return b.emptyDuck(duck) }, self, "child", "land", b.mysql,
		"duckdb:"+duck)
}

func (b *bench) emptyDuck(path string) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return os.RemoveAll(path + ".lifeline")
}

// emptyWarehouse drops every schema that a run makes.
func (b *bench) emptyWarehouse(ctx context.Context) error {
	db, err := sql.Open("pgx", b.postgres)
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, `
select nspname
from pg_namespace
where nspname !~ '^pg_' and nspname not in ('information_schema', 'public')`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			return err
		}
		names = append(names, n)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, n := range names {
		if _, err := db.ExecContext(ctx, fmt.Sprintf("drop schema %q cascade", n)); err != nil {
			return err
		}
	}
	_, err = db.ExecContext(ctx, "checkpoint")
	return err
}

// child is one measured thing in a process of its own; its last line says what was measured.
func child(ctx context.Context, args []string) error {
	switch args[0] {
	case "land":
		return landChild(ctx, args[1], args[2])
	case "build":
		return buildChild(ctx, args[1], args[2])
	case "alone":
		return aloneChild(ctx, args[1])
	case "lives":
		return livesChild(ctx, args[1], args[2])
	case "run":
		return runChild(ctx, args[1], args[2], args[3])
	case "walk":
		return walkChild(ctx, args[1], args[2], args[3])
	case "log":
		return logChild(ctx, args[1], args[2], args[3])
	case "insert":
		return insertChild(ctx, args[1], args[2])
	}
	return fmt.Errorf("unknown child %q", args[0])
}

func open(ctx context.Context, from, to string) (source.Source, warehouse.Warehouse, *project.Project, error) {
	p, err := lifecycle.Load(projectDir, project.Options{})
	if err != nil {
		return nil, nil, nil, err
	}
	wh, err := warehouse.Open(ctx, warehouse.Options{DSN: to, MemoryLimit: p.Config.Warehouse.MemoryLimit})
	if err != nil || from == "" {
		return nil, wh, p, err
	}
	src, err := source.Open(ctx, source.Options{
		DSN: from, TimeZone: "UTC", Tables: run.Contracts(p), Workers: 2,
		Logger: slog.New(slog.DiscardHandler),
	})
	return src, wh, p, err
}

// landChild lands one snapshot, as a run does, and measures from the snapshot to the commit; the source's totals, which belong to
// the books, are measured apart.
func landChild(ctx context.Context, from, to string) error {
	src, wh, _, err := open(ctx, from, to)
	if err != nil {
		return err
	}
	defer wh.Close()
	defer src.Close()
	hold, err := wh.Begin(ctx, warehouse.Holder{Command: "bench", PID: os.Getpid(), Since: time.Now()}, 0)
	if err != nil {
		return err
	}
	defer hold.Close(ctx)
	took, totals, rows, err := land(ctx, src, hold)
	if err != nil {
		return err
	}
	fmt.Printf("%d rows\ntotals %.2f s\nmeasured %.3f\n", rows, totals.Seconds(), took.Seconds())
	return nil
}

// building measures the build of core and analytics against the same compiled SQL on DuckDB alone.
func (b *bench) building(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	duck := filepath.Join(b.dir, "bench.duckdb")
	if err := b.timed(ctx, "build on DuckDB", nil, self, "child", "build", "duckdb:"+duck, filepath.Join(b.dir, "compiled.sql")); err != nil {
		return err
	}
	return b.timed(ctx, "the same SQL on DuckDB alone", nil, self, "child", "alone", b.dir)
}

// buildingPostgres measures the same build on PostgreSQL, for comparison; it sets no figure.
func (b *bench) buildingPostgres(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return b.timedAt(ctx, b.scale, 1, "build on PostgreSQL", nil, self, "child", "build", b.postgres,
		filepath.Join(b.dir, "compiled-postgres.sql"))
}

// buildChild builds, checks and publishes from what has landed and says how long the build step took, and the checks beside it.
func buildChild(ctx context.Context, to, sqlFile string) error {
	_, wh, p, err := open(ctx, "", to)
	if err != nil {
		return err
	}
	defer wh.Close()
	var sqls []string
	report, err := run.Do(ctx, run.Options{
		Project: p, Warehouse: wh, Command: "bench", Full: true,
		ShowSQL: func(_, sql string) { sqls = append(sqls, sql) },
	})
	if err != nil {
		return err
	}
	steps := map[string]float64{}
	for _, s := range report.Steps {
		steps[s.Name] = s.Seconds
	}
	if err := os.WriteFile(sqlFile, []byte(strings.Join(sqls, ";\n")), 0o644); err != nil {
		return err
	}
	var models float64
	for _, m := range report.Models {
		models += m.Seconds
	}
	// Models at once would make the sum more than the time; then the step counts, verdicts on rows and all.
	if models > steps["build"] {
		models = steps["build"]
	}
	fmt.Printf("verdicts on rows %.2f s\nchecks and books %.2f s\npublish %.2f s\nmeasured %.3f\n", steps["build"]-models,
		steps["check"]+steps["books"], steps["publish"], models)
	return nil
}

// aloneChild runs the models' compiled SQL in DuckDB with nothing around it: the same landing file, a fresh file for the results.
func aloneChild(ctx context.Context, dir string) error {
	p, err := lifecycle.Load(projectDir, project.Options{})
	if err != nil {
		return err
	}
	fresh := filepath.Join(dir, "alone.duckdb")
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	set := []string{
		"attach '" + filepath.Join(dir, "bench.duckdb.lifeline", "landing.duckdb") + "' as landing (read_only)",
		"attach '" + fresh + "' as v (storage_version 'v1.2.0')", "create schema staging", "set integer_division = true",
		"set default_null_order = 'postgres'", "set preserve_insertion_order = false",
		"set memory_limit = '" + p.Config.Warehouse.MemoryLimit + "'", "set temp_directory = '" + filepath.Join(dir, "tmp") + "'",
	}
	for _, t := range p.Sources {
		set = append(set, "create view staging."+t.Name+" as select * from landing.staging."+t.Name)
	}
	for _, q := range set {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	statements, err := alone(ctx, p, conn)
	if err != nil {
		return err
	}
	began := time.Now()
	for _, q := range statements {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%s: %w", tail(q), err)
		}
	}
	fmt.Printf("%d statements\nmeasured %.3f\n", len(statements), time.Since(began).Seconds())
	return nil
}

// alone makes the statements of aloneChild: schemas and seeds first, which are not measured, then one CREATE TABLE AS a model.
func alone(ctx context.Context, p *project.Project, conn *sql.Conn) ([]string, error) {
	asOf := "2019-11-25 21:00:00"
	g, err := model.NewGraph(p, model.Options{Target: model.Target{Name: "duckdb", Type: "duckdb"}, Vars: map[string]any{"as_of": asOf}})
	if err != nil {
		return nil, err
	}
	relation := func(n *model.Node) string {
		if n.Kind == model.KindSource {
			return n.Schema + "." + n.Alias
		}
		return "v." + n.Schema + "." + n.Alias
	}
	var out []string
	for _, n := range g.Nodes {
		if n.Kind == model.KindSource || n.Materialized == model.Ephemeral {
			continue
		}
		if _, err := conn.ExecContext(ctx, "create schema if not exists v."+n.Schema); err != nil {
			return nil, err
		}
		if n.Kind == model.KindSeed {
			q := "create table " + relation(n) + " as from read_csv('" + filepath.Join(projectDir, n.Path) + "')"
			if _, err := conn.ExecContext(ctx, q); err != nil {
				return nil, err
			}
			continue
		}
		sql, err := g.Compile(n, model.Env{Relation: relation, This: relation(n)})
		if err != nil {
			return nil, err
		}
		out = append(out, "create "+n.Materialized+" "+relation(n)+" as\n"+sql)
	}
	return out, nil
}

// pgloader measures the peer, where it is on the machine.
func (b *bench) pgloader(ctx context.Context) error {
	if _, err := exec.LookPath("pgloader"); err != nil {
		b.note("pgloader is not on this machine: not measured")
		return nil
	}
	to, err := url.Parse(b.postgres)
	if err != nil {
		return err
	}
	to.Scheme = "postgresql"
	before := func(ctx context.Context) error { return b.emptyWarehouse(ctx) }
	command := []string{"pgloader", "--with", "create no indexes", "--with", "no foreign keys", b.mysql, to.String()}
	if err := b.timedAt(ctx, b.scale, 1, "pgloader", before, command...); err != nil {
		b.note("pgloader could not be measured: %v", strings.Split(err.Error(), "\n")[0])
	}
	return nil
}
