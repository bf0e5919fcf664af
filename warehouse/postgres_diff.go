package warehouse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"lifeline/change"
)

// difference holds the names that the statements of one comparison are made of. Equal rows are taken out as often as they are on
// both sides; what remains is gone from staging or added to it, and a pair of both with one key is an update.
type difference struct {
	staging, next string
	compared      string   // Staging's rows that are compared: all, or those of a scope.
	names         []string // Of the source's columns and _raw, quoted.
	key           []string // Quoted; empty where the table has no key.
}

func newDifference(n *landing) difference {
	d := difference{
		staging: quoted("staging", n.table.Name), next: quoted("staging", n.next), names: sourceColumns(n.table, ""),
	}
	d.compared = d.staging
	for _, k := range n.table.Key {
		d.key = append(d.key, Quote(k))
	}
	return d
}

func with(alias string, names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = alias + "." + n
	}
	return strings.Join(out, ", ")
}

// onKey joins two aliases by the key; a null is equal to nothing, so that a row without a key is never an update.
func (d *difference) onKey(a, b string) string {
	out := make([]string, len(d.key))
	for i, k := range d.key {
		out[i] = fmt.Sprintf("%s.%s = %s.%s", a, k, b, k)
	}
	return strings.Join(out, " and ")
}

// candidates collects into a temporary table the places (ctid) of the rows of one side that may have no equal on the other: with a
// key those without an equal row of equal key, and all whose key is not unique; without a key all.
func (d *difference) candidates(into, side, other string) string {
	if len(d.key) == 0 {
		return fmt.Sprintf(`
create temporary table %s on commit drop as
select s.ctid as place
from %s s`, into, side)
	}
	return fmt.Sprintf(`
create temporary table %[1]s on commit drop as
select s.ctid as place
from %[2]s s
where not exists (
	select
	from %[3]s o
	where %[4]s
		and row(%[5]s) is not distinct from row(%[6]s)
)
union
select s.ctid
from %[2]s s
join diff_repeated d on %[7]s`, into, side, other, d.onKey("o", "s"), with("o", d.names), with("s", d.names), d.onKey("d", "s"))
}

// repeated collects the keys that are not unique on either side; for them equality of two rows is not enough, their number counts.
func (d *difference) repeated() string {
	return fmt.Sprintf(`
create temporary table diff_repeated on commit drop as
select %[1]s
from %[2]s s
group by %[1]s
having count(*) > 1
union
select %[1]s
from %[3]s n
group by %[1]s
having count(*) > 1`, strings.Join(d.key, ", "), d.compared, d.next)
}

// bodies gives each candidate the text of its whole row and a number among its equals.
func (d *difference) bodies(into, from, side string) string {
	return fmt.Sprintf(`
create temporary table %s on commit drop as
select b.place, b.body, row_number() over (partition by b.body order by b.place) as occurrence
from (
	select c.place, cast(row(%s) as text) as body
	from %s c
	join %s s on s.ctid = c.place
) b`, into, with("s", d.names), from, side)
}

// remainder keeps of one side the rows that have no equal left on the other, with their keys and a number among equal keys.
func (d *difference) remainder(into, bodies, others, side string) string {
	key, number := "", "1::bigint"
	if len(d.key) > 0 {
		key = with("s", d.key) + ", "
		number = fmt.Sprintf("row_number() over (partition by %s order by b.place)", with("s", d.key))
	}
	return fmt.Sprintf(`
create temporary table %s on commit drop as
select b.place as lifeline__place, %s%s as lifeline__occurrence
from %s b
join %s s on s.ctid = b.place
where not exists (
	select
	from %s o
	where o.body = b.body
		and o.occurrence = b.occurrence
)`, into, key, number, bodies, side, others)
}

// apply brings staging to exactly the rows written: gone rows go to history, added ones come in, equal ones are not touched.
func (l *postgresLoad) apply(ctx context.Context, tx pgx.Tx, n *landing, out *Landed) error {
	d := newDifference(n)
	if _, err := tx.Exec(ctx, "analyze "+d.staging+";\nanalyze "+d.next); err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	return l.applyDifference(ctx, tx, n, d, out)
}

