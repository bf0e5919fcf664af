package run_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"lifeline/lifecycle"
	"lifeline/project"
	"lifeline/run"
	"lifeline/source"
)

// mysqlDatabase is a MySQL database of the test's own with what the statements make; it gives its address for a source.
func mysqlDatabase(t *testing.T, statements ...string) string {
	t.Helper()
	dsn := os.Getenv("LIFELINE_TEST_MYSQL")
	if dsn == "" {
		require.NotEqual(t, "1", os.Getenv("LIFELINE_TEST_REQUIRE"), "LIFELINE_TEST_MYSQL is not set")
		t.Skip("LIFELINE_TEST_MYSQL is not set")
	}
	return databaseOn(t, dsn, statements...)
}

// databaseOn makes a database on a server.
func databaseOn(t *testing.T, dsn string, statements ...string) string {
	t.Helper()
	var user, password, address string
	user, address, _ = strings.Cut(strings.TrimPrefix(dsn, "mysql://"), "@")
	user, password, _ = strings.Cut(user, ":")
	address, _, _ = strings.Cut(address, "/")
	config := mysql.NewConfig()
	config.User, config.Passwd, config.Net, config.Addr, config.MultiStatements = user, password, "tcp", address, true
	db, err := sql.Open("mysql", config.FormatDSN())
	require.NoError(t, err)
	name := fmt.Sprintf("run_%d_%d", os.Getpid(), databases.Add(1))
	_, err = db.Exec("create database " + name)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := db.Exec("drop database " + name)
		require.NoError(t, err)
		require.NoError(t, db.Close())
	})
	_, err = db.Exec("use " + name + "; " + strings.Join(statements, ";"))
	require.NoError(t, err)
	return dsn + name
}

// fromServer walks with a server as the source; none builds from what has landed.
func (x *tiny) fromServer(t *testing.T, dsn string) (*run.Report, error) {
	t.Helper()
	p, err := lifecycle.Load(x.dir, project.Options{Env: os.Getenv})
	require.NoError(t, err)
	return run.Do(t.Context(), run.Options{
		Project: p, Warehouse: x.wh, Command: "test", Full: true,
		Source: func(ctx context.Context) (source.Source, error) {
			return source.Open(ctx, source.Options{DSN: dsn, TimeZone: "UTC", Tables: run.Contracts(p)})
		},
	})
}

// F04, F06, F11. A key that only the source declares is the key everywhere, in verdicts, books and builds; a table may have none; and a
// column may be called as our own SQL would have called something.
func TestAKeyThatOnlyTheSourceDeclaresIsTheKey(t *testing.T) {
	t.Parallel()
	dsn := mysqlDatabase(t,
		"create table keyed (id int primary key, v int)", "insert into keyed values (1, 1), (2, 2)",
		"create table pair (a int, b varchar(5), v int, primary key (a, b))", "insert into pair values (1, 'x', 1), (1, 'y', 2)",
		"create table keyless (id int, v int)", "insert into keyless values (1, 1), (1, 1), (null, 2)",
		"create table money (id int primary key, amount decimal(10,2), currency char(3), c varchar(5), b int)",
		"insert into money values (1, 1, 'EUR', 'x', 1), (2, 2, 'USD', 'x', 2), (3, 3, 'EUR', 'y', 1)",
	)
	onEveryEngine(t, func(t *testing.T, warehouse string) {
		x := newTiny(t, warehouse, map[string]string{
			"models/sources.yml": `sources:
  - name: s
    schema: staging
    tables:
      - {name: keyed}
      - {name: pair}
      - {name: keyless}
      - {name: money, meta: {lifeline: {money: {amount: currency}}}}
`,
			"models/core/keyed_rows.sql": "select id, v from {{ source('s', 'keyed') }}",
			"models/core/pair_rows.sql":  "select a, b, v from {{ source('s', 'pair') }}",
			"models/core/all.yml": "models:\n  - {name: keyed_rows, meta: {lifeline: {entity_of: keyed}}}\n  - {name: pair_rows, meta: " +
				"{lifeline: {entity_of: pair}}}\n",
			"models/core/keyless_all.sql": "select * from {{ source('s', 'keyless') }}",
			"models/core/money_all.sql":   "select * from {{ source('s', 'money') }}",
		})
		for range 2 {
			_, err := x.fromServer(t, dsn)
			require.NoError(t, err)
			_, err = x.walk(t, false)
			require.NoError(t, err, "a build without the source")
		}
		var rows, pairs, keyless int
		x.published(t, `select (select count(*) from core.keyed_rows), (select count(*) from core.pair_rows), (select count(*) from
			core.keyless_all)`,
			&rows, &pairs, &keyless)
		require.Equal(t, []int{2, 2, 3}, []int{rows, pairs, keyless})
	})
}

// A13. What the source held is kept with the rows: a run that is killed before it writes its books leaves a landing that can be built.
func TestALandingKeepsWhatTheSourceHeld(t *testing.T) {
	t.Parallel()
	alsoQuickly(t, func(t *testing.T, dsn string) {
		x := newTiny(t, dsn, map[string]string{
			"models/sources.yml": "sources:\n  - name: s\n    schema: staging\n    tables:\n" +
				"      - {name: t, meta: {lifeline: {file: t.csv, key: [id]}}, columns: [{name: id, data_type: int}]}\n",
			"models/core/m.sql": "select * from {{ source('s', 't') }}",
			"csv/t.csv":         "id\n1\n2\n",
		})
		first, err := x.walk(t, true)
		require.NoError(t, err)
		x.write(t, map[string]string{"csv/t.csv": "id\n1\n2\n3\n"})
		second, err := x.walk(t, true)
		require.NoError(t, err)
		require.Greater(t, second.RunID, first.RunID)
		tamper := func(statement string, args ...any) {
			r, err := x.wh.Begin(t.Context(), holder(), 0)
			require.NoError(t, err)
			_, err = r.DB().ExecContext(t.Context(), statement, args...)
			require.NoError(t, err)
			require.NoError(t, r.Close(t.Context()))
		}
		// As if the second run had died behind the landing.
		tamper(`delete from ops.books where run_id = $1`, second.RunID)
		_, err = x.walk(t, false)
		require.NoError(t, err)
		// And what is changed by hand is still seen.
		tamper(`update staging.t set id = 9 where id = 3`)
		_, err = x.walk(t, false)
		require.ErrorContains(t, err, fmt.Sprintf("changed since run %d landed it", second.RunID))
	})
}
