// Package warehousetest hands a clean warehouse of every engine to one test body, and makes tables and batches from plain values.
//
// A Citus cluster is used when LIFELINE_TEST_CITUS names its coordinator, as make test-citus does.
//
// DuckDB is always there, in a temporary folder. PostgreSQL is used when LIFELINE_TEST_POSTGRES names a server, in a database of
// the test's own that is dropped after it; with LIFELINE_TEST_REQUIRE=1 a missing server fails the test instead of skipping it.
package warehousetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // The driver that makes the test's database.
	"github.com/stretchr/testify/require"

	"lifeline/warehouse"
)

// Place is where a test's warehouse is: an address that may be opened again and again, also by another process.
type Place struct {
	Engine string // "duckdb", "postgres" or "citus".
	DSN    string
	Path   string // DuckDB: the published file; its folder is the test's own.
}

// Run runs a body on a clean warehouse of every engine at hand, the engines beside each other.
func Run(t *testing.T, body func(t *testing.T, p Place)) {
	t.Helper()
	t.Run("duckdb", func(t *testing.T) {
		t.Parallel()
		body(t, DuckDB(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		body(t, Postgres(t))
	})
	if os.Getenv("LIFELINE_TEST_CITUS") != "" {
		t.Run("citus", func(t *testing.T) { body(t, Citus(t)) })
	}
}

// DuckDB is a clean warehouse in files.
func DuckDB(t testing.TB) Place {
	t.Helper()
	path := filepath.Join(t.TempDir(), "warehouse.duckdb")
	return Place{Engine: "duckdb", DSN: "duckdb:" + path, Path: path}
}

// Postgres is a clean warehouse in a database of its own.
func Postgres(t testing.TB) Place {
	t.Helper()
	dsn := os.Getenv("LIFELINE_TEST_POSTGRES")
	if dsn == "" {
		if os.Getenv("LIFELINE_TEST_REQUIRE") == "1" {
			t.Fatal("LIFELINE_TEST_POSTGRES is not set")
		}
		t.Skip("LIFELINE_TEST_POSTGRES is not set")
	}
	server, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	name := "warehouse_" + strings.ToLower(rand.Text()[:12])
	_, err = server.ExecContext(t.Context(), "create database "+name)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := server.ExecContext(context.Background(), "drop database "+name+" with (force)")
		require.NoError(t, err)
		require.NoError(t, server.Close())
	})
	at, err := url.Parse(dsn)
	require.NoError(t, err)
	at.Path = "/" + name
	return Place{Engine: "postgres", DSN: at.String()}
}

// Open opens the warehouse; it is closed when the test ends.
func (p Place) Open(t testing.TB, o warehouse.Options) warehouse.Warehouse {
	t.Helper()
	o.DSN = p.DSN
	w, err := warehouse.Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w
}

// Begin begins a run that nobody else holds.
func Begin(t testing.TB, w warehouse.Warehouse) warehouse.Run {
	t.Helper()
	r, err := w.Begin(t.Context(), Me("test"), 0)
	require.NoError(t, err)
	return r
}

// Me is this process as a holder.
func Me(command string) warehouse.Holder {
	host, _ := os.Hostname()
	return warehouse.Holder{Command: command, Host: host, PID: os.Getpid(), Since: time.Now().UTC()}
}

// End records the run as published and closes it.
func End(t testing.TB, r warehouse.Run) {
	t.Helper()
	_, err := r.DB().ExecContext(t.Context(), "update ops.runs set status = 'published' where run_id = $1", r.ID())
	require.NoError(t, err)
	require.NoError(t, r.Close(t.Context()))
}

// Texts runs a select and gives its rows as lines of values between bars, null as a bare word.
func Texts(t testing.TB, db *sql.DB, query string, args ...any) []string {
	t.Helper()
	out, err := Query(t.Context(), db, query, args...)
	require.NoError(t, err, query)
	return out
}

// Query is Texts for loops that count errors.
func Query(ctx context.Context, db *sql.DB, query string, args ...any) ([]string, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	out := []string{}
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		parts := make([]string, len(values))
		for i, v := range values {
			parts[i] = text(v)
		}
		out = append(out, strings.Join(parts, "|"))
	}
	return out, rows.Err()
}

func text(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case []byte:
		return fmt.Sprintf("%x", v)
	case time.Time:
		return v.UTC().Format("2006-01-02 15:04:05.999999")
	}
	return fmt.Sprint(v)
}
