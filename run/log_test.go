package run_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"lifeline/lifecycle"
	"lifeline/project"
	"lifeline/run"
	"lifeline/source"
	"lifeline/warehouse/warehousetest"
)

// loggedSource is a database whose changes are followed, with a warehouse that follows them.
type loggedSource struct {
	*tiny

	dsn string
	db  *sql.DB
}

// tablesOf is a project that only lands the given tables.
func tablesOf(names ...string) map[string]string {
	text := "sources:\n  - name: s\n    schema: staging\n    tables:\n"
	model := ""
	for _, n := range names {
		text += "      - {name: " + n + "}\n"
		model = "select * from {{ source('s', '" + n + "') }}"
	}
	return map[string]string{"models/sources.yml": text, "models/core/m.sql": model}
}

func newLogged(t *testing.T, engine string, names []string, statements ...string) *loggedSource {
	t.Helper()
	return following(t, mysqlDatabase(t, append([]string{"select 1"}, statements...)...), engine, names)
}

// loggedOn is the same on a given server.
func loggedOn(t *testing.T, server, engine string, names []string, statements ...string) *loggedSource {
	t.Helper()
	return following(t, databaseOn(t, server, append([]string{"select 1"}, statements...)...), engine, names)
}

func following(t *testing.T, dsn, engine string, names []string) *loggedSource {
	t.Helper()
	x := &loggedSource{tiny: newTiny(t, engine, tablesOf(names...)), dsn: dsn}
	x.db = serverOf(t, dsn)
	return x
}

// serverOf connects to the database of a source.
func serverOf(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	user, address, _ := strings.Cut(strings.TrimPrefix(dsn, "mysql://"), "@")
	user, password, _ := strings.Cut(user, ":")
	address, name, _ := strings.Cut(address, "/")
	config := mysql.NewConfig()
	config.User, config.Passwd, config.Net, config.Addr, config.DBName, config.MultiStatements = user, password, "tcp", address, name, true
	config.Params = map[string]string{"sql_mode": "''"}
	db, err := sql.Open("mysql", config.FormatDSN())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func (x *loggedSource) do(t *testing.T, statements ...string) {
	t.Helper()
	for _, s := range statements {
		_, err := x.db.ExecContext(t.Context(), s)
		require.NoError(t, err, s)
	}
}

// run walks as `lifeline run` does.
func (x *loggedSource) run(t *testing.T, set func(*run.Options)) (*run.Report, error) {
	t.Helper()
	return x.runIn(t.Context(), t, set)
}

func (x *loggedSource) runIn(ctx context.Context, t *testing.T, set func(*run.Options)) (*run.Report, error) {
	t.Helper()
	p, err := lifecycle.Load(x.dir, project.Options{Env: os.Getenv})
	require.NoError(t, err)
	o := run.Options{
		Project: p, Warehouse: x.wh, Command: "test",
		Source: func(ctx context.Context) (source.Source, error) {
			return source.Open(ctx, source.Options{DSN: x.dsn, TimeZone: "UTC", Tables: run.Contracts(p)})
		},
	}
	if set != nil {
		set(&o)
	}
	return run.Do(ctx, o)
}

// landed asks staging, history and ops.
func (x *loggedSource) landed(t *testing.T, query string) (out []string) {
	t.Helper()
	hold := warehousetest.Begin(t, x.wh)
	out = warehousetest.Texts(t, hold.DB(), query)
	warehousetest.End(t, hold)
	return out
}

func mode(t *testing.T, want string) func(*run.Report, error) *run.Report {
	t.Helper()
	return func(r *run.Report, err error) *run.Report {
		t.Helper()
		require.NoError(t, err)
		require.Equal(t, want, r.Mode, r.ModeWhy)
		return r
	}
}

// A second run reads only what changed, and keeps every version with its times.
func TestARunGoesOnFromTheBinaryLog(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, engine string) {
		x := newLogged(t, engine, []string{"keyed", "keyless"},
			"create table keyed (id int primary key, v varchar(10), n decimal(10,2))", "create table keyless (a int, b varchar(10))",
			"insert into keyed values (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)", "insert into keyless values (1, 'x'), (1, 'x'), (2, 'y')")
		mode(t, "full")(x.run(t, nil))
		x.do(t, "update keyed set v = 'A' where id = 1", "update keyed set v = 'AA' where id = 1", "delete from keyed where id = 2",
			"insert into keyed values (4, 'd', 4)", "delete from keyed where id = 4", "insert into keyed values (5, 'e', 5)",
			"update keyed set id = 33 where id = 3", "delete from keyless where a = 1 limit 1", "insert into keyless values (2, 'y')",
			"update keyless set b = 'z' where a = 2 limit 1")
		r := mode(t, "log")(x.run(t, nil))
		require.Equal(t, run.Published, r.Status)
		require.Equal(t, []string{"1|AA|2", "33|c|2", "5|e|2"},
			x.landed(t, "select id, v, _run from staging.keyed order by cast(id as varchar(9))"))
		require.Equal(t, []string{
			"1|a|update|binlog|1", "1|A|update|binlog|2", "2|b|delete|binlog|1",
			"3|c|delete|binlog|1", "4|d|delete|binlog|2",
		},
			x.landed(t, "select id, v, _op, _basis, _run from history.keyed order by id, _position"))
		require.Equal(t, []string{"1|x", "2|y", "2|z"}, x.landed(t, "select a, b from staging.keyless order by a, b"))
		require.Equal(t, []string{"1|x|delete", "2|y|update"}, x.landed(t, "select a, b, _op from history.keyless order by a, b"))
		require.Equal(t, []string{"seen"}, x.landed(t, "select state from ops.continuity"))
		r = mode(t, "log")(x.run(t, nil))
		require.Equal(t, run.Unchanged, r.Status)
		mode(t, "full")(x.run(t, func(o *run.Options) { o.Full = true }))
		require.Equal(t, []string{"5"}, x.landed(t, "select count(*) from history.keyed"), "the log left what a snapshot finds")
	})
}

