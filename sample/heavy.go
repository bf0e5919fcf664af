package sample

import "math/rand/v2"

// The kinds of fault that only `heavy` has. Together with those of `real` they set off every check that looks at rows; a run over them
// must be stopped.

// keyOf is a row's key as it is written: in heavy now and then missing, or that of the row before.
func (w *world) keyOf(number, id, before int64) int64 {
	switch {
	case w.Dirt != "heavy" || number == 0:
		return id
	case w.oneIn(faultNoKey, number, 400*heavier):
		return 0
	case w.oneIn(faultSameKey, number, 300*heavier):
		return before
	}
	return id
}

// twice tells whether a row stands in the file twice, in heavy.
func (w *world) twice(number int64) bool {
	return w.Dirt == "heavy" && w.oneIn(faultTwice, number, 300*heavier)
}

// noWord is a status that says nothing.
func noWord(r *rand.Rand) string {
	return [...]string{"NULL", "N/A", "", `\N`, "WHATEVER", " "}[r.IntN(6)]
}

// spoilt is a word with what cannot be seen around it.
func spoilt(r *rand.Rand, word string) string {
	switch r.IntN(4) {
	case 0:
		return word + "\u00a0"
	case 1:
		return "\ufeff" + word
	case 2:
		return word + "\t"
	}
	return word + "\x00"
}

func (w *world) heavyTreatment(r *rand.Rand, f *treatmentFields) {
	if w.Dirt != "heavy" {
		return
	}
	switch r.IntN(11) {
	case 0, 1:
		f.status = noWord(r)
	case 2:
		f.status = spoilt(r, f.status)
	case 3:
		f.created = noTime
	case 4:
		f.created = future
	case 5:
		f.created = ancient
	case 6:
		f.modified = f.created - 3*dayLong
	case 7:
		f.submitted = noTime // Though past draft.
	case 8:
		f.status, f.submitted = "DRAFT", f.created // A draft that was handed in.
	case 9:
		f.treated = f.created - 200*dayLong
	case 10:
		f.treatedText = "31/12/2018"
	}
}

func (w *world) heavyClaim(r *rand.Rand, v *visit, f *claimFields) {
	if w.Dirt != "heavy" {
		return
	}
	switch r.IntN(18) {
	case 0, 1:
		f.status = noWord(r)
	case 2:
		f.status = spoilt(r, f.status)
	case 3:
		f.currency = [...]string{"XXX", "NULL", "", "N/A"}[r.IntN(4)]
	case 4:
		f.currency = "USD"
	case 5:
		f.currency = "KES\r"
	case 6:
		f.amount = -f.amount
	case 7:
		f.amount *= 1_000_000
	case 8:
		f.amountText = "NULL"
	case 9:
		f.amountText = "0.0000"
	case 10:
		f.amountText = [...]string{"abc", "99999999999999999.0000"}[r.IntN(2)]
	case 11:
		f.treatment = 0
	case 12:
		f.treatment = -f.treatment
	case 13:
		f.kind = [...]string{"2019-01-01 00:00:00", "Cash", "NULL", "benefit"}[r.IntN(4)]
	case 14:
		f.created, f.modified = future, future
	case 15:
		f.created = ancient
	case 16:
		f.created = v.created/dayLong*dayLong + 23*3600 // In the dead of night.
	case 17:
		f.modified = noTime
	}
}

func (w *world) heavyInvoice(r *rand.Rand, f *invoiceFields) {
	if w.Dirt != "heavy" {
		return
	}
	switch r.IntN(7) {
	case 0, 1:
		f.status = noWord(r)
	case 2:
		f.status = spoilt(r, f.status)
	case 3:
		f.treatment = 0
	case 4:
		f.created = future
	case 5:
		f.created = noTime
	case 6:
		if f.created != noTime {
			f.created -= 30 * dayLong // Made before its treatment.
		}
	}
}

func (w *world) heavyItem(r *rand.Rand, f *itemFields) {
	if w.Dirt != "heavy" {
		return
	}
	switch r.IntN(10) {
	case 0:
		f.status = noWord(r)
	case 1:
		f.status = spoilt(r, f.status)
	case 2:
		f.amount = -f.amount
	case 3:
		f.amount *= 1_000_000
	case 4:
		f.amountText = [...]string{"NULL", "abc"}[r.IntN(2)]
	case 5:
		f.currency = [...]string{"USD", "XXX", "NULL", ""}[r.IntN(4)]
	case 6:
		f.invoice = 0
	case 7:
		f.product = 0
	case 8:
		f.created = future
	case 9:
		f.created = ancient
	}
}
