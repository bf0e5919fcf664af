package warehouse

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"lifeline/change"
)

// duckDiff finds and applies what differs between a table's staging and its new rows. Rows are compared whole, as multisets, by a
// 64-bit hash over all their columns:
//
//   - buckets of rows by key whose count, sum and exclusive or of hashes are alike hold the same rows; an unchanged table ends here,
//     after one pass over both sides;
//   - in the other buckets, hashes that one side has more often than the other give the rows that are gone and those that came;
//   - a row gone and a row come with the same key are an update, the others deletes and inserts.
type duckDiff struct {
	tx   *sql.Tx
	run  *duckRun
	at   change.Snapshot
	name string
	key  []string // Empty where the table has none.

	old, next     string // The two tables, quoted.
	scoped        bool   // Not all of staging's rows are compared, but those of temp.lifeline_scoped.
	before, after []duckColumn
	kept          []duckColumn // Of history; none where there is none yet.
	since         []duckColumn // Of what the log told; none where it told nothing.
}

// buckets is how finely rows are divided for the first pass; a change costs the closer look at one bucket's rows.
const buckets = 4096

// compared gives the expressions that a row is compared by, alike in number and type for both sides: the union of the columns,
// null where a side has none. A retyped column is compared as the type that holds both. `_run` is not the source's and left out.
func (d *duckDiff) compared(columns []string) (before, after []string) {
	for _, name := range columns {
		was, had := findColumn(d.before, name)
		is, has := findColumn(d.after, name)
		column := Quote(name)
		switch {
		case had && has && was.sqlType == is.sqlType:
			before, after = append(before, column), append(after, column)
		case had && has:
			common := commonType(was.sqlType, is.sqlType)
			before = append(before, fmt.Sprintf("cast(%s as %s)", column, common))
			after = append(after, fmt.Sprintf("cast(%s as %s)", column, common))
		case had:
			before, after = append(before, column), append(after, fmt.Sprintf("cast(null as %s)", was.sqlType))
		default:
			before, after = append(before, fmt.Sprintf("cast(null as %s)", is.sqlType)), append(after, column)
		}
	}
	return before, after
}

// apply runs the comparison and changes staging and history by it.
func (d *duckDiff) apply(ctx context.Context, landed *Landed) error {
	all := columnNames(d.before)
	for _, c := range d.after {
		if !slices.Contains(all, c.name) {
			all = append(all, c.name)
		}
	}
	all = slices.DeleteFunc(all, func(name string) bool { return name == "_run" })
	// A key that only one side has, after a change of the source's shape, identifies nothing.
	for _, k := range d.key {
		_, had := findColumn(d.before, k)
		_, has := findColumn(d.after, k)
		if !had || !has {
			d.key = nil
			break
		}
	}
	hashBefore, hashAfter := d.compared(all)
	keyBefore, keyAfter := d.compared(d.key)
	s := diffSQL{
		old: d.from(), oldRow: d.row(), next: d.next, keyed: len(d.key) > 0,
		oldHash: hashOf(hashBefore), nextHash: hashOf(hashAfter),
		oldKey: hashOf(hashBefore), nextKey: hashOf(hashAfter),
		oldKeys: keyBefore, nextKeys: keyAfter,
	}
	if s.keyed {
		s.oldKey, s.nextKey = hashOf(keyBefore), hashOf(keyAfter)
	}
	var differ int64
	if err := d.exec(ctx, s.buckets()); err != nil {
		return err
	}
	if err := d.count(ctx, "lifeline_bucket", &differ); err != nil {
		return err
	}
	if differ > 0 {
		if err := d.exec(ctx, s.surplus()); err != nil {
			return err
		}
		for _, side := range []struct {
			table string
			rows  func(listing) string
		}{{"lifeline_gone", s.gone}, {"lifeline_came", s.came}} {
			if err := d.collect(ctx, s, side.table, side.rows); err != nil {
				return err
			}
		}
		if err := d.pairUp(ctx, s, landed); err != nil {
			return err
		}
		if err := d.exec(ctx, d.history(), stampOf(d.at.TakenAt), string(d.at.Position)); err != nil {
			return err
		}
	}
	var before int64
	if err := d.count(ctx, d.old, &before); err != nil {
		return err
	}
	landed.Rows = before + landed.Inserted - landed.Deleted
	return d.bring(ctx, s, differ > 0, !d.scoped && landed.Updated+landed.Deleted == before)
}

