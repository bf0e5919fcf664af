package dashboard

import (
	"bufio"
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"lifeline/semantic"
	"lifeline/warehouse"
)

// Formats of exports, and their media types.
var exportTypes = map[string]string{"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson", "parquet": "application/vnd.apache.parquet"}

// export is one file of rows.
type export struct {
	db      *sql.DB
	engine  string
	sql     string
	columns []Column
	rows    int64 // -1 where it is not known before.
	name    string
	about   map[string]string // Into a Parquet file's metadata.
}

// exportList streams all matches of a list.
func (c *call) exportList(l *rowList, format string) error {
	_, total, err := l.totals(c.r.Context())
	if err != nil {
		return fmt.Errorf("count the export: %w", err)
	}
	query, err := l.selectSQL(false)
	if err != nil {
		return err
	}
	return c.export(&export{
		db: l.snap.db, engine: l.snap.engine, sql: query, columns: l.columns, rows: total,
		name: fmt.Sprintf("%s-%s-%d-rows", l.table.Name, l.snap.id, total),
		about: map[string]string{
			"filters": l.text(), "query": encodePairs(l.exact()), "snapshot": l.snap.id, "table": l.table.Name,
			"as_of": l.snap.asOf.Format(time.RFC3339), "rows": strconv.FormatInt(total, 10),
		},
	}, format)
}

