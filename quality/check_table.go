package quality

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The tests of a whole table: they have no bad rows to show, only a count of what is wrong.
var _ = register(map[string]func(*testInput) (testSQL, error){
	"not_null_proportion": notNullProportion,
	"at_least_one":        atLeastOne,
	"not_constant":        notConstant,
	"equal_rowcount":      equalRowcount,
	"fewer_rows_than":     fewerRowsThan,
	"recency":             recency,
})

// notNullProportion fails by the number of nulls, once their share is outside the bounds.
func notNullProportion(s *testInput) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only("at_least", "at_most")); err != nil {
		return testSQL{}, err
	}
	low, err := s.args.mustText("at_least")
	if err != nil {
		return testSQL{}, err
	}
	high, ok := s.args.text("at_most")
	if !ok {
		high = "1"
	}
	return testSQL{measure: bind(`
		select case when count({c}) < {low} * count(*) or count({c}) > {high} * count(*)
		            then greatest(count(*) - count({c}), 1)
		            else 0 end,
		       count(*)
		from {target}`, "c", s.column, "low", low, "high", high, "target", s.target())}, nil
}

// atLeastOne fails when a column is wholly null.
func atLeastOne(s *testInput) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only()); err != nil {
		return testSQL{}, err
	}
	return testSQL{empty: true, measure: bind(`
		select case when count({c}) = 0 then 1 else 0 end, count(*)
		from {target}`, "c", s.column, "target", s.target())}, nil
}

// notConstant fails when a column has one value in all rows.
func notConstant(s *testInput) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only()); err != nil {
		return testSQL{}, err
	}
	return testSQL{measure: bind(`
		select case when min({c}) = max({c}) and count(*) > 0 then 1 else 0 end, count(*)
		from {target}`, "c", s.column, "target", s.target())}, nil
}

// equalRowcount fails by the difference of the two tables' rows.
func equalRowcount(s *testInput) (testSQL, error) { return compareRows(s, `abs(a.n - b.n)`) }

// fewerRowsThan fails by the rows that the tested table has beyond one fewer than the other.
func fewerRowsThan(s *testInput) (testSQL, error) {
	return compareRows(s, `greatest(a.n - b.n + 1, 0)`)
}

func compareRows(s *testInput, failing string) (testSQL, error) {
	if err := s.args.only("compare_model"); err != nil {
		return testSQL{}, err
	}
	name, err := s.args.mustText("compare_model")
	if err != nil {
		return testSQL{}, err
	}
	relation, _, err := s.ref(name)
	if err != nil {
		return testSQL{}, err
	}
	return testSQL{empty: true, measure: bind(`
		select {failing}, a.n
		from (select count(*) as n from {target}) as a
		cross join (select count(*) as n from {other}) as b`,
		"failing", failing, "target", s.target(), "other", relation)}, nil
}

// dateparts are the units that recency counts in.
var dateparts = map[string]time.Duration{
	"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour,
}

// recency fails when the newest time lies more than interval units before now; UTC.
func recency(s *testInput) (testSQL, error) {
	if err := s.args.only("field", "datepart", "interval"); err != nil {
		return testSQL{}, err
	}
	field, errField := s.args.mustText("field")
	part, errPart := s.args.mustText("datepart")
	count, errCount := s.args.mustText("interval")
	if err := errors.Join(errField, errPart, errCount); err != nil {
		return testSQL{}, err
	}
	unit, ok := dateparts[strings.ToLower(part)]
	if !ok {
		return testSQL{}, fmt.Errorf("the datepart %q is not one of second, minute, hour, day and week", part)
	}
	var n int64
	if _, err := fmt.Sscan(count, &n); err != nil {
		return testSQL{}, fmt.Errorf("the interval %q is not a whole number", count)
	}
	oldest := s.now.UTC().Add(-time.Duration(n) * unit).Format(time.DateTime)
	return testSQL{measure: bind(`
		select case when max({c}) < cast({oldest} as timestamp) or max({c}) is null then 1 else 0 end, count(*)
		from {target}`, "c", column(field), "oldest", text(oldest), "target", s.target())}, nil
}
