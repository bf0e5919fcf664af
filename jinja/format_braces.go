package jinja

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// textFormat is Python's text.format(…).
func textFormat(s string, c *Call) (Value, error) {
	b := &braces{call: c}
	text, err := b.format(s, 0)
	return text, err
}

type braces struct {
	call   *Call
	next   int  // The number that the next {} takes.
	manual bool // Numbers are written out.
}

func (b *braces) format(s string, depth int) (string, error) {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case (s[i] == '{' || s[i] == '}') && i+1 < len(s) && s[i+1] == s[i]:
			out.WriteByte(s[i])
			i++
		case s[i] == '}':
			return "", errors.New("a single } in the format: write }}")
		case s[i] == '{':
			end := closing(s, i)
			if end < 0 || depth > 1 {
				return "", errors.New("a brace of the format is not closed")
			}
			text, err := b.field(s[i+1:end], depth)
			if err != nil {
				return "", err
			}
			out.WriteString(text)
			i = end
		default:
			out.WriteByte(s[i])
		}
	}
	return out.String(), nil
}

// closing is where the brace at i is closed, or -1.
func closing(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func (b *braces) field(field string, depth int) (string, error) {
	field, spec, _ := strings.Cut(field, ":")
	name, conversion, converted := strings.Cut(field, "!")
	v, err := b.value(name)
	if err != nil {
		return "", err
	}
	if converted {
		switch conversion {
		case "r", "a":
			v, err = repr(v)
		case "s":
			v, err = Text(v)
		default:
			err = fmt.Errorf("there is no conversion !%s", conversion)
		}
		if err != nil {
			return "", err
		}
	}
	if spec, err = b.format(spec, depth+1); err != nil {
		return "", err
	}
	return formatSpec(v, spec)
}

// value is what a field names: {}, {0}, {name}, {0.part} or {0[key]}.
func (b *braces) value(name string) (Value, error) {
	end := strings.IndexAny(name, ".[")
	first, rest := name, ""
	if end >= 0 {
		first, rest = name[:end], name[end:]
	}
	v, err := b.argument(first)
	for err == nil && rest != "" {
		if rest[0] == '.' {
			end := strings.IndexAny(rest[1:], ".[") + 1
			if end == 0 {
				end = len(rest)
			}
			v, err = partOf(v, rest[1:end])
			rest = rest[end:]
			continue
		}
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			return nil, errors.New("a bracket of the format is not closed")
		}
		var key Value = rest[1:end]
		if n, err := strconv.ParseInt(rest[1:end], 10, 64); err == nil {
			key = n
		}
		v, err = getItem(v, key)
		rest = rest[end+1:]
	}
	if u, ok := v.(*Undefined); ok && err == nil {
		err = u.err()
	}
	return v, err
}

// partOf is a part that is not an item of a mapping.
func partOf(v Value, name string) (Value, error) {
	if o, ok := v.(Object); ok {
		if part, ok := o.Attr(name); ok {
			return part, nil
		}
	}
	return nil, fmt.Errorf("a %s has no %q", typeName(v), name)
}

func (b *braces) argument(name string) (Value, error) {
	n, err := strconv.Atoi(name)
	if name == "" {
		if b.manual {
			return nil, errors.New("{} and {0} cannot stand in one format")
		}
		n, err = b.next, nil
		b.next++
	} else if err == nil {
		if b.next > 0 {
			return nil, errors.New("{} and {0} cannot stand in one format")
		}
		b.manual = true
	}
	if err == nil {
		if n >= len(b.call.Args) {
			return nil, fmt.Errorf("the format takes a value %d that is not given", n)
		}
		return b.call.Args[n], nil
	}
	v, ok := b.call.Named[name]
	if !ok {
		return nil, fmt.Errorf("the format takes %q, which is not given", name)
	}
	return v, nil
}

// formatSpec is Python's format(v, spec).
func formatSpec(v Value, spec string) (string, error) {
	if spec == "" {
		return Text(v)
	}
	l, err := readSpec(spec)
	if err != nil {
		return "", err
	}
	if s, ok := v.(string); ok {
		if l.verb != 0 && l.verb != 's' || l.align == '=' || l.sign != 0 || l.group != "" {
			return "", fmt.Errorf("%q is not a format of a text", spec)
		}
		return l.pad(l.cut(s), '<'), nil
	}
	_, _, isFloat, ok := number(v)
	if _, isBool := v.(bool); isBool && l.verb == 0 {
		ok = false
	}
	switch {
	case !ok:
		return "", fmt.Errorf("a %s takes no format", typeName(v))
	case l.verb == 0 && !isFloat:
		l.verb = 'd'
	case l.verb == 'c' || l.verb == 's' || isFloat && strings.IndexByte("dxXob", l.verb) >= 0:
		return "", fmt.Errorf("%q is not a format of a %s", spec, typeName(v))
	}
	if l.verb == 'd' && l.precision >= 0 {
		return "", errors.New("a whole number has no precision")
	}
	return l.number(v)
}

func readSpec(spec string) (*layout, error) {
	l := &layout{fill: " ", precision: -1}
	r := []rune(spec)
	i := 0
	isAlign := func(i int) bool { return i < len(r) && strings.ContainsRune("<>^=", r[i]) }
	if isAlign(1) {
		l.fill, l.align, i = string(r[0]), byte(r[1]), 2
	} else if isAlign(0) {
		l.align, i = byte(r[0]), 1
	}
	if i < len(r) && strings.ContainsRune("+- ", r[i]) {
		if r[i] != '-' {
			l.sign = byte(r[i])
		}
		i++
	}
	if i < len(r) && r[i] == '#' {
		l.alternate = true
		i++
	}
	if i < len(r) && r[i] == '0' {
		if l.align == 0 {
			l.fill, l.align = "0", '='
		}
		i++
	}
	digits := func() int {
		n := -1
		for ; i < len(r) && r[i] >= '0' && r[i] <= '9' && n < longest; i++ {
			n = max(n, 0)*10 + int(r[i]-'0')
		}
		return n
	}
	l.width = max(digits(), 0)
	if i < len(r) && (r[i] == ',' || r[i] == '_') {
		l.group = string(r[i])
		i++
	}
	if i < len(r) && r[i] == '.' {
		i++
		l.precision = digits()
	}
	if i < len(r) && strings.ContainsRune("bcdeEfFgGnosxX%", r[i]) {
		l.verb = byte(r[i])
		i++
	}
	if i < len(r) || l.width > longest || l.precision > longest {
		return nil, fmt.Errorf("%q is not a format", spec)
	}
	return l, nil
}
