package project

import (
	"fmt"
	"slices"
	"strings"
)

func (r *lifeReader) parents() (err error) {
	r.Parents, err = r.parentsOf(r.o)
	return err
}

func (r *lifeReader) parentsOf(o *object) ([]LifecycleParent, error) {
	fields, err := fieldsOf(o, "parents")
	if err != nil {
		return nil, err
	}
	var out []LifecycleParent
	for _, f := range fields {
		inner, err := f.object()
		if err != nil {
			return nil, err
		}
		parent := LifecycleParent{Name: f.name}
		if err := firstError(r.reference(inner, "from", &parent.Model), inner.text("on", &parent.On), inner.text("key", &parent.Key)); err != nil {
			return nil, err
		}
		parent.Key = orElse(parent.Key, "id")
		if err := firstError(column(f.value, parent.On, out), requireIdentifier(inner, "key", parent.Key), inner.finish(nil)); err != nil {
			return nil, err
		}
		out = append(out, parent)
	}
	return out, nil
}

func (r *lifeReader) children() error {
	fields, err := fieldsOf(r.o, "children")
	if err != nil {
		return err
	}
	for _, f := range fields {
		inner, err := f.object()
		if err != nil {
			return err
		}
		c := LifecycleChild{Name: f.name}
		if err := firstError(r.reference(inner, "from", &c.Model), inner.text("on", &c.On), inner.text("key", &c.Key), inner.text("id", &c.ID)); err != nil {
			return err
		}
		c.On, c.ID = orElse(c.On, r.Key), orElse(c.ID, "id")
		if c.Parents, err = r.parentsOf(inner); err != nil {
			return err
		}
		if c.Key == "" {
			return f.key.problem(fmt.Sprintf("child %q does not say which of its columns has the record's %s", f.name, c.On), "key: "+r.Name+"_id")
		}
		if err := firstError(column(f.value, c.Key, c.Parents), requireIdentifier(inner, "on", c.On), requireIdentifier(inner, "id", c.ID), inner.finish(nil)); err != nil {
			return err
		}
		r.Children = append(r.Children, c)
	}
	return nil
}

// Child finds a declared child; nil where there is none.
func (l *Lifecycle) Child(name string) *LifecycleChild {
	for i := range l.Children {
		if l.Children[i].Name == name {
			return &l.Children[i]
		}
	}
	return nil
}

// column checks a "column" or "parent.column".
func column(v value, text string, parents []LifecycleParent) error {
	parent, name, dotted := strings.Cut(text, ".")
	if !dotted {
		parent, name = "", text
	}
	if !plainID.MatchString(name) {
		return v.problem(fmt.Sprintf("%q is no column", text), "date_created, or treatment.date_created of a parent")
	}
	var known []string
	for _, p := range parents {
		known = append(known, p.Name)
	}
	if dotted && !slices.Contains(known, parent) {
		return v.problem(fmt.Sprintf("%q names the parent %q, which is not declared", text, parent), orElse(Nearest(parent, known), "declare it under parents:"))
	}
	return nil
}

func (r *lifeReader) columns() error {
	var err error
	if r.Related, err = r.columnsOf(r.o, "related", r.Parents, true); err != nil {
		return err
	}
	if r.Columns, err = r.columnsOf(r.o, "columns", r.Parents, true); err != nil {
		return err
	}
	fields, err := fieldsOf(r.o, "measures")
	if err != nil {
		return err
	}
	for _, f := range fields {
		m := LifecycleMeasure{Name: f.name, Column: f.name}
		inner, err := f.object()
		if err != nil {
			return err
		}
		if err := firstError(inner.text("column", &m.Column), inner.text("currency", &m.Currency), inner.finish(nil)); err != nil {
			return err
		}
		if m.Column != "" {
			if err := column(f.value, m.Column, r.Parents); err != nil {
				return err
			}
		}
		if m.Currency != "" {
			if err := column(f.value, m.Currency, r.Parents); err != nil {
				return err
			}
		}
		r.Measures = append(r.Measures, m)
	}
	return nil
}

