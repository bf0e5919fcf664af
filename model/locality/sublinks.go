package locality

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// sublinks settles the subqueries in the expressions of a block: those that are tied to the key by an equality are keyed, the others are
// read whole.
func (st *state) sublinks() *Reason {
	q := st.b.q
	top := conjuncts(q.WhereClause)
	nodes := append(slices.Clone(q.TargetList), q.WhereClause, q.HavingClause)
	nodes = append(append(nodes, q.GroupClause...), q.SortClause...)
	nodes = append(nodes, q.WindowClause...)
	for _, j := range st.b.tree.all() {
		nodes = append(nodes, j.on...)
	}
	for _, it := range st.b.items {
		nodes = append(nodes, it.args...)
	}
	each(func(m proto.Message) bool {
		l, ok := m.(*pg.SubLink)
		if !ok {
			return true
		}
		certain := slices.ContainsFunc(top, func(n *pg.Node) bool { return n.GetSubLink() == l })
		if !st.sublink(l, certain) {
			st.b.s.whollyIn(l.Subselect.GetSelectStmt(), st.b.within, st.uses, map[*pg.SelectStmt]bool{})
		}
		if l.Testexpr != nil && holdsSublink(l.Testexpr) {
			walk(l.Testexpr, func(m proto.Message) bool {
				if inner, ok := m.(*pg.SubLink); ok {
					st.b.s.whollyIn(inner.Subselect.GetSelectStmt(), st.b.within, st.uses, map[*pg.SelectStmt]bool{})
				}
				return true
			})
		}
		return false
	}, nodes...)
	return nil
}

func holdsSublink(n *pg.Node) bool {
	found := false
	each(func(m proto.Message) bool {
		_, ok := m.(*pg.SubLink)
		found = found || ok
		return !found
	}, n)
	return found
}

func (j *join) all() []*join {
	if j == nil || j.item != nil {
		return nil
	}
	return append(append([]*join{j}, j.left.all()...), j.right.all()...)
}

// sublink keys one subquery, where it is tied to the key: by `in` itself, or by an equality inside.
func (st *state) sublink(l *pg.SubLink, certain bool) bool {
	sub := l.Subselect.GetSelectStmt()
	if sub == nil {
		return false
	}
	// Null on the list's side makes `not in` null, so only where the row goes if it is not true is `in` an equality.
	if l.SubLinkType == pg.SubLinkType_ANY_SUBLINK && certain && (len(l.OperName) == 0 || l.OperName[0].GetString_().GetSval() == "=") {
		if over, _ := st.b.bound(l.Testexpr); over != nil && (st.strong[canonical(over)] || st.weak[canonical(over)]) {
			if names, known := st.b.s.outputs(sub, st.b.within); known && len(names) == 1 {
				if u, why := st.b.s.local(sub, st.b.within, st.b, columnRef(atPosition(0)), true); why == nil {
					st.uses.add(u)
					return true
				}
			}
		}
	}
	u, ok := st.correlated(sub)
	if ok {
		st.uses.add(u)
	}
	return ok
}

// correlated keys a subquery whose WHERE ties it to the key of the row outside; what it does with those rows does not matter.
func (st *state) correlated(sub *pg.SelectStmt) (*uses, bool) {
	if sub.Op != pg.SetOperation_SETOP_NONE || len(sub.ValuesLists) > 0 {
		return nil, false
	}
	b, why := st.b.s.block(sub, st.b.within, st.b)
	if why != nil || b.tree == nil {
		return nil, false
	}
	inner := &state{
		b: b, strong: map[string]bool{}, weak: map[string]bool{}, keyOf: map[*item]*pg.Node{}, uses: newUses(),
		through: map[*item][]linking{},
	}
	for k := range st.strong {
		inner.strong[k] = true
	}
	for k := range st.weak {
		inner.weak[k] = true
	}
	b.simplify(nil, false)
	inner.follow()
	var anchor *item
	for _, it := range b.items {
		if inner.keyOf[it] == nil || b.mayMiss(b.tree, it) || !inner.strong[canonical(inner.keyOf[it])] {
			continue
		}
		if u, why := b.restrictNonNull(it, inner.keyOf[it]); why == nil {
			inner.uses.add(u)
			anchor = it
			break
		}
	}
	if anchor == nil {
		return st.tied(b, inner)
	}
	inner.others(anchor)
	return inner.uses, inner.sublinks() == nil
}

// tied follows changes of the one relation of a subquery that is tied to the row outside by something else than the key.
func (st *state) tied(b *block, inner *state) (*uses, bool) {
	if len(b.items) != 1 {
		return nil, false
	}
	it := b.items[0]
	for _, l := range inner.through[it] {
		if !slices.Contains(st.b.items, l.of) {
			continue
		}
		behind, why := b.restrictNonNull(it, l.own)
		if why != nil {
			continue
		}
		steps, ok := st.b.trace(l.of, l.other, st.uses)
		if !ok {
			continue
		}
		for _, s := range steps {
			inner.uses.addBehind(behind, s)
		}
		return inner.uses, inner.sublinks() == nil
	}
	return nil, false
}
