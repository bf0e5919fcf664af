package jinja

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"math/big"
	"slices"
)

// Value is one of: nil (None), bool, int64, *big.Int (beyond 64 bits), float64, string, *List, Tuple, *Dict, *Set, Range, *Undefined,
// Func, or an Object.
type Value = any

// List is Python's list: it changes in place.
type List struct{ Items []Value }

// NewList makes a list.
func NewList(items ...Value) *List { return &List{items} }

// Tuple is Python's tuple.
type Tuple []Value

// Func is a function that a template may call. Callers outside make them with Native.
type Func struct {
	Name string
	Call func(*Call) (Value, error)
}

// Call is one call of a function.
type Call struct {
	Args  []Value
	Names []string // Of the named arguments, in their order.
	Named map[string]Value

	context *Context
	pack    string
	span    span
}

// Native makes a function.
func Native(name string, call func(*Call) (Value, error)) *Func { return &Func{name, call} }

// Object is a value with parts of its own. One that is a fmt.Stringer can be printed, one that is a Caller called.
type Object interface {
	// Attr is the part of that name; false where there is none.
	Attr(name string) (Value, bool)
	// Kind is its kind for messages, such as "namespace".
	Kind() string
}

// Caller is an object that a template may call.
type Caller interface {
	Call(*Call) (Value, error)
}

// Undefined is what is not there. Printing or computing with it is an error, unless it is silent.
type Undefined struct {
	what   string // What is missing, for the message.
	name   string // Of a name that nothing defines.
	try    string
	silent bool // It prints as nothing, as in jinja2: no else, no item of an empty list, no neighbour of a loop.
	strict bool // Even asking whether it is true is an error.
}

// missing is the error of using what is undefined.
type missing struct {
	err  error
	try  string
	name string
}

func (m *missing) Error() string { return m.err.Error() }

func (m *missing) Unwrap() error { return m.err }

func (u *Undefined) err() error { return &missing{fmt.Errorf("%s", u.what), u.try, u.name} }

var nothing = &Undefined{what: "there is no value", silent: true}

// Range is Python's range.
type Range struct{ start, stop, step int64 }

func (r Range) len() int {
	n := int64(0)
	if r.step > 0 && r.stop > r.start {
		n = (r.stop - r.start + r.step - 1) / r.step
	} else if r.step < 0 && r.stop < r.start {
		n = (r.start - r.stop - r.step - 1) / -r.step
	}
	return int(n)
}

func (r Range) at(i int) Value { return r.start + int64(i)*r.step }

// generator is what filters such as map and select give: it can be gone through once, and has no length.
type generator struct {
	name  string
	items []Value
}

// view are the keys, values or items of a dict.
type view struct {
	name string
	dict *Dict
	of   func(k, v Value) Value
}

// whole makes the smallest integer that holds n.
func whole(n *big.Int) Value {
	if n.IsInt64() {
		return n.Int64()
	}
	return n
}

// Dict is Python's dict: its keys keep their order.
type Dict struct {
	keys   []Value
	values []Value
	index  map[any]int
}

// NewDict makes an empty dict.
func NewDict() *Dict { return &Dict{index: map[any]int{}} }

// hashable is a key as Go's maps compare it; 1, 1.0 and True are one key.
func hashable(k Value) (any, error) {
	switch x := k.(type) {
	case bool:
		if x {
			return int64(1), nil
		}
		return int64(0), nil
	case float64:
		if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
			return int64(x), nil
		}
		return x, nil
	case nil, int64, string, Range:
		return x, nil
	case *big.Int:
		return "\x00int" + x.String(), nil
	case Tuple:
		key := "\x00tuple"
		for _, e := range x {
			h, err := hashable(e)
			if err != nil {
				return nil, err
			}
			key += fmt.Sprintf("%T%q,", h, fmt.Sprint(h))
		}
		return key, nil
	case *List, *Dict, *Set:
		return nil, fmt.Errorf("a %s cannot be a key", typeName(k))
	}
	return k, nil
}

// Set puts a value under a key.
func (d *Dict) Set(k, v Value) error {
	h, err := hashable(k)
	if err != nil {
		return err
	}
	if i, ok := d.index[h]; ok {
		d.values[i] = v
		return nil
	}
	d.index[h] = len(d.keys)
	d.keys, d.values = append(d.keys, k), append(d.values, v)
	return nil
}

