package source

import (
	"context"
	"fmt"
	"slices"
	"time"

	"lifeline/change"
)

// settledPlace is a place in the binary log before which every transaction is seen by views.
type settledPlace struct {
	sure    change.LogPosition // The newest one that is certain; its File is empty where there is none yet.
	asked   change.LogPosition // A newer one, which becomes certain
	waiting []uint64           // once these have committed.
}

// Bounds of the wait for transactions that are in the log and that views do not see: a replica may have ten seconds to acknowledge one. One
// that has been prepared for longer is an XA transaction that nobody decides.
const (
	settleAtMost = 12 * time.Second
	settlePause  = 20 * time.Millisecond
)

// settledPlace asks where the log stands, and waits until all that was written before it is committed. The source waits for nothing.
func (s *server) settledPlace(ctx context.Context) (p settledPlace, at innodb, err error) {
	if err := s.locateByAsking(ctx, &p.asked); err != nil {
		return p, at, err
	}
	began := time.Now()
	for {
		if at, err = s.transactions(ctx); err != nil {
			return p, at, err
		}
		if p.waiting == nil {
			p.waiting = append([]uint64{}, at.prepared...)
		}
		p.settle(at)
		if p.sure.File != "" || p.asked.File == "" || time.Since(began) > settleAtMost || at.undecided {
			return p, at, nil
		}
		select {
		case <-ctx.Done():
			return p, at, ctx.Err()
		case <-time.After(settlePause):
		}
	}
}

// settle looks whether the place that was asked for is certain now.
func (p *settledPlace) settle(now innodb) {
	p.waiting = slices.DeleteFunc(p.waiting, func(id uint64) bool { return !slices.Contains(now.active, id) })
	if len(p.waiting) == 0 && p.asked.File != "" {
		p.sure = p.asked
	}
}

// after goes on to a newer place, where the one before is certain.
func (p settledPlace) after(at change.LogPosition, now innodb) settledPlace {
	if len(p.waiting) == 0 {
		p.asked, p.waiting = at, slices.Clone(now.prepared)
	}
	return p
}

// between is the place from which the log is read on by somebody whose views were made before the upper one: unknown where no lower place
// is certain.
func (p settledPlace) between(upper change.LogPosition) change.LogPosition {
	low := p.sure
	if low.File == "" || upper.File == "" {
		return change.LogPosition{}
	}
	if change.CompareLogPlaces(low.File, low.Pos, upper.File, upper.Pos) < 0 {
		low.Until = fmt.Sprintf("%s:%d", upper.File, upper.Pos)
	}
	return low
}
