package warehouse

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"lifeline/change"
)

// postgresChanges lands images of rows. They stream into staging.<table>__next, as a snapshot's rows do.
type postgresChanges struct {
	load   *postgresLoad
	logged map[string]*change.LoggedTable
}

// Changes begins to land what the log tells of the given tables.
func (r *postgresRun) Changes(_ context.Context, tables []*change.LoggedTable) (Changes, error) {
	c := &postgresChanges{
		load:   &postgresLoad{run: r, tables: map[string]*landing{}, open: map[*postgresWriter]struct{}{}},
		logged: map[string]*change.LoggedTable{},
	}
	for _, t := range tables {
		c.logged[t.Name] = t
	}
	return c, nil
}

// Writer opens a stream of images, and makes the table that they go to where there is none yet.
func (c *postgresChanges) Writer(ctx context.Context, t *change.Table) (change.Writer, error) {
	l := c.load
	images := change.Images(t)
	if l.tables[t.Name] == nil {
		if c.logged[t.Name] == nil {
			return nil, fmt.Errorf("write to %s: it is not one of the tables whose changes land", t.Name)
		}
		n := &landing{table: images, next: nextTable(t.Name)}
		_, err := l.run.pool.Exec(ctx, fmt.Sprintf(`
drop table if exists %[1]s;
create table %[1]s (%[2]s) with (autovacuum_enabled = false)`, quoted("staging", n.next), columnList(images)))
		if err != nil {
			return nil, l.run.w.problem("create staging."+n.next, err)
		}
		l.tables[t.Name] = n
	}
	return l.Writer(ctx, images)
}

// Abort drops what was written.
func (c *postgresChanges) Abort(ctx context.Context) error { return c.load.Abort(ctx) }

// Commit runs in the session that holds the warehouse, in one transaction (promise 5).
func (c *postgresChanges) Commit(ctx context.Context, b change.LogBatch) ([]Landed, error) {
	l := c.load
	if l.done {
		return nil, errors.New("commit a load that has ended")
	}
	if open := l.endWriters(); open > 0 {
		return nil, fmt.Errorf("commit a load with %d writers open", open)
	}
	if len(l.tables)+len(b.Truncated) > 0 {
		if err := l.run.prepareStaging(ctx); err != nil { // Single rows are looked up by their keys.
			return nil, l.run.w.problem("index staging", err)
		}
	}
	var landed []Landed
	err := l.run.withLock(func(conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) (err error) {
			landed, err = c.apply(ctx, tx, b)
			return err
		})
	})
	if err != nil {
		return nil, l.run.w.problem("land the source's changes", err)
	}
	l.done = true
	return landed, nil
}

func (c *postgresChanges) apply(ctx context.Context, tx pgx.Tx, b change.LogBatch) (landed []Landed, err error) {
	for _, t := range b.Truncated {
		a := c.applying(tx, t.Table)
		one, err := a.truncate(ctx, t)
		if err != nil {
			return nil, fmt.Errorf("empty staging.%s: %w", t.Table, err)
		}
		landed = append(landed, one)
	}
	for _, n := range c.load.inOrder() {
		a := c.applying(tx, n.table.Name)
		one, err := a.apply(ctx, n, b)
		if err != nil {
			return nil, fmt.Errorf("bring staging.%s to the log: %w", n.table.Name, err)
		}
		landed = append(landed, one)
	}
	exec := execWith(tx)
	for _, t := range b.Truncated {
		if err := forgetTotals(ctx, exec, t.Table); err != nil {
			return nil, err
		}
	}
	if err := c.load.keep(ctx, exec, c.load.run.id, b.At, loggedNames(c.logged), landed); err != nil {
		return nil, err
	}
	for _, l := range landed {
		if len(c.logged[l.Table].Unique) == 0 {
			if err := keepByLanding(ctx, exec, l.Table); err != nil {
				return nil, err
			}
		}
	}
	return landed, keepPosition(ctx, exec, c.load.run.id, "log", b, anyChanged(landed))
}

func execWith(tx pgx.Tx) execer {
	return func(ctx context.Context, query string, args ...any) error {
		_, err := tx.Exec(ctx, query, args...)
		return err
	}
}

