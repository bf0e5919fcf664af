package model_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/model"
	"lifeline/project"
)

// A macro of an installed package finds its siblings, is dispatched to by engine, and can be stood over by the project.
func TestMacrosOfInstalledPackages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"dbt_project.yml":                   "name: shop\n",
		"macros/own.sql":                    "{% macro duckdb__word() %}project{% endmacro %}{% macro sibling() %}project{% endmacro %}",
		"dbt_packages/more/dbt_project.yml": "name: more\n",
		"dbt_packages/more/macros/a.sql": "{% macro size() %}{{ return(adapter.dispatch('size', 'more')()) }}{% endmacro %}\n" +
			"{% macro default__size() %}{{ sibling() }}-{{ more.sibling() }}{% endmacro %}\n" +
			"{% macro duckdb__size() %}duck-{{ sibling() }}{% endmacro %}\n" +
			"{% macro word() %}{{ return(adapter.dispatch('word', macro_namespace='more')()) }}{% endmacro %}\n" +
			"{% macro default__word() %}package{% endmacro %}{% macro sibling() %}sister{% endmacro %}\n\n" +
			"{% macro broken() %}{% materialization x %}{% endmacro %}",
		"models/m.sql": "select '{{ more.size() }}' as a, '{{ more.word() }}' as b, '{{ sibling() }}' as c",
		"models/n.sql": "{{ config(enabled=var('n', false)) }}select {{ more.broken() }}",
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	compile := func(engine string) string {
		p, err := project.Load(dir, project.Options{})
		require.NoError(t, err)
		g, err := model.NewGraph(p, model.Options{Target: model.Target{Name: engine, Type: engine}})
		require.NoError(t, err)
		sql, err := g.Compile(g.Nodes[0], model.Env{Relation: func(n *model.Node) string { return n.Name }})
		require.NoError(t, err)
		return sql
	}
	require.Equal(t, "select 'duck-sister' as a, 'project' as b, 'project' as c", compile("duckdb"))
	require.Equal(t, "select 'sister-sister' as a, 'package' as b, 'project' as c", compile("postgres"))

	p, err := project.Load(dir, project.Options{Vars: map[string]any{"n": true}})
	require.NoError(t, err)
	_, err = model.NewGraph(p, model.Options{Target: model.Target{Name: "duckdb", Type: "duckdb"}})
	require.ErrorContains(t, err, "materialization")
}
