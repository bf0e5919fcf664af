-- How each relation of a version came about, so that the next version rebuilds only what has changed. Of a source table the fingerprint is
-- that of its columns, and rows are those of history that do not say which run ended them.
create table ops.models (
	version bigint,
	model text,
	fingerprint text,
	snapshot text,
	rows bigint,
	built text,
	keys bigint,
	why text
);
