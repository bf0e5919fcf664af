package source

import (
	"context"
	"sync"
)

// keyRange is a range of a table's keys: after low, up to and including high. nil means unbounded.
type keyRange struct {
	table     *serverTable
	low, high []string // SQL literals, one per key column.
	rows      int64    // About how many.
	spans     []string // Conditions, one of which each row meets: then low and high do not count, and the range is not divided.
}

// queue hands pieces out in order, and knows when somebody has nothing to do.
type queue struct {
	mu      sync.Mutex
	wake    *sync.Cond
	pieces  []*keyRange
	working int // Workers that have a piece, and may share it.
	waiting int
}

func newQueue() *queue {
	q := &queue{}
	q.wake = sync.NewCond(&q.mu)
	return q
}

func (q *queue) add(p *keyRange) {
	q.mu.Lock()
	q.pieces = append(q.pieces, p)
	q.mu.Unlock()
	q.wake.Signal()
}

// last is the piece that was added last and nobody has taken.
func (q *queue) last() *keyRange {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.pieces) == 0 {
		return nil
	}
	return q.pieces[len(q.pieces)-1]
}

// total adds up the estimates.
func (q *queue) total() (rows int64) {
	for _, p := range q.pieces {
		rows += p.rows
	}
	return rows
}

// next waits for a piece. It returns nil once there is none and will be none, or ctx is done.
func (q *queue) next(ctx context.Context) *keyRange {
	stop := context.AfterFunc(ctx, func() {
		q.mu.Lock() // Else it could come between a look at ctx and the wait.
		defer q.mu.Unlock()
		q.wake.Broadcast()
	})
	defer stop()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting++
	defer func() { q.waiting-- }()
	for len(q.pieces) == 0 && q.working > 0 && ctx.Err() == nil {
		q.wake.Wait()
	}
	if len(q.pieces) == 0 || ctx.Err() != nil {
		return nil
	}
	p := q.pieces[0]
	q.pieces = q.pieces[1:]
	q.working++
	return p
}

// done says that a worker's piece is read.
func (q *queue) done() {
	q.mu.Lock()
	q.working--
	q.mu.Unlock()
	q.wake.Broadcast()
}

// hasIdleWorker reports whether a worker waits that no piece is there for.
func (q *queue) hasIdleWorker() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting > len(q.pieces)
}
