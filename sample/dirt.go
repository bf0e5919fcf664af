package sample

import (
	"math/rand/v2"
	"strings"
)

// Faults are thrown per 100,000 rows. Those of `real` are few and can be repaired: words in another case or with blanks around them,
// dates without a day; what the real tables have beside them is in their shape. `heavy` has them heavier times as often, and the
// further kinds of heavy.go. What MySQL's loader would turn into a value that cannot be told from a true one (a missing amount becomes
// 0) stands in heavy only, so that real data cleans to the same rows by CSV and through MySQL.
const (
	perRow  = 100_000
	heavier = 20
	nowhere = 900_000_001 // No such treatment or invoice.
)

var (
	future  = unix(2091, 3, 7, 9, 0, 0)
	ancient = unix(1945, 12, 21, 0, 0, 0) // Long before the platform began.
)

// Faults of which every block of rows has one, and how long the blocks are.
const (
	faultClaimOrphan = iota
	faultInvoiceOrphan
	faultItemOrphan
	faultPartialDate
	faultNoKey
	faultSameKey
	faultTwice

	partialDates = 2_500
	orphans      = 500 // In heavy only.
)

// heavily is oneIn for the faults that only heavy has; the size is that of its blocks.
func (w *world) heavily(fault, n, size int64) bool {
	return w.Dirt == "heavy" && w.file == nil && w.oneIn(fault, n, size*heavier)
}

// throw is a row's lot: -1 where there is no dirt.
func (w *world) throw(r *rand.Rand) int {
	x := r.IntN(perRow)
	switch w.Dirt {
	case "none":
		return -1
	case "heavy":
		return x / heavier
	}
	return x
}

func (w *world) spoilTreatment(v *visit, f *treatmentFields) {
	r := w.dice(diceTreatment+2, v.index)
	switch x := w.throw(r); {
	case x < 0:
		return
	case f.treated != noTime && w.oneIn(faultPartialDate, v.index, partialDates):
		f.treatedText = "2019-03-00 00:00:00"
		if r.IntN(3) == 0 {
			f.treatedText = "2018-00-00 00:00:00"
		}
	case x < 60:
		f.status = misspell(r, f.status)
	case x < 600:
		w.heavyTreatment(r, f)
	}
}

func (w *world) spoilClaim(number, nth int64, v *visit, f *claimFields) {
	r := w.dice(diceClaimDirt+nth, v.index)
	switch x := w.throw(r); {
	case x < 0:
		return
	case w.heavily(faultClaimOrphan, number, orphans):
		f.treatment = nowhere + v.index
	case x < 90:
		f.status = misspell(r, f.status)
	case v.single != 0:
		return
	case x < 120:
		f.currency = "kes"
	case x < 150:
		f.currency = "KES "
	case x < 1200:
		w.heavyClaim(r, v, f)
	}
}

func (w *world) spoilInvoice(number, nth int64, v *visit, f *invoiceFields) {
	r := w.dice(diceInvoiceDirt+nth, v.index)
	switch x := w.throw(r); {
	case x < 0:
		return
	case w.heavily(faultInvoiceOrphan, number, orphans):
		f.treatment = nowhere + v.index
	case x < 60:
		f.status = misspell(r, f.status)
	case x < 400:
		w.heavyInvoice(r, f)
	}
}

func (w *world) spoilItem(number int64, r *rand.Rand, f *itemFields) {
	switch x := w.throw(r); {
	case x < 0:
		return
	case w.heavily(faultItemOrphan, number, orphans):
		f.invoice += nowhere
	case x < 40:
		f.status = misspell(r, f.status)
	case x < 60:
		f.currency = "kes"
	case x < 500:
		w.heavyItem(r, f)
	}
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
