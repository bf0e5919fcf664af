package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"lifeline/examples"
	"lifeline/run"
	"lifeline/sample"
	"lifeline/source"
	"lifeline/warehouse"
)

type demoCommand struct {
	Business string  `arg:"" optional:"" name:"project" enum:"carepay,fooddelivery" default:"carepay" help:"carepay or fooddelivery."`
	Dir      string  `default:"lifeline-demo" placeholder:"DIR" help:"Where the demo's files go."`
	Scale    float64 `default:"1" help:"1 is 333,951 rows (fooddelivery: 200,000)."`
	Seed     uint64  `default:"1" help:"The same seed gives the same data."`
	Mysql    bool    `name:"mysql" help:"Load the sample into a throw-away MariaDB or MySQL found on this machine, and read it from there."`
	NoServe  bool    `name:"no-serve" help:"Stop after the report, as the demo always does without a terminal."`
}

func (demoCommand) Help() string {
	return `Makes sample data in the shape and dirt of an operational database, of claims or of food delivery, runs it into a
DuckDB warehouse, and shows what came out: a report, and on a terminal the
dashboard at http://localhost:8080 until Ctrl-C. Needs no server. With --mysql it
starts a MariaDB or MySQL server of its own in a temporary folder and stops it again.

Examples:
  lifeline demo
  lifeline demo fooddelivery --no-serve
  lifeline demo --mysql --scale 0.2`
}

// question is one of the demo's questions to the published version.
type question struct{ title, sql string }

// demoQuestions are asked of the published version; what is quarantined is asked of the books, last.
var demoQuestions = map[string][]question{
	"carepay":      claimQuestions,
	"fooddelivery": foodQuestions,
}

var claimQuestions = []question{
	{"Claims by status and currency; an amount of 0 is unknown in this source", `
select status, currency, count(*) as claims, count(amount) as with_amount, cast(sum(amount) as numeric(38, 2)) as amount
from core.claims
group by status, currency
order by claims desc, status, currency
limit 8`},
	{"How sure are we of an invoice's date?", `
select date_created_basis as basis, count(*) as invoices, min(date_created) as earliest, max(date_created) as latest
from core.invoices
group by date_created_basis
order by invoices desc`},
}

var foodQuestions = []question{
	{"How long orders take, in minutes from being placed", `
select r.city, count(*) as delivered,
    round(avg(o.lag_deliverer_accepted_seconds) / 60, 1) as accepted_after,
    round(avg(o.lag_deliverer_picks_up_order_seconds) / 60, 1) as picked_up_after,
    round(avg(o.lag_deliverer_drops_off_order_seconds) / 60, 1) as dropped_off_after
from analytics.dim_orders as o
inner join core.regions as r on r.id = o.region_id
where o.deliverer_drops_off_order_time is not null
group by r.city
order by r.city`},
	{"The busiest deliverers of the last seven days", `
select deliverer_id, vehicle, region, orders_accepted_last_7_days, orders_cancelled_last_7_days, orders_dropped_off_last_7_days,
    orders_dropped_off_last_28_days
from analytics.dim_deliverer
order by orders_dropped_off_last_7_days desc, deliverer_id
limit 5`},
	{"What premium customers do", `
select is_premium, count(*) as customers, sum(orders_placed_last_28_days) as orders_last_28_days,
    round(1.0 * sum(orders_placed_last_28_days) / count(*), 2) as orders_each
from analytics.dim_customer
group by is_premium
order by is_premium`},
}

var heldBack = question{"What is quarantined, and why", `
select r.table_name, r.reason, count(*) as entries
from quarantine.reasons as r
group by r.table_name, r.reason
order by entries desc, r.table_name, r.reason
limit 8`}

// demoTables are what the demo proposes to look at: a dimension with what to sort it by, and a model worth reading.
var demoTables = map[string][3]string{
	"carepay":      {"dim_providers", "claims_total", "dim_claims_lifecycle"},
	"fooddelivery": {"dim_restaurant", "orders_placed_total", "dim_orders"},
}

func (c *demoCommand) Run(ctx context.Context, g *Globals) error {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	dir, err := examples.Extract(c.Business, c.Dir)
	if err != nil {
		return err
	}
	g.Project, g.mostFindings = dir, 10
	if g.Warehouse == "" {
		g.Warehouse = "duckdb:" + filepath.Join(c.Dir, c.Business+".duckdb")
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
	open := func(ctx context.Context) (source.Source, error) { return g.openSource(ctx, p, sourceOptions{}) }
	if err := g.walk(ctx, p, "demo", open, walkFlags{}, reading{}); err != nil || g.JSON {
		return err
	}
	if err := c.show(ctx, g); err != nil || c.NoServe || !g.terminal.attended() {
		return err
	}
	return c.serve(ctx, g)
}

// source makes the sample and names it as the source; the function it returns takes a started server down again.
func (c *demoCommand) source(ctx context.Context, g *Globals) (func(), error) {
	bars := newProgress(g)
	defer bars.Close()
	o := sample.Options{
		Project: c.Business, Scale: c.Scale, Seed: c.Seed, Dirt: "real",
		Progress: func(_ string, rows, total int64) { bars.Advance("sample", rows, total, "rows") },
	}
	if !c.Mysql {
		dir := filepath.Join(c.Dir, "csv")
		if c.Business != "carepay" {
			dir = filepath.Join(c.Dir, c.Business+"-csv")
		}
		bars.Begin("sample")
		s, err := sample.Write(ctx, o, dir)
		if err != nil {
			return nil, err
		}
		bars.End("sample", fmt.Sprintf("%s rows of %d tables as CSV files in %s", count(s.Rows()), len(s.Tables), dir))
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
	bars.End("sample", fmt.Sprintf("%s rows of %d tables loaded into %s", count(s.Rows()), len(s.Tables), server.version))
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
	for _, q := range demoQuestions[c.Business] {
		if err := ask(ctx, g, wh.Published, q); err != nil {
			return err
		}
	}
	if err := ask(ctx, g, wh.OpenOps, heldBack); err != nil {
		return err
	}
	at := "--project " + g.Project + " --warehouse " + g.Warehouse
	fmt.Fprintf(g.terminal.out, `
Try next:
  %[7]s query %[1]s "select * from analytics.%[4]s order by %[5]s desc limit 5"
  %[7]s runs %[1]s
  %[7]s run %[1]s --source %[2]s  # again: nothing to do
  %[7]s compile --project %[3]s %[6]s
  %[7]s serve %[1]s
`, at, g.Source, g.Project, demoTables[c.Business][0], demoTables[c.Business][1], demoTables[c.Business][2],
		os.Args[0]) // As it was called, so that the lines can be pasted.
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
