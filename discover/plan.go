package discover

import (
	"fmt"
	"slices"
	"strings"
)

// plan is what the files say: the proposal with names that every engine takes.
type plan struct {
	*Proposal
	source  string // Of sources.yml.
	tables  []*planTable
	records []*planRecord
	of      map[string]*planTable
}

// planTable is a table that lands, and its core model.
type planTable struct {
	t       *Table
	name    string            // In staging.
	model   string            // In core; "" where the table has no rows yet.
	columns map[string]string // Source column to core column.
	record  *planRecord
	stated  bool // Has a key.
}

// planRecord is a lifecycle with what its files need.
type planRecord struct {
	r        *Record
	table    *planTable
	state    string // The core column with the canonical state.
	key      string // The core column with the record's key.
	joined   bool   // The key is made of several columns.
	related  []planRelated
	measures []planMeasure
	acts     []planActivity
	facts    []planFact
	steps    string // The model with the log's rows.
	logged   bool   // The log tells of states, and so of each change.
	counts   []planCount
	enter    string
	leave    string
	plural   string
}

// planRelated is somebody or something that a record concerns.
type planRelated struct {
	name, column string
	label        string // The core column with its name, "" where none is joined.
	parent       *planTable
	key          *Key
}

type planMeasure struct {
	name, column, currency, literal string
	single                          bool // All rows have one currency, so that pages may add them up without asking which.
}

// planActivity is one activity of the lifecycle.
type planActivity struct {
	name   string
	label  string // For people; the name where empty.
	at     string
	states []string // The record must be in one of these now.
	to     string
	proxy  bool
	each   bool
	when   string
	as     string
	hidden bool // Kept out of the fact.
	why    string
}

type planFact struct{ name, column, label string }

// planCount counts what a record's related concern: of whom, and why.
type planCount struct{ by, why string }

// newPlan names everything.
func newPlan(p *Proposal, name string) *plan {
	w := &plan{Proposal: p, source: safe(name), of: map[string]*planTable{}}
	staging, models := namer{}, namer{"status_map": true}
	for _, t := range p.Catalog.Tables {
		if t.View || p.leftOut(t.Name) {
			continue
		}
		pt := &planTable{t: t, name: staging.staged(t.Name), columns: map[string]string{}, stated: len(t.Primary) > 0}
		if !p.isEmpty(t) {
			pt.model = models.name(t.Name)
		}
		columns := namer{}
		for _, c := range t.Columns {
			pt.columns[c.Name] = columns.name(c.Name)
		}
		w.tables = append(w.tables, pt)
		w.of[t.Name] = pt
	}
	for i := range p.Records {
		if pt := w.of[p.Records[i].Table]; pt != nil && pt.model != "" {
			if pr := w.record(&p.Records[i], pt, models); len(pr.acts) > 0 {
				w.records = append(w.records, pr)
			} else {
				pt.record = nil // No time is known of it.
			}
		}
	}
	return w
}

func (p *Proposal) leftOut(table string) bool {
	return slices.ContainsFunc(p.LeftOut, func(l LeftOut) bool { return l.Table == table })
}

// isEmpty reports whether a table was looked at and has no rows.
func (p *Proposal) isEmpty(t *Table) bool {
	s := p.Profile.Tables[t.Name]
	return s != nil && s.Rows == 0
}

// Empty reports whether a table was looked at and has no rows.
func (p *Proposal) Empty(table string) bool {
	t := p.Catalog.Table(table)
	return t != nil && p.isEmpty(t)
}

func (t *planTable) taken(name string) bool {
	for _, c := range t.columns {
		if c == name {
			return true
		}
	}
	return false
}

// free finds a core column's name that no column of the source has.
func (t *planTable) free(names ...string) string {
	for _, n := range names {
		if !t.taken(n) {
			return n
		}
	}
	out := names[len(names)-1]
	for i := 2; t.taken(out); i++ {
		out = fmt.Sprintf("%s_%d", names[len(names)-1], i)
	}
	return out
}

// freeWithBasis finds a name that is free with and without _basis behind it.
func (t *planTable) freeWithBasis(names ...string) string {
	for _, n := range names {
		if !t.taken(n) && !t.taken(n+"_basis") {
			return n
		}
	}
	return t.free(names[len(names)-1] + "_2")
}

func (w *plan) record(r *Record, t *planTable, models namer) *planRecord {
	pr := &planRecord{r: r, table: t, plural: plural(r.Name)}
	t.record = pr
	pr.state = t.freeWithBasis("state", "canonical_state", "life_state")
	if len(r.Key) == 1 {
		pr.key = t.columns[r.Key[0]]
	} else {
		pr.key, pr.joined = t.free("record_key", "life_key"), true
	}
	if r.Log != nil && w.of[r.Log.Table] != nil && !w.isEmpty(w.of[r.Log.Table].t) {
		pr.steps = models.name(r.Name + "_steps")
		pr.logged = r.State != "" && r.Log.State+r.Log.New != ""
	}
	w.relate(pr)
	w.measure(pr)
	w.activities(pr)
	w.counters(pr)
	return pr
}

