package locality

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// scope are the common table expressions that a select may name.
type scope struct {
	parent *scope
	with   map[string]*common
}

type common struct {
	query   *pg.SelectStmt
	columns []string // Names that the WITH gives.
	within  *scope
	self    bool // It may read itself.
	alone   bool // It says that it is to be materialized.
}

func (sc *scope) find(name string) *common {
	for ; sc != nil; sc = sc.parent {
		if c, ok := sc.with[name]; ok {
			return c
		}
	}
	return nil
}

// opened is a select's own scope.
func opened(q *pg.SelectStmt, outside *scope) *scope {
	if q.WithClause == nil {
		return outside
	}
	sc := &scope{parent: outside, with: map[string]*common{}}
	for _, n := range q.WithClause.Ctes {
		c := n.GetCommonTableExpr()
		within := &scope{parent: outside, with: map[string]*common{}}
		for name, before := range sc.with {
			within.with[name] = before
		}
		made := &common{query: c.Ctequery.GetSelectStmt(), columns: stringsOf(c.Aliascolnames), within: within}
		made.alone = c.Ctematerialized == pg.CTEMaterialize_CTEMaterializeAlways
		if q.WithClause.Recursive {
			made.self, within.with[c.Ctename] = readsItself(c), made
		}
		sc.with[c.Ctename] = made
	}
	return sc
}

// readsItself tells a common table expression that names itself.
func readsItself(c *pg.CommonTableExpr) bool {
	found := false
	each(func(m proto.Message) bool {
		v, ok := m.(*pg.RangeVar)
		found = found || ok && v.Schemaname == "" && v.Relname == c.Ctename
		return !found
	}, c.Ctequery)
	return found
}

func stringsOf(nodes []*pg.Node) []string {
	out := make([]string, len(nodes))
	for i, n := range nodes {
		out[i] = n.GetString_().GetSval()
	}
	return out
}

type item struct {
	id      string // Unique in the statement.
	alias   string
	leaf    *pg.RangeVar   // A relation,
	common  *pg.RangeVar   // or the name of a common table expression,
	query   *pg.SelectStmt // or a select,
	within  *scope
	given   []string // with names that the alias gives its columns,
	self    bool     // which may read itself;
	args    []*pg.Node
	lateral bool
	names   []string // What its columns are called, where that is known.
	known   bool
}

// join is the tree of a FROM.
type join struct {
	item        *item  // A leaf of the tree has one.
	kind        string // "inner", "left" (the right side may be missing), "full".
	left, right *join
	on          []*pg.Node
}

// block is one select over a FROM.
type block struct {
	s      *Statement
	q      *pg.SelectStmt
	within *scope
	outer  *block
	items  []*item
	tree   *join
	using  map[string]*item // Columns that a USING has merged, and where they come from.
}

func (s *Statement) block(q *pg.SelectStmt, outside *scope, outer *block) (*block, *Reason) {
	b := &block{s: s, q: q, within: opened(q, outside), outer: outer, using: map[string]*item{}}
	for _, n := range q.FromClause {
		t, why := b.from(n)
		if why != nil {
			return nil, why
		}
		if b.tree == nil {
			b.tree = t
		} else {
			b.tree = &join{kind: "inner", left: b.tree, right: t}
		}
	}
	return b, nil
}

func (b *block) from(n *pg.Node) (*join, *Reason) {
	b.s.items++
	it := &item{id: fmt.Sprintf("#%d", b.s.items), within: b.within}
	switch {
	case n.GetRangeVar() != nil:
		b.relation(it, n.GetRangeVar())
	case n.GetRangeSubselect() != nil:
		r := n.GetRangeSubselect()
		it.query, it.lateral = r.Subquery.GetSelectStmt(), r.Lateral
		it.alias, it.given = alias(r.Alias)
	case n.GetRangeFunction() != nil:
		r := n.GetRangeFunction()
		it.alias, it.names = alias(r.Alias)
		it.known, it.args, it.lateral = len(it.names) > 0, r.Functions, true
	case n.GetJoinExpr() != nil:
		return b.joined(n.GetJoinExpr())
	default:
		return nil, because(-1, "reads from something that is not understood")
	}
	if it.query != nil {
		it.names, it.known = b.s.outputs(it.query, it.within)
		it.names = slices.Clone(it.names)
		copy(it.names, it.given)
	}
	b.items = append(b.items, it)
	return &join{item: it}, nil
}

