package sample

import (
	"math"
	"math/rand/v2"
	"sort"
	"time"
)

// The shape of the real invoices file: the undated range of a migration, then dated rows whose time follows the id.
const (
	undatedFirst   = 6_765   // First id of the undated range; there ID = TREATMENT_ID.
	undatedLast    = 205_417 // Last id of it at scale 1.
	undatedRows    = 23_862  // Rows of it at scale 1.
	newTreatments  = 36_138  // Treatments after the migration at scale 1.
	invoiceStep    = 7.5     // Ids per dated invoice.
	treatmentStep  = 9.23    // Ids per treatment after the migration.
	firstClaim     = 2_535_672
	firstItem      = 8_502_040
	severalEvery   = 204 // One treatment in so many has several invoices: 177 of them at scale 1.
	absurdDeleted  = 55_071_840
	absurdDraft    = 4_953_035
	programs       = 14
	ratesProviders = 220
)

var (
	migrationBegin = unix(2015, 12, 1, 5, 10, 0)
	datedBegin     = unix(2018, 1, 25, 23, 4, 45)
	dataEnd        = unix(2019, 11, 25, 17, 4, 34)
	burstDay       = day(2019, 1, 18)
	missingDay     = day(2018, 2, 11)
)

func unix(y, m, d, h, mi, s int) int64 {
	return time.Date(y, time.Month(m), d, h, mi, s, 0, time.UTC).Unix()
}

func day(y, m, d int) int64 { return unix(y, m, d, 0, 0, 0) / 86_400 }

// world is one sample: its options and the calendar that spreads cases over time.
type world struct {
	Options
	undated  int64   // Treatments of the migration.
	later    int64   // Treatments after it.
	calendar []int64 // Cases up to the end of each day after the migration, growing.
	file     *invoicesFile
	pcg      rand.PCG
	rng      *rand.Rand
}

func newWorld(o Options) (*world, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	w := &world{Options: o}
	w.rng = rand.New(&w.pcg)
	if o.InvoicesFile != "" {
		var err error
		w.file, err = readInvoices(o.InvoicesFile)
		return w, err
	}
	w.undated = max(1, int64(math.Round(undatedRows*o.Scale)))
	w.later = max(1, int64(math.Round(newTreatments*o.Scale)))
	w.calendar = calendar(w.later)
	return w, nil
}

// dice seeds the generator for one thing of one case, so that every table sees the same case.
func (w *world) dice(thing, index int64) *rand.Rand {
	w.pcg.Seed(w.Seed*0x9E3779B97F4A7C15+uint64(thing), uint64(index)*0xD1B54A32D192ED03+uint64(thing)<<48)
	return w.rng
}

// calendar spreads n cases over the days: a working week, growth by the month, one burst day, one day without any.
func calendar(n int64) []int64 {
	first, last := datedBegin/86_400, dataEnd/86_400
	weekday := [7]float64{0.25, 1.25, 1.2, 1.15, 1.15, 1.2, 0.6} // From Sunday.
	weights := make([]float64, last-first+1)
	var sum float64
	for i := range weights {
		d := first + int64(i)
		months := float64(i) / 30.4
		weights[i] = (0.55 + 0.055*months) * weekday[(d+4)%7] // 1970-01-01 was a Thursday.
		switch d {
		case missingDay:
			weights[i] = 0
		case burstDay:
			weights[i] = 0 // Set below, once the sum of the others is known.
		case first, last:
			weights[i] *= 0.4
		}
		sum += weights[i]
	}
	// 667 of 35,356 on the burst day.
	weights[burstDay-first] = sum * 667 / (35_356 - 667)
	sum += weights[burstDay-first]
	out := make([]int64, len(weights))
	var so float64
	for i, x := range weights {
		so += x
		out[i] = int64(math.Round(so / sum * float64(n)))
	}
	return out
}

