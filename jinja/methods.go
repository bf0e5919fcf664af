package jinja

import (
	"errors"
	"fmt"
	"slices"
)

// method finds a method of a value, bound to it.
func method(v Value, name string) (Value, bool) {
	bound := func(call func(*Call) (Value, error)) (Value, bool) {
		return Native(typeName(v)+"."+name, func(c *Call) (Value, error) {
			out, err := call(c)
			if err != nil {
				err = inFilter(name, err)
			}
			return out, err
		}), true
	}
	switch x := v.(type) {
	case string:
		if m, ok := textMethods[name]; ok {
			return bound(func(c *Call) (Value, error) { return m(x, c) })
		}
	case *List:
		if m, ok := listMethods[name]; ok {
			return bound(func(c *Call) (Value, error) { return m(x, c) })
		}
	case Tuple:
		switch name {
		case "count", "index":
			return bound(func(c *Call) (Value, error) { return listMethods[name](&List{x}, c) })
		case "grouper", "list": // What groupby gives.
			if len(x) == 2 {
				if _, ok := x[1].(*List); ok {
					return x[map[string]int{"grouper": 0, "list": 1}[name]], true
				}
			}
		}
	case *Dict:
		if m, ok := dictMethods[name]; ok {
			return bound(func(c *Call) (Value, error) { return m(x, c) })
		}
	case *Set:
		if m, ok := setMethods[name]; ok {
			return bound(func(c *Call) (Value, error) { return m(x, c) })
		}
	case float64:
		if name == "is_integer" {
			return bound(func(*Call) (Value, error) { return x == float64(int64(x)), nil })
		}
	}
	return nil, false
}

var listMethods map[string]func(*List, *Call) (Value, error)

func init() {
	listMethods = map[string]func(*List, *Call) (Value, error){
		"append": func(l *List, c *Call) (Value, error) {
			v, err := c.bind("item")
			if err == nil {
				l.Items = append(l.Items, v[0])
			}
			return nil, err
		},
		"extend": func(l *List, c *Call) (Value, error) {
			v, err := c.bind("items")
			if err != nil {
				return nil, err
			}
			items, err := Items(v[0])
			l.Items = append(l.Items, items...)
			return nil, err
		},
		"insert": func(l *List, c *Call) (Value, error) {
			v, err := c.bind("index item")
			if err != nil {
				return nil, err
			}
			i, err := intArg(v[0], 0)
			if err != nil {
				return nil, err
			}
			if i < 0 {
				i += len(l.Items)
			}
			l.Items = slices.Insert(l.Items, max(0, min(i, len(l.Items))), v[1])
			return nil, nil
		},
		"pop":     listPop,
		"remove":  listRemove,
		"index":   listIndex,
		"sort":    listSort,
		"clear":   func(l *List, _ *Call) (Value, error) { l.Items = nil; return nil, nil },
		"copy":    func(l *List, _ *Call) (Value, error) { return &List{slices.Clone(l.Items)}, nil },
		"reverse": func(l *List, _ *Call) (Value, error) { slices.Reverse(l.Items); return nil, nil },
		"count": func(l *List, c *Call) (Value, error) {
			v, err := c.bind("item")
			if err != nil {
				return nil, err
			}
			n := int64(0)
			for _, e := range l.Items {
				if equal(e, v[0]) {
					n++
				}
			}
			return n, nil
		},
	}
}

func listPop(l *List, c *Call) (Value, error) {
	v, err := c.bind("index=")
	if err != nil {
		return nil, err
	}
	i, err := intArg(v[0], -1)
	if err != nil {
		return nil, err
	}
	if i < 0 {
		i += len(l.Items)
	}
	if i < 0 || i >= len(l.Items) {
		return nil, errors.New("there is no such item")
	}
	item := l.Items[i]
	l.Items = slices.Delete(slices.Clone(l.Items), i, i+1)
	return item, nil
}

func listFind(l *List, v Value) (int, error) {
	i := slices.IndexFunc(l.Items, func(e Value) bool { return equal(e, v) })
	if i < 0 {
		text, err := repr(v)
		if err != nil {
			return 0, err
		}
		return 0, fmt.Errorf("%s is not in the list", text)
	}
	return i, nil
}

func listRemove(l *List, c *Call) (Value, error) {
	v, err := c.bind("item")
	if err != nil {
		return nil, err
	}
	i, err := listFind(l, v[0])
	if err != nil {
		return nil, err
	}
	l.Items = slices.Delete(slices.Clone(l.Items), i, i+1)
	return nil, nil
}

func listIndex(l *List, c *Call) (Value, error) {
	v, err := c.bind("item start= stop=")
	if err != nil {
		return nil, err
	}
	if given(v[1]) || given(v[2]) {
		return nil, errors.New("start and stop are not supported")
	}
	i, err := listFind(l, v[0])
	return int64(i), err
}

func listSort(l *List, c *Call) (Value, error) {
	reverse, err := boolArg(orAbsent(c.Named["reverse"]), false)
	if err != nil {
		return nil, err
	}
	if len(c.Args) > 0 || len(c.Names) > 1 || len(c.Names) == 1 && c.Names[0] != "reverse" {
		return nil, errors.New("the one argument is reverse")
	}
	return nil, sortItems(l.Items, func(v Value) (Value, error) { return v, nil }, reverse)
}

