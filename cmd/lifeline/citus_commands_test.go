package main

import (
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/lifecycle"
	"lifeline/project"
	"lifeline/run"
	"lifeline/semantic"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// Moments and numbers of runs are not the same on two warehouses.
var ownToAWarehouse = regexp.MustCompile(
	`"[a-z_]*(seen|seconds|started|finished|landed_at|at|hash|run_id|run)": ?("[^"]*"|[0-9.e-]+)|` +
		`20[2-9][0-9]-[0-9][0-9]-[0-9][0-9][ T][0-9:.]+Z?`)

// What people ask of a warehouse after a run is answered by a cluster as by PostgreSQL: traces, quarantine, checks, replays, every page,
// a rollback and the next run.
func TestCitusAnswersCommandsAndPagesAsPostgresDoes(t *testing.T) {
	source := "csv:" + smallSample(t)
	places := []string{warehousetest.Postgres(t).DSN, warehousetest.Citus(t).DSN}
	for _, dsn := range places {
		require.Equal(t, run.Published, report(t, 0, append([]string{"run"}, at(carepay, source, dsn)...)...).Status)
	}
	rows := query(t, at(carepay, source, places[0]), "select min(id) as id from core.claims where status = 'approved'")
	key := printedKey(t, rows[0]["id"])
	var quarantined []map[string]any
	o := lifeline(t, append([]string{"quarantine", "ls", "--rows", "--json"}, at(carepay, source, places[0])...)...)
	require.Zero(t, o.code, o.errors)
	require.NoError(t, json.Unmarshal([]byte(o.out), &quarantined))
	require.NotEmpty(t, quarantined)
	same := [][]string{ // Printed the same.
		{"quarantine", "ls"},
		{"quarantine", "ls", "--rows"},
		{"quarantine", "show", quarantined[0]["key"].(string), "--table", quarantined[0]["table_name"].(string)},
		{"trace", "core.claims", key},
		{"trace", "analytics.dim_claims_lifecycle", key},
		{"trace", "kpi_01_approval_rate", "--program", "40"},
		{"query", "select program_id, count(*) as n, sum(amount) as total from core.claims group by program_id order by n desc, program_id"},
		{"query", "select c.id, t.id as treatment from core.claims as c join core.treatments as t on t.id = c.treatment_id " +
			"order by c.id limit 20"},
	}
	codes := [][]string{{"check"}, {"quarantine", "replay"}, {"build", "--full"}, {"rollback"}, {"run"}, {"doctor"}}
	for i, command := range slices.Concat(same, codes) {
		args := slices.Concat(command, []string{"--json"})
		want := lifeline(t, append(args, at(carepay, source, places[0])...)...)
		got := lifeline(t, append(args, at(carepay, source, places[1])...)...)
		require.Equal(t, want.code, got.code, "%v\n%s\n%s", command, got.out, got.errors)
		if i < len(same) {
			require.Equal(t, ownToAWarehouse.ReplaceAllString(want.out, ""), ownToAWarehouse.ReplaceAllString(got.out, ""), "%v", command)
		}
	}
	want := cardsOf(t, places[0])
	for name, card := range cardsOf(t, places[1]) {
		require.Equal(t, want[name], card, name)
	}
}

func printedKey(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

// cardsOf are the rows of every card of every page over all days, as JSON.
func cardsOf(t *testing.T, dsn string) map[string]string {
	t.Helper()
	p, err := lifecycle.Load(carepay, project.Options{Env: os.Getenv})
	require.NoError(t, err)
	d, err := semantic.DefinitionOf(p)
	require.NoError(t, err)
	wh, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn})
	require.NoError(t, err)
	defer func() { require.NoError(t, wh.Close()) }()
	v, err := openVersion(t.Context(), p, wh)
	require.NoError(t, err)
	defer v.Close()
	all, err := semantic.ParseFilters(url.Values{"range": {"all"}})
	require.NoError(t, err)
	out := map[string]string{}
	for _, page := range d.Pages {
		if page.Entity != "" {
			continue
		}
		ask, err := v.Page(page.Name, all, false)
		require.NoError(t, err, page.Name)
		data, err := ask.Answer(t.Context(), nil, "")
		require.NoError(t, err, page.Name)
		for _, c := range data.Cards {
			text, err := json.Marshal(c.Rows)
			require.NoError(t, err)
			out[page.Name+"/"+c.ID] = string(text)
		}
	}
	require.NotEmpty(t, out)
	return out
}
