package sample

import (
	"math/rand/v2"
	"sort"
	"time"
)

const (
	providers = 220
	dayLong   = 86_400
)

func unix(y, m, d, h, mi, s int) int64 {
	return time.Date(y, time.Month(m), d, h, mi, s, 0, time.UTC).Unix()
}

// world is one sample: its options and the plan of its cases.
type world struct {
	Options
	plan    *plan
	cases   int64
	end     int64 // The newest time of all tables.
	file    *invoicesFile
	food    foodSize
	pcg     rand.PCG
	rng     *rand.Rand
	made    int64      // Dated invoices up to the case at hand.
	sum     int64      // Of the claims of the case at hand, where they ask for something.
	sold    []lineItem // Its items, and its claims.
	demands []demand
}

func newWorld(o Options) (*world, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	w := &world{Options: o, end: dataEnd}
	w.rng = rand.New(&w.pcg)
	if o.Project == "fooddelivery" {
		w.food, w.cases = newFoodSize(o.Scale), max(1, int64(scaleOne*o.Scale))
		return w, nil
	}
	if o.InvoicesFile != "" {
		var err error
		if w.file, err = readInvoices(o.InvoicesFile); err != nil {
			return nil, err
		}
		w.plan, w.cases, w.end = newPlan(1), w.file.treatments, w.file.newest
		return w, nil
	}
	w.plan = newPlan(o.Scale)
	w.cases = w.plan.cases
	return w, nil
}

// visit is one case: a treatment with its invoices and all that follows from it.
type visit struct {
	*kind
	period   string
	position int64 // In its period, in millionths.
	index    int64 // Which case it is; its dice are seeded with it.
	id       int64
	old      bool // Of the time before the migration: what hangs on it has no dates of creation.
	created  int64
	items    int64 // How many items its invoices have together.
	single   single
	provider int64
	fields   treatmentFields
	invoices []bill
}

// bill is an invoice of a visit.
type bill struct {
	id      int64
	status  string
	created int64 // noTime for an old case.
}

// visits calls do with every case in the order of ids. The visit is reused.
func (w *world) visits(do func(*visit) bool) {
	if w.file != nil {
		w.fileVisits(do)
		return
	}
	v := &visit{}
	w.made = 0
	for i := range w.plan.months {
		m := &w.plan.months[i]
		for k := range m.n {
			w.begin(v, m, i, k)
			if v.treatment == "" && w.Dirt == "none" {
				continue
			}
			w.complete(v)
			if !do(v) {
				return
			}
		}
	}
}

// begin chooses the kind of the k-th case of a month.
func (w *world) begin(v *visit, m *month, when int, k int64) {
	at := shuffled(k, m.n, w.Seed<<8^uint64(when))
	i := sort.Search(len(m.cells), func(i int) bool { return m.cells[i].from > at }) - 1
	c := m.cells[i]
	*v = visit{kind: c.kind, period: m.name, position: k * whole / m.n, index: m.before + k, old: m.old, invoices: v.invoices[:0]}
	v.id = m.firstID + k*m.span/m.n
	v.created = w.timeOf(m, v.index, k)
	if w.Dirt != "none" {
		v.single = w.plan.singles[place{c.kind, at - c.from, when}]
	}
	if c.class >= 0 {
		class := &w.plan.classes[c.class]
		x := shuffled(c.first+at-c.from, class.n, w.Seed<<8^uint64(200+c.class))
		v.items = class.items.number((2*x + 1) * class.items.total() / (2 * class.n))
	}
}

// timeOf is when the k-th case of a month began: it grows with k, and each day has its share of the real one.
func (w *world) timeOf(m *month, index, k int64) int64 {
	const fine = 1 << 20
	jitter := w.dice(diceTreatment, index).Int64N(fine)
	x := (k*fine + jitter) * m.days[len(m.days)-1] / m.n // In parts of fine of a real case.
	d := sort.Search(len(m.days)-1, func(i int) bool { return m.days[i]*fine > x })
	before := int64(0)
	if d > 0 {
		before = m.days[d-1]
	}
	midnight := m.first.Unix() + int64(d)*dayLong
	clock := w.plan.hours["created "+era(m.old)]
	low, high := clock.share(max(0, m.begin-midnight)), clock.share(min(dayLong-1, m.end-midnight))
	share := (x - before*fine) * whole / ((m.days[d] - before) * fine)
	return midnight + clock.second(low+(high-low)*share/whole)
}

// complete adds what follows from a case's kind.
func (w *world) complete(v *visit) {
	v.provider = w.providerOf(v)
	v.fields = w.treatment(v)
	w.bills(v)
}

// providerOf makes up what the real tables have lost: a few large providers, many small ones. Some have more rejections than others,
// some have them of late, and each program has its own.
func (w *world) providerOf(v *visit) int64 {
	r := w.dice(dicePlace, v.index)
	x := r.Int64N(1 << 15)
	p := x * x * x * providers >> 45
	if len(v.claims) > 0 && v.claims[0].status == "Rejected" {
		switch x := r.IntN(10); {
		case x < 3:
			p = p/17*17 + 3
		case x < 7 && v.created > w.end-147*dayLong:
			p = p/23*23 + 5
		}
	}
	if v.program >= 577 {
		p = p / 3 * 3
	}
	return 2_079 + min(p, providers-1)*13
}

// bills makes the invoices of a case. Those of old cases have the number of their treatment.
func (w *world) bills(v *visit) {
	for k, status := range v.kind.invoices {
		b := bill{status: status, created: noTime, id: v.id}
		if !v.old {
			b.id, b.created = w.plan.firstDated+w.made*15/2, w.billed(v, status, int64(k))
			w.made++
		}
		v.invoices = append(v.invoices, b)
	}
}

// billed is when an invoice was made: most of them when the case is handed in, those of the old software (FINAL) when it begins.
func (w *world) billed(v *visit, status string, k int64) int64 {
	r := w.dice(diceInvoice+k, v.index)
	from := v.fields.submitted
	if from == noTime {
		from = v.created
	}
	of := key{"invoice created", v.treatment, ""}
	if status == "FINAL" {
		from, of = v.created, key{"invoice final", "", ""}
	}
	lag, _ := w.lagOf(r, r.Int64N(whole), of, key{"invoice created", "CLOSED", ""})
	return w.known(r, v.created, max(w.after(r, from, lag, "submitted"), v.created+6))
}