// Get is the value under a key.
func (d *Dict) Get(k Value) (Value, bool) {
	h, err := hashable(k)
	if err != nil {
		return nil, false
	}
	i, ok := d.index[h]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

// Delete takes a key out, and tells whether it was there.
func (d *Dict) Delete(k Value) bool {
	h, err := hashable(k)
	i, ok := d.index[h]
	if err != nil || !ok {
		return false
	}
	d.keys, d.values = slices.Delete(d.keys, i, i+1), slices.Delete(d.values, i, i+1)
	delete(d.index, h)
	for other, at := range d.index {
		if at > i {
			d.index[other] = at - 1
		}
	}
	return true
}

// Len is the number of keys.
func (d *Dict) Len() int { return len(d.keys) }

// All are its pairs in their order.
func (d *Dict) All() iter.Seq2[Value, Value] {
	return func(yield func(k, v Value) bool) {
		for i := 0; i < len(d.keys); i++ {
			if !yield(d.keys[i], d.values[i]) {
				return
			}
		}
	}
}

func (d *Dict) copy() *Dict {
	out := NewDict()
	for k, v := range d.All() {
		_ = out.Set(k, v)
	}
	return out
}

// Set is Python's set. It has no order that a text could rest on: what goes through it must sort it.
type Set struct{ dict *Dict }

// typeName is Python's name of a value's type.
func typeName(v Value) string {
	switch x := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case *List:
		return "list"
	case Tuple:
		return "tuple"
	case *Dict:
		return "dict"
	case *Set:
		return "set"
	case Range:
		return "range"
	case *Undefined:
		return "undefined"
	case *generator:
		return "generator"
	case *view:
		return x.name
	case *Func:
		return "function"
	case *macro:
		return "macro"
	case Object:
		return x.Kind()
	}
	return fmt.Sprintf("%T", v)
}

// isTrue is Python's truth.
func isTrue(v Value) (bool, error) {
	switch x := v.(type) {
	case nil:
		return false, nil
	case bool:
		return x, nil
	case int64:
		return x != 0, nil
	case float64:
		return x != 0, nil
	case *Undefined:
		if x.strict {
			return false, x.err()
		}
		return false, nil
	}
	if n, ok := length(v); ok {
		return n > 0, nil
	}
	return true, nil
}

// length is the number of a value's items, where it has any.
func length(v Value) (int, bool) {
	switch x := v.(type) {
	case string:
		return len([]rune(x)), true
	case *List:
		return len(x.Items), true
	case Tuple:
		return len(x), true
	case *Dict:
		return x.Len(), true
	case *Set:
		return x.dict.Len(), true
	case Range:
		return x.len(), true
	case *view:
		return x.dict.Len(), true
	}
	return 0, false
}

// Items are what a loop over a value goes through.
func Items(v Value) ([]Value, error) {
	switch x := v.(type) {
	case *List:
		return slices.Clone(x.Items), nil
	case Tuple:
		return x, nil
	case string:
		var out []Value
		for _, r := range x {
			out = append(out, string(r))
		}
		return out, nil
	case *Dict:
		return slices.Clone(x.keys), nil
	case Range:
		out := make([]Value, x.len())
		for i := range out {
			out[i] = x.at(i)
		}
		return out, nil
	case *generator:
		items := x.items
		x.items = nil
		return items, nil
	case *view:
		var out []Value
		for k, v := range x.dict.All() {
			out = append(out, x.of(k, v))
		}
		return out, nil
	case *Set:
		if x.dict.Len() > 1 {
			return nil, fmt.Errorf("a set has no order: sort it first, as in value | sort")
		}
		return slices.Clone(x.dict.keys), nil
	case *Undefined:
		if x.silent {
			return nil, nil
		}
		return nil, x.err()
	}
	return nil, fmt.Errorf("a %s cannot be gone through", typeName(v))
}

// FromGo makes a template's value of Go's: maps get their keys sorted.
func FromGo(v any) Value {
	switch x := v.(type) {
	case int:
		return int64(x)
	case []string:
		out := &List{}
		for _, e := range x {
			out.Items = append(out.Items, e)
		}
		return out
	case []any:
		out := &List{}
		for _, e := range x {
			out.Items = append(out.Items, FromGo(e))
		}
		return out
	case map[string]any:
		out := NewDict()
		for _, k := range slices.Sorted(maps.Keys(x)) {
			_ = out.Set(k, FromGo(x[k]))
		}
		return out
	case uint64:
		return whole(new(big.Int).SetUint64(x))
	}
	return v
}

// ToGo makes Go's value of a template's: []any and map[string]any for what holds others.
func ToGo(v Value) any {
	switch x := v.(type) {
	case *Dict:
		out := map[string]any{}
		for k, e := range x.All() {
			name, err := Text(k)
			if err == nil {
				out[name] = ToGo(e)
			}
		}
		return out
	case *big.Int:
		return x.String()
	case *List, Tuple, Range, *view, *generator:
		items, _ := Items(x)
		out := make([]any, len(items))
		for i, e := range items {
			out[i] = ToGo(e)
		}
		return out
	}
	return v
}
