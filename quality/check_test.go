package quality_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/project"
	"lifeline/quality"
)

type yaml = map[string]any

// relations names a model m as core.m and reads ref('m') as the same.
func relations(e *engine) quality.Relations {
	return quality.Relations{
		Node: func(name string) (string, bool) { return e.Relation("core", name), name != "nowhere" },
		Ref: func(text string) (string, string, error) {
			name, ok := strings.CutPrefix(text, "ref('")
			name, ok2 := strings.CutSuffix(name, "')")
			if !ok || !ok2 {
				return "", "", errors.New("unknown reference " + text)
			}
			return e.Relation("core", name), name, nil
		},
		Key: func(string) []string { return []string{"id"} },
		Now: time.Date(2019, 12, 1, 0, 0, 0, 0, time.UTC),
	}
}

func compiled(t testing.TB, e *engine, tests ...project.Test) []quality.Check {
	t.Helper()
	var checks []quality.Check
	for i := range tests {
		if tests[i].Node == "" {
			tests[i].Node = "claims"
		}
		if tests[i].Name == "" {
			tests[i].Name = tests[i].Kind + "_" + tests[i].Node + "_" + tests[i].Column
		}
		c, err := quality.Compile(&tests[i], relations(e))
		require.NoError(t, err, tests[i].Kind)
		checks = append(checks, c)
	}
	return checks
}

// claims has ten rows, nine of them with a status, two with one id, one without parent and one without a parent's id.
func claims(e *engine) {
	e.do(`create table {core}.treatments as select cast(id as bigint) as id, program from (values
		(1, 40), (2, 40), (3, 36)) as v (id, program)`,
		`create table {core}.nothing as select cast(1 as bigint) as id, cast('x' as text) as status where 1 = 0`,
		`create table {core}.claims as
		select cast(id as bigint) as id, status, cast(treatment_id as bigint) as treatment_id,
		       cast(amount as numeric(19,4)) as amount, cast(date_created as timestamp) as date_created,
		       cast(date_modified as timestamp) as date_modified
		from (values
		(1, 'approved', 1, 10.00, '2019-01-01 08:00:00', '2019-01-02 08:00:00'),
		(2, 'approved', 1, 20.00, '2019-01-01 08:00:00', '2019-01-02 08:00:00'),
		(3, 'draft', 2, 30.00, '2019-01-01 08:00:00', '2018-12-31 08:00:00'),
		(4, 'draft', 2, -0.01, '2019-01-01 08:00:00', '2019-01-01 08:00:00'),
		(5, 'Rejected', 9, 50.00, '2019-01-01 08:00:00', null),
		(6, null, null, 60.00, null, null),
		(7, 'it''s', 3, null, null, null),
		(8, ' ', 3, 80.00, '2019-11-30 08:00:00', null),
		(9, 'approved', 3, 90.00, null, null),
		(9, 'approved', 3, 90.00, null, null)) as v (id, status, treatment_id, amount, date_created, date_modified)`)
}

