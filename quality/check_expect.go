package quality

import (
	"errors"
	"fmt"
)

// The tests that dbt_expectations named. Their row_condition is part of where by the time that they are compiled.
var _ = register(map[string]func(*testInput) (testSQL, error){
	"expect_column_values_to_not_be_null":                     notNull,
	"expect_column_values_to_be_null":                         expectNull,
	"expect_column_values_to_be_in_set":                       inSet,
	"expect_column_values_to_not_be_in_set":                   notInSet,
	"expect_column_values_to_be_between":                      expectBetween,
	"expect_column_value_lengths_to_be_between":               expectLength,
	"expect_column_values_to_match_regex":                     matchRegex,
	"expect_column_values_to_not_match_regex":                 notMatchRegex,
	"expect_column_pair_values_A_to_be_greater_than_B":        aGreaterThanB,
	"expect_column_pair_values_to_be_equal":                   pairEqual,
	"expect_column_values_to_be_unique":                       unique,
	"expect_compound_columns_to_be_unique":                    expectCompoundUnique,
	"expect_column_proportion_of_unique_values_to_be_between": uniqueProportion,
	"expect_table_row_count_to_be_between":                    rowCountBetween,
	"expect_table_row_count_to_equal":                         rowCountEqual,
	"expect_table_row_count_to_equal_other_table":             equalRowcount,
})

func expectNull(s *testInput) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only()); err != nil {
		return testSQL{}, err
	}
	return oneRow(s, bind(`{c} is not null`, "c", s.column)), nil
}

func inSet(s *testInput) (testSQL, error) {
	return values(s, "value_set", "quote_values", `{c} not in ({values})`)
}

func notInSet(s *testInput) (testSQL, error) {
	return values(s, "value_set", "quote_values", `{c} in ({values})`)
}

func expectBetween(s *testInput) (testSQL, error) {
	return between(s, s.column, strictly)
}

func expectLength(s *testInput) (testSQL, error) {
	return between(s, bind(`length({c})`, "c", s.column), strictly)
}

func matchRegex(s *testInput) (testSQL, error) { return regex(s, "not") }

func notMatchRegex(s *testInput) (testSQL, error) { return regex(s, "") }

// regex compiles a search for a pattern. PostgreSQL's ~ searches and DuckDB's matches the whole text, so the pattern gets
// anything before and after it, which means the same on both.
func regex(s *testInput, not string) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only("regex")); err != nil {
		return testSQL{}, err
	}
	pattern, err := s.args.mustText("regex")
	if err != nil {
		return testSQL{}, err
	}
	pattern = `(?:.|\n)*(?:` + pattern + `)(?:.|\n)*`
	return oneRow(s, bind(`{not} ({c} ~ {pattern})`, "not", not, "c", s.column, "pattern", text(pattern))), nil
}

// pairEqual takes rows whose two values differ as bad; two nulls are equal.
func pairEqual(s *testInput) (testSQL, error) {
	if err := s.args.only("column_A", "column_B"); err != nil {
		return testSQL{}, err
	}
	a, errA := s.args.mustText("column_A")
	b, errB := s.args.mustText("column_B")
	if err := errors.Join(errA, errB); err != nil {
		return testSQL{}, err
	}
	return pair(s, `{a} is distinct from {b}`, a, b), nil
}

// pair makes the SQL of a condition on two columns of one row; both values are shown.
func pair(s *testInput, cond, a, b string) testSQL {
	out := oneRow(s, bind(cond, "a", column(a), "b", column(b)))
	out.shown = evidence{values: []string{column(a), column(b)}, between: " against ", nulls: true}
	return out
}

// aGreaterThanB takes rows in which column_A is not above column_B as bad; a null on either side says nothing.
func aGreaterThanB(s *testInput) (testSQL, error) {
	if err := s.args.only("column_A", "column_B", "or_equal"); err != nil {
		return testSQL{}, err
	}
	a, errA := s.args.mustText("column_A")
	b, errB := s.args.mustText("column_B")
	equal, errEqual := s.args.bool("or_equal", false)
	if err := errors.Join(errA, errB, errEqual); err != nil {
		return testSQL{}, err
	}
	if equal {
		return pair(s, `{a} < {b}`, a, b), nil
	}
	return pair(s, `{a} <= {b}`, a, b), nil
}

// expectCompoundUnique is unique_combination_of_columns under the name and the arguments of dbt_expectations.
func expectCompoundUnique(s *testInput) (testSQL, error) {
	if err := s.args.only("column_list"); err != nil {
		return testSQL{}, err
	}
	columns, err := s.args.list("column_list")
	if err != nil {
		return testSQL{}, err
	}
	return combination(columns)
}

// rowCountBetween fails by the number of rows that are missing or too many.
func rowCountBetween(s *testInput) (testSQL, error) {
	if err := s.args.only("min_value", "max_value"); err != nil {
		return testSQL{}, err
	}
	low, hasLow := s.args.text("min_value")
	high, hasHigh := s.args.text("max_value")
	if !hasLow && !hasHigh {
		return testSQL{}, fmt.Errorf("give min_value, max_value or both")
	}
	if !hasLow {
		low = "0"
	}
	if !hasHigh {
		high = "9223372036854775807"
	}
	return testSQL{empty: true, measure: bind(`
		select case when count(*) < {low} then {low} - count(*)
		            when count(*) > {high} then count(*) - {high}
		            else 0 end,
		       count(*)
		from {target}`, "low", low, "high", high, "target", s.target())}, nil
}

// rowCountEqual fails by the number of rows that are missing or too many.
func rowCountEqual(s *testInput) (testSQL, error) {
	if err := s.args.only("value"); err != nil {
		return testSQL{}, err
	}
	value, err := s.args.mustText("value")
	if err != nil {
		return testSQL{}, err
	}
	return testSQL{empty: true, measure: bind(`
		select abs(count(*) - {value}), count(*)
		from {target}`, "value", value, "target", s.target())}, nil
}

// uniqueProportion fails when the share of distinct values among those that are not null is outside the bounds, by the number
// of repetitions.
func uniqueProportion(s *testInput) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only("min_value", "max_value")); err != nil {
		return testSQL{}, err
	}
	low, ok := s.args.text("min_value")
	if !ok {
		low = "0"
	}
	high, ok := s.args.text("max_value")
	if !ok {
		high = "1"
	}
	return testSQL{measure: bind(`
		select case when count(*) < {low} * coalesce(sum(g.n), 0) or count(*) > {high} * coalesce(sum(g.n), 0)
		            then greatest(coalesce(sum(g.n), 0) - count(*), 1)
		            else 0 end,
		       coalesce(sum(g.n), 0)
		from (
		    select count(*) as n
		    from {target}
		    where {c} is not null
		    group by {c}
		) as g`, "c", s.column, "low", low, "high", high, "target", s.target())}, nil
}
