package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"lifeline/semantic"
)

// hub hands events to every browser that listens. One that does not keep up loses events, never the others' time.
type hub struct {
	mu   sync.Mutex
	to   map[chan LiveEvent]bool
	last map[string]LiveEvent // Of a running run by step, for those who come later.
}

func newHub() *hub { return &hub{to: map[chan LiveEvent]bool{}, last: map[string]LiveEvent{}} }

func (h *hub) tell(e LiveEvent) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.Kind == "run" {
		if e.State == "finished" {
			clear(h.last)
		} else {
			h.last[e.Step] = e
		}
	}
	for c := range h.to {
		select {
		case c <- e:
		default:
		}
	}
}

// mostListeners bounds the connections that events hold open.
const mostListeners = 500

func (h *hub) join() (chan LiveEvent, []LiveEvent, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.to) >= mostListeners {
		return nil, nil, false
	}
	c := make(chan LiveEvent, 256)
	h.to[c] = true
	var now []LiveEvent
	for _, e := range h.last {
		now = append(now, e)
	}
	return c, now, true
}

func (h *hub) leave(c chan LiveEvent) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.to, c)
}

// live streams events until the browser goes or an hour is over; browsers connect again by themselves.
func (c *request) live() error {
	events, now, ok := c.events.join()
	if !ok {
		return &semantic.Problem{
			Title: "Too many listeners", Status: http.StatusServiceUnavailable,
			Detail: "the server tells enough browsers already", Retryable: true,
		}
	}
	defer c.events.leave(events)
	header := c.w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no")
	control := http.NewResponseController(c.w)
	_ = control.SetReadDeadline(time.Time{})
	send := func(e LiveEvent) error {
		body, err := json.Marshal(e)
		if err != nil {
			return err
		}
		_ = control.SetWriteDeadline(time.Now().Add(30 * time.Second))
		if _, err := fmt.Fprintf(c.w, "event: %s\ndata: %s\n\n", e.Kind, body); err != nil {
			return err
		}
		return control.Flush()
	}
	hello := LiveEvent{Kind: "hello", At: time.Now().UTC(), Snapshot: c.version.snapshotID()}
	// An edition is not held for as long as a browser listens; serve releases it once more, so it is taken again at the end.
	for _, e := range append([]LiveEvent{hello}, now...) {
		if send(e) != nil {
			return nil
		}
	}
	c.store.release(c.version)
	defer func() { c.version = c.store.acquire() }()
	beat := time.NewTicker(20 * time.Second)
	defer beat.Stop()
	end := time.After(time.Hour)
	for {
		select {
		case <-c.r.Context().Done():
			return nil
		case <-end:
			return nil
		case e := <-events:
			if send(e) != nil {
				return nil
			}
		case <-beat.C:
			_ = control.SetWriteDeadline(time.Now().Add(30 * time.Second))
			if _, err := c.w.Write([]byte(": beat\n\n")); err != nil || control.Flush() != nil {
				return nil
			}
		}
	}
}
