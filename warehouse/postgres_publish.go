package warehouse

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lifeline/change"
)

// lockPatience is how long a publication stands in a reader's way while it asks for its locks. It is far below the second after
// which the server looks for deadlocks, so that it is always the publication that gives way, never a reader that is killed.
const lockPatience = 200 * time.Millisecond

func (b *postgresBuild) Publish(ctx context.Context, p Publication) error {
	if b.done {
		return errors.New("publish a version that has ended")
	}
	w := b.run.w
	err := b.Built(ctx) // Old versions are dropped from here on.
	if err != nil {
		return err
	}
	err = b.run.withLock(func(conn *pgx.Conn) error {
		if err := w.dropWorking(ctx, conn, b.version); err != nil {
			return w.problem("drop the working tables", err)
		}
		w.allowReaders(ctx, conn, b.version)
		if err := w.shareShards(ctx, conn, b.version); err != nil {
			return w.problem("let readers into the shards", err)
		}
		if err := w.switchTo(ctx, conn, b.version, func(tx pgx.Tx) error { return w.record(ctx, tx, b.version, p) }); err != nil {
			return w.problem(fmt.Sprintf("publish version %d", b.version), err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.done = true
	return b.run.withLock(func(conn *pgx.Conn) error {
		w.allowReaders(ctx, conn, b.version) // The views of schemas that are new.
		return w.problem("drop old versions", w.dropOld(ctx, conn))
	})
}

func (r *postgresRun) Rollback(ctx context.Context) (v Version, err error) {
	err = r.withLock(func(conn *pgx.Conn) error {
		err := conn.QueryRow(ctx, `
select v.version, v.run_id, v.published_at, v.as_of, true
from ops.versions v
where v.state = 'kept'
	and v.version < (select max(version) from ops.versions where state = 'published')
order by v.version desc
limit 1`).Scan(&v.ID, &v.Run, &v.PublishedAt, &v.AsOf, &v.Current)
		if errors.Is(err, pgx.ErrNoRows) {
			return &change.Problem{
				Err: errors.New("roll back: there is no kept version before the published one"), Class: change.ClassError,
				Try: "keep more versions: warehouse.keep_versions in lifeline.yml",
			}
		}
		if err != nil {
			return r.w.problem("read ops.versions", err)
		}
		err = r.w.switchTo(ctx, conn, v.ID, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `
update ops.versions
set state = case when version = $1 then 'published' else 'kept' end
where version = $1
	or state = 'published'`, v.ID)
			return err
		})
		return r.w.problem(fmt.Sprintf("publish version %d again", v.ID), err)
	})
	return v, err
}

// record notes a new version down in the transaction that shows it. A version that was rolled back from goes, so that the one
// before the new one is again the one that readers saw before it.
func (w *postgres) record(ctx context.Context, tx pgx.Tx, version int64, p Publication) error {
	_, err := tx.Exec(ctx, `
update ops.versions
set state = 'dropped'
where state = 'kept'
	and version > (select max(version) from ops.versions where state = 'published')`)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `update ops.versions set state = 'kept' where state = 'published'`); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
insert into ops.versions (version, run_id, published_at, as_of, project_hash, state, note)
values ($1, $2, timezone('UTC', clock_timestamp()), $3::timestamp, $4, 'published', $5)`,
		version, p.Run, p.AsOf.UTC(), p.Project, p.Note)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
update ops.versions
set state = 'dropped'
where version in (
	select version
	from ops.versions
	where state in ('published', 'kept')
	order by version desc
	offset $1
)`, w.keep)
	return err
}

