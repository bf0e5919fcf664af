package warehouse_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// numbered publishes a version in which every table holds n in 1000 rows and a view adds them up.
func numbered(t testing.TB, r warehouse.Run, n int) int64 {
	t.Helper()
	b, err := r.Build(t.Context())
	require.NoError(t, err)
	a := b.Relation("core", "a")
	series := fmt.Sprintf("select cast(i as bigint) as id, cast(%d as bigint) as n from generate_series(1, 1000) as s(i)", n)
	for _, m := range []warehouse.Model{
		{Schema: "core", Name: "a", SQL: series},
		{Schema: "analytics", Name: "b", SQL: "select id, n from " + a},
		{Schema: "analytics", Name: "c", SQL: "select cast(sum(n) as bigint) as total, count(*) as rows from " + a + " as v", View: true},
	} {
		_, err := b.Create(t.Context(), m)
		require.NoError(t, err)
		require.NoError(t, b.Index(t.Context(), m))
	}
	require.NoError(t, b.Publish(t.Context(), warehouse.Publication{Run: r.ID(), AsOf: noon, Project: fmt.Sprint("p", n)}))
	return b.Version()
}

// whole is what a reader of one whole version of numbered sees: as many rows everywhere and one n.
const whole = `
select min(a.n), max(a.n), min(b.n), max(b.n), count(*), max(c.total) / 1000, max(c.rows)
from core.a as a
join analytics.b as b on b.id = a.id
cross join analytics.c as c`

func isWhole(line string) (int, error) {
	var n, n2, n3, n4, count, n5, rows int
	if _, err := fmt.Sscanf(line, "%d|%d|%d|%d|%d|%d|%d", &n, &n2, &n3, &n4, &count, &n5, &rows); err != nil {
		return 0, err
	}
	if n2 != n || n3 != n || n4 != n || n5 != n || count != 1000 || rows != 1000 {
		return 0, errors.New("torn: " + line)
	}
	return n, nil
}

func published(t testing.TB, w warehouse.Warehouse) (version int64, n int) {
	t.Helper()
	reader, err := w.Published(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, reader.Close()) }()
	n, err = isWhole(warehousetest.Texts(t, reader.DB, whole)[0])
	require.NoError(t, err)
	return reader.Version, n
}

func TestVersionsArePublishedKeptAndRolledBack(t *testing.T) {
	t.Parallel()
	warehousetest.Run(t, func(t *testing.T, p warehousetest.Place) {
		w := p.Open(t, warehouse.Options{KeepVersions: 3})
		_, err := w.Published(t.Context())
		require.ErrorIs(t, err, warehouse.ErrNothingPublished)
		_, err = w.OpenOps(t.Context())
		require.ErrorIs(t, err, warehouse.ErrNothingPublished)
		for n := 1; n <= 4; n++ {
			r := warehousetest.Begin(t, w)
			require.EqualValues(t, n, r.ID())
			require.EqualValues(t, n, numbered(t, r, n*10))
			warehousetest.End(t, r)
			version, value := published(t, w)
			require.EqualValues(t, n, version)
			require.Equal(t, n*10, value)
		}
		kept := func(r warehouse.Run) (ids []int64, current int64) {
			versions, err := r.Versions(t.Context())
			require.NoError(t, err)
			for _, v := range versions {
				ids = append(ids, v.ID)
				if v.Current {
					current = v.ID
				}
				require.Positive(t, v.Run)
				require.WithinDuration(t, noon, v.AsOf, 0)
				require.WithinDuration(t, time.Now(), v.PublishedAt, time.Minute)
			}
			return ids, current
		}
		r := warehousetest.Begin(t, w)
		ids, current := kept(r)
		require.Equal(t, []int64{4, 3, 2}, ids)
		require.EqualValues(t, 4, current)
		back, err := r.Rollback(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 3, back.ID)
		ids, current = kept(r)
		require.Equal(t, []int64{4, 3, 2}, ids)
		require.EqualValues(t, 3, current)
		warehousetest.End(t, r)
		version, value := published(t, w)
		require.EqualValues(t, 3, version)
		require.Equal(t, 30, value)

		// The next version has a number of its own, and the way back from it leads to the one that was published before it.
		r = warehousetest.Begin(t, w)
		require.EqualValues(t, 5, numbered(t, r, 50))
		ids, current = kept(r)
		require.Equal(t, []int64{5, 3, 2}, ids)
		require.EqualValues(t, 5, current)
		for _, want := range []int64{3, 2} {
			back, err = r.Rollback(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, back.ID)
		}
		_, err = r.Rollback(t.Context())
		var problem *change.Problem
		require.ErrorAs(t, err, &problem)
		require.NotEmpty(t, problem.Try)
		warehousetest.End(t, r)
		version, _ = published(t, w)
		require.EqualValues(t, 2, version)
		books, err := w.OpenOps(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"1|dropped", "2|published", "3|kept", "4|dropped", "5|kept"},
			warehousetest.Texts(t, books.DB, "select version, state from ops.versions order by version"))
		require.NoError(t, books.Close())
	})
}

