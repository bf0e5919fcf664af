package lifecycle

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lifeline/project"
)

// Declaration is one file of lifecycles/: the life of a kind of record, declared once.
type Declaration struct {
	Name        string
	Description string
	Path        string // Relative to the project, with slashes.
	From        string // The model with one row per record.
	Key         string // Its column with the record's key.
	State       string // Its column with the present state; empty where the records have none.
	States      []State
	Log         *Log   // The source's own log of states; nil where it keeps none.
	History     string // A model of the states that records were in before (see docs/lifecycles.md); empty where nothing is kept.
	Parents     []Parent
	Children    []Child
	Related     []Column // Keys of everyone concerned; a column of that name's key in each table.
	Measures    []Measure
	Columns     []Column // What else the flattened table shows of a record.
	Activities  []Activity
	Legs        []Leg
	Counters    Counters
	Backlog     *Backlog
	Names       Names
	Tables      Tables
	Colocate    string // The related key by which a cluster spreads the tables; empty for the record's own.
	ColocateAt  string // Where that stands.
}

// State is a state that records may be in.
type State struct {
	Name                string
	Label               string   // What people call it; empty for the name.
	Codes               []string // The values of the column that mean it; none for the name itself.
	Open, Decided, Void bool
	Initial             bool     // Records may begin in it; the first state may always.
	Next                []string // The states that may follow; any where Any is true.
	Any                 bool
	Previous            []string // The states that it may follow; any where AfterAny is true.
	AfterAny            bool
	nextAt              project.Value
	declared            project.Value
}

// Log is the source's own log of states: a model with a row for each change, whose times are exact.
type Log struct {
	Model    string
	Key      string // Its column with the record's key.
	ID       string // Its column with its own key, which orders rows of one time; empty where there is none.
	At       string // When the record came into the state.
	State    string // The state that it came into.
	Previous string // The state before; empty where only the row before tells.
	When     []Condition
}

// Parent is a model with at most one row for each record, whose columns are named as parent.column.
type Parent struct {
	Name, Model string
	On          string // The record's column, or parent.column of a parent declared before.
	Key         string // The parent's column.
}

// Child is a model with any number of rows for each record.
type Child struct {
	Name, Model string
	On          string // The record's column; its key where none is given.
	Key         string // The child's column, or parent.column of one of its own parents.
	ID          string // The child's column with its own key; makes the identity of its activities.
	Parents     []Parent
}

// Column is a name and what it stands for: column, parent.column, or min(child.column), max(child.column), count(child).
type Column struct{ Name, Column string }

// Measure is an amount or a number of a record; amounts of two currencies are never added. Column may be sum(child.column), and Currency
// a column, child.column of the same child, or a code such as USD.
type Measure struct {
	Name, Column, Currency string
	currencyName           string // The tables' column with the currency; empty where there is none.
	shared                 bool   // A measure before it has the same currency, whose column serves both.
}

// Activity is something that happens to a record, and the date column that tells when.
type Activity struct {
	Name         string
	Each         string // The child whose rows are the activities; empty for one of the record itself.
	At           string // Empty where only changes that were seen tell the time.
	When         []Condition
	States       []string // The record must be in one of them now; the activity has led to that state.
	To           string   // The state that it leads to, whatever the record is in now.
	Basis        string   // column, proxy or imputed.
	BasisOf      string   // A column that says how At came about: source, repaired, imputed, …; instead of Basis.
	Lower, Upper string   // Columns that bound a time that is not true.
	As           string   // Its column in the flattened table; date_<name> where none is given.
	Related      []Column
	Measures     []Column
	InFact       bool // Whether the activity fact has it.
	InFlattened  bool // Whether the flattened table has it.
	declared     project.Value
}

// Condition holds where a column has one of the values; no values mean null, Not turns it round.
type Condition struct {
	Column string
	Values []string
	Not    bool
}

// Leg is the way from one activity to another; Days is its service level, 0 for none.
type Leg struct {
	Name, From, To string
	Days           int
}

// Counters are counts of activities on those who are concerned.
type Counters struct {
	By      [][]string // Related names; the last of each names the table, the others stand before it in the key.
	Windows []int      // Days.
	Counts  []Count
}

// Count counts the records, or an activity of theirs, with its sums.
type Count struct {
	Name     string
	Activity string   // Empty counts records, without windows.
	States   []string // Only records that are in one of them now.
	Sums     []Sum
}

// Sum adds up a measure of what is counted.
type Sum struct{ Name, Measure string }

