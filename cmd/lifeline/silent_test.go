package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/run"
)

// What once differed from dbt in silence (S1 to S10 of docs/dbt.md) and further kinds of configuration, in one project without
// lifeline.yml. `make interop` has real dbt build it too, and compares every table, what is a view and what fails.
var silentProject = map[string]string{
	"dbt_project.yml": `name: p
profile: p
vars: {x: 1, y: 2, p: {x: 3}, other: {y: 4}}
models: {p: {+materialized: table, dated: {+enabled: "{{ var('dated', false) }}"}}}
data_tests: {p: {+severity: warn}}
`,
	".dbtignore":    "# half done\nmodels/half/\n*_old.sql\n!kept_old.sql\n",
	"models/s1.sql": "{{ config({'materialized': 'view'}) }}\nselect 1 as id, cast(null as integer) as v",
	"models/s4.sql": "{% for k, v in {'b': 2, 'a': 1}|dictsort %}select '{{ k }}' as k, {{ v }} as v" +
		"{% if not loop.last %} union all {% endif %}{% endfor %}",
	"models/s6.sql": "select id from {{ ref('s1') }}",
	"models/s7.sql": "select n / 100 as d, n // 100 as whole from (values (150), (-150)) as t (n)",
	"models/s8.sql": "select n, row_number() over (order by n desc) as down, row_number() over (order by n) as up " +
		"from (values (1), (null), (2)) as t (n)",
	"models/vars.sql":     "select {{ var('x') }} as x, {{ var('y') }} as y, '{{ var(\"z\", \"none\") }}' as z",
	"models/half/no.sql":  "select from {{ ref('nothing') }}",
	"models/no_old.sql":   "this is no model",
	"models/kept_old.sql": "select 7 as id",
	"models/dated/d.sql":  "select * from {{ ref('nothing') }}",
	"models/held.sql":     "select cast(1 as integer) as id, cast('a' as varchar) as name",
	"models/all.yml": `sources:
  - {name: away, config: {enabled: false}, tables: [{name: t, columns: [{name: id, data_tests: [unique]}]}]}
models:
  - {name: s1, description: "{{ doc('one') }}", columns: [{name: v, data_tests: [not_null: {config: {severity: error}}]}]}
  - name: held
    config: {contract: {enforced: true}}
    constraints: [{type: primary_key, columns: [id]}, {type: check, expression: "id > 0"}]
    columns:
      - {name: id, data_type: integer, constraints: [{type: not_null}]}
      - {name: name, data_type: text, constraints: [{type: unique}]}
`,
	"models/docs.md":  "{% docs one %}The first.{% enddocs %}",
	"seeds/s10.csv":   "day,at,n,m,code\n2024-1-5,2024-01-05T00:00:00Z,1e3,1.5,007\n2024-11-15,2024-01-05T10:00:00Z,7,2,008\n",
	"macros/test.sql": "{% test not_null(model, column_name) %}select * from {{ model }} where {{ column_name }} = -1{% endtest %}",
	"macros/names.sql": "{% macro generate_alias_name(custom_alias_name=none, node=none) -%}" +
		"{%- if node.name == 's6' -%}renamed{%- else -%}{{ custom_alias_name or node.name }}{%- endif -%}{%- endmacro %}",
	"tests/s2.sql":    "{{ config(severity='warn') }} select 1 as id",
	"tests/fold.sql":  "select 1 as id",
	"tests/limit.sql": "{{ config(severity='error', limit=1, error_if='>1') }} select * from {{ ref('s8') }}",
	"tests/sum.sql":   "{{ config(severity='error', fail_calc='sum(n)', error_if='>3') }} select n from {{ ref('s8') }} where n is not null",
}

func TestSilentDifferencesFromDbtAreGone(t *testing.T) {
	t.Parallel()
	write := func(files map[string]string) string {
		dir := filepath.Join(t.TempDir(), "p")
		for name, text := range files {
			at := filepath.Join(dir, name)
			require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
			require.NoError(t, os.WriteFile(at, []byte(text), 0o600))
		}
		return dir
	}
	project := write(silentProject)
	ours, dbts := filepath.Join(t.TempDir(), "ours.duckdb"), filepath.Join(t.TempDir(), "dbts.duckdb")
	warehouse := []string{"--project", project, "--warehouse", "duckdb:" + ours}
	r := report(t, 0, append([]string{"build"}, warehouse...)...)
	require.Equal(t, run.Published, r.Status)
	states := map[string]string{}
	for _, c := range r.Checks {
		if !strings.HasPrefix(c.Name, "constraint_") {
			states[c.Name] = c.Status
		}
	}
	require.Equal(t, map[string]string{
		"s2": "warn", "fold": "warn", "limit": "warn", "sum": "warn", "not_null_s1_v": "pass",
	}, states)
	const views = "select table_name as x from information_schema.tables where table_type = 'VIEW' and table_schema = 'analytics'"
	require.Equal(t, []any{"s1"}, values(t, warehouse, views))
	require.Equal(t, []any{1.5, -1.5}, values(t, warehouse, "select d as x from analytics.s7 order by d desc"))
	require.Equal(t, []any{3.0, 1.0, 2.0}, values(t, warehouse, "select up as x from analytics.s8 order by n nulls first"))
	require.Equal(t, []any{3.0}, values(t, warehouse, "select x from analytics.vars"))
	require.Len(t, values(t, warehouse, "select id as x from analytics.renamed"), 1)

	broken := map[string]string{"models/held.sql": "select cast(-1 as integer) as id, cast('a' as varchar) as name"}
	for name, text := range silentProject {
		if broken[name] == "" {
			broken[name] = text
		}
	}
	bad := write(broken)
	report(t, 3, "build", "--project", bad, "--warehouse", "duckdb:"+filepath.Join(t.TempDir(), "bad.duckdb"))
	if os.Getenv("LIFELINE_DBT") == "" || !long {
		return
	}
	profile := "p: {target: dev, outputs: {dev: {type: duckdb, path: '" + dbts + "', schema: analytics, config_options: " +
		"{storage_compatibility_version: v1.2.0}}}}\n"
	for _, dir := range []string{project, bad} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "profiles.yml"), []byte(profile), 0o600))
	}
	require.Contains(t, runDbt(t, project, "", "build"), " WARN=4 ERROR=0 ")
	t.Log(requireEqualTables(t, ours, dbts))
	require.Equal(t, []any{"s1"}, values(t, []string{"--project", project, "--warehouse", "duckdb:" + ours}, views))
	out, err := dbtCommand(t, bad, "", "build").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "CHECK constraint failed")
}
