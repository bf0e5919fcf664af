package model_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/lifecycle"
	"lifeline/model"
	"lifeline/project"
)

// Every model of the shipped projects is read, and each answer says a column or a reason.
func TestTheShippedModelsAreReadByTheParser(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"carepay", "fooddelivery"} {
		p, err := lifecycle.Load("../examples/"+name, project.Options{Env: os.Getenv})
		require.NoError(t, err)
		g, err := model.NewGraph(p, model.Options{
			Target: model.Target{Name: "duckdb", Type: "duckdb"}, Vars: map[string]any{"as_of": "2019-11-25 21:00:00"},
		})
		require.NoError(t, err)
		all, err := g.Localities(func(n *model.Node) model.Env {
			relation := func(n *model.Node) string { return n.Schema + "." + n.Alias }
			return model.Env{Relation: relation, This: relation(n)}
		})
		require.NoError(t, err)
		for n, l := range all {
			require.NotNil(t, l.SQL, "%s: %s", n.Name, l.Why)
			require.True(t, l.Column() != "" || l.Why != "" && l.Where != "", n.Name)
		}
	}
}

// A model whose text depends on the columns of a table that is built is known only beside it, and so is not local.
func TestAModelThatAsksForColumnsIsNotLocal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"dbt_project.yml": "name: p\n", "models/a.sql": "select 1 as id, 2 as n", "models/b.sql": "select id, n from {{ ref('a') }}",
		"models/c.sql": "select {{ dbt_utils.star(ref('a')) }} from {{ ref('a') }}",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	p, err := lifecycle.Load(dir, project.Options{Env: os.Getenv})
	require.NoError(t, err)
	g, err := model.NewGraph(p, model.Options{Target: model.Target{Name: "duckdb", Type: "duckdb"}})
	require.NoError(t, err)
	all, err := g.Localities(func(n *model.Node) model.Env {
		relation := func(n *model.Node) string { return n.Schema + "." + n.Alias }
		return model.Env{Relation: relation, This: relation(n)}
	})
	require.NoError(t, err)
	for n, l := range all {
		require.Equal(t, n.Name != "b" && n.Name != "a", len(l.Plans) == 0, "%s: %s", n.Name, l.Why)
	}
}

// A key that a table does not keep its rows together by is refused where the lifecycle names it.
func TestAColocateThatDoesNotHoldIsAnErrorWithItsPlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("../examples/carepay")))
	path := filepath.Join(dir, "lifecycles", "claim.yml")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(text), "\ncolocate: treatment\n")
	require.NoError(t, os.WriteFile(path, bytes.Replace(text, []byte("colocate: treatment"), []byte("colocate: provider"), 1), 0o600))
	p, err := lifecycle.Load(dir, project.Options{Env: os.Getenv})
	require.NoError(t, err)
	g, err := model.NewGraph(p, model.Options{
		Target: model.Target{Name: "duckdb", Type: "duckdb"}, Vars: map[string]any{"as_of": "2019-11-25 21:00:00"},
	})
	require.NoError(t, err)
	_, err = g.Localities(func(n *model.Node) model.Env {
		relation := func(n *model.Node) string { return n.Schema + "." + n.Alias }
		return model.Env{Relation: relation, This: relation(n)}
	})
	require.ErrorContains(t, err, "colocate does not hold: fct_claims_activity is not local by dim_provider_id: "+
		"its key comes from the side of an outer join that may be missing")
	var problem *change.Problem
	require.ErrorAs(t, err, &problem)
	require.Regexp(t, `lifecycles/claim.yml:\d+:\d+$`, problem.Where)
}
