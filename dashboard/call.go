package dashboard

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lifeline/semantic"
	"lifeline/warehouse"
)

// request is one request with the edition that it reads.
type request struct {
	*Server

	w       http.ResponseWriter
	r       *http.Request
	version *servedVersion
	user    *identity
	id      string
	began   time.Time
	route   string
	filters string // For the audit.
	noted   []any  // For the audit: what was read, as names and values.
}

// question says how the filters of a request were understood.
type question interface {
	Applied() *semantic.AppliedFilters
	Notices() []string
}

// reply is an answer before it is written.
type reply struct {
	data     any
	page     *semantic.Page
	question question
	notices  []string
}

func (c *request) query() url.Values { return c.r.URL.Query() }

// snap is the version; a problem before the first publication.
func (c *request) snap() (*semantic.Version, error) {
	if c.version.Version == nil {
		return nil, &semantic.Problem{
			Title: "Nothing is published yet", Status: 503, Detail: "the first run has not published",
			Hint: "lifeline run", Retryable: true,
		}
	}
	return c.version.Version, nil
}

// cached answers from the cache or computes; the answer carries an ETag of version and question.
func (c *request) cached(key string, compute func(ctx context.Context) (*reply, error)) error {
	full := answerKey(c.r.URL.Path, key, c.user)
	tag := c.etag(full)
	header := c.w.Header()
	header.Set("Cache-Control", "private, no-cache")
	header.Set("ETag", tag)
	if matches(c.r.Header.Get("If-None-Match"), tag) {
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	body, err := c.compute(c.r.Context(), c.share(), c.version, full, compute)
	if err != nil {
		header.Del("ETag")
		return err
	}
	return c.send(body)
}

// kept answers from the cache too, but tells the asker's browser to keep nothing: raw values of health data.
func (c *request) kept(key string, compute func(ctx context.Context) (*reply, error)) error {
	body, err := c.compute(c.r.Context(), c.share(), c.version, answerKey(c.r.URL.Path, key, c.user), compute)
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return c.send(body)
}

// answerKey names an answer in the cache: its question and what the asker may see of it.
func answerKey(path, question string, u *identity) string {
	return path + "?" + question + "|" + strconv.FormatBool(u.has(RoleData))
}

// share is whose share of the server the request uses.
func (c *request) share() string { return c.user.key(c.r) }

// compute finds an answer in the edition's cache, or makes it when it is the user's turn.
func (s *Server) compute(
	ctx context.Context, user string, e *servedVersion, key string, compute func(ctx context.Context) (*reply, error),
) ([]byte, error) {
	body, hit, err := e.cache.get(ctx, key, func(ctx context.Context) ([]byte, error) {
		leave, err := s.answers.Enter(ctx, user)
		if err != nil {
			return nil, busy(err)
		}
		defer leave()
		ctx, cancel := context.WithTimeout(ctx, s.options.CardTime)
		defer cancel()
		began := time.Now()
		r, err := compute(ctx)
		if err != nil {
			return nil, err
		}
		return encode(e, r, began)
	})
	s.metrics.cached(hit)
	return body, err
}

// busy tells an asker that others, or the asker's own questions, come first.
func busy(err error) error {
	switch {
	case errors.Is(err, semantic.ErrOwnShare):
		return &semantic.Problem{
			Title: "Too many at once", Status: http.StatusTooManyRequests, Detail: "many of your own questions are still waiting",
			Hint: "ask again when some are answered", Retryable: true,
		}
	case errors.Is(err, semantic.ErrQueueFull):
		return &semantic.Problem{
			Title: "Too many at once", Status: http.StatusServiceUnavailable, Detail: "the server answers as many questions as it can",
			Hint: "ask again in a moment", Retryable: true,
		}
	}
	return err
}

// isOwnShare tells whether a computation was refused for what its asker asks beside it.
func isOwnShare(err error) bool {
	var p *semantic.Problem
	return errors.As(err, &p) && p.Status == http.StatusTooManyRequests
}

// etag names version, books, question and rights, so that a switch of the version makes it another.
func (c *request) etag(question string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(c.version.etag + "|" + c.options.Build + "|" + question))
	return fmt.Sprintf(`"%s-%016x"`, c.version.snapshotID(), h.Sum64())
}

