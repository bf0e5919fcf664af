package lifecycle

import (
	"fmt"
	"slices"
	"strings"

	"lifeline/project"
)

const noTime, noState, noText = "cast(null as timestamp)", "cast(null as varchar(60))", "cast(null as text)"

// changePlace is added to the number of a change, so that among activities of one time those of date columns come first, in the order
// of their declaration.
const changePlace = 1000

// activity is the fact with a row per activity.
func (l *compiler) activity() *table {
	t := &table{
		description: "What happened to each " + l.Name + ". Grain: one row per activity whose time is known.",
		grain:       []string{"id"},
		indexes:     []project.Index{{Columns: []string{l.KeyColumn(l.Name)}}, {Columns: []string{l.Names.Time}}},
	}
	plain, timed := l.events()
	t.with = append(l.livesWithHistory(func(a *Activity) bool { return a.InFact }), l.storied()...)
	columns := strings.Join(l.eventColumns(), ", ")
	var parts []string
	if len(plain) > 0 {
		t.with = append(t.with, cte("plain", "select *\nfrom (\n    "+strings.Join(plain, "\n    union all\n    ")+"\n) as u"))
		parts = append(parts, "select "+columns+", id, cast(1 as integer) as occurrence, "+noTime+" as next_time\nfrom plain")
	}
	if len(timed) > 0 {
		t.with = append(t.with, cte("timed", "select *\nfrom (\n    "+strings.Join(timed, "\n    union all\n    ")+"\n) as u"))
		order := "partition by " + l.rootKey() + "record_key, activity order by happened_at, position, coalesce(origin, '')"
		t.with = append(t.with, cte("numbered", "select "+columns+", cast(row_number() over ("+order+
			") as integer) as occurrence, lead(happened_at) over ("+order+") as next_time\nfrom timed"))
		parts = append(parts, "select "+columns+", "+l.identity()+" as id, occurrence, next_time\nfrom numbered")
	}
	t.with = append(t.with, cte("activities", "select *\nfrom (\n    "+strings.Join(parts, "\n    union all\n    ")+"\n) as u"))
	t.from = "from activities as a"
	l.activityColumns(t)
	return t
}

// rootKey is the key that the tables are spread by, as the first column of a partition: a record has one, so that it changes no number, and
// what reads only some values of it may be numbered by itself.
func (l *compiler) rootKey() string {
	for _, r := range l.ownRelated() {
		if r.Name == l.Colocate {
			return "k_" + r.Name + ", "
		}
	}
	return ""
}

func (l *compiler) activityColumns(t *table) {
	n := l.Names
	says := fmt.Sprintf("md5 in hexadecimal of '%s|key|%s|%s|occurrence', the time as YYYY-MM-DD HH:MM:SS with as many decimals as are not "+
		"zero.", l.Name, n.Activity, n.Time)
	if l.hasChildEvents() {
		says = "md5 in hexadecimal; of an activity that is a row of another model, of 'model|key|column': the same in every fact that has it. " +
			"Else " + says
	}
	t.add("id", "a.id", says)
	t.add(n.Time, "a.happened_at", "When it happened, UTC.")
	t.add(n.Activity, "cast(a.activity as varchar(60))", "What happened: "+l.activityList()+".")
	t.add("from_state", "cast(a.from_state as varchar(60))", "The state before; null where only a date column tells of the activity.")
	t.add("to_state", "cast(a.to_state as varchar(60))", "The state that it led to; null where it leads to none.")
	t.add("basis", "cast(a.basis as varchar(20))", "How the time is known: binlog, snapshot, column, proxy, imputed or first_seen.")
	t.add("occurrence", "a.occurrence", "Which time the record does this, from 1.")
	for _, m := range l.amounts() {
		t.add(m.Name, "a.m_"+m.Name, "Of the record as it is now: "+m.Column+".")
	}
	t.add(l.KeyColumn(l.Name), "a.record_key", "The "+l.Name+".")
	for _, r := range l.ownRelated() {
		t.add(l.KeyColumn(r.Name), "a.k_"+r.Name, "The "+words(r.Name)+" concerned; null where unknown.")
	}
	t.add(n.Time+"_lower", "a.lower_bound", "It happened at this time or later; null where the time is true or nothing bounds it.")
	t.add(n.Time+"_upper", "a.upper_bound", "It happened at this time or earlier; null where the time is true or nothing bounds it.")
	t.add("next_"+n.Time, "a.next_time", "When the record does the same the next time; null where it does not.")
	t.add("known_at", "a.known_at", "When the warehouse came to know of the change, UTC; null where the record's first load brought it.")
	t.add("position", "cast(a.position as integer)", "Order among activities of one time.")
}

