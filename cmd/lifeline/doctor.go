package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lifeline/change"
	"lifeline/project"
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
}

func (c *doctorCommand) Run(ctx context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	findings := []finding{c.project(g, p)}
	failed := &change.Problem{Class: change.ClassError}
	broken := 0
	src, err := g.openSource(ctx, p, 1, true)
	if err != nil {
		f := describe(err)
		findings = append(findings, finding{"source", string(preflight.Fail), f.Message, f.Try})
		failed.Class, broken = change.Class(f.ExitCode), 1
	} else {
		defer src.Close()
		for _, r := range src.Check(ctx) {
			findings = append(findings, finding{r.Name, string(r.Status), r.What, r.Try})
			if r.Status == preflight.Fail {
				broken++
				failed.Class = r.Class
			}
		}
	}
	w := c.warehouse(ctx, g, p)
	if findings = append(findings, w); w.Status == string(preflight.Fail) {
		broken++
	}
	if err := c.print(g, findings); err != nil {
		return err
	}
	if broken > 0 {
		failed.Err = fmt.Errorf("%d checks failed", broken)
		return &toldError{failed}
	}
	return nil
}

// project says whether the project's graph can be made, and which dbt keys have no effect here.
func (c *doctorCommand) project(g *Globals, p *project.Project) finding {
	graph, err := graphAt(p, "duckdb", time.Now().UTC())
	if err != nil {
		f := describe(err)
		return finding{"project", string(preflight.Fail), f.Message, f.Try}
	}
	what := fmt.Sprintf("%s: %d models, %d seeds, %d tests, %d nodes in order", p.Name, len(p.Models), len(p.Seeds), len(p.Tests),
		len(graph.Nodes))
	if n := len(p.Unused()); n > 0 {
		what += fmt.Sprintf("; %d keys have no effect here: %s", n, strings.Join(p.Unused(), ", "))
	}
	return finding{"project", string(preflight.OK), what, ""}
}

func (c *doctorCommand) warehouse(ctx context.Context, g *Globals, p *project.Project) finding {
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		f := describe(err)
		return finding{"warehouse", string(preflight.Fail), f.Message, f.Try}
	}
	defer wh.Close()
	engine := wh.Engine()
	cluster, found, err := warehouse.CheckNodes(ctx, wh)
	if err != nil {
		f := describe(err)
		return finding{"warehouse", string(preflight.Fail), f.Message, f.Try}
	}
	if len(found) > 0 {
		return finding{"warehouse", string(preflight.Fail), found[0].Message, found[0].Try}
	}
	if cluster != "" {
		engine = cluster
	}
	r, err := wh.Published(ctx)
	if err != nil {
		f := describe(nothingPublished(err))
		return finding{"warehouse", string(preflight.OK), engine + ": " + f.Message, f.Try}
	}
	defer r.Close()
	return finding{"warehouse", string(preflight.OK), fmt.Sprintf("%s: version %d is published", engine, r.Version), ""}
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
