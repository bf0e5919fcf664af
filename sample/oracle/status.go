package oracle

import (
	"strings"
	"time"
)

// states are the source's words by entity, in its own spelling, and what they mean. FINAL is not here: see stateOf.
var states = map[string]map[string]string{
	"treatment": {
		"SCHEDULED": "scheduled", "PREAUTH": "preauth", "IN_PROGRESS": "in_progress",
		"DRAFT": "draft", "OPEN": "draft", "SUBMITTED": "submitted", "IN_REVIEW": "in_review", "APPROVED": "approved",
		"REJECTED": "rejected", "RESUBMITTED": "resubmitted", "REOPENED": "reopened", "CLOSED": "closed", "EXPIRED": "expired",
		"CANCELLED": "void", "DELETED": "void",
	},
	"claim": {
		"Draft": "draft", "Submitted": "submitted", "InReview": "in_review", "Approved": "approved", "Rejected": "rejected",
		"PartiallyRejected": "partial",
		"Paid":              "paid", "ReSubmitted": "resubmitted", "ReOpened": "reopened", "Expired": "expired", "Cancelled": "void",
		"Deleted": "void",
	},
	"invoice": {
		"DRAFT": "draft", "SUBMITTED": "submitted", "RESUBMITTED": "resubmitted", "REOPENED": "reopened", "CANCELLED": "void",
		"DELETED": "void",
	},
	"invoice_item": {
		"ACTIVE": "active", "DRAFT": "draft", "SUBMITTED": "submitted", "APPROVED": "approved", "REJECTED": "rejected", "REPLACED": "void",
		"INACTIVE": "void", "DELETED": "void",
	},
}

// finalEnds is when FINAL lost its meaning.
var finalEnds = time.Date(2018, 4, 1, 0, 0, 0, 0, time.UTC)

// stateOf is the canonical state of a raw status and its basis. at is the time that the era is chosen by; unknown is the newest era.
func stateOf(entity string, raw word, at moment) (state, basis string) {
	clean := raw.clean()
	if !clean.known {
		return "unknown", "missing"
	}
	spelled, state := "", ""
	for w, s := range states[entity] {
		if strings.EqualFold(w, clean.s) {
			spelled, state = w, s
		}
	}
	if entity == "invoice" && strings.EqualFold(clean.s, "FINAL") && at.known && at.t.Before(finalEnds) {
		spelled, state = "FINAL", "submitted"
	}
	switch {
	case state == "":
		return "unknown", "missing"
	case raw.s == spelled:
		return state, "source"
	}
	return state, "repaired"
}
