package discover

import (
	"slices"
	"strings"
)

type adder func(parent *Table, key string, score int, why string)

// ownKey reports whether a column is what its own table's rows are known by.
func ownKey(t *Table, c *Column) bool { return t.Key() == c.Name }

// byKeyName finds the tables whose key has the column's own name, such as emp_no or order_id.
func (f *finder) byKeyName(t *Table, c *Column, add adder) {
	if strings.Join(c.words, " ") == "entity id" || len(c.words) == 1 && !c.isCodeKey() || ownKey(t, c) && namesTable(c.words, t) {
		return
	}
	same := f.keys[strings.Join(c.words, " ")]
	stem := stemOf(c.words)
	named := slices.ContainsFunc(same, func(h keyHolder) bool { return namesTable(c.words, h.table) })
	for _, h := range same {
		if h.table == t && h.key == c.Name {
			continue
		}
		score := goodName + 3
		switch {
		case namesTable(c.words, h.table):
			score = sureName
		case h.table.Column(h.key).words[0] == "fk":
			score = weakName // Its own name says that it points elsewhere.
		case named:
			score = weakName // Another table is named by it; this one extends it.
		case endsWith(h.table.words, stem) || endsWith(trimThing(h.table.words), stem):
			score = goodName + 12
		case abbreviates(stem, h.table.words):
			score = goodName + 14
		case len(same) == 1:
			score = goodName + 10
		}
		if !named && ownKey(t, c) && f.weight(h.table) <= f.weight(t) {
			continue // Of two tables with the same key the first one is not known.
		}
		if !h.whole {
			score -= 8
		}
		score += f.weight(h.table) + 2*min(4, shared(t.words, h.table.words))
		if startsWith(t.words, h.table.words) {
			score += 8
		}
		add(h.table, h.key, score, "it has the name of that table's key")
	}
}

// isCodeKey reports whether a name of one word can be a key by itself.
func (c *Column) isCodeKey() bool {
	return len(c.words) == 1 && !slices.Contains(genericKeys, c.words[0])
}

// genericKeys are names of keys that every table may have.
var genericKeys = []string{
	"id", "code", "name", "key", "no", "uuid", "guid", "number", "type", "value", "label", "title", "sort",
	"position", "order", "entity", "date", "version", "language", "locale", "year", "slug", "path", "hash", "token", "url", "email", "ip",
	"level",
}

// abbreviates reports whether each word begins one of the others, as emp does employee and dept does department.
func abbreviates(short, long []string) bool {
	if len(short) == 0 || len(short) != len(long) {
		return false
	}
	for i, s := range short {
		l := long[i]
		if s == l {
			continue
		}
		if len(s) < 2 || len(s) >= len(l) || s[0] != l[0] {
			return false
		}
		// The letters come in order, the first two together or the word begins with them all.
		rest := l
		for _, r := range s {
			at := strings.IndexRune(rest, r)
			if at < 0 {
				return false
			}
			rest = rest[at+1:]
		}
	}
	return true
}

// byTableName finds the tables that the column's stem names: whole, by their last words, with a role before or behind it.
func (f *finder) byTableName(t *Table, c *Column, add adder) {
	marked, stem, role := keyParts(c.words)
	if len(stem) == 0 || ownKey(t, c) && !marked {
		return
	}
	if !slices.ContainsFunc(stem, func(w string) bool { return !slices.Contains(thingWords, w) }) {
		for _, p := range f.catalog.Tables {
			switch {
			case p.Key() == "" || p == t:
			case slices.Equal(p.words, stem):
				add(p, p.Key(), sureName, "its name is that table's name and a word for a key")
			case (startsWith(t.words, p.words) || startsWith(p.words, t.words)) && endsWith(p.words, stem) && (marked || t.Indexed[c.Name]):
				add(p, p.Key(), sureName-15, "it is named after what the table's own name and it say together")
			}
		}
		return
	}
	for drop := range stem {
		f.byStem(t, c, stem[drop:], nameParts{marked: marked, dropped: drop, role: len(role) > 0}, add)
	}
	if n := len(stem); n > 1 && slices.Contains(sideWords, stem[n-1]) && len(f.keys[strings.Join(c.words, " ")]) == 0 {
		f.byStem(t, c, stem[:n-1], nameParts{marked: marked, role: true}, add)
	}
	if c.words[0] == "id" || c.words[0] == "fk" {
		for n := len(stem) - 1; n > 0; n-- {
			f.byStem(t, c, stem[:n], nameParts{marked: marked, dropped: len(stem) - n - 1, role: true}, add)
		}
	}
}

