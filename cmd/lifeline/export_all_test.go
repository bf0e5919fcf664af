package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/semantic"
)

// A whole version is written as Parquet, a folder a table, and named by a manifest that comes last.
func TestAWholeVersionIsExported(t *testing.T) {
	t.Parallel()
	project, source := dbtProject(t, map[string]string{
		"models/kept.sql": "select id, v, dt, cast(v as numeric(10, 2)) as amount, 'o''k' as word from {{ source('s', 't') }}",
		"models/seen.sql": "{{ config(materialized='view') }}select id from {{ ref('kept') }}",
	})
	onEveryEngine(t, func(t *testing.T, dsn string) {
		report(t, 0, append([]string{"run"}, at(project, "csv:"+source, dsn)...)...)
		warehouse := []string{"--project", project, "--warehouse", dsn}
		out := filepath.Join(t.TempDir(), "lake")
		o := lifeline(t, append([]string{"export", "--all", "--format", "parquet", "--out", out}, warehouse...)...)
		require.Zero(t, o.code, o.errors)
		text, err := os.ReadFile(filepath.Join(out, "manifest.json"))
		require.NoError(t, err)
		var m semantic.VersionManifest
		require.NoError(t, json.Unmarshal(text, &m))
		require.Equal(t, "v1", m.Folder)
		require.Len(t, m.Tables, 2)
		for _, table := range m.Tables {
			file := filepath.Join(out, table.Path, "part-0.parquet")
			require.FileExists(t, file)
			require.Equal(t, int64(2), table.Rows)
			ddl, err := os.ReadFile(filepath.Join(out, m.Folder, "athena.sql"))
			require.NoError(t, err)
			require.Contains(t, string(ddl), "location 'ROOT/"+table.Path+"/'")
			if table.Name == "kept" {
				require.Contains(t, table.Columns, semantic.ExportedColumn{Name: "amount", Type: "decimal(10,2)"})
				require.Contains(t, table.Columns, semantic.ExportedColumn{Name: "dt", Type: "timestamp"})
				ours := values(t, warehouse, "select cast(id as text) || ' ' || cast(amount as text) || word as x from analytics.kept order by 1")
				require.Equal(t, ours, parquetValues(t, file, "cast(id as text) || ' ' || cast(amount as text) || word"))
			}
		}
		left, err := filepath.Glob(filepath.Join(out, "*", "*", "*", ".next-*"))
		require.NoError(t, err)
		require.Empty(t, left)
	})
	o := lifeline(t, "export", "--all", "--project", project)
	require.Equal(t, 2, o.code)
	require.Contains(t, o.errors, "--format parquet")
}

func parquetValues(t *testing.T, file, expression string) []any {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	rows, err := db.Query(fmt.Sprintf("select %s as x from read_parquet('%s') order by 1", expression, strings.ReplaceAll(file, "'", "''")))
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	var out []any
	for rows.Next() {
		var x string
		require.NoError(t, rows.Scan(&x))
		out = append(out, x)
	}
	require.NoError(t, rows.Err())
	return out
}
