package warehouse

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The advisory lock of a warehouse, "LIFE" and "LINE"; PostgreSQL keeps such locks per database and frees a dead session's.
const lockClass, lockObject = 0x4c494645, 0x4c494e45

// leastWait is waited for even by who does not want to wait: so long may the server need to see that a holder was killed.
const leastWait = 2 * time.Second

// postgresRun holds the warehouse by a session of its own. Landing is committed and a version published in that very session, so
// that a run that lost its lock can do neither.
type postgresRun struct {
	w    *postgres
	id   int64
	pool *pgxpool.Pool
	db   *sql.DB

	mu   sync.Mutex // Guards lock.
	lock *pgx.Conn
}

func (w *postgres) Begin(ctx context.Context, who Holder, wait time.Duration) (_ Run, err error) {
	conn, err := w.connect(ctx, "lifeline waiting", w.lastingSettings())
	if err != nil {
		return nil, err
	}
	r := &postgresRun{w: w, lock: conn}
	defer func() {
		if err != nil {
			_ = r.Close(context.WithoutCancel(ctx))
		}
	}()
	if err = w.hold(ctx, conn, max(wait, leastWait)); err != nil {
		return nil, err
	}
	if err = w.endOrphans(ctx, conn); err != nil {
		return nil, w.problem("end the sessions of a killed run", err)
	}
	if err = w.migrate(ctx, conn); err != nil {
		return nil, w.problem("bring the schema ops to its newest form", err)
	}
	if r.id, err = w.enter(ctx, conn, who); err != nil {
		return nil, w.problem("enter the run in ops.runs", err)
	}
	if err = w.sweep(ctx, conn); err != nil {
		return nil, w.problem("clear what a killed run left", err)
	}
	if r.pool, err = w.pool(ctx, runName(r.id), 16, w.runSettings(), nil); err != nil {
		return nil, err
	}
	r.db = w.openDB(r.pool)
	return r, nil
}

func runName(id int64) string { return fmt.Sprintf("lifeline run %d", id) }

