package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"lifeline/change"
	"lifeline/model"
	"lifeline/project"
	"lifeline/trace"
	"lifeline/warehouse"
)

type traceCommand struct {
	Table    string  `arg:"" help:"A table (analytics.dim_claims, core.claims, staging.claim) or a KPI (kpi_01_approval_rate, KPI-01)."`
	Key      string  `arg:"" optional:"" help:"The row's key; values of several columns separated by commas. None for a KPI."`
	Month    string  `placeholder:"YYYY-MM" help:"For a KPI: figures of this month (2019-03), year or day; none means those without one."`
	Program  string  `placeholder:"ID" help:"For a KPI: figures of this program; none means those without one."`
	Provider string  `placeholder:"ID" help:"For a KPI: figures of this provider; none means those without one."`
	Currency string  `placeholder:"CODE" help:"For a KPI: figures in this currency; none means those without one."`
	Measure  *string `placeholder:"NAME" help:"For a KPI: this measure, such as rate or p50."`
	Part     string  `placeholder:"PART" help:"For a KPI: this part, such as 30 days or an age; none means those without one."`
	Basis    string  `placeholder:"BASIS" help:"For a KPI: true or proxy."`
	Limit    int     `default:"20" help:"Most records of each kind to list; 0 for all. Counts are always of all."`
}

func (traceCommand) Help() string {
	return `Goes from a published row to the source's row, its earlier versions and the run that read it; or from a KPI's number to
the records that it counts.

Examples:
  lifeline trace analytics.dim_claims_lifecycle 123
  lifeline trace core.claims 123 --json
  lifeline trace kpi_01_approval_rate --month 2019-03 --program 48
  lifeline trace KPI-04 --month 2019-03 --currency KES --limit 0`
}

func (c *traceCommand) Run(ctx context.Context, g *Globals) error {
	return g.withTracer(ctx, func(t *trace.Tracer) error {
		if n := t.FigureNode(c.Table); n != nil && c.Key == "" {
			return c.figures(ctx, g, t, n)
		}
		n, err := t.Node(c.Table)
		if err != nil {
			return c.unknown(t, err)
		}
		if c.Key == "" {
			return usage(fmt.Errorf("which row of %s.%s?", n.Schema, n.Alias), fmt.Sprintf("lifeline trace %s.%s KEY", n.Schema, n.Alias))
		}
		chain, err := t.Trace(ctx, n, c.Key)
		if err != nil {
			return err
		}
		if g.JSON {
			return writeJSON(g.terminal.out, chain)
		}
		printChain(g.terminal, chain)
		return nil
	})
}

// unknown adds the KPIs to the names that may have been meant.
func (c *traceCommand) unknown(t *trace.Tracer, err error) error {
	var p *change.Problem
	if near := project.Nearest(c.Table, t.FigureNames()); near != "" && c.Key == "" && errors.As(err, &p) {
		return usage(p.Err, "lifeline trace "+near)
	}
	return err
}

// most figures whose records are listed; more are only shown themselves.
const listedFigures = 10

// tracedFigures is what a KPI's trace prints as JSON.
type tracedFigures struct {
	Model   string          `json:"model"`
	Version int64           `json:"version"`
	Figures []trace.Row     `json:"figures"`
	Behind  []*trace.Behind `json:"behind"` // None where more than 10 figures match.
}

func (c *traceCommand) figures(ctx context.Context, g *Globals, t *trace.Tracer, n *model.Node) error {
	filter, err := c.filter()
	if err != nil {
		return err
	}
	found, err := t.Figures(ctx, n, filter)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return usage(fmt.Errorf("%s has no such figure", n.Name), "lifeline trace "+n.Name)
	}
	out := tracedFigures{Model: n.Name, Version: t.Version, Figures: []trace.Row{}, Behind: []*trace.Behind{}}
	for _, f := range found {
		out.Figures = append(out.Figures, f.Row)
		if len(found) > listedFigures {
			continue
		}
		b, err := t.Behind(ctx, f, c.Limit)
		if err != nil {
			return err
		}
		out.Behind = append(out.Behind, b)
	}
	if g.JSON {
		return writeJSON(g.terminal.out, out)
	}
	printFigures(g.terminal, out)
	return nil
}

var monthForm = regexp.MustCompile(`^\d{4}(-\d\d(-\d\d)?)?$`)

func (c *traceCommand) filter() (trace.Filter, error) {
	f := trace.Filter{}
	for column, text := range map[string]string{
		"program_id": c.Program, "provider_id": c.Provider, "currency": c.Currency, "part": c.Part, "basis": c.Basis,
	} {
		switch text {
		case "":
		case "none":
			f[column] = nil
		default:
			f[column] = &text
		}
	}
	if c.Measure != nil {
		f["measure"] = c.Measure
	}
	switch {
	case c.Month == "":
	case c.Month == "none":
		f["period"] = nil
	default:
		day := c.Month + "-01-01"[:3*(3-len(strings.Split(c.Month, "-")))]
		if _, err := time.Parse(time.DateOnly, day); err != nil || !monthForm.MatchString(c.Month) {
			return nil, usage(fmt.Errorf("--month %q is not a month", c.Month), "--month 2019-03")
		}
		f["period"] = &day
	}
	return f, nil
}

// withTracer opens what a trace reads: the published version, the books, and staging with history unless a run holds them.
func (g *Globals) withTracer(ctx context.Context, do func(*trace.Tracer) error) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		return err
	}
	defer wh.Close()
	published, err := wh.Published(ctx)
	if err != nil {
		return nothingPublished(err)
	}
	defer published.Close()
	books, err := wh.OpenOps(ctx)
	if err != nil {
		return nothingPublished(err)
	}
	defer books.Close()
	o := trace.Options{Project: p, Published: published.DB, Books: books.DB, Version: published.Version}
	totals, err := warehouse.ReadLandedTotals(ctx, books.DB)
	if err != nil {
		return err
	}
	o.Keys = make(map[string][]string, len(totals))
	for table, kept := range totals {
		o.Keys[table] = kept.Key
	}
	landed, err := wh.OpenStaging(ctx)
	var held *warehouse.HeldError
	switch {
	case errors.As(err, &held): // The trace says so.
	case err != nil:
		return err
	default:
		defer landed.Close()
		o.Staging = landed.DB
	}
	if o.Graph, err = publishedGraph(ctx, p, wh.Engine(), books, published.Version); err != nil {
		return err
	}
	return do(trace.New(o))
}

// publishedGraph is the project's graph as of the published version, so that windows end where its figures do.
func publishedGraph(ctx context.Context, p *project.Project, engine string, books *warehouse.Reader, version int64) (*model.Graph, error) {
	var asOf time.Time
	if err := books.DB.QueryRowContext(ctx, `select as_of from ops.versions where version = $1`, version).Scan(&asOf); err != nil {
		return nil, fmt.Errorf("read what version %d is of: %w", version, err)
	}
	return model.NewGraph(p, model.Options{
		Target: model.Target{Name: engine, Type: engine}, Vars: map[string]any{"as_of": asOf.UTC().Format(time.DateTime)}, Env: os.Getenv,
	})
}
