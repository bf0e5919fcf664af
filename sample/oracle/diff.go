package oracle

import (
	"fmt"
	"maps"
	"slices"
)

// mostDifferences is how many differences are named.
const mostDifferences = 10

// Diff compares a table with the rows of got, whose first row names the columns. Rows are matched by the key (the first column of
// want) and columns by name, so that order does not matter. It names the first ten differences and is empty where there is none.
func Diff(want *Table, got [][]string) []string {
	if len(got) == 0 {
		return []string{"there is no header"}
	}
	d := &differences{}
	at := make([]int, len(want.Columns))
	for i, name := range want.Columns {
		if at[i] = slices.Index(got[0], name); at[i] < 0 {
			d.add("column %s is missing", name)
		}
	}
	for _, name := range got[0] {
		if !slices.Contains(want.Columns, name) {
			d.add("column %s is not expected", name)
		}
	}
	if len(d.lines) > 0 {
		return d.lines
	}
	if len(want.Rows) != len(got)-1 {
		d.add("%d rows instead of %d", len(got)-1, len(want.Rows))
	}
	rows := make(map[string][]string, len(got))
	for _, row := range got[1:] {
		if key := row[at[0]]; rows[key] != nil {
			d.add("%s %s occurs twice", want.Columns[0], key)
		} else {
			rows[key] = row
		}
	}
	for _, row := range want.Rows {
		other, ok := rows[row[0]]
		delete(rows, row[0])
		if !ok {
			d.add("%s %s is missing: %v", want.Columns[0], row[0], row)
			continue
		}
		for i, value := range row {
			if other[at[i]] != value {
				d.add("%s %s: %s is %q instead of %q", want.Columns[0], row[0], want.Columns[i], other[at[i]], value)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		d.add("%s %s is not expected: %v", want.Columns[0], key, rows[key])
	}
	return d.close()
}

type differences struct {
	lines []string
	more  int
}

func (d *differences) add(format string, values ...any) {
	if len(d.lines) == mostDifferences {
		d.more++
		return
	}
	d.lines = append(d.lines, fmt.Sprintf(format, values...))
}

func (d *differences) close() []string {
	if d.more > 0 {
		return append(d.lines, fmt.Sprintf("and %d more", d.more))
	}
	return d.lines
}