// nameParts says how a stem was cut out of a column's name.
type nameParts struct {
	marked  bool // There was a word for a key.
	dropped int  // Words left out before the stem.
	role    bool // Words left out behind it.
}

// another reports whether a column of a table names another row of the same one: its name and a role, such as invoice_source_id.
func (n nameParts) another(t *Table, c *Column, stem []string) bool {
	return n.marked && (n.role || n.dropped > 0) && len(c.words) > len(stem)+1 && slices.Equal(stem, trimThing(t.words))
}

func (n nameParts) penalty(t *Table, c *Column) int {
	dropped := n.dropped
	if dropped > 0 && has(c.words[:1], "current", "cur", "present", "actual") {
		dropped-- // The current state is the state.
	}
	out := 10 * dropped
	if n.role {
		out += 4
	}
	if !n.marked {
		out += 12
		if !t.Indexed[c.Name] {
			out += 14
			if dropped > 0 {
				out += 6
			}
		}
	}
	return out
}

// byStem finds the tables that a stem names.
func (f *finder) byStem(t *Table, c *Column, stem []string, n nameParts, add adder) {
	for _, p := range f.catalog.Tables {
		if p.View || p == t && (ownKey(t, c) || endsWith(t.words, stem) && !n.another(t, c, stem)) {
			continue
		}
		score, why := f.stemScore(t, p, stem, n.marked)
		if score == 0 || score < sureName-4 && len(stem) == 1 && len(stem[0]) < 3 {
			continue
		}
		score -= n.penalty(t, c)
		if n.dropped > 0 {
			why += ", after a role"
		}
		for i, h := range holders(p) {
			k := p.Column(h.key)
			if !n.marked && k.kind() == text && !k.Auto && c.kind() != text {
				continue
			}
			bonus := f.weight(p)
			if n.dropped == 0 && !n.role && (slices.Equal(stem, p.words) || slices.Equal(stem, trimThing(p.words))) {
				bonus = 0
			} else if len(k.words) > 1 && !namesTable(k.words, p) && !slices.Equal(k.words, c.words) && strings.Join(k.words, " ") != "entity id" {
				bonus -= 15
			} else if !k.Auto && slices.Equal(k.words, c.words) && f.given[strings.Join(k.words, " ")] {
				bonus -= 30 // Another table's numbers, borrowed here.
			}
			add(p, h.key, score+bonus-7*i, why)
		}
	}
}

// kindWords end the name of a table that lists what there can be of a thing.
var kindWords = []string{"type", "status", "category", "state", "kind", "class"}

