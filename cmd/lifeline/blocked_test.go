package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/warehouse"
)

// instants are the as-of instants of the tables that carry one, which all are of one version or the version is torn.
const instants = `
select string_agg(distinct as_of, ',')
from (
	select cast(as_of as varchar(19)) as as_of from analytics.dim_customers
	union all select cast(as_of as varchar(19)) from analytics.dim_purchases
	union all select cast(as_of as varchar(19)) from analytics.fct_purchases_states
) as x`

// poll asks what is published now and again, and reports the first fault: an instant that is not one of the good ones, or
// one that comes before what was seen already.
func poll(ctx context.Context, wh warehouse.Warehouse, good []string, reads *atomic.Int64) error {
	reached := 0
	for ctx.Err() == nil {
		p, err := wh.Published(ctx)
		if ctx.Err() != nil && err != nil {
			return nil
		}
		if err != nil {
			return err
		}
		var seen string
		err = p.DB.QueryRowContext(ctx, instants).Scan(&seen)
		_ = p.Close()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		at := -1
		for i, g := range good {
			if seen == g {
				at = i
			}
		}
		if at < reached {
			return fmt.Errorf("read %q after version %d of %v", seen, reached, good)
		}
		reached = at
		reads.Add(1)
		select {
		case <-ctx.Done():
		case <-time.After(2 * time.Second): // Fifty of them keep two cores busy enough.
		}
	}
	return nil
}

// Fifty readers see the version before, whole, while a run is blocked, and then the next good one, whole (promises 2 and 3).
func TestFiftyReadersNeverSeeABlockedVersion(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dsn string) {
		project := shopCopy(t)
		never := filepath.Join(project, "tests", "never.sql")
		flags := at(project, "csv:"+shopCSV(t), dsn)
		report(t, 0, append([]string{"run", "--as-of", "2024-05-15"}, flags...)...)
		wh, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn})
		require.NoError(t, err)
		defer wh.Close()
		good := []string{"2024-05-15 21:00:00", "2024-07-15 21:00:00"}
		ctx, stop := context.WithCancel(context.Background())
		var reads atomic.Int64
		var readers sync.WaitGroup
		failed := make(chan error, 50)
		for range 50 {
			readers.Go(func() { failed <- poll(ctx, wh, good, &reads) })
		}
		require.NoError(t, os.WriteFile(never, []byte("select 1 as n"), 0o600))
		r := report(t, 3, append([]string{"run", "--as-of", "2024-06-15"}, flags...)...)
		require.Contains(t, r.Error.Message, "never")
		before := reads.Load()
		require.NoError(t, os.Remove(never))
		report(t, 0, append([]string{"run", "--as-of", "2024-07-15"}, flags...)...)
		require.Eventually(t, func() bool { return reads.Load() > before+100 || len(failed) > 0 }, 5*time.Minute, 50*time.Millisecond)
		stop()
		readers.Wait()
		close(failed)
		for err := range failed {
			require.NoError(t, err)
		}
		require.Equal(t, good[1], query(t, flags, strings.Replace(instants, "',')", "',') as seen", 1))[0]["seen"])
		t.Logf("%d reads by 50 readers", reads.Load())
	})
}
