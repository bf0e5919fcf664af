package semantic

import (
	"context"
	"errors"
	"sync"
	"time"
)

// QueueOptions bound work that waits and work that is done.
type QueueOptions struct {
	AtOnce      int           // Done at once, in all.
	EachAtOnce  int           // Of one user.
	EachWaiting int           // Waiting, of one user.
	Waiting     int           // Waiting, in all.
	Patience    time.Duration // How long anyone waits.
}

// What a queue answers to whom it does not let in.
var (
	ErrOwnShare  = errors.New("this user's share is used up")
	ErrQueueFull = errors.New("too many are waiting")
)

// Queue lets a bounded number of pieces of work be done at once, gives each user a bounded share, and takes users in turn, so that one
// who asks for much keeps nobody else waiting. Who goes away while waiting leaves the queue.
type Queue struct {
	o QueueOptions

	mu      sync.Mutex
	running map[string]int
	busy    int
	waiting map[string][]*ticket
	turn    []string // Users who wait, in the order in which they come next.
	waits   int
}

type ticket struct {
	in chan struct{}
}

// NewQueue makes a queue.
func NewQueue(o QueueOptions) *Queue {
	return &Queue{o: o, running: map[string]int{}, waiting: map[string][]*ticket{}}
}

// Enter waits until the user's work may begin, and returns what to call when it has ended. It fails with ErrOwnShare or ErrQueueFull at
// once where no more may wait, with ErrQueueFull when the patience is over, and with the context's error when the asker has gone.
func (q *Queue) Enter(ctx context.Context, user string) (leave func(), err error) {
	q.mu.Lock()
	if q.busy < q.o.AtOnce && q.running[user] < q.o.EachAtOnce && len(q.waiting[user]) == 0 {
		q.begin(user)
		q.mu.Unlock()
		return q.leaver(user), nil
	}
	if len(q.waiting[user]) >= q.o.EachWaiting {
		q.mu.Unlock()
		return nil, ErrOwnShare
	}
	if q.waits >= q.o.Waiting {
		q.mu.Unlock()
		return nil, ErrQueueFull
	}
	t := &ticket{in: make(chan struct{})}
	if len(q.waiting[user]) == 0 {
		q.turn = append(q.turn, user)
	}
	q.waiting[user] = append(q.waiting[user], t)
	q.waits++
	q.mu.Unlock()
	late := time.NewTimer(q.o.Patience)
	defer late.Stop()
	select {
	case <-t.in:
		return q.leaver(user), nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-late.C:
		err = ErrQueueFull
	}
	if q.giveUp(user, t) {
		return nil, err
	}
	q.leaver(user)() // It was let in at that very moment.
	return nil, err
}

// Load is how many are at work and how many wait.
func (q *Queue) Load() (running, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.busy, q.waits
}

// begin is called with the lock held.
func (q *Queue) begin(user string) {
	q.busy++
	q.running[user]++
}

func (q *Queue) leaver(user string) func() {
	return sync.OnceFunc(func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.busy--
		if q.running[user]--; q.running[user] == 0 {
			delete(q.running, user)
		}
		q.letIn()
	})
}

// letIn gives free places to those who wait, one user after the other.
func (q *Queue) letIn() {
	for i := 0; i < len(q.turn) && q.busy < q.o.AtOnce; {
		user := q.turn[i]
		if q.running[user] >= q.o.EachAtOnce {
			i++
			continue
		}
		t := q.waiting[user][0]
		q.remove(user, 0)
		if len(q.waiting[user]) > 0 { // Behind the others now.
			q.turn = append(append(q.turn[:i:i], q.turn[i+1:]...), user)
		}
		q.begin(user)
		close(t.in)
	}
}

// giveUp leaves the queue; false where the place was given at that moment.
func (q *Queue) giveUp(user string, t *ticket) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, other := range q.waiting[user] {
		if other == t {
			q.remove(user, i)
			return true
		}
	}
	return false
}

// remove takes a ticket out, and the user out of the turn with the last one.
func (q *Queue) remove(user string, i int) {
	list := q.waiting[user]
	q.waiting[user] = append(list[:i:i], list[i+1:]...)
	q.waits--
	if len(q.waiting[user]) > 0 {
		return
	}
	delete(q.waiting, user)
	for j, other := range q.turn {
		if other == user {
			q.turn = append(q.turn[:j:j], q.turn[j+1:]...)
			break
		}
	}
}
