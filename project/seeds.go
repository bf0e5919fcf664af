package project

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"
)

func (p *Project) readSeeds() error {
	for _, root := range p.paths.seeds {
		files, err := p.Files([]string{root}, ".csv")
		if err != nil {
			return err
		}
		for _, f := range files {
			text, err := p.read(f)
			if err != nil {
				return err
			}
			s := &Seed{Name: baseName(f), Path: f, text: strings.TrimPrefix(text, "\ufeff"), plain: p.Plain}
			if err := p.folderConfig("seeds", root, f, &s.Config); err != nil {
				return err
			}
			if err := s.parse(); err != nil {
				return err
			}
			// A folder's column_types may be meant for other seeds of it.
			s.retype()
			p.Seeds = append(p.Seeds, s)
		}
	}
	return p.unusedFolders("seeds")
}

// parse reads the rows and takes the narrowest type that every value of a column fits, as dbt does. An empty cell and the word null
// are null.
func (s *Seed) parse() error {
	s.Columns, s.Rows = nil, nil
	r := csv.NewReader(strings.NewReader(s.text))
	if d := []rune(s.Config.delimiter); len(d) == 1 {
		r.Comma = d[0]
	} else if len(d) > 1 {
		return usage(s.Path, fmt.Sprintf("delimiter %q is not one letter", s.Config.delimiter), `delimiter: ";"`)
	}
	header, err := r.Read()
	if err == io.EOF {
		return usage(s.Path+":1", "the seed is empty", "begin with a line of column names")
	}
	if err != nil {
		return s.broken(err)
	}
	for i, name := range header {
		name = strings.TrimSpace(name)
		if name == "" {
			return usage(s.Path+":1", fmt.Sprintf("column %d has no name", i+1), "give every column of the first line a name")
		}
		if contains(s.names(), name) {
			return usage(s.Path+":1", fmt.Sprintf("two columns are called %q", name), "rename one")
		}
		s.Columns = append(s.Columns, SeedColumn{Name: name})
	}
	for {
		record, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return s.broken(err)
		}
		row := make([]*string, len(record))
		for i, cell := range record {
			if cell != "" && !strings.EqualFold(strings.TrimSpace(cell), "null") {
				row[i] = &cell
			}
		}
		s.Rows = append(s.Rows, row)
	}
	for i := range s.Columns {
		s.Columns[i].Type = s.guess(i)
	}
	return nil
}

// broken names the place that the CSV reader stopped at.
func (s *Seed) broken(err error) error {
	where, what := s.Path, err.Error()
	var at *csv.ParseError
	if errors.As(err, &at) {
		where, what = fmt.Sprintf("%s:%d:%d", s.Path, at.Line, at.Column), at.Err.Error()
	}
	return usage(where, "broken CSV: "+what, "mind quotes and the number of fields")
}

func (s *Seed) names() []string {
	out := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		out[i] = c.Name
	}
	return out
}

var seedTypes = []struct {
	name string
	form *regexp.Regexp
}{
	{"boolean", regexp.MustCompile(`^(?i:true|false)$`)},
	{"integer", regexp.MustCompile(`^-?(0|[1-9]\d{0,8})$`)},
	{"bigint", regexp.MustCompile(`^-?(0|[1-9]\d{0,17})$`)},
	{"numeric(38,10)", regexp.MustCompile(`^-?(0|[1-9]\d{0,27})(\.\d{1,10})?$`)},
	{"date", regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)},
	{"timestamp", regexp.MustCompile(`^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?$`)},
}

var (
	shortDate    = regexp.MustCompile(`^(\d{4})-(\d{1,2})-(\d{1,2})$`)
	inUTC        = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)Z$`)
	leadingZeros = regexp.MustCompile(`^(-?)0+(\d+)$`)

	powerOf10 = regexp.MustCompile(`^-?\d{1,18}(\.\d{1,10})?[eE]\+?\d{1,2}$`)
)

// canonical is a cell as both engines read it, where dbt takes more forms than they do: 2024-1-5, 2024-01-05T00:00:00Z and 1e3.
func canonical(cell string) string {
	if m := shortDate.FindStringSubmatch(cell); m != nil {
		return fmt.Sprintf("%s-%02s-%02s", m[1], m[2], m[3])
	}
	if m := inUTC.FindStringSubmatch(cell); m != nil {
		return m[1]
	}
	if powerOf10.MatchString(cell) {
		if n, ok := new(big.Rat).SetString(cell); ok {
			text := n.FloatString(10)
			return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
		}
	}
	return cell
}

// isDay tells whether a date or timestamp is one of the calendar.
func isDay(kind, cell string) bool {
	if kind != "date" && kind != "timestamp" {
		return true
	}
	_, err := time.Parse(time.DateOnly, cell[:len(time.DateOnly)])
	return err == nil
}

func (s *Seed) guess(column int) string {
	for _, t := range seedTypes {
		fits, seen := true, false
		for _, row := range s.Rows {
			if cell := row[column]; cell != nil {
				seen = true
				c := canonical(*cell)
				if s.plain { // As dbt: 007 is 7.
					c = leadingZeros.ReplaceAllString(c, "$1$2")
				}
				if fits = t.form.MatchString(c) && isDay(t.name, c); !fits {
					break
				}
			}
		}
		if fits && seen {
			if s.plain && strings.HasPrefix(t.name, "numeric") {
				return "double precision" // As dbt, on both engines; column_types says otherwise.
			}
			return t.name
		}
	}
	return "text"
}

// retype sets the types that column_types gives, and returns the first name of it that is not a column. Cells of a guessed type become
// canonical; a given type sees them as they are.
func (s *Seed) retype() (unknown string) {
	for _, name := range slices.Sorted(maps.Keys(s.Config.columnTypes)) {
		found := false
		for i := range s.Columns {
			if s.Columns[i].Name == name {
				s.Columns[i].Type, found = s.Config.columnTypes[name], true
			}
		}
		if !found && unknown == "" {
			unknown = name
		}
	}
	for i, c := range s.Columns {
		if _, given := s.Config.columnTypes[c.Name]; given || c.Type == "text" {
			continue
		}
		for _, row := range s.Rows {
			if row[i] != nil {
				cell := canonical(*row[i])
				row[i] = &cell
			}
		}
	}
	return unknown
}
