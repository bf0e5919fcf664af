package semantic

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// RowsQuery is one question for the rows of a table: filters, order and columns, the same for a page of them and for an export.
type RowsQuery struct {
	*boundQuery

	options ListOptions
	order   []orderPart
	sort    string
	columns []Column
	limit   int
	after   []any
}

// ListOptions are what is asked of a list of rows besides its filters.
type ListOptions struct {
	Sort   string // Column, with - for descending; the records' own order, else the key's, where none is given.
	Fields string // Columns by comma; all where none are given.
	Limit  int    // Rows a page; 0 means 100.
	After  string // Cursor: next of the page before.
}

// orderPart is one term of a total order; nulls always come last.
type orderPart struct {
	sql  string
	kind string
	desc bool
}

// rowid names the physical row where a table has no key of its own; it is stable within a version.
func (s *Version) rowid(t *Table) (expression, kind string) {
	if t.Kind == "table" || t.Kind == "derived" && s.memory != "" {
		return s.reader.RowID()
	}
	return "", ""
}

// Rows binds a question for rows to one table.
func (s *Version) Rows(name string, a *Filters, o ListOptions) (*RowsQuery, error) {
	t, err := s.Table(name)
	if err != nil {
		return nil, err
	}
	b, err := s.bind(a, t)
	if err != nil {
		return nil, err
	}
	l := &RowsQuery{boundQuery: b, options: o, limit: cmp.Or(o.Limit, 100)}
	if err := l.orderBy(cmp.Or(o.Sort, s.defaultSort(t))); err != nil {
		return nil, err
	}
	if err := l.choose(o.Fields); err != nil {
		return nil, err
	}
	if o.After != "" {
		if l.after, err = l.cursor(o.After); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// defaultSort is the records' own order, else the key's.
func (s *Version) defaultSort(t *Table) string {
	if r := s.def.Model.recordOf(t.Name); r != nil && r.Sort != "" {
		return r.Sort
	}
	return t.Key
}

func (l *RowsQuery) orderBy(sort string) error {
	l.sort = sort
	name, desc := strings.CutPrefix(sort, "-")
	if name != "" {
		col := l.table.column(name)
		if col == nil {
			col = l.table.column(l.table.Filters[name])
		}
		if col == nil {
			return &FilterError{"sort", sort, "names no column of " + l.table.Name}
		}
		l.order = append(l.order, l.orderPart(*col, desc))
	}
	if l.table.Key != "" {
		if name != l.table.Key {
			l.order = append(l.order, l.orderPart(*l.table.column(l.table.Key), false))
		}
		return nil
	}
	if id, kind := l.snap.rowid(l.table); id != "" {
		l.order = append(l.order, orderPart{id, kind, false})
		return nil
	}
	for _, c := range l.table.Columns {
		if c.Name != name {
			l.order = append(l.order, l.orderPart(c, false))
		}
	}
	return nil
}

func (l *RowsQuery) orderPart(c Column, desc bool) orderPart {
	sql, kind := l.snap.comparable(c)
	return orderPart{sql, kind, desc}
}

func (l *RowsQuery) choose(fields string) error {
	if fields == "" {
		l.columns = slices.Clone(l.table.Columns)
		return nil
	}
	for name := range strings.SplitSeq(fields, ",") {
		c := l.table.column(name)
		if c == nil {
			return &FilterError{"fields", name, "is not a column of " + l.table.Name}
		}
		l.columns = append(l.columns, *c)
	}
	return nil
}

func (l *RowsQuery) orderSQL() string {
	parts := make([]string, len(l.order))
	for i, o := range l.order {
		parts[i] = o.sql
		if o.desc {
			parts[i] += " desc"
		}
		parts[i] += " nulls last"
	}
	return strings.Join(parts, ", ")
}

// afterSQL is met by what comes after a row in the order.
func (l *RowsQuery) afterSQL() (string, error) {
	if l.after == nil {
		return "true", nil
	}
	var alternatives, same []string
	for i, o := range l.order {
		v := l.after[i]
		if v == nil {
			same = append(same, o.sql+" is null") // Nothing of this term comes after null.
			continue
		}
		text := fmt.Sprint(v)
		literal := "cast(" + QuoteText(text) + " as tid)"
		if o.kind != "tid" {
			var err error
			if literal, err = TypedLiteral("after", text, o.kind); err != nil {
				return "", err
			}
		}
		sign := " > "
		if o.desc {
			sign = " < "
		}
		beyond := append(slices.Clone(same), "("+o.sql+sign+literal+" or "+o.sql+" is null)")
		alternatives = append(alternatives, "("+strings.Join(beyond, " and ")+")")
		same = append(same, o.sql+" = "+literal)
	}
	if len(alternatives) == 0 {
		return "false", nil
	}
	return "(" + strings.Join(alternatives, " or ") + ")", nil
}

// cursorState ties a cursor to its order, so that one from another list is refused.
type cursorState struct {
	Version int64  `json:"v"`
	Sort    string `json:"s"`
	Values  []any  `json:"k"`
}

func (l *RowsQuery) cursor(text string) ([]any, error) {
	bad := &FilterError{"after", text, "is not a cursor of this list; begin again without it"}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, bad
	}
	state := cursorState{}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if err := d.Decode(&state); err != nil || state.Sort != l.sort || len(state.Values) != len(l.order) {
		return nil, bad
	}
	for _, v := range state.Values {
		switch v.(type) {
		case nil, string, json.Number, bool:
		default:
			return nil, bad
		}
	}
	if state.Version != l.snap.Number {
		l.notices = append(l.notices, "The data has changed since the page before; rows may have moved.")
	}
	return state.Values, nil
}

// selectSQL is the rows' own select; extra columns carry the order's values for the cursor.
func (l *RowsQuery) selectSQL(extra bool) (string, error) {
	parts := make([]string, len(l.columns))
	for i, c := range l.columns {
		parts[i] = quoteName(c.Name)
	}
	after := "true"
	if extra {
		for i, o := range l.order {
			value := o.sql
			if o.kind == "tid" || strings.HasPrefix(o.kind, "decimal") || o.kind == "hugeint" {
				value = "cast(" + o.sql + " as varchar)"
			}
			parts = append(parts, fmt.Sprintf("%s as _order%d", value, i))
		}
		var err error
		if after, err = l.afterSQL(); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("select %s from %s as t where %s and %s order by %s",
		strings.Join(parts, ", "), l.table.relation, l.where(), after, l.orderSQL()), nil
}

// Key names the question, for a cache of its answers.
func (l *RowsQuery) Key(histogram bool) string {
	return encodePairs(l.exact()) + fmt.Sprintf("|%s|%s|%d|%s|%v|%v", l.sort, l.options.Fields, l.limit, l.options.After, histogram, l.notices)
}

// Answer reads one page of the rows; the counts over the dates cost a query more.
func (l *RowsQuery) Answer(ctx context.Context, histogram bool) (*RowsData, *Page, error) {
	query, err := l.selectSQL(true)
	if err != nil {
		return nil, nil, err
	}
	got, more, err := FetchPage(ctx, l.snap.db, query, l.limit)
	if err != nil {
		return nil, nil, fmt.Errorf("read rows of %s: %w", l.table.Name, err)
	}
	data := &RowsData{
		Table: l.table.Name, Title: l.table.Title, Columns: l.linked(), Rows: [][]any{}, Sort: l.sort, Exports: l.exports(),
		Link: l.follow(l.table.Name),
	}
	page := &Page{}
	for _, row := range got.Rows {
		data.Rows = append(data.Rows, row[:len(l.columns)])
	}
	if more {
		state, err := json.Marshal(cursorState{l.snap.Number, l.sort, got.Rows[len(got.Rows)-1][len(l.columns):]})
		if err != nil {
			return nil, nil, fmt.Errorf("write the cursor: %w", err)
		}
		page.Next = base64.RawURLEncoding.EncodeToString(state)
	}
	if data.Totals, page.Total, err = l.totals(ctx); err != nil {
		return nil, nil, fmt.Errorf("add up %s: %w", l.table.Name, err)
	}
	if data.Undated, err = l.countUndated(ctx); err != nil {
		return nil, nil, fmt.Errorf("count undated rows of %s: %w", l.table.Name, err)
	}
	if r := l.snap.def.Model.recordOf(l.table.Name); r != nil {
		info := l.snap.recordInfo(r)
		data.Record = &info
	}
	if histogram {
		if data.Histogram, err = l.histogram(ctx); err != nil {
			return nil, nil, fmt.Errorf("count %s by day: %w", l.table.Name, err)
		}
	}
	return data, page, nil
}

// linked gives columns that lead somewhere their links.
func (l *RowsQuery) linked() []Column {
	out := slices.Clone(l.columns)
	for i := range out {
		for name, column := range l.table.Filters {
			f, is := l.snap.def.Model.filter(name)
			if is && column == out[i].Name && f.Path != "" {
				out[i].Link = strings.ReplaceAll(f.Path, "{value}", "{"+column+"}")
			}
		}
		if r := l.snap.def.Model.recordOf(l.table.Name); r != nil && out[i].Name == l.table.Key {
			out[i].Link = "/" + r.Name + "/{" + l.table.Key + "}"
		}
	}
	return out
}

func (l *RowsQuery) exports() []ExportLink {
	pairs := l.exact()
	if l.sort != "" {
		pairs = append(pairs, pair{"sort", l.sort})
	}
	return ExportLinks("/api/v1/tables/" + l.table.Name + "/rows?" + encodePairs(pairs))
}

// totals counts and sums all matches; money never over two currencies (promise 8).
func (l *RowsQuery) totals(ctx context.Context) ([]RowTotals, int64, error) {
	unit, relation, where, rows := "cast(null as varchar)", l.sourceByDate(), l.where(), "count(*)"
	if c := l.table.currencyColumn(); c != "" {
		unit = quoteName(c)
		if counted, matches := l.counted(c); counted != "" {
			relation, where, rows = counted, matches, "cast(sum(n) as bigint)"
		}
	}
	parts := []string{unit, rows}
	for _, m := range l.table.moneyColumns() {
		parts = append(parts, "cast(sum("+quoteName(m)+") as numeric(38,4))")
	}
	got, err := Fetch(ctx, l.snap.db, fmt.Sprintf("select %s from %s as t where %s group by 1 order by 2 desc, 1", strings.Join(parts, ", "),
		relation, where), 0)
	if err != nil {
		return nil, 0, err
	}
	out, total := []RowTotals{}, int64(0)
	for _, row := range got.Rows {
		t := RowTotals{Currency: TextOf(row[0]), Rows: CountOf(row[1]), Sums: map[string]string{}}
		for i, m := range l.table.moneyColumns() {
			if row[2+i] != nil {
				t.Sums[m] = TextOf(row[2+i])
			}
		}
		total += t.Rows
		out = append(out, t)
	}
	return out, total, nil
}

func (l *RowsQuery) countUndated(ctx context.Context) (int64, error) {
	if l.column == "" || l.undated != "exclude" {
		return 0, nil
	}
	var n int64
	query := fmt.Sprintf("select count(*) from %s as t where %s and %s is null", l.source(), l.conditionsSQL(), quoteName(l.column))
	if totals := l.totalsTable(); totals != "" {
		query = fmt.Sprintf("select cast(coalesce(sum(n), 0) as bigint) from %s as t where %s and not dated", totals, l.conditionsSQL())
	}
	err := l.snap.db.QueryRowContext(ctx, query).Scan(&n)
	return n, err
}

// counted is where the matches are counted already, and which of its rows are theirs; empty where they must be counted one by one. The
// named columns must be among what is counted by.
func (l *RowsQuery) counted(columns ...string) (relation, where string) {
	b := *l.boundQuery
	switch {
	case b.table.copies == nil:
		return "", ""
	case b.column == "" || b.undated == "":
		if b.column == "" {
			b.column = b.table.Dates[b.snap.defaultBasis(b.table)]
		}
		totaled := !slices.ContainsFunc(columns, func(c string) bool { return !b.table.copies.totaled[c] })
		if totals := b.totalsTable(); totals != "" && totaled {
			return totals, b.conditionsSQL()
		}
		return b.groupsTable(columns...), b.conditionsSQL() // Rows without a date have a group of their own.
	case b.undated == "exclude":
		return b.groupsTable(columns...), b.conditionsSQL() + " and " + daysSQL("day", b.from, b.to, b.undated)
	}
	return "", ""
}

// histogram counts the matches over the date basis, or over the table's first one where the question names none.
func (l *RowsQuery) histogram(ctx context.Context) (*Histogram, error) {
	b := *l.boundQuery
	if b.column == "" {
		if b.basis = l.snap.defaultBasis(l.table); b.basis == "" {
			return nil, nil
		}
		b.column = l.table.Dates[b.basis]
	}
	low, high := b.span()
	if data := l.table.bounds[b.basis]; !data.from.IsZero() {
		if b.from.IsZero() {
			low = data.from
		}
		if b.to.IsZero() {
			high = data.to
		}
	}
	grain := grainOf(low, high)
	day, relation, where, rows := "", b.sourceByDate(), l.where()+" and "+quoteName(b.column)+" is not null", "count(*)"
	if counted := b.groupsTable(); counted != "" && b.undated != "only" {
		day, relation, rows = "day", counted, "cast(sum(n) as bigint)"
		where = b.conditionsSQL() + " and day is not null"
		if l.column != "" && l.undated != "" {
			where = b.conditionsSQL() + " and " + daysSQL("day", b.from, b.to, "exclude")
		}
	}
	bucketSQL, err := b.bucketOf(day, grain, low)
	if err != nil {
		return nil, err
	}
	got, err := Fetch(ctx, l.snap.db, fmt.Sprintf("select %s as bucket, %s as n from %s as t where %s group by 1", bucketSQL, rows,
		relation, where), 0)
	if err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	for _, row := range got.Rows {
		counts[TextOf(row[0])] = CountOf(row[1])
	}
	h := &Histogram{Grain: grain, Bins: []Bin{}}
	for _, x := range buckets(low, high, grain) {
		from, to := x.from.Format(time.DateOnly), x.to.Format(time.DateOnly)
		h.Bins = append(h.Bins, Bin{from, to, counts[from], l.follow(l.table.Name + "?basis=" + b.basis + "&from=" + from + "&to=" + to)})
	}
	return h, nil
}
