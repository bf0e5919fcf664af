package model

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"lifeline/jinja"
	"lifeline/project"
)

// temporal is a call of temporal_join or temporal_aggregate: what an activity of the same entity adds to each row of a cohort.
type temporal struct {
	kind       string
	cohort     side
	appended   side
	id         string // The cohort's column that names its row within the entity.
	inclusive  bool
	nth        int
	columns    []appendedColumn
	aggregates []appendedAggregate
}

// side is one of the two relations.
type side struct {
	relation string
	keys     []string
	time     string
	order    []string // What orders rows of one entity and one time.
}

type appendedColumn struct{ from, as string }

type appendedAggregate struct {
	function string
	column   string // Empty for count(*).
	as       string
}

// The joins, each with how its rows are found; see temporal_sql.go.
var temporalJoins = map[string]func(*temporal) string{
	"first_ever":       (*temporal).ever,
	"last_ever":        (*temporal).ever,
	"nth_ever":         (*temporal).ever,
	"first_before":     (*temporal).ever,
	"last_after":       (*temporal).ever,
	"last_before":      (*temporal).beside,
	"first_after":      (*temporal).beside,
	"first_in_between": (*temporal).between,
	"last_in_between":  (*temporal).between,
}

var temporalAggregates = map[string]func(*temporal) string{
	"all_ever":   (*temporal).aggregateEver,
	"before":     (*temporal).aggregateBeside,
	"after":      (*temporal).aggregateBeside,
	"in_between": (*temporal).aggregateBetween,
}

var (
	identifier    = regexp.MustCompile(`^(?:[A-Za-z_][A-Za-z0-9_]*|"[^"]+")$`)
	aggregateCall = regexp.MustCompile(`^\s*(?i:(count|sum|min|max|avg|bool_or|bool_and))\s*\(\s*(\*|[A-Za-z_][A-Za-z0-9_]*|"[^"]+")\s*\)\s*$`)
)

// temporalArguments are the names that both macros take.
var temporalArguments = []string{
	"kind", "cohort", "appended", "on", "time", "order", "inclusive", "cohort_on", "cohort_time",
	"cohort_order", "cohort_id",
}

// temporalJoin answers temporal_join(kind, …): the cohort's rows, each with columns of one appended row, or nulls.
func temporalJoin(c *jinja.Call) (jinja.Value, error) {
	in := readTemporal("temporal_join", c, temporalJoins, append([]string{"columns", "nth"}, temporalArguments...))
	t := in.call
	for _, p := range in.mapping("columns", "columns={'activity_date': 'paid_at'}") {
		t.columns = append(t.columns, appendedColumn{from: in.identifier("columns", p[0]), as: in.identifier("columns", p[1])})
	}
	if nth, ok := in.given("nth"); ok {
		n, whole := nth.(int64)
		if t.nth = int(n); t.kind != "nth_ever" || !whole || t.nth < 1 {
			in.fail(errors.New("nth is for the join nth_ever, and counts from 1"), "temporal_join('nth_ever', …, nth=2)", "nth")
		}
	} else if t.kind == "nth_ever" {
		in.fail(errors.New("nth_ever needs nth"), "nth=2", "nth_ever")
	}
	return in.answer(temporalJoins[t.kind])
}

// temporalAggregate answers temporal_aggregate(kind, …): the cohort's rows, each with counts and sums over appended rows.
func temporalAggregate(c *jinja.Call) (jinja.Value, error) {
	in := readTemporal("temporal_aggregate", c, temporalAggregates, append([]string{"aggregates"}, temporalArguments...))
	t := in.call
	for _, p := range in.mapping("aggregates", "aggregates={'visits': 'count(*)', 'spent': 'sum(amount)'}") {
		m := aggregateCall.FindStringSubmatch(p[1])
		if m == nil || m[2] == "*" && !strings.EqualFold(m[1], "count") {
			in.fail(fmt.Errorf("aggregate %q must be one of count(*), count, sum, min, max, avg, bool_or, bool_and of a column", p[1]),
				"compute the value as a column of the appended rows, and aggregate that column", p[1])
			continue
		}
		t.aggregates = append(t.aggregates,
			appendedAggregate{function: strings.ToLower(m[1]), column: strings.TrimPrefix(m[2], "*"), as: in.identifier("aggregates", p[0])})
	}
	return in.answer(temporalAggregates[t.kind])
}

// temporalInput reads the arguments of a call and keeps the first complaint.
type temporalInput struct {
	name string
	args map[string]jinja.Value
	call *temporal
	err  error
	try  string
	word string
}

