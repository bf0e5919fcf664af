package warehouse_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"lifeline/warehouse"
)

// A file of long texts takes the memory that they need, up to a bound: the engine holds those of many rows at once.
func TestLongTextsOfPostgresGoIntoAParquetFile(t *testing.T) {
	t.Parallel()
	dsn := os.Getenv("LIFELINE_TEST_POSTGRES")
	if dsn == "" {
		t.Skip("needs LIFELINE_TEST_POSTGRES: scripts/testdb start")
	}
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	defer db.Close()
	file := filepath.Join(t.TempDir(), "long.parquet")
	r := &warehouse.Reader{DB: db}
	n, err := r.WriteParquet(t.Context(), "select i, repeat(i || 'x', 400000) as v from generate_series(1, 80) as s(i)", file, nil)
	require.NoError(t, err)
	require.EqualValues(t, 80, n)
	duck, err := sql.Open("duckdb", "")
	require.NoError(t, err)
	defer duck.Close()
	var rows, length int64
	require.NoError(t, duck.QueryRow("select count(*), sum(length(v)) from read_parquet('"+file+"')").Scan(&rows, &length))
	require.EqualValues(t, 80, rows)
	require.EqualValues(t, 9*400000*2+71*400000*3, length)
}
