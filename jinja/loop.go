package jinja

import (
	"errors"
	"fmt"
	"strings"
)

// loop is the name loop within a {% for %}.
type loop struct {
	items   []Value
	at      int
	depth   int
	recurse func(Value, int) (string, error) // Nil where the loop is not recursive.
	changed *Tuple
}

func (l *loop) Kind() string { return "loop" }

// Attr is what jinja2 has of a loop.
func (l *loop) Attr(name string) (Value, bool) {
	n := len(l.items)
	switch name {
	case "index":
		return int64(l.at + 1), true
	case "index0":
		return int64(l.at), true
	case "revindex":
		return int64(n - l.at), true
	case "revindex0":
		return int64(n - l.at - 1), true
	case "first":
		return l.at == 0, true
	case "last":
		return l.at == n-1, true
	case "length":
		return int64(n), true
	case "depth":
		return int64(l.depth + 1), true
	case "depth0":
		return int64(l.depth), true
	case "previtem":
		return l.neighbour(l.at - 1), true
	case "nextitem":
		return l.neighbour(l.at + 1), true
	case "cycle":
		return Native("loop.cycle", l.cycle), true
	case "changed":
		return Native("loop.changed", l.hasChanged), true
	}
	return nil, false
}

func (l *loop) neighbour(i int) Value {
	if i < 0 || i >= len(l.items) {
		return nothing
	}
	return l.items[i]
}

func (l *loop) cycle(c *Call) (Value, error) {
	if len(c.Args) == 0 {
		return nil, errors.New("no items to cycle through")
	}
	return c.Args[l.at%len(c.Args)], nil
}

func (l *loop) hasChanged(c *Call) (Value, error) {
	now := Tuple(c.Args)
	if l.changed != nil && equal(*l.changed, now) {
		return false, nil
	}
	l.changed = &now
	return true, nil
}

func (l *loop) call(c *Call) (Value, error) {
	if l.recurse == nil {
		return nil, errors.New("the loop is not recursive: {% for … recursive %}")
	}
	if len(c.Args) != 1 {
		return nil, errors.New("loop takes what to go through")
	}
	return l.recurse(c.Args[0], l.depth+1)
}

func (n *forNode) exec(f *frame) error {
	over, err := n.over.eval(f)
	if err != nil {
		return err
	}
	return n.through(f, over, 0)
}

// most is how many rounds all loops of one rendering may take.
const most = 5_000_000

func (n *forNode) through(f *frame, over Value, depth int) error {
	items, err := Items(over)
	if err != nil {
		return n.over.place().wrap(err)
	}
	if items, err = n.chosen(f, items); err != nil {
		return err
	}
	if len(items) == 0 {
		return f.inner().run(n.other)
	}
	l := &loop{items: items, depth: depth}
	if n.recursive {
		l.recurse = func(v Value, depth int) (string, error) {
			if depth > deepest {
				return "", n.wrap(errors.New("the loop is within itself too often"))
			}
			inner := f.inner()
			inner.out = &strings.Builder{}
			err := n.through(inner, v, depth)
			return inner.out.String(), err
		}
	}
	for i, item := range items {
		if f.context.steps++; f.context.steps > most {
			return n.wrap(fmt.Errorf("more than %d rounds", most))
		}
		l.at = i
		round := f.inner()
		round.vars["loop"] = l
		if err := n.target.assign(round, item); err != nil {
			return err
		}
		var s *signal
		err := round.run(n.body)
		if errors.As(err, &s) && s.word == "break" {
			break
		}
		if err != nil && (s == nil || s.word != "continue") {
			return err
		}
	}
	return nil
}

// chosen are the items that the loop's own condition lets through.
func (n *forNode) chosen(f *frame, items []Value) ([]Value, error) {
	if n.filter == nil {
		return items, nil
	}
	var out []Value
	for _, item := range items {
		round := f.inner()
		if err := n.target.assign(round, item); err != nil {
			return nil, err
		}
		t, err := truth(round, n.filter)
		if err != nil {
			return nil, err
		}
		if t {
			out = append(out, item)
		}
	}
	return out, nil
}
