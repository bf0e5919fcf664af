package dashboard

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// note keeps what the audit's line says beside who, when and what: names and values.
func (c *request) note(args ...any) { c.noted = append(c.noted, args...) }

// unaudited are routes that give no data.
var unaudited = []string{"/api/v1/events", "/api/v1/openapi.json", "/api/v1/meta"}

// audit writes the one line of a request: who read what, from where, and what came of it.
func (c *request) audit(status int, broken bool) {
	if slices.Contains(unaudited, c.route) && status < 400 {
		return
	}
	what := "read"
	format := c.query().Get("format")
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusTooManyRequests:
		what = "denied"
	case c.route == "/api/v1/sql":
		what = "sql"
	case format != "" && format != "json":
		what = "export"
	}
	args := []any{
		"what", what, "request_id", c.id, "user", c.user.name, "from", c.auth.from(c.r), "method", c.r.Method, "path", c.r.URL.Path, "query",
		readable(c.r.URL.RawQuery),
		"filters", c.filters, "status", status, "ms", millis(time.Since(c.began)), "snapshot", c.version.snapshotID(),
	}
	if broken {
		args = append(args, "broken", true)
	}
	c.log.Info("audit", append(args, c.noted...)...)
}

// auditDenied writes the line of a request whose asker is not known, or has asked too often.
func (s *Server) auditDenied(r *http.Request, id string, status int) {
	name, _, _ := r.BasicAuth()
	s.log.Info("audit", "what", "denied", "request_id", id, "claims", name, "from", s.auth.from(r), "method", r.Method, "path", r.URL.Path,
		"status", status)
}

// readable is a query as people read it; what cannot be decoded stays.
func readable(query string) string {
	return strings.NewReplacer("%2C", ",", "%3A", ":", "%2F", "/", "%3E", ">", "%3C", "<", "%7E", "~", "+", " ").Replace(query)
}

// from is the address that a request comes from: behind the proxy, the one that the proxy has seen.
func (g *guard) from(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if g.Mode != AuthProxy || !g.isProxy(r) {
		return host
	}
	// The last one is the proxy's own word; those before it are the asker's.
	list := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	if seen := strings.TrimSpace(list[len(list)-1]); seen != "" {
		if at, err := netip.ParseAddr(seen); err == nil {
			return at.Unmap().String()
		}
	}
	return host
}
