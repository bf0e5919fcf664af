package jinja

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
)

// number is a value as a number; a bool counts as 0 or 1.
func number(v Value) (n *big.Int, f float64, isFloat, ok bool) {
	switch x := v.(type) {
	case bool:
		if x {
			return big.NewInt(1), 1, false, true
		}
		return new(big.Int), 0, false, true
	case int64:
		return big.NewInt(x), float64(x), false, true
	case *big.Int:
		f, _ := new(big.Float).SetInt(x).Float64()
		return x, f, false, true
	case float64:
		return nil, x, true, true
	}
	return nil, 0, false, false
}

// longest is how long a text or list may get by repeating or filling, and how big a power: a template is no place for more.
const longest = 10_000_000

// longestNumber is how many bits a power may have; Python refuses to print more.
const longestNumber = 14_000

func binary(operator string, a, b Value) (Value, error) {
	for _, v := range []Value{a, b} {
		if u, ok := v.(*Undefined); ok {
			return nil, u.err()
		}
	}
	if s, ok := a.(string); ok && operator == "%" {
		return formatPercent(s, b)
	}
	x, f, xFloat, aNumber := number(a)
	y, g, yFloat, bNumber := number(b)
	if aNumber && bNumber {
		if xFloat || yFloat || operator == "/" {
			return floats(operator, f, g)
		}
		return wholes(operator, x, y)
	}
	switch operator {
	case "+":
		if v, ok := added(a, b); ok {
			return v, nil
		}
		if _, ok := a.(string); ok {
			return nil, fmt.Errorf("a text and a %s cannot be added: join them with ~", typeName(b))
		}
	case "*":
		if y != nil {
			return repeated(a, y, b)
		}
		if x != nil {
			return repeated(b, x, a)
		}
	case "-":
		if s, ok := a.(*Set); ok {
			if t, ok := b.(*Set); ok {
				return s.keep(func(k Value) bool { _, in := t.dict.Get(k); return !in }), nil
			}
		}
	}
	return nil, fmt.Errorf("%s cannot be applied to a %s and a %s", operator, typeName(a), typeName(b))
}

func added(a, b Value) (Value, bool) {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return x + y, true
		}
	case *List:
		if y, ok := b.(*List); ok {
			return &List{slices.Concat(x.Items, y.Items)}, true
		}
	case Tuple:
		if y, ok := b.(Tuple); ok {
			return slices.Concat(x, y), true
		}
	}
	return nil, false
}

func repeated(v Value, times *big.Int, by Value) (Value, error) {
	size, ok := length(v)
	n := 0
	if times.Sign() > 0 {
		if !times.IsInt64() || size > 0 && times.Int64() > int64(longest/size) {
			return nil, errors.New("repeated too often")
		}
		n = int(times.Int64())
	}
	switch x := v.(type) {
	case string:
		return strings.Repeat(x, n), nil
	case *List:
		return &List{slices.Repeat(x.Items, n)}, nil
	case Tuple:
		return Tuple(slices.Repeat(x, n)), nil
	}
	_ = ok
	return nil, fmt.Errorf("* cannot be applied to a %s and a %s", typeName(v), typeName(by))
}

func wholes(operator string, x, y *big.Int) (Value, error) {
	z := new(big.Int)
	switch operator {
	case "+":
		return whole(z.Add(x, y)), nil
	case "-":
		return whole(z.Sub(x, y)), nil
	case "*":
		return whole(z.Mul(x, y)), nil
	case "//", "%":
		if y.Sign() == 0 {
			return nil, errors.New("division by zero")
		}
		m := new(big.Int)
		z.QuoRem(x, y, m)
		if m.Sign() != 0 && m.Sign() != y.Sign() { // Python rounds down, and the rest has the divisor's sign.
			z.Sub(z, big.NewInt(1))
			m.Add(m, y)
		}
		if operator == "%" {
			return whole(m), nil
		}
		return whole(z), nil
	}
	if y.Sign() < 0 {
		a, _ := new(big.Float).SetInt(x).Float64()
		b, _ := new(big.Float).SetInt(y).Float64()
		return floats(operator, a, b)
	}
	if !y.IsInt64() || x.BitLen() > 1 && y.Int64() > longestNumber/int64(x.BitLen()) {
		return nil, errors.New("too big a power")
	}
	return whole(z.Exp(x, y, nil)), nil
}

func floats(operator string, f, g float64) (Value, error) {
	switch operator {
	case "+":
		return f + g, nil
	case "-":
		return f - g, nil
	case "*":
		return f * g, nil
	case "**":
		if f == 0 && g < 0 || f < 0 && g != math.Trunc(g) {
			return nil, errors.New("that power is not a real number")
		}
		p := math.Pow(f, g)
		if math.IsInf(p, 0) && !math.IsInf(f, 0) && !math.IsInf(g, 0) {
			return nil, errors.New("too big a power")
		}
		return p, nil
	}
	if g == 0 {
		return nil, errors.New("division by zero")
	}
	m := math.Mod(f, g)
	if m == 0 {
		m = math.Copysign(0, g)
	} else if (m < 0) != (g < 0) {
		m += g
	}
	switch operator {
	case "/":
		return f / g, nil
	case "%":
		return m, nil
	}
	if q := math.Round((f - m) / g); q != 0 {
		return q, nil
	}
	return math.Copysign(0, f/g), nil
}

