package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// The details of runs beyond keep_runs leave ops; the rows of the runs themselves stay, and so do versions as keep_versions says.
func TestOldRunsAndVersionsGoAsSettingsSay(t *testing.T) {
	t.Parallel()
	project, source := dbtProject(t, map[string]string{
		"lifeline.yml": "name: p\nwarehouse: {keep_runs: 10, keep_versions: 3}\n",
		"models/m.sql": "select id, v from {{ source('s', 't') }}",
		"models/m.yml": "models: [{name: m, columns: [{name: id, data_tests: [not_null]}]}]\n",
	})
	onEveryEngine(t, func(t *testing.T, dsn string) {
		leaveToSoak(t, dsn)
		flags := at(project, "csv:"+source, dsn)
		for i := range 14 {
			setRows(t, source, fmt.Sprintf("1,%d,2024-01-01", i), "2,5,2024-01-01")
			report(t, 0, append([]string{"run"}, flags...)...)
		}
		count := func(table, column string) (n, oldest float64) {
			t.Helper()
			text := asked(t, append(flags, "--books"), queryCommand{
				SQL:    fmt.Sprintf("select count(distinct %[2]s) as n, min(%[2]s) as oldest from ops.%[1]s", table, column),
				Format: "json",
			})
			rows := printedRows(t, text)
			return rows[0]["n"].(float64), rows[0]["oldest"].(float64)
		}
		for _, table := range []string{"steps", "loads", "check_results", "books"} {
			n, oldest := count(table, "run_id")
			require.Equal(t, []float64{10, 5}, []float64{n, oldest}, table)
		}
		n, oldest := count("runs", "run_id")
		require.Equal(t, []float64{14, 1}, []float64{n, oldest})
		rows := printedRows(t, asked(t, append(flags, "--books"), queryCommand{
			SQL: "select count(*) as n from ops.versions where state in ('published', 'kept')", Format: "json",
		}))
		require.EqualValues(t, 3, rows[0]["n"])
	})
}
