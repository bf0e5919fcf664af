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
		f(0, "", "", contract("{name: name}, {name: ID, data_type: int}"))
		f(3, "models/m.yml", "the column name is not described", contract("{name: id}"))
		f(3, "models/m.yml", "it has no column other", contract("{name: id}, {name: name}, {name: other}"))
		f(3, "models/m.yml", "the column id is int", contract("{name: id, data_type: bigint}, {name: name}"))
	})
}
