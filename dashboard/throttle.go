package dashboard

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"lifeline/semantic"
)

// throttle limits tries per span: each for one name from one network, all for that network. A name
// is never locked for other networks, and a network that is slowed cannot be forgotten by asking for many names.
type throttle struct {
	mu       sync.Mutex
	each     int // Of one name from one network.
	all      int // Of one network.
	networks int // That are kept in mind; when there are more, new ones wait until old ones are over.
	span     time.Duration
	tries    map[string]*tried
	now      func() time.Time
}

// tried is when a network has tried which names, the oldest first.
type tried struct {
	at    []time.Time
	names []string
}

func newThrottle(each, all int, span time.Duration) *throttle {
	return &throttle{each: each, all: all, networks: 10_000, span: span, tries: map[string]*tried{}, now: time.Now}
}

// allow counts a try, and tells whether it may be made.
func (t *throttle) allow(from, name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	n := t.tries[from]
	if n == nil {
		if len(t.tries) >= t.networks && !t.sweep(now) {
			return false
		}
		n = &tried{}
		t.tries[from] = n
	}
	n.drop(now.Add(-t.span))
	same := 0
	for _, other := range n.names {
		if other == name {
			same++
		}
	}
	if len(n.at) >= t.all || same >= t.each {
		return false
	}
	n.at, n.names = append(n.at, now), append(n.names, name)
	return true
}

// drop forgets the tries before a moment.
func (n *tried) drop(before time.Time) {
	i := 0
	for i < len(n.at) && n.at[i].Before(before) {
		i++
	}
	n.at, n.names = slices.Delete(n.at, 0, i), slices.Delete(n.names, 0, i)
}

// sweep forgets networks whose tries are over; false where there is none.
func (t *throttle) sweep(now time.Time) bool {
	for from, n := range t.tries {
		if n.drop(now.Add(-t.span)); len(n.at) == 0 {
			delete(t.tries, from)
		}
	}
	return len(t.tries) < t.networks
}

// forget takes back the tries of a name that has proven itself.
func (t *throttle) forget(from, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.tries[from]
	if n == nil {
		return
	}
	kept := &tried{}
	for i, other := range n.names {
		if other != name {
			kept.at, kept.names = append(kept.at, n.at[i]), append(kept.names, other)
		}
	}
	if t.tries[from] = kept; len(kept.at) == 0 {
		delete(t.tries, from)
	}
}

// network is the address that a request comes from, of IPv6 the part that one subscriber has.
func network(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	at, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	at = at.Unmap().WithZone("")
	if at.Is6() {
		prefix, err := at.Prefix(64)
		if err == nil {
			return prefix.String()
		}
	}
	return at.String()
}

// hashingQueue lets secrets be hashed one at a time, and bounds how many wait for it.
func hashingQueue() *semantic.Queue {
	return semantic.NewQueue(semantic.QueueOptions{AtOnce: 1, EachAtOnce: 1, EachWaiting: 24, Waiting: 64, Patience: 10 * time.Second})
}