func alias(a *pg.Alias) (string, []string) {
	if a == nil {
		return "", nil
	}
	return a.Aliasname, stringsOf(a.Colnames)
}

// relation makes an item of a name: a common table expression, or a relation outside.
func (b *block) relation(it *item, v *pg.RangeVar) {
	it.alias, it.given = alias(v.Alias)
	if it.alias == "" {
		it.alias = v.Relname
	}
	if c := b.within.find(v.Relname); c != nil && v.Schemaname == "" {
		it.query, it.within, it.self, it.common = c.query, c.within, c.self, v
		if len(it.given) == 0 {
			it.given = c.columns
		}
		return
	}
	it.leaf = v
	if l := b.s.leaf(v); l != nil && len(it.given) == 0 {
		it.names, it.known = l.Relation.Columns, l.Relation.Columns != nil
	}
}

func (b *block) joined(j *pg.JoinExpr) (*join, *Reason) {
	left, why := b.from(j.Larg)
	if why != nil {
		return nil, why
	}
	right, why := b.from(j.Rarg)
	if why != nil {
		return nil, why
	}
	out := &join{left: left, right: right, on: conjuncts(j.Quals)}
	switch j.Jointype {
	case pg.JoinType_JOIN_INNER:
		out.kind = "inner"
	case pg.JoinType_JOIN_LEFT:
		out.kind = "left"
	case pg.JoinType_JOIN_RIGHT:
		out.kind, out.left, out.right = "left", right, left
	case pg.JoinType_JOIN_FULL:
		out.kind = "full"
	default:
		return nil, because(-1, "joins in a way that is not understood")
	}
	if j.Alias != nil {
		return nil, because(-1, "names a join as a whole")
	}
	for _, name := range stringsOf(j.UsingClause) {
		l, r := last(left), last(right)
		if left.item == nil || right.item == nil || out.kind == "full" || j.Jointype == pg.JoinType_JOIN_RIGHT {
			return nil, because(-1, "joins using (%s) in a way that is not understood", name)
		}
		b.using[name] = l
		out.on = append(out.on, equal(columnRef(l.id, name), columnRef(r.id, name)))
	}
	return out, nil
}

func last(j *join) *item {
	for j.item == nil {
		j = j.right
	}
	return j.item
}

func equal(a, b *pg.Node) *pg.Node {
	return &pg.Node{Node: &pg.Node_AExpr{AExpr: &pg.A_Expr{
		Kind: pg.A_Expr_Kind_AEXPR_OP, Name: []*pg.Node{pg.MakeStrNode("=")}, Lexpr: a, Rexpr: b,
	}}}
}

// resolve finds whose column a name is. Where that is not certain it gives nil.
func (b *block) resolve(c *pg.ColumnRef) (*item, string) {
	p := parts(c)
	switch {
	case p[len(p)-1] == "*" || len(p) > 2:
		return nil, ""
	case len(p) == 2:
		for at := b; at != nil; at = at.outer {
			for _, it := range at.items {
				if it.id == p[0] || it.alias == p[0] {
					return it, p[1]
				}
			}
		}
		return nil, ""
	}
	return b.resolveBare(p[0])
}

// resolveBare finds a column without a relation's name before it.
func (b *block) resolveBare(name string) (*item, string) {
	if it, ok := b.using[name]; ok {
		return it, name
	}
	var has, may []*item
	for _, it := range b.items {
		switch {
		case !it.known:
			may = append(may, it)
		case slices.Contains(it.names, name):
			has = append(has, it)
		}
	}
	switch {
	case len(has) == 1 && len(may) == 0:
		return has[0], name
	case len(has) == 0 && len(may) == 1 && b.outer == nil:
		return may[0], name
	case len(has) == 0 && len(may) == 0 && b.outer != nil:
		return b.outer.resolveBare(name)
	}
	return nil, ""
}

// bound gives an expression with its columns under their items' ids, and the items; nil where a column is not certain.
func (b *block) bound(n *pg.Node) (*pg.Node, []*item) {
	var items []*item
	nested := false
	each(func(m proto.Message) bool {
		_, isQuery := m.(*pg.SubLink)
		nested = nested || isQuery
		return !nested
	}, n)
	if nested {
		return nil, nil
	}
	out, why := replaceColumns(n, func(c *pg.ColumnRef) (*pg.Node, *Reason) {
		it, name := b.resolve(c)
		if it == nil {
			return nil, because(c.Location, "%s is not certain", strings.Join(parts(c), "."))
		}
		if !slices.Contains(items, it) {
			items = append(items, it)
		}
		return columnRef(it.id, name), nil
	})
	if why != nil {
		return nil, nil
	}
	return out, items
}

