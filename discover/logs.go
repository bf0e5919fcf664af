package discover

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Log is a table in which the application writes how its records change.
type Log struct {
	Table  string
	Record string   // The record's table.
	Key    string   // The column of the log that says whose row it is.
	Other  string   // The record's column that Key means, where it is not the record's key.
	Where  []Equals // What tells the record's own rows apart.

	Through *Hop // A table between, nil where Key points at the record.
	AtHop   bool // At stands in the table between.

	State    string   // The column with the state that came.
	Old, New string   // Or the values before and after.
	Event    string   // Or the column with what happened.
	Names    *Key     // The list of what can happen.
	Events   []string // The names of what did happen, of a log of events.
	At, To   string   // When; To where the row has an end too.
	By       string
	score    int
	Guess
}

// Hop is a table between a log and its record.
type Hop struct {
	Table, Key, Record string // Its own key, and its column with the record's.
	Where              []Equals
}

// Equals is a column that must have a value.
type Equals struct{ Column, Value string }

// logs finds the log of each record.
func (l *look) logs(ctx context.Context) {
	for i := range l.out.Records {
		r := &l.out.Records[i]
		var found []*Log
		for _, t := range l.catalog.Tables {
			if t.View || t.Name == r.Table || r.Lookup != nil && t.Name == r.Lookup.Parent || l.looks(t).lookup || l.looks(t).copyOf != "" {
				continue
			}
			if g := l.logOf(ctx, r, t); g != nil {
				found = append(found, g)
			}
		}
		slices.SortStableFunc(found, func(a, b *Log) int { return cmp.Compare(b.score, a.score) })
		if len(found) > 0 {
			r.Log = found[0]
			l.out.Logs = append(l.out.Logs, *found[0])
		}
	}
}

// logOf says how a table tells the changes of a record, nil where it does not.
func (l *look) logOf(ctx context.Context, r *Record, t *Table) *Log {
	g := &Log{Table: t.Name, Record: r.Table}
	l.shape(r, t, g)
	if g.State == "" && g.New == "" && g.Event == "" && !l.looks(t).log {
		return nil
	}
	if !l.ties(ctx, r, t, g) || !l.timed(t, g) {
		return nil
	}
	if g.State == "" && g.New == "" && g.Event == "" {
		g.State = l.codesOfStates(ctx, r, t)
	}
	logged := l.looks(t).log
	switch {
	case g.New != "" && g.Old != "":
		g.score += 4
	case g.State != "" && (logged || has(t.words[len(t.words)-1:], stateWords...)):
		g.score += 3
	case g.Event != "" && g.Names != nil && (logged || g.Through == nil && len(g.Where) > 0):
		g.score++ // By its name, or because it tells of records of several kinds.
	default:
		return nil
	}
	if logged {
		g.score++
	}
	if l.profile.rows(t) > 0 {
		g.score += 2
	} else if l.rowsOf(l.catalog.Table(r.Table)) > 0 && !l.NoData {
		return nil
	}
	if g.New != "" && !l.field(ctx, r, t, g) || !l.sameWords(ctx, r, t, g) {
		return nil
	}
	g.Guess = Guess{fmt.Sprintf("%s tells how rows of %s change", t.Name, r.Table), Medium, l.told(g)}
	if g.score >= 6 && g.Through == nil {
		g.Confidence = High
	}
	return g
}

// sameWords reports whether a log's states are the record's, by their words or their labels. A column of states of something else has
// others.
func (l *look) sameWords(ctx context.Context, r *Record, t *Table, g *Log) bool {
	column := cmp.Or(g.New, g.State)
	if l.NoData || column == "" || r.State == "" || !l.rows(t) {
		return true
	}
	known := r.known()
	var texts []string
	if len(g.Where) > 0 && g.Through == nil {
		texts = l.valuesWhere(ctx, t, column, g.Where)
	} else if words, _, err := l.reader.Words(ctx, t, column, 60); err == nil {
		for _, w := range words {
			texts = append(texts, w.Text)
		}
	}
	hit, tried := 0, 0
	for _, w := range texts {
		if w = strings.ToLower(strings.TrimSpace(w)); w != "" && w != "0" {
			tried++
			if known[w] {
				hit++
			}
		}
	}
	return tried == 0 || hit*3 >= tried
}