// askWith asks a transaction for rows of texts.
func askWith(tx pgx.Tx) texter {
	return func(ctx context.Context, query string, columns int) ([][]string, error) {
		rows, err := tx.Query(ctx, query)
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]string, error) {
			texts, into := make([]string, columns), make([]any, columns)
			for i := range texts {
				into[i] = &texts[i]
			}
			return texts, row.Scan(into...)
		})
	}
}

// With sets what is kept beside the rows.
func (c *postgresChanges) With(conditions Conditions) { c.load.With(conditions) }

// postgresApplying applies the images of one table.
type postgresApplying struct {
	*imageNames

	tx     pgx.Tx
	load   *postgresLoad
	logged *change.LoggedTable
}

func (c *postgresChanges) applying(tx pgx.Tx, table string) *postgresApplying {
	a := &postgresApplying{imageNames: &imageNames{table: table, run: c.load.run.id}, tx: tx, load: c.load, logged: c.logged[table]}
	for _, column := range a.logged.Columns {
		a.columns = append(a.columns, column.Name)
	}
	a.columns = append(a.columns, "_raw")
	a.unique = a.logged.Unique
	return a
}

func (a *postgresApplying) all(ctx context.Context, statements ...string) error {
	for _, text := range statements {
		if _, err := a.tx.Exec(ctx, a.bind(text)); err != nil {
			return fmt.Errorf("%w in %s", err, a.bind(text))
		}
	}
	return nil
}

// apply brings the table's staging and history to the end of the images.
func (a *postgresApplying) apply(ctx context.Context, n *landing, b change.LogBatch) (Landed, error) {
	a.next = quoted("staging", n.next)
	landed := Landed{Table: a.table, Read: n.rows}
	if err := a.ready(ctx); err != nil {
		return landed, err
	}
	for tx, at := range b.Times {
		if _, err := a.tx.Exec(ctx, a.bind("update {next} set {at} = $1::timestamp where {tx} = $2"), at.UTC(), tx); err != nil {
			return landed, err
		}
	}
	if len(b.Dropped) > 0 {
		if err := a.all(ctx, "delete from {next} where {tx} in ("+numberList(b.Dropped)+")"); err != nil {
			return landed, err
		}
	}
	var err error
	if len(a.unique) > 0 {
		err = a.byKey(ctx, b, &landed)
	} else {
		err = a.byRow(ctx, b, &landed)
	}
	if err != nil {
		return landed, err
	}
	if err := a.addTotals(ctx, execWith(a.tx), askWith(a.tx)); err != nil {
		return landed, fmt.Errorf("add up the images: %w", err)
	}
	if err := a.all(ctx, "drop table {next}"); err != nil {
		return landed, err
	}
	return landed, a.note(ctx, &landed)
}

// ready makes sure that staging has the columns that the images have, and that history and since can take them.
func (a *postgresApplying) ready(ctx context.Context) error {
	have, err := relationColumns(ctx, a.tx, quoted("staging", a.table))
	if err != nil {
		return err
	}
	have = slices.DeleteFunc(have, func(c tableColumn) bool { return c.name == "_run" })
	if !sameSet(have, columnsOf(a.logged.Table)) {
		return fmt.Errorf("staging.%s has other columns than the log", a.table)
	}
	if err := a.load.ensureHistory(ctx, a.tx, a.logged.Table); err != nil {
		return err
	}
	if len(a.unique) == 0 {
		return nil
	}
	since, err := relationColumns(ctx, a.tx, quoted("since", a.table))
	if err != nil {
		return err
	}
	return a.all(ctx, append(sinceChange(typesOf(since), typesOf(have), a.unique), `
create index if not exists `+Quote(sinceIndex(a.table))+` on {since} ({keys})`)...)
}

func typesOf(columns []tableColumn) map[string]string {
	out := map[string]string{}
	for _, c := range columns {
		out[c.name] = c.typ
	}
	return out
}

// sinceIndex names the index of a table's since; a long name is shortened, as nextTable does.
func sinceIndex(table string) string { return nextTable(table) + "_since" }

// note writes down how many rows staging has now. Its digest is not known any more, so that the next snapshot compares row by row.
func (a *postgresApplying) note(ctx context.Context, landed *Landed) error {
	return a.tx.QueryRow(ctx, `
update ops.staged
set rows = rows + $2, digest = ''
where table_name = $1
returning rows`, a.table, landed.Inserted-landed.Deleted).Scan(&landed.Rows)
}

