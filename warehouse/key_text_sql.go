package warehouse

import "strings"

// TextSQL is an expression for a value as the text under which everybody finds it: keys in quarantine, values of checks, cells of a trace.
// It is the same on both engines. kind is the column's type as the engine or its driver names it. Bytes are \x and hexadecimal digits.
func TextSQL(kind, value string) string {
	switch strings.ToLower(kind) {
	case "blob":
		return `'\x' || lower(hex(` + value + `))`
	case "double", "float":
		// DuckDB writes 3.0 and 1e20 where PostgreSQL has 3 and 1e+20.
		return `regexp_replace(regexp_replace(cast(` + value + ` as text), '\.0$', ''), 'e(\d)', 'e+\1')`
	}
	return "cast(" + value + " as text)"
}
