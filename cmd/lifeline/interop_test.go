package main

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/run"
)

// publicProject is a dbt project that anybody can fetch: scripts/dbt-projects has the commits.
type publicProject struct {
	name, folder string
	vars         string
	packages     map[string]string // The folder of each that dbt is given, as dbt deps would; Lifeline has those macros itself.
}

var publicProjects = []publicProject{
	{name: "jaffle_shop", folder: "dbt-labs+jaffle_shop"},
	{name: "jaffle_shop_duckdb", folder: "dbt-labs+jaffle_shop_duckdb"},
	{
		name: "jaffle-shop", folder: "dbt-labs+jaffle-shop", vars: "{load_source_data: true}",
		packages: map[string]string{
			"dbt_utils": "dbt-labs+dbt-utils", "dbt_date": "godatadriven+dbt-date", "audit_helper": "dbt-labs+dbt-audit-helper",
		},
	},
	{
		name: "dbt-dimensional-modelling", folder: "Data-Engineer-Camp+dbt-dimensional-modelling/adventureworks",
		packages: map[string]string{"dbt_utils": "dbt-labs+dbt-utils"},
	},
	{
		name: "cosmos jaffle_shop", folder: "astronomer+astronomer-cosmos/dev/dags/dbt/jaffle_shop",
		packages: map[string]string{"dbt_utils": "dbt-labs+dbt-utils"},
	},
	{name: "cosmos multi_folder", folder: "astronomer+astronomer-cosmos/dev/dags/dbt/multi_folder"},
	{name: "cosmos multiple_parents_test", folder: "astronomer+astronomer-cosmos/dev/dags/dbt/multiple_parents_test"},
	{name: "cosmos cross_project/upstream", folder: "astronomer+astronomer-cosmos/dev/dags/dbt/cross_project/upstream"},
}

// Public projects run unchanged, with nothing installed, and every table has the rows that real dbt gives it.
func TestPublicProjectsGiveDbtsRows(t *testing.T) {
	dir := os.Getenv("LIFELINE_DBT_PROJECTS")
	if dir == "" || os.Getenv("LIFELINE_SOAK") == "" {
		t.Skip("LIFELINE_DBT_PROJECTS is not set: make interop")
	}
	dbtProgram(t)
	lines := []string{fmt.Sprintf("| %-30s | %-8s | %-12s | %s", "project", "commit", "dbt", "tables equal |")}
	version := dbtVersion(t)
	for _, p := range publicProjects {
		t.Run(p.name, func(t *testing.T) {
			from := filepath.Join(dir, p.folder)
			if _, err := os.Stat(from); err != nil {
				t.Skipf("%s is not there", p.folder)
			}
			equal := p.compare(t, dir, from)
			lines = append(lines, fmt.Sprintf("| %-30s | %-8s | %-12s | %s |", p.name, commitOf(t, p.folder), version, equal))
		})
	}
	fmt.Println(strings.Join(lines, "\n"))
}

// compare builds a project with both programs and returns how many tables are equal.
func (p publicProject) compare(t *testing.T, dir, from string) string {
	t.Helper()
	project, work := filepath.Join(t.TempDir(), "project"), t.TempDir()
	require.NoError(t, os.CopyFS(project, skipping(from)))
	ours := filepath.Join(work, "ours.duckdb")
	args := []string{"build", "--project", project, "--warehouse", "duckdb:" + ours, "--no-write-json"}
	dbtArgs := []string{"build"}
	if p.vars != "" {
		args, dbtArgs = append(args, "--vars", p.vars), append(dbtArgs, "--vars", p.vars)
	}
	require.Equal(t, run.Published, report(t, 0, args...).Status)

	text, err := os.ReadFile(filepath.Join(project, "dbt_project.yml"))
	require.NoError(t, err)
	profile := ""
	for _, line := range strings.Split(string(text), "\n") {
		if name, ok := strings.CutPrefix(line, "profile:"); ok {
			name, _, _ = strings.Cut(name, "#")
			profile = strings.Trim(strings.TrimSpace(name), `'"`)
		}
	}
	_ = os.Remove(filepath.Join(project, "profiles.yml"))
	require.NoError(t, os.WriteFile(filepath.Join(project, "profiles.yml"), []byte(fmt.Sprintf(
		"%s: {target: dev, outputs: {dev: {type: duckdb, path: '%s', schema: analytics, threads: 2, config_options: "+
			"{storage_compatibility_version: v1.2.0}}}}\n", profile,
		filepath.Join(work, "dbts.duckdb"))), 0o600))
	for name, folder := range p.packages {
		require.NoError(t, os.CopyFS(filepath.Join(project, "dbt_packages", name), skipping(filepath.Join(dir, folder))))
		_ = os.RemoveAll(filepath.Join(project, "dbt_packages", name, "integration_tests"))
	}
	if p.vars != "" { // Its sources are seeds, which dbt has no order for.
		runDbt(t, project, "", "seed", "--vars", p.vars)
	}
	require.Contains(t, runDbt(t, project, "", dbtArgs...), " ERROR=0 ")
	return requireEqualTables(t, ours, filepath.Join(work, "dbts.duckdb"))
}