// identity is the id of a numbered activity. That of one which occurs once is made where the activity is known, which takes fewer steps.
func (l *compiler) identity() string {
	own := fmt.Sprintf("md5('%s|' || cast(record_key as varchar) || '|' || activity || '|' || cast(happened_at as varchar) || '|' || "+
		"cast(occurrence as varchar))", l.Name)
	if l.hasChildEvents() {
		return "case when origin is null then " + own + " else md5(origin) end"
	}
	return own
}

func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

func (l *compiler) activityList() string {
	var out []string
	for _, a := range l.Activities {
		if !a.InFact {
			continue
		}
		at := "at " + a.At
		if a.Each != "" {
			at = "at " + a.At + " of each " + words(a.Each)
		}
		out = append(out, a.Name+" ("+at+")")
	}
	if l.seesChanges() {
		out = append(out, "a state's own name for a change into it that none of these names", "observed_in_state", "deleted", "restored")
	}
	return strings.Join(out, ", ")
}

func (l *compiler) hasChildEvents() bool {
	for _, a := range l.Activities {
		if a.InFact && a.Each != "" {
			return true
		}
	}
	return false
}

// eventColumns are what each part of the union gives, in this order.
func (l *compiler) eventColumns() []string {
	out := []string{"record_key"}
	for _, r := range l.ownRelated() {
		out = append(out, "k_"+r.Name)
	}
	for _, m := range l.amounts() {
		out = append(out, "m_"+m.Name)
	}
	return append(out, "happened_at", "activity", "basis", "lower_bound", "upper_bound", "from_state", "to_state", "position",
		"known_at", "origin")
}

// storied is the CTE of the records of which history knows changes: few, so that only they pay for windows.
func (l *compiler) storied() []string {
	if !l.seesChanges() {
		return nil
	}
	return []string{cte("storied", "select *\nfrom lives\nwhere first_seen is not null")}
}

// events are the parts of the union: plain ones occur once a record, timed ones are numbered.
func (l *compiler) events() (plain, timed []string) {
	for i := range l.Activities {
		a := &l.Activities[i]
		switch {
		case !a.InFact || a.Each != "":
		case !l.seesChanges():
			plain = append(plain, l.ownEvent(a, i+1, "lives", ""))
		default:
			plain = append(plain, l.ownEvent(a, i+1, "lives", "l.first_seen is null"))
			if before := l.beforeHistory(a, "l.at_"+a.Name, "l"); before != "false" {
				timed = append(timed, l.ownEvent(a, i+1, "storied", before))
			}
		}
	}
	for _, together := range l.together() {
		timed = append(timed, l.childEvents(together))
	}
	if l.seesChanges() {
		timed = append(timed, l.changeEvents()...)
	}
	return plain, timed
}

// together are the activities that are rows of children, those in one list that one pass over the rows can tell apart.
func (l *compiler) together() [][]int {
	var out [][]int
next:
	for i := range l.Activities {
		if a := &l.Activities[i]; !a.InFact || a.Each == "" {
			continue
		}
		for g := range out {
			if l.apart(i, out[g]) {
				out[g] = append(out[g], i)
				continue next
			}
		}
		out = append(out, []int{i})
	}
	return out
}

// apart tells whether an activity is said by the same columns as others, and never by the same row as one of them.
func (l *compiler) apart(i int, others []int) bool {
	a := l.Activities[i]
	for _, o := range others {
		b := l.Activities[o]
		same := a.Each == b.Each && a.At == b.At && a.Basis == b.Basis && a.BasisOf == b.BasisOf && a.Lower == b.Lower && a.Upper == b.Upper &&
			slices.Equal(a.Related, b.Related) && slices.Equal(a.Measures, b.Measures)
		if !same || !slices.ContainsFunc(a.When, func(c Condition) bool { return excludes(c, b.When) }) {
			return false
		}
	}
	return true
}

// excludes tells whether a condition wants other words of a column than conditions do.
func excludes(c Condition, others []Condition) bool {
	for _, o := range others {
		if o.Column == c.Column && len(o.Values) > 0 && len(c.Values) > 0 {
			return !slices.ContainsFunc(c.Values, func(v string) bool { return slices.Contains(o.Values, v) })
		}
	}
	return false
}

