package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// attribute reads the part of a value that a dotted path names, such as a.b or 0.
func attribute(path Value) (func(Value) (Value, error), error) {
	if !given(path) || path == nil {
		return func(v Value) (Value, error) { return v, nil }, nil
	}
	var steps []Value
	switch x := path.(type) {
	case int64:
		steps = []Value{x}
	case string:
		for _, s := range strings.Split(x, ".") {
			if n, ok := parseInt(s, 10); ok && s != "" && s[0] >= '0' && s[0] <= '9' {
				steps = append(steps, n)
			} else {
				steps = append(steps, s)
			}
		}
	default:
		return nil, fmt.Errorf("an attribute is a text or a number, not a %s", typeName(path))
	}
	return func(v Value) (Value, error) {
		var err error
		for _, s := range steps {
			if v, err = getItem(v, s); err != nil {
				return nil, err
			}
		}
		return v, nil
	}, nil
}

// key reads a part, in lower case where the case of texts does not count; what is not there is an error.
func key(path, caseSensitive Value) (func(Value) (Value, error), error) {
	part, err := attribute(path)
	if err != nil {
		return nil, err
	}
	exact, err := boolArg(caseSensitive, false)
	return func(v Value) (Value, error) {
		k, err := part(v)
		if s, ok := k.(string); ok && !exact {
			return strings.ToLower(s), nil
		}
		if u, ok := k.(*Undefined); ok && err == nil {
			err = u.err()
		}
		return k, err
	}, err
}

func filterBatch(c *Call, v Value) (Value, error) {
	args, err := c.bind("linecount fill_with=")
	if err != nil {
		return nil, err
	}
	n, err := intArg(args[0], 0)
	if err != nil || n < 1 {
		return nil, errors.Join(err, errors.New("a batch has at least one item"))
	}
	items, err := Items(v)
	g := &generator{name: "batch"}
	for chunk := range slices.Chunk(items, n) {
		l := NewList(slices.Clone(chunk)...)
		for given(args[1]) && args[1] != nil && len(l.Items) < n {
			l.Items = append(l.Items, args[1])
		}
		g.items = append(g.items, l)
	}
	return g, err
}

func filterSlice(c *Call, v Value) (Value, error) {
	args, err := c.bind("slices fill_with=")
	if err != nil {
		return nil, err
	}
	n, err := intArg(args[0], 0)
	if err != nil || n < 1 {
		return nil, errors.Join(err, errors.New("there is at least one slice"))
	}
	items, err := Items(v)
	each, more, at := len(items)/n, len(items)%n, 0
	g := &generator{name: "slice"}
	for i := range n {
		size := each
		if i < more {
			size++
		}
		l := NewList(slices.Clone(items[at : at+size])...)
		if given(args[1]) && args[1] != nil && i >= more {
			l.Items = append(l.Items, args[1])
		}
		g.items = append(g.items, l)
		at += size
	}
	return g, err
}

func filterDictsort(c *Call, v Value) (Value, error) {
	args, err := c.bind("case_sensitive= by= reverse=")
	if err != nil {
		return nil, err
	}
	d, ok := v.(*Dict)
	if !ok {
		return nil, fmt.Errorf("a mapping is wanted, not a %s", typeName(v))
	}
	by, err := textArg(args[1], "key")
	if err != nil {
		return nil, err
	}
	at, ok := map[string]int64{"key": 0, "value": 1}[by]
	if !ok {
		return nil, errors.New(`by is "key" or "value"`)
	}
	of, err := key(at, args[0])
	if err != nil {
		return nil, err
	}
	reverse, err := boolArg(args[2], false)
	if err != nil {
		return nil, err
	}
	l := &List{}
	for k, v := range d.All() {
		l.Items = append(l.Items, Tuple{k, v})
	}
	return l, sortItems(l.Items, of, reverse)
}

func filterFirst(c *Call, v Value) (Value, error) {
	if _, err := c.bind(""); err != nil {
		return nil, err
	}
	items, err := Items(v)
	if err != nil || len(items) == 0 {
		return nothing, err
	}
	return items[0], nil
}

func filterLast(c *Call, v Value) (Value, error) {
	if _, err := c.bind(""); err != nil {
		return nil, err
	}
	if _, ok := v.(*generator); ok {
		return nil, errors.New("a generator has no last item: add | list before it")
	}
	items, err := Items(v)
	if err != nil || len(items) == 0 {
		return nothing, err
	}
	return items[len(items)-1], nil
}

func filterList(c *Call, v Value) (Value, error) {
	if _, err := c.bind(""); err != nil {
		return nil, err
	}
	items, err := Items(v)
	return &List{items}, err
}

