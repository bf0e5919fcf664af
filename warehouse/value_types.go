package warehouse

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// member is a field of a struct or of a union by its name and type.
type member struct{ name, kind string }

// elementType is the type of a list's elements: INTEGER of INTEGER[], INTEGER[3] and _integer.
func elementType(kind string) string {
	if element, is := strings.CutPrefix(kind, "_"); is {
		return element
	}
	if i := strings.LastIndexByte(kind, '['); i > 0 && strings.HasSuffix(kind, "]") {
		return kind[:i]
	}
	return ""
}

// fieldsOf are the fields of a struct in the order of its type; what the type does not name follows by name.
func fieldsOf(kind string, value map[string]any) []member {
	var out []member
	seen := map[string]bool{}
	for _, m := range members(kind) {
		if _, is := value[m.name]; is && !seen[m.name] {
			out, seen[m.name] = append(out, m), true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(value)) {
		if !seen[name] {
			out = append(out, member{name: name})
		}
	}
	return out
}

func memberType(kind, name string) string {
	for _, m := range members(kind) {
		if m.name == name {
			return m.kind
		}
	}
	return ""
}

// mapTypes are the types of a map's keys and values.
func mapTypes(kind string) (key, value string) {
	parts := splitTypes(inside(kind))
	if len(parts) != 2 {
		return "", ""
	}
	return parts[0], parts[1]
}

// members reads STRUCT("x" INTEGER, "y" VARCHAR[]) and UNION(…).
func members(kind string) []member {
	var out []member
	for _, part := range splitTypes(inside(kind)) {
		name, rest := part, ""
		if strings.HasPrefix(part, `"`) {
			if end := closingQuote(part); end > 0 {
				name, rest = strings.ReplaceAll(part[1:end], `""`, `"`), part[end+1:]
			}
		} else {
			name, rest, _ = strings.Cut(part, " ")
		}
		out = append(out, member{name, strings.TrimSpace(rest)})
	}
	return out
}

// closingQuote is where a quoted name ends.
func closingQuote(s string) int {
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			i++
			continue
		}
		return i
	}
	return -1
}

// inside is what stands between a type's outer brackets.
func inside(kind string) string {
	i, j := strings.IndexByte(kind, '('), strings.LastIndexByte(kind, ')')
	if i < 0 || j < i {
		return ""
	}
	return kind[i+1 : j]
}

// splitTypes cuts at the commas that stand in no brackets and no quotes.
func splitTypes(s string) []string {
	var out []string
	depth, from, quoted := 0, 0, false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			out = append(out, strings.TrimSpace(s[from:i]))
			from = i + 1
		}
	}
	if last := strings.TrimSpace(s[from:]); last != "" {
		out = append(out, last)
	}
	return out
}

// parseArray reads PostgreSQL's text of an array, such as {1,NULL,"a b"} or {{1},{2}}; rest is what follows it.
func parseArray(s, element string, style TimeStyle) (out list, rest string, ok bool) {
	if i := strings.IndexByte(s, '='); strings.HasPrefix(s, "[") && i > 0 {
		s = s[i+1:] // Bounds that do not begin at 1.
	}
	if !strings.HasPrefix(s, "{") {
		return nil, s, false
	}
	s = s[1:]
	for {
		switch {
		case s == "":
			return nil, s, false
		case s[0] == '}':
			return out, s[1:], true
		case s[0] == ',':
			s = s[1:]
		case s[0] == '{':
			var inner list
			if inner, s, ok = parseArray(s, element, style); !ok {
				return nil, s, false
			}
			out = append(out, inner)
		default:
			var text string
			var quoted bool
			if text, s, quoted, ok = arrayItem(s); !ok {
				return nil, s, false
			}
			if !quoted && strings.EqualFold(text, "null") {
				out = append(out, nil)
			} else {
				out = append(out, arrayValue(text, element))
			}
		}
	}
}

// arrayItem reads one element of an array's text.
func arrayItem(s string) (text, rest string, quoted, ok bool) {
	if s[0] != '"' {
		i := strings.IndexAny(s, ",}")
		if i < 0 {
			return "", s, false, false
		}
		return s[:i], s[i:], false, true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '"':
			return b.String(), s[i+1:], true, true
		default:
			b.WriteByte(s[i])
		}
	}
	return "", s, true, false
}

// arrayValue makes of an element's text what JSON holds.
func arrayValue(text, element string) any {
	switch element {
	case "int2", "int4", "int8":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return integerJSON(n)
		}
	case "float4":
		if f, err := strconv.ParseFloat(text, 32); err == nil {
			return floatJSON(f, 32)
		}
	case "float8":
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return floatJSON(f, 64)
		}
	case "bool":
		return text == "t"
	}
	return text
}