// Backlog says from when to when a record waits.
type Backlog struct {
	Enter []string // Activities: the first of them that is known.
	Leave string   // An activity; a record that is in an open state now has not left.
	By    []string // Related names.
	Ages  []int    // The last day of each bucket, ascending.
}

// Names are the names of columns; {} stands for a related name.
type Names struct{ Time, Activity, Key string }

// Tables are the names of the tables; an empty one is not made.
type Tables struct{ Activity, Flattened, Intervals, Backlog, Changes, Counters string }

// Stream is a file of lifecycles/ that puts the activities of several lifecycles under each other, a row for each one concerned.
type Stream struct {
	Name, Description, Path string
	Of                      []string // Lifecycles.
	Actors                  []string // Related names, or lifecycles' own.
	Materialized            string
}

var (
	currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)
	refCall      = regexp.MustCompile(`^ref\(['"]([^'"]+)['"]\)$`)
	plainID      = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)
	ofChild      = regexp.MustCompile(`^(min|max|count)\(([a-z_][a-z0-9_]*)(?:\.([a-z_][a-z0-9_]*))?\)$`)
	sumCall      = regexp.MustCompile(`^sum\(([a-z_][a-z0-9_]*)\.([a-z_][a-z0-9_]*)\)$`)
	daysText     = regexp.MustCompile(`^([1-9][0-9]*)d$`)
)

// declarations are what the files of lifecycles/ declare.
type declarations struct {
	project    *project.Project
	lifecycles []*Declaration
	streams    []*Stream
}

// Declared are the lifecycles of a project, in the order of their files.
func Declared(p *project.Project) ([]*Declaration, error) {
	d, err := declare(p)
	if err != nil {
		return nil, err
	}
	return d.lifecycles, nil
}

// declare reads the files of lifecycles/, each strictly.
func declare(p *project.Project) (*declarations, error) {
	d := &declarations{project: p}
	files, err := p.Files([]string{"lifecycles"}, ".yml", ".yaml")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		o, err := project.ReadYAML(p.Dir, file)
		if err != nil {
			return nil, err
		}
		if o == nil || len(o.Fields) == 0 {
			continue
		}
		if _, isStream := o.Take("stream"); isStream {
			err = d.readStream(file, o)
		} else {
			err = d.readLifecycle(file, o)
		}
		if err != nil {
			return nil, err
		}
	}
	return d, d.validateStreams()
}

func (d *declarations) readLifecycle(file string, o *project.Object) error {
	r := &reader{Declaration: &Declaration{Path: file}, all: d, project: d.project, o: o}
	for _, read := range []func() error{
		r.head, r.states, r.log, r.parents, r.children, r.columns, r.activities, r.legs, r.counters, r.backlog, r.names, r.tables,
		func() error { return o.Finish(d.project) }, r.reachable,
	} {
		if err := read(); err != nil {
			return err
		}
	}
	d.lifecycles = append(d.lifecycles, r.Declaration)
	return nil
}

// register gives the project the models that the declarations stand for, still without SQL, and their checks: schema files may describe
// both like any other.
func (d *declarations) register() error {
	for _, l := range d.lifecycles {
		for _, t := range l.Tables.all() {
			description := ""
			if t == l.Tables.Activity {
				description = l.Description
			}
			if err := d.project.AddGenerated(t, l.Path, description); err != nil {
				return err
			}
		}
		for _, by := range l.Counters.By {
			if err := d.project.AddGenerated(l.CountersBy(by), l.Path, ""); err != nil {
				return err
			}
			d.project.Model(l.CountersBy(by)).Config.Materialized = "view"
		}
		for _, name := range l.Checks() {
			d.project.Tests = append(d.project.Tests, &project.Test{Name: name, Kind: project.Singular, Severity: "error", File: l.Path, Line: 1})
		}
	}
	for _, s := range d.streams {
		if err := d.project.AddGenerated(s.Name, s.Path, s.Description); err != nil {
			return err
		}
		d.project.Model(s.Name).Config.Materialized = s.Materialized
	}
	return nil
}

// PresentCheck is the check that each record is in one state.
func (l *Declaration) PresentCheck() string { return "one_present_state_per_" + l.Name }

// TransitionCheck is the check of the steps between states.
func (l *Declaration) TransitionCheck() string { return "legal_transition_of_" + l.Name }

// EventsCheck is the check of the flattened table against the activity fact.
func (l *Declaration) EventsCheck() string { return "flattened_" + l.Name + "_equals_events" }