// stemScore says how well a stem names a table, seen from the table whose column it is.
func (f *finder) stemScore(t, p *Table, stem []string, marked bool) (int, string) {
	full, bare := p.words, trimThing(p.words)
	switch {
	case slices.Equal(stem, full):
		return sureName, "its name is that table's name and a word for a key"
	case slices.Equal(stem, bare):
		return sureName - 3, "its name is that table's name and a word for a key"
	}
	if front := ownFront(t.words, stem, full); front > 0 {
		score := sureName - 15 + 5*min(4, front)
		if front == len(t.words) || front == len(t.words)-1 {
			score += 3
		}
		return score, "it is named after what the table's own name and it say together"
	}
	if marked && len(stem) > 1 && len(full) == len(stem)+1 && startsWith(full, stem) && slices.Contains(kindWords, full[len(full)-1]) {
		return sureName - 15, "that table's name says its types"
	}
	if !marked && len(stem) == 1 && slices.Contains(kindWords, stem[0]) && len(full) > 1 && !startsWith(full, t.words) &&
		!slices.Contains(t.words, stem[0]) &&
		!slices.ContainsFunc(full[:len(full)-1], func(w string) bool { return slices.Contains(t.words, w) }) {
		return 0, "" // An invoice's status does not refer to a ticket's, even where both use the same small numbers.
	}
	if endsWith(full, stem) || endsWith(bare, stem) {
		long := full
		if endsWith(bare, stem) {
			long = bare
		}
		return goodName + 4 - 4*(len(long)-len(stem)) + 5*min(3, common(t.words, long, stem)), "it has the last words of that table's name"
	}
	if glued := strings.Join(stem, ""); len(stem) > 1 && len(glued) > 5 && glued == last(full) {
		return goodName + 6 + 3*min(4, shared(t.words, full)), "it is that table's name, written in one"
	}
	if !f.named[strings.Join(stem, " ")] && p != t && (abbreviates(stem, full) || len(full) > 1 && len(full[0]) == 1 &&
		abbreviates(stem, full[1:])) {
		return goodName - 2, "it is that table's name in short"
	}
	if !f.named[strings.Join(stem, " ")] && slices.Equal(canonical(stem), canonical(letterless(bare))) {
		return goodName + 6, "it is that table's name in another language"
	}
	if len(full) == len(stem)+1 {
		switch {
		case !marked && startsWith(full, stem) && slices.Contains(kindWords, full[len(full)-1]):
			return sureName - 20, "that table's name says its types"
		case startsWith(full, stem):
			return weakName + 6, "that table's name begins with it"
		}
	}
	return 0, ""
}

// letterless takes a single letter off the front of a table's name, such as the c of c_country.
func letterless(words []string) []string {
	if len(words) > 1 && len(words[0]) == 1 {
		return words[1:]
	}
	return words
}

// canonical puts one word for all that mean the same.
func canonical(words []string) []string {
	out := slices.Clone(words)
	for i, w := range out {
		if same, ok := sameThing[w]; ok {
			out[i] = same
		}
	}
	return out
}

// common counts the words of both tables beside the stem.
func common(a, b, stem []string) int {
	n := 0
	for _, w := range b[:len(b)-len(stem)] {
		if slices.Contains(a, w) {
			n++
		}
	}
	return n
}

// ownFront reports how many words of its own table's name stand before the stem in the parent's: status of orders is orders_status.
func ownFront(table, stem, parent []string) int {
	if len(stem) >= len(parent) || !endsWith(parent, stem) {
		return 0
	}
	front := parent[:len(parent)-len(stem)]
	if startsWith(table, front) || endsWith(table, front) {
		return len(front)
	}
	return 0
}

// weight prefers the tables that others are made around: whose numbers the server gives, and which other tables' names begin with.
func (f *finder) weight(p *Table) int {
	out := min(6, f.family[p])
	if f.counted {
		if k := p.Column(p.Key()); k != nil && k.kind() == integer && !k.Auto {
			out -= 10
		}
	}
	return out - max(0, len(p.words)-2)
}

// keyParts takes the word for a key off, and says whether there was one: customer_id, id_customer, users_id_tech, person_a.
func keyParts(words []string) (marked bool, stem, role []string) {
	n := len(words)
	switch {
	case n > 1 && slices.Contains(idWords, words[n-1]):
		stem = words[:n-1]
		if m := len(stem); m > 1 && len(stem[m-1]) == 1 {
			return true, stem[:m-1], stem[m-1:]
		}
		return true, stem, nil
	case n > 1 && (words[0] == "id" || words[0] == "fk"):
		return true, words[1:], nil
	}
	if i := slices.IndexFunc(words, func(w string) bool { return slices.Contains(strictIDWords, w) }); i > 0 && i < n-1 {
		return true, words[:i], words[i+1:]
	}
	if n > 1 && len(words[n-1]) == 1 {
		return false, words[:n-1], words[n-1:]
	}
	return false, words, nil
}

