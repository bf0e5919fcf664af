package semantic

import (
	"cmp"
	"context"
	"strings"
)

// FindRecords are the records of any kind whose key is the text.
func (s *Version) FindRecords(ctx context.Context, key string) ([]Hit, error) {
	var out []Hit
	for _, r := range s.def.Model.records {
		t := s.Tables[r.Table]
		if t == nil {
			continue
		}
		row, err := readRow(ctx, s, t, t.Key, key)
		if err != nil {
			return nil, err
		}
		if row != nil {
			state := TextOf(row.values[cmp.Or(r.State, "status")])
			out = append(out, Hit{"record", s.recordInfo(r).Singular + " " + key, state, "/" + r.Name + "/" + EscapeQuery(key)})
		}
	}
	return out, nil
}

// manyColumns bounds how many hits there are before columns are left out.
const manyColumns = 60

// Find are the filters' values, tables and columns that hold the text.
func (s *Version) Find(ctx context.Context, part string) ([]Hit, error) {
	out, err := s.findValues(ctx, part)
	if err != nil {
		return nil, err
	}
	has := func(name string) bool { return strings.Contains(strings.ToLower(name), strings.ToLower(part)) }
	for _, name := range s.Names {
		if has(name) {
			out = append(out, Hit{"table", name, Plural(s.Tables[name].Rows, "rows"), "/tables/" + name})
		}
	}
	for _, name := range s.Names {
		for _, col := range s.Tables[name].Columns {
			if has(col.Name) && len(out) < manyColumns {
				out = append(out, Hit{"column", name + "." + col.Name, col.Type, "/tables/" + name})
			}
		}
	}
	return out, nil
}

// findValues are the values, of the filters that have a page of their own, that hold the text.
func (s *Version) findValues(ctx context.Context, part string) ([]Hit, error) {
	t := s.Tables[s.def.Model.Main]
	if t == nil {
		return nil, nil
	}
	var out []Hit
	for _, f := range s.def.Model.filters {
		if f.Path == "" || t.Filters[f.Name] == "" {
			continue
		}
		b, err := s.bind(&Filters{}, t)
		if err != nil {
			return nil, err
		}
		got, err := s.choices(ctx, b, f.Name, t.Filters[f.Name], part, 5)
		if err != nil {
			return nil, err
		}
		for _, o := range got.Options {
			out = append(out, Hit{f.Name, o.Label, Plural(o.Rows, t.Noun), strings.ReplaceAll(f.Path, "{value}", EscapeQuery(o.Value))})
		}
	}
	return out, nil
}
