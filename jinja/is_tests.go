package jinja

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode"
)

type test func(c *Call, v Value) (bool, error)

// tests are Jinja's.
var tests map[string]test

func init() {
	tests = map[string]test{
		"defined":   func(_ *Call, v Value) (bool, error) { _, un := v.(*Undefined); return !un, nil },
		"undefined": func(_ *Call, v Value) (bool, error) { _, un := v.(*Undefined); return un, nil },
		"none":      alone(func(v Value) bool { return v == nil }),
		"true":      alone(func(v Value) bool { return v == true }),
		"false":     alone(func(v Value) bool { return v == false }),
		"boolean":   alone(func(v Value) bool { _, ok := v.(bool); return ok }),
		"string":    alone(func(v Value) bool { _, ok := v.(string); return ok }),
		"float":     alone(func(v Value) bool { _, ok := v.(float64); return ok }),
		"integer":   alone(isWhole), "number": alone(func(v Value) bool { _, _, _, ok := number(v); return ok }),
		"mapping":  alone(isMapping),
		"sequence": alone(isSequence),
		"iterable": alone(func(v Value) bool {
			switch v.(type) {
			case *generator, *view, *Set:
				return true
			}
			return isSequence(v)
		}),
		"callable": alone(func(v Value) bool {
			switch v.(type) {
			case *Func, *macro, *loop, *Undefined:
				return true
			}
			return false
		}),
		"escaped": alone(func(Value) bool { return false }),
		"filter":  alone(func(v Value) bool { s, ok := v.(string); _, known := filters[s]; return ok && known }),
		"test":    alone(func(v Value) bool { s, ok := v.(string); _, known := tests[s]; return ok && known }),
		"lower":   letters(unicode.IsLower, unicode.IsUpper), "upper": letters(unicode.IsUpper, unicode.IsLower),
		"odd": rest(func(m int64) bool { return m == 1 }), "even": rest(func(m int64) bool { return m == 0 }),
		"divisibleby": divisible, "sameas": identical,
		"in": func(c *Call, v Value) (bool, error) {
			args, err := c.bind("seq")
			if err != nil {
				return false, err
			}
			return contains(args[0], v)
		},
	}
	for operator, names := range map[string][]string{
		"==": {"eq", "equalto", "=="}, "!=": {"ne", "!="}, ">": {"gt", "greaterthan", ">"},
		">=": {"ge", ">="}, "<": {"lt", "lessthan", "<"}, "<=": {"le", "<="},
	} {
		for _, name := range names {
			tests[name] = func(c *Call, v Value) (bool, error) {
				args, err := c.bind("other")
				if err != nil {
					return false, err
				}
				return compare(operator, v, args[0])
			}
		}
	}
}

func alone(f func(Value) bool) test {
	return func(c *Call, v Value) (bool, error) {
		_, err := c.bind("")
		return f(v), err
	}
}

func isWhole(v Value) bool {
	switch v.(type) {
	case int64, *big.Int:
		return true
	}
	return false
}

func isSequence(v Value) bool {
	switch v.(type) {
	case string, *List, Tuple, *Dict, Range:
		return true
	case *Undefined:
		return true
	}
	return false
}

func letters(is, not func(rune) bool) test {
	return func(c *Call, v Value) (bool, error) {
		if _, err := c.bind(""); err != nil {
			return false, err
		}
		s, err := Text(v)
		return strings.IndexFunc(s, is) >= 0 && strings.IndexFunc(s, not) < 0, err
	}
}

func rest(is func(int64) bool) test {
	return func(c *Call, v Value) (bool, error) {
		if _, err := c.bind(""); err != nil {
			return false, err
		}
		m, err := binary("%", v, int64(2))
		if _, isText := v.(string); isText {
			err = errors.New("a number is wanted, not a str")
		}
		if err != nil {
			return false, err
		}
		n, f, isFloat, _ := number(m)
		if isFloat {
			return f == float64(int64(f)) && is(int64(f)), nil
		}
		return is(n.Int64()), nil
	}
}

func divisible(c *Call, v Value) (bool, error) {
	args, err := c.bind("num")
	if err != nil {
		return false, err
	}
	m, err := binary("%", v, args[0])
	if err != nil {
		return false, err
	}
	return equal(m, int64(0)), nil
}

func identical(c *Call, v Value) (bool, error) {
	args, err := c.bind("other")
	if err != nil {
		return false, err
	}
	switch v.(type) {
	case nil, bool, *List, *Dict, *Set, *namespace:
		return v == args[0], nil
	}
	return false, fmt.Errorf("whether two values of the kind %s are the same one is not known here: compare them with ==", typeName(v))
}
