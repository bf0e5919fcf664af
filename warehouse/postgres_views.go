package warehouse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"lifeline/change"
)

// relation is a table or view of a version, or the published view of it.
type relation struct {
	oid          uint32
	schema, name string // The base schema, such as "core".
	columns      []tableColumn
}

func (r *relation) String() string { return quoted(r.schema, r.name) }

// step is a statement of a switch. One that may be refused says what for.
type step struct {
	sql  string
	what string
}

// switching is what a transaction does to show a version.
type switching struct {
	newSchemas []string
	locks      []string // Views that are there already, in order.
	steps      []step
}

// versionRelations lists the tables and views that a version consists of, by schema and name.
func versionRelations(ctx context.Context, tx pgx.Tx, version int64) ([]relation, error) {
	return relations(ctx, tx, `
select c.oid, left(n.nspname, -length('__v' || $1::text)), c.relname,
	array_agg(a.attname::text order by a.attnum),
	array_agg(format_type(a.atttypid, a.atttypmod) || coalesce(' collate ' || nullif(a.attcollation, t.typcollation)::regcollation,
	    '') order by a.attnum)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
where c.relkind in ('r', 'v', 'p')
	and n.nspname in (select schema_name from ops.schemas where version = $1::bigint)
	and n.nspname not in ('build__v' || $1::text, 'lifeline__v' || $1::text)
group by 1, 2, 3
order by 2, 3`, fmt.Sprint(version))
}

// publishedViews lists the views that readers use: those that read a table of the same name in a version of their schema.
func publishedViews(ctx context.Context, tx pgx.Tx) ([]relation, error) {
	return relations(ctx, tx, `
select c.oid, n.nspname, c.relname,
	array_agg(a.attname::text order by a.attnum),
	array_agg(format_type(a.atttypid, a.atttypmod) || coalesce(' collate ' || nullif(a.attcollation, y.typcollation)::regcollation,
	    '') order by a.attnum)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type y on y.oid = a.atttypid
where c.relkind = 'v'
	and exists (
		select
		from pg_rewrite r
		join pg_depend d on d.objid = r.oid and d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
		join pg_class t on t.oid = d.refobjid
		join pg_namespace tn on tn.oid = t.relnamespace
		join ops.schemas s on s.schema_name = tn.nspname
		where r.ev_class = c.oid
			and t.relname = c.relname
			and tn.nspname = n.nspname || '__v' || s.version
	)
group by 1, 2, 3
order by 2, 3`)
}

func relations(ctx context.Context, tx pgx.Tx, query string, args ...any) ([]relation, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r relation, err error) {
		var names, types []string
		if err := row.Scan(&r.oid, &r.schema, &r.name, &names, &types); err != nil {
			return r, err
		}
		for i := range names {
			r.columns = append(r.columns, tableColumn{names[i], types[i]})
		}
		return r, nil
	})
}

// planSwitch compares what readers see with what a version has.
func planSwitch(ctx context.Context, tx pgx.Tx, version int64) (*switching, error) {
	target, err := versionRelations(ctx, tx, version)
	if err != nil {
		return nil, fmt.Errorf("list the version's tables: %w", err)
	}
	shown, err := publishedViews(ctx, tx)
	if err != nil {
		return nil, fmt.Errorf("list the published views: %w", err)
	}
	s := &switching{}
	if s.newSchemas, err = missingSchemas(ctx, tx, target); err != nil {
		return nil, err
	}
	for i := range shown {
		s.locks = append(s.locks, shown[i].String())
	}
	find := func(in []relation, r *relation) *relation {
		i := slices.IndexFunc(in, func(o relation) bool { return o.schema == r.schema && o.name == r.name })
		if i < 0 {
			return nil
		}
		return &in[i]
	}
	var added []*relation
	for i := range target {
		if find(shown, &target[i]) == nil {
			added = append(added, &target[i])
		}
	}
	created, err := lookForNewcomers(ctx, tx, added, shown)
	if err != nil {
		return nil, err
	}
	var remade []uint32
	var made []step
	for i := range target {
		t := &target[i]
		old := find(shown, t)
		if old == nil {
			made = append(made, created.steps(t, version)...)
			continue
		}
		columns, fits := viewColumns(old.columns, t.columns)
		if fits {
			made = append(made, step{sql: viewStatement("create or replace view", t, version, columns)})
			continue
		}
		remade = append(remade, old.oid)
		again, err := definitionSteps(ctx, tx, old.oid)
		if err != nil {
			return nil, err
		}
		again = slices.DeleteFunc(again, func(g step) bool { return columnIsGone(g, t.columns) })
		made = append(made, step{sql: "drop view " + t.String(), what: "what depends on " + t.String()},
			step{sql: viewStatement("create view", t, version, columns)})
		made = append(made, again...)
	}
	for i := range shown {
		if find(target, &shown[i]) == nil {
			made = append(made, step{sql: "drop view " + shown[i].String(), what: "what depends on " + shown[i].String() +
				", which this version does not have"})
		}
	}
	drops, creates, err := dependentSteps(ctx, tx, remade)
	if err != nil {
		return nil, err
	}
	s.steps = slices.Concat(drops, made, creates)
	return s, nil
}

