-- Since when each row that the source's log brought is as it is: one table for each of staging, with its key, `_since` in UTC.
create schema if not exists since;

-- What each table of staging looked like when the log was last read for it: rows of another shape are not read by it.
create table ops.log_tables (
	table_name text,
	shape text,
	run_id bigint
);

-- Each stretch of the source's log: seen as it was written, resnapshotted (its end is known, what happened within is not), or lost. Never
-- erased. Times are UTC, by the source's clock.
create table ops.continuity (
	stream text, -- A table in staging, or '' for all.
	state text,
	from_position text,
	to_position text,
	from_time timestamp,
	to_time timestamp,
	run_id bigint,
	why text
);