// from is where the rows of staging that are compared are read,
func (d *duckDiff) from() string {
	if d.scoped {
		return "temp.lifeline_scoped"
	}
	return d.old
}

// and row what each is known by in staging.
func (d *duckDiff) row() string {
	if d.scoped {
		return "lifeline__row"
	}
	return "rowid"
}

// collect lists the rows of one side that differ. Numbering rows sorts them all, so it is only done where some have twins: equal rows
// of which a part stays, or rows of one key.
func (d *duckDiff) collect(ctx context.Context, s diffSQL, table string, rows func(listing) string) error {
	l := listing{into: table}
	if err := d.tx.QueryRowContext(ctx,
		"select exists (select 1 from lifeline_surplus where lifeline__was > 0 and lifeline__now > 0)").Scan(&l.twins); err != nil {
		return err
	}
	if err := d.exec(ctx, rows(l)); err != nil || !s.keyed {
		return err
	}
	err := d.tx.QueryRowContext(ctx, fmt.Sprintf(`
select exists (
	select 1
	from %s
	group by %s
	having count(*) > 1
)`, table, strings.Join(s.keyNames(), ", "))).Scan(&l.numbered)
	if err != nil || !l.numbered {
		return err
	}
	if err := d.exec(ctx, "drop table temp."+table); err != nil {
		return err
	}
	return d.exec(ctx, rows(l))
}

