package warehouse

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"lifeline/change"
)

// OpenScratch opens an empty engine in memory whose sessions divide and order as those of a build do, for unit tests of models. It has
// one connection, which sees all of it. engineSQL is Options.EngineSQL.
func OpenScratch(ctx context.Context, engineSQL bool) (*sql.DB, error) {
	settings := "?" + sharedSQL
	if engineSQL {
		settings = ""
	}
	connector, err := duckdb.NewConnector(settings, nil)
	if err != nil {
		return nil, duckProblem("open an engine in memory", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return db, db.PingContext(ctx)
}

// StagingColumns are a table's columns as DuckDB's staging has them, with `_raw` and `_run`.
func StagingColumns(columns []change.Column) []SeedColumn {
	out := make([]SeedColumn, 0, len(columns)+2)
	for _, c := range columns {
		out = append(out, SeedColumn{Name: c.Name, Type: duckType(c.Type, false)})
	}
	return append(out, SeedColumn{Name: "_raw", Type: "VARCHAR"}, SeedColumn{Name: "_run", Type: "BIGINT"})
}

// FillTable creates a table from typed text rows; null is a nil.
func FillTable(ctx context.Context, db *sql.DB, target string, columns []SeedColumn, rows [][]*string) error {
	defined := make([]string, len(columns))
	for i, c := range columns {
		defined[i] = Quote(c.Name) + " " + c.Type
	}
	if _, err := db.ExecContext(ctx, "create table "+target+" ("+strings.Join(defined, ", ")+")"); err != nil {
		return err
	}
	// Such tables are small; a few hundred rows a statement keep its text short.
	const perStatement = 500
	for from := 0; from < len(rows); from += perStatement {
		tuples := make([]string, 0, perStatement)
		for _, row := range rows[from:min(from+perStatement, len(rows))] {
			cells := make([]string, len(row))
			for i, cell := range row {
				cells[i] = "null"
				if cell != nil {
					cells[i] = fmt.Sprintf("cast(%s as %s)", Literal(*cell), columns[i].Type)
				}
			}
			tuples = append(tuples, "("+strings.Join(cells, ", ")+")")
		}
		if _, err := db.ExecContext(ctx, "insert into "+target+" values\n"+strings.Join(tuples, ",\n")); err != nil {
			return err
		}
	}
	return nil
}
