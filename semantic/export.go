package semantic

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
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"lifeline/warehouse"
)

// Formats of exports, and their media types.
var ExportTypes = map[string]string{"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson", "parquet": "application/vnd.apache.parquet"}

// Export of a list: all its matches.
func (l *RowsQuery) Export(ctx context.Context) (*Export, error) {
	_, total, err := l.totals(ctx)
	if err != nil {
		return nil, fmt.Errorf("count the export: %w", err)
	}
	query, err := l.selectSQL(false)
	if err != nil {
		return nil, err
	}
	return &Export{
		db: l.snap.db, engine: l.snap.engine, sql: query, Rows: total,
		Name: fmt.Sprintf("%s-%s-%d-rows", l.table.Name, l.snap.ID, total),
		about: map[string]string{
			"filters": l.text(), "query": encodePairs(l.exact()), "snapshot": l.snap.ID, "table": l.table.Name,
			"as_of": l.snap.AsOf.Format(time.RFC3339), "rows": strconv.FormatInt(total, 10),
		},
	}, nil
}

// Export is one file of rows.
type Export struct {
	db     *sql.DB
	engine string
	sql    string
	Rows   int64 // -1 where it is not known before.
	Name   string
	about  map[string]string // Into a Parquet file's metadata.
}

// read gives the rows to a function. On PostgreSQL the session says what it is, so that a publication need not wait for it.
func (x *Export) read(ctx context.Context, do func(rows *sql.Rows) error) error {
	conn, err := x.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if x.engine == "postgres" {
		if _, err := conn.ExecContext(ctx, "set application_name = "+QuoteText(warehouse.ExportSession)); err != nil {
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
func (x *Export) stream(ctx context.Context, w io.Writer, format string) (int64, error) {
	out := &lineWriter{out: bufio.NewWriterSize(w, 64<<10), format: format}
	var err error
	if x.engine == "duckdb" && x.Rows > partRows {
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
func (x *Export) inParts(ctx context.Context, out *lineWriter) error {
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
order by file_row_number`, names, QuoteText(file), from, from+partRows), out.add)
		if err != nil {
			return fmt.Errorf("read the rows put aside: %w", err)
		}
	}
	return nil
}

// selected are the names of the columns, and the columns as a Parquet file holds them exactly: it knows no whole numbers of 128 bits.
func (x *Export) selected(ctx context.Context) (names, columns string, err error) {
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
		line = AppendCSV(line, GuardFormula(c.Name))
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
		text := CSVText(v, columns[i].Type)
		if text == "" {
			line = append(line, '"', '"') // An empty text is another thing than no value.
			continue
		}
		line = AppendCSV(line, text)
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

// FileType is the media type of a format.
func FileType(format string) (string, error) {
	if kind, is := ExportTypes[format]; is {
		return kind, nil
	}
	return "", &FilterError{"format", format, "is json, csv, parquet or ndjson"}
}

// File is an export that is ready to be sent. Close it.
type File struct {
	Size int64 // In bytes; -1 where it is not known before.
	Rows int64 // -1 where they are not known before.

	send  func(w io.Writer) (int64, error)
	close func()
}

// Send writes the file and returns its rows. An error means that what was written is not whole.
func (f *File) Send(w io.Writer) (int64, error) {
	rows, err := f.send(w)
	if err == nil && f.Rows >= 0 && rows != f.Rows {
		err = fmt.Errorf("wrote %d rows of %d", rows, f.Rows)
	}
	return rows, err
}

// Close removes what the file stood in.
func (f *File) Close() { f.close() }

// Prepare makes an export ready: lines are made while they are sent, a Parquet file is written beside first, so that its length is known
// and a cut is seen.
func (x *Export) Prepare(ctx context.Context, format string) (*File, error) {
	if _, err := FileType(format); err != nil {
		return nil, err
	}
	f := &File{Size: -1, Rows: x.Rows, close: func() {}}
	if format != "parquet" {
		f.send = func(w io.Writer) (int64, error) { return x.stream(ctx, w, format) }
		return f, nil
	}
	dir, err := os.MkdirTemp("", "lifeline-export-")
	if err != nil {
		return nil, fmt.Errorf("make room for the export: %w", err)
	}
	f.close = func() { _ = os.RemoveAll(dir) }
	if err := f.parquet(ctx, x, filepath.Join(dir, "rows.parquet")); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (f *File) parquet(ctx context.Context, x *Export, name string) error {
	rows, err := x.writeParquet(ctx, name)
	if err != nil {
		return err
	}
	if x.Rows >= 0 && rows != x.Rows { // Nothing is sent yet that could be taken for the whole.
		return fmt.Errorf("wrote %d rows of %d", rows, x.Rows)
	}
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("read the export: %w", err)
	}
	f.Size, f.Rows = info.Size(), rows
	f.send = func(w io.Writer) (int64, error) {
		in, err := os.Open(name)
		if err != nil {
			return 0, fmt.Errorf("read the export: %w", err)
		}
		defer func() { _ = in.Close() }()
		_, err = io.Copy(w, in)
		return rows, err
	}
	return nil
}

// writeParquet lets DuckDB write the file: straight from its own rows, or from those of PostgreSQL, which pass through it.
func (x *Export) writeParquet(ctx context.Context, file string) (int64, error) {
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
		meta = append(meta, quoteName(k)+": "+QuoteText(v)) // "table" is a word of SQL.
	}
	options := "format parquet, compression " + compression
	if len(meta) > 0 {
		options += ", kv_metadata {" + strings.Join(meta, ", ") + "}"
	}
	var n int64
	err := db.QueryRowContext(ctx, fmt.Sprintf("copy (%s) to %s (%s)", query, QuoteText(file), options)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("write the Parquet file: %w", err)
	}
	return n, nil
}

// pass copies rows of another engine into a table of the same types.
func (x *Export) pass(ctx context.Context, connector *duckdb.Connector, db *sql.DB) error {
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

// NewExport is a result that is cheap to compute again as a file: a card's table, failing rows, rows in quarantine.
func NewExport(db *sql.DB, engine, query, name string, rows int64, about map[string]string) *Export {
	return &Export{db: db, engine: engine, sql: query, Rows: rows, Name: cmp.Or(name, "rows"), about: about}
}
