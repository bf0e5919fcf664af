package locality

import (
	"maps"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// local finds how the leaves of a select are used where its result is restricted by an expression over its columns. nonNull says that rows
// whose key is null do not matter to who asks.
func (s *Statement) local(q *pg.SelectStmt, outside *scope, outer *block, key *pg.Node, nonNull bool) (*uses, *Reason) {
	switch {
	case q == nil:
		return nil, because(-1, "is not a select")
	case q.Op != pg.SetOperation_SETOP_NONE:
		return s.localSet(q, outside, outer, key, nonNull)
	case len(q.ValuesLists) > 0:
		u := newUses()
		s.whollyIn(q, outside, u, map[*pg.SelectStmt]bool{})
		return u, nil
	}
	b, why := s.block(q, outside, outer)
	if why != nil {
		return nil, why
	}
	value, why := replaceColumns(key, func(c *pg.ColumnRef) (*pg.Node, *Reason) {
		p := parts(c)
		return b.column(p[len(p)-1])
	})
	if why != nil {
		return nil, why
	}
	return b.local(value, nonNull)
}

// localSet is local of a union, an intersection or a difference: rows are compared whole, their keys among them.
func (s *Statement) localSet(q *pg.SelectStmt, outside *scope, outer *block, key *pg.Node, nonNull bool) (*uses, *Reason) {
	if q.LimitCount != nil || q.LimitOffset != nil {
		return nil, because(-1, "is limited in rows")
	}
	within := opened(q, outside)
	names, known := s.outputs(q.Larg, within)
	placed, why := replaceColumns(key, func(c *pg.ColumnRef) (*pg.Node, *Reason) {
		name := parts(c)[len(c.Fields)-1]
		if isPosition(name) {
			return columnRef(name), nil
		}
		if !known {
			return nil, because(-1, "unites selects of * whose columns are not known")
		}
		i := slices.Index(names, name)
		if i < 0 || slices.Contains(names[i+1:], name) {
			return nil, because(-1, "the column %s is not certain", name)
		}
		return columnRef(atPosition(i)), nil
	})
	if why != nil {
		return nil, why
	}
	all := newUses()
	for _, arm := range []*pg.SelectStmt{q.Larg, q.Rarg} {
		u, why := s.local(arm, within, outer, placed, nonNull)
		if why != nil {
			return nil, why
		}
		all.add(u)
	}
	return all, nil
}

// state is what is known while the joins of a block are followed.
type state struct {
	b       *block
	strong  map[string]bool     // Expressions that are the key in every row that is left.
	weak    map[string]bool     // Expressions that are the key or null.
	keyOf   map[*item]*pg.Node  // By which expression an item is restricted.
	anchor  *pg.Node            // The key itself, as an expression of one item.
	uses    *uses               //
	through map[*item][]linking // Conditions along which a change of an item can be followed.
}

// linking is an equality between an item that is not keyed and another one.
type linking struct {
	own, other *pg.Node
	of         *item // Whose expression the other is.
}

// local is local of one block, for a value under its own names.
func (b *block) local(value *pg.Node, nonNull bool) (*uses, *Reason) {
	q := b.q
	if q.LimitCount != nil || q.LimitOffset != nil {
		return nil, because(-1, "is limited in rows")
	}
	key, items := b.bound(value)
	if key == nil {
		return nil, because(-1, "the key is not one column of one relation")
	}
	if holdsAggregate(key) {
		return nil, because(-1, "the key is an aggregate")
	}
	if len(items) != 1 || !slices.Contains(b.items, items[0]) {
		return b.localConstant(items)
	}
	anchor := items[0]
	if b.nullsRejected(value, nonNull, anchor) {
		nonNull = true
	}
	b.simplify(anchor, nonNull && strict(key))
	if b.mayMiss(b.tree, anchor) {
		return nil, because(-1, "its key comes from the side of an outer join that may be missing")
	}
	st := &state{
		b: b, strong: map[string]bool{canonical(key): true}, weak: map[string]bool{}, keyOf: map[*item]*pg.Node{anchor: key},
		anchor: key, uses: newUses(), through: map[*item][]linking{},
	}
	st.follow()
	if why := st.grain(); why != nil {
		return nil, why
	}
	u, why := b.restrict(anchor, key, nonNull)
	if why != nil {
		return nil, why
	}
	st.uses.add(u)
	st.others(anchor)
	return st.uses, st.sublinks()
}

// localConstant is a block whose key does not depend on what it reads: all of it matters to one key, or there is nothing to read.
func (b *block) localConstant(items []*item) (*uses, *Reason) {
	if len(items) > 0 {
		return nil, because(-1, "the key is made of several relations")
	}
	if len(b.items) > 0 {
		return nil, because(-1, "its key is a constant")
	}
	return newUses(), nil
}

func holdsAggregate(n *pg.Node) bool {
	found := false
	each(func(m proto.Message) bool {
		if f, ok := m.(*pg.FuncCall); ok {
			found = found || f.Over != nil || !scalars[functionName(f)]
		}
		return !found
	}, n)
	return found
}

// nullsRejected tells that the block itself drops rows whose key is null.
func (b *block) nullsRejected(value *pg.Node, already bool, anchor *item) bool {
	if already {
		return true
	}
	key, _ := b.bound(value)
	for _, c := range conjuncts(b.q.WhereClause) {
		for _, r := range rejects(c) {
			if over, _ := b.bound(r); over != nil && canonical(over) == canonical(key) {
				return true
			}
		}
	}
	return false
}

// simplify makes an inner join of each outer one whose missing rows are dropped anyway.
func (b *block) simplify(anchor *item, keyRejects bool) {
	rejected := map[*item]bool{anchor: keyRejects}
	note := func(conditions []*pg.Node) {
		for _, c := range conditions {
			for _, r := range rejects(c) {
				if _, items := b.bound(r); len(items) == 1 {
					rejected[items[0]] = true
				}
			}
		}
	}
	note(conjuncts(b.q.WhereClause))
	var inside func(j *join)
	for range len(b.items) {
		inside = func(j *join) {
			if j == nil || j.item != nil {
				return
			}
			if j.kind == "left" && slices.ContainsFunc(j.right.items(), func(it *item) bool { return rejected[it] }) {
				j.kind = "inner"
			}
			inside(j.left)
			if j.kind == "inner" {
				note(j.on)
				inside(j.right)
			}
		}
		inside(b.tree)
	}
}

func (j *join) items() []*item {
	if j.item != nil {
		return []*item{j.item}
	}
	return append(j.left.items(), j.right.items()...)
}

// mayMiss tells that an item's columns may be null because nothing was joined.
func (b *block) mayMiss(j *join, it *item) bool {
	switch {
	case j == nil || j.item != nil:
		return false
	case slices.Contains(j.left.items(), it):
		return j.kind == "full" || b.mayMiss(j.left, it)
	}
	return j.kind != "inner" || b.mayMiss(j.right, it)
}

// follow finds which expressions are the key, through the equalities of joins and of WHERE, until nothing new comes.
func (st *state) follow() {
	for {
		before := len(st.strong)*1000 + len(st.weak)
		for _, c := range conjuncts(st.b.q.WhereClause) {
			st.equality(c, nil, true)
		}
		st.followJoin(st.b.tree, true)
		if len(st.strong)*1000+len(st.weak) == before {
			return
		}
	}
}

// followJoin reads the conditions of a join; certain says that its rows are in the result only if they hold.
func (st *state) followJoin(j *join, certain bool) {
	if j == nil || j.item != nil || j.kind == "full" {
		return
	}
	for _, c := range j.on {
		if j.kind == "inner" {
			st.equality(c, nil, certain)
		} else {
			st.equality(c, j.right, false)
		}
	}
	st.followJoin(j.left, certain)
	st.followJoin(j.right, certain && j.kind == "inner")
}

// equality learns from a condition. Of an outer join, missing is the side that may be missing: only its expressions are learnt of.
func (st *state) equality(condition *pg.Node, missing *join, certain bool) {
	left, right, ok := equality(condition)
	if !ok {
		return
	}
	left, leftItems := st.b.bound(left)
	right, rightItems := st.b.bound(right)
	if left == nil || right == nil {
		return
	}
	for _, side := range []struct {
		from, to   *pg.Node
		fromI, toI []*item
	}{{left, right, leftItems, rightItems}, {right, left, rightItems, leftItems}} {
		if len(side.toI) != 1 || !slices.Contains(st.b.items, side.toI[0]) {
			continue
		}
		to := side.toI[0]
		if missing != nil && !slices.Contains(missing.items(), to) {
			continue
		}
		if len(side.fromI) == 1 && side.fromI[0] != to {
			st.link(to, linking{own: side.to, other: side.from, of: side.fromI[0]})
		}
		from := canonical(side.from)
		if !st.strong[from] && !st.weak[from] {
			continue
		}
		if certain {
			st.strong[from], st.strong[canonical(side.to)] = true, true
		} else {
			st.weak[canonical(side.to)] = true
		}
		if st.keyOf[to] == nil {
			st.keyOf[to] = side.to
		}
	}
}

func (st *state) link(it *item, l linking) {
	for _, known := range st.through[it] {
		if canonical(known.own) == canonical(l.own) && canonical(known.other) == canonical(l.other) {
			return
		}
	}
	st.through[it] = append(st.through[it], l)
}

// restrictNonNull is restrict where rows whose key is null do not matter.
func (b *block) restrictNonNull(it *item, key *pg.Node) (*uses, *Reason) {
	return b.restrict(it, key, true)
}

// restrict is how the leaves of one item are used where only the rows of some keys matter of it.
func (b *block) restrict(it *item, key *pg.Node, nonNull bool) (*uses, *Reason) {
	switch {
	case it.self:
		return nil, because(-1, "%s reads itself", it.alias)
	case it.query != nil:
		renamed, why := replaceColumns(key, func(c *pg.ColumnRef) (*pg.Node, *Reason) { return it.inside(parts(c)[1]) })
		if why != nil {
			return nil, why
		}
		outer := b.outer
		if it.lateral {
			outer = b
		}
		return b.s.local(it.query, it.within, outer, renamed, nonNull)
	case it.leaf != nil:
		l := b.s.leaf(it.leaf)
		if l == nil || len(it.given) > 0 {
			return nil, because(it.leaf.Location, "reads %s, of which nothing is known", it.leaf.Relname)
		}
		text, why := written(key)
		if why != nil {
			return nil, why
		}
		u := newUses()
		u.key(l, text)
		return u, nil
	}
	return newUses(), nil // A function of what is joined with it.
}

// inside is the name that a column of an item has in its own select.
func (it *item) inside(name string) (*pg.Node, *Reason) {
	if i := slices.Index(it.given, name); i >= 0 {
		return columnRef(atPosition(i)), nil
	}
	return columnRef(name), nil
}

// others settles the items that are joined to the anchor: keyed, followed, or read whole.
func (st *state) others(anchor *item) {
	rest := map[*item]bool{}
	for _, it := range st.b.items {
		if it == anchor {
			continue
		}
		if key := st.keyOf[it]; key != nil {
			if u, why := st.b.restrictNonNull(it, key); why == nil {
				st.uses.add(u)
				continue
			}
			delete(st.keyOf, it)
		}
		if it.lateral && it.query != nil {
			if u, ok := st.correlated(it.query); ok {
				st.uses.add(u)
				continue
			}
		}
		if it.leaf != nil || it.query != nil {
			rest[it] = true
		}
	}
	// What needs a whole source is better made by itself, where a change of it can be followed from there.
	for it := range rest {
		if l := st.b.part(it); l != nil {
			it.leaf, it.query, it.given = it.common, nil, nil
		}
	}
	// A relation may be reached by way of one that is itself reached so.
	for progress := true; progress; {
		progress = false
		for _, it := range st.b.items {
			if rest[it] && st.reach(it, rest) {
				delete(rest, it)
				progress = true
			}
		}
	}
	for _, it := range slices.Collect(maps.Keys(rest)) {
		st.b.wholly(it, st.uses)
	}
}

// reach follows changes of an item that is not keyed along one of its joins.
func (st *state) reach(it *item, rest map[*item]bool) bool {
	for _, l := range st.through[it] {
		if rest[l.of] || !slices.Contains(st.b.items, l.of) {
			continue
		}
		behind, why := st.b.restrictNonNull(it, l.own)
		if why != nil {
			continue
		}
		steps, ok := st.b.trace(l.of, l.other, st.uses)
		if !ok {
			continue
		}
		for _, s := range steps {
			st.uses.addBehind(behind, s)
		}
		return true
	}
	return false
}

// wholly marks every leaf of an item as read whole.
func (b *block) wholly(it *item, u *uses) {
	if it.leaf != nil {
		b.s.whole(it.leaf, u)
		return
	}
	b.s.whollyIn(it.query, it.within, u, map[*pg.SelectStmt]bool{})
}

// whole marks one leaf as read whole. Of a relation that nobody knows, changes are not known either.
func (s *Statement) whole(v *pg.RangeVar, u *uses) {
	l := s.leaf(v)
	if l == nil && s.unknown == nil {
		s.unknown = because(v.Location, "reads %s, of which nothing is known", v.Relname)
	}
	if l != nil {
		u.whole(l)
	}
}

// whollyIn marks every leaf of a select, and of what it names.
func (s *Statement) whollyIn(q *pg.SelectStmt, outside *scope, u *uses, seen map[*pg.SelectStmt]bool) {
	if q == nil || seen[q] {
		return
	}
	seen[q] = true
	within := opened(q, outside)
	walk(q, func(m proto.Message) bool {
		switch m := m.(type) {
		case *pg.WithClause:
			return false // What it defines is read where it is named.
		case *pg.SelectStmt:
			if m != q {
				s.whollyIn(m, within, u, seen)
				return false
			}
		case *pg.RangeVar:
			if c := within.find(m.Relname); c != nil && m.Schemaname == "" {
				s.whollyIn(c.query, c.within, u, seen)
			} else {
				s.whole(m, u)
			}
		}
		return true
	})
}