// switchTo points every view at one version, in one transaction (promise 2). It waits for readers whose snapshot is older than the
// version's rows, for they would find its tables empty; then asks for all locks at once, for a moment, again and again.
func (w *postgres) switchTo(ctx context.Context, conn *pgx.Conn, version int64, record func(tx pgx.Tx) error) error {
	patience := newPatience(w)
	if err := w.waitForSnapshots(ctx, conn, patience); err != nil {
		return err
	}
	backoff := 5 * time.Millisecond
	var hard []string // The views that readers held up, the last one first.
	for attempt := 0; ; attempt++ {
		err := w.trySwitch(ctx, conn, version, record, hard, attempt)
		if err == nil {
			return nil
		}
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.Code == lockNotAvailable && pg.Detail != "" {
			hard = append([]string{pg.Detail}, slices.DeleteFunc(hard, func(v string) bool { return v == pg.Detail })...)
		}
		state := sqlState(err)
		if state != lockNotAvailable && state != queryCanceled && !isAgain(err) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		who, err := w.readersOf(ctx, conn)
		if err != nil {
			return err
		}
		if err := patience.use(ctx, who); err != nil {
			return err
		}
		if err := pause(ctx, backoff+rand.N(backoff)); err != nil {
			return err
		}
		backoff = min(2*backoff, 20*time.Millisecond)
	}
}

func (w *postgres) trySwitch(ctx context.Context, conn *pgx.Conn, version int64, record func(tx pgx.Tx) error, hard []string,
	attempt int,
) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		// Definitions are written with full names, whatever path their owner had.
		if _, err := tx.Exec(ctx, `set local search_path = pg_catalog`); err != nil {
			return err
		}
		if w.cluster != nil {
			// The views are the coordinator's alone: it puts the tables for them before a worker sees a statement, so that no two nodes
			// can show two versions.
			if _, err := tx.Exec(ctx, `set local citus.enable_ddl_propagation = off`); err != nil {
				return err
			}
		}
		s, err := planSwitch(ctx, tx, version)
		if err != nil {
			return err
		}
		for _, schema := range s.newSchemas {
			if _, err := tx.Exec(ctx, `create schema `+Quote(schema)); err != nil {
				return err
			}
		}
		began := time.Now()
		for _, v := range slices.Backward(hard) {
			s.locks = moveToFront(s.locks, v)
		}
		if err := lockViews(ctx, tx, s.locks, attempt); err != nil {
			return err
		}
		locked := time.Now()
		if err := s.execute(ctx, tx); err != nil {
			return err
		}
		if err := record(tx); err != nil {
			return err
		}
		w.log.DebugContext(ctx, "views switched", "version", version, "views", len(s.locks), "attempt", attempt+1,
			"lock_ms", locked.Sub(began).Milliseconds(), "switch_ms", time.Since(locked).Milliseconds())
		return nil
	})
}

// lockViews takes the lock of every view before the first is changed, and gives up after lockPatience altogether. The first lock
// waits for the readers under way while new ones queue up behind it with empty hands. The others wait shorter: what keeps them may
// be a reader that already queues for a view that is locked here, and would then wait for nothing. The view at which it came to
// that is the first one in the next attempt. Setting the owner that a view has changes nothing; LOCK would lock the tables beneath.
func lockViews(ctx context.Context, tx pgx.Tx, views []string, attempt int) error {
	if len(views) == 0 {
		return nil
	}
	list := make([]string, len(views))
	for i, v := range views {
		list[i] = Literal(v)
	}
	_, err := tx.Exec(ctx, fmt.Sprintf(`
set local lock_timeout = '%[1]dms';
set local statement_timeout = '%[2]dms';
do $lifeline$
declare
	v text;
begin
	foreach v in array array[%[3]s] loop
		begin
			execute format('alter view %%s owner to current_user', v);
		exception when lock_not_available then
			raise exception using errcode = 'lock_not_available', message = 'readers use a published view', detail = v;
		end;
		perform set_config('lock_timeout', '%[4]dms', true);
	end loop;
end
$lifeline$;
set local lock_timeout = '%[1]dms';
set local statement_timeout = '10s'`,
		lockPatience.Milliseconds(), lockPatience.Milliseconds()*5/4, strings.Join(list, ", "), lockShorter[attempt%len(lockShorter)]))
	return err
}

