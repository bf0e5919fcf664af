package oracle

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sheet is a CSV file: its rows and where each column stands, by its name in small letters.
type sheet struct {
	column map[string]int
	rows   [][]string
}

func (s *sheet) get(row []string, name string) string { return row[s.column[name]] }

func readSheet(dir, file string) (*sheet, error) {
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	if strings.Contains(string(text), `"`) {
		return nil, fmt.Errorf("read %s: there are quotes, which the source's files never have", file)
	}
	// A line ends at its line feed only, as LOAD DATA takes it: a carriage return before it belongs to the last field.
	lines := strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n")
	s := &sheet{column: map[string]int{}}
	for i, name := range strings.Split(lines[0], ",") {
		s.column[strings.ToLower(name)] = i
	}
	for i, line := range lines[1:] {
		row := strings.Split(line, ",")
		if len(row) != len(s.column) {
			return nil, fmt.Errorf("%s:%d: %d fields instead of %d", file, i+2, len(row), len(s.column))
		}
		s.rows = append(s.rows, row)
	}
	return s, nil
}

// keyed are the rows that have a key of their own, in the order of keys: a row without a key is quarantined, of equal rows one
// stays, and rows that share a key and differ are all quarantined.
func (s *sheet) keyed() []keyedRow {
	groups := map[int64][][]string{}
	for _, row := range s.rows {
		if id := parseNumber(s.get(row, "id")); id.known {
			groups[id.n] = append(groups[id.n], row)
		}
	}
	var out []keyedRow
	for id, rows := range groups {
		alike := true
		for _, row := range rows[1:] {
			alike = alike && slices.Equal(row, rows[0])
		}
		if alike {
			out = append(out, keyedRow{id: id, row: rows[0]})
		}
	}
	slices.SortFunc(out, func(a, b keyedRow) int {
		if a.id < b.id {
			return -1
		}
		return 1
	})
	return out
}

type keyedRow struct {
	id  int64
	row []string
}
