package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/run"
)

// A dbt project without lifeline.yml gives dbt's rows on DuckDB: its own division and order of nulls, seeds in the place of source tables,
// numbers of seeds as dbt types them, and dbt's name for a schema that is reserved. With lifeline.yml both engines give the same.
func TestADbtProjectGivesDbtsRows(t *testing.T) {
	t.Parallel()
	project := filepath.Join(t.TempDir(), "shop")
	files := map[string]string{
		"dbt_project.yml":    "name: shop\nmodels: {shop: {+materialized: table, staging: {+schema: staging}}}\n",
		"seeds/payments.csv": "id,amount,rate\n1,150,0.1\n2,,0.2\n",
		"models/src.yml":     "sources: [{name: raw, tables: [{name: payments, columns: [{name: id, data_tests: [unique]}]}]}]\n",
		"models/staging/stg.sql": "select id, amount / 100 as dollars, rate + 0.2 as more, row_number() over (order by amount desc) as place\n" +
			"from {{ source('raw', 'payments') }}",
		"models/days.sql": "{{ dbt_date.get_base_dates(start_date='2024-01-01', end_date='2024-01-04', datepart='day') }}",
	}
	for name, text := range files {
		path := filepath.Join(project, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	warehouse := []string{"--project", project, "--warehouse", "duckdb:" + filepath.Join(t.TempDir(), "w.duckdb")}
	r := report(t, 0, append([]string{"build"}, warehouse...)...)
	require.Equal(t, run.Published, r.Status)
	require.Len(t, r.Checks, 1)
	got := query(t, warehouse, "select id, dollars, more, place, typeof(more) as type from analytics_staging.stg order by id")
	require.Equal(t, 1.5, got[0]["dollars"])
	require.Equal(t, "DOUBLE", got[0]["type"])
	require.EqualValues(t, 1, got[0]["place"], "nulls come last, as DuckDB has it")
	require.Len(t, query(t, warehouse, "select date_day from analytics.days"), 3)

	require.NoError(t, os.WriteFile(filepath.Join(project, "lifeline.yml"), []byte("name: shop\n"), 0o600))
	o := lifeline(t, append([]string{"build"}, warehouse...)...)
	require.Equal(t, 2, o.code)
	require.Contains(t, o.errors, `the schema "staging", which is reserved`)
	require.NoError(t, os.RemoveAll(filepath.Join(project, "models")))
	require.NoError(t, os.MkdirAll(filepath.Join(project, "models"), 0o755))
	model := "select id, amount / 100 as dollars, row_number() over (order by amount desc) as place from {{ ref('payments') }}"
	require.NoError(t, os.WriteFile(filepath.Join(project, "models", "stg.sql"), []byte(model), 0o600))
	report(t, 0, append([]string{"build"}, warehouse...)...)
	got = query(t, warehouse, "select id, dollars, place from analytics.stg order by id")
	require.Equal(t, 1.0, got[0]["dollars"])
	require.EqualValues(t, 2, got[0]["place"], "nulls come first in a descending order, as on PostgreSQL")
}
