package locality

import (
	"fmt"
	"reflect"
	"strings"
	"sync"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// walk calls visit for a message and everything in it, until visit says not to go deeper.
func walk(m proto.Message, visit func(proto.Message) bool) { walkIn(reflect.ValueOf(m), visit) }

// walkIn goes by Go's own fields: the analysis asks each tree some hundred times, and the messages' own reflection is several times slower.
func walkIn(message reflect.Value, visit func(proto.Message) bool) {
	if message.IsNil() || !visit(message.Interface().(proto.Message)) {
		return
	}
	of := message.Elem()
	for _, f := range shapeOf(of.Type()).children {
		switch v := of.Field(f.index); {
		case f.list:
			for i := range v.Len() {
				walkIn(v.Index(i), visit)
			}
		case v.IsNil():
		case f.oneOf:
			if inner := v.Elem().Elem().Field(0); inner.Kind() == reflect.Pointer {
				walkIn(inner, visit)
			}
		default:
			walkIn(v, visit)
		}
	}
}

// child is a field of a message that holds others: one, a list of them, or one of several kinds.
type child struct {
	index       int
	list, oneOf bool
}

// shape is what a type of message has: those fields, and its place in the SQL as a field, -1 where it has none.
type shape struct {
	children []child
	location int
}

var (
	shapes    sync.Map // By type.
	isMessage = reflect.TypeFor[proto.Message]()
)

func shapeOf(t reflect.Type) *shape {
	if known, ok := shapes.Load(t); ok {
		return known.(*shape)
	}
	out := &shape{location: -1}
	for i := range t.NumField() {
		f := t.Field(i)
		switch {
		case !f.IsExported():
		case f.Name == "Location":
			out.location = i
		case f.Type.Implements(isMessage):
			out.children = append(out.children, child{index: i})
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Implements(isMessage):
			out.children = append(out.children, child{index: i, list: true})
		case f.Tag.Get("protobuf_oneof") != "":
			out.children = append(out.children, child{index: i, oneOf: true})
		}
	}
	shapes.Store(t, out)
	return out
}

// each calls visit for everything in some nodes.
func each(visit func(proto.Message) bool, nodes ...*pg.Node) {
	for _, n := range nodes {
		if n != nil {
			walk(n, visit)
		}
	}
}

// columnRef is a column by the parts of its name.
func columnRef(parts ...string) *pg.Node {
	fields := make([]*pg.Node, len(parts))
	for i, p := range parts {
		fields[i] = pg.MakeStrNode(p)
	}
	return &pg.Node{Node: &pg.Node_ColumnRef{ColumnRef: &pg.ColumnRef{Fields: fields}}}
}

// parts are the names of a column reference; a star is "*".
func parts(c *pg.ColumnRef) []string {
	out := make([]string, len(c.Fields))
	for i, f := range c.Fields {
		out[i] = "*"
		if s := f.GetString_(); s != nil {
			out[i] = s.Sval
		}
	}
	return out
}

// replaceColumns gives a copy of an expression in which each column is what with says. It fails where with does.
func replaceColumns(n *pg.Node, with func(*pg.ColumnRef) (*pg.Node, *Reason)) (*pg.Node, *Reason) {
	if c := n.GetColumnRef(); c != nil {
		return with(c)
	}
	out := proto.Clone(n).(*pg.Node)
	var why *Reason
	each(func(m proto.Message) bool {
		if inner, ok := m.(*pg.Node); ok && inner.GetColumnRef() != nil && why == nil {
			var by *pg.Node
			if by, why = with(inner.GetColumnRef()); why == nil {
				inner.Node = by.Node
			}
			return false
		}
		return why == nil
	}, out)
	return out, why
}

// canonical is a text that is the same for the same expression, wherever it stands.
func canonical(n *pg.Node) string {
	if c := n.GetColumnRef(); c != nil { // Most are; no other's text begins so.
		text := "\x00"
		for _, f := range c.Fields {
			text += "\x00"
			if s := f.GetString_(); s != nil {
				text += "=" + s.Sval
			}
		}
		return text
	}
	out := proto.Clone(n).(*pg.Node)
	each(func(m proto.Message) bool {
		of := reflect.ValueOf(m).Elem()
		if at := shapeOf(of.Type()).location; at >= 0 {
			of.Field(at).SetZero()
		}
		return true
	}, out)
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(out)
	if err != nil {
		return fmt.Sprint(out) // It stands for itself at least.
	}
	return string(text)
}

// written is an expression over a leaf's columns as SQL, each column with "x." before it.
func written(n *pg.Node) (string, *Reason) {
	over, why := replaceColumns(n, func(c *pg.ColumnRef) (*pg.Node, *Reason) {
		p := parts(c)
		return columnRef("x", p[len(p)-1]), nil
	})
	if why != nil {
		return "", why
	}
	text, err := pg.Deparse(&pg.ParseResult{Stmts: []*pg.RawStmt{{Stmt: &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: &pg.SelectStmt{
		TargetList:  []*pg.Node{{Node: &pg.Node_ResTarget{ResTarget: &pg.ResTarget{Val: over}}}},
		LimitOption: pg.LimitOption_LIMIT_OPTION_DEFAULT, Op: pg.SetOperation_SETOP_NONE,
	}}}}}})
	if err != nil {
		return "", because(-1, "the key cannot be written: %v", err)
	}
	return strings.TrimPrefix(text, "SELECT "), nil
}

