package dashboard

import (
	"container/list"
	"context"
	"sync"
)

// cache keeps finished answers of one edition by their canonical question, and makes those who ask the same at once wait for one
// computation. The oldest unused go when it is full.
type cache struct {
	mu     sync.Mutex
	limit  int64
	size   int64
	byKey  map[string]*list.Element
	recent *list.List
	flying map[string]*flight
	hits   int64
	misses int64
	hold   func() (letGo func()) // Keeps the edition while something is computed, though the caller may have gone.
}

type cached struct {
	key  string
	body []byte
}

// flight is one computation and how many wait for it. When the last one goes away it is given up.
type flight struct {
	done   chan struct{}
	body   []byte
	err    error
	waits  int // Guarded by cache.mu.
	giveUp context.CancelFunc
}

func newCache(limit int64) *cache {
	return &cache{limit: limit, byKey: map[string]*list.Element{}, recent: list.New(), flying: map[string]*flight{}}
}

// get returns the kept body or makes it. A caller that goes away takes nothing from the others who wait; what nobody waits for any more is
// not made.
func (c *cache) get(ctx context.Context, key string, compute func(context.Context) ([]byte, error)) ([]byte, bool, error) {
	c.mu.Lock()
	if e, is := c.byKey[key]; is {
		c.recent.MoveToFront(e)
		c.hits++
		c.mu.Unlock()
		return e.Value.(*cached).body, true, nil
	}
	c.misses++
	f, is := c.flying[key]
	if !is {
		f = &flight{done: make(chan struct{})}
		c.flying[key] = f
		letGo := c.hold()
		var own context.Context
		own, f.giveUp = context.WithCancel(context.WithoutCancel(ctx))
		go func() {
			defer letGo()
			defer f.giveUp()
			c.fly(own, key, f, compute)
		}()
	}
	f.waits++
	c.mu.Unlock()
	select {
	case <-f.done:
		if is && isOwnShare(f.err) {
			return c.get(ctx, key, compute) // It was the other asker's share that was used up.
		}
		return f.body, false, f.err
	case <-ctx.Done():
		c.leave(key, f)
		return nil, false, ctx.Err()
	}
}

// leave ends a wait. Who asks the same after the last one has gone begins anew.
func (c *cache) leave(key string, f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.waits--; f.waits > 0 {
		return
	}
	f.giveUp()
	if c.flying[key] == f {
		delete(c.flying, key)
	}
}

func (c *cache) fly(ctx context.Context, key string, f *flight, compute func(context.Context) ([]byte, error)) {
	f.body, f.err = compute(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flying[key] == f {
		delete(c.flying, key)
	}
	if _, is := c.byKey[key]; !is && f.err == nil && int64(len(f.body)) <= c.limit/4 {
		c.byKey[key] = c.recent.PushFront(&cached{key, f.body})
		c.size += int64(len(f.body))
		for c.size > c.limit {
			last := c.recent.Back()
			gone := c.recent.Remove(last).(*cached)
			delete(c.byKey, gone.key)
			c.size -= int64(len(gone.body))
		}
	}
	close(f.done)
}
