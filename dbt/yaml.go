package dbt

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// object is a YAML mapping in the order in which it is written; a field without a value is left out.
type object []field

type field struct {
	name  string
	value any
}

// plainText is a text that every YAML reader takes for itself. Anything else is quoted: readers of YAML 1.1 make times of 1:00, dates of
// 2019-11-25 and truths of on.
var plainText = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

var truths = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

func yamlText(s string) string {
	if plainText.MatchString(s) && !slices.Contains(truths, s) {
		return s
	}
	var b strings.Builder
	e := json.NewEncoder(&b) // A JSON text is one of YAML.
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // A text can always be written.
	return strings.TrimSuffix(b.String(), "\n")
}

func yaml(o object) []byte {
	var b strings.Builder
	writeObject(&b, o, "", "")
	return []byte(b.String())
}

// absentValue tells whether a field says nothing.
func absentValue(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case []string:
		return len(v) == 0
	case []any:
		return len(v) == 0
	case []object:
		return len(v) == 0
	case object:
		return !slices.ContainsFunc(v, func(f field) bool { return !absentValue(f.value) })
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func writeObject(b *strings.Builder, o object, first, indent string) {
	lead := first
	for _, f := range o {
		if absentValue(f.value) {
			continue
		}
		b.WriteString(lead + yamlText(f.name) + ":")
		lead = indent
		switch v := f.value.(type) {
		case object:
			b.WriteString("\n")
			writeObject(b, v, indent+"  ", indent+"  ")
		case []object:
			b.WriteString("\n")
			for _, item := range v {
				writeObject(b, item, indent+"  - ", indent+"    ")
			}
		default:
			b.WriteString(" " + flow(v) + "\n")
		}
	}
}

// flow writes a value on one line.
func flow(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return yamlText(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64) // YAML 1.1 takes 1e+06 for a text.
	case []string:
		parts := make([]string, len(v))
		for i, s := range v {
			parts[i] = yamlText(s)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = flow(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case object:
		var parts []string
		for _, f := range v {
			if !absentValue(f.value) {
				parts = append(parts, yamlText(f.name)+": "+flow(f.value))
			}
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []object:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = flow(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, yamlText(name)+": "+flow(v[name]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v)
}