// lockShorter is how many milliseconds the locks after the first wait, by attempt.
var lockShorter = []int{10, 20, 50, 10, 20, 100}

// moveToFront puts the named view first, and leaves the others in their order.
func moveToFront(views []string, name string) []string {
	i := slices.Index(views, name)
	if i < 0 {
		return views
	}
	return slices.Insert(slices.Delete(views, i, i+1), 0, name)
}

// patience bounds how long a publication waits for readers, and says when it begins to be long.
type patience struct {
	w     *postgres
	began time.Time
	said  bool
}

func newPatience(w *postgres) *patience { return &patience{w: w, began: time.Now()} }

// use is told whom is waited for, and fails when that has been long enough. The version is then not published: to go on would
// show those readers empty tables, or end their statements.
func (p *patience) use(ctx context.Context, who []string) error {
	waited := time.Since(p.began)
	if waited > p.w.patience {
		return &change.Problem{
			Err: fmt.Errorf("readers were in the way for %s: %s", waited.Round(time.Second), strings.Join(who, "; ")),
			Try: "end these transactions (select pg_terminate_backend(PID)), then lifeline build", Class: change.ClassError,
		}
	}
	if waited > 2*time.Second && !p.said {
		p.said = true
		p.w.log.InfoContext(ctx, "the publication waits for readers", "readers", strings.Join(who, "; "), "at_most", p.w.patience.String())
	}
	return nil
}

// ExportSession is the application name of a session on PostgreSQL that reads one version by its own schemas' names, in one statement.
// No publication is in its way and it is in the way of none, however long it takes.
const ExportSession = "lifeline export"

