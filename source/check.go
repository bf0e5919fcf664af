package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lifeline/change"
	"lifeline/source/preflight"
)

// Check runs all preflight checks against the server.
func (s *server) Check(ctx context.Context) []preflight.Result {
	t := &preflight.Target{
		Query: s.ask, Address: s.address.shown, User: s.address.user, Database: s.address.database,
		MariaDB: s.maria, Version: s.version, Number: s.number, TimeZone: s.options.TimeZone, Weak: s.options.Weak,
	}
	s.mu.Lock()
	found, missing, err := s.look(ctx)
	s.mu.Unlock()
	t.Trouble = err
	keeps := map[string]bool{}
	if rows, err := s.ask(ctx, "select engine as engine from information_schema.engines where transactions = 'YES'"); err == nil {
		for _, r := range rows {
			keeps[strings.ToLower(r["engine"])] = true
		}
	}
	for _, f := range found {
		table := preflight.Table{
			Name: f.SourceName, Found: true, Engine: f.engine, Consistent: keeps[strings.ToLower(f.engine)],
			Key: f.Key, Columns: columnsOf(f.Table),
		}
		for _, c := range s.options.Tables {
			if strings.EqualFold(c.identifier(), f.SourceName) {
				table.Contract = c.columns()
			}
		}
		t.Tables = append(t.Tables, table)
	}
	for _, name := range missing {
		t.Tables = append(t.Tables, preflight.Table{Name: name})
	}
	return preflight.Run(ctx, t)
}

// Check runs the preflight checks that a folder can answer.
func (f *folder) Check(ctx context.Context) []preflight.Result {
	t := &preflight.Target{Address: f.dir, TimeZone: f.options.TimeZone}
	for _, c := range f.options.Tables {
		table := preflight.Table{Name: c.file(), ByName: true, Contract: c.columns(), Key: c.Key}
		found, err := f.look(c)
		if err == nil {
			table.Found, table.Columns = true, columnsOf(found.Table)
			err = found.firstLine(c)
		}
		if err != nil {
			r := preflight.Result{Status: preflight.Fail, What: err.Error(), Class: change.ClassError}
			var p *change.Problem
			if errors.As(err, &p) {
				r.Try, r.Class = p.Try, p.Class
			}
			table.Trouble = &r
		}
		t.Tables = append(t.Tables, table)
	}
	return preflight.Run(ctx, t)
}

// firstLine looks whether the first line has the fields that the header names: a header alone may have got a further column,
// which shifts every value behind it.
func (t *fileTable) firstLine(c Contract) error {
	fields := t.peek()
	if fields == 0 || fields == len(t.Columns) {
		return nil
	}
	what := fmt.Errorf("the header names %d columns, the first line has %d fields", len(t.Columns), fields)
	agreed := map[string]bool{}
	for _, column := range c.Columns {
		agreed[strings.ToLower(column.Name)] = true
	}
	for i, column := range t.Columns {
		if len(agreed) > 0 && !agreed[column.Name] && i > 0 {
			what = fmt.Errorf("%w: columns after %s are shifted by one: %s was added", what, t.Columns[i-1].SourceName, column.SourceName)
			break
		}
	}
	return t.broken(t.lines+1, 0, what, "a header that fits the lines; nothing was read")
}

func columnsOf(t *change.Table) []preflight.Column {
	out := make([]preflight.Column, len(t.Columns))
	for i, c := range t.Columns {
		out[i] = preflight.Column{Name: c.SourceName, Type: c.SourceType}
	}
	return out
}

func (c Contract) columns() []preflight.Column {
	ordered := slices.Clone(c.Columns)
	slices.SortStableFunc(ordered, func(a, b ContractColumn) int { return cmp.Compare(a.Position, b.Position) })
	out := make([]preflight.Column, len(ordered))
	for i, column := range ordered {
		out[i] = preflight.Column{Name: column.Name, Type: column.DataType}
	}
	return out
}
