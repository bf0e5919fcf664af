-- Whether the load changed any table of staging; null in rows that are older than the column.
alter table ops.positions add column changed boolean;
