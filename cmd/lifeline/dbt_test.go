package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/run"
)

// dbtProject writes a project of the given files over one CSV table, t(id, v, dt), and the folder with it.
func dbtProject(t *testing.T, files map[string]string) (project, source string) {
	t.Helper()
	project, source = filepath.Join(t.TempDir(), "p"), filepath.Join(t.TempDir(), "csv")
	all := map[string]string{
		"lifeline.yml":    "name: p\n",
		"dbt_project.yml": "name: p\nmodels:\n  p:\n    +materialized: table\n    core: {+schema: core}\n",
		"models/sources.yml": "sources:\n  - name: s\n    schema: raw\n    tables:\n      - name: t\n        meta: {lifeline: {key: [id], " +
			"file: t.csv}}\n" +
			"        columns: [{name: id, data_type: int}, {name: v, data_type: int}, {name: dt, data_type: datetime}]\n",
	}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		path := filepath.Join(project, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	require.NoError(t, os.MkdirAll(source, 0o755))
	setRows(t, source, "1,-1,2024-10-27 23:30:00", "2,5,2024-01-01 00:00:00")
	return project, source
}

func setRows(t *testing.T, source string, rows ...string) {
	t.Helper()
	text := strings.Join(append([]string{"id,v,dt"}, rows...), "\n") + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(source, "t.csv"), []byte(text), 0o600))
}

func values(t *testing.T, at []string, sql string) []any {
	t.Helper()
	var out []any
	for _, row := range query(t, at, sql) {
		out = append(out, row["x"])
	}
	return out
}

// What a model's and a test's SQL configures holds as if the YAML file said it, and latest follows the newest landed time.
func TestConfigurationInSQLHolds(t *testing.T) {
	t.Parallel()
	project, source := dbtProject(t, map[string]string{
		"models/core/t.sql": "{{ config(meta={'lifeline': {'entity_of': 't'}}) }}\nselect id, v, dt from {{ source('s', 't') }}",
		"models/core/t.yml": "models:\n  - name: t\n    columns:\n      - name: v\n        data_tests:\n" +
			"          - dbt_utils.accepted_range: {min_value: 0, config: {meta: {lifeline: {on_fail: quarantine}}}}\n",
		"models/seen.sql":     "{{ config({'materialized': 'view', 'cluster_by': 'id'}) }}select id from {{ ref('t') }}",
		"tests/warned.sql":    "{{ config(severity='warn') }}select * from {{ ref('t') }}",
		"tests/counted.sql":   "{{ config(error_if='>5') }}select * from {{ ref('t') }}",
		"packages.yml":        "packages: [{package: someone/something, version: 1.0.0}]\n",
		"analyses/a.sql":      "select 1",
		"dashboards/none.txt": "",
	})
	onEveryEngine(t, func(t *testing.T, dsn string) {
		r := report(t, 0, append([]string{"run"}, at(project, "csv:"+source, dsn)...)...)
		require.Equal(t, run.Published, r.Status)
		require.Equal(t, "2024-10-28", r.AsOf.Format("2006-01-02"))
		require.Equal(t, "t.dt", r.AsOfColumn)
		ignored := strings.Join(r.Ignored, "\n")
		for _, told := range []string{"schema (source tables land in staging)", "config.cluster_by", "package someone/something", "an analysis"} {
			require.Contains(t, ignored, told)
		}
		warehouse := []string{"--project", project, "--warehouse", dsn}
		require.Len(t, values(t, warehouse, "select id as x from core.t"), 1, "the row below 0 is in quarantine")
		require.EqualValues(t, 1, r.Tables[0].Quarantined)
		states := map[string]string{}
		for _, c := range r.Checks {
			states[c.Name] = c.Status
		}
		require.Equal(t, "warn", states["warned"])
		require.Equal(t, "warn", states["counted"])
	})
}

