package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lifeline/project"
)

func (r *reader) parents() (err error) {
	r.Parents, err = r.parentsOf(r.o)
	return err
}

func (r *reader) parentsOf(o *project.Object) ([]Parent, error) {
	fields, err := fieldsOf(o, "parents")
	if err != nil {
		return nil, err
	}
	var out []Parent
	for _, f := range fields {
		inner, err := f.Object()
		if err != nil {
			return nil, err
		}
		parent := Parent{Name: f.Name}
		if err := firstError(r.reference(inner, "from", &parent.Model), inner.Text("on", &parent.On),
			inner.Text("key", &parent.Key)); err != nil {
			return nil, err
		}
		parent.Key = cmp.Or(parent.Key, "id")
		if err := firstError(requireColumn(f.Value, parent.On, out), requireIdentifier(inner, "key", parent.Key), inner.Finish(nil)); err != nil {
			return nil, err
		}
		out = append(out, parent)
	}
	return out, nil
}

func (r *reader) children() error {
	fields, err := fieldsOf(r.o, "children")
	if err != nil {
		return err
	}
	for _, f := range fields {
		inner, err := f.Object()
		if err != nil {
			return err
		}
		c := Child{Name: f.Name}
		if err := firstError(r.reference(inner, "from", &c.Model), inner.Text("on", &c.On), inner.Text("key", &c.Key),
			inner.Text("id", &c.ID)); err != nil {
			return err
		}
		c.On, c.ID = cmp.Or(c.On, r.Key), cmp.Or(c.ID, "id")
		if c.Parents, err = r.parentsOf(inner); err != nil {
			return err
		}
		if c.Key == "" {
			return f.Key.Problem(fmt.Sprintf("child %q does not say which of its columns has the record's %s", f.Name, c.On), "key: "+r.Name+"_id")
		}
		if err := firstError(requireColumn(f.Value, c.Key, c.Parents), requireIdentifier(inner, "on", c.On), requireIdentifier(inner, "id", c.ID),
			inner.Finish(nil)); err != nil {
			return err
		}
		r.Children = append(r.Children, c)
	}
	return nil
}

// Child finds a declared child; nil where there is none.
func (l *Declaration) Child(name string) *Child {
	for i := range l.Children {
		if l.Children[i].Name == name {
			return &l.Children[i]
		}
	}
	return nil
}

// column checks a "column" or "parent.column".
func requireColumn(v project.Value, text string, parents []Parent) error {
	parent, name, dotted := strings.Cut(text, ".")
	if !dotted {
		parent, name = "", text
	}
	if !plainID.MatchString(name) {
		return v.Problem(fmt.Sprintf("%q is not a column", text), "date_created, or treatment.date_created of a parent")
	}
	var known []string
	for _, p := range parents {
		known = append(known, p.Name)
	}
	if dotted && !slices.Contains(known, parent) {
		return v.Problem(fmt.Sprintf("%q names the parent %q, which is not declared", text, parent),
			cmp.Or(project.Nearest(parent, known), "declare it under parents:"))
	}
	return nil
}

func (r *reader) columns() error {
	var err error
	if r.Related, err = r.columnsWithChildren(r.o, "related", r.Parents); err != nil {
		return err
	}
	if r.Columns, err = r.columnsWithChildren(r.o, "columns", r.Parents); err != nil {
		return err
	}
	fields, err := fieldsOf(r.o, "measures")
	if err != nil {
		return err
	}
	for _, f := range fields {
		m := Measure{Name: f.Name, Column: f.Name}
		inner, err := f.Object()
		if err != nil {
			return err
		}
		if err := firstError(inner.Text("column", &m.Column), inner.Text("currency", &m.Currency), inner.Finish(nil)); err != nil {
			return err
		}
		if err := r.measure(f.Value, m); err != nil {
			return err
		}
		r.nameCurrency(&m)
		r.Measures = append(r.Measures, m)
	}
	return nil
}

