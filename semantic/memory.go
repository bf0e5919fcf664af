package semantic

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// memoryCopies are what a reader keeps in memory of one table that pages read all the time, on DuckDB: only the columns that pages,
// filters, dates and money name. PostgreSQL has its own cache and indexes.
type memoryCopies struct {
	narrow  map[string]bool            // The columns of the copies.
	all     string                     // Every row, by state; empty for none.
	dated   map[string]string          // By date column: the rows that have it, sorted by it, so that a period is a small part.
	groups  map[string]string          // By date column: rows and money of each day and each combination of the columns below.
	grouped map[string]bool            // Columns of few values.
	totals  map[string]string          // By date column: rows and money of each combination of all filters' columns, dated or not.
	totaled map[string]bool            // The columns of the totals.
	values  map[string]map[string]bool // All values of the columns that have few.
}

// few is how many values a column of the groups may have: more would make as many groups as there are rows.
const few = 64

// manyTotals is how many combinations of the filters' values are still worth keeping.
const manyTotals = 100000

// copiedDates are the date columns of a table that pages count by.
func (s *Version) copiedDates(t *Table) []string {
	bases := []string{s.defaultBasis(t)}
	add := func(text string) {
		for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "_on") {
				basis, _, _ := strings.Cut(m[2], ",")
				bases = append(bases, strings.TrimSpace(basis))
			}
		}
	}
	for _, p := range s.def.Pages {
		for _, q := range p.Queries {
			add(q)
		}
		for _, c := range p.Cards {
			add(c.SQL)
			bases = append(bases, c.Basis)
		}
	}
	var out []string
	for _, b := range bases {
		if column := t.Dates[b]; column != "" && !slices.Contains(out, column) {
			out = append(out, column)
		}
	}
	return out
}

// words are what a text of SQL may call columns by.
var words = regexp.MustCompile(`[A-Za-z_]\w*`)

// loadCopies makes the copies of all tables that ask for them.
func (s *Version) loadCopies(ctx context.Context) error {
	if s.memory == "" {
		return nil
	}
	named := map[string]bool{}
	for _, p := range s.def.Pages {
		for _, q := range p.Queries {
			for _, w := range words.FindAllString(q, -1) {
				named[w] = true
			}
		}
		for _, c := range p.Cards {
			for _, w := range words.FindAllString(c.SQL, -1) {
				named[w] = true
			}
		}
	}
	if err := s.reader.Compress(ctx); err != nil { // The derived tables are there already.
		return err
	}
	for _, name := range s.Names {
		t := s.Tables[name]
		var err error
		switch {
		case t.InMemory != "" && len(t.Dates) > 0:
			err = s.copyTable(ctx, t, named)
		case t.Kind == "derived":
			t.copies = &memoryCopies{values: map[string]map[string]bool{}} // It is in memory itself.
			if c := t.currencyColumn(); c != "" {
				err = s.keepValues(ctx, t.copies, t.relation, c)
			}
		}
		if err != nil {
			return fmt.Errorf("copy %s into memory: %w", name, err)
		}
	}
	return s.reader.Compress(ctx)
}

