package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgres is a warehouse in one database of a PostgreSQL server.
//
// The role needs: connect and create on the database; membership in pg_read_all_stats, to see how old the snapshots of other
// roles' readers are (without it a publication waits for every transaction that it cannot look into). Readers need: usage on
// the schemas core and analytics and select on their views; none on core__v12, because a view reads with its owner's rights.
type postgres struct {
	config   *pgxpool.Config
	keep     int
	work     string // work_mem of a building session.
	log      *slog.Logger
	patience time.Duration // How long a publication waits for readers that are in its way.
	cluster  *cluster      // The Citus cluster that the database is the coordinator of; nil where it is none.
}

// How the sessions of a run, of its lock and of readers are set. A run's own statements may be long; what they wait for may not.
var (
	// everySession pins what a database or a role may set that changes how a value is read, written, compared or computed.
	everySession = map[string]string{
		"timezone": "UTC", "datestyle": "ISO, MDY", "intervalstyle": "postgres", "bytea_output": "hex", "extra_float_digits": "1", "jit": "off",
		"quote_all_identifiers": "off", "transform_null_equals": "off", "standard_conforming_strings": "on", "array_nulls": "on",
		"xmloption": "content",
		"xmlbinary": "base64", "lc_monetary": "C", "lc_numeric": "C", "lc_time": "C", "timezone_abbreviations": "Default", "row_security": "on",
		"backslash_quote": "safe_encoding", "escape_string_warning": "off", "default_transaction_isolation": "read committed",
		"default_transaction_read_only": "off", "default_transaction_deferrable": "off", "idle_session_timeout": "0", "transaction_timeout": "0",
		"default_table_access_method": "heap", "check_function_bodies": "on",
	}
	runSession = map[string]string{
		"statement_timeout": "0", "lock_timeout": "60s", "idle_in_transaction_session_timeout": "0", "search_path": "public",
		// A sample of 9,000 rows plans the next models as well as one of 30,000, for a third of the processor time.
		"default_statistics_target": "30", "hash_mem_multiplier": "2", "maintenance_work_mem": "128MB", "max_parallel_workers_per_gather": "2",
	}
	readSession = map[string]string{
		"default_transaction_read_only": "on", "statement_timeout": "30min", "lock_timeout": "60s",
		"idle_in_transaction_session_timeout": "5min",
	}
)

