package main

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// dbtProgram is real dbt, where there is one: LIFELINE_DBT, or dbt on the path.
func dbtProgram(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("LIFELINE_DBT"); path != "" {
		return path
	}
	path, err := exec.LookPath("dbt")
	if err != nil {
		t.Skip("there is no dbt: set LIFELINE_DBT, or make interop")
	}
	return path
}

// runDbt runs dbt in an exported project against a warehouse.
func runDbt(t *testing.T, dir, dsn string, args ...string) string {
	t.Helper()
	out, err := dbtCommand(t, dir, dsn, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// dbtCommand is a call of dbt in a project against a warehouse.
func dbtCommand(t *testing.T, dir, dsn string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), dbtProgram(t), append([]string{"--no-use-colors"}, args...)...)
	c.Dir = dir
	c.Env = append(os.Environ(), "DBT_SEND_ANONYMOUS_USAGE_STATS=false", "DBT_PROFILES_DIR="+dir)
	if u, err := url.Parse(dsn); err == nil && u.User != nil {
		password, _ := u.User.Password()
		c.Env = append(c.Env, "PGPASSWORD="+password)
	}
	return c
}

// dbtTables opens what Lifeline published and what dbt built beside each other: the names of both relations of a table.
func dbtTables(t *testing.T, dir, project, dsn string) (*sql.DB, func(schema, table string) (ours, dbts string)) {
	t.Helper()
	path, duck := strings.CutPrefix(dsn, "duckdb:")
	if !duck {
		db, err := sql.Open("pgx", dsn)
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		return db, func(schema, table string) (string, string) {
			return schema + "." + table, "dbt_" + schema + "." + table
		}
	}
	db, err := sql.Open("duckdb", "")
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	for name, file := range map[string]string{"ours": path, "dbts": filepath.Join(dir, project+"_dbt.duckdb")} {
		_, err := db.Exec(fmt.Sprintf("attach '%s' as %s (read_only)", file, name))
		require.NoError(t, err)
	}
	return db, func(schema, table string) (string, string) {
		return "ours." + schema + "." + table, "dbts." + schema + "." + table
	}
}

// requireDbtsRows compares every published table with what dbt built, both ways.
func requireDbtsRows(t *testing.T, dir, project, dsn string) {
	t.Helper()
	db, names := dbtTables(t, dir, project, dsn)
	var rows, tables int64
	for _, r := range query(t, []string{"--project", carepay, "--warehouse", dsn},
		"select distinct table_schema as s, table_name as t from information_schema.tables where table_schema in ('core', 'analytics')") {
		ours, dbts := names(r["s"].(string), r["t"].(string))
		var more, fewer, all int64
		require.NoError(t, db.QueryRow(fmt.Sprintf(`
			select (select count(*) from (select * from %[1]s except all select * from %[2]s) as m),
			       (select count(*) from (select * from %[2]s except all select * from %[1]s) as f), (select count(*) from %[1]s)`,
			ours, dbts)).Scan(&more, &fewer, &all), ours)
		require.Zero(t, more, "rows of %s that dbt does not have", ours)
		require.Zero(t, fewer, "rows of dbt's %s that are not ours", ours)
		rows, tables = rows+all, tables+1
	}
	require.Greater(t, tables, int64(10))
	require.Greater(t, rows, int64(1000))
	t.Logf("%d tables, %d rows", tables, rows)
}

// Real dbt parses, seeds, builds and tests an exported project, and every table has the rows that a run published. The long form builds
// carepay beside fooddelivery, and both on PostgreSQL too.
func TestDbtBuildsTheSameRowsFromAnExport(t *testing.T) {
	t.Parallel()
	dbtProgram(t)
	onEveryEngine(t, func(t *testing.T, dsn string) {
		if !strings.HasPrefix(dsn, "duckdb:") && !long {
			t.Skip("LIFELINE_SOAK is not set")
		}
		requireDbtBuilds(t, "fooddelivery", foodProject, foodFiles(t), dsn)
		if !long {
			return
		}
		other := strings.Replace(dsn, "carepay.duckdb", "second.duckdb", 1)
		if other == dsn {
			other = postgresDatabase(t)
		}
		requireDbtBuilds(t, "carepay", carepay, smallSample(t), other)
	})
}

