package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"lifeline/change"
	"lifeline/semantic"
	"lifeline/warehouse"
)

type queryCommand struct {
	SQL    string        `arg:"" help:"One select over core and analytics (with --books, over ops and quarantine)."`
	Format string        `enum:"table,csv,json" default:"table" help:"table, csv or json (an array of objects, decimals as strings)."`
	Limit  int           `default:"1000" help:"Most rows to print as a table; 0 for all. CSV and JSON always print all."`
	Books  bool          `help:"Read ops and quarantine instead of the published version."`
	At     string        `placeholder:"WHEN" help:"Read staging.TABLE as it was then (UTC, or with an offset)."`
	Wait   time.Duration `default:"30s" placeholder:"30s" help:"With --at, how long to wait for a run that writes staging (DuckDB)."`
}

func (queryCommand) Help() string {
	return `Reads the published version; never waits for a run, and a run never waits for it.

Examples:
  lifeline query "select status, count(*) from core.claims group by 1 order by 2 desc"
  lifeline query --json "select * from analytics.dim_programs order by id"
  lifeline query --books "select * from ops.books where not balances"
  lifeline query --at '2026-11-28 10:15:00' "select * from staging.claim where id = 7"`
}

func (c *queryCommand) Run(ctx context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		return err
	}
	defer wh.Close()
	if g.JSON {
		c.Format = "json"
	}
	if c.At != "" {
		return c.past(ctx, g, p, wh)
	}
	open := wh.Published
	if c.Books {
		open = wh.OpenOps
	}
	r, err := open(ctx)
	if err != nil {
		return nothingPublished(err)
	}
	defer r.Close()
	return c.print(ctx, g.terminal, r.DB, c.SQL)
}

func (c *queryCommand) print(ctx context.Context, t terminal, db warehouse.Asker, statement string) error {
	rows, err := warehouse.Lossless(ctx, db, statement)
	if err != nil {
		return &change.Problem{
			Err: fmt.Errorf("query: %w", err), Class: change.ClassError,
			Try: `lifeline query "select table_schema, table_name from information_schema.tables"`,
		}
	}
	defer rows.Close()
	switch c.Format {
	case "json":
		return printObjects(t.out, rows)
	case "csv":
		return printCSV(t.out, rows)
	default:
		return printGrid(t, rows, c.Limit)
	}
}

// scanner returns the columns and a function that reads the current row.
func scanner(rows *warehouse.Rows) ([]column, func() ([]any, error), error) {
	columns, err := columnsOf(rows)
	if err != nil {
		return nil, nil, err
	}
	values, targets := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	return columns, func() ([]any, error) {
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		return values, nil
	}, nil
}

func printObjects(w io.Writer, rows *warehouse.Rows) error {
	columns, next, err := scanner(rows)
	if err != nil {
		return err
	}
	separator := "[\n  "
	for rows.Next() {
		values, err := next()
		if err != nil {
			return err
		}
		line, err := object(columns, values)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s%s", separator, line); err != nil {
			return err
		}
		separator = ",\n  "
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("query: %w", err)
	}
	if separator == "[\n  " {
		_, err = fmt.Fprintln(w, "[]")
		return err
	}
	_, err = fmt.Fprintln(w, "\n]")
	return err
}

// object writes one row as a JSON object that keeps the order of the columns.
func object(columns []column, values []any) ([]byte, error) {
	line := []byte{'{'}
	for i, c := range columns {
		if i > 0 {
			line = append(line, ", "...)
		}
		name, err := json.Marshal(c.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(warehouse.ValueJSON(values[i], c.kind, warehouse.TimeSQL))
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.name, err)
		}
		line = append(append(append(line, name...), ": "...), value...)
	}
	return append(line, '}'), nil
}

func printCSV(w io.Writer, rows *warehouse.Rows) error {
	columns, next, err := scanner(rows)
	if err != nil {
		return err
	}
	out := csv.NewWriter(w)
	record := make([]string, len(columns))
	for i, c := range columns {
		record[i] = semantic.GuardFormula(c.name)
	}
	if err := out.Write(record); err != nil {
		return err
	}
	for rows.Next() {
		values, err := next()
		if err != nil {
			return err
		}
		for i, v := range values {
			record[i] = semantic.CSVText(v, columns[i].kind)
		}
		if err := out.Write(record); err != nil {
			return err
		}
	}
	out.Flush()
	if err := rows.Err(); err != nil {
		return fmt.Errorf("query: %w", err)
	}
	return out.Error()
}

func printGrid(t terminal, rows *warehouse.Rows, limit int) error {
	columns, next, err := scanner(rows)
	if err != nil {
		return err
	}
	var lines [][]string
	var numeric []string
	more := 0
	for rows.Next() {
		values, err := next()
		if err != nil {
			return err
		}
		if limit > 0 && len(lines) == limit {
			more++
			continue
		}
		line := make([]string, len(columns))
		for i, v := range values {
			line[i] = cell(v, columns[i].kind, "null")
			if len(lines) == 0 && isNumber(v) {
				numeric = append(numeric, columns[i].name)
			}
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("query: %w", err)
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	grid(t.out, names, lines, numeric...)
	if more > 0 {
		fmt.Fprintf(t.err, "%s more rows; --limit 0 prints them all\n", count(int64(more)))
	}
	return nil
}