// conjuncts are the parts of a condition that must all be true.
func conjuncts(n *pg.Node) []*pg.Node {
	if n == nil {
		return nil
	}
	if b := n.GetBoolExpr(); b != nil && b.Boolop == pg.BoolExprType_AND_EXPR {
		var out []*pg.Node
		for _, a := range b.Args {
			out = append(out, conjuncts(a)...)
		}
		return out
	}
	return []*pg.Node{n}
}

// operator is the name of an operator that stands between two sides.
func operator(e *pg.A_Expr) string {
	if len(e.Name) == 0 {
		return ""
	}
	return e.Name[len(e.Name)-1].GetString_().GetSval()
}

// equality gives the two sides of an equality.
func equality(n *pg.Node) (left, right *pg.Node, ok bool) {
	e := n.GetAExpr()
	if e == nil || e.Kind != pg.A_Expr_Kind_AEXPR_OP || operator(e) != "=" || e.Lexpr == nil {
		return nil, nil, false
	}
	return e.Lexpr, e.Rexpr, true
}

// strict tells that an expression is null where all its columns are.
func strict(n *pg.Node) bool {
	switch {
	case n.GetColumnRef() != nil:
		return true
	case n.GetTypeCast() != nil:
		return strict(n.GetTypeCast().Arg)
	}
	if e := n.GetAExpr(); e != nil && e.Kind == pg.A_Expr_Kind_AEXPR_NULLIF {
		return strict(e.Lexpr)
	}
	return false
}

// rejects gives the expressions that must not be null for a condition to be true.
func rejects(n *pg.Node) []*pg.Node {
	if t := n.GetNullTest(); t != nil && t.Nulltesttype == pg.NullTestType_IS_NOT_NULL && strict(t.Arg) {
		return []*pg.Node{t.Arg}
	}
	e := n.GetAExpr()
	if e == nil {
		return nil
	}
	var sides []*pg.Node
	switch e.Kind {
	case pg.A_Expr_Kind_AEXPR_OP:
		switch operator(e) {
		case "=", "<>", "!=", "<", ">", "<=", ">=":
			sides = []*pg.Node{e.Lexpr, e.Rexpr}
		}
	case pg.A_Expr_Kind_AEXPR_IN:
		sides = []*pg.Node{e.Lexpr}
	case pg.A_Expr_Kind_AEXPR_BETWEEN:
		sides = []*pg.Node{e.Lexpr}
	default: // Of no other kind is it known.
	}
	var out []*pg.Node
	for _, s := range sides {
		if s != nil && strict(s) {
			out = append(out, s)
		}
	}
	return out
}
