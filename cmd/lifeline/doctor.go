package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lifeline/change"
	"lifeline/model"
	"lifeline/project"
	"lifeline/run"
	"lifeline/semantic"
	"lifeline/source"
	"lifeline/source/preflight"
	"lifeline/warehouse"
)

type doctorCommand struct{}

func (doctorCommand) Help() string {
	return `Looks at the project, the source and the warehouse and says what is wrong and what to do. Exit code 0 when a run can go ahead,
3 when the source breaks its contract, else 1 or 2.

Examples:
  lifeline doctor --project examples/carepay --source mysql://reader:pass@db/carepay
  lifeline doctor --json`
}

// finding is one check of the doctor.
type finding struct {
	Check  string `json:"check"`
	Status string `json:"status"` // ok, warn, fail, skipped
	What   string `json:"what"`
	Try    string `json:"try,omitempty"`

	class change.Class
}

func (c *doctorCommand) Run(ctx context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	engine := "duckdb"
	wh, errWarehouse := g.openWarehouse(ctx, p)
	if errWarehouse == nil {
		defer wh.Close()
		engine = wh.Engine()
	}
	graph, errGraph := graphAt(p, engine, time.Now().UTC())
	findings := []finding{c.project(p, graph, errGraph), pages(p)}
	src, err := g.openSource(ctx, p, sourceOptions{Workers: 1})
	if err != nil {
		src = nil
		findings = append(findings, failing("source", err))
	} else {
		defer src.Close()
		for _, r := range src.Check(ctx) {
			findings = append(findings, finding{r.Name, string(r.Status), r.What, r.Try, r.Class})
		}
	}
	findings = append(findings, c.warehouse(ctx, wh, errWarehouse, src, graph)...)
	if err := c.print(g, findings); err != nil {
		return err
	}
	return verdict(findings)
}

// verdict is the error of the checks that failed, with the class of the last that is more than an error.
func verdict(findings []finding) error {
	broken, class := 0, change.ClassError
	for _, f := range findings {
		if f.Status != string(preflight.Fail) {
			continue
		}
		if broken++; f.class > class {
			class = f.class
		}
	}
	if broken == 0 {
		return nil
	}
	return &toldError{&change.Problem{Err: fmt.Errorf("%d checks failed", broken), Class: class}}
}

// project says whether the project's graph can be made, and which dbt keys have no effect here.
func (c *doctorCommand) project(p *project.Project, graph *model.Graph, err error) finding {
	if err != nil {
		return failing("project", err)
	}
	what := fmt.Sprintf("%s: %d models, %d seeds, %d tests, %d nodes in order", p.Name, len(p.Models), len(p.Seeds), len(p.Tests),
		len(graph.Nodes))
	if n := len(p.Unused()); n > 0 {
		what += fmt.Sprintf("; %d keys have no effect here: %s", n, strings.Join(p.Unused(), ", "))
	}
	return finding{Check: "project", Status: string(preflight.OK), What: what}
}

// pages says whether the project's pages can be read: serve stops where they cannot.
func pages(p *project.Project) finding {
	d, err := semantic.DefinitionOf(p)
	if err != nil {
		return failing("pages", err)
	}
	return finding{Check: "pages", Status: string(preflight.OK), What: fmt.Sprintf("%d pages", len(d.Pages))}
}

func failing(check string, err error) finding {
	f := describe(err)
	return finding{check, string(preflight.Fail), f.Message, f.Try, change.Class(f.ExitCode)}
}

// warehouse says what a run would stop at on the warehouse's side, before one touches anything. src and graph are nil where they could not
// be had.
func (c *doctorCommand) warehouse(ctx context.Context, wh warehouse.Warehouse, err error, src source.Source, graph *model.Graph) []finding {
	if err != nil {
		return []finding{failing("warehouse", err)}
	}
	engine, out := clusterOf(ctx, wh)
	if len(out) > 0 {
		return out
	}
	var models []warehouse.Model
	if graph != nil {
		for _, n := range graph.Nodes {
			if n.Kind != model.KindSource && n.Materialized != model.Ephemeral {
				models = append(models, warehouse.Model{Schema: n.Schema, Name: n.Alias})
			}
		}
	}
	notes, err := wh.Examine(ctx)
	if err != nil {
		out = append(out, failing("warehouse", err))
	}
	for _, n := range notes {
		out = append(out, finding{Check: "warehouse", Status: string(preflight.Warn), What: n})
	}
	var tables []*change.Table
	if src != nil {
		tables, _ = src.Tables(ctx) // What is wrong there is said by the source's own checks.
	}
	if err := wh.Check(ctx, tables, models); err != nil {
		out = append(out, failing("names", err))
	}
	if graph != nil {
		if err := run.EntityKeys(graph, tables); err != nil {
			out = append(out, failing("keys", err))
		}
	}
	if len(out) > len(notes) {
		return out
	}
	r, err := wh.Published(ctx)
	switch {
	case errors.Is(err, warehouse.ErrNothingPublished):
		f := describe(nothingPublished(err))
		return append(out, finding{
			Check: "warehouse", Status: string(preflight.OK), What: engine + ": " + f.Message, Try: f.Try,
		})
	case err != nil:
		return append(out, failing("warehouse", err))
	}
	defer r.Close()
	return append(out, finding{
		Check: "warehouse", Status: string(preflight.OK), What: fmt.Sprintf("%s: version %d is published", engine, r.Version),
	})
}

// clusterOf names the engine, with its nodes where it has some, and says what is wrong with one of them.
func clusterOf(ctx context.Context, wh warehouse.Warehouse) (engine string, out []finding) {
	cluster, found, err := warehouse.CheckNodes(ctx, wh)
	switch {
	case err != nil:
		return "", []finding{failing("warehouse", err)}
	case len(found) > 0:
		return "", []finding{{
			Check: "warehouse", Status: string(preflight.Fail), What: found[0].Message, Try: found[0].Try, class: change.ClassError,
		}}
	case cluster != "":
		return cluster, nil
	}
	return wh.Engine(), nil
}

func (c *doctorCommand) print(g *Globals, findings []finding) error {
	if g.JSON {
		return writeJSON(g.terminal.out, findings)
	}
	marks := map[string]string{"ok": g.terminal.green("ok"), "fail": g.terminal.red("fail")}
	for _, f := range findings {
		mark := marks[f.Status]
		if mark == "" {
			mark = f.Status
		}
		fmt.Fprintf(g.terminal.out, "%-8s %-16s %s\n", mark, f.Check, f.What)
		if f.Try != "" && f.Status != "ok" {
			fmt.Fprintf(g.terminal.out, "%-8s %-16s Try: %s\n", "", "", f.Try)
		}
	}
	return nil
}
