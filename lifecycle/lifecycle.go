// Package lifecycle turns the lifecycles that a project declares into ordinary models: activity facts, flattened records, state
// intervals, the daily backlog, counters on those who are concerned, shared streams, and the checks that hold them together.
// docs/lifecycles.md tells what each column means.
//
// It opens no database and renders nothing; package model does that with these models as with any file.
package lifecycle

import (
	"fmt"
	"slices"
	"strings"

	"lifeline/project"
)

// Load reads a project folder with its lifecycles: the files, then the declared tables as models still without SQL, so that schema files
// can describe them like any other, then the SQL, columns and checks of those tables. What a schema file says of them stays.
func Load(dir string, o project.Options) (*project.Project, error) {
	p, err := project.Read(dir, o)
	if err != nil {
		return nil, err
	}
	d, err := declare(p)
	if err != nil {
		return nil, err
	}
	if err := d.register(); err != nil {
		return nil, err
	}
	if err := p.Describe(); err != nil {
		return nil, err
	}
	if err := d.compile(); err != nil {
		return nil, err
	}
	return p, p.Validate()
}

// compile gives the declared models their SQL, their columns with descriptions, and their checks.
func (d *declarations) compile() error {
	p := d.project
	days, err := newCalendar(p.Config.BusinessTimeZone)
	if err != nil {
		return err
	}
	for _, declared := range d.lifecycles {
		l := &compiler{Declaration: declared, days: days, birth: tellsBirth(p.Model(declared.History))}
		t := l.Tables
		setModel(p, t.Changes, l.changes)
		setModel(p, t.Activity, l.activity)
		setModel(p, t.Flattened, l.flattened)
		setModel(p, t.Intervals, l.intervals)
		setModel(p, t.Backlog, l.backlog)
		for _, by := range l.Counters.By {
			setModel(p, l.CountersBy(by), func() *table { return l.counters(by) })
		}
		l.colocate(p)
		l.checks(p)
	}
	for _, s := range d.streams {
		setModel(p, s.Name, func() *table { return d.stream(s) })
	}
	return nil
}

// colocate says of the records' model and of the tables made of it by which column a cluster spreads them.
func (l *compiler) colocate(p *project.Project) {
	if l.Colocate == "" {
		return
	}
	column := l.Key
	for _, r := range l.Related {
		if r.Name == l.Colocate {
			column = r.Column
		}
	}
	if m := p.Model(l.From); m != nil && m.DistributeBy == "" && !strings.ContainsAny(column, ".(") {
		m.DistributeBy = column
	}
	t := l.Tables
	for _, name := range append([]string{t.Activity, t.Flattened, t.Intervals, t.Backlog}, l.counterTables()...) {
		if m := p.Model(name); name != "" && m != nil && m.DistributeBy == "" && slices.ContainsFunc(m.Columns, func(c project.Column) bool {
			return c.Name == l.KeyColumn(l.Colocate)
		}) {
			m.DistributeBy, m.DistributeAt = l.KeyColumn(l.Colocate), l.ColocateAt
		}
	}
}

func (l *compiler) counterTables() []string {
	var out []string
	for _, by := range l.Counters.By {
		out = append(out, l.CountersBy(by))
	}
	return out
}

// compiler is a lifecycle on its way to SQL.
type compiler struct {
	*Declaration
	days  calendar
	birth bool // The versions say how the beginning of a record's life is known.
}

// table is what a generated model is: its SQL up to the columns, the columns, and what they are selected from.
type table struct {
	description string
	grain       []string
	with        []string // CTEs, each "name as (…)".
	columns     []column
	from        string
	sql         string // In place of columns and from, where the table is a union.
	indexes     []project.Index
	entityOf    string // The model whose rows it has, one for one.
	entityKey   string
}

type column struct{ name, sql, description string }

// setModel gives a registered model its SQL; a name that is empty is a table that is not made.
func setModel(p *project.Project, name string, make func() *table) {
	if name == "" {
		return
	}
	m, t := p.Model(name), make()
	if m.Description == "" {
		m.Description = t.description
	}
	m.SQL = t.text()
	if len(m.Config.Indexes) == 0 && m.Config.Materialized == "table" {
		m.Config.Indexes = t.indexes
	}
	if m.CountsOf == "" && t.entityOf != "" {
		m.CountsOf, m.CountsKey = t.entityOf, t.entityKey
	}
	m.Grain = cmpOr(m.Grain, t.grain)
	described := m.Columns
	m.Columns = nil
	for _, c := range t.columns {
		i := slices.IndexFunc(described, func(d project.Column) bool { return d.Name == c.name })
		if i < 0 {
			m.Columns = append(m.Columns, project.Column{Name: c.name, Description: c.description})
			continue
		}
		if described[i].Description == "" {
			described[i].Description = c.description
		}
		m.Columns = append(m.Columns, described[i])
		described = slices.Delete(described, i, i+1)
	}
	m.Columns = append(m.Columns, described...)
}

func cmpOr(a, b []string) []string {
	if len(a) > 0 {
		return a
	}
	return b
}

// text is the model's SQL.
func (t *table) text() string {
	var b strings.Builder
	if len(t.with) > 0 {
		b.WriteString("with\n" + strings.Join(t.with, ",\n\n") + "\n\n")
	}
	if t.sql != "" {
		b.WriteString(t.sql + "\n")
		return b.String()
	}
	lines := make([]string, len(t.columns))
	for i, c := range t.columns {
		lines[i] = "    " + as(c.sql, c.name)
	}
	b.WriteString("select\n" + strings.Join(lines, ",\n") + "\n" + t.from + "\n")
	return b.String()
}

func (t *table) add(name, sql, description string) {
	t.columns = append(t.columns, column{name, sql, description})
}

// as writes an expression and its name; a column that has it already needs none.
func as(sql, name string) string {
	if sql[strings.LastIndexByte(sql, '.')+1:] == name && !strings.ContainsAny(sql, " (") {
		return sql
	}
	return sql + " as " + name
}

func cte(name, body string) string {
	return name + " as (\n    " + strings.ReplaceAll(strings.TrimSpace(body), "\n", "\n    ") + "\n)"
}

func ref(model string) string { return "{{ ref('" + model + "') }}" }

// asOf is the instant that "last 7 days" ends at.
const asOf = "timestamp '{{ var('as_of') }}'"

// in is a test for one of some words.
func in(expression string, words []string) string {
	if len(words) == 1 {
		return expression + " = " + quoted(words[0])
	}
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = quoted(w)
	}
	return expression + " in (" + strings.Join(list, ", ") + ")"
}

// quoted is a text in SQL.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// seconds are the whole seconds from one time to another, negative where the second comes first.
func seconds(from, to string) string {
	return fmt.Sprintf("cast(floor(extract(epoch from (%s - %s))) as bigint)", to, from)
}

// resultingStates are the states that an activity declares to lead to.
func resultingStates(a *Activity) []string {
	if a.To != "" {
		return []string{a.To}
	}
	return a.States
}

// open are the states in which a record waits.
func (l *compiler) open() []string {
	var out []string
	for _, s := range l.States {
		if s.Open {
			out = append(out, s.Name)
		}
	}
	return out
}
