package semantic

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// nullWord stands for "no value" in a filter.
const nullWord = "is:null"

// operators of conditions, by the last character of the parameter's name: program!=15 arrives as "program!" and "15".
var operators = map[byte]string{'!': "!=", '>': ">=", '<': "<=", '~': "~="}

// otherParameters are those that are not filters.
var otherParameters = []string{
	"sort", "fields", "limit", "after", "format", "histogram", "view", "panel", "q", "card", "page", "table", "up", "down",
	"column", "columns",
}

var rangeName = regexp.MustCompile(`^([1-9][0-9]{0,4})d$`)

// Filters is a question's filters as they were written, before they are bound to a table.
type Filters struct {
	basis, rng, versus, undated string
	from, to                    time.Time // Days at midnight UTC; zero without a bound.
	dated                       bool      // The question names a period, a basis or undated rows.
	currencies                  []string
	conditions                  []Condition
	notices                     []string
}

// FilterError is a value that cannot be understood.
type FilterError struct{ Name, Value, Wants string }

func (e *FilterError) Error() string { return fmt.Sprintf("%s=%s: %s", e.Name, e.Value, e.Wants) }

// ParseFilters reads the filters of a query string. Names are checked when the question is bound to a table.
func ParseFilters(values url.Values) (*Filters, error) {
	a := &Filters{}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if slices.Contains(otherParameters, name) || name == "" {
			continue
		}
		for _, value := range values[name] {
			if strings.ContainsRune(value, 0) {
				return nil, &FilterError{name, strconv.Quote(value), "holds a zero byte"}
			}
			if err := a.add(name, value); err != nil {
				return nil, err
			}
		}
	}
	if !a.from.IsZero() && !a.to.IsZero() && a.to.Before(a.from) {
		return nil, &FilterError{"to", a.to.Format(time.DateOnly), "is before from"}
	}
	if (!a.from.IsZero() || !a.to.IsZero()) && a.rng != "" {
		a.notices = append(a.notices, "range is left out, because from or to is given")
	}
	if !a.from.IsZero() || !a.to.IsZero() {
		a.rng = "custom"
	}
	return a, nil
}

func (a *Filters) add(name, value string) (err error) {
	switch name {
	case "basis":
		a.basis, a.dated = value, true
	case "range":
		if value != "all" && !rangeName.MatchString(value) {
			return &FilterError{name, value, "is a number of days such as 30d, or all"}
		}
		a.rng, a.dated = value, true
	case "from":
		a.from, err = parseDay(name, value)
		a.dated = true
	case "to":
		a.to, err = parseDay(name, value)
		a.dated = true
	case "vs":
		if !slices.Contains([]string{"prev", "year", "none"}, value) {
			return &FilterError{name, value, "is prev, year or none"}
		}
		a.versus = value
	case "undated":
		if !slices.Contains([]string{"exclude", "include", "only"}, value) {
			return &FilterError{name, value, "is exclude, include or only"}
		}
		a.undated, a.dated = value, true
	case "currency":
		if !slices.Contains(a.currencies, value) {
			a.currencies = append(a.currencies, value)
		}
	default:
		a.condition(name, value)
	}
	return err
}

func (a *Filters) condition(name, value string) {
	op := "="
	if long, is := operators[name[len(name)-1]]; is {
		name, op = name[:len(name)-1], long
	}
	for i, c := range a.conditions {
		if c.Name == name && c.Op == op {
			if !slices.Contains(c.Values, value) {
				a.conditions[i].Values = append(c.Values, value)
			}
			return
		}
	}
	a.conditions = append(a.conditions, Condition{Name: name, Op: op, Values: []string{value}})
}

func parseDay(name, value string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, value)
	if err != nil || t.Year() < 1 {
		return time.Time{}, &FilterError{name, value, "is a day such as 2019-11-25"}
	}
	return t, nil
}

// boundQuery is a question bound to one table of one version.
type boundQuery struct {
	*Filters

	snap       *Version
	table      *Table
	basis      string // Of those the table has; empty where it has none.
	column     string // Of the basis.
	from, to   time.Time
	versusFrom time.Time
	versusTo   time.Time
	versus     string
	undated    string // "", when dates do not matter.
	currency   string // The one currency, or empty.
	mixed      []string
	conds      []boundCondition
	ignored    []string
	notices    []string
	defaults   bool            // Defaults of a page were filled in.
	pieceNames map[string]bool // Filters that the rows' own parts of links speak of.
}

type boundCondition struct {
	Condition
	column Column
	sql    string
}

// bind gives the question's names a meaning on one table.
func (s *Version) bind(a *Filters, t *Table) (*boundQuery, error) { return s.bindWith(a, t, false) }

// bindForPage is bind with the defaults of pages: a question that names no period or currency gets the project's.
func (s *Version) bindForPage(a *Filters, t *Table) (*boundQuery, error) {
	return s.bindWith(a, t, true)
}