func readTemporal(name string, c *jinja.Call, kinds map[string]func(*temporal) string, known []string) *temporalInput {
	in := &temporalInput{name: name, args: map[string]jinja.Value{}, call: &temporal{}}
	for _, key := range c.Names {
		if !slices.Contains(known, key) {
			in.fail(unknown("argument", key, project.Nearest(key, known)), name+" takes "+strings.Join(known, ", "), key)
		}
		in.args[key] = c.Named[key]
	}
	if len(c.Args) > 0 {
		in.args["kind"] = c.Args[0]
	}
	if len(c.Args) > 1 {
		in.fail(errors.New("the kind comes first and all else by name"), name+"('"+text(c, 0)+"', cohort=…, appended=…, on='…')", name)
	}
	t := in.call
	t.kind = in.text("kind", "")
	names := slices.Sorted(maps.Keys(kinds))
	switch {
	case kinds[t.kind] != nil:
	case temporalJoins[t.kind] != nil:
		in.fail(fmt.Errorf("%s joins rows and aggregates none", t.kind),
			"temporal_join('"+t.kind+"', …), or one of "+strings.Join(names, ", "), quote(t.kind))
	case temporalAggregates[t.kind] != nil:
		in.fail(fmt.Errorf("%s aggregates rows and joins none", t.kind),
			"temporal_aggregate('"+t.kind+"', …), or one of "+strings.Join(names, ", "), quote(t.kind))
	default:
		in.fail(unknown("temporal join", t.kind, project.Nearest(t.kind, names)), "one of "+strings.Join(names, ", "), quote(t.kind))
	}
	t.appended = side{relation: in.text("appended", ""), keys: in.names("on", nil), time: in.column("time", "activity_date")}
	t.cohort = side{
		relation: in.text("cohort", ""), keys: in.names("cohort_on", t.appended.keys),
		time: in.column("cohort_time", t.appended.time),
	}
	t.appended.order = in.names("order", []string{"occurrence", "id"})
	t.cohort.order = in.names("cohort_order", t.appended.order)
	t.id = in.column("cohort_id", "id")
	if !slices.Contains(t.cohort.order, t.id) {
		t.cohort.order = append(slices.Clone(t.cohort.order), t.id)
	}
	if len(t.cohort.keys) != len(t.appended.keys) {
		in.fail(errors.New("on and cohort_on name different numbers of columns"), "name as many in cohort_on as in on", "cohort_on")
	}
	if v, ok := in.given("inclusive"); ok {
		on, isBool := v.(bool)
		if !isBool {
			in.fail(errors.New("inclusive is true or false"), "inclusive=true", "inclusive")
		}
		if strings.HasSuffix(t.kind, "_ever") {
			in.fail(fmt.Errorf("%s has no bound that could be inclusive", t.kind), "take inclusive out", "inclusive")
		}
		t.inclusive = on
	}
	return in
}

// answer is the select, or the complaint.
func (in *temporalInput) answer(build func(*temporal) string) (jinja.Value, error) {
	if in.err != nil {
		return nil, &fault{fmt.Errorf("%s: %w", in.name, in.err), in.try, in.word}
	}
	return build(in.call), nil
}

func (in *temporalInput) fail(err error, try, word string) {
	if in.err == nil {
		in.err, in.try, in.word = err, try, word
	}
}

// given is an argument that is there and not none.
func (in *temporalInput) given(name string) (jinja.Value, bool) {
	v, ok := in.args[name]
	return v, ok && v != nil
}

func (in *temporalInput) missing(name, try string) {
	in.fail(fmt.Errorf("%s is not given", name), try, in.name)
}

func (in *temporalInput) text(name, otherwise string) string {
	v, ok := in.given(name)
	if !ok {
		if otherwise == "" {
			in.missing(name, name+"='…'")
		}
		return otherwise
	}
	s, isText := v.(string)
	if r, isRelation := v.(*relation); isRelation {
		s, isText = r.text, true
	}
	if !isText || strings.TrimSpace(s) == "" {
		in.fail(fmt.Errorf("%s is not a text", name), name+"='…'", name)
	}
	return s
}

func (in *temporalInput) column(name, otherwise string) string {
	return in.identifier(name, in.text(name, otherwise))
}

func (in *temporalInput) identifier(name, column string) string {
	if !identifier.MatchString(column) {
		in.fail(fmt.Errorf("%q in %s is not a column's name", column, name), "compute it under a name of its own in the rows that are joined",
			quote(column))
	}
	return column
}

// names are one column, or a list of them.
func (in *temporalInput) names(name string, otherwise []string) []string {
	v, ok := in.given(name)
	if !ok {
		if otherwise == nil {
			in.missing(name, name+"='dim_claim_id'")
		}
		return otherwise
	}
	list, isList := jinja.ToGo(v).([]any)
	if !isList {
		return []string{in.column(name, "")}
	}
	if len(list) == 0 {
		in.missing(name, name+"='dim_claim_id'")
	}
	var out []string
	for _, e := range list {
		out = append(out, in.identifier(name, fmt.Sprint(e)))
	}
	return out
}

// mapping are the pairs of a mapping of texts, in the order in which they are written.
func (in *temporalInput) mapping(name, try string) [][2]string {
	v, ok := in.given(name)
	if !ok {
		in.missing(name, try)
		return nil
	}
	d, isDict := v.(*jinja.Dict)
	if !isDict || d.Len() == 0 {
		in.fail(fmt.Errorf("%s is not a mapping of names", name), try, name)
		return nil
	}
	var out [][2]string
	for k, v := range d.All() {
		out = append(out, [2]string{fmt.Sprint(k), fmt.Sprint(v)})
	}
	return out
}