func orAbsent(v Value) Value {
	if v == nil {
		return absent
	}
	return v
}

// sortItems sorts by what key gives; equal ones keep their order, also in reverse, as in Python.
func sortItems(items []Value, key func(Value) (Value, error), reverse bool) error {
	keys := map[int]Value{}
	at := make([]int, len(items))
	for i := range items {
		k, err := key(items[i])
		if err != nil {
			return err
		}
		keys[i], at[i] = k, i
	}
	var failed error
	slices.SortStableFunc(at, func(a, b int) int {
		n, err := order(keys[a], keys[b])
		if err != nil && failed == nil {
			failed = err
		}
		if reverse {
			return -n
		}
		return n
	})
	sorted := make([]Value, len(items))
	for i, j := range at {
		sorted[i] = items[j]
	}
	copy(items, sorted)
	return failed
}

var dictMethods = map[string]func(*Dict, *Call) (Value, error){
	"keys":   dictView("dict_keys", func(k, _ Value) Value { return k }),
	"values": dictView("dict_values", func(_, v Value) Value { return v }),
	"items":  dictView("dict_items", func(k, v Value) Value { return Tuple{k, v} }),
	"get": func(d *Dict, c *Call) (Value, error) {
		v, err := c.bind("key default=")
		if err != nil {
			return nil, err
		}
		if item, ok := d.Get(v[0]); ok || !given(v[1]) {
			return item, nil
		}
		return v[1], nil
	},
	"setdefault": func(d *Dict, c *Call) (Value, error) {
		v, err := c.bind("key default=")
		if err != nil {
			return nil, err
		}
		if item, ok := d.Get(v[0]); ok {
			return item, nil
		}
		if !given(v[1]) {
			v[1] = nil
		}
		return v[1], d.Set(v[0], v[1])
	},
	"update": func(d *Dict, c *Call) (Value, error) {
		other, err := dictOf(c)
		if err != nil {
			return nil, err
		}
		return nil, d.update(other)
	},
	"pop": func(d *Dict, c *Call) (Value, error) {
		v, err := c.bind("key default=")
		if err != nil {
			return nil, err
		}
		item, ok := d.Get(v[0])
		if ok {
			d.Delete(v[0])
			return item, nil
		}
		if !given(v[1]) {
			return nil, fmt.Errorf("there is no key %v", v[0])
		}
		return v[1], nil
	},
	"popitem": func(d *Dict, _ *Call) (Value, error) {
		if d.Len() == 0 {
			return nil, errors.New("the mapping is empty")
		}
		k, v := d.keys[d.Len()-1], d.values[d.Len()-1]
		d.Delete(k)
		return Tuple{k, v}, nil
	},
	"clear": func(d *Dict, _ *Call) (Value, error) { *d = *NewDict(); return nil, nil },
	"copy":  func(d *Dict, _ *Call) (Value, error) { return d.copy(), nil },
}

func dictView(name string, of func(k, v Value) Value) func(*Dict, *Call) (Value, error) {
	return func(d *Dict, c *Call) (Value, error) {
		_, err := c.bind("")
		return &view{name, d, of}, err
	}
}

var setMethods = map[string]func(*Set, *Call) (Value, error){
	"add": func(s *Set, c *Call) (Value, error) {
		v, err := c.bind("item")
		if err != nil {
			return nil, err
		}
		return nil, s.add(v)
	},
	"discard": func(s *Set, c *Call) (Value, error) {
		v, err := c.bind("item")
		if err == nil {
			s.dict.Delete(v[0])
		}
		return nil, err
	},
	"update": func(s *Set, c *Call) (Value, error) {
		other, err := otherSet(c)
		if err != nil {
			return nil, err
		}
		return nil, s.add(other.dict.keys)
	},
	"union": func(s *Set, c *Call) (Value, error) {
		other, err := otherSet(c)
		if err != nil {
			return nil, err
		}
		out := s.keep(func(Value) bool { return true })
		return out, out.add(other.dict.keys)
	},
	"difference": func(s *Set, c *Call) (Value, error) {
		other, err := otherSet(c)
		return s.keep(func(k Value) bool { return err == nil && !other.has(k) }), err
	},
	"intersection": func(s *Set, c *Call) (Value, error) {
		other, err := otherSet(c)
		return s.keep(func(k Value) bool { return err == nil && other.has(k) }), err
	},
	"issubset": func(s *Set, c *Call) (Value, error) {
		other, err := otherSet(c)
		return err == nil && s.keep(other.has).dict.Len() == s.dict.Len(), err
	},
}

func (s *Set) has(k Value) bool {
	_, ok := s.dict.Get(k)
	return ok
}

func otherSet(c *Call) (*Set, error) {
	v, err := c.bind("other")
	if err != nil {
		return nil, err
	}
	if s, ok := v[0].(*Set); ok {
		return s, nil
	}
	items, err := Items(v[0])
	if err != nil {
		return nil, err
	}
	s := &Set{NewDict()}
	return s, s.add(items)
}
