package project_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/project"
)

// dbt reads YAML 1.1: a bare no is false in a condition of a template, and not a text that is true.
func TestWordsOfVariablesAreBooleansAsDbtReadsThem(t *testing.T) {
	t.Parallel()
	want := map[string]any{
		"a": false, "b": true, "c": true, "d": false, "e": "no", "f": "y", "g": "nO", "h": []any{false, "x"}, "i": map[string]any{"k": true},
	}
	text := `{a: no, b: YES, c: On, d: off, e: "no", f: y, g: nO, h: [no, x], i: {k: yes}}`
	got, err := project.ParseVars(text)
	require.NoError(t, err)
	require.Equal(t, want, got)
	p, err := load(t, map[string]string{"dbt_project.yml": "name: p\nvars: " + text + "\n", "models/m.sql": "select 1 as a"})
	require.NoError(t, err)
	require.Equal(t, want, p.Vars)
}

func TestAVersionAtLeastIsKept(t *testing.T) {
	t.Parallel()
	_, err := load(t, map[string]string{
		"dbt_project.yml": "name: p\n", "models/m.sql": "select 1 as a", "lifeline.yml": "name: p\nwarehouse: {keep_versions: -1}\n",
	})
	require.ErrorContains(t, err, "keep_versions must be at least 1")
}
