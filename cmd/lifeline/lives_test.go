package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/lifecycle/lifecycletest"
	"lifeline/model"
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

// A claim that changes between two runs has its step in the facts, and what stood in for it gives way.
func TestWhatChangesBetweenRunsIsAnActivity(t *testing.T) {
	t.Parallel()
	sample := smallSample(t)
	onEveryEngine(t, func(t *testing.T, dsn string) {
		dir := copyOf(t, sample)
		flags := at(carepay, "csv:"+dir, dsn)
		r := report(t, 0, append([]string{"run"}, flags...)...)
		requireAsByHand(t, flags, *r.AsOf)
		path := filepath.Join(dir, "claims.csv")
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		lines := strings.Split(string(text), "\n")
		changed := map[string]string{}
		for i, line := range lines {
			id, _, _ := strings.Cut(line, ",")
			switch {
			case len(changed) == 6:
			case len(changed)%2 == 0 && strings.Contains(line, ",Submitted,"):
				lines[i], changed[id] = strings.Replace(line, ",Submitted,", ",Approved,", 1), "submitted|approved|decided"
			case len(changed)%2 == 1 && strings.Contains(line, ",Approved,"):
				lines[i], changed[id] = strings.Replace(line, ",Approved,", ",ReSubmitted,", 1), "approved|resubmitted|resubmitted"
			}
		}
		require.Len(t, changed, 6)
		require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))
		before := time.Now().Add(-time.Hour)
		report(t, 0, append([]string{"run"}, flags...)...)
		rows := query(t, flags, `
select cast(a.dim_claim_id as varchar) as id, a.from_state, a.to_state, a.activity_status, a.basis, l.status, l.status_since_basis, l.decided_count,
	(select count(*) from analytics.fct_claims_activity as p where p.dim_claim_id = a.dim_claim_id and p.basis = 'proxy') as proxies,
	(select count(*) from analytics.fct_claims_activity as p where p.dim_claim_id = a.dim_claim_id and p.activity_status = 'observed_in_state' and p.to_state = a.from_state) as observed,
	(select count(*) from analytics.fct_claims_states as s where s.dim_claim_id = a.dim_claim_id and s.to_time = a.activity_date and s.state = a.from_state) as ended,
	case when a.activity_date > timestamp '`+before.UTC().Format(time.DateTime)+`' and a.activity_date_lower < a.activity_date and a.known_at = a.activity_date then 1 else 0 end as timed
from analytics.fct_claims_activity as a
inner join analytics.dim_claims_lifecycle as l on l.dim_claim_id = a.dim_claim_id
where a.basis = 'snapshot'`)
		require.Len(t, rows, 6)
		for _, row := range rows {
			id := row["id"].(string)
			require.Equal(t, changed[id], row["from_state"].(string)+"|"+row["to_state"].(string)+"|"+row["activity_status"].(string), id)
			require.Equal(t, row["to_state"], row["status"], id)
			require.Equal(t, "snapshot", row["status_since_basis"], id)
			for column, want := range map[string]float64{"proxies": 0, "observed": 1, "ended": 1, "timed": 1} {
				require.EqualValues(t, want, row[column], "%s %s", id, column)
			}
			decided := 0.0
			if row["activity_status"] == "decided" {
				decided = 1
			}
			require.EqualValues(t, decided, row["decided_count"], id)
		}
	})
}
