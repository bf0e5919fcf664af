package dbt

import (
	"maps"
	"slices"
	"strings"

	"lifeline/warehouse"
)

func quoteName(name string) string { return warehouse.Name(strings.ToLower(strings.Trim(name, `"`))) }

// literal is a text that is written in quotes in any case, as a Jinja literal must be.
type literal string

func (l literal) String() string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(string(l)) + "'"
}

func quotedList(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = literal(n).String()
	}
	return strings.Join(out, ", ")
}

// jinjaLists is a mapping of lists of texts as a Jinja literal.
func jinjaLists(m map[string][]string) string {
	parts := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, literal(k).String()+": ["+quotedList(m[k])+"]")
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func anyList(names []string) []any {
	out := make([]any, len(names))
	for i, n := range names {
		out[i] = n
	}
	return out
}

func distinct(names []string) []string {
	out := slices.Clone(names)
	slices.Sort(out)
	return slices.Compact(out)
}
