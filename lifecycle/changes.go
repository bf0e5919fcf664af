package lifecycle

// changes is the table of what history knows of states, a row per change that was seen, and one for the state that a record was first
// seen in. Records that never changed are not in it, and those that are gone from the source neither: core has no line for them.
func (l *compiler) changes() *table {
	t := &table{
		description: "Changes of the state of each " + l.Name + " that the warehouse has seen, from the kept versions of its rows. Grain: one row per change; nothing for records that never changed.",
		grain:       []string{"record_key", "n"},
		indexes:     nil,
	}
	t.with = []string{
		cte("versions", `
select
    v.record_key,
    v.state,
    v.valid_from,
    v.valid_to,
    v.op,
    v.basis,
    v.position,
    row_number() over (partition by v.record_key order by coalesce(v.valid_to, timestamp '9999-12-31 00:00:00'), v.valid_from, v.position, v.state) as n,
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
    select p.record_key, 4 * p.n as place, 'observed_in_state' as kind, p.valid_from as activity_date, cast(null as varchar(60)) as from_state, p.state as to_state,
        'first_seen' as basis, cast(null as timestamp) as lower_bound, p.valid_from as upper_bound, cast(null as text) as position, p.valid_from as known_at
    from pairs as p
    where p.n = 1
    union all
    select p.record_key, 4 * p.n, 'transition', p.ended_before, p.state_before, p.state,
        p.basis_before, case when p.basis_before <> 'binlog' then p.seen_before end, case when p.basis_before <> 'binlog' then p.ended_before end, p.position_before, p.ended_before
    from pairs as p
    where p.op_before = 'update' and p.state <> p.state_before
    union all
    select p.record_key, 4 * p.n, 'deleted', p.ended_before, p.state_before, null,
        p.basis_before, case when p.basis_before <> 'binlog' then p.seen_before end, case when p.basis_before <> 'binlog' then p.ended_before end, p.position_before, p.ended_before
    from pairs as p
    where p.op_before = 'delete'
    union all
    select p.record_key, 4 * p.n + 1, 'restored', coalesce(p.valid_from, p.ended_before), null, p.state,
        p.basis_before, p.ended_before, p.valid_from, p.position_before, p.valid_from
    from pairs as p
    where p.op_before = 'delete'
) as u`),
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
