package lifecycle

import (
	"fmt"
	"strings"

	"lifeline/project"
)

// flattened is the table with a row per record: first and last time, count and basis of each activity, the lag from the first, the
// legs, and the present state. Times that are imputed do not stand in it (promise 7).
func (l *compiler) flattened() *table {
	t := &table{
		description: "The life of each " + l.Name + " on one line; imputed times are left out. Grain: one row per row of " + l.From + ".",
		grain:       []string{l.KeyColumn(l.Name)}, entityOf: l.From, entityKey: l.KeyColumn(l.Name),
		indexes: []project.Index{{Columns: []string{l.KeyColumn(l.Name)}}},
	}
	shown := func(a *Activity) bool { return a.InFlattened }
	lives := l.lives(shown)
	if l.seesChanges() {
		t.with = append(t.with, l.story())
	}
	t.with = append(t.with, l.gathered()...)
	t.with = append(t.with, lives...)
	t.from = "from lives as l"
	for _, c := range l.usedChildren() {
		t.from += fmt.Sprintf("\nleft join of_%[1]s on of_%[1]s.child_key = l.%[2]s", c.Name, l.joinColumn(c))
	}
	if l.seesChanges() {
		t.from += "\nleft join story as h on h.record_key = l.record_key"
	}
	l.flattenedHead(t)
	for i := range l.Activities {
		if a := &l.Activities[i]; a.InFlattened {
			l.flattenedActivity(t, a)
		}
	}
	l.flattenedLegs(t)
	t.add("as_of", asOf, "The instant that the figures are of, UTC, exclusive.")
	return t
}

func (l *compiler) flattenedHead(t *table) {
	t.add(l.KeyColumn(l.Name), "l.record_key", "The "+words(l.Name)+".")
	for _, r := range l.Related {
		sql, says := "l.k_"+r.Name, "The "+words(r.Name)+" concerned; null where unknown."
		if childCall.MatchString(r.Column) {
			sql, says = gatheredColumn(r), "As "+r.Column+" of what belongs to it; null where there is none."
		}
		t.add(l.KeyColumn(r.Name), sql, says)
	}
	for _, c := range l.Columns {
		sql := qualifiedLife(c)
		if childCall.MatchString(c.Column) {
			sql = gatheredColumn(c)
			if strings.HasPrefix(c.Column, "count(") {
				sql = "coalesce(" + sql + ", 0)"
			}
		}
		t.add(c.Name, sql, "Of the "+words(l.Name)+": "+c.Column+".")
	}
	for _, m := range l.amounts() {
		t.add(m.Name, "l.m_"+m.Name, "Of the "+words(l.Name)+": "+m.Column+".")
	}
	if l.State == "" {
		return
	}
	t.add(l.State, "l.state", "The state now.")
	since, how := l.since()
	t.add(l.State+"_since", since, "Since when, as far as that is known; null where it is not.")
	t.add(l.State+"_since_basis", how, "How that time is known: binlog, snapshot, first_seen, column or proxy.")
}

func qualifiedLife(c Column) string { return "l.c_" + c.Name }

// gatheredColumn is what is made of a child's rows.
func gatheredColumn(c Column) string {
	m := childCall.FindStringSubmatch(c.Column)
	return "of_" + m[2] + ".g_" + c.Name
}

// since is when the present state began, and how that is known: by a change that was seen, else by the activity that leads to it, the
// later declared first.
func (l *compiler) since() (time, how string) {
	var times, hows []string
	for i := len(l.Activities) - 1; i >= 0; i-- {
		a := &l.Activities[i]
		if !a.InFlattened || !a.InFact || len(resultingStates(a)) == 0 {
			continue
		}
		at := "l.at_" + a.Name
		if a.Each != "" {
			at = "of_" + a.Each + ".last_" + a.Name
		}
		when := fmt.Sprintf("case when %s then %s end", in("l.state", resultingStates(a)), at)
		if len(a.States) > 0 {
			when = at // Is null in other states.
		}
		times = append(times, when)
		hows = append(hows, fmt.Sprintf("when %s is not null then %s", when, l.shownBasis(a)))
	}
	if len(times) == 0 {
		times, hows = []string{noTime}, []string{"when false then null"}
	}
	time = times[0]
	if len(times) > 1 {
		time = "coalesce(" + strings.Join(times, ", ") + ")"
	}
	how = "case " + strings.Join(hows, " ") + " end"
	if l.seesChanges() {
		known := "h.record_key is not null"
		if l.Log != nil {
			known = "h.last_state = l.state" // A log may miss the last change.
		}
		time = "case when " + known + " then h.since else " + time + " end"
		how = "case when " + known + " then h.since_basis " + strings.TrimPrefix(how, "case ")
	}
	return time, "cast(" + how + " as varchar(20))"
}

