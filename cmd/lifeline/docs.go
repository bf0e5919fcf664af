package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"lifeline/catalog"
	"lifeline/model"
	"lifeline/project"
)

type docsCommand struct {
	artifactFlags
	Out    string `placeholder:"DIR" help:"Where to write: pages into DIR (lifeline-docs), md into DIR/data-model.md (stdout)."`
	Format string `enum:"html,md" default:"html" help:"html (a folder of static pages) or md (one text)."`
}

func (docsCommand) Help() string {
	return `Describes every source table, seed and model: grain, columns, lineage, checks and SQL. The pages need no server and ask nothing
of any other host. For dbt's tools, target/manifest.json and target/catalog.json are written, the latter with the published columns.

Examples:
  lifeline docs --project examples/carepay --out carepay-docs
  lifeline docs --format md > data-model.md
  lifeline docs --json | jq .undocumented`
}

// docsFile is the name of the Markdown text in a folder.
const docsFile = "data-model.md"

// written is what docs prints as JSON.
type written struct {
	Project      string   `json:"project"`
	Format       string   `json:"format"`
	Out          string   `json:"out"`
	Files        int      `json:"files"`
	Tables       int      `json:"tables"`
	Columns      int      `json:"columns"`
	Undocumented []string `json:"undocumented"`
}

func (c *docsCommand) Run(ctx context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	all, err := describeProject(p)
	if err != nil {
		return err
	}
	if err := c.writeDocs(ctx, g, p); err != nil {
		return err
	}
	missing, columns := all.Undocumented()
	w := written{
		Project: all.Project, Format: c.Format, Out: c.Out, Files: 1, Tables: len(all.Tables), Columns: columns,
		Undocumented: append([]string{}, missing...),
	}
	switch {
	case c.Format == "html":
		if w.Out == "" {
			w.Out = "lifeline-docs"
		}
		if w.Files, err = all.HTML(w.Out); err != nil {
			return err
		}
	case c.Out == "" && !g.JSON:
		return all.Markdown(g.terminal.out, 1)
	default:
		if w.Out, err = writeMarkdown(all, c.Out); err != nil {
			return err
		}
	}
	if g.JSON {
		return writeJSON(g.terminal.out, w)
	}
	fmt.Fprintf(g.terminal.out, "%s: %s tables, %s columns, %s without a description\n", w.Out, count(int64(w.Tables)),
		count(int64(w.Columns)), count(int64(len(missing))))
	return nil
}

// writeMarkdown writes the text into a folder and returns its file.
func writeMarkdown(all *catalog.Catalog, dir string) (string, error) {
	var text bytes.Buffer
	if err := all.Markdown(&text, 1); err != nil {
		return "", err
	}
	if dir == "" {
		dir = "."
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the folder of the text: %w", err)
	}
	name := filepath.Join(dir, docsFile)
	if err := os.WriteFile(name, text.Bytes(), 0o644); err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	return name, nil
}

// describeProject makes the catalog. The as-of instant stands as a word, so that the text is the same every day.
func describeProject(p *project.Project) (*catalog.Catalog, error) {
	graph, err := model.NewGraph(p, model.Options{
		Target: model.Target{Name: "docs", Type: "duckdb"}, Vars: map[string]any{"as_of": "AS OF", "snapshot_at": "SNAPSHOT AT"}, Env: os.Getenv,
	})
	if err != nil {
		return nil, err
	}
	return catalog.New(p, graph)
}
