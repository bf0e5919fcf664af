package sample

import (
	"math/rand/v2"
	"strings"
)

// Faults are thrown per 100,000 rows. Those of `real` are few and of the kinds seen in the real tables; `heavy` has them heavier times
// as often, and the further kinds of heavy.go. What MySQL's loader would turn into a value that cannot be told from a true one (a
// missing amount becomes 0) stands in heavy only, so that real data cleans to the same rows by CSV and through MySQL.
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
	faultFutureDate
	faultNoKey
	faultSameKey
	faultTwice

	claimOrphans   = 700
	invoiceOrphans = 1_400
	itemOrphans    = 1_400
	partialDates   = 2_500
	futureDates    = 4_000
)

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
	r := w.dice(diceTreatment+1, v.number)
	switch x := w.throw(r); {
	case x < 0:
		return
	case w.oneIn(faultPartialDate, v.number, partialDates):
		f.treatedText = "2019-03-00 00:00:00"
		if r.IntN(3) == 0 {
			f.treatedText = "2018-00-00 00:00:00"
		}
	case w.oneIn(faultFutureDate, v.number, futureDates):
		f.treated = future
	case x < 60:
		f.status = misspell(r, f.status)
	case x < 64:
		f.treated = ancient
	case x < 74:
		f.treated = noTime
	case x < 82:
		f.provider = 0
	case x < 88:
		f.program = 0
	case x < 134:
		f.submitted, f.treated = f.treated, f.submitted // Handed in before the care was given.
	case x < 600:
		w.heavyTreatment(r, f)
	}
}

func (w *world) spoilClaim(number, nth int64, v *visit, f *claimFields) {
	r := w.dice(diceClaimDirt+nth, v.number)
	switch x := w.throw(r); {
	case x < 0:
		return
	case w.file == nil && w.oneIn(faultClaimOrphan, number, claimOrphans):
		f.treatment = nowhere + v.number
	case x < 90:
		f.status = misspell(r, f.status)
	case x < 120:
		f.currency = "kes"
	case x < 150:
		f.currency = "KES "
	case x < 170:
		if f.created != noTime {
			f.modified = f.created - 2*dayLong // Changed before it was made.
		}
	case x < 180:
		f.program = 0
	case x < 250:
		f.program = 36 + ((f.program-36)/4+5)%programs*4 // Not the treatment's program.
	case x < 270:
		if f.created != noTime {
			f.created = v.created - 3600 // Made before its treatment.
		}
	case x < 1200:
		w.heavyClaim(r, v, f)
	}
}

func (w *world) spoilInvoice(number, nth int64, v *visit, f *invoiceFields) {
	r := w.dice(diceInvoiceDirt+nth, v.number)
	switch x := w.throw(r); {
	case x < 0:
		return
	case w.oneIn(faultInvoiceOrphan, number, invoiceOrphans):
		f.treatment = nowhere + v.number
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
	case w.file == nil && w.oneIn(faultItemOrphan, number, itemOrphans):
		f.invoice += nowhere
	case x < 40:
		f.status = misspell(r, f.status)
	case x < 60:
		f.currency = "kes"
	case x < 70:
		if f.created != noTime {
			f.created -= 1800 // Made before its invoice.
		}
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
