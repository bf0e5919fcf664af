package discover

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Key is a foreign key that is declared or believed.
type Key struct {
	Table, Column string
	Parent, Key   string
	Tried         int // Different values that were compared with the parent's.
	Missing       int // Of them, those that the parent lacks.
	Guess
}

// candidate is a parent that a column's name could mean.
type candidate struct {
	parent *Table
	key    string
	score  int // Higher is likelier; below weakName the name alone says too little.
	why    string
}

// The scores of a candidate: what a name says by itself, and what needs values to back it.
const (
	sureName   = 100
	goodName   = 70
	weakName   = 40
	acceptable = 60
)

// finder looks for foreign keys.
type finder struct {
	catalog *Catalog
	profile *Profile
	reader  Reader // nil with no data.
	keys    map[string][]keyHolder
	given   map[string]bool // Names of keys that the server numbers in some table.
	named   map[string]bool // Names of tables, which are no short form of another's.
	user    *Table
	kinds   map[*Table][][]string // What short lists of several kinds hold, by their column of types.
	family  map[*Table]int        // How many other tables' names begin with a table's.
	counted bool                  // Most keys are numbers that the server gives.
	left    func() bool           // Reports whether the time budget still holds.
}

// keyHolder is a table with the column that its rows are known by.
type keyHolder struct {
	table *Table
	key   string
	whole bool // The column alone is unique.
}

// foreignKeys finds a parent for each column that has one.
func (f *finder) foreignKeys(ctx context.Context, ignoreDeclared bool) ([]Key, error) {
	f.index()
	f.readKinds(ctx)
	var out []Key
	for _, t := range f.catalog.Tables {
		if t.View {
			continue
		}
		known := map[string]bool{}
		if !ignoreDeclared {
			for _, d := range t.Foreign {
				if known[d.Column] {
					continue
				}
				known[d.Column] = true
				out = append(out, Key{
					Table: t.Name, Column: d.Column, Parent: d.Parent, Key: d.Key,
					Guess: Guess{fmt.Sprintf("%s.%s is a key of %s", t.Name, d.Column, d.Parent), High, "declared as a foreign key"},
				})
			}
		}
		for _, c := range t.Columns {
			if known[c.Name] {
				continue
			}
			k, err := f.keyOf(ctx, t, c)
			if err != nil {
				return nil, err
			}
			if k != nil {
				out = append(out, *k)
			}
		}
	}
	return out, nil
}

// index sorts the tables by the words of their key, and finds the table of users.
func (f *finder) index() {
	f.keys, f.given, f.named = map[string][]keyHolder{}, map[string]bool{}, map[string]bool{}
	for _, t := range f.catalog.Tables {
		if t.View {
			continue
		}
		f.named[strings.Join(t.words, " ")] = true
		for _, h := range holders(t) {
			w := strings.Join(t.Column(h.key).words, " ")
			f.keys[w] = append(f.keys[w], h)
			f.given[w] = f.given[w] || t.Column(h.key).Auto
		}
	}
	f.naturalKeys()
	f.measure()
	best := -1000
	for _, t := range f.catalog.Tables {
		if t.View || t.Key() == "" {
			continue
		}
		i := slices.IndexFunc(userTables, func(w string) bool {
			return len(t.words) > 0 && (last(t.words) == w || w == "user" && strings.HasSuffix(last(t.words), w))
		})
		if i < 0 {
			continue
		}
		// The fewer words and the likelier the word, the better.
		if rank := 100 - 10*i - len(t.words); rank > best {
			best, f.user = rank, t
		}
	}
}

// naturalKeys adds the columns that rows are known by to people, such as item_code of items, where their values tell all rows apart.
func (f *finder) naturalKeys() {
	for _, t := range f.catalog.Tables {
		rows := f.profile.rows(t)
		if t.View || f.reader == nil || rows < 10 {
			continue
		}
		for _, c := range t.Columns {
			stem := stemOf(c.words)
			if c.kind() != text || !t.Indexed[c.Name] || len(stem) == len(c.words) || !slices.Equal(stem, trimThing(t.words)) ||
				f.profile.stats(t, c.Name).Distinct != rows || slices.Contains(t.Primary, c.Name) {
				continue
			}
			w := strings.Join(c.words, " ")
			if !slices.ContainsFunc(f.keys[w], func(h keyHolder) bool { return h.table == t }) {
				f.keys[w] = append(f.keys[w], keyHolder{t, c.Name, true})
			}
		}
	}
}

