package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"lifeline/project"
)

func (s *snapshot) recordInfo(r *recordFile) RecordInfo {
	t := s.def.Model.Tables[r.Table]
	info := RecordInfo{
		Name: r.Name, Title: cmp.Or(r.Title, title(r.Name)), Singular: cmp.Or(r.Singular, strings.TrimSuffix(title(r.Name), "s")), Table: r.Table, Key: t.Key,
		Columns: r.Columns, Facets: r.Facets, Sort: cmp.Or(r.Sort, t.Key),
	}
	if info.Columns == nil {
		info.Columns = []string{}
	}
	if info.Facets == nil {
		info.Facets = []string{}
	}
	return info
}

func (c *call) record(kind, key string) error {
	s, err := c.snap()
	if err != nil {
		return err
	}
	var names []string
	for _, r := range s.def.Model.records {
		names = append(names, r.Name)
	}
	if kind == "" && len(names) > 0 {
		kind = names[0]
	}
	r := s.def.Model.record(kind)
	if r == nil {
		return notFound("kind of record", kind, project.Nearest(kind, names))
	}
	return c.cached(kind, func(ctx context.Context) (*reply, error) {
		data, err := c.loadRecord(ctx, s, r, key)
		return &reply{data: data}, err
	})
}

// recordRow is one row by its columns' names.
type recordRow struct {
	columns []Column
	values  map[string]any
}

func readRow(ctx context.Context, s *snapshot, t *table, column, key string) (*recordRow, error) {
	col := t.column(column)
	if col == nil {
		return nil, fmt.Errorf("the table %s has no column %s, which the project's dashboards/model.yml names", t.Name, column)
	}
	literal, err := typedLiteral("key", key, col.Type)
	if err != nil {
		return nil, nil // What cannot be a key is no record's.
	}
	got, err := fetch(ctx, s.db, fmt.Sprintf("select * from %s as t where %s = %s limit 1", t.relation, quoteName(column), literal), 0)
	if err != nil || len(got.rows) == 0 {
		return nil, err
	}
	r := &recordRow{columns: t.columns, values: map[string]any{}}
	for i, c := range got.columns {
		r.values[c.Name] = got.rows[0][i]
	}
	return r, nil
}

func (c *call) loadRecord(ctx context.Context, s *snapshot, r *recordFile, key string) (*RecordData, error) {
	t := s.tables[r.Table]
	if t == nil {
		return nil, fmt.Errorf("the published version has no table %s", r.Table)
	}
	row, err := readRow(ctx, s, t, t.Key, key)
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", r.Name, key, err)
	}
	info := s.recordInfo(r)
	if row == nil {
		return nil, c.missingRecord(ctx, t, info, key)
	}
	d := &RecordData{
		Kind: r.Name, Key: key, Title: info.Singular + " " + key, State: textOf(row.values[cmp.Or(r.State, "status")]),
		Facts: []Fact{}, Timeline: []Event{}, Undated: []string{}, Related: []Related{}, Checks: []RecordCheck{}, Row: []Fact{},
	}
	for _, m := range t.moneyColumns() {
		d.Amount, d.Currency = textOf(row.values[m]), textOf(row.values[t.Money[m]])
		break
	}
	c.facts(d, s, t, r, row)
	c.timeline(d, s, r, row)
	if err := c.related(ctx, d, s, r, row); err != nil {
		return nil, err
	}
	if d.Sum, err = sumCheck(ctx, s, r, row, d); err != nil {
		return nil, err
	}
	if err := c.provenance(ctx, d, s, t, r, key); err != nil {
		return nil, err
	}
	d.Answer = d.answer(s, info)
	return d, nil
}

// missingRecord says where a record is that is in the source and not in the version.
func (c *call) missingRecord(ctx context.Context, t *table, info RecordInfo, key string) error {
	p := notFound(strings.ToLower(info.Singular), key, "")
	db := c.e.booksDB()
	if db == nil || t.Source == "" {
		return p
	}
	got, err := fetch(ctx, db, "select state from quarantine.rows where table_name = $1 and key = $2 limit 1", 0, t.Source, key)
	if err == nil && len(got.rows) > 0 {
		p.Detail = fmt.Sprintf("%s %s is in quarantine (%s)", strings.ToLower(info.Singular), key, textOf(got.rows[0][0]))
		p.Hint = "/quarantine?table=" + t.Source
	}
	return p
}