// outputs are the names of a select's columns; false where a star hides them.
func (s *Statement) outputs(q *pg.SelectStmt, outside *scope) ([]string, bool) {
	if q == nil {
		return nil, false
	}
	if o, ok := s.named[q]; ok { // A select stands in one place, so it has one scope.
		return o.names, o.known
	}
	names, known := s.outputsOf(q, outside)
	s.named[q] = outputs{names, known}
	return names, known
}

type outputs struct {
	names []string
	known bool
}

func (s *Statement) outputsOf(q *pg.SelectStmt, outside *scope) ([]string, bool) {
	if q.Op != pg.SetOperation_SETOP_NONE {
		return s.outputs(q.Larg, opened(q, outside))
	}
	if len(q.ValuesLists) > 0 {
		names := make([]string, len(q.ValuesLists[0].GetList().GetItems()))
		for i := range names {
			names[i] = fmt.Sprintf("column%d", i+1)
		}
		return names, true
	}
	b, why := s.block(q, outside, nil)
	if why != nil {
		return nil, false
	}
	var out []string
	for _, t := range b.targets() {
		if t.unknown {
			return nil, false
		}
		out = append(out, t.name)
	}
	return out, true
}

// target is a column of a select.
type target struct {
	name    string
	value   *pg.Node // Under the block's names.
	of      *item    // For unknown: whose columns stand here.
	unknown bool
}

// targets are the columns of a select, with stars taken apart where that is possible.
func (b *block) targets() []target {
	var out []target
	for _, n := range b.q.TargetList {
		r := n.GetResTarget()
		c := r.Val.GetColumnRef()
		if c == nil || parts(c)[len(c.Fields)-1] != "*" {
			out = append(out, target{name: targetName(r), value: r.Val})
			continue
		}
		p := parts(c)
		for _, it := range b.items {
			if len(p) > 1 && it.alias != p[0] {
				continue
			}
			if !it.known || len(b.using) > 0 && len(p) == 1 {
				out = append(out, target{of: it, unknown: true})
				continue
			}
			for _, name := range it.names {
				out = append(out, target{name: name, value: columnRef(it.id, name)})
			}
		}
	}
	return out
}

func targetName(r *pg.ResTarget) string {
	if r.Name != "" {
		return r.Name
	}
	v := r.Val
	for v.GetTypeCast() != nil {
		v = v.GetTypeCast().Arg
	}
	switch {
	case v.GetColumnRef() != nil:
		p := parts(v.GetColumnRef())
		return p[len(p)-1]
	case v.GetFuncCall() != nil:
		return functionName(v.GetFuncCall())
	}
	return ""
}

// atPosition names a column by its place instead of its name.
func atPosition(i int) string { return fmt.Sprintf("\x00%d", i) }

func isPosition(name string) bool { return strings.HasPrefix(name, "\x00") }

// column is what a column of the result is made of.
func (b *block) column(name string) (*pg.Node, *Reason) {
	targets := b.targets()
	if isPosition(name) {
		i := 0
		if _, err := fmt.Sscanf(name[1:], "%d", &i); err != nil || i >= len(targets) {
			return nil, because(-1, "has fewer columns than it is read with")
		}
		for _, t := range targets[:i+1] {
			if t.unknown {
				return nil, because(-1, "selects *, and the columns of %s are not known", t.of.alias)
			}
		}
		return targets[i].value, nil
	}
	var unknown []*item
	var found []*pg.Node
	for _, t := range targets {
		switch {
		case t.unknown:
			unknown = append(unknown, t.of)
		case t.name == name:
			found = append(found, t.value)
		}
	}
	switch {
	case len(found) == 1 && len(unknown) == 0:
		return found[0], nil
	case len(found) == 0 && len(unknown) == 1:
		return columnRef(unknown[0].id, name), nil
	case len(found) == 0 && len(unknown) == 0:
		return nil, because(-1, "has no column %s", name)
	}
	return nil, because(-1, "the column %s is not certain", name)
}
