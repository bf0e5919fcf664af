package locality

import (
	"maps"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// A part is a common table expression of the statement that needs all of a source table, such as the list of its words or the earliest of
// all later dates, or one that says `as materialized`, and that the rest is joined with. Made as a table of its own, it can be compared
// with what it was, and a change of it is followed to the few keys that it concerns, while everything else stays local.

// Parts are the parts that plans read, by their names, with the selects that give them.
func (s *Statement) Parts() []*Relation {
	out := slices.Collect(maps.Values(s.parts))
	slices.SortFunc(out, func(a, b *Relation) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// PartLeaves are the places where parts are read.
func (s *Statement) PartLeaves() []*Leaf {
	return slices.DeleteFunc(slices.Clone(s.Leaves()), func(l *Leaf) bool { return l.Relation.Part == "" })
}

// with is the text before the statement's own select, where it has common table expressions and one select of its own.
func (s *Statement) with() string {
	q := s.query
	if q.WithClause == nil || q.WithClause.Recursive {
		return ""
	}
	for q.Op != pg.SetOperation_SETOP_NONE {
		q = q.Larg
	}
	if len(q.TargetList) == 0 {
		return ""
	}
	first := int(q.TargetList[0].GetResTarget().GetLocation())
	at := strings.LastIndex(strings.ToLower(s.sql[:first]), "select")
	if at < 0 {
		return ""
	}
	return s.sql[:at]
}

// part makes a part of an item, where it is one.
func (b *block) part(it *item) *Leaf {
	s := b.s
	if it.common == nil || it.common.Alias != nil && len(it.common.Alias.Colnames) > 0 || s.head == "" || it.self || !it.known {
		return nil
	}
	name := it.common.Relname
	top := opened(s.query, nil).find(name)
	if top == nil || top.query != it.query || !top.alone && !s.readsSource(it) {
		return nil
	}
	if l, ok := s.leaves[it.common]; ok {
		return l
	}
	r := s.parts[name]
	if r == nil {
		text := s.head + "select * from " + s.sql[it.common.Location:int(it.common.Location)+nameLength(s.sql[it.common.Location:])]
		if tree, err := pg.Parse(text); err != nil || len(tree.Stmts) != 1 {
			return nil
		}
		r = &Relation{Name: "part." + name, Columns: it.names, Part: text}
		s.parts[name] = r
	}
	l := &Leaf{Relation: r, At: int(it.common.Location), Aliased: it.common.Alias != nil}
	s.leaves[it.common] = l
	s.order = append(s.order, l)
	return l
}

// readsSource tells that a select reads a source, however far inside.
func (s *Statement) readsSource(it *item) bool {
	u := newUses()
	s.whollyIn(it.query, it.within, u, map[*pg.SelectStmt]bool{})
	for l := range u.of {
		if l.Relation.Source {
			return true
		}
	}
	return false
}
