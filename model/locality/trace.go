package locality

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// trace finds, for an expression over an item whose leaves' uses are known, the steps from values of it to keys. It fails where the
// expression is not of one leaf's columns, or where that leaf does not lead to keys.
func (b *block) trace(it *item, expression *pg.Node, known *uses) ([][]Step, bool) {
	var out [][]Step
	places, ok := b.places(it, expression)
	if !ok {
		return nil, false
	}
	for _, p := range places {
		use := known.of[p.leaf]
		if use == nil || use.Whole || len(use.Keys)+len(use.Paths) == 0 {
			return nil, false
		}
		for _, k := range use.Keys {
			out = append(out, []Step{{Leaf: p.leaf, Where: p.expression, Select: k}})
		}
		for _, path := range use.Paths {
			out = append(out, append([]Step{{Leaf: p.leaf, Where: p.expression, Select: path.Own}}, path.Steps...))
		}
	}
	return out, len(out) > 0
}

// place is an expression over a leaf's columns.
type place struct {
	leaf       *Leaf
	expression string
}

// places finds what an expression over an item is in the leaves that it comes from.
func (b *block) places(it *item, expression *pg.Node) ([]place, bool) {
	switch {
	case it.self:
		return nil, false
	case it.leaf != nil:
		l := b.s.leaf(it.leaf)
		text, why := written(expression)
		if l == nil || why != nil || len(it.given) > 0 {
			return nil, false
		}
		return []place{{l, text}}, true
	case it.query != nil:
		inside, why := replaceColumns(expression, func(c *pg.ColumnRef) (*pg.Node, *Reason) { return it.inside(parts(c)[1]) })
		if why != nil || it.lateral {
			return nil, false
		}
		return b.s.placesIn(it.query, it.within, b.outer, inside)
	}
	return nil, false
}

func (s *Statement) placesIn(q *pg.SelectStmt, outside *scope, outer *block, expression *pg.Node) ([]place, bool) {
	if q.Op != pg.SetOperation_SETOP_NONE {
		return s.placesInSet(q, outside, outer, expression)
	}
	b, why := s.block(q, outside, outer)
	if why != nil {
		return nil, false
	}
	value, why := replaceColumns(expression, func(c *pg.ColumnRef) (*pg.Node, *Reason) {
		p := parts(c)
		return b.column(p[len(p)-1])
	})
	if why != nil {
		return nil, false
	}
	over, items := b.bound(value)
	if over == nil || len(items) != 1 || !slices.Contains(b.items, items[0]) || holdsAggregate(over) {
		return nil, false
	}
	return b.places(items[0], over)
}

func (s *Statement) placesInSet(q *pg.SelectStmt, outside *scope, outer *block, expression *pg.Node) ([]place, bool) {
	within := opened(q, outside)
	names, known := s.outputs(q.Larg, within)
	placed, why := replaceColumns(expression, func(c *pg.ColumnRef) (*pg.Node, *Reason) {
		name := parts(c)[len(c.Fields)-1]
		if isPosition(name) {
			return columnRef(name), nil
		}
		i := slices.Index(names, name)
		if !known || i < 0 || slices.Contains(names[i+1:], name) {
			return nil, because(-1, "the column %s is not certain", name)
		}
		return columnRef(atPosition(i)), nil
	})
	if why != nil {
		return nil, false
	}
	left, ok := s.placesIn(q.Larg, within, outer, placed)
	if !ok {
		return nil, false
	}
	right, ok := s.placesIn(q.Rarg, within, outer, placed)
	return append(left, right...), ok
}