// happening begins the names of lists of what can happen.
var happening = regexp.MustCompile("^(event|action|activit)")

// timed finds the time of a log's rows: their own, or that of the table between.
func (l *look) timed(t *Table, g *Log) bool {
	if g.At == "" && g.Through == nil && l.looks(t).log {
		for _, c := range t.Columns {
			if c.isInstant() && g.At != "" {
				g.At = ""
				break // Which of two it is only their names could say.
			}
			if c.isInstant() {
				g.At = c.Name
			}
		}
	}
	if g.At != "" || g.Through == nil {
		return g.At != ""
	}
	for _, d := range l.out.Dates {
		if d.Table == g.Through.Table && (d.Role == "created" || d.Role == "dated") && (g.At == "" || d.Role == "created") {
			g.At, g.AtHop = d.Column, true
		}
	}
	return g.At != ""
}

// codesOfStates finds the column of a log whose values are the record's states, whatever it is called.
func (l *look) codesOfStates(ctx context.Context, r *Record, t *Table) string {
	if l.NoData || l.profile.rows(t) == 0 || r.State == "" {
		return ""
	}
	known := map[string]bool{}
	for _, s := range r.States {
		known[strings.ToLower(strings.TrimSpace(s.Raw))] = true
	}
	for _, c := range t.Columns {
		if st := l.profile.stats(t, c.Name); c.kind() != text && c.kind() != enum || st.Distinct < 3 || st.Distinct > 2*len(r.States) {
			continue
		}
		words, _, err := l.reader.Words(ctx, t, c.Name, 80)
		if err != nil {
			continue
		}
		hit, tried := 0, 0
		for _, w := range words {
			if !w.Null && strings.TrimSpace(w.Text) != "" {
				tried++
				if known[strings.ToLower(strings.TrimSpace(w.Text))] {
					hit++
				}
			}
		}
		if hit >= 3 && hit*5 >= tried*4 {
			return c.Name
		}
	}
	return ""
}

func (l *look) told(g *Log) string {
	var parts []string
	if g.Through != nil {
		parts = append(parts, fmt.Sprintf("%s points at %s, which points at the record", g.Key, g.Through.Table))
	} else {
		parts = append(parts, g.Key+" points at the record")
	}
	switch {
	case g.New != "":
		parts = append(parts, fmt.Sprintf("%s and %s hold the values before and after", g.Old, g.New))
	case g.State != "":
		parts = append(parts, g.State+" holds the state")
	case g.Event != "":
		parts = append(parts, g.Event+" says what happened")
	}
	return strings.Join(append(parts, g.At+" says when"), "; ")
}

// shape finds the columns of a log.
func (l *look) shape(r *Record, t *Table, g *Log) {
	record := l.catalog.Table(r.Table)
	shadow := shadows(t, record)
	oldAndNew(t, g)
	if s := l.sameState(r, record, t); s != "" {
		g.State = s
	}
	for _, k := range l.out.keysOf[t.Name] {
		p := l.catalog.Table(k.Parent)
		if p != nil && has(t.Column(k.Column).words, "event", "action", "activity") && l.looks(p).lookup && (has(p.words, "type") ||
			slices.ContainsFunc(p.words, func(w string) bool { return happening.MatchString(w) })) {
			g.Event, g.Names = k.Column, k
		}
	}
	for _, d := range l.out.Dates {
		if d.Table != t.Name || shadow && record.Column(d.Column) != nil {
			continue // A copy of the record's row has its dates too; when it was made only a further one says.
		}
		switch d.Role {
		case "started":
			g.At = d.Column
		case "closed":
			g.To = d.Column
		case "created", "dated":
			if !slices.ContainsFunc(l.out.Dates, func(o DateRole) bool { return o.Table == t.Name && o.Role == "started" }) {
				g.At = d.Column
			}
		case "updated":
			g.At = cmp.Or(g.At, d.Column)
		}
	}
	for _, k := range l.out.keysOf[t.Name] {
		if copied := shadow && record.Column(k.Column) != nil; !copied && k.Parent != r.Table && l.catalog.Table(k.Parent) != nil &&
			l.looks(l.catalog.Table(k.Parent)).person {
			g.By = cmp.Or(g.By, k.Column)
		}
	}
}

