package lifecycle

import (
	"fmt"
	"strings"
)

// counters is the view with a row per actor: of each count the total, those in the last days, and those without a time, which the
// windows leave out. Windows are half-open, [as_of - days, as_of), so a quiet actor's counters go down by themselves.
func (l *compiler) counters(by []string) *table {
	actor := by[len(by)-1]
	t := &table{description: fmt.Sprintf("What each %s counts of each %s. Grain: one row per %s that has any.", words(actor), words(l.Name),
		words(strings.Join(by, ", "))), grain: by}
	keys := make([]string, len(by))
	for i, name := range by {
		keys[i] = "k_" + name
	}
	var parts []string
	if own := l.countsOf(""); len(own) > 0 {
		t.with = l.lives(func(a *Activity) bool { return a.Each == "" })
		if l.seesChanges() {
			t.with = append([]string{l.story()}, t.with...)
		}
		parts = append(parts, l.countedRecords(by, keys, own))
	}
	for i := range l.Children {
		if of := l.countsOf(l.Children[i].Name); len(of) > 0 {
			parts = append(parts, l.countedRows(&l.Children[i], by, keys, of))
		}
	}
	if len(t.with) == 0 {
		t.with = l.lives(func(*Activity) bool { return false })
	}
	if len(parts) == 1 {
		t.with = append(t.with, cte("counted", parts[0]))
	} else {
		t.with = append(t.with, cte("counted", l.summed(keys, parts)))
	}
	for i, name := range by {
		t.add(l.KeyColumn(name), "n."+keys[i], "The "+words(name)+".")
	}
	for _, c := range l.Counters.Counts {
		for _, column := range l.counterColumns(c) {
			t.add(column.name, column.sql, column.description)
		}
	}
	t.add("as_of", asOf, "The instant that the windows end at, UTC, exclusive.")
	t.from = "from counted as n"
	return t
}

// countsOf are the counts of a child's rows, or of the records themselves.
func (l *compiler) countsOf(child string) []Count {
	var out []Count
	for _, c := range l.Counters.Counts {
		each := ""
		if c.Activity != "" {
			each = l.Activity(c.Activity).Each
		}
		if each == child {
			out = append(out, c)
		}
	}
	return out
}

// piece is one aggregate that counters are made of, and how it is put together from parts.
type piece struct{ name, sql, zero, total string }

func (l *compiler) pieces(c Count, condition, time string, measure func(string) string) []piece {
	filter := func(conditions ...string) string {
		var all []string
		for _, s := range append([]string{condition}, conditions...) {
			if s != "" {
				all = append(all, s)
			}
		}
		if len(all) == 0 {
			return ""
		}
		return " filter (where " + strings.Join(all, " and ") + ")"
	}
	var out []piece
	count := func(name string, conditions ...string) {
		out = append(out, piece{name, "count(*)" + filter(conditions...), "0", "cast(sum(" + name + ") as bigint)"})
	}
	count(c.Name + "_total")
	if c.Activity != "" {
		for _, d := range l.Counters.Windows {
			count(fmt.Sprintf("%s_last_%d_days", c.Name, d), window(time, d))
		}
		count(c.Name+"_undated", time+" is null")
	}
	for _, s := range c.Sums {
		m := l.measureOf(s.Measure)
		value, currency := measure(m.Name), ""
		known := []string{value + " is not null"}
		if m.CurrencyName() != "" {
			currency = measure(m.CurrencyName())
			known = append(known, currency+" is not null")
			out = append(out, piece{s.Name + "_lowest", "min(" + currency + ")" + filter(known...), noText, "min(" + s.Name + "_lowest)"},
				piece{s.Name + "_highest", "max(" + currency + ")" + filter(known...), noText, "max(" + s.Name + "_highest)"})
		}
		sum := func(name string, conditions ...string) {
			out = append(out, piece{name, "sum(" + value + ")" + filter(append(known, conditions...)...), "null", "sum(" + name + ")"})
		}
		sum(s.Name + "_total")
		if c.Activity != "" {
			for _, d := range l.Counters.Windows {
				sum(fmt.Sprintf("%s_last_%d_days", s.Name, d), window(time, d))
			}
		}
		unknown := make([]string, len(known))
		for i, k := range known {
			unknown[i] = strings.TrimSuffix(k, "not null") + "null"
		}
		count(c.Name+"_without_"+s.Measure, "("+strings.Join(unknown, " or ")+")")
	}
	return out
}

func (l *compiler) measureOf(name string) Measure {
	for _, m := range l.Measures {
		if m.Name == name {
			return m
		}
	}
	return Measure{}
}

// window holds where a time lies in the last days.
func window(time string, days int) string {
	return fmt.Sprintf("%[1]s >= %[2]s - interval '%[3]d days' and %[1]s < %[2]s", time, asOf, days)
}

// countedRecords counts the records themselves, in one pass.
func (l *compiler) countedRecords(by, keys []string, counts []Count) string {
	var columns []string
	for _, c := range counts {
		var states []string
		time := ""
		if c.Activity != "" {
			a := l.Activity(c.Activity)
			if len(a.States) > 0 {
				states = append(states, in("l.state", a.States))
			}
			time = l.moment(a).last
		}
		if len(c.States) > 0 {
			states = []string{in("l.state", c.States)}
		}
		for _, p := range l.pieces(c, strings.Join(states, " and "), time, func(m string) string { return "l.m_" + m }) {
			columns = append(columns, p.sql+" as "+p.name)
		}
	}
	selected, group := l.actorKeys(by, keys, nil)
	from := "from lives as l"
	if l.seesChanges() {
		from += "\nleft join story as h on h.record_key = l.record_key"
	}
	return "select\n    " + strings.Join(append(selected, columns...), ",\n    ") + "\n" + from + "\nwhere " + group[len(group)-1] +
		" is not null\ngroup by " + strings.Join(group, ", ")
}