// byRole finds the table of people behind created_by, owner_id, assigned_user_id.
func (f *finder) byRole(t *Table, c *Column, add adder) {
	if f.user == nil || ownKey(t, c) {
		return
	}
	marked, stem, _ := keyParts(c.words)
	if len(stem) > len(t.words) && startsWith(stem, t.words) {
		stem = stem[len(t.words):] // The author of post_author in posts.
	}
	key := f.user.Key()
	n := len(stem)
	by := n > 1 && stem[n-1] == "by"
	doing := n > 0 && !slices.ContainsFunc(stem, func(w string) bool {
		return !slices.Contains(doings, w) && w != "user" && w != "staff" && w != "admin" && w != "employee"
	})
	switch {
	case by && (doing || has(stem, doings...)):
		add(f.user, key, goodName+8, "it says who did something, and that table holds the users")
	case doing && n == 1 && slices.Contains([]string{
		"creator", "author", "owner", "editor", "modifier", "updater", "assignee", "approver",
		"reviewer", "reporter", "requester",
	}, stem[0]):
		add(f.user, key, goodName, "it says who did something, and that table holds the users")
	case n == 1 && c.kind() == integer && (slices.Contains(peopleWords, stem[0]) || stem[0] == "by"):
		add(f.user, key, acceptable+6, "it names a person who works, and that table holds the users")
	case doing && marked:
		add(f.user, key, goodName+4, "it says who did something, and that table holds the users")
	case doing && n > 1 && (stem[n-1] == "to" || stem[n-1] == "user"):
		add(f.user, key, goodName, "it says who did something, and that table holds the users")
	}
	switch {
	case strings.Join(c.words, " ") == "uid":
		add(f.user, key, acceptable+4, "it is short for a user's key")
	case n == 1 && !marked && c.kind() == integer && slices.Contains(userTables, stem[0]) && !f.nameEnds(stem[0]):
		add(f.user, key, acceptable+4, "it names a person, and no other table than that of the users holds people")
	case n > 0 && (marked || n == 1 && c.kind() == integer) && doer(stem[n-1]) && !f.nameEnds(stem[n-1]):
		add(f.user, key, acceptable-5, "it says who does something, and that table holds the users")
	}
	if marked && n > 0 && (slices.Contains(userTables, stem[n-1]) && f.user.words[len(f.user.words)-1] != stem[n-1] ||
		slices.Contains(peopleWords, stem[n-1])) {
		add(f.user, key, acceptable, "it names a person who works, and that table holds the users")
	}
}

// nameEnds reports whether a table's name ends with a word.
func (f *finder) nameEnds(word string) bool {
	return slices.ContainsFunc(f.catalog.Tables, func(t *Table) bool {
		return !t.View && t.Key() != "" && len(t.words) > 0 && last(trimThing(t.words)) == word
	})
}

// noDoers end like a word for somebody who does something, and are things.
var noDoers = []string{
	"order", "number", "folder", "header", "server", "printer", "layer", "tier", "center", "counter", "register", "letter", "chapter",
	"error", "color", "colour", "vendor", "supplier", "customer", "computer", "router", "container", "folder", "filter", "parameter", "buffer",
	"identifier", "transfer", "offer", "paper", "user", "officer", "master", "ledger", "slider", "footer", "banner", "pointer", "other",
	"factor",
	"sensor", "motor", "monitor", "floor", "door", "employee", "fee", "degree", "committee", "trader", "marker", "career", "carrier", "timer",
	"power", "corner", "border", "cluster", "adapter", "sector", "vector", "operator", "provider", "member", "voucher", "power", "semester",
	"quarter", "meter", "matter", "reminder", "calender", "calendar", "tracker", "issuetracker", "codetracker", "player", "manufacturer",
	"publisher", "caller", "publisher", "answer", "trigger", "helper", "handler", "wrapper", "placeholder", "gender", "newsletter", "poster",
}

// doer reports whether a word is somebody who does something, such as tester, uploader, assignor and delegate.
func doer(word string) bool {
	return word == "delegate" || len(word) > 4 && (strings.HasSuffix(word, "er") || strings.HasSuffix(word, "or")) &&
		!slices.Contains(noDoers, word)
}