func (l *compiler) ownEvent(a *Activity, place int, from, where string) string {
	columns := l.carried("l", nil, nil)
	to := noState
	if a.To != "" {
		to = "'" + a.To + "'"
	} else if len(a.States) > 0 {
		to = "l.state"
	}
	b := "'" + a.Basis + "'"
	if a.BasisOf != "" {
		b = "l.basis_" + a.Name
	}
	lower, upper := noTime, noTime
	if a.Lower != "" {
		lower = "l.lower_" + a.Name
	}
	if a.Upper != "" {
		upper = "l.upper_" + a.Name
	}
	columns = append(columns, "l.at_"+a.Name+" as happened_at", "'"+a.Name+"' as activity", b+" as basis", lower+" as lower_bound", upper+
		" as upper_bound",
		noState+" as from_state", to+" as to_state", fmt.Sprintf("%d as position", place), noTime+" as known_at", noText+" as origin")
	condition := "l.at_" + a.Name + " is not null"
	if where != "" {
		condition += " and " + where
	}
	if from == "lives" {
		columns = append(columns, fmt.Sprintf("md5('%s|' || cast(l.record_key as varchar) || '|%s|' || cast(l.at_%s as varchar) || '|1') as id",
			l.Name, a.Name, a.Name))
	}
	return "select " + strings.Join(columns, ", ") + "\n    from " + from + " as l\n    where " + condition
}

// carried are the record's key, the keys of others and the measures, where an activity's row may say its own.
func (l *compiler) carried(alias string, related, measures []Column) []string {
	out := []string{"l.record_key"}
	for _, r := range l.ownRelated() {
		own := override(related, r.Name)
		switch {
		case own == "":
			out = append(out, "l.k_"+r.Name)
		default:
			out = append(out, qualified(alias, own)+" as k_"+r.Name)
		}
	}
	for _, m := range l.amounts() {
		if own := override(measures, m.Name); own != "" {
			out = append(out, qualified(alias, own)+" as m_"+m.Name)
			continue
		}
		out = append(out, "l.m_"+m.Name)
	}
	return out
}

// childEvents is the part of the activities that are rows of another model, in one pass over it.
func (l *compiler) childEvents(together []int) string {
	a := &l.Activities[together[0]]
	c := l.Child(a.Each)
	lower, upper := noTime, noTime
	if sql := bound("c", a.Lower, a); sql != "" {
		lower = sql
	}
	if sql := bound("c", a.Upper, a); sql != "" {
		upper = sql
	}
	var activity, place, to, any []string
	for _, i := range together {
		a := &l.Activities[i]
		when := strings.Join(conditions("c", a.When), " and ")
		any = append(any, "("+when+")")
		activity = append(activity, "when "+when+" then '"+a.Name+"'")
		place = append(place, fmt.Sprintf("when %s then %d", when, i+1))
		if a.To != "" {
			to = append(to, "when "+when+" then '"+a.To+"'")
		}
	}
	at := asTime(qualified("c", a.At))
	where := at + " is not null"
	cases := func(list []string) string { return "case " + strings.Join(list, " ") + " end" }
	name, position, state := "'"+a.Name+"'", fmt.Sprint(together[0]+1), noState
	if len(together) > 1 {
		name, position = cases(activity), cases(place)
	}
	if len(to) > 0 && len(together) > 1 {
		state = cases(to)
	} else if a.To != "" {
		state = "'" + a.To + "'"
	}
	if len(a.When) > 0 {
		where += " and (" + strings.Join(any, " or ") + ")"
	}
	columns := append(l.carried("c", a.Related, a.Measures), at+" as happened_at", name+" as activity", basis("c", a)+" as basis",
		lower+" as lower_bound", upper+" as upper_bound", noState+" as from_state", state+" as to_state", position+" as position", noTime+
			" as known_at",
		fmt.Sprintf("'%s|' || cast(c.%s as varchar) || '|%s' as origin", c.Model, c.ID, a.At))
	return "select " + strings.Join(columns, ", ") + "\n    from " + ref(c.Model) + " as c" +
		strings.ReplaceAll(joins("c", c.Parents), "\n", "\n    ") +
		"\n    inner join lives as l on l." + l.joinColumn(c) + " = " + l.childKey(c) + "\n    where " + where
}

// childKey is the child's column that names the record.
func (l *compiler) childKey(c *Child) string { return qualified("c", c.Key) }

// joinColumn is the column of lives that a child's key is matched with.
func (l *compiler) joinColumn(c *Child) string {
	if c.On == l.Key {
		return "record_key"
	}
	return "j_" + c.Name
}
