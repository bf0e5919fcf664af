package sample

import "math/rand/v2"

// The two amounts that stand out in the real table, in ten-thousandths.
const (
	absurdDeleted = 55_071_840 * 10_000
	absurdDraft   = 4_953_035 * 10_000
)

// demand is a claim of a visit.
type demand struct {
	status, kind      string
	created, modified int64
	amount            int64 // In ten-thousandths.
}

// demandsOf are a visit's claims: none for two visits in five, now and then a second one.
func (w *world) demandsOf(v *visit, out []demand) []demand {
	absurd := w.absurd(v.number)
	x := w.dice(diceClaim, v.index).IntN(1000)
	if x >= w.claimed(v) && absurd == 0 {
		return out
	}
	billed := w.billed(v)
	if billed == 0 && w.Dirt == "none" {
		return out
	}
	r := w.dice(diceClaim+1, v.index)
	d := demand{kind: "Benefit", amount: billed, created: noTime, status: w.claimStatus(r, v)}
	if r.IntN(12) == 0 {
		d.kind = "Voucher"
	}
	w.misjudge(r, &d)
	var from int64
	if v.old {
		// Claims came up later than treatments: their changes spread from then on over what is left of the undated time.
		d.modified = claimsBegin + (v.created-migrationBegin)/dayLong*(datedBegin-claimsBegin)/((datedBegin-migrationBegin)/dayLong)
		from = max(onDay(r, d.modified/dayLong), v.created)
	} else {
		d.created = after(r, v.created, 12*dayLong/10)
		if d.created > w.end && absurd == 0 {
			return out // Nobody has claimed it yet.
		}
		d.created = min(d.created, w.end)
		from = d.created
	}
	d.modified = w.changed(r, v, &d, from)
	if absurd != 0 {
		d.amount, d.status = absurd, "Deleted"
		if absurd == absurdDraft {
			d.status = "Draft"
		}
	}
	out = append(out, d)
	if w.Dirt != "none" && absurd == 0 && x < 8 {
		out = append(out, d) // The same claim once more, under another id.
	}
	return out
}

// claimed is how many visits in 1,000 have a claim: few of those of which no bill was handed in.
func (w *world) claimed(v *visit) int {
	for _, b := range v.invoices {
		if b.status != "DRAFT" {
			return 683
		}
	}
	if w.Dirt == "none" {
		return 0
	}
	return 150
}

// misjudge makes some claims more or less than what was billed.
func (w *world) misjudge(r *rand.Rand, d *demand) {
	if d.amount == 0 {
		d.amount = (100 + r.Int64N(4000)) * 10_000
	}
	y, share := r.IntN(100), r.Int64N(60)
	switch {
	case w.Dirt == "none":
	case y < 4:
		d.amount += d.amount * (5 + share) / 100 / 10_000 * 10_000
	case y < 7:
		d.amount -= d.amount * (5 + share*2/3) / 100 / 10_000 * 10_000
	}
}

// changed is when a claim was last changed: decided, where it was. Providers differ in how long that takes. A decision that would
// come after the data ends has not been made.
func (w *world) changed(r *rand.Rand, v *visit, d *demand, from int64) int64 {
	soon, pace := r.Int64N(1800), 1+v.provider/13%9
	if d.status != "Draft" && d.status != "Submitted" {
		at := after(r, from, pace*7*dayLong/10)
		if at <= w.end {
			return at
		}
		d.status = "Submitted"
	}
	if from+soon > w.end {
		return from
	}
	return from + soon
}

// claimStatus gives the real shares, and a rejection rate that differs by provider and drifts for some of them.
func (w *world) claimStatus(r *rand.Rand, v *visit) string {
	rejected := 34
	switch p := v.provider / 13; {
	case p%17 == 3:
		rejected = 140
	case p%23 == 5 && v.created > w.end-147*dayLong:
		rejected = 220
	}
	x := r.IntN(1000)
	if age := w.end - v.created; age < 40*dayLong && int64(x) < 700*(40*dayLong-age)/(40*dayLong)+150 {
		return "Submitted"
	}
	return pick(x, step{rejected, "Rejected"}, step{rejected + 68, "Draft"}, step{rejected + 108, "Deleted"}, step{rejected + 110, "ReSubmitted"},
		step{rejected + 111, "InReview"}, step{rejected + 147, "Submitted"}, step{1000, "Approved"})
}

// absurd is the amount that stands out of a case that has one, else 0. There is one of each kind for each whole of scale, one at least.
func (w *world) absurd(number int64) int64 {
	if w.Dirt == "none" {
		return 0
	}
	parts := max(1, (w.cases+30_000)/60_000)
	part := number * parts / w.cases
	begin, size := (part*w.cases+parts-1)/parts, w.cases/parts
	switch number - begin {
	case size / 2:
		return absurdDeleted
	case size / 4:
		return absurdDraft
	}
	return 0
}