// oldAndNew finds the columns of a log with the values before and after.
func oldAndNew(t *Table, g *Log) {
	value := []string{"value", "status", "state"}
	for _, c := range t.Columns {
		w, written := strings.Join(c.words, " "), c.kind() == text || c.kind() == longText
		switch {
		case written && has(c.words, "old", "before", "previous", "prev") && has(c.words, value...) ||
			has(c.words, "from", "old", "previous", "prev", "before", "src") && has(c.words, "status", "state") && len(stemOf(c.words)) == 2 ||
			slices.Contains([]string{"old", "before"}, w):
			g.Old = cmp.Or(g.Old, c.Name)
		case written && has(c.words, "new", "after", "next") && has(c.words, value...) ||
			has(c.words, "to", "new", "next", "after", "dst") && has(c.words, "status", "state") && len(stemOf(c.words)) == 2 ||
			slices.Contains([]string{"new", "after"}, w):
			g.New = cmp.Or(g.New, c.Name)
		}
	}
	if c := t.Column("value"); g.Old != "" && g.New == "" && c != nil && (c.kind() == text || c.kind() == longText) {
		g.New = c.Name
	}
	if g.Old == "" || g.New == "" {
		g.Old, g.New = "", ""
	}
}

// sameState finds the column of a log that holds the record's state: of the same list, or of the same name.
func (l *look) sameState(r *Record, record, t *Table) string {
	for _, k := range l.out.keysOf[t.Name] {
		if r.Lookup != nil && k.Parent == r.Lookup.Parent && k.Key == r.Lookup.Key && !slices.Contains(t.Primary, k.Column) {
			return k.Column
		}
	}
	for _, c := range t.Columns {
		if r.State != "" && strings.EqualFold(c.Name, r.State) {
			return c.Name
		}
	}
	for _, c := range t.Columns {
		n := len(c.words)
		if n > 0 && !slices.Contains(t.Primary, c.Name) && (len(c.words) == 1 || has(c.words, record.words...) ||
			slices.Contains(idWords, c.words[n-1])) &&
			has(c.words, stateWords...) && !c.isFlag() && !has(c.words, "old", "from", "previous", "before") {
			return c.Name
		}
	}
	return ""
}

// ties finds how a log's rows are tied to the record's.
func (l *look) ties(ctx context.Context, r *Record, t *Table, g *Log) bool {
	for _, k := range l.out.keysOf[t.Name] {
		if st := l.profile.stats(t, k.Column); k.Parent == r.Table && k.Confidence != Low && (!l.rows(t) || st.Filled > st.Zero) {
			g.Key = k.Column
			if !slices.Contains(r.Key, k.Key) {
				g.Other = k.Key
			}
			g.score += 3
			return true
		}
	}
	if p, value := l.points(ctx, r, t); p != nil {
		g.Key = p.ID
		g.Where = append(g.Where, Equals{p.Type, value})
		g.score += 2
		return true
	}
	for _, k := range l.out.keysOf[t.Name] {
		between := l.catalog.Table(k.Parent)
		if between == nil || between == t || between.Name == r.Table || k.Confidence == Low || !(l.looks(t).log || g.New != "") {
			continue
		}
		if p, value := l.points(ctx, r, between); p != nil {
			g.Key = k.Column
			g.Through = &Hop{Table: between.Name, Key: k.Key, Record: p.ID, Where: []Equals{{p.Type, value}}}
			g.score++
			return true
		}
		// A log of the changes of a record's own list of journals.
		for _, up := range l.out.keysOf[between.Name] {
			if up.Parent == r.Table && l.looks(between).log && g.New != "" {
				g.Key = k.Column
				g.Through = &Hop{Table: between.Name, Key: k.Key, Record: up.Column}
				g.score++
				return true
			}
		}
	}
	return false
}

