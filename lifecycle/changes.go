package lifecycle

import (
	"regexp"
	"strings"

	"lifeline/project"
)

// changes is the table of the changes of state that are known, a row per change.
func (l *compiler) changes() *table {
	t := &table{
		description: "Changes of the state of each " + l.Name +
			" that are known: from the source's own log, or from the kept versions of its rows. " +
			"Grain: one row per change; nothing for records without any.",
		grain:   []string{"record_key", "n"},
		indexes: nil,
	}
	if l.Log != nil {
		t.with = l.logSteps()
	} else {
		t.with = l.historySteps()
	}
	t.add("record_key", "s.record_key", "Key of the "+l.Name+".")
	t.add("n", "cast(row_number() over (partition by s.record_key order by s.place) as integer)", "Which change of the record, from 1.")
	t.add("kind", "cast(s.kind as varchar(20))", "observed_in_state, transition, deleted or restored.")
	t.add("activity_date", "s.activity_date", "When it happened, UTC: as the binary log says, or when it was first seen.")
	t.add("from_state", "cast(s.from_state as varchar(60))", "The state before.")
	t.add("to_state", "cast(s.to_state as varchar(60))", "The state after; null for deleted.")
	t.add("basis", "cast(s.basis as varchar(20))", "binlog, snapshot or first_seen.")
	t.add("lower_bound", "s.lower_bound", "It happened at this time or later; null for what the binary log tells.")
	t.add("upper_bound", "s.upper_bound", "It happened at this time or earlier.")
	t.add("position", "cast(s.position as text)", "How far the source had been read.")
	t.add("known_at", "s.known_at", "When the warehouse came to know it, UTC.")
	t.add("is_last", "row_number() over (partition by s.record_key order by s.place desc) = 1", "Whether it is the record's last change.")
	t.from = "from steps as s"
	return t
}

// historySteps are the changes that the warehouse has seen, and one for the state that a record was first seen in. Records that never
// changed are not in them, and those that are gone from the source neither: core has no line for them.
func (l *compiler) historySteps() []string {
	born := "cast(null as varchar(20))"
	if l.birth {
		born = "v.from_basis"
	}
	return []string{
		cte("versions", `
select
    v.record_key,
    `+l.stateOf("v.state")+` as state,
    v.valid_from,
    v.valid_to,
    v.op,
    v.basis,
    v.position,
    `+born+` as from_basis,
    row_number() over (partition by v.record_key order by coalesce(v.valid_to, timestamp '9999-12-31 00:00:00'),
        v.valid_from, v.position, v.state) as n,
    count(*) filter (where v.valid_to is null) over (partition by v.record_key) as present
from `+ref(l.History)+` as v`),
		cte("pairs", `
select
    v.*,
    lag(v.state) over (partition by v.record_key order by v.n) as state_before,
    lag(v.op) over (partition by v.record_key order by v.n) as op_before,
    lag(v.basis) over (partition by v.record_key order by v.n) as basis_before,
    lag(v.position) over (partition by v.record_key order by v.n) as position_before,
    lag(v.valid_from) over (partition by v.record_key order by v.n) as seen_before,
    lag(v.valid_to) over (partition by v.record_key order by v.n) as ended_before
from versions as v
where v.present > 0`),
		cte("steps", `
select *
from (
    select p.record_key, 4 * p.n as place, 'observed_in_state' as kind, p.valid_from as activity_date, cast(null as varchar(60)) as
        from_state, p.state as to_state,
        case when p.from_basis = 'binlog' then 'binlog' else 'first_seen' end as basis, cast(null as timestamp) as lower_bound,
        case when p.from_basis = 'binlog' then null else p.valid_from end as upper_bound, cast(null as text) as position,
        p.valid_from as known_at
    from pairs as p
    where p.n = 1
    union all
    select p.record_key, 4 * p.n, 'transition', p.ended_before, p.state_before, p.state,
        p.basis_before, case when p.basis_before <> 'binlog' then p.seen_before end, case when p.basis_before <> 'binlog' then
            p.ended_before end, p.position_before, p.ended_before
    from pairs as p
    where p.op_before = 'update' and p.state <> p.state_before
    union all
    select p.record_key, 4 * p.n, 'deleted', p.ended_before, p.state_before, null,
        p.basis_before, case when p.basis_before <> 'binlog' then p.seen_before end, case when p.basis_before <> 'binlog' then
            p.ended_before end, p.position_before, p.ended_before
    from pairs as p
    where p.op_before = 'delete'
    union all
    select p.record_key, 4 * p.n + 1, 'restored', coalesce(p.valid_from, p.ended_before), null, p.state,
        p.basis_before, p.ended_before, p.valid_from, p.position_before, p.valid_from
    from pairs as p
    where p.op_before = 'delete'
) as u`),
	}
}

var namesFromBasis = regexp.MustCompile(`(?i)\bfrom_basis\b`)

// tellsBirth tells whether a model of versions says how the beginning of a record's life is known: by a column from_basis.
func tellsBirth(m *project.Model) bool { return m != nil && namesFromBasis.MatchString(m.SQL) }

// logSteps are the changes that the source's own log tells of. A row that repeats the state before is a remark, not a change.
func (l *compiler) logSteps() []string {
	g := l.Log
	order := "g." + g.At
	if g.ID != "" {
		order += ", g." + g.ID
	}
	order += ", g." + g.State
	previous := "lag(" + l.stateOf("g."+g.State) + ") over (partition by g." + g.Key + " order by " + order + ")"
	if g.Previous != "" {
		previous = "coalesce(" + l.stateOf("g."+g.Previous) + ", " + previous + ")"
	}
	where := append([]string{"g." + g.At + " is not null", "g." + g.State + " is not null", "g." + g.Key + " is not null"},
		conditions("g", g.When)...)
	return []string{
		cte("entries", `
select
    g.`+g.Key+` as record_key,
    `+asTime("g."+g.At)+` as happened_at,
    `+l.stateOf("g."+g.State)+` as state,
    `+previous+` as state_before,
    row_number() over (partition by g.`+g.Key+` order by `+order+`) as n
from `+ref(g.Model)+` as g
where `+strings.Join(where, "\n    and ")),
		cte("steps", `
select e.record_key, e.n as place, 'transition' as kind, e.happened_at as activity_date, e.state_before as from_state, e.state as to_state,
    'column' as basis, cast(null as timestamp) as lower_bound, cast(null as timestamp) as upper_bound, cast(null as text) as position,
    cast(null as timestamp) as known_at
from entries as e
where e.state_before is null
    or e.state <> e.state_before`),
	}
}