// kindCases say of every kind what it finds in claims.
var kindCases = []struct {
	kind, column, where string
	args                yaml
	failing, tested     int64
}{
	{kind: "not_null", column: "id", tested: 10},
	{kind: "not_null", column: "status", failing: 1, tested: 10},
	{kind: "not_null", column: "status", where: "amount > 60", tested: 3},
	{kind: "unique", column: "id", failing: 2, tested: 10},
	{kind: "unique", column: "id", where: "id < 9", tested: 8},
	{kind: "unique", column: "amount", where: "id < 9", tested: 8},
	{kind: "accepted_values", column: "status", args: yaml{"values": []any{"approved", "draft"}}, failing: 3, tested: 10},
	{kind: "accepted_values", column: "status", args: yaml{"values": []any{"approved", "draft", "Rejected", "it's", " "}}, tested: 10},
	{kind: "accepted_values", column: "treatment_id", args: yaml{"values": []any{int64(1), int64(2)}, "quote": false}, failing: 5, tested: 10},
	{kind: "dbt_utils.not_accepted_values", column: "status", args: yaml{"values": []any{"draft"}}, failing: 2, tested: 10},
	{kind: "dbt_utils.not_empty_string", column: "status", failing: 1, tested: 10},
	{kind: "dbt_utils.not_empty_string", column: "status", args: yaml{"trim_whitespace": false}, tested: 10},
	{kind: "relationships", column: "treatment_id", args: yaml{"to": "ref('treatments')", "field": "id"}, failing: 1, tested: 10},
	{kind: "relationships", column: "treatment_id", where: "id <> 5", args: yaml{"to": "ref('treatments')", "field": "id"}, tested: 9},
	{
		kind: "dbt_utils.relationships_where", column: "treatment_id", failing: 2, tested: 10,
		args: yaml{"to": "ref('treatments')", "field": "id", "from_condition": "id < 5", "to_condition": "id <> 1"},
	},
	{kind: "dbt_utils.expression_is_true", args: yaml{"expression": "date_created <= date_modified"}, failing: 1, tested: 10},
	{kind: "dbt_utils.expression_is_true", column: "amount", args: yaml{"expression": ">= 0"}, failing: 1, tested: 10},
	{
		kind: "dbt_utils.expression_is_true", where: "treatment_id <> 0", args: yaml{"expression": "amount / treatment_id < 20"}, failing: 4,
		tested: 9,
	},
	{kind: "dbt_utils.unique_combination_of_columns", args: yaml{"combination_of_columns": []any{"id", "status"}}, failing: 2, tested: 10},
	{
		kind: "dbt_utils.unique_combination_of_columns", args: yaml{"combination_of_columns": []any{"date_created", "date_modified"}}, failing: 6,
		tested: 10,
	},
	{kind: "dbt_utils.accepted_range", column: "amount", args: yaml{"min_value": int64(0)}, failing: 1, tested: 10},
	{kind: "dbt_utils.accepted_range", column: "amount", args: yaml{"min_value": int64(0), "max_value": int64(90)}, failing: 1, tested: 10},
	{kind: "dbt_utils.accepted_range", column: "amount", args: yaml{"max_value": int64(90), "inclusive": false}, failing: 2, tested: 10},
	{kind: "dbt_utils.not_null_proportion", column: "status", args: yaml{"at_least": 0.9}, tested: 10},
	{kind: "dbt_utils.not_null_proportion", column: "status", args: yaml{"at_least": 0.91}, failing: 1, tested: 10},
	{kind: "dbt_utils.not_null_proportion", column: "date_modified", args: yaml{"at_least": 0.5}, failing: 6, tested: 10},
	{kind: "dbt_utils.at_least_one", column: "status", tested: 10},
	{kind: "dbt_utils.at_least_one", column: "status", where: "id = 6", failing: 1, tested: 1},
	{kind: "dbt_utils.equal_rowcount", args: yaml{"compare_model": "ref('treatments')"}, failing: 7, tested: 10},
	{kind: "dbt_utils.equal_rowcount", where: "id < 4", args: yaml{"compare_model": "ref('treatments')"}, tested: 3},
	{kind: "dbt_utils.recency", args: yaml{"field": "date_created", "datepart": "day", "interval": int64(1)}, tested: 10},
	{kind: "dbt_utils.recency", args: yaml{"field": "date_created", "datepart": "hour", "interval": int64(1)}, failing: 1, tested: 10},
	{kind: "dbt_utils.not_constant", column: "status", tested: 10},
	{kind: "dbt_utils.not_constant", column: "status", where: "id < 3", failing: 1, tested: 2},
	{kind: "dbt_utils.fewer_rows_than", args: yaml{"compare_model": "ref('treatments')"}, failing: 8, tested: 10},
	{kind: "dbt_utils.fewer_rows_than", where: "id < 3", args: yaml{"compare_model": "ref('treatments')"}, tested: 2},
	{kind: "dbt_utils.sequential_values", column: "id", failing: 1, tested: 10},
	{kind: "dbt_utils.sequential_values", column: "amount", where: "id < 4", args: yaml{"interval": int64(10)}, tested: 3},
	{kind: "dbt_expectations.expect_column_values_to_not_be_null", column: "status", failing: 1, tested: 10},
	{kind: "dbt_expectations.expect_column_values_to_not_be_null", column: "status", args: yaml{"row_condition": "id <> 6"}, tested: 9},
	{kind: "dbt_expectations.expect_column_values_to_be_null", column: "status", failing: 9, tested: 10},
	{
		kind: "dbt_expectations.expect_column_pair_values_to_be_equal", args: yaml{"column_A": "date_created", "column_B": "date_modified"},
		failing: 5, tested: 10,
	},
	{kind: "dbt_expectations.expect_table_row_count_to_equal", args: yaml{"value": int64(12)}, failing: 2, tested: 10},
	{
		kind: "dbt_expectations.expect_table_row_count_to_equal_other_table", args: yaml{"compare_model": "ref('treatments')"}, failing: 7,
		tested: 10,
	},
	{
		kind: "dbt_expectations.expect_column_proportion_of_unique_values_to_be_between", column: "id", args: yaml{"min_value": 0.95}, failing: 1,
		tested: 10,
	},
	{kind: "dbt_expectations.expect_column_proportion_of_unique_values_to_be_between", column: "id", args: yaml{"min_value": 0.9}, tested: 10},
	{
		kind: "dbt_expectations.expect_column_values_to_be_in_set", column: "status", args: yaml{"value_set": []any{"approved"}}, failing: 5,
		tested: 10,
	},
	{
		kind: "dbt_expectations.expect_column_values_to_not_be_in_set", column: "status", args: yaml{"value_set": []any{"approved"}}, failing: 4,
		tested: 10,
	},
	{
		kind: "dbt_expectations.expect_column_values_to_be_between", column: "amount", args: yaml{"min_value": int64(10)}, failing: 1,
		tested: 10,
	},
	{
		kind: "dbt_expectations.expect_column_values_to_be_between", column: "amount", args: yaml{"min_value": int64(10), "strictly": true},
		failing: 2, tested: 10,
	},
	{
		kind: "dbt_expectations.expect_column_value_lengths_to_be_between", column: "status",
		args: yaml{"min_value": int64(2), "max_value": int64(7)}, failing: 6, tested: 10,
	},
	{kind: "dbt_expectations.expect_column_values_to_match_regex", column: "status", args: yaml{"regex": "^[a-z]+$"}, failing: 3, tested: 10},
	{kind: "dbt_expectations.expect_column_values_to_match_regex", column: "status", args: yaml{"regex": "ra|ro|je|'|\\s"}, tested: 10},
	{kind: "dbt_expectations.expect_column_values_to_not_match_regex", column: "status", args: yaml{"regex": "pro"}, failing: 4, tested: 10},
	{
		kind: "dbt_expectations.expect_column_pair_values_A_to_be_greater_than_B", failing: 2, tested: 10,
		args: yaml{"column_A": "date_modified", "column_B": "date_created"},
	},
	{
		kind: "dbt_expectations.expect_column_pair_values_A_to_be_greater_than_B", failing: 1, tested: 10,
		args: yaml{"column_A": "date_modified", "column_B": "date_created", "or_equal": true},
	},
	{kind: "dbt_expectations.expect_column_values_to_be_unique", column: "id", failing: 2, tested: 10},
	{kind: "dbt_expectations.expect_compound_columns_to_be_unique", args: yaml{"column_list": []any{"id"}}, failing: 2, tested: 10},
	{kind: "dbt_expectations.expect_table_row_count_to_be_between", args: yaml{"min_value": int64(12)}, failing: 2, tested: 10},
	{kind: "dbt_expectations.expect_table_row_count_to_be_between", args: yaml{"min_value": int64(1), "max_value": int64(10)}, tested: 10},
	{kind: "lifeline.volume", column: "date_created", tested: 7}, // A series of days: check_series_test.go has its bad ones.
}

