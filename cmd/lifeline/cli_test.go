package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // Tests make and drop databases of their own.
	_ "github.com/jackc/pgx/v5/stdlib" // The same on PostgreSQL.
	"github.com/stretchr/testify/require"

	"lifeline/run"
	"lifeline/sample"
	"lifeline/semantic"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// asLifeline makes the test binary behave as the program, so that tests run real processes and can kill them.
const asLifeline = "LIFELINE_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if semantic.IsSandboxProcess(os.Args) {
		os.Exit(semantic.SandboxProcess(os.Stdin, os.Stdout))
	}
	if os.Getenv(asLifeline) == "1" {
		os.Exit(execute(os.Args[1:], terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
	}
	code := m.Run()
	leaveNothing()
	os.Exit(code)
}

const carepay = "../../examples/carepay"

// outcome is what a process left.
type outcome struct {
	code        int
	out, errors string
	processor   time.Duration // What it used.
}

func command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, os.Args[0], args...)
	c.Env = append(os.Environ(), asLifeline+"=1", "LIFELINE_SOURCE=", "LIFELINE_WAREHOUSE=", "LIFELINE_PROJECT=", "NO_COLOR=1",
		"DBT_WRITE_JSON=false") // Artifacts have tests of their own.
	return c
}

// lifeline runs the program to its end.
func lifeline(t *testing.T, args ...string) outcome {
	t.Helper()
	o, err := execProgram(t.Context(), args...)
	require.NoError(t, err)
	return o
}

// reportOf reads what a command printed with --json.
func reportOf(o outcome) (r run.Report, err error) {
	if err = json.Unmarshal([]byte(o.out), &r); err != nil {
		err = fmt.Errorf("%w: %s%s", err, o.out, o.errors)
	}
	return r, err
}

// report runs a command with --json and reads its report.
func report(t *testing.T, code int, args ...string) run.Report {
	t.Helper()
	o := lifeline(t, append(args, "--json")...)
	require.Equal(t, code, o.code, "%s\n%s", o.out, o.errors)
	r, err := reportOf(o)
	require.NoError(t, err)
	return r
}

// query reads the published version as rows of text by column.
func query(t *testing.T, at []string, sql string) []map[string]any {
	t.Helper()
	return printedRows(t, asked(t, at, queryCommand{SQL: sql, Format: "json"}))
}

// printedRows are rows as lifeline query prints them as JSON.
func printedRows(t *testing.T, text string) []map[string]any {
	t.Helper()
	var rows []map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &rows), text)
	return rows
}

// asked prints what lifeline query prints, in this process and without reading the project, of which a query needs nothing but the
// warehouse. That the command itself does the same is what TestEveryCommandWritesValuesOneWay asks.
func asked(t *testing.T, at []string, c queryCommand) string {
	t.Helper()
	i := slices.Index(at, "--warehouse")
	if i < 0 { // The project says where it is.
		o := lifeline(t, append([]string{"query", "--format", c.Format, c.SQL}, at...)...)
		require.Zero(t, o.code, o.errors)
		return o.out
	}
	wh, err := warehouse.Open(t.Context(), warehouse.Options{DSN: at[i+1]})
	require.NoError(t, err)
	defer func() { require.NoError(t, wh.Close()) }()
	open := wh.Published
	if slices.Contains(at, "--books") {
		open = wh.OpenOps
	}
	r, err := open(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	var out strings.Builder
	require.NoError(t, c.print(t.Context(), terminal{out: &out}, r.DB, c.SQL), c.SQL)
	return out.String()
}

// csvSample gives a folder with the four CSV files of carepay.
func csvSample(t *testing.T, o sample.Options) string {
	t.Helper()
	o.Project = "carepay"
	return sampleFolder(t, o)
}

func smallSample(t *testing.T) string {
	return csvSample(t, sample.Options{Scale: 0.05, Seed: 1, Dirt: "real"})
}

// copyOf is a folder's files in a folder of the test's own.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	require.NoError(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}

// projectCopy is the carepay project in a folder of the test's own, to be changed.
func projectCopy(t *testing.T) string {
	t.Helper()
	return folderAsCarepay(t, carepay)
}

// coreCopy is what coreOnly gives, to be changed.
func coreCopy(t *testing.T) string {
	t.Helper()
	return folderAsCarepay(t, coreOnly(t))
}

// entitiesCopy is what entitiesOnly gives, to be changed.
func entitiesCopy(t *testing.T) string {
	t.Helper()
	return folderAsCarepay(t, entitiesOnly(t))
}

func folderAsCarepay(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "carepay")
	require.NoError(t, os.CopyFS(to, os.DirFS(from)))
	return to
}

var databases atomic.Int64

// serverAt gives the address of a test server, or skips; where servers are required, a missing one fails.
func serverAt(t *testing.T, name string) string {
	t.Helper()
	dsn := os.Getenv(name)
	if dsn == "" && os.Getenv("LIFELINE_TEST_REQUIRE") == "1" {
		require.Fail(t, name+" is not set, and LIFELINE_TEST_REQUIRE=1")
	}
	if dsn == "" {
		t.Skip(name + " is not set")
	}
	return dsn
}

// mysqlDatabase gives the address of a database that does not exist yet and is dropped after the test.
func mysqlDatabase(t *testing.T) string {
	t.Helper()
	admin, err := url.Parse(serverAt(t, "LIFELINE_TEST_MYSQL"))
	require.NoError(t, err)
	name := fmt.Sprintf("cli_%d_%d", os.Getpid(), databases.Add(1))
	t.Cleanup(func() {
		db := mysqlAdmin(t)
		_, err := db.Exec("drop database if exists " + name)
		require.NoError(t, err)
	})
	admin.Path = "/" + name
	return admin.String()
}

func mysqlAdmin(t *testing.T) *sql.DB {
	t.Helper()
	return adminOf(t, serverAt(t, "LIFELINE_TEST_MYSQL"))
}

// adminOf opens a server by the address that tests have of it.
func adminOf(t *testing.T, address string) *sql.DB {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	password, _ := u.User.Password()
	db, err := sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s)/", u.User.Username(), password, u.Host))
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// postgresDatabase makes an empty database that is dropped after the test.
func postgresDatabase(t *testing.T) string {
	t.Helper()
	return warehousetest.Postgres(t).DSN
}

// onEveryEngine runs one body on DuckDB and on PostgreSQL; dsn is an empty warehouse.
func onEveryEngine(t *testing.T, body func(t *testing.T, dsn string)) {
	t.Helper()
	leaveToMakeTest(t)
	alsoQuickly(t, body)
}

// leaveToMakeTest skips a test where only quick ones are wanted.
func leaveToMakeTest(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs of whole projects are left to make test")
	}
}

// alsoQuickly is onEveryEngine for the few tests that make check is to run on DuckDB.
func alsoQuickly(t *testing.T, body func(t *testing.T, dsn string)) {
	t.Run("duckdb", func(t *testing.T) {
		t.Parallel()
		body(t, "duckdb:"+filepath.Join(t.TempDir(), "carepay.duckdb"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		body(t, postgresDatabase(t))
	})
}