// points finds the value of a polymorphic key's type that means the record.
func (l *look) points(ctx context.Context, r *Record, t *Table) (*Polymorphic, string) {
	record := l.catalog.Table(r.Table)
	for i := range l.out.Polymorphic {
		p := &l.out.Polymorphic[i]
		if p.Table != t.Name || l.NoData || l.profile.rows(t) == 0 {
			continue
		}
		words, _, err := l.reader.Words(ctx, t, p.Type, 60)
		if err != nil {
			continue
		}
		for _, w := range words {
			name := split(w.Text)
			for i := range name {
				name[i] = singular(name[i])
			}
			if len(name) > 0 && (slices.Equal(name, record.words) || endsWith(name, trimThing(record.words)) ||
				strings.EqualFold(w.Text, record.Name) || endsWith(record.words, name) ||
				slices.Equal(canonical(name), canonical(trimThing(record.words)))) {
				return p, w.Text
			}
		}
		// One letter for each kind of record: its numbers must be there.
		for _, w := range words {
			if len(w.Text) != 1 || len(record.words) == 0 || !strings.EqualFold(w.Text, record.words[len(record.words)-1][:1]) ||
				record.Key() == "" {
				continue
			}
			if f, ok := l.reader.(fitter); ok {
				tried, missing, err := f.Fits(ctx, t, p.ID, []Equals{{p.Type, w.Text}}, record)
				if err == nil && tried > 0 && missing == 0 {
					return p, w.Text
				}
			}
		}
	}
	return nil, ""
}

// field finds the column of a general log that says which field changed, and the value that means the state.
func (l *look) field(ctx context.Context, r *Record, t *Table, g *Log) bool {
	if has(t.Column(g.New).words, stateWords...) {
		g.State = ""
		return true
	}
	if l.NoData || r.State == "" {
		return false
	}
	for _, c := range t.Columns {
		w := strings.Join(c.words, " ")
		if has([]string{w}, "property", "prop key", "prop", "attribute", "column", "column name", "option",
			"search option", "id search option", "key", "fieldname", "attribute name", "item") || has(c.words, "field") {
			if l.fieldIs(ctx, r, t, g, c) {
				return true
			}
		}
	}
	return false
}

// fieldIs finds the value of a log's column that means the record's state: by its name, else the one whose values are the states.
func (l *look) fieldIs(ctx context.Context, r *Record, t *Table, g *Log, column *Column) bool {
	words, _, err := l.reader.Words(ctx, t, column.Name, 80)
	if err != nil {
		return false
	}
	state := l.catalog.Table(r.Table).Column(r.State)
	stem := stemOf(state.words)
	for _, w := range words {
		name := split(w.Text)
		if strings.EqualFold(w.Text, r.State) || slices.Equal(name, stem) || slices.Equal(name, state.words) {
			g.Where = append(g.Where, Equals{column.Name, w.Text})
			return true
		}
	}
	known := r.known()
	for _, w := range words {
		where := append(slices.Clone(g.Where), Equals{column.Name, w.Text})
		values := l.valuesWhere(ctx, t, g.New, where)
		if len(values) >= 2 && !slices.ContainsFunc(values, func(v string) bool { return !known[strings.ToLower(v)] }) {
			g.Where = where
			return true
		}
	}
	return false
}

// known are the record's states, as they are written and as people call them.
func (r *Record) known() map[string]bool {
	out := map[string]bool{}
	for _, s := range r.States {
		out[strings.ToLower(strings.TrimSpace(s.Raw))] = true
		out[strings.ToLower(strings.TrimSpace(s.Label))] = true
	}
	return out
}

// fitter counts values under conditions that a table's key lacks; a server can.
type fitter interface {
	Fits(ctx context.Context, t *Table, column string, where []Equals, parent *Table) (tried, missing int, err error)
}

// valuesWhere are the different values of a column under conditions, a few at most.
func (l *look) valuesWhere(ctx context.Context, t *Table, column string, where []Equals) []string {
	f, ok := l.reader.(interface {
		Where(context.Context, *Table, string, []Equals) ([]string, error)
	})
	if !ok {
		return nil
	}
	out, err := f.Where(ctx, t, column, where)
	if err != nil {
		return nil
	}
	return out
}
