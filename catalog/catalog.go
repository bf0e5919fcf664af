// Package catalog describes every table of a project: its grain, columns, lineage, checks and SQL, as pages or as one text. It reads the
// project and its graph and opens no database, so it says what is declared and what the SQL selects, not what is in the tables.
package catalog

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"lifeline/model"
	"lifeline/project"
)

// Catalog is a project as it is described.
type Catalog struct {
	Project string
	Tables  []*Table // In build order: what is read comes before what reads it.
}

// Table is a source table, a seed or a model.
type Table struct {
	Name         string // schema.table.
	Node         string // The name in ref().
	Kind         string // source, seed or model.
	Description  string
	Grain        string // What one row is, such as "one row per id"; empty where nothing says it.
	GrainFrom    string // What says so: declared, key, or the test.
	Materialized string
	File         string
	Columns      []Column
	Open         bool // The SQL selects columns that cannot be told from the files.
	Up, Down     []*Table
	Checks       []Check
	SQL          string // Of a model, compiled for DuckDB.
	As           string // The model whose columns these are described by, where it is another; empty for most.
	Inlined      bool   // An ephemeral model: no table of its own.
}

// Column is a column with what is said of it.
type Column struct {
	Name        string
	Type        string // As declared; empty where it is not.
	Description string // Empty for an undocumented one.
	Declared    bool   // A YAML file names it; else the SQL selects it.
}

// Check is a test that is bound to a table.
type Check struct {
	Name        string
	Column      string
	Kind        string
	Severity    string // block, quarantine, flag or info.
	Failure     string // What happens when it fails.
	Description string
	File        string // file:line.
}

// Undocumented are the columns of a table without a description.
func (t *Table) Undocumented() []string {
	var out []string
	for _, c := range t.Columns {
		if c.Description == "" {
			out = append(out, c.Name)
		}
	}
	return out
}

// Undocumented are all columns without a description, as schema.table.column, and how many columns there are.
func (c *Catalog) Undocumented() (names []string, of int) {
	for _, t := range c.Tables {
		of += len(t.Columns)
		for _, column := range t.Undocumented() {
			names = append(names, t.Name+"."+column)
		}
	}
	return names, of
}

// New describes every node of the graph.
func New(p *project.Project, g *model.Graph) (*Catalog, error) {
	c := &Catalog{Project: p.Name}
	of, columns := map[*model.Node]*Table{}, map[string][]string{}
	for _, n := range g.Nodes {
		t, err := describe(p, g, n, columns)
		if err != nil {
			return nil, err
		}
		of[n] = t
		for _, column := range t.Columns {
			if !t.Open {
				columns[t.Name] = append(columns[t.Name], column.Name)
			}
		}
		c.Tables = append(c.Tables, t)
		for _, d := range n.DependsOn {
			t.Up = append(t.Up, of[d])
			of[d].Down = append(of[d].Down, t)
		}
	}
	return c, nil
}

func relation(n *model.Node) string { return n.Schema + "." + n.Alias }

func describe(p *project.Project, g *model.Graph, n *model.Node, known map[string][]string) (*Table, error) {
	t := &Table{
		Name: relation(n), Node: n.Name, Kind: string(n.Kind), Materialized: n.Materialized, File: n.Path,
		Inlined: n.Materialized == model.Ephemeral,
	}
	tested := n.Name
	switch n.Kind {
	case model.KindSource:
		tested = n.Source.Source + "." + n.Name
		t.Node, t.Description = tested, n.Source.Description
		t.Columns = declared(n.Source.Columns)
	case model.KindSeed:
		t.Description = n.Seed.Description
		for _, c := range n.Seed.Columns {
			t.Columns = append(t.Columns, Column{Name: c.Name, Type: c.Type, Description: oneLine(c.Description), Declared: c.Description != ""})
		}
	case model.KindModel:
		t.Description = n.Model.Description
		t.Columns = declared(n.Model.Columns)
		var err error
		if t.SQL, err = g.Compile(n, model.Env{Relation: relation, This: relation(n)}); err != nil {
			return nil, err
		}
		t.addSelected(known)
		t.takeOver(p, n.Model)
	}
	t.Description = oneLine(t.Description)
	t.Checks = checks(p, n, tested)
	t.setGrain(p, n, tested)
	return t, nil
}

func declared(columns []project.Column) []Column {
	out := make([]Column, 0, len(columns))
	for _, c := range columns {
		out = append(out, Column{Name: c.Name, Type: c.DataType, Description: oneLine(c.Description), Declared: true})
	}
	return out
}

// addSelected adds the columns that the SQL selects and no file describes.
func (t *Table) addSelected(known map[string][]string) {
	names, all := selected(t.SQL, known)
	t.Open = !all
	for _, name := range names {
		if !slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == name }) {
			t.Columns = append(t.Columns, Column{Name: name})
		}
	}
}

// takeOver describes columns as another model does, where the project says so.
func (t *Table) takeOver(p *project.Project, m *project.Model) {
	if m.ColumnsOf == "" {
		return
	}
	t.As = m.ColumnsOf
	for i := range t.Columns {
		for _, c := range p.Model(m.ColumnsOf).Columns {
			if t.Columns[i].Description == "" && c.Name == t.Columns[i].Name {
				t.Columns[i].Description = oneLine(c.Description)
			}
		}
	}
}

