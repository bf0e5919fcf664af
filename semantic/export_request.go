package semantic

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// ExportRequest is an export without a browser; filters are written as in a page's address, such as program!=15.
type ExportRequest struct {
	Table   string
	Filters []string
	Format  string // csv, parquet or ndjson.
	Sort    string
	Fields  string
}

// Export writes all matching rows of a table of the published version and returns how many there are. What it cannot do is a *Problem.
func (s *Version) Export(ctx context.Context, w io.Writer, x ExportRequest) (int64, error) {
	values := url.Values{}
	for _, f := range x.Filters {
		name, value, ok := strings.Cut(f, "=")
		if !ok {
			return 0, &FilterError{f, "", "is a filter such as status=approved"}
		}
		values.Add(name, value)
	}
	a, err := ParseFilters(values)
	if err != nil {
		return 0, err
	}
	l, err := s.Rows(x.Table, a, ListOptions{Sort: x.Sort, Fields: x.Fields})
	if err != nil {
		return 0, err
	}
	// A misspelt filter must not export everything.
	if len(l.notices) > 0 || len(l.ignored) > 0 {
		return 0, &Problem{Title: "A filter does not apply", Status: 400, Detail: strings.Join(append(l.notices, l.ignored...), "; ")}
	}
	all, err := l.Export(ctx)
	if err != nil {
		return 0, err
	}
	f, err := all.Prepare(ctx, x.Format)
	if err != nil {
		return 0, fmt.Errorf("export %s: %w", x.Table, err)
	}
	defer f.Close()
	return f.Send(w)
}
