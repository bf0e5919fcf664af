package discover

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// Record is a kind of record that has a life: it begins, waits, and ends.
type Record struct {
	Name   string
	Table  string
	Key    []string
	State  string // The column with the present state; "" where EndDate says it.
	Lookup *Key   // The list of states, nil where the column says them itself.
	States []State
	Whole  bool // All rows were counted for States.

	EndDate    string // A date that is empty while the record goes on; the state is derived of it where State is "".
	Dates      []DateRole
	Actors     []*Key
	Money      []Amount
	Children   []*Key
	Log        *Log
	Steps      *Steps // Nil where nothing tells which state may follow which.
	SoftDelete string
	Score      int
	Guess
}

// stamp returns the record's date of a role, "" where it has none. Of several with one role it is the surest.
func (r *Record) stamp(role string) string {
	found, best := "", -1
	for _, d := range r.Dates {
		if n := map[Confidence]int{High: 2, Medium: 1}[d.Confidence]; d.Role == role && n > best {
			found, best = d.Column, n
		}
	}
	return found
}

// records finds the tables whose rows have a life, the likeliest first.
func (l *look) records(ctx context.Context) error {
	for _, t := range l.catalog.Tables {
		if !l.left() {
			break
		}
		r, err := l.recordOf(ctx, t)
		if err != nil {
			return err
		}
		if r != nil {
			l.out.Records = append(l.out.Records, *r)
		}
	}
	l.logs(ctx)
	l.dropLogs()
	l.out.Records = slices.DeleteFunc(l.out.Records, func(r Record) bool { return !l.lives(&r) })
	slices.SortStableFunc(l.out.Records, func(a, b Record) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(l.rowsOf(l.catalog.Table(b.Table)), l.rowsOf(l.catalog.Table(a.Table))),
			cmp.Compare(a.Table, b.Table))
	})
	l.nameRecords()
	l.steps(ctx)
	return nil
}

// dropLogs takes out what tells of another record's changes: its rows are no records of their own.
func (l *look) dropLogs() {
	logs := map[string]bool{}
	for _, r := range l.out.Records {
		if r.Log != nil && r.Log.Confidence == High && r.Log.Through == nil && r.Log.State != "" {
			logs[r.Log.Table] = true
		}
	}
	l.out.Records = slices.DeleteFunc(l.out.Records, func(r Record) bool {
		return logs[r.Table] && r.Log == nil && l.asked(l.catalog.Table(r.Table)) == nil
	})
}

// asked is what the user says of a table.
func (l *look) asked(t *Table) *Asked {
	for i := range l.Options.Records {
		if a := &l.Options.Records[i]; strings.EqualFold(a.Table, t.Name) {
			return a
		}
	}
	return nil
}

// recordOf weighs one table; what it finds may still be too little.
func (l *look) recordOf(ctx context.Context, t *Table) (*Record, error) {
	asked := l.asked(t)
	s := l.looks(t)
	if asked == nil && (t.View || len(t.Primary) == 0 || s.copyOf != "" || s.junction || s.eav || s.settings || s.lookup || s.words ||
		s.person || s.technical || s.catalogue && !l.liveDespiteName(t) ||
		s.log && has(t.words[len(t.words)-1:], "history", "log", "audit", "trail", "transition", "revision", "journal", "hist", "tracking")) {
		return nil, nil
	}
	r := &Record{Name: stateName(strings.Join(t.words, "_")), Table: t.Name, Key: t.Primary}
	for _, d := range l.out.Dates {
		if d.Table == t.Name {
			r.Dates = append(r.Dates, d)
		}
	}
	var why []string
	column := l.stateColumn(t)
	if column != nil && asked == nil && l.endDate(t, r.Dates) != "" && l.isOutcome(t, column.column, l.endDate(t, r.Dates)) {
		column = nil
	}
	if column != nil && asked == nil && column.lookup == nil && column.qualified && column.column.kind() == integer &&
		l.endDate(t, r.Dates) != "" {
		column = nil // A number that is called more than a state, where a date says plainly what is over.
	}
	if asked != nil {
		r.Name = asked.Name
		if c := t.Column(asked.State); c != nil {
			column = &stateOf{column: c, score: 9}
			for _, k := range l.out.keysOf[t.Name] {
				if k.Column == c.Name {
					column.lookup = k
				}
			}
		}
		r.Score = 20
		why = append(why, "you said so")
	}
	if column != nil {
		r.State, r.Lookup = column.column.Name, column.lookup
		r.Score += column.score
		states, whole, err := l.readStates(ctx, t, column)
		if err != nil {
			return nil, err
		}
		r.States, r.Whole = states, whole
		l.byEnd(ctx, t, r)
		why = append(why, fmt.Sprintf("%s has %d different states", column.column.Name, len(states)))
		why = append(why, column.why...)
		r.Score += l.wordsScore(r)
	} else if end := l.endDate(t, r.Dates); end != "" {
		r.EndDate = end
		r.Score += 5
		why = append(why, end+" is empty while it goes on")
		l.derive(r)
	} else if said := l.otherState(ctx, t, r); said != "" {
		why = append(why, said)
	} else {
		return nil, nil
	}
	r.Score += l.standing(t, r, &why)
	r.Confidence = Medium
	r.What = fmt.Sprintf("rows of %s have a life", t.Name)
	r.Evidence = strings.Join(why, "; ")
	return r, nil
}