func filterItems(c *Call, v Value) (Value, error) {
	if _, err := c.bind(""); err != nil {
		return nil, err
	}
	d, ok := v.(*Dict)
	if !ok {
		return nil, fmt.Errorf("a mapping is wanted, not a %s", typeName(v))
	}
	g := &generator{name: "items"}
	for k, v := range d.All() {
		g.items = append(g.items, Tuple{k, v})
	}
	return g, nil
}

func filterReverse(c *Call, v Value) (Value, error) {
	if _, err := c.bind(""); err != nil {
		return nil, err
	}
	items, err := Items(v)
	slices.Reverse(items)
	if _, ok := v.(string); ok {
		var b strings.Builder
		for _, e := range items {
			b.WriteString(e.(string))
		}
		return b.String(), nil
	}
	if t, ok := v.(Tuple); ok { // Its items are the tuple itself: it must not turn.
		slices.Reverse(items)
		items = slices.Clone(t)
		slices.Reverse(items)
	}
	return &generator{"reverse", items}, err
}

func filterSort(c *Call, v Value) (Value, error) {
	args, err := c.bind("reverse= case_sensitive= attribute=")
	if err != nil {
		return nil, err
	}
	reverse, err := boolArg(args[0], false)
	if err != nil {
		return nil, err
	}
	of, err := keys(args[2], args[1])
	if err != nil {
		return nil, err
	}
	var items []Value
	if s, ok := v.(*Set); ok {
		items = s.dict.keys
	} else if items, err = Items(v); err != nil {
		return nil, err
	}
	l := &List{slices.Clone(items)}
	return l, sortItems(l.Items, of, reverse)
}

// keys reads one part or several, as in sort(attribute='a,b').
func keys(path, caseSensitive Value) (func(Value) (Value, error), error) {
	s, ok := path.(string)
	if !ok || !strings.Contains(s, ",") {
		return key(path, caseSensitive)
	}
	var parts []func(Value) (Value, error)
	for _, p := range strings.Split(s, ",") {
		of, err := key(p, caseSensitive)
		if err != nil {
			return nil, err
		}
		parts = append(parts, of)
	}
	return func(v Value) (Value, error) {
		var t Tuple
		for _, of := range parts {
			k, err := of(v)
			if err != nil {
				return nil, err
			}
			t = append(t, k)
		}
		return t, nil
	}, nil
}

func filterExtreme(sign int) filter {
	return func(c *Call, v Value) (Value, error) {
		args, err := c.bind("case_sensitive= attribute=")
		if err != nil {
			return nil, err
		}
		of, err := key(args[1], args[0])
		if err != nil {
			return nil, err
		}
		items, err := Items(v)
		if err != nil || len(items) == 0 {
			return nothing, err
		}
		best := items[0]
		most, err := of(best)
		for _, e := range items[1:] {
			var k Value
			n := 0
			if err == nil {
				k, err = of(e)
			}
			if err == nil {
				n, err = order(k, most)
			}
			if err != nil {
				return nil, err
			}
			if n*sign > 0 {
				best, most = e, k
			}
		}
		return best, err
	}
}

func filterUnique(c *Call, v Value) (Value, error) {
	args, err := c.bind("case_sensitive= attribute=")
	if err != nil {
		return nil, err
	}
	of, err := key(args[1], args[0])
	if err != nil {
		return nil, err
	}
	items, err := Items(v)
	if err != nil {
		return nil, err
	}
	seen, g := NewDict(), &generator{name: "unique"}
	for _, e := range items {
		k, err := of(e)
		if err != nil {
			return nil, err
		}
		if _, ok := seen.Get(k); ok {
			continue
		}
		if err := seen.Set(k, nil); err != nil {
			return nil, err
		}
		g.items = append(g.items, e)
	}
	return g, nil
}

func filterGroupby(c *Call, v Value) (Value, error) {
	args, err := c.bind("attribute default= case_sensitive=")
	if err != nil {
		return nil, err
	}
	part, err := attribute(args[0])
	if err != nil {
		return nil, err
	}
	of := func(v Value) (Value, error) {
		k, err := part(v)
		if u, ok := k.(*Undefined); ok && err == nil {
			if given(args[1]) {
				return args[1], nil
			}
			return nil, u.err()
		}
		return k, err
	}
	exact, err := boolArg(args[2], false)
	if err != nil {
		return nil, err
	}
	folded := func(v Value) (Value, error) {
		k, err := of(v)
		if s, ok := k.(string); ok && !exact {
			return strings.ToLower(s), err
		}
		return k, err
	}
	items, err := Items(v)
	if err != nil {
		return nil, err
	}
	items = slices.Clone(items)
	if err := sortItems(items, folded, false); err != nil {
		return nil, err
	}
	return groups(items, folded, of)
}

