package discover

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"time"

	"lifeline/change"
)

// folder reads a folder of CSV files. What it knows of types and keys it has from the first rows of each file.
type folder struct {
	dir    string
	tables map[string]*sheet
}

// sheet is the head of one file.
type sheet struct {
	header []string
	rows   [][]string
	whole  bool // These were all.
}

// sheetRows is how many rows of a file are read.
const sheetRows = 20_000

func openFolder(dir string) (Reader, error) {
	if strings.Contains(dir, "://") || dir == "" { // It may hold a password, so it is not shown.
		return nil, &change.Problem{
			Err: errors.New("the address csv: names no folder"), Class: change.ClassUsage, Try: "csv:DIR with the folder that has the files",
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err != nil || len(files) == 0 {
		if _, stat := os.Stat(dir); stat != nil {
			err = stat
		} else {
			err = fmt.Errorf("%s holds no file that ends in .csv", dir)
		}
		return nil, &change.Problem{Err: err, Class: change.ClassUsage, Try: "csv:DIR with the folder that has the files"}
	}
	sort.Strings(files)
	f := &folder{dir: dir, tables: map[string]*sheet{}}
	for _, file := range files {
		s, err := readSheet(file)
		if err != nil {
			return nil, err
		}
		f.tables[filepath.Base(file)] = s
	}
	return f, nil
}

// Close does nothing.
func (f *folder) Close() error { return nil }

// Catalog takes names from the headers, types and keys from the rows.
func (f *folder) Catalog(context.Context) (*Catalog, error) {
	c := &Catalog{Name: filepath.Base(f.dir)}
	for _, file := range sortedKeys(f.tables) {
		s := f.tables[file]
		t := &Table{Name: strings.TrimSuffix(file, ".csv"), File: file, Rows: int64(len(s.rows)), Indexed: map[string]bool{}}
		for i, name := range s.header {
			typ, nullable := s.typeOf(i)
			t.Columns = append(t.Columns, &Column{Name: name, Type: typ, Base: strings.SplitN(typ, "(", 2)[0], Nullable: nullable})
		}
		t.Primary = s.key(t)
		for _, k := range t.Primary {
			t.Indexed[k] = true
		}
		c.Tables = append(c.Tables, t)
	}
	c.finish()
	return c, nil
}

// readSheet reads the header and the first rows of a file.
func readSheet(path string) (*sheet, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	defer file.Close()
	in := bufio.NewReader(file)
	if mark, err := in.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		if _, err := in.Discard(3); err != nil {
			return nil, fmt.Errorf("read %s: %w", filepath.Base(path), err)
		}
	}
	r := csv.NewReader(in)
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	s := &sheet{}
	for len(s.rows) < sheetRows {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			s.whole = true
			break
		}
		if err != nil {
			return nil, &change.Problem{
				Err: fmt.Errorf("read %s: %w", filepath.Base(path), err), Where: path, Class: change.ClassUsage,
				Try: "a file of comma-separated values with a header",
			}
		}
		if s.header == nil {
			s.header = record
			continue
		}
		s.rows = append(s.rows, record)
	}
	if s.header == nil {
		return nil, &change.Problem{
			Err: fmt.Errorf("%s is empty", filepath.Base(path)), Where: path, Class: change.ClassUsage,
			Try: "a file whose first line names the columns",
		}
	}
	return s, nil
}

// at is a cell, null where it is missing, blank or the word NULL.
func (s *sheet) at(row, column int) (string, bool) {
	if column >= len(s.rows[row]) {
		return "", false
	}
	v := s.rows[row][column]
	return v, v != "" && v != "NULL"
}

var (
	wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})$`)
	pointNumber = regexp.MustCompile(`^-?[0-9]{1,20}\.[0-9]{1,9}$`)
	dayText     = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	instantText = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?$`)
)

// typeOf finds the narrowest type that nearly all values have; a few that are none land as null with their text beside.
func (s *sheet) typeOf(column int) (string, bool) {
	counts := map[string]int{}
	filled, longest, decimals := 0, 1, 0
	for row := range s.rows {
		v, ok := s.at(row, column)
		if !ok {
			continue
		}
		filled++
		longest = max(longest, len([]rune(v)))
		switch {
		case wholeNumber.MatchString(v):
			counts["int"]++
		case pointNumber.MatchString(v):
			counts["decimal"]++
			decimals = max(decimals, len(v)-strings.IndexByte(v, '.')-1)
		case dayText.MatchString(v):
			counts["date"]++
		case instantText.MatchString(v):
			counts["datetime"]++
		}
	}
	nullable := filled < len(s.rows)
	switch {
	case filled == 0:
		return "varchar(255)", true
	case counts["int"] == filled:
		return "bigint", nullable
	case counts["int"]+counts["decimal"] == filled:
		return fmt.Sprintf("decimal(28,%d)", max(decimals, 4)), nullable
	case counts["date"]*100 >= filled*95:
		return "date", nullable
	case (counts["date"]+counts["datetime"])*100 >= filled*95 && counts["datetime"] > 0:
		return "datetime", nullable
	case longest > 255:
		return "text", nullable
	}
	return "varchar(255)", nullable
}

