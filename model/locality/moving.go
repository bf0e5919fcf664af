package locality

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// Place is an expression over the columns of one leaf, as SQL with "x." before each.
type Place struct {
	Leaf       *Leaf
	Expression string
}

// Moving finds where a time stands in the SQL that moves from run to run. It must only be compared, by <, <=, > or >=, with expressions
// over one leaf each: then a row may change its meaning only if such an expression of it lies between the time before and the time now.
// Where that is not so, or nobody can tell, the answer is false.
func (s *Statement) Moving(text string) ([]Place, bool) {
	total := 0
	walk(s.query, func(m proto.Message) bool {
		if c, ok := m.(*pg.A_Const); ok && c.GetSval() != nil && strings.Contains(c.GetSval().Sval, text) {
			total++
		}
		return true
	})
	f := &finder{s: s, text: text, seen: map[*pg.SelectStmt]bool{}, counted: map[*pg.A_Expr]bool{}}
	if total > 0 {
		f.in(s.query, nil, nil)
	}
	return f.places, f.ok == total && !f.failed
}

type finder struct {
	s       *Statement
	text    string
	seen    map[*pg.SelectStmt]bool
	counted map[*pg.A_Expr]bool
	places  []Place
	ok      int
	failed  bool
}

// in looks through one select and those inside it.
func (f *finder) in(q *pg.SelectStmt, outside *scope, outer *block) {
	if q == nil || f.seen[q] {
		return
	}
	f.seen[q] = true
	if q.Op != pg.SetOperation_SETOP_NONE {
		within := opened(q, outside)
		f.commons(q, within)
		f.in(q.Larg, within, outer)
		f.in(q.Rarg, within, outer)
		return
	}
	b, why := f.s.block(q, outside, outer)
	if why != nil {
		f.failed = true
		return
	}
	f.commons(q, b.within)
	for _, it := range b.items {
		if it.query != nil && it.leaf == nil {
			inside := outer
			if it.lateral {
				inside = b
			}
			f.in(it.query, it.within, inside)
		}
	}
	walk(q, func(m proto.Message) bool {
		switch m := m.(type) {
		case *pg.WithClause, *pg.RangeSubselect:
			return false
		case *pg.SelectStmt:
			if m != q {
				f.in(m, b.within, b)
				return false
			}
		case *pg.A_Expr:
			f.compare(b, m)
		}
		return true
	})
}

func (f *finder) commons(q *pg.SelectStmt, within *scope) {
	if q.WithClause == nil {
		return
	}
	for _, n := range q.WithClause.Ctes {
		if c := within.find(n.GetCommonTableExpr().Ctename); c != nil {
			f.in(c.query, c.within, nil)
		}
	}
}

// compare counts a comparison with the time, where the other side is found in leaves.
func (f *finder) compare(b *block, e *pg.A_Expr) {
	if e.Kind != pg.A_Expr_Kind_AEXPR_OP || f.counted[e] {
		return
	}
	switch operator(e) {
	case "<", "<=", ">", ">=":
	default:
		return
	}
	other := e.Lexpr
	if f.isTime(e.Lexpr) {
		other = e.Rexpr
	} else if !f.isTime(e.Rexpr) {
		return
	}
	over, items := b.bound(other)
	if over == nil || len(items) != 1 || holdsAggregate(over) {
		return
	}
	found, ok := b.places(items[0], over)
	if !ok {
		return
	}
	f.counted[e] = true
	f.ok++
	for _, p := range found {
		f.places = append(f.places, Place{p.leaf, p.expression})
	}
}

// isTime tells the time itself, with a cast at most.
func (f *finder) isTime(n *pg.Node) bool {
	for n.GetTypeCast() != nil {
		n = n.GetTypeCast().Arg
	}
	c := n.GetAConst().GetSval()
	return c != nil && c.Sval == f.text
}
