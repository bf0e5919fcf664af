// Package model turns a project's SQL files into an ordered graph of selects: Jinja rendered, references followed, materializations
// settled, nodes chosen. It opens no database; how relations are called is the caller's to say (Env.Relation).
package model

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"lifeline/change"
	"lifeline/jinja"
	"lifeline/project"
)

// Kind is what a node is.
type Kind string

// The kinds of nodes.
const (
	KindSource Kind = "source"
	KindSeed   Kind = "seed"
	KindModel  Kind = "model"
)

// The materializations of a model.
const (
	Table       = "table"
	View        = "view"
	Ephemeral   = "ephemeral"
	Incremental = "incremental"
)

// Target is what models see as `target`.
type Target struct {
	Name   string
	Type   string // duckdb or postgres, also where that has Citus.
	Schema string // The schema of models that name none.
}

// Options say for what the graph is made.
type Options struct {
	Target Target
	Vars   map[string]any      // Over those of dbt_project.yml.
	Env    func(string) string // For env_var; nil means none is set.
}

// Node is a source table, a seed or a model.
type Node struct {
	ID           string // Such as "model.carepay.claims".
	Kind         Kind
	Name         string // In ref(), or a source table's name.
	Schema       string
	Alias        string // The relation's name in its schema.
	Materialized string // After the rules: a view that reaches a source is a table. Empty for sources.
	DependsOn    []*Node
	Tags         []string
	Path         string // Relative to the project.
	EntityOf     *project.SourceTable
	ReadsPast    bool // By at(): a source table as it was.
	Config       project.ModelConfig
	Model        *project.Model
	Seed         *project.Seed
	Source       *project.SourceTable
}

// Graph is the project's nodes in an order in which each comes after what it depends on; among equals the name decides.
type Graph struct {
	Nodes []*Node

	project  *project.Project
	renderer *renderer
	byName   map[string]*Node
}

// NewGraph renders every model once to find its references, and orders all nodes.
func NewGraph(p *project.Project, o Options) (*Graph, error) {
	if o.Target.Schema == "" {
		o.Target.Schema = "analytics"
	}
	if p.Target != "" {
		o.Target.Name = p.Target
	}
	r, err := newRenderer(p, o)
	if err != nil {
		return nil, err
	}
	g := &Graph{project: p, renderer: r, byName: map[string]*Node{}}
	nodes, err := g.collect()
	if err != nil {
		return nil, err
	}
	depends := map[*Node]edges{}
	for _, n := range nodes {
		if depends[n], err = g.parse(n); err != nil {
			return nil, err
		}
	}
	if err := g.configureTests(); err != nil {
		return nil, err
	}
	if err := g.followParents(depends); err != nil {
		return nil, err
	}
	for n, on := range depends {
		n.DependsOn = slices.SortedFunc(maps.Keys(on), byID)
	}
	if g.Nodes, err = order(nodes, depends); err != nil {
		return nil, err
	}
	g.settleViews()
	if err := g.settleNames(); err != nil {
		return nil, err
	}
	return g, g.checkTests()
}

// edges are what a node depends on, each with the place of the test that asks for it: empty where the model's own SQL does.
type edges map[*Node]string

func byID(a, b *Node) int { return cmp.Compare(a.ID, b.ID) }