func unary(operator string, v Value) (Value, error) {
	if u, ok := v.(*Undefined); ok {
		return nil, u.err()
	}
	n, f, isFloat, ok := number(v)
	switch {
	case !ok:
		return nil, fmt.Errorf("%s cannot be applied to a %s", operator, typeName(v))
	case operator == "+" && isFloat:
		return f, nil
	case operator == "+":
		return whole(n), nil
	case isFloat:
		return -f, nil
	}
	return whole(new(big.Int).Neg(n)), nil
}

// equal is Python's ==.
func equal(a, b Value) bool {
	x, f, xFloat, aNumber := number(a)
	y, g, yFloat, bNumber := number(b)
	if aNumber && bNumber {
		if xFloat || yFloat {
			return f == g
		}
		return x.Cmp(y) == 0
	}
	switch x := a.(type) {
	case *List:
		y, ok := b.(*List)
		return ok && equalItems(x.Items, y.Items)
	case Tuple:
		y, ok := b.(Tuple)
		return ok && equalItems(x, y)
	case *Dict:
		y, ok := b.(*Dict)
		return ok && equalDicts(x, y)
	case *Set:
		y, ok := b.(*Set)
		return ok && equalDicts(x.dict, y.dict)
	case *Undefined:
		_, ok := b.(*Undefined)
		return ok
	case *view:
		y, ok := b.(*view)
		return ok && x.name == y.name && equalDicts(x.dict, y.dict)
	}
	switch b.(type) {
	case *List, Tuple, *Dict, *Set, *Undefined:
		return false
	}
	return a == b
}

func equalItems(a, b []Value) bool { return slices.EqualFunc(a, b, equal) }

func equalDicts(a, b *Dict) bool {
	if a.Len() != b.Len() {
		return false
	}
	for k, v := range a.All() {
		if w, ok := b.Get(k); !ok || !equal(v, w) {
			return false
		}
	}
	return true
}

// order is how a stands to b; an error where Python knows no order between them.
func order(a, b Value) (int, error) {
	x, f, xFloat, aNumber := number(a)
	y, g, yFloat, bNumber := number(b)
	if aNumber && bNumber {
		if !xFloat && !yFloat {
			return x.Cmp(y), nil
		}
		switch {
		case f < g:
			return -1, nil
		case f > g:
			return 1, nil
		}
		return 0, nil
	}
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), nil
		}
	case *List:
		if y, ok := b.(*List); ok {
			return orderItems(x.Items, y.Items)
		}
	case Tuple:
		if y, ok := b.(Tuple); ok {
			return orderItems(x, y)
		}
	}
	for _, v := range []Value{a, b} {
		if u, ok := v.(*Undefined); ok {
			return 0, u.err()
		}
	}
	return 0, fmt.Errorf("a %s and a %s have no order", typeName(a), typeName(b))
}

func orderItems(a, b []Value) (int, error) {
	for i := range min(len(a), len(b)) {
		if !equal(a[i], b[i]) {
			return order(a[i], b[i])
		}
	}
	return len(a) - len(b), nil
}

func compare(operator string, a, b Value) (bool, error) {
	switch operator {
	case "==", "!=":
		for _, v := range []Value{a, b} {
			if u, ok := v.(*Undefined); ok && u.strict {
				return false, u.err()
			}
		}
		return equal(a, b) == (operator == "=="), nil
	case "in", "not in":
		in, err := contains(b, a)
		return in == (operator == "in"), err
	}
	if s, ok := a.(*Set); ok {
		return false, fmt.Errorf("%s of a %s is not supported", operator, typeName(s))
	}
	n, err := order(a, b)
	switch operator {
	case "<":
		return n < 0, err
	case "<=":
		return n <= 0, err
	case ">":
		return n > 0, err
	}
	return n >= 0, err
}

// contains is Python's `item in container`.
func contains(container, item Value) (bool, error) {
	if u, ok := item.(*Undefined); ok && u.strict {
		return false, u.err()
	}
	switch c := container.(type) {
	case string:
		s, ok := item.(string)
		if !ok {
			return false, fmt.Errorf("a text holds texts, not a %s", typeName(item))
		}
		return strings.Contains(c, s), nil
	case *Dict:
		if _, err := hashable(item); err != nil {
			return false, err
		}
		_, ok := c.Get(item)
		return ok, nil
	case *Set:
		_, ok := c.dict.Get(item)
		return ok, nil
	}
	items, err := Items(container)
	return slices.ContainsFunc(items, func(e Value) bool { return equal(e, item) }), err
}

func (s *Set) keep(wanted func(Value) bool) *Set {
	out := &Set{NewDict()}
	for k := range s.dict.All() {
		if wanted(k) {
			_ = out.dict.Set(k, nil)
		}
	}
	return out
}
