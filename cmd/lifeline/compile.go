package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"lifeline/dbt"
	"lifeline/model"
	"lifeline/project"
)

type compileCommand struct {
	stateFlags
	artifactFlags
	Select  []string `arg:"" optional:"" placeholder:"MODELS" help:"Only these (name, +name+, tag:x, path:x)."`
	Exclude []string `sep:" " placeholder:"MODELS" help:"Without these."`
	Engine  string   `enum:"duckdb,postgres" default:"duckdb" help:"duckdb or postgres."`
	AsOf    string   `placeholder:"YYYY-MM-DD" help:"The as-of instant that the models see; today where none is given."`
}

func (compileCommand) Help() string {
	return `Opens no database; relations are named schema.table. target/manifest.json is written for dbt's tools.

Examples:
  lifeline compile dim_providers
  lifeline compile --engine postgres tag:analytics`
}

func (c *compileCommand) Run(_ context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	asOf := time.Now().UTC().Truncate(24 * time.Hour)
	if c.AsOf != "" {
		if asOf, err = time.Parse(time.DateOnly, c.AsOf); err != nil {
			return usage(fmt.Errorf("--as-of %q is not a date", c.AsOf), "--as-of 2019-11-26")
		}
	}
	if err := c.compare(p, c.Select, c.Exclude); err != nil {
		return err
	}
	graph, err := graphAt(p, c.Engine, asOf)
	if err != nil {
		return err
	}
	if err := c.writeManifest(g, p, graph); err != nil {
		return err
	}
	nodes, err := graph.Select(c.Select, c.Exclude)
	if err != nil {
		return err
	}
	compiled := map[string]string{}
	for _, n := range nodes {
		if n.Kind != model.KindModel {
			continue
		}
		relation := func(n *model.Node) string { return n.Schema + "." + n.Alias }
		sql, err := graph.Compile(n, model.Env{Relation: relation, This: relation(n)})
		if err != nil {
			return err
		}
		if g.JSON {
			compiled[n.Name] = sql
			continue
		}
		fmt.Fprintf(g.terminal.out, "-- %s (%s.%s)\n%s;\n\n", n.Path, n.Schema, n.Alias, sql)
	}
	if g.JSON {
		return writeJSON(g.terminal.out, compiled)
	}
	return nil
}

// writeManifest writes the manifest of all models, whatever is selected.
func (c *compileCommand) writeManifest(g *Globals, p *project.Project, graph *model.Graph) error {
	if !c.WriteJSON {
		return nil
	}
	a := artifactsOf(p, graph, "compile", time.Now())
	a.Adapter = c.Engine
	manifest, err := a.Manifest()
	if err != nil {
		return err
	}
	return c.write(g, p, map[string]map[string]any{dbt.ManifestFile: manifest})
}

// graphAt is a project's graph without a warehouse, as models would see it in a run of that instant.
func graphAt(p *project.Project, engine string, asOf time.Time) (*model.Graph, error) {
	at := asOf.Format(time.DateTime)
	return model.NewGraph(p, model.Options{
		Target: model.Target{Name: engine, Type: engine}, Vars: map[string]any{"as_of": at, "snapshot_at": at}, Env: os.Getenv,
	})
}
