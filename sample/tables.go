package sample

import "math/rand/v2"

// treatments writes TREATMENT.
func (w *world) treatments(l *lines) error {
	w.visits(func(v *visit) bool {
		f := w.treatment(v)
		w.spoilTreatment(v, &f)
		if !l.row() {
			return false
		}
		l.key(w, v.number, f.id)
		l.text(f.status)
		l.time(f.created)
		l.time(f.modified)
		l.time(f.submitted)
		if f.treatedText != "" {
			l.text(f.treatedText)
		} else {
			l.time(f.treated)
		}
		l.id(f.provider)
		l.id(f.program)
		l.again(w, v.number)
		return true
	})
	return l.err
}

type treatmentFields struct {
	id                                    int64
	status                                string
	created, modified, submitted, treated int64
	treatedText                           string
	provider, program                     int64
}

func (w *world) treatment(v *visit) treatmentFields {
	r := w.dice(diceTreatment, v.index)
	f := treatmentFields{
		id: v.id, status: treatmentStatus(r, v, w.end), created: v.created, submitted: noTime, treated: v.created,
		provider: v.provider, program: v.program,
	}
	if !v.old {
		f.treated = treatedAt(r, v.created)
	}
	f.modified = v.created + r.Int64N(2400)
	if f.status != "DRAFT" {
		f.submitted = after(r, v.created, 16*dayLong/10)
		f.modified = f.submitted
		if f.submitted > w.end {
			// Not handed in yet.
			f.status, f.submitted, f.modified = "DRAFT", noTime, v.created
		} else if r.IntN(3) == 0 {
			f.modified = after(r, f.submitted, 3*dayLong)
		}
	}
	if f.modified > w.end {
		f.modified = max(f.created, f.submitted)
	}
	return f
}

// treatedAt is when the care was given: mostly just before it was recorded, else some days before, now and then weeks.
func treatedAt(r *rand.Rand, created int64) int64 {
	switch x := r.IntN(40); {
	case x == 0:
		return onDay(r, created/dayLong-1-r.Int64N(60))
	case x < 9:
		return onDay(r, created/dayLong-1-wait(r, 1000)/1000)
	}
	return created - wait(r, 1500)
}

func treatmentStatus(r *rand.Rand, v *visit, end int64) string {
	x := r.IntN(1000)
	if v.old {
		return pick(x, step{40, "RESUBMITTED"}, step{70, "DRAFT"}, step{1000, "CLOSED"})
	}
	if v.created > end-30*dayLong {
		return pick(x, step{160, "DRAFT"}, step{700, "SUBMITTED"}, step{715, "RESUBMITTED"}, step{1000, "CLOSED"})
	}
	return pick(x, step{80, "DRAFT"}, step{180, "SUBMITTED"}, step{200, "RESUBMITTED"}, step{203, "REOPENED"}, step{210, "CANCELLED"}, step{1000, "CLOSED"})
}

// claims writes CLAIM.
func (w *world) claims(l *lines) error {
	id := int64(firstClaim)
	var demands []demand
	w.visits(func(v *visit) bool {
		demands = w.demandsOf(v, demands[:0])
		for i, d := range demands {
			f := claimFields{demand: d, id: id, treatment: v.id, program: v.program, currency: "KES"}
			if d.amount != absurdDeleted && d.amount != absurdDraft {
				w.spoilClaim(id-firstClaim, int64(i), v, &f)
			}
			if !l.row() {
				return false
			}
			l.key(w, id-firstClaim, f.id)
			l.text(f.status)
			l.text(f.kind)
			l.time(f.created)
			l.time(f.modified)
			l.id(f.treatment)
			l.id(f.program)
			l.amount(f.amount, f.amountText)
			l.text(f.currency)
			l.again(w, id-firstClaim)
			id++
		}
		return true
	})
	return l.err
}

type claimFields struct {
	demand
	id, treatment, program int64
	amountText, currency   string
}

// invoices writes INVOICE.
func (w *world) invoices(l *lines) error {
	number := int64(0)
	w.visits(func(v *visit) bool {
		for k, b := range v.invoices {
			f := invoiceFields{bill: b, treatment: v.id}
			w.spoilInvoice(number, int64(k), v, &f)
			if !l.row() {
				return false
			}
			l.key(w, number, f.id)
			l.text(f.status)
			l.time(f.created)
			l.id(f.treatment)
			l.again(w, number)
			number++
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
	number := int64(0)
	w.visits(func(v *visit) bool {
		for k, b := range v.invoices {
			for n := range b.items {
				f := itemFields{id: firstItem + number, invoice: b.id, created: noTime, currency: "KES"}
				f.status, f.product, f.amount = w.item(v.index, int64(k), n)
				r := w.dice(diceItem+int64(k)*mostItems+n, v.index)
				if b.created != noTime && r.IntN(33) > 0 {
					f.created = b.created + r.Int64N(900)
					if f.created > w.end {
						f.created = b.created
					}
				}
				w.spoilItem(number, r, &f)
				if !l.row() {
					return false
				}
				l.key(w, number, f.id)
				l.text(f.status)
				l.time(f.created)
				l.id(f.invoice)
				l.id(f.product)
				l.text(f.currency)
				l.amount(f.amount, f.amountText)
				l.again(w, number)
				number++
			}
		}
		return true
	})
	return l.err
}

type itemFields struct {
	id, invoice, product, created int64
	status                        string
	amount                        int64 // In ten-thousandths.
	amountText, currency          string
}

// item is one item of an invoice: what was given and its price in ten-thousandths.
func (w *world) item(index, invoice, n int64) (status string, product, amount int64) {
	r := w.dice(dicePrice+invoice*mostItems+n, index)
	status = pick(r.IntN(1000), step{970, "ACTIVE"}, step{990, "INACTIVE"}, step{1000, "DELETED"})
	if r.IntN(1000) == 0 {
		// A procedure: few products, dear ones.
		product = 30_001 + r.Int64N(400)
		return status, product, fees[scatter(1, uint64(product))%1024] * (850 + r.Int64N(301)) / 100_000 * 10_000
	}
	x := r.Int64N(1 << 20)
	product = 1 + x*x*30_000>>40
	amount = prices[scatter(2, uint64(product))%1024] * (850 + r.Int64N(301)) / 50_000 * 5_000
	if r.IntN(3) == 0 {
		amount = (amount + 50_000) / 100_000 * 100_000
	}
	amount = max(amount, 20_000)
	if r.IntN(7) > 0 {
		product = -product // Most products are numbered downwards.
	}
	return status, product, amount
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
