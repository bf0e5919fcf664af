package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"lifeline/semantic"
)

// policy is the content security policy of every answer. Nothing of another host is ever loaded.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
	"font-src 'self'; connect-src 'self'; " +
	"manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; require-trusted-types-for " +
	"'script'; trusted-types 'none'"

// build makes the handler: headers, host, identity, then the routes.
func (s *Server) build() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes {
		for _, method := range strings.Fields(r.methods) {
			mux.HandleFunc(method+" "+r.pattern, s.serve(r))
		}
	}
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /metrics", s.serveMetrics)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		p := semantic.Problem{
			Title: "Not found", Status: http.StatusNotFound, Detail: "the API has no such route",
			Hint: "/api/v1/openapi.json lists them",
		}
		if allowed := methodsOf(mux, r); len(allowed) > 0 {
			p = semantic.Problem{Title: "Not this way", Status: http.StatusMethodNotAllowed, Detail: "this address takes " +
				strings.Join(allowed, " and ")}
			w.Header().Set("Allow", strings.Join(allowed, ", "))
		}
		writeProblem(w, r, w.Header().Get("X-Request-Id"), p)
	})
	mux.Handle("/", s.static)
	return s.headers(mux)
}

// methodsOf are the methods that an address of the API takes.
func methodsOf(mux *http.ServeMux, r *http.Request) []string {
	var out []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != "/api/" {
			out = append(out, method)
		}
	}
	return out
}

func (s *Server) newID() string {
	return strconv.FormatInt(time.Now().UnixMilli(), 36) + "-" + strconv.FormatUint(s.ids.Add(1), 36)
}

// headers puts the security headers on every answer and turns away requests for other hosts, strangers and foreign sites.
func (s *Server) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("X-Frame-Options", "DENY")
		if s.options.TLS {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		id := s.newID()
		h.Set("X-Request-Id", id)
		// Answers end in time; exports and events set their own.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.options.CardTime + 30*time.Second))
		probe := r.URL.Path == "/healthz" || r.URL.Path == "/readyz"
		if !probe && !s.hostAllowed(r.Host) {
			writeProblem(w, r, id, semantic.Problem{
				Title: "Another host", Status: http.StatusMisdirectedRequest, Detail: fmt.Sprintf("this server is not %q", r.Host), Hint: "--host NAME",
			})
			return
		}
		if s.foreignOrigin(r) || r.Method == http.MethodPost && r.Header.Get("Sec-Fetch-Site") != "" &&
			!slices.Contains([]string{"same-origin", "none"}, r.Header.Get("Sec-Fetch-Site")) ||
			strings.HasPrefix(r.URL.Path, "/api/") && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
			writeProblem(w, r, id, semantic.Problem{
				Title: "Another site", Status: http.StatusForbidden,
				Detail: "data is given to this server's own pages only",
			})
			return
		}
		if fault := unreadable(r); fault != "" {
			writeProblem(w, r, id, semantic.Problem{
				Title: "The address cannot be read", Status: http.StatusBadRequest, Detail: fault,
				Hint: "UTF-8, percent-encoded",
			})
			return
		}
		if !probe {
			user, problem := s.auth.whoIs(r)
			if problem != nil {
				s.auth.challenge(w)
				s.metrics.denied.Add(1)
				s.auditDenied(r, id, problem.Status)
				writeProblem(w, r, id, *problem)
				return
			}
			r = r.WithContext(context.WithValue(r.Context(), userKey{}, user))
		}
		next.ServeHTTP(w, r)
	})
}

// foreignOrigin tells whether a browser says that another site's page asks. A trusted proxy may have given the request another host name.
func (s *Server) foreignOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || !strings.HasPrefix(r.URL.Path, "/api/") || s.auth.Mode == AuthProxy {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || u.Host == "" || u.Host != r.Host && !slices.Contains(s.options.Hosts, strings.ToLower(u.Hostname()))
}

// userKey is where a request's context holds the user.
type userKey struct{}

// unreadable says what of an address is not text; "" where all of it is.
func unreadable(r *http.Request) string {
	if !utf8.ValidString(r.URL.Path) || strings.ContainsRune(r.URL.Path, 0) {
		return "the path is not UTF-8"
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "a parameter is not percent-encoded as it must be"
	}
	for name, values := range query {
		for _, text := range append(values, name) {
			if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				return fmt.Sprintf("the parameter %q is not UTF-8", strings.ToValidUTF8(name, "�"))
			}
		}
	}
	return ""
}

// hostAllowed keeps a foreign name that points here from reading along (DNS rebinding).
func (s *Server) hostAllowed(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if slices.Contains(s.options.Hosts, host) {
		return true
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsLoopback() || host == "localhost" {
		return true
	}
	return len(s.options.Hosts) == 0 && s.auth.Mode != AuthNone
}

// serve runs one route's handler for one request.
func (s *Server) serve(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &request{Server: s, w: w, r: r, id: w.Header().Get("X-Request-Id"), began: time.Now(), route: rt.pattern}
		c.user, _ = r.Context().Value(userKey{}).(*identity)
		if c.user == nil {
			return // The headers' handler has said so.
		}
		c.version = s.store.acquire()
		defer func() { s.store.release(c.version) }() // Events let go of theirs and take another.
		watched := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		c.w = watched
		defer func() {
			fault := recover()
			if broken, isError := fault.(error); fault != nil && (!isError || !errors.Is(broken, http.ErrAbortHandler)) {
				s.log.Error("a handler broke", "request_id", c.id, "path", r.URL.Path, "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
				if !watched.wrote {
					writeProblem(watched, r, c.id, semantic.Problem{
						Title: "The server met an error", Status: 500,
						Detail: "see the server's log by the request id", Retryable: true,
					})
				}
				fault = http.ErrAbortHandler
			}
			s.metrics.observe(rt.pattern, watched.status, time.Since(c.began))
			c.audit(watched.status, fault != nil)
			s.log.Debug("request", "request_id", c.id, "method", r.Method, "path", r.URL.Path, "query", r.URL.RawQuery,
				"status", watched.status, "ms", millis(time.Since(c.began)), "snapshot", c.version.snapshotID())
			if fault != nil {
				panic(fault)
			}
		}()
		if !c.user.has(rt.role) {
			c.fail(c.missing(rt.role))
			return
		}
		if err := rt.handle(c); err != nil {
			c.fail(err)
		}
	}
}

// missing names the role that is needed and whom to ask.
func (c *request) missing(role string) *semantic.Problem {
	contact := c.options.Auth.Contact
	if contact == "" {
		contact = c.def.Model.Contact
	}
	return &semantic.Problem{
		Title: "Not allowed", Status: http.StatusForbidden, Detail: "this needs the role " + role, Role: role,
		Contact: contact,
	}
}

// statusWriter remembers what was answered.
type statusWriter struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (w *statusWriter) WriteHeader(status int) {
	if !w.wrote {
		w.status, w.wrote = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(b)
}

// Unwrap lets deadlines and flushes through.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// ready says whether a version is served and the warehouse can be followed.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	s.store.mu.Lock()
	e, failing := s.store.current, s.store.failing
	s.store.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	switch {
	case e.Version == nil:
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("nothing is published yet\n"))
	case failing != "" && s.options.Warehouse.Engine() != "duckdb":
		// The version is in the server that does not answer.
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("the warehouse cannot be asked\n"))
	case failing != "":
		_, _ = fmt.Fprintf(w, "serving %s; new versions cannot be looked for\n", e.ID)
	default:
		_, _ = fmt.Fprintf(w, "serving %s\n", e.ID)
	}
}