func TestADiscardedVersionIsNeverSeen(t *testing.T) {
	t.Parallel()
	warehousetest.Run(t, func(t *testing.T, p warehousetest.Place) {
		w := p.Open(t, warehouse.Options{})
		r := warehousetest.Begin(t, w)
		numbered(t, r, 1)
		b, err := r.Build(t.Context())
		require.NoError(t, err)
		_, err = b.Create(t.Context(), model("core", "a", "select 9 as n"))
		require.NoError(t, err)
		require.NoError(t, b.Discard(t.Context()))
		require.NoError(t, b.Discard(t.Context()))
		require.Error(t, b.Publish(t.Context(), warehouse.Publication{Run: r.ID()}))
		numbered(t, r, 2)
		warehousetest.End(t, r)
		_, n := published(t, w)
		require.Equal(t, 2, n)
	})
}

func TestTablesAreCarriedOverAndMerged(t *testing.T) {
	t.Parallel()
	warehousetest.Run(t, func(t *testing.T, p warehousetest.Place) {
		w := p.Open(t, warehouse.Options{})
		r := warehousetest.Begin(t, w)
		b, err := r.Build(t.Context())
		require.NoError(t, err)
		_, there, err := b.Previous(t.Context(), "core", "a")
		require.NoError(t, err)
		require.False(t, there)
		first := func(m warehouse.Model) int64 {
			n, err := b.Create(t.Context(), m)
			require.NoError(t, err)
			return n
		}
		merged := warehouse.Model{
			Schema: "core", Name: "merged", Carry: true, UniqueKey: []string{"id"},
			SQL: "select 1 as id, 'a' as what union all select 2, 'b'",
		}
		appended := warehouse.Model{Schema: "core", Name: "appended", Carry: true, SQL: "select 1 as id"}
		require.EqualValues(t, 2, first(merged))
		require.EqualValues(t, 1, first(appended))
		require.EqualValues(t, 1, first(model("core", "a", "select 1 as n")))
		require.EqualValues(t, 0, first(warehouse.Model{Schema: "analytics", Name: "va", View: true, SQL: "select n from " +
			b.Relation("core", "a")}))
		require.NoError(t, b.Publish(t.Context(), warehouse.Publication{Run: r.ID(), AsOf: noon}))

		b, err = r.Build(t.Context())
		require.NoError(t, err)
		previous, there, err := b.Previous(t.Context(), "core", "merged")
		require.NoError(t, err)
		require.True(t, there)
		require.Equal(t, []string{"1|a", "2|b"}, warehousetest.Texts(t, b.DB(), "select * from "+previous+" order by id"))
		merged.SQL = "select 2 as id, 'B' as what, 1 as more union all select 3, 'c', 1"
		require.EqualValues(t, 3, first(merged))
		require.EqualValues(t, 2, first(appended))
		require.EqualValues(t, 1, first(warehouse.Model{Schema: "core", Name: "a", Carry: true}))
		first(warehouse.Model{Schema: "analytics", Name: "va", Carry: true})
		require.NoError(t, b.Publish(t.Context(), warehouse.Publication{Run: r.ID(), AsOf: noon}))
		warehousetest.End(t, r)

		reader, err := w.Published(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"1|a|null", "2|B|1", "3|c|1"}, warehousetest.Texts(t, reader.DB,
			"select id, what, more from core.merged order by id"))
		require.Equal(t, []string{"1"}, warehousetest.Texts(t, reader.DB, "select n from analytics.va"))
		require.NoError(t, reader.Close())
	})
}