// measure checks where a measure and its currency stand.
func (r *reader) measure(at project.Value, m Measure) error {
	parents := r.Parents
	if call := sumCall.FindStringSubmatch(m.Column); call != nil {
		c := r.Child(call[1])
		if c == nil {
			return at.Problem(fmt.Sprintf("%q names the child %q, which is not declared", m.Column, call[1]),
				cmp.Or(project.Nearest(call[1], r.childNames()), "declare it under children:"))
		}
		parents = []Parent{{Name: c.Name}}
	} else if m.Column != "" {
		if err := requireColumn(at, m.Column, parents); err != nil {
			return err
		}
	}
	if m.Currency == "" || m.code() != "" {
		return nil
	}
	return requireColumn(at, m.Currency, parents)
}

// columnsOf reads name: column entries.
func columnsOf(o *project.Object, key string, parents []Parent) ([]Column, error) {
	return columnsBy(o, key, func(f project.Field, text string) error { return requireColumn(f.Value, text, parents) })
}

// columnsWithChildren reads name: column entries, which may also count a child or take the least or greatest of one of its columns.
func (r *reader) columnsWithChildren(o *project.Object, key string, parents []Parent) ([]Column, error) {
	return columnsBy(o, key, func(f project.Field, text string) (err error) {
		m := ofChild.FindStringSubmatch(text)
		switch {
		case text == "" && key == "related": // Only activities have it.
		case m == nil:
			err = requireColumn(f.Value, text, parents)
		case r.Child(m[2]) == nil:
			err = f.Problem(fmt.Sprintf("%q names the child %q, which is not declared", text, m[2]),
				cmp.Or(project.Nearest(m[2], r.childNames()), "declare it under children:"))
		case (m[1] == "count") != (m[3] == ""):
			err = f.Problem(fmt.Sprintf("%q: count takes a child, min and max one of its columns", text), "count(invoice), min(invoice.id)")
		}
		return err
	})
}

func columnsBy(o *project.Object, key string, check func(f project.Field, text string) error) ([]Column, error) {
	fields, err := fieldsOf(o, key)
	if err != nil {
		return nil, err
	}
	var out []Column
	for _, f := range fields {
		text, err := f.Text()
		if err != nil {
			return nil, err
		}
		if err := check(f, text); err != nil {
			return nil, err
		}
		out = append(out, Column{Name: f.Name, Column: text})
	}
	return out, nil
}

func (l *Declaration) childNames() []string {
	var out []string
	for _, c := range l.Children {
		out = append(out, c.Name)
	}
	return out
}

func (r *reader) activities() error {
	fields, err := fieldsOf(r.o, "activities")
	if err != nil {
		return err
	}
	if len(fields) == 0 {
		return r.o.Value.Problem("a lifecycle without activities", "activities: {created: {at: date_created}}")
	}
	for _, f := range fields {
		a := Activity{Name: f.Name, declared: f.Key, InFact: true, InFlattened: true}
		if err := r.activity(f, &a); err != nil {
			return err
		}
		if slices.ContainsFunc(r.Activities, func(b Activity) bool { return b.As == a.As && a.InFlattened && b.InFlattened }) {
			return f.Key.Problem(fmt.Sprintf("two activities have the column %q in the flattened table", a.As), "as: date_of_it")
		}
		r.Activities = append(r.Activities, a)
	}
	return nil
}