// An incremental model adds to its published rows, whichever command builds it; only --full builds it anew.
func TestIncrementalModelsKeepTheirRows(t *testing.T) {
	t.Parallel()
	project, source := dbtProject(t, map[string]string{
		"models/kept.sql": "{{ config(materialized='incremental', unique_key='id') }}\nselect id, v from {{ source('s', 't') }}\n" +
			"{% if is_incremental() %}where id > (select max(id) from {{ this }}){% endif %}",
	})
	onEveryEngine(t, func(t *testing.T, dsn string) {
		flags := at(project, "csv:"+source, dsn)
		warehouse := []string{"--project", project, "--warehouse", dsn}
		kept := func() []any { return values(t, warehouse, "select v as x from analytics.kept order by id") }
		setRows(t, source, "1,10,2024-01-01", "2,20,2024-01-02")
		report(t, 0, append([]string{"run"}, flags...)...)
		require.Equal(t, []any{10.0, 20.0}, kept())

		setRows(t, source, "2,21,2024-01-02", "3,30,2024-01-03")
		report(t, 0, append([]string{"run"}, flags...)...)
		require.Equal(t, []any{10.0, 20.0, 30.0}, kept(), "what was there stays, the new row comes")

		report(t, 0, append([]string{"build"}, warehouse...)...)
		require.Equal(t, []any{10.0, 20.0, 30.0}, kept(), "a build is not a full refresh")
		report(t, 0, append([]string{"check"}, warehouse...)...)
		report(t, 0, append([]string{"build", "--full"}, warehouse...)...)
		require.Equal(t, []any{21.0, 30.0}, kept())
	})
}

// A mistake that only the database finds is told at its line of the model, tables and views alike; a contract holds.
func TestWhatTheDatabaseRefusesIsToldAtItsLine(t *testing.T) {
	t.Parallel()
	model := func(materialized, config string) map[string]string {
		return map[string]string{
			"models/base.sql": "select 1 as id, 2 as v",
			"models/m.sql": "{{ config(materialized='" + materialized + "'" + config +
				") }}\nselect\n    id,\n    nothing_of_that_name\nfrom {{ ref('base') }}\n",
		}
	}
	contract := func(columns string) map[string]string {
		return map[string]string{
			"models/m.sql": "{{ config(contract={'enforced': true}) }}select cast(1 as integer) as id, cast('a' as text) as name",
			"models/m.yml": "models:\n  - name: m\n    columns: [" + columns + "]\n",
		}
	}
	onEveryEngine(t, func(t *testing.T, dsn string) {
		f := func(code int, where, says string, files map[string]string) {
			t.Helper()
			project, source := dbtProject(t, files)
			r := report(t, code, append([]string{"run", "--full"}, at(project, "csv:"+source, dsn)...)...)
			if code == 0 {
				require.Equal(t, run.Published, r.Status)
				return
			}
			require.Equal(t, where, r.Error.Where)
			require.Contains(t, r.Error.Message, says)
		}
		f(1, "models/m.sql:4", "nothing_of_that_name", model("table", ""))
		f(1, "models/m.sql:4", "nothing_of_that_name", model("view", ""))
		f(0, "", "", contract("{name: id, data_type: integer}, {name: name, data_type: text}"))
		f(0, "", "", contract("{name: name, data_type: varchar}, {name: ID, data_type: int}"))
		f(2, "models/m.yml:2:5", "needs a data_type for every column: name has none",
			contract("{name: id, data_type: int}, {name: name}"))
		f(3, "models/m.yml", "the column name is not described", contract("{name: id, data_type: int}"))
		f(3, "models/m.yml", "it has no column other",
			contract("{name: id, data_type: int}, {name: name, data_type: text}, {name: other, data_type: int}"))
		f(3, "models/m.yml", "the column id is int", contract("{name: id, data_type: bigint}, {name: name, data_type: text}"))
	})
}

