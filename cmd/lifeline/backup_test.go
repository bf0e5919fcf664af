package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/warehouse"
)

// contents are all rows of all tables of a warehouse, by table: what is published, staging, history, the books and quarantine.
func contents(t *testing.T, dsn string) map[string][]string {
	t.Helper()
	wh, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn})
	require.NoError(t, err)
	defer wh.Close()
	out := map[string][]string{}
	for _, open := range []func(context.Context) (*warehouse.Reader, error){wh.Published, wh.OpenOps, wh.OpenStaging} {
		r, err := open(t.Context())
		require.NoError(t, err)
		names := rowsOf(t, r, `
select table_schema || '.' || table_name
from information_schema.tables
where table_schema in ('core', 'analytics', 'staging', 'history', 'ops', 'quarantine')
order by 1`)
		for _, name := range names {
			if name == "ops.reader" { // A password of the server's own.
				continue
			}
			schema, table, _ := strings.Cut(name, ".")
			rows := rowsOf(t, r, fmt.Sprintf(`select cast(x as text) from %s.%s as x`, warehouse.Quote(schema), warehouse.Quote(table)))
			slices.Sort(rows)
			out[name] = rows
		}
		require.NoError(t, r.Close())
	}
	return out
}

func rowsOf(t *testing.T, r *warehouse.Reader, text string) []string {
	t.Helper()
	rows, err := r.DB.QueryContext(t.Context(), text)
	require.NoError(t, err, text)
	defer rows.Close()
	var out []string
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		out = append(out, line)
	}
	require.NoError(t, rows.Err())
	return out
}

func TestABackupIsTheWholeWarehouse(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, dsn string) {
		flags := at(shop, "csv:"+shopCSV(t), dsn)
		firstRun(t, flags)
		require.Equal(t, 0, lifeline(t, append([]string{"build", "--full"}, flags...)...).code)
		// A reader has the published version open, as a dashboard does, while the back-up is taken.
		wh, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn})
		require.NoError(t, err)
		reader, err := wh.Published(t.Context())
		require.NoError(t, err)
		dir := filepath.Join(t.TempDir(), "backup")
		o := lifeline(t, "backup", dir, "--json", "--warehouse", dsn)
		require.Equal(t, 0, o.code, o.errors)
		require.NoError(t, reader.Close())
		var b warehouse.Backup
		require.NoError(t, json.Unmarshal([]byte(o.out), &b))
		require.EqualValues(t, 2, b.Published)
		require.NotEmpty(t, b.Files)
		o = lifeline(t, "backup", dir, "--warehouse", dsn)
		require.Equal(t, 2, o.code)
		require.Contains(t, o.errors, "is there already")

		elsewhere, err := emptyLike(dsn)
		require.NoError(t, err)
		if !strings.HasPrefix(elsewhere, "duckdb:") {
			t.Cleanup(func() { _ = dropDatabase(elsewhere) })
		}
		o = lifeline(t, "restore", dir, "--warehouse", elsewhere)
		require.Equal(t, 0, o.code, o.errors)
		before, after := contents(t, dsn), contents(t, elsewhere)
		require.Greater(t, len(before), 20)
		require.Equal(t, before, after)
		r := report(t, 0, append([]string{"run"}, at(shop, "csv:"+shopCSV(t), elsewhere)...)...)
		require.EqualValues(t, "unchanged", r.Status)
		o = lifeline(t, "restore", dir, "--warehouse", elsewhere)
		require.Equal(t, 2, o.code)
		require.Contains(t, o.errors, "already")

		requireRefused(t, dir, dsn)
	})
}

// requireRefused damages a back-up in several ways: none of them is restored, and nothing is written.
func requireRefused(t *testing.T, dir, dsn string) {
	t.Helper()
	for what, damage := range map[string]func(t *testing.T, dir string){
		"its checksum is not": func(t *testing.T, dir string) {
			for _, name := range []string{"landing.duckdb", "warehouse.dump"} {
				text, err := os.ReadFile(filepath.Join(dir, name))
				if err == nil {
					text[len(text)/2] ^= 1
					require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
				}
			}
		},
		"holds no back-up": func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "manifest.json"))) },
		"a newer lifeline": func(t *testing.T, dir string) {
			path := filepath.Join(dir, "manifest.json")
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			var b warehouse.Backup
			require.NoError(t, json.Unmarshal(text, &b))
			b.Schema += 100
			text, err = json.Marshal(b)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, text, 0o600))
		},
	} {
		bad := filepath.Join(t.TempDir(), "bad")
		require.NoError(t, os.CopyFS(bad, os.DirFS(dir)))
		damage(t, bad)
		elsewhere, err := emptyLike(dsn)
		require.NoError(t, err)
		o := lifeline(t, "restore", bad, "--warehouse", elsewhere)
		require.NotEqual(t, 0, o.code, what)
		require.Contains(t, o.errors, what)
		wh, err := warehouse.Open(t.Context(), warehouse.Options{DSN: elsewhere})
		require.NoError(t, err)
		_, err = wh.OpenOps(t.Context())
		require.ErrorIs(t, err, warehouse.ErrNothingPublished, what)
		if !strings.HasPrefix(elsewhere, "duckdb:") {
			require.NoError(t, dropDatabase(elsewhere))
		}
	}
}
