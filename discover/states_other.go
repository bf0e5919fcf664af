package discover

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// otherState looks for a record's state where no column is named after a state and no date tells its end: a column of any name that holds
// the usual words for states, a flag such as is_paid, or the date of the last event. It returns the evidence, "" for none.
func (l *look) otherState(ctx context.Context, t *Table, r *Record) string {
	if l.NoData || l.profile.rows(t) < 20 || len(t.Primary) != 1 || l.looks(t).detail || l.looks(t).log ||
		!slices.ContainsFunc(r.Dates, func(d DateRole) bool { return d.Role == "created" || d.Role == "started" || d.Role == "submitted" }) {
		return ""
	}
	if c := l.wordsOfStates(ctx, t); c != nil {
		return l.takeState(ctx, t, r, &stateOf{column: c}, 4, c.Name+" has the words of states")
	}
	if c := l.lastDate(t, r.Dates); c != "" {
		r.EndDate, r.Score = c, r.Score+4
		l.derive(r)
		return c + " is empty while it goes on"
	}
	if c := l.flagOfEnd(t); c != nil {
		return l.takeState(ctx, t, r, &stateOf{column: c}, 4, c.Name+" says yes or no")
	}
	return ""
}

// takeState makes a column the record's state.
func (l *look) takeState(ctx context.Context, t *Table, r *Record, s *stateOf, score int, why string) string {
	states, whole, err := l.readStates(ctx, t, s)
	if err != nil || len(states) < 2 {
		return ""
	}
	if word, open := endOfFlag(t, s.column); word != "" {
		namedByFlag(states, word, open)
	}
	r.State, r.States, r.Whole, r.Score = s.column.Name, states, whole, r.Score+score
	return why
}

// wordsOfStates finds a text with a few different words, each of which is known to be a state's, open ones and ended ones among them.
func (l *look) wordsOfStates(ctx context.Context, t *Table) *Column {
	tried := 0
	for _, c := range t.Columns {
		st := l.profile.stats(t, c.Name)
		if c.kind() != text && c.kind() != enum || st.Distinct < 3 || st.Distinct > 12 || tried == 3 || !l.left() ||
			slices.ContainsFunc(l.out.keysOf[t.Name], func(k *Key) bool { return k.Column == c.Name }) {
			continue
		}
		tried++
		words, _, err := l.reader.Words(ctx, t, c.Name, 20)
		if err != nil {
			continue
		}
		found := map[Meaning]int{}
		for _, w := range words {
			if !w.Null && strings.TrimSpace(w.Text) != "" {
				found[meaningOf[strings.Join(split(w.Text), " ")]]++
			}
		}
		if found[""] == 0 && found[Open] > 0 && found[Decided] > 0 {
			return c
		}
	}
	return nil
}

// ended are the words of a yes or no that say that something is over; begun those of one that says that it is not.
var (
	ended = []string{
		"closed", "completed", "complete", "done", "finished", "paid", "resolved", "settled", "processed", "delivered", "returned", "return",
		"shipped", "answered", "fulfilled", "solved", "cleared", "handled",
	}
	begun = []string{"open", "pending", "unpaid", "waiting", "outstanding"}
)

// endOfFlag reads a yes or no that says whether a row's life is over: its word, and whether it says that it goes on.
func endOfFlag(t *Table, c *Column) (word string, open bool) {
	if c.kind() != integer {
		return "", false
	}
	w := slices.DeleteFunc(slices.Clone(c.words), func(s string) bool {
		return slices.Contains([]string{"is", "was", "has", "flag", "b", "fully"}, s) || slices.Contains(t.words, s)
	})
	switch {
	case len(w) != 1:
	case slices.Contains(ended, w[0]):
		return w[0], false
	case slices.Contains(begun, w[0]):
		return w[0], true
	}
	return "", false
}

// flagOfEnd finds such a column that some rows have and others have not.
func (l *look) flagOfEnd(t *Table) *Column {
	for _, c := range t.Columns {
		st := l.profile.stats(t, c.Name)
		if word, _ := endOfFlag(t, c); word != "" && st.Distinct == 2 && number(st.Min) == 0 && number(st.Max) == 1 {
			return c
		}
	}
	return nil
}

// namedByFlag gives the two values of a yes or no their names.
func namedByFlag(states []State, word string, open bool) {
	if word == "return" {
		word = "returned"
	}
	for i := range states {
		s := &states[i]
		yes := s.Raw == "1"
		s.Label = word
		if !yes {
			s.Label = "not " + word
		}
		s.Meaning = Decided
		if yes == open {
			s.Meaning = Open
		}
		s.Guess = Guess{fmt.Sprintf("%s is %s", s.Label, s.Meaning), Medium, "the column's name, and " + s.Raw}
	}
	nameStates(states)
}

// lastDate finds, among the dates of what happens to a row, the one that fewest rows have: only then all has happened.
func (l *look) lastDate(t *Table, dates []DateRole) string {
	rows := l.profile.rows(t)
	found, fewest := "", rows
	for _, d := range dates {
		if !slices.Contains([]string{"shipped", "paid", "decided"}, d.Role) || d.Confidence == Low || !happened(t.Column(d.Column).words) {
			continue
		}
		st := l.profile.stats(t, d.Column)
		filled := rows - st.Nulls - st.Zero - st.Far
		if filled > 0 && filled < fewest && st.Future*20 <= filled {
			found, fewest = d.Column, filled
		}
	}
	return found
}

// happened reports whether a date's name says what was done, as shipped_at does and delivery_date does not.
func happened(words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return w == "paid" || len(w) > 4 && strings.HasSuffix(w, "ed") })
}