func requireDbtBuilds(t *testing.T, name, folder, source, dsn string) {
	t.Helper()
	firstRun(t, at(folder, "csv:"+source, dsn))
	dir := filepath.Join(t.TempDir(), "exported")
	o := lifeline(t, "export", "dbt", "--project", folder, "--warehouse", dsn, "--out", dir)
	require.Zero(t, o.code, o.errors)
	require.Contains(t, runDbt(t, dir, dsn, "build"), " ERROR=0 SKIP=0 ")
	requireDbtsRows(t, dir, name, dsn)
}

// A project downstream gets the published tables as sources; a file of somebody else's is not overwritten.
func TestPublishedTablesAreSourcesDownstream(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sources.yml")
	args := []string{"export", "dbt", "--sources-only", "--project", foodProject, "--out", file}
	require.Zero(t, lifeline(t, args...).code)
	require.Zero(t, lifeline(t, args...).code)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, says := range []string{"name: fooddelivery_core", "schema: analytics", "- name: dim_customer", "- name: orders"} {
		require.Contains(t, string(text), says)
	}
	require.NoError(t, os.WriteFile(file, []byte("version: 2\n"), 0o600))
	require.Equal(t, 2, lifeline(t, args...).code)
}

// An export takes no folder that is not its own, none that somebody changed, and keeps what dbt wrote into it.
func TestAnExportKeepsWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out")
	export := func(code int, says string) {
		t.Helper()
		none := "duckdb:" + filepath.Join(t.TempDir(), "none.duckdb")
		o := lifeline(t, "export", "dbt", "--project", foodProject, "--warehouse", none, "--out", dir)
		require.Equal(t, code, o.code, o.errors)
		require.Contains(t, o.out+o.errors, says)
	}
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mine.txt"), nil, 0o600))
	export(2, "lifeline did not write it")
	require.NoError(t, os.Remove(filepath.Join(dir, "mine.txt")))
	export(0, "models")

	kept := filepath.Join(dir, "target", "manifest.json")
	require.NoError(t, os.MkdirAll(filepath.Dir(kept), 0o755))
	require.NoError(t, os.WriteFile(kept, []byte("{}"), 0o600))
	gone := filepath.Join(dir, "models", "gone.sql")
	require.NoError(t, os.WriteFile(gone, []byte("select 1 as id"), 0o600))
	export(0, "models")
	require.FileExists(t, kept)
	require.FileExists(t, gone, "what somebody added stays")

	readme := filepath.Join(dir, "README.md")
	require.NoError(t, os.WriteFile(readme, []byte("mine"), 0o600))
	export(2, "has changes that lifeline did not write: README.md")
}

// Real dbt parses both examples as they stand, with dbt_utils and the package that holds their lifecycles' tables.
func TestDbtParsesTheExamplesWithTheirPackage(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"fooddelivery", "carepay"} {
		dir := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.CopyFS(dir, os.DirFS("../../examples/"+name)))
		out := filepath.Join(dir, "dbt_packages", "lifeline")
		require.NoError(t, os.MkdirAll(filepath.Dir(out), 0o755))
		o := lifeline(t, "export", "dbt", "--package", "--project", dir, "--out", out)
		require.Zero(t, o.code, o.errors)
		require.Contains(t, o.out, "next: dbt parse")
		schema, err := filepath.Glob(out + "/models/*/*/schema.yml")
		require.NoError(t, err)
		require.Empty(t, schema, "the project itself describes those models, and dbt wants that once")
		if os.Getenv("LIFELINE_DBT") == "" || !long {
			continue
		}
		if utils := filepath.Join(os.Getenv("LIFELINE_DBT_PROJECTS"), "dbt-labs+dbt-utils"); isFolder(utils) {
			require.NoError(t, os.CopyFS(filepath.Join(dir, "dbt_packages", "dbt_utils"), skipping(utils)))
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "dbt_packages", "dbt_utils", "integration_tests")))
		} else {
			require.NoError(t, os.Remove(filepath.Join(dir, "packages.yml")))
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, "profiles.yml"),
			[]byte(name+": {target: dev, outputs: {dev: {type: duckdb, path: x.duckdb, schema: analytics}}}\n"), 0o600))
		require.Contains(t, runDbt(t, dir, "", "parse"), "Performance info")
		nodes := runDbt(t, dir, "", "ls", "--resource-type", "model", "--quiet")
		require.Contains(t, nodes, "lifeline.lifecycles.")
	}
}

