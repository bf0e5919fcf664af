package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/lifecycle/lifecycletest"
	"lifeline/model"
	"lifeline/run"
)

// requireAsByHand compares each table that lifecycles made with the SQL that somebody wrote for it, in every column that both have.
func requireAsByHand(t *testing.T, flags []string, asOf time.Time) {
	t.Helper()
	p, err := lifecycletest.Handwritten(carepay)
	require.NoError(t, err)
	g, err := model.NewGraph(p, model.Options{Vars: map[string]any{"as_of": asOf.UTC().Format(time.DateTime)}})
	require.NoError(t, err)
	relation := func(n *model.Node) string { return n.Schema + "." + n.Alias }
	for _, n := range g.Nodes {
		if n.Kind != model.KindModel || !slices.Contains(lifecycletest.Tables, n.Name) {
			continue
		}
		hand, err := g.Compile(n, model.Env{Relation: relation})
		require.NoError(t, err)
		made := published(t, flags, relation(n)+" limit 1")[0]
		columns := published(t, flags, "(\n"+hand+"\n) as h limit 1")[0]
		for _, c := range columns {
			require.Contains(t, made, c, n.Name)
		}
		list := strings.Join(columns, ", ")
		query := func(a, b string) string {
			return "(select " + list + " from " + a + " except all select " + list + " from " + b + ") as d"
		}
		byHand := "(\n" + hand + "\n) as h"
		require.Len(t, published(t, flags, query(byHand, relation(n))), 1, "%s has not what the SQL by hand gives", n.Name)
		require.Len(t, published(t, flags, query(relation(n), byHand)), 1, "%s has what the SQL by hand does not give", n.Name)
	}
}

// Every record of a lifecycle may go from any state to any other between two runs, and the next run is published: each change is an
// activity with its states and its bounds, and what stood in for it gives way.
func TestEveryChangeOfStateBetweenRunsIsPublished(t *testing.T) {
	t.Parallel()
	sample := smallSample(t)
	onEveryEngine(t, func(t *testing.T, dsn string) {
		leaveToSoak(t, dsn)
		dir := copyOf(t, sample)
		changes := map[string]map[string][2]statusWord{}
		for entity, file := range map[string]string{"claim": "claims.csv", "treatment": "treatments.csv", "invoice": "invoices.csv"} {
			changes[entity] = pairStates(t, filepath.Join(dir, file), statusWords(t, carepay, entity))
		}
		flags := at(coreOnly(t), "csv:"+dir, dsn)
		r := report(t, 0, append([]string{"run"}, flags...)...)
		requireAsByHand(t, flags, *r.AsOf)
		for entity, file := range map[string]string{"claim": "claims.csv", "treatment": "treatments.csv", "invoice": "invoices.csv"} {
			setStates(t, filepath.Join(dir, file), changes[entity], 1)
		}
		before := time.Now().Add(-time.Hour)
		require.Equal(t, run.Published, report(t, 0, append([]string{"run"}, flags...)...).Status)
		for _, entity := range []string{"claim", "treatment", "invoice"} {
			requireSeen(t, flags, entity, changes[entity], before)
		}
	})
}

// The orders of the food project keep no history; any change of theirs is published all the same.
func TestEveryChangeOfAnOrderBetweenRunsIsPublished(t *testing.T) {
	t.Parallel()
	dir := copyOf(t, sampleFolder(t, foodSample))
	orders := filepath.Join(dir, "orders.csv")
	changes := pairStates(t, orders, statusWords(t, foodProject, "order"))
	flags := at(foodProject, "csv:"+dir, "duckdb:"+filepath.Join(t.TempDir(), "food.duckdb"))
	report(t, 0, append([]string{"run"}, flags...)...)
	setStates(t, orders, changes, 1)
	require.Equal(t, run.Published, report(t, 0, append([]string{"run"}, flags...)...).Status)
}

// statusWord is a word of the source and what the status map makes of it.
type statusWord struct {
	word, state string
	decided     bool
}

// statusWords are the words of an entity that mean one state at all times.
func statusWords(t *testing.T, project, entity string) []statusWord {
	t.Helper()
	f, err := os.Open(filepath.Join(project, "seeds", "status_map.csv"))
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	// entity, word, then (carepay) era_from, era_to; the state; then (carepay) is_open, is_decided.
	var out []statusWord
	for _, row := range rows[1:] {
		switch {
		case row[0] != entity:
		case len(row) == 3:
			out = append(out, statusWord{word: row[1], state: row[2]})
		case row[2] == "" && row[3] == "":
			out = append(out, statusWord{row[1], row[4], row[6] == "true"})
		}
	}
	require.Greater(t, len(out), 3)
	return out
}

