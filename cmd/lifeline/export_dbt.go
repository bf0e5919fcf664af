package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lifeline/dbt"
	"lifeline/project"
	"lifeline/warehouse"
)

type exportDbtCommand struct {
	SourcesOnly bool `help:"Only a sources.yml of the published tables, for dbt projects downstream; DIR is then that file." xor:"part"`
	Package     bool `help:"Only what dbt does not find in the project's files, as a dbt package called lifeline." xor:"part"`

	Out string `required:"" short:"o" placeholder:"DIR" help:"The folder to write: a new one, or one that lifeline wrote before."`
}

func (exportDbtCommand) Help() string {
	return `Writes the project so that dbt 1.11 or newer builds the rows that lifeline run publishes, on DuckDB and PostgreSQL, from what has
landed. Lifecycles become files of SQL, quarantine a filter, checks tests. Where a version is published, its as-of
instant stands in dbt_project.yml. What dbt cannot do is listed.

Examples:
  lifeline export dbt --out carepay-dbt
  cd carepay-dbt && dbt build --profiles-dir .
  lifeline export dbt --package --out dbt_packages/lifeline && dbt parse
  lifeline export dbt --sources-only --out ../reports/models/lifeline_sources.yml`
}

// exported is what export dbt prints as JSON.
type exported struct {
	Out    string   `json:"out"`
	Files  int      `json:"files"`
	Models int      `json:"models"`
	Seeds  int      `json:"seeds"`
	Tests  int      `json:"tests"`
	Notes  []string `json:"notes"`
}

func (c *exportDbtCommand) Run(ctx context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	if c.SourcesOnly {
		return c.sourcesOnly(p)
	}
	e, next, err := c.export(ctx, g, p)
	if err != nil {
		return err
	}
	if err := e.Write(c.Out); err != nil {
		return err
	}
	if g.JSON {
		return writeJSON(g.terminal.out, exported{
			Out: c.Out, Files: len(e.Files), Models: e.Models, Seeds: e.Seeds, Tests: e.Tests, Notes: append([]string{}, e.Notes...),
		})
	}
	for _, n := range e.Notes {
		fmt.Fprintf(g.terminal.err, "note: %s\n", n)
	}
	fmt.Fprintf(g.terminal.out, "%s: %d models, %d seeds, %d tests\nnext: %s\n", c.Out, e.Models, e.Seeds, e.Tests, next)
	return nil
}

// export makes what is asked for, and says what to do with it.
func (c *exportDbtCommand) export(ctx context.Context, g *Globals, p *project.Project) (e *dbt.Export, next string, err error) {
	if c.Package {
		e, err = dbt.Package(p, dbt.Options{Env: os.Getenv})
		return e, "dbt parse, with the packages of packages.yml beside it", err
	}
	o, err := g.dbtOptions(ctx, p)
	if err != nil {
		return nil, "", err
	}
	e, err = dbt.New(p, o)
	return e, "cd " + c.Out + " && dbt build --profiles-dir .", err
}

// sourcesOnly writes the published tables as sources of another project. A file that says something else is not overwritten.
func (c *exportDbtCommand) sourcesOnly(p *project.Project) error {
	text, err := dbt.Sources(p, os.Getenv)
	if err != nil {
		return err
	}
	before, err := os.ReadFile(c.Out)
	if err == nil && !strings.HasPrefix(string(before), dbt.SourcesMark) {
		return usage(fmt.Errorf("%s is there, and lifeline did not write it", c.Out), "--out with another file")
	}
	next := c.Out + ".next"
	if err := os.WriteFile(next, text, 0o644); err != nil {
		return fmt.Errorf("write the sources: %w", err)
	}
	if err := os.Rename(next, c.Out); err != nil {
		return fmt.Errorf("write the sources: %w", err)
	}
	return nil
}

// dbtOptions says where dbt finds what has landed, and the instants of the published version where there is one.
func (g *Globals) dbtOptions(ctx context.Context, p *project.Project) (dbt.Options, error) {
	o := dbt.Options{Env: os.Getenv, Landing: p.Name + ".duckdb.lifeline/landing.duckdb"}
	dsn := p.Config.Warehouse.DSN
	if path, ok := strings.CutPrefix(dsn, "duckdb:"); ok {
		abs, err := filepath.Abs(path)
		if err != nil {
			return o, fmt.Errorf("find %s: %w", path, err)
		}
		o.Landing = warehouse.LandingFile(abs)
	} else if u, err := url.Parse(dsn); err == nil && u.Host != "" {
		o.Postgres = dbt.Postgres{Host: u.Hostname(), Port: u.Port(), User: u.User.Username(), Database: strings.TrimPrefix(u.Path, "/")}
	}
	if dsn == "" {
		return o, nil
	}
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		return o, err
	}
	defer wh.Close()
	return o, publishedInstants(ctx, p, wh, &o)
}

// publishedInstants reads when the published version's windows end, and when what it was built from was read.
func publishedInstants(ctx context.Context, p *project.Project, wh warehouse.Warehouse, o *dbt.Options) error {
	r, err := wh.Published(ctx)
	if errors.Is(err, warehouse.ErrNothingPublished) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	v, err := r.Published(ctx)
	if err != nil {
		return err
	}
	zone := time.UTC
	if p.Config.Source.TimeZone != "" {
		if zone, err = time.LoadLocation(p.Config.Source.TimeZone); err != nil {
			return fmt.Errorf("source.time_zone: %w", err)
		}
	}
	o.AsOf = v.AsOf.In(zone).Format(time.DateTime)
	ops, err := wh.OpenOps(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = ops.Close() }()
	var taken sql.NullTime
	if err := ops.DB.QueryRowContext(ctx, "select max(taken_at) from ops.positions where run_id <= $1", v.Run).Scan(&taken); err != nil {
		return fmt.Errorf("read when the published version was read: %w", err)
	}
	if taken.Valid {
		o.SnapshotAt = taken.Time.UTC().In(zone).Format(time.DateTime)
	}
	return nil
}
