-- Since when every version of a table's rows is kept, and until when its changes are known: written with the rows, in their transaction.
-- Times are UTC, by the source's clock.
create table ops.kept (
	table_name text,
	since_time timestamp,
	until_time timestamp,
	run_id bigint,
	by_landing boolean, -- The log tells its rows apart by all their values: what was when is known landing by landing.
	pruned_run bigint -- The run that last took versions away that are older than keep_history.
);

insert into ops.kept (table_name, since_time, until_time, run_id, by_landing)
select l.table_name, min(p.taken_at), max(p.taken_at), max(p.run_id), false
from ops.loads as l
join ops.positions as p on p.run_id = l.run_id
group by l.table_name;