// readKinds reads what the short lists of several kinds hold: tables of a name and a type that says whose word each row is.
func (f *finder) readKinds(ctx context.Context) {
	f.kinds = map[*Table][][]string{}
	if f.reader == nil {
		return
	}
	for _, t := range f.catalog.Tables {
		n := f.profile.rows(t)
		if t.View || t.Key() == "" || n == 0 || n > 500 || len(t.Columns) > 16 || labelOf(t) == nil {
			continue
		}
		i := slices.IndexFunc(t.Columns, func(c *Column) bool {
			return c.kind() == text && len(c.words) == 1 && slices.Contains([]string{"type", "kind", "class"}, c.words[0])
		})
		if i < 0 || f.profile.stats(t, t.Columns[i].Name).Distinct < 2 {
			continue
		}
		words, _, err := f.reader.Words(ctx, t, t.Columns[i].Name, 40)
		if err != nil {
			continue
		}
		for _, w := range words {
			kind := split(w.Text)
			for i := range kind {
				kind[i] = singular(kind[i])
			}
			if len(kind) > 1 {
				f.kinds[t] = append(f.kinds[t], kind)
			}
		}
	}
}

// measure looks at how the tables stand to each other.
func (f *finder) measure() {
	f.family = map[*Table]int{}
	given, whole := 0, 0
	for _, p := range f.catalog.Tables {
		if k := p.Column(p.Key()); k != nil && k.kind() == integer {
			whole++
			if k.Auto {
				given++
			}
		}
		if len(p.words) == 0 {
			continue
		}
		for _, t := range f.catalog.Tables {
			if t != p && (startsWith(t.words, p.words) || startsWith(t.words, trimThing(p.words))) {
				f.family[p]++
			}
		}
	}
	f.counted = given*2 > whole
}

// holders are the columns by which rows of a table are pointed at: its key, another single unique column with a name of a key, and the
// column of a composite key that is named after the table, as where a table has a row a language.
func holders(t *Table) []keyHolder {
	var out []keyHolder
	if k := t.Key(); k != "" && t.Column(k) != nil {
		out = append(out, keyHolder{t, k, true})
	} else if len(t.Primary) > 1 {
		for _, name := range t.Primary {
			if c := t.Column(name); c != nil && namesTable(c.words, t) {
				out = append(out, keyHolder{t, name, false})
				break
			}
		}
	}
	for _, u := range t.Unique {
		if c := t.Column(u[0]); len(u) == 1 && c != nil && !slices.Contains(t.Primary, u[0]) &&
			(has(c.words, idWords...) || has(c.words, "pid")) {
			out = append(out, keyHolder{t, u[0], true})
		}
	}
	for _, c := range t.Columns {
		known := slices.ContainsFunc(out, func(h keyHolder) bool { return h.key == c.Name })
		if !known && c.kind() == integer && (t.Indexed[c.Name] && namesTable(c.words, t) || len(t.words) > 1 &&
			slices.Equal(c.words, t.words[1:])) {
			out = append(out, keyHolder{t, c.Name, false})
		}
	}
	return out
}

// namesTable reports whether words are a key named after the table, such as order_id of orders.
func namesTable(words []string, t *Table) bool {
	stem := stemOf(words)
	return len(stem) < len(words) && len(stem) > 0 && (slices.Equal(stem, t.words) || slices.Equal(stem, trimThing(t.words)))
}

// stemOf takes the word for a key off the end or the front.
func stemOf(words []string) []string {
	n := len(words)
	if n > 1 && slices.Contains(idWords, words[n-1]) {
		return words[:n-1]
	}
	if n > 1 && slices.Contains([]string{"id", "fk", "num"}, words[0]) {
		return words[1:]
	}
	return words
}

// trimThing takes words that say nothing off the end of a table's name.
func trimThing(words []string) []string {
	for len(words) > 1 && slices.Contains(thingWords, words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	return words
}

// placing stand before "order" where that is a row's place among others.
var placing = []string{"sort", "sorting", "display", "list", "show", "view", "menu", "print", "rank", "tab", "item"}

// keyOf finds the parent of one column, nil where it has none.
func (f *finder) keyOf(ctx context.Context, t *Table, c *Column) (*Key, error) {
	switch c.kind() {
	case integer, text, decimal, binary:
	default:
		return nil, nil
	}
	if len(c.words) > 1 && slices.Contains([]string{"is", "has", "can", "show", "allow", "use", "enable", "count", "total"}, c.words[0]) {
		return nil, nil
	}
	if last := len(c.words) - 1; last > 0 && c.words[last] == "order" && slices.Contains(placing, c.words[last-1]) {
		return nil, nil
	}
	if c.isFlag() || c.Unix != "" || c.Base == "year" || c.Auto || ownKey(t, c) && namesTable(c.words, t) {
		return nil, nil
	}
	found := f.candidates(t, c)
	slices.SortStableFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(len(a.parent.words), len(b.parent.words)),
			cmp.Compare(a.parent.Name, b.parent.Name))
	})
	seen := map[string]bool{}
	var second *Key
	for i, one := range found {
		if one.score < weakName || seen[one.parent.Name+"."+one.key] {
			continue
		}
		if len(seen) >= 4 {
			break
		}
		seen[one.parent.Name+"."+one.key] = true
		k, refuted, err := f.weigh(ctx, t, c, one)
		if err != nil {
			return nil, err
		}
		if refuted {
			continue
		}
		if k.Tried == 0 && one.score < acceptable {
			continue
		}
		if k.Tried > 0 && k.Missing == k.Tried {
			if second == nil {
				second = k // Kept for the case that no other table has the values.
			}
			continue
		}
		if i > 0 && k.Confidence == High && one.score < found[0].score {
			k.Confidence = Medium
		}
		return k, nil
	}
	return second, nil
}

