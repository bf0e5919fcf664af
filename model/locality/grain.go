package locality

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// grain proves that rows of different keys never come together in one row of the result.
func (st *state) grain() *Reason {
	q := st.b.q
	grouped := len(q.GroupClause) > 0
	if !grouped && (q.HavingClause != nil || st.b.s.factsOf(q).aggregates) {
		return because(-1, "aggregates over all rows")
	}
	if grouped && !st.determine(q.GroupClause) {
		return because(-1, "groups by %s", st.b.named(q.GroupClause))
	}
	if len(q.DistinctClause) > 0 && q.DistinctClause[0].GetNode() != nil && !st.determine(q.DistinctClause) {
		return because(-1, "takes one row for each %s", st.b.named(q.DistinctClause))
	}
	return st.windows()
}

// determine tells that rows which are equal in some expressions have one key: one of them is it, or it is made of them by casts.
func (st *state) determine(nodes []*pg.Node) bool {
	var equal []string
	for _, n := range nodes {
		over := st.grouped(n)
		if over == nil {
			continue
		}
		if st.strong[canonical(over)] {
			return true
		}
		equal = append(equal, canonical(over))
	}
	return st.anchor != nil && madeOf(st.anchor, equal)
}

// keepEqual are types to which equal values are cast equally. Texts are not among them: numbers that are equal may be written in two ways.
var keepEqual = set(`bool date float8 int2 int4 int8 numeric timestamp`)

// madeOf tells that an expression depends on others alone, by casts and the hash of several columns.
func madeOf(n *pg.Node, of []string) bool {
	switch {
	case slices.Contains(of, canonical(n)), n.GetAConst() != nil:
		return true
	case n.GetTypeCast() != nil:
		names := n.GetTypeCast().TypeName.GetNames()
		name := names[len(names)-1].GetString_().GetSval()
		return (keepEqual[name] || strings.HasPrefix(name, KeyType)) && madeOf(n.GetTypeCast().Arg, of)
	case n.GetFuncCall() != nil && functionName(n.GetFuncCall()) == KeyFunction:
		return !slices.ContainsFunc(n.GetFuncCall().Args, func(a *pg.Node) bool { return !madeOf(a, of) })
	}
	return false
}

// grouped is an expression of GROUP BY, DISTINCT ON or PARTITION BY under the items' names; nil where it is not certain. A number in GROUP
// BY is a column's place.
func (st *state) grouped(n *pg.Node) *pg.Node {
	if c := n.GetAConst(); c != nil && c.GetIval() != nil {
		targets := st.b.targets()
		i := int(c.GetIval().Ival) - 1
		if i < 0 || i >= len(targets) || slices.ContainsFunc(targets[:i+1], func(t target) bool { return t.unknown }) {
			return nil
		}
		n = targets[i].value
	}
	if c := n.GetColumnRef(); c != nil && len(c.Fields) == 1 {
		if value := st.b.aliased(parts(c)[0]); value != nil {
			n = value
		} else if st.b.ambiguous(parts(c)[0]) {
			return nil
		}
	}
	over, _ := st.b.bound(n)
	return over
}

// aliased is what a name stands for that only the result has.
func (b *block) aliased(name string) *pg.Node {
	for _, it := range b.items {
		if !it.known || slices.Contains(it.names, name) {
			return nil
		}
	}
	var found []*pg.Node
	for _, t := range b.targets() {
		if t.name == name && !t.unknown {
			found = append(found, t.value)
		}
	}
	if len(found) != 1 || b.outer != nil {
		return nil
	}
	return found[0]
}

// ambiguous tells a name that is a column of the result and, as something else, of what is read: engines take either.
func (b *block) ambiguous(name string) bool {
	it, column := b.resolveBare(name)
	for _, t := range b.targets() {
		if t.unknown || t.name != name {
			continue
		}
		over, _ := b.bound(t.value)
		if it == nil || over == nil || canonical(over) != canonical(columnRef(it.id, column)) {
			return true
		}
	}
	return false
}

// named is what some expressions are called, for people.
func (b *block) named(nodes []*pg.Node) string {
	var out string
	for i, n := range nodes {
		if i > 0 {
			out += ", "
		}
		if c := n.GetAConst(); c != nil && c.GetIval() != nil {
			if t := b.targets(); int(c.GetIval().Ival) <= len(t) && c.GetIval().Ival > 0 {
				out += t[c.GetIval().Ival-1].name
				continue
			}
		}
		if c := n.GetColumnRef(); c != nil {
			p := parts(c)
			out += p[len(p)-1]
			continue
		}
		out += "an expression"
	}
	return out
}

// facts are what is asked of a select again and again, for each column that it may be local by.
type facts struct {
	aggregates bool           // Those of subqueries not counted.
	windows    []*pg.FuncCall // Likewise.
}

func (s *Statement) factsOf(q *pg.SelectStmt) *facts {
	if f := s.facts[q]; f != nil {
		return f
	}
	f := &facts{}
	each(func(m proto.Message) bool {
		switch m := m.(type) {
		case *pg.SubLink:
			return false
		case *pg.FuncCall:
			f.aggregates = f.aggregates || isAggregate(m)
			if m.Over != nil {
				f.windows = append(f.windows, m)
			}
		}
		return true
	}, append(slices.Clone(q.TargetList), q.SortClause...)...)
	s.facts[q] = f
	return f
}

// windows proves that every window is of one key.
func (st *state) windows() *Reason {
	named := map[string]*pg.WindowDef{}
	for _, n := range st.b.q.WindowClause {
		named[n.GetWindowDef().Name] = n.GetWindowDef()
	}
	for _, f := range st.b.s.factsOf(st.b.q).windows {
		if !st.keyedWindow(f.Over, named) {
			return because(f.Location, "window without the key")
		}
	}
	return nil
}

func (st *state) keyedWindow(w *pg.WindowDef, named map[string]*pg.WindowDef) bool {
	for range len(named) + 1 {
		if st.determine(w.PartitionClause) {
			return true
		}
		next := named[w.Refname]
		if next == nil {
			next = named[w.Name]
		}
		if next == nil || next == w {
			return false
		}
		w = next
	}
	return false
}
