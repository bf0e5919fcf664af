// Package modeltest runs a project's unit tests: the given rows stand for what a model reads, in an engine in memory, and the rows that
// come out are compared with the expected ones. No source and no warehouse is opened. What a unit test may say is package project's.
package modeltest

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"lifeline/change"
	"lifeline/model"
	"lifeline/project"
	"lifeline/warehouse"
)

// Result is how one unit test of a model came out.
type Result struct {
	Name    string  `json:"name"`
	Model   string  `json:"model"`
	Where   string  `json:"where"`
	Status  string  `json:"status"` // pass, fail or error.
	Seconds float64 `json:"seconds"`
	Error   string  `json:"error,omitempty"`

	Columns []string   `json:"columns,omitempty"` // Of the rows below: those that the test expects something of.
	Missing [][]string `json:"missing,omitempty"` // Expected, and not there.
	Surplus [][]string `json:"surplus,omitempty"` // There, and not expected.
}

// The ends of a unit test.
const (
	Pass  = "pass"
	Fail  = "fail"
	Error = "error"
)

// Run runs the project's unit tests that want takes, in the order of their files, each in an engine in memory: the given rows
// stand for what the model reads, what is not given is empty (a seed is itself), and the rows that come out are compared, as a
// multiset, in the columns that the test names. No source and no warehouse is opened. A test that cannot run is a result too; an
// error is returned for what concerns all of them.
func Run(ctx context.Context, p *project.Project, want func(*project.UnitTest) bool, each func(Result)) error {
	db, err := warehouse.OpenScratch(ctx, p.Config.Warehouse.EngineSQL)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	u := &runner{project: p, db: db, graphs: map[string]*testGraph{}}
	if _, err := db.ExecContext(ctx, "create schema given"); err != nil {
		return fmt.Errorf("prepare the unit tests: %w", err)
	}
	for _, t := range p.UnitTests {
		if t.Disabled || !want(t) {
			continue
		}
		began := time.Now()
		r, err := u.test(ctx, t)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.Status, r.Error = Error, err.Error()
		}
		r.Name, r.Model, r.Where, r.Seconds = t.Name, t.Model, fmt.Sprintf("%s:%d", t.File, t.Line), time.Since(began).Seconds()
		each(r)
	}
	return nil
}

// runner keeps what the tests share.
type runner struct {
	project *project.Project
	db      *sql.DB
	graphs  map[string]*testGraph
}

// testGraph is the project under one set of variables, with the empty relations that were made of it.
type testGraph struct {
	*model.Graph
	schema string
	made   map[*model.Node]bool
}

// graph makes, or finds, the project's graph for a test's variables. Columns and types may depend on them, so each has relations of
// its own.
func (u *runner) graph(ctx context.Context, t *project.UnitTest) (*testGraph, error) {
	vars := map[string]any{"as_of": time.Time{}.Format(time.DateTime)}
	if own, ok := u.project.Vars["as_of"]; ok {
		vars["as_of"] = own
	}
	maps.Copy(vars, t.Vars)
	key := fmt.Sprint(vars, t.Env)
	if g := u.graphs[key]; g != nil {
		return g, nil
	}
	env := func(name string) string {
		if v, ok := t.Env[name]; ok {
			return fmt.Sprint(v)
		}
		return os.Getenv(name)
	}
	graph, err := model.NewGraph(u.project, model.Options{Target: model.Target{Name: "test", Type: "duckdb"}, Vars: vars, Env: env})
	if err != nil {
		return nil, err
	}
	g := &testGraph{Graph: graph, schema: fmt.Sprintf("empty%d", len(u.graphs)+1), made: map[*model.Node]bool{}}
	if _, err := u.db.ExecContext(ctx, "create schema "+g.schema); err != nil {
		return nil, err
	}
	u.graphs[key] = g
	return g, nil
}

func (u *runner) test(ctx context.Context, t *project.UnitTest) (r Result, err error) {
	for name := range t.Macros {
		if name != "is_incremental" {
			return r, fmt.Errorf("overrides.macros.%s: only is_incremental can be overridden; give the model a variable instead", name)
		}
	}
	g, err := u.graph(ctx, t)
	if err != nil {
		return r, err
	}
	n, err := g.Refers("ref('" + t.Model + "')")
	if err != nil {
		return r, err
	}
	given := map[*model.Node]string{}
	defer func() {
		for _, relation := range given {
			_, dropped := u.db.ExecContext(context.WithoutCancel(ctx), "drop table if exists "+relation)
			err = errors.Join(err, dropped)
		}
	}()
	incremental, _ := t.Macros["is_incremental"].(bool)
	for _, f := range t.Given {
		input := n
		if strings.TrimSpace(f.Input) != "this" {
			if input, err = g.Refers(f.Input); err != nil {
				return r, fmt.Errorf("given %s: %w", f.Input, err)
			}
		}
		relation := "given." + quoted(input.Schema+"."+input.Alias)
		given[input] = relation
		if err := u.loadGiven(ctx, g, input, relation, f); err != nil {
			return r, fmt.Errorf("given %s: %w", f.Input, err)
		}
	}
	relation := func(d *model.Node) string { return cmp.Or(given[d], g.relation(d)) }
	for _, d := range n.DependsOn {
		if err := u.need(ctx, g, d); err != nil {
			return r, err
		}
	}
	text, err := g.Compile(n, model.Env{
		Relation: relation, This: relation(n), Incremental: incremental, Columns: u.columnsFor(ctx, relation),
	})
	if err != nil {
		return r, err
	}
	return u.compare(ctx, t, text)
}