func TestEveryKindCountsItsBadRowsAlikeOnBothEngines(t *testing.T) {
	covered := map[string]bool{}
	for _, c := range kindCases {
		covered[c.kind[strings.LastIndex(c.kind, ".")+1:]] = true
	}
	for _, c := range claimCases {
		covered[c.kind[strings.LastIndex(c.kind, ".")+1:]] = true
	}
	for kind := range project.TestKinds {
		require.True(t, covered[kind[strings.LastIndex(kind, ".")+1:]], "no case for %s", kind)
	}
	for _, kind := range quality.Kinds() {
		require.True(t, covered[kind], "no case for %s", kind)
	}
	onEngines(t, func(t *testing.T, e *engine) {
		claims(e)
		var tests []project.Test
		for _, c := range kindCases {
			tests = append(tests, project.Test{Kind: c.kind, Column: c.column, Where: c.where, Args: c.args, File: "core.yml", Line: 3})
		}
		results, err := quality.Run(context.Background(), e.db, compiled(t, e, tests...), 2)
		require.NoError(t, err)
		for i, c := range kindCases {
			r := results[i]
			require.NoError(t, r.Err, "%s %s %v", c.kind, c.column, c.args)
			require.Equal(t, c.failing, r.Failing, "%s %s %v %s", c.kind, c.column, c.args, c.where)
			require.Equal(t, c.tested, r.Tested, "%s %s %v", c.kind, c.column, c.args)
			if r.Failing > 0 {
				require.Equal(t, quality.Fail, r.Status)
				require.True(t, r.Stops())
			} else {
				require.Equal(t, quality.Pass, r.Status)
			}
			if rows := e.texts(r.SQL()); r.OfRows() {
				require.Len(t, rows, int(r.Failing), "the select gives the bad rows: %s", r.SQL())
			} else if c.kind != "lifeline.volume" {
				require.Len(t, rows, 1)
			}
		}
	})
}

