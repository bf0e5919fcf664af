package semantic

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// onlyInRun is what a check may read that is in no published version.
var onlyInRun = regexp.MustCompile(`(?i)\b(staging|history|quarantine|build)"?\.|\b_failing\b|"?build__v`)

// FailingSQL is the select of a check's failing rows over the published version, made of the one that its run kept, or why it cannot be
// asked there.
func (s *Version) FailingSQL(sql string) (query, note string) {
	if sql == "" {
		return "", "The books keep no SQL of this check."
	}
	text := strings.TrimRight(strings.TrimSpace(sql), "; \n")
	text = s.reader.OverVersion(text)
	if onlyInRun.MatchString(text) {
		return "", "This check reads what only a run sees; its failing rows are in quarantine."
	}
	return text, ""
}

// FailingRows are the first failing rows of a check and the count of all.
type FailingRows struct {
	Columns []Column
	Rows    [][]any
	Total   int64
	Whose   []CheckGroup
}

// manyFailing is how many failing rows a page shows.
const manyFailing = 100

// Failing reads the first failing rows, and counts them all: together, and by program, provider and what else the project filters by,
// where they have its column.
func (s *Version) Failing(ctx context.Context, query string) (*FailingRows, error) {
	got, err := Fetch(ctx, s.db, s.reader.FirstRows(query, manyFailing), 0)
	if err != nil {
		return nil, err
	}
	d := &FailingRows{Columns: got.Columns, Rows: got.Rows, Total: int64(len(got.Rows)), Whose: []CheckGroup{}}
	if d.Total == 0 {
		return d, nil
	}
	var filters []filterFile
	var columns []string
	for _, f := range s.def.Model.filters {
		i := slices.IndexFunc(d.Columns, func(x Column) bool { return x.Name != "id" && s.def.Model.filteredBy(f.Name, x.Name) })
		if i < 0 || slices.Contains(columns, quoteName(d.Columns[i].Name)) {
			continue
		}
		filters, columns = append(filters, f), append(columns, quoteName(d.Columns[i].Name))
		d.Whose = append(d.Whose, CheckGroup{Filter: f.Name, Label: cmp.Or(f.Label, Title(f.Name)), Options: []Option{}})
	}
	if got, err = Fetch(ctx, s.db, whoseSQL(query, columns), 0); err != nil {
		return nil, err
	}
	for _, row := range got.Rows {
		i, n := CountOf(row[0]), CountOf(row[2])
		if i < 0 {
			d.Total = n
			continue
		}
		o := Option{Value: nullWord, Label: "none", Rows: n}
		if row[1] != nil {
			o.Value = TextOf(row[1])
			o.Label = s.valueLabel(filters[i], o.Value)
		}
		d.Whose[i].Options, d.Whose[i].Total = append(d.Whose[i].Options, o), CountOf(row[3])
	}
	return d, nil
}

// FailingExport is all failing rows of a check as a file. The page may know from the run that nothing fails; a file says what its own
// select gives.
func (s *Version) FailingExport(ctx context.Context, name, text, query string) (*Export, error) {
	var n int64
	if err := s.db.QueryRowContext(ctx, "select count(*) from ("+query+"\n) as f").Scan(&n); err != nil {
		return nil, fmt.Errorf("count the failing rows of %s: %w", name, err)
	}
	return NewExport(s.reader, query, "check-"+name+"-"+s.ID, n, map[string]string{"check": text, "snapshot": s.ID}), nil
}

// whoseSQL counts rows by each of the columns and in all, in one pass: place of the column or -1, value, rows, number of values. Of each
// column there are the eight values with most rows.
func whoseSQL(query string, columns []string) string {
	sets, place, value := "()", "-1", "null"
	if len(columns) > 0 {
		place, value = "case", "case"
		for i, column := range columns {
			sets += ", (" + column + ")"
			place += fmt.Sprintf(" when grouping(%s) = 0 then %d", column, i)
			value += fmt.Sprintf(" when grouping(%[1]s) = 0 then cast(%[1]s as varchar)", column)
		}
		place, value = place+" else -1 end", value+" end"
	}
	return fmt.Sprintf(`
with counts as (
	select %s as place, %s as value, count(*) as failing
	from (%s
	) as f
	group by grouping sets (%s)
),
ranked as (
	select *, row_number() over (partition by place order by failing desc, value) as n, count(*) over (partition by place) as all_values
	from counts
)
select place, value, failing, all_values
from ranked
where n <= 8
order by place, n`, place, value, query, sets)
}