// waitForSnapshots waits until nobody in this database reads with a snapshot from before this moment: all rows of the version
// are committed by now. A session that we may not look into counts as long as the transaction that it is in now.
func (w *postgres) waitForSnapshots(ctx context.Context, conn *pgx.Conn, p *patience) error {
	var horizon string
	err := conn.QueryRow(ctx, `select pg_snapshot_xmax(pg_current_snapshot())::text`).Scan(&horizon)
	if err != nil {
		return err
	}
	const older = `
select k.virtualtransaction, format('pid %s (%s, %s) since %s', a.pid, a.usename, nullif(a.application_name, ''),
	coalesce(to_char(a.xact_start at time zone 'UTC', 'HH24:MI:SS'), 'unknown'))
from pg_stat_activity a
join pg_locks k on k.pid = a.pid
where a.datname = current_database()
	and a.pid <> pg_backend_pid()
	and a.usename is not null
	and a.application_name is distinct from '` + ExportSession + `'
	and k.locktype = 'virtualxid'
	and k.granted
	and k.virtualtransaction = k.virtualxid
	and case
		when a.backend_type is null then true
		else a.backend_type = 'client backend' and age(a.backend_xmin) > age(xid($1::text::xid8))
	end
	and ($2::text[] is null or k.virtualtransaction = any ($2))`
	var first []string
	for {
		rows, err := conn.Query(ctx, older, horizon, first)
		if err != nil {
			return err
		}
		var transactions, who []string
		var transaction, one string
		_, err = pgx.ForEachRow(rows, []any{&transaction, &one}, func() error {
			transactions, who = append(transactions, transaction), append(who, one)
			return nil
		})
		if err != nil || len(who) == 0 {
			return err
		}
		if first == nil {
			first = transactions
		}
		if err := p.use(ctx, who); err != nil {
			return err
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// readersOf names the sessions that hold locks on published views.
func (w *postgres) readersOf(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	rows, err := conn.Query(ctx, `
select distinct format('pid %s (%s, %s)', a.pid, a.usename, nullif(a.application_name, ''))
from pg_locks k
join pg_class c on c.oid = k.relation
join pg_stat_activity a on a.pid = k.pid
where k.database = (select oid from pg_database where datname = current_database())
	and k.granted
	and c.relkind = 'v'
	and a.pid <> pg_backend_pid()
	and exists (
		select
		from ops.schemas s
		where s.schema_name like replace(c.relnamespace::regnamespace::text, '"', '') || '\_\_v%'
	)`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// dropWorking drops the tables that the version was made with. Nothing that is published may be built on them.
func (w *postgres) dropWorking(ctx context.Context, conn *pgx.Conn, version int64) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		before, err := versionRelations(ctx, tx, version)
		if err != nil {
			return err
		}
		name := versionSchema(working, version)
		if _, err := tx.Exec(ctx, `drop schema if exists `+Quote(name)+` cascade`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from ops.schemas where schema_name = $1`, name); err != nil {
			return err
		}
		after, err := versionRelations(ctx, tx, version)
		if err != nil {
			return err
		}
		if len(before) != len(after) {
			return fmt.Errorf("%d views of the version read from the schema %q, whose tables do not last", len(before)-len(after), working)
		}
		return nil
	})
}

// dropOld drops the versions that are not kept any more. A reader that still uses one is not waited for: the next run drops it.
func (w *postgres) dropOld(ctx context.Context, conn *pgx.Conn) error {
	return w.dropVersions(ctx, conn, `
select distinct s.version
from ops.schemas s
join ops.versions v on v.version = s.version
where v.state = 'dropped'`)
}

// dropVersions drops the versions that a query names.
func (w *postgres) dropVersions(ctx context.Context, conn *pgx.Conn, query string) error {
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return err
	}
	versions, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	for _, v := range versions {
		if err := w.dropVersion(ctx, conn, v); err != nil {
			return err
		}
	}
	return nil
}

// dropVersion drops one version's schemas; tables that newer versions have carried over stay. It leaves them all where a reader or a
// view of a stranger still uses them.
func (w *postgres) dropVersion(ctx context.Context, conn *pgx.Conn, version int64) error {
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
select s.schema_name
from ops.schemas s
where s.version = $1
order by s.schema_name`, version)
		if err != nil {
			return err
		}
		schemas, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(schemas) == 0 {
			return err
		}
		var strangers []string
		var carried bool
		err = tx.QueryRow(ctx, `
select array_agg(distinct r.ev_class::regclass::text) filter (where not exists (
		select from ops.schemas o where o.schema_name = v.relnamespace::regnamespace::text or quote_ident(o.schema_name) =
		    v.relnamespace::regnamespace::text
	)),
	count(*) > 0
from pg_depend d
join pg_rewrite r on r.oid = d.objid
join pg_class c on c.oid = d.refobjid
join pg_class v on v.oid = r.ev_class
where d.classid = 'pg_rewrite'::regclass
	and d.refclassid = 'pg_class'::regclass
	and c.relnamespace::regnamespace::text = any (select quote_ident(n) from unnest($1::text[]) n)
	and v.relnamespace::regnamespace::text <> all (select quote_ident(n) from unnest($1::text[]) n)`, schemas).Scan(&strangers, &carried)
		if err != nil {
			return err
		}
		if len(strangers) > 0 {
			w.log.WarnContext(ctx, "an old version stays, because views read from it", "version", version, "views", strings.Join(strangers, ", "))
			return nil
		}
		if carried {
			return dropUnread(ctx, tx, schemas)
		}
		list := make([]string, len(schemas))
		for i, s := range schemas {
			list[i] = Quote(s)
		}
		_, err = tx.Exec(ctx, fmt.Sprintf(`
set local lock_timeout = '%dms';
drop schema if exists %s cascade`, lockPatience.Milliseconds(), strings.Join(list, ", ")))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `delete from ops.schemas where version = $1`, version)
		return err
	})
	if state := sqlState(err); state == lockNotAvailable || state == deadlockDetected {
		w.log.InfoContext(ctx, "an old version stays until the next run, because a reader uses it", "version", version)
		return nil
	}
	return err
}
