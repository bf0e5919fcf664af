package trace

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lifeline/change"
	"lifeline/model"
	"lifeline/project"
	"lifeline/warehouse"
)

// Filter chooses figures: column to text, nil for null.
type Filter map[string]*string

// Figure is one row of a model that has records.
type Figure struct {
	Row

	node *model.Node
}

// Behind are the records behind a figure.
type Behind struct {
	Figure    Row    `json:"figure"`
	Sets      []Set  `json:"records"`
	Rows      string `json:"n"` // Sums over the records, as decimals.
	Numerator string `json:"numerator"`
	Excluded  string `json:"excluded"`
	Divisor   string `json:"denominator"`
	Traced    Traced `json:"traced"`
	Agrees    bool   `json:"agrees"` // All that is traced adds up to the figure.
}

// Traced says which of a figure's numbers are sums over records; the others are computed otherwise, such as a median.
type Traced struct {
	Rows      bool `json:"n"`
	Numerator bool `json:"numerator"`
	Divisor   bool `json:"denominator"`
}

// Set are the records of one kind.
type Set struct {
	Of      string   `json:"of"`   // Their table.
	Only    string   `json:"only"` // numerator, denominator or n where they count in that alone.
	N       int64    `json:"n"`    // Rows that count in n.
	Hits    int64    `json:"hits"` // Rows that count in the numerator.
	LeftOut int64    `json:"excluded"`
	Divide  int64    `json:"divide"` // Rows that count in the denominator alone.
	Total   int64    `json:"total"`  // Rows that count in any of them.
	Records []Record `json:"rows"`
}

// Record is one row behind a figure.
type Record struct {
	Key     string `json:"key"`
	Counted bool   `json:"n"`
	Hit     bool   `json:"numerator"`
	LeftOut bool   `json:"excluded"`
	Adds    string `json:"adds"` // To the numerator, or to the denominator of rows that count in that alone.
}

// FigureNode is the model with records that a name means: its name, or the beginning of it as in KPI-01; nil where none is.
func (t *Tracer) FigureNode(name string) *model.Node {
	name = strings.ToLower(strings.ReplaceAll(name, "-", "_"))
	_, short, cut := strings.Cut(name, ".")
	if !cut {
		short = name
	}
	for _, n := range t.Graph.Nodes {
		if n.Model != nil && len(n.Model.Records) > 0 && (n.Name == short || strings.HasPrefix(n.Name, short+"_")) {
			return n
		}
	}
	return nil
}

// FigureNames are the models with records, in the order of their names.
func (t *Tracer) FigureNames() []string {
	var out []string
	for _, n := range t.Graph.Nodes {
		if n.Model != nil && len(n.Model.Records) > 0 {
			out = append(out, n.Name)
		}
	}
	slices.Sort(out)
	return out
}

// Figures are the figures of a model that a filter chooses. A column that it does not have is a problem.
func (t *Tracer) Figures(ctx context.Context, n *model.Node, filter Filter) ([]Figure, error) {
	columns, err := columnsOf(ctx, t.Published, n.Schema, n.Alias)
	if err != nil {
		return nil, err
	}
	var where []condition
	var names, order []string
	for _, c := range columns {
		names = append(names, c.name)
		if text, asked := filter[c.name]; asked {
			where = append(where, condition{c.name, text})
			if text != nil && !fits(c.kind, *text) {
				return nil, problem(fmt.Errorf("%s is a %s, and %q is none", c.name, c.kind, *text), "lifeline trace "+n.Name)
			}
		}
	}
	for name := range filter {
		if !slices.Contains(names, name) {
			return nil, problem(fmt.Errorf("%s has no column %s", relation(n), name), "leave it out")
		}
	}
	for _, name := range []string{"period", "program_id", "provider_id", "currency", "measure", "part", "basis"} {
		if slices.Contains(names, name) {
			order = append(order, "t."+warehouse.Quote(name)+" nulls first")
		}
	}
	tail := ""
	if len(order) > 0 {
		tail = "order by " + strings.Join(order, ", ")
	}
	rows, err := find(ctx, t.Published, n.Schema, n.Alias, where, tail)
	if err != nil {
		return nil, err
	}
	out := make([]Figure, len(rows))
	for i, r := range rows {
		out[i] = Figure{r, n}
	}
	return out, nil
}

// Behind reads the records behind a figure, up to limit of each kind (0 for all), those in the numerator first.
func (t *Tracer) Behind(ctx context.Context, f Figure, limit int) (*Behind, error) {
	b := &Behind{Figure: f.Row, Sets: []Set{}}
	var sums [4]total
	measure := f.Get("measure")
	for _, r := range f.node.Model.Records {
		if len(r.Measures) > 0 && (measure == nil || !slices.Contains(r.Measures, *measure)) {
			continue
		}
		s, added, err := t.set(ctx, f, r, limit)
		if err != nil {
			return nil, err
		}
		for i := range sums {
			if err := sums[i].add(added[i]); err != nil {
				return nil, err
			}
		}
		b.Sets = append(b.Sets, *s)
		b.Traced.Rows = true
		b.Traced.Numerator = b.Traced.Numerator || r.Only == "" || r.Only == "numerator"
		b.Traced.Divisor = b.Traced.Divisor || r.Divides != "" || r.Only == "denominator"
	}
	b.Rows, b.Numerator, b.Excluded, b.Divisor = sums[0].String(), sums[1].String(), sums[2].String(), sums[3].String()
	b.Agrees = agrees(f, "n", b.Rows, b.Traced.Rows) && agrees(f, "excluded", b.Excluded, b.Traced.Rows) &&
		agrees(f, "numerator", b.Numerator, b.Traced.Numerator) && agrees(f, "denominator", b.Divisor, b.Traced.Divisor)
	return b, nil
}

