-- What the source's rows added up to, range by range of the key, when each table last landed: written with the rows, in their
-- transaction. Once something has landed from a further position without them, they say nothing.
create table ops.checksums (
	table_name text,
	run_id bigint,
	position text,
	sums text -- JSON, as package change has it.
);