func TestASingularTestFailsByItsRows(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		claims(e)
		results, err := quality.Run(context.Background(), e.db, compiled(t, e,
			project.Test{Name: "no_negative", Kind: "singular", SQL: e.sql("select id, amount from {core}.claims where amount < 0;\n")},
			project.Test{Name: "all_well", Kind: "singular", SQL: e.sql("select id from {core}.claims where id < 0")}), 1)
		require.NoError(t, err)
		require.Equal(t, quality.Fail, results[0].Status)
		require.EqualValues(t, 1, results[0].Failing)
		require.Equal(t, quality.Pass, results[1].Status)
	})
}

func TestSeverityAndBoundsDecideTheStatus(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		claims(e)
		status := func(test project.Test) quality.Status {
			test.Kind, test.Column = "accepted_values", "status"
			test.Args = yaml{"values": []any{"approved", "draft"}}
			results, err := quality.Run(context.Background(), e.db, compiled(t, e, test), 1)
			require.NoError(t, err)
			require.EqualValues(t, 3, results[0].Failing)
			return results[0].Status
		}
		require.Equal(t, quality.Fail, status(project.Test{}))
		require.Equal(t, quality.Fail, status(project.Test{Severity: "error"}))
		require.Equal(t, quality.Warn, status(project.Test{Severity: "warn"}))
		require.Equal(t, quality.Warn, status(project.Test{Severity: "error", OnFail: "flag"}))
		require.Equal(t, quality.Pass, status(project.Test{OnFail: "info"}))
		require.Equal(t, quality.Warn, status(project.Test{OnFail: "quarantine"}))
		require.Equal(t, quality.Fail, status(project.Test{OnFail: "quarantine", ErrorIf: "> 2"}))
		require.Equal(t, quality.Warn, status(project.Test{ErrorIf: "> 3"}))
		require.Equal(t, quality.Pass, status(project.Test{ErrorIf: "> 3", WarnIf: ">= 4"}))
		require.Equal(t, quality.Fail, status(project.Test{ErrorIf: ">= 30%"}))
		require.Equal(t, quality.Warn, status(project.Test{ErrorIf: "> 30%"}))
	})
}

func TestAnEmptyTableIsNotAPass(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		claims(e)
		results, err := quality.Run(context.Background(), e.db, compiled(t, e,
			project.Test{Kind: "not_null", Node: "nothing", Column: "id"},
			project.Test{Kind: "unique", Node: "nothing", Column: "id"},
			project.Test{Kind: "not_null", Column: "id", Where: "id > 100"},
			project.Test{Kind: "at_least_one", Node: "nothing", Column: "id"}), 1)
		require.NoError(t, err)
		require.Equal(t, quality.NotApplicable, results[0].Status)
		require.Equal(t, quality.NotApplicable, results[1].Status)
		require.Equal(t, quality.NotApplicable, results[2].Status)
		require.Equal(t, quality.Fail, results[3].Status)
	})
}

func TestACheckThatCannotRunNamesItsPlaceAndLeavesTheOthersAlone(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		claims(e)
		results, err := quality.Run(context.Background(), e.db, compiled(t, e,
			project.Test{Kind: "not_null", Column: "status"},
			project.Test{Kind: "not_null", Column: "colour", Name: "broken", File: "models/core/claims.yml", Line: 17},
			project.Test{Kind: "unique", Column: "colour", File: "models/core/claims.yml", Line: 18}), 2)
		require.NoError(t, err)
		require.Equal(t, quality.Fail, results[0].Status)
		require.EqualValues(t, 1, results[0].Failing)
		require.Equal(t, quality.Error, results[1].Status)
		require.True(t, results[1].Stops())
		require.ErrorContains(t, results[1].Err, "models/core/claims.yml:17: check broken:")
		require.ErrorContains(t, results[1].Err, "colour")
		require.ErrorContains(t, results[2].Err, "models/core/claims.yml:18:")
	})
}

