package catalog

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Markdown writes the whole catalog as one text. Headings begin at the given level.
func (c *Catalog) Markdown(out io.Writer, level int) error {
	w := &writer{Writer: bufio.NewWriter(out), level: level, project: c.Project}
	names, of := c.Undocumented()
	w.heading(0, c.Project)
	w.line("%d tables, %d columns. %s", len(c.Tables), of, documented(len(names)))
	for _, g := range c.groups() {
		w.heading(1, c.Project+": "+g.Schema)
		w.contents(g)
		w.drawings(g)
		for _, t := range g.Tables {
			w.table(t)
		}
	}
	w.heading(1, c.Project+": undocumented")
	if len(names) == 0 {
		w.line("No column is undocumented.")
	} else {
		w.line("%d of %d columns have no description:", len(names), of)
		for _, n := range names {
			fmt.Fprintf(w, "- `%s`\n", n)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

func documented(missing int) string {
	switch missing {
	case 0:
		return "Every column is described."
	case 1:
		return "1 column is not described; it is listed at the end."
	}
	return fmt.Sprintf("%d columns are not described; they are listed at the end.", missing)
}

type writer struct {
	*bufio.Writer

	level   int
	project string
}

func (w *writer) heading(deeper int, text string) {
	fmt.Fprintf(w, "%s %s\n\n", strings.Repeat("#", w.level+deeper), text)
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n\n", args...) }

func (w *writer) contents(g group) {
	fmt.Fprint(w, "| table | grain | what it is |\n|---|---|---|\n")
	for _, t := range g.Tables {
		first, _, _ := strings.Cut(t.Description, ". ")
		fmt.Fprintf(w, "| [`%s`](#%s) | %s | %s |\n", t.Name, w.anchor(t), cells(t.Grain), cells(strings.TrimSuffix(first, ".")))
	}
	fmt.Fprintln(w)
}

// anchor is the name of a table's heading: two projects in one text may have a table of one name.
func (w *writer) anchor(t *Table) string { return w.project + "." + t.Name }

// node is a table's name in a drawing.
func node(t *Table) string { return strings.ReplaceAll(t.Name, ".", "_") }

// drawings are the lineage of a group, a drawing a folder: what its tables read, and which of them read each other.
func (w *writer) drawings(g group) {
	if g.Schema == "staging" {
		return
	}
	var folders []string
	in := map[string][]*Table{}
	for _, t := range g.Tables {
		folder := path.Dir(t.File)
		if !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
		in[folder] = append(in[folder], t)
	}
	for _, folder := range folders {
		var edges []string
		for _, t := range in[folder] {
			for _, up := range t.Up {
				edges = append(edges, fmt.Sprintf("  %s[%s] --> %s[%s]", node(up), short(up), node(t), short(t)))
			}
		}
		if len(edges) > 0 {
			fmt.Fprintf(w, "```mermaid\ngraph LR\n%s\n```\n\n", strings.Join(edges, "\n"))
		}
	}
}

func short(t *Table) string {
	if t.Kind == "source" {
		return t.Name
	}
	return t.Node
}

func (w *writer) table(t *Table) {
	fmt.Fprintf(w, "<a id=\"%s\"></a>\n\n", w.anchor(t))
	w.heading(2, t.Name)
	if t.Description != "" {
		w.line("%s", t.Description)
	}
	fmt.Fprintf(w, "- Grain: %s\n", grainText(t))
	fmt.Fprintf(w, "- Made by: %s, `%s`%s\n", t.Kind, t.File, kindText(t))
	if len(t.Up) > 0 {
		fmt.Fprintf(w, "- Reads: %s\n", w.links(t.Up))
	}
	if len(t.Down) > 0 {
		fmt.Fprintf(w, "- Read by: %s\n", w.links(t.Down))
	}
	fmt.Fprintln(w)
	switch {
	case t.As != "":
		w.line("Columns: as `%s` has them.", t.As)
	case len(t.Columns) > 0:
		fmt.Fprint(w, "| column | type | what it is |\n|---|---|---|\n")
		for _, c := range t.Columns {
			said := cells(c.Description)
			if said == "" {
				said = "*undocumented*"
			}
			fmt.Fprintf(w, "| `%s` | %s | %s |\n", c.Name, cells(c.Type), said)
		}
		fmt.Fprintln(w)
	}
	if t.Open {
		w.line("It may have more columns: its SQL selects some by a star that leads outside it.")
	}
	if len(t.Checks) > 0 {
		fmt.Fprint(w, "| check | on | severity | when it fails |\n|---|---|---|---|\n")
		for _, c := range t.Checks {
			fmt.Fprintf(w, "| %s | %s | %s | %s |\n", cells(c.Name), cells(c.Column), c.Severity, cells(c.Failure))
		}
		fmt.Fprintln(w)
	}
}

func grainText(t *Table) string {
	if t.Grain == "" {
		return "nothing says it; no grain is declared and no test of uniqueness is bound"
	}
	return t.Grain + " (by " + t.GrainFrom + ")"
}

func kindText(t *Table) string {
	switch {
	case t.Inlined:
		return ", inlined into its readers"
	case t.Materialized != "":
		return ", a " + t.Materialized
	}
	return ""
}

func (w *writer) links(tables []*Table) string {
	var out []string
	for _, t := range tables {
		out = append(out, fmt.Sprintf("[`%s`](#%s)", t.Name, w.anchor(t)))
	}
	return strings.Join(out, ", ")
}

// cells makes a text fit for a table.
func cells(s string) string { return strings.NewReplacer("|", `\|`, "<", `\<`).Replace(s) }
