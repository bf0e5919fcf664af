package quality

import (
	"errors"
	"fmt"
	"strings"
)

// The tests of one row by itself: each is a condition that needs no other row, so all of a table are counted in one scan.
var _ = register(map[string]func(*testInput) (testSQL, error){
	"not_null":            notNull,
	"accepted_values":     acceptedValues,
	"not_accepted_values": notAcceptedValues,
	"not_empty_string":    notEmptyString,
	"expression_is_true":  expressionIsTrue,
	"accepted_range":      acceptedRange,
})

// oneRow makes the SQL of a condition on one row.
func oneRow(s *testInput, cond string) testSQL {
	b := testSQL{cond: cond, alone: true}
	if s.column != "" {
		b.shown = showing(s.column)
	}
	return b
}

func notNull(s *testInput) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only()); err != nil {
		return testSQL{}, err
	}
	b := oneRow(s, bind(`{c} is null`, "c", s.column))
	b.shown = evidence{}
	return b, nil
}

func notEmptyString(s *testInput) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only("trim_whitespace")); err != nil {
		return testSQL{}, err
	}
	trim, err := s.args.bool("trim_whitespace", true)
	if err != nil {
		return testSQL{}, err
	}
	if trim {
		return oneRow(s, bind(`trim({c}) = ''`, "c", s.column)), nil
	}
	return oneRow(s, bind(`{c} = ''`, "c", s.column)), nil
}

func acceptedValues(s *testInput) (testSQL, error) {
	return values(s, "values", "quote", `{c} not in ({values})`)
}

func notAcceptedValues(s *testInput) (testSQL, error) {
	return values(s, "values", "quote", `{c} in ({values})`)
}

// values compiles a test of a column against a set. A null is in no set and passes, as in dbt.
func values(s *testInput, name, quoting, cond string) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only(name, quoting)); err != nil {
		return testSQL{}, err
	}
	items, err := s.args.list(name)
	if err != nil {
		return testSQL{}, err
	}
	if len(items) == 0 {
		return testSQL{}, fmt.Errorf("the argument %q is an empty list", name)
	}
	quoted, err := s.args.bool(quoting, true)
	if err != nil {
		return testSQL{}, err
	}
	set := list(items, func(v any) string {
		if quoted {
			return text(scalar(v))
		}
		return scalar(v)
	})
	return oneRow(s, bind(cond, "c", s.column, "values", set)), nil
}

// expressionIsTrue takes rows for which the expression is false as bad; where it is null it says nothing, as in dbt_utils.
func expressionIsTrue(s *testInput) (testSQL, error) {
	if err := s.args.only("expression"); err != nil {
		return testSQL{}, err
	}
	expression, err := s.args.mustText("expression")
	if err != nil {
		return testSQL{}, err
	}
	return oneRow(s, bind(`not ({c}{expression})`, "c", strings.TrimLeft(s.column+" ", " "), "expression", expression)), nil
}

func acceptedRange(s *testInput) (testSQL, error) {
	return between(s, s.column, inclusive)
}

// The flags of a range: dbt_utils says inclusive, dbt_expectations strictly, which turns its meaning round.
const (
	inclusive = "inclusive"
	strictly  = "strictly"
)

// between compiles min_value and max_value, one of which may be missing, on an expression.
func between(s *testInput, value, flag string) (testSQL, error) {
	strict := flag == strictly
	if err := errors.Join(s.needColumn(), s.args.only("min_value", "max_value", flag)); err != nil {
		return testSQL{}, err
	}
	open, err := s.args.bool(flag, !strict)
	if err != nil {
		return testSQL{}, err
	}
	equal := ""
	if open == strict {
		equal = "="
	}
	var parts []string
	if low, ok := s.args.text("min_value"); ok {
		parts = append(parts, bind(`{v} <{equal} {bound}`, "v", value, "equal", equal, "bound", low))
	}
	if high, ok := s.args.text("max_value"); ok {
		parts = append(parts, bind(`{v} >{equal} {bound}`, "v", value, "equal", equal, "bound", high))
	}
	if len(parts) == 0 {
		return testSQL{}, errors.New("give min_value, max_value or both")
	}
	return oneRow(s, strings.Join(parts, " or ")), nil
}
