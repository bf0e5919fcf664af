package lifecycle

import (
	"fmt"
	"regexp"
	"strings"
)

// The names inside the generated SQL: of a record its record_key and state, k_NAME for a related key, m_NAME for a measure or its
// currency, c_NAME for another column, and of an activity at_, basis_, lower_ and upper_NAME.

var childCall = regexp.MustCompile(`^(min|max|count)\(([a-z0-9_]+)(?:\.([a-z0-9_]+))?\)$`)

// qualified is a column of the relation called alias, or of a parent that is joined to it.
func qualified(alias, column string) string {
	if strings.Contains(column, ".") {
		return column
	}
	return alias + "." + column
}

// orNull is a column of the record, or nothing of a type where only its activities have one.
func orNull(column, sqlType string) string {
	if column == "" {
		return "cast(null as " + sqlType + ")"
	}
	return qualified("r", column)
}

// joins are the left joins of parents.
func joins(alias string, parents []Parent) string {
	var b strings.Builder
	for _, p := range parents {
		fmt.Fprintf(&b, "\nleft join %s as %s on %s.%s = %s", ref(p.Model), p.Name, p.Name, p.Key, qualified(alias, p.On))
	}
	return b.String()
}

// ownRelated are the related keys that the record or a parent has; the others come from children.
func (l *compiler) ownRelated() []Column {
	var out []Column
	for _, r := range l.Related {
		if !childCall.MatchString(r.Column) {
			out = append(out, r)
		}
	}
	return out
}

// amounts are the measures with their currencies, by the names of the tables.
func (l *compiler) amounts() []Column {
	var out []Column
	for _, m := range l.Measures {
		out = append(out, Column{Name: m.Name, Column: m.Column})
		if m.Currency != "" && !m.shared {
			out = append(out, Column{Name: m.CurrencyName(), Column: m.CurrencyColumn()})
		}
	}
	return out
}

// at is when a record's own activity happened: of one that has led to the present state, only where it is that state.
func (l *compiler) at(a *Activity) string {
	if a.At == "" {
		return noTime
	}
	t := asTime(qualified("r", a.At))
	if len(a.States) > 0 {
		t = fmt.Sprintf("case when %s then %s end", in(l.stateOf("r."+l.State), a.States), t)
	}
	return t
}

// asTime is a column of times; a date is the midnight that it begins with.
func asTime(column string) string { return "cast(" + column + " as timestamp)" }

// stateOf is the declared state that a value of a column of states means; a value that no state has as a code stays as it is.
func (l *compiler) stateOf(column string) string {
	var cases strings.Builder
	for _, s := range l.States {
		for _, code := range s.Codes {
			cases.WriteString(" when " + quoted(code) + " then " + quoted(s.Name))
		}
	}
	if cases.Len() == 0 {
		return column
	}
	return "case cast(" + column + " as text)" + cases.String() + " else cast(" + column + " as text) end"
}

// basis is how a time came about. Core's words for a column are source and repaired.
func basis(alias string, a *Activity) string {
	if a.BasisOf == "" {
		return "'" + a.Basis + "'"
	}
	b := qualified(alias, a.BasisOf)
	return fmt.Sprintf("case when %[1]s in ('source', 'repaired') then 'column' else %[1]s end", b)
}

// bound is one end of where a time that is not true may lie.
func bound(alias, column string, a *Activity) string {
	if column == "" {
		return ""
	}
	if a.BasisOf == "" {
		return asTime(qualified(alias, column))
	}
	return fmt.Sprintf("case when %s not in ('source', 'repaired') then %s end", qualified(alias, a.BasisOf), asTime(qualified(alias, column)))
}

// lives is the CTE with a line per record. want says of which activities the times are wanted.
func (l *compiler) lives(want func(*Activity) bool) []string { return l.livesWith(want, false) }

// livesWithHistory is lives with what the kept versions of each record showed: since when it was seen, and how often in each state.
func (l *compiler) livesWithHistory(want func(*Activity) bool) []string {
	return l.livesWith(want, l.seesChanges())
}

