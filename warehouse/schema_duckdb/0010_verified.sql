-- What `follow --verify` has compared with the source: of each table its last whole pass. Times are UTC.
create table ops.verified (
	table_name text,
	began timestamp,
	ended timestamp,
	rows bigint, -- Of the source.
	different bigint,
	moving bigint, -- That changed while they were compared, and so were not judged.
	why text -- Why a table was left out.
);

-- Rows and cells that were not as the source had them. What is masked is not shown.
create table ops.differences (
	found_at timestamp,
	run_id bigint,
	table_name text,
	key text,
	column_name text, -- Null for a row that one side lacked.
	what text,
	source_value text,
	staging_value text,
	repaired boolean
);
