package warehouse

import (
	"context"

	"lifeline/change"
)

// byKey applies the images of a table whose rows the source tells apart by a key. Each key's images are a chain: what the row was, what it
// became, and so on. Every "was" is a version for history; the chain's last image is what staging gets. Tables are joined by equalities
// alone: with a further condition on the images DuckDB compares every image with every row.
func (a *duckApplying) byKey(ctx context.Context, b change.LogBatch, landed *Landed) error {
	if err := a.makeSince(ctx); err != nil {
		return err
	}
	if b.Replays {
		if err := a.dropSeen(ctx); err != nil {
			return err
		}
	}
	for _, text := range []string{`
create temp table lifeline_image as
select {n.keys}, n.rowid as lifeline__r, n.{sign}, n.{at}, lag(n.{at}) over w as lifeline__before,
	lag(n.{update}) over w as lifeline__began, n.{update},
	lag(n.{sign}) over w is null as lifeline__first, lead(n.{sign}) over w is null as lifeline__last
from {next} as n
window w as (partition by {n.keys} order by n.{seq})`, `
create temp table lifeline_key as
select {i.keys}, bool_or(i.lifeline__first and i.{sign} < 0) as lifeline__had, bool_or(i.lifeline__last and i.{sign} > 0) as lifeline__has,
	bool_or(o._run is not null) as lifeline__there
from lifeline_image as i
left join {staging} as o on {i=o}
group by {i.keys}`} {
		if err := a.exec(ctx, text); err != nil {
			return err
		}
	}
	var drift int64
	if err := a.tx.QueryRowContext(ctx, `
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
	least(n.{at}, coalesce(i.lifeline__before, s._since, p.taken_at, u.started_at, n.{at})), n.{at}, 'binlog', n.{position}, {run},
	{from_basis}
from lifeline_image as i
join {next} as n on n.rowid = i.lifeline__r
left join {staging} as o on {i=o}
left join {since} as s on {i=s} and s._run = o._run
left join (
	select run_id, max(taken_at) as taken_at
	from ops.positions
	group by run_id
) as p on p.run_id = o._run
left join ops.runs as u on u.run_id = o._run
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
join {next} as n on n.rowid = i.lifeline__r
where i.lifeline__last and i.{sign} > 0`, `
insert into {since} ({keys}, _since, _op, _run)
select {i.keys}, i.{at}, case when i.{update} = 1 then 'update' else 'insert' end, {run}
from lifeline_image as i
where i.lifeline__last and i.{sign} > 0`, "drop table temp.lifeline_image", "drop table temp.lifeline_key")
}

// dropSeen leaves out what a snapshot has seen already.
func (a *duckApplying) dropSeen(ctx context.Context) error {
	if err := a.exec(ctx, "create temp table lifeline_seen as"+seenImages); err != nil {
		return err
	}
	var drift int64
	if err := a.diff.count(ctx, "temp.lifeline_seen where lifeline__upto is null", &drift); err != nil {
		return err
	}
	if drift > 0 {
		return &DriftError{Table: a.table, Keys: drift}
	}
	return a.all(ctx, dropSeen, "drop table temp.lifeline_seen")
}

// byRow applies the images of a table without a key. Of equal rows any may go: a row that goes is the one that came last, as brackets
// close, so that each image belongs to a level, and those of one level come and go by turns. The first of a level that goes was in staging
// before; the last that comes stays.
func (a *duckApplying) byRow(ctx context.Context, b change.LogBatch, landed *Landed) error {
	hash := func(alias string) string { return "hash(" + quoteAll(alias+".", a.columns) + ")" }
	if b.Replays {
		return errReplayed(a.table)
	}
	if err := a.all(ctx, `
create temp table lifeline_image as
select b.*, lag(b.{at}) over w as lifeline__before, lag(b.{sign}) over w is null as lifeline__first,
	lead(b.{sign}) over w is null as lifeline__last
from (
	select n.rowid as lifeline__r, `+hash("n")+` as lifeline__h, n.{seq}, n.{sign}, n.{at},
		cast(sum(n.{sign}) over (partition by `+hash("n")+` order by n.{seq}) as bigint)
			+ case when n.{sign} < 0 then 1 else 0 end as lifeline__l
	from {next} as n
) as b
window w as (partition by b.lifeline__h, b.lifeline__l order by b.{seq})`, `
create temp table lifeline_was as
select o.rowid as lifeline__r, `+hash("o")+` as lifeline__h, o._run,
	row_number() over (partition by `+hash("o")+` order by o._run desc, o.rowid desc) as lifeline__k
from {staging} as o
where `+hash("o")+` in (select lifeline__h from lifeline_image)`); err != nil {
		return err
	}
	var gone, missing int64
	err := a.tx.QueryRowContext(ctx, a.bind(countByRow)).Scan(&landed.Inserted, &landed.Updated, &landed.Deleted, &gone, &missing)
	if err != nil {
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
join {next} as n on n.rowid = i.lifeline__r
left join lifeline_was as w on w.lifeline__h = case when i.lifeline__first then i.lifeline__h end and w.lifeline__k = 1 - i.lifeline__l
left join (
	select run_id, max(taken_at) as taken_at
	from ops.positions
	group by run_id
) as p on p.run_id = w._run
where i.{sign} < 0`, `
delete from {staging}
where rowid in (
	select w.lifeline__r
	from lifeline_was as w
	join lifeline_image as i on i.lifeline__h = w.lifeline__h and w.lifeline__k = 1 - i.lifeline__l
	where i.lifeline__first and i.{sign} < 0
)`, `
insert into {staging} ({names}, _run)
select {n.names}, {run}
from lifeline_image as i
join {next} as n on n.rowid = i.lifeline__r
where i.lifeline__last and i.{sign} > 0`, "drop table temp.lifeline_image", "drop table temp.lifeline_was")
}

// all runs statements one after the other.
func (a *duckApplying) all(ctx context.Context, statements ...string) error {
	for _, text := range statements {
		if err := a.exec(ctx, text); err != nil {
			return err
		}
	}
	return nil
}
