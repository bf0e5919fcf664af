package quality

import (
	"errors"
	"fmt"
	"strings"
)

// The tests of one row or of two joined rows that dbt's packages lack: what came of a value on its way in, and the order of times.
var _ = register(map[string]func(*testInput) (testSQL, error){
	"present":       present,
	"null_literals": nullLiterals,
	"control_chars": controlChars,
	"future_date":   futureDate,
	"date_floor":    dateFloor,
	"zero_date":     zeroDate,
	"partial_date":  partialDate,
	"cast_failure":  castFailure,
	"time_order":    timeOrder,
	"same_as":       sameAs,
})

// present takes a null and a blank text as bad.
func present(s *testInput) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only()); err != nil {
		return testSQL{}, err
	}
	return oneRow(s, bind(`{c} is null or trim({c}) = ''`, "c", s.column)), nil
}

// nullWords are what people and programs write where they have nothing.
var nullWords = []any{"NULL", "Null", "null", `\N`, "N/A", "n/a", "NA", "None", "none", "nil", "-", "?"}

// nullLiterals takes a text as bad that is blank or a word for nothing.
func nullLiterals(s *testInput) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only("words")); err != nil {
		return testSQL{}, err
	}
	words := nullWords
	if s.args["words"] != nil {
		var err error
		if words, err = s.args.list("words"); err != nil {
			return testSQL{}, err
		}
	}
	set := list(words, func(v any) string { return text(scalar(v)) })
	return oneRow(s, bind(`trim({c}) in ('', {words})`, "c", s.column, "words", set)), nil
}

// controlChars takes a text as bad that holds a tab, a line feed, a carriage return, a no-break space or a byte order mark.
func controlChars(s *testInput) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only()); err != nil {
		return testSQL{}, err
	}
	return oneRow(s, bind(`{c} <> translate({c}, chr(9) || chr(10) || chr(13) || chr(160) || chr(65279), '')`, "c", s.column)), nil
}

// futureDate takes a time as bad that is later than so many hours after the source was read; 24 where none are given, because a
// source's clock and its time zone may be off.
func futureDate(s *testInput) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only("hours")); err != nil {
		return testSQL{}, err
	}
	hours := 24
	if err := s.args.number("hours", &hours); err != nil {
		return testSQL{}, err
	}
	now := s.now.UTC().Format("2006-01-02 15:04:05")
	return oneRow(s, bind(`{c} > timestamp {now} + interval '{hours} hours'`,
		"c", s.column, "now", text(now), "hours", fmt.Sprint(hours))), nil
}

// dateFloor takes a time before min as bad.
func dateFloor(s *testInput) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only("min")); err != nil {
		return testSQL{}, err
	}
	floor, err := s.args.mustText("min")
	if err != nil {
		return testSQL{}, err
	}
	return oneRow(s, bind(`{c} < timestamp {floor}`, "c", s.column, "floor", text(floor))), nil
}

// The forms that a date takes in _raw, after the column's name.
const (
	rawZero    = `{raw} like '%"{name}":"0000-00-00%'`
	rawPartial = `({raw} like '%"{name}":"____-00-%' or {raw} like '%"{name}":"____-__-00%' or {raw} like '%"{name}":"0000-%')`
	rawAny     = `{raw} like '%"{name}":%'`
)

// name is the column's name as _raw spells it.
func (s *testInput) name() string { return strings.Trim(strings.TrimPrefix(s.column, "t."), `"`) }

// zeroDate takes a row of a source table as bad whose date was 0000-00-00. With count_only the rows are counted and not listed, for
// a column in which it stands for "none" in millions of rows.
func zeroDate(s *testInput) (testSQL, error) { return lost(s, rawZero) }

// partialDate takes a row of a source table as bad whose date had no month, no day or no year.
func partialDate(s *testInput) (testSQL, error) { return lost(s, rawPartial+` and not `+rawZero) }

