package model

import (
	"fmt"
	"slices"
	"strings"
)

// The selects of temporal joins. They hold to what DuckDB, PostgreSQL and Citus have in common and to one sort of the rows: where a
// cohort row stands among the appended rows is a running count over the union of both, and the appended row is then found by its
// number. Rows without a key or a time take no part. The cohort is joined to at most one row on its key and id, so that its own
// number of rows stays what it is; should ids repeat within an entity, the repeated rows share what the earliest of them finds.

// Inner names are kept from meeting the cohort's: its alias is c, and every inner column is qualified, since an unqualified name that
// is missing in a joined select could be found in the cohort instead. The cohort stands on the right of its outer join: DuckDB takes a
// select that stands there for one that may look at what stands before it, and would name a missing column badly.

// lines joins the parts of a list, one a line, at a depth of four blanks each.
func lines(depth int, parts ...string) string {
	return strings.Join(parts, ",\n"+strings.Repeat("    ", depth))
}

// indent moves all lines of a text but the first to a depth.
func indent(depth int, text string) string {
	return strings.ReplaceAll(text, "\n", "\n"+strings.Repeat("    ", depth))
}

// prefixed puts an alias before each name.
func prefixed(alias string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = alias + "." + n
	}
	return out
}

// numbered are the inner names of n columns: k1, k2, …
func numbered(letter string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s%d", letter, i+1)
	}
	return out
}

// renamed are columns under other names.
func renamed(columns, names []string) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c + " as " + names[i]
	}
	return out
}

func (t *temporal) keys() []string { return numbered("k", len(t.appended.keys)) }

// known is the condition that a side's rows take part: they have their keys and a time.
func (s side) known(alias string) string {
	var terms []string
	for _, k := range s.keys {
		terms = append(terms, alias+"."+k+" is not null")
	}
	return strings.Join(append(terms, alias+"."+s.time+" is not null"), " and ")
}

// onKeys is the condition that a subquery's keys are the cohort's: bare columns, so that each shard joins its own.
func (t *temporal) onKeys(alias string) string {
	var terms []string
	for i, k := range t.keys() {
		terms = append(terms, fmt.Sprintf("%s.%s = c.%s", alias, k, t.cohort.keys[i]))
	}
	return strings.Join(terms, " and ")
}

// chosen are the columns that a join adds.
func (t *temporal) chosen() []string {
	out := []string{"c.*"}
	for i, c := range t.columns {
		out = append(out, fmt.Sprintf("e.v%d as %s", i+1, c.as))
	}
	return out
}

// eventsFromFirst numbers an entity's appended rows from the first.
func (t *temporal) eventsFromFirst() string { return t.events(" asc nulls last") }

// eventsFromLast numbers them from the last.
func (t *temporal) eventsFromLast() string { return t.events(" desc nulls first") }

func (t *temporal) events(direction string) string {
	columns := renamed(prefixed("appended", t.appended.keys), t.keys())
	columns = append(columns, "appended."+t.appended.time+" as moment")
	for i, c := range t.columns {
		columns = append(columns, fmt.Sprintf("appended.%s as v%d", c.from, i+1))
	}
	order := prefixed("appended", append([]string{t.appended.time}, t.appended.order...))
	for i := range order {
		order[i] += direction
	}
	columns = append(columns, fmt.Sprintf("row_number() over (\n            partition by %s\n            order by %s\n        ) as n",
		strings.Join(prefixed("appended", t.appended.keys), ", "), strings.Join(order, ", ")))
	return fmt.Sprintf("(\n    select\n        %s\n    from %s as appended\n    where %s\n)", lines(2, columns...),
		indent(1, t.appended.relation), t.appended.known("appended"))
}

// ever joins an entity's first, last or nth row; that it stands before or after the cohort's time is a condition more.
func (t *temporal) ever() string {
	n, events := 1, t.eventsFromFirst()
	if strings.HasPrefix(t.kind, "last_") {
		events = t.eventsFromLast()
	}
	if t.kind == "nth_ever" {
		n = t.nth
	}
	on := fmt.Sprintf("%s and e.n = %d", t.onKeys("e"), n)
	compare := map[string]string{"first_before": "<", "last_after": ">"}[t.kind]
	if compare != "" && t.inclusive {
		compare += "="
	}
	if compare != "" {
		on += fmt.Sprintf(" and e.moment %s c.%s", compare, t.cohort.time)
	}
	return fmt.Sprintf("select\n    %s\nfrom %s as e\nright join %s as c\n    on %s", lines(1, t.chosen()...), events,
		t.cohort.relation, on)
}

// eventsFirst says whether appended rows of the cohort row's own time stand before it in the union.
func (t *temporal) eventsFirst() bool {
	return strings.HasSuffix(t.kind, "before") == t.inclusive
}

