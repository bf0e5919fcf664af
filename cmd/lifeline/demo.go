package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"lifeline/projects"
	"lifeline/run"
	"lifeline/sample"
	"lifeline/source"
	"lifeline/warehouse"
)

type demoCommand struct {
	Dir   string  `default:"lifeline-demo" placeholder:"DIR" help:"Where the demo's files go."`
	Scale float64 `default:"1" help:"1 is about 504,000 rows."`
	Seed  uint64  `default:"1" help:"The same seed gives the same data."`
	Mysql bool    `name:"mysql" help:"Load the sample into a throw-away MariaDB or MySQL found on this machine, and read it from there."`
}

func (demoCommand) Help() string {
	return `Makes sample data in the shape and dirt of an operational claims database, runs it into a DuckDB warehouse, and shows what came out.
Needs no server. With --mysql it starts a MariaDB or MySQL server of its own in a temporary folder and stops it again.

Examples:
  lifeline demo
  lifeline demo --mysql --scale 0.2`
}

// question is one of the demo's questions to the published version.
type question struct{ title, sql string }

var demoQuestions = []question{
	{"Claims by canonical status, with the money per currency", `
select status, currency, count(*) as claims, sum(amount) as amount
from core.claims
group by status, currency
order by claims desc, status, currency
limit 8`},
	{"How sure are we of an invoice's date?", `
select date_created_basis as basis, count(*) as invoices, min(date_created) as earliest, max(date_created) as latest
from core.invoices
group by date_created_basis
order by invoices desc`},
	{"What is held back, and why", `
select r.table_name, r.reason, count(*) as entries
from quarantine.reasons as r
group by r.table_name, r.reason
order by entries desc, r.table_name, r.reason
limit 8`},
}

func (c *demoCommand) Run(ctx context.Context, g *Globals) error {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	dir, err := projects.Extract("carepay", c.Dir)
	if err != nil {
		return err
	}
	g.Project = dir
	if g.Warehouse == "" {
		g.Warehouse = "duckdb:" + filepath.Join(c.Dir, "carepay.duckdb")
	}
	stop, err := c.source(ctx, g)
	if err != nil {
		return err
	}
	defer stop()
	p, err := g.load()
	if err != nil {
		return err
	}
	open := func(ctx context.Context) (source.Source, error) { return g.openSource(ctx, p, 2, false) }
	if err := g.walk(ctx, p, "demo", open, walkFlags{}, false); err != nil || g.JSON {
		return err
	}
	return c.show(ctx, g)
}

// source makes the sample and names it as the source; the function it returns takes a started server down again.
func (c *demoCommand) source(ctx context.Context, g *Globals) (func(), error) {
	bars := newProgress(g)
	defer bars.Close()
	o := sample.Options{
		Project: "carepay", Scale: c.Scale, Seed: c.Seed, Dirt: "real",
		Progress: func(_ string, rows, total int64) { bars.Advance("sample", rows, total, "rows") },
	}
	if !c.Mysql {
		dir := filepath.Join(c.Dir, "csv")
		bars.Begin("sample")
		s, err := sample.Write(ctx, o, dir)
		if err != nil {
			return nil, err
		}
		bars.End("sample", fmt.Sprintf("%s rows of 4 tables as CSV files in %s", count(s.Rows()), dir))
		g.Source = "csv:" + dir
		return func() {}, nil
	}
	server, err := startServer(ctx)
	if err != nil {
		return nil, err
	}
	bars.Begin("sample")
	s, err := sample.Load(ctx, o, server.dsn)
	if err != nil {
		server.stop()
		return nil, err
	}
	bars.End("sample", fmt.Sprintf("%s rows of 4 tables loaded into %s", count(s.Rows()), server.version))
	g.Source = server.dsn
	return server.stop, nil
}

// show asks the published version the demo's questions and says what to try next.
func (c *demoCommand) show(ctx context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		return err
	}
	defer wh.Close()
	for i, q := range demoQuestions {
		open := wh.Published
		if i == len(demoQuestions)-1 {
			open = wh.Books
		}
		if err := ask(ctx, g, open, q); err != nil {
			return err
		}
	}
	at := "--project " + g.Project + " --warehouse " + g.Warehouse
	fmt.Fprintf(g.terminal.out, `
Try next:
  lifeline query %[1]s "select * from analytics.dim_providers order by claims_total desc limit 5"
  lifeline runs %[1]s
  lifeline run %[1]s --source %[2]s          (again: nothing to do)
  lifeline compile --project %[3]s dim_claims_lifecycle
`, at, g.Source, g.Project)
	return nil
}

func ask(ctx context.Context, g *Globals, open func(context.Context) (*warehouse.Reader, error), q question) error {
	r, err := open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	fmt.Fprintf(g.terminal.out, "\n%s\n", q.title)
	return g.printQuery(ctx, r.DB, q.sql)
}

var _ run.Progress = (*progress)(nil)
