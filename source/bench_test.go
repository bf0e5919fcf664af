package source_test

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/source"
)

// BenchmarkRead reads the whole source at LIFELINE_BENCH_SOURCE to nowhere: what landing costs without a warehouse.
func BenchmarkRead(b *testing.B) {
	dsn := os.Getenv("LIFELINE_BENCH_SOURCE")
	if dsn == "" {
		b.Skip("LIFELINE_BENCH_SOURCE names no source")
	}
	src, err := source.Open(b.Context(), source.Options{DSN: dsn})
	require.NoError(b, err)
	defer src.Close()
	var rows int64
	for b.Loop() {
		snap, err := src.Snapshot(b.Context())
		require.NoError(b, err)
		rows = 0
		require.NoError(b, snap.Read(b.Context(), func(context.Context, *change.Table) (source.Writer, error) {
			return &source.Discard{}, nil
		}, func(p source.Progress) { rows = max(rows, p.Rows) }))
		require.NoError(b, snap.Close())
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