// castFailure takes a row as bad whose value did not fit the declared type: it is null, its text is kept in _raw. Zero and partial
// dates are tests of their own. On a model, of names the source table and key the column that both share.
func castFailure(s *testInput) (testSQL, error) {
	cond := rawAny + ` and not ` + rawZero + ` and not ` + rawPartial
	if s.args["of"] == nil {
		return lost(s, cond)
	}
	if err := errors.Join(s.needColumn(), s.args.only("of", "key", "column")); err != nil {
		return testSQL{}, err
	}
	of, errOf := s.args.mustText("of")
	key, errKey := s.args.mustText("key")
	if err := errors.Join(errOf, errKey); err != nil {
		return testSQL{}, err
	}
	relation, _, err := s.ref(of)
	if err != nil {
		return testSQL{}, err
	}
	name, ok := s.args.text("column")
	if !ok {
		name = s.name()
	}
	return testSQL{
		join: bind(`inner join (
		    select {key} as lifeline__key, min(_raw) as lifeline__text
		    from {relation}
		    where {cond}
		    group by {key}
		) as p on p.lifeline__key = t.{key}`, "key", written(key), "relation", relation,
			"cond", bind(cond, "raw", "_raw", "name", name)),
		cond:  `p.lifeline__text is not null`,
		shown: showing(`p.lifeline__text`),
	}, nil
}

// lost makes the SQL of a condition on what _raw kept of a column.
func lost(s *testInput, cond string) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only("count_only")); err != nil {
		return testSQL{}, err
	}
	only, err := s.args.bool("count_only", false)
	if err != nil {
		return testSQL{}, err
	}
	b := oneRow(s, bind(cond, "raw", `t."_raw"`, "name", s.name()))
	b.shown = showing(`t."_raw"`)
	if only {
		return testSQL{measure: bind(`
		select count(case when {cond} then 1 end), count(*)
		from {target}`, "cond", b.cond, "target", s.target())}, nil
	}
	return b, nil
}

// timeOrder takes a row as bad in which earlier comes after later by more than a tolerance in minutes, 5 where none is given. With
// parent, earlier is a column of the row's parent: parent's field is the row's key.
func timeOrder(s *testInput) (testSQL, error) {
	if err := s.args.only("earlier", "later", "tolerance", "parent", "field", "key"); err != nil {
		return testSQL{}, err
	}
	earlier, errEarlier := s.args.mustText("earlier")
	later, errLater := s.args.mustText("later")
	minutes := 5
	if err := errors.Join(errEarlier, errLater, s.args.number("tolerance", &minutes)); err != nil {
		return testSQL{}, err
	}
	b, before := testSQL{alone: true}, column(earlier)
	if s.args["parent"] != nil {
		join, err := s.parentRow(written(earlier))
		if err != nil {
			return testSQL{}, err
		}
		b, before = testSQL{join: join}, "p.lifeline__value"
	}
	b.cond = bind(`{before} > {later} + interval '{minutes} minutes'`, "before", before, "later", column(later), "minutes",
		fmt.Sprint(minutes))
	b.shown = evidence{values: []string{before, column(later)}, between: " before "}
	return b, nil
}

// parentRow joins a column of the row's parent as p.lifeline__value.
func (s *testInput) parentRow(value string) (string, error) {
	name, errParent := s.args.mustText("parent")
	field, errField := s.args.mustText("field")
	key, errKey := s.args.mustText("key")
	if err := errors.Join(errParent, errField, errKey); err != nil {
		return "", err
	}
	relation, _, err := s.ref(name)
	if err != nil {
		return "", err
	}
	return bind(`inner join (select {field} as lifeline__key, {value} as lifeline__value from {relation}) as p on p.lifeline__key = {key}`,
		"field", written(field), "value", value, "relation", relation, "key", column(key)), nil
}

// sameAs takes a row as bad whose value is another than that of its parent; where either is null it says nothing.
func sameAs(s *testInput) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only("parent", "field", "key", "column")); err != nil {
		return testSQL{}, err
	}
	name, ok := s.args.text("column")
	if !ok {
		name = s.name()
	}
	join, err := s.parentRow(written(name))
	if err != nil {
		return testSQL{}, err
	}
	return testSQL{
		join:  join,
		cond:  bind(`p.lifeline__value <> {c}`, "c", s.column),
		shown: evidence{values: []string{s.column, "p.lifeline__value"}, between: " and not "},
	}, nil
}
