package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

type lsCommand struct {
	Select  []string `short:"s" sep:" " placeholder:"MODELS" help:"Only these (name, +name+, tag:x, path:x, source:x)."`
	Exclude []string `sep:" " placeholder:"MODELS" help:"Without these."`
}

func (lsCommand) Help() string {
	return `Lists in build order.

Examples:
  lifeline ls --project examples/carepay
  lifeline ls --select "+dim_claims_lifecycle"`
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
}

func (c *lsCommand) Run(_ context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
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
		out = append(out, l)
	}
	if g.JSON {
		return writeJSON(g.terminal.out, out)
	}
	rows := make([][]string, len(out))
	for i, l := range out {
		rows[i] = []string{l.Kind, l.Relation, l.Materialized, fmt.Sprint(l.Tests), strings.Join(l.Tags, ","), l.Path}
	}
	grid(g.terminal.out, []string{"kind", "relation", "materialized", "tests", "tags", "path"}, rows, "tests")
	return nil
}
