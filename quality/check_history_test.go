package quality_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/project"
	"lifeline/quality"
)

// night is one run of one check over a table, and how many of its rows are bad.
func night(t *testing.T, e *engine, run int64, bad int, test project.Test) quality.Result {
	t.Helper()
	e.do("delete from {core}.claims")
	e.do(fmt.Sprintf(`insert into {core}.claims (id, status) select n, case when n <= %d then null else 'draft' end from generate_series(1,
		1000) as g (n)`, bad))
	test.Kind, test.Column = "not_null", "status"
	ctx := context.Background()
	results, err := quality.Run(ctx, e.db, compiled(t, e, test), 1)
	require.NoError(t, err)
	require.NoError(t, quality.LoadHistory(ctx, e.db, run, results))
	quality.Classify(run, results)
	require.NoError(t, quality.Record(ctx, e.db, run, results))
	status := "published"
	if results[0].Stops() {
		status = "blocked"
	}
	e.do(fmt.Sprintf("insert into ops.runs values (%d, '%s')", run, status))
	return results[0]
}

func TestAThresholdAgainstEarlierRunsCatchesARepeatedIncidentAgain(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		claims(e)
		test := project.Test{ErrorIf: "> 3x and > 10 or > 50%"}
		var run int64
		next := func(bad int) quality.Status {
			run++
			return night(t, e, run, bad, test).Status
		}
		require.Equal(t, quality.Warn, next(400), "too little is known to say what is usual")
		require.Equal(t, quality.Fail, next(501), "the share stops it all the same")
		for range 6 {
			require.Equal(t, quality.Warn, next(5))
		}
		require.Equal(t, quality.Warn, next(10), "twice the usual")
		for range 20 {
			require.Equal(t, quality.Fail, next(400), "an incident never becomes what is usual")
		}
		require.Equal(t, quality.Warn, next(5))
	})
}

func TestAFindingIsNewOncePersistsAndIsResolved(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		claims(e)
		test := project.Test{Severity: "warn"}
		for i, want := range []struct {
			bad    int
			change quality.Change
			since  int64
		}{
			{3, "", 1}, // Nothing is known of before, so nothing is new.
			{3, quality.Persisting, 1},
			{0, quality.Resolved, 0},
			{0, "", 0},
			{1, quality.New, 5},
			{9, quality.Persisting, 5},
			{2, quality.Persisting, 5},
		} {
			r := night(t, e, int64(i+1), want.bad, test)
			require.Equal(t, want.change, r.Change, "run %d", i+1)
			require.Equal(t, want.since, r.Since, "run %d", i+1)
		}
	})
}

func TestALooserThresholdEndsOnItsDay(t *testing.T) {
	t.Parallel()
	e := duckdb(t)
	claims(e)
	test := project.Test{Kind: "not_null", Column: "status", ErrorIf: "> 100", Note: "the supplier mends it", Until: "2019-06-30"}
	for day, status := range map[string]quality.Status{"2019-06-30": quality.Warn, "2019-07-01": quality.Fail} {
		rel := relations(e)
		var err error
		rel.Now, err = time.Parse(time.DateOnly, day)
		require.NoError(t, err)
		test.Node = "claims"
		c, err := quality.Compile(&test, rel)
		require.NoError(t, err)
		results, err := quality.Run(t.Context(), e.db, []quality.Check{c}, 1)
		require.NoError(t, err)
		require.Equal(t, status, results[0].Status, day)
		if status == quality.Fail {
			require.Contains(t, results[0].String(), "its looser threshold held until 2019-06-30: the supplier mends it")
		}
	}
}

func TestOneBadRowInTenMillionFailsAndIsShown(t *testing.T) {
	t.Parallel()
	e := duckdb(t)
	e.do("create table {core}.claims as select n as id, case when n = 7654321 then null else 1 end as status from range(1, 10000001) as r (n)")
	results, err := quality.Run(t.Context(), e.db,
		compiled(t, e, project.Test{Kind: "not_null", Column: "status", Name: "status_is_there", ErrorIf: "> 0"}), 1)
	require.NoError(t, err)
	require.Equal(t, quality.Fail, results[0].Status)
	require.Equal(t, "status_is_there: 1 of 10000000 rows fail (under 0.01 %)", results[0].String())
	require.NoError(t, quality.Record(t.Context(), e.db, 1, results))
	require.Equal(t, []string{"7654321"}, e.texts("select key from ops.check_rows"))
}

func TestFreshnessTellsTheAgeAndStopsWhereItIsTold(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		e.do("create table staging.claim (id bigint, changed timestamp)",
			"insert into staging.claim values (1, timestamp '2019-11-24 10:00:00'), (2, timestamp '2019-11-25 08:30:00'), (3, null)",
			"create table staging.empty (changed timestamp)")
		now := time.Date(2019, 11, 26, 10, 0, 0, 0, time.UTC)
		status := func(f quality.Freshness) []quality.Result {
			f.Node, f.LoadedAt = "shop.claim", "changed"
			if f.Relation == "" {
				f.Relation = "staging.claim"
			}
			results, err := quality.Run(t.Context(), e.db, f.Checks(now), 1)
			require.NoError(t, err)
			return results
		}
		r := status(quality.Freshness{WarnAfter: 24 * time.Hour, ErrorAfter: 48 * time.Hour})
		require.Len(t, r, 2)
		require.Equal(t, quality.Warn, r[0].Status)
		require.Equal(t, "source_freshness_shop_claim: the newest is of 2019-11-25 08:30:00 UTC, 25 h 30 min old; 24 h 0 min is allowed",
			r[0].String())
		require.Equal(t, quality.Pass, r[1].Status)
		require.Equal(t, quality.Fail, status(quality.Freshness{ErrorAfter: 25 * time.Hour})[0].Status)
		require.Equal(t, quality.Pass, status(quality.Freshness{ErrorAfter: 26 * time.Hour})[0].Status)
		require.Equal(t, quality.Fail, status(quality.Freshness{ErrorAfter: 26 * time.Hour, Filter: "id = 1"})[0].Status)
		require.Equal(t, quality.Fail, status(quality.Freshness{ErrorAfter: time.Hour, Filter: "id = 3"})[0].Status)
		require.Equal(t, quality.NotApplicable, status(quality.Freshness{ErrorAfter: time.Hour, Relation: "staging.empty"})[0].Status)
	})
}
