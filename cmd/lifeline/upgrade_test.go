package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"database/sql"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// first is a warehouse of the shop that the first phase's program (bfb2822) left after two runs, the second with one changed purchase.
const first = "testdata/first-release"

// oldWarehouse unpacks first into the place that dsn names.
func oldWarehouse(t *testing.T, dsn string) {
	t.Helper()
	path, duck := strings.CutPrefix(dsn, "duckdb:")
	file := "postgres.sql.gz"
	if duck {
		file = "duckdb.tar.gz"
	}
	packed, err := os.Open(filepath.Join(first, file))
	require.NoError(t, err)
	defer packed.Close()
	plain, err := gzip.NewReader(packed)
	require.NoError(t, err)
	if !duck {
		psql, err := exec.LookPath("psql")
		if err != nil {
			t.Skip("psql is not here")
		}
		c := exec.CommandContext(t.Context(), psql, "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", dsn)
		c.Stdin = plain
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return
	}
	for files := tar.NewReader(plain); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		to := strings.Replace(h.Name, "w.duckdb", filepath.Base(path), 1)
		to = filepath.Join(filepath.Dir(path), filepath.FromSlash(to))
		if h.Typeflag == tar.TypeDir {
			require.NoError(t, os.MkdirAll(to, 0o755))
			continue
		}
		var text bytes.Buffer
		_, err = io.Copy(&text, files)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(to, text.Bytes(), os.FileMode(h.Mode).Perm()))
	}
}

// A warehouse that the first program left is read, run into and rolled back by this one, and keeps its history.
func TestAWarehouseOfTheFirstProgramGoesOn(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, dsn string) {
		oldWarehouse(t, dsn)
		flags := at(shop, "csv:"+first, dsn)
		count := func(text string) string {
			o := lifeline(t, append([]string{"query", "--json"}, append(flags, text)...)...)
			require.Equal(t, 0, o.code, o.errors)
			return strings.Join(strings.Fields(o.out), "")
		}
		require.Equal(t, `[{"n":2}]`, count("select count(*) as n from core.purchases"), "before any run")
		require.Contains(t, lifeline(t, append([]string{"runs"}, flags...)...).out, "published")

		r := report(t, 0, append([]string{"run", "--full"}, flags...)...)
		require.EqualValues(t, "published", r.Status)
		require.EqualValues(t, 3, r.Version)
		require.Zero(t, r.Tables[0].Inserted+r.Tables[1].Inserted+r.Tables[0].Deleted+r.Tables[1].Deleted, "staging is as it was")
		after := contents(t, dsn)
		require.Len(t, after["history.purchase"], 1, "the version of the purchase before its change is kept")
		require.Len(t, after["ops.runs"], 3)

		fresh, err := emptyLike(dsn)
		require.NoError(t, err)
		if !strings.HasPrefix(fresh, "duckdb:") {
			t.Cleanup(func() { _ = dropDatabase(fresh) })
		}
		firstRun(t, at(shop, "csv:"+first, fresh))
		want := contents(t, fresh)
		for _, table := range []string{"core.purchases", "core.customers", "staging.customer"} {
			require.NotEmpty(t, want[table], table)
			require.Len(t, after[table], len(want[table]), table)
		}
		require.Equal(t, 0, lifeline(t, append([]string{"rollback"}, flags...)...).code)
		require.Equal(t, `[{"n":2}]`, count("select count(*) as n from core.purchases"))
	})
}

// A program that is older than the warehouse refuses it before anything is touched.
func TestAWarehouseOfANewerProgramIsRefused(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, dsn string) {
		flags := at(shop, "csv:"+first, dsn)
		firstRun(t, flags)
		sayNewer(t, dsn)
		before := contents(t, dsn)
		o := lifeline(t, append([]string{"run"}, flags...)...)
		require.Equal(t, 2, o.code, o.errors)
		require.Contains(t, o.errors, "newer lifeline")
		require.Contains(t, o.errors, "Try: the newer program")
		require.Equal(t, before, contents(t, dsn))
	})
}

// sayNewer makes ops say that a program with more schema files was here.
func sayNewer(t *testing.T, dsn string) {
	t.Helper()
	driver, address := "pgx", dsn
	if path, duck := strings.CutPrefix(dsn, "duckdb:"); duck {
		driver, address = "duckdb", path+".lifeline/landing.duckdb"
	}
	db, err := sql.Open(driver, address)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "insert into ops.schema_migrations (version) select 1000 + max(version) from ops.schema_migrations")
	require.NoError(t, err)
	require.NoError(t, db.Close())
}
