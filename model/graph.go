// Package model turns a project's SQL files into an ordered graph of selects: Jinja rendered, references followed, materializations
// settled, nodes chosen. It opens no database; how relations are called is the caller's to say (Env.Relation).
package model

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeline/change"
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
	Type   string // duckdb, postgres or citus.
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
	g := &Graph{project: p, renderer: newRenderer(p, o), byName: map[string]*Node{}}
	nodes, err := g.collect()
	if err != nil {
		return nil, err
	}
	depends := map[*Node]map[*Node]bool{}
	for _, n := range nodes {
		if depends[n], err = g.parse(n); err != nil {
			return nil, err
		}
	}
	if err := g.followParents(depends); err != nil {
		return nil, err
	}
	for n, on := range depends {
		n.DependsOn = slices.SortedFunc(maps.Keys(on), byID)
	}
	if g.Nodes, err = order(nodes); err != nil {
		return nil, err
	}
	g.settleViews()
	return g, g.settleNames()
}

func byID(a, b *Node) int { return cmp.Compare(a.ID, b.ID) }

// collect makes the nodes of everything that is switched on.
func (g *Graph) collect() ([]*Node, error) {
	var nodes []*Node
	p := g.project
	for _, s := range p.Sources {
		n := &Node{ID: "source." + p.Name + "." + s.Source + "." + s.Name, Kind: KindSource, Name: s.Name, Schema: s.Schema, Alias: s.Name, Source: s}
		n.Path, _, _ = strings.Cut(s.Where, ":")
		g.byName["source:"+s.Source+"."+s.Name] = n
		nodes = append(nodes, n)
	}
	for _, s := range p.Seeds {
		n := &Node{ID: "seed." + p.Name + "." + s.Name, Kind: KindSeed, Name: s.Name, Path: s.Path, Seed: s, Config: s.Config, Materialized: Table}
		g.byName[s.Name] = n
		nodes = append(nodes, n)
	}
	for _, m := range p.Models {
		n := &Node{ID: "model." + p.Name + "." + m.Name, Kind: KindModel, Name: m.Name, Path: m.Path, Model: m, Config: m.Config, EntityOf: p.SourceOf(m)}
		g.byName[m.Name] = n
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// parse finds a model's references and settles its configuration. Both ways through is_incremental() are looked at.
func (g *Graph) parse(n *Node) (map[*Node]bool, error) {
	on := map[*Node]bool{}
	if n.Kind != KindModel {
		return on, g.settle(n)
	}
	add := func(name string) (string, error) {
		d, err := g.lookup(n, name)
		if err == nil {
			on[d] = true
		}
		return name, err
	}
	for _, incremental := range []bool{false, true} {
		h := hooks{
			incremental: incremental, this: "this", ref: add,
			source: func(source, table string) (string, error) {
				d, err := g.lookupSource(n, source, table)
				if err == nil {
					on[d] = true
				}
				return table, err
			},
		}
		if !incremental {
			h.config = func(key string, v any) error {
				known, err := n.Config.Set(key, v)
				if err == nil && !known {
					g.project.Ignored = append(g.project.Ignored, project.Ignored{Key: "config." + key, Where: n.Path})
				}
				return err
			}
		}
		if _, err := g.renderer.render(n.Path, n.Model.SQL, h); err != nil {
			return nil, err
		}
	}
	return on, g.settle(n)
}

func (g *Graph) lookup(from *Node, name string) (*Node, error) {
	if d, ok := g.byName[name]; ok && d.Kind != KindSource {
		if d.Config.Disabled {
			return nil, fmt.Errorf("%q is disabled", name)
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
	return nil, unknown("model or seed", name, project.Nearest(name, names))
}

func (g *Graph) lookupSource(from *Node, source, table string) (*Node, error) {
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
	return nil, unknown("source table", source+"."+table, project.Nearest(source+"."+table, names))
}

func unknown(what, name, near string) error {
	if near != "" {
		return fmt.Errorf("there is no %s %q; did you mean %q?", what, name, near)
	}
	return fmt.Errorf("there is no %s %q", what, name)
}

// settle gives a node its schema, name and tags. A project's own generate_schema_name macro decides; without one a custom schema is
// used as it is.
func (g *Graph) settle(n *Node) error {
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
	if !strings.Contains(g.renderer.macros, "macro generate_schema_name") {
		return nil
	}
	custom := any(nil)
	if n.Config.Schema != "" {
		custom = n.Config.Schema
	}
	name, err := g.renderer.render(n.Path, "{{ generate_schema_name(custom_schema, node) }}", hooks{
		extra: map[string]any{"custom_schema": custom, "node": map[string]any{"name": n.Name, "resource_type": string(n.Kind)}},
	})
	if err != nil {
		return err
	}
	n.Schema = strings.TrimSpace(name)
	return nil
}

// followParents makes children of quarantine wait for their parents: a relationships test that sets rows aside is judged against
// the parent's passed rows.
func (g *Graph) followParents(depends map[*Node]map[*Node]bool) error {
	for _, t := range g.project.Tests {
		if t.OnFail != "quarantine" || !strings.Contains(t.Kind, "relationships") {
			continue
		}
		child, ok := g.byName[t.Node]
		if !ok || child.Kind != KindModel {
			continue
		}
		name, _ := t.Args["to"].(string)
		parent, err := g.Refers(name)
		if err != nil {
			return &change.Problem{Err: err, Where: fmt.Sprintf("%s:%d", t.File, t.Line), Class: change.ClassUsage, Try: "to: ref('treatments')"}
		}
		if parent != child {
			depends[child][parent] = true
		}
	}
	return nil
}

// Refers resolves the text of a test's argument, such as ref('claims') or source('carepay', 'claim').
func (g *Graph) Refers(text string) (*Node, error) {
	var found *Node
	_, err := g.renderer.render("a test's argument", "{{ "+text+" }}", hooks{
		ref: func(name string) (string, error) {
			n, err := g.lookup(nil, name)
			found = n
			return name, err
		},
		source: func(source, table string) (string, error) {
			n, err := g.lookupSource(nil, source, table)
			found = n
			return table, err
		},
	})
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, fmt.Errorf("%q is neither ref('…') nor source('…', '…')", text)
	}
	return found, nil
}

// order sorts the nodes so that each follows what it depends on (Kahn's algorithm), by ID among those that are free.
func order(nodes []*Node) ([]*Node, error) {
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
		return nil, cycle(waits)
	}
	return out, nil
}

// cycle names one circle among the nodes that could not be ordered.
func cycle(left map[*Node]int) error {
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
	return &change.Problem{
		Err: errors.New("models refer to each other in a circle: " + strings.Join(names, " -> ")), Where: path[0].Path, Class: change.ClassUsage,
		Try: "take one of the references out",
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

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