func (s *Version) bindWith(a *Filters, t *Table, defaults bool) (*boundQuery, error) {
	b := &boundQuery{Filters: a, snap: s, table: t, defaults: defaults, notices: slices.Clone(a.notices), ignored: []string{}}
	b.bindPeriod()
	if err := b.bindCurrency(); err != nil {
		return nil, err
	}
	for _, c := range a.conditions {
		if err := b.bindCondition(c); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(b.conds, func(x, y boundCondition) int {
		return cmp.Or(cmp.Compare(s.rank(x.Name), s.rank(y.Name)), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Op, y.Op))
	})
	return b, nil
}

// rank orders filters as the project declares them; columns come after.
func (s *Version) rank(name string) int {
	for i, f := range s.def.Model.filters {
		if f.Name == name {
			return i
		}
	}
	return len(s.def.Model.filters)
}

func (b *boundQuery) bindPeriod() {
	m := b.snap.def.Model
	if len(b.table.Dates) == 0 {
		if b.dated {
			b.ignored = append(b.ignored, "period")
		}
		return
	}
	if !b.dated && !b.defaults {
		return
	}
	b.basis = b.Filters.basis
	if b.basis != "" && b.table.Dates[b.basis] == "" {
		if !slices.ContainsFunc(m.bases, func(x baseFile) bool { return x.Name == b.basis }) {
			b.notices = append(b.notices, fmt.Sprintf("there is no date basis %q", b.basis))
		}
		b.basis = ""
	}
	if b.basis == "" {
		b.basis = b.snap.defaultBasis(b.table)
	}
	b.column = b.table.Dates[b.basis]
	b.undated = cmp.Or(b.Filters.undated, "exclude")
	b.from, b.to = b.Filters.from, b.Filters.to
	rng := b.Filters.rng
	if rng == "" && b.defaults {
		rng = m.Range
	}
	if days := rangeName.FindStringSubmatch(rng); days != nil {
		n, _ := strconv.Atoi(days[1])
		b.to = b.snap.Through
		b.from = b.to.AddDate(0, 0, 1-n)
	}
	b.versus = cmp.Or(b.Filters.versus, m.Versus)
	switch {
	case b.from.IsZero() || b.to.IsZero() || b.undated == "only":
		b.versus = "none"
	case b.versus == "prev":
		b.versusTo = b.from.AddDate(0, 0, -1)
		b.versusFrom = b.versusTo.Add(-b.to.Sub(b.from))
	case b.versus == "year":
		b.versusFrom, b.versusTo = b.from.AddDate(-1, 0, 0), b.to.AddDate(-1, 0, 0)
	}
}

func (b *boundQuery) bindCurrency() error {
	column := b.table.currencyColumn()
	asked := b.currencies
	if column == "" {
		if len(asked) > 0 {
			b.ignored = append(b.ignored, "currency")
		}
		return nil
	}
	if len(asked) == 0 && b.defaults {
		asked = []string{b.snap.Currency}
		if b.snap.Currency == "" {
			return nil
		}
	}
	if slices.Contains(asked, "all") {
		b.mixed = b.snap.currencyNames()
		return nil
	}
	if len(asked) > 1 {
		b.mixed = asked
	} else if len(asked) == 1 {
		b.currency = asked[0]
	}
	if len(asked) == 0 {
		return nil
	}
	c, err := b.table.condition(b.snap, Condition{Name: "currency", Op: "=", Values: asked}, column)
	if err != nil {
		return err
	}
	b.conds = append(b.conds, c)
	return nil
}

func (b *boundQuery) bindCondition(c Condition) error {
	column := b.table.Filters[c.Name]
	if column == "" && b.table.column(c.Name) != nil {
		column = c.Name
	}
	if column == "" {
		if _, declared := b.snap.def.Model.filter(c.Name); declared {
			b.ignored = append(b.ignored, c.Name)
			return nil
		}
		b.notices = append(b.notices, fmt.Sprintf("%q is not a filter here and was left out", c.Name))
		return nil
	}
	bc, err := b.table.condition(b.snap, c, column)
	if err != nil {
		return err
	}
	b.conds = append(b.conds, bc)
	return nil
}

// condition types the values by the column and writes the SQL. A row without a value is not "not 15" by SQL's rule but by people's:
// != keeps it.
func (t *Table) condition(s *Version, c Condition, column string) (boundCondition, error) {
	col := t.column(column)
	if col == nil {
		return boundCondition{}, fmt.Errorf("the table %s has no column %s, which the project's dashboards/model.yml names", t.Name, column)
	}
	c.Label = Title(c.Name)
	if f, is := s.def.Model.filter(c.Name); is {
		c.Label = cmp.Or(f.Label, c.Label)
	}
	out := boundCondition{Condition: c, column: *col}
	name, kind := s.comparable(*col)
	var list []operand
	null := false
	for _, v := range c.Values {
		if v == nullWord {
			null = true
			continue
		}
		o, err := s.operand(c, v, kind)
		if err != nil {
			return out, err
		}
		list = append(list, o)
	}
	if null && c.Op != "=" && c.Op != "!=" {
		return out, &FilterError{c.Name, nullWord, "goes with = and != only"}
	}
	out.sql = conditionSQL(name, c.Op, list, null)
	if c.Op == "=" && t.allMeet(column, c.Values) {
		out.sql = "true" // As with the one currency of a source: nothing to look at.
	}
	return out, nil
}