// agrees compares a sum with the figure's number, to the four decimals that it is published with; a number that is null is zero.
func agrees(f Figure, column, sum string, traced bool) bool {
	if !traced || !f.Has(column) {
		return true
	}
	said := "0"
	if text := f.Get(column); text != nil {
		said = *text
	}
	var difference total
	return difference.add(sum) == nil && difference.less(said) == nil && difference.withinTenThousandth()
}

func (t *Tracer) set(ctx context.Context, f Figure, r *project.Records, limit int) (*Set, [4]string, error) {
	var added [4]string
	base, known := t.compiled[r]
	if !known {
		var err error
		if base, err = t.Graph.CompileText(r.Where, "select * from (\n"+selection(r)+"\n) as z", model.Env{Relation: relation}); err != nil {
			return nil, added, err
		}
		t.compiled[r] = base
	}
	args := make([]any, len(r.Columns))
	for i, column := range r.Columns {
		args[i] = nullable(f.Get(column))
	}
	s := &Set{Of: r.Of, Only: r.Only, Records: []Record{}}
	if n, err := t.Node(r.Of); err == nil {
		s.Of = relation(n)
	}
	err := t.Published.QueryRowContext(ctx, fmt.Sprintf(`
select
    cast(coalesce(sum(x.weight) filter (where x.counted), 0) as varchar),
    cast(coalesce(sum(x.adds) filter (where x.hit), 0) as varchar),
    cast(coalesce(sum(x.weight) filter (where x.left_out), 0) as varchar),
    cast(coalesce(sum(x.divides) filter (where x.counted or x.divisor), 0) as varchar),
    count(*) filter (where x.counted),
    count(*) filter (where x.hit),
    count(*) filter (where x.left_out),
    count(*) filter (where x.divisor),
    count(*) filter (where x.counted or x.hit or x.left_out or x.divisor)
from (
%s
) as x`, base), args...).Scan(&added[0], &added[1], &added[2], &added[3], &s.N, &s.Hits, &s.LeftOut, &s.Divide, &s.Total)
	if err != nil {
		return nil, added, fmt.Errorf("add up the %s behind %s: %w", r.Of, relation(f.node), err)
	}
	most := ""
	if limit > 0 {
		most = fmt.Sprintf("limit %d", limit)
	}
	rows, err := t.Published.QueryContext(ctx, fmt.Sprintf(`
select
    x.record_key,
    x.counted,
    x.hit,
    x.left_out,
    cast(case when x.hit then x.adds when x.divisor or x.counted then x.divides end as varchar)
from (
%s
) as x
where x.counted or x.hit or x.left_out or x.divisor
order by case when x.hit then 0 when x.counted then 1 when x.divisor then 2 else 3 end, length(x.record_key), x.record_key
%s`, base, most), args...)
	if err != nil {
		return nil, added, fmt.Errorf("read the %s behind %s: %w", r.Of, relation(f.node), err)
	}
	defer rows.Close()
	for rows.Next() {
		var one Record
		var key, adds sql.NullString
		if err := rows.Scan(&key, &one.Counted, &one.Hit, &one.LeftOut, &adds); err != nil {
			return nil, added, fmt.Errorf("read the %s behind %s: %w", r.Of, relation(f.node), err)
		}
		one.Key, one.Adds = key.String, change.TrimDecimal(adds.String)
		s.Records = append(s.Records, one)
	}
	return s, added, rows.Err()
}

// types of the columns that figures are told apart by; the others are texts.
var types = map[string]string{"period": "date", "program_id": "bigint", "provider_id": "bigint"}

// selection is the select of an entry's records for one figure, whose columns are its arguments. What is null counts as not.
func selection(r *project.Records) string {
	counted, hit, leftOut, divisor := r.Counted, r.Hit, r.LeftOut, "false"
	if hit == "" {
		hit = "true"
	}
	switch r.Only {
	case "":
		hit = fmt.Sprintf("coalesce((%s), false) and (%s)", counted, hit)
		if leftOut == "" {
			leftOut = fmt.Sprintf("not coalesce((%s), false)", counted)
		}
	case "n":
		hit = "false"
	case "numerator":
		counted = "false"
	case "denominator":
		counted, hit, divisor = "false", "false", r.Counted
	}
	if leftOut == "" {
		leftOut = "false"
	}
	divides := r.Divides
	if divides == "" {
		divides = r.Weight
	}
	var by []string
	for i, column := range r.Columns {
		kind := types[column]
		if kind == "" {
			kind = "varchar"
		}
		by = append(by, fmt.Sprintf("cast((%s) as %s) is not distinct from cast($%d as %s)", r.By[column], kind, i+1, kind))
	}
	if r.Condition != "" {
		by = append(by, "("+r.Condition+")")
	}
	where := ""
	if len(by) > 0 {
		where = "\nwhere " + strings.Join(by, "\n    and ")
	}
	return fmt.Sprintf(`select
    cast(%s as varchar) as record_key,
    coalesce((%s), false) as counted,
    coalesce((%s), false) as hit,
    coalesce((%s), false) as left_out,
    coalesce((%s), false) as divisor,
    cast((%s) as numeric(38, 10)) as weight,
    cast((%s) as numeric(38, 10)) as adds,
    cast((%s) as numeric(38, 10)) as divides
from %s%s`, r.Key, counted, hit, leftOut, divisor, r.Weight, r.Adds, divides, r.From, where)
}

func nullable(text *string) any {
	if text == nil {
		return nil
	}
	return *text
}

var errNumber = errors.New("is not a number")
