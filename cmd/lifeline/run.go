package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/change"
	"lifeline/project"
	"lifeline/run"
	"lifeline/source"
)

var (
	errNoWarehouse = errors.New("no warehouse is named")
	errNoSource    = errors.New("no source is named")
)

// walkFlags are shared by the commands that build a version.
type walkFlags struct {
	stateFlags
	artifactFlags
	Select  []string      `short:"s" sep:" " placeholder:"MODELS" help:"Build only these models (name, +name+, tag:x, path:x)."`
	Exclude []string      `sep:" " placeholder:"MODELS" help:"Do not build these models."`
	AsOf    string        `placeholder:"WHEN" help:"End of the last-7-days windows: latest, now or a date (YYYY-MM-DD)."`
	Keep    int           `placeholder:"N" help:"Versions to keep, the newest included (default 2)."`
	Wait    time.Duration `placeholder:"10m" help:"Wait this long for another run that holds the warehouse."`
	DryRun  bool          `help:"Check everything and say what would be done; change nothing."`
	ShowSQL bool          `name:"show-sql" help:"Print the SQL of every model to stderr as it runs."`
	Prove   share         `placeholder:"1%" help:"Compute a random share of keys again and compare them before publishing."`
}

// share is a part of all, written as a percentage or as a number up to 1.
type share float64

// UnmarshalText reads 1%, 0.5% or 0.01.
func (s *share) UnmarshalText(text []byte) error {
	number, percent := strings.CutSuffix(string(text), "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v > 0 && v <= 1) {
		return fmt.Errorf("%q is not a share: between 0 and 100 %%, such as 1%%", text)
	}
	*s = share(v)
	return nil
}

type runCommand struct {
	walkFlags
	Full          bool          `aliases:"full-refresh" help:"Read everything, build every model whole, publish even when nothing changed."`
	Resnapshot    bool          `help:"Read everything where the log's position is gone; what happened in between stays unknown."`
	AllowDeletes  []string      `placeholder:"TABLE" help:"Let this source table lose more rows than max_deletes allows, this once."`
	Every         time.Duration `placeholder:"5m" help:"Run again and again at this interval, until stopped."`
	AllowWeaker   bool          `help:"Accept a snapshot that is not one point in time, where the source allows no better; it is recorded."`
	SourceWorkers int           `default:"2" help:"Connections to the source."`
}

func (runCommand) Help() string {
	return `Reads one point in time of the source, lands it, builds the next version beside the published one, checks it, closes the
books and publishes all tables at once. A failing check leaves the published version as it is (exit code 3).

Examples:
  lifeline run --project examples/carepay --source mysql://reader:pass@db/carepay --warehouse duckdb:carepay.duckdb
  lifeline run --json | jq .status
  lifeline run --every 15m`
}

func (c *runCommand) Run(ctx context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	if c.Every == 0 {
		return c.once(ctx, g, p)
	}
	for {
		began := time.Now()
		if err := c.once(ctx, g, p); err != nil && (ctx.Err() != nil || isUsage(err)) {
			return err
		} else if err != nil {
			show(g.terminal, &Globals{terminal: g.terminal, LogFormat: g.LogFormat}, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(began.Add(c.Every))):
		}
		if p, err = g.load(); err != nil {
			return err
		}
	}
}

func (c *runCommand) once(ctx context.Context, g *Globals, p *project.Project) error {
	for _, name := range c.AllowDeletes {
		if !slices.ContainsFunc(p.Sources, func(s *project.SourceTable) bool { return s.Name == name }) {
			return usage(fmt.Errorf("--allow-deletes %s: it is not a source table of the project", name), "lifeline ls, which lists them")
		}
	}
	if len(p.Sources) == 0 {
		return g.walk(ctx, p, "run", nil, c.walkFlags, reading{full: c.Full})
	}
	if p.Config.Source.DSN == "" {
		return noSource()
	}
	// The walk connects: a source that cannot be reached is a failed run too, with its record and its notice.
	open := func(ctx context.Context) (source.Source, error) {
		return g.openSource(ctx, p, sourceOptions{Workers: c.SourceWorkers, AllowWeaker: c.AllowWeaker})
	}
	return g.walk(ctx, p, "run", open, c.walkFlags, reading{full: c.Full, resnapshot: c.Resnapshot, deletes: c.AllowDeletes})
}

