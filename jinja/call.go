package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

func (a *arguments) call(f *frame, s span) (*Call, error) {
	args, err := evalAll(f, a.positional)
	if err != nil {
		return nil, err
	}
	c := &Call{Args: args, Names: slices.Clone(a.names), Named: map[string]Value{}, context: f.context, pack: f.pack, span: s}
	for i, name := range a.names {
		if c.Named[name], err = a.named[i].eval(f); err != nil {
			return nil, err
		}
	}
	if a.star != nil {
		v, err := a.star.eval(f)
		if err != nil {
			return nil, err
		}
		more, err := Items(v)
		if err != nil {
			return nil, a.star.place().wrap(err)
		}
		c.Args = append(c.Args, more...)
	}
	if a.doubleStar == nil {
		return c, nil
	}
	return c, c.spread(f, a.doubleStar)
}

// spread adds the named arguments of **mapping.
func (c *Call) spread(f *frame, e expr) error {
	v, err := e.eval(f)
	if err != nil {
		return err
	}
	d, ok := v.(*Dict)
	if !ok {
		return e.place().wrap(fmt.Errorf("** wants a mapping, not a %s", typeName(v)))
	}
	for k, v := range d.All() {
		name, ok := k.(string)
		if _, twice := c.Named[name]; !ok || twice {
			return e.place().wrap(fmt.Errorf("an argument's name is a text and given once: %v", k))
		}
		c.Names, c.Named[name] = append(c.Names, name), v
	}
	return nil
}

func (e *callExpr) eval(f *frame) (Value, error) {
	callee, err := e.callee.eval(f)
	if err != nil {
		return nil, err
	}
	if u, ok := callee.(*Undefined); ok {
		return nil, e.undefined(u)
	}
	c, err := e.args.call(f, e.span)
	if err != nil {
		return nil, err
	}
	return e.invoke(callee, c)
}

// undefined is the error of calling what is not there.
func (e *callExpr) undefined(u *Undefined) error {
	err := u.err()
	if n, ok := e.callee.(*nameExpr); ok && u.name != "" && u.try == "" {
		err = &missing{fmt.Errorf("there is no macro %q", n.name), "define it in a file of macros/", n.name}
	}
	return e.callee.place().wrap(err)
}

func (e *callExpr) invoke(callee Value, c *Call) (Value, error) {
	switch x := callee.(type) {
	case *Func:
		v, err := x.Call(c)
		var s *signal
		if errors.As(err, &s) && s.pos.Line == 0 {
			s.pos = e.source.pos(e.from)
		}
		return v, e.wrap(err)
	case *macro:
		v, err := x.call(c)
		return v, e.called(err)
	case *loop:
		v, err := x.call(c)
		return v, e.wrap(err)
	case Caller:
		v, err := x.Call(c)
		return v, e.wrap(err)
	case *Undefined:
		return nil, e.undefined(x)
	}
	return nil, e.wrap(fmt.Errorf("a %s cannot be called", typeName(callee)))
}

// called notes on an error from within a macro where the macro was called.
func (e *callExpr) called(err error) error {
	var inner *Error
	if errors.As(err, &inner) {
		inner.Calls = append(inner.Calls, e.source.pos(e.from))
		return err
	}
	return e.wrap(err)
}

// Invoke calls a macro or function of the template's from within a function.
func (c *Call) Invoke(callee Value, args *Call) (Value, error) {
	args.context, args.pack, args.span = c.context, c.pack, c.span
	return (&callExpr{span: c.span}).invoke(callee, args)
}

// Macro is the macro of a name among the context's modules; nil where there is none.
func (c *Call) Macro(name string) (Value, error) {
	if _, ok := c.context.modules[name]; !ok {
		return nil, nil
	}
	v, _, err := c.context.lookup(name)
	return v, err
}

// Missing is the error of using a name that is not there.
func Missing(name, what, try string) error { return &missing{errors.New(what), try, name} }

// bind gives the values of parameters in order: "name" is required, "name=" may be left out and is then absent.
func (c *Call) bind(spec string) ([]Value, error) {
	params := strings.Fields(spec)
	if len(c.Args) > len(params) {
		return nil, fmt.Errorf("at most %d arguments, not %d", len(params), len(c.Args))
	}
	out := make([]Value, len(params))
	known := map[string]bool{}
	for i, p := range params {
		name, optional := strings.CutSuffix(p, "=")
		known[name] = true
		v, named := c.Named[name]
		switch {
		case i < len(c.Args) && named:
			return nil, fmt.Errorf("argument %q is given twice", name)
		case i < len(c.Args):
			v = c.Args[i]
		case !named && !optional:
			return nil, fmt.Errorf("argument %q is missing", name)
		case !named:
			v = absent
		}
		if u, ok := v.(*Undefined); ok && v != absent && !u.silent {
			return nil, u.err()
		}
		out[i] = v
	}
	for _, name := range c.Names {
		if !known[name] {
			return nil, fmt.Errorf("there is no argument %q", name)
		}
	}
	return out, nil
}

// absent stands for an argument that is not given.
var absent = &Undefined{what: "not given", silent: true}

func given(v Value) bool { return v != Value(absent) }

func textArg(v Value, otherwise string) (string, error) {
	if !given(v) {
		return otherwise, nil
	}
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("a text is wanted, not a %s", typeName(v))
	}
	return s, nil
}

func intArg(v Value, otherwise int) (int, error) {
	switch x := v.(type) {
	case int64:
		if x > longest || x < -longest {
			return 0, fmt.Errorf("%d is too big here", x)
		}
		return int(x), nil
	case bool:
		if x {
			return 1, nil
		}
		return 0, nil
	}
	if !given(v) {
		return otherwise, nil
	}
	return 0, fmt.Errorf("a whole number is wanted, not a %s", typeName(v))
}

func boolArg(v Value, otherwise bool) (bool, error) {
	if !given(v) {
		return otherwise, nil
	}
	return isTrue(v)
}
