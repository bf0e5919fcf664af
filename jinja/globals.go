package jinja

import (
	"errors"
	"fmt"
)

// globals are Jinja's own functions, and zip and set, which dbt adds; those stand in Names where they are wanted.
var globals = map[string]Value{
	"range":     Native("range", rangeOf),
	"dict":      Native("dict", dictOf),
	"namespace": Native("namespace", namespaceOf),
	"cycler":    Native("cycler", cyclerOf),
	"joiner":    Native("joiner", joinerOf),
}

// longestRange is jinja2's own bound.
const longestRange = 100_000

func rangeOf(c *Call) (Value, error) {
	v, err := c.bind("start stop= step=")
	if err != nil {
		return nil, err
	}
	var n [3]int
	for i, otherwise := range []int{0, 0, 1} {
		if n[i], err = intArg(v[i], otherwise); err != nil {
			return nil, err
		}
	}
	if !given(v[1]) {
		n[0], n[1] = 0, n[0]
	}
	if n[2] == 0 {
		return nil, errors.New("a range's step is not 0")
	}
	r := Range{int64(n[0]), int64(n[1]), int64(n[2])}
	if r.len() > longestRange {
		return nil, fmt.Errorf("a range has at most %d numbers", longestRange)
	}
	return r, nil
}

func dictOf(c *Call) (Value, error) {
	d := NewDict()
	if len(c.Args) > 1 {
		return nil, errors.New("dict takes one mapping or list of pairs")
	}
	if len(c.Args) == 1 {
		if err := d.update(c.Args[0]); err != nil {
			return nil, err
		}
	}
	for _, name := range c.Names {
		if err := d.Set(name, c.Named[name]); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// update adds the pairs of a mapping, or of a list of pairs.
func (d *Dict) update(v Value) error {
	if other, ok := v.(*Dict); ok {
		for k, v := range other.copy().All() {
			if err := d.Set(k, v); err != nil {
				return err
			}
		}
		return nil
	}
	pairs, err := Items(v)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		pair, err := Items(p)
		if err != nil {
			return err
		}
		if len(pair) != 2 {
			return fmt.Errorf("a pair has 2 parts, not %d", len(pair))
		}
		if err := d.Set(pair[0], pair[1]); err != nil {
			return err
		}
	}
	return nil
}

// namespace is what {% set ns.x = … %} may change from within a loop.
type namespace struct{ dict *Dict }

func (n *namespace) Kind() string { return "namespace" }

// Attr is one of its values.
func (n *namespace) Attr(name string) (Value, bool) { return n.dict.Get(name) }

func (n *namespace) String() string {
	s, err := dictText(n.dict)
	if err != nil {
		return "<Namespace>"
	}
	return "<Namespace " + s + ">"
}

func namespaceOf(c *Call) (Value, error) {
	d, err := dictOf(c)
	if err != nil {
		return nil, err
	}
	return &namespace{d.(*Dict)}, nil
}

type cycler struct {
	items []Value
	at    int
}

func (c *cycler) Kind() string { return "cycler" }

// Attr is what jinja2 has of a cycler.
func (c *cycler) Attr(name string) (Value, bool) {
	switch name {
	case "current":
		return c.items[c.at], true
	case "next":
		return Native("next", func(*Call) (Value, error) {
			v := c.items[c.at]
			c.at = (c.at + 1) % len(c.items)
			return v, nil
		}), true
	case "reset":
		return Native("reset", func(*Call) (Value, error) { c.at = 0; return nil, nil }), true
	}
	return nil, false
}

func cyclerOf(c *Call) (Value, error) {
	if len(c.Args) == 0 {
		return nil, errors.New("no items to cycle through")
	}
	return &cycler{items: c.Args}, nil
}

func joinerOf(c *Call) (Value, error) {
	v, err := c.bind("sep=")
	if err != nil {
		return nil, err
	}
	sep, err := textArg(v[0], ", ")
	used := false
	return Native("joiner", func(*Call) (Value, error) {
		if used {
			return sep, nil
		}
		used = true
		return "", nil
	}), err
}

// Functions that dbt adds to Jinja's.
var (
	// Zip is zip(a, b, …): tuples of the first items, the second ones, …
	Zip = Native("zip", zipOf)
	// SetOf is set(values).
	SetOf = Native("set", setOf)
)

func zipOf(c *Call) (Value, error) {
	var lists [][]Value
	shortest := -1
	for _, a := range c.Args {
		items, err := Items(a)
		if err != nil {
			return nil, err
		}
		lists = append(lists, items)
		if shortest < 0 || len(items) < shortest {
			shortest = len(items)
		}
	}
	g := &generator{name: "zip"}
	for i := range max(shortest, 0) {
		var t Tuple
		for _, l := range lists {
			t = append(t, l[i])
		}
		g.items = append(g.items, t)
	}
	return g, nil
}

func setOf(c *Call) (Value, error) {
	v, err := c.bind("values=")
	if err != nil {
		return nil, err
	}
	s := &Set{NewDict()}
	if !given(v[0]) {
		return s, nil
	}
	items, err := Items(v[0])
	if err != nil {
		return nil, err
	}
	return s, s.add(items)
}

func (s *Set) add(items []Value) error {
	for _, e := range items {
		if err := s.dict.Set(e, nil); err != nil {
			return err
		}
	}
	return nil
}
