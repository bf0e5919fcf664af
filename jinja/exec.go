package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// frame is one scope: the names that are set in it, and the scope around it.
type frame struct {
	context *Context
	parent  *frame
	pack    string // The package whose macro this is, if any.
	vars    map[string]Value
	out     *strings.Builder
}

// signal ends a macro, or a round of a loop, or the loop.
type signal struct {
	word  string // return, break or continue.
	value Value
	pos   Pos
}

func (s *signal) Error() string { return s.word + " outside of what it ends" }

// Return is the error that a function gives to end the macro that called it, with the macro's value.
func Return(v Value) error { return &signal{word: "return", value: v} }

func (f *frame) inner() *frame {
	return &frame{context: f.context, parent: f, pack: f.pack, vars: map[string]Value{}, out: f.out}
}

func (f *frame) lookup(name string) (Value, bool, error) {
	for g := f; g != nil; g = g.parent {
		if v, ok := g.vars[name]; ok {
			return v, true, nil
		}
	}
	if f.pack != "" {
		if v, ok, err := f.context.packaged(f.pack, name); ok || err != nil {
			return v, ok, err
		}
	}
	return f.context.lookup(name)
}

func (f *frame) run(body []node) error {
	for _, n := range body {
		if err := n.exec(f); err != nil {
			return err
		}
	}
	return nil
}

// text runs a body into a text of its own.
func (f *frame) text(body []node) (string, error) {
	inner := f.inner()
	inner.out = &strings.Builder{}
	err := inner.run(body)
	return inner.out.String(), err
}

func (n *dataNode) exec(f *frame) error {
	f.out.WriteString(n.text)
	return nil
}

func (n *outputNode) exec(f *frame) error {
	v, err := n.expr.eval(f)
	if err != nil {
		return err
	}
	s, err := Text(v)
	if err != nil {
		return n.expr.place().wrap(err)
	}
	f.out.WriteString(s)
	return nil
}

func (n *doNode) exec(f *frame) error {
	v, err := n.expr.eval(f)
	if u, ok := v.(*Undefined); ok && err == nil && u.strict {
		return n.expr.place().wrap(u.err())
	}
	return err
}

func (n *ifNode) exec(f *frame) error {
	for i, test := range n.tests {
		t, err := truth(f, test)
		if err != nil {
			return err
		}
		if t {
			return f.run(n.bodies[i])
		}
	}
	return f.run(n.other)
}

func (n *setNode) exec(f *frame) error {
	v, err := n.value.eval(f)
	if err != nil {
		return err
	}
	if u, ok := v.(*Undefined); ok && u.strict {
		return n.value.place().wrap(u.err())
	}
	return n.target.assign(f, v)
}

func (n *setBlockNode) exec(f *frame) error {
	s, err := f.text(n.body)
	if err != nil {
		return err
	}
	var v Value = s
	if n.filter != nil {
		if v, err = n.filter.over(f, n.hole, s); err != nil {
			return err
		}
	}
	return n.target.assign(f, v)
}

// over is the value of filters over a text that a block gave.
func (e *filterExpr) over(f *frame, hole *holeExpr, text string) (Value, error) {
	return e.replaced(hole, &constExpr{hole.span, text}).eval(f)
}

// replaced is the filters with another innermost operand, so that one template can be rendered by many at once.
func (e *filterExpr) replaced(hole *holeExpr, by expr) *filterExpr {
	out := *e
	if e.operand == expr(hole) {
		out.operand = by
	} else if inner, ok := e.operand.(*filterExpr); ok {
		out.operand = inner.replaced(hole, by)
	}
	return &out
}

func (n *filterNode) exec(f *frame) error {
	s, err := f.text(n.body)
	if err != nil {
		return err
	}
	v, err := n.filter.over(f, n.hole, s)
	if err != nil {
		return err
	}
	s, err = Text(v)
	f.out.WriteString(s)
	return n.filter.wrap(err)
}

// assign sets a target's names.
func (t *target) assign(f *frame, v Value) error {
	if t.parts != nil {
		return t.unpack(f, v)
	}
	if t.attribute == "" {
		f.vars[t.name] = v
		return nil
	}
	on, ok, err := f.lookup(t.name)
	if err != nil {
		return err
	}
	ns, isNamespace := on.(*namespace)
	if !ok || !isNamespace {
		return t.wrap(fmt.Errorf("cannot set a part of %q: it is not a namespace", t.name))
	}
	return ns.dict.Set(t.attribute, v)
}

func (t *target) unpack(f *frame, v Value) error {
	items, err := Items(v)
	if err != nil {
		return t.wrap(err)
	}
	if len(items) != len(t.parts) {
		return t.wrap(fmt.Errorf("%d values cannot be given to %d names", len(items), len(t.parts)))
	}
	for i := range t.parts {
		if err := t.parts[i].assign(f, items[i]); err != nil {
			return err
		}
	}
	return nil
}

