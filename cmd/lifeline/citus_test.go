package main

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/run"
	"lifeline/sample"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// tableLines reads every published table as sorted lines of text, the same on every engine.
func tableLines(t *testing.T, dsn string) map[string][]string {
	t.Helper()
	wh, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn})
	require.NoError(t, err)
	defer func() { require.NoError(t, wh.Close()) }()
	r, err := wh.Published(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	tables, err := r.Tables(t.Context())
	require.NoError(t, err)
	out := map[string][]string{}
	for _, table := range tables {
		out[table.Schema+"."+table.Name] = rowLines(t, r, table)
	}
	return out
}

func rowLines(t *testing.T, r *warehouse.Reader, table warehouse.PublishedTable) []string {
	t.Helper()
	columns := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		columns[i] = warehouse.Quote(c.Name)
	}
	slices.Sort(columns)
	rows, err := r.DB.QueryContext(t.Context(), "select "+strings.Join(columns, ", ")+" from "+table.SQL)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	types, err := rows.ColumnTypes()
	require.NoError(t, err)
	lines := []string{strings.Join(columns, "|")}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		require.NoError(t, rows.Scan(into...))
		cells := make([]string, len(values))
		for i, v := range values {
			if f, is := v.(float64); is { // Its last digit hangs on the order of a sum.
				cells[i] = strconv.FormatFloat(f, 'g', 10, 64)
				continue
			}
			cells[i] = fmt.Sprint(v == nil) + warehouse.ValueText(v, types[i].DatabaseTypeName(), warehouse.TimeSQL)
		}
		lines = append(lines, strings.Join(cells, "|"))
	}
	require.NoError(t, rows.Err())
	slices.Sort(lines[1:])
	return lines
}

// requireSpread looks where the cluster keeps the rows of the first version.
func requireSpread(t *testing.T, dsn string, want []string) {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	got := warehousetest.Texts(t, db, `
select replace(table_name::text, '__v1', '') || ' by ' || distribution_column
from citus_tables
where citus_table_type = 'distributed'`)
	require.Subset(t, got, want)
}

// Every table that a cluster publishes is the table that DuckDB and PostgreSQL publish, row for row.
func TestCitusPublishesWhatTheOtherEnginesDo(t *testing.T) {
	for name, c := range map[string]struct {
		project string
		options sample.Options
		spread  []string // Tables that are too big for a copy on each node.
	}{
		"carepay": {carepay, sample.Options{Project: "carepay", Scale: 0.05, Seed: 1, Dirt: "real"}, []string{
			"core.treatments by treatment_id", "core.claims by treatment_id", "core.invoices by treatment_id", "core.invoice_items by treatment_id",
			"analytics.dim_treatments_lifecycle by dim_treatment_id", "analytics.dim_claims_lifecycle by dim_treatment_id",
			"analytics.fct_claims_activity by dim_treatment_id", "analytics.fct_invoice_items_activity by dim_treatment_id",
			"analytics.dim_claims by dim_treatment_id", "analytics.dim_invoice_items by dim_treatment_id", "analytics.kpi_cases by treatment_id",
		}},
		"fooddelivery": {foodProject, foodSample, []string{"core.orders by id", "core.order_events by id", "core.session_events by id"}},
	} {
		t.Run(name, func(t *testing.T) {
			places := []string{"duckdb:" + filepath.Join(t.TempDir(), "w.duckdb"), warehousetest.Postgres(t).DSN, warehousetest.Citus(t).DSN}
			dir := sampleFolder(t, c.options)
			var want map[string][]string
			for _, dsn := range places {
				flags := append([]string{"run"}, at(c.project, "csv:"+dir, dsn)...)
				require.Equal(t, run.Published, report(t, 0, flags...).Status)
				require.Equal(t, run.Unchanged, report(t, 0, flags...).Status)
				got := tableLines(t, dsn)
				if want == nil {
					want = got
					continue
				}
				require.Len(t, got, len(want))
				if dsn == places[2] {
					requireSpread(t, dsn, c.spread)
				}
				for table, lines := range want {
					require.Equal(t, lines, got[table], "%s over %s", table, dsn[:8])
				}
			}
		})
	}
}