// bring makes staging the new rows.
func (d *duckDiff) bring(ctx context.Context, s diffSQL, differs, nothingStays bool) error {
	var statements []string
	switch {
	case nothingStays:
		statements = []string{"drop table " + d.old, "alter table " + d.next + " rename to " + Quote(d.name)}
	case !slices.Equal(d.before, d.after):
		statements = []string{
			d.remake(s), "drop table " + d.old, "drop table " + d.next,
			"alter table staging." + Quote(d.name+"__next_remade") + " rename to " + Quote(d.name),
		}
	case differs:
		statements = []string{
			"delete from " + d.old + " where rowid in (select r from lifeline_op)",
			"insert into " + d.old + " from " + d.next + " where rowid in (select r from lifeline_came)",
			"drop table " + d.next,
		}
	default:
		statements = []string{"drop table " + d.next}
	}
	for _, t := range []string{"lifeline_bucket", "lifeline_surplus", "lifeline_gone", "lifeline_came", "lifeline_op", "lifeline_scoped"} {
		statements = append(statements, "drop table if exists temp."+t)
	}
	for _, statement := range statements {
		if err := d.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (d *duckDiff) exec(ctx context.Context, statement string, args ...any) error {
	if _, err := d.tx.ExecContext(ctx, statement, args...); err != nil {
		return fmt.Errorf("%w in %s", err, strings.TrimSpace(statement))
	}
	return nil
}

func (d *duckDiff) count(ctx context.Context, table string, n *int64) error {
	return d.tx.QueryRowContext(ctx, "select count(*) from "+table).Scan(n)
}

// pairUp tells of each row gone whether a row of its key came, and counts what was inserted, updated and deleted.
func (d *duckDiff) pairUp(ctx context.Context, s diffSQL, landed *Landed) error {
	statement := `
create temp table lifeline_op as
select r, false as updated
from lifeline_gone`
	if s.keyed {
		statement = `
create temp table lifeline_op as
select g.r, c.r is not null as updated
from lifeline_gone as g
left join lifeline_came as c on ` + s.pair()
	}
	if err := d.exec(ctx, statement); err != nil {
		return err
	}
	err := d.tx.QueryRowContext(ctx, `
select count(*) filter (where updated), count(*) filter (where not updated)
from lifeline_op`).Scan(&landed.Updated, &landed.Deleted)
	if err != nil {
		return err
	}
	if err := d.count(ctx, "lifeline_came", &landed.Inserted); err != nil {
		return err
	}
	landed.Inserted -= landed.Updated
	return nil
}

// history appends the rows that are gone, with the time that they were true for: since the log brought them, or else the snapshot.
func (d *duckDiff) history() string {
	names := columnNames(d.before)
	began, basis, since := "coalesce(p.taken_at, u.started_at)", "'snapshot'", ""
	if on := d.onSince(); on != "" {
		began, basis = "coalesce(b._since, p.taken_at, u.started_at)", FromBasis("b")
		since = fmt.Sprintf("\nleft join since.%s as b on %s and b._run = o._run", Quote(d.name), on)
	}
	return fmt.Sprintf(`
insert into history.%s (%s, _op, _valid_from, _valid_to, _basis, _position, _ended_run, _from_basis)
select %s, case when g.updated then 'update' else 'delete' end, %s, greatest(cast($1 as timestamp), %s), 'snapshot', $2, %d, %s
from %s as o
join lifeline_op as g on g.r = o.%s%s
left join (
	select run_id, max(taken_at) as taken_at
	from ops.positions
	group by run_id
) as p on p.run_id = o._run
left join ops.runs as u on u.run_id = o._run`, Quote(d.name), quoteAll("", names), quoteAll("o.", names), began, began, d.run.id,
		basis, d.from(), d.row(), since)
}

// onSince joins a row of staging as it was with what the log told of it; empty where that is not known any more.
func (d *duckDiff) onSince() string {
	var on []string
	for _, c := range d.since {
		if slices.Contains(OwnSince, c.name) {
			continue
		}
		was, there := findColumn(d.before, c.name)
		if !there {
			return ""
		}
		on = append(on, fmt.Sprintf("cast(b.%[1]s as %[2]s) = o.%[1]s", Quote(c.name), was.sqlType))
	}
	return strings.Join(on, " and ")
}

// remake makes the staging of a new shape: the new rows, each of which keeps the run of the old row that it equals.
func (d *duckDiff) remake(s diffSQL) string {
	names := slices.DeleteFunc(columnNames(d.after), func(name string) bool { return name == "_run" })
	return fmt.Sprintf(`
create table staging.%s as
select %s, coalesce(o._run, n._run) as _run
from (
	select *, %s as lifeline__h, row_number() over (partition by %s order by rowid) as lifeline__k
	from %s
) as n
left join (
	select _run, %s as lifeline__h, row_number() over (partition by %s order by _run, rowid) as lifeline__k
	from %s
) as o on o.lifeline__h = n.lifeline__h and o.lifeline__k = n.lifeline__k`, Quote(d.name+"__next_remade"), quoteAll("n.", names),
		s.nextHash, s.nextHash, d.next, s.oldHash, s.oldHash, d.old)
}

// widenHistory makes the history of a table, or gives it the columns and the types that staging is about to have.
func (d *duckDiff) widenHistory(ctx context.Context) error {
	have := d.kept
	history := "history." + Quote(d.name)
	if len(have) == 0 {
		var defined []string
		for _, c := range d.after {
			defined = append(defined, Quote(c.name)+" "+c.sqlType)
		}
		return d.exec(ctx, "create table "+history+" ("+strings.Join(defined, ", ")+
			", _op VARCHAR, _valid_from TIMESTAMP, _valid_to TIMESTAMP, _basis VARCHAR, _position VARCHAR, _ended_run BIGINT, _from_basis VARCHAR)")
	}
	if _, there := findColumn(have, "_ended_run"); !there {
		if err := d.exec(ctx, "alter table "+history+" add column _ended_run BIGINT"); err != nil {
			return err
		}
	}
	for _, c := range d.after {
		was, there := findColumn(have, c.name)
		statement := ""
		switch common := commonType(was.sqlType, c.sqlType); {
		case !there:
			statement = "alter table " + history + " add column " + Quote(c.name) + " " + c.sqlType
		case common != was.sqlType:
			statement = "alter table " + history + " alter column " + Quote(c.name) + " type " + common
		default:
			continue
		}
		if err := d.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// diffSQL are the statements of one comparison.
type diffSQL struct {
	old, next         string
	oldRow            string // What an old row is known by.
	keyed             bool
	oldHash, nextHash string // Over all compared columns.
	oldKey, nextKey   string // What rows are put in buckets by.
	oldKeys, nextKeys []string
}

func hashOf(expressions []string) string { return "hash(" + strings.Join(expressions, ", ") + ")" }

// buckets finds the buckets in which the two sides differ.
func (s diffSQL) buckets() string {
	return fmt.Sprintf(`
create temp table lifeline_bucket as
select b
from (
	select %s %% %d as b, %s as h, -1 as n
	from %s
	union all
	select %s %% %d as b, %s as h, 1 as n
	from %s
) as u
group by b
having sum(n) <> 0 or bit_xor(h) <> 0 or sum(n * cast(h >> 2 as bigint)) <> 0`,
		s.oldKey, buckets, s.oldHash, s.old, s.nextKey, buckets, s.nextHash, s.next)
}

// surplus finds the hashes that one side has more often than the other.
func (s diffSQL) surplus() string {
	return fmt.Sprintf(`
create temp table lifeline_surplus as
select h as lifeline__h, count(o) as lifeline__was, count(n) as lifeline__now
from (
	select %s as h, 1 as o, null as n
	from %s
	where %s %% %d in (select b from lifeline_bucket)
	union all
	select %s as h, null as o, 1 as n
	from %s
	where %s %% %d in (select b from lifeline_bucket)
) as u
group by h
having count(o) <> count(n)`, s.oldHash, s.old, s.oldKey, buckets, s.nextHash, s.next, s.nextKey, buckets)
}

// gone finds the old rows to drop. Of equal rows the newest go, so that the oldest keep the run that brought them.
func (s diffSQL) gone(l listing) string {
	return s.rows(l, diffSide{
		from: s.old, row: s.oldRow, hash: s.oldHash, keys: s.oldKeys,
		surplus: "u.lifeline__was - u.lifeline__now", order: "t._run desc, t." + s.oldRow + " desc",
	})
}

// came finds the new rows to take in.
func (s diffSQL) came(l listing) string {
	return s.rows(l, diffSide{
		from: s.next, row: "rowid", hash: s.nextHash, keys: s.nextKeys,
		surplus: "u.lifeline__now - u.lifeline__was", order: "t.rowid",
	})
}

// listing is a temporary table of the rows that one side has too many of.
type listing struct {
	into     string
	twins    bool // Some of several equal rows stay: those to list are told by a number.
	numbered bool // Several rows have one key: they get a number among those.
}

// diffSide is how one side of a comparison is read: its rows t, with lifeline_surplus as u.
type diffSide struct {
	from, row, hash string
	keys            []string
	surplus         string // How many of equal rows this side has too many.
	order           string // Which of equal rows are listed first.
}

// rows lists the rows that one side has too many of: r is the row, k0, k1, … its key, k its number among the rows of that key.
func (s diffSQL) rows(l listing, side diffSide) string {
	var named []string
	for i, k := range side.keys {
		named = append(named, fmt.Sprintf(", %s as k%d", k, i))
	}
	twin, number := "1", "1"
	if l.twins {
		twin = "row_number() over (partition by u.lifeline__h order by " + side.order + ")"
	}
	if l.numbered {
		number = "row_number() over (partition by " + strings.Join(s.keyNames(), ", ") + " order by r)"
	}
	return fmt.Sprintf(`
create temp table %s as
select *, %s as k
from (
	select t.%s as r%s, %s as surplus, %s as twin
	from %s as t
	join lifeline_surplus as u on u.lifeline__h = %s and %s > 0
) as x
where twin <= surplus`, l.into, number, side.row, strings.Join(named, ""), side.surplus, twin, side.from, side.hash, side.surplus)
}

// keyNames are the names of the key's parts in the lists of rows.
func (s diffSQL) keyNames() []string {
	names := make([]string, len(s.oldKeys))
	for i := range names {
		names[i] = fmt.Sprintf("k%d", i)
	}
	return names
}

// pair joins a row gone, g, with the row come, c, that has its key. A key with a null in it names no row.
func (s diffSQL) pair() string {
	conditions := []string{"g.k = c.k"}
	for i := range s.oldKeys {
		conditions = append(conditions, fmt.Sprintf("g.k%d = c.k%d", i, i))
	}
	return strings.Join(conditions, " and ")
}