// skipping is a folder without what its users left in it.
func skipping(dir string) fs.FS { return withoutGit{os.DirFS(dir)} }

type withoutGit struct{ fs.FS }

// ReadDir leaves out .git and target.
func (w withoutGit) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(w.FS, name)
	var out []fs.DirEntry
	for _, e := range all {
		if e.Name() != ".git" && e.Name() != "target" && e.Name() != "logs" {
			out = append(out, e)
		}
	}
	return out, err
}

// requireEqualTables compares every table and view of two DuckDB files by its name, both ways.
func requireEqualTables(t *testing.T, ours, dbts string) string {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	for name, file := range map[string]string{"ours": ours, "dbts": dbts} {
		_, err := db.Exec(fmt.Sprintf("attach '%s' as %s (read_only)", file, name))
		require.NoError(t, err)
	}
	tables := func(of string) map[string]string {
		rows, err := db.Query(`select table_schema, table_name from information_schema.tables
where table_catalog = $1 and table_schema not in ('lifeline', 'build')`, of)
		require.NoError(t, err)
		defer func() { _ = rows.Close() }()
		out := map[string]string{}
		for rows.Next() {
			var schema, table string
			require.NoError(t, rows.Scan(&schema, &table))
			out[table] = fmt.Sprintf(`%s.%q.%q`, of, schema, table)
		}
		require.NoError(t, rows.Err())
		return out
	}
	a, b := tables("ours"), tables("dbts")
	var total int64
	for name := range b {
		require.Contains(t, a, name)
		var more, fewer, all int64
		require.NoError(t, db.QueryRow(fmt.Sprintf(`
select (select count(*) from (select * from %[1]s except all select * from %[2]s)),
       (select count(*) from (select * from %[2]s except all select * from %[1]s)), (select count(*) from %[1]s)`, a[name], b[name])).
			Scan(&more, &fewer, &all), name)
		require.Zero(t, more, "rows of %s that dbt does not have", name)
		require.Zero(t, fewer, "rows of dbt's %s that are not ours", name)
		total += all
	}
	require.Len(t, a, len(b))
	require.Positive(t, total)
	return fmt.Sprintf("%d of %d, %d rows", len(b), len(b), total)
}

func dbtVersion(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), dbtProgram(t), "--version").CombinedOutput()
	require.NoError(t, err)
	for _, line := range strings.Split(string(out), "\n") {
		if _, v, ok := strings.Cut(line, "installed:"); ok {
			return strings.Fields(v)[0]
		}
	}
	return "unknown"
}

// commitOf is the commit that scripts/dbt-projects fetches a project at.
func commitOf(t *testing.T, folder string) string {
	t.Helper()
	text, err := os.ReadFile("../../scripts/dbt-projects")
	require.NoError(t, err)
	repo, _, _ := strings.Cut(folder, "/")
	for _, line := range strings.Split(string(text), "\n") {
		if commit, ok := strings.CutPrefix(line, strings.Replace(repo, "+", "/", 1)+" "); ok {
			return commit[:8]
		}
	}
	t.Fatalf("scripts/dbt-projects has no %s", repo)
	return ""
}
