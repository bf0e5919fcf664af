package dashboard

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ExportRequest is an export without a browser; filters are written as in a page's address, such as program!=15.
type ExportRequest struct {
	Table   string
	Filters []string
	Format  string
	Sort    string
	Fields  string
}

// Export writes all matching rows of a table of the published version and returns how many there are. What it cannot do is a *Problem.
func (s *Server) Export(ctx context.Context, w io.Writer, x ExportRequest) (int64, error) {
	values := url.Values{}
	for _, f := range x.Filters {
		name, value, ok := strings.Cut(f, "=")
		if !ok {
			return 0, &badFilter{f, "", "is a filter such as status=approved"}
		}
		values.Add(name, value)
	}
	for name, value := range map[string]string{"sort": x.Sort, "fields": x.Fields, "format": x.Format} {
		if value != "" {
			values.Set(name, value)
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/?"+values.Encode(), nil)
	if err != nil {
		return 0, fmt.Errorf("export: %w", err)
	}
	c := &call{Server: s, r: r, w: toWriter{w, http.Header{}}, e: s.store.acquire(), user: &identity{roles: []string{RoleViewer}}, began: time.Now()}
	defer s.store.release(c.e)
	snap, err := c.snap()
	if err != nil {
		return 0, err
	}
	l, err := c.newList(snap, x.Table)
	if err != nil {
		return 0, err
	}
	// A misspelt filter must not export everything.
	if len(l.notices) > 0 || len(l.ignored) > 0 {
		return 0, &Problem{Title: "A filter does not apply", Status: 400, Detail: strings.Join(append(l.notices, l.ignored...), "; ")}
	}
	_, total, err := l.totals(ctx)
	if err != nil {
		return 0, fmt.Errorf("count the rows: %w", err)
	}
	return total, c.exportList(l, x.Format)
}

// toWriter takes an answer without HTTP.
type toWriter struct {
	io.Writer

	header http.Header
}

func (t toWriter) Header() http.Header { return t.header }
func (t toWriter) WriteHeader(int)     {}