func (l *postgresLoad) applyDifference(ctx context.Context, tx pgx.Tx, n *landing, d difference, out *Landed) error {
	steps := []string{
		d.candidates("diff_old", d.compared, d.next), d.candidates("diff_new", d.next, d.compared), `
analyze diff_old;
analyze diff_new`,
		d.bodies("diff_old_body", "diff_old", d.compared), d.bodies("diff_new_body", "diff_new", d.next),
		d.remainder("diff_gone", "diff_old_body", "diff_new_body", d.compared),
		d.remainder("diff_added", "diff_new_body", "diff_old_body", d.next), `
analyze diff_gone;
analyze diff_added`,
	}
	if len(d.key) > 0 {
		steps = slices.Insert(steps, 0, d.repeated()+";\nanalyze diff_repeated")
	}
	for _, s := range steps {
		if _, err := tx.Exec(ctx, s); err != nil {
			return fmt.Errorf("compare: %w", err)
		}
	}
	op := `'delete'`
	if len(d.key) > 0 {
		op = fmt.Sprintf(`case when exists (select from diff_added a where %s and a.lifeline__occurrence = g.lifeline__occurrence) then `+
			`'update' else 'delete' end`,
			d.onKey("a", "g"))
	}
	gone, updated, err := l.supersede(ctx, tx, n, fmt.Sprintf("%s s join diff_gone g on g.lifeline__place = s.ctid", d.compared), op,
		columnsOf(n.table))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf(`
delete from %s s
using diff_gone g
where g.lifeline__place = s.ctid`, d.staging)); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	tag, err := tx.Exec(ctx, fmt.Sprintf(`
insert into %[1]s (%[2]s, _run)
select %[3]s, %[4]d
from %[5]s s
join diff_added a on a.lifeline__place = s.ctid`, d.staging, strings.Join(d.names, ", "), with("s", d.names), l.run.id, d.next))
	if err != nil {
		return fmt.Errorf("insert: %w", err)
	}
	out.Updated, out.Deleted, out.Inserted = updated, gone-updated, tag.RowsAffected()-updated
	_, err = tx.Exec(ctx, `
drop table if exists diff_repeated, diff_old, diff_new, diff_old_body, diff_new_body, diff_gone, diff_added`)
	return err
}

// supersedeAll appends every row of a table to history whose columns are no longer those of the source.
func (l *postgresLoad) supersedeAll(ctx context.Context, tx pgx.Tx, n *landing, have, want []tableColumn, out *Landed) error {
	var on []string
	for _, k := range n.table.Key {
		same := func(c tableColumn) bool { return c.name == k }
		i, j := slices.IndexFunc(have, same), slices.IndexFunc(want, same)
		if i < 0 || j < 0 {
			on = nil
			break
		}
		on = append(on, fmt.Sprintf("cast(x.%[1]s as text) = cast(s.%[1]s as text)", Quote(k)))
	}
	op := `'delete'`
	if len(on) > 0 {
		op = fmt.Sprintf(`case when exists (select from %s x where %s) then 'update' else 'delete' end`,
			quoted("staging", n.next), strings.Join(on, " and "))
	}
	gone, updated, err := l.supersede(ctx, tx, n, quoted("staging", n.table.Name)+" s", op, have)
	if err != nil {
		return err
	}
	// With repeated keys more rows may be superseded than there are new ones.
	updated = min(updated, n.rows)
	out.Updated, out.Deleted, out.Inserted = updated, gone-updated, n.rows-updated
	return nil
}

// supersede appends rows to history and counts them. A row was valid since the log brought it, or else the snapshot, until this one.
func (l *postgresLoad) supersede(ctx context.Context, tx pgx.Tx, n *landing, from, op string, columns []tableColumn) (gone, updated int64,
	err error,
) {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = Quote(c.name)
	}
	on, err := l.onSince(ctx, tx, n, columns)
	if err != nil {
		return 0, 0, err
	}
	began, basis, since := "p.taken_at", "'snapshot'", ""
	if on != "" {
		began, basis = "coalesce(b._since, p.taken_at)", FromBasis("b")
		since = fmt.Sprintf("\n\tleft join %s b on %s and b._run = s._run", quoted("since", n.table.Name), on)
	}
	err = tx.QueryRow(ctx, fmt.Sprintf(`
with appended as (
	insert into %[1]s (%[2]s, _run, _op, _valid_from, _valid_to, _basis, _position, _ended_run, _from_basis)
	select %[3]s, s._run, %[4]s, %[7]s, greatest($1::timestamp, %[7]s), 'snapshot', $2, %[6]d, %[9]s
	from %[5]s%[8]s
	left join (
		select run_id, max(taken_at) as taken_at
		from ops.positions
		group by run_id
	) p on p.run_id = s._run
	returning _op
)
select count(*), count(*) filter (where _op = 'update')
from appended`, quoted("history", n.table.Name), strings.Join(names, ", "), with("s", names), op, from, l.run.id, began,
		since, basis), l.at.TakenAt.UTC(), string(l.at.Position)).Scan(&gone, &updated)
	if err != nil {
		return 0, 0, fmt.Errorf("append to history.%s: %w", n.table.Name, err)
	}
	return gone, updated, nil
}

