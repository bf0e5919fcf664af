package sample

import "math/rand/v2"

func (w *world) treatments(l *lines) error {
	w.visits(func(v *visit) bool {
		if v.treatment == "" {
			return true
		}
		f := v.fields
		w.spoilTreatment(v, &f)
		if !l.row() {
			return false
		}
		l.key(w, v.index, f.id)
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
		l.again(w, v.index)
		return true
	})
	return l.err
}

type treatmentFields struct {
	id                                    int64
	status                                string
	created, modified, submitted, treated int64
	decided                               int64 // When its claims were; noTime where the shape says it in another way.
	treatedText                           string
	provider, program                     int64
}

// treatment is when a case was treated, handed in and last changed.
func (w *world) treatment(v *visit) treatmentFields {
	r := w.dice(diceTreatment+1, v.index)
	f := treatmentFields{
		id: v.id, status: v.treatment, created: v.created, modified: noTime, submitted: noTime, treated: noTime, decided: noTime,
		provider: v.provider, program: v.program,
	}
	if lag, ok := w.lagOf(r, r.Int64N(whole), key{"treated", f.status, era(v.old)}); ok || w.Dirt == "none" {
		f.treated = f.created + lag
	}
	f.submitted = w.submitted(r, v)
	from := f.submitted
	if from == noTime {
		from = f.created
	}
	// Providers differ in how long their cases take.
	at := r.Int64N(whole) + (v.provider/13%9-4)*25_000
	if lag, ok := w.lagOf(r, at, key{"modified", f.status, era(v.old)}); ok {
		f.modified = w.after(r, from, lag, "modified")
	}
	if v.treatment == "CLOSED" && !v.old && f.submitted != noTime && len(v.claims) > 0 {
		w.decide(r, v, &f, at)
	}
	if w.Dirt == "none" {
		f.inOrder()
	}
	return f
}

// decide is when the claims of a closed case were decided. The case was changed then too, or last when it was handed in.
func (w *world) decide(r *rand.Rand, v *visit, f *treatmentFields, at int64) {
	lag, _ := w.lagOf(r, at, key{"decided", v.claims[0].status, "new"}, key{"decided", "Approved", "new"})
	f.decided = w.after(r, f.submitted, lag, "modified")
	f.modified = f.decided
	if later, ok := w.lagOf(r, r.Int64N(whole), key{"claim modified", v.claims[0].pair, "new"}); ok && later > 60 {
		f.modified = w.known(r, f.submitted, f.submitted+1)
	}
}

// submitted is when a case was handed in: closed ones on the day they began, or on a day on which the real ones of that month were.
func (w *world) submitted(r *rand.Rand, v *visit) int64 {
	of := v.treatment
	if of == "CLOSED" || of == "" {
		of = monthOf(v.created).quarter
	}
	lag, ok := w.lagOf(r, r.Int64N(whole), key{"submitted", of, ""})
	days, known := w.plan.submissions[v.period]
	switch {
	case !ok:
		return noTime
	case !v.old && len(v.kind.invoices) > 0 && v.kind.invoices[0] == "FINAL":
		lag, _ = w.lagOf(r, r.Int64N(whole), key{"submitted final", "", ""})
		return w.after(r, v.created, lag, "submitted")
	case !known || v.treatment != "CLOSED":
		return w.after(r, v.created, lag, "submitted")
	}
	clock := w.plan.hours["event"]
	today := v.created / dayLong
	x := r.Int64N(days.sameDay + days.soon.total() + days.later.total())
	switch {
	case x < days.sameDay:
		lag, _ = w.lagOf(r, r.Int64N(whole), key{"submitted at once", of, ""})
		return w.known(r, v.created, v.created+lag)
	case x >= days.sameDay+days.soon.total():
		for range 8 {
			day := days.first + days.later.number(r.Int64N(days.later.total()))
			if at := day*dayLong + clock.second(r.Int64N(whole)); day > today+10 && at <= w.end {
				return at
			}
		}
	}
	if days.soon.total() == 0 {
		return w.known(r, v.created, v.created+dayLong)
	}
	day := today + days.soon.number(r.Int64N(days.soon.total()))
	return w.known(r, v.created, day*dayLong+clock.second(r.Int64N(whole)))
}

// inOrder puts the dates of a clean case in order.
func (f *treatmentFields) inOrder() {
	f.treated = min(f.treated, f.created)
	if f.submitted != noTime {
		f.submitted = max(f.submitted, f.created)
	}
	f.modified = max(f.modified, f.created, f.submitted)
}

func (w *world) claims(l *lines) error {
	numbers := newClaimNumbers(w.plan)
	number := int64(0)
	w.visits(func(v *visit) bool {
		for i, d := range w.demandsOf(v) {
			f := claimFields{demand: d, id: numbers.next(v.old), treatment: v.id}
			w.spoilClaim(number, int64(i), v, &f)
			if !l.row() {
				return false
			}
			l.key(w, number, f.id)
			l.text(f.status)
			l.text(f.kind)
			l.time(f.created)
			l.time(f.modified)
			l.id(f.treatment)
			l.id(f.program)
			l.amount(f.amount, f.amountText)
			l.text(f.currency)
			l.again(w, number)
			number++
		}
		return true
	})
	return l.err
}

type claimFields struct {
	demand
	id, treatment int64
	amountText    string
}

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

func (w *world) items(l *lines) error {
	numbers := newItemNumbers(w.plan)
	number := int64(0)
	w.visits(func(v *visit) bool {
		for _, g := range w.lineItems(v) {
			f := itemFields{lineItem: g, id: numbers.next(g.created == noTime), currency: "KES"}
			w.spoilItem(number, w.dice(diceItemDirt, number), &f)
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
		return true
	})
	return l.err
}

type itemFields struct {
	lineItem
	id                   int64
	amountText, currency string
}
