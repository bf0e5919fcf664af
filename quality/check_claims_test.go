package quality_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/project"
	"lifeline/quality"
)

// claimCases say of the kinds that claims needed what they find in landed, of six rows, and in cleaned, of four of them.
var claimCases = []struct {
	kind, node, column string
	args               yaml
	failing, tested    int64
}{
	{kind: "lifeline.present", node: "landed", column: "status", failing: 2, tested: 6},
	{kind: "lifeline.null_literals", node: "landed", column: "status", failing: 3, tested: 6},
	{
		kind: "lifeline.null_literals", node: "landed", column: "status", args: yaml{"words": []any{"Approved\r", "nobody"}}, failing: 3,
		tested: 6,
	},
	{kind: "lifeline.control_chars", node: "landed", column: "status", failing: 1, tested: 6},
	{kind: "lifeline.future_date", node: "landed", column: "made", failing: 1, tested: 6},
	{kind: "lifeline.future_date", node: "landed", column: "made", args: yaml{"hours": int64(0)}, failing: 2, tested: 6},
	{kind: "lifeline.date_floor", node: "landed", column: "made", args: yaml{"min": "2015-01-01"}, failing: 1, tested: 6},
	{kind: "lifeline.zero_date", node: "landed", column: "made", failing: 1, tested: 6},
	{kind: "lifeline.zero_date", node: "landed", column: "made", args: yaml{"count_only": true}, failing: 1, tested: 6},
	{kind: "lifeline.partial_date", node: "landed", column: "made", failing: 1, tested: 6},
	{kind: "lifeline.cast_failure", node: "landed", column: "made", failing: 1, tested: 6},
	{kind: "lifeline.cast_failure", node: "landed", column: "amount", failing: 1, tested: 6},
	{kind: "lifeline.cast_failure", node: "cleaned", column: "amount", args: yaml{"of": "ref('landed')", "key": "id"}, failing: 1, tested: 4},
	{kind: "lifeline.time_order", node: "landed", args: yaml{"earlier": "made", "later": "changed"}, failing: 1, tested: 6},
	{
		kind: "lifeline.time_order", node: "landed", args: yaml{"earlier": "made", "later": "changed", "tolerance": int64(0)}, failing: 2,
		tested: 6,
	},
	{
		kind: "lifeline.time_order", node: "cleaned", failing: 1, tested: 4,
		args: yaml{"earlier": "made", "later": "made", "parent": "ref('parents')", "field": "id", "key": "parent"},
	},
	{
		kind: "lifeline.same_as", node: "cleaned", column: "program", failing: 1, tested: 4,
		args: yaml{"parent": "ref('parents')", "field": "id", "key": "parent"},
	},
	{
		kind: "lifeline.column_went_empty", node: "landed", args: yaml{"columns": []any{"id", "nothing"}, "at_least": int64(1)}, failing: 1,
		tested: 2,
	},
	{kind: "lifeline.column_went_empty", node: "landed", args: yaml{"columns": []any{"id", "status"}, "at_least": int64(1)}, tested: 2},
	{kind: "lifeline.column_went_empty", node: "landed", args: yaml{"columns": []any{"nothing"}}, tested: 0},
	{kind: "lifeline.column_shift", node: "landed", column: "status", failing: 1, tested: 6},
	{kind: "lifeline.column_shift", node: "numbers", column: "provider", args: yaml{"among": "program"}, failing: 12, tested: 20},
	{kind: "lifeline.column_shift", node: "numbers", column: "program", args: yaml{"among": "id"}, tested: 12},
	{kind: "lifeline.quarantine_rate", node: "cleaned", args: yaml{"of": "ref('landed')"}, failing: 2, tested: 6},
	{kind: "lifeline.mass_delete", node: "landed", failing: 2, tested: 8},
	{kind: "lifeline.mass_delete", node: "cleaned", tested: 4},
	{kind: "lifeline.night_share", node: "landed", column: "changed", args: yaml{"offset": int64(3)}, failing: 1, tested: 4},
}