func (r *reader) activity(f project.Field, a *Activity) error {
	inner, err := f.Object()
	if err != nil {
		return err
	}
	if err := firstError(inner.Text("at", &a.At), inner.Text("each", &a.Each), inner.Texts("state", &a.States), inner.Text("to", &a.To),
		inner.Text("basis", &a.Basis), inner.Text("basis_of", &a.BasisOf), inner.Text("lower", &a.Lower), inner.Text("upper", &a.Upper),
		inner.Text("as", &a.As), flag(inner, "fact", &a.InFact), flag(inner, "flattened", &a.InFlattened)); err != nil {
		return err
	}
	a.As = cmp.Or(a.As, "date_"+a.Name)
	parents := r.Parents
	if a.Each != "" {
		c := r.Child(a.Each)
		if c == nil {
			return f.Problem(fmt.Sprintf("activity %q is of each %q, which is not a child", a.Name, a.Each),
				cmp.Or(project.Nearest(a.Each, r.childNames()), "declare it under children:"))
		}
		parents = c.Parents
	}
	if a.At == "" && (a.Each != "" || !r.seesChanges() || len(r.seenStates(a)) == 0) {
		return f.Key.Problem(fmt.Sprintf("activity %q does not say when it happened", a.Name),
			"at: date_created, or state: of a lifecycle with a log:")
	}
	for _, c := range []string{a.At, a.BasisOf, a.Lower, a.Upper} {
		if c == "" {
			continue
		}
		if err := requireColumn(f.Value, c, parents); err != nil {
			return err
		}
	}
	if a.Related, err = columnsOf(inner, "related", parents); err != nil {
		return err
	}
	if a.Measures, err = columnsOf(inner, "measures", parents); err != nil {
		return err
	}
	if a.When, err = conditionsOf(inner, parents); err != nil {
		return err
	}
	if err := firstError(requireIdentifier(inner, "as", a.As), inner.Finish(nil)); err != nil {
		return err
	}
	return r.validate(f, a)
}

// validate refuses what does not go together.
func (r *reader) validate(f project.Field, a *Activity) error {
	for _, s := range append(slices.Clone(a.States), a.To) {
		if s != "" {
			if err := r.known(f.Value, s, fmt.Sprintf("activity %q", a.Name)); err != nil {
				return err
			}
		}
	}
	if len(a.States) > 0 && (a.To != "" || a.Each != "") {
		return f.Problem(fmt.Sprintf("activity %q: state is of the record itself, and it leads to one state only", a.Name),
			"to: approved, without state")
	}
	if a.Basis != "" && a.BasisOf != "" {
		return f.Problem(fmt.Sprintf("activity %q has a basis and a column that tells it", a.Name), "take one out")
	}
	if a.BasisOf == "" {
		a.Basis = cmp.Or(a.Basis, "column")
	}
	if a.Basis != "" && !slices.Contains([]string{"column", "proxy", "imputed"}, a.Basis) {
		return f.Problem(fmt.Sprintf("basis %q: a date column is column, proxy or imputed", a.Basis), "basis: proxy")
	}
	for _, list := range []struct {
		key  string
		of   []Column
		have []string
	}{{"related", a.Related, namesOfColumns(r.Related)}, {"measures", a.Measures, r.measureNames()}} {
		for _, c := range list.of {
			if !slices.Contains(list.have, c.Name) {
				return f.Problem(fmt.Sprintf("%s of activity %q has %q, which the lifecycle has not", list.key, a.Name, c.Name),
					cmp.Or(project.Nearest(c.Name, list.have), "declare it under "+list.key+": of the lifecycle"))
			}
		}
	}
	return nil
}

// measureNames are the measures and their currencies, as the tables call them.
func (l *Declaration) measureNames() []string {
	var out []string
	for _, m := range l.Measures {
		out = append(out, m.Name)
		if m.Currency != "" {
			out = append(out, m.CurrencyName())
		}
	}
	return out
}

// code is the currency where the declaration names it; empty where a column has it.
func (m Measure) code() string {
	if currencyCode.MatchString(m.Currency) {
		return m.Currency
	}
	return ""
}

// CurrencyName is the column of the tables that has the measure's currency; empty where there is none.
func (m Measure) CurrencyName() string { return m.currencyName }

