package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/run"
)

// What has landed and is not published is no reason for rest: a run that finds the source as it landed still has to build, check and
// publish it, whether the run before was blocked, killed or broken between landing and publishing.
func TestARunIsOnlyUnchangedAgainstWhatIsPublished(t *testing.T) {
	project := shopCopy(t)
	require.NoError(t, os.WriteFile(filepath.Join(project, "tests", "all_purchases.sql"), []byte(
		"select count(*) as n from {{ source('shop', 'purchase') }} having count(*) < 240"), 0o644))
	onEveryEngine(t, func(t *testing.T, dsn string) {
		leaveToSoak(t, dsn)
		dir := copyOf(t, shopCSV(t))
		asked := append([]string{"run", "--as-of", "2024-06-15"}, at(project, "csv:"+dir, dsn)...)
		require.Equal(t, run.Published, report(t, 0, asked...).Status)
		require.Equal(t, run.Unchanged, report(t, 0, asked...).Status)

		whole := purchasesOf(t, dir)
		setPurchases(t, dir, whole[:len(whole)-1])
		require.Equal(t, run.Blocked, report(t, 3, asked...).Status)
		require.Equal(t, run.Blocked, report(t, 3, asked...).Status, "the source is as it landed, but not as it was published")

		setPurchases(t, dir, whole)
		require.Equal(t, run.Published, report(t, 0, asked...).Status)
		require.Equal(t, run.Unchanged, report(t, 0, asked...).Status)
	})
}
