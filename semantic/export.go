package semantic

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"lifeline/warehouse"
)

// Formats of exports, and their media types.
var ExportTypes = map[string]string{
	"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson",
	"parquet": "application/vnd.apache.parquet",
}

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
		reader: l.snap.reader, sql: query, Rows: total,
		Name: fmt.Sprintf("%s-%s-%d-rows", l.table.Name, l.snap.ID, total),
		about: map[string]string{
			"filters": l.text(), "query": encodePairs(l.exact()), "snapshot": l.snap.ID, "table": l.table.Name,
			"as_of": l.snap.AsOf.Format(time.RFC3339), "rows": strconv.FormatInt(total, 10),
		},
	}, nil
}

// Export is one file of rows.
type Export struct {
	reader *warehouse.Reader
	sql    string
	Rows   int64 // -1 where it is not known before.
	Name   string
	about  map[string]string // Into a Parquet file's metadata.
}

// stream writes rows as they come, as CSV or as one JSON object a line.
func (x *Export) stream(ctx context.Context, w io.Writer, format string) (int64, error) {
	out := &lineWriter{out: bufio.NewWriterSize(w, 64<<10), format: format}
	if err := x.reader.Stream(ctx, x.sql, x.Rows, out.add); err != nil {
		return out.rows, err
	}
	return out.rows, out.out.Flush()
}

// lineWriter writes rows as lines; the first rows bring the header.
type lineWriter struct {
	out     *bufio.Writer
	format  string
	columns []Column
	line    []byte
	rows    int64
}

func (l *lineWriter) add(rows *warehouse.Rows) error {
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
	dir, err := warehouse.ExportFolder()
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
	rows, err := x.reader.WriteParquet(ctx, x.sql, name, x.about)
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

// NewExport is a result that is cheap to compute again as a file: a card's table, failing rows, rows in quarantine.
func NewExport(r *warehouse.Reader, query, name string, rows int64, about map[string]string) *Export {
	return &Export{reader: r, sql: query, Rows: rows, Name: cmp.Or(name, "rows"), about: about}
}
