package sample

import "math/rand/v2"

// Faults are thrown per 100,000 rows. Those of `real` are few and of the kinds seen in the real tables; `heavy` has every kind of
// fault in quantity. What MySQL's loader would turn into a value that cannot be told from a true one (a missing amount becomes 0)
// stands in heavy only, so that real data cleans to the same rows by CSV and through MySQL.
const (
	perRow  = 100_000
	nowhere = 900_000_001 // No such treatment or invoice.
	future  = 3_824_064_000 + 9*3600
	ancient = -2_208_988_800 + 46*365*dayLong // A date before the platform began.
)

// throw is a row's lot: -1 where there is no dirt.
func (w *world) throw(r *rand.Rand) int {
	x := r.IntN(perRow)
	switch w.Dirt {
	case "none":
		return -1
	case "heavy":
		return x / 20 // Twenty times as often.
	}
	return x
}

func (w *world) spoilTreatment(r *rand.Rand, f *treatmentFields) {
	switch x := w.throw(r); {
	case x < 0:
	case x < 60:
		f.status = misspell(r, f.status)
	case x < 66:
		f.treatedText = "2019-03-00 00:00:00"
	case x < 70:
		f.treatedText = "2018-00-00 00:00:00"
	case x < 76:
		f.treated = future
	case x < 80:
		f.treated = ancient
	case x < 90:
		f.treated = noTime
	case x < 98:
		f.provider = 0
	case x < 104:
		f.program = 0
	case x < 150:
		f.submitted, f.treated = f.treated, f.submitted // Handed in before the care was given.
	case w.Dirt == "heavy" && x < 600:
		w.heavyTreatment(r, f)
	}
}

func (w *world) heavyTreatment(r *rand.Rand, f *treatmentFields) {
	switch r.IntN(6) {
	case 0:
		f.status = "NULL"
	case 1:
		f.status = "N/A"
	case 2:
		f.status = "WHATEVER"
	case 3:
		f.created = noTime
	case 4:
		f.modified = f.created - 3*dayLong
	case 5:
		f.status += "\u00a0"
	}
}

func (w *world) spoilClaim(r *rand.Rand, v *visit, f *claimFields) {
	switch x := w.throw(r); {
	case x < 0:
	case x < 90:
		f.status = misspell(r, f.status)
	case x < 120:
		f.currency = "kes"
	case x < 150:
		f.currency = "KES "
	case x < 290 && w.file == nil:
		f.treatment = nowhere + v.index
	case x < 310:
		f.modified = max(f.created, 0) - 2*dayLong
	case x < 320:
		f.program = 0
	case w.Dirt == "heavy" && x < 1200:
		w.heavyClaim(r, f)
	}
	if f.modified < 0 {
		f.modified = noTime
	}
}

func (w *world) heavyClaim(r *rand.Rand, f *claimFields) {
	switch r.IntN(9) {
	case 0:
		f.status = "Whatever"
	case 1:
		f.status = "NULL"
	case 2:
		f.currency = "XXX"
	case 3:
		f.currency = "NULL"
	case 4:
		f.amount = -f.amount
	case 5:
		f.amount *= 1_000_000
	case 6:
		f.treatment = 0
	case 7:
		f.currency = "KES\r"
	case 8:
		f.kind = "2019-01-01 00:00:00"
	}
}

func (w *world) spoilInvoice(r *rand.Rand, v *visit, f *invoiceFields) {
	switch x := w.throw(r); {
	case x < 0:
	case x < 60:
		f.status = misspell(r, f.status)
	case x < 130:
		f.treatment = nowhere + v.index
	case w.Dirt == "heavy" && x < 400:
		f.status = pick(r.IntN(3), step{1, "NULL"}, step{2, "WHATEVER"}, step{3, ""})
	}
}

func (w *world) spoilItem(r *rand.Rand, f *itemFields) {
	switch x := w.throw(r); {
	case x < 0:
	case x < 40:
		f.status = misspell(r, f.status)
	case x < 60:
		f.currency = "kes"
	case x < 130 && w.file == nil:
		f.invoice = nowhere + f.invoice
	case w.Dirt == "heavy" && x < 500:
		switch r.IntN(4) {
		case 0:
			f.amount = -f.amount
		case 1:
			f.currency = "USD"
		case 2:
			f.invoice = 0
		case 3:
			f.status = "GONE"
		}
	}
}
