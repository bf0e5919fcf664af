package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/run"
)

// What has landed and is not published is no reason for rest: a run that finds the source as it landed still has to build, check and
// publish it, whether the run before was blocked, killed or broken between landing and publishing.
func TestARunIsOnlyUnchangedAgainstWhatIsPublished(t *testing.T) {
	project := coreCopy(t)
	claims := len(splitLines(textOf(t, smallSample(t)))) - 1
	require.NoError(t, os.WriteFile(filepath.Join(project, "tests", "all_claims.sql"), []byte(
		"select count(*) as n from {{ source('carepay', 'claim') }} having count(*) < "+strconv.Itoa(claims)), 0o644))
	onEveryEngine(t, func(t *testing.T, dsn string) {
		dir := copyOf(t, smallSample(t))
		asked := append([]string{"run", "--as-of", "2019-11-15"}, at(project, "csv:"+dir, dsn)...)
		require.Equal(t, run.Published, report(t, 0, asked...).Status)
		require.Equal(t, run.Unchanged, report(t, 0, asked...).Status)

		whole := textOf(t, dir)
		dropLastClaim(t, dir)
		require.Equal(t, run.Blocked, report(t, 3, asked...).Status)
		require.Equal(t, run.Blocked, report(t, 3, asked...).Status, "the source is as it landed, but not as it was published")

		require.NoError(t, os.WriteFile(filepath.Join(dir, "claims.csv"), []byte(whole), 0o644))
		require.Equal(t, run.Published, report(t, 0, asked...).Status)
		require.Equal(t, run.Unchanged, report(t, 0, asked...).Status)
	})
}

func textOf(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "claims.csv"))
	require.NoError(t, err)
	return string(text)
}
