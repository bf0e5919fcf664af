package main

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a run would stop at on the warehouse's side is found by the doctor, before anything is touched.
func TestTheDoctorFindsWhatStopsARunInTheWarehouse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"lifeline.yml": "name: r\n", "dbt_project.yml": "name: p\n",
		"models/sources.yml": "sources:\n  - name: s\n    schema: staging\n    tables: [{name: t, columns: [{name: id, data_type: int}], " +
			"meta: {lifeline: {key: [id]}}}]\n",
		"models/ts.sql": "{{ config(schema='core') }} select * from {{ source('s', 't') }}", "csv/t.csv": "id\n1\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	both := func(t *testing.T, dsn, says string) {
		t.Helper()
		for _, command := range []string{"doctor", "run"} {
			o := lifeline(t, command, "--project", dir, "--source", "csv:"+filepath.Join(dir, "csv"), "--warehouse", dsn)
			require.NotZero(t, o.code, command)
			require.Contains(t, o.out+o.errors, says, command)
		}
	}
	t.Run("duckdb", func(t *testing.T) {
		t.Parallel()
		at := t.TempDir()
		file := filepath.Join(at, "somebodys.txt")
		require.NoError(t, os.WriteFile(file, []byte("a file of somebody's"), 0o600))
		both(t, "duckdb:"+file, "is not a warehouse of lifeline")
		both(t, "duckdb:"+filepath.Join(file, "w.duckdb"), "a warehouse path whose folder is there and is a folder")
		for _, folder := range []string{"/proc", "/sys"} {
			o := lifeline(t, "doctor", "--project", dir, "--source", "csv:"+filepath.Join(dir, "csv"), "--warehouse", "duckdb:"+folder+"/w.duckdb")
			require.NotZero(t, o.code, o.out)
			require.Regexp(t, "fail +warehouse +write in "+folder+".*\n +Try: ", o.out)
		}
		entries, err := os.ReadDir(at)
		require.NoError(t, err)
		require.Len(t, entries, 1, "nothing was made")
		ok := lifeline(t, "doctor", "--project", dir, "--source", "csv:"+filepath.Join(dir, "csv"), "--warehouse", "duckdb:"+
			filepath.Join(at, "new", "w.duckdb"))
		require.Zero(t, ok.code, ok.out)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		dsn := postgresDatabase(t)
		db, err := sql.Open("pgx", dsn)
		require.NoError(t, err)
		defer db.Close()
		u, err := url.Parse(dsn)
		require.NoError(t, err)
		role := databaseOf(dsn) + "_weak"
		for _, statement := range []string{
			"create role " + role + " login password 'w'", "create schema core", "create table core.ts (a int)",
			"create schema ops", "create table ops.schema_migrations (version int, applied_at timestamp)",
		} {
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err, statement)
		}
		t.Cleanup(func() { _, _ = db.Exec("drop role " + role) })
		weak := *u
		weak.User = url.UserPassword(role, "w")
		both(t, weak.String(), "create")
		o := lifeline(t, "doctor", "--project", dir, "--source", "csv:"+filepath.Join(dir, "csv"), "--warehouse", weak.String())
		require.Contains(t, o.out, `grant create on database "`+databaseOf(dsn)+`" to "`+role+`"`)
		o = lifeline(t, "doctor", "--project", dir, "--source", "csv:"+filepath.Join(dir, "csv"), "--warehouse", dsn)
		require.Contains(t, o.out, "core.ts is there and was not made by lifeline")
		_, err = db.ExecContext(t.Context(), "insert into ops.schema_migrations values (999, now())")
		require.NoError(t, err)
		both(t, dsn, "was written by a newer lifeline (schema 999")
	})
}

