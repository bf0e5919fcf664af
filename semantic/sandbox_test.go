package semantic_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"lifeline/semantic"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

func TestMain(m *testing.M) {
	if semantic.IsSandboxProcess(os.Args) {
		os.Exit(semantic.SandboxProcess(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

// hidden is a word that stands everywhere but in the published version.
const hidden = "hidden-word"

// place is a small warehouse with a sandbox over its version.
type place struct {
	engine  string
	sandbox *semantic.Sandbox
	owner   *sql.DB // PostgreSQL: the run's own session, to see what has changed.
	reader  string  // PostgreSQL: the address of the readers' role.
	dsn     string
}

// quick are limits that end a heavy statement soon.
var quick = semantic.Limits{Time: 700 * time.Millisecond, Memory: 64 << 20, AtOnce: 4}

// patient are limits that a refusal does not reach on a busy machine either.
var patient = semantic.Limits{Time: 30 * time.Second, Memory: 64 << 20, AtOnce: 4}

func duckPlace(t testing.TB, limits semantic.Limits) *place {
	t.Helper()
	path := filepath.Join(t.TempDir(), "w.duckdb")
	require.NoError(t, os.MkdirAll(path+".lifeline", 0o700))
	for file, text := range map[string]string{
		path: `
create schema core; create table core.claims as select range as id, 'claim ' || range as name from range(100);
create schema lifeline; create table lifeline.version as select 7::bigint as version`,
		path + ".lifeline/landing.duckdb": `create schema staging; create table staging.claim as select 1 as id, 'hidden-word' as secret`,
	} {
		db, err := sql.Open("duckdb", file)
		require.NoError(t, err)
		_, err = db.ExecContext(t.Context(), text)
		require.NoError(t, err)
		require.NoError(t, db.Close())
	}
	s, err := semantic.NewSandbox(semantic.SandboxOptions{
		Engine: "duckdb", Files: []string{path}, Version: 7,
		Tables: map[string]bool{"core.claims": true}, Limits: limits,
	},
		semantic.SandboxQueue(limits))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return &place{engine: "duckdb", sandbox: s}
}

func dropRole(t testing.TB, name string) {
	t.Helper()
	server, err := sql.Open("pgx", os.Getenv("LIFELINE_TEST_POSTGRES"))
	require.NoError(t, err)
	_, err = server.ExecContext(context.Background(), "drop role if exists "+name)
	require.NoError(t, errors.Join(err, server.Close()))
}

// postgresPlace publishes a version into a database of its own and puts the hidden word everywhere else.
func postgresPlace(t testing.TB, limits semantic.Limits) *place {
	t.Helper()
	p := &place{engine: "postgres"}
	t.Cleanup(func() { // After the database has gone: it has grants to the role.
		if u, err := url.Parse(p.dsn); err == nil && p.dsn != "" {
			dropRole(t, "lifeline_reader_"+strings.TrimPrefix(u.Path, "/"))
		}
	})
	p.dsn = warehousetest.Postgres(t).DSN
	wh, err := warehouse.Open(t.Context(), warehouse.Options{DSN: p.dsn})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, wh.Close()) })
	publishClaims(t, wh)
	p.owner, err = sql.Open("pgx", p.dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.owner.Close() })
	_, err = p.owner.ExecContext(t.Context(), `
create table if not exists staging.claim (id int, secret text);
insert into staging.claim values (1, 'hidden-word');
create table public.secrets as select 'hidden-word' as secret;
create table if not exists quarantine.more as select 'hidden-word' as secret;
create function public.secret_invoker() returns text language sql as 'select secret from staging.claim'`)
	require.NoError(t, err)
	p.reader, err = warehouse.ReaderAddress(t.Context(), wh, p.dsn)
	require.NoError(t, err)
	p.sandbox, err = semantic.NewSandbox(semantic.SandboxOptions{
		Engine: "postgres", Version: 1, Tables: map[string]bool{"core.claims": true}, Limits: limits,
		Address: func(context.Context) (string, error) { return p.reader, nil },
	}, semantic.SandboxQueue(limits))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.sandbox.Close()) })
	return p
}

func publishClaims(t testing.TB, wh warehouse.Warehouse) {
	t.Helper()
	r := warehousetest.Begin(t, wh)
	b, err := r.Build(t.Context())
	require.NoError(t, err)
	_, err = b.Create(t.Context(), warehouse.Model{
		Schema: "core", Name: "claims",
		SQL: "select i as id, 'claim ' || i as name from generate_series(0, 99) as s(i)",
	})
	require.NoError(t, err)
	require.NoError(t, b.Publish(t.Context(), warehouse.Publication{Run: r.ID(), AsOf: time.Now()}))
	warehousetest.End(t, r)
}

// ask runs a statement and gives its kind of refusal, or "answers", and the text of the answer.
func (p *place) ask(ctx context.Context, user, text, format string) (kind, answer string, err error) {
	got, err := p.sandbox.Run(ctx, semantic.Statement{User: user, Text: text, Format: format})
	var known *semantic.SandboxError
	if errors.As(err, &known) {
		return known.Kind, known.Error(), nil
	}
	if err != nil {
		return "", "", err
	}
	defer func() { _ = got.Close() }()
	body, err := os.ReadFile(got.File.Name())
	return "answers", string(body), err
}

func onBoth(t *testing.T, limits semantic.Limits, do func(t *testing.T, p *place)) {
	t.Run("duckdb", func(t *testing.T) { do(t, duckPlace(t, limits)) })
	t.Run("postgres", func(t *testing.T) { do(t, postgresPlace(t, limits)) })
}

// A20: what a killed process left in the temporary folder goes with the next one's start; what a living one uses stays.
func TestWhatAKilledProcessLeftIsRemoved(t *testing.T) {
	old := filepath.Join(os.TempDir(), fmt.Sprintf("lifeline-sql-killed-%d", os.Getpid()))
	foreign := filepath.Join(os.TempDir(), fmt.Sprintf("lifeline-else-%d", os.Getpid()))
	for _, dir := range []string{old, foreign} {
		require.NoError(t, os.Mkdir(dir, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "answer"), []byte("a"), 0o600))
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
	}
	require.NoError(t, os.WriteFile(filepath.Join(old, "lock"), nil, 0o600))
	used, err := semantic.ScratchDir("sql")
	require.NoError(t, err)
	defer func() { _ = os.RemoveAll(used) }()
	past := time.Now().Add(-time.Hour)
	for _, dir := range []string{old, foreign, used} {
		require.NoError(t, os.Chtimes(dir, past, past))
	}
	semantic.SweepScratch()
	require.NoDirExists(t, old)
	require.DirExists(t, foreign, "a folder without our lock is somebody else's")
	require.DirExists(t, used)
	info, err := os.Stat(used)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}
