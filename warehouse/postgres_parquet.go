package warehouse

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/duckdb/duckdb-go/v2"
)

// parquetPass carries rows of PostgreSQL into a Parquet file. They wait in a database beside, for memory may not hold them.
type parquetPass struct {
	connector *duckdb.Connector
	db        *sql.DB
	casts     []string // How each column is made of its text: a decimal of any width comes through exactly.
	rows      int64
	bytes     int64 // Of their texts.
}

func (r *Reader) passParquet(ctx context.Context, query, file string, about map[string]string) (int64, error) {
	beside := filepath.Join(filepath.Dir(file), "rows.duckdb")
	connector, err := duckdb.NewConnector(beside+"?threads=1&memory_limit=256MB", nil)
	if err != nil {
		return 0, fmt.Errorf("open the engine: %w", err)
	}
	defer func() { _ = connector.Close() }()
	p := &parquetPass{connector: connector, db: sql.OpenDB(connector)}
	defer func() { _ = p.db.Close() }()
	if err := r.streamSession(ctx, query, func(rows *Rows) error { return p.take(ctx, rows) }); err != nil {
		return 0, err
	}
	if _, err := p.db.ExecContext(ctx, fmt.Sprintf("set memory_limit = '%dMB'", p.memory()>>20)); err != nil {
		return 0, fmt.Errorf("make room for the export: %w", err)
	}
	return copyOut(ctx, p.db, "select "+strings.Join(p.casts, ", ")+" from passed", file, "zstd", about)
}

// memory is what the file's writing may take: the engine holds the texts of 2,048 rows at least, several times over.
func (p *parquetPass) memory() int64 {
	const least, most = 256 << 20, 2 << 30
	held := p.bytes
	if p.rows > 2048 {
		held = p.bytes / p.rows * 2048
	}
	return min(least+6*held, most)
}

// take puts rows into the table passed, as texts.
func (p *parquetPass) take(ctx context.Context, rows *Rows) error {
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	columns := make([]string, len(types))
	for i, t := range types {
		columns[i] = fmt.Sprintf("c%d varchar", i)
		p.casts = append(p.casts, fmt.Sprintf("cast(c%d as %s) as %s", i, parquetType(t), Quote(t.Name())))
	}
	if _, err := p.db.ExecContext(ctx, "create table passed ("+strings.Join(columns, ", ")+")"); err != nil {
		return fmt.Errorf("make room for the export: %w", err)
	}
	conn, err := p.connector.Connect(ctx)
	if err != nil {
		return fmt.Errorf("open the engine: %w", err)
	}
	defer func() { _ = conn.Close() }()
	appender, err := duckdb.NewAppenderFromConn(conn, "", "passed")
	if err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	return errors.Join(p.append(rows, types, appender), appender.Close())
}

func (p *parquetPass) append(rows *Rows, types []*sql.ColumnType, to *duckdb.Appender) error {
	values, targets, line := make([]any, len(types)), make([]any, len(types)), make([]driver.Value, len(types))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		for i, v := range values {
			if line[i] = nil; v != nil {
				text := ValueText(v, strings.ToLower(types[i].DatabaseTypeName()), TimeSQL)
				line[i] = text
				p.bytes += int64(len(text))
			}
		}
		p.rows++
		if err := to.AppendRow(line...); err != nil {
			return fmt.Errorf("write the export: %w", err)
		}
	}
	return rows.Err()
}

// parquetType is DuckDB's type of a column of PostgreSQL; text where it has none.
func parquetType(t *sql.ColumnType) string {
	switch kind := strings.ToLower(t.DatabaseTypeName()); kind {
	case "int2", "int4", "int8", "float4", "float8", "bool", "date":
		return kind
	case "timestamp", "timestamptz":
		return "timestamp"
	case "numeric":
		precision, scale, ok := t.DecimalSize()
		if !ok || precision <= 0 || precision > 65535 {
			return "decimal(38, 4)"
		}
		if precision <= 38 && scale <= precision {
			return fmt.Sprintf("decimal(%d, %d)", precision, scale)
		}
	}
	return "varchar"
}