func (g *testGraph) relation(n *model.Node) string {
	return g.schema + "." + quoted(n.Schema+"."+n.Alias)
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// need makes a node's relation without rows, and first those that its model reads: its columns and types come from its own SQL. A seed
// has its rows.
func (u *runner) need(ctx context.Context, g *testGraph, n *model.Node) error {
	if g.made[n] {
		return nil
	}
	g.made[n] = true
	switch {
	case n.Source != nil:
		columns, err := contractColumns(n.Source)
		if err != nil {
			return err
		}
		return warehouse.FillTable(ctx, u.db, g.relation(n), columns, nil)
	case n.Seed != nil:
		columns := make([]warehouse.SeedColumn, len(n.Seed.Columns))
		for i, c := range n.Seed.Columns {
			columns[i] = warehouse.SeedColumn{Name: c.Name, Type: c.Type}
		}
		return warehouse.FillTable(ctx, u.db, g.relation(n), columns, n.Seed.Rows)
	}
	for _, d := range n.DependsOn {
		if err := u.need(ctx, g, d); err != nil {
			return err
		}
	}
	if n.Materialized == model.Ephemeral {
		return nil
	}
	text, err := g.Compile(n, model.Env{Relation: g.relation, This: g.relation(n), Columns: u.columnsFor(ctx, g.relation)})
	if err != nil {
		return err
	}
	if _, err := u.db.ExecContext(ctx, "create table "+g.relation(n)+" as\nselect *\nfrom (\n"+text+"\n) as m\nlimit 0"); err != nil {
		return fmt.Errorf("model %s: %w", n.Name, err)
	}
	return nil
}

// contractColumns are a source table's columns as they would land.
func contractColumns(s *project.SourceTable) ([]warehouse.SeedColumn, error) {
	columns := make([]change.Column, 0, len(s.Columns))
	for _, c := range s.Columns {
		typ, err := change.TypeOf(c.DataType)
		if err != nil {
			return nil, fmt.Errorf("column %s of %s: %w", c.Name, s.Name, err)
		}
		columns = append(columns, change.Column{Name: c.Name, Type: typ})
	}
	return warehouse.StagingColumns(columns), nil
}

// compare runs the model and tells which expected rows are missing and which rows are too many.
func (u *runner) compare(ctx context.Context, t *project.UnitTest, text string) (r Result, err error) {
	if _, err := u.db.ExecContext(ctx, "create table given.actual as\n"+text); err != nil {
		return r, fmt.Errorf("run the model: %w", err)
	}
	defer func() {
		_, dropped := u.db.ExecContext(context.WithoutCancel(ctx), "drop table if exists given.expected; drop table given.actual")
		err = errors.Join(err, dropped)
	}()
	columns, err := u.columns(ctx, "given.actual")
	if err != nil {
		return r, err
	}
	if r.Columns, err = u.load(ctx, "given.expected", columns, t.Expect); err != nil {
		return r, fmt.Errorf("expect: %w", err)
	}
	if len(r.Columns) == 0 {
		// No row is expected: whatever comes out is too much, and all of it is shown.
		for _, c := range columns {
			r.Columns = append(r.Columns, c.Name)
		}
	}
	if r.Missing, err = u.except(ctx, r.Columns, "given.expected", "given.actual"); err != nil {
		return r, err
	}
	if r.Surplus, err = u.except(ctx, r.Columns, "given.actual", "given.expected"); err != nil {
		return r, err
	}
	r.Status = Pass
	if len(r.Missing)+len(r.Surplus) > 0 {
		r.Status = Fail
	}
	return r, nil
}

// except lists the rows that one side has more often than the other, as text.
func (u *runner) except(ctx context.Context, columns []string, a, b string) ([][]string, error) {
	names, texts := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		names[i] = quoted(c)
		texts[i] = fmt.Sprintf("coalesce(cast(%s as varchar), 'null')", names[i])
	}
	list := strings.Join(names, ", ")
	rows, err := u.db.QueryContext(ctx, fmt.Sprintf(`
select [%s]
from (
	select %s from %s
	except all
	select %s from %s
) as d
order by all`, strings.Join(texts, ", "), list, a, list, b))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out [][]string
	for rows.Next() {
		var cells []any
		var line any
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		cells, _ = line.([]any)
		texts := make([]string, len(cells))
		for i, c := range cells {
			texts[i] = fmt.Sprint(c)
		}
		out = append(out, texts)
	}
	return out, rows.Err()
}

// columns are a relation's names and types.
func (u *runner) columns(ctx context.Context, relation string) ([]warehouse.SeedColumn, error) {
	rows, err := u.db.QueryContext(ctx, "select column_name, column_type from (describe "+relation+")")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []warehouse.SeedColumn
	for rows.Next() {
		var c warehouse.SeedColumn
		if err := rows.Scan(&c.Name, &c.Type); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// columnsFor names the columns of what a model reads, for macros that write them out.
func (u *runner) columnsFor(ctx context.Context, relation func(*model.Node) string) func(*model.Node) ([]model.Column, error) {
	return func(n *model.Node) ([]model.Column, error) {
		found, err := u.columns(ctx, relation(n))
		out := make([]model.Column, len(found))
		for i, c := range found {
			out[i] = model.Column{Name: c.Name, Type: c.Type}
		}
		return out, err
	}
}

// loadGiven makes the relation of a given input, in the columns and types of the real one.
func (u *runner) loadGiven(ctx context.Context, g *testGraph, n *model.Node, relation string, f project.Fixture) error {
	if err := u.need(ctx, g, n); err != nil {
		return err
	}
	columns, err := u.columns(ctx, g.relation(n))
	if err != nil {
		return err
	}
	_, err = u.load(ctx, relation, columns, f)
	return err
}

func namesOf(columns []warehouse.SeedColumn) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.Name
	}
	return slices.Clip(out)
}
