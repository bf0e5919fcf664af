package sample

import (
	"slices"
)

// plan says how many cases of each kind every period has at a scale. At scale 1 they are as many as the real ones, whatever the seed: the
// seed says in which order they come.
type plan struct {
	*shape
	months  []month
	cases   int64
	classes []class
	// The first numbers of what was made after the migration.
	firstDated int64
	millionths int64
	singles    map[place]single
}

// month is a period at a scale.
type month struct {
	*period
	cells   []cell
	n       int64 // Cases in it.
	before  int64 // Cases before it.
	firstID int64
	span    int64 // Numbers of treatments that it has.
	begin   int64 // The first second of its first case.
	end     int64 // The last second of its last.
	old     bool  // Before the migration.
}

// cell is the cases of one kind in a month: those at the places from `from` on, until the next cell's.
type cell struct {
	*kind
	from  int64
	class int   // Which class of cases they are of; -1 where they have no items.
	first int64 // How many cases the class has before these.
}

// class is the cases that share a distribution of the number of items.
type class struct {
	items *counts
	n     int64
}

// place is a case of a cell.
type place struct {
	cell *kind
	at   int64 // Among the cases of its kind and month.
	when int
}

// single is a thing that few rows have.
type single uint8

const (
	absurdClaim single = 1 << iota
	absurdDraft
	absurdItem
	absurderItem
	foreignMoney
	negativeItem
)

var (
	lastTreatment = int64(538_975)
	migrationEnd  = unix(2018, 1, 25, 16, 32, 56)
	datedBegin    = unix(2018, 1, 25, 22, 47, 29)
	lastCase      = unix(2019, 11, 25, 16, 52, 9)
	dataEnd       = unix(2019, 11, 25, 18, 7, 35)
)

const firstTreatment = 6_765

// newPlan scales the real shape. Whole numbers only: a float is rounded differently by different processors.
func newPlan(scale float64) *plan {
	millionths := int64(scale*1e6 + 0.5)
	p := &plan{shape: realShape(), singles: map[place]single{}, millionths: millionths}
	numbers := map[string]int{}
	var exact [4]int64 // How many cases of a group there are up to here at scale 1.
	var made [4]int64
	id := int64(firstTreatment)
	for i := range p.periods {
		m := month{period: &p.periods[i], before: p.cases, old: beforeMigration(p.periods[i].name), firstID: id}
		for k := range p.kinds {
			kind := &p.kinds[k]
			g := kind.group()
			exact[g] += kind.cells[m.name]
			n := (exact[g]*millionths+500_000)/1_000_000 - made[g]
			if n == 0 {
				continue
			}
			made[g] += n
			c := cell{kind: kind, from: m.n, class: p.classOf(kind, m.old, numbers)}
			if c.class >= 0 {
				c.first = p.classes[c.class].n
				p.classes[c.class].n += n
			}
			m.cells = append(m.cells, c)
			m.n += n
		}
		end := lastTreatment + 1
		if i+1 < len(p.periods) {
			end = p.periods[i+1].firstID
		}
		// Small samples have gaps too small for their cases here and there.
		id = max(id+m.n, firstTreatment+(end-firstTreatment)*millionths/1_000_000)
		m.span = id - m.firstID
		m.begin, m.end = m.limits()
		if !m.old && p.firstDated == 0 {
			p.firstDated = m.firstID
		}
		p.cases += m.n
		p.months = append(p.months, m)
	}
	p.placeSingles(max(1, int64(scale)))
	return p
}

// beforeMigration tells of a period's name whether its cases have no dates of creation.
func beforeMigration(period string) bool { return period < "201801b" }

// group keeps the shares of rare kinds of case at every scale.
func (k *kind) group() int {
	switch {
	case k.treatment == "":
		return 0
	case len(k.claims) > 1:
		return 1
	case len(k.invoices) > 1:
		return 2
	}
	return 3
}

func (p *plan) classOf(k *kind, old bool, numbers map[string]int) int {
	if k.money == 'x' {
		return -1
	}
	name := string(k.money) + k.claimed() + era(old)
	n, ok := numbers[name]
	if !ok {
		n = len(p.classes)
		numbers[name] = n
		p.classes = append(p.classes, class{items: p.items[name]})
	}
	return n
}

func era(old bool) string {
	if old {
		return "old"
	}
	return "new"
}

// limits are the first and last second of a month's cases.
func (m *month) limits() (begin, end int64) {
	begin = m.first.Unix()
	end = begin + int64(len(m.days))*dayLong - 1
	switch m.name {
	case "201801a":
		end = migrationEnd
	case "201801b":
		begin = datedBegin
	case "201911":
		end = lastCase
	}
	return begin, end
}

// placeSingles chooses the cases that have what few have: one of each for each whole of scale, in the month where the real one is if it
// can be.
func (p *plan) placeSingles(times int64) {
	for _, s := range []struct {
		what single
		when string
		fits func(*kind) bool
	}{
		{absurdClaim, "201803", func(k *kind) bool { return k.one("Deleted", 'p') && k.treatment == "DELETED" }},
		{absurdDraft, "201903b", func(k *kind) bool { return k.one("Draft", 'p') && k.treatment == "DELETED" }},
		{foreignMoney, "201811", func(k *kind) bool { return k.one("Deleted", 'z') && k.treatment == "DELETED" }},
		{negativeItem, "201904", func(k *kind) bool { return k.money == 'm' && len(k.invoices) == 1 }},
		{absurdItem, "201806", func(k *kind) bool { return k.money == 'd' }},
		{absurderItem, "201903a", func(k *kind) bool { return k.money == 'd' }},
	} {
		left := times
		wanted := slices.IndexFunc(p.months, func(m month) bool { return m.name == s.when })
		for i := range p.months {
			when := (wanted + i) % len(p.months)
			left -= p.placeSingle(s.what, when, left, s.fits)
		}
	}
}

// placeSingle gives a thing to the first cases of a month that fit, and says to how many.
func (p *plan) placeSingle(what single, when int, most int64, fits func(*kind) bool) int64 {
	m, given := &p.months[when], int64(0)
	for i, c := range m.cells {
		if !fits(c.kind) {
			continue
		}
		for at := int64(0); given < most && at < m.after(i)-c.from; at++ {
			if key := (place{c.kind, at, when}); p.singles[key] == 0 {
				p.singles[key] = what
				given++
			}
		}
	}
	return given
}

// after is where the cases of the next cell begin.
func (m *month) after(cell int) int64 {
	if cell+1 < len(m.cells) {
		return m.cells[cell+1].from
	}
	return m.n
}

// one tells whether a case has one claim, of a status and a sign.
func (k *kind) one(status string, sign byte) bool {
	return len(k.claims) == 1 && k.claims[0].status == status && k.claims[0].sign == sign
}
