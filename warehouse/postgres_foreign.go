package warehouse

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"lifeline/change"
)

// Check refuses names that this engine cannot keep, and what stands in the database where a run would put something and is not a run's.
func (w *postgres) Check(ctx context.Context, tables []*change.Table, models []Model) error {
	if err := postgresNames.check(tables); err != nil {
		return err
	}
	if err := postgresNames.checkModels(models); err != nil {
		return err
	}
	conn, err := w.connect(ctx, "lifeline check", w.lastingSettings())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, look := range []func() ([]string, error){
		func() ([]string, error) { return w.foreignTables(ctx, conn, tables) },
		func() ([]string, error) { return w.foreignModels(ctx, conn, models) },
	} {
		found, err := look()
		if err != nil {
			return w.problem("look for what is not ours", err)
		}
		if len(found) > 0 {
			return &change.Problem{
				Err: fmt.Errorf("%s: %s", w.address(), strings.Join(found, "; ")), Class: change.ClassError,
				Try: "rename or drop it, or another database for lifeline",
			}
		}
	}
	return nil
}

// foreignTables finds what has the name of a table of staging or history and is none that a run made, and what would change the rows that
// a run writes there.
func (w *postgres) foreignTables(ctx context.Context, conn *pgx.Conn, tables []*change.Table) ([]string, error) {
	names, columns := make([]string, len(tables)), make([]string, len(tables)) // Columns as JSON: the server has no ragged arrays.
	for i, t := range tables {
		list := make([]string, len(t.Columns))
		for k, c := range t.Columns {
			list[k] = c.Name
		}
		text, err := json.Marshal(list)
		if err != nil {
			return nil, err
		}
		names[i], columns[i] = t.Name, string(text)
	}
	return texts(ctx, conn, `
with wanted as (
	select n.nspname, w.name, n.oid as schema_oid, case n.nspname when 'staging' then '{_raw,_run}'::text[] else '{_op,_valid_from}' end as own
	from unnest($1::text[]) as w (name)
	cross join pg_namespace n
	where n.nspname in ('staging', 'history')
), found as (
	select w.*, c.*, (
			select count(*)
			from pg_attribute a
			where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attname = any (w.own)
		) = 2 and c.relkind in ('r', 'p') as ours
	from wanted w
	join pg_class c on c.relnamespace = w.schema_oid and c.relname = w.name
)
select format('%I.%I is there and was not made by lifeline', nspname, name)
from found
where not ours
union all
select format('%I.%I is a type that was not made by lifeline', w.nspname, w.name)
from wanted w
join pg_type t on t.typnamespace = w.schema_oid and t.typname = w.name and t.typrelid = 0 and t.typelem = 0
union all
select format('%I.%I belongs to the role %s, which this one is not in', nspname, name, relowner::regrole)
from found
where ours and not pg_has_role(relowner, 'usage')
union all
select format('the trigger %I of %I.%I would change what lands', t.tgname, f.nspname, f.name)
from found f
join pg_trigger t on t.tgrelid = f.oid and not t.tgisinternal
where f.ours
union all
select format('the rule %I of %I.%I would change what lands', r.rulename, f.nspname, f.name)
from found f
join pg_rewrite r on r.ev_class = f.oid
where f.ours
union all
select format('%I.%I has row level security, which would hide rows', nspname, name)
from found
where ours and relrowsecurity
union all
select format('%I.%I inherits rows, or hands them on', f.nspname, f.name)
from found f
where f.ours and f.relkind = 'r' and exists (select from pg_inherits i where f.oid in (i.inhparent, i.inhrelid))
union all
select format('%I.%I has the column %I, which the source never had', f.nspname, f.name, a.attname)
from found f
join pg_attribute a on a.attrelid = f.oid and a.attnum > 0 and not a.attisdropped
where f.ours and f.nspname = 'staging' and a.attname <> all (f.own) and a.attname <> all (
	select c
	from unnest($1::text[], $2::text[]) as w (name, columns)
	cross join jsonb_array_elements_text(w.columns::jsonb) as c
	where w.name = f.name
) and not exists (
	select
	from found h
	join pg_attribute b on b.attrelid = h.oid and b.attnum > 0 and not b.attisdropped
	where h.nspname = 'history' and h.name = f.name and b.attname = a.attname
)
order by 1`, names, columns)
}

// foreignModels finds what stands where a model's view or the next version's tables are to be.
func (w *postgres) foreignModels(ctx context.Context, conn *pgx.Conn, models []Model) ([]string, error) {
	var schemas, names []string
	for _, m := range models {
		schemas, names = append(schemas, m.Schema), append(names, m.Name)
	}
	var known bool
	if err := conn.QueryRow(ctx, `select to_regclass('ops.schemas') is not null`).Scan(&known); err != nil {
		return nil, err
	}
	ours, next := `false`, `1`
	if known {
		ours = `exists (
		select
		from pg_rewrite r
		join pg_depend d on d.objid = r.oid and d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
		join pg_class t on t.oid = d.refobjid
		join pg_namespace tn on tn.oid = t.relnamespace
		join ops.schemas s on s.schema_name = tn.nspname
		where r.ev_class = c.oid and tn.nspname = n.nspname || '__v' || s.version
	)`
		next = `greatest((select coalesce(max(version), 0) from ops.versions), (select coalesce(max(version), 0) from ops.schemas)) + 1`
	}
	return texts(ctx, conn, `
with wanted as (
	select *
	from unnest($1::text[], $2::text[]) as m (schema_name, name)
)
select format('%I.%I is there and was not made by lifeline', n.nspname, c.relname)
from wanted m
join pg_namespace n on n.nspname = m.schema_name
join pg_class c on c.relnamespace = n.oid and c.relname = m.name
where not (c.relkind = 'v' and `+ours+`)
union
select format('%I.%I is a type that was not made by lifeline', n.nspname, t.typname)
from wanted m
join pg_namespace n on n.nspname = m.schema_name
join pg_type t on t.typnamespace = n.oid and t.typname = m.name and t.typrelid = 0 and t.typelem = 0
union
select format('the schema %I is there and was not made by lifeline', n.nspname)
from (select schema_name from wanted union values ('build'), ('lifeline')) as m
join pg_namespace n on n.nspname = m.schema_name || '__v' || `+next+`
order by 1`, schemas, names)
}

// texts are the rows of a query of one text.
func texts(ctx context.Context, conn queryer, query string, args ...any) ([]string, error) {
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
