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

// spoiled is a sample of which the last n claims with an amount have another value in one field.
func spoiled(t *testing.T, n, field int, value string) (dir string, keys []string) {
	t.Helper()
	dir = copyOf(t, smallSample(t))
	path := filepath.Join(dir, "claims.csv")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := splitLines(string(text))
	for i := len(lines) - 1; len(keys) < n; i-- {
		if fieldOf(lines[i], 7) == "NULL" || fieldOf(lines[i], 5) == "NULL" {
			continue
		}
		lines[i] = changeField(lines[i], field, value)
		keys = append(keys, fieldOf(lines[i], 0))
	}
	require.NoError(t, os.WriteFile(path, []byte(joinLines(lines)), 0o600))
	return dir, keys
}

func TestALateParentIsWaitedForAndThenQuarantined(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, dsn string) {
		project := coreCopy(t)
		edit(t, project, "models/core/core.yml", `error_if: "> 0.5% or > 3x and > 0.2%"`, `hold: 2d`)
		dir, keys := spoiled(t, 1, 5, "999999999")
		flags := at(project, "csv:"+dir, dsn)
		first := tableOf(t, report(t, 0, append([]string{"run"}, flags...)...), "claim")
		require.Positive(t, first.Held)
		require.Equal(t, first.Landed, first.Published+first.Quarantined+first.Held+first.Superseded)
		state := func() any {
			return books(t, flags, "select state from quarantine.rows where table_name = 'claim' and key = '"+keys[0]+"'")[0]["state"]
		}
		require.Equal(t, "held", state())
		again := report(t, 0, append([]string{"quarantine", "replay"}, flags...)...)
		require.Equal(t, run.Unchanged, again.Status)

		edit(t, project, "models/core/core.yml", "hold: 2d", "hold: 0.00001d")
		report(t, 0, append([]string{"run"}, flags...)...)
		require.Equal(t, "held", state(), "its time was settled when it was first held")

		o := lifeline(t, append([]string{"quarantine", "show", keys[0], "--table", "claim", "--json"}, flags...)...)
		require.Zero(t, o.code, o.errors)
		var shown []asideRow
		require.NoError(t, json.Unmarshal([]byte(o.out), &shown), o.out)
		require.Equal(t, "no_parent", shown[0].Reasons[0].Reason)
		require.Equal(t, "999999999", *shown[0].Reasons[0].Value)
		require.NotNil(t, shown[0].HeldUntil)
	})
}

func TestAReplayReleasesWhatPassesNowAndTheSecondDoesNothing(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, dsn string) {
		project := coreCopy(t)
		dir, keys := spoiled(t, 3, 8, "XTS")
		flags := at(project, "csv:"+dir, dsn)
		first := tableOf(t, report(t, 0, append([]string{"run"}, flags...)...), "claim")
		ls := lifeline(t, append([]string{"quarantine", "ls"}, flags...)...)
		require.Zero(t, ls.code, ls.errors)
		require.Contains(t, ls.out, "va08_claims_currency_known")

		settings := filepath.Join(project, "dbt_project.yml")
		text, err := os.ReadFile(settings)
		require.NoError(t, err)
		edit(t, project, "dbt_project.yml", "currencies: [KES]", "currencies: [KES, XTS]")
		r := report(t, 0, append([]string{"quarantine", "replay", "--rule", "not_null_claims_treatment_id"}, flags...)...)
		require.Equal(t, run.Unchanged, r.Status, "another rule's rows stay")
		r = report(t, 0, append([]string{"quarantine", "replay"}, flags...)...)
		require.Equal(t, run.Published, r.Status)
		require.EqualValues(t, 3, r.Left)
		require.Len(t, r.Released, 1)
		require.Equal(t, "released", r.Released[0].State)
		require.Equal(t, first.Published+3, tableOf(t, r, "claim").Published)
		for _, k := range keys {
			require.Len(t, query(t, flags, "select id from core.claims where id = "+k), 1)
		}
		r = report(t, 0, append([]string{"quarantine", "replay"}, flags...)...)
		require.Equal(t, run.Unchanged, r.Status)
		require.EqualValues(t, 2, r.Version, "what the replay before published stays")

		// The rule comes back: the rows are set aside again, and a replay of an unknown rule is told so.
		require.NoError(t, os.WriteFile(settings, text, 0o600))
		r = report(t, 0, append([]string{"quarantine", "replay"}, flags...)...)
		require.EqualValues(t, 3, r.Came)
		o := lifeline(t, append([]string{"quarantine", "replay", "--rule", "not_null_claim_treatment_id"}, flags...)...)
		require.Equal(t, 2, o.code)
		require.Contains(t, o.errors, "not_null_claims_treatment_id")
	})
}