// StateCheck is the check that each record's state is one of those declared.
func (l *Declaration) StateCheck() string { return "declared_state_of_" + l.Name }

// Checks are the checks that hold the tables together. Schema files may describe them and set their severity.
func (l *Declaration) Checks() []string {
	var out []string
	if l.State != "" {
		out = append(out, l.StateCheck())
	}
	if l.Tables.Intervals != "" {
		out = append(out, l.PresentCheck(), l.TransitionCheck())
	}
	if l.Tables.Activity != "" && l.Tables.Flattened != "" {
		out = append(out, l.EventsCheck())
	}
	return out
}

// all are the tables that are made, counters apart: those have one for each actor.
func (t Tables) all() []string {
	var out []string
	for _, name := range []string{t.Changes, t.Activity, t.Flattened, t.Intervals, t.Backlog} {
		if name != "" {
			out = append(out, name)
		}
	}
	return out
}

// CountersBy is the name of the counters of one actor.
func (l *Declaration) CountersBy(by []string) string {
	return l.Tables.Counters + "_by_" + by[len(by)-1]
}

// reader reads one file of a lifecycle.
type reader struct {
	*Declaration
	all     *declarations
	project *project.Project
	o       *project.Object
}

func (r *reader) head() error {
	if err := firstError(r.o.Text("lifecycle", &r.Name), r.o.Text("description", &r.Description)); err != nil {
		return err
	}
	if r.Name == "" {
		return r.o.Value.Problem("neither a lifecycle nor a stream", "begin with lifecycle: NAME, or stream: NAME")
	}
	if err := firstError(requireIdentifier(r.o, "lifecycle", r.Name), r.reference(r.o, "from", &r.From), r.o.Text("key", &r.Key),
		r.o.Text("state", &r.State)); err != nil {
		return err
	}
	for _, other := range r.all.lifecycles {
		if other.Name == r.Name {
			return r.o.Value.Problem(fmt.Sprintf("there are two lifecycles %q: %s and this", r.Name, other.Path), "rename one")
		}
	}
	r.Key = cmp.Or(r.Key, "id")
	if err := requireIdentifier(r.o, "key", r.Key); err != nil {
		return err
	}
	if r.State != "" {
		if err := requireIdentifier(r.o, "state", r.State); err != nil {
			return err
		}
	}
	if v, ok := r.o.Take("history"); ok && !v.IsZero() {
		if err := r.reference(r.o, "history", &r.History); err != nil {
			return err
		}
		if r.State == "" {
			return v.Problem("a history of states, and no column with the present one", "state: status")
		}
	}
	return nil
}

// requireIdentifier refuses what is not a plain SQL name, since it becomes part of the models.
func requireIdentifier(o *project.Object, key, name string) error {
	if plainID.MatchString(name) {
		return nil
	}
	v, ok := o.Take(key)
	if !ok {
		v = o.Value
	}
	return v.Problem(fmt.Sprintf("%q is not a name: lower-case letters, digits and underscores", name), key+": a_name")
}

// reference reads ref('model').
func (r *reader) reference(o *project.Object, key string, set *string) error {
	v, ok := o.Take(key)
	if !ok {
		return o.Value.Problem("there is no "+key, key+": ref('claims')")
	}
	text, err := v.Text()
	if err != nil {
		return err
	}
	m := refCall.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return v.Problem(fmt.Sprintf("%q is not a reference to a model", text), key+": ref('claims')")
	}
	if r.project.Model(m[1]) == nil {
		return v.Problem(fmt.Sprintf("%s names %q, which is not a model", key, m[1]), cmp.Or(project.Nearest(m[1], r.project.NodeNames()), "add "+
			m[1]+".sql"))
	}
	*set = m[1]
	return nil
}

// fields are the entries of the mapping below a key, each with a plain name.
func fieldsOf(o *project.Object, key string) ([]project.Field, error) {
	v, ok := o.Take(key)
	if !ok {
		return nil, nil
	}
	return namedFields(v, key)
}

func namedFields(v project.Value, key string) ([]project.Field, error) {
	inner, err := v.Object()
	if err != nil {
		return nil, err
	}
	for _, f := range inner.Fields {
		if !plainID.MatchString(f.Name) {
			return nil, f.Key.Problem(fmt.Sprintf("%q is not a name: lower-case letters, digits and underscores", f.Name), key+": {a_name: …}")
		}
	}
	return inner.Fields, nil
}

