package main

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/warehouse"
)

// tablesOf are core's and analytics' tables with their columns, sorted.
func tablesOf(t *testing.T, r *warehouse.Reader) map[string][]string {
	t.Helper()
	rows, err := r.DB.QueryContext(t.Context(), `
select table_schema, table_name, column_name
from information_schema.columns
where table_schema in ('core', 'analytics')
order by table_schema, table_name, column_name`)
	require.NoError(t, err)
	defer rows.Close()
	out := map[string][]string{}
	for rows.Next() {
		var schema, table, column string
		require.NoError(t, rows.Scan(&schema, &table, &column))
		out[schema+"."+table] = append(out[schema+"."+table], column)
	}
	require.NoError(t, rows.Err())
	return out
}

// contentOf gives every row of a table as one text, sorted.
func contentOf(t *testing.T, r *warehouse.Reader, table string, columns []string) []string {
	t.Helper()
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = fmt.Sprintf(`"%s"`, c)
	}
	rows, err := warehouse.Lossless(context.Background(), r.DB, "select "+strings.Join(quoted, ", ")+" from "+table)
	require.NoError(t, err)
	defer rows.Close()
	kinds, next, err := scanner(rows)
	require.NoError(t, err)
	var out []string
	for rows.Next() {
		values, err := next()
		require.NoError(t, err)
		cells := make([]string, len(values))
		for i, v := range values {
			cells[i] = columns[i] + "=" + canonical(v, kinds[i].kind)
		}
		out = append(out, strings.Join(cells, " "))
	}
	require.NoError(t, rows.Err())
	slices.Sort(out)
	return out
}

// canonical is a value's text; a decimal loses the zeros after its point, which one engine prints and the other may not.
func canonical(v any, kind string) string {
	s := cell(v, kind, "null")
	if strings.Trim(s, "-0123456789.") != "" || !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

// requireSameContent compares every table of core and analytics row by row.
func requireSameContent(t *testing.T, a, b string) {
	t.Helper()
	open := func(dsn string) *warehouse.Reader {
		wh, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn})
		require.NoError(t, err)
		t.Cleanup(func() { _ = wh.Close() })
		r, err := wh.Published(t.Context())
		require.NoError(t, err)
		t.Cleanup(func() { _ = r.Close() })
		return r
	}
	left, right := open(a), open(b)
	tables := tablesOf(t, left)
	require.Equal(t, tables, tablesOf(t, right))
	require.NotEmpty(t, tables)
	for table, columns := range tables {
		l, r := contentOf(t, left, table, columns), contentOf(t, right, table, columns)
		require.Equal(t, len(l), len(r), table)
		for i := range l {
			require.Equal(t, l[i], r[i], table)
		}
	}
}

// stagingRows reads what landed in a DuckDB warehouse that no run holds.
func stagingRows(t *testing.T, dsn, text string) []map[string]any {
	t.Helper()
	db, err := sql.Open("duckdb", strings.TrimPrefix(dsn, "duckdb:")+".lifeline/landing.duckdb?access_mode=read_only")
	require.NoError(t, err)
	defer db.Close()
	rows, err := warehouse.Lossless(t.Context(), db, text)
	require.NoError(t, err)
	defer rows.Close()
	columns, next, err := scanner(rows)
	require.NoError(t, err)
	var out []map[string]any
	for rows.Next() {
		values, err := next()
		require.NoError(t, err)
		row := map[string]any{}
		for i, v := range values {
			row[columns[i].name] = v
		}
		out = append(out, row)
	}
	require.NoError(t, rows.Err())
	return out
}
