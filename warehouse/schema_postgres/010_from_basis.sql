-- How the beginning of a row's life is known, for the versions that no other one came before; and what the log told when a row of staging
-- came to be as it is. Null for what was written before: it is not known.
do $$
declare
	t record;
begin
	for t in
		select c.oid::regclass as name, n.nspname as schema
		from pg_class as c
		join pg_namespace as n on n.oid = c.relnamespace
		where n.nspname in ('history', 'since') and c.relkind in ('r', 'p')
	loop
		if t.schema = 'history' then
			execute format('alter table %s add column if not exists _from_basis text', t.name);
		else
			execute format('alter table %s add column if not exists _op varchar', t.name);
		end if;
	end loop;
end
$$;
