package quality_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/project"
	"lifeline/quality"
)

// waiting judges claims, whose treatment may come two days late, and the notes that follow them, on a day of January.
func waiting(t *testing.T, e *engine, day int, only string) (claims, notes *quality.Verdict) {
	t.Helper()
	ctx := context.Background()
	version(e)
	a := quality.NewRowVerdicts(e)
	a.Now, a.Only = time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC), only
	var verdicts []*quality.Verdict
	for _, x := range []struct{ table, node, parent, field string }{
		{"treatment", "treatments", "", ""}, {"claim", "claims", "treatments", "treatment_id"}, {"note", "notes", "claims", "claim_id"},
	} {
		source := quality.StagingTable{Name: x.table, Key: []string{"id"}}
		keyed, err := a.Identity(ctx, source)
		require.NoError(t, err)
		model(e, keyed, x.node, "*")
		entity := quality.Entity{Source: source, Node: x.node, Relation: e.Relation("core", x.node), Key: []string{"id"}}
		if x.parent != "" {
			entity.Checks = compiled(t, e,
				project.Test{
					Kind: "relationships", Node: x.node, Column: x.field, Name: x.node + "_parent", OnFail: "quarantine",
					Args: yaml{"to": "ref('" + x.parent + "')", "field": "id"},
				},
				project.Test{
					Kind: "accepted_range", Node: x.node, Column: "id", Name: x.node + "_low", OnFail: "quarantine",
					Args: yaml{"max_value": 90},
				})
			entity.Hold = map[string]time.Duration{"claims_parent": 48 * time.Hour}
		}
		v, err := a.Evaluate(ctx, entity)
		require.NoError(t, err)
		verdicts = append(verdicts, v)
	}
	books, err := a.CoreBooks(ctx)
	require.NoError(t, err)
	require.NoError(t, quality.Unbalanced(books))
	write(t, e, a, int64(day))
	return verdicts[1], verdicts[2]
}

func landNotes(e *engine) {
	e.do(`create table staging.treatment (id integer, _raw text, _run bigint)`, `insert into staging.treatment values (1, null, 1)`,
		`create table staging.claim (id integer, treatment_id integer, _raw text, _run bigint)`,
		`insert into staging.claim values (1, 1, null, 1), (2, 9, null, 1), (99, 9, null, 1)`,
		`create table staging.note (id integer, claim_id integer, _raw text, _run bigint)`,
		`insert into staging.note values (1, 1, null, 1), (2, 2, null, 1), (3, 99, null, 1), (4, 7, null, 1)`)
}

func TestALateParentIsWaitedForWithItsChildren(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		landNotes(e)
		states := func() []string {
			return e.texts(`select table_name, key, state, coalesce(substr(cast(held_until as text), 1, 10), '') from quarantine.rows order by 1, 2`)
		}
		claims, notes := waiting(t, e, 1, "")
		require.EqualValues(t, 1, claims.Held)
		require.EqualValues(t, 1, claims.Quarantined, "the other fails another check too")
		require.EqualValues(t, 1, notes.Held)
		require.EqualValues(t, 1, claims.Results[0].Failing, "a late parent is no fault yet")
		day1 := []string{"claim|2|held|2026-01-03", "claim|99|quarantined|", "note|2|held|", "note|3|quarantined|", "note|4|quarantined|"}
		require.Equal(t, day1, states())
		waiting(t, e, 2, "")
		require.Equal(t, day1, states(), "its time does not begin anew")

		claims, notes = waiting(t, e, 4, "")
		require.Zero(t, claims.Held+notes.Held)
		require.EqualValues(t, 2, claims.Results[0].Failing)
		require.Equal(t, []string{
			"claim|2|quarantined|2026-01-03", "claim|99|quarantined|", "note|2|quarantined|", "note|3|quarantined|",
			"note|4|quarantined|",
		}, states())

		e.do("insert into staging.treatment values (9, null, 1)")
		claims, _ = waiting(t, e, 5, "")
		require.EqualValues(t, 1, claims.Quarantined)
		require.Equal(t, []string{"claim|2|released|", "claim|99|quarantined|", "note|2|released|", "note|3|quarantined|", "note|4|quarantined|"},
			states())
	})
}

func TestAReplayOfOneRuleLeavesTheRowsOfOthers(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		landNotes(e)
		waiting(t, e, 1, "")
		e.do("insert into staging.treatment values (9, null, 1)", "insert into staging.claim values (7, 1, null, 1)")
		waiting(t, e, 2, "claims_low")
		require.Equal(t, []string{
			"claim|2|quarantined", "claim|99|quarantined", "note|2|quarantined", "note|3|quarantined",
			"note|4|quarantined",
		},
			e.texts("select table_name, key, state from quarantine.rows order by 1, 2"))
		require.Equal(t, []string{"2|no_parent|claims_parent|9"},
			e.texts("select key, reason, check_name, value from quarantine.reasons where table_name = 'claim' and key = '2'"))
		waiting(t, e, 3, "claims_parent")
		require.Equal(t, []string{"claim|2|released", "claim|99|quarantined", "note|2|released", "note|3|quarantined", "note|4|quarantined"},
			e.texts("select table_name, key, state from quarantine.rows order by 1, 2"))
	})
}
