package model

import (
	"fmt"
	"slices"
	"strings"
)

// valued are the columns that aggregates read, each once.
func (t *temporal) valued() []string {
	var out []string
	for _, a := range t.aggregates {
		if a.column != "" && !slices.Contains(out, a.column) {
			out = append(out, a.column)
		}
	}
	return out
}

// computed are the aggregates over columns that of() names; count(*) counts events.
func (t *temporal) computed(of func(column string) string, over string) []string {
	var out []string
	for i, a := range t.aggregates {
		call := fmt.Sprintf("%s(%s)", a.function, of(a.column))
		if over != "" {
			call += " over " + over
		}
		// Engines differ in what an average and a count are.
		switch a.function {
		case "count":
			call = "cast(" + call + " as bigint)"
		case "avg":
			call = "cast(" + call + " as double precision)"
		}
		out = append(out, fmt.Sprintf("%s as g%d", call, i+1))
	}
	return out
}

// inUnion names a column as the union has it.
func (t *temporal) inUnion(alias string) func(string) string {
	return func(column string) string {
		if column == "" {
			return alias + ".event"
		}
		return fmt.Sprintf("%s.x%d", alias, slices.Index(t.valued(), column)+1)
	}
}

// aggregated joins the cohort to a subquery g; a count of nothing is 0, any other aggregate of nothing is null.
func (t *temporal) aggregated(g, on string) string {
	columns := []string{"c.*"}
	for i, a := range t.aggregates {
		value := fmt.Sprintf("g.g%d", i+1)
		if a.function == "count" {
			value = "coalesce(" + value + ", 0)"
		}
		columns = append(columns, value+" as "+a.as)
	}
	return fmt.Sprintf("select\n    %s\nfrom %s as g\nright join %s as c\n    on %s", lines(1, columns...), g, t.cohort.relation, on)
}

func (t *temporal) aggregateEver() string {
	of := func(column string) string {
		if column == "" {
			return "*"
		}
		return "appended." + column
	}
	columns := append(renamed(prefixed("appended", t.appended.keys), t.keys()), t.computed(of, "")...)
	return t.aggregated(fmt.Sprintf("(\n    select\n        %s\n    from %s as appended\n    where %s\n    group by %s\n)",
		lines(2, columns...),
		indent(1, t.appended.relation), t.appended.known("appended"), strings.Join(prefixed("appended", t.appended.keys), ", ")), t.onKeys("g"))
}

// aggregateBeside is a running aggregate over the union, read at the cohort's rows. What comes after is what ran before in the
// opposite order: a frame that moves its start would be computed anew for each row on PostgreSQL.
func (t *temporal) aggregateBeside() string {
	values := t.valued()
	further := append(slices.Clone(values), t.appended.order...)
	order := []string{"u.moment", "u.rank"}
	for i := range t.appended.order {
		order = append(order, fmt.Sprintf("u.x%d", len(values)+i+1))
	}
	order = append(order, "u.row_id")
	for i := range order {
		if t.kind == "after" {
			order[i] += " desc"
		}
		order[i] += " nulls last"
	}
	window := fmt.Sprintf("(\n            partition by %s\n            order by %s\n            rows between unbounded preceding and "+
		"current row\n        )",
		strings.Join(prefixed("u", t.keys()), ", "), strings.Join(order, ", "))
	columns := append(prefixed("u", t.keys()), "u.row_id", "u.member")
	columns = append(columns, t.computed(t.inUnion("u"), window)...)
	inner := fmt.Sprintf("(\n    select\n        %s\n    from %s as u\n)", lines(2, columns...), indent(1, t.union(false, further)))
	outer := append(prefixed("r", t.keys()), "r.row_id")
	outer = append(outer, prefixed("r", numbered("g", len(t.aggregates)))...)
	return t.aggregated(fmt.Sprintf("(\n    select\n        %s\n    from %s as r\n    where r.member = 1\n)", lines(2, outer...),
		indent(1, inner)),
		t.onKeys("g")+" and g.row_id = c."+t.id)
}

// aggregateBetween numbers the windows: a window is a cohort row and the events from it to the next one, and those before the first
// are window 0, which no cohort row has.
func (t *temporal) aggregateBetween() string {
	order := append([]string{"u.moment", "u.rank"}, prefixed("u", numbered("o", len(t.tied())))...)
	columns := append(prefixed("u", t.keys()), "u.row_id", "u.event")
	columns = append(columns, prefixed("u", numbered("x", len(t.valued())))...)
	columns = append(columns, fmt.Sprintf("count(u.member) over (\n            partition by %s\n            order by %s\n            rows "+
		"between unbounded preceding and current row\n        ) as n",
		strings.Join(prefixed("u", t.keys()), ", "), strings.Join(append(order, "u.row_id"), ", ")))
	inner := fmt.Sprintf("(\n    select\n        %s\n    from %s as u\n)", lines(2, columns...), indent(1, t.union(true, t.valued())))
	outer := append(prefixed("w", t.keys()), "max(w.row_id) as row_id")
	outer = append(outer, t.computed(t.inUnion("w"), "")...)
	return t.aggregated(fmt.Sprintf("(\n    select\n        %s\n    from %s as w\n    where w.n > 0\n    group by %s, w.n\n)",
		lines(2, outer...), indent(1, inner),
		strings.Join(prefixed("w", t.keys()), ", ")), t.onKeys("g")+" and g.row_id = c."+t.id)
}