// columnsOf reads name: column entries; of children only where they may stand.
func (r *lifeReader) columnsOf(o *object, key string, parents []LifecycleParent, children bool) ([]LifecycleColumn, error) {
	fields, err := fieldsOf(o, key)
	if err != nil {
		return nil, err
	}
	var out []LifecycleColumn
	for _, f := range fields {
		text, err := f.text()
		if err != nil {
			return nil, err
		}
		m := ofChild.FindStringSubmatch(text)
		switch {
		case text == "" && key == "related" && children: // Only activities have it.
		case m == nil || !children:
			err = column(f.value, text, parents)
		case r.Child(m[2]) == nil:
			err = f.problem(fmt.Sprintf("%q names the child %q, which is not declared", text, m[2]), orElse(Nearest(m[2], r.childNames()), "declare it under children:"))
		case (m[1] == "count") != (m[3] == ""):
			err = f.problem(fmt.Sprintf("%q: count takes a child, min and max one of its columns", text), "count(invoice), min(invoice.id)")
		}
		if err != nil {
			return nil, err
		}
		out = append(out, LifecycleColumn{Name: f.name, Column: text})
	}
	return out, nil
}

func (l *Lifecycle) childNames() []string {
	var out []string
	for _, c := range l.Children {
		out = append(out, c.Name)
	}
	return out
}

func (r *lifeReader) activities() error {
	fields, err := fieldsOf(r.o, "activities")
	if err != nil {
		return err
	}
	if len(fields) == 0 {
		return r.o.value.problem("a lifecycle without activities", "activities: {created: {at: date_created}}")
	}
	for _, f := range fields {
		a := LifecycleActivity{Name: f.name, declared: f.key, InFact: true, InFlattened: true}
		if err := r.activity(f, &a); err != nil {
			return err
		}
		if slices.ContainsFunc(r.Activities, func(b LifecycleActivity) bool { return b.As == a.As && a.InFlattened && b.InFlattened }) {
			return f.key.problem(fmt.Sprintf("two activities have the column %q in the flattened table", a.As), "as: date_of_it")
		}
		r.Activities = append(r.Activities, a)
	}
	return nil
}

func (r *lifeReader) activity(f field, a *LifecycleActivity) error {
	inner, err := f.object()
	if err != nil {
		return err
	}
	if err := firstError(inner.text("at", &a.At), inner.text("each", &a.Each), inner.texts("state", &a.States), inner.text("to", &a.To),
		inner.text("basis", &a.Basis), inner.text("basis_of", &a.BasisOf), inner.text("lower", &a.Lower), inner.text("upper", &a.Upper),
		inner.text("as", &a.As), flag(inner, "fact", &a.InFact), flag(inner, "flattened", &a.InFlattened)); err != nil {
		return err
	}
	a.As = orElse(a.As, "date_"+a.Name)
	parents := r.Parents
	if a.Each != "" {
		c := r.Child(a.Each)
		if c == nil {
			return f.problem(fmt.Sprintf("activity %q is of each %q, which is no child", a.Name, a.Each), orElse(Nearest(a.Each, r.childNames()), "declare it under children:"))
		}
		parents = c.Parents
	}
	if a.At == "" {
		return f.key.problem(fmt.Sprintf("activity %q does not say when it happened", a.Name), "at: date_created")
	}
	for _, c := range []string{a.At, a.BasisOf, a.Lower, a.Upper} {
		if c == "" {
			continue
		}
		if err := column(f.value, c, parents); err != nil {
			return err
		}
	}
	if a.Related, err = r.columnsOf(inner, "related", parents, false); err != nil {
		return err
	}
	if a.Measures, err = r.columnsOf(inner, "measures", parents, false); err != nil {
		return err
	}
	if err := firstError(r.conditions(inner, parents, a), requireIdentifier(inner, "as", a.As), inner.finish(nil)); err != nil {
		return err
	}
	return r.validate(f, a)
}

// validate refuses what does not go together.
func (r *lifeReader) validate(f field, a *LifecycleActivity) error {
	for _, s := range append(slices.Clone(a.States), a.To) {
		if s != "" {
			if err := r.known(f.value, s, fmt.Sprintf("activity %q", a.Name)); err != nil {
				return err
			}
		}
	}
	if len(a.States) > 0 && (a.To != "" || a.Each != "") {
		return f.problem(fmt.Sprintf("activity %q: state is of the record itself, and it leads to one state only", a.Name), "to: approved, without state")
	}
	if a.Basis != "" && a.BasisOf != "" {
		return f.problem(fmt.Sprintf("activity %q has a basis and a column that tells it", a.Name), "take one out")
	}
	if a.BasisOf == "" {
		a.Basis = orElse(a.Basis, "column")
	}
	if a.Basis != "" && !slices.Contains([]string{"column", "proxy", "imputed"}, a.Basis) {
		return f.problem(fmt.Sprintf("basis %q: a date column is column, proxy or imputed", a.Basis), "basis: proxy")
	}
	for _, list := range []struct {
		key  string
		of   []LifecycleColumn
		have []string
	}{{"related", a.Related, namesOfColumns(r.Related)}, {"measures", a.Measures, r.measureNames()}} {
		for _, c := range list.of {
			if !slices.Contains(list.have, c.Name) {
				return f.problem(fmt.Sprintf("%s of activity %q has %q, which the lifecycle has not", list.key, a.Name, c.Name),
					orElse(Nearest(c.Name, list.have), "declare it under "+list.key+": of the lifecycle"))
			}
		}
	}
	return nil
}