// newPostgres connects once, to say early what is wrong with the address, and keeps no connection.
func newPostgres(ctx context.Context, o Options) (Warehouse, error) {
	if err := checkAddress(o.DSN); err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(o.DSN)
	if err != nil {
		return nil, badParameter(o.DSN)
	}
	w := &postgres{config: config, keep: o.KeepVersions, log: o.Logger, patience: 5 * time.Minute}
	if w.keep <= 0 {
		w.keep = 2
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	w.log = w.log.With("component", "warehouse")
	if w.work, err = workMemory(o.MemoryLimit); err != nil {
		return nil, err
	}
	conn, err := w.connect(ctx, "lifeline", nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	var encoding string
	if err := conn.QueryRow(ctx, `show server_encoding`).Scan(&encoding); err != nil {
		return nil, w.problem("look at the server", err)
	}
	if encoding != "UTF8" {
		return nil, notUTF8(encoding)
	}
	if err := w.lookForCluster(ctx, conn); err != nil {
		return nil, err
	}
	return w, nil
}

func (w *postgres) Engine() string { return "postgres" }

func (w *postgres) Close() error { return nil }

// Published gives readers the schemas core and analytics, whose views always show the published version: a statement that
// begins after a publication sees the new one.
func (w *postgres) Published(ctx context.Context) (*Reader, error) {
	return w.reader(ctx, `select version from ops.versions where state = 'published'`, "analytics, core, public")
}

// OpenOps gives readers ops and quarantine, which in one database are always those of now.
func (w *postgres) OpenOps(ctx context.Context) (*Reader, error) {
	return w.reader(ctx, `select 0::bigint from ops.runs limit 1`, "ops, quarantine, public")
}

// OpenStaging gives readers staging and history, which in one database are those of the last landing.
func (w *postgres) OpenStaging(ctx context.Context) (*Reader, error) {
	return w.reader(ctx, `select 0::bigint from ops.runs limit 1`, "staging, history, public")
}

// reader opens a read-only pool once the given select, which tells the version, has a row.
func (w *postgres) reader(ctx context.Context, version, path string) (*Reader, error) {
	settings := w.clusterSettings(map[string]string{"search_path": path})
	for k, v := range readSession {
		settings[k] = v
	}
	pool, err := w.pool(ctx, "lifeline reader", 8, settings, func(c *pgx.ConnConfig) {
		// One round trip a statement and nothing kept: a kept plan would fail when a publication adds a column.
		c.DefaultQueryExecMode = pgx.QueryExecModeExec
	})
	if err != nil {
		return nil, err
	}
	r := &Reader{cluster: w.cluster != nil}
	err = pool.QueryRow(ctx, version).Scan(&r.Version)
	if err != nil {
		pool.Close()
		if errors.Is(err, pgx.ErrNoRows) || sqlState(err) == undefinedTable {
			return nil, ErrNothingPublished
		}
		return nil, w.problem("look for a published version", err)
	}
	r.DB = w.openDB(pool)
	r.close = func() error {
		err := r.DB.Close()
		pool.Close()
		return err
	}
	return r, nil
}

// connect opens one session under the given application name.
func (w *postgres) connect(ctx context.Context, name string, settings map[string]string) (*pgx.Conn, error) {
	config := w.config.ConnConfig.Copy()
	config.RuntimeParams["application_name"] = name
	config.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, w.problem("connect to "+w.address(), err)
	}
	if err := set(ctx, conn, settings); err != nil {
		_ = conn.Close(ctx)
		return nil, w.problem("prepare a session", err)
	}
	return conn, nil
}

// pool opens up to size sessions as they are needed.
func (w *postgres) pool(ctx context.Context, name string, size int32, settings map[string]string,
	more func(*pgx.ConnConfig),
) (*pgxpool.Pool, error) {
	config := w.config.Copy()
	config.MaxConns, config.MinConns, config.MinIdleConns = size, 0, 0
	config.ConnConfig.RuntimeParams["application_name"] = name
	// Nothing prepared is kept: tables are made and dropped all the time, and a kept plan would name the old ones.
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	if more != nil {
		more(config.ConnConfig)
	}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error { return set(ctx, conn, settings) }
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, w.problem("connect to "+w.address(), err)
	}
	return pool, nil
}

// set brings a session to our settings in one round trip. A setting that this server does not know is left out. (The view pg_settings would
// tell that, too, for ten times the time.)
func set(ctx context.Context, conn *pgx.Conn, settings map[string]string) error {
	var names, values []string
	all := maps.Clone(everySession)
	maps.Copy(all, settings)
	for k, v := range all {
		names, values = append(names, k), append(values, v)
	}
	_, err := conn.Exec(ctx, `
select set_config(n.name, n.value, false)
from unnest($1::text[], $2::text[]) as n (name, value)
where current_setting(n.name, true) is not null`, names, values)
	return err
}

// lastingSettings are those of a run's sessions whose commits outlast a crash of the server.
func (w *postgres) lastingSettings() map[string]string {
	s := w.runSettings()
	delete(s, "synchronous_commit")
	return s
}

// runSettings are those of a run's sessions.
func (w *postgres) runSettings() map[string]string {
	s := map[string]string{"work_mem": w.work, "client_connection_check_interval": "1s", "synchronous_commit": "off"}
	for k, v := range runSession {
		s[k] = v
	}
	return w.clusterRunSettings(s)
}

// address says where the warehouse is, without a password.
func (w *postgres) address() string {
	c := w.config.ConnConfig
	return fmt.Sprintf("postgres://%s@%s:%d/%s", c.User, c.Host, c.Port, c.Database)
}

// workMemory gives each sort or hash of a build a sixteenth of the limit: two models at once, each with some of them in up to
// three processes. Without a limit it is what a small server stands.
func workMemory(limit string) (string, error) {
	if limit == "" {
		return "64MB", nil
	}
	n, err := memoryBytes(limit)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%dkB", min(max(n/1024/16, 4<<10), 1<<20)), nil
}

// closeDB closes a pool together with the handle that was made from it.
func closeDB(db *sql.DB, pool *pgxpool.Pool) error {
	err := db.Close()
	pool.Close()
	return err
}