// shownBasis is the basis of an activity's time in the flattened table.
func (l *compiler) shownBasis(a *Activity) string {
	switch {
	case a.Each != "":
		return "of_" + a.Each + ".basis_" + a.Name
	case a.BasisOf != "":
		return "l.basis_" + a.Name
	}
	return "'" + a.Basis + "'"
}

// moment are the first and last time, the number and the basis of an activity on the flattened row.
type moment struct{ first, last, count, basis string }

func (l *compiler) moment(a *Activity) moment {
	if a.Each != "" {
		return l.childMoment(a)
	}
	at := "l.at_" + a.Name
	if a.BasisOf != "" || a.Basis == "imputed" {
		at = fmt.Sprintf("case when %s <> 'imputed' then %s end", l.shownBasis(a), at)
	}
	m := moment{at, at, "case when " + at + " is null then 0 else 1 end", "case when " + at + " is not null then " + l.shownBasis(a) + " end"}
	if l.seenAs("h", a) == "" {
		return m
	}
	kept := noTime
	if before := l.beforeHistory(a, at, "h"); before != "false" {
		kept = fmt.Sprintf("case when %s then %s end", before, at)
	}
	seen := func(of, otherwise string) string {
		return "case when h.record_key is null then " + otherwise + " else " + of + " end"
	}
	return moment{
		seen("least("+kept+", h.first_"+a.Name+")", m.first),
		seen("greatest("+kept+", h.last_"+a.Name+")", m.last),
		seen("h.count_"+a.Name+" + case when "+kept+" is null then 0 else 1 end", m.count),
		seen("case when "+kept+" is not null then "+l.shownBasis(a)+" else h.basis_"+a.Name+" end", m.basis),
	}
}

// childMoment is that of an activity which the rows of a child tell of, and, where it is in the fact, the changes that were seen.
func (l *compiler) childMoment(a *Activity) moment {
	of := "of_" + a.Each + "."
	m := moment{of + "first_" + a.Name, of + "last_" + a.Name, "coalesce(" + of + "count_" + a.Name + ", 0)", of + "basis_" + a.Name}
	if !a.InFact || l.seenAs("h", a) == "" {
		return m
	}
	return moment{
		"least(" + m.first + ", h.first_" + a.Name + ")",
		"greatest(" + m.last + ", h.last_" + a.Name + ")",
		m.count + " + coalesce(h.count_" + a.Name + ", 0)",
		fmt.Sprintf("case when %s <= coalesce(h.first_%s, %s) then %s else h.basis_%s end", m.first, a.Name, m.first, m.basis, a.Name),
	}
}

func (l *compiler) flattenedActivity(t *table, a *Activity) {
	m := l.moment(a)
	t.add(a.As, m.first, "When it was first "+words(a.Name)+", UTC; null where that is not known.")
	t.add(a.As+"_last", m.last, "When it was last "+words(a.Name)+", UTC.")
	t.add(a.Name+"_count", "cast("+m.count+" as integer)", "How often, as far as times are known.")
	t.add(a.As+"_basis", "cast("+m.basis+" as varchar(20))",
		"How the first time is known: binlog, snapshot, column or proxy; null where it is not.")
	if first := l.firstShown(); first != a {
		t.add("lag_"+bare(a.As)+"_seconds", seconds(l.moment(first).first, m.first),
			fmt.Sprintf("Whole seconds (rounded down) from %s to %s; negative where it came first, null where either is missing.", first.As, a.As))
	}
}

// bare is a column's name without what says that it is a time.
func bare(name string) string {
	return strings.TrimSuffix(strings.TrimPrefix(name, "date_"), "_time")
}

