package quality

import (
	"errors"
	"strings"
)

// The tests that look for a parent. A row without a reference has no parent to miss and passes; not_null is for that.
var _ = register(map[string]func(*testInput) (testSQL, error){
	"relationships":       relationships,
	"relationships_where": relationshipsWhere,
})

func relationships(s *testInput) (testSQL, error) {
	return parent(s, "", "")
}

func relationshipsWhere(s *testInput) (testSQL, error) {
	from, _ := s.args.text("from_condition")
	to, _ := s.args.text("to_condition")
	return parent(s, from, to)
}

func parent(s *testInput, from, to string) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only("to", "field", "from_condition", "to_condition")); err != nil {
		return testSQL{}, err
	}
	name, errTo := s.args.mustText("to")
	field, errField := s.args.mustText("field")
	if err := errors.Join(errTo, errField); err != nil {
		return testSQL{}, err
	}
	relation, node, err := s.ref(name)
	if err != nil {
		return testSQL{}, err
	}
	if to != "" {
		to = "where " + to
	}
	// A join that finds nothing is the same plan as `not exists` on PostgreSQL and several times faster on DuckDB.
	b := testSQL{
		join: bind(`left join (select {field} as lifeline__parent from {relation} {to}) as p on p.lifeline__parent = {c}`,
			"field", strings.TrimPrefix(column(field), "t."), "relation", relation, "to", to, "c", s.column),
		cond:   bind(`{c} is not null and p.lifeline__parent is null`, "c", s.column),
		shown:  showing(s.column),
		parent: node,
	}
	if from != "" {
		b.cond = bind(`({from}) and {cond}`, "from", from, "cond", b.cond)
	}
	return b, nil
}
