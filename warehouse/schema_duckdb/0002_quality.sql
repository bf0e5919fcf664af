-- What checks found, how long a late parent is waited for, and by which rule a value was put right. All timestamps are UTC.

-- The key of every failing row of the newest run of each check, without a cap. Where a node has no key, value is the whole row.
create table if not exists ops.check_rows (
	run_id bigint,
	node text,
	check_name text,
	key text,
	value text
);

-- A row in state held is waiting for its parent until then; after that it counts as quarantined.
alter table quarantine.rows add column held_until timestamp;

alter table ops.repairs add column rule text;
