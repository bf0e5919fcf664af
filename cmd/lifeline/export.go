package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"lifeline/change"
	"lifeline/project"
	"lifeline/semantic"
	"lifeline/warehouse"
)

// exportCommand is `lifeline export TABLE`, and the ways to hand over more than a table.
type exportCommand struct {
	Dbt   exportDbtCommand   `cmd:"" help:"The project as plain dbt."`
	Table exportTableCommand `cmd:"" default:"withargs" help:"All rows of a table that match filters, as a file."`
}

type exportTableCommand struct {
	Table   string   `arg:"" optional:"" help:"Table of the published version, such as analytics.dim_claims_lifecycle."`
	Filters []string `arg:"" optional:"" help:"Filters as in a page's address: status=approved, program!=15, from=2019-01-01."`
	All     bool     `help:"Every table of the published version, as Parquet, into the folder or bucket of --out."`
	Format  string   `enum:"csv,parquet,ndjson" default:"csv" help:"csv, parquet or ndjson."`
	Sort    string   `placeholder:"COLUMN" help:"Order; with - before it, descending (--sort=-amount)."`
	Fields  string   `placeholder:"COLUMNS" help:"Columns by comma; all where none are named."`
	Out     string   `short:"o" placeholder:"FILE" help:"Write here; stdout where none is named. With --all a folder, or s3://BUCKET/PREFIX."`
}

func (exportTableCommand) Help() string {
	return `Writes all matches, never a part of them, and says on stderr how many rows there are. The filters are those of the dashboard.

Examples:
  lifeline export analytics.dim_claims_lifecycle status=rejected basis=submitted range=90d > rejected.csv
  lifeline export core.claims --format parquet -o claims.parquet
  lifeline export --all --format parquet --out s3://bucket/lifeline`
}

func (c *exportTableCommand) Run(ctx context.Context, g *Globals) error {
	if c.All {
		return c.all(ctx, g)
	}
	if c.Table == "" {
		return usage(errors.New("no table is named"), "lifeline export core.claims, or --all --format parquet --out DIR")
	}
	p, err := g.load()
	if err != nil {
		return err
	}
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		return err
	}
	defer wh.Close()
	v, err := openVersion(ctx, p, wh)
	if err != nil {
		return err
	}
	defer v.Close()
	var out io.Writer = g.terminal.out
	var file *os.File
	if c.Out != "" {
		if file, err = os.CreateTemp(filepath.Dir(c.Out), ".lifeline-export-*"); err != nil {
			return fmt.Errorf("write the export: %w", err)
		}
		defer func() { _ = os.Remove(file.Name()) }()
		out = file
	}
	rows, err := v.Export(ctx, out, semantic.ExportRequest{
		Table: c.Table, Filters: c.Filters, Format: c.Format, Sort: c.Sort,
		Fields: c.Fields,
	})
	if err != nil {
		try := `lifeline query "select table_schema, table_name from information_schema.tables"`
		if strings.Contains(err.Error(), "Out of Memory") {
			try = "--format csv, which is written row by row"
		}
		return &change.Problem{Err: fmt.Errorf("export %s: %w", c.Table, err), Class: change.ClassError, Try: try}
	}
	if file != nil {
		// The file appears whole or not at all.
		if err := file.Chmod(0o644); err != nil {
			return fmt.Errorf("write the export: %w", err)
		}
		if err := file.Close(); err != nil {
			return fmt.Errorf("write the export: %w", err)
		}
		if err := os.Rename(file.Name(), c.Out); err != nil {
			return fmt.Errorf("write the export: %w", err)
		}
	}
	fmt.Fprintf(g.terminal.err, "%s rows\n", count(rows))
	return nil
}

// all writes the whole version.
func (c *exportTableCommand) all(ctx context.Context, g *Globals) error {
	switch {
	case c.Format != "parquet" || c.Out == "":
		return usage(errors.New("--all writes Parquet into a folder or a bucket"), "--all --format parquet --out DIR")
	case c.Table != "" || c.Sort != "" || c.Fields != "":
		return usage(errors.New("--all takes no table, filter, order or columns"), "lifeline export core.claims without --all")
	}
	p, err := g.load()
	if err != nil {
		return err
	}
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		return err
	}
	defer wh.Close()
	r, err := wh.Published(ctx)
	if err != nil {
		return nothingPublished(err)
	}
	defer func() { _ = r.Close() }()
	store, err := openStore(c.Out)
	if err != nil {
		return err
	}
	m, err := semantic.ExportAll(ctx, r, p.Name, store)
	if err != nil {
		return err
	}
	if g.JSON {
		return writeJSON(g.terminal.out, m)
	}
	var rows int64
	for _, t := range m.Tables {
		rows += t.Rows
	}
	fmt.Fprintf(g.terminal.out, "%s: version %d, %s tables, %s rows, in %s\n",
		c.Out, m.Version, count(int64(len(m.Tables))), count(rows), m.Folder)
	return nil
}

// openVersion opens the published version for one question.
func openVersion(ctx context.Context, p *project.Project, wh warehouse.Warehouse) (*semantic.Version, error) {
	d, err := semantic.DefinitionOf(p)
	if err != nil {
		return nil, err
	}
	r, err := wh.Published(ctx)
	if err != nil {
		return nil, nothingPublished(err)
	}
	return semantic.Open(ctx, r, semantic.Options{
		Definition: d, Project: p, DSN: p.Config.Warehouse.DSN, Connections: 1, NoCopies: true,
	})
}