// measureNames are the measures and their currencies, as the tables call them.
func (l *Lifecycle) measureNames() []string {
	var out []string
	for _, m := range l.Measures {
		out = append(out, m.Name)
		if m.Currency != "" {
			out = append(out, m.CurrencyName())
		}
	}
	return out
}

// CurrencyName is the column of the tables that has the measure's currency; empty where there is none.
func (m LifecycleMeasure) CurrencyName() string {
	return m.Currency[strings.LastIndexByte(m.Currency, '.')+1:]
}

// CurrencyColumn is the record's column with the currency; empty where only activities have the measure.
func (m LifecycleMeasure) CurrencyColumn() string {
	if m.Column == "" {
		return ""
	}
	return m.Currency
}

func namesOfColumns(list []LifecycleColumn) []string {
	var out []string
	for _, c := range list {
		out = append(out, c.Name)
	}
	return out
}

// conditions reads when: {event: [login], repeat_of: null, deliverer_id: not null}.
func (r *lifeReader) conditions(o *object, parents []LifecycleParent, a *LifecycleActivity) error {
	v, ok := o.take("when")
	if !ok {
		return nil
	}
	inner, err := v.object()
	if err != nil {
		return err
	}
	for _, f := range inner.fields {
		if err := column(f.key, f.name, parents); err != nil {
			return err
		}
		c := LifecycleCondition{Column: f.name}
		if c.Values, err = f.texts(); err != nil {
			return err
		}
		if len(c.Values) == 1 && (c.Values[0] == "not null" || c.Values[0] == "") {
			c.Not, c.Values = c.Values[0] == "not null", nil
		}
		a.When = append(a.When, c)
	}
	return nil
}

// Activity finds a declared activity; nil where there is none.
func (l *Lifecycle) Activity(name string) *LifecycleActivity {
	for i := range l.Activities {
		if l.Activities[i].Name == name {
			return &l.Activities[i]
		}
	}
	return nil
}

// step refuses an activity that is not declared, or not shown in the flattened table.
func (r *lifeReader) step(v value, name, who string) error {
	var known []string
	for _, a := range r.Activities {
		known = append(known, a.Name)
	}
	if !slices.Contains(known, name) {
		return v.problem(fmt.Sprintf("%s names %q, which is no activity", who, name), orElse(Nearest(name, known), "declare it under activities:"))
	}
	return nil
}

func (r *lifeReader) legs() error {
	fields, err := fieldsOf(r.o, "legs")
	if err != nil {
		return err
	}
	for _, f := range fields {
		steps, err := f.texts()
		if err != nil {
			return err
		}
		if len(steps) != 2 || steps[0] == steps[1] {
			return f.problem(fmt.Sprintf("leg %q has not two activities", f.name), f.name+": [created, decided]")
		}
		for _, s := range steps {
			if err := r.step(f.value, s, fmt.Sprintf("leg %q", f.name)); err != nil {
				return err
			}
		}
		r.Legs = append(r.Legs, LifecycleLeg{Name: f.name, From: steps[0], To: steps[1]})
	}
	levels, err := fieldsOf(r.o, "service_levels")
	if err != nil {
		return err
	}
	for _, f := range levels {
		i := slices.IndexFunc(r.Legs, func(l LifecycleLeg) bool { return l.Name == f.name })
		if i < 0 {
			return f.key.problem(fmt.Sprintf("a service level of %q, which is no leg", f.name), "declare it under legs:")
		}
		if r.Legs[i].Days, err = days(f.value); err != nil {
			return err
		}
	}
	return nil
}

// days reads a length such as 14d.
func days(v value) (int, error) {
	text, err := v.text()
	if err != nil {
		return 0, err
	}
	m := daysText.FindStringSubmatch(text)
	if m == nil || len(m[1]) > 5 {
		return 0, v.problem(fmt.Sprintf("%q is no number of days", text), "14d")
	}
	n := 0
	for _, d := range m[1] {
		n = n*10 + int(d-'0')
	}
	return n, nil
}
