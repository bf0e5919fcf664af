package semantic

import (
	"context"
	"database/sql"
	"fmt"
	"math/big"
	"strings"
	"time"

	"lifeline/change"
	"lifeline/warehouse"
)

// Result is a query's answer with every value as JSON shows it.
type Result struct {
	Columns []Column
	Rows    [][]any
	total   int64 // Of all rows, where only the first were read; 0 for as many as there are here.
}

// index is a column's place, -1 where there is none.
func (r *Result) index(name string) int {
	for i, c := range r.Columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}

// querier is a database or a connection of one.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Fetch reads a whole answer; limit 0 reads everything.
func Fetch(ctx context.Context, q querier, query string, limit int, args ...any) (*Result, error) {
	out, _, err := fetch(ctx, q, query, limit, 0, args...)
	return out, err
}

// pageBytes is about how much of values one page of rows has: long texts make a page of fewer rows, not a server that holds them all.
const pageBytes = 4 << 20

// FetchPage reads the first rows of an answer, at most limit of them and few enough for one page; more tells whether there are others.
func FetchPage(ctx context.Context, q querier, query string, limit int) (out *Result, more bool, err error) {
	return fetch(ctx, q, fmt.Sprintf("%s limit %d", query, limit+1), limit, pageBytes)
}

// fetch reads at most limit rows, and none after those that have most bytes; 0 is no bound.
func fetch(ctx context.Context, q querier, query string, limit, most int, args ...any) (out *Result, more bool, err error) {
	rows, err := warehouse.Lossless(ctx, q, query, args...)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := columnsOf(rows)
	if err != nil {
		return nil, false, err
	}
	out = &Result{Columns: columns, Rows: [][]any{}}
	bytes := 0
	values, targets := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if limit > 0 && len(out.Rows) == limit || most > 0 && bytes > most {
			return out, true, nil
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, false, err
		}
		line := make([]any, len(columns))
		for i, v := range values {
			line[i] = jsonValue(v, columns[i].Type)
			if text, is := line[i].(string); is {
				bytes += len(text)
			}
		}
		out.Rows = append(out.Rows, line)
	}
	return out, false, rows.Err()
}

// columnsOf names and types the columns of an answer.
func columnsOf(rows *warehouse.Rows) ([]Column, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	out := make([]Column, len(types))
	for i, t := range types {
		kind := typeName(t.DatabaseTypeName(), 0, 0)
		if kind == "decimal" {
			if p, s, ok := t.DecimalSize(); ok && p > 0 && p < 100 {
				kind = fmt.Sprintf("decimal(%d,%d)", p, s)
			}
		}
		out[i] = Column{Name: t.Name(), Label: Title(t.Name()), Type: kind, Format: formatOf(t.Name(), kind)}
	}
	return out, nil
}

// typeName writes a type of either engine one way.
func typeName(kind string, precision, scale int64) string {
	kind = strings.ToLower(kind)
	switch kind {
	case "int2":
		return "smallint"
	case "int4", "int":
		return "integer"
	case "int8":
		return "bigint"
	case "text", "character varying", "bpchar", "character", "name", "char":
		return "varchar"
	case "timestamp without time zone", "timestamptz", "timestamp with time zone", "timestamp_ns", "timestamp_s", "timestamp_ms":
		return "timestamp"
	case "bool":
		return "boolean"
	case "float8", "double precision":
		return "double"
	case "float4", "real":
		return "float"
	case "numeric", "decimal":
		if precision > 0 {
			return fmt.Sprintf("decimal(%d,%d)", precision, scale)
		}
		return "decimal"
	}
	return kind
}

// formatOf guesses how a column is shown from its type and name.
func formatOf(name, kind string) string {
	switch base, _, _ := strings.Cut(kind, "("); base {
	case "timestamp":
		return "time"
	case "date":
		return "day"
	case "boolean":
		return "bool"
	case "double", "float":
		return "number"
	case "json", "struct", "map":
		return "json"
	case "decimal":
		if strings.Contains(name, "amount") {
			return "money"
		}
		return "number"
	case "smallint", "integer", "bigint", "hugeint", "tinyint", "utinyint", "usmallint", "uinteger", "ubigint":
		if name == "id" || strings.HasSuffix(name, "_id") {
			return "id"
		}
		return "count"
	}
	if name == "status" {
		return "state"
	}
	return "text"
}

// jsonValue turns a driver's value into what JSON holds without loss: decimals and wide integers as text.
func jsonValue(v any, kind string) any { return warehouse.ValueJSON(v, kind, warehouse.TimeISO) }

// rational reads a value of an answer as a number; nil where it is none.
func rational(v any) *big.Rat {
	switch x := v.(type) {
	case int64:
		return new(big.Rat).SetInt64(x)
	case int:
		return new(big.Rat).SetInt64(int64(x))
	case float64:
		return new(big.Rat).SetFloat64(x)
	case string:
		if r, ok := new(big.Rat).SetString(x); ok && !strings.Contains(x, "/") {
			return r
		}
	}
	return nil
}

// CountOf reads a count.
func CountOf(v any) int64 {
	switch x := v.(type) {
	case int64:
		return x
	case float64:
		return int64(x)
	case string:
		if r, ok := new(big.Rat).SetString(x); ok && r.IsInt() && r.Num().IsInt64() {
			return r.Num().Int64()
		}
	}
	return 0
}

// TextOf reads a value of an answer as text; empty for none.
func TextOf(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	}
	return fmt.Sprint(v)
}

// TimeOf reads a value of an answer as a time in UTC; zero for none.
func TimeOf(v any) time.Time {
	s, _ := v.(string)
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// TimeOrNil reads a value of an answer as a time in UTC; nil for none.
func TimeOrNil(v any) *time.Time {
	if t := TimeOf(v); !t.IsZero() {
		return &t
	}
	return nil
}

// finish makes the values of an answer agree with the formats of its columns: a count is a number also where an engine sums to decimals.
func (r *Result) finish() {
	for i, c := range r.Columns {
		for _, row := range r.Rows {
			text, is := row[i].(string)
			if !is {
				if f, is := row[i].(float64); is && c.Format == "money" {
					row[i] = new(big.Rat).SetFloat64(f).FloatString(4)
				}
				continue
			}
			switch c.Format {
			case "count":
				if x, ok := new(big.Rat).SetString(text); ok && x.IsInt() && x.Num().IsInt64() {
					row[i] = jsonValue(x.Num().Int64(), c.Type) // A wide one stays a text.
				}
			case "money":
				if x, ok := new(big.Rat).SetString(text); ok {
					row[i] = x.FloatString(max(4, len(text)-1-strings.IndexByte(text+".", '.')))
				}
			}
		}
	}
}

// round shortens what a page computes: shares, days and other numbers have six digits on both engines.
func (r *Result) round() {
	for i, c := range r.Columns {
		if c.Format != "percent" && c.Format != "days" && c.Format != "number" || c.Type != "double" && !strings.HasPrefix(c.Type, "decimal") {
			continue
		}
		for _, row := range r.Rows {
			text, _ := row[i].(string)
			if x, ok := new(big.Rat).SetString(text); ok {
				row[i] = change.TrimDecimal(x.FloatString(6))
			}
		}
	}
}

func valueOrNull(v any) string {
	if v == nil {
		return nullWord
	}
	return TextOf(v)
}
