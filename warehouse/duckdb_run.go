package warehouse

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/duckdb/duckdb-go/v2/mapping"
)

//go:embed schema_duckdb/*.sql
var duckSchema embed.FS

// duckRun is the one writer on the files, from Begin to Close.
type duckRun struct {
	*duckWarehouse

	lock *os.File
	look *os.File // The lock of the landing file, from before it is opened until it is closed.
	id   int64
	db   *sql.DB
	raw  mapping.Database // The same database as db, for appending chunks.

	ceiling duckCeiling
	notices []string

	allowing sync.Mutex
	allowed  duckLimits // What holds now.

	mu     sync.Mutex
	load   *duckLoad
	build  *duckBuild
	closed bool
}

// begin opens the landing file, mends what a killed run left and records this run.
func (r *duckRun) begin(ctx context.Context, who Holder) error {
	if err := r.paths.sweep(); err != nil {
		return err
	}
	look, err := r.paths.look(ctx, syscall.LOCK_EX, longestLook)
	if err != nil {
		return err
	}
	r.look = look
	r.tellMissing()
	if err := r.openLanding(ctx); err != nil {
		return err
	}
	if err := r.migrate(ctx); err != nil {
		return duckProblem("bring ops to its newest schema", err)
	}
	if err := r.dropLeftOver(ctx); err != nil {
		return duckProblem("clear what a killed run left", err)
	}
	if err := r.reconcile(ctx); err != nil {
		return err
	}
	if who.Since.IsZero() {
		who.Since = time.Now()
	}
	err = r.db.QueryRowContext(ctx, `
insert into ops.runs (run_id, command, status, started_at, host, pid)
select
	greatest(
		(select coalesce(max(run_id), 0) from ops.runs),
		(select coalesce(max(run_id), 0) from ops.versions)
	) + 1,
	$1, 'running', cast($2 as timestamp), $3, $4
returning run_id`, who.Command, stampOf(who.Since), who.Host, who.PID).Scan(&r.id)
	if err != nil {
		return duckProblem("record the run", err)
	}
	who.Run = r.id
	return sign(r.lock, who)
}

// openLanding opens the file of staging, history, ops and quarantine, by database/sql and by the driver's own handle.
func (r *duckRun) openLanding(ctx context.Context) error {
	options := map[string]string{
		// Rows have no order to keep, and keeping one would hold whole tables in memory.
		"preserve_insertion_order": "false",
		"temp_directory":           r.paths.temp,
	}
	if !r.EngineSQL {
		options["integer_division"], options["default_null_order"] = "true", "postgres"
	}
	var set []string
	for k, v := range options {
		set = append(set, k+"="+escapeQuery(v))
	}
	connector, err := duckdb.NewConnector(r.paths.landing+"?"+strings.Join(set, "&"), nil)
	if err != nil {
		return duckProblem("open "+r.paths.landing, err)
	}
	r.db = sql.OpenDB(connector)
	r.db.SetMaxIdleConns(8)
	var config mapping.Config
	if mapping.CreateConfig(&config) == mapping.StateError {
		return errors.New("open the engine: no configuration")
	}
	defer mapping.DestroyConfig(&config)
	options["duckdb_api"] = "go"
	for k, v := range options {
		if mapping.SetConfig(config, k, v) == mapping.StateError {
			return fmt.Errorf("open the engine: set %s", k)
		}
	}
	var message string
	if mapping.GetOrCreateFromCache(duckdb.GetInstanceCache(), r.paths.landing, &r.raw, config, &message) == mapping.StateError {
		return duckProblem("open "+r.paths.landing, errors.New(message))
	}
	if err := os.Chmod(r.paths.landing, privateMode); err != nil {
		return duckProblem("close "+r.paths.landing+" to others", err)
	}
	return r.measureCeiling(ctx)
}

