package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lifeline/semantic"
)

// sqlRequest runs one select of a person with the role data. It takes a body of JSON, which no other site's page can send: a statement in
// an address is never run.
func (c *request) sqlRequest() error {
	if kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); kind != "application/json" {
		return &semantic.Problem{
			Title: "JSON is wanted", Status: http.StatusUnsupportedMediaType,
			Detail: "the body is {\"q\": \"select …\"} of type application/json",
		}
	}
	var body SQLRequest
	d := json.NewDecoder(io.LimitReader(c.r.Body, 200<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		return &semantic.Problem{
			Title: "The body cannot be read", Status: http.StatusBadRequest,
			Detail: "the body is {\"q\": \"select …\"}, at most 200 kB",
		}
	}
	if body.Format == "" {
		body.Format = "json"
	}
	if body.Format != "json" && semantic.ExportTypes[body.Format] == "" {
		return &semantic.FilterError{Name: "format", Value: body.Format, Wants: "is json, csv, parquet or ndjson"}
	}
	return c.sql(body)
}

func (c *request) sql(asked SQLRequest) error {
	c.note("sql", asked.Query, "format", asked.Format)
	if len(asked.Values) > 0 {
		c.note("values", fmt.Sprint(asked.Values))
	}
	text, missing, err := semantic.BindParameters(asked.Query, asked.Values)
	if err != nil {
		return sqlProblem(err, nil)
	}
	s, err := c.snap()
	if err != nil {
		return err
	}
	began := time.Now()
	// A file is made before its first byte is sent, so the answer's own deadline begins again with it.
	control := http.NewResponseController(c.w)
	_ = control.SetWriteDeadline(time.Now().Add(c.options.SQL.ExportTime + 3*c.options.SQL.Time + time.Minute))
	got, err := s.SQL(c.r.Context(), semantic.Statement{User: c.share(), Text: text, Format: asked.Format})
	if err != nil {
		c.note("error", err.Error())
		if known := (*semantic.SandboxError)(nil); errors.As(err, &known) && known.Cause != "" {
			c.note("cause", known.Cause)
		}
		return sqlProblem(err, missing)
	}
	defer func() { _ = got.Close() }()
	if asked.Format != "json" {
		sent, err := c.sendAnswer(got, "sql-"+s.ID, asked.Format)
		c.note("rows", got.Rows, "bytes", sent, "error", errText(err))
		if err != nil {
			panic(http.ErrAbortHandler) // So that no reader takes a part for the whole.
		}
		return nil
	}
	rows, err := got.Result()
	if err != nil {
		return err
	}
	data := &SQLData{
		Columns: rows.Columns, Rows: rows.Rows, Truncated: got.Truncated, Limit: c.options.SQL.Rows,
		Seconds: time.Since(began).Seconds(), Formats: sqlFormats,
	}
	c.note("rows", len(data.Rows), "bytes", got.Bytes)
	return c.fresh(&reply{data: data})
}

var sqlFormats = []string{"csv", "parquet", "ndjson"}

// sendAnswer sends a file with its length, so that a cut is seen.
func (c *request) sendAnswer(a *semantic.Answer, name, format string) (int64, error) {
	control := http.NewResponseController(c.w)
	_ = control.SetReadDeadline(time.Time{})
	header := c.w.Header()
	header.Set("Content-Type", semantic.ExportTypes[format])
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Disposition", `attachment; filename="`+fileName(name)+"."+format+`"`)
	header.Set("Content-Length", strconv.FormatInt(a.Bytes, 10))
	header.Set("X-Snapshot", c.version.snapshotID())
	header.Set("X-Row-Count", strconv.FormatInt(a.Rows, 10))
	out := &countingWriter{w: c.w, control: control, began: time.Now()}
	_, err := io.Copy(out, a.File)
	return out.n, err
}

// sqlProblem tells what is wrong with a statement, or with what it takes.
func sqlProblem(err error, missing []string) error {
	var known *semantic.SandboxError
	if !errors.As(err, &known) {
		return err
	}
	p := &semantic.Problem{Title: known.Title, Status: http.StatusBadRequest, Detail: known.Detail, Hint: known.Hint}
	switch known.Kind {
	case semantic.SandboxBusy:
		p.Status, p.Retryable = http.StatusTooManyRequests, true
	case semantic.SandboxFull, semantic.SandboxUnavailable, semantic.SandboxNoReader:
		p.Status, p.Retryable = http.StatusServiceUnavailable, known.Kind != semantic.SandboxNoReader
	case semantic.SandboxRefused:
		if len(missing) > 0 {
			return &semantic.Problem{
				Title: "A value is missing", Status: 400, Detail: "there is no value for :" + strings.Join(missing, " and :"),
				Hint: `"values": {"` + missing[0] + `": "…"}`,
			}
		}
	}
	return p
}