// The constraints of a contract hold before a version is published, on every engine, as a database holds them where dbt has written them
// into its tables: a null repeats nothing and refers to nothing. Without a contract, and on a view, they are told.
func TestConstraintsOfAContractAreKept(t *testing.T) {
	t.Parallel()
	const described = `models:
  - name: a
    config: {contract: {enforced: true}}
    constraints:
      - {type: primary_key, columns: [id]}
      - {type: unique, columns: [id, y]}
      - {type: check, expression: "y > 4 or y is null", name: big, warn_unenforced: true}
      - {type: foreign_key, columns: [id, y], to: ref('p'), to_columns: [x, y]}
    columns:
      - {name: id, data_type: integer, constraints: [{type: foreign_key, expression: "analytics.p (x)"}]}
      - {name: y, data_type: integer, constraints: [{type: unique}]}
`
	files := func(rows, yml string) map[string]string {
		return map[string]string{
			"models/p.sql": "select 1 as x, 5 as y union all select 2, 6", "models/a.yml": yml,
			"models/a.sql": "select id, y from (" + rows + ") as r",
		}
	}
	good := "select 1 as id, 5 as y union all select 2, null"
	bad := "select 1 as id, 3 as y union all select 1, 3 union all select 3, 9 union all select null, 5"
	onEveryEngine(t, func(t *testing.T, dsn string) {
		built := func(code int, files map[string]string) (states map[string]string, told string) {
			t.Helper()
			project, source := dbtProject(t, files)
			r := report(t, code, append([]string{"run", "--full"}, at(project, "csv:"+source, dsn)...)...)
			states = map[string]string{}
			for _, c := range r.Checks {
				states[c.Name] = c.Status
			}
			return states, strings.Join(r.Ignored, "\n")
		}
		states, told := built(0, files(good, described))
		require.Len(t, states, 7)
		require.NotContains(t, told, "constraints")
		states, _ = built(3, files(bad, described))
		require.Equal(t, map[string]string{
			"constraint_primary_key_a_id_id_not_null": "fail", "constraint_primary_key_a_id_unique": "fail", "constraint_unique_a_id_y": "fail",
			"constraint_check_a_big": "fail", "constraint_foreign_key_a_id_y": "fail", "constraint_foreign_key_a_id": "fail",
			"constraint_unique_a_y": "fail",
		}, states)
		states, told = built(0, files(bad, strings.Replace(described, "enforced: true", "enforced: false", 1)))
		require.Empty(t, states)
		require.Contains(t, told, "constraints (without contract: {enforced: true})")
		states, told = built(0, files(bad, strings.Replace(described, "{contract", "{materialized: view, contract", 1)))
		require.Empty(t, states)
		require.Contains(t, told, "constraints (of a view)")
	})
}

// limit and fail_calc of a test decide what its bounds look at.
func TestLimitAndFailCalcCountAsInDbt(t *testing.T) {
	t.Parallel()
	project, source := dbtProject(t, map[string]string{
		"models/core/t.sql": "select id, v, dt from {{ source('s', 't') }}",
		"models/core/t.yml": "models:\n  - {name: t, columns: [{name: id, data_tests: [{accepted_values: {values: [9], config: " +
			"{limit: 1, error_if: '>1'}}}]}]}\n",
		"tests/limited.sql": "{{ config(limit=1, error_if='>1') }}select * from {{ ref('t') }}",
		"tests/summed.sql":  "{{ config(fail_calc='sum(v)', error_if='>3') }}select v from {{ ref('t') }}",
		"tests/none.sql":    "{{ config(fail_calc='sum(v)') }}select v from {{ ref('t') }} where false",
		"tests/both.sql":    "{{ config(fail_calc='max(id)', limit=1, error_if='>1') }}select * from {{ ref('t') }} order by id",
	})
	onEveryEngine(t, func(t *testing.T, dsn string) {
		r := report(t, 3, append([]string{"run"}, at(project, "csv:"+source, dsn)...)...)
		states := map[string]string{}
		for _, c := range r.Checks {
			states[c.Name] = c.Status
		}
		require.Equal(t, map[string]string{
			"accepted_values_t_id__9": "warn", "limited": "warn", "summed": "fail", "none": "pass", "both": "warn",
		}, states)
	})
}

