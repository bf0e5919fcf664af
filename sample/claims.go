package sample

// The amounts that stand out in the real tables, in ten-thousandths.
const (
	absurdDeleted    = 55_071_840 * 10_000
	absurdDrafted    = 4_953_035 * 10_000
	absurdSold       = 666_666_666_667 * 10_000
	absurderSold     = 666_666_666_668 * 10_000
	belowNothing     = -233 * 10_000
	firstClaim       = 2_535_672
	lateUndated      = 7_749 // Undated claims whose numbers come after the first dated ones, of all undated.
	undatedClaims    = 24_674
	claimsBeforeLate = 196_570 // Numbers up to the first dated claims, to the late undated ones and beyond them.
	lateClaimsAfter  = 204_700
	datedClaimsAfter = 221_701
)

// claimNumbers numbers claims as the real ones: those of old cases in two runs, with the first of the others between.
type claimNumbers struct {
	old, late, later     int64
	firstDated           int64
	firstLate, afterLate int64
}

func newClaimNumbers(p *plan) *claimNumbers {
	from := func(n, room int64) int64 { return firstClaim + n*p.millionths/whole + room }
	return &claimNumbers{
		firstDated: from(claimsBeforeLate, 100), firstLate: from(lateClaimsAfter, 200), afterLate: from(datedClaimsAfter, 300),
	}
}

func (n *claimNumbers) next(old bool) int64 {
	if !old {
		id := n.firstDated + n.later*10
		if id >= n.firstLate {
			before := (n.firstLate - n.firstDated + 9) / 10
			id = n.afterLate + (n.later-before)*73/10
		}
		n.later++
		return id
	}
	n.old++
	if n.old*lateUndated/undatedClaims > n.late {
		n.late++
		return n.firstLate + (n.late-1)*11/5
	}
	return firstClaim + (n.old-n.late-1)*116/10
}

// demand is a claim of a visit.
type demand struct {
	status, kind      string
	created, modified int64
	program           int64
	amount            int64 // In ten-thousandths.
	currency          string
}

// demandsOf are a visit's claims with their dates and amounts. They are good until the next visit.
func (w *world) demandsOf(v *visit) []demand {
	w.demands = w.demands[:0]
	for i, c := range v.claims {
		if w.Dirt == "none" && i > 0 {
			break // A clean treatment is claimed once.
		}
		d := demand{status: c.status, kind: c.kind, program: v.program, currency: "KES"}
		if c.program != 0 && w.Dirt != "none" {
			d.program = c.program
		}
		w.claimDates(v, int64(i), &d)
		w.demands = append(w.demands, d)
	}
	w.claimAmounts(v, w.demands)
	if len(w.demands) > 0 {
		w.singleClaim(v, &w.demands[0])
	}
	return w.demands
}

// claimDates is when a claim was made and last changed.
func (w *world) claimDates(v *visit, i int64, d *demand) {
	r := w.dice(diceClaim+i, v.index)
	d.created, d.modified = noTime, noTime
	if lag, ok := w.lagOf(r, r.Int64N(whole), key{"claim created", "", "old"}); v.old && ok && w.Dirt != "none" {
		d.created = w.after(r, v.created, lag, "submitted")
	}
	if !v.old {
		d.created = w.known(r, v.created, v.created+r.Int64N(6)/5)
		// A claim was made when its case was handed in, until claims began as drafts.
		l := w.plan.lags[key{"claim on submission", v.period, ""}]
		late := v.position*l.missing.of < (l.missing.of-l.missing.part)*whole
		if late && v.fields.submitted != noTime && w.Dirt != "none" {
			d.created = max(d.created, v.fields.submitted+quantile(lagPlaces, l.points, r.Int64N(whole)))
		}
	}
	from := d.created
	if from == noTime {
		from = v.created
	}
	switch v.treatment {
	case "CLOSED", "SUBMITTED", "RESUBMITTED", "REOPENED":
		if from = v.fields.modified; from == noTime {
			from = v.created
		}
	}
	if v.fields.decided != noTime {
		d.modified = v.fields.decided
		d.created = min(d.created, d.modified)
		return
	}
	of := v.claims[i].pair
	if lag, ok := w.lagOf(r, r.Int64N(whole), key{"claim modified", of, era(v.old)}, key{"claim modified", of, era(!v.old)}); ok {
		d.modified = w.after(r, from, lag, "modified")
	}
	if d.modified != noTime && d.created != noTime {
		d.created = max(min(d.created, d.modified), v.created)
		d.modified = max(d.modified, d.created)
	}
	if w.Dirt == "none" {
		d.modified = max(d.modified, v.created, d.created)
	}
}

// claimAmounts divides what is asked for a case among its claims: as its kind says it stands to the live items.
func (w *world) claimAmounts(v *visit, ds []demand) {
	if len(ds) == 0 {
		return
	}
	live := int64(0)
	for _, g := range w.lineItems(v) {
		if g.live() {
			live += g.amount
		}
	}
	r := w.dice(diceClaim+9, v.index)
	if w.Dirt == "none" {
		if ds[0].amount = live; live == 0 {
			ds[0].amount = w.price(r, v, "item") // Nothing is billed yet.
		}
		return
	}
	sum, asking := w.sum, 0
	for i, c := range v.claims {
		switch c.sign {
		case 'n':
			ds[i].amount = -quantile(lessPlaces, lessThanNothing, r.Int64N(whole)) * 10_000
		case 'p':
			asking++
		}
	}
	for i, c := range v.claims {
		if c.sign != 'p' {
			continue
		}
		ds[i].amount = sum
		if asking > 1 && sum > 20_000 {
			ds[i].amount = (1 + r.Int64N(sum/20_000)) * 10_000
		}
		asking--
		sum = max(10_000, sum-ds[i].amount)
	}
}

var (
	lessPlaces      = []int64{10, 250, 500, 750, 950, 999}
	lessThanNothing = []int64{1, 81, 299, 596, 10_000, 31_011}
)

func (w *world) singleClaim(v *visit, d *demand) {
	switch v.single {
	case absurdClaim:
		d.amount = absurdDeleted
	case absurdDraft:
		d.amount = absurdDrafted
	case foreignMoney:
		d.currency = "TZS"
	default: // Not of a claim.
	}
}
