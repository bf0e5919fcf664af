package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/run"
	"lifeline/warehouse"
)

// oneVersion joins core and analytics and gives every version-dependent thing that a reader could see torn: the rows of a purchase in four
// tables, and the as-of instants of two.
const oneVersion = `
select (select count(*) from core.purchases),
       (select count(distinct dim_purchase_id) from analytics.fct_purchases_activity),
       (select count(*) from analytics.dim_purchases),
       (select count(*) from core.purchases as c
        join analytics.dim_purchases as d on d.dim_purchase_id = c.id
        join (select purchase_id from core.lines group by purchase_id) as l on l.purchase_id = c.id),
       (select count(distinct x.as_of)
        from (select as_of from analytics.dim_customers
              union all select as_of from analytics.dim_purchases) as x)`

// reader asks again and again until it is stopped, and remembers the first thing that was wrong.
type reader struct {
	reads atomic.Int64
	wrong atomic.Pointer[string]
}

func (r *reader) loop(ctx context.Context, wh warehouse.Warehouse) {
	for ctx.Err() == nil && r.wrong.Load() == nil {
		if err := r.once(ctx, wh); err != nil && ctx.Err() == nil {
			text := err.Error()
			r.wrong.Store(&text)
		}
		if !long {
			select { // Readers without a pause would leave the runs no processor.
			case <-ctx.Done():
			case <-time.After(600 * time.Millisecond):
			}
		}
	}
}

func (r *reader) once(ctx context.Context, wh warehouse.Warehouse) error {
	p, err := wh.Published(ctx)
	if err != nil {
		return err
	}
	defer p.Close()
	for range 5 {
		var core, dim, flat, joined, instants int64
		if err := p.DB.QueryRowContext(ctx, oneVersion).Scan(&core, &dim, &flat, &joined, &instants); err != nil {
			return err
		}
		if core == 0 || core != dim || core != flat || core != joined || instants != 1 {
			return fmt.Errorf("torn: %d, %d, %d, %d purchases, %d as-of instants", core, dim, flat, joined, instants)
		}
		r.reads.Add(1)
	}
	return nil
}

// Readers see one version, whole, whatever happens to the runs: publications one after another, and kills at any moment (promises 2
// and 5). Afterwards a run ends well, with the content that an untouched warehouse gets.
func TestReadersSeeOneVersionThroughPublicationsAndKills(t *testing.T) {
	publications, kills, pollers := 2, 1, 2
	if long {
		publications, kills, pollers = 20, 5, 4
	}
	onEveryEngine(t, func(t *testing.T, dsn string) {
		dir := copyOf(t, shopCSV(t))
		flags := at(shop, "csv:"+dir, dsn)
		firstRun(t, flags)
		took := time.Second // How long a run takes, by those below.

		wh, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn})
		require.NoError(t, err)
		defer wh.Close()
		ctx, stop := context.WithCancel(t.Context())
		var r reader
		var readers sync.WaitGroup
		for range pollers {
			readers.Go(func() { r.loop(ctx, wh) })
		}
		for i := range publications {
			dropLastPurchase(t, dir)
			began := time.Now()
			published := report(t, 0, append([]string{"run", "--as-of", fmt.Sprintf("2024-%02d-15", 1+i%10)}, flags...)...)
			took = time.Since(began)
			require.Equal(t, run.Published, published.Status)
			requireWhole(t, &r)
		}
		seed := uint64(time.Now().UnixNano())
		t.Logf("kills by seed %d", seed)
		dice := rand.New(rand.NewPCG(seed, 1))
		for range kills {
			dropLastPurchase(t, dir)
			after := time.Duration(dice.Int64N(int64(took)))
			killAfter(t, after, append([]string{"run"}, flags...)...)
			requireWhole(t, &r)
		}
		last := report(t, 0, append([]string{"run", "--wait", "2m"}, flags...)...)
		require.Contains(t, []run.Status{run.Published, run.Unchanged}, last.Status)
		stop()
		readers.Wait()
		requireWhole(t, &r)
		require.Greater(t, r.reads.Load(), int64(publications))
		t.Logf("%d reads during %d publications and %d kills", r.reads.Load(), publications, kills)

		fresh := "duckdb:" + filepath.Join(t.TempDir(), "fresh.duckdb")
		report(t, 0, append([]string{"run"}, at(shop, "csv:"+dir, fresh)...)...)
		requireSameContent(t, dsn, fresh)
	})
}

func requireWhole(t *testing.T, r *reader) {
	t.Helper()
	if wrong := r.wrong.Load(); wrong != nil {
		require.Fail(t, "a reader saw: "+*wrong)
	}
}

// killAfter starts the program and kills it, which nothing can catch.
func killAfter(t *testing.T, after time.Duration, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), after)
	defer cancel()
	err := command(ctx, args...).Run()
	if err != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		require.NoError(t, err)
	}
}
