package source

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lifeline/change"
	"lifeline/source/preflight"
)

// Check runs all preflight checks against the server.
func (s *server) Check(ctx context.Context) []preflight.Result {
	t := &preflight.Target{
		Query: s.ask, Address: s.address.shown, User: s.address.user, Database: s.address.database,
		MariaDB: s.maria, Version: s.version, Number: s.number, TimeZone: s.options.TimeZone, Weak: s.options.Weak,
		Log: func(ctx context.Context) (string, string, error) {
			trouble, err := s.unreadable(ctx)
			return trouble.why, trouble.try, err
		},
	}
	s.mu.Lock()
	found, missing, err := s.look(ctx)
	s.mu.Unlock()
	t.Trouble = err
	keeps, err := s.transactionalEngines(ctx)
	if err != nil && t.Trouble == nil {
		t.Trouble = s.address.explain("ask for the engines", err)
	}
	for _, f := range found {
		table := preflight.Table{
			Name: f.SourceName, Found: true, Engine: f.engine, Consistent: keeps[strings.ToLower(f.engine)],
			Key: f.Key, Columns: f.shape.physical, Told: f.shape.told,
		}
		for _, c := range s.options.Tables {
			if strings.EqualFold(c.identifier(), f.SourceName) {
				table.Contract = c.columns()
			}
		}
		table.Columns = f.shape.seen(table)
		if err := addable(f.Table); err != nil {
			table.Trouble = trouble(err)
		} else if f.isView {
			table.Trouble = trouble(s.viewConsistent(ctx, f, keeps))
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
			table.Found, table.Columns, table.Told = true, found.shape.physical, found.shape.told
			table.Columns = found.shape.seen(table)
			err = errors.Join(addable(found.Table), found.firstLine(c))
		}
		table.Trouble = trouble(err)
		t.Tables = append(t.Tables, table)
	}
	return preflight.Run(ctx, t)
}

// addable refuses money that is not there or cannot be added up exactly (promise 8), before anything lands.
func addable(t *change.Table) error {
	refuse := func(column, what string) error {
		return &change.Problem{
			Err:   fmt.Errorf("column %s of %s, which meta.lifeline.money names, %s", column, t.SourceName, what),
			Where: t.Name, Class: change.ClassUsage, Try: "meta.lifeline.money of the table in the sources file: {amount column: currency column}",
		}
	}
	for _, m := range t.Money {
		i := t.Index(m.Column)
		if i < 0 {
			return refuse(m.Column, "is not there")
		}
		switch kind := t.Columns[i].Type.Kind; kind {
		case change.Decimal, change.Int16, change.Int32, change.Int64:
		default:
			return refuse(m.Column, "is "+t.Columns[i].SourceType+", and lands as "+t.Columns[i].Type.String()+", which cannot be added up exactly")
		}
		if m.Currency == "" {
			continue
		}
		if i = t.Index(m.Currency); i < 0 {
			return refuse(m.Currency, "as a currency is not there")
		}
		switch t.Columns[i].Type.Kind {
		case change.Text, change.Int16, change.Int32, change.Int64:
		default:
			return refuse(m.Currency, "is "+t.Columns[i].SourceType+", which names no currency")
		}
	}
	return nil
}

// trouble is an error with one table as the result of a check, nil without one.
func trouble(err error) *preflight.Result {
	if err == nil {
		return nil
	}
	r := preflight.Result{Status: preflight.Fail, What: err.Error(), Class: change.ClassError}
	var p *change.Problem
	if errors.As(err, &p) {
		r.Try, r.Class = p.Try, p.Class
	}
	return &r
}

// seen are a table's columns as the contract check is to judge them.
func (s *shape) seen(t preflight.Table) []preflight.Column {
	switch {
	case s.mapped:
		return t.Contract // They are read as they were agreed.
	case s.byName:
		return agreedFirst(t.Contract, s.physical)
	}
	return s.physical
}

// firstLine looks whether the first line has the fields that the header names: a header alone may have got a further column,
// which shifts every value behind it.
func (t *fileTable) firstLine(c Contract) error {
	fields := t.peek()
	if fields == 0 || fields == t.shape.width || fields == len(t.shape.physical) {
		return nil
	}
	what := fmt.Errorf("the header names %d columns, the first line has %d fields", len(t.shape.physical), fields)
	agreed := map[string]bool{}
	for _, column := range c.Columns {
		agreed[strings.ToLower(column.Name)] = true
	}
	for i, column := range t.shape.physical {
		if len(agreed) > 0 && !agreed[strings.ToLower(column.Name)] && i > 0 {
			what = fmt.Errorf("%w: columns after %s are shifted by one: %s was added", what, t.shape.physical[i-1].Name, column.Name)
			break
		}
	}
	return t.broken(t.lines+1, 0, what, "a header that fits the lines; or, if the lines are right, meta.lifeline.shift: {after: …, by: 1} "+
		"in models/sources.yml; nothing was read")
}

func (c Contract) columns() []preflight.Column {
	ordered := c.ordered()
	out := make([]preflight.Column, len(ordered))
	for i, column := range ordered {
		out[i] = preflight.Column{Name: column.Name, Type: column.DataType}
	}
	return out
}