// liveDespiteName reports whether a table with the name of a catalogue has what only records with a life have: a column of states with
// three states or more, and two dates of what happened to its rows that some of them lack.
func (l *look) liveDespiteName(t *Table) bool {
	s := l.stateColumn(t)
	if s == nil || l.profile.stats(t, s.column.Name).Distinct < 3 {
		return false
	}
	happened := 0
	for _, d := range l.out.Dates {
		if d.Table == t.Name && slices.Contains([]string{"submitted", "accepted", "decided", "closed", "cancelled", "paid", "shipped"}, d.Role) {
			happened++
		}
	}
	return happened >= 2
}

// isOutcome reports whether a column says how rows ended: it is filled on as many rows as the date of the end, and not on the others.
func (l *look) isOutcome(t *Table, c *Column, end string) bool {
	st, ended, rows := l.profile.stats(t, c.Name), l.profile.stats(t, end), l.profile.rows(t)
	filled, over := st.Filled-st.Zero, ended.Filled-ended.Zero-ended.Far
	return rows >= 20 && filled < rows && over > 0 && abs(filled-over)*50 <= rows
}

func abs(n int) int { return max(n, -n) }

// wordsScore says how much the states read as states.
func (l *look) wordsScore(r *Record) int {
	known, kinds := 0, map[Meaning]bool{}
	for _, s := range r.States {
		if s.Meaning != Unknown {
			known++
			kinds[s.Meaning] = true
		}
	}
	switch {
	case known*2 >= len(r.States) && len(kinds) >= 2:
		return 3
	case known*2 >= len(r.States) && known > 0:
		return 0
	}
	if len(r.States) > 0 && l.catalog.Table(r.Table).Column(r.State).kind() != integer {
		return -3 // Words, and not those of a state.
	}
	return 0
}

// standing weighs what surrounds the table.
func (l *look) standing(t *Table, r *Record, why *[]string) int {
	n := 0
	if r.stamp("created") != "" {
		n++
	}
	life := 0
	for _, d := range r.Dates {
		if d.Role != "created" && d.Role != "updated" && d.Role != "recorded" && d.Role != "deleted" && d.Role != "voided" {
			life++
		}
	}
	n += min(3, life)
	if len(r.Dates) == 0 {
		n -= 4
	} else {
		*why = append(*why, count(len(r.Dates), "date"))
	}
	for _, k := range l.out.keysOf[t.Name] {
		p := l.catalog.Table(k.Parent)
		if p == nil || p == t || k == r.Lookup {
			continue
		}
		r.Actors = append(r.Actors, k)
	}
	n += min(2, len(r.Actors))
	for _, k := range l.out.keysTo[t.Name] {
		if k.Table != t.Name && k.Confidence != Low {
			r.Children = append(r.Children, k)
		}
	}
	if len(r.Children) > 0 {
		n += min(2, len(r.Children))
		*why = append(*why, count(len(r.Children), "table")+" with its key")
	}
	for _, m := range l.out.Money {
		if m.Table == t.Name {
			r.Money = append(r.Money, m)
		}
	}
	if len(r.Money) > 0 {
		n++
	}
	switch rows := l.rowsOf(t); {
	case rows == 0 && !l.NoData:
		n -= 6
	case rows >= 20:
		n++
	}
	if l.looks(t).detail {
		n -= 4
	}
	for _, d := range l.out.Deletes {
		if d.Table == t.Name {
			r.SoftDelete = d.Column
		}
	}
	return n
}

// endDate is a date that some rows have and others do not, and that says when a row's life ended.
func (l *look) endDate(t *Table, dates []DateRole) string {
	begins := slices.ContainsFunc(dates, func(d DateRole) bool { return d.Role == "created" || d.Role == "started" })
	if !begins || len(t.Primary) != 1 || l.looks(t).detail || has(t.words, "calendar", "event", "appointment", "meeting", "shift") {
		return ""
	}
	rows := l.profile.rows(t)
	for _, d := range dates {
		c := t.Column(d.Column)
		if d.Role != "closed" || !c.Nullable && rows == 0 {
			continue
		}
		if c.kind() == date && has(c.words, "end", "fin", "to") {
			continue // The last day of a period that was agreed.
		}
		st := l.profile.stats(t, c.Name)
		empty := st.Nulls + st.Zero + st.Far
		if st.Future*20 > rows-empty {
			continue // What ended did not end tomorrow: it is the end of a period that was agreed.
		}
		if rows == 0 && l.NoData || rows > 0 && empty > 0 && empty < rows {
			return c.Name
		}
	}
	return ""
}

