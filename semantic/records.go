package semantic

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

func (s *Version) recordInfo(r *recordFile) RecordInfo {
	t := s.def.Model.Tables[r.Table]
	info := RecordInfo{
		Name: r.Name, Title: cmp.Or(r.Title, Title(r.Name)), Singular: cmp.Or(r.Singular, strings.TrimSuffix(Title(r.Name), "s")), Table: r.Table,
		Key:     t.Key,
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

// recordKind finds a kind of record by its name; the first where none is given.
func (s *Version) recordKind(kind string) (*recordFile, error) {
	var names []string
	for _, r := range s.def.Model.records {
		if r.Name == kind || kind == "" {
			return r, nil
		}
		names = append(names, r.Name)
	}
	return nil, NotFound("kind of record", kind, project.Nearest(kind, names))
}

// RecordOps answers what the books say of one record.
type RecordOps interface {
	// TableChecks are the newest results of the checks over a table.
	TableChecks(ctx context.Context, table string) ([]RecordCheck, error)
	// QuarantineState is the state of a row in quarantine; empty where it is not there.
	QuarantineState(ctx context.Context, table, key string) (string, error)
}

// recordRow is one row by its columns' names.
type recordRow struct {
	columns []Column
	values  map[string]any
}

func readRow(ctx context.Context, s *Version, t *Table, column, key string) (*recordRow, error) {
	col := t.column(column)
	if col == nil {
		return nil, fmt.Errorf("the table %s has no column %s, which the project's dashboards/model.yml names", t.Name, column)
	}
	literal, err := TypedLiteral("key", key, col.Type)
	if err != nil {
		return nil, nil // A text that cannot be a key belongs to no record.
	}
	got, err := Fetch(ctx, s.db, fmt.Sprintf("select * from %s as t where %s = %s limit 1", t.relation, quoteName(column), literal), 0)
	if err != nil || len(got.Rows) == 0 {
		return nil, err
	}
	r := &recordRow{columns: t.Columns, values: map[string]any{}}
	for i, c := range got.Columns {
		r.values[c.Name] = got.Rows[0][i]
	}
	return r, nil
}

// Record reads one record of a kind whole; ops is nil before the first run. Without a kind it is one of the first.
func (s *Version) Record(ctx context.Context, ops RecordOps, kind, key string) (*RecordData, error) {
	r, err := s.recordKind(kind)
	if err != nil {
		return nil, err
	}
	t := s.Tables[r.Table]
	if t == nil {
		return nil, fmt.Errorf("the published version has no table %s", r.Table)
	}
	row, err := readRow(ctx, s, t, t.Key, key)
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", r.Name, key, err)
	}
	info := s.recordInfo(r)
	if row == nil {
		return nil, missingRecord(ctx, ops, t, info, key)
	}
	d := &RecordData{
		Kind: r.Name, Key: key, Title: info.Singular + " " + key, State: TextOf(row.values[cmp.Or(r.State, "status")]),
		Facts: []Fact{}, Timeline: []Event{}, Undated: []string{}, Related: []Related{}, Checks: []RecordCheck{}, Row: []Fact{},
	}
	for _, m := range t.moneyColumns() {
		d.Amount, d.Currency = TextOf(row.values[m]), TextOf(row.values[t.Money[m]])
		break
	}
	s.facts(d, t, r, row)
	s.timeline(d, r, row)
	if err := s.related(ctx, d, r, row); err != nil {
		return nil, err
	}
	if d.Sum, err = sumCheck(ctx, s, r, row, d); err != nil {
		return nil, err
	}
	if err := s.provenance(ctx, ops, d, t, r, key); err != nil {
		return nil, err
	}
	d.Answer = d.answer(s, info)
	return d, nil
}

// missingRecord says where a record is that is in the source and not in the version.
func missingRecord(ctx context.Context, ops RecordOps, t *Table, info RecordInfo, key string) error {
	p := NotFound(strings.ToLower(info.Singular), key, "")
	if ops == nil || t.Source == "" {
		return p
	}
	state, err := ops.QuarantineState(ctx, t.Source, key)
	if err == nil && state != "" {
		p.Detail = fmt.Sprintf("%s %s is in quarantine (%s)", strings.ToLower(info.Singular), key, state)
		p.Hint = "/quarantine?table=" + t.Source
	}
	return p
}

func (s *Version) facts(d *RecordData, t *Table, r *recordFile, row *recordRow) {
	fact := func(col Column) Fact {
		f := Fact{Label: col.Label, Value: row.values[col.Name], Format: col.Format, Basis: TextOf(row.values[col.Name+"_basis"])}
		for name, column := range t.Filters {
			filter, is := s.def.Model.filter(name)
			if is && column == col.Name && filter.Path != "" && f.Value != nil {
				f.Link = strings.ReplaceAll(filter.Path, "{value}", EscapeQuery(TextOf(f.Value)))
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
func (s *Version) timeline(d *RecordData, r *recordFile, row *recordRow) {
	for _, e := range r.Timeline {
		label := cmp.Or(e.Label, Title(e.Column))
		at := TimeOf(row.values[e.Column])
		if at.IsZero() {
			d.Undated = append(d.Undated, label)
			continue
		}
		event := Event{
			Label: label, At: at, Day: s.calendar.day(at).Format(time.DateOnly), Basis: cmp.Or(TextOf(row.values[e.Basis]), "column"), Help: e.Hint,
		}
		if event.Basis == "binlog" || event.Basis == "snapshot" {
			event.Help = "" // A hint is of what the column says; this time was seen.
		}
		d.Timeline = append(d.Timeline, event)
	}
	slices.SortStableFunc(d.Timeline, func(a, b Event) int { return a.At.Compare(b.At) })
	for i := 1; i < len(d.Timeline); i++ {
		gap := d.Timeline[i].At.Sub(d.Timeline[i-1].At).Hours() / 24
		d.Timeline[i].Gap = &gap
	}
}

func (s *Version) related(ctx context.Context, d *RecordData, r *recordFile, row *recordRow) error {
	for _, f := range r.Related {
		t := s.Tables[f.Table]
		if t == nil || t.column(f.Column) == nil {
			return fmt.Errorf("dashboards/model.yml: the related rows %q need a table and a column that are there", f.Title)
		}
		out := Related{Title: cmp.Or(f.Title, t.Title), Table: f.Table, Columns: []Column{}, Rows: [][]any{}, Parent: f.Parent}
		value := row.values[f.Equals]
		if value == nil {
			d.Related = append(d.Related, out)
			continue
		}
		literal, err := TypedLiteral(f.Column, TextOf(value), t.column(f.Column).Type)
		if err != nil {
			return err
		}
		var parts []string
		for _, col := range t.Columns {
			if len(f.Columns) == 0 || slices.Contains(f.Columns, col.Name) {
				out.Columns = append(out.Columns, col)
				parts = append(parts, quoteName(col.Name))
			}
		}
		where := quoteName(f.Column) + " = " + literal
		if err := s.db.QueryRowContext(ctx, "select count(*) from "+t.relation+" as t where "+where).Scan(&out.Total); err != nil {
			return fmt.Errorf("read %s of a record: %w", f.Table, err)
		}
		var order []string
		for column := range strings.SplitSeq(cmp.Or(f.Order, t.Key, t.Columns[0].Name), ",") {
			order = append(order, quoteName(strings.TrimSpace(column)))
		}
		got, err := Fetch(ctx, s.db, fmt.Sprintf("select %s from %s as t where %s order by %s limit 200", strings.Join(parts, ", "), t.relation,
			where, strings.Join(order, ", ")), 0)
		if err != nil {
			return fmt.Errorf("read %s of a record: %w", f.Table, err)
		}
		out.Rows = got.Rows
		link := listPath(s, f.Table)
		separator := "?"
		if strings.Contains(link, "?") {
			separator = "&"
		}
		out.Link = link + separator + EscapeQuery(f.Column) + "=" + EscapeQuery(TextOf(value))
		d.Related = append(d.Related, out)
	}
	return nil
}

// sumCheck sets the record's amount beside the sum of its lines, where both are of one currency.
func sumCheck(ctx context.Context, s *Version, r *recordFile, row *recordRow, d *RecordData) (*SumCheck, error) {
	f := r.Sum
	if f == nil || row.values[f.Equals] == nil || d.Amount == "" {
		return nil, nil
	}
	t := s.Tables[f.Table]
	if t == nil || t.column(f.Column) == nil {
		return nil, fmt.Errorf("dashboards/model.yml: the sum of %s needs a table and a column that are there", r.Name)
	}
	literal, err := TypedLiteral(f.Column, TextOf(row.values[f.Equals]), t.column(f.Column).Type)
	if err != nil {
		return nil, err
	}
	got, err := Fetch(ctx, s.db, fmt.Sprintf("select %s, cast(sum(%s) as numeric(38,4)), count(*) from %s as t where %s = %s and (%s) group "+
		"by 1",
		quoteName(f.Currency), quoteName(f.Amount), t.relation, quoteName(f.Column), literal, cmp.Or(f.Where, "true")), 0)
	if err != nil {
		return nil, fmt.Errorf("add up the lines of a record: %w", err)
	}
	noun := cmp.Or(f.Noun, "lines")
	if len(got.Rows) == 0 {
		return &SumCheck{Text: "There are no " + noun + " to compare with.", Amount: d.Amount, Currency: d.Currency}, nil
	}
	if len(got.Rows) > 1 || TextOf(got.Rows[0][0]) != d.Currency {
		return &SumCheck{Text: "The " + noun + " are in another currency and cannot be compared.", Amount: d.Amount, Currency: d.Currency}, nil
	}
	amount, lines := rational(d.Amount), rational(got.Rows[0][1])
	if amount == nil || lines == nil {
		return nil, nil
	}
	diff := new(big.Rat).Sub(amount, lines)
	out := &SumCheck{
		Amount: d.Amount, Lines: lines.FloatString(4), Difference: diff.FloatString(4), Currency: d.Currency,
		Equal: diff.Sign() == 0,
	}
	out.Text = fmt.Sprintf("%s %s − %s %s = %s", strings.ToLower(r.Singular), exactMoney(amount), noun, exactMoney(lines), exactMoney(diff))
	return out, nil
}

func exactMoney(x *big.Rat) string {
	text := x.FloatString(2)
	head, tail, _ := strings.Cut(text, ".")
	return grouped(head) + "." + tail
}

// provenance says which row of the source it was and what cleaning set.
func (s *Version) provenance(ctx context.Context, ops RecordOps, d *RecordData, t *Table, r *recordFile, key string) error {
	d.Provenance = Provenance{
		Source: t.Source, Key: key, Run: s.Run, Version: s.Number, RunLink: fmt.Sprintf("/runs/%d", s.Run),
		Changed: []Change{},
	}
	core := s.Tables[r.Core]
	if core == nil {
		return nil
	}
	row, err := readRow(ctx, s, core, cmp.Or(core.Key, "id"), key)
	if err != nil {
		return fmt.Errorf("read where %s %s came from: %w", r.Name, key, err)
	}
	if row != nil {
		for _, col := range core.Columns {
			basis, is := row.values[col.Name+"_basis"].(string)
			if !is || slices.Contains([]string{"source", "column", "given", "as_given", "missing"}, basis) {
				continue
			}
			d.Provenance.Changed = append(d.Provenance.Changed, Change{col.Name, row.values[col.Name+"_raw"], row.values[col.Name], basis})
		}
	}
	if ops == nil {
		return nil
	}
	_, short, _ := strings.Cut(r.Core, ".")
	checks, err := ops.TableChecks(ctx, short)
	d.Checks = append(d.Checks, checks...)
	return err
}

func (d *RecordData) answer(s *Version, info RecordInfo) string {
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
		text += fmt.Sprintf("; %s from “%s” to “%s”", daysText(days), strings.ToLower(d.Timeline[0].Label),
			strings.ToLower(d.Timeline[n-1].Label))
	}
	if d.Sum != nil && d.Sum.Lines != "" && !d.Sum.Equal {
		text += "; its amount and its lines differ"
	}
	return text + "."
}
