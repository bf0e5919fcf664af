package warehouse

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// partRows is how many rows of DuckDB are in memory at once: its driver holds the whole of an answer.
const partRows = 250_000

// Stream gives the rows of a query, about that many, to a function, which may be called several times. However many
// there are, few are in memory at once.
func (r *Reader) Stream(ctx context.Context, query string, rows int64, do func(*Rows) error) error {
	switch {
	case !r.duck:
		return r.streamSession(ctx, query, do)
	case rows > partRows:
		return r.streamParts(ctx, query, do)
	}
	return readRows(ctx, r.DB, query, do)
}

// streamSession reads in a session that says what it is, so that a publication need not wait for it.
func (r *Reader) streamSession(ctx context.Context, query string, do func(*Rows) error) error {
	conn, err := r.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, "set application_name = "+Literal(ExportSession)); err != nil {
		return err
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "reset application_name") }()
	return readRows(ctx, conn, query, do)
}

func readRows(ctx context.Context, from Querier, query string, do func(*Rows) error) error {
	rows, err := Lossless(ctx, from, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if err := do(rows); err != nil {
		return err
	}
	return rows.Err()
}

// streamParts writes the rows, in their order, into a small file beside and reads them part by part.
func (r *Reader) streamParts(ctx context.Context, query string, do func(*Rows) error) error {
	dir, err := ExportFolder()
	if err != nil {
		return fmt.Errorf("make room for the export: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	names, columns, err := r.fileColumns(ctx, query)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "rows.parquet")
	n, err := copyOut(ctx, r.DB, "select "+columns+" from ("+query+"\n) as r", file, "snappy", nil)
	if err != nil {
		return err
	}
	for from := int64(0); from < n; from += partRows {
		err := readRows(ctx, r.DB, fmt.Sprintf(`
select %s
from read_parquet(%s, file_row_number = true)
where file_row_number >= %d
  and file_row_number < %d
order by file_row_number`, names, Literal(file), from, from+partRows), do)
		if err != nil {
			return fmt.Errorf("read the rows of the file beside: %w", err)
		}
	}
	return nil
}

// fileColumns are the names of a query's columns, and the columns as a Parquet file holds them exactly: it knows no whole numbers of
// 128 bits.
func (r *Reader) fileColumns(ctx context.Context, query string) (names, columns string, err error) {
	rows, err := r.DB.QueryContext(ctx, "select * from ("+query+"\n) as r limit 0")
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
		name := Quote(t.Name())
		plain = append(plain, name)
		if strings.Contains(t.DatabaseTypeName(), "HUGEINT") {
			name = "cast(" + name + " as decimal(38, 0)) as " + name
		}
		cast = append(cast, name)
	}
	return strings.Join(plain, ", "), strings.Join(cast, ", "), rows.Err()
}

// WriteParquet writes the rows of a query into a file, with what is said about them in its metadata, and returns how many there are.
// DuckDB writes it: straight from its own rows, or from those of PostgreSQL, which pass through it.
func (r *Reader) WriteParquet(ctx context.Context, query, file string, about map[string]string) (int64, error) {
	if r.duck {
		return copyOut(ctx, r.DB, query, file, "zstd", about)
	}
	return r.passParquet(ctx, query, file, about)
}

func copyOut(ctx context.Context, db *sql.DB, query, file, compression string, about map[string]string) (int64, error) {
	var meta []string
	for k, v := range about {
		meta = append(meta, Quote(k)+": "+Literal(v)) // "table" is a word of SQL.
	}
	options := "format parquet, compression " + compression
	if len(meta) > 0 {
		options += ", kv_metadata {" + strings.Join(meta, ", ") + "}"
	}
	var n int64
	err := db.QueryRowContext(ctx, fmt.Sprintf("copy (%s) to %s (%s)", query, Literal(file), options)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("write the Parquet file: %w", err)
	}
	return n, nil
}
