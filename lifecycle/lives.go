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
		if m.Currency != "" {
			out = append(out, Column{Name: m.CurrencyName(), Column: m.CurrencyColumn()})
		}
	}
	return out
}

// at is when a record's own activity happened: of one that has led to the present state, only where it is that state.
func (l *compiler) at(a *Activity) string {
	t := qualified("r", a.At)
	if len(a.States) > 0 {
		t = fmt.Sprintf("case when %s then %s end", in("r."+l.State, a.States), t)
	}
	return t
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
		return qualified(alias, column)
	}
	return fmt.Sprintf("case when %s not in ('source', 'repaired') then %s end", qualified(alias, a.BasisOf), qualified(alias, column))
}

// lives is the CTE with a line per record. want says of which activities the times are wanted.
func (l *compiler) lives(want func(*Activity) bool, story bool) []string {
	columns := []string{"r." + l.Key + " as record_key"}
	if l.State != "" {
		columns = append(columns, "r."+l.State+" as state")
	}
	for _, r := range l.ownRelated() {
		columns = append(columns, orNull(r.Column, "bigint")+" as k_"+r.Name)
	}
	for _, m := range l.Measures {
		columns = append(columns, orNull(m.Column, "numeric(38, 4)")+" as m_"+m.Name)
		if m.CurrencyName() != "" {
			columns = append(columns, orNull(m.CurrencyColumn(), "varchar(10)")+" as m_"+m.CurrencyName())
		}
	}
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
	var out []string
	if l.History != "" && story {
		seen := []string{"s.record_key", "min(s.activity_date) as first_seen"}
		columns = append(columns, "h.first_seen")
		for i := range l.Activities {
			if a := &l.Activities[i]; l.implied(a) && want(a) {
				seen = append(seen, "count(s.activity_date) filter (where "+l.seenAs("s", a)+") as count_"+a.Name)
				columns = append(columns, "h.count_"+a.Name)
			}
		}
		from += "\nleft join seen as h on h.record_key = r." + l.Key
		out = append(out, cte("seen", "select "+strings.Join(seen, ", ")+"\nfrom "+ref(l.Tables.Changes)+" as s\ngroup by s.record_key"))
	}
	return append(out, cte("lives", "select\n    "+strings.Join(columns, ",\n    ")+"\n"+from))
}

// conditions are an activity's own conditions on the rows of its child.
func conditions(alias string, a *Activity) []string {
	var out []string
	for _, c := range a.When {
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