// export writes a file. A stream that breaks ends the connection without its last chunk, so that no reader can take a part for the
// whole.
func (c *call) export(x *export, format string) error {
	kind, is := exportTypes[format]
	if !is {
		return &badFilter{"format", format, "is json, csv, parquet or ndjson"}
	}
	done, err := c.exportTurn(c.r.Context())
	if err != nil {
		return err
	}
	defer done()
	// An export may take long; the connection's own deadlines would cut it. Each part has its own time, so that a client that reads no
	// more does not hold a query for ever.
	control := http.NewResponseController(c.w)
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Time{})
	header := c.w.Header()
	header.Set("Content-Type", kind)
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Disposition", `attachment; filename="`+fileName(x.name)+"."+format+`"`)
	header.Set("X-Snapshot", c.snapshotID())
	if x.rows >= 0 {
		header.Set("X-Row-Count", strconv.FormatInt(x.rows, 10))
	}
	if c.r.Method == http.MethodHead {
		return nil
	}
	out := &countingWriter{w: c.w, control: control}
	var rows int64
	if format == "parquet" {
		rows, err = c.parquet(x, out)
	} else {
		rows, err = x.stream(c.r.Context(), out, format)
	}
	if err == nil && x.rows >= 0 && rows != x.rows {
		err = fmt.Errorf("wrote %d rows of %d", rows, x.rows)
	}
	c.audit("export", "format", format, "name", x.name, "rows", rows, "bytes", out.n, "error", errText(err))
	if err != nil && out.n == 0 {
		for _, h := range []string{"X-Row-Count", "Content-Length"} {
			header.Del(h)
		}
		return err
	}
	if err != nil {
		c.log.Error("an export broke off", "request_id", c.id, "rows", rows, "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// exportPatience is how long an export waits for others to end.
const exportPatience = time.Minute

// exportTurn lets half of a version's connections be used by exports, so that slow ones leave the pages theirs.
func (s *Server) exportTurn(ctx context.Context) (done func(), err error) {
	late := time.NewTimer(exportPatience)
	defer late.Stop()
	select {
	case s.exports <- struct{}{}:
		return func() { <-s.exports }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-late.C:
		return nil, &Problem{
			Title: "Too many at once", Status: http.StatusServiceUnavailable, Detail: fmt.Sprintf("%d exports are on their way", cap(s.exports)),
			Hint: "ask again when one of them has ended", Retryable: true,
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// fileName keeps letters that every system takes in a name.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, s)
}

// stalled is how long a client may take to read one part of a file.
const stalled = 2 * time.Minute

type countingWriter struct {
	w       io.Writer
	control *http.ResponseController
	n       int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	_ = c.control.SetWriteDeadline(time.Now().Add(stalled))
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// read gives the rows to a function. On PostgreSQL the session says what it is, so that a publication need not wait for it.
func (x *export) read(ctx context.Context, do func(rows *sql.Rows) error) error {
	conn, err := x.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if x.engine == "postgres" {
		if _, err := conn.ExecContext(ctx, "set application_name = "+quoteText(warehouse.ExportSession)); err != nil {
			return err
		}
		defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "reset application_name") }()
	}
	return readRows(ctx, conn, x.sql, do)
}

func readRows(ctx context.Context, from querier, query string, do func(rows *sql.Rows) error) error {
	rows, err := from.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if err := do(rows); err != nil {
		return err
	}
	return rows.Err()
}

// partRows is how many rows of DuckDB are in memory at once: its driver holds the whole of an answer.
const partRows = 250_000

// stream writes rows as they come, as CSV or as one JSON object a line.
func (x *export) stream(ctx context.Context, w io.Writer, format string) (int64, error) {
	out := &lineWriter{out: bufio.NewWriterSize(w, 64<<10), format: format}
	var err error
	if x.engine == "duckdb" && x.rows > partRows {
		err = x.inParts(ctx, out)
	} else {
		err = x.read(ctx, out.add)
	}
	if err != nil {
		return out.rows, err
	}
	return out.rows, out.out.Flush()
}

// inParts puts the rows aside, in their order and in a small file, and writes them part by part.
func (x *export) inParts(ctx context.Context, out *lineWriter) error {
	dir, err := os.MkdirTemp("", "lifeline-export-")
	if err != nil {
		return fmt.Errorf("make room for the export: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	names, columns, err := x.selected(ctx)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "rows.parquet")
	n, err := copyOut(ctx, x.db, "select "+columns+" from ("+x.sql+"\n) as r", file, "snappy", nil)
	if err != nil {
		return err
	}
	for from := int64(0); from < n; from += partRows {
		err := readRows(ctx, x.db, fmt.Sprintf(`
select %s
from read_parquet(%s, file_row_number = true)
where file_row_number >= %d and file_row_number < %d
order by file_row_number`, names, quoteText(file), from, from+partRows), out.add)
		if err != nil {
			return fmt.Errorf("read the rows put aside: %w", err)
		}
	}
	return nil
}

// selected are the names of the columns, and the columns as a Parquet file holds them exactly: it knows no whole numbers of 128 bits.
func (x *export) selected(ctx context.Context) (names, columns string, err error) {
	rows, err := x.db.QueryContext(ctx, "select * from ("+x.sql+"\n) as r limit 0")
	if err != nil {
		return "", "", err
	}
	defer func() { _ = rows.Close() }()
	types, err := rows.ColumnTypes()
	if err != nil {
		return "", "", err
	}
	var plain, cast []string
	for _, t := range types {
		name := quoteName(t.Name())
		plain = append(plain, name)
		if strings.Contains(t.DatabaseTypeName(), "HUGEINT") {
			name = "cast(" + name + " as decimal(38, 0)) as " + name
		}
		cast = append(cast, name)
	}
	return strings.Join(plain, ", "), strings.Join(cast, ", "), rows.Err()
}

// lineWriter writes rows as lines; the first rows bring the header.
type lineWriter struct {
	out     *bufio.Writer
	format  string
	columns []Column
	line    []byte
	rows    int64
}

func (l *lineWriter) add(rows *sql.Rows) error {
	columns, err := columnsOf(rows)
	if err != nil {
		return err
	}
	if l.columns == nil {
		if l.columns = columns; l.format == "csv" {
			if err := l.header(); err != nil {
				return err
			}
		}
	}
	values, targets := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		l.line = l.line[:0]
		if l.format == "csv" {
			l.line = csvLine(l.line, values, columns)
		} else if l.line, err = jsonLine(l.line, values, columns); err != nil {
			return err
		}
		if _, err := l.out.Write(l.line); err != nil {
			return err
		}
		l.rows++
	}
	return rows.Err()
}

func (l *lineWriter) header() error {
	var line []byte
	for i, c := range l.columns {
		if i > 0 {
			line = append(line, ',')
		}
		line = semantic.AppendCSV(line, semantic.GuardFormula(c.Name))
	}
	_, err := l.out.Write(append(line, '\r', '\n'))
	return err
}

func csvLine(line []byte, values []any, columns []Column) []byte {
	for i, v := range values {
		if i > 0 {
			line = append(line, ',')
		}
		if v == nil {
			continue
		}
		text := semantic.CSVText(v, columns[i].Type)
		if text == "" {
			line = append(line, '"', '"') // An empty text is another thing than no value.
			continue
		}
		line = semantic.AppendCSV(line, text)
	}
	return append(line, '\r', '\n')
}

func jsonLine(line []byte, values []any, columns []Column) ([]byte, error) {
	line = append(line, '{')
	for i, v := range values {
		if i > 0 {
			line = append(line, ',')
		}
		name, err := json.Marshal(columns[i].Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(jsonValue(v, columns[i].Type))
		if err != nil {
			return nil, err
		}
		line = append(append(append(line, name...), ':'), value...)
	}
	return append(line, '}', '\n'), nil
}

// plainText is a value in a file: ISO times, raw decimals.
func plainText(v any, kind string) string { return warehouse.ValueText(v, kind, warehouse.TimeSQL) }

// parquet writes a typed file beside and sends it with its length, so that a cut is seen.
func (c *call) parquet(x *export, out io.Writer) (int64, error) {
	dir, err := os.MkdirTemp("", "lifeline-export-")
	if err != nil {
		return 0, fmt.Errorf("make room for the export: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "rows.parquet")
	rows, err := x.writeParquet(c.r.Context(), file)
	if err == nil && x.rows >= 0 && rows != x.rows { // Nothing is sent yet that could be taken for the whole.
		err = fmt.Errorf("wrote %d rows of %d", rows, x.rows)
	}
	if err != nil {
		return 0, err
	}
	f, err := os.Open(file)
	if err != nil {
		return 0, fmt.Errorf("read the export: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("read the export: %w", err)
	}
	c.w.Header().Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	if x.rows < 0 {
		c.w.Header().Set("X-Row-Count", strconv.FormatInt(rows, 10))
	}
	_, err = io.Copy(out, f)
	return rows, err
}

// writeParquet lets DuckDB write the file: straight from its own rows, or from those of PostgreSQL, which pass through it.
func (x *export) writeParquet(ctx context.Context, file string) (int64, error) {
	if x.engine == "duckdb" {
		return copyOut(ctx, x.db, x.sql, file, "zstd", x.about)
	}
	// They wait in a file beside, for memory may not hold them.
	connector, err := duckdb.NewConnector(filepath.Join(filepath.Dir(file), "rows.duckdb")+"?threads=1&memory_limit=256MB", nil)
	if err != nil {
		return 0, fmt.Errorf("open the engine: %w", err)
	}
	defer func() { _ = connector.Close() }()
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	if err := x.pass(ctx, connector, db); err != nil {
		return 0, err
	}
	return copyOut(ctx, db, "select * from rows", file, "zstd", x.about)
}

func copyOut(ctx context.Context, db *sql.DB, query, file, compression string, about map[string]string) (int64, error) {
	var meta []string
	for k, v := range about {
		meta = append(meta, quoteName(k)+": "+quoteText(v)) // "table" is a word of SQL.
	}
	options := "format parquet, compression " + compression
	if len(meta) > 0 {
		options += ", kv_metadata {" + strings.Join(meta, ", ") + "}"
	}
	var n int64
	err := db.QueryRowContext(ctx, fmt.Sprintf("copy (%s) to %s (%s)", query, quoteText(file), options)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("write the Parquet file: %w", err)
	}
	return n, nil
}

// pass copies rows of another engine into a table of the same types.
func (x *export) pass(ctx context.Context, connector *duckdb.Connector, db *sql.DB) error {
	var texts []string
	err := x.read(ctx, func(rows *sql.Rows) (err error) {
		texts, err = passRows(ctx, rows, connector, db)
		return err
	})
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "create view rows as select "+strings.Join(texts, ", ")+" from passed")
	return err
}

// passRows puts rows into the table passed, as texts, and says how each column is cast from them: a decimal of any width comes through
// exactly.
func passRows(ctx context.Context, rows *sql.Rows, connector *duckdb.Connector, db *sql.DB) (texts []string, err error) {
	columns, err := columnsOf(rows)
	if err != nil {
		return nil, err
	}
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = quoteName(c.Name) + " varchar"
		texts = append(texts, "cast("+quoteName(c.Name)+" as "+duckType(c.Type)+") as "+quoteName(c.Name))
	}
	if _, err := db.ExecContext(ctx, "create table passed ("+strings.Join(parts, ", ")+")"); err != nil {
		return nil, fmt.Errorf("make room for the export: %w", err)
	}
	conn, err := connector.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the engine: %w", err)
	}
	defer func() { _ = conn.Close() }()
	appender, err := duckdb.NewAppenderFromConn(conn, "", "passed")
	if err != nil {
		return nil, fmt.Errorf("write the export: %w", err)
	}
	values, targets, line := make([]any, len(columns)), make([]any, len(columns)), make([]driver.Value, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, errors.Join(err, appender.Close())
		}
		for i, v := range values {
			if line[i] = nil; v != nil {
				line[i] = plainText(v, columns[i].Type)
			}
		}
		if err := appender.AppendRow(line...); err != nil {
			return nil, errors.Join(fmt.Errorf("write the export: %w", err), appender.Close())
		}
	}
	return texts, errors.Join(rows.Err(), appender.Close())
}

func duckType(kind string) string {
	switch {
	case strings.HasPrefix(kind, "decimal("), kind == "bigint", kind == "integer", kind == "smallint", kind == "double", kind == "float",
		kind == "boolean", kind == "date", kind == "timestamp":
		return kind
	case kind == "decimal":
		return "decimal(38,4)"
	}
	return "varchar"
}

// exportSQL streams a result that is already in memory or cheap to compute again: a card's table or failing rows.
func (c *call) exportSQL(db *sql.DB, query, name, format string, rows int64, about map[string]string) error {
	return c.export(&export{db: db, engine: c.store.wh.Engine(), sql: query, rows: rows, name: cmp.Or(name, "rows"), about: about}, format)
}