// withoutLog is the address for somebody who may read the tables and not the log.
func (x *loggedSource) withoutLog(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("nolog_%d_%d", os.Getpid(), databases.Add(1))
	x.do(t, "create user "+name+"@'%' identified by 'x'", "grant select, process, replication client on *.* to "+name+"@'%'")
	t.Cleanup(func() {
		_, err := x.db.Exec("drop user " + name + "@'%'")
		require.NoError(t, err)
	})
	_, rest, _ := strings.Cut(x.dsn, "@")
	return "mysql://" + name + ":x@" + rest
}

// Somebody who may read the tables and not the log reads the tables, and is told.
func TestAReaderWithoutTheRightToTheLogReadsTheTables(t *testing.T) {
	t.Parallel()
	x := newLogged(t, "duckdb:"+filepath.Join(t.TempDir(), "w.duckdb"), []string{"t"}, "create table t (id int primary key)",
		"insert into t values (1)")
	x.dsn = x.withoutLog(t)
	_, err := x.run(t, nil)
	require.NoError(t, err)
	x.do(t, "insert into t values (2)")
	r, err := x.run(t, nil)
	require.NoError(t, err)
	require.NotEqual(t, "log", r.Mode)
	require.Contains(t, r.ModeWhy, "may not read the binary log")
	require.Equal(t, []string{"1", "2"}, x.landed(t, "select id from staging.t order by id"))
}

// What the log cannot tell is read by a snapshot, and the report says why.
func TestARunThatCannotReadTheLogReadsEverythingAndSaysWhy(t *testing.T) {
	t.Parallel()
	x := newLogged(t, "duckdb:"+filepath.Join(t.TempDir(), "w.duckdb"), []string{"t"},
		"create table t (id int primary key, v int)", "insert into t values (1, 1), (2, 2)")
	mode(t, "full")(x.run(t, nil))
	for i, c := range []struct{ statement, why string }{
		{"alter table t add w int default 7", "t has other columns"},
		{"alter table t modify w bigint; alter table t modify w int", "changed in the source by alter table"},
		{"rename table t to t_old; create table t like t_old; insert into t select * from t_old; drop table t_old", "rename table"},
		{"set session binlog_row_image = 'MINIMAL'; update t set v = v + 1; set session binlog_row_image = 'FULL'", "without all their values"},
		{"set session binlog_format = 'STATEMENT'; update t set v = v + 1; set session binlog_format = 'ROW'", "a statement to the log in place"},
	} {
		x.do(t, fmt.Sprintf("insert into t (id, v) values (%d, 0)", 100+i))
		conn, err := x.db.Conn(t.Context())
		require.NoError(t, err)
		_, err = conn.ExecContext(t.Context(), c.statement)
		require.NoError(t, err, c.statement)
		require.NoError(t, conn.Close())
		r := mode(t, "full")(x.run(t, nil))
		require.Contains(t, r.ModeWhy, c.why, c.statement)
		x.do(t, fmt.Sprintf("insert into t (id, v) values (%d, 1)", 200+i))
		mode(t, "log")(x.run(t, nil))
		var want string
		require.NoError(t, x.db.QueryRow("select concat(count(*), '|', sum(id), '|', sum(v)) from t").Scan(&want))
		require.Equal(t, []string{want}, x.landed(t, "select count(*), sum(id), sum(v) from staging.t"), c.statement)
	}
}

// What somebody dropped of staging is read whole again, and the run says why.
func TestAStagingTableThatSomebodyDroppedIsReadAgain(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, engine string) {
		x := newLogged(t, engine, []string{"t"}, "create table t (id int primary key)", "insert into t values (1)")
		mode(t, run.ModeFull)(x.run(t, nil))
		for _, change := range []string{"drop table staging.t", "alter table staging.t drop column _raw"} {
			hold := warehousetest.Begin(t, x.wh)
			_, err := hold.DB().ExecContext(t.Context(), change)
			require.NoError(t, err)
			warehousetest.End(t, hold)
			x.do(t, "insert into t select max(id) + 1 from t")
			r, err := x.run(t, nil)
			if change != "drop table staging.t" && x.wh.Engine() == "postgres" {
				require.ErrorContains(t, err, "staging.t is there and was not made by lifeline")
				return
			}
			require.NoError(t, err)
			require.Equal(t, run.Published, r.Status)
			require.Contains(t, r.ModeWhy, "staging.t is not as a run has left it")
		}
		require.Equal(t, []string{"3"}, x.lines(t, "select count(*) from staging.t"))
	})
}