func (n *withNode) exec(f *frame) error {
	values, err := evalAll(f, n.values)
	if err != nil {
		return err
	}
	inner := f.inner()
	for i := range n.targets {
		if err := n.targets[i].assign(inner, values[i]); err != nil {
			return err
		}
	}
	return inner.run(n.body)
}

func (n *endNode) exec(*frame) error { return &signal{word: n.word, pos: n.source.pos(n.from)} }

func (n *macroNode) exec(f *frame) error {
	f.vars[n.name] = &macro{node: n, frame: f}
	return nil
}

func (n *callNode) exec(f *frame) error {
	callee, err := n.call.callee.eval(f)
	if err != nil {
		return err
	}
	c, err := n.call.args.call(f, n.call.span)
	if err != nil {
		return err
	}
	caller := &macro{node: n.caller, frame: f}
	c.Names, c.Named["caller"] = append(c.Names, "caller"), caller
	v, err := n.call.invoke(callee, c)
	if err != nil {
		return err
	}
	s, err := Text(v)
	f.out.WriteString(s)
	return n.call.wrap(err)
}

// macro is a macro with the scope that it stands in.
type macro struct {
	node  *macroNode
	frame *frame
}

func (m *macro) Kind() string { return "macro" }

// Attr is what jinja2 has of a macro.
func (m *macro) Attr(name string) (Value, bool) {
	switch name {
	case "name":
		return m.node.name, true
	case "arguments":
		var names Tuple
		for _, p := range m.node.params {
			names = append(names, p)
		}
		return names, true
	case "catch_kwargs":
		return m.node.uses["kwargs"], true
	case "catch_varargs":
		return m.node.uses["varargs"], true
	case "caller":
		return m.node.uses["caller"], true
	}
	return nil, false
}

// deepest is how many macros may be within each other.
const deepest = 250

func (m *macro) call(c *Call) (Value, error) {
	ctx := m.frame.context
	if ctx.depth++; ctx.depth > deepest {
		return nil, fmt.Errorf("macro %q calls itself too often", m.node.name)
	}
	defer func() { ctx.depth-- }()
	f := m.frame.inner()
	f.out = &strings.Builder{}
	if err := m.bind(f, c); err != nil {
		return nil, err
	}
	err := f.run(m.node.body)
	var s *signal
	if errors.As(err, &s) && s.word == "return" && m.node.name != "caller" {
		return s.value, nil
	}
	if err != nil {
		return nil, err
	}
	return f.out.String(), nil
}

// bind gives the macro's parameters their values, in the macro's own scope.
func (m *macro) bind(f *frame, c *Call) error {
	n, used := m.node, map[string]bool{}
	for i, name := range n.params {
		v, named := c.Named[name]
		switch {
		case i < len(c.Args) && named:
			return fmt.Errorf("macro %q got its argument %q twice", n.name, name)
		case i < len(c.Args):
			v = c.Args[i]
		case named:
			used[name] = true
		default:
			at := i - len(n.params) + len(n.defaults)
			if at < 0 {
				v = &Undefined{
					what: fmt.Sprintf("macro %q is called without its argument %q", n.name, name),
					try:  "give it, or a default in the macro", strict: true,
				}
				break
			}
			var err error
			if v, err = n.defaults[at].eval(f); err != nil {
				return err
			}
		}
		f.vars[name] = v
	}
	return m.bindRest(f, c, used)
}

// bindRest puts what no parameter takes into varargs, kwargs and caller, or refuses it.
func (m *macro) bindRest(f *frame, c *Call, used map[string]bool) error {
	n := m.node
	rest := Tuple{}
	if len(c.Args) > len(n.params) {
		rest = slices.Clone(c.Args[len(n.params):])
	}
	if n.uses["varargs"] {
		f.vars["varargs"] = rest
	} else if len(rest) > 0 {
		return fmt.Errorf("macro %q takes %d arguments and got %d", n.name, len(n.params), len(c.Args))
	}
	kwargs := NewDict()
	for _, name := range c.Names {
		switch {
		case used[name]:
		case name == "caller" && n.uses["caller"]:
			f.vars["caller"] = c.Named[name]
		case n.uses["kwargs"]:
			_ = kwargs.Set(name, c.Named[name])
		default:
			return fmt.Errorf("macro %q has no argument %q", n.name, name)
		}
	}
	if n.uses["kwargs"] {
		f.vars["kwargs"] = kwargs
	}
	if _, ok := f.vars["caller"]; n.uses["caller"] && !ok {
		f.vars["caller"] = &Undefined{what: fmt.Sprintf("macro %q is not called by {%% call %%}", n.name)}
	}
	return nil
}