func (s *Version) copyTable(ctx context.Context, t *Table, named map[string]bool) error {
	f := &memoryCopies{
		narrow: map[string]bool{}, dated: map[string]string{}, groups: map[string]string{}, grouped: map[string]bool{},
		totals: map[string]string{},
	}
	keep := map[string]bool{t.Key: t.InMemory == memoryRows}
	for _, m := range []map[string]string{t.Filters, t.Dates, t.Money} {
		for a, b := range m {
			keep[a], keep[b] = true, true
		}
	}
	var columns []string
	for _, c := range t.Columns {
		if keep[c.Name] || named[c.Name] || t.InMemory == memoryCounts {
			f.narrow[c.Name] = true
			columns = append(columns, quoteName(c.Name))
		}
	}
	create := func(name, query string) (string, error) {
		relation := s.memory + "." + quoteName(t.Name+name)
		_, err := s.db.ExecContext(ctx, "create or replace table "+relation+" as "+query)
		return relation, err
	}
	list := strings.Join(columns, ", ")
	dates := s.copiedDates(t)
	from := t.relation
	var sorted []string
	switch t.InMemory {
	case memoryRows:
		order := quoteName(dates[0])
		for _, filter := range s.def.Model.filters {
			if column := t.Filters[filter.Name]; filter.Kind == "state" && column != "" {
				order = quoteName(column) + ", " + order
				break
			}
		}
		var err error
		if f.all, err = create("", fmt.Sprintf("select %s from %s as t order by %s", list, t.relation, order)); err != nil {
			return err
		}
		from, sorted = f.all, dates
	case memoryDatedRows:
		sorted = dates[:1]
	case memoryCounts:
		f.all = t.relation
	}
	for _, name := range sorted {
		d := quoteName(name)
		var err error
		if f.dated[name], err = create(" by "+name, fmt.Sprintf("select %s from %s as t where %s is not null order by %s", list, from, d,
			d)); err != nil {
			return err
		}
	}
	f.values = map[string]map[string]bool{}
	if f.all != "" {
		if err := s.countGroups(ctx, t, f, dates, create); err != nil {
			return err
		}
	} else if c := t.currencyColumn(); c != "" {
		if err := s.keepValues(ctx, f, from, c); err != nil {
			return err
		}
	}
	t.copies = f
	return nil
}

// keepValues keeps the values of a column that has few.
func (s *Version) keepValues(ctx context.Context, f *memoryCopies, relation, column string) error {
	got, err := Fetch(ctx, s.db, fmt.Sprintf("select distinct cast(%s as varchar) from %s limit %d", quoteName(column), relation, few+1), 0)
	if err != nil || len(got.Rows) > few {
		return err
	}
	f.values[column] = map[string]bool{}
	for _, row := range got.Rows {
		f.values[column][valueOrNull(row[0])] = true
	}
	return nil
}

// countGroups counts the rows of each day and each combination of the columns with few values.
func (s *Version) countGroups(ctx context.Context, t *Table, f *memoryCopies, dates []string,
	create func(name, query string) (string, error),
) error {
	candidates := []string{}
	for _, column := range t.Filters {
		candidates = append(candidates, column)
	}
	if c := t.currencyColumn(); c != "" {
		candidates = append(candidates, c)
	}
	slices.Sort(candidates)
	candidates = slices.Compact(candidates)
	var columns []string
	for _, c := range candidates {
		if err := s.keepValues(ctx, f, f.all, c); err != nil {
			return err
		}
		if f.values[c] != nil {
			f.grouped[c] = true
			columns = append(columns, quoteName(c))
		}
	}
	measures, err := s.measures(ctx, t, f.all)
	if err != nil {
		return err
	}
	for _, d := range dates {
		if !s.daysAreExact(t, d) {
			continue
		}
		parts := append([]string{s.dayOf(t, d) + " as day"}, columns...)
		var err error
		f.groups[d], err = create(" grouped by "+d, fmt.Sprintf("select %s, %s from %s group by %s order by day",
			strings.Join(parts, ", "), strings.Join(measures, ", "), f.all, numbers(len(parts))))
		if err != nil {
			return err
		}
	}
	return s.countTotals(ctx, t, f, candidates, dates, measures, create)
}

// withoutSuffix ends the name under which groups keep how many of their rows have no value in a money column.
const withoutSuffix = " without"

// measures are what groups count and sum. A sum of groups of 64 bits takes half the time of one of 128, so they are as narrow as the
// sum of all rows allows: no group's sum is larger.
func (s *Version) measures(ctx context.Context, t *Table, relation string) ([]string, error) {
	parts := []string{"count(*) < 2000000000"}
	for _, m := range t.moneyColumns() {
		parts = append(parts, fmt.Sprintf("coalesce(sum(abs(%s)), 0) < 10000000000000", quoteName(m)))
	}
	got, err := Fetch(ctx, s.db, "select "+strings.Join(parts, ", ")+" from "+relation, 1)
	if err != nil {
		return nil, err
	}
	narrow := func(i int, small, wide string) string {
		if is, _ := got.Rows[0][i].(bool); is {
			return small
		}
		return wide
	}
	out := []string{"cast(count(*) as " + narrow(0, "integer", "bigint") + ") as n"}
	for i, m := range t.moneyColumns() {
		out = append(out,
			fmt.Sprintf("cast(sum(%s) as %s) as %s", quoteName(m), narrow(i+1, "numeric(18, 4)", "numeric(38, 4)"), quoteName(m)),
			fmt.Sprintf("cast(count(*) - count(%s) as %s) as %s", quoteName(m), narrow(0, "integer", "bigint"), quoteName(m+withoutSuffix)))
	}
	return out, nil
}

