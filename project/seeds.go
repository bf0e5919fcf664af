package project

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"regexp"
	"strings"
)

func (p *Project) readSeeds() error {
	files, err := p.find(p.paths.seeds, ".csv")
	if err != nil {
		return err
	}
	for _, f := range files {
		text, err := p.read(f)
		if err != nil {
			return err
		}
		s := &Seed{Name: baseName(f), Path: f}
		if err := s.parse([]byte(text)); err != nil {
			return err
		}
		if err := p.folderConfig("seeds", nil, s.Name, &s.Config); err != nil {
			return err
		}
		p.Seeds = append(p.Seeds, s)
	}
	return nil
}

// parse reads the rows and takes the narrowest type that every value of a column fits, as dbt does; an empty cell is null.
func (s *Seed) parse(text []byte) error {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	header, err := r.Read()
	if err == io.EOF {
		return usage(s.Path+":1", "the seed is empty", "begin with a line of column names")
	}
	if err != nil {
		return usage(s.Path, "broken CSV: "+err.Error(), "mind quotes and the number of fields")
	}
	for _, name := range header {
		s.Columns = append(s.Columns, SeedColumn{Name: strings.TrimSpace(name)})
	}
	for {
		record, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return usage(s.Path, "broken CSV: "+err.Error(), "mind quotes and the number of fields")
		}
		row := make([]*string, len(record))
		for i, cell := range record {
			if cell != "" {
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

func (s *Seed) guess(column int) string {
	for _, t := range seedTypes {
		fits, seen := true, false
		for _, row := range s.Rows {
			if cell := row[column]; cell != nil {
				seen = true
				if fits = t.form.MatchString(*cell); !fits {
					break
				}
			}
		}
		if fits && seen {
			return t.name
		}
	}
	return "text"
}

// retype sets the types that config.column_types gives.
func (s *Seed) retype(types map[string]any) error {
	for _, name := range sortedKeys(types) {
		found := false
		for i := range s.Columns {
			if s.Columns[i].Name == name {
				s.Columns[i].Type, found = textOf(types[name]), true
			}
		}
		if !found {
			return fmt.Errorf("column_types names %q, which the seed %s does not have", name, s.Name)
		}
	}
	return nil
}