func (c *call) facts(d *RecordData, s *snapshot, t *table, r *recordFile, row *recordRow) {
	fact := func(col Column) Fact {
		f := Fact{Label: col.Label, Value: row.values[col.Name], Format: col.Format, Basis: textOf(row.values[col.Name+"_basis"])}
		for name, column := range t.Filters {
			filter, is := s.def.Model.filter(name)
			if is && column == col.Name && filter.Path != "" && f.Value != nil {
				f.Link = strings.ReplaceAll(filter.Path, "{value}", escapeQuery(textOf(f.Value)))
				f.Label = cmp.Or(filter.Label, f.Label)
			}
		}
		return f
	}
	for _, col := range row.columns {
		d.Row = append(d.Row, fact(col))
	}
	for _, name := range r.Facts {
		if col := t.column(name); col != nil {
			d.Facts = append(d.Facts, fact(*col))
		}
	}
}

// timeline orders the known times and says how many days lie between.
func (c *call) timeline(d *RecordData, s *snapshot, r *recordFile, row *recordRow) {
	for _, e := range r.Timeline {
		label := cmp.Or(e.Label, title(e.Column))
		at := timeOf(row.values[e.Column])
		if at.IsZero() {
			d.Undated = append(d.Undated, label)
			continue
		}
		d.Timeline = append(d.Timeline, Event{
			Label: label, At: at, Day: s.calendar.day(at).Format(time.DateOnly), Basis: cmp.Or(textOf(row.values[e.Basis]), "column"), Help: e.Hint,
		})
	}
	slices.SortStableFunc(d.Timeline, func(a, b Event) int { return a.At.Compare(b.At) })
	for i := 1; i < len(d.Timeline); i++ {
		gap := d.Timeline[i].At.Sub(d.Timeline[i-1].At).Hours() / 24
		d.Timeline[i].Gap = &gap
	}
}

func (c *call) related(ctx context.Context, d *RecordData, s *snapshot, r *recordFile, row *recordRow) error {
	for _, f := range r.Related {
		t := s.tables[f.Table]
		if t == nil || t.column(f.Column) == nil {
			return fmt.Errorf("dashboards/model.yml: the related rows %q need a table and a column that are there", f.Title)
		}
		out := Related{Title: cmp.Or(f.Title, t.Title), Table: f.Table, Columns: []Column{}, Rows: [][]any{}, Parent: f.Parent}
		value := row.values[f.Equals]
		if value == nil {
			d.Related = append(d.Related, out)
			continue
		}
		literal, err := typedLiteral(f.Column, textOf(value), t.column(f.Column).Type)
		if err != nil {
			return err
		}
		var parts []string
		for _, col := range t.columns {
			if len(f.Columns) == 0 || slices.Contains(f.Columns, col.Name) {
				out.Columns = append(out.Columns, col)
				parts = append(parts, quoteName(col.Name))
			}
		}
		where := quoteName(f.Column) + " = " + literal
		if err := s.db.QueryRowContext(ctx, "select count(*) from "+t.relation+" as t where "+where).Scan(&out.Total); err != nil {
			return fmt.Errorf("read %s of a record: %w", f.Table, err)
		}
		order := cmp.Or(f.Order, t.Key, t.columns[0].Name)
		got, err := fetch(ctx, s.db, fmt.Sprintf("select %s from %s as t where %s order by %s limit 200", strings.Join(parts, ", "), t.relation, where, quoteName(order)), 0)
		if err != nil {
			return fmt.Errorf("read %s of a record: %w", f.Table, err)
		}
		out.Rows = got.rows
		link := listPath(s, f.Table)
		separator := "?"
		if strings.Contains(link, "?") {
			separator = "&"
		}
		out.Link = link + separator + escapeQuery(f.Column) + "=" + escapeQuery(textOf(value))
		d.Related = append(d.Related, out)
	}
	return nil
}