// firstShown is the activity that lags are counted from.
func (l *compiler) firstShown() *Activity {
	for i := range l.Activities {
		if l.Activities[i].InFlattened {
			return &l.Activities[i]
		}
	}
	return &l.Activities[0]
}

func (l *compiler) flattenedLegs(t *table) {
	for _, g := range l.Legs {
		from, to := l.Activity(g.From), l.Activity(g.To)
		took := seconds(l.moment(from).first, l.moment(to).first)
		t.add(g.Name+"_seconds", took, fmt.Sprintf("Whole seconds (rounded down) from %s to %s; negative where it came first, null where "+
			"either is missing.", from.As, to.As))
		if g.Days > 0 {
			t.add(g.Name+"_in_time", fmt.Sprintf("case when %[1]s >= 0 then %[1]s <= %[2]d end", took, g.Days*86400),
				fmt.Sprintf("Whether that took at most %d days; null where it is not known or negative.", g.Days))
		}
	}
}

// story is the CTE of what the seen changes say of each record.
func (l *compiler) story() string {
	columns := []string{
		"c.record_key", "min(c.activity_date) as first_seen",
		"max(case when c.is_last then c.activity_date end) as since", "max(case when c.is_last then c.basis end) as since_basis",
		"max(case when c.is_last then c.to_state end) as last_state",
	}
	for i := range l.Activities {
		a := &l.Activities[i]
		seen := l.seenAs("c", a)
		if seen == "" || a.Each != "" && !a.InFact {
			continue
		}
		filter := "filter (where " + seen + ")"
		columns = append(columns, "min(c.activity_date) "+filter+" as first_"+a.Name, "max(c.activity_date) "+filter+" as last_"+a.Name,
			"count(c.activity_date) "+filter+" as count_"+a.Name, "min(c.basis) "+filter+" as basis_"+a.Name)
	}
	return cte("story", "select\n    "+strings.Join(columns, ",\n    ")+"\nfrom "+ref(l.Tables.Changes)+" as c\ngroup by c.record_key")
}

// usedChildren are the children that the flattened table gathers something of.
func (l *compiler) usedChildren() []*Child {
	var out []*Child
	for i := range l.Children {
		c := &l.Children[i]
		used := false
		for _, a := range l.Activities {
			used = used || a.InFlattened && a.Each == c.Name
		}
		for _, r := range append(append([]Column{}, l.Related...), l.Columns...) {
			m := childCall.FindStringSubmatch(r.Column)
			used = used || m != nil && m[2] == c.Name
		}
		if used {
			out = append(out, c)
		}
	}
	return out
}

// gathered are the CTEs with a line per record that has rows of a child.
func (l *compiler) gathered() []string {
	var out []string
	for _, c := range l.usedChildren() {
		key := l.childKey(c)
		columns := []string{key + " as child_key"}
		for _, r := range append(append([]Column{}, l.Related...), l.Columns...) {
			if m := childCall.FindStringSubmatch(r.Column); m != nil && m[2] == c.Name {
				call := "count(*)"
				if m[1] != "count" {
					call = m[1] + "(c." + m[3] + ")"
				}
				columns = append(columns, call+" as g_"+r.Name)
			}
		}
		for i := range l.Activities {
			a := &l.Activities[i]
			if a.Each != c.Name || !a.InFlattened {
				continue
			}
			at := asTime(qualified("c", a.At))
			where := conditions("c", a.When)
			if a.BasisOf != "" {
				where = append(where, basis("c", a)+" <> 'imputed'")
			}
			filter := ""
			if len(where) > 0 {
				filter = " filter (where " + strings.Join(where, " and ") + ")"
			}
			dated := " filter (where " + strings.Join(append([]string{at + " is not null"}, where...), " and ") + ")"
			columns = append(columns, "min("+at+")"+filter+" as first_"+a.Name, "max("+at+")"+filter+" as last_"+a.Name,
				"count("+at+")"+filter+" as count_"+a.Name, "min("+basis("c", a)+")"+dated+" as basis_"+a.Name)
		}
		out = append(out, cte("of_"+c.Name, "select\n    "+strings.Join(columns, ",\n    ")+"\nfrom "+ref(c.Model)+" as c"+joins("c", c.Parents)+
			"\nwhere "+key+" is not null\ngroup by "+key))
	}
	return out
}
