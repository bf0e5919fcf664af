package project_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/project"
)

// A dbt project without lifeline.yml is taken as dbt takes it: what dbt leaves out is left out too, and told.
func TestADbtProjectIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"dbt_project.yml": "name: shop\nsource-paths: [models]\ndata-paths: [data]\n" +
			"on-run-end: ['{{ grant_all() }}', 'grant select on x to y']\nmodels: {shop: {+post-hook: 'analyze {{ this }}', +schema: staging}}\n",
		"macros/grants.sql": "{% macro grant_all() %}grant usage on schema {{ target.schema }} to reader{% endmacro %}",
		"data/orders.csv":   "id,amount\n1,1.5\n2,2\n",
		"data/off.csv":      "id\n1\n",
		"models/m.sql":      "select 1 as id",
		"models/m.yml": `
sources:
  - name: raw
    schema: "{{ target.schema }}"
    tables: [{name: o, identifier: orders, columns: [{name: id, data_tests: [unique]}]}, {name: else}]
models: [{name: m, data_test: [x], data_tests: [{not_null: {column_name: id}}, {unique: {arguments: {column_name: id}}}]}]
semantic_models: [{name: s, model: ref('m')}]
exposures: [{name: e, type: dashboard, owner: {name: x}}]
`,
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	p, err := project.Load(dir, project.Options{})
	require.NoError(t, err)
	told := strings.Join(p.Unused(), "\n")
	for _, says := range []string{
		"source-paths", "data-paths", "on-run-end (hooks are not run)", "config.post-hook", "semantic_models", "exposures",
		"data_test (dbt has no such key; Try: data_tests)", "raw.o as a table of its own (the seed orders fills it)",
	} {
		require.Contains(t, told, says)
	}
	require.Equal(t, "orders", p.Filled["raw.o"])
	require.Len(t, p.Sources, 1, "the other one lands from a source")
	require.Equal(t, "double precision", p.Seed("orders").Columns[1].Type)
	require.True(t, p.Config.Warehouse.EngineSQL)
	for _, test := range p.Tests {
		require.Equal(t, "id", test.Column, test.Name)
	}

	require.NoError(t, os.WriteFile(filepath.Join(dir, "lifeline.yml"), []byte("name: shop\n"), 0o600))
	_, err = project.Load(dir, project.Options{})
	require.ErrorContains(t, err, `unknown key "data_test"`, "a project of ours is read strictly")
}

// The macros and generic tests of installed packages are known; a macro that cannot be read is no trouble until somebody calls it.
func TestInstalledPackagesAreKnown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"dbt_project.yml":                 "name: shop\npackages-install-path: packs\n",
		"packs/more/dbt_project.yml":      "name: more\nversion: 1.0.0\n",
		"packs/more/macros/a.sql":         "{% macro broken() %}{% materialization x %}{% endmacro %}\n{% macro fine() %}1{% endmacro %}",
		"packs/more/macros/t.sql":         "{% test bigger(model, column_name, than) %}select 1{% endtest %}",
		"packs/more/models/inner.sql":     "select 1 as id",
		"packs/dbt_utils/dbt_project.yml": "name: dbt_utils\n",
		"packs/dbt_utils/macros/generic_tests.sql": "{% test recency(model, field, datepart, interval, group_by_columns) %}" +
			"select 1{% endtest %}",
		"models/m.sql": "select 1 as id",
		"models/m.yml": `
models:
  - name: m
    columns: [{name: id, data_tests: [more.bigger: {than: 3}]}]
    data_tests:
      - dbt_utils.recency: {field: id, datepart: day, interval: 1}
      - dbt_utils.recency: {name: by_group, field: id, datepart: day, interval: 1, group_by_columns: [id]}
`,
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	p, err := project.Load(dir, project.Options{})
	require.NoError(t, err)
	require.Len(t, p.Packages, 2)
	require.Contains(t, strings.Join(p.Unused(), "\n"), "models of the package more (they are not built)")
	own := map[string]bool{}
	for _, test := range p.Tests {
		own[test.Name] = test.Own
	}
	require.Equal(t, map[string]bool{"more_bigger_m_id__3": true, "dbt_utils_recency_m_day__id__1": false, "by_group": true}, own)
}