// truncate ends every row of a table.
func (a *postgresApplying) truncate(ctx context.Context, t change.Truncation) (Landed, error) {
	landed := Landed{Table: a.table}
	if err := a.ready(ctx); err != nil {
		return landed, err
	}
	from := "left join (select null::timestamp as _since, null::text as _op) as s on false"
	if len(a.unique) > 0 {
		from = "left join {since} as s on {s=o} and s._run = o._run"
	}
	if _, err := a.tx.Exec(ctx, a.bind(`
insert into {history} ({names}, _run, _op, _valid_from, _valid_to, _basis, _position, _ended_run, _from_basis)
select {o.names}, o._run, 'delete', least($1::timestamp, coalesce(s._since, p.taken_at)), $1::timestamp, 'binlog', $2, {run}, {brought}
from {staging} as o
`+from+`
left join (
	select run_id, max(taken_at) as taken_at
	from ops.positions
	group by run_id
) as p on p.run_id = o._run`), t.At.UTC(), t.Position); err != nil {
		return landed, err
	}
	tag, err := a.tx.Exec(ctx, a.bind("delete from {staging}"))
	if err != nil {
		return landed, err
	}
	landed.Deleted = tag.RowsAffected()
	return landed, a.note(ctx, &landed)
}

// byKey applies the images of a table whose rows the source tells apart by a key. Each key's images are a chain: what the row was, what it
// became, and so on. Every "was" is a version for history; the chain's last image is what staging gets.
func (a *postgresApplying) byKey(ctx context.Context, b change.LogBatch, landed *Landed) error {
	if b.Replays {
		if err := a.dropSeen(ctx); err != nil {
			return err
		}
	}
	if err := a.all(ctx, `
create temporary table lifeline_image on commit drop as
select {n.keys}, n.ctid as lifeline__r, n.{sign}, n.{at}, lag(n.{at}) over w as lifeline__before,
	lag(n.{update}) over w as lifeline__began, n.{update},
	lag(n.{sign}) over w is null as lifeline__first, lead(n.{sign}) over w is null as lifeline__last
from {next} as n
window w as (partition by {n.keys} order by n.{seq})`, `
create temporary table lifeline_key on commit drop as
select {i.keys}, bool_or(i.lifeline__first and i.{sign} < 0) as lifeline__had, bool_or(i.lifeline__last and i.{sign} > 0) as lifeline__has,
	false as lifeline__there
from lifeline_image as i
group by {i.keys}`, `
analyze lifeline_image;
analyze lifeline_key`, `
update lifeline_key as k
set lifeline__there = true
where exists (
	select
	from {staging} as o
	where {k=o}
)`); err != nil {
		return err
	}
	var drift int64
	if err := a.tx.QueryRow(ctx, `
select count(*) filter (where not lifeline__there and lifeline__has), count(*) filter (where lifeline__there and lifeline__has),
	count(*) filter (where lifeline__there and not lifeline__has), count(*) filter (where lifeline__there <> lifeline__had)
from lifeline_key`).Scan(&landed.Inserted, &landed.Updated, &landed.Deleted, &drift); err != nil {
		return err
	}
	if drift > 0 {
		return &DriftError{Table: a.table, Keys: drift}
	}
	return a.all(ctx, `
insert into {history} ({names}, _run, _op, _valid_from, _valid_to, _basis, _position, _ended_run, _from_basis)
select {n.names}, case when i.lifeline__first then coalesce(o._run, {run}) else {run} end,
	case when n.{update} = 1 then 'update' else 'delete' end,
	least(n.{at}, coalesce(i.lifeline__before, s._since, p.taken_at, n.{at})), n.{at}, 'binlog', n.{position}, {run},
	{from_basis}
from lifeline_image as i
join {next} as n on n.ctid = i.lifeline__r
left join {staging} as o on {i=o}
left join {since} as s on {i=s} and s._run = o._run
left join (
	select run_id, max(taken_at) as taken_at
	from ops.positions
	group by run_id
) as p on p.run_id = o._run
where i.{sign} < 0`, `
delete from {staging} as o
using lifeline_key as k
where {k=o}`, `
delete from {since} as s
using lifeline_key as k
where {k=s}`, `
insert into {staging} ({names}, _run)
select {n.names}, {run}
from lifeline_image as i
join {next} as n on n.ctid = i.lifeline__r
where i.lifeline__last and i.{sign} > 0`, `
insert into {since} ({keys}, _since, _op, _run)
select {i.keys}, i.{at}, case when i.{update} = 1 then 'update' else 'insert' end, {run}
from lifeline_image as i
where i.lifeline__last and i.{sign} > 0`, "drop table lifeline_image, lifeline_key")
}

