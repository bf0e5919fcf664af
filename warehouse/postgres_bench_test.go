package warehouse_test

import (
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// BenchmarkLandPostgres lands the rows of BenchmarkLandDuckDB, then the same rows again.
func BenchmarkLandPostgres(b *testing.B) {
	rows := 1_000_000
	if n, err := strconv.Atoi(os.Getenv("LIFELINE_BENCH_ROWS")); err == nil {
		rows = n
	}
	table := warehousetest.Table("invoice_item", "id* int32", "status text", "date_created timestamp", "invoice_id int32", "product_id int32",
		"currency text", "amount decimal(19,4)")
	for b.Loop() {
		w, err := warehouse.Open(b.Context(), warehouse.Options{DSN: postgresDSN(b)})
		require.NoError(b, err)
		for _, what := range []string{"first", "again"} {
			r, err := w.Begin(b.Context(), warehouse.Holder{Command: "bench"}, 0)
			require.NoError(b, err)
			start, cpu := time.Now(), cpuSeconds(b)
			l, err := r.Load(b.Context(), []*change.Table{table}, change.Snapshot{TakenAt: time.Now()})
			require.NoError(b, err)
			var wg sync.WaitGroup
			for part := range 2 {
				wg.Go(func() { writeItems(b, l, table, part*rows/2, rows/2) })
			}
			wg.Wait()
			written := time.Since(start)
			_, err = l.Commit(b.Context(), nil)
			require.NoError(b, err)
			b.ReportMetric(float64(rows)/written.Seconds(), "rows/s-"+what)
			b.ReportMetric(time.Since(start).Seconds()-written.Seconds(), "commit-s-"+what)
			b.ReportMetric(cpuSeconds(b)-cpu, "cpu-s-"+what)
			start = time.Now()
			build, err := r.Build(b.Context())
			require.NoError(b, err)
			b.ReportMetric(time.Since(start).Seconds(), "index-s-"+what)
			require.NoError(b, build.Discard(b.Context()))
			require.NoError(b, r.Close(b.Context()))
			b.ReportMetric(peakMB(b), "MB-"+what)
		}
	}
}