func TestSeedsAreTypedAndNamesQuotedWhereNeeded(t *testing.T) {
	t.Parallel()
	warehousetest.Run(t, func(t *testing.T, p warehousetest.Place) {
		w := p.Open(t, warehouse.Options{})
		r := warehousetest.Begin(t, w)
		b, err := r.Build(t.Context())
		require.NoError(t, err)
		cell := func(s string) *string { return &s }
		require.NoError(t, b.Seed(t.Context(), "core", "Order", []warehouse.SeedColumn{
			{"group", "bigint"},
			{"it's", "text"},
			{"at", "timestamp"},
		}, [][]*string{
			{cell("1"), cell("it's"), cell("2023-01-02 03:04:05")}, {nil, nil, nil},
		}))
		require.NoError(t, b.Seed(t.Context(), "core", "empty", []warehouse.SeedColumn{{"a", "numeric(19,4)"}}, nil))
		_, err = b.Create(t.Context(), warehouse.Model{Schema: "analytics", Name: "select", SQL: `select "group", "it's" from ` +
			b.Relation("core", "Order"), View: true})
		require.NoError(t, err)
		require.NoError(t, b.Publish(t.Context(), warehouse.Publication{Run: r.ID(), AsOf: noon}))
		warehousetest.End(t, r)
		reader, err := w.Published(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"1|it's|2023-01-02 03:04:05", "null|null|null"},
			warehousetest.Texts(t, reader.DB, `select * from core."Order" order by "group" is null`))
		require.Equal(t, []string{"2"}, warehousetest.Texts(t, reader.DB, `select count(*) from analytics."select"`))
		require.Equal(t, []string{"0"}, warehousetest.Texts(t, reader.DB, `select count(*) from core.empty`))
		_, err = reader.DB.ExecContext(t.Context(), "create table core.x (a int)")
		require.Error(t, err, "a reader cannot write")
		require.NoError(t, reader.Close())
	})
}

func TestSessionsDivideAndOrderAlike(t *testing.T) {
	t.Parallel()
	warehousetest.Run(t, func(t *testing.T, p warehousetest.Place) {
		w := p.Open(t, warehouse.Options{})
		r := warehousetest.Begin(t, w)
		numbered(t, r, 1)
		const query = "select 5 / 2, x from (select 1 as x union all select null) as t order by x desc"
		want := []string{"2|null", "2|1"}
		require.Equal(t, want, warehousetest.Texts(t, r.DB(), query))
		warehousetest.End(t, r)
		reader, err := w.Published(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, warehousetest.Texts(t, reader.DB, query))
		require.NoError(t, reader.Close())
	})
}

func TestReadersSeeOneWholeVersionThroughPublications(t *testing.T) {
	t.Parallel()
	publications := 4
	if os.Getenv("LIFELINE_SOAK") == "1" {
		publications = 40
	}
	warehousetest.Run(t, func(t *testing.T, p warehousetest.Place) {
		w := p.Open(t, warehouse.Options{})
		r := warehousetest.Begin(t, w)
		numbered(t, r, 1)
		warehousetest.End(t, r)
		ctx, stop := context.WithCancel(t.Context())
		var reads atomic.Int64
		var wg sync.WaitGroup
		failed := make(chan error, 3)
		for range 3 {
			wg.Go(func() { failed <- readUntil(ctx, w, &reads) })
		}
		for n := 2; n <= publications; n++ {
			r := warehousetest.Begin(t, w)
			numbered(t, r, n)
			if n%3 == 0 {
				_, err := r.Rollback(t.Context())
				require.NoError(t, err)
			}
			warehousetest.End(t, r)
		}
		stop()
		wg.Wait()
		for range 3 {
			require.NoError(t, <-failed)
		}
		t.Logf("%d reads during %d publications", reads.Load(), publications)
		require.Positive(t, reads.Load())
	})
}

// readUntil opens what is published again and again, and reads each a few times, until the context ends.
func readUntil(ctx context.Context, w warehouse.Warehouse, reads *atomic.Int64) error {
	for ctx.Err() == nil {
		reader, err := w.Published(context.WithoutCancel(ctx))
		if err != nil {
			return err
		}
		for range 5 {
			lines, err := warehousetest.Query(context.WithoutCancel(ctx), reader.DB, whole)
			if err == nil {
				_, err = isWhole(lines[0])
			}
			if err != nil {
				return errors.Join(err, reader.Close())
			}
			reads.Add(1)
		}
		if err := reader.Close(); err != nil {
			return err
		}
	}
	return nil
}

func TestAWarehouseIsHeldByOneRun(t *testing.T) {
	t.Parallel()
	warehousetest.Run(t, func(t *testing.T, p warehousetest.Place) {
		w := p.Open(t, warehouse.Options{})
		r := warehousetest.Begin(t, w)
		_, err := p.Open(t, warehouse.Options{}).Begin(t.Context(), warehousetest.Me("second"), 100*time.Millisecond)
		var held *warehouse.HeldError
		require.ErrorAs(t, err, &held)
		require.Equal(t, os.Getpid(), held.By.PID)
		require.Equal(t, "test", held.By.Command)
		require.EqualValues(t, 1, held.By.Run)
		waiting := make(chan error)
		go func() {
			second, err := w.Begin(context.Background(), warehousetest.Me("second"), time.Minute)
			if err == nil {
				err = second.Close(context.Background())
			}
			waiting <- err
		}()
		warehousetest.End(t, r)
		require.NoError(t, <-waiting)
		require.Equal(t, []string{"1|published|true", "2|failed|false"},
			ask(t, w, "select run_id, status, error is null from ops.runs where run_id < 3 order by run_id"))
	})
}
