package dashboard

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lifeline/semantic"
)

// metrics are what the server counts, for Prometheus.
type metrics struct {
	mu       sync.Mutex
	requests map[string]map[int]int64
	spent    map[string]*histogramOf
	hits     atomic.Int64
	misses   atomic.Int64
	denied   atomic.Int64
	switches atomic.Int64
	began    time.Time
}

var bounds = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

type histogramOf struct {
	buckets []int64
	sum     float64
	count   int64
}

func newMetrics() *metrics {
	return &metrics{requests: map[string]map[int]int64{}, spent: map[string]*histogramOf{}, began: time.Now()}
}

func (m *metrics) cached(hit bool) {
	if hit {
		m.hits.Add(1)
	} else {
		m.misses.Add(1)
	}
}

func (m *metrics) observe(route string, status int, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.requests[route] == nil {
		m.requests[route] = map[int]int64{}
		m.spent[route] = &histogramOf{buckets: make([]int64, len(bounds))}
	}
	m.requests[route][status]++
	h := m.spent[route]
	h.sum += took.Seconds()
	h.count++
	for i, b := range bounds {
		if took.Seconds() <= b {
			h.buckets[i]++
		}
	}
}

// serveMetrics writes the text form of Prometheus.
func (s *Server) serveMetrics(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	m := s.metrics
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _ = fmt.Fprint(w, "# HELP lifeline_http_requests_total Answers by route and status.\n# TYPE lifeline_http_requests_total counter\n")
	for _, route := range slices.Sorted(maps.Keys(m.requests)) {
		for _, status := range slices.Sorted(maps.Keys(m.requests[route])) {
			_, _ = fmt.Fprintf(w, "lifeline_http_requests_total{route=%q,status=\"%d\"} %d\n", route, status, m.requests[route][status])
		}
	}
	_, _ = fmt.Fprint(w, "# HELP lifeline_http_request_seconds Time to answer.\n# TYPE lifeline_http_request_seconds histogram\n")
	for _, route := range slices.Sorted(maps.Keys(m.spent)) {
		h := m.spent[route]
		for i, b := range bounds {
			_, _ = fmt.Fprintf(w, "lifeline_http_request_seconds_bucket{route=%q,le=\"%g\"} %d\n", route, b, h.buckets[i])
		}
		_, _ = fmt.Fprintf(w, "lifeline_http_request_seconds_bucket{route=%q,le=\"+Inf\"} %d\n", route, h.count)
		_, _ = fmt.Fprintf(w, "lifeline_http_request_seconds_sum{route=%q} %g\nlifeline_http_request_seconds_count{route=%q} %d\n", route, h.sum,
			route, h.count)
	}
	s.store.mu.Lock()
	e, failing := s.store.current, s.store.failing
	s.store.mu.Unlock()
	version, age, follows := int64(0), 0.0, 1
	if e.Version != nil {
		version, age = e.Number, time.Since(e.PublishedAt).Seconds()
	}
	if failing != "" {
		follows = 0
	}
	for _, g := range []struct {
		name, help, kind string
		value            any
	}{
		{"lifeline_cache_hits_total", "Answers from the cache.", "counter", m.hits.Load()},
		{"lifeline_cache_misses_total", "Answers that were computed.", "counter", m.misses.Load()},
		{"lifeline_denied_total", "Requests of unknown askers.", "counter", m.denied.Load()},
		{"lifeline_switches_total", "New versions or books taken up.", "counter", m.switches.Load()},
		{"lifeline_published_version", "The version that is served; 0 for none.", "gauge", version},
		{"lifeline_published_age_seconds", "Time since its publication.", "gauge", age},
		{"lifeline_follows", "1 while new versions can be looked for.", "gauge", follows},
		{"lifeline_uptime_seconds", "Time since the server began.", "gauge", time.Since(m.began).Seconds()},
	} {
		_, _ = fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %v\n", g.name, g.help, g.name, g.kind, g.name, g.value)
	}
	if lag := s.lag.Load(); lag != nil {
		seconds, connected := (*lag)()
		up := 0
		if connected {
			up = 1
		}
		_, _ = fmt.Fprintf(w, "# HELP lifeline_lag_seconds How far behind the source its follower is.\n"+
			"# TYPE lifeline_lag_seconds gauge\nlifeline_lag_seconds %.3f\n"+
			"# HELP lifeline_source_connected 1 while the follower reaches the source.\n"+
			"# TYPE lifeline_source_connected gauge\nlifeline_source_connected %d\n", seconds, up)
	}
	text, err := s.opsGauges(r.Context())
	if err != nil {
		s.log.Warn("metrics of the books", "error", err)
	}
	_, _ = fmt.Fprint(w, text)
	for _, q := range []struct {
		name, help string
		queue      *semantic.Queue
	}{
		{"lifeline_answers", "Answers that are computed, and that wait for it.", s.answers},
		{"lifeline_exports", "Files on their way, and that wait for it.", s.exports},
		{"lifeline_statements", "Statements of people that run, and that wait for it.", s.store.sql},
	} {
		running, waiting := q.queue.Load()
		_, _ = fmt.Fprintf(w, "# HELP %[1]s %[2]s\n# TYPE %[1]s gauge\n%[1]s{state=\"running\"} %[3]d\n%[1]s{state=\"waiting\"} %[4]d\n", q.name,
			q.help, running, waiting)
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