// key is the first column that could be one: filled and different in each row, and called like one.
func (s *sheet) key(t *Table) []string {
	if len(s.rows) == 0 {
		return nil
	}
	for i, c := range t.Columns {
		name := strings.ToLower(c.Name)
		if i > 2 || c.Nullable || !strings.HasSuffix(name, "id") && !strings.HasPrefix(name, "id") && !strings.HasSuffix(name, "no") &&
			!strings.HasSuffix(name, "number") && !strings.HasSuffix(name, "code") && !strings.HasSuffix(name, "key") {
			continue
		}
		seen := map[string]bool{}
		for row := range s.rows {
			v, _ := s.at(row, i)
			seen[v] = true
		}
		if len(seen) == len(s.rows) {
			return []string{c.Name}
		}
	}
	return nil
}

func (f *folder) find(t *Table, column string) (*sheet, int) {
	s := f.tables[t.File]
	for i, name := range s.header {
		if name == column {
			return s, i
		}
	}
	return s, -1
}

// Stats looks at the rows that were read.
func (f *folder) Stats(_ context.Context, t *Table, limit int) (*TableStats, error) {
	s := f.tables[t.File]
	n := min(limit, len(s.rows))
	out := &TableStats{Rows: n, Whole: s.whole && n == len(s.rows), Columns: map[string]*ColumnStats{}}
	now := time.Now().UTC().Format(time.DateTime)
	for i, c := range t.Columns {
		st := &ColumnStats{}
		seen := map[string]bool{}
		for row := range n {
			v, ok := s.at(row, i)
			if !ok {
				st.Nulls++
				continue
			}
			st.Filled++
			seen[v] = true
			st.Longest = max(st.Longest, len([]rune(v)))
			st.add(c, v, now)
		}
		st.Distinct = len(seen)
		out.Columns[c.Name] = st
	}
	return out, nil
}

// add counts one value.
func (st *ColumnStats) add(c *Column, v, now string) {
	switch k := c.kind(); {
	case v == "0" || v == "-" || strings.HasPrefix(v, "0000-"):
		st.Zero++
	case c.isTime() && v >= "2100":
		st.Far++
	case c.isTime() && v > now:
		st.Future++
	case k == text && len(v) >= 10 && v[4] == '-' && v[7] == '-':
		st.Days++
	case k == text && strings.Contains(v, "@") && strings.Contains(v, "."):
		st.Mails++
	}
	if c.kind() == datetime && len(v) > 11 && !strings.HasSuffix(v, "00:00:00") {
		st.Times++
	}
	if c.kind() == integer || c.isTime() {
		less := func(a, b string) bool {
			if c.isTime() {
				return a < b
			}
			return number(a) < number(b)
		}
		if st.Min == "" || less(v, st.Min) {
			st.Min = v
		}
		if c.kind() == integer && v != "0" && (st.Low == "" || less(v, st.Low)) {
			st.Low = v
		}
		if st.Max == "" || less(st.Max, v) {
			st.Max = v
		}
	}
}

// Words counts the values among the rows that were read.
func (f *folder) Words(_ context.Context, t *Table, column string, limit int) ([]Word, bool, error) {
	s, i := f.find(t, column)
	counts := map[string]int64{}
	var nulls int64
	for row := range s.rows {
		if v, ok := s.at(row, i); ok {
			counts[v]++
		} else {
			nulls++
		}
	}
	var out []Word
	if nulls > 0 {
		out = append(out, Word{Null: true, Rows: nulls})
	}
	for _, v := range sortedKeys(counts) {
		out = append(out, Word{Text: v, Rows: counts[v]})
	}
	sort.SliceStable(out, func(a, b int) bool { return out[a].Rows > out[b].Rows })
	return out[:min(limit, len(out))], s.whole, nil
}

// Orphans compares the values that were read.
func (f *folder) Orphans(_ context.Context, child *Table, column string, parent *Table, key string, limit int) (int, int, error) {
	s, i := f.find(child, column)
	p, j := f.find(parent, key)
	if i < 0 || j < 0 {
		return 0, 0, nil
	}
	known := map[string]bool{}
	for row := range p.rows {
		v, _ := p.at(row, j)
		known[v] = true
	}
	tried, missing := map[string]bool{}, 0
	for row := range s.rows {
		v, ok := s.at(row, i)
		if !ok || v == "0" || v == "-" || v == "-1" || tried[v] {
			continue
		}
		if len(tried) >= limit {
			break
		}
		tried[v] = true
		if !known[v] {
			missing++
		}
	}
	if !p.whole && missing > 0 {
		return 0, 0, nil // The parent was not read to its end.
	}
	return len(tried), missing, nil
}

// Rows reads some columns.
func (f *folder) Rows(_ context.Context, t *Table, columns []string, limit int) ([]map[string]string, error) {
	var out []map[string]string
	s := f.tables[t.File]
	for row := range min(limit, len(s.rows)) {
		r := map[string]string{}
		for _, c := range columns {
			if _, i := f.find(t, c); i >= 0 {
				if v, ok := s.at(row, i); ok {
					r[c] = v
				}
			}
		}
		out = append(out, r)
	}
	return out, nil
}
