package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"lifeline/semantic"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// sqlRequest takes a statement from the query string or from a body of JSON.
func (c *request) sqlRequest() error {
	if c.r.Method != http.MethodPost {
		return c.sql(c.query().Get("q"), semantic.ParameterValues(c.query()))
	}
	if kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); kind != "application/json" {
		return &semantic.Problem{Title: "JSON is wanted", Status: http.StatusUnsupportedMediaType, Detail: "the body is {\"q\": \"select …\"} of type application/json"}
	}
	var body SQLRequest
	d := json.NewDecoder(io.LimitReader(c.r.Body, 200<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		return &semantic.Problem{Title: "The body cannot be read", Status: http.StatusBadRequest, Detail: "the body is {\"q\": \"select …\"}, at most 200 kB"}
	}
	return c.sql(body.Query, body.Values)
}

// sql answers one select of a person with the role data; values are put in for its :names.
func (c *request) sql(asked string, values map[string]string) error {
	text, missing, err := semantic.BindParameters(asked, values)
	if err != nil {
		return err
	}
	s, err := c.snap()
	if err != nil {
		return err
	}
	letGo, ok := c.users.enter(c.user.key(c.r))
	if !ok {
		return &semantic.Problem{Title: "Too many at once", Status: http.StatusTooManyRequests, Detail: "two of your statements are running", Hint: "wait for one of them", Retryable: true}
	}
	defer letGo()
	ctx, cancel := context.WithTimeout(c.r.Context(), c.options.SQLTime)
	defer cancel()
	began := time.Now()
	if err := s.CheckSQL(ctx, text); err != nil {
		c.audit("sql", "sql", text, "error", err.Error())
		if len(missing) > 0 {
			return &semantic.Problem{Title: "A value is missing", Status: 400, Detail: "there is no value for :" + strings.Join(missing, " and :"), Hint: semantic.ParameterPrefix + missing[0] + "=…"}
		}
		return err
	}
	if f := c.query().Get("format"); f != "" && f != "json" {
		return c.sqlExport(ctx, s, text, f)
	}
	got, err := s.SQL(ctx, text, c.options.SQLRows+1)
	if err != nil {
		c.audit("sql", "sql", text, "error", err.Error())
		return c.sqlProblem(ctx, err)
	}
	data := &SQLData{Columns: got.Columns, Rows: got.Rows, Limit: c.options.SQLRows, Seconds: time.Since(began).Seconds(), Exports: []semantic.ExportLink{}}
	if len(data.Rows) > data.Limit {
		data.Rows, data.Truncated = data.Rows[:data.Limit], true
	}
	pairs := []string{"q", asked}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		pairs = append(pairs, semantic.ParameterPrefix+name, values[name])
	}
	data.Exports = semantic.ExportLinks("/api/v1/sql?" + semantic.QueryString(pairs...))
	c.audit("sql", "sql", text, "rows", len(data.Rows))
	return c.fresh(&reply{data: data})
}

// sqlExport gives more rows than the page shows, up to a hundred times its limit; a file that would be longer is refused as a whole.
func (c *request) sqlExport(ctx context.Context, s *semantic.Version, text, format string) error {
	limit := 100 * c.options.SQLRows
	n, err := s.CountSQL(ctx, text, limit+1)
	if err != nil {
		return c.sqlProblem(ctx, err)
	}
	if n > int64(limit) {
		return &semantic.Problem{Title: "Too many rows", Status: 400, Detail: fmt.Sprintf("the answer has more than %s rows", semantic.CountText(int64(limit))), Hint: "lifeline export, or a table's own export, which has no limit"}
	}
	long, cancel := context.WithTimeout(c.r.Context(), 12*c.options.SQLTime)
	defer cancel()
	c.r = c.r.WithContext(long)
	return c.export(s.SQLExport(text, format, n), format)
}

// sqlProblem tells what the engine said; its text is the asker's own.
func (c *request) sqlProblem(ctx context.Context, err error) error {
	if ctx.Err() != nil && c.r.Context().Err() == nil || strings.Contains(err.Error(), "statement timeout") {
		return &semantic.Problem{Title: "The time was up", Status: 400, Detail: fmt.Sprintf("a statement may take %s", c.options.SQLTime), Hint: "fewer rows, or an aggregate", Retryable: true}
	}
	text := semantic.FirstLine(err.Error())
	if strings.Contains(strings.ToLower(text), "out of memory") {
		return &semantic.Problem{Title: "Too much memory", Status: 400, Detail: "the statement needs more memory than the SQL page may use", Hint: "fewer rows, or fewer columns"}
	}
	return &semantic.Problem{Title: "The database refused", Status: 400, Detail: text}
}
