package semantic

import (
	"context"
	"fmt"
	"slices"

	"lifeline/project"
)

// DimensionQuery is a question for the values of one filter under the other filters.
type DimensionQuery struct {
	*boundQuery

	name   string
	column string
	part   string // Letters that a value must hold.
	limit  int
}

// Dimension binds a question for a filter's values to a table; to the main one, with a page's defaults, where none is named.
func (s *Version) Dimension(name, tableName, part string, limit int, a *Filters) (*DimensionQuery, error) {
	defaults := tableName == ""
	if defaults {
		tableName = s.def.Model.Main
	}
	t, err := s.Table(tableName)
	if err != nil {
		return nil, err
	}
	column := t.Filters[name]
	if name == "currency" {
		column = t.currencyColumn()
	}
	if column == "" && t.column(name) != nil {
		column = name
	}
	if column == "" {
		return nil, NotFound("filter", name, project.Nearest(name, s.filterNames()))
	}
	b, err := s.bindWith(a, t, defaults)
	if err != nil {
		return nil, err
	}
	return &DimensionQuery{boundQuery: b, name: name, column: column, part: part, limit: limit}, nil
}

// Key names the question, for a cache of its answers.
func (q *DimensionQuery) Key() string {
	return fmt.Sprintf("%s|%s|%s|%d", encodePairs(q.exact()), q.table.Name, q.part, q.limit)
}

// Answer counts the filter's values.
func (q *DimensionQuery) Answer(ctx context.Context) (*DimensionData, error) {
	return q.snap.choices(ctx, q.boundQuery, q.name, q.column, q.part, q.limit)
}

func (s *Version) filterNames() []string {
	out := []string{"currency"}
	for _, f := range s.def.Model.filters {
		out = append(out, f.Name)
	}
	return out
}

// choices counts a filter's values; those that are selected come first and never vanish.
func (s *Version) choices(ctx context.Context, b *boundQuery, name, column, q string, limit int) (*DimensionData, error) {
	f, _ := s.def.Model.filter(name)
	selected := []string{}
	for _, c := range b.conds {
		if c.Name == name {
			selected = append(selected, c.Values...)
		}
	}
	col := quoteName(column)
	match := "true"
	if q != "" {
		match = "position(lower(" + QuoteText(q) + ") in lower(" + QuoteText(f.Prefix) + " || cast(" + col + " as varchar))) > 0"
	}
	got, err := Fetch(ctx, s.db, fmt.Sprintf("select %s as value, count(*) as n from %s as t where %s and %s group by 1 order by 2 desc, 1",
		col, b.sourceByDate(column), b.where(name), match), 0)
	if err != nil {
		return nil, fmt.Errorf("count the values of %s: %w", name, err)
	}
	data := &DimensionData{Name: name, Label: f.Label, Options: []Option{}, Total: int64(len(got.Rows))}
	if data.Label == "" {
		data.Label = Title(name)
	}
	counts := map[string]int64{}
	for _, row := range got.Rows {
		counts[valueOrNull(row[0])] = CountOf(row[1])
	}
	for _, v := range selected {
		data.Options = append(data.Options, Option{v, s.valueLabel(f, v), counts[v], true})
	}
	for _, row := range got.Rows {
		v := valueOrNull(row[0])
		if slices.Contains(selected, v) || len(data.Options) >= limit {
			continue
		}
		data.Options = append(data.Options, Option{v, s.valueLabel(f, v), CountOf(row[1]), false})
	}
	return data, nil
}