func isFolder(path string) bool {
	s, err := os.Stat(path)
	return err == nil && s.IsDir()
}

// Temporal joins are written out in an export, and dbt builds the rows that a run published; a macro that calls one is refused.
func TestDbtBuildsTemporalJoinsFromAnExport(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"models/seen.sql": `with a as (select id, v, dt from {{ source('s', 't') }}),
joined as (
    {{ temporal_join('first_after', cohort='a', appended=ref('events'), on='v', time='at', cohort_time='dt', order=['id'],
        columns={'at': 'next_at', 'id': 'next_id'}) }}
)
{{ temporal_aggregate('all_ever', cohort='joined', appended=ref('events'), on='v', time='at', order=['id'],
    cohort_time='dt', aggregates={'n': 'count(*)', 'last_id': 'max(id)'}) -}}`,
		"models/events.sql": "select i as id, i % 3 as v, timestamp '2024-01-01 00:00:00' + i * interval '1 day' as at " +
			"from generate_series(1, 20) as g (i)",
	}
	project, source := dbtProject(t, files)
	setRows(t, source, "1,1,2024-01-05 00:00:00", "2,2,2024-01-10 12:00:00", "3,1,2024-02-01 00:00:00", "4,,2024-01-01 00:00:00")
	dsn := "duckdb:" + filepath.Join(t.TempDir(), "w.duckdb")
	firstRun(t, at(project, "csv:"+source, dsn))
	warehouse := []string{"--project", project, "--warehouse", dsn}
	require.Equal(t, []any{7.0, 11.0, nil, nil}, values(t, warehouse, "select next_id as x from analytics.seen order by id"))
	dir := filepath.Join(t.TempDir(), "out")
	o := lifeline(t, append([]string{"export", "dbt", "--out", dir}, warehouse...)...)
	require.Zero(t, o.code, o.errors)
	text, err := os.ReadFile(filepath.Join(dir, "models", "seen.sql"))
	require.NoError(t, err)
	require.NotContains(t, string(text), "temporal_")
	require.Contains(t, string(text), "from {{ ref('events') }} as appended")
	if os.Getenv("LIFELINE_DBT") != "" && long {
		require.Contains(t, runDbt(t, dir, dsn, "build"), " ERROR=0 ")
		db, names := dbtTables(t, dir, "p", dsn)
		ours, dbts := names("analytics", "seen")
		var differ, rows int
		require.NoError(t, db.QueryRow(fmt.Sprintf(`select count(*), (select count(*) from %[1]s) from (
(select * from %[1]s except all select * from %[2]s) union all (select * from %[2]s except all select * from %[1]s)) as d`, ours, dbts)).
			Scan(&differ, &rows))
		require.Zero(t, differ)
		require.Equal(t, 4, rows)
	}
	at := filepath.Join(project, "macros", "m.sql")
	require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
	require.NoError(t, os.WriteFile(at, []byte("{% macro m() %}{{ temporal_join('first_ever') }}{% endmacro %}"), 0o600))
	o = lifeline(t, append([]string{"export", "dbt", "--out", dir}, warehouse...)...)
	require.Equal(t, 2, o.code)
	require.Contains(t, o.errors, "stands in a macro")
}
