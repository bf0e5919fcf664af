-- What the source held of each table when it last landed, by item, with the columns that were added up: written with the rows, in their
-- transaction.
create table ops.landed_totals (
	table_name text,
	run_id bigint,
	key_columns text, -- JSON: a list of names.
	money text, -- JSON: amount to currency.
	item text,
	value text
);