type buildCommand struct {
	walkFlags
	Full bool `aliases:"full-refresh" help:"Build every model whole, incremental ones too, from all rows that have landed."`
}

func (buildCommand) Help() string {
	return `Builds, checks and publishes from staging as the last run left it; the source is not read.

Examples:
  lifeline build --project examples/carepay
  lifeline build --full
  lifeline build --select "dim_providers+" --dry-run --show-sql`
}

func (c *buildCommand) Run(ctx context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	return g.walk(ctx, p, "build", nil, c.walkFlags, reading{full: c.Full})
}

// sourceOptions say how a source is read.
type sourceOptions struct {
	Workers     int  // Connections that read; 0 means 2.
	AllowWeaker bool // Read even where not all tables can be seen at one point in time.
}

// openSource opens the project's source with its contract.
func (g *Globals) openSource(ctx context.Context, p *project.Project, o sourceOptions) (source.Source, error) {
	if p.Config.Source.DSN == "" {
		return nil, noSource()
	}
	return source.Open(ctx, source.Options{
		DSN: p.Config.Source.DSN, TimeZone: p.Config.Source.TimeZone, Tables: run.Contracts(p),
		Workers: cmp.Or(o.Workers, 2), Weak: o.AllowWeaker, Logger: g.logger(),
	})
}

func noSource() error {
	return &change.Problem{
		Err: errNoSource, Class: change.ClassUsage,
		Try: "--source mysql://user:pass@host:3306/db or --source csv:DIR, or set source.dsn in lifeline.yml",
	}
}

// reading says what more than the changes of the source is to be read, and which tables may lose what they hold.
type reading struct {
	full, resnapshot bool
	deletes          []string
}

// walk runs the one way through and prints its report.
func (g *Globals) walk(ctx context.Context, p *project.Project, command string, src run.OpenSource, f walkFlags, how reading) error {
	if err := f.compare(p, f.Select, f.Exclude); err != nil {
		return err
	}
	if none, err := f.nothingChosen(p, f.Select, f.Exclude); none || err != nil {
		return g.nothingToDo(err)
	}
	if f.Keep > 0 {
		p.Config.Warehouse.KeepVersions = f.Keep
	}
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		return err
	}
	defer wh.Close()
	bars := newProgress(g)
	defer bars.Close()
	o := run.Options{
		Project: p, Warehouse: wh, Source: src, Command: command, Version: version, Full: how.full, Resnapshot: how.resnapshot,
		Deletes: how.deletes,
		Trial:   command == "check",
		Select:  f.Select, Exclude: f.Exclude, AsOf: f.AsOf, Wait: f.Wait, Progress: bars, Logger: g.logger(),
		Prove: float64(f.Prove),
	}
	if f.ShowSQL {
		o.ShowSQL = func(name, sql string) { fmt.Fprintf(g.terminal.err, "-- %s\n%s;\n\n", name, sql) }
	}
	if f.DryRun {
		plan, err := run.Plan(ctx, o)
		if err != nil {
			return err
		}
		bars.Close()
		return g.printPlan(plan)
	}
	report, err := run.Do(ctx, o)
	bars.Close()
	wrote := f.writeRun(g, p, report, command, f)
	if err = g.printReport(report, err); err == nil {
		err = wrote
	}
	return err
}

// nothingToDo ends a run that was asked for nothing: what has changed, where nothing has.
func (g *Globals) nothingToDo(err error) error {
	const why = "nothing that --select and --state choose has changed"
	if err != nil || g.JSON {
		if err == nil {
			err = writeJSON(g.terminal.out, map[string]any{"status": run.Unchanged, "why": why})
		}
		return err
	}
	fmt.Fprintf(g.terminal.out, "%s: %s\n", g.terminal.green(string(run.Unchanged)), why)
	return nil
}

func isUsage(err error) bool {
	var p *change.Problem
	return errors.As(err, &p) && p.Class == change.ClassUsage
}
