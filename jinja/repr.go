package jinja

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

// Text is a value as {{ … }} prints it: Python's str().
func Text(v Value) (string, error) {
	switch x := v.(type) {
	case string:
		return x, nil
	case *Undefined:
		if x.silent {
			return "", nil
		}
		return "", x.err()
	}
	return repr(v)
}

// repr is a value as Python writes it in a list.
func repr(v Value) (string, error) {
	switch x := v.(type) {
	case nil:
		return "None", nil
	case bool:
		if x {
			return "True", nil
		}
		return "False", nil
	case int64:
		return strconv.FormatInt(x, 10), nil
	case *big.Int:
		return x.String(), nil
	case float64:
		return floatText(x), nil
	case string:
		return quoted(x), nil
	case *List:
		return joined("[", x.Items, "]")
	case Tuple:
		if len(x) == 1 {
			return joined("(", x, ",)")
		}
		return joined("(", x, ")")
	case *Dict:
		return dictText(x)
	case *Set:
		return setText(x)
	case Range:
		if x.step == 1 {
			return fmt.Sprintf("range(%d, %d)", x.start, x.stop), nil
		}
		return fmt.Sprintf("range(%d, %d, %d)", x.start, x.stop, x.step), nil
	case *view:
		items, err := Items(x)
		if err != nil {
			return "", err
		}
		return joined(x.name+"([", items, "])")
	case *Undefined:
		return "Undefined", nil
	case *generator:
		return "", fmt.Errorf("what %s gives has no text of its own: add | list, or join it", x.name)
	case fmt.Stringer:
		return x.String(), nil
	}
	return "", fmt.Errorf("a %s has no text: call it, or name a part of it", typeName(v))
}

func joined(before string, items []Value, after string) (string, error) {
	parts := make([]string, len(items))
	for i, e := range items {
		var err error
		if parts[i], err = repr(e); err != nil {
			return "", err
		}
	}
	return before + strings.Join(parts, ", ") + after, nil
}

func dictText(d *Dict) (string, error) {
	var parts []string
	for k, v := range d.All() {
		key, err := repr(k)
		if err != nil {
			return "", err
		}
		value, err := repr(v)
		if err != nil {
			return "", err
		}
		parts = append(parts, key+": "+value)
	}
	return "{" + strings.Join(parts, ", ") + "}", nil
}

func setText(s *Set) (string, error) {
	items, err := Items(s)
	if err != nil {
		return "", err
	}
	if len(items) == 0 {
		return "set()", nil
	}
	return joined("{", items, "}")
}

// floatText is Python's repr of a float: the shortest digits that read back as the same number.
func floatText(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	e := strconv.FormatFloat(f, 'e', -1, 64)
	mantissa, power, _ := strings.Cut(e, "e")
	if n, _ := strconv.Atoi(power); n < -4 || n >= 16 {
		return mantissa + "e" + power
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// quoted is Python's repr of a text.
func quoted(s string) string {
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == ' ' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteRune(quote)
	return b.String()
}
