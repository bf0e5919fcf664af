package source

import (
	"context"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

// keep says something on every idle connection before the server's own limits end it: a worker waits for the warehouse, for other
// workers, for the totals. The limits themselves stand as the server has them: if this program stops or is cut off, they end its views.
func (n *serverSnapshot) keep(ctx context.Context) error {
	pause, err := n.pause(ctx)
	if err != nil {
		return n.server.address.explain("ask for the server's limits", err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range n.conns {
		group.Go(func() error {
			tick := time.NewTicker(pause)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return nil
				case <-tick.C:
					c.touch(ctx)
				}
			}
		})
	}
	if n.server.maria {
		group.Go(func() error {
			n.watch(ctx)
			return nil
		})
	}
	n.stop = func() {
		cancel()
		_ = group.Wait() // No keeper fails: a view that was lost tells when it is read.
	}
	return nil
}

// Bounds of the pause between two signs of life.
const (
	pauseAtLeast = 200 * time.Millisecond
	pauseAtMost  = 20 * time.Second
)

// pause is a third of the shortest time that the server lets a connection be idle.
func (n *serverSnapshot) pause(ctx context.Context) (time.Duration, error) {
	rows, err := n.conns[0].query(ctx, "show session variables where variable_name in "+
		"('wait_timeout', 'idle_transaction_timeout', 'idle_readonly_transaction_timeout')")
	if err != nil {
		return 0, err
	}
	shortest := 3 * pauseAtMost
	for _, r := range rows {
		seconds, _ := strconv.ParseFloat(r["value"], 64) // Without a number there is no limit.
		if limit := time.Duration(seconds * float64(time.Second)); limit > 0 {
			shortest = min(shortest, limit)
		}
	}
	return max(shortest/3, pauseAtLeast), nil
}