// actorKeys are the keys of the actors, of a child's row where it says its own.
func (l *compiler) actorKeys(by, keys []string, a *Activity) (selected, group []string) {
	for i, name := range by {
		sql := "l.k_" + name
		if name == l.Name {
			sql = "l.record_key"
		}
		if a != nil {
			if own := override(a.Related, name); own != "" {
				sql = qualified("c", own)
			}
		}
		selected, group = append(selected, sql+" as "+keys[i]), append(group, sql)
	}
	return selected, group
}

// countedRows counts the rows of a child, in one pass where all of its activities say the same keys.
func (l *compiler) countedRows(c *Child, by, keys []string, counts []Count) string {
	var columns, any []string
	first := l.Activity(counts[0].Activity)
	for _, n := range counts {
		a := l.Activity(n.Activity)
		where := conditions("c", a.When)
		if len(n.States) > 0 {
			where = append(where, in("l.state", n.States))
		}
		if len(where) > 0 {
			any = append(any, "("+strings.Join(where, " and ")+")")
		}
		measure := func(m string) string {
			if own := override(a.Measures, m); own != "" {
				return qualified("c", own)
			}
			return "l.m_" + m
		}
		for _, p := range l.pieces(n, strings.Join(where, " and "), asTime(qualified("c", a.At)), measure) {
			columns = append(columns, p.sql+" as "+p.name)
		}
	}
	selected, group := l.actorKeys(by, keys, first)
	where := group[len(group)-1] + " is not null"
	if len(any) == len(counts) {
		where += " and (" + strings.Join(any, " or ") + ")"
	}
	return "select\n    " + strings.Join(append(selected, columns...), ",\n    ") + "\nfrom " + ref(c.Model) + " as c" +
		joins("c", c.Parents) +
		"\ninner join lives as l on l." + l.joinColumn(c) + " = " + l.childKey(c) + "\nwhere " + where + "\ngroup by " + strings.Join(group, ", ")
}

// summed puts the counts of several relations together.
func (l *compiler) summed(keys, parts []string) string {
	var selects, totals []string
	for i, part := range parts {
		var columns []string
		for _, c := range l.Counters.Counts {
			for _, p := range l.pieces(c, "", "", func(string) string { return "" }) {
				if i == 0 {
					totals = append(totals, p.total+" as "+p.name)
				}
				if strings.Contains(part, " as "+p.name+",\n") || strings.Contains(part, " as "+p.name+"\n") {
					columns = append(columns, "p."+p.name)
				} else {
					columns = append(columns, p.zero+" as "+p.name)
				}
			}
		}
		selects = append(selects, "select "+prefixed("p", keys)+", "+strings.Join(columns, ", ")+"\n    from (\n        "+
			strings.ReplaceAll(part, "\n", "\n        ")+"\n    ) as p")
	}
	return "select\n    " + strings.Join(append(append([]string{}, keys...), totals...), ",\n    ") + "\nfrom (\n    " +
		strings.Join(selects, "\n    union all\n    ") +
		"\n) as u\ngroup by " + strings.Join(keys, ", ")
}

// counterColumns are the columns of one count. Sums are null where what is counted is in two currencies.
func (l *compiler) counterColumns(c Count) []column {
	what := "of each " + words(l.Name)
	if c.Activity != "" {
		what = words(c.Activity)
	}
	if len(c.States) > 0 {
		what += ", in state " + strings.Join(c.States, " or ")
	}
	out := []column{{c.Name + "_total", "n." + c.Name + "_total", "Number: " + what + "."}}
	if c.Activity != "" {
		for _, d := range l.Counters.Windows {
			name := fmt.Sprintf("%s_last_%d_days", c.Name, d)
			out = append(out, column{name, "n." + name, fmt.Sprintf("Of %s_total, those in the last %d days.", c.Name, d)})
		}
		out = append(out, column{c.Name + "_undated", "n." + c.Name + "_undated", "Of " + c.Name +
			"_total, those without a time; the windows leave them out."})
	}
	for _, s := range c.Sums {
		out = append(out, l.sumColumns(c, s)...)
	}
	return out
}

func (l *compiler) sumColumns(c Count, s Sum) []column {
	m := l.measureOf(s.Measure)
	one := func(sql string) string {
		if m.CurrencyName() == "" {
			return sql
		}
		return fmt.Sprintf("case when n.%[1]s_lowest = n.%[1]s_highest then %[2]s end", s.Name, sql)
	}
	var out []column
	if m.CurrencyName() != "" {
		out = append(out, column{s.Name + "_currency", one("n." + s.Name + "_lowest"), "Of the sums; null where there is none or more than one."})
	}
	out = append(out, column{s.Name + "_total", one("cast(n." + s.Name + "_total as numeric(38, 4))"), "Sum of " + s.Measure +
		"; null where it is of two currencies."})
	if c.Activity != "" {
		for _, d := range l.Counters.Windows {
			name := fmt.Sprintf("%s_last_%d_days", s.Name, d)
			out = append(out, column{
				name, one("cast(coalesce(n." + name + ", 0) as numeric(38, 4))"),
				fmt.Sprintf("Of %s_total, in the last %d days.", s.Name, d),
			})
		}
	}
	without := c.Name + "_without_" + s.Measure
	return append(out, column{without, "n." + without, "Of " + c.Name + "_total, those that the sums leave out because " + s.Measure +
		" or currency is null."})
}
