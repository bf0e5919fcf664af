package oracle

import (
	"encoding/csv"
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
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), "\ufeff")))
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	s := &sheet{column: map[string]int{}, rows: rows[1:]}
	for i, name := range rows[0] {
		s.column[strings.ToLower(name)] = i
	}
	return s, nil
}

// keyed are the rows that have a key of their own, in the order of keys: a row without a key is set aside, of equal rows one
// stays, and rows that share a key and differ are all set aside.
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