// pairStates gives a row of a file each ordered pair of words, sets the first, and returns the pairs by the rows' keys.
func pairStates(t *testing.T, path string, words []statusWord) map[string][2]statusWord {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.Split(string(text), "\n")[1:]
	out := map[string][2]statusWord{}
	next := len(lines) / 2 // The later half has its dates.
	for _, from := range words {
		for _, to := range words {
			if from.word == to.word {
				continue
			}
			id, _, _ := strings.Cut(lines[next], ",")
			out[id] = [2]statusWord{from, to}
			next += 3
		}
	}
	setStates(t, path, out, 0)
	return out
}

// setStates writes the first or second word of each pair into its row.
func setStates(t *testing.T, path string, pairs map[string][2]statusWord, which int) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.Split(string(text), "\n")
	header := strings.Split(strings.ToLower(strings.TrimPrefix(lines[0], "\ufeff")), ",")
	status := slices.Index(header, "status")
	require.Positive(t, status, lines[0])
	set := 0
	for i, line := range lines {
		fields := strings.Split(line, ",")
		if pair, ok := pairs[fields[0]]; ok && i > 0 {
			require.Len(t, fields, len(header), line)
			fields[status] = pair[which].word
			lines[i] = strings.Join(fields, ",")
			set++
		}
	}
	require.Equal(t, len(pairs), set)
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))
}

// requireSeen compares the activities that the second run saw with the pairs that the file was given.
func requireSeen(t *testing.T, flags []string, entity string, pairs map[string][2]statusWord, before time.Time) {
	t.Helper()
	rows := query(t, flags, `
select cast(a.dim_`+entity+`_id as varchar) as id, a.from_state, a.to_state, a.activity_status, a.basis,
	(select count(*) from analytics.fct_`+entity+`s_activity as p
		where p.dim_`+entity+`_id = a.dim_`+entity+`_id and p.basis = 'proxy') as proxies,
	(select count(*) from analytics.fct_`+entity+`s_activity as p where p.dim_`+entity+`_id = a.dim_`+entity+`_id
		and p.activity_status = 'observed_in_state' and p.to_state = a.from_state) as observed,
	(select count(*) from analytics.fct_`+entity+`s_states as s
		where s.dim_`+entity+`_id = a.dim_`+entity+`_id and s.to_time = a.activity_date
		and s.state = a.from_state) as ended,
	(select count(*) from analytics.fct_`+entity+`s_states as s where s.dim_`+entity+`_id = a.dim_`+entity+`_id and s.is_current
		and s.state = a.to_state) as entered,
	case when a.activity_date > timestamp '`+before.UTC().Format(time.DateTime)+`'
		and a.activity_date_lower < a.activity_date and a.known_at = a.activity_date
		then 1 else 0 end as timed
from analytics.fct_`+entity+`s_activity as a
where a.basis = 'snapshot'`)
	seen := map[string]bool{}
	for _, row := range rows {
		id := row["id"].(string)
		pair := pairs[id]
		seen[id] = true
		name := pair[1].state
		if entity == "claim" && pair[1].decided {
			name = "decided"
		}
		require.Equal(t, pair[0].state+"|"+pair[1].state+"|"+name, row["from_state"].(string)+"|"+row["to_state"].(string)+"|"+
			row["activity_status"].(string), id)
		for column, want := range map[string]float64{"proxies": 0, "observed": 1, "ended": 1, "entered": 1, "timed": 1} {
			require.EqualValues(t, want, row[column], "%s %s %s", entity, id, column)
		}
	}
	gone := query(t, flags, "select cast(id as varchar) as id from core."+entity+"s")
	if entity == "treatment" {
		gone = query(t, flags, "select cast(treatment_id as varchar) as id from core.treatments")
	}
	for _, row := range gone {
		pair, changed := pairs[row["id"].(string)]
		require.Equal(t, changed && pair[0].state != pair[1].state, seen[row["id"].(string)], "%s %v %v", entity, row["id"], pair)
	}
}
