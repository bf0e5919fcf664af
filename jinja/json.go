package jinja

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// ParseJSON reads a JSON text; its mappings keep their order.
func ParseJSON(text string) (Value, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := readJSON(d)
	if err != nil {
		return nil, fmt.Errorf("broken JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("broken JSON: more than one value")
	}
	return v, nil
}

func readJSON(d *json.Decoder) (Value, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch x := t.(type) {
	case json.Number:
		if n, ok := new(big.Int).SetString(x.String(), 10); ok {
			return whole(n), nil
		}
		return x.Float64()
	case json.Delim:
		if x == '[' {
			return readJSONList(d)
		}
		return readJSONDict(d)
	}
	return t, nil
}

func readJSONList(d *json.Decoder) (Value, error) {
	l := &List{}
	for d.More() {
		v, err := readJSON(d)
		if err != nil {
			return nil, err
		}
		l.Items = append(l.Items, v)
	}
	_, err := d.Token()
	return l, err
}

func readJSONDict(d *json.Decoder) (Value, error) {
	out := NewDict()
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := readJSON(d)
		if err != nil {
			return nil, err
		}
		if err := out.Set(k, v); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return out, err
}

var jsonEscaper = strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "'", `\u0027`)

func filterJSON(c *Call, v Value) (Value, error) {
	args, err := c.bind("indent=")
	if err != nil {
		return nil, err
	}
	text, err := JSON(v, true)
	if err != nil || !given(args[0]) || args[0] == nil {
		return jsonEscaper.Replace(text), err
	}
	n, err := intArg(args[0], 0)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = json.Indent(&out, []byte(text), "", strings.Repeat(" ", n))
	return jsonEscaper.Replace(out.String()), err
}

// JSON is a value as Python's json.dumps writes it.
func JSON(v Value, sorted bool) (string, error) {
	switch x := v.(type) {
	case nil:
		return "null", nil
	case bool:
		return strconv.FormatBool(x), nil
	case int64, *big.Int:
		return repr(v)
	case float64:
		switch {
		case math.IsNaN(x):
			return "NaN", nil
		case math.IsInf(x, 0):
			return strings.Replace(floatText(x), "inf", "Infinity", 1), nil
		}
		return floatText(x), nil
	case string:
		return jsonText(x), nil
	case *List, Tuple:
		items, err := Items(v)
		parts := make([]string, len(items))
		for i, e := range items {
			if parts[i], err = JSON(e, sorted); err != nil {
				return "", err
			}
		}
		return "[" + strings.Join(parts, ", ") + "]", err
	case *Dict:
		return jsonDict(x, sorted)
	}
	return "", fmt.Errorf("a %s cannot be written as JSON", typeName(v))
}

func jsonDict(d *Dict, sorted bool) (string, error) {
	keys := append([]Value(nil), d.keys...)
	if sorted {
		if err := sortItems(keys, func(k Value) (Value, error) { return k, nil }, false); err != nil {
			return "", err
		}
	}
	var parts []string
	for _, k := range keys {
		v, _ := d.Get(k)
		name, ok := k.(string)
		if !ok {
			var err error
			if name, err = JSON(k, sorted); err != nil {
				return "", err
			}
		}
		text, err := JSON(v, sorted)
		if err != nil {
			return "", err
		}
		parts = append(parts, jsonText(name)+": "+text)
	}
	return "{" + strings.Join(parts, ", ") + "}", nil
}

func jsonText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\f':
			b.WriteString(`\f`)
		case r >= 0x10000:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		case r < ' ' || r > '~':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
