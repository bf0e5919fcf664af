package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/modeltest"

	"github.com/stretchr/testify/require"
)

// unitProject is a small project with a seed, an ephemeral model, an incremental one and the given unit tests.
func unitProject(t *testing.T, tests string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"lifeline.yml":    "name: units\nwarehouse: {dsn: \"duckdb:units.duckdb\"}\n",
		"dbt_project.yml": "name: units\nversion: '1.0'\nprofile: units\nmodels: {units: {+materialized: table}}\nvars: {least: 0}\n",
		"models/sources.yml": `
version: 2
sources:
  - name: shop
    schema: staging
    tables:
      - name: sale
        columns:
          - {name: id, data_type: int}
          - {name: amount, data_type: "decimal(19,4)"}
          - {name: sold_at, data_type: datetime}
`,
		"seeds/kinds.csv":  "id,kind\n1,cash\n2,card\n",
		"models/sales.sql": "select id, amount, sold_at from {{ source('shop', 'sale') }} where amount >= {{ var('least') }}",
		"models/named.sql": "{{ config(materialized='ephemeral') }} select s.id, s.amount, k.kind from {{ ref('sales') }} as s left " +
			"join {{ ref('kinds') }} as k on k.id = s.id",
		"models/totals.sql": "select kind, cast(sum(amount) as numeric(38,4)) as total from {{ ref('named') }} group by kind",
		"models/log.sql": "{{ config(materialized='incremental', unique_key='id') }} select id, amount from {{ ref('sales') }} {% if " +
			"is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}",
		"models/unit_tests.yml":    "version: 2\nunit_tests:\n" + tests,
		"tests/fixtures/three.csv": "id,amount\n1,10\n2,20.5\n3,\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func units(t *testing.T, code int, args ...string) map[string]modeltest.Result {
	t.Helper()
	o := lifeline(t, append([]string{"test", "--json"}, args...)...)
	require.Equal(t, code, o.code, "%s\n%s", o.out, o.errors)
	var results []modeltest.Result
	require.NoError(t, json.Unmarshal([]byte(o.out), &results), o.out)
	byName := map[string]modeltest.Result{}
	for _, r := range results {
		byName[r.Name] = r
	}
	return byName
}

func TestUnitTestsRunModelsOnGivenRows(t *testing.T) {
	t.Parallel()
	dir := unitProject(t, `
  - name: through_an_ephemeral_model_and_a_seed
    model: totals
    given:
      - {input: ref('sales'), format: csv, fixture: three}
    expect:
      rows:
        - {kind: cash, total: 10}
        - {kind: card, total: 20.5}
        - {kind: null, total: null}
  - name: variables_are_overridden
    model: sales
    overrides: {vars: {least: 100}}
    given:
      - input: source('shop', 'sale')
        rows:
          - {id: 1, amount: 99.9999}
          - {id: 2, amount: 100, sold_at: "2019-01-01 10:00:00"}
    expect:
      rows: [{id: 2, sold_at: "2019-01-01 10:00:00"}]
  - name: only_newer_rows_are_added
    model: log
    overrides: {macros: {is_incremental: true}}
    given:
      - {input: ref('sales'), format: sql, rows: "select 1 as id, 1 as amount union all select 2, 2"}
      - {input: this, rows: [{id: 1, amount: 7}]}
    expect: {rows: [{id: 2, amount: 2}]}
  - name: nothing_comes_of_nothing
    model: totals
    given: []
    expect: {rows: []}
`)
	results := units(t, 0, "--project", dir)
	require.Len(t, results, 4)
	for _, r := range results {
		require.Equal(t, modeltest.Pass, r.Status, "%+v", r)
	}
	requireQuick(t, dir, results)
	require.Len(t, units(t, 0, "--project", dir, "totals"), 2)
}

func TestAUnitTestThatFailsShowsTheRowsThatDiffer(t *testing.T) {
	t.Parallel()
	dir := unitProject(t, `
  - name: twice_is_not_once
    model: sales
    given:
      - {input: "source('shop', 'sale')", rows: [{id: 1, amount: 5}, {id: 1, amount: 5}, {id: 3, amount: 6}]}
    expect: {rows: [{id: 1, amount: 5}, {id: 2, amount: 6}]}
  - name: a_column_that_is_not_there
    model: sales
    given:
      - {input: "source('shop', 'sale')", rows: [{idd: 1}]}
    expect: {rows: [{id: 1}]}
`)
	results := units(t, 1, "--project", dir)
	r := results["twice_is_not_once"]
	require.Equal(t, modeltest.Fail, r.Status)
	require.Equal(t, []string{"id", "amount"}, r.Columns)
	require.Equal(t, [][]string{{"2", "6.0000"}}, r.Missing)
	require.Equal(t, [][]string{{"1", "5.0000"}, {"3", "6.0000"}}, r.Surplus)
	r = results["a_column_that_is_not_there"]
	require.Equal(t, modeltest.Error, r.Status)
	require.Contains(t, r.Error, "there is no column idd; it has id, amount, sold_at")

	o := lifeline(t, "test", "--project", dir, "twice_is_not_once")
	require.Equal(t, 1, o.code)
	require.Contains(t, o.out, "-  2   6.0000")
	require.Contains(t, o.out, "models/unit_tests.yml:")
	o = lifeline(t, "test", "--project", dir, "sale")
	require.Equal(t, 2, o.code)
	require.Contains(t, o.errors, "Try: sales")
}

func TestTheProjectsOwnUnitTestsPass(t *testing.T) {
	t.Parallel()
	results := units(t, 0, "--project", carepay)
	for name, r := range results {
		require.Equal(t, modeltest.Pass, r.Status, "%s: %s", name, strings.Join(append([]string{r.Error}, r.Where), " "))
	}
	requireQuick(t, carepay, results)
}

// requireQuick holds each unit test to a second. What took longer on the clock is run once more by itself, and its processor time counts:
// others use the machine too.
func requireQuick(t *testing.T, project string, results map[string]modeltest.Result) {
	t.Helper()
	const limit, start = 1.0, 1.0 // The start of the program, with a look at the whole project, comes on top.
	for name, r := range results {
		if r.Seconds >= limit {
			o := lifeline(t, "test", "--json", "--project", project, name)
			require.Less(t, o.processor.Seconds(), limit+start, name)
		}
	}
}
