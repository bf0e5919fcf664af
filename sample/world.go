package sample

import (
	"math"
	"math/rand/v2"
	"sort"
	"time"
)

// The shape of the real invoices file: the undated range of a migration, then dated rows whose time follows the id.
const (
	undatedFirst  = 6_765   // First id of the undated range; there ID = TREATMENT_ID.
	undatedLast   = 205_417 // Last id of it at scale 1.
	undatedRows   = 23_862  // Rows of it at scale 1.
	newTreatments = 36_029  // Treatments after the migration at scale 1; they have the real file's 35,356 dated invoices.
	firstClaim    = 2_535_672
	firstItem     = 8_502_040
	severalEvery  = 204 // One treatment in so many has several invoices: 177 of them at scale 1.
	programs      = 14
	providers     = 220
	dayLong       = 86_400
)

var (
	migrationBegin = unix(2015, 12, 1, 5, 10, 0)
	claimsBegin    = unix(2016, 10, 18, 5, 10, 0) // The oldest change of a claim.
	datedBegin     = unix(2018, 1, 25, 23, 4, 45)
	dataEnd        = unix(2019, 11, 25, 17, 4, 34)
	finalEnds      = unix(2018, 4, 1, 0, 0, 0)
	burstDay       = day(2019, 1, 18)
	missingDay     = day(2018, 2, 11)
)

func unix(y, m, d, h, mi, s int) int64 {
	return time.Date(y, time.Month(m), d, h, mi, s, 0, time.UTC).Unix()
}

func day(y, m, d int) int64 { return unix(y, m, d, 0, 0, 0) / dayLong }

// world is one sample: its options and the calendar that spreads cases over time.
type world struct {
	Options
	undated  int64   // Treatments of the migration.
	later    int64   // Treatments after it.
	cases    int64   // Treatments in all.
	end      int64   // The newest time of all tables.
	calendar []int64 // Cases up to the end of each day after the migration, growing.
	file     *invoicesFile
	food     foodSize
	pcg      rand.PCG
	rng      *rand.Rand
}

func newWorld(o Options) (*world, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	w := &world{Options: o, end: dataEnd}
	w.rng = rand.New(&w.pcg)
	if o.Project == "fooddelivery" {
		w.food, w.cases = newFoodSize(o.Scale), max(1, int64(59_891*o.Scale))
		return w, nil
	}
	if o.InvoicesFile != "" {
		var err error
		if w.file, err = readInvoices(o.InvoicesFile); err != nil {
			return nil, err
		}
		w.undated, w.cases, w.end = w.file.undated, w.file.treatments, w.file.newest
		return w, nil
	}
	w.undated = max(1, int64(math.Round(undatedRows*o.Scale)))
	w.later = max(1, int64(math.Round(newTreatments*o.Scale)))
	w.cases = w.undated + w.later
	w.calendar = calendar(w.later)
	return w, nil
}

// calendar spreads n cases over the days: a working week, growth by the month, one burst day, one day without any.
func calendar(n int64) []int64 {
	first, last := datedBegin/dayLong, dataEnd/dayLong
	weekday := [7]int64{25, 125, 120, 115, 115, 120, 60} // From Sunday, in percent.
	weights := make([]int64, last-first+1)
	var sum int64
	for i := range weights {
		d := first + int64(i)
		weights[i] = (100 + int64(i)/3) * weekday[(d+4)%7]
		switch d {
		case missingDay, burstDay:
			weights[i] = 0
		case first:
			weights[i] /= 20
		case last:
			weights[i] = weights[i] * 4 / 10
		}
		sum += weights[i]
	}
	// 667 of 35,356 on the burst day.
	weights[burstDay-first] = sum * 667 / (35_356 - 667)
	sum += weights[burstDay-first]
	out := make([]int64, len(weights))
	var so int64
	for i, x := range weights {
		so += x
		out[i] = (so*n + sum/2) / sum
	}
	return out
}

// timeOf is when the u-th treatment after the migration was made; it grows with u, and the first and the last are those of the real file.
func (w *world) timeOf(u int64) int64 {
	if u == w.later-1 {
		return dataEnd
	}
	i := sort.Search(len(w.calendar), func(i int) bool { return w.calendar[i] > u })
	var before int64
	if i > 0 {
		before = w.calendar[i-1]
	}
	d := datedBegin/dayLong + int64(i)
	begin, share := d*dayLong, hourShare*(u-before)/(w.calendar[i]-before)
	switch i {
	case 0: // It begins an hour before midnight.
		return datedBegin + share*(begin+dayLong-datedBegin)/hourShare
	case len(w.calendar) - 1: // It ends with the file; 97.2 % of a day's cases come before 17 h.
		share = share * 972 / 1000
	}
	return begin + timeOfDay(share)
}

// visit is one case: a treatment with its invoices and all that follows from it.
type visit struct {
	number   int64 // Which case it is.
	index    int64 // What its dice are seeded with: its number but for twins.
	id       int64
	old      bool
	created  int64
	provider int64
	program  int64
	invoices []bill
}