// The macros of dbt and dbt_utils that are built in give dbt's values on every engine; those that write columns out know them from what is
// built, described or not.
func TestBuiltInMacrosGiveDbtsValues(t *testing.T) {
	t.Parallel()
	spine := "{{ dbt_utils.date_spine('day', \"cast('2024-01-30' as date)\", \"cast('2024-02-02' as date)\") }}"
	project, source := dbtProject(t, map[string]string{
		"models/base.sql":  "select id, v, dt from {{ source('s', 't') }}",
		"models/star.sql":  "select {{ dbt_utils.star(from=ref('base'), except=['V']) }} from {{ ref('base') }}",
		"models/spine.sql": spine,
		"models/union.sql": "{{ dbt_utils.union_relations([ref('base'), ref('star')], source_column_name=none) }}",
		"models/once.sql":  "{{ dbt_utils.deduplicate(ref('union'), 'id', 'v nulls last') }}",
		"models/wide.sql":  "select {{ dbt_utils.pivot('id', [1, 2], prefix='n_') }} from {{ ref('union') }}",
		"models/m.sql": `
{%- set a, b = "timestamp '2023-12-31 23:59:58'", "timestamp '2024-01-01 00:00:01'" -%}
{%- for part in ['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second'] -%}
select '{{ part }}' as what, cast({{ dbt.datediff(a, b, part) }} as varchar) as x union all
{% endfor -%}
select 'add', cast({{ dbt.dateadd('month', 1, "cast('2024-01-31' as date)") }} as varchar) union all
select 'last', cast({{ dbt.last_day("cast('2024-02-10' as date)", 'month') }} as varchar) union all
select 'trunc', cast(cast({{ dbt.date_trunc('quarter', b) }} as date) as varchar) union all
select 'key', {{ dbt_utils.generate_surrogate_key(["'a'", 'null']) }} union all
select 'cast', {{ dbt.safe_cast("'12'", dbt.type_string()) }} union all
select 'part', {{ dbt.split_part("'a-b'", "'-'", 2) }} union all
select 'divide', cast({{ dbt_utils.safe_divide('1', '0') }} as varchar)`,
	})
	onEveryEngine(t, func(t *testing.T, dsn string) {
		report(t, 0, append([]string{"run"}, at(project, "csv:"+source, dsn)...)...)
		warehouse := []string{"--project", project, "--warehouse", dsn}
		got := map[string]any{}
		for _, row := range query(t, warehouse, "select what, x from analytics.m") {
			got[row["what"].(string)] = row["x"]
		}
		require.Equal(t, map[string]any{
			"year": "1", "quarter": "1", "month": "1", "week": "0", "day": "1", "hour": "1", "minute": "1", "second": "3",
			"add": "2024-02-29 00:00:00", "last": "2024-02-29", "trunc": "2024-01-01", "cast": "12", "part": "b", "divide": nil,
			"key": "6231b1e7ffe3b9d15edc44e40e6f694c",
		}, got)
		require.Equal(t, []any{"dt", "id"}, values(t, warehouse,
			"select column_name as x from information_schema.columns where table_schema = 'analytics' and table_name = 'star' order by 1"))
		require.Equal(t, []any{"2024-01-30", "2024-01-31", "2024-02-01"},
			values(t, warehouse, "select cast(cast(date_day as date) as varchar) as x from analytics.spine order by 1"))
		require.Equal(t, []any{-1.0, 5.0, nil, nil}, values(t, warehouse, `select v as x from analytics."union" order by v nulls last`))
		require.Equal(t, []any{-1.0, 5.0}, values(t, warehouse, "select v as x from analytics.once order by id"))
		require.Equal(t, []any{2.0}, values(t, warehouse, "select n_1 as x from analytics.wide"))
	})
}

// Variables and a target's name can be given as dbt takes them, and other ones are not "unchanged".
func TestVariablesAndTargetAreGivenAsInDbt(t *testing.T) {
	t.Parallel()
	project, source := dbtProject(t, map[string]string{
		"dbt_project.yml": "name: p\nvars: {word: one, off: true}\nmodels:\n  p:\n    +materialized: table\n" +
			"    extra: {+enabled: \"{{ var('off') }}\"}\n",
		"models/m.sql":       "select '{{ var('word') }}' as word, '{{ target.name }}' as name",
		"models/extra/n.sql": "select 1 as id",
	})
	flags := at(project, "csv:"+source, "duckdb:"+filepath.Join(t.TempDir(), "w.duckdb"))
	require.Equal(t, run.Published, report(t, 0, append([]string{"run"}, flags...)...).Status)
	require.Equal(t, run.Unchanged, report(t, 0, append([]string{"run"}, flags...)...).Status)
	r := report(t, 0, append([]string{"run", "--vars", "{word: two, 'off': false}", "--target", "prod"}, flags...)...)
	require.Equal(t, run.Published, r.Status)
	warehouse := []string{"--project", project, "--warehouse", flags[5]}
	require.Equal(t, []any{"two prod"}, values(t, warehouse, "select word || ' ' || name as x from analytics.m"))
	require.Equal(t, []any{"m"}, values(t, warehouse,
		"select table_name as x from information_schema.tables where table_schema = 'analytics'"))
	require.Equal(t, 2, lifeline(t, append([]string{"run", "--vars", "[a]"}, flags...)...).code)
	o := lifeline(t, append([]string{"run", "--vars", "{as_of: 2020-01-01}"}, flags...)...)
	require.Equal(t, 2, o.code)
	require.Contains(t, o.errors, "--as-of")
}
