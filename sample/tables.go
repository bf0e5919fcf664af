package sample

import (
	"math"
	"math/rand/v2"
	"strings"
)

// What the dice of a case are thrown for; each thing has a sequence of its own, so that a change to one leaves the others alone.
const (
	diceTreatment = 20 + iota
	diceClaim
	diceInvoice
	diceItem
	dicePrice
)

const dayLong = 86_400

// treatments writes TREATMENT.
func (w *world) treatments(l *lines) error {
	w.visits(func(v *visit) bool {
		r := w.dice(diceTreatment, v.index)
		status := treatmentStatus(r, v)
		submitted, modified := noTime, v.created+int64(r.IntN(20))*3600
		treated := v.created
		if !v.old {
			// Care is mostly recorded on the day, now and then days later.
			treated -= int64(r.ExpFloat64() * 6 * 3600)
			if r.IntN(40) == 0 {
				treated -= int64(r.IntN(60)) * dayLong
			}
		}
		if status != "DRAFT" {
			submitted = min(v.created+int64(r.ExpFloat64()*1.6*dayLong), dataEnd)
			modified = max(modified, submitted)
		}
		f := treatmentFields{status: status, created: v.created, modified: min(modified, dataEnd), submitted: submitted, treated: treated, provider: v.provider, program: v.program}
		w.spoilTreatment(r, &f)
		if !l.row() {
			return false
		}
		l.int(v.id)
		l.text(f.status)
		l.time(f.created)
		l.time(f.modified)
		l.time(f.submitted)
		if f.treatedText != "" {
			l.text(f.treatedText)
		} else {
			l.time(f.treated)
		}
		l.number(f.provider)
		l.number(f.program)
		return true
	})
	return l.err
}

type treatmentFields struct {
	status                                string
	created, modified, submitted, treated int64
	treatedText                           string
	provider, program                     int64
}

// number writes an id; 0 is a missing one.
func (l *lines) number(n int64) {
	if n == 0 {
		l.null()
		return
	}
	l.int(n)
}

func treatmentStatus(r *rand.Rand, v *visit) string {
	x := r.IntN(1000)
	if v.old {
		return pick(x, step{40, "RESUBMITTED"}, step{70, "DRAFT"}, step{1000, "CLOSED"})
	}
	if v.created > dataEnd-30*dayLong {
		return pick(x, step{160, "DRAFT"}, step{700, "SUBMITTED"}, step{715, "RESUBMITTED"}, step{1000, "CLOSED"})
	}
	return pick(x, step{80, "DRAFT"}, step{180, "SUBMITTED"}, step{200, "RESUBMITTED"}, step{203, "REOPENED"}, step{210, "CANCELLED"}, step{1000, "CLOSED"})
}

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

// demand is a claim of a visit.
type demand struct {
	status, kind      string
	created, modified int64
	amount            int64 // In ten-thousandths.
}

// claims writes CLAIM.
func (w *world) claims(l *lines) error {
	id := int64(firstClaim)
	var demands []demand
	w.visits(func(v *visit) bool {
		demands = w.demandsOf(v, demands[:0])
		for i, d := range demands {
			f := claimFields{demand: d, treatment: v.id, program: v.program, currency: "KES"}
			w.spoilClaim(w.dice(diceClaim+100+int64(i), v.index), v, &f)
			if !l.row() {
				return false
			}
			l.int(id)
			l.text(f.status)
			l.text(f.kind)
			l.time(f.created)
			l.time(f.modified)
			l.number(f.treatment)
			l.number(f.program)
			l.money(f.amount)
			l.text(f.currency)
			id++
		}
		return true
	})
	return l.err
}

type claimFields struct {
	demand
	treatment, program int64
	currency           string
}

// demandsOf are a visit's claims: none for two visits in five, now and then a second one.
func (w *world) demandsOf(v *visit, out []demand) []demand {
	billed := w.billed(v)
	r := w.dice(diceClaim, v.index)
	x := r.IntN(1000)
	if x >= 589 {
		return out
	}
	d := demand{kind: "Benefit", amount: billed}
	if r.IntN(12) == 0 {
		d.kind = "Voucher"
	}
	if billed == 0 {
		d.amount = int64(100+r.IntN(4000)) * 10_000
	}
	switch y := r.IntN(100); {
	case y < 4:
		d.amount += d.amount * int64(5+r.IntN(60)) / 100 / 10_000 * 10_000
	case y < 7:
		d.amount -= d.amount * int64(5+r.IntN(40)) / 100 / 10_000 * 10_000
	}
	d.created = v.created + int64(r.ExpFloat64()*1.2*dayLong)
	d.status = w.claimStatus(r, v)
	d.modified = d.created + int64(float64(1+v.provider/13%9)*r.ExpFloat64()*0.7*dayLong)
	if d.status == "Draft" || d.status == "Submitted" {
		d.modified = d.created + int64(r.IntN(7200))
	}
	if v.old {
		d.created = noTime
		d.modified = max(d.modified, unix(2016, 10, 18, 6, 0, 0)+v.index*7)
	}
	d.created, d.modified = min(d.created, dataEnd), min(d.modified, dataEnd)
	w.absurd(v, &d)
	out = append(out, d)
	if x < 8 {
		out = append(out, d) // The same claim once more, under another id.
	}
	return out
}