// bill is an invoice of a visit.
type bill struct {
	id      int64
	status  string
	created int64 // noTime in the undated range.
	items   int64 // How many items it has.
}

// twinEvery is how often a visit is the one before it once more, under another number: a suspect duplicate.
const twinEvery = 500

func (w *world) begin(v *visit, number int64, old bool) {
	*v = visit{number: number, index: number, old: old, invoices: v.invoices[:0]}
	if w.Dirt != "none" && number%twinEvery == twinEvery/2 {
		v.index--
	}
	w.place(v)
}

// visits calls do with every case in the order of ids. The visit is reused.
func (w *world) visits(do func(*visit) bool) {
	if w.file != nil {
		w.fileVisits(do)
		return
	}
	v := &visit{}
	last := int64(undatedFirst + math.Round((undatedLast-undatedFirst)*w.Scale))
	for i := range w.undated {
		w.oldVisit(v, i, last)
		if !do(v) {
			return
		}
	}
	invoices := int64(0)
	for u := range w.later {
		w.laterVisit(v, u, last, &invoices)
		if !do(v) {
			return
		}
	}
}

func (w *world) oldVisit(v *visit, i, last int64) {
	w.begin(v, i, true)
	v.id = undatedFirst
	if w.undated > 1 {
		v.id += i * (last - undatedFirst) / (w.undated - 1)
	}
	v.created = w.oldTime(i)
	v.invoices = append(v.invoices, bill{
		id: v.id, status: oldInvoiceStatus(w.dice(diceOldInvoice, i).IntN(undatedRows)), created: noTime, items: w.itemsOf(v.index, 0),
	})
}

// oldTime spreads the migrated treatments evenly over the days before the first dated one, in working hours.
func (w *world) oldTime(i int64) int64 {
	span := (datedBegin - migrationBegin) / dayLong
	d := migrationBegin/dayLong + i*span/w.undated
	if isSunday(d) && i%8 > 0 {
		d++
	}
	return d*dayLong + 5*3600 + (i*7919)%(8*3600)
}

func (w *world) laterVisit(v *visit, u, last int64, made *int64) {
	w.begin(v, w.undated+u, false)
	// 9.23 ids per treatment, 7.5 per invoice.
	v.id = last + 59 + u*923/100
	v.created = w.timeOf(u)
	for range w.invoicesOf(u) {
		n := *made
		*made++
		v.invoices = append(v.invoices, bill{
			id: last + 43 + n*15/2, created: v.created, status: laterInvoiceStatus(w.dice(diceInvoice, n), v.created),
			items: w.itemsOf(v.index, int64(len(v.invoices))),
		})
	}
}

// invoicesOf is how many invoices a treatment has: mostly one; 147, 27 and 3 of 36,029 have two, three and four; one in forty has none.
func (w *world) invoicesOf(u int64) int {
	switch r := u % severalEvery; {
	case r == 7:
		switch u / severalEvery % 59 {
		case 0:
			return 4
		case 6, 12, 18, 24, 30, 36, 42, 48, 54:
			return 3
		}
		return 2
	case r%40 == 39:
		return 0
	}
	return 1
}

func (w *world) itemsOf(index, invoice int64) int64 {
	r := w.dice(diceItems+invoice, index)
	n := int64(1)
	for n < mostItems && r.IntN(1000) < 831 {
		n++
	}
	return n
}

// place gives a visit its provider and program: a few large, many small, each provider at home in few programs.
func (w *world) place(v *visit) {
	r := w.dice(dicePlace, v.index)
	x := r.Int64N(1 << 15)
	p := x * x * x * providers >> 45
	v.provider = 2_079 + p*13
	home := (p*5 + 3) % programs
	if r.IntN(10) < 2 {
		home = (home + 1 + r.Int64N(3)) % programs
	}
	v.program = 36 + home*4
}

func oldInvoiceStatus(n int) string {
	return pick(n, step{19_362, "FINAL"}, step{19_362 + 4_253, "DRAFT"}, step{undatedRows, "SUBMITTED"})
}

// laterInvoiceStatus keeps FINAL to the first months: 827 of its 834 dated rows stand before April 2018.
func laterInvoiceStatus(r *rand.Rand, at int64) string {
	final := 7
	if at < finalEnds {
		final = 16_280
	}
	if r.IntN(35_356) < final {
		return "FINAL"
	}
	return pick(r.IntN(34_522), step{5_329, "DRAFT"}, step{5_329 + 258, "RESUBMITTED"}, step{5_329 + 258 + 16, "REOPENED"}, step{34_522, "SUBMITTED"})
}

// step is a word and the number below which it is picked.
type step struct {
	below int
	word  string
}

func pick(x int, steps ...step) string {
	for _, s := range steps {
		if x < s.below {
			return s.word
		}
	}
	return steps[len(steps)-1].word
}
