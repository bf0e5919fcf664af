package discover

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var stateWords = []string{
	"status", "state", "stage", "phase", "statut", "etat", "estado", "estatus", "zustand", "stato", "situation",
	"stav", "situacao", "stadium", "progress", "disposition", "fase",
}

// stateOf is a column that may hold the present state of a table's rows.
type stateOf struct {
	column *Column
	lookup *Key // To the list of states, nil where the column itself says it.
	score  int
	why    []string

	qualified bool // Its name says more than a state.
}

// stateColumn finds the column with the state of a table's rows, nil where none is likely.
func (l *look) stateColumn(t *Table) *stateOf {
	var found []*stateOf
	for _, c := range t.Columns {
		if s := l.maybeState(t, c); s != nil {
			found = append(found, s)
		}
	}
	slices.SortStableFunc(found, func(a, b *stateOf) int { return cmp.Compare(b.score, a.score) })
	if len(found) == 0 || found[0].score < 3 {
		return nil
	}
	return found[0]
}

// maybeState weighs one column.
func (l *look) maybeState(t *Table, c *Column) *stateOf {
	marked, stem, _ := keyParts(c.words)
	if len(stem) == 0 || slices.Contains(t.Primary, c.Name) {
		return nil
	}
	at := slices.IndexFunc(stem, func(w string) bool { return slices.Contains(stateWords, w) })
	if at < 0 {
		return nil
	}
	if has(stem[at+1:], "reason", "comment", "note", "description", "text", "message", "detail") {
		return nil // Words about a state.
	}
	k := c.kind()
	if k != text && k != enum && k != integer || c.isTime() || strings.HasPrefix(c.Type, "tinyint(1)") &&
		l.profile.stats(t, c.Name).Distinct <= 2 && l.profile.stats(t, c.Name).Max <= "1" {
		return nil
	}
	s := &stateOf{column: c}
	if !l.weighLookup(t, c, s) {
		return nil
	}
	qualifier := slices.Concat(stem[:at], stem[at+1:])
	qualifier = slices.DeleteFunc(qualifier, func(w string) bool {
		return slices.Contains(t.words, w) || slices.Contains([]string{
			"current", "cur", "present", "actual", "order", "appt", "sale", "sales",
			"message", "process", "record", "fulfiller", "workflow", "last", "of", "overall", "main", "fk", "ticket", "request", "job", "task",
			"lead", "loan", "enum", "code", "cd", "id", "value",
		}, w)
	})
	s.qualified = len(qualifier) > 0
	switch {
	case has(qualifier, "marital", "employment", "employee", "allergy", "tax", "stock", "payment", "shipping", "province", "address", "bill",
		"ship", "country", "vat", "smoking", "immigration", "citizen", "residence", "civil", "family", "online", "read", "sync", "verification",
		"email", "mail", "login", "send", "sms", "previous", "old", "new", "next", "from", "to", "src", "dst", "event", "trial", "deceased",
		"patient", "billing",
		"license", "discount", "recurrence", "export", "import", "kyc", "approval", "review", "state", "post", "comment", "ping"):
		s.score -= 2
		s.why = append(s.why, "its name says more than a state")
		if has(qualifier, "marital", "employment", "employee", "allergy", "tax", "stock", "province", "address", "country", "smoking",
			"previous", "old", "new", "civil", "trial", "from", "to", "src", "dst") {
			return nil
		}
	case len(qualifier) == 0:
		s.score += 3
	case len(qualifier) == 1:
		s.score++
	}
	if stem[len(stem)-1] == "progress" {
		if k == integer {
			return nil
		}
		s.score-- // More often how far something is than what state it is in.
	}
	if marked && s.lookup == nil {
		s.score--
	}
	if geographic(t, c) {
		return nil
	}
	st := l.profile.stats(t, c.Name)
	if n := l.profile.rows(t); n > 0 {
		switch {
		case st.Filled == 0:
			s.score -= 3
		case st.Distinct == 1:
			s.score--
		case st.Distinct > 60 || st.Distinct*2 > n && n > 20:
			return nil
		case st.Distinct >= 2:
			s.score += 2
		}
		if k == integer && s.lookup == nil && number(st.Max) <= 1 && number(st.Min) >= 0 {
			return nil // A yes or no.
		}
	}
	if k == text && strings.HasPrefix(c.Type, "varchar(2)") || c.kind() == text && st.Longest > 60 {
		s.score -= 2
	}
	return s
}

