package semantic

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

var placeholder = regexp.MustCompile(`\{\{\s*([a-z_]+)(?:\(\s*([^(){}]*?)\s*\))?\s*\}\}`)

// expand puts SQL in place of a text's {{ name(argument) }}.
func expand(text string, what func(name, arg string) (string, error)) (string, error) {
	var failed error
	out := placeholder.ReplaceAllStringFunc(text, func(m string) string {
		f := placeholder.FindStringSubmatch(m)
		sql, err := what(f[1], f[2])
		if err != nil && failed == nil {
			failed = err
		}
		return sql
	})
	if failed == nil && strings.Contains(out, "{{") {
		failed = errors.New("a placeholder is written {{ name }} or {{ name(argument) }}")
	}
	return out, failed
}

// placeholder puts SQL in place of one name of a card's SQL; docs/dashboard.md lists them for authors.
func (p *PageQuery) placeholder(name, arg string) (string, error) {
	b := p.main
	if sql, is, err := p.relationPlaceholder(name, arg); is || err != nil {
		return sql, err
	}
	switch name {
	case "day":
		if arg == "" {
			if arg = b.column; arg == "" {
				return "", errors.New("{{ day }} needs a table with dates")
			}
			arg = quoteName(arg)
		}
		return p.snap.day(arg), nil
	case "basis":
		return quoteName(b.column), nil
	case "from", "to":
		low, high := b.span()
		if name == "to" {
			low = high
		}
		return "date '" + low.Format(time.DateOnly) + "'", nil
	case "days":
		low, high := b.span()
		return fmt.Sprint(int(high.Sub(low).Hours()/24) + 1), nil
	case "buckets":
		return b.bucketRows(arg)
	case "bucket":
		low, high := b.span()
		return b.bucketOf(arg, grainOf(low, high), low)
	case "top":
		return "all", nil // Where all rows are wanted; a page's card has its limit here.
	case "currency":
		return QuoteText(b.currency), nil
	}
	return p.snap.plainPlaceholder(name, arg)
}

// relationPlaceholder are those that stand for rows, or for groups of them.
func (p *PageQuery) relationPlaceholder(name, arg string) (sql string, is bool, err error) {
	b := p.main
	switch name {
	case "rows", "rows_before", "rows_both", "rows_any_date":
		b, err := p.on(arg, "")
		if err != nil {
			return "", true, err
		}
		return b.subquery(name), true, nil
	case "rows_on", "rows_on_before":
		basis, table, _ := strings.Cut(arg, ",")
		b, err := p.on(strings.TrimSpace(table), strings.TrimSpace(basis))
		if err != nil {
			return "", true, err
		}
		return b.subquery(strings.Replace(name, "_on", "", 1)), true, nil
	case "groups", "groups_both", "groups_any_date":
		sql, err = b.groups(name, splitList(arg))
		return sql, true, err
	case "groups_on", "groups_any_date_on":
		basis, rest, _ := strings.Cut(arg, ",")
		columns, table := splitList(rest), ""
		if len(columns) > 0 && strings.Contains(columns[0], ".") {
			table = columns[0]
			columns = columns[1:]
		}
		b, err := p.on(table, strings.TrimSpace(basis))
		if err != nil {
			return "", true, err
		}
		sql, err = b.groups(strings.TrimSuffix(name, "_on"), columns)
		return sql, true, err
	case "groups_without":
		filter, columns, _ := strings.Cut(arg, ",")
		other := *b
		other.conds = slices.DeleteFunc(slices.Clone(b.conds), func(c boundCondition) bool { return c.Name == strings.TrimSpace(filter) })
		sql, err = other.groups("groups", splitList(columns))
		return sql, true, err
	case "rows_without":
		return "(select * from " + b.sourceByDate() + " as t where " + b.where(strings.TrimSpace(arg)) + ")", true, nil
	}
	return "", false, nil
}