// dropSeen leaves out what a snapshot has seen already.
func (a *postgresApplying) dropSeen(ctx context.Context) error {
	if err := a.all(ctx, "create temporary table lifeline_seen on commit drop as"+seenImages); err != nil {
		return err
	}
	var drift int64
	if err := a.tx.QueryRow(ctx, `
select count(*)
from lifeline_seen
where lifeline__upto is null`).Scan(&drift); err != nil {
		return err
	}
	if drift > 0 {
		return &DriftError{Table: a.table, Keys: drift}
	}
	return a.all(ctx, dropSeen, "drop table lifeline_seen")
}

// byRow applies the images of a table without a key, as the other engine does.
func (a *postgresApplying) byRow(ctx context.Context, b change.LogBatch, landed *Landed) error {
	if b.Replays {
		return errReplayed(a.table)
	}
	if err := a.all(ctx, `
create temporary table lifeline_image on commit drop as
select b.*, lag(b.{at}) over w as lifeline__before, lag(b.{sign}) over w is null as lifeline__first,
	lead(b.{sign}) over w is null as lifeline__last
from (
	select h.*,
		sum(h.{sign}) over (partition by h.lifeline__h order by h.{seq}) + case when h.{sign} < 0 then 1 else 0 end as lifeline__l
	from (
		select n.ctid as lifeline__r, md5(cast(row({n.names}) as text)) as lifeline__h, n.{seq}, n.{sign}, n.{at}
		from {next} as n
	) as h
) as b
window w as (partition by b.lifeline__h, b.lifeline__l order by b.{seq})`, `
create temporary table lifeline_was on commit drop as
select b.*, row_number() over (partition by b.lifeline__h order by b._run desc, b.lifeline__r desc) as lifeline__k
from (
	select o.ctid as lifeline__r, md5(cast(row({o.names}) as text)) as lifeline__h, o._run
	from {staging} as o
) as b
where b.lifeline__h in (select lifeline__h from lifeline_image)`); err != nil {
		return err
	}
	var gone, missing int64
	if err := a.tx.QueryRow(ctx, a.bind(countByRow)).Scan(&landed.Inserted, &landed.Updated, &landed.Deleted, &gone, &missing); err != nil {
		return err
	}
	if missing > 0 {
		return &DriftError{Table: a.table, Keys: missing}
	}
	return a.all(ctx, `
insert into {history} ({names}, _run, _op, _valid_from, _valid_to, _basis, _position, _ended_run)
select {n.names}, coalesce(w._run, {run}), case when n.{update} = 1 then 'update' else 'delete' end,
	least(n.{at}, coalesce(i.lifeline__before, p.taken_at, n.{at})), n.{at}, 'binlog', n.{position}, {run}
from lifeline_image as i
join {next} as n on n.ctid = i.lifeline__r
left join lifeline_was as w on w.lifeline__h = case when i.lifeline__first then i.lifeline__h end and w.lifeline__k = 1 - i.lifeline__l
left join (
	select run_id, max(taken_at) as taken_at
	from ops.positions
	group by run_id
) as p on p.run_id = w._run
where i.{sign} < 0`, `
delete from {staging} as o
using lifeline_was as w, lifeline_image as i
where o.ctid = w.lifeline__r
	and i.lifeline__h = w.lifeline__h
	and w.lifeline__k = 1 - i.lifeline__l
	and i.lifeline__first
	and i.{sign} < 0`, `
insert into {staging} ({names}, _run)
select {n.names}, {run}
from lifeline_image as i
join {next} as n on n.ctid = i.lifeline__r
where i.lifeline__last and i.{sign} > 0`, "drop table lifeline_image, lifeline_was")
}
