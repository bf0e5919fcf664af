package trace

import (
	"slices"
	"strings"

	"lifeline/model"
	"lifeline/project"
)

// keyOf are the columns that tell a table's rows apart: a source's key, the declared grain, a test of uniqueness.
func (t *Tracer) keyOf(n *model.Node) []string {
	key := slices.Clone(t.writtenKey(n))
	for i, c := range key {
		if len(c) > 2 && c[0] == '"' && c[len(c)-1] == '"' { // As the project writes a name that needs quotes.
			key[i] = strings.ReplaceAll(c[1:len(c)-1], `""`, `"`)
		}
	}
	return key
}

func (t *Tracer) writtenKey(n *model.Node) []string {
	tested := n.Name
	switch {
	case n.Source != nil:
		return t.landedKey(n.Source)
	case n.EntityOf != nil && len(n.Config.UniqueKey) > 0:
		return n.Config.UniqueKey
	case n.EntityOf != nil && len(t.landedKey(n.EntityOf)) > 0:
		return t.landedKey(n.EntityOf)
	case n.Model != nil && len(n.Model.Grain) > 0:
		return n.Model.Grain
	}
	var composite []string
	for _, test := range t.Project.Tests {
		if test.Node != tested || test.Disabled {
			continue
		}
		switch columns := test.Unique(); {
		case len(columns) == 1:
			return columns
		case len(columns) > 1 && composite == nil:
			composite = columns
		}
	}
	return composite
}

// landedKey is a source table's key: the declared one, or else the source's own.
func (t *Tracer) landedKey(s *project.SourceTable) []string {
	if len(s.Key) > 0 {
		return s.Key
	}
	return t.Keys[s.Name]
}

// singulars are the words that may name one row of an entity: of its source table and of its own name.
func singulars(n *model.Node) []string {
	words := []string{n.Name, singular(n.Name)}
	if n.EntityOf != nil {
		words = append(words, n.EntityOf.Name, singular(n.EntityOf.Name))
	}
	return words
}

func singular(name string) string {
	if stem, ok := strings.CutSuffix(name, "ies"); ok {
		return stem + "y"
	}
	return strings.TrimSuffix(name, "s")
}

func above(n *model.Node) []*model.Node {
	seen := map[*model.Node]bool{}
	var out []*model.Node
	var walk func(*model.Node)
	walk = func(at *model.Node) {
		for _, d := range at.DependsOn {
			if !seen[d] {
				seen[d] = true
				out = append(out, d)
				walk(d)
			}
		}
	}
	walk(n)
	return out
}

// entities are the cleaned entities that a table rests on.
func entities(n *model.Node) []*model.Node {
	var out []*model.Node
	for _, d := range above(n) {
		if d.EntityOf != nil {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b *model.Node) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// entity is the cleaned entity whose life a table's rows tell, and the table's column with its key; nil where a row is made of many.
func (t *Tracer) entity(n *model.Node, has func(string) bool) (*model.Node, string) {
	key := t.keyOf(n)
	if n.EntityOf != nil && len(key) == 1 {
		return n, key[0]
	}
	candidates := entities(n)
	if n.Model != nil && n.Model.CountsOf != "" {
		for _, c := range candidates {
			if c.Name == n.Model.CountsOf && has(n.Model.CountsKey) {
				return c, n.Model.CountsKey
			}
		}
	}
	var best *model.Node
	column, longest := "", 0
	for _, c := range candidates {
		link := t.link(n, c, has)
		if link == "" && len(key) == 1 && key[0] == "id" {
			link = "id"
		}
		for _, word := range singulars(c) {
			if link != "" && len(word) > longest && strings.Contains("_"+n.Name+"_", "_"+word+"_") {
				best, column, longest = c, link, len(word)
			}
		}
		// A table that is named otherwise but has the entity's key for its own.
		if best == nil && len(key) == 1 && key[0] == link && link != "id" {
			best, column = c, link
		}
	}
	return best, column
}

// link is the column of a table that has an entity's key, by a relationships test, dim_<name>_id, <name>_id, or the key's own name.
func (t *Tracer) link(n, to *model.Node, has func(string) bool) string {
	for _, r := range t.relationships() {
		if r.child == n && r.parent == to && has(r.column) {
			return r.column
		}
	}
	var names []string
	for _, word := range singulars(to) {
		names = append(names, "dim_"+word+"_id", word+"_id")
	}
	if key := t.keyOf(to); len(key) == 1 && key[0] != "id" {
		names = append(names, key[0])
	}
	for _, name := range names {
		if has(name) {
			return name
		}
	}
	return ""
}

// relationship is one that a test holds: child.column is parent.field.
type relationship struct {
	child, parent *model.Node
	column, field string
}

func (t *Tracer) relationships() []relationship {
	var out []relationship
	for _, test := range t.Project.Tests {
		to, _ := test.Args["to"].(string)
		if test.Disabled || to == "" || !strings.Contains(test.Kind, "relationships") {
			continue
		}
		parent, err := t.Graph.Refers(to)
		child := t.named(test)
		if err != nil || child == nil {
			continue
		}
		field, _ := test.Args["field"].(string)
		r := relationship{child, parent, test.Column, field}
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

func (t *Tracer) named(test *project.Test) *model.Node {
	for _, n := range t.relations {
		if n.Kind != model.KindSource && n.Name == test.Node {
			return n
		}
	}
	return nil
}

// ownKey are the names that others may give the key of a table which is made of many rows, such as program_id for dim_programs.
func (t *Tracer) ownKey(n *model.Node) []string {
	key := t.keyOf(n)
	if len(key) != 1 {
		return nil
	}
	if key[0] != "id" {
		return []string{key[0], strings.TrimPrefix(key[0], "dim_")}
	}
	name := n.Name
	for _, prefix := range []string{"dim_", "fct_", "fact_"} {
		name = strings.TrimPrefix(name, prefix)
	}
	return []string{singular(name) + "_id", name + "_id"}
}