// absurd makes the two amounts that stand out in the real table.
func (w *world) absurd(v *visit, d *demand) {
	if w.Dirt == "none" {
		return
	}
	switch {
	case d.status == "Deleted" && v.index%40_009 < 41:
		d.amount = absurdDeleted * 10_000
	case d.status == "Draft" && v.index%40_009 < 41:
		d.amount = absurdDraft * 10_000
	}
}

// claimStatus gives the real shares, and a rejection rate that differs by provider and drifts for some of them.
func (w *world) claimStatus(r *rand.Rand, v *visit) string {
	rejected := 34
	switch p := v.provider / 13; {
	case p%17 == 3:
		rejected = 140
	case p%23 == 5 && v.created > unix(2019, 7, 1, 0, 0, 0):
		rejected = 220
	}
	x := r.IntN(1000)
	if age := dataEnd - v.created; age < 40*dayLong && x < 700*int(40*dayLong-age)/(40*dayLong)+150 {
		return "Submitted"
	}
	return pick(x, step{rejected, "Rejected"}, step{rejected + 68, "Draft"}, step{rejected + 108, "Deleted"}, step{rejected + 110, "ReSubmitted"},
		step{rejected + 111, "InReview"}, step{rejected + 147, "Submitted"}, step{1000, "Approved"})
}

// billed is the sum of a visit's live items.
func (w *world) billed(v *visit) int64 {
	var sum int64
	for k, b := range v.invoices {
		for n := range b.items {
			if status, _, amount := w.item(v.index, int64(k), n); status == "ACTIVE" {
				sum += amount
			}
		}
	}
	return sum
}

// item is one item of an invoice: what was given and its price.
func (w *world) item(index, invoice, n int64) (status string, product, amount int64) {
	r := w.dice(dicePrice+invoice*41+n, index)
	status = pick(r.IntN(1000), step{970, "ACTIVE"}, step{990, "INACTIVE"}, step{1000, "DELETED"})
	x := r.Float64()
	product = 1 + int64(x*x*30_000)
	spread := float64(uint64(product)*0x9E3779B97F4A7C15>>40) / (1 << 24)
	price := 2 * math.Exp(spread*5.2) * (0.85 + 0.3*r.Float64())
	amount = int64(price*2) * 5_000
	if r.IntN(3) == 0 {
		amount = (amount + 50_000) / 100_000 * 100_000
	}
	amount = max(amount, 20_000)
	if r.IntN(7) > 0 {
		product = -product // Most products are numbered downwards.
	}
	return status, product, amount
}

// invoices writes INVOICE.
func (w *world) invoices(l *lines) error {
	w.visits(func(v *visit) bool {
		for k, b := range v.invoices {
			f := invoiceFields{bill: b, treatment: v.id}
			w.spoilInvoice(w.dice(diceInvoice+100+int64(k), v.index), v, &f)
			if !l.row() {
				return false
			}
			l.int(b.id)
			l.text(f.status)
			l.time(f.created)
			l.number(f.treatment)
		}
		return true
	})
	return l.err
}

type invoiceFields struct {
	bill
	treatment int64
}

// items writes INVOICE_ITEM.
func (w *world) items(l *lines) error {
	id := int64(firstItem)
	w.visits(func(v *visit) bool {
		for k, b := range v.invoices {
			for n := range b.items {
				f := itemFields{invoice: b.id, created: noTime, currency: "KES"}
				f.status, f.product, f.amount = w.item(v.index, int64(k), n)
				r := w.dice(diceItem+int64(k)*41+n, v.index)
				if b.created != noTime && r.IntN(33) > 0 {
					f.created = min(b.created+int64(r.IntN(900)), dataEnd)
				}
				w.spoilItem(r, &f)
				if !l.row() {
					return false
				}
				l.int(id)
				l.text(f.status)
				l.time(f.created)
				l.number(f.invoice)
				l.number(f.product)
				l.text(f.currency)
				l.money(f.amount)
				id++
			}
		}
		return true
	})
	return l.err
}

type itemFields struct {
	status                   string
	created                  int64
	invoice, product, amount int64
	currency                 string
}

// misspell is a word as careless hands write it.
func misspell(r *rand.Rand, word string) string {
	switch r.IntN(4) {
	case 0:
		return " " + word
	case 1:
		return word + " "
	case 2:
		return strings.ToLower(word)
	}
	return strings.ToUpper(word)
}
