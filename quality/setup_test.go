package quality_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"lifeline/warehouse/warehousetest"
)

func TestMain(m *testing.M) {
	warehousetest.Draws(8, 100)
	os.Exit(m.Run())
}

// engine is one warehouse with the schemas that the package writes to and an empty version under construction.
type engine struct {
	t    testing.TB
	name string
	db   *sql.DB
}

func (e *engine) DB() *sql.DB { return e.db }

func (e *engine) Relation(schema, name string) string {
	if e.name == "duckdb" {
		return "v." + schema + "." + name
	}
	return schema + "__v7." + name
}

// do runs statements in which {core} and {build} stand for the version's schemas.
func (e *engine) do(statements ...string) {
	e.t.Helper()
	for _, s := range statements {
		_, err := e.db.Exec(e.sql(s))
		require.NoError(e.t, err, s)
	}
}

func (e *engine) sql(s string) string {
	for _, schema := range []string{"core", "build", "analytics"} {
		s = strings.ReplaceAll(s, "{"+schema+"}", strings.TrimSuffix(e.Relation(schema, ""), "."))
	}
	return s
}

// texts runs a select and gives its rows as lines of values between bars.
func (e *engine) texts(query string) []string {
	e.t.Helper()
	rows, err := e.db.Query(e.sql(query))
	require.NoError(e.t, err, query)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(e.t, err)
	var out []string
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(e.t, rows.Scan(into...))
		parts := make([]string, len(values))
		for i, v := range values {
			parts[i] = fmt.Sprint(v)
		}
		out = append(out, strings.Join(parts, "|"))
	}
	require.NoError(e.t, rows.Err())
	return out
}

const opsTables = `
	create schema staging;
	create schema ops;
	create schema quarantine;
	create table ops.runs (run_id bigint, status text);
	create table ops.check_results (run_id bigint, check_name text, kind text, node text, column_name text, severity text,
	    status text, failing bigint, tested bigint, threshold text, seconds double precision, sql text);
	create table ops.books (run_id bigint, table_name text, equation text, item text, left_value text, right_value text,
	    balances boolean, detail text);
	create table ops.repairs (run_id bigint, table_name text, column_name text, basis text, rows bigint, rule text);
	create table ops.check_rows (run_id bigint, node text, check_name text, key text, value text);
	create table quarantine.rows (table_name text, key text, occurrence bigint, "row" text, state text, first_run bigint,
	    last_run bigint, first_seen timestamp, last_seen timestamp, held_until timestamp);
	create table quarantine.reasons (table_name text, key text, occurrence bigint, reason text, check_name text,
	    column_name text, value text, run_id bigint)`

// onEngines runs a body on a clean warehouse of every engine at hand.
func onEngines(t *testing.T, body func(t *testing.T, e *engine)) {
	t.Parallel()
	t.Run("duckdb", func(t *testing.T) {
		t.Parallel()
		body(t, duckdb(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		body(t, postgres(t))
	})
}

func duckdb(t testing.TB) *engine {
	dir := t.TempDir()
	db, err := sql.Open("duckdb", filepath.Join(dir, "landing.duckdb"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	db.SetMaxOpenConns(4)
	e := &engine{t: t, name: "duckdb", db: db}
	e.do("create macro hashtextextended(value, seed) as hash(value, seed)") // As the warehouse's schema has it.
	e.do("set threads = 2", "attach '"+filepath.Join(dir, "v.duckdb")+"' as v")
	e.do(strings.Split(opsTables, ";")...)
	e.do("create schema {core}", "create schema {build}", "create schema {analytics}")
	return e
}

func postgres(t testing.TB) *engine {
	db, err := sql.Open("pgx", warehousetest.Postgres(t).DSN)
	require.NoError(t, err)
	db.SetMaxOpenConns(4)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	e := &engine{t: t, name: "postgres", db: db}
	e.do(strings.Split(opsTables, ";")...)
	e.do("create schema {core}", "create schema {build}", "create schema {analytics}")
	return e
}
