package project

import (
	"fmt"
	"regexp"
	"strings"
)

// Lifecycle is one file of lifecycles/: the life of a kind of record, declared once. Package lifecycle makes models of it.
type Lifecycle struct {
	Name       string
	Path       string // Relative to the project, with slashes.
	From       string // The model with one row per record.
	Key        string // Its column with the record's key.
	State      string // Its column with the present state.
	States     []string
	Parents    []LifecycleParent
	Related    []LifecycleColumn // Keys of everyone concerned; the activity fact calls them dim_<name>_id.
	Measures   []LifecycleColumn // The name is the column's in the fact.
	Activities []LifecycleActivity
	Legs       []LifecycleLeg
	Activity   string // Name of the activity fact.
	Flattened  string // Name of the flattened table.
}

// LifecycleParent is a model whose columns a lifecycle may name as parent.column.
type LifecycleParent struct{ Name, Model, On, Key string }

// LifecycleColumn is a name and the column that it stands for: "column", or "parent.column".
type LifecycleColumn struct{ Name, Column string }

// LifecycleActivity is a step and the date column that tells when it was taken.
type LifecycleActivity struct {
	Name   string
	At     string   // "column" or "parent.column".
	States []string // The record must be in one of them now; the activity then leads to that state. Empty for any.
	Basis  string   // column or proxy.
}

// LifecycleLeg is the way from one activity to another.
type LifecycleLeg struct{ Name, From, To string }

var (
	refCall = regexp.MustCompile(`^ref\(['"]([^'"]+)['"]\)$`)
	plainID = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)
)

// readLifecycles reads the files of lifecycles/, each strictly.
func (p *Project) readLifecycles() error {
	files, err := p.find([]string{"lifecycles"}, ".yml", ".yaml")
	if err != nil {
		return err
	}
	for _, file := range files {
		o, err := readYAML(p.Dir, file)
		if err != nil {
			return err
		}
		if o == nil {
			continue
		}
		l := &Lifecycle{Path: file}
		if err := l.read(p, o); err != nil {
			return err
		}
		p.Lifecycles = append(p.Lifecycles, l)
	}
	return nil
}

func (l *Lifecycle) read(p *Project, o *object) error {
	var from string
	if err := firstError(o.text("lifecycle", &l.Name), l.reference(p, o, "from", &from)); err != nil {
		return err
	}
	if err := firstError(l.name(o, l.Name, "lifecycle: claim"), o.text("key", &l.Key), o.text("state", &l.State)); err != nil {
		return err
	}
	l.From = from
	if err := firstError(l.name(o, l.Key, "key: id"), l.name(o, l.State, "state: status")); err != nil {
		return err
	}
	return firstError(l.readStates(o), l.readParents(p, o), l.readColumns(o, "related", &l.Related), l.readColumns(o, "measures", &l.Measures),
		l.readActivities(o), l.readLegs(o), l.readTables(o), o.finish(p))
}

// name refuses what is no plain name of SQL, since it becomes part of the models.
func (l *Lifecycle) name(o *object, name, try string) error {
	if !plainID.MatchString(name) {
		return o.value.problem(fmt.Sprintf("%q is no name: lower-case letters, digits and underscores", name), try)
	}
	return nil
}

func (l *Lifecycle) reference(p *Project, o *object, key string, set *string) error {
	v, _ := o.take(key)
	text := ""
	if v.node != nil {
		var err error
		if text, err = v.text(); err != nil {
			return err
		}
	} else {
		v = o.value
	}
	m := refCall.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return v.problem(fmt.Sprintf("%s is no reference to a model", key), key+": ref('claims')")
	}
	if p.Model(m[1]) == nil {
		return v.problem(fmt.Sprintf("%s names %q, which is no model", key, m[1]), orElse(Nearest(m[1], p.names()), "add "+m[1]+".sql"))
	}
	*set = m[1]
	return nil
}

// fields are the entries of the mapping below a key.
func (l *Lifecycle) fields(o *object, key string) ([]field, error) {
	v, ok := o.take(key)
	if !ok {
		return nil, nil
	}
	inner, err := v.object()
	if err != nil {
		return nil, err
	}
	for _, f := range inner.fields {
		if !plainID.MatchString(f.name) {
			return nil, f.key.problem(fmt.Sprintf("%q is no name: lower-case letters, digits and underscores", f.name), key+": {name: …}")
		}
	}
	return inner.fields, nil
}

func (l *Lifecycle) readStates(o *object) error {
	v, ok := o.take("states")
	if !ok {
		return o.value.problem("a lifecycle without states", "states: [draft, submitted, approved]")
	}
	var err error
	l.States, err = v.texts()
	return err
}

