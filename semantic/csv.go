package semantic

import (
	"strings"
	"unicode/utf8"

	"lifeline/warehouse"
)

// CSVText is a value in a CSV file, where a spreadsheet may read it: ISO times, exact decimals, and texts that cannot become formulas.
// The type is the engine's own name. Null is the empty text.
func CSVText(v any, kind string) string {
	text := warehouse.ValueText(v, kind, warehouse.TimeSQL)
	if cannotBeFormula(kind) {
		return text
	}
	return GuardFormula(text)
}

// GuardFormula keeps a spreadsheet from computing what is only text.
func GuardFormula(s string) string {
	r, _ := utf8.DecodeRuneInString(s)
	switch r {
	case '=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠':
		return "'" + s
	}
	return s
}

// cannotBeFormula tells the types whose texts the engine makes itself: numbers, times, bytes. Enums, documents, lists and whatever else
// there may be hold words of people.
func cannotBeFormula(kind string) bool {
	base, _, _ := strings.Cut(strings.ToLower(kind), "(")
	switch strings.TrimSpace(base) {
	case "boolean", "bool", "tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint", "uhugeint",
		"bignum", "varint", "int2", "int4", "int8", "oid", "float", "double", "real", "float4", "float8", "decimal", "numeric",
		"date", "time", "timetz", "time with time zone", "timestamp", "timestamptz", "timestamp with time zone", "timestamp_s", "timestamp_ms",
		"timestamp_ns", "interval", "uuid", "blob", "bytea", "bit", "varbit":
		return true
	}
	return false
}

// AppendCSV adds a field to a line, in quotes where it must be.
func AppendCSV(line []byte, s string) []byte {
	if !strings.ContainsAny(s, ",\"\r\n") {
		return append(line, s...)
	}
	return append(append(append(line, '"'), strings.ReplaceAll(s, `"`, `""`)...), '"')
}
