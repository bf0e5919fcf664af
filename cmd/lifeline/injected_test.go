package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/run"
	"lifeline/sample"
)

// sizes gives the scale of a sample and the number of faults: about 30,000 rows with 310, or a million with 10,000.
func sizes() (scale float64, faults int) {
	if long {
		return 2, 10_000
	}
	return 0.06, 310
}

func TestQuarantineIsTheInjectorsListAndAReplayReleasesJustWhatWasMended(t *testing.T) {
	t.Parallel()
	scale, n := sizes()
	clean := csvSample(t, sample.Options{Scale: scale, Seed: 3, Dirt: "none"})
	in := inject(t, clean, n, 11)
	require.GreaterOrEqual(t, len(in.kinds), 20)
	want, arrived := in.expected(false)
	mended, later := in.expected(true)
	require.Less(t, len(mended), len(want))
	onEveryEngine(t, func(t *testing.T, dsn string) {
		project := strictProject(t)
		flags := at(project, "csv:"+in.dir, dsn)
		o := lifeline(t, append([]string{"run", "--verbose", "--json"}, flags...)...)
		require.Zero(t, o.code, o.errors)
		require.Less(t, len(o.out)+len(o.errors), 1<<20, "the log stays small, however many rows fail")
		requireSameFindings(t, want, quarantined(t, flags))
		requireArrived(t, flags, arrived)
		balanced := books(t, flags, "select count(*) as n from ops.books where not balances")
		require.EqualValues(t, 0, balanced[0]["n"])

		// A seed and a rule change: what they had quarantined arrives, with what hung on it.
		edit(t, project, "seeds/status_map.csv", "treatment,DRAFT,",
			"treatment,WHATEVER,,,draft,false,false,false,false\ninvoice,WHATEVER,,,draft,false,false,false,false\ntreatment,DRAFT,")
		edit(t, project, "models/core/core.yml", "claims_currency, arguments: {values: [KES]}",
			"claims_currency, arguments: {values: [KES, XTS]}")
		edit(t, project, "models/core/core.yml", "items_currency, arguments: {values: [KES]}", "items_currency, arguments: {values: [KES, XTS]}")
		flags[3] = "csv:nowhere" // The source is not looked at.
		r := report(t, 0, append([]string{"quarantine", "replay"}, flags...)...)
		require.Equal(t, run.Published, r.Status)
		require.Positive(t, r.Left)
		require.Zero(t, r.Came)
		requireSameFindings(t, mended, quarantined(t, flags))
		requireArrived(t, flags, later)
		var more int
		for table, rows := range later {
			more += rows - arrived[table]
		}
		require.EqualValues(t, more, r.Left)
		for _, x := range r.Released {
			require.Equal(t, "released", x.State, x.Check)
		}

		r = report(t, 0, append([]string{"quarantine", "replay"}, flags...)...)
		require.Equal(t, run.Unchanged, r.Status)
		require.Zero(t, r.Left+r.Came)
		requireSameFindings(t, mended, quarantined(t, flags))
	})
}

func sprint(f reasoned, want, got int) string {
	return fmt.Sprintf("%s %s by %s (%s): %d wanted, %d there", f.table, f.key, f.rule, f.reason, want, got)
}

// requireSameFindings names the first few differences: a map of thousands says nothing.
func requireSameFindings(t *testing.T, want, got map[reasoned]int) {
	t.Helper()
	var wrong []string
	for f, n := range want {
		if got[f] != n {
			wrong = append(wrong, sprint(f, n, got[f]))
		}
	}
	for f, n := range got {
		if want[f] == 0 {
			wrong = append(wrong, sprint(f, 0, n))
		}
	}
	require.Empty(t, wrong[:min(len(wrong), 20)], "%d differences", len(wrong))
}

func requireArrived(t *testing.T, flags []string, want map[string]int) {
	t.Helper()
	for table, model := range map[string]string{
		"treatment": "treatments", "claim": "claims", "invoice": "invoices",
		"invoice_item": "invoice_items",
	} {
		rows := query(t, flags, "select count(*) as n from core."+model)
		require.EqualValues(t, want[table], rows[0]["n"], table)
	}
}
