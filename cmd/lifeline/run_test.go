package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/run"
)

// at are the flags of a project, a source and a warehouse.
func at(project, source, warehouse string) []string {
	return []string{"--project", project, "--source", source, "--warehouse", warehouse}
}

func TestARunPublishesAndTheNextHasNothingToDo(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, dsn string) {
		flags := at(carepay, "csv:"+smallSample(t), dsn)
		r := firstRun(t, flags)
		require.Equal(t, run.Published, r.Status)
		require.EqualValues(t, 1, r.Version)
		require.Len(t, r.Tables, 4)
		for _, table := range r.Tables {
			require.Positive(t, table.Read, table.Name)
			require.Equal(t, table.Landed, table.Published+table.Quarantined+table.Superseded, table.Name)
		}
		require.NotEmpty(t, r.Books)
		for _, b := range r.Books {
			require.True(t, b.Balances, b.Table+" "+b.Equation)
		}

		again := report(t, 0, append([]string{"run"}, flags...)...)
		require.Equal(t, run.Unchanged, again.Status)
		require.EqualValues(t, 1, again.Version)
		for _, table := range again.Tables {
			require.Zero(t, table.Inserted+table.Updated+table.Deleted, table.Name)
		}
		rows := query(t, flags, "select count(*) as n from core.claims as c join analytics.dim_claims as d on d.id = c.id")
		require.EqualValues(t, tableOf(t, r, "claim").Published, rows[0]["n"])
	})
}

func TestAChangedSourceIsCountedAndRemembered(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, dsn string) {
		dir := copyOf(t, shopCSV(t))
		flags := at(shop, "csv:"+dir, dsn)
		firstRun(t, flags)

		// One row changed, one gone, one new.
		lines := purchasesOf(t, dir)
		n := len(lines)
		changed, gone := changeField(lines[n-1], 5, "12.3400"), fieldOf(lines[n-2], 0)
		lines = append(lines[:n-2:n-2], changed, changeField(lines[n-2], 0, "999999999"))
		setPurchases(t, dir, lines)

		r := report(t, 0, append([]string{"run"}, flags...)...)
		require.Equal(t, run.Published, r.Status)
		purchase := tableOf(t, r, "purchase")
		require.EqualValues(t, 1, purchase.Inserted)
		require.EqualValues(t, 1, purchase.Updated)
		require.EqualValues(t, 1, purchase.Deleted)
		for _, other := range []string{"customer", "line"} {
			o := tableOf(t, r, other)
			require.Zero(t, o.Inserted+o.Updated+o.Deleted, other)
		}
		require.EqualValues(t, 2, r.Version)
		require.Empty(t, query(t, flags, "select id from core.purchases where id = "+gone))
		require.Equal(t, "12.3400", query(t, flags, "select amount from core.purchases where id = "+fieldOf(changed, 0))[0]["amount"])
	})
}

func TestRollbackPublishesTheVersionBefore(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, dsn string) {
		flags := at(shop, "csv:"+shopCSV(t), dsn)
		firstRun(t, flags)
		report(t, 0, append([]string{"run", "--full", "--as-of", "2024-05-30"}, flags...)...)
		asOf := func() any {
			return query(t, flags, "select max(as_of) as as_of from analytics.dim_customers")[0]["as_of"]
		}
		require.Equal(t, "2024-05-30 21:00:00", asOf())
		o := lifeline(t, append([]string{"rollback"}, flags...)...)
		require.Zero(t, o.code, o.errors)
		require.NotEqual(t, "2024-05-30 21:00:00", asOf())
	})
}

func TestAFailingCheckLeavesThePublishedVersion(t *testing.T) {
	t.Parallel()
	alsoQuickly(t, func(t *testing.T, dsn string) {
		project := shopCopy(t)
		flags := at(project, "csv:"+shopCSV(t), dsn)
		firstRun(t, flags)
		test := "select id from {{ ref('purchases') }} where amount is not null limit 3"
		require.NoError(t, os.WriteFile(filepath.Join(project, "tests", "nothing_has_an_amount.sql"), []byte(test), 0o644))
		r := report(t, 3, append([]string{"run"}, flags...)...)
		require.Equal(t, run.Blocked, r.Status)
		require.Contains(t, r.Error.Message, "nothing_has_an_amount")
		require.NotEmpty(t, query(t, flags, "select 1 as one from core.purchases limit 1"))
		runs := query(t, append(flags, "--books"), "select status from ops.runs order by run_id")
		require.Equal(t, []map[string]any{{"status": "published"}, {"status": "blocked"}}, runs)
	})
}

func TestSelectCarriesTheOtherTablesOver(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, dsn string) {
		dir, _ := spoiledPurchases(t, 3, 6, "XTS")
		flags := at(shop, "csv:"+dir, dsn)
		whole := firstRun(t, flags)
		facts := "select count(*) as n, sum(amount) as amount from analytics.fct_purchases_activity"
		before := query(t, flags, facts)
		const quarantined = `select r.table_name, r.key, r.state, e.reason
			from quarantine.rows as r
			inner join quarantine.reasons as e on e.table_name = r.table_name and e.key = r.key
			order by 1, 2, 3, 4`
		reasons := query(t, append(flags, "--books"), quarantined)
		require.Len(t, reasons, 9, "three purchases and their lines")
		r := report(t, 0, append([]string{"build", "--select", "dim_customers"}, flags...)...)
		require.Equal(t, run.Published, r.Status)
		require.Equal(t, before, query(t, flags, facts))

		// Of the entities one alone cannot be judged: the lines of a purchase in quarantine go with it.
		r = report(t, 0, append([]string{"build", "--select", "lines"}, flags...)...)
		require.Equal(t, run.Published, r.Status)
		require.Equal(t, reasons, query(t, append(flags, "--books"), quarantined))
		equations := func(r run.Report) int {
			n := 0
			for _, b := range r.Books {
				if strings.HasPrefix(b.Equation, "staging = core") {
					n++
				}
			}
			return n
		}
		require.Positive(t, equations(whole))
		require.Equal(t, equations(whole), equations(r))
	})
}

func tableOf(t *testing.T, r run.Report, name string) run.TableReport {
	t.Helper()
	for _, table := range r.Tables {
		if table.Name == name {
			return table
		}
	}
	require.Fail(t, "the report has no table "+name)
	return run.TableReport{}
}