// migrate runs the schema files that this warehouse has not seen, each in a transaction of its own.
func (r *duckRun) migrate(ctx context.Context) error {
	if _, err := r.db.ExecContext(ctx, `
create schema if not exists ops;
create table if not exists ops.schema_migrations (version int, applied_at timestamp)`); err != nil {
		return err
	}
	var have int
	if err := r.db.QueryRowContext(ctx, `
select coalesce(max(version), 0)
from ops.schema_migrations`).Scan(&have); err != nil {
		return err
	}
	files, err := fs.Glob(duckSchema, "schema_duckdb/*.sql")
	if err != nil {
		return err
	}
	if err := knownSchema(r.paths.landing, have, duckSchema, "schema_duckdb/*.sql"); err != nil {
		return err
	}
	apply := func(tx *sql.Tx, i int) error {
		text, err := duckSchema.ReadFile(files[i])
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, string(text)); err != nil {
			return fmt.Errorf("%s: %w", files[i], err)
		}
		if strings.HasSuffix(files[i], "_from_basis.sql") {
			if err := r.addFromBasis(ctx, tx); err != nil {
				return fmt.Errorf("%s: %w", files[i], err)
			}
		}
		_, err = tx.ExecContext(ctx, `insert into ops.schema_migrations values ($1, now() at time zone 'UTC')`, i+1)
		return err
	}
	if have == 0 {
		// A new warehouse gets all of them at once: each commit waits for the disk.
		return r.inTx(ctx, func(tx *sql.Tx) error {
			for i := range files {
				if err := apply(tx, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for i := have; i < len(files); i++ {
		if err := r.inTx(ctx, func(tx *sql.Tx) error { return apply(tx, i) }); err != nil {
			return err
		}
	}
	return nil
}

// addFromBasis gives the tables of history and since the columns of 0011_from_basis.sql.
func (r *duckRun) addFromBasis(ctx context.Context, tx *sql.Tx) error {
	tables, err := r.columnsOf(ctx, tx)
	if err != nil {
		return err
	}
	for name := range tables {
		schema, table, _ := strings.Cut(name, ".")
		column, wanted := map[string]string{"history": "_from_basis", "since": "_op"}[schema]
		if !wanted {
			continue
		}
		if _, err := tx.ExecContext(ctx, "alter table "+quoted(schema, table)+" add column if not exists "+column+" VARCHAR"); err != nil {
			return err
		}
	}
	return nil
}

// dropLeftOver removes tables that a killed load left, and closes the records of killed runs.
func (r *duckRun) dropLeftOver(ctx context.Context) error {
	names, err := r.strings(ctx, `
select table_name
from duckdb_tables()
where database_name = current_database()
	and schema_name = 'staging'
	and regexp_matches(table_name, $1)`, landingName.String())
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := r.db.ExecContext(ctx, "drop table staging."+Quote(name)); err != nil {
			return err
		}
	}
	_, err = r.db.ExecContext(ctx, `
update ops.runs
set status = 'failed', error = '`+Killed+`', ended_at = now() at time zone 'UTC'
where status = 'running'`)
	return err
}

// strings reads a column of texts.
func (r *duckRun) strings(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := r.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// inTx does work in one transaction of the landing file.
func (r *duckRun) inTx(ctx context.Context, work func(*sql.Tx) error) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := work(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// ID is this run's number.
func (r *duckRun) ID() int64 { return r.id }

// InvalidateDigest has nothing to do: every load compares the rows themselves.
func (r *duckRun) InvalidateDigest(context.Context, []string) error { return nil }

// DB runs SQL over staging, history, ops and quarantine.
func (r *duckRun) DB() *sql.DB { return r.db }

// Close ends the run's record where nobody did, gives readers a fresh copy of ops and quarantine and lets go of the warehouse.
func (r *duckRun) Close(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	var failed []error
	if r.load != nil {
		failed = append(failed, r.load.Abort(ctx))
	}
	if r.build != nil {
		failed = append(failed, r.build.Discard(ctx))
	}
	_, err := r.db.ExecContext(ctx, `
update ops.runs
set status = 'failed', error = coalesce(error, 'ended without a result'), ended_at = now() at time zone 'UTC'
where status = 'running'`)
	failed = append(failed, duckProblem("end the run's record", err), r.copyBooks(ctx))
	if _, err := r.db.ExecContext(ctx, "checkpoint"); err != nil {
		failed = append(failed, duckProblem("write "+r.paths.landing, err))
	}
	return errors.Join(append(failed, r.release())...)
}

// copyBooks puts a copy of ops and quarantine where readers find it, in one step.
func (r *duckRun) copyBooks(ctx context.Context) error {
	next := r.paths.ops + ".next"
	tables, err := r.strings(ctx, `
select schema_name || '.' || table_name
from duckdb_tables()
where database_name = current_database() and schema_name in ('ops', 'quarantine')
order by 1`)
	if err != nil {
		return duckProblem("copy the books", err)
	}
	statements := []string{
		// Small tables, so small blocks; and no log, because a copy that a crash cut short is made again.
		"attach " + Literal(next) + " as books (block_size 16384, recovery_mode no_wal_writes)",
		"create schema books.ops", "create schema books.quarantine",
	}
	for _, t := range tables {
		statements = append(statements, "create table books."+t+" as from "+t)
	}
	for _, s := range statements {
		if _, err = r.db.ExecContext(ctx, s); err != nil {
			break
		}
	}
	// Detaching writes the file out; after a failure it frees the name, and the next run sweeps the file away.
	if _, detached := r.db.ExecContext(ctx, "detach books"); err == nil {
		err = detached
	}
	if err == nil {
		err = seal(next, privateMode)
	}
	duckStep("books written")
	if err == nil {
		err = move(next, r.paths.ops)
	}
	duckStep("books shown")
	return duckProblem("copy the books", err)
}

// release closes the files and frees the lock.
func (r *duckRun) release() error {
	var failed []error
	if r.db != nil {
		failed = append(failed, duckProblem("close "+r.paths.landing, r.db.Close()))
	}
	mapping.Close(&r.raw)
	if r.look != nil {
		failed = append(failed, letGo(r.look))
	}
	return errors.Join(append(failed, letGo(r.lock))...)
}

// escapeQuery writes a value so that the driver, which reads its settings as a URL's query, gets it back.
func escapeQuery(s string) string {
	return strings.NewReplacer("%", "%25", "&", "%26", "+", "%2B", "#", "%23", ";", "%3B", " ", "%20").Replace(s)
}

// stampOf writes an instant as the warehouse keeps it: UTC, without a zone.
func stampOf(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.999999") }
