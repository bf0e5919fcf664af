package model_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestATemporalJoinTellsWhatIsWrongWithItsCall(t *testing.T) {
	t.Parallel()
	f := func(call, want, try string) {
		t.Helper()
		_, _, err := graph(t, map[string]string{"models/m.sql": "-- A comment.\nselect * from (\n    {{ " + call + " }}\n) as j"})
		require.Error(t, err)
		require.Equal(t, "models/m.sql:"+want+"\nTry: "+try+"\nexit 2\n", told(err))
	}
	f("temporal_join('first_afer', cohort='c', appended='a', on='entity', columns={'id': 'event'})",
		`3:22: temporal_join: there is no temporal join "first_afer"; did you mean "first_after"?`,
		`one of first_after, first_before, first_ever, first_in_between, last_after, last_before, last_ever, last_in_between, nth_ever`)
	f("temporal_join('before', cohort='c', appended='a', on='entity', columns={'id': 'event'})",
		`3:22: temporal_join: before aggregates rows and joins none`,
		`temporal_aggregate('before', …), or one of first_after, first_before, first_ever, first_in_between, last_after, last_before, `+
			`last_ever, last_in_between, nth_ever`)
	f("temporal_join('last_before', cohort='c', appended='a', on='entity')",
		`3:8: temporal_join: columns is not given`,
		`columns={'activity_date': 'paid_at'}`)
	f("temporal_join('last_before', cohort='c', appended='a', on='entity', columns='id')",
		`3:76: temporal_join: columns is not a mapping of names`,
		`columns={'activity_date': 'paid_at'}`)
	f("temporal_join('last_before', cohort='c', appended='a', on='entity', columns={'amount * 2': 'twice'})",
		`3:85: temporal_join: "amount * 2" in columns is not a column's name`,
		`compute it under a name of its own in the rows that are joined`)
	f("temporal_join('last_before', cohort='c', appended='a', columns={'id': 'event'})",
		`3:8: temporal_join: on is not given`,
		`on='dim_claim_id'`)
	f("temporal_join('last_before', cohort='c', on='entity', columns={'id': 'event'})",
		`3:8: temporal_join: appended is not given`,
		`appended='…'`)
	f("temporal_join('last_before', cohort='c', appended='a', on='entity', columns={'id': 'event'}, inclusve=true)",
		`3:101: temporal_join: there is no argument "inclusve"; did you mean "inclusive"?`,
		`temporal_join takes columns, nth, kind, cohort, appended, on, time, order, inclusive, cohort_on, cohort_time, cohort_order, cohort_id`)
	f("temporal_join('last_before', cohort='c', appended='a', on='entity', columns={'id': 'event'}, inclusive='yes')",
		`3:101: temporal_join: inclusive is true or false`,
		`inclusive=true`)
	f("temporal_join('last_ever', cohort='c', appended='a', on='entity', columns={'id': 'event'}, inclusive=true)",
		`3:99: temporal_join: last_ever has no bound that could be inclusive`,
		`take inclusive out`)
	f("temporal_join('nth_ever', cohort='c', appended='a', on='entity', columns={'id': 'event'})",
		`3:23: temporal_join: nth_ever needs nth`,
		`nth=2`)
	f("temporal_join('nth_ever', cohort='c', appended='a', on='entity', columns={'id': 'event'}, nth=0)",
		`3:98: temporal_join: nth is for the join nth_ever, and counts from 1`,
		`temporal_join('nth_ever', …, nth=2)`)
	f("temporal_join('last_before', 'c', 'a', on='entity', columns={'id': 'event'})",
		`3:8: temporal_join: the kind comes first and all else by name`,
		`temporal_join('last_before', cohort=…, appended=…, on='…')`)
	f("temporal_join('last_before', cohort='c', appended='a', on=['entity', 'kind'], cohort_on='entity', columns={'id': 'event'})",
		`3:86: temporal_join: on and cohort_on name different numbers of columns`,
		`name as many in cohort_on as in on`)
	f("temporal_join('last_before', cohort=ref('none_such'), appended='a', on='entity', columns={'id': 'event'})",
		`3:48: there is no model or seed "none_such"`,
		`add none_such.sql to the models, or look at lifeline ls`)
	f("temporal_aggregate('first_after', cohort='c', appended='a', on='entity', aggregates={'n': 'count(*)'})",
		`3:27: temporal_aggregate: first_after joins rows and aggregates none`,
		`temporal_join('first_after', …), or one of after, all_ever, before, in_between`)
	f("temporal_aggregate('before', cohort='c', appended='a', on='entity')",
		`3:8: temporal_aggregate: aggregates is not given`,
		`aggregates={'visits': 'count(*)', 'spent': 'sum(amount)'}`)
	f("temporal_aggregate('before', cohort='c', appended='a', on='entity', aggregates={'n': 'count(distinct id)'})",
		`3:94: temporal_aggregate: aggregate "count(distinct id)" must be one of count(*), count, sum, min, max, avg, bool_or, bool_and of `+
			`a column`,
		`compute the value as a column of the appended rows, and aggregate that column`)
	f("temporal_aggregate('before', cohort='c', appended='a', on='entity', aggregates={'n': 'sum(*)'})",
		`3:94: temporal_aggregate: aggregate "sum(*)" must be one of count(*), count, sum, min, max, avg, bool_or, bool_and of a column`,
		`compute the value as a column of the appended rows, and aggregate that column`)
}