// splitList are the names of a list with commas.
func splitList(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// subquery is the table's rows under the filters, ready for a from clause with an alias.
func (b *boundQuery) subquery(which string) string {
	where := b.where()
	columns := "*"
	switch which {
	case "rows_any_date":
		where = b.conditionsSQL()
	case "rows_before":
		where = "false"
		if b.versus != "none" && b.column != "" {
			where = b.conditionsSQL() + " and " + b.periodSQL(b.column, b.versusFrom, b.versusTo, "exclude")
		}
	case "rows_both":
		now := "true"
		before := "false"
		if b.column != "" {
			now = b.periodSQL(b.column, b.from, b.to, b.undated)
			if b.versus != "none" {
				before = b.periodSQL(b.column, b.versusFrom, b.versusTo, "exclude")
			}
		}
		columns = "*, (" + now + ") as is_now, (" + before + ") as is_before"
		where = b.conditionsSQL() + " and (" + now + " or " + before + ")"
		if low, high, is := b.bothPeriods(); is {
			where += " and " + b.periodSQL(b.column, low, high, "exclude")
		}
	}
	from := b.sourceByDate()
	if which == "rows_any_date" {
		from = b.source()
	}
	return "(select " + columns + " from " + from + " as t where " + where + ")"
}

// span is the period with open ends closed by the data's own, over all dates of the table: a card may draw two of them on one axis.
func (b *boundQuery) span() (time.Time, time.Time) {
	low, high := b.from, b.to
	var data bucket
	for _, x := range b.table.bounds {
		if data.from.IsZero() || x.from.Before(data.from) {
			data.from = x.from
		}
		if x.to.After(data.to) {
			data.to = x.to
		}
	}
	if low.IsZero() {
		low = data.from
	}
	if high.IsZero() {
		high = data.to
	}
	if high.IsZero() {
		high = b.snap.Through
	}
	if low.IsZero() || low.After(high) {
		low = high
	}
	// A period far outside the data would make bars without end.
	if high.Sub(low) > 200*366*24*time.Hour {
		low = high.AddDate(-200, 0, 0)
	}
	return low, high
}

// bucketRows are the period's bars as rows (bucket, bucket_to).
func (b *boundQuery) bucketRows(grain string) (string, error) {
	low, high := b.span()
	if grain == "" {
		grain = grainOf(low, high)
	}
	if !slices.Contains([]string{"day", "week", "month"}, grain) {
		return "", fmt.Errorf("{{ buckets(%s) }}: day, week or month", grain)
	}
	// A series is planned in half the time that a list of its days takes.
	const day = "date '2006-01-02'"
	start := low
	switch grain {
	case "week":
		start = start.AddDate(0, 0, -(int(start.Weekday())+6)%7)
	case "month":
		start = start.AddDate(0, 0, 1-start.Day())
	}
	return fmt.Sprintf("(select greatest(cast(g as date), %[1]s) as bucket, least(cast(g + interval '1 %[4]s' - interval '1 day' as date), "+
		"%[2]s) as bucket_to "+
		"from generate_series(timestamp '%[3]s', timestamp '%[5]s', interval '1 %[4]s') as v(g))",
		low.Format(day), high.Format(day), start.Format(time.DateOnly), grain, high.Format(time.DateOnly)), nil
}

// bucketOf is the first day of the bar that a column's business day falls in.
func (b *boundQuery) bucketOf(arg, grain string, low time.Time) (string, error) {
	column, given, two := strings.Cut(arg, ",")
	if two {
		grain = strings.TrimSpace(given)
	}
	if column = strings.TrimSpace(column); column == "" {
		column = quoteName(b.column)
	}
	day := b.snap.day(column)
	if column == "day" && b.table.column("day") == nil {
		day = column // Of groups, whose rows are days already.
	}
	if grain == "day" {
		return day, nil
	}
	// greatest() takes the other value where one is null, and a row without a date belongs to no bar.
	return fmt.Sprintf("case when %s is not null then greatest(cast(date_trunc('%s', %s) as date), date '%s') end", column, grain, day,
		low.Format(time.DateOnly)), nil
}