// weighLookup weighs the list of states that a column points at; false where it points at something else.
func (l *look) weighLookup(t *Table, c *Column, s *stateOf) bool {
	for _, key := range l.out.keysOf[t.Name] {
		if key.Column != c.Name {
			continue
		}
		p := l.catalog.Table(key.Parent)
		switch {
		case p == nil || !has(p.words, stateWords...) && !has(p.words, "event"):
			return false
		case key.Confidence == Low:
		default:
			s.lookup = key
			s.score += 3
			if key.Tried > 0 && key.Missing == key.Tried {
				s.score -= 4 // The list has none of the values.
			}
			if l.users(p) > 8 {
				s.score -= 3 // A list that everything uses says where a thing stands, not how far it is.
			}
			s.why = append(s.why, "it points at "+key.Parent)
		}
	}
	return true
}

// users counts the tables that point at a list, without copies and logs.
func (l *look) users(p *Table) int {
	n := 0
	for _, k := range l.out.keysTo[p.Name] {
		if t := l.catalog.Table(k.Table); t != nil && l.looks(t).copyOf == "" && !l.looks(t).log && !has(t.words, copyWords...) {
			n++
		}
	}
	return n
}

// geographic reports whether a "state" is part of an address.
func geographic(t *Table, c *Column) bool {
	if !has(c.words, "state", "estado", "etat") {
		return false
	}
	n := slices.IndexFunc(c.words, func(w string) bool { return w == "state" || w == "estado" || w == "etat" })
	front := c.words[:n]
	return slices.ContainsFunc(t.Columns, func(o *Column) bool {
		return o != c && has(o.words, "city", "zip", "postcode", "postal", "postalcode", "country", "street", "town", "ville", "ciudad") &&
			(len(front) == 0 || shared(front, o.words) > 0) &&
			!(c.kind() == integer && !has(c.words, "id"))
	})
}

// readStates finds the words of a state column and what they mean.
func (l *look) readStates(ctx context.Context, t *Table, s *stateOf) ([]State, bool, error) {
	if l.NoData {
		return statesOfType(s.column), false, nil
	}
	words, whole, err := l.reader.Words(ctx, t, s.column.Name, 80)
	if err != nil {
		return nil, false, ctx.Err()
	}
	labels, flags := l.lookupRows(ctx, s)
	if s.lookup == nil {
		for code, label := range l.optionsOf(ctx, s.column, words) {
			labels[code] = label
		}
	}
	var out []State
	seen := map[string]bool{}
	for _, w := range words {
		if w.Null || strings.TrimSpace(w.Text) == "" {
			continue
		}
		// One state in two spellings is one state.
		if key := strings.ToLower(strings.TrimSpace(w.Text)); seen[key] {
			i := slices.IndexFunc(out, func(s State) bool { return strings.EqualFold(strings.TrimSpace(s.Raw), key) })
			out[i].Rows += w.Rows
			continue
		}
		seen[strings.ToLower(strings.TrimSpace(w.Text))] = true
		out = append(out, l.stateFor(w.Text, w.Rows, s, labels, flags))
	}
	for _, raw := range sortedKeys(labels) {
		if !seen[strings.ToLower(raw)] {
			out = append(out, l.stateFor(raw, 0, s, labels, flags))
		}
	}
	for _, st := range statesOfType(s.column) {
		if !seen[strings.ToLower(st.Raw)] {
			out = append(out, st)
		}
	}
	fromComment(s.column, out)
	nameStates(out)
	acceptedAtLast(out)
	return out, whole, nil
}