// union is both sides in one: keys, moment, whose row it is, the cohort row's id and order, and further columns of the appended rows.
// An event has 1 in `event`, a cohort row has 1 in `row`. Event rows of equal time stand before or after the cohort's by `rank`.
func (t *temporal) union(order bool, further []string) string {
	keys := t.keys()
	event := renamed(prefixed("appended", t.appended.keys), keys)
	cohort := renamed(prefixed("cohort", t.cohort.keys), keys)
	event = append(event, "appended."+t.appended.time+" as moment", "1 as event", "null as member")
	cohort = append(cohort, "min(cohort."+t.cohort.time+") as moment", "null as event", "1 as member")
	if t.eventsFirst() {
		event, cohort = append(event, "1 as rank"), append(cohort, "2 as rank")
	} else {
		event, cohort = append(event, "2 as rank"), append(cohort, "1 as rank")
	}
	event, cohort = append(event, "null as row_id"), append(cohort, "cohort."+t.id+" as row_id")
	for i, o := range t.tied() {
		if order {
			event, cohort = append(event, fmt.Sprintf("null as o%d", i+1)), append(cohort, fmt.Sprintf("min(cohort.%s) as o%d", o, i+1))
		}
	}
	for i, f := range further {
		event, cohort = append(event, fmt.Sprintf("appended.%s as x%d", f, i+1)), append(cohort, fmt.Sprintf("null as x%d", i+1))
	}
	return fmt.Sprintf(`(
    select
        %s
    from %s as appended
    where %s
    union all
    select
        %s
    from %s as cohort
    where %s
    group by %s
)`, lines(2, event...), indent(1, t.appended.relation), t.appended.known("appended"),
		lines(2, cohort...), indent(1, t.cohort.relation), t.cohort.known("cohort"),
		strings.Join(append(prefixed("cohort", t.cohort.keys), "cohort."+t.id), ", "))
}

// tied are the columns that order a cohort's rows of one time, but for the id, which ends that order.
func (t *temporal) tied() []string {
	return t.cohort.order[:slices.Index(t.cohort.order, t.id)]
}

// positions tells for each cohort row how many appended rows stand before it.
func (t *temporal) positions() string {
	columns := append(prefixed("u", t.keys()), "u.row_id", "u.moment", "u.member", t.seen())
	return fmt.Sprintf("(\n    select\n        %s\n    from %s as u\n)", lines(2, columns...), indent(1, t.union(false, nil)))
}

// orderedPositions is positions with what orders the cohort's rows, and how many appended rows there are in all.
func (t *temporal) orderedPositions() string {
	columns := append(prefixed("u", t.keys()), "u.row_id", "u.moment", "u.member")
	columns = append(columns, prefixed("u", numbered("o", len(t.tied())))...)
	columns = append(columns, t.seen(),
		fmt.Sprintf("count(u.event) over (partition by %s) as events", strings.Join(prefixed("u", t.keys()), ", ")))
	return fmt.Sprintf("(\n    select\n        %s\n    from %s as u\n)", lines(2, columns...), indent(1, t.union(true, nil)))
}

func (t *temporal) seen() string {
	return fmt.Sprintf("count(u.event) over (\n            partition by %s\n            order by u.moment, u.rank\n        ) as seen",
		strings.Join(prefixed("u", t.keys()), ", "))
}

// picked joins the cohort to the appended row whose number p.n is.
func (t *temporal) picked(p string) string {
	var same []string
	for _, k := range t.keys() {
		same = append(same, fmt.Sprintf("p.%s = e.%s", k, k))
	}
	return fmt.Sprintf("select\n    %s\nfrom %s as e\ninner join %s as p\n    on %s and p.n = e.n\nright join %s as c\n    on %s and "+
		"p.row_id = c.%s",
		lines(1, t.chosen()...), t.eventsFromFirst(), p, strings.Join(same, " and "), t.cohort.relation, t.onKeys("e"), t.id)
}

// beside joins the row just before or just after: the last of those that stand before, or the next.
func (t *temporal) beside() string {
	n := "q.seen as n"
	if t.kind == "first_after" {
		n = "q.seen + 1 as n"
	}
	columns := append(prefixed("q", t.keys()), "q.row_id", n)
	return t.picked(fmt.Sprintf("(\n    select\n        %s\n    from %s as q\n    where q.member = 1\n)", lines(2, columns...),
		indent(1, t.positions())))
}

// between joins the first or last row of a window: those after `seen` up to as many as the next cohort row has seen.
func (t *temporal) between() string {
	keys := t.keys()
	order := append([]string{"q.moment"}, prefixed("q", numbered("o", len(t.tied())))...)
	seen := append(prefixed("q", keys), "q.row_id", "q.seen",
		fmt.Sprintf("lead(q.seen, 1, q.events) over (\n            partition by %s\n            order by %s\n        ) as until",
			strings.Join(prefixed("q", keys), ", "), strings.Join(append(order, "q.row_id"), ", ")))
	n := "w.seen + 1 as n"
	if t.kind == "last_in_between" {
		n = "w.until as n"
	}
	inner := fmt.Sprintf("(\n    select\n        %s\n    from %s as q\n    where q.member = 1\n)", lines(2, seen...),
		indent(1, t.orderedPositions()))
	columns := append(prefixed("w", keys), "w.row_id", n)
	return t.picked(fmt.Sprintf("(\n    select\n        %s\n    from %s as w\n    where w.seen < w.until\n)", lines(2, columns...),
		indent(1, inner)))
}
