package warehouse_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// BenchmarkLandDuckDB lands rows of the shape of the claims' items, from two workers, and then the same rows again.
func BenchmarkLandDuckDB(b *testing.B) {
	rows := 1_000_000
	if n, err := strconv.Atoi(os.Getenv("LIFELINE_BENCH_ROWS")); err == nil {
		rows = n
	}
	table := warehousetest.Table("invoice_item", "id* int32", "status text", "date_created timestamp", "invoice_id int32", "product_id int32",
		"currency text", "amount decimal(19,4)")
	for b.Loop() {
		place := warehousetest.DuckDB(b)
		w := place.Open(b, warehouse.Options{})
		for _, what := range []string{"first", "again"} {
			r := warehousetest.Begin(b, w)
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
			warehousetest.End(b, r)
			b.ReportMetric(time.Since(start).Seconds()-written.Seconds(), "end-s-"+what)
			b.ReportMetric(peakMB(b), "MB-"+what)
			b.ReportMetric(cpuSeconds(b)-cpu, "cpu-s-"+what)
		}
	}
}

// writeItems writes one batch again and again under other keys, so that little but the warehouse is measured.
func writeItems(tb testing.TB, l warehouse.Load, table *change.Table, from, count int) {
	w, err := l.Writer(tb.Context(), table)
	require.NoError(tb, err)
	const size = 4 * 2048
	var rows []warehousetest.Row
	for i := range size {
		rows = append(rows, warehousetest.Row{
			0, []string{"APPROVED", "SUBMITTED", "REJECTED", "DRAFT"}[i*7919%4], time.Unix(int64(1_600_000_000+i*977), 0), 0,
			i * 7919 % 3000, "KES", fmt.Sprintf("%d.%04d", i*131%5000, i%10*1000),
		})
	}
	batch := warehousetest.Batch(table, rows)
	for done := 0; done < count; done += size {
		for i := range size {
			batch.Cols[0].Ints[i] = int64(from + done + i)
			batch.Cols[2].Ints[i] = int64(from+done+i)/9*60_000_000 + 1_500_000_000_000_000
			batch.Cols[3].Ints[i] = int64(from+done+i) / 6
			batch.Cols[6].Ints[i] = int64((from + done + i) * 7919 % 50_000_000)
		}
		require.NoError(tb, w.Write(tb.Context(), batch))
	}
	require.NoError(tb, w.Close(tb.Context()))
}

// peakMB is the most memory that this process has had.
func peakMB(tb testing.TB) float64 {
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(tb, err)
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			kB, err := strconv.Atoi(fields[1])
			require.NoError(tb, err)
			return float64(kB) / 1024
		}
	}
	return 0
}

// cpuSeconds is what this process has used of the processors.
func cpuSeconds(tb testing.TB) float64 {
	var used syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}