// namedBeside reports whether another column of a table points at p by its whole name, so that a parent must be something else.
func namedBeside(t *Table, c *Column, p *Table) bool {
	return slices.ContainsFunc(t.Columns, func(o *Column) bool {
		_, stem, role := keyParts(o.words)
		return o != c && len(role) == 0 && !ownKey(t, o) && len(stem) < len(o.words) && slices.Equal(stem, trimThing(p.words))
	})
}

// byKindInside finds a list of several kinds, such as the priorities among the enumerations: its rows say their kind by the key's name.
func (f *finder) byKindInside(t *Table, c *Column, add adder) {
	marked, stem, _ := keyParts(c.words)
	if !marked || len(stem) == 0 {
		return
	}
	for p, kinds := range f.kinds {
		for _, kind := range kinds {
			if p != t && endsWith(kind, stem) {
				add(p, p.Key(), goodName+3*shared(kind, t.words), "rows of that table say that they are such")
			}
		}
	}
}

// shadows reports whether a table keeps earlier versions of another one's rows: it is named after it, and has most of its columns.
func shadows(t, p *Table) bool {
	if t == p || p.View || p.Key() == "" || len(p.Columns) < 3 || !startsWith(t.words, p.words) || len(t.words) == len(p.words) ||
		slices.ContainsFunc(t.words[len(p.words):], func(w string) bool { return !slices.Contains(shadowWords, w) }) {
		return false
	}
	n := 0
	for _, c := range p.Columns {
		if t.Column(c.Name) != nil {
			n++
		}
	}
	return n*4 >= len(p.Columns)*3
}

// shadowWords follow a table's name in the name of the one with the earlier versions of its rows.
var shadowWords = []string{"history", "hist", "audit", "aud", "log", "version", "revision", "archive", "journal", "trail", "change"}

// byFamily finds the table that another one extends: entity_id of customer_entity_varchar, parent_id of order_item.
func (f *finder) byFamily(t *Table, c *Column, add adder) {
	_, stem, _ := keyParts(c.words)
	if strings.Join(c.words, " ") == "report to" {
		add(t, t.Key(), sureName, "it says whom the row reports to")
		return
	}
	for _, p := range f.catalog.Tables {
		if shadows(t, p) && !ownKey(t, c) && c.Name == p.Key() {
			add(p, p.Key(), sureName, "the table keeps earlier versions of that table's rows, by the same key")
		}
	}
	parent := has(stem, parentWords...)
	entity := strings.Join(stem, " ") == "entity"
	if !parent && !entity {
		return
	}
	if entity {
		stem = nil
	}
	rest := slices.DeleteFunc(slices.Clone(stem), func(w string) bool {
		return slices.Contains(parentWords, w) || w == "to" ||
			w == "version"
	})
	if parent && t.Key() != "" && !ownKey(t, c) {
		score := goodName
		if len(rest) > 0 && endsWith(t.words, rest) {
			score += 35
		}
		if len(c.words) == 1 || c.words[0] == "previous" || c.words[0] == "original" {
			score += 12
		}
		if len(rest) > 0 && !endsWith(t.words, rest) && t.Key() != strings.Join(rest, "_")+"_id" {
			score = weakName
		}
		add(t, t.Key(), score, "it names a parent, and the table itself may be meant")
	}
	for _, p := range f.catalog.Tables {
		if p == t || p.View || p.Key() == "" || len(rest) > 0 || parent && namedBeside(t, c, p) {
			continue
		}
		k := p.Column(p.Key())
		bare := trimThing(p.words)
		n := 0
		switch {
		case startsWith(t.words, p.words):
			n = len(p.words)
		case startsWith(t.words, bare):
			n = len(bare)
		}
		if n == 0 || n == len(t.words) && len(p.words) >= len(t.words) {
			continue
		}
		switch {
		case entity && slices.Equal(k.words, c.words):
			add(p, p.Key(), goodName+5+3*n+2*(shared(t.words, p.words)-n), "the table's name begins with that table's, which has the same key")
		case parent:
			add(p, p.Key(), goodName-2+3*n, "it names a parent, and the table's name begins with that table's")
		}
	}
}