// nameCurrency gives the measure's currency a column: one for all measures with the same currency, which has its own name where that is
// free.
func (r *reader) nameCurrency(m *Measure) {
	if m.Currency == "" {
		return
	}
	m.currencyName = "currency"
	if m.code() == "" {
		m.currencyName = m.Currency[strings.LastIndexByte(m.Currency, '.')+1:]
	}
	for _, other := range r.Measures {
		if other.Currency == m.Currency {
			m.currencyName, m.shared = other.currencyName, true
			return
		}
		if other.currencyName == m.currencyName {
			m.currencyName = m.Name + "_currency"
		}
	}
}

// CurrencyColumn is the record's column with the currency; empty where only activities have the measure.
func (m Measure) CurrencyColumn() string {
	if m.Column == "" {
		return ""
	}
	return m.Currency
}

func namesOfColumns(list []Column) []string {
	var out []string
	for _, c := range list {
		out = append(out, c.Name)
	}
	return out
}

// conditions reads when: {event: [login], repeat_of: null, deliverer_id: not null}.
func conditionsOf(o *project.Object, parents []Parent) ([]Condition, error) {
	v, ok := o.Take("when")
	if !ok {
		return nil, nil
	}
	inner, err := v.Object()
	if err != nil {
		return nil, err
	}
	var out []Condition
	for _, f := range inner.Fields {
		if err := requireColumn(f.Key, f.Name, parents); err != nil {
			return nil, err
		}
		c := Condition{Column: f.Name}
		if c.Values, err = f.Texts(); err != nil {
			return nil, err
		}
		if len(c.Values) == 1 && (c.Values[0] == "not null" || c.Values[0] == "") {
			c.Not, c.Values = c.Values[0] == "not null", nil
		}
		out = append(out, c)
	}
	return out, nil
}

// Activity finds a declared activity; nil where there is none.
func (l *Declaration) Activity(name string) *Activity {
	for i := range l.Activities {
		if l.Activities[i].Name == name {
			return &l.Activities[i]
		}
	}
	return nil
}

// step refuses an activity that is not declared, or not shown in the flattened table.
func (r *reader) step(v project.Value, name, who string) error {
	var known []string
	for _, a := range r.Activities {
		known = append(known, a.Name)
	}
	if !slices.Contains(known, name) {
		return v.Problem(fmt.Sprintf("%s names %q, which is not an activity", who, name),
			cmp.Or(project.Nearest(name, known), "declare it under activities:"))
	}
	return nil
}

func (r *reader) legs() error {
	fields, err := fieldsOf(r.o, "legs")
	if err != nil {
		return err
	}
	for _, f := range fields {
		steps, err := f.Texts()
		if err != nil {
			return err
		}
		if len(steps) != 2 || steps[0] == steps[1] {
			return f.Problem(fmt.Sprintf("leg %q has not two activities", f.Name), f.Name+": [created, decided]")
		}
		for _, s := range steps {
			if err := r.step(f.Value, s, fmt.Sprintf("leg %q", f.Name)); err != nil {
				return err
			}
		}
		r.Legs = append(r.Legs, Leg{Name: f.Name, From: steps[0], To: steps[1]})
	}
	levels, err := fieldsOf(r.o, "service_levels")
	if err != nil {
		return err
	}
	for _, f := range levels {
		i := slices.IndexFunc(r.Legs, func(l Leg) bool { return l.Name == f.Name })
		if i < 0 {
			return f.Key.Problem(fmt.Sprintf("a service level of %q, which is not a leg", f.Name), "declare it under legs:")
		}
		if r.Legs[i].Days, err = days(f.Value); err != nil {
			return err
		}
	}
	return nil
}

// days reads a length such as 14d.
func days(v project.Value) (int, error) {
	text, err := v.Text()
	if err != nil {
		return 0, err
	}
	m := daysText.FindStringSubmatch(text)
	if m == nil || len(m[1]) > 5 {
		return 0, v.Problem(fmt.Sprintf("%q is not a number of days", text), "14d")
	}
	n := 0
	for _, d := range m[1] {
		n = n*10 + int(d-'0')
	}
	return n, nil
}