// hours is the share of a day's cases before each hour in UTC: 88 % between 05 and 13, a working day at UTC+3.
var hours = [25]float64{
	0, .002, .004, .006, .012, .035, .095, .20, .33, .47, .60, .72, .82, .915, .945, .962, .972, .980, .986, .990, .993, .995, .997, .9985, 1,
}

// timeOf is when the u-th treatment after the migration was made; it grows with u.
func (w *world) timeOf(u int64) int64 {
	d := sort.Search(len(w.calendar), func(i int) bool { return w.calendar[i] > u })
	var before int64
	if d > 0 {
		before = w.calendar[d-1]
	}
	share := (float64(u-before) + 0.5) / float64(w.calendar[d]-before)
	h := sort.SearchFloat64s(hours[:], share) - 1
	within := (share - hours[h]) / (hours[h+1] - hours[h])
	t := (datedBegin/86_400+int64(d))*86_400 + int64(float64(h)*3600+within*3600)
	return min(max(t, datedBegin), dataEnd)
}

// visit is one case: a treatment with its invoices and all that follows from it.
type visit struct {
	index    int64
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
	*v = visit{index: i, old: true, invoices: v.invoices[:0]}
	v.id = undatedFirst
	if w.undated > 1 {
		v.id += i * (last - undatedFirst) / (w.undated - 1)
	}
	v.created = w.oldTime(i)
	w.who(v)
	v.invoices = append(v.invoices, bill{id: v.id, status: oldInvoiceStatus(w.dice(3, i).IntN(23_862)), created: noTime, items: w.itemsOf(i, 0)})
}

// oldTime spreads the migrated treatments evenly over the days before the first dated one, in working hours.
func (w *world) oldTime(i int64) int64 {
	span := (datedBegin - migrationBegin) / 86_400
	d := migrationBegin/86_400 + i*span/w.undated
	return d*86_400 + 5*3600 + (i*7919)%(8*3600)
}

func (w *world) laterVisit(v *visit, u, last int64, made *int64) {
	*v = visit{index: w.undated + u, invoices: v.invoices[:0]}
	v.id = last + 59 + int64(float64(u)*treatmentStep)
	v.created = w.timeOf(u)
	w.who(v)
	for range w.invoicesOf(u) {
		n := *made
		*made++
		v.invoices = append(v.invoices, bill{
			id: last + 43 + int64(float64(n)*invoiceStep), created: v.created,
			status: laterInvoiceStatus(w.dice(4, n).IntN(35_356), v.created), items: w.itemsOf(v.index, int64(len(v.invoices))),
		})
	}
}

// invoicesOf is how many invoices a treatment has: mostly one; 147, 27 and 3 of 36,138 have two, three and four; one in forty has none.
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
	r := w.dice(5+invoice, index)
	n := int64(1)
	for n < 40 && r.Float64() < 0.831 {
		n++
	}
	return n
}

// who gives a visit its provider and program: a few large, many small, each provider at home in few programs.
func (w *world) who(v *visit) {
	r := w.dice(2, v.index)
	x := r.Float64()
	p := int64(x * x * x * ratesProviders)
	v.provider = 2_079 + p*13
	home := (p*5 + 3) % programs
	if r.IntN(10) < 2 {
		home = (home + 1 + r.Int64N(3)) % programs
	}
	v.program = 36 + home*4
}

func oldInvoiceStatus(n int) string {
	switch {
	case n < 19_362:
		return "FINAL"
	case n < 19_362+4_253:
		return "DRAFT"
	}
	return "SUBMITTED"
}

// laterInvoiceStatus keeps FINAL to the first months: 827 of its 834 dated rows stand before April 2018.
func laterInvoiceStatus(n int, at int64) string {
	if at < unix(2018, 4, 1, 0, 0, 0) && n < 13_000 || n < 7 {
		return "FINAL"
	}
	switch n = (n * 7919) % 35_356; {
	case n < 5_329:
		return "DRAFT"
	case n < 5_329+258:
		return "RESUBMITTED"
	case n < 5_329+258+16:
		return "REOPENED"
	}
	return "SUBMITTED"
}