// viewColumns orders a view's columns: those it had, in their order, then new ones. It fits when none went or changed its type;
// only then can the view be replaced as it stands.
func viewColumns(old, now []tableColumn) (columns []string, fits bool) {
	fits = true
	for _, c := range old {
		i := slices.IndexFunc(now, func(n tableColumn) bool { return n.name == c.name })
		if i < 0 {
			fits = false
			continue
		}
		fits = fits && now[i].typ == c.typ
		columns = append(columns, c.name)
	}
	for _, c := range now {
		if !slices.Contains(columns, c.name) {
			columns = append(columns, c.name)
		}
	}
	return columns, fits
}

func viewStatement(verb string, r *relation, version int64, columns []string) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = Quote(c)
	}
	return fmt.Sprintf("%s %s as select %s from %s", verb, r, strings.Join(list, ", "), quoted(versionSchema(r.schema, version), r.name))
}

// newcomers are the views that a version adds to those shown.
type newcomers struct {
	readers map[string][]string // By schema: who can read every view of it. They can read a new one, too.
}

// lookForNewcomers makes sure that nobody has made something of the name of a view that is to be made.
func lookForNewcomers(ctx context.Context, tx pgx.Tx, added []*relation, shown []relation) (*newcomers, error) {
	c := &newcomers{readers: map[string][]string{}}
	if len(added) == 0 {
		return c, nil
	}
	names := make([]string, len(added))
	for i, t := range added {
		names[i] = t.String()
	}
	there, err := texts(ctx, tx, `select t from unnest($1::text[]) as t where to_regclass(t) is not null`, names)
	if err != nil {
		return nil, err
	}
	if len(there) > 0 {
		t := added[slices.Index(names, there[0])]
		return nil, &change.Problem{
			Err: fmt.Errorf("%s is there and was not made by lifeline", t), Class: change.ClassError,
			Try: fmt.Sprintf("rename it, or give the model %s another name", t.name),
		}
	}
	for _, t := range added {
		if _, known := c.readers[t.schema]; known {
			continue
		}
		var siblings []uint32
		for i := range shown {
			if shown[i].schema == t.schema {
				siblings = append(siblings, shown[i].oid)
			}
		}
		if c.readers[t.schema], err = readersOfAll(ctx, tx, siblings); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// readersOfAll are those who may read every one of some views.
func readersOfAll(ctx context.Context, tx pgx.Tx, views []uint32) ([]string, error) {
	if len(views) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `
select case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end
from pg_class c
cross join aclexplode(c.relacl) a
where c.oid = any ($1::oid[])
	and a.privilege_type = 'SELECT'
	and a.grantee <> c.relowner
group by 1
having count(distinct c.oid) = cardinality($1::oid[])
order by 1`, views)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// steps make a view that was not there.
func (c *newcomers) steps(t *relation, version int64) []step {
	columns, _ := viewColumns(nil, t.columns)
	steps := []step{{sql: viewStatement("create view", t, version, columns)}}
	for _, r := range c.readers[t.schema] {
		steps = append(steps, step{sql: fmt.Sprintf("grant select on %s to %s", t, r)})
	}
	return steps
}

func missingSchemas(ctx context.Context, tx pgx.Tx, target []relation) ([]string, error) {
	var names []string
	for i := range target {
		names = append(names, target[i].schema)
	}
	rows, err := tx.Query(ctx, `
select distinct n
from unnest($1::text[]) n
where n not in (select nspname from pg_namespace)
order by n`, names)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// execute runs the steps: all in one round trip, or one by one where something may be refused and must be named.
func (s *switching) execute(ctx context.Context, tx pgx.Tx) error {
	var all []string
	named := false
	for _, one := range s.steps {
		all = append(all, one.sql)
		named = named || one.what != ""
	}
	if len(all) == 0 {
		return nil
	}
	if !named {
		_, err := tx.Exec(ctx, strings.Join(all, ";\n"))
		return err
	}
	for _, one := range s.steps {
		_, err := tx.Exec(ctx, one.sql)
		switch state := sqlState(err); {
		case err == nil:
		case one.what == "" || state == lockNotAvailable || state == queryCanceled || isAgain(err) || isLost(err):
			return err
		default:
			return &change.Problem{
				Err: fmt.Errorf("in the way of the new version is %s: %w", one.what, detailed(err)), Class: change.ClassError,
				Try: "change or drop what is named, then lifeline build",
			}
		}
	}
	return nil
}