var blanks = regexp.MustCompile(`\s+`)

// oneLine is a folded YAML text without its line ends.
func oneLine(s string) string { return strings.TrimSpace(blanks.ReplaceAllString(s, " ")) }

// setGrain takes what the project declares, else the key of a source, else a test of uniqueness.
func (t *Table) setGrain(p *project.Project, n *model.Node, tested string) {
	if n.Kind == model.KindSource && len(n.Source.Key) > 0 {
		t.Grain, t.GrainFrom = perRow(n.Source.Key), "meta.lifeline.key"
		return
	}
	if n.Kind == model.KindModel && len(n.Model.Grain) > 0 {
		t.Grain, t.GrainFrom = perRow(n.Model.Grain), "meta.lifeline.grain"
		return
	}
	for _, test := range p.Tests {
		if test.Node != tested || test.Disabled {
			continue
		}
		if columns := test.Unique(); len(columns) > 0 {
			t.Grain, t.GrainFrom = perRow(columns), "test "+test.Name
			return
		}
	}
	if t.As != "" {
		other := &Table{}
		other.setGrain(p, &model.Node{Kind: model.KindModel, Model: p.Model(t.As), Config: p.Model(t.As).Config}, t.As)
		t.Grain, t.GrainFrom = other.Grain, other.GrainFrom
		return
	}
	if n.Kind == model.KindModel && len(n.Config.UniqueKey) > 0 {
		t.Grain, t.GrainFrom = perRow(n.Config.UniqueKey), "unique_key"
	}
}

func perRow(columns []string) string {
	if len(columns) == 1 {
		return "one row per " + columns[0]
	}
	return "one row per " + strings.Join(columns[:len(columns)-1], ", ") + " and " + columns[len(columns)-1]
}

var refName = regexp.MustCompile(`(?:ref\(\s*|source\(\s*['"][^'"]+['"]\s*,\s*)['"]([^'"]+)['"]`)

// checks are the tests on a node, and the singular tests that read it.
func checks(p *project.Project, n *model.Node, tested string) []Check {
	var out []Check
	for _, test := range p.Tests {
		if test.Disabled || test.Node != tested && !(test.Kind == project.Singular && reads(test.SQL, n.Name)) {
			continue
		}
		severity, failure := consequence(test)
		out = append(out, Check{
			Name: test.Name, Column: test.Column, Kind: test.Kind, Severity: severity, Failure: failure,
			Description: oneLine(test.Description), File: fmt.Sprintf("%s:%d", test.File, test.Line),
		})
	}
	slices.SortStableFunc(out, func(a, b Check) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func reads(sql, name string) bool {
	for _, m := range refName.FindAllStringSubmatch(sql, -1) {
		if m[1] == name {
			return true
		}
	}
	return false
}

// consequence says what a failing check does.
func consequence(t *project.Test) (severity, failure string) {
	severity = t.OnFail
	if severity == "" {
		severity = map[string]string{"error": "block", "warn": "flag"}[t.Severity]
	}
	loose := t.ErrorIf != "" && t.ErrorIf != "!= 0"
	switch severity {
	case "quarantine":
		failure = "the failing rows are quarantined"
		if t.Hold > 0 {
			failure += fmt.Sprintf(" (held %s for a late parent)", t.Hold)
		}
		if loose {
			failure += "; " + t.ErrorIf + " of them stop the publication"
		}
	case "block":
		failure = "the publication stops, the old version stays"
		if loose {
			failure = t.ErrorIf + " failing rows stop the publication"
		}
	case "info":
		failure = "it is recorded"
	default:
		failure = "it is reported, and the version is published"
	}
	return severity, failure
}

// groups are the tables by schema, sources first, each by the names of its tables.
func (c *Catalog) groups() []group {
	var out []group
	for _, t := range c.Tables {
		schema, _, _ := strings.Cut(t.Name, ".")
		i := slices.IndexFunc(out, func(g group) bool { return g.Schema == schema })
		if i < 0 {
			i = len(out)
			out = append(out, group{Schema: schema})
		}
		out[i].Tables = append(out[i].Tables, t)
	}
	for _, g := range out {
		slices.SortFunc(g.Tables, func(a, b *Table) int { return strings.Compare(a.Name, b.Name) })
	}
	rank := map[string]int{"staging": -3, "core": -2, "analytics": -1}
	slices.SortStableFunc(out, func(a, b group) int { return rank[a.Schema] - rank[b.Schema] })
	return out
}

type group struct {
	Schema string
	Tables []*Table
}

// Above are all tables that a table rests on, Below all that rest on it, by name.
func (t *Table) Above() []*Table { return t.reach(func(t *Table) []*Table { return t.Up }) }

// Below are all tables that rest on this one, by name.
func (t *Table) Below() []*Table { return t.reach(func(t *Table) []*Table { return t.Down }) }

func (t *Table) reach(next func(*Table) []*Table) []*Table {
	seen := map[*Table]bool{}
	var walk func(*Table)
	walk = func(at *Table) {
		for _, n := range next(at) {
			if !seen[n] {
				seen[n] = true
				walk(n)
			}
		}
	}
	walk(t)
	return slices.SortedFunc(maps.Keys(seen), func(a, b *Table) int { return strings.Compare(a.Name, b.Name) })
}