// A20. Who may read the published file is a setting; a mode that lets somebody write is refused.
func TestTheModeOfThePublishedFileIsASetting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "w.duckdb")
	settings := "name: r\nwarehouse: {dsn: 'duckdb:" + file + "', file_mode: %s}\n"
	for name, text := range map[string]string{
		"dbt_project.yml": "name: p\n", "models/ts.sql": "{{ config(schema='core') }} select 1 as id",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	for i, mode := range []string{"0444", "0440", "0400"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "lifeline.yml"), []byte(strings.Replace(settings, "%s", mode, 1)), 0o600))
		o := lifeline(t, "build", "--project", dir)
		require.Zero(t, o.code, o.errors)
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, mode, fmt.Sprintf("0%o", info.Mode().Perm()), i)
	}
	o := lifeline(t, "rollback", "--project", dir)
	require.Zero(t, o.code, o.errors)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o400), info.Mode().Perm(), "a kept version too")
	for _, mode := range []string{"0644", "0666", "'444x'", "0555", "0044", "9"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "lifeline.yml"), []byte(strings.Replace(settings, "%s", mode, 1)), 0o600))
		o := lifeline(t, "build", "--project", dir)
		require.Equal(t, 2, o.code, mode)
		require.Contains(t, o.errors, "is not the mode of a file that is only read")
	}
}

// What a run would stop at on the source's side is found by the doctor, too, and what it says to do is there to be done.
func TestTheDoctorFindsATableThatARunRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"lifeline.yml": "name: r\nsource: {time_zone: UTC}\n", "dbt_project.yml": "name: p\n",
		"models/sources.yml": "sources:\n  - name: s\n    schema: staging\n    tables: [{name: m}]\n",
		"models/ms.sql":      "{{ config(schema='core') }} select * from {{ source('s', 'm') }}",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	dsn := mysqlDatabase(t)
	fillDatabase(t, dsn, "create table m (id int primary key) engine = MyISAM;\ninsert into m values (1)")
	flags := []string{"--project", dir, "--source", dsn, "--warehouse", "duckdb:" + filepath.Join(t.TempDir(), "w.duckdb")}
	for _, command := range []string{"doctor", "run"} {
		o := lifeline(t, append([]string{command}, flags...)...)
		require.Equal(t, 3, o.code, o.out+o.errors)
		require.Contains(t, o.out+o.errors, "table m is of engine MyISAM, which has no consistent view")
		require.Contains(t, o.out+o.errors, "lifeline run --allow-weaker")
	}
	for _, command := range []string{"run", "verify"} {
		o := lifeline(t, append([]string{command, "--allow-weaker"}, flags...)...)
		require.Zero(t, o.code, o.out+o.errors)
	}
}

// A model cannot clean a table row for row whose rows nobody can tell apart: that is said before anything is read.
func TestAnEntityWithoutAKeyIsRefusedFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"lifeline.yml": "name: r\n", "dbt_project.yml": "name: p\n", "csv/t.csv": "id,n\n1,1\n",
		"models/sources.yml": "sources:\n  - name: s\n    schema: staging\n    tables: [{name: t}]\n",
		"models/ts.sql":      "{{ config(schema='core', meta={'lifeline': {'entity_of': 't'}}) }} select * from {{ source('s', 't') }}",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	flags := []string{
		"--project", dir, "--source", "csv:" + filepath.Join(dir, "csv"), "--warehouse", "duckdb:" + filepath.Join(dir, "w.duckdb"),
	}
	refused := func(says, try string) {
		t.Helper()
		for _, command := range []string{"doctor", "run"} {
			o := lifeline(t, append([]string{command}, flags...)...)
			require.Equal(t, 2, o.code, o.out+o.errors)
			require.Contains(t, o.out+o.errors, says)
			require.Contains(t, o.out+o.errors, try)
			require.NotContains(t, o.out+o.errors, "land ", "nothing was read")
		}
	}
	refused("ts cleans t row for row, and t has no key", "meta.lifeline.key of t")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "models", "sources.yml"), []byte(
		"sources:\n  - name: s\n    schema: staging\n    tables: [{name: t, meta: {lifeline: {key: [id, n]}}}]\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "models", "ts.sql"), []byte(
		"{{ config(schema='core', unique_key='id', meta={'lifeline': {'entity_of': 't'}}) }} select * from {{ source('s', 't') }}"), 0o600))
	refused("with a key of 1 columns where t has 2", "unique_key of ts")
}