// hold takes the lock, asking again until the wait is over.
func (w *postgres) hold(ctx context.Context, conn *pgx.Conn, wait time.Duration) error {
	until := time.Now().Add(wait)
	for {
		var got bool
		err := conn.QueryRow(ctx, `select pg_try_advisory_lock($1::int, $2::int)`, lockClass, lockObject).Scan(&got)
		if err != nil {
			return w.problem("take the warehouse", err)
		}
		if got {
			return nil
		}
		if err := w.endUsurper(ctx, conn); err != nil {
			return err
		}
		if time.Now().After(until) {
			by, there, err := w.holder(ctx, conn)
			if err != nil {
				return w.problem("see who holds the warehouse", err)
			}
			if there {
				return &HeldError{By: by}
			}
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// holder tells who has the lock, by what it wrote into ops.lock, or by its session where it has not come that far.
func (w *postgres) holder(ctx context.Context, conn *pgx.Conn) (h Holder, there bool, err error) {
	err = conn.QueryRow(ctx, `
select a.pid, coalesce(a.application_name, ''), coalesce(host(a.client_addr), ''), coalesce(a.backend_start, now())
from pg_locks k
join pg_stat_activity a on a.pid = k.pid
where k.locktype = 'advisory'
	and k.granted
	and k.database = (select oid from pg_database where datname = current_database())
	and k.classid = $1::bigint::oid
	and k.objid = $2::bigint::oid
	and k.objsubid = 2`, lockClass, lockObject).Scan(&h.PID, &h.Command, &h.Host, &h.Since)
	if errors.Is(err, pgx.ErrNoRows) {
		return h, false, nil
	}
	if err != nil {
		return h, false, err
	}
	var text string
	err = conn.QueryRow(ctx, `select holder from ops.lock where backend = $1`, h.PID).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) || sqlState(err) != "" {
		return h, true, nil
	}
	if err != nil {
		return h, true, err
	}
	return h, true, json.Unmarshal([]byte(text), &h)
}

// endOrphans ends sessions that a run without the lock left behind: killed while the server still worked for it. From here on
// nothing but this run writes.
func (w *postgres) endOrphans(ctx context.Context, conn *pgx.Conn) error {
	for range 100 {
		var left int
		err := conn.QueryRow(ctx, `
select count(pg_terminate_backend(pid))
from pg_stat_activity
where datname = current_database()
	and usename = current_user
	and application_name like 'lifeline run %'
	and pid <> pg_backend_pid()`).Scan(&left)
		if err != nil || left == 0 {
			return err
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return errors.New("a session of the killed run does not end")
}

// enter marks runs that never ended, begins this one and writes into ops.lock who it is.
func (w *postgres) enter(ctx context.Context, conn *pgx.Conn, who Holder) (id int64, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
update ops.runs
set status = 'failed', error = '`+Killed+`', ended_at = timezone('UTC', clock_timestamp())
where status = 'running'`)
		if err != nil {
			return err
		}
		if who.Since.IsZero() {
			who.Since = time.Now()
		}
		err = tx.QueryRow(ctx, `
insert into ops.runs (run_id, command, status, started_at, host, pid)
select coalesce(max(run_id), 0) + 1, $1, 'running', $2::timestamp, $3, $4
from ops.runs
returning run_id`, who.Command, who.Since.UTC(), who.Host, int64(who.PID)).Scan(&id)
		if err != nil {
			return err
		}
		who.Run = id
		text, err := json.Marshal(who)
		if err != nil {
			return err
		}
		if _, err = tx.Exec(ctx, `delete from ops.lock`); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `insert into ops.lock (backend, holder) values (pg_backend_pid(), $1)`, string(text))
		return err
	})
	if err != nil {
		return 0, err
	}
	_, err = conn.Exec(ctx, `select set_config('application_name', $1, false)`, runName(id)+" (lock)")
	return id, err
}

// sweep drops what a killed run left: half-landed tables, versions that were never published, and old versions that a reader
// still used when they were to go.
func (w *postgres) sweep(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `
select tablename
from pg_tables
where schemaname = 'staging'
	and tablename like '%\_\_next'`)
	if err != nil {
		return err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, t := range tables {
		if _, err := conn.Exec(ctx, `drop table `+quoted("staging", t)); err != nil {
			return err
		}
	}
	return w.dropVersions(ctx, conn, `
select distinct s.version
from ops.schemas s
where not exists (
	select
	from ops.versions v
	where v.version = s.version
		and v.state in ('published', 'kept')
)`)
}

func (r *postgresRun) ID() int64 { return r.id }

func (r *postgresRun) DB() *sql.DB { return r.db }

// InvalidateDigest forgets the digests by which a load tells unchanged tables without reading them.
func (r *postgresRun) InvalidateDigest(ctx context.Context, tables []string) error {
	if _, err := r.pool.Exec(ctx, `update ops.staged set digest = '' where table_name = any ($1)`, tables); err != nil {
		return fmt.Errorf("forget the digests of staging: %w", err)
	}
	return nil
}

func (r *postgresRun) Versions(ctx context.Context) ([]Version, error) {
	rows, err := r.pool.Query(ctx, `
select version, run_id, published_at, as_of, state = 'published'
from ops.versions
where state in ('published', 'kept')
order by version desc`)
	if err != nil {
		return nil, r.w.problem("read ops.versions", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (v Version, err error) {
		return v, row.Scan(&v.ID, &v.Run, &v.PublishedAt, &v.AsOf, &v.Current)
	})
	return out, r.w.problem("read ops.versions", err)
}

func (r *postgresRun) Close(ctx context.Context) error {
	if r.db != nil {
		if err := closeDB(r.db, r.pool); err != nil {
			return fmt.Errorf("close the sessions: %w", err)
		}
		r.db = nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lock == nil {
		return nil
	}
	lock := r.lock
	r.lock = nil
	// A session that is lost already has let go by itself.
	_, _ = lock.Exec(ctx, `select pg_advisory_unlock_all()`)
	_ = lock.Close(ctx)
	return nil
}

// withLock runs f in the session that holds the warehouse.
func (r *postgresRun) withLock(f func(conn *pgx.Conn) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lock == nil || r.lock.IsClosed() {
		return errors.New("this run does not hold the warehouse any more")
	}
	return f(r.lock)
}

// pause waits, or ends with the context.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
