package warehouse

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"lifeline/change"
)

// columnMark is put before the statements about one column, so that those about a column that went can be left out.
const columnMark = "/* column "

func columnIsGone(s step, now []tableColumn) bool {
	rest, marked := strings.CutPrefix(s.sql, columnMark)
	if !marked {
		return false
	}
	for _, c := range now {
		if strings.HasPrefix(rest, Quote(c.name)+" */") {
			return false
		}
	}
	return true
}

// dependentSteps drops the views of users that read from views which are made anew, deepest first, and makes them again as they
// were. What cannot be made again so simply is refused by name.
func dependentSteps(ctx context.Context, tx pgx.Tx, remade []uint32) (drops, creates []step, err error) {
	if len(remade) == 0 {
		return nil, nil, nil
	}
	rows, err := tx.Query(ctx, `
with recursive reads as (
	select distinct r.ev_class as reader, d.refobjid as source
	from pg_depend d
	join pg_rewrite r on r.oid = d.objid
	where d.classid = 'pg_rewrite'::regclass
		and d.refclassid = 'pg_class'::regclass
		and r.ev_class <> d.refobjid
), dependent as (
	select reader, 1 as depth
	from reads
	where source = any ($1::oid[])
	union all
	select r.reader, d.depth + 1
	from dependent d
	join reads r on r.source = d.reader
)
select c.oid, max(d.depth), quote_ident(n.nspname) || '.' || quote_ident(c.relname),
	c.relkind = 'v'
		and not exists (select from pg_trigger t where t.tgrelid = c.oid)
		and not exists (select from pg_rewrite w where w.ev_class = c.oid and w.rulename <> '_RETURN'),
	coalesce(pg_get_viewdef(c.oid), ''), quote_ident(pg_get_userbyid(c.relowner)), coalesce(array_to_string(c.reloptions, ', '), '')
from dependent d
join pg_class c on c.oid = d.reader
join pg_namespace n on n.oid = c.relnamespace
group by c.oid, n.nspname
order by 2, 3`, remade)
	if err != nil {
		return nil, nil, err
	}
	type view struct {
		oid                        uint32
		depth                      int
		name, body, owner, options string
		plain                      bool
	}
	views, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (v view, err error) {
		return v, row.Scan(&v.oid, &v.depth, &v.name, &v.plain, &v.body, &v.owner, &v.options)
	})
	if err != nil {
		return nil, nil, err
	}
	for _, v := range views {
		if !v.plain {
			return nil, nil, &change.Problem{
				Err: fmt.Errorf("%s blocks the new version: it is not a plain view, and it reads a column that was dropped or changed its type",
					v.name),
				Try: "drop it, run again, and make it anew", Class: change.ClassError,
			}
		}
		drops = append([]step{{sql: "drop view " + v.name, what: "what depends on " + v.name}}, drops...)
		with := ""
		if v.options != "" {
			with = " with (" + v.options + ")"
		}
		creates = append(creates,
			step{sql: fmt.Sprintf("create view %s%s as %s", v.name, with, v.body), what: "the view " + v.name},
			step{sql: fmt.Sprintf("alter view %s owner to %s", v.name, v.owner), what: "the view " + v.name})
		again, err := definitionSteps(ctx, tx, v.oid)
		if err != nil {
			return nil, nil, err
		}
		for _, g := range again {
			g.what = "the view " + v.name
			creates = append(creates, g)
		}
	}
	return drops, creates, nil
}

// definitionSteps gives a view made anew its grants and comments back, those of its columns too.
func definitionSteps(ctx context.Context, tx pgx.Tx, oid uint32) ([]step, error) {
	rows, err := tx.Query(ctx, `
with view as (
	select c.oid, c.relowner, c.relacl, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
	from pg_class c
	join pg_namespace n on n.oid = c.relnamespace
	where c.oid = $1
)
select format('grant %s on %s to %s%s', g.privilege_type, v.name,
	case g.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end,
	case when g.is_grantable then ' with grant option' else '' end)
from view v
cross join aclexplode(v.relacl) g
where g.grantee <> v.relowner
union all
select format('/* column "%2$s" */ grant %1$s (%2$I) on %3$s to %4$s%5$s', g.privilege_type, a.attname, v.name,
	case g.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end,
	case when g.is_grantable then ' with grant option' else '' end)
from view v
join pg_attribute a on a.attrelid = v.oid
cross join aclexplode(a.attacl) g
where a.attnum > 0
union all
select format('comment on view %s is %L', v.name, obj_description(v.oid, 'pg_class'))
from view v
where obj_description(v.oid, 'pg_class') is not null
union all
select format('/* column "%1$s" */ comment on column %2$s.%1$I is %3$L', a.attname, v.name, col_description(v.oid, a.attnum))
from view v
join pg_attribute a on a.attrelid = v.oid
where a.attnum > 0
	and col_description(v.oid, a.attnum) is not null`, oid)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (s step, err error) { return s, row.Scan(&s.sql) })
}
