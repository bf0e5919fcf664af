package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lifeline/model"
	"lifeline/run"
	"lifeline/warehouse"
)

type lsCommand struct {
	stateFlags
	Select  []string `short:"s" sep:" " placeholder:"MODELS" help:"Only these (name, +name+, tag:x, path:x, source:x)."`
	Exclude []string `sep:" " placeholder:"MODELS" help:"Without these."`

	Locality bool `help:"Show by which column each model is local, or why it is not."`
}

func (lsCommand) Help() string {
	return `Lists in build order.

Examples:
  lifeline ls --project examples/carepay
  lifeline ls --select "+dim_claims_lifecycle"
  lifeline ls --locality

A model that is local by a column is rebuilt for the values that a load has changed, and for no others.`
}

// listed is one node as ls prints it.
type listed struct {
	ID           string   `json:"id"`
	Kind         string   `json:"kind"`
	Relation     string   `json:"relation"`
	Materialized string   `json:"materialized,omitempty"`
	Path         string   `json:"path,omitempty"`
	Tags         []string `json:"tags,omitempty"`
	DependsOn    []string `json:"depends_on"`
	Tests        int      `json:"tests"`
	Locality     string   `json:"locality,omitempty"`
	LocalBy      string   `json:"local_by,omitempty"`
	Place        string   `json:"place,omitempty"` // Of what keeps it from being local.
}

func (c *lsCommand) Run(_ context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	if err := c.compare(p, c.Select, c.Exclude); err != nil {
		return err
	}
	graph, err := graphAt(p, "duckdb", time.Now().UTC())
	if err != nil {
		return err
	}
	nodes, err := graph.Select(c.Select, c.Exclude)
	if err != nil {
		return err
	}
	tests := map[string]int{}
	for _, t := range p.Tests {
		tests[t.Node]++
	}
	local := map[*model.Node]*model.Locality{}
	if c.Locality {
		if local, err = graph.Localities(byName); err != nil {
			return err
		}
	}
	out := make([]listed, 0, len(nodes))
	for _, n := range nodes {
		tested := n.Name
		if n.Source != nil {
			tested = n.Source.Source + "." + n.Name
		}
		l := listed{
			ID: n.ID, Kind: string(n.Kind), Relation: n.Schema + "." + n.Alias, Materialized: string(n.Materialized),
			Path: n.Path, Tags: n.Tags, DependsOn: []string{}, Tests: tests[tested],
		}
		for _, d := range n.DependsOn {
			l.DependsOn = append(l.DependsOn, d.ID)
		}
		if at := local[n]; at != nil {
			l.Locality, l.LocalBy, l.Place = at.String(), at.Column(), at.Where
		}
		out = append(out, l)
	}
	if g.JSON {
		return writeJSON(g.terminal.out, out)
	}
	if c.Locality {
		printLocality(g, out)
		return nil
	}
	rows := make([][]string, len(out))
	for i, l := range out {
		rows[i] = []string{l.Kind, l.Relation, l.Materialized, fmt.Sprint(l.Tests), strings.Join(l.Tags, ","), l.Path}
	}
	grid(g.terminal.out, []string{"kind", "relation", "materialized", "tests", "tags", "path"}, rows, "tests")
	return nil
}

// byName names relations as their schemas and names stand in the project.
func byName(n *model.Node) model.Env {
	relation := func(n *model.Node) string { return warehouse.Relation(n.Schema, n.Alias) }
	return model.Env{Relation: relation, This: relation(n), Versions: run.Versions}
}

// printLocality prints the models with what they are local by; where one is not, also the place of the reason.
func printLocality(g *Globals, out []listed) {
	var rows [][]string
	for _, l := range out {
		if l.Locality == "" {
			continue
		}
		place := ""
		if l.LocalBy == "" {
			place = l.Place
		}
		rows = append(rows, []string{l.Relation, l.Materialized, l.Locality, place})
	}
	grid(g.terminal.out, []string{"relation", "materialized", "locality", "place"}, rows)
}