func (l *compiler) livesWith(want func(*Activity) bool, history bool) []string {
	columns := []string{"r." + l.Key + " as record_key"}
	if l.State != "" {
		columns = append(columns, l.stateOf("r."+l.State)+" as state")
	}
	for _, r := range l.ownRelated() {
		columns = append(columns, orNull(r.Column, "bigint")+" as k_"+r.Name)
	}
	columns = append(columns, l.measureColumns()...)
	for _, c := range l.Columns {
		if !childCall.MatchString(c.Column) {
			columns = append(columns, qualified("r", c.Column)+" as c_"+c.Name)
		}
	}
	for i := range l.Children {
		if c := &l.Children[i]; c.On != l.Key {
			columns = append(columns, "r."+c.On+" as j_"+c.Name)
		}
	}
	for i := range l.Activities {
		a := &l.Activities[i]
		if a.Each != "" || !want(a) {
			continue
		}
		columns = append(columns, l.at(a)+" as at_"+a.Name)
		if a.BasisOf != "" {
			columns = append(columns, basis("r", a)+" as basis_"+a.Name)
		}
		for _, b := range []struct{ name, column string }{{"lower_", a.Lower}, {"upper_", a.Upper}} {
			if sql := bound("r", b.column, a); sql != "" {
				columns = append(columns, sql+" as "+b.name+a.Name)
			}
		}
	}
	from := "from " + ref(l.From) + " as r" + joins("r", l.Parents)
	out, joined := l.sums()
	from += joined
	if history {
		seen := []string{"s.record_key", "min(s.activity_date) as first_seen"}
		columns = append(columns, "h.first_seen")
		for i := range l.Activities {
			if a := &l.Activities[i]; l.needsCounts(a) && want(a) {
				filter := " filter (where " + l.seenAs("s", a) + ") as "
				seen = append(seen, "count(s.activity_date)"+filter+"count_"+a.Name, "min(s.activity_date)"+filter+"first_"+a.Name)
				columns = append(columns, "h.count_"+a.Name, "h.first_"+a.Name)
			}
		}
		from += "\nleft join seen as h on h.record_key = r." + l.Key
		out = append(out, cte("seen", "select "+strings.Join(seen, ", ")+"\nfrom "+ref(l.Tables.Changes)+" as s\ngroup by s.record_key"))
	}
	return append(out, cte("lives", "select\n    "+strings.Join(columns, ",\n    ")+"\n"+from))
}

// conditions are those that a row must meet.
func conditions(alias string, when []Condition) []string {
	var out []string
	for _, c := range when {
		column := qualified(alias, c.Column)
		switch {
		case len(c.Values) > 0:
			out = append(out, in(column, c.Values))
		case c.Not:
			out = append(out, column+" is not null")
		default:
			out = append(out, column+" is null")
		}
	}
	return out
}

// override is what an activity says of a name itself; empty where it says nothing.
func override(list []Column, name string) string {
	for _, c := range list {
		if c.Name == name {
			return c.Column
		}
	}
	return ""
}

// measureColumns are the measures of a record with their currencies.
func (l *compiler) measureColumns() []string {
	var out []string
	for _, m := range l.Measures {
		column, currency := orNull(m.Column, "numeric(38, 4)"), orNull(m.CurrencyColumn(), "varchar(10)")
		if sumCall.MatchString(m.Column) {
			column, currency = "sum_"+m.Name+".amount", "sum_"+m.Name+".currency"
		}
		if code := m.code(); code != "" {
			currency = "cast(" + quoted(code) + " as varchar(10))"
		}
		out = append(out, column+" as m_"+m.Name)
		if m.CurrencyName() != "" && !m.shared {
			out = append(out, currency+" as m_"+m.CurrencyName())
		}
	}
	return out
}

// sums are the CTEs and the joins of the measures that are summed over a child's rows. Amounts of two currencies are not added: such a
// record has neither amount nor currency.
func (l *compiler) sums() (ctes []string, joined string) {
	for _, m := range l.Measures {
		call := sumCall.FindStringSubmatch(m.Column)
		if call == nil {
			continue
		}
		c := l.Child(call[1])
		key := l.childKey(c)
		amount, currency := "cast(sum(c."+call[2]+") as numeric(38, 4))", ""
		if m.Currency != "" && m.code() == "" {
			_, column, _ := strings.Cut(m.Currency, ".")
			one := "min(c." + column + ") = max(c." + column + ")"
			amount = "case when " + one + " or min(c." + column + ") is null then " + amount + " end"
			currency = ",\n    case when " + one + " then min(c." + column + ") end as currency"
		}
		ctes = append(ctes, cte("sum_"+m.Name, "select\n    "+key+" as child_key,\n    "+amount+" as amount"+currency+"\nfrom "+ref(c.Model)+
			" as c"+joins("c", c.Parents)+"\nwhere "+key+" is not null\ngroup by "+key))
		joined += fmt.Sprintf("\nleft join sum_%[1]s on sum_%[1]s.child_key = r.%[2]s", m.Name, c.On)
	}
	return ctes, joined
}