// countTotals counts the rows of each combination of all filters, which is what a page says of the rows that it leaves out.
func (s *Version) countTotals(ctx context.Context, t *Table, f *memoryCopies, columns, dates, measures []string,
	create func(name, query string) (string, error),
) error {
	f.totaled = map[string]bool{}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i], f.totaled[c] = quoteName(c), true
	}
	for _, d := range dates {
		name := quoteName(d)
		relation, err := create(" totals by "+d, fmt.Sprintf("select %s, %s from %s group by %s limit %d",
			strings.Join(append([]string{name + " is not null as dated"}, names...), ", "), strings.Join(measures, ", "), f.all, numbers(len(names)+
				1), manyTotals+1))
		if err != nil {
			return err
		}
		var n int64
		if err := s.db.QueryRowContext(ctx, "select count(*) from "+relation).Scan(&n); err != nil {
			return err
		}
		if n > manyTotals {
			_, err := s.db.ExecContext(ctx, "drop table "+relation)
			return err
		}
		f.totals[d] = relation
	}
	return nil
}

// daysAreExact says whether every date of a column lies in the years for which SQL knows the zone's changes.
func (s *Version) daysAreExact(t *Table, column string) bool {
	for basis, c := range t.Dates {
		if b := t.bounds[basis]; c == column {
			return b.from.IsZero() || b.from.Year() >= 1990 && b.to.Before(s.AsOf.AddDate(1, 0, -2))
		}
	}
	return false
}

// dayOf is the business day of a date column, which may be a day already.
func (s *Version) dayOf(t *Table, column string) string {
	if c := t.column(column); c != nil && c.Type == "date" {
		return quoteName(column)
	}
	return s.day(quoteName(column))
}

// numbers are the places 1 to n.
func numbers(n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(i + 1)
	}
	return strings.Join(out, ", ")
}

// sourceByDate is source for a question for a period: the copy that is sorted by its date, where there is one.
func (b *boundQuery) sourceByDate(more ...string) string {
	if f := b.table.copies; b.copied(more) && f.dated[b.column] != "" && b.undated == "exclude" {
		return f.dated[b.column]
	}
	return b.source(more...)
}

// source is the relation to count and sum over: a copy in memory where it has all columns that the question needs.
func (b *boundQuery) source(more ...string) string {
	if f := b.table.copies; b.copied(more) && f.all != "" {
		return f.all
	}
	return b.table.relation
}

// copied tells whether the copies in memory have all columns that the question needs.
func (b *boundQuery) copied(more []string) bool {
	f := b.table.copies
	return f != nil && !slices.ContainsFunc(b.conds, func(c boundCondition) bool { return !f.narrow[c.column.Name] }) &&
		!slices.ContainsFunc(more, func(name string) bool { return !f.narrow[name] })
}

// groupsTable is where the question can be answered from rows that are counted already; empty where it names a column of many values.
func (b *boundQuery) groupsTable(columns ...string) string {
	if b.table.copies == nil || b.column == "" {
		return ""
	}
	f := b.table.copies
	for _, c := range b.conds {
		columns = append(columns, c.column.Name)
	}
	for _, c := range columns {
		if !f.grouped[c] {
			return ""
		}
	}
	return f.groups[b.column]
}

// totalsTable is where rows can be counted whose date does not matter; empty where a condition is on no filter's column.
func (b *boundQuery) totalsTable() string {
	if b.table.copies == nil {
		return ""
	}
	for _, c := range b.conds {
		if !b.table.copies.totaled[c.column.Name] {
			return ""
		}
	}
	return b.table.copies.totals[b.column]
}