func matches(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		if t := strings.TrimPrefix(strings.TrimSpace(part), "W/"); t == tag || t == "*" {
			return true
		}
	}
	return false
}

// meta describes the edition and the question.
func (e *servedVersion) meta(r *reply, began time.Time) Meta {
	m := Meta{Snapshot: e.snapshotID(), Notices: []string{}, MS: millis(time.Since(began))}
	if e.Version != nil {
		m.Version, m.AsOf, m.PublishedAt = e.Number, e.AsOf, e.PublishedAt
	}
	if r.question != nil {
		m.Filters = r.question.Applied()
		m.Notices = append(m.Notices, r.question.Notices()...)
	}
	m.Notices = append(m.Notices, r.notices...)
	return m
}

// encode writes an answer plain and compressed, one after the other: four bytes of length, the plain text, the gzip.
func encode(e *servedVersion, r *reply, began time.Time) ([]byte, error) {
	var text, b bytes.Buffer
	j := json.NewEncoder(&text)
	j.SetEscapeHTML(false) // Answers are never taken for HTML: see their headers.
	err := j.Encode(struct {
		Data any            `json:"data"`
		Meta Meta           `json:"meta"`
		Page *semantic.Page `json:"page,omitempty"`
	}{r.data, e.meta(r, began), r.page})
	if err != nil {
		return nil, fmt.Errorf("write the answer: %w", err)
	}
	plain := text.Bytes()
	fmt.Fprintf(&b, "%010d", len(plain))
	b.Write(plain)
	z, err := gzip.NewWriterLevel(&b, 5)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(plain); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// send writes an encoded answer as the asker takes it.
func (c *request) send(body []byte) error {
	n, err := strconv.Atoi(string(body[:10]))
	if err != nil {
		return fmt.Errorf("read a kept answer: %w", err)
	}
	header := c.w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Add("Vary", "Accept-Encoding")
	out := body[10 : 10+n]
	if n > 1000 && strings.Contains(c.r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
		out = body[10+n:]
	}
	header.Set("Content-Length", strconv.Itoa(len(out)))
	header.Set("Server-Timing", fmt.Sprintf("app;dur=%.1f", millis(time.Since(c.began))))
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(out)
	}
	return nil
}

// fresh answers without the cache and must not be kept: SQL results and raw values.
func (c *request) fresh(r *reply) error {
	body, err := encode(c.version, r, c.began)
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return c.send(body)
}

// fail writes a problem; faults go to the log with their request id, their text does not go to the asker.
func (c *request) fail(err error) {
	if errors.Is(err, context.Canceled) && c.r.Context().Err() != nil {
		return // The asker has gone.
	}
	p := *problemOf(err)
	if warehouse.IsConversion(err) && c.r.URL.RawQuery != "" {
		p = semantic.Problem{Title: "A filter cannot be understood", Status: 400, Detail: "a value does not fit its column: " +
			semantic.FirstLine(err.Error()), Hint: "docs/dashboard.md lists the filter grammar"}
	}
	if warehouse.IsUnavailable(err) {
		c.log.Error("the warehouse cannot be asked", "request_id", c.id, "path", c.r.URL.Path, "error", err)
		p = semantic.Problem{
			Title: "The database cannot be asked now", Status: 503, Detail: "the warehouse does not answer",
			Hint: "the page asks again by itself", Retryable: true,
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		p = semantic.Problem{
			Title: "The time was up", Status: 503, Detail: "the answer took longer than this server allows",
			Hint: "ask for a shorter period or add a filter", Retryable: true,
		}
	}
	if p.Status >= 500 && p.Status != 503 {
		c.log.Error("request", "request_id", c.id, "path", c.r.URL.Path, "query", c.r.URL.RawQuery, "error", err)
	}
	writeProblem(c.w, c.r, c.id, p)
}

func writeProblem(w http.ResponseWriter, r *http.Request, id string, p semantic.Problem) {
	p.Type, p.Request, p.Instance = "about:blank", id, r.URL.Path
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	header.Del("Content-Encoding")
	header.Del("Content-Disposition")
	header.Del("ETag")
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		header.Set("Retry-After", "1")
	}
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(p)
	}
}
