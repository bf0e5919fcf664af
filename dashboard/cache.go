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

type flight struct {
	done chan struct{}
	body []byte
	err  error
}

func newCache(limit int64) *cache {
	return &cache{limit: limit, byKey: map[string]*list.Element{}, recent: list.New(), flying: map[string]*flight{}}
}

// get returns the kept body or makes it. A caller that goes away takes nothing from the others who wait.
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
		go func() {
			defer letGo()
			c.fly(context.WithoutCancel(ctx), key, f, compute)
		}()
	}
	c.mu.Unlock()
	select {
	case <-f.done:
		return f.body, false, f.err
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
}

func (c *cache) fly(ctx context.Context, key string, f *flight, compute func(context.Context) ([]byte, error)) {
	f.body, f.err = compute(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.flying, key)
	if f.err == nil && int64(len(f.body)) <= c.limit/4 {
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
