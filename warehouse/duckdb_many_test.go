package warehouse_test

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// TestManyTablesLandInTimeThatGrowsWithTheirNumber measures processor time, which other programs of the machine do not lengthen. It runs
// beside no other test of this package.
func TestManyTablesLandInTimeThatGrowsWithTheirNumber(t *testing.T) {
	few, many := landingCost(t, 40), landingCost(t, 320)
	require.Less(t, many, 14*few, "eight times as many tables may take some more than eight times as long: %s, %s", few, many)
}

func landingCost(t *testing.T, n int) time.Duration {
	t.Helper()
	w, err := warehouse.Open(t.Context(), warehouse.Options{DSN: "duckdb:" + filepath.Join(t.TempDir(), "w.duckdb")})
	require.NoError(t, err)
	defer func() { require.NoError(t, w.Close()) }()
	r := warehousetest.Begin(t, w)
	defer warehousetest.End(t, r)
	columns := []string{"id int64"}
	for i := range 24 {
		columns = append(columns, fmt.Sprintf("c%d text", i))
	}
	var tables []*change.Table
	for i := range n {
		tables = append(tables, warehousetest.Table(fmt.Sprintf("t%d", i), columns...))
	}
	began := processorTime(t)
	l, err := r.Load(t.Context(), tables, change.Snapshot{Position: "here", TakenAt: noon, Way: "test"})
	require.NoError(t, err)
	landed, err := l.Commit(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, landed, n)
	return processorTime(t) - began
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
