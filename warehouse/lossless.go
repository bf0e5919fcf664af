package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
)

// Rows is an answer whose values are all there: columns of JSON are their own text, as they are on PostgreSQL. (DuckDB's driver reads JSON
// into floats, which drops digits.) Its types are those of the question.
type Rows struct {
	*sql.Rows
	types []*sql.ColumnType
}

// ColumnTypes are the types as the statement has them.
func (r *Rows) ColumnTypes() ([]*sql.ColumnType, error) { return r.types, nil }

// Asker is what can be asked: a pool, a connection or a transaction.
type Asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Lossless asks a statement that reads. Where an answer on DuckDB has JSON in it, the statement runs once more with that as text.
func Lossless(ctx context.Context, q Asker, query string, args ...any) (*Rows, error) {
	rows, err := askRows(ctx, q, query, args...)
	if err != nil {
		return nil, err
	}
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, errors.Join(err, endRows(rows))
	}
	texts := asTexts(types)
	if texts == "" {
		return &Rows{rows, types}, rows.Err()
	}
	if err := endRows(rows); err != nil {
		return nil, err
	}
	names := make([]string, len(types))
	for i := range types {
		names[i] = fmt.Sprintf("c%d", i)
	}
	query = strings.TrimRight(query, "; \t\r\n")
	text := "select " + texts + " from (\n" + query + "\n) as t(" + strings.Join(names, ", ") + ")"
	if strings.Contains(strings.ToLower(query), "order by") { // Materialised, it keeps its order on a cluster too.
		text = "with t(" + strings.Join(names, ", ") + ") as materialized (\n" + query + "\n) select " + texts + " from t"
	}
	again, err := askRows(ctx, q, text, args...)
	if err != nil {
		return nil, err
	}
	return &Rows{again, types}, again.Err()
}

// endRows closes rows that nobody reads.
func endRows(rows *sql.Rows) error {
	defer func() { _ = rows.Close() }()
	return rows.Err()
}

// askRows closes rows that begin with an error.
func askRows(ctx context.Context, q Asker, query string, args ...any) (*sql.Rows, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	if rows.Err() != nil {
		return nil, endRows(rows)
	}
	return rows, nil
}

var (
	jsonType = regexp.MustCompile(`\bJSON\b`)
	// Inside lists and structs the driver names JSON as what holds it.
	textInside = regexp.MustCompile(`\b(JSON|VARCHAR)\b.*[\])]`)
)

// asTexts is the list of columns with JSON as text; empty where there is no JSON that a driver would read into floats.
func asTexts(types []*sql.ColumnType) string {
	found := false
	list := make([]string, len(types))
	for i, t := range types {
		list[i] = fmt.Sprintf("t.c%d as %s", i, Quote(t.Name()))
		kind := t.DatabaseTypeName()
		if kind != "JSON" && !textInside.MatchString(kind) || t.ScanType() == reflect.TypeFor[string]() || strings.HasPrefix(kind, "_") {
			continue
		}
		found = true
		list[i] = fmt.Sprintf("cast(t.c%d as %s) as %s", i, replaceOutsideQuotes(kind), Quote(t.Name()))
	}
	if !found {
		return ""
	}
	return strings.Join(list, ", ")
}

// replaceOutsideQuotes makes VARCHAR of JSON in a type, but not in the names of a struct's fields.
func replaceOutsideQuotes(kind string) string {
	parts := strings.Split(kind, `"`)
	for i := 0; i < len(parts); i += 2 {
		parts[i] = jsonType.ReplaceAllString(parts[i], "VARCHAR")
	}
	return strings.Join(parts, `"`)
}