func groups(items []Value, folded, of func(Value) (Value, error)) (Value, error) {
	out := &List{}
	var last Value
	for i, e := range items {
		k, err := folded(e)
		if err != nil {
			return nil, err
		}
		if i == 0 || !equal(k, last) {
			first, err := of(e)
			if err != nil {
				return nil, err
			}
			out.Items = append(out.Items, Tuple{first, &List{}})
		}
		last = k
		group := out.Items[len(out.Items)-1].(Tuple)[1].(*List)
		group.Items = append(group.Items, e)
	}
	return out, nil
}

func filterJoin(c *Call, v Value) (Value, error) {
	args, err := c.bind("d= attribute=")
	if err != nil {
		return nil, err
	}
	if !given(args[0]) {
		args[0] = ""
	}
	sep, err := Text(args[0])
	if err != nil {
		return nil, err
	}
	of, err := attribute(args[1])
	if err != nil {
		return nil, err
	}
	items, err := Items(v)
	parts := make([]string, len(items))
	for i, e := range items {
		if e, err = of(e); err != nil {
			return nil, err
		}
		if parts[i], err = Text(e); err != nil {
			return nil, err
		}
	}
	return strings.Join(parts, sep), err
}

func filterSum(c *Call, v Value) (Value, error) {
	args, err := c.bind("attribute= start=")
	if err != nil {
		return nil, err
	}
	of, err := attribute(args[0])
	if err != nil {
		return nil, err
	}
	items, err := Items(v)
	sum := args[1]
	if !given(sum) {
		sum = int64(0)
	}
	if _, ok := sum.(string); ok {
		return nil, errors.New("texts are not summed: join them")
	}
	for _, e := range items {
		if e, err = of(e); err != nil {
			return nil, err
		}
		if sum, err = binary("+", sum, e); err != nil {
			return nil, err
		}
	}
	return sum, err
}

// filterMap applies a filter to each item, or reads a part of each.
func filterMap(c *Call, v Value) (Value, error) {
	each, err := mapper(c)
	if err != nil {
		return nil, err
	}
	items, err := Items(v)
	g := &generator{name: "map"}
	for _, e := range items {
		if e, err = each(e); err != nil {
			return nil, err
		}
		g.items = append(g.items, e)
	}
	return g, err
}

func mapper(c *Call) (func(Value) (Value, error), error) {
	if len(c.Args) == 0 {
		args, err := c.bind("attribute default=")
		if err != nil {
			return nil, err
		}
		of, err := attribute(args[0])
		return func(v Value) (Value, error) {
			part, err := of(v)
			if _, ok := part.(*Undefined); ok && given(args[1]) {
				return args[1], err
			}
			return part, err
		}, err
	}
	name, err := textArg(c.Args[0], "")
	if err != nil {
		return nil, err
	}
	if _, ok := filters[name]; !ok {
		return nil, fmt.Errorf("there is no filter %q", name)
	}
	inner := &Call{Args: c.Args[1:], Names: c.Names, Named: c.Named, context: c.context, span: c.span}
	return func(v Value) (Value, error) { return applyFilter(inner, name, v) }, nil
}

// chooser answers select, reject, selectattr and rejectattr.
func chooser(reject, byPart bool) filter {
	return func(c *Call, v Value) (Value, error) {
		args, of := c.Args, func(v Value) (Value, error) { return v, nil }
		if byPart {
			if len(args) == 0 {
				return nil, errors.New("the name of an attribute is missing")
			}
			var err error
			if of, err = attribute(args[0]); err != nil {
				return nil, err
			}
			args = args[1:]
		}
		test, err := tester(c, args)
		if err != nil {
			return nil, err
		}
		items, err := Items(v)
		g := &generator{name: "select"}
		for _, e := range items {
			part, err := of(e)
			if err != nil {
				return nil, err
			}
			ok, err := test(part)
			if err != nil {
				return nil, err
			}
			if ok != reject {
				g.items = append(g.items, e)
			}
		}
		return g, err
	}
}

func tester(c *Call, args []Value) (func(Value) (bool, error), error) {
	if len(args) == 0 {
		return isTrue, nil
	}
	name, err := textArg(args[0], "")
	if err != nil {
		return nil, err
	}
	if _, ok := tests[name]; !ok {
		return nil, fmt.Errorf("there is no test %q", name)
	}
	inner := &Call{Args: args[1:], Names: c.Names, Named: c.Named, context: c.context, span: c.span}
	return func(v Value) (bool, error) { return applyTest(inner, name, v) }, nil
}
