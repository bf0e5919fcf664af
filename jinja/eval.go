package jinja

import (
	"errors"
	"fmt"
	"strings"
)

func (e *constExpr) eval(*frame) (Value, error) { return e.value, nil }

func (e *holeExpr) eval(*frame) (Value, error) { return e.value, nil }

func (e *nameExpr) eval(f *frame) (Value, error) {
	v, ok, err := f.lookup(e.name)
	if err != nil || ok {
		return v, e.wrap(err)
	}
	u := &Undefined{what: fmt.Sprintf("%q is not defined", e.name), name: e.name, strict: true}
	if f.context.Missing != nil {
		if try, err := f.context.Missing(e.name); err != nil {
			u.what, u.try = err.Error(), try
		}
	}
	return u, nil
}

func evalAll(f *frame, list []expr) ([]Value, error) {
	out := make([]Value, len(list))
	for i, e := range list {
		var err error
		if out[i], err = e.eval(f); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (e *listExpr) eval(f *frame) (Value, error) {
	items, err := evalAll(f, e.items)
	if err != nil {
		return nil, err
	}
	if e.tuple {
		return Tuple(items), nil
	}
	return &List{items}, nil
}

func (e *dictExpr) eval(f *frame) (Value, error) {
	d := NewDict()
	for i := range e.keys {
		k, err := e.keys[i].eval(f)
		if err != nil {
			return nil, err
		}
		v, err := e.values[i].eval(f)
		if err != nil {
			return nil, err
		}
		if err := d.Set(k, v); err != nil {
			return nil, e.keys[i].place().wrap(err)
		}
	}
	return d, nil
}

func truth(f *frame, e expr) (bool, error) {
	v, err := e.eval(f)
	if err != nil {
		return false, err
	}
	t, err := isTrue(v)
	return t, e.place().wrap(err)
}

func (e *unaryExpr) eval(f *frame) (Value, error) {
	if e.operator == "not" {
		t, err := truth(f, e.operand)
		return !t, err
	}
	v, err := e.operand.eval(f)
	if err != nil {
		return nil, err
	}
	v, err = unary(e.operator, v)
	return v, e.wrap(err)
}

func (e *binaryExpr) eval(f *frame) (Value, error) {
	a, err := e.left.eval(f)
	if err != nil {
		return nil, err
	}
	if e.operator == "and" || e.operator == "or" {
		t, err := isTrue(a)
		if err != nil {
			return nil, e.left.place().wrap(err)
		}
		if t == (e.operator == "or") {
			return a, nil
		}
		return e.right.eval(f)
	}
	b, err := e.right.eval(f)
	if err != nil {
		return nil, err
	}
	v, err := binary(e.operator, a, b)
	return v, e.blame(err, a)
}

// blame gives an error the place of the operand that is undefined, or of the operation.
func (e *binaryExpr) blame(err error, a Value) error {
	var m *missing
	if errors.As(err, &m) {
		if _, ok := a.(*Undefined); ok {
			return e.left.place().wrap(err)
		}
		return e.right.place().wrap(err)
	}
	return e.wrap(err)
}

func (e *concatExpr) eval(f *frame) (Value, error) {
	var b strings.Builder
	for _, part := range e.parts {
		v, err := part.eval(f)
		if err != nil {
			return nil, err
		}
		s, err := Text(v)
		if err != nil {
			return nil, part.place().wrap(err)
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func (e *compareExpr) eval(f *frame) (Value, error) {
	a, err := e.first.eval(f)
	if err != nil {
		return nil, err
	}
	for i, operator := range e.operators {
		b, err := e.others[i].eval(f)
		if err != nil {
			return nil, err
		}
		ok, err := compare(operator, a, b)
		if err != nil || !ok {
			return false, e.wrap(err)
		}
		a = b
	}
	return true, nil
}

func (e *condExpr) eval(f *frame) (Value, error) {
	t, err := truth(f, e.test)
	switch {
	case err != nil:
		return nil, err
	case t:
		return e.yes.eval(f)
	case e.no == nil:
		return nothing, nil
	}
	return e.no.eval(f)
}

func (e *attrExpr) eval(f *frame) (Value, error) {
	v, err := e.operand.eval(f)
	if err != nil {
		return nil, err
	}
	v, err = getAttr(v, e.name)
	return v, e.wrap(err)
}

func (e *itemExpr) eval(f *frame) (Value, error) {
	v, err := e.operand.eval(f)
	if err != nil {
		return nil, err
	}
	k, err := e.key.eval(f)
	if err != nil {
		return nil, err
	}
	v, err = getItem(v, k)
	return v, e.wrap(err)
}

// getAttr is v.name: a method or part first, then an item.
func getAttr(v Value, name string) (Value, error) {
	if u, ok := v.(*Undefined); ok {
		return nil, u.err()
	}
	if m, ok := method(v, name); ok {
		return m, nil
	}
	if o, ok := v.(Object); ok {
		if part, ok := o.Attr(name); ok {
			return part, nil
		}
	}
	if d, ok := v.(*Dict); ok {
		if item, ok := d.Get(name); ok {
			return item, nil
		}
	}
	return &Undefined{what: fmt.Sprintf("a %s has no %q", typeName(v), name)}, nil
}

// getItem is v[k]: an item first, then a method or part.
func getItem(v, k Value) (Value, error) {
	for _, x := range []Value{v, k} {
		if u, ok := x.(*Undefined); ok {
			return nil, u.err()
		}
	}
	if d, ok := v.(*Dict); ok {
		if item, ok := d.Get(k); ok {
			return item, nil
		}
	} else if n, _, isFloat, ok := number(k); ok && !isFloat {
		if item, ok := at(v, n.Int64()); ok {
			return item, nil
		}
	}
	if name, ok := k.(string); ok {
		if m, ok := method(v, name); ok {
			return m, nil
		}
		if o, ok := v.(Object); ok {
			if part, ok := o.Attr(name); ok {
				return part, nil
			}
		}
	}
	key, err := repr(k)
	return &Undefined{what: fmt.Sprintf("a %s has no item %s", typeName(v), key)}, err
}

// at is the item of a number; a negative one counts from the end.
func at(v Value, i int64) (Value, bool) {
	switch v.(type) {
	case string, *List, Tuple, Range:
	default:
		return nil, false
	}
	n, _ := length(v)
	if i < 0 {
		i += int64(n)
	}
	if i < 0 || i >= int64(n) {
		return nil, false
	}
	if l, ok := v.(*List); ok {
		return l.Items[i], true
	}
	items, err := Items(v)
	return items[i], err == nil
}

func (e *sliceExpr) eval(f *frame) (Value, error) {
	v, err := e.operand.eval(f)
	if err != nil {
		return nil, err
	}
	var bounds [3]*int64
	for i, part := range []expr{e.start, e.stop, e.step} {
		if part == nil {
			continue
		}
		x, err := part.eval(f)
		if err != nil {
			return nil, err
		}
		if x == nil {
			continue
		}
		n, ok := x.(int64)
		if !ok {
			return nil, part.place().wrap(fmt.Errorf("a slice is bounded by whole numbers, not by a %s", typeName(x)))
		}
		bounds[i] = &n
	}
	v, err = slice(v, bounds[0], bounds[1], bounds[2])
	return v, e.wrap(err)
}

// slice is v[start:stop:step] as Python has it.
func slice(v Value, start, stop, step *int64) (Value, error) {
	if u, ok := v.(*Undefined); ok {
		return nil, u.err()
	}
	switch v.(type) {
	case string, *List, Tuple, Range:
	default:
		return nil, fmt.Errorf("a %s cannot be sliced", typeName(v))
	}
	items, err := Items(v)
	if err != nil {
		return nil, err
	}
	by, n := int64(1), int64(len(items))
	if step != nil {
		by = *step
	}
	if by == 0 {
		return nil, errors.New("a slice's step is not 0")
	}
	low, high := int64(0), n
	if by < 0 {
		low, high = -1, n-1
	}
	bound := func(p *int64, otherwise int64) int64 {
		if p == nil {
			return otherwise
		}
		i := *p
		if i < 0 {
			i += n
		}
		return max(low, min(i, high))
	}
	from, to := bound(start, low), bound(stop, high)
	if by < 0 {
		from, to = bound(start, high), bound(stop, low)
	}
	var out []Value
	for i := from; by > 0 && i < to || by < 0 && i > to; i += by {
		out = append(out, items[i])
	}
	switch v.(type) {
	case string:
		var b strings.Builder
		for _, r := range out {
			b.WriteString(r.(string))
		}
		return b.String(), nil
	case Tuple:
		return Tuple(out), nil
	}
	return &List{out}, nil
}

func (e *filterExpr) eval(f *frame) (Value, error) {
	v, err := e.operand.eval(f)
	if err != nil {
		return nil, err
	}
	c, err := e.args.call(f, e.span)
	if err != nil {
		return nil, err
	}
	v, err = applyFilter(c, e.name, v)
	return v, e.wrap(err)
}

func applyFilter(c *Call, name string, v Value) (Value, error) {
	fn, ok := filters[name]
	if !ok {
		return nil, fmt.Errorf("there is no filter %q", name)
	}
	if u, ok := v.(*Undefined); ok && !u.silent && name != "default" && name != "d" {
		return nil, u.err()
	}
	v, err := fn(c, v)
	if err != nil && name != "" {
		return v, inFilter(name, err)
	}
	return v, nil
}

// inFilter puts a filter's name before what went wrong in it.
func inFilter(name string, err error) error {
	var (
		m      *missing
		placed *Error
		ends   *signal
	)
	if errors.As(err, &m) || errors.As(err, &placed) || errors.As(err, &ends) {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

func (e *testExpr) eval(f *frame) (Value, error) {
	v, err := e.operand.eval(f)
	if err != nil {
		return nil, err
	}
	c, err := e.args.call(f, e.span)
	if err != nil {
		return nil, err
	}
	ok, err := applyTest(c, e.name, v)
	return ok != e.negated, e.wrap(err)
}

func applyTest(c *Call, name string, v Value) (bool, error) {
	fn, ok := tests[name]
	if !ok {
		return false, fmt.Errorf("there is no test %q", name)
	}
	if u, ok := v.(*Undefined); ok && u.strict && name != "defined" && name != "undefined" && name != "none" {
		return false, u.err()
	}
	return fn(c, v)
}
