package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// DuckDB's own clients, from 1.2 to the newest, read what is published: tables, views, decimals and times.
func TestOldAndNewClientsReadThePublishedFile(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("LIFELINE_DUCKDB_CLIENTS")
	if dir == "" {
		t.Skip("LIFELINE_DUCKDB_CLIENTS is not set: make interop")
	}
	project, source := dbtProject(t, map[string]string{
		"models/m.sql": "select id, cast(v as numeric(12, 2)) / 4 as money, dt from {{ source('s', 't') }}",
		"models/n.sql": "{{ config(materialized='view') }}select sum(money) as money, max(dt) as newest from {{ ref('m') }}",
	})
	file := filepath.Join(t.TempDir(), "w.duckdb")
	report(t, 0, append([]string{"run"}, at(project, "csv:"+source, "duckdb:"+file)...)...)
	clients, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.NotEmpty(t, clients)
	for _, c := range clients {
		const program = `
import sys
sys.path.insert(0, sys.argv[1])
import duckdb
con = duckdb.connect(sys.argv[2], read_only=True)
print(con.execute("select cast(money as varchar), cast(newest as varchar) from analytics.n").fetchall())
`
		out, err := exec.CommandContext(t.Context(), "python3", "-I", "-c", program, filepath.Join(dir, c.Name()), file).CombinedOutput()
		require.NoError(t, err, "%s: %s", c.Name(), out)
		require.Contains(t, strings.TrimSpace(string(out)), "2024-10-27 23:30:00", c.Name())
	}
}