// relate picks whom and what a record concerns, eight at most.
func (w *plan) relate(pr *planRecord) {
	taken := map[string]bool{pr.r.Name: true}
	for _, k := range pr.r.Actors {
		parent := w.of[k.Parent]
		column := pr.table.columns[k.Column]
		if parent == nil || parent.model == "" || column == "" || k.Confidence == Low || len(pr.related) >= 8 ||
			slices.Contains(pr.r.Key, k.Column) {
			continue
		}
		if st := w.Profile.stats(pr.table.t, k.Column); w.Profile.rows(pr.table.t) > 0 && (st.Filled == st.Zero || st.Distinct == 1) {
			continue // It is the same for all, or for none.
		}
		if has(parent.t.words, "currency", "language", "lang", "locale") {
			continue // How a row is written, not whom it concerns.
		}
		if madeBy(pr.table.t.Column(k.Column)) && slices.ContainsFunc(pr.r.Actors, func(o *Key) bool {
			return o != k && o.Parent == k.Parent && !madeBy(pr.table.t.Column(o.Column))
		}) {
			continue // Who typed it in, where another column says whose it is.
		}
		_, stem, role := keyParts(pr.table.t.Column(k.Column).words)
		name := stateName(strings.Join(append(slices.Clone(stem), role...), "_"))
		if name == "" || taken[name] || len(name) > 40 || name == pr.state {
			name = safe(k.Column)
		}
		if taken[name] {
			continue
		}
		taken[name] = true
		rel := planRelated{name: name, column: column, parent: parent, key: k}
		if l := w.label(parent, k.Key); l != "" && len(parent.t.Primary) == 1 && parent.t.Primary[0] == k.Key {
			rel.label = pr.table.free(strings.TrimRight(name, "_") + "_name")
			pr.table.columns["\x00"+rel.label] = rel.label
		}
		pr.related = append(pr.related, rel)
	}
}

// madeBy reports whether a column says who wrote or changed a row.
func madeBy(c *Column) bool {
	return has(c.words, "created", "create", "creator", "modified", "modifier", "updated", "updater", "changed", "entered", "inserted",
		"deleted", "voided", "lastupdater")
}

// label is the column with a parent's name, "" where it has none or the name is a person's.
func (w *plan) label(parent *planTable, key string) string {
	l := labelOf(parent.t)
	if l == nil || l.Name == key || w.profileRows(parent.t) > 5000 {
		return ""
	}
	for _, s := range w.sensitive() {
		if s.Table == parent.t.Name && s.Column == l.Name {
			return ""
		}
	}
	// A name tells rows apart; a column that is mostly blank, or the same for many, is none.
	st, rows := w.Profile.stats(parent.t, l.Name), w.Profile.rows(parent.t)
	if rows > 0 && (st.Filled*10 < rows*9 || st.Distinct >= 0 && st.Distinct*2 < st.Filled) {
		return ""
	}
	return l.Name
}

func (w *plan) profileRows(t *Table) int64 { return max(t.Rows, int64(w.Profile.rows(t))) }

// measure picks the record's amounts, three at most, the totals first.
func (w *plan) measure(pr *planRecord) {
	rank := func(m Amount) int {
		words := pr.table.t.Column(m.Column).words
		n := 0
		for i, s := range []string{"grand", "total", "amount", "paid", "price"} {
			if has(words, s) {
				n += 10 - i
			}
		}
		if has(words, "base", "tax", "discount", "shipping", "usdollar", "incl", "excl", "refunded", "canceled", "cancelled", "invoiced",
			"wrapping", "subtotal") {
			n -= 12
		}
		return n - len(words)
	}
	list := slices.DeleteFunc(slices.Clone(pr.r.Money), func(m Amount) bool { return m.Confidence == Low })
	slices.SortStableFunc(list, func(a, b Amount) int { return rank(b) - rank(a) })
	for _, m := range list[:min(3, len(list))] {
		one := planMeasure{name: pr.table.columns[m.Column], column: pr.table.columns[m.Column]}
		if m.Currency != "" {
			one.currency = pr.table.columns[m.Currency]
			st := w.Profile.stats(pr.table.t, m.Currency)
			one.single = st.Distinct == 1 && st.Nulls+st.Blank == 0
		} else if w.Currency != "" {
			one.currency = pr.table.free("currency_assumed")
			one.literal, one.single = w.Currency, true
		}
		pr.measures = append(pr.measures, one)
	}
}
