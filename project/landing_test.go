package project_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/project"
)

// What a landing may delete and how long versions stay is said for all tables or for some; what means nothing is refused with its place.
func TestDeletesAndHistoryAreSettledByTable(t *testing.T) {
	t.Parallel()
	load := func(text string) (*project.Project, error) {
		dir := t.TempDir()
		for name, content := range map[string]string{
			"lifeline.yml": "name: x\n" + text, "dbt_project.yml": "name: x\n",
			"models/sources.yml": "sources: [{name: s, schema: staging, tables: [{name: claim}, {name: session}]}]\n",
		} {
			path := filepath.Join(dir, name)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		}
		return project.Load(dir, project.Options{})
	}
	p, err := load("keep_history: {default: 90d, claim: forever}\nmax_deletes: {default: 20%, session: any, claim: 1000}\n")
	require.NoError(t, err)
	require.Equal(t, 90*24*time.Hour, p.Config.HistoryOf("session"))
	require.Zero(t, p.Config.HistoryOf("claim"))
	require.True(t, p.Config.DeletesOf("session").Allows(1_000_000, 1_000_000))
	require.False(t, p.Config.DeletesOf("claim").Allows(1001, 1_000_000))
	require.False(t, p.Config.DeletesOf("other").Allows(201, 1000))
	require.True(t, p.Config.DeletesOf("other").Allows(99, 100), "few rows may always go")
	p, err = load("")
	require.NoError(t, err)
	require.False(t, p.Config.DeletesOf("claim").Allows(501, 1000))
	require.True(t, p.Config.DeletesOf("claim").Allows(500, 1000))
	for text, says := range map[string]string{
		"keep_history: soon\n":         "neither days",
		"keep_history: 0d\n":           "keeps nothing",
		"max_deletes: 120%\n":          "not a share",
		"max_deletes: many\n":          "neither a share",
		"max_deletes: {claims: 10%}\n": "not a source table",
	} {
		_, err := load(text)
		require.ErrorContains(t, err, says)
		var problem *change.Problem
		require.ErrorAs(t, err, &problem)
		require.Contains(t, problem.Where, "lifeline.yml:2")
	}
}
