package oracle

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// analytics derives the analytics tables from core.
type analytics struct {
	*core
	asOf time.Time
	week time.Time // asOf - 7 days.
	four time.Time // asOf - 28 days.

	claimsOf   map[int64][]*claim   // By treatment.
	invoicesOf map[int64][]*invoice // By treatment.
	itemsOf    map[int64][]*item    // By invoice.
}

func newAnalytics(c *core, asOf time.Time) *analytics {
	a := &analytics{
		core: c, asOf: asOf, week: asOf.AddDate(0, 0, -7), four: asOf.AddDate(0, 0, -28),
		claimsOf: map[int64][]*claim{}, invoicesOf: map[int64][]*invoice{}, itemsOf: map[int64][]*item{},
	}
	for _, k := range c.claims {
		a.claimsOf[k.treatment.n] = append(a.claimsOf[k.treatment.n], k)
	}
	for _, v := range c.invoices {
		a.invoicesOf[v.treatment.n] = append(a.invoicesOf[v.treatment.n], v)
	}
	for _, i := range c.items {
		a.itemsOf[i.invoice.n] = append(a.itemsOf[i.invoice.n], i)
	}
	return a
}

// in tells whether a time lies in [from, asOf).
func (a *analytics) in(m moment, from time.Time) bool {
	return m.known && !m.t.Before(from) && m.t.Before(a.asOf)
}

// tally counts things: all, of the last 7 days, of the last 28 days, without a time.
type tally [4]int

func (a *analytics) count(t *tally, at moment) {
	t[0]++
	if a.in(at, a.week) {
		t[1]++
	}
	if a.in(at, a.four) {
		t[2]++
	}
	if !at.known {
		t[3]++
	}
}

func (t tally) values() []any { return []any{t[0], t[1], t[2], t[3]} }

// counted are the columns of a tally.
func counted(names ...string) string {
	var out strings.Builder
	for _, n := range names {
		out.WriteString(" " + n + "_total " + n + "_last_7_days " + n + "_last_28_days " + n + "_undated")
	}
	return out.String()
}

func (k *claim) approved() bool { return k.status == "approved" || k.status == "paid" }
func (k *claim) rejected() bool { return k.status == "rejected" }

func (a *analytics) treatments() *Table {
	t := newTable("id dim_program_id dim_provider_id status status_basis date_created date_created_basis date_modified date_submitted " +
		"date_treatment" + counted("claims", "approved_claims", "rejected_claims", "invoices") + " resubmitted_invoices_total" +
		counted("invoice_items") + " as_of")
	for _, r := range a.core.treatments {
		var claims, approved, rejected, invoices, items tally
		resubmitted := 0
		for _, k := range a.claimsOf[r.id] {
			a.count(&claims, k.created)
			if k.approved() {
				a.count(&approved, k.modified)
			}
			if k.rejected() {
				a.count(&rejected, k.modified)
			}
		}
		for _, v := range a.invoicesOf[r.id] {
			a.count(&invoices, v.created)
			if v.status == "resubmitted" {
				resubmitted++
			}
			for _, i := range a.itemsOf[v.id] {
				a.count(&items, i.created)
			}
		}
		row := []any{
			r.id, r.program, r.provider, r.status, r.basis, r.created, given(r.created.known), r.modified, r.submitted, r.treated,
		}
		for _, n := range []tally{claims, approved, rejected, invoices} {
			row = append(row, n.values()...)
		}
		row = append(row, resubmitted)
		t.add(append(append(row, items.values()...), a.asOf)...)
	}
	return t
}

func (a *analytics) claims() *Table {
	t := newTable(`id dim_treatment_id dim_program_id dim_provider_id status status_basis type amount currency date_created
		date_created_basis date_created_lower date_created_upper date_modified as_of`)
	for _, k := range a.core.claims {
		t.add(k.id, k.treatment, k.program, a.treatmentByID[k.treatment.n].provider, k.status, k.basis, k.kind, k.amount, k.currency,
			k.created, given(k.created.known), k.lower, k.upper, k.modified, a.asOf)
	}
	return t
}

func (a *analytics) invoices() *Table {
	t := newTable(`id dim_treatment_id dim_program_id dim_provider_id status status_basis date_created date_created_basis
		date_created_lower date_created_upper date_created_imputed date_created_imputed_basis` + counted("invoice_items") +
		` amount_total amount_currency as_of`)
	for _, v := range a.core.invoices {
		var items tally
		var sum purse
		for _, i := range a.itemsOf[v.id] {
			a.count(&items, i.created)
			if i.status != "void" && i.amount.known && i.currency.known {
				sum.add(i.amount, i.currency)
			}
		}
		parent := a.treatmentByID[v.treatment.n]
		row := []any{
			v.id, v.treatment, parent.program, parent.provider, v.status, v.basis, v.created, given(v.created.known), v.lower, v.upper,
			v.imputed, imputedBasis(v.created, v.imputed),
		}
		t.add(append(append(row, items.values()...), sum.total(), sum.currency(), a.asOf)...)
	}
	return t
}

func (a *analytics) items() *Table {
	t := newTable(`id dim_invoice_id dim_treatment_id dim_product_id dim_program_id dim_provider_id status amount currency
		date_created as_of`)
	for _, i := range a.core.items {
		visit := a.treatmentByID[i.treatment]
		t.add(i.id, i.invoice, i.treatment, i.product, visit.program, visit.provider, i.status, i.amount, i.currency,
			i.created, a.asOf)
	}
	return t
}

// purse adds money by currency. What holds more than one currency has no total.
type purse struct{ sums map[string]money }

func (p *purse) add(m money, currency word) {
	if p.sums == nil {
		p.sums = map[string]money{}
	}
	p.sums[currency.s] = p.sums[currency.s].plus(m)
}

func (p *purse) currency() word {
	if len(p.sums) != 1 {
		return word{}
	}
	return word{s: slices.Collect(maps.Keys(p.sums))[0], known: true}
}

func (p *purse) total() money {
	if len(p.sums) != 1 {
		return money{}
	}
	return p.sums[p.currency().s]
}