// operand is what a column is compared with, as SQL. A day that a time is compared with is the business day, from text up to end.
type operand struct{ text, end string }

func (s *Version) operand(c Condition, value, kind string) (operand, error) {
	if c.Op == "~=" {
		return operand{text: QuoteText(value)}, nil
	}
	if day, err := time.Parse(time.DateOnly, value); err == nil && kind == "timestamp" {
		return operand{s.calendar.literal(day), s.calendar.literal(day.AddDate(0, 0, 1))}, nil
	}
	text, err := TypedLiteral(c.Name, value, kind)
	return operand{text: text}, err
}

func conditionSQL(name, op string, list []operand, null bool) string {
	var parts, equal []string
	for _, o := range list {
		switch {
		case op == "=" && o.end == "":
			equal = append(equal, o.text)
		case op == "=":
			parts = append(parts, fmt.Sprintf("(%[1]s >= %[2]s and %[1]s < %[3]s)", name, o.text, o.end))
		case op == "!=" && o.end == "":
			// A missing value is another one; "is null or not in" takes an engine twice as long.
			parts = append(parts, name+" is distinct from "+o.text)
		case op == "!=":
			parts = append(parts, fmt.Sprintf("(%[1]s is null or %[1]s < %[2]s or %[1]s >= %[3]s)", name, o.text, o.end))
		case op == "~=":
			parts = append(parts, "position(lower("+o.text+") in lower(cast("+name+" as varchar))) > 0")
		case op == "<=" && o.end != "":
			parts = append(parts, name+" < "+o.end)
		default:
			parts = append(parts, name+" "+op+" "+o.text)
		}
	}
	if len(equal) > 0 {
		parts = append(parts, name+" in ("+strings.Join(equal, ", ")+")")
	}
	if null {
		parts = append(parts, name+map[bool]string{true: " is null", false: " is not null"}[op == "="])
	}
	joint := " and "
	if op == "=" || op == "~=" {
		joint = " or "
	}
	return "(" + strings.Join(parts, joint) + ")"
}

// QuoteText writes a text as SQL.
func QuoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func quoteName(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// periodSQL is the condition of a period on a date column; undated as in Filters.
func (b *boundQuery) periodSQL(column string, from, to time.Time, undated string) string {
	name := quoteName(column)
	if undated == "" {
		return "true"
	}
	if undated == "only" {
		return name + " is null"
	}
	var parts []string
	isDay := false
	if c := b.table.column(column); c != nil {
		isDay = c.Type == "date"
	}
	if !from.IsZero() {
		if isDay {
			parts = append(parts, fmt.Sprintf("%s >= date '%s'", name, from.Format(time.DateOnly)))
		} else {
			parts = append(parts, name+" >= "+b.snap.calendar.literal(from))
		}
	}
	if !to.IsZero() {
		end := to.AddDate(0, 0, 1)
		if isDay {
			parts = append(parts, fmt.Sprintf("%s < date '%s'", name, end.Format(time.DateOnly)))
		} else {
			parts = append(parts, name+" < "+b.snap.calendar.literal(end))
		}
	}
	if len(parts) == 0 {
		parts = []string{name + " is not null"}
	}
	text := strings.Join(parts, " and ")
	if undated == "include" {
		return "(" + name + " is null or (" + text + "))"
	}
	return "(" + text + ")"
}

// conditionsSQL are all conditions but the period's; without leaves out those of one name.
func (b *boundQuery) conditionsSQL(without ...string) string {
	parts := []string{}
	for _, c := range b.conds {
		if !slices.Contains(without, c.Name) {
			parts = append(parts, c.sql)
		}
	}
	if len(parts) == 0 {
		return "true"
	}
	return strings.Join(parts, " and ")
}

// where is the whole condition.
func (b *boundQuery) where(without ...string) string {
	period := "true"
	if b.column != "" {
		period = b.periodSQL(b.column, b.from, b.to, b.undated)
	}
	return b.conditionsSQL(without...) + " and " + period
}

// NotFound says that a name means nothing, and what comes near.
func NotFound(what, name string, near string) *Problem {
	p := &Problem{Title: "Not found", Status: 404, Detail: fmt.Sprintf("there is no %s %q", what, name)}
	if near != "" {
		p.Hint = fmt.Sprintf("did you mean %q?", near)
	}
	return p
}
