package semantic

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"lifeline/warehouse"
)

// parquetWriter writes rows of another engine into a Parquet file.
type parquetWriter struct {
	connector *duckdb.Connector
	db        *sql.DB
	casts     []string
}

// pass puts rows into the table passed, as texts.
func (w *parquetWriter) pass(ctx context.Context, rows *warehouse.Rows, o *outcome, q *question) (err error) {
	if o.Columns, err = sandboxColumns(rows); err != nil {
		return err
	}
	parts := make([]string, len(o.Columns))
	for i, c := range o.Columns {
		name := quoteName(fmt.Sprintf("c%d", i))
		parts[i] = name + " varchar"
		w.casts = append(w.casts, "cast("+name+" as "+parquetType(c)+") as "+quoteName(c.Name))
	}
	if _, err := w.db.ExecContext(ctx, "create table passed ("+strings.Join(parts, ", ")+")"); err != nil {
		return err
	}
	conn, err := w.connector.Connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	appender, err := duckdb.NewAppenderFromConn(conn, "", "passed")
	if err != nil {
		return err
	}
	return errors.Join(w.append(rows, appender, o, q), appender.Close())
}

func (w *parquetWriter) append(rows *warehouse.Rows, to *duckdb.Appender, o *outcome, q *question) error {
	values, targets, line := make([]any, len(o.Columns)), make([]any, len(o.Columns)), make([]driver.Value, len(o.Columns))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if o.Rows++; o.Rows > int64(q.Rows) {
			return tooManyRows(q.Rows)
		}
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		for i, v := range values {
			if line[i] = nil; v == nil {
				continue
			}
			text := warehouse.ValueText(v, o.Columns[i].Kind, warehouse.TimeSQL)
			if o.Bytes += int64(len(text)); o.Bytes > q.Bytes {
				return tooMuch("Too large an answer", fmt.Sprintf("the answer is larger than %d MB", q.Bytes>>20), "fewer rows, or fewer columns")
			}
			line[i] = text
		}
		if err := to.AppendRow(line...); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (w *parquetWriter) copyTo(ctx context.Context, q *question, o *outcome) error {
	_, err := w.db.ExecContext(ctx, "copy (select "+strings.Join(w.casts, ", ")+" from passed) to "+QuoteText(q.File)+
		" (format parquet, compression zstd)")
	if err != nil {
		return err
	}
	info, err := os.Stat(q.File)
	if err != nil {
		return err
	}
	o.Bytes = info.Size()
	return nil
}

// parquetType is DuckDB's type of a column of PostgreSQL; text where it has none.
func parquetType(c SandboxColumn) string {
	switch strings.ToLower(c.Kind) {
	case "int2":
		return "smallint"
	case "int4":
		return "integer"
	case "int8":
		return "bigint"
	case "float8":
		return "double"
	case "float4":
		return "float"
	case "bool":
		return "boolean"
	case "date":
		return "date"
	case "timestamp", "timestamptz":
		return "timestamp"
	case "numeric":
		if c.Precision > 0 && c.Precision <= 38 && c.Scale <= c.Precision {
			return fmt.Sprintf("decimal(%d,%d)", c.Precision, c.Scale)
		}
		if c.Precision == 0 {
			return "decimal(38,4)"
		}
	}
	return "varchar"
}
