package oracle

import (
	"crypto/md5"
	"fmt"
	"strings"
)

// activityID is the identity of an activity; each occurs once while date columns are all that is known.
func activityID(entity string, key int64, activity string, at moment) string {
	return fmt.Sprintf("%x", md5.Sum(fmt.Appendf(nil, "%s|%d|%s|%s|1", entity, key, activity, stamp(at.t))))
}

// further are the columns that all facts end with: the bounds of a time that is not true, the next time, when a change was seen, and the
// place of the activity in the declaration.
const further = " activity_date_lower activity_date_upper next_activity_date known_at position"

func (a *analytics) treatmentActivity() *Table {
	t := newTable(`id activity_date activity_status from_state to_state basis occurrence dim_treatment_id dim_program_id dim_provider_id` +
		further)
	for _, r := range a.core.treatments {
		for i, e := range []struct {
			activity, to string
			at           moment
		}{{"treated", "", r.treated}, {"created", "", r.created}, {"submitted", "submitted", r.submitted}} {
			if e.at.known {
				t.add(activityID("treatment", r.id, e.activity, e.at), e.at, e.activity, "", e.to, "column", 1, r.id, r.program, r.provider,
					"", "", "", "", i+1)
			}
		}
	}
	return t
}

func (a *analytics) claimActivity() *Table {
	t := newTable(`id activity_date activity_status from_state to_state basis occurrence amount currency dim_claim_id dim_treatment_id
		dim_program_id dim_provider_id` + further)
	for _, k := range a.core.claims {
		visit := a.treatmentByID[k.treatment.n]
		for _, e := range []struct {
			activity, to, basis string
			at                  moment
			place               int
		}{
			{"treated", "", "column", visit.treated, 1},
			{"submitted", "", "column", visit.submitted, 2},
			{"created", "", "column", k.created, 4},
			{"decided", k.status, "proxy", k.decidedAt(), 5},
		} {
			if e.at.known {
				t.add(activityID("claim", k.id, e.activity, e.at), e.at, e.activity, "", e.to, e.basis, 1, k.amount, k.currency, k.id,
					k.treatment, k.program, visit.provider, "", "", "", "", e.place)
			}
		}
	}
	return t
}

// decidedAt is when a decided claim was last changed, which stands in for the time of the decision.
func (k *claim) decidedAt() moment {
	if k.approved() || k.rejected() || k.status == "partial" {
		return k.modified
	}
	return moment{}
}

func (a *analytics) invoiceActivity() *Table {
	t := newTable(`id activity_date activity_status from_state to_state basis occurrence dim_invoice_id dim_treatment_id dim_program_id
		dim_provider_id` + further)
	for _, v := range a.core.invoices {
		if !v.imputed.known {
			continue
		}
		visit := a.treatmentByID[v.treatment.n]
		t.add(activityID("invoice", v.id, "created", v.imputed), v.imputed, "created", "", "", activityBasis(v.created), 1, v.id, v.treatment,
			visit.program, visit.provider, v.lower, v.upper, "", "", 1)
	}
	return t
}

func (a *analytics) itemActivity() *Table {
	t := newTable(`id activity_date activity_status from_state to_state basis occurrence amount currency dim_invoice_item_id
		dim_invoice_id dim_treatment_id dim_product_id dim_program_id dim_provider_id` + further)
	for _, i := range a.core.items {
		if !i.imputed.known {
			continue
		}
		visit := a.treatmentByID[i.treatment]
		t.add(activityID("invoice_item", i.id, "created", i.imputed), i.imputed, "created", "", "", activityBasis(i.created), 1, i.amount,
			i.currency, i.id, i.invoice, i.treatment, i.product, visit.program, visit.provider, i.lower, "", "", "", 1)
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
	t := newTable(`dim_claim_id dim_treatment_id dim_program_id dim_provider_id dim_first_invoice_id dim_last_invoice_id type ` +
		`invoices_total treatment_status
		amount_basis amount currency status status_since status_since_basis` + steps("date_treatment treated", "date_submitted submitted",
		"date_invoice_created invoice_created",
		"date_claim_created created", "date_decided decided", "date_approved approved", "date_rejected rejected") + `
		lag_submitted_seconds lag_invoice_created_seconds lag_claim_created_seconds lag_decided_seconds lag_approved_seconds lag_rejected_seconds
		care_to_submission_seconds submission_to_claim_seconds claim_to_decision_seconds claim_to_decision_in_time as_of`)
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
		row := []any{
			k.id, k.treatment, k.program, visit.provider, firstID, lastID, k.kind, len(invoices), visit.status, given(k.amount.known), k.amount,
			k.currency, k.status,
			decided, where(decided, "proxy"),
		}
		row = append(row, step(visit.treated, "column")...)
		row = append(row, step(visit.submitted, "column")...)
		row = append(row, firstAt, lastAt, dated, where(firstAt, "column"))
		row = append(row, step(k.created, "column")...)
		for _, m := range []moment{decided, approved, rejected} {
			row = append(row, step(m, "proxy")...)
		}
		for _, m := range []moment{visit.submitted, firstAt, k.created, decided, approved, rejected, visit.submitted} {
			row = append(row, seconds(visit.treated, m))
		}
		took := seconds(k.created, decided)
		inTime := ""
		if took.known && took.n >= 0 {
			inTime = fmt.Sprint(took.n <= 14*24*60*60)
		}
		t.add(append(row, seconds(visit.submitted, k.created), took, inTime, a.asOf)...)
	}
	return t
}

// steps are the four columns of each activity, by its column and its name.
func steps(names ...string) string {
	out := ""
	for _, n := range names {
		column, activity, _ := strings.Cut(n, " ")
		out += fmt.Sprintf(" %[1]s %[1]s_last %[2]s_count %[1]s_basis", column, activity)
	}
	return out
}

// step are the four values of an activity that occurs at most once.
func step(at moment, basis string) []any {
	count := 0
	if at.known {
		count = 1
	}
	return []any{at, at, count, where(at, basis)}
}

// where gives the basis of a time that is there.
func where(m moment, basis string) string {
	if m.known {
		return basis
	}
	return ""
}