// groups are the table's rows under the filters, as {{ groups(columns) }} gives them: day, the named columns, the money columns, and n,
// how many rows each stands for. Where nothing is counted beforehand every row stands for itself.
func (b *boundQuery) groups(which string, columns []string) (string, error) {
	if b.column == "" {
		return "", fmt.Errorf("{{ %s }} needs a table with dates", which)
	}
	parts := []string{"day"}
	for _, c := range append(slices.Clone(columns), b.table.moneyColumns()...) {
		if b.table.column(c) == nil {
			return "", fmt.Errorf("{{ %s }}: %s has no column %q", which, b.table.Name, c)
		}
		parts = append(parts, quoteName(c))
	}
	relation := b.groupsTable(columns...)
	if relation != "" {
		parts = append(parts, "n")
	} else {
		parts[0] = b.snap.dayOf(b.table, b.column) + " as day"
		parts = append(parts, "1 as n")
	}
	period := func(from, to time.Time, undated string) string {
		if relation != "" {
			return daysSQL("day", from, to, undated)
		}
		return b.periodSQL(b.column, from, to, undated)
	}
	where := b.conditionsSQL()
	switch which {
	case "groups":
		where += " and " + period(b.from, b.to, b.undated)
	case "groups_both":
		now, before := period(b.from, b.to, b.undated), "false"
		if b.versus != "none" {
			before = period(b.versusFrom, b.versusTo, "exclude")
		}
		parts = append(parts, "("+now+") as is_now", "("+before+") as is_before")
		where += " and (" + now + " or " + before + ")"
		if low, high, is := b.bothPeriods(); is {
			where += " and " + period(low, high, "exclude")
		}
	}
	if relation == "" {
		relation = b.sourceByDate()
		if which == "groups_any_date" {
			relation = b.source()
		}
	}
	return "(select " + strings.Join(parts, ", ") + " from " + relation + " as t where " + where + ")", nil
}

// bothPeriods is one span over the period and the one compared with: it lets the engine skip what lies outside, which an "or" does not.
func (b *boundQuery) bothPeriods() (low, high time.Time, is bool) {
	if b.column == "" || b.versus == "none" || b.undated != "exclude" {
		return low, high, false
	}
	low, high = b.versusFrom, b.to
	if b.from.Before(low) {
		low = b.from
	}
	if b.versusTo.After(high) {
		high = b.versusTo
	}
	return low, high, true
}

// daysSQL is the condition of a period on business days.
func daysSQL(column string, from, to time.Time, undated string) string {
	if undated == "only" {
		return "(" + column + " is null)"
	}
	parts := []string{}
	if !from.IsZero() {
		parts = append(parts, column+" >= date '"+from.Format(time.DateOnly)+"'")
	}
	if !to.IsZero() {
		parts = append(parts, column+" <= date '"+to.Format(time.DateOnly)+"'")
	}
	if len(parts) == 0 {
		parts = append(parts, column+" is not null")
	}
	text := strings.Join(parts, " and ")
	if undated == "include" {
		return "(" + column + " is null or (" + text + "))"
	}
	return "(" + text + ")"
}

// allMeet says whether a text column holds nothing but the given values.
func (t *Table) allMeet(column string, values []string) bool {
	if t.copies == nil || t.copies.values[column] == nil || t.column(column).Type != "varchar" {
		return false
	}
	for v := range t.copies.values[column] {
		if !slices.Contains(values, v) {
			return false
		}
	}
	return true
}

// query executes a card's SQL. What a text asks without the period is kept with the version, for people change the period most; an answer
// is read by several and must not be changed.
func (s *Version) query(ctx context.Context, text, sql string) (*Result, error) {
	if !strings.Contains(text, "_any_date") || strings.Count(text, "{{ rows")+
		strings.Count(text, "{{ groups") != strings.Count(text, "_any_date") {
		return Fetch(ctx, s.db, sql, maxCardRows)
	}
	if kept, is := s.kept.Load(sql); is {
		return kept.(*Result), nil
	}
	got, err := Fetch(ctx, s.db, sql, maxCardRows)
	if err == nil && len(got.Rows) <= 50 && s.keptCount.Add(1) < 10000 {
		s.kept.Store(sql, got)
	}
	return got, err
}