// acceptedAtLast takes acceptance for the decision where nothing comes after it, and its opposite is a state too.
func acceptedAtLast(states []State) {
	refused := slices.ContainsFunc(states, func(s State) bool { return has(split(s.Label), "rejected", "refused", "declined", "denied") })
	later := slices.ContainsFunc(states, func(s State) bool { return s.Meaning == Decided })
	for i := range states {
		if s := &states[i]; refused && !later && s.Meaning == Open && slices.Contains([]string{"accepted", "confirmed", "granted"}, s.Name) {
			s.Meaning = Decided
			s.Guess = Guess{s.Label + " is decided", Medium, "it is what may be refused, and no state follows it"}
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (l *look) stateFor(raw string, rows int64, s *stateOf, labels map[string]string, flags map[string]flagged) State {
	st := State{Raw: raw, Label: raw, Rows: rows, Meaning: Unknown}
	why := "its name"
	if label, ok := labels[raw]; ok && label != "" {
		st.Label = label
		why = "its name in the list of states"
	}
	if f, ok := flags[raw]; ok {
		st.Meaning = f.meaning
		why = "the list of states says " + f.why
	}
	if m := meansBy(st.Label); st.Meaning == Unknown || m == Void {
		st.Meaning = m
	}
	st.Guess = Guess{fmt.Sprintf("%s is %s", st.Label, st.Meaning), Medium, why}
	if number(raw) == 0 && raw == "0" && s.lookup != nil && st.Label == raw {
		st.Label = "None yet" // An application without foreign keys writes 0 where a record has no state.
	}
	if st.Meaning == Unknown {
		st.Guess = Guess{st.Label + " has no known meaning", Low, "only who knows the application can say"}
	}
	return st
}

// statesOfType are the words that an enum declares.
func statesOfType(c *Column) []State {
	if c.kind() != enum {
		return nil
	}
	_, args, _ := strings.Cut(c.Type, "(")
	var out []State
	for _, w := range strings.Split(strings.TrimSuffix(args, ")"), "','") {
		w = strings.Trim(w, "'")
		if w == "" {
			continue
		}
		m := meansBy(w)
		out = append(out, State{Raw: w, Label: w, Meaning: m, Guess: Guess{w + " is " + string(m), Medium, "its name in the column's type"}})
	}
	nameStates(out)
	return out
}

type flagged struct {
	meaning Meaning
	why     string
}

// lookupRows reads the list of states: its labels, and what its flags or groups say.
func (l *look) lookupRows(ctx context.Context, s *stateOf) (map[string]string, map[string]flagged) {
	labels, flags := map[string]string{}, map[string]flagged{}
	if s.lookup == nil || !l.left() {
		return labels, flags
	}
	p := l.catalog.Table(s.lookup.Parent)
	read := func(t *Table, key string) {
		label := labelOf(t)
		columns := []string{key}
		if label != nil && label.Name != key {
			columns = append(columns, label.Name)
		}
		var more []*Column
		for _, c := range t.Columns {
			if c.Name != key && (label == nil || c.Name != label.Name) && (c.kind() == integer || c.kind() == enum || c.kind() == text) {
				more = append(more, c)
				columns = append(columns, c.Name)
			}
		}
		rows, err := l.reader.Rows(ctx, t, columns, 300)
		if err != nil {
			return
		}
		for _, r := range rows {
			k := r[key]
			if label != nil && labels[k] == "" {
				labels[k] = r[label.Name]
			}
			if m, why := meansByFlags(r, more); m != Unknown {
				if _, ok := flags[k]; !ok {
					flags[k] = flagged{m, why}
				}
			}
		}
	}
	read(p, s.lookup.Key)
	// Its names may stand in a table of translations beside it.
	if len(labels) == 0 || labelOf(p) == nil || has(labelOf(p).words, "module") {
		for _, k := range l.out.keysTo[p.Name] {
			t := l.catalog.Table(k.Table)
			if t != nil && startsWith(t.words, p.words) && labelOf(t) != nil && (l.looks(t).words || has(t.words, "lang", "label", "description",
				"translation")) {
				for code := range labels {
					labels[code] = ""
				}
				read(t, k.Column)
			}
		}
	}
	return labels, flags
}

// codeInComment is "1 = open", "U: unpaid" or "(2) closed"; a label ends where the next code begins.
var codeInComment = regexp.MustCompile(`(?:^|[\s,;|/(\[])['"]?([A-Za-z0-9]{1,4})['"]?\s*(?:=>|=|:|\)|-)\s*`)

// fromComment reads meanings such as "1 = open, 2 = closed" or "0=new 1=paid" from a column's comment.
func fromComment(c *Column, states []State) {
	labels := map[string]string{}
	found := codeInComment.FindAllStringSubmatchIndex(c.Comment, -1)
	for n, m := range found {
		end := len(c.Comment)
		if n+1 < len(found) {
			end = found[n+1][0]
		}
		label, _, _ := strings.Cut(c.Comment[m[1]:end], "\n")
		labels[strings.ToLower(c.Comment[m[2]:m[3]])] = strings.Trim(label, " \t'\"()[],;|/.")
	}
	for i := range states {
		s := &states[i]
		label := labels[strings.ToLower(strings.TrimSpace(s.Raw))]
		if s.Label != s.Raw || label == "" || len([]rune(label)) > 40 {
			continue
		}
		s.Label, s.Meaning = label, meansBy(label)
		s.Guess = Guess{s.Label + " is " + string(s.Meaning), Medium, "the column's comment"}
	}
}
