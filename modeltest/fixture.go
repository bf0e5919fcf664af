package modeltest

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lifeline/project"
	"lifeline/warehouse"
)

// load makes a table of a fixture's rows in the columns and types of another relation; a column that the fixture does not name is null.
// It returns the columns that the fixture names, in the relation's order.
func (u *runner) load(ctx context.Context, relation string, columns []warehouse.SeedColumn, f project.Fixture) ([]string, error) {
	if f.Format == "sql" {
		return u.loadSQL(ctx, relation, columns, f)
	}
	rows := f.Rows
	if f.Format == "csv" {
		text, err := u.fixtureText(f, ".csv")
		if err != nil {
			return nil, err
		}
		if rows, err = csvRows(text); err != nil {
			return nil, err
		}
	}
	named := map[string]bool{}
	cells := make([][]*string, len(rows))
	for i, row := range rows {
		cells[i] = make([]*string, len(columns))
		for name, v := range row {
			at := slices.IndexFunc(columns, func(c warehouse.SeedColumn) bool { return strings.EqualFold(c.Name, name) })
			if at < 0 {
				return nil, fmt.Errorf("there is no column %s; it has %s", name, strings.Join(namesOf(columns), ", "))
			}
			named[columns[at].Name] = true
			if v != nil {
				text := fmt.Sprint(v)
				cells[i][at] = &text
			}
		}
	}
	if err := warehouse.FillTable(ctx, u.db, relation, columns, cells); err != nil {
		return nil, err
	}
	return inOrder(columns, named), nil
}

// loadSQL takes the rows of a select, in the types of the relation that they stand for.
func (u *runner) loadSQL(ctx context.Context, relation string, columns []warehouse.SeedColumn, f project.Fixture) ([]string, error) {
	text, err := u.fixtureText(f, ".sql")
	if err != nil {
		return nil, err
	}
	if err := warehouse.FillTable(ctx, u.db, relation, columns, nil); err != nil {
		return nil, err
	}
	if _, err := u.db.ExecContext(ctx, "insert into "+relation+" by name\n"+text); err != nil {
		return nil, err
	}
	found, err := u.columns(ctx, "(select * from (\n"+text+"\n) as f)")
	if err != nil {
		return nil, err
	}
	named := map[string]bool{}
	for _, c := range found {
		named[c.Name] = true
	}
	return inOrder(columns, named), nil
}

func inOrder(columns []warehouse.SeedColumn, named map[string]bool) []string {
	var out []string
	for _, c := range columns {
		if named[c.Name] {
			out = append(out, c.Name)
		}
	}
	return out
}

// fixtureText is a fixture's text, its own or that of a file in tests/fixtures.
func (u *runner) fixtureText(f project.Fixture, ext string) (string, error) {
	if f.Fixture == "" {
		return f.Text, nil
	}
	name := strings.TrimSuffix(f.Fixture, ext) + ext
	text, err := os.ReadFile(filepath.Join(u.project.Dir, "tests", "fixtures", filepath.Base(name)))
	if err != nil {
		return "", fmt.Errorf("read the fixture: %w", err)
	}
	return string(text), nil
}

// csvRows reads rows with a header; an empty cell is null, as in dbt.
func csvRows(text string) ([]map[string]any, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimSpace(text)))
	r.TrimLeadingSpace = true
	records, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read the rows as CSV: %w", err)
	}
	var out []map[string]any
	for i, record := range records {
		if i == 0 {
			continue
		}
		row := map[string]any{}
		for j, cell := range record {
			row[strings.TrimSpace(records[0][j])] = nil
			if cell != "" {
				row[strings.TrimSpace(records[0][j])] = cell
			}
		}
		out = append(out, row)
	}
	return out, nil
}
