package warehouse_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/warehouse"
)

// A relative path is one below the working folder, and a link leads elsewhere: what the engine's driver would misread may stand there too.
func TestTheFolderOfAWarehouseIsReadAsItIs(t *testing.T) {
	for _, name := range []string{"a#b", "100% sure", "why?"} {
		folder := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.MkdirAll(folder, 0o750))
		link := filepath.Join(t.TempDir(), "link.duckdb")
		require.NoError(t, os.Symlink(filepath.Join(folder, "w.duckdb"), link))
		_, err := warehouse.Open(t.Context(), warehouse.Options{DSN: "duckdb:" + link})
		require.ErrorContains(t, err, "has a %, ? or # in it", name)
		t.Chdir(folder)
		_, err = warehouse.Open(t.Context(), warehouse.Options{DSN: "duckdb:w.duckdb"})
		require.ErrorContains(t, err, "has a %, ? or # in it", name)
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Empty(t, entries)
	}
}
