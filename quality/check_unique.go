package quality

import "errors"

// The tests that compare the rows of one table with each other. All rows of a repeated value are bad, because nothing says
// which of them is the right one.
var _ = register(map[string]func(*testInput) (testSQL, error){
	"unique":                        unique,
	"unique_combination_of_columns": uniqueCombination,
	"sequential_values":             sequentialValues,
})

func unique(s *testInput) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only()); err != nil {
		return testSQL{}, err
	}
	return testSQL{
		repeated: []string{s.column},
		shown:    showing(s.column),
	}, nil
}

func uniqueCombination(s *testInput) (testSQL, error) {
	if err := s.args.only("combination_of_columns", "quote_columns"); err != nil {
		return testSQL{}, err
	}
	columns, err := s.args.list("combination_of_columns")
	if err != nil {
		return testSQL{}, err
	}
	return combination(columns)
}

func combination(columns []any) (testSQL, error) {
	if len(columns) == 0 {
		return testSQL{}, errors.New("the list of columns is empty")
	}
	b := testSQL{nulls: true}
	for _, c := range columns {
		b.repeated = append(b.repeated, column(scalar(c)))
	}
	b.shown = evidence{values: b.repeated, between: ", ", nulls: true}
	return b, nil
}

// sequentialValues fails by the values that do not follow the one before them by the interval.
func sequentialValues(s *testInput) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only("interval")); err != nil {
		return testSQL{}, err
	}
	interval, ok := s.args.text("interval")
	if !ok {
		interval = "1"
	}
	return testSQL{measure: bind(`
		select count(case when g.v <> g.before + {interval} then 1 end), count(*)
		from (
		    select {c} as v, lag({c}) over (order by {c}) as before
		    from {target}
		) as g`, "c", s.column, "interval", interval, "target", s.target())}, nil
}