func (r *reader) states() error {
	fields, err := fieldsOf(r.o, "states")
	if err != nil {
		return err
	}
	if r.State != "" && len(fields) == 0 {
		return r.o.Value.Problem("a lifecycle with a column of states and none declared",
			"states: {draft: {}, submitted: {open: true}, approved: {decided: true}}")
	}
	if r.State == "" && len(fields) > 0 {
		return fields[0].Key.Problem("states, and no column that has them", "state: status")
	}
	for _, f := range fields {
		s, err := readState(f)
		if err != nil {
			return err
		}
		r.States = append(r.States, s)
	}
	if err := r.distinctCodes(); err != nil {
		return err
	}
	return r.knownNeighbours()
}

func readState(f project.Field) (State, error) {
	s := State{Name: f.Name, Any: true, AfterAny: true, declared: f.Key}
	inner, err := f.Object()
	if err != nil {
		return s, err
	}
	if err := firstError(flag(inner, "open", &s.Open), flag(inner, "decided", &s.Decided), flag(inner, "void", &s.Void),
		flag(inner, "initial", &s.Initial), inner.Text("label", &s.Label), inner.Texts("codes", &s.Codes)); err != nil {
		return s, err
	}
	if v, ok := inner.Take("next"); ok {
		s.Any, s.nextAt = false, v
		if s.Next, err = v.Texts(); err != nil {
			return s, err
		}
	}
	if v, ok := inner.Take("previous"); ok {
		s.AfterAny = false
		if s.Previous, err = v.Texts(); err != nil {
			return s, err
		}
	}
	if s.Open && (s.Decided || s.Void) {
		return s, f.Key.Problem(fmt.Sprintf("state %q is open and settled at once", f.Name), "open: true, or decided: true, or void: true")
	}
	return s, inner.Finish(nil)
}

// knownNeighbours refuses states before and after that are not declared.
func (r *reader) knownNeighbours() error {
	for _, s := range r.States {
		for _, next := range s.Next {
			if err := r.known(s.nextAt, next, fmt.Sprintf("next of %q", s.Name)); err != nil {
				return err
			}
		}
		for _, before := range s.Previous {
			if err := r.known(s.declared, before, fmt.Sprintf("previous of %q", s.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// distinctCodes refuses a value that would mean two states.
func (r *reader) distinctCodes() error {
	means := map[string]string{}
	for _, s := range r.States {
		for _, code := range s.Codes {
			if other, ok := means[code]; ok {
				return s.declared.Problem(fmt.Sprintf("the code %q is of two states, %s and %s", code, other, s.Name), "leave it to one of them")
			}
			means[code] = s.Name
		}
	}
	return nil
}

func flag(o *project.Object, name string, set *bool) error {
	v, ok := o.Take(name)
	if !ok {
		return nil
	}
	text, err := v.Text()
	if err != nil {
		return err
	}
	if text != "true" && text != "false" {
		return v.Problem(fmt.Sprintf("%s is %q, which is neither true nor false", name, text), name+": true")
	}
	*set = text == "true"
	return nil
}

// known refuses a state that is not declared.
func (r *reader) known(at project.Value, state, who string) error {
	names := r.stateNames()
	if slices.Contains(names, state) {
		return nil
	}
	return at.Problem(fmt.Sprintf("%s names the state %q, which is not declared", who, state),
		cmp.Or(project.Nearest(state, names), "add it under states:"))
}

func (l *Declaration) stateNames() []string {
	out := make([]string, len(l.States))
	for i, s := range l.States {
		out[i] = s.Name
	}
	return out
}

// May tells whether a record may go from a state to another.
func (s State) May(other State) bool {
	return (s.Any || slices.Contains(s.Next, other.Name)) && (other.AfterAny || slices.Contains(other.Previous, s.Name))
}

// reachable refuses a state that no record can come to: it is neither a beginning nor next to one that can be reached.
func (r *reader) reachable() error {
	reached := map[string]bool{}
	var visit func(s State)
	visit = func(s State) {
		if reached[s.Name] {
			return
		}
		reached[s.Name] = true
		for _, other := range r.States {
			if s.May(other) {
				visit(other)
			}
		}
	}
	for i, s := range r.States {
		if i == 0 || s.Initial {
			visit(s)
		}
	}
	for _, s := range r.States {
		if !reached[s.Name] {
			return s.declared.Problem(fmt.Sprintf("no record can come to the state %q", s.Name),
				"add it to next: of a state before it, or say initial: true")
		}
	}
	return nil
}