// weigh compares a candidate with the values.
func (f *finder) weigh(ctx context.Context, t *Table, c *Column, one candidate) (*Key, bool, error) {
	k := &Key{
		Table: t.Name, Column: c.Name, Parent: one.parent.Name, Key: one.key,
		Guess: Guess{fmt.Sprintf("%s.%s is a key of %s", t.Name, c.Name, one.parent.Name), Medium, one.why},
	}
	if one.score < acceptable {
		k.Confidence = Low
	}
	mixed := c.kind() != one.parent.Column(one.key).kind() // Believed only where values prove it.
	if f.reader == nil || f.profile.rows(t) == 0 || !f.left() {
		return k, mixed, nil
	}
	if s := f.profile.stats(t, c.Name); s.Filled == 0 || s.Filled == s.Zero {
		return k, mixed, nil
	}
	tried, missing, err := f.reader.Orphans(ctx, t, c.Name, one.parent, one.key, 5000)
	if err != nil {
		if ctx.Err() != nil {
			return nil, false, err
		}
		k.Evidence += "; its values could not be compared"
		return k, false, nil
	}
	k.Tried, k.Missing = tried, missing
	switch {
	case tried == 0:
		return k, false, nil
	case missing == 0:
		k.Evidence += fmt.Sprintf("; all %d different values are there", tried)
		if one.score >= acceptable {
			k.Confidence = High
		} else if tried >= 3 && !f.small(t, c) {
			k.Confidence = Medium
		}
	case missing*20 <= tried || one.score >= sureName && missing*4 <= tried:
		k.Evidence += fmt.Sprintf("; %d of %d different values are there", tried-missing, tried)
		k.Confidence = Medium
	case f.profile.rows(one.parent) == 0 && one.score >= sureName-10:
		k.Evidence += "; the parent has no rows"
		k.Confidence = Medium
	default:
		return nil, true, nil
	}
	if k.Confidence == Low && one.score >= acceptable {
		k.Confidence = Medium
	}
	return k, false, nil
}

// small reports whether a column has a few small numbers alone, which are found among the keys of every table.
func (f *finder) small(t *Table, c *Column) bool {
	s := f.profile.stats(t, c.Name)
	return c.kind() == integer && !t.Indexed[c.Name] && s.Distinct >= 0 && s.Distinct <= 12 && number(s.Max) <= 30
}

// references finds "references users.id" in a comment.
var references = regexp.MustCompile("(?i)(?:references?|refers? to|fk to|foreign key to|points? to|link(?:s|ed)? " +
	"to|->|see)\\s*:?\\s*[`'\"]?(\\w+)[`'\"]?(?:\\.|\\()[`'\"]?(\\w+)")

func (f *finder) candidates(t *Table, c *Column) []candidate {
	var out []candidate
	add := func(parent *Table, key string, score int, why string) {
		if parent == nil || key == "" || parent == t && key == c.Name {
			return
		}
		k := parent.Column(key)
		if k == nil || !comparable(c, k) {
			return
		}
		if !alike(c, k) {
			score -= 15
		}
		out = append(out, candidate{parent, key, score, why})
	}
	if m := references.FindStringSubmatch(c.Comment); m != nil {
		if p := f.tableNamed(m[1]); p != nil && p.Column(m[2]) != nil {
			add(p, m[2], sureName+20, "its comment says so")
		}
	}
	f.byKeyName(t, c, add)
	f.byTableName(t, c, add)
	f.byRole(t, c, add)
	f.byFamily(t, c, add)
	f.byKindInside(t, c, add)
	return out
}

func (f *finder) tableNamed(name string) *Table {
	if t := f.catalog.byName[name]; t != nil {
		return t
	}
	for _, t := range f.catalog.Tables {
		if strings.EqualFold(t.Name, name) || strings.EqualFold(t.Name, f.catalog.prefix+name) {
			return t
		}
	}
	return nil
}

// comparable reports whether two columns can hold the same values.
func comparable(a, b *Column) bool {
	ka, kb := a.kind(), b.kind()
	numeric := func(k kind) bool { return k == integer || k == decimal }
	return numeric(ka) && numeric(kb) || ka == kb || ka == text && kb == integer
}

// alike reports whether two columns are declared so much alike as keys are.
func alike(a, b *Column) bool {
	if a.kind() != b.kind() {
		return false
	}
	if a.kind() == text {
		return a.Type == b.Type || a.Base == b.Base || strings.HasPrefix(b.Type, "char(3")
	}
	return true
}
