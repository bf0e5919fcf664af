package warehouse_test

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"lifeline/change"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// landLong lands rows of one long text, by several writers at once and in small batches, as a source does.
func landLong(t *testing.T, r warehouse.Run, table *change.Table, rows, size int, letter func(row int) byte) warehouse.Landed {
	t.Helper()
	l, err := r.Load(t.Context(), []*change.Table{table}, change.Snapshot{Position: "here", TakenAt: noon, Way: "test"})
	require.NoError(t, err)
	const writers = 2
	g, ctx := errgroup.WithContext(t.Context())
	for n := range writers {
		g.Go(func() error { return writeLong(ctx, l, table, n, writers, rows, size, letter) })
	}
	require.NoError(t, g.Wait())
	landed, err := l.Commit(t.Context(), nil)
	require.NoError(t, err)
	return landed[0]
}

func writeLong(ctx context.Context, l warehouse.Load, table *change.Table, from, step, rows, size int, letter func(row int) byte) error {
	w, err := l.Writer(ctx, table)
	if err != nil {
		return err
	}
	b := change.NewBatch(table, 1)
	for i := from; i < rows; i += step {
		b.Cols[0].AppendInt(int64(i))
		b.Cols[1].AppendBytes(bytes.Repeat([]byte{letter(i)}, size))
		b.Raw.AppendNull(change.Text)
		if b.Len++; b.Bytes() < 4<<20 && i+step < rows {
			continue
		}
		if err := w.Write(ctx, b); err != nil {
			return err
		}
		b.Reset()
	}
	return w.Close(ctx)
}

// F01. What a landing, a comparison and a build hold grows with the length of values; all of it stays under the project's own limit.
func TestLongTextsLandAndAreCompared(t *testing.T) {
	leaveToMakeTest(t)
	if os.Getenv("LIFELINE_SOAK") == "" {
		longTextsLand(t, 128, 250_000)
		return
	}
	t.Run("few", func(t *testing.T) { longTextsLand(t, 3, 300_000_000) })
	t.Run("many", func(t *testing.T) { longTextsLand(t, 2000, 200_000) }) // More than one write of the engine's log.
}

func longTextsLand(t *testing.T, rows, size int) {
	t.Helper()
	every := max(rows/2, 2) // One row in this many stays as it is.
	warehousetest.Run(t, func(t *testing.T, p warehousetest.Place) {
		table := warehousetest.Table("notes", "id* int32", "body text")
		w := p.Open(t, warehouse.Options{MemoryLimit: "4GB"})
		r := warehousetest.Begin(t, w)
		same := func(int) byte { return 'a' }
		require.EqualValues(t, rows, landLong(t, r, table, rows, size, same).Inserted)
		landed := landLong(t, r, table, rows, size, func(row int) byte { return "ab"[min(row%every, 1)] })
		require.EqualValues(t, rows-(rows+every-1)/every, landed.Updated)
		b, err := r.Build(t.Context())
		require.NoError(t, err)
		built, err := b.Create(t.Context(), warehouse.Model{Schema: "core", Name: "notes", SQL: "select * from staging.notes"})
		require.NoError(t, err)
		require.EqualValues(t, rows, built)
		require.NoError(t, b.Discard(t.Context()))
		warehousetest.End(t, r)
	})
}

// F02. A build after a landing has what the engine took for itself, not what the landing was given.
func TestABuildAfterALandingHasItsOwnMemory(t *testing.T) {
	t.Parallel()
	leaveToMakeTest(t)
	w := warehousetest.DuckDB(t).Open(t, warehouse.Options{})
	r := warehousetest.Begin(t, w)
	table := warehousetest.Table("numbers", "id* int32")
	warehousetest.Land(t, r, noon, []*change.Table{table}, warehousetest.Source{table: {{1}}})
	b, err := r.Build(t.Context())
	require.NoError(t, err)
	rows, err := b.Create(t.Context(), warehouse.Model{
		Schema: "core", Name: "long", SQL: "select string_agg(repeat('x', 1000), '') as long from range(300000)",
	})
	require.NoError(t, err)
	require.EqualValues(t, 1, rows)
	warehousetest.End(t, r)
}

// The project's limit is what everything stays under, the landing too.
func TestAMemoryLimitIsASizeAndHolds(t *testing.T) {
	t.Parallel()
	warehousetest.Run(t, func(t *testing.T, p warehousetest.Place) {
		for _, bad := range []string{"0GB", "much", "80%", "-1", "4 apples", "4"} {
			_, err := warehouse.Open(t.Context(), warehouse.Options{DSN: p.DSN, MemoryLimit: bad})
			require.ErrorContains(t, err, "is not a size", bad)
		}
		for _, good := range []string{"1.5GB", "512 MiB", "300mb"} {
			w := p.Open(t, warehouse.Options{MemoryLimit: good})
			r := warehousetest.Begin(t, w)
			if p.Engine == "duckdb" {
				limit := func() string { return warehousetest.Texts(t, r.DB(), "select current_setting('memory_limit')")[0] }
				before := limit()
				l, err := r.Load(t.Context(), nil, change.Snapshot{Position: "x", TakenAt: time.Now()})
				require.NoError(t, err)
				require.Equal(t, "256.0 MiB", limit())
				_, err = l.Commit(t.Context(), nil)
				require.NoError(t, err)
				require.Equal(t, before, limit())
			}
			warehousetest.End(t, r)
		}
	})
}