// collect makes the nodes of everything that is switched on.
func (g *Graph) collect() ([]*Node, error) {
	var nodes []*Node
	p := g.project
	for _, s := range p.Sources {
		n := &Node{
			ID: "source." + p.Name + "." + s.Source + "." + s.Name, Kind: KindSource, Name: s.Name, Schema: s.Schema, Alias: s.Name,
			Source: s,
		}
		n.Path, _, _ = strings.Cut(s.Where, ":")
		g.byName["source:"+s.Source+"."+s.Name] = n
		nodes = append(nodes, n)
	}
	for _, s := range p.Seeds {
		n := &Node{
			ID: "seed." + p.Name + "." + s.Name, Kind: KindSeed, Name: s.Name, Path: s.Path, Seed: s, Config: s.Config,
			Materialized: Table,
		}
		g.byName[s.Name] = n
		nodes = append(nodes, n)
		for source, seed := range p.Filled {
			if seed == s.Name {
				g.byName["source:"+source] = n
			}
		}
	}
	for _, m := range p.Models {
		n := &Node{
			ID: "model." + p.Name + "." + m.Name, Kind: KindModel, Name: m.Name, Path: m.Path, Model: m, Config: m.Config,
			EntityOf: p.SourceOf(m),
		}
		g.byName[m.Name] = n
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// parse finds a model's references and settles its configuration. Of an incremental model both ways are looked at.
func (g *Graph) parse(n *Node) (edges, error) {
	on := edges{}
	if n.Kind != KindModel {
		return on, g.configure(n)
	}
	if n.Config.Disabled {
		return on, nil // It may well refer to what is not there.
	}
	for _, incremental := range []bool{false, true} {
		if incremental && n.Config.Materialized != Incremental {
			break
		}
		text, err := g.renderer.render(n.Path, n.Model.SQL, g.finding(n, on, incremental))
		if n.Config.Disabled {
			return edges{}, nil
		}
		if err != nil {
			return nil, err
		}
		if leading.FindString(text) == text {
			return nil, &change.Problem{
				Err:   fmt.Errorf("model %s is empty: its file gives no select", n.Name),
				Where: n.Path, Class: change.ClassUsage, Try: "write a select, or delete the file",
			}
		}
		if err := oneSelect(n, text); err != nil {
			return nil, err
		}
	}
	n.EntityOf = g.project.SourceOf(n.Model)
	return on, g.configure(n)
}

// finding are the hooks that note what a model refers to and how it is configured.
func (g *Graph) finding(n *Node, on edges, incremental bool) hooks {
	note := func(d *Node, err error) (jinja.Value, error) {
		if err != nil {
			return nil, err
		}
		on[d] = ""
		return &relation{standIn(d.Name), d}, nil
	}
	h := hooks{
		node: n, incremental: incremental, this: &relation{"this", n}, get: n.Config.Get,
		ref:    func(name string) (jinja.Value, error) { return note(g.lookup(name)) },
		source: func(source, table string) (jinja.Value, error) { return note(g.lookupSource(source, table)) },
		at: func(of *Node, _ string) (string, error) { // source() has noted the table.
			n.ReadsPast = true
			return standIn(of.Name), nil
		},
		versions: func(source, table string, columns []string) (string, error) {
			_, err := note(g.lookupVersions(source, table, columns))
			return standIn(table), err
		},
	}
	if incremental {
		return h
	}
	h.told = func(what string) { g.project.Ignore(what, n.Path) }
	h.config = func(key string, v any) error {
		if meta, ok := v.(map[string]any); ok && key == "meta" {
			if err := g.project.SetMeta(n.Model, meta); err != nil {
				return err
			}
		}
		if err := g.project.TakeConfigHook(key, v); err != nil {
			return err
		}
		known, err := n.Config.Set(key, v)
		if err == nil && !known {
			g.project.Ignore("config."+key, n.Path)
		}
		return err
	}
	return h
}

// standIn is what a relation is written as while only references are looked for: a quoted name, since a name may hold any sign.
func standIn(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// lookup finds what ref() names.
func (g *Graph) lookup(name string) (*Node, error) {
	if d, ok := g.byName[name]; ok && d.Kind != KindSource {
		if d.Config.Disabled {
			return nil, &fault{fmt.Errorf("%q is disabled", name), "enable it, or take the reference out", quote(name)}
		}
		return d, nil
	}
	var names []string
	for n := range g.byName {
		if !strings.HasPrefix(n, "source:") {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	near, try := project.Nearest(name, names), "add "+name+".sql to the models, or look at lifeline ls"
	if near != "" {
		try = "{{ ref('" + near + "') }}"
	}
	return nil, &fault{unknown("model or seed", name, near), try, quote(name)}
}

// lookupSource finds what source() names.
func (g *Graph) lookupSource(source, table string) (*Node, error) {
	if d, ok := g.byName["source:"+source+"."+table]; ok {
		return d, nil
	}
	var names []string
	for n := range g.byName {
		if s, ok := strings.CutPrefix(n, "source:"); ok {
			names = append(names, s)
		}
	}
	slices.Sort(names)
	near, try := project.Nearest(source+"."+table, names), "declare the table under sources: in a YAML file of the models"
	if s, t, ok := strings.Cut(near, "."); ok {
		try = "{{ source('" + s + "', '" + t + "') }}"
	}
	return nil, &fault{unknown("source table", source+"."+table, near), try, quote(table)}
}

// lookupVersions finds the source table that versions() names, and its columns.
func (g *Graph) lookupVersions(source, table string, columns []string) (*Node, error) {
	n, err := g.lookupSource(source, table)
	if err != nil {
		return nil, err
	}
	if len(n.Source.Key) == 0 {
		return nil, fmt.Errorf("source table %s.%s has no key, so its versions cannot be told apart", source, table)
	}
	if len(n.Source.Columns) == 0 {
		return nil, &fault{
			fmt.Errorf("versions() needs the columns of %s.%s, and none are declared", source, table),
			"columns: under the table in " + n.Path, quote(table),
		}
	}
	var known []string
	for _, c := range n.Source.Columns {
		known = append(known, c.Name)
	}
	for _, c := range columns {
		if !slices.Contains(known, c) {
			return nil, unknown("column of "+source+"."+table, c, project.Nearest(c, known))
		}
	}
	return n, nil
}

func unknown(what, name, near string) error {
	if near != "" {
		return fmt.Errorf("there is no %s %q; did you mean %q?", what, name, near)
	}
	return fmt.Errorf("there is no %s %q", what, name)
}

// configure gives a node its schema, name and tags. A project's own generate_schema_name macro decides; without one a custom schema is
// used as it is.
func (g *Graph) configure(n *Node) error {
	if n.Kind == KindSource {
		return nil
	}
	n.Alias = cmp.Or(n.Config.Alias, n.Name)
	n.Materialized = cmp.Or(n.Config.Materialized, View)
	if n.Kind == KindSeed {
		n.Materialized = Table
	}
	n.Tags = n.Config.Tags
	n.Schema = cmp.Or(n.Config.Schema, g.renderer.target.Schema)
	if g.project.Plain && n.Config.Schema != "" && n.refuseReserved() != nil {
		// Such as staging, which many projects have: dbt's own name for it.
		n.Schema = g.renderer.target.Schema + "_" + n.Config.Schema
		g.project.Ignore(fmt.Sprintf("the schema %s as it stands (it is reserved; its models are in %s)", n.Config.Schema, n.Schema), n.Path)
	}
	var err error
	if n.Schema, err = g.generated(n, "generate_schema_name", n.Config.Schema, n.Schema); err != nil {
		return err
	}
	if n.Alias, err = g.generated(n, "generate_alias_name", n.Config.Alias, n.Alias); err != nil {
		return err
	}
	return n.refuseReserved()
}

// generated asks a project's own macro for a name, where it has one; custom is what the configuration says.
func (g *Graph) generated(n *Node, macro, custom, otherwise string) (string, error) {
	for _, name := range []string{macro, (&adapter{renderer: g.renderer}).dialect() + "__" + macro, "default__" + macro} {
		if !g.renderer.hasMacro(name) {
			continue
		}
		given := any(nil)
		if custom != "" {
			given = custom
		}
		text, err := g.renderer.render(n.Path, "{{ "+name+"(custom, node) }}", hooks{
			node: n, extra: map[string]any{"custom": given, "node": modelObject(n, g.project.Name)},
		})
		return strings.TrimSpace(text), err
	}
	return otherwise, nil
}

// reserved are schemas that are not a project's: the warehouse's own and the databases'.
var reserved = []string{
	project.Staging, "history", "since", "quarantine", "ops", "build", "lifeline", "information_schema", "temp", "system",
	"v", "prev", "books", // What DuckDB's sessions call the files of a build.
}

// ofVersion are the names of one version's schemas.
var ofVersion = regexp.MustCompile(`__v\d+$`)

// refuseReserved refuses a schema that a build would not leave as it is.
func (n *Node) refuseReserved() error {
	name := strings.ToLower(n.Schema)
	if !slices.Contains(reserved, name) && !strings.HasPrefix(name, "pg_") && !ofVersion.MatchString(name) {
		return nil
	}
	return &change.Problem{
		Err: fmt.Errorf("%s %s cannot be in the schema %q, which is reserved", n.Kind, n.Name, n.Schema), Where: n.Path, Class: change.ClassUsage,
		Try: "schema: core, or analytics, or a name of your own",
	}
}

// followParents makes children of quarantine wait for their parents: a relationships test that quarantines rows is judged against
// the parent's passed rows. The relations that other tests name are checked on the way.
func (g *Graph) followParents(depends map[*Node]edges) error {
	for _, t := range g.project.Tests {
		name, ok := t.Args["to"].(string)
		if !ok {
			name, ok = t.Args["compare_model"].(string)
		}
		if !ok || !t.Shipped() || t.Disabled {
			continue
		}
		where := fmt.Sprintf("%s:%d", t.File, t.Line)
		parent, err := g.Refers(name)
		if err != nil {
			return at(where, refersPath, err)
		}
		child := g.byName[t.Node]
		if t.OnFail != "quarantine" || !strings.Contains(t.Kind, "relationships") || child == nil || child.Kind != KindModel || child == parent {
			continue
		}
		if _, ok := depends[child][parent]; !ok {
			depends[child][parent] = where
		}
	}
	return nil
}

// refersPath stands for the place of a test's argument until it is known.
const refersPath = "argument"

// Refers resolves the text of a test's argument, such as ref('claims') or source('carepay', 'claim').
func (g *Graph) Refers(text string) (*Node, error) {
	var found *Node
	inner := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(text), "{{"), "}}"))
	_, err := g.renderer.render(refersPath, "{{ "+inner+" }}", hooks{
		ref: func(name string) (jinja.Value, error) {
			n, err := g.lookup(name)
			found = n
			return name, err
		},
		source: func(source, table string) (jinja.Value, error) {
			n, err := g.lookupSource(source, table)
			found = n
			return table, err
		},
	})
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, &change.Problem{
			Err:   fmt.Errorf("%q is neither ref('…') nor source('…', '…')", text),
			Where: refersPath + ":1", Class: change.ClassUsage, Try: "to: ref('treatments')",
		}
	}
	return found, nil
}

// order sorts the nodes so that each follows what it depends on (Kahn's algorithm), by ID among those that are free.
func order(nodes []*Node, depends map[*Node]edges) ([]*Node, error) {
	waits := map[*Node]int{}
	feeds := map[*Node][]*Node{}
	var free []*Node
	for _, n := range nodes {
		if n.Config.Disabled {
			continue
		}
		waits[n] = len(n.DependsOn)
		if waits[n] == 0 {
			free = append(free, n)
		}
		for _, d := range n.DependsOn {
			feeds[d] = append(feeds[d], n)
		}
	}
	var out []*Node
	for len(free) > 0 {
		slices.SortFunc(free, byID)
		n := free[0]
		free = free[1:]
		out = append(out, n)
		delete(waits, n)
		for _, f := range feeds[n] {
			if waits[f]--; waits[f] == 0 {
				free = append(free, f)
			}
		}
	}
	if len(waits) > 0 {
		return nil, cycle(waits, depends)
	}
	return out, nil
}

// cycle names one circle among the nodes that could not be ordered.
func cycle(left map[*Node]int, depends map[*Node]edges) error {
	n := slices.SortedFunc(maps.Keys(left), byID)[0]
	seen := map[*Node]int{}
	var path []*Node
	for {
		if at, ok := seen[n]; ok {
			path = path[at:]
			break
		}
		seen[n] = len(path)
		path = append(path, n)
		for _, d := range n.DependsOn {
			if _, ok := left[d]; ok {
				n = d
				break
			}
		}
	}
	names := make([]string, 0, len(path)+1)
	for _, p := range append(path, path[0]) {
		names = append(names, p.Name)
	}
	next := append(slices.Clone(path[1:]), path[0])
	where, try := path[0].Path, "take one of the references out"
	if at := within(path[0].Model.SQL, quote(next[0].Name)); at >= 0 {
		line, column := lineColumn(path[0].Model.SQL, at)
		where = fmt.Sprintf("%s:%d:%d", where, line, column)
	}
	for i, n := range path {
		if test := depends[n][next[i]]; test != "" {
			where, try = test, fmt.Sprintf("%s waits for %s because this test quarantines rows: on_fail: flag, or take one of the references out",
				n.Name, next[i].Name)
		}
	}
	return &change.Problem{
		Err:   errors.New("models refer to each other in a circle: " + strings.Join(names, " -> ")),
		Where: where, Class: change.ClassUsage, Try: try,
	}
}

// settleViews makes a table of each view that reaches a source: the published version holds no staging.
func (g *Graph) settleViews() {
	reaches := map[*Node]bool{}
	for _, n := range g.Nodes {
		for _, d := range n.DependsOn {
			inlined := d.Kind == KindModel && (d.Materialized == Ephemeral || d.Materialized == View)
			if d.Kind == KindSource || inlined && reaches[d] {
				reaches[n] = true
			}
		}
		if n.Materialized == View && reaches[n] {
			n.Materialized = Table
		}
	}
}

// settleNames refuses two nodes with one relation.
func (g *Graph) settleNames() error {
	seen := map[string]*Node{}
	for _, n := range g.Nodes {
		if n.Materialized == Ephemeral {
			continue
		}
		relation := n.Schema + "." + n.Alias
		if n.Kind != KindSource { // To the engines, or to people who ask them, capitals make no other name; of sources the run tells more.
			relation = strings.ToLower(relation)
		}
		if other, ok := seen[relation]; ok {
			return &change.Problem{
				Err:   fmt.Errorf("%s and %s would both be %s", other.Path, n.Path, relation),
				Where: n.Path, Class: change.ClassUsage, Try: "{{ config(alias='…') }}",
			}
		}
		seen[relation] = n
	}
	return nil
}