// onSince joins a row of staging as it was with what the log told of it; empty where that is not known.
func (l *postgresLoad) onSince(ctx context.Context, tx pgx.Tx, n *landing, columns []tableColumn) (string, error) {
	have, err := relationColumns(ctx, tx, quoted("since", n.table.Name))
	if err != nil {
		return "", err
	}
	var on []string
	for _, c := range have {
		if slices.Contains(OwnSince, c.name) {
			continue
		}
		i := slices.IndexFunc(columns, func(x tableColumn) bool { return x.name == c.name })
		if i < 0 {
			return "", nil
		}
		on = append(on, fmt.Sprintf("cast(b.%[1]s as %[2]s) = s.%[1]s", Quote(c.name), columns[i].typ))
	}
	return strings.Join(on, " and "), nil
}

func columnsOf(t *change.Table) []tableColumn {
	out := make([]tableColumn, 0, len(t.Columns)+1)
	for i := range t.Columns {
		out = append(out, tableColumn{t.Columns[i].Name, postgresType(t.Columns[i].Type)})
	}
	return append(out, tableColumn{"_raw", "text"})
}

func createHistory(t *change.Table) string {
	return fmt.Sprintf(`create table if not exists %s (%s, _run bigint, _op text, _valid_from timestamp, _valid_to timestamp, _basis text,
	_position text, _ended_run bigint, _from_basis text)`, quoted("history", t.Name), columnList(t))
}

// ensureHistory makes history.<table> able to take the rows of staging as they were and as they will be: a new column comes to it,
// none ever goes, and a column whose type changed gets one that holds the values of both.
func (l *postgresLoad) ensureHistory(ctx context.Context, tx pgx.Tx, t *change.Table) error {
	history := quoted("history", t.Name)
	if _, err := tx.Exec(ctx, createHistory(t)); err != nil {
		return fmt.Errorf("create history.%s: %w", t.Name, err)
	}
	if _, err := tx.Exec(ctx, "alter table "+history+" add column if not exists _ended_run bigint"); err != nil {
		return fmt.Errorf("widen history.%s: %w", t.Name, err)
	}
	have, err := relationColumns(ctx, tx, history)
	if err != nil {
		return err
	}
	for _, c := range columnsOf(t) {
		i := slices.IndexFunc(have, func(h tableColumn) bool { return h.name == c.name })
		var change string
		switch {
		case i < 0:
			change = fmt.Sprintf(`alter table %s add column %s %s`, history, Quote(c.name), c.typ)
		case have[i].typ != c.typ:
			both := typeOfBoth(have[i].typ, c.typ)
			if both == have[i].typ {
				continue
			}
			change = fmt.Sprintf(`alter table %[1]s alter column %[2]s type %[3]s using cast(%[2]s as %[3]s)`, history, Quote(c.name), both)
		default:
			continue
		}
		if _, err := tx.Exec(ctx, change); err != nil {
			return fmt.Errorf("widen history.%s: %w", t.Name, err)
		}
	}
	return nil
}

// typeOfBoth gives a type that holds every value of two others.
func typeOfBoth(a, b string) string {
	whole := []string{"smallint", "integer", "bigint"}
	i, j := slices.Index(whole, a), slices.Index(whole, b)
	exact := func(t string, i int) bool { return i >= 0 || strings.HasPrefix(t, "numeric") }
	switch {
	case a == b:
		return a
	case i >= 0 && j >= 0:
		return whole[max(i, j)]
	case exact(a, i) && exact(b, j):
		return "numeric"
	case (a == "real" || a == "double precision") && (b == "real" || b == "double precision"):
		return "double precision"
	default:
		return "text"
	}
}