func TestEveryFailingRowIsKeptByItsKey(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		claims(e)
		e.do(`insert into {core}.claims select 1000 + n, 'odd', 1, 1, null, null from generate_series(1, 5000) as g (n)`)
		ctx := context.Background()
		for run := int64(1); run <= 2; run++ {
			results, err := quality.Run(ctx, e.db, compiled(t, e,
				project.Test{Kind: "accepted_values", Column: "status", Args: yaml{"values": []any{"approved", "draft"}}, Name: "known"},
				project.Test{Kind: "unique", Column: "id", Name: "once", Severity: "warn"},
				project.Test{Kind: "at_least_one", Column: "id", Name: "some"},
				project.Test{Kind: "singular", Name: "negative", SQL: e.sql("select id from {core}.claims where amount < 0")}), 1)
			require.NoError(t, err)
			require.NoError(t, quality.Record(ctx, e.db, run, results))
		}
		require.Equal(t, []string{
			"1|known|fail|5003|5010|error if != 0", "1|negative|fail|1|0|error if != 0", "1|once|warn|2|5010|warn if != 0",
			"1|some|pass|0|5010|error if != 0",
		}, e.texts(`select run_id, check_name, status, failing, tested, threshold from ops.check_results where run_id = 1 order by 2`))
		require.Equal(t, []string{"2|known|5003", "2|negative|1", "2|once|2"},
			e.texts(`select run_id, check_name, count(*) from ops.check_rows group by 1, 2 order by 1, 2`))
		require.Equal(t, []string{"5|Rejected", "7|it's", "8| "},
			e.texts(`select key, value from ops.check_rows where check_name = 'known' and length(key) < 2 order by 1`))
		require.Equal(t, []string{`{"id":4}`}, e.texts(`select value from ops.check_rows where check_name = 'negative'`))
	})
}

func TestAWrongDeclarationIsAUsageErrorWithItsPlace(t *testing.T) {
	t.Parallel()
	e := &engine{name: "duckdb"}
	for _, c := range []struct {
		test project.Test
		want string
	}{
		{project.Test{Kind: "not_nul", Column: "id"}, "there is no such test here; there are accepted_range"},
		{project.Test{Kind: "not_null"}, "needs a column"},
		{project.Test{Kind: "not_null", Column: "id", Node: "nowhere"}, "is not built"},
		{project.Test{Kind: "accepted_range", Column: "id", Args: yaml{"min": 1}}, `no argument "min"; it has min_value, max_value, inclusive`},
		{project.Test{Kind: "accepted_range", Column: "id"}, "give min_value, max_value or both"},
		{project.Test{Kind: "accepted_values", Column: "id", Args: yaml{"values": []any{}}}, "empty list"},
		{project.Test{Kind: "accepted_values", Column: "id"}, `"values" is missing`},
		{project.Test{Kind: "relationships", Column: "id", Args: yaml{"to": "claims", "field": "id"}}, "unknown reference"},
		{project.Test{Kind: "not_null", Column: "id", WarnIf: "ten"}, `warn_if: "ten" is not a bound`},
		{project.Test{Kind: "not_null", Column: "id", OnFail: "explode"}, "on_fail is quarantine, block, flag or info"},
		{project.Test{Kind: "not_null", Column: "id", Severity: "fatal"}, "severity is error or warn"},
		{project.Test{Kind: "recency", Args: yaml{"field": "x", "datepart": "eon", "interval": 1}}, `the datepart "eon"`},
	} {
		c.test.File, c.test.Line = "models/core.yml", 9
		if c.test.Node == "" {
			c.test.Node = "claims"
		}
		_, err := quality.Compile(&c.test, relations(e))
		require.ErrorContains(t, err, c.want)
		var p *change.Problem
		require.ErrorAs(t, err, &p)
		require.Equal(t, "models/core.yml:9", p.Where)
		require.Equal(t, change.ClassUsage, p.Class)
	}
}

func TestAShareNeverRoundsAFailingRowAway(t *testing.T) {
	t.Parallel()
	require.Equal(t, "under 0.01 %", (&quality.Result{Failing: 1, Tested: 10_000_000}).Share())
	require.Equal(t, "0 %", (&quality.Result{Failing: 0, Tested: 10}).Share())
	require.Equal(t, "33.33 %", (&quality.Result{Failing: 1, Tested: 3}).Share())
	check := &quality.Check{Name: "dated"}
	require.Equal(t, "dated: 1 of 3 rows fail (33.33 %)", (&quality.Result{Check: check, Failing: 1, Tested: 3}).String())
	require.Equal(t, "dated: 2 failing", (&quality.Result{Check: check, Failing: 2}).String())
	one, err := quality.ParseThreshold("> 0%")
	require.NoError(t, err)
	require.True(t, one.Reached(1, 10_000_000_000, nil))
	require.Equal(t, "> 0%", one.String())
	half, err := quality.ParseThreshold(">=0.5 %")
	require.NoError(t, err)
	require.Equal(t, ">= 0.5%", half.String())
	require.True(t, half.Reached(1, 200, nil))
	require.False(t, half.Reached(1, 201, nil))
	require.False(t, half.Reached(0, 0, nil))
}
