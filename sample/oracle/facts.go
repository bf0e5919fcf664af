package oracle

import (
	"crypto/md5"
	"fmt"
)

// activityID is the identity of an activity; each occurs once while date columns are all that is known.
func activityID(entity string, key int64, activity string, at moment) string {
	return fmt.Sprintf("%x", md5.Sum(fmt.Appendf(nil, "%s|%d|%s|%s|1", entity, key, activity, stamp(at.t))))
}

func (a *analytics) treatmentActivity() *Table {
	t := newTable(`id activity_date activity_status from_state to_state basis occurrence dim_treatment_id dim_program_id dim_provider_id`)
	for _, r := range a.core.treatments {
		for _, e := range []struct {
			activity, to string
			at           moment
		}{{"treated", "", r.treated}, {"created", "", r.created}, {"submitted", "submitted", r.submitted}} {
			if e.at.known {
				t.add(activityID("treatment", r.id, e.activity, e.at), e.at, e.activity, "", e.to, "column", 1, r.id, r.program, r.provider)
			}
		}
	}
	return t
}

func (a *analytics) claimActivity() *Table {
	t := newTable(`id activity_date activity_status from_state to_state basis occurrence amount currency dim_claim_id dim_treatment_id
		dim_program_id dim_provider_id`)
	for _, k := range a.core.claims {
		visit := a.treatmentByID[k.treatment.n]
		for _, e := range []struct {
			activity, to, basis string
			at                  moment
		}{
			{"treated", "", "column", visit.treated},
			{"submitted", "", "column", visit.submitted},
			{"created", "", "column", k.created},
			{"decided", k.status, "proxy", k.decidedAt()},
		} {
			if e.at.known {
				t.add(activityID("claim", k.id, e.activity, e.at), e.at, e.activity, "", e.to, e.basis, 1, k.amount, k.currency, k.id,
					k.treatment, k.program, visit.provider)
			}
		}
	}
	return t
}

// decidedAt is when a decided claim was last changed, which stands in for the time of the decision.
func (k *claim) decidedAt() moment {
	if k.approved() || k.rejected() {
		return k.modified
	}
	return moment{}
}

func (a *analytics) invoiceActivity() *Table {
	t := newTable(`id activity_date activity_status from_state to_state basis occurrence dim_invoice_id dim_treatment_id dim_program_id
		dim_provider_id`)
	for _, v := range a.core.invoices {
		if !v.imputed.known {
			continue
		}
		visit := a.treatmentByID[v.treatment.n]
		t.add(activityID("invoice", v.id, "created", v.imputed), v.imputed, "created", "", "", activityBasis(v.created), 1, v.id, v.treatment,
			visit.program, visit.provider)
	}
	return t
}

func (a *analytics) itemActivity() *Table {
	t := newTable(`id activity_date activity_status from_state to_state basis occurrence amount currency dim_invoice_item_id
		dim_invoice_id dim_treatment_id dim_product_id dim_program_id dim_provider_id`)
	for _, i := range a.core.items {
		if !i.imputed.known {
			continue
		}
		visit := a.treatmentByID[i.treatment]
		t.add(activityID("invoice_item", i.id, "created", i.imputed), i.imputed, "created", "", "", activityBasis(i.created), 1, i.amount,
			i.currency, i.id, i.invoice, i.treatment, i.product, visit.program, visit.provider)
	}
	return t
}

func activityBasis(own moment) string {
	if own.known {
		return "column"
	}
	return "imputed"
}

func (a *analytics) lifecycle() *Table {
	t := newTable(`dim_claim_id dim_treatment_id dim_program_id dim_provider_id dim_first_invoice_id dim_last_invoice_id type amount
		currency status status_since status_since_basis date_treatment date_treatment_basis date_submitted date_submitted_basis
		date_invoice_created_first date_invoice_created_last invoices_dated invoices_total date_invoice_created_basis
		date_claim_created date_claim_created_basis date_decided date_decided_basis date_approved date_rejected
		lag_submitted_seconds lag_invoice_created_seconds lag_claim_created_seconds lag_decided_seconds as_of`)
	for _, k := range a.core.claims {
		visit := a.treatmentByID[k.treatment.n]
		var firstID, lastID number
		var firstAt, lastAt, approved, rejected moment
		dated, invoices := 0, a.invoicesOf[k.treatment.n]
		for _, v := range invoices {
			if !firstID.known || v.id < firstID.n {
				firstID = number{n: v.id, known: true}
			}
			if !lastID.known || v.id > lastID.n {
				lastID = number{n: v.id, known: true}
			}
			firstAt, lastAt = earliest(firstAt, v.created), latest(lastAt, v.created)
			if v.created.known {
				dated++
			}
		}
		decided := k.decidedAt()
		if k.approved() {
			approved = decided
		}
		if k.rejected() {
			rejected = decided
		}
		t.add(k.id, k.treatment, k.program, visit.provider, firstID, lastID, k.kind, k.amount, k.currency, k.status,
			decided, where(decided, "proxy"), visit.treated, where(visit.treated, "column"), visit.submitted, where(visit.submitted, "column"),
			firstAt, lastAt, dated, len(invoices), where(firstAt, "column"), k.created, where(k.created, "column"),
			decided, where(decided, "proxy"), approved, rejected, seconds(visit.treated, visit.submitted), seconds(visit.treated, firstAt),
			seconds(visit.treated, k.created), seconds(visit.treated, decided), a.asOf)
	}
	return t
}

// where gives the basis of a time that is there.
func where(m moment, basis string) string {
	if m.known {
		return basis
	}
	return ""
}