func (l *Lifecycle) readParents(p *Project, o *object) error {
	fields, err := l.fields(o, "parents")
	for _, f := range fields {
		inner, err := f.value.object()
		if err != nil {
			return err
		}
		parent := LifecycleParent{Name: f.name}
		if err := firstError(l.reference(p, inner, "from", &parent.Model), inner.text("on", &parent.On), inner.text("key", &parent.Key)); err != nil {
			return err
		}
		if err := firstError(l.name(inner, parent.On, "on: treatment_id"), l.name(inner, parent.Key, "key: id"), inner.finish(p)); err != nil {
			return err
		}
		l.Parents = append(l.Parents, parent)
	}
	return err
}

// column checks a "column" or "parent.column".
func (l *Lifecycle) column(v value, text string) error {
	parent, column, dotted := strings.Cut(text, ".")
	if !dotted {
		parent, column = "", text
	}
	if !plainID.MatchString(column) {
		return v.problem(fmt.Sprintf("%q is no column", text), "date_created, or treatment.date_created of a parent")
	}
	var known []string
	for _, p := range l.Parents {
		known = append(known, p.Name)
	}
	if dotted && !contains(known, parent) {
		return v.problem(fmt.Sprintf("%q names the parent %q, which is not declared", text, parent), orElse(Nearest(parent, known), "declare it under parents:"))
	}
	return nil
}

func (l *Lifecycle) readColumns(o *object, key string, set *[]LifecycleColumn) error {
	fields, err := l.fields(o, key)
	for _, f := range fields {
		text, err := f.value.text()
		if err != nil {
			return err
		}
		if err := l.column(f.value, text); err != nil {
			return err
		}
		*set = append(*set, LifecycleColumn{Name: f.name, Column: text})
	}
	return err
}

func (l *Lifecycle) readActivities(o *object) error {
	fields, err := l.fields(o, "activities")
	if err != nil {
		return err
	}
	if len(fields) == 0 {
		return o.value.problem("a lifecycle without activities", "activities: {created: {at: date_created}}")
	}
	for _, f := range fields {
		inner, err := f.value.object()
		if err != nil {
			return err
		}
		a := LifecycleActivity{Name: f.name, Basis: "column"}
		if err := firstError(inner.text("at", &a.At), inner.texts("state", &a.States), inner.text("basis", &a.Basis), inner.finish(nil)); err != nil {
			return err
		}
		if err := l.column(f.value, a.At); err != nil {
			return err
		}
		if a.Basis != "column" && a.Basis != "proxy" {
			return f.value.problem(fmt.Sprintf("basis %q: a date column is column or proxy", a.Basis), "basis: proxy")
		}
		for _, s := range a.States {
			if !contains(l.States, s) {
				return f.value.problem(fmt.Sprintf("activity %q leads to the state %q, which is not declared", a.Name, s), orElse(Nearest(s, l.States), "add it under states:"))
			}
		}
		l.Activities = append(l.Activities, a)
	}
	return nil
}

func (l *Lifecycle) readLegs(o *object) error {
	fields, err := l.fields(o, "legs")
	var known []string
	for _, a := range l.Activities {
		known = append(known, a.Name)
	}
	for _, f := range fields {
		steps, err := f.value.texts()
		if err != nil {
			return err
		}
		if len(steps) != 2 {
			return f.value.problem(fmt.Sprintf("leg %q has not two activities", f.name), f.name+": [created, decided]")
		}
		for _, s := range steps {
			if !contains(known, s) {
				return f.value.problem(fmt.Sprintf("leg %q names %q, which is no activity", f.name, s), orElse(Nearest(s, known), "declare it under activities:"))
			}
		}
		l.Legs = append(l.Legs, LifecycleLeg{f.name, steps[0], steps[1]})
	}
	return err
}

func (l *Lifecycle) readTables(o *object) error {
	l.Activity, l.Flattened = "fct_"+l.Name+"_activity", "dim_"+l.Name+"_lifecycle"
	v, ok := o.take("tables")
	if !ok {
		return nil
	}
	inner, err := v.object()
	if err != nil {
		return err
	}
	if err := firstError(inner.text("activity", &l.Activity), inner.text("flattened", &l.Flattened)); err != nil {
		return err
	}
	return firstError(l.name(inner, l.Activity, "activity: fct_claims_activity"), l.name(inner, l.Flattened, "flattened: dim_claims_lifecycle"), inner.finish(nil))
}
