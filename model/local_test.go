package model_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

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
