-- The books of every run, and what the engine must remember of its own. All timestamps are UTC, without a zone.
create schema if not exists ops;
create schema if not exists quarantine;
create schema if not exists staging;
create schema if not exists history;
create schema if not exists core;
create schema if not exists analytics;

create table ops.runs (
	run_id bigint,
	command text,
	project text,
	status text,
	mode text,
	started_at timestamp,
	ended_at timestamp,
	position text,
	consistency text,
	lock_ms double precision,
	as_of timestamp,
	version bigint,
	project_hash text,
	error text,
	lifeline_version text,
	host text,
	pid bigint
);

create table ops.steps (
	run_id bigint,
	step text,
	name text,
	started_at timestamp,
	seconds double precision,
	rows bigint,
	status text,
	detail text
);

create table ops.loads (
	run_id bigint,
	table_name text,
	read_rows bigint,
	inserted bigint,
	updated bigint,
	deleted bigint,
	rows bigint,
	seconds double precision
);

create table ops.positions (
	source text,
	position text,
	taken_at timestamp,
	run_id bigint
);

create table ops.check_results (
	run_id bigint,
	check_name text,
	kind text,
	node text,
	column_name text,
	severity text,
	status text,
	failing bigint,
	tested bigint,
	threshold text,
	seconds double precision,
	sql text
);

create table ops.books (
	run_id bigint,
	table_name text,
	equation text,
	item text,
	left_value text,
	right_value text,
	balances boolean,
	detail text
);

create table ops.repairs (
	run_id bigint,
	table_name text,
	column_name text,
	basis text,
	rows bigint
);

create table ops.versions (
	version bigint,
	run_id bigint,
	published_at timestamp,
	as_of timestamp,
	project_hash text,
	state text,
	note text
);

create table quarantine.rows (
	table_name text,
	key text,
	occurrence bigint,
	row text,
	state text,
	first_run bigint,
	last_run bigint,
	first_seen timestamp,
	last_seen timestamp
);

create table quarantine.reasons (
	table_name text,
	key text,
	occurrence bigint,
	reason text,
	check_name text,
	column_name text,
	value text,
	run_id bigint
);

-- Who holds the warehouse, as the holder wrote it; true only while that backend has the advisory lock.
create table ops.lock (
	backend integer,
	holder text
);

-- Which schemas are ours to drop, so that a schema of a stranger with a like name never is.
create table ops.schemas (
	schema_name text,
	version bigint
);

-- What staging held after its last change: an unchanged table is told by an equal digest, without reading it. A prepared table has
-- its index and its statistics.
create table ops.staged (
	table_name text,
	columns text,
	key_columns text[],
	rows bigint,
	digest text,
	filenode bigint,
	prepared boolean
);
