package run_test

import (
	"maps"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/lifecycle"
	"lifeline/project"
	"lifeline/run"
)

// costs are what the server has counted of a database: transactions, and scans of one version's tables.
type costs struct {
	transactions int
	scans        map[string]string
}

// costsOf waits until the sessions of runs have ended, which is when the server has all their counts.
func costsOf(t *testing.T, x *tiny) costs {
	t.Helper()
	require.Eventually(t, func() bool {
		return len(x.books(t, `select 1 from pg_stat_activity
where datname = current_database() and application_name like 'lifeline run%'`)) == 0
	}, time.Minute, 20*time.Millisecond, "a session of a run is left")
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		return n
	}
	out := costs{scans: map[string]string{}}
	out.transactions = number(x.books(t, `select xact_commit::int from pg_stat_database where datname = current_database()`)[0])
	for _, table := range []string{"steps", "busy", "root_totals", "items"} {
		scans := x.books(t, `select coalesce(sum(seq_scan + coalesce(idx_scan, 0)), 0)::int from pg_stat_user_tables
where relname = '`+table+`' and schemaname like '%\_\_v1'`)
		out.scans[table] = scans[0]
	}
	return out
}

// What a run costs beside its rows is statements: each waits for the server, and each table that nothing reaches must cost none of its own.
func TestARunSendsFewStatementsAndLeavesCarriedTablesAlone(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("left to make test")
	}
	onPostgres(t, func(dsn string) {
		h := newHistory(5)
		files := h.files()
		maps.Copy(files, historyProject)
		x := newTiny(t, dsn, files)
		walk := func() *run.Report {
			p, err := lifecycle.Load(x.dir, project.Options{Env: os.Getenv})
			require.NoError(t, err)
			r, err := run.Do(t.Context(), run.Options{Project: p, Warehouse: x.wh, Command: "test", Source: x.source(p)})
			require.NoError(t, err)
			return r
		}
		first := walk()
		before := costsOf(t, x)
		require.Less(t, before.transactions, mostOfFirst, "transactions of a first run of %d models", len(first.Models))

		h.tables["item"][3][2] = "4242"
		x.write(t, h.files())
		r := walk()
		after := costsOf(t, x)
		require.Less(t, after.transactions-before.transactions, mostOfNext, "transactions of a run after one changed row")
		carried := map[string]int64{}
		for _, m := range r.Models {
			if m.Built == "carried" {
				carried[m.Name] = m.Rows
			}
		}
		for _, table := range []string{"steps", "busy", "root_totals"} {
			require.Contains(t, carried, table)
			require.Equal(t, before.scans[table], after.scans[table], "%s is carried over, and was read", table)
			require.EqualValues(t, len(x.rows(t, "select 1 from analytics."+table)), carried[table], "rows of %s", table)
		}
		require.NotEqual(t, before.scans["items"], after.scans["items"], "the server counts no scans")
	})
}

// mostOfFirst and mostOfNext are a sixth above what these runs take.
const (
	mostOfFirst = 420
	mostOfNext  = 575
)