// sumCheck sets the record's amount beside the sum of its lines, where both are of one currency.
func sumCheck(ctx context.Context, s *snapshot, r *recordFile, row *recordRow, d *RecordData) (*SumCheck, error) {
	f := r.Sum
	if f == nil || row.values[f.Equals] == nil || d.Amount == "" {
		return nil, nil
	}
	t := s.tables[f.Table]
	if t == nil || t.column(f.Column) == nil {
		return nil, fmt.Errorf("dashboards/model.yml: the sum of %s needs a table and a column that are there", r.Name)
	}
	literal, err := typedLiteral(f.Column, textOf(row.values[f.Equals]), t.column(f.Column).Type)
	if err != nil {
		return nil, err
	}
	got, err := fetch(ctx, s.db, fmt.Sprintf("select %s, cast(sum(%s) as numeric(38,4)), count(*) from %s as t where %s = %s and (%s) group by 1",
		quoteName(f.Currency), quoteName(f.Amount), t.relation, quoteName(f.Column), literal, cmp.Or(f.Where, "true")), 0)
	if err != nil {
		return nil, fmt.Errorf("add up the lines of a record: %w", err)
	}
	noun := cmp.Or(f.Noun, "lines")
	if len(got.rows) == 0 {
		return &SumCheck{Text: "There are no " + noun + " to compare with.", Amount: d.Amount, Currency: d.Currency}, nil
	}
	if len(got.rows) > 1 || textOf(got.rows[0][0]) != d.Currency {
		return &SumCheck{Text: "The " + noun + " are in another currency and cannot be compared.", Amount: d.Amount, Currency: d.Currency}, nil
	}
	amount, lines := rational(d.Amount), rational(got.rows[0][1])
	if amount == nil || lines == nil {
		return nil, nil
	}
	diff := new(big.Rat).Sub(amount, lines)
	out := &SumCheck{Amount: d.Amount, Lines: lines.FloatString(4), Difference: diff.FloatString(4), Currency: d.Currency, Equal: diff.Sign() == 0}
	out.Text = fmt.Sprintf("%s %s − %s %s = %s", strings.ToLower(r.Singular), exactMoney(amount), noun, exactMoney(lines), exactMoney(diff))
	return out, nil
}

func exactMoney(x *big.Rat) string {
	text := x.FloatString(2)
	head, tail, _ := strings.Cut(text, ".")
	return grouped(head) + "." + tail
}

// provenance says which row of the source it was and what cleaning set.
func (c *call) provenance(ctx context.Context, d *RecordData, s *snapshot, t *table, r *recordFile, key string) error {
	d.Provenance = Provenance{Source: t.Source, Key: key, Run: s.run, Version: s.version, RunLink: fmt.Sprintf("/runs/%d", s.run), Changed: []Change{}}
	core := s.tables[r.Core]
	if core == nil {
		return nil
	}
	row, err := readRow(ctx, s, core, cmp.Or(core.Key, "id"), key)
	if err != nil {
		return fmt.Errorf("read where %s %s came from: %w", r.Name, key, err)
	}
	if row != nil {
		for _, col := range core.columns {
			basis, is := row.values[col.Name+"_basis"].(string)
			if !is || slices.Contains([]string{"source", "column", "given", "as_given", "missing"}, basis) {
				continue
			}
			d.Provenance.Changed = append(d.Provenance.Changed, Change{col.Name, row.values[col.Name+"_raw"], row.values[col.Name], basis})
		}
	}
	checks, err := c.checksByTable(ctx)
	if err != nil {
		return err
	}
	_, short, _ := strings.Cut(r.Core, ".")
	for _, x := range checks[short] {
		d.Checks = append(d.Checks, RecordCheck{x.Name, x.Status, x.Table, x.Column, x.Text, x.Link})
	}
	return nil
}

func (d *RecordData) answer(s *snapshot, info RecordInfo) string {
	f, _ := s.def.Model.filter("status")
	text := info.Singular + " " + d.Key
	if d.State != "" {
		text += " is " + strings.ToLower(s.valueLabel(f, d.State))
	}
	if d.Amount != "" {
		if x := rational(d.Amount); x != nil {
			text += ", " + strings.TrimSpace(d.Currency+" "+exactMoney(x))
		}
	}
	if n := len(d.Timeline); n > 1 {
		days := d.Timeline[n-1].At.Sub(d.Timeline[0].At).Hours() / 24
		text += fmt.Sprintf("; %s from “%s” to “%s”", daysText(days), strings.ToLower(d.Timeline[0].Label), strings.ToLower(d.Timeline[n-1].Label))
	}
	if d.Sum != nil && d.Sum.Lines != "" && !d.Sum.Equal {
		text += "; its amount and its lines differ"
	}
	return text + "."
}