func TestATemporalJoinReadsWhatItIsGivenByRef(t *testing.T) {
	t.Parallel()
	g, err := small(t, map[string]string{
		"models/c.sql": "{{ config(materialized='table') }}select 1 as id, 2 as entity",
		"models/m.sql": "{{ temporal_join('last_ever', cohort=ref('c'), appended=source('shop', 'orders'), on=['entity'], columns={'id': " +
			"'event'}) }}",
	})
	require.NoError(t, err)
	require.Len(t, find(t, g, "m").DependsOn, 2)
	require.Equal(t, `select
    c.*,
    e.v1 as event
from (
    select
        appended.entity as k1,
        appended.activity_date as moment,
        appended.id as v1,
        row_number() over (
            partition by appended.entity
            order by appended.activity_date desc nulls first, appended.occurrence desc nulls first, appended.id desc nulls first
        ) as n
    from staging.orders as appended
    where appended.entity is not null and appended.activity_date is not null
) as e
right join analytics.c as c
    on e.k1 = c.entity and e.n = 1`, compiled(t, g, "m", false))
}

func TestAMacroOfTheProjectStandsOverTheProgramsOwn(t *testing.T) {
	t.Parallel()
	g, err := small(t, map[string]string{
		"macros/own.sql": "{% macro temporal_join(kind) %}select '{{ kind }}' as mine{% endmacro %}",
		"models/m.sql":   "{{ temporal_join('x') }}",
	})
	require.NoError(t, err)
	require.Equal(t, "select 'x' as mine", compiled(t, g, "m", false))
}

func TestAMacroOfTheProjectMayCallATemporalJoin(t *testing.T) {
	t.Parallel()
	f := func(wrapper string) error {
		g, err := small(t, map[string]string{"macros/own.sql": wrapper, "models/m.sql": "select 1 as a\n\n\nfrom ({{ own('c') }}) as j"})
		if err == nil {
			require.Contains(t, compiled(t, g, "m", false), "right join c as c")
		}
		return err
	}
	require.NoError(t, f("{% macro own(cohort) %}{{ temporal_join('last_before', cohort=cohort, appended='a', on='entity', columns={'id': "+
		"'event'}) }}{% endmacro %}"))
	require.Equal(t, "macros/own.sql:1:41: temporal_join: there is no temporal join \"last\" (called at models/m.sql:4:10)\nTry: one of "+
		"first_after, first_before, "+
		"first_ever, first_in_between, last_after, last_before, last_ever, last_in_between, nth_ever\nexit 2\n",
		told(f("{% macro own(cohort) %}{{ temporal_join('last', cohort=cohort, appended='a', on='entity', columns={'id': 'event'}) }}{% "+
			"endmacro %}")))
}
