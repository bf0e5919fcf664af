package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/run"
)

// books reads ops and quarantine as rows of text by column.
func books(t *testing.T, at []string, sql string) []map[string]any {
	t.Helper()
	return query(t, append(at[:len(at):len(at)], "--books"), sql)
}

func TestALateParentIsWaitedForAndThenQuarantined(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, dsn string) {
		project := shopCopy(t)
		edit(t, project, "models/core/core.yml", `error_if: "> 5%"`, `hold: 2d`)
		dir, keys := spoiledPurchases(t, 1, 2, "999999999")
		flags := at(project, "csv:"+dir, dsn)
		first := tableOf(t, report(t, 0, append([]string{"run"}, flags...)...), "purchase")
		require.Positive(t, first.Held)
		require.Equal(t, first.Landed, first.Published+first.Quarantined+first.Held+first.Superseded)
		state := func() any {
			return books(t, flags, "select state from quarantine.rows where table_name = 'purchase' and key = '"+keys[0]+"'")[0]["state"]
		}
		require.Equal(t, "held", state())
		again := report(t, 0, append([]string{"quarantine", "replay"}, flags...)...)
		require.Equal(t, run.Unchanged, again.Status)

		edit(t, project, "models/core/core.yml", "hold: 2d", "hold: 0.00001d")
		report(t, 0, append([]string{"run"}, flags...)...)
		require.Equal(t, "held", state(), "its time was settled when it was first held")

		o := lifeline(t, append([]string{"quarantine", "show", keys[0], "--table", "purchase", "--json"}, flags...)...)
		require.Zero(t, o.code, o.errors)
		var shown []quarantinedRow
		require.NoError(t, json.Unmarshal([]byte(o.out), &shown), o.out)
		require.Equal(t, "no_parent", shown[0].Reasons[0].Reason)
		require.Equal(t, "999999999", *shown[0].Reasons[0].Value)
		require.NotNil(t, shown[0].HeldUntil)
	})
}

func TestAReplayReleasesWhatPassesNowAndTheSecondDoesNothing(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, dsn string) {
		leaveToSoak(t, dsn)
		project := shopCopy(t)
		dir, keys := spoiledPurchases(t, 3, 6, "XTS")
		flags := at(project, "csv:"+dir, dsn)
		first := tableOf(t, report(t, 0, append([]string{"run"}, flags...)...), "purchase")
		ls := lifeline(t, append([]string{"quarantine", "ls"}, flags...)...)
		require.Zero(t, ls.code, ls.errors)
		require.Contains(t, ls.out, "currency_known")

		settings := filepath.Join(project, "models", "core", "core.yml")
		text, err := os.ReadFile(settings)
		require.NoError(t, err)
		edit(t, project, "models/core/core.yml", "values: [KES]", "values: [KES, XTS]")
		r := report(t, 0, append([]string{"quarantine", "replay", "--check", "purchase_has_customer"}, flags...)...)
		require.Equal(t, run.Unchanged, r.Status, "another rule's rows stay")
		r = report(t, 0, append([]string{"quarantine", "replay"}, flags...)...)
		require.Equal(t, run.Published, r.Status)
		require.EqualValues(t, 9, r.Left, "three purchases, and their six lines with them")
		for _, released := range r.Released {
			require.Equal(t, "released", released.State)
		}
		require.Equal(t, first.Published+3, tableOf(t, r, "purchase").Published)
		for _, k := range keys {
			require.Len(t, query(t, flags, "select id from core.purchases where id = "+k), 1)
		}
		r = report(t, 0, append([]string{"quarantine", "replay"}, flags...)...)
		require.Equal(t, run.Unchanged, r.Status)
		require.EqualValues(t, 2, r.Version, "what the replay before published stays")

		// The rule comes back: the rows are quarantined again, and a replay of an unknown rule is told so.
		require.NoError(t, os.WriteFile(settings, text, 0o600))
		r = report(t, 0, append([]string{"quarantine", "replay"}, flags...)...)
		require.EqualValues(t, 9, r.Came)
		o := lifeline(t, append([]string{"quarantine", "replay", "--check", "purchase_has_custmer"}, flags...)...)
		require.Equal(t, 2, o.code)
		require.Contains(t, o.errors, "purchase_has_customer")
	})
}