// derive gives a record without a column of states the two that its end date tells.
func (l *look) derive(r *Record) {
	w := l.catalog.Table(r.Table).Column(r.EndDate).words
	open, done := "open", "closed"
	switch {
	case has(w, "return", "returned"):
		open, done = "out", "returned"
	case has(w, "completed", "complete", "completion"):
		open, done = "enrolled", "completed"
		if !slices.ContainsFunc(r.Dates, func(d DateRole) bool { return strings.Contains(d.Column, "enrol") }) {
			open = "running"
		}
	case has(w, "stop", "stopped", "end", "ended"):
		open, done = "active", "ended"
	case has(w, "finish", "finished"):
		open, done = "running", "finished"
	default:
		for _, d := range r.Dates {
			if d.Column == r.EndDate && d.Role != "closed" {
				done = d.Role
			}
		}
	}
	g := Guess{"", Medium, r.EndDate + " is empty or not"}
	r.States = []State{{Raw: open, Name: open, Label: open, Meaning: Open, Guess: g}, {
		Raw: done, Name: done, Label: done, Meaning: Decided,
		Guess: g,
	}}
	// Such a life begins where it started, not where a clerk entered it.
	if start := r.stamp("started"); start != "" && l.alwaysThere(l.catalog.Table(r.Table), start) {
		for i := range r.Dates {
			switch {
			case r.Dates[i].Column == start:
				r.Dates[i].Role = "created"
			case r.Dates[i].Role == "created":
				r.Dates[i].Role = "recorded"
			}
		}
		for i := range l.out.Dates {
			for _, d := range r.Dates {
				if l.out.Dates[i].Table == d.Table && l.out.Dates[i].Column == d.Column {
					l.out.Dates[i].Role = d.Role
				}
			}
		}
	}
}

// count is a number of things, in words.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// alwaysThere reports whether nearly every row has a date.
func (l *look) alwaysThere(t *Table, column string) bool {
	st, rows := l.profile.stats(t, column), l.profile.rows(t)
	return rows == 0 || (st.Filled-st.Zero)*20 >= rows*19
}

// The scores that a record must reach: with a column of states, and without one.
const (
	enoughForState = 8
	enoughForEnd   = 8
)

// lives decides whether enough speaks for a record.
func (l *look) lives(r *Record) bool {
	if r.Log != nil {
		r.Score += 4
		r.Evidence += "; " + r.Log.Table + " tells its changes"
	}
	if l.asked(l.catalog.Table(r.Table)) != nil {
		r.Confidence = High
		return true
	}
	if r.Log == nil && l.rowsOf(l.catalog.Table(r.Table)) == 0 && !l.NoData {
		return false
	}
	if r.stamp("created") == "" && len(r.Dates) == 0 && r.Log == nil {
		return false
	}
	enough := enoughForState
	if r.State == "" {
		enough = enoughForEnd
	}
	if r.Score >= enough+4 {
		r.Confidence = High
	}
	return r.Score >= enough
}

// nameRecords gives each record a short name of its own.
func (l *look) nameRecords() {
	seen := map[string]bool{}
	for i := range l.out.Records {
		r := &l.out.Records[i]
		if l.asked(l.catalog.Table(r.Table)) == nil {
			words := trimThing(l.catalog.Table(r.Table).words)
			r.Name = stateName(strings.Join(words, "_"))
			if n := len(words); n > 1 && !seen[stateName(words[n-1])] && l.shortEnough(words[n-1]) {
				r.Name = stateName(words[n-1])
			}
		}
		for n := 2; seen[r.Name] || r.Name == ""; n++ {
			r.Name = fmt.Sprintf("%s_%d", stateName(r.Table), n)
		}
		seen[r.Name] = true
	}
}

// shortEnough reports whether a table's last word alone names its records: no other record ends with it.
func (l *look) shortEnough(word string) bool {
	n := 0
	for _, r := range l.out.Records {
		w := trimThing(l.catalog.Table(r.Table).words)
		if w[len(w)-1] == word {
			n++
		}
	}
	return n == 1 && word != "event" && word != "order" || n == 1 && word == "order" && !slices.ContainsFunc(l.catalog.Tables,
		func(t *Table) bool { return len(t.words) == 1 && t.words[0] == "order" })
}
