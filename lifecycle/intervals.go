package lifecycle

import "lifeline/project"

// intervals is the table of the states that records were in. Steps into a state are the activities that lead to one; what is between
// them and is not known stays unknown: an interval then has no end, or the present state no beginning.
func (l *compiler) intervals() *table {
	n, key := l.Names, l.KeyColumn(l.Name)
	t := &table{
		description: "The states that each " + l.Name +
			" was in, as far as that is known. Grain: one row per record and stay in a state; exactly one per record is current.",
		grain:   []string{key, "interval_number"},
		indexes: []project.Index{{Columns: []string{key}}},
	}
	t.with = []string{
		cte("steps", `
select
    a.`+key+` as record_key,
    a.`+n.Time+` as happened_at,
    a.position,
    a.id,
    a.basis,
    coalesce(a.to_state, 'deleted') as state,
    lag(coalesce(a.to_state, 'deleted')) over (partition by a.`+key+` order by a.`+n.Time+`, a.position, a.id) as state_before
from `+ref(l.Tables.Activity)+` as a
where a.to_state is not null
    or a.`+n.Activity+` = 'deleted' and a.known_at is not null`),
		cte("stays", `
select
    s.record_key,
    s.state,
    s.happened_at as from_time,
    s.basis as from_basis,
    lead(s.happened_at) over w as to_time,
    lead(s.basis) over w as to_basis,
    row_number() over w as n,
    row_number() over (partition by s.record_key order by s.happened_at desc, s.position desc, s.id desc) = 1 as is_last
from steps as s
where s.state_before is null
    or s.state <> s.state_before
window w as (partition by s.record_key order by s.happened_at, s.position, s.id)`),
		cte("known", `
select *
from (
    select s.record_key, s.n, s.state, s.from_time, s.from_basis, s.to_time, s.to_basis,
        s.is_last and s.state is not distinct from `+l.stateOf("r."+l.State)+` as is_current
    from stays as s
    inner join `+ref(l.From)+` as r on r.`+l.Key+` = s.record_key
    union all
    select r.`+l.Key+`, coalesce(s.n, 0) + 1, `+l.stateOf("r."+l.State)+`, null, null, null, null, true
    from `+ref(l.From)+` as r
    left join stays as s on s.record_key = r.`+l.Key+` and s.is_last
    where s.state is null or s.state is distinct from `+l.stateOf("r."+l.State)+`
) as u`),
	}
	t.add(key, "k.record_key", "The "+words(l.Name)+".")
	t.add("interval_number", "cast(k.n as integer)", "Which stay of the record, from 1, in order of time.")
	t.add("state", "cast(k.state as varchar(60))", "The state; deleted while the source had no such row.")
	t.add("from_time", "k.from_time", "Since when, UTC; null where that is not known.")
	t.add("from_basis", "cast(k.from_basis as varchar(20))", "How that is known.")
	t.add("to_time", "k.to_time", "Until when, UTC, exclusive; null where it lasts, or where it is not known.")
	t.add("to_basis", "cast(k.to_basis as varchar(20))", "How that is known.")
	t.add("seconds", seconds("k.from_time", "k.to_time"), "Whole seconds between the two; null where one is missing.")
	t.add("is_current", "k.is_current", "Whether the record is in it now.")
	t.add("as_of", asOf, "The instant that the figures are of, UTC, exclusive.")
	t.from = "from known as k"
	return t
}