// landed are rows as they come: one sound, one of a far time, one with a bad date and a carriage return, one older than the business,
// one of a zero date, one shifted.
func landed(e *engine) {
	const raw = `'{"made":"2018-00-00 00:00:00","amount":"abc"}'`
	e.do(`create table {core}.landed as
		select cast(id as bigint) as id, status, cast(made as timestamp) as made, cast(changed as timestamp) as changed,
		       cast(null as bigint) as nothing, _raw
		from (values
		(1, 'Approved', '2019-11-30 10:00:00', '2019-11-30 10:00:00', null),
		(2, 'N/A', '2019-12-03 10:00:00', '2019-12-03 09:57:00', null),
		(3, 'Approved' || chr(13), null, '2019-11-30 00:00:00', `+raw+`),
		(4, ' ', '1945-12-21 00:00:00', '2019-11-29 20:30:00', '{"other":"0000-00-00"}'),
		(5, '', null, null, '{"made":"0000-00-00 00:00:00"}'),
		(6, '2019-01-01 00:00:00', '2019-12-01 12:00:00', '2019-11-01 12:00:00', '{"made":"31/12/2018"}'))
			as v (id, status, made, changed, _raw)`,
		`create table {core}.cleaned as
		select id, made, case when id = 1 then 36 else 40 end as program, case when id = 4 then null else 1 end as parent,
		       cast(null as numeric(19,4)) as amount
		from {core}.landed
		where id in (1, 2, 3, 4)`,
		`create table {core}.parents as select 1 as id, 40 as program, timestamp '2019-12-01 00:00:00' as made`,
		`create table {core}.numbers as
		select v.i as id, v.i + 100 as provider, case when v.i <= 12 then v.i + 100 else 0 end as program
		from (select row_number() over () as i from {core}.landed as a cross join {core}.landed as b) as v
		where v.i <= 20`,
		`create schema history`,
		`create table history.landed (id bigint, nothing bigint, _op text, _valid_to timestamp)`,
		`insert into history.landed (id, _op, _valid_to) values (7, 'delete', '2019-11-30 00:00:00'), (8, 'delete', '2019-12-02 00:00:00'),
		(9, 'delete', '2019-12-03 00:00:00'), (9, 'update', '2019-12-03 00:00:00')`,
		`create table ops.positions (run_id bigint, taken_at timestamp)`,
		`insert into ops.positions values (1, '2019-11-30 00:00:00'), (2, '2019-12-01 00:00:00'), (3, '2019-12-02 00:00:00')`,
		`insert into ops.runs values (1, 'published'), (2, 'published'), (3, 'blocked')`)
}

func TestTheKindsForClaimsCountTheirBadRowsAlikeOnBothEngines(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		landed(e)
		var tests []project.Test
		for _, c := range claimCases {
			tests = append(tests, project.Test{Kind: c.kind, Node: c.node, Column: c.column, Args: c.args, File: "core.yml", Line: 3})
		}
		results, err := quality.Run(context.Background(), e.db, compiled(t, e, tests...), 2)
		require.NoError(t, err)
		for i, c := range claimCases {
			r := results[i]
			require.NoError(t, r.Err, "%s %s %v", c.kind, c.column, c.args)
			require.Equal(t, c.failing, r.Failing, "%s %s %v: %s", c.kind, c.column, c.args, r.SQL())
			require.Equal(t, c.tested, r.Tested, "%s %s %v: %s", c.kind, c.column, c.args, r.SQL())
			if r.OfRows() {
				require.Len(t, e.texts(r.SQL()), int(r.Failing), "the select gives the bad rows: %s", r.SQL())
			}
		}
	})
}

func TestAColumnThatWentEmptyStopsARunAndOneThatAlwaysWasIsTold(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		landed(e)
		test := project.Test{Kind: "lifeline.column_went_empty", Node: "landed", Args: yaml{"columns": []any{"nothing"}, "at_least": int64(1)}}
		status := func() quality.Status {
			results, err := quality.Run(context.Background(), e.db, compiled(t, e, test), 1)
			require.NoError(t, err)
			require.NoError(t, results[0].Err)
			require.Contains(t, results[0].String(), "null in all of 6 rows: nothing")
			return results[0].Status
		}
		e.do("update history.landed set nothing = 1 where id = 7")
		require.Equal(t, quality.Warn, status(), "it had a value before the published version was read, and none since")
		e.do("update history.landed set nothing = 1 where id = 8")
		require.Equal(t, quality.Fail, status())
	})
}
