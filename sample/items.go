package sample

import (
	"math/rand/v2"
	"slices"
)

const (
	firstItem     = 8_502_040
	datedItems    = 631_510 // Numbers up to the first dated item.
	datedOldItems = 501     // Dated items of undated invoices, of all their items.
	oldItems      = 43_065
)

// itemNumbers numbers items as the real ones: those without a date come first.
type itemNumbers struct{ undated, dated, firstDated int64 }

func newItemNumbers(p *plan) *itemNumbers {
	return &itemNumbers{firstDated: firstItem + datedItems*p.millionths/whole + 1_000}
}

func (n *itemNumbers) next(undated bool) int64 {
	if undated {
		n.undated++
		return firstItem + (n.undated-1)*14
	}
	n.dated++
	return n.firstDated + (n.dated-1)*109/10
}

// lineItem is an item of an invoice: what was given and its price in ten-thousandths.
type lineItem struct {
	status           string
	invoice, created int64
	product, amount  int64
}

func (g lineItem) live() bool {
	return g.status != "DELETED" && g.status != "REPLACED" && g.status != "REJECTED"
}

// lineItems are the items of a visit's invoices, and beside them what its claims ask for together. They are good until the next visit.
func (w *world) lineItems(v *visit) []lineItem {
	w.sold = w.sold[:0]
	r := w.dice(diceItems, v.index)
	w.sum = w.price(r, v, v.priced)
	for n := range v.items {
		b := &v.invoices[n*int64(len(v.invoices))/v.items]
		g := lineItem{status: "DELETED", invoice: b.id, created: w.itemDate(r, v, b)}
		if v.money != 'd' {
			words := w.wordsFor(v, b, &g)
			g.status = words.at(r.Int64N(words.total()))
		}
		w.sold = append(w.sold, g)
	}
	if len(w.sold) == 0 {
		return w.sold
	}
	w.revive(r, v)
	for i := range w.sold {
		w.sold[i].amount = w.itemAmount(r, v, &w.sold[i])
	}
	if w.Dirt != "none" {
		w.charge(r, v)
	}
	for i := range w.sold {
		w.sold[i].product = w.product(r, v, w.sold[i].amount)
	}
	return w.sold
}

func (w *world) itemDate(r *rand.Rand, v *visit, b *bill) int64 {
	from, of := b.created, "new"
	if v.old {
		if from, of = datedBegin, "old"; w.Dirt == "none" || r.IntN(oldItems) >= datedOldItems {
			return noTime
		}
	}
	lag := quantile(lagPlaces, w.plan.lags[key{"item created", "", of}].points, r.Int64N(whole))
	return w.after(r, from, lag, "submitted")
}

// wordsFor are the states of items by month and invoice, as in the real table.
func (w *world) wordsFor(v *visit, b *bill, g *lineItem) *counts {
	month := "old"
	if !v.old {
		month = monthOf(g.created).month
	}
	items := "more"
	if v.items == 1 {
		items = "one"
	}
	// A given file may have invoices of other months.
	for _, name := range [...]key{{month, b.status, items}, {month, "SUBMITTED", items}, {"201911", "SUBMITTED", items}} {
		if c := w.plan.statuses[name]; c != nil {
			return c
		}
	}
	return nil
}

// revive makes an item of a case live that has to have one.
func (w *world) revive(r *rand.Rand, v *visit) {
	if len(w.sold) == 0 || v.money == 'd' || slices.ContainsFunc(w.sold, lineItem.live) {
		return
	}
	n := r.IntN(len(w.sold))
	for _, word := range w.wordsFor(v, &v.invoices[n*len(v.invoices)/len(w.sold)], &w.sold[n]).words {
		if w.sold[n].status = word; w.sold[n].live() {
			return
		}
	}
	w.sold[n].status = "ACTIVE"
}

func (w *world) itemAmount(r *rand.Rand, v *visit, g *lineItem) int64 {
	amount := w.price(r, v, "item")
	x := r.Int64N(whole)
	switch {
	case w.Dirt == "none":
		return amount
	case v.money == 'e' && v.claimed() == "z" && g.live():
		return 0
	case v.items == 1 && g.live():
		return amount
	}
	year := "old"
	if !v.old {
		year = monthOf(v.created).year
	}
	if s := w.plan.zeros[key{year, g.status, ""}]; s.of > 0 && x < s.part*whole/s.of {
		return 0
	}
	return amount
}

// charge makes the live items of a case stand to its claims as its kind says.
func (w *world) charge(r *rand.Rand, v *visit) {
	switch v.single {
	case absurdItem:
		w.sold[0].amount = absurdSold
	case absurderItem:
		w.sold[0].amount = absurderSold
	default: // Not of an item.
	}
	last, sum := -1, int64(0)
	for i := range w.sold {
		g := &w.sold[i]
		if !g.live() {
			continue
		}
		last = i
		if v.claimed() == "p" && (v.money == 'e' || v.money == 'm') {
			// What goes beyond the claims is a smaller thing, or comes with another.
			for range 3 {
				if sum+g.amount >= w.sum {
					g.amount = w.price(r, v, "item")
				}
			}
			if sum+g.amount >= w.sum {
				g.amount = (w.sum - sum) / 40_000 * 10_000
			}
		}
		sum += g.amount
	}
	switch {
	case last < 0:
	case v.single == negativeItem:
		w.sold[last].amount = belowNothing
	case v.money == 'e' && v.claimed() == "p":
		w.sold[last].amount += w.sum - sum
	case v.money == 'l' && v.claimed() == "p" && sum <= w.sum:
		w.sold[last].amount += w.sum - sum + w.price(r, v, "item")
	case v.money == 'l' && sum == 0:
		w.sold[last].amount = w.price(r, v, "item")
	}
}

// price is an amount of the case's kind: an item's, or that of all its claims.
func (w *world) price(r *rand.Rand, v *visit, what string) int64 {
	when := "2018"
	switch {
	case v.program == 577 || v.program == 578:
		when = "new programs"
	case v.old:
		when = "old"
	case v.created >= newYear:
		when = "2019"
	}
	p := w.plan.amounts[key{what, v.state, when}]
	if p == nil {
		if p = w.plan.amounts[key{what, "other", when}]; p == nil {
			p = w.plan.amounts[key{"item", "other", when}]
		}
	}
	if x := r.Int64N(p.common.total() + p.rare); x < p.common.total() {
		return p.values[p.common.index(x)]
	}
	return quantile(pricePlaces, p.points, r.Int64N(whole)) * 10_000
}

var newYear = unix(2019, 1, 1, 0, 0, 0)

// product is one that is sold at such a price, mostly: few are sold often, and most numbers are negative until 2019.
func (w *world) product(r *rand.Rand, v *visit, amount int64) int64 {
	if r.IntN(6) == 0 {
		amount = w.price(r, v, "item") // At another price than its own.
	}
	price := amount / 10_000
	for unit := int64(1); price >= 10*unit; unit *= 10 {
		price = price / (5 * unit) * 5 * unit // Its first digit, as good as.
	}
	x := r.Int64N(1 << 15)
	y := x * x >> 15
	rank := (y * y >> 15) * x >> 15 * 58 >> 15
	old := 999
	switch {
	case v.old:
	case v.created < newYear:
		old = 970
	default:
		old = 470
	}
	number := 1 + int64(scatter(uint64(price)<<1, uint64(rank))%30_000)
	if r.IntN(1000) < old {
		return -number
	}
	return 1 + int64(scatter(uint64(price)<<1|1, uint64(rank))%36_000)
}
