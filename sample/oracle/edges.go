package oracle

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Edges writes four files of rows that a sample hardly ever has: times on and beside every limit, spellings, missing values, every
// status. The newest time is 2019-11-25 20:59:59, so that the windows end at 21:00 in UTC. The same seed gives the same rows.
func Edges(dir string, seed uint64) error {
	e := &edges{Rand: rand.New(rand.NewPCG(seed, 7))}
	files := map[string]string{
		"treatments.csv":    e.twins(e.treatments()),
		"claims.csv":        e.twins(e.claims()),
		"invoices.csv":      e.twins(e.invoices()),
		"invoice_items.csv": e.twins(e.items()),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("\ufeff"+text), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

type edges struct{ *rand.Rand }

// edgeTimes lie on and beside the limits of belief, of the era of FINAL and of both windows.
var edgeTimes = []string{
	"2014-12-31 23:59:59", "2015-01-01 00:00:00", "2015-01-01 00:00:01", "2018-03-31 23:59:59", "2018-04-01 00:00:00",
	"2018-04-01 00:00:01", "2019-10-28 20:59:59", "2019-10-28 21:00:00", "2019-10-28 21:00:01", "2019-11-18 20:59:59",
	"2019-11-18 21:00:00", "2019-11-18 21:00:01", "2019-11-25 20:59:59", "2091-03-07 09:00:00", "0000-00-00 00:00:00",
	"2018-00-00 00:00:00", "2018-02-30 00:00:00", "1970-01-01 00:00:00", "NULL", "NULL", "NULL",
}

func (e *edges) pick(words ...string) string { return words[e.IntN(len(words))] }

func (e *edges) time() string { return e.pick(edgeTimes...) }

// spoilt is a word as it may come: mostly as it should be.
func (e *edges) spoilt(words ...string) string {
	w := e.pick(words...)
	switch e.IntN(20) {
	case 0:
		return strings.ToLower(w)
	case 1:
		return strings.ToUpper(w)
	case 2:
		return "\u00a0" + w
	case 3:
		return w + "\t"
	case 4:
		return " " + w + " "
	case 5:
		return w + "\u2003" // A wide space is no space that anybody meant to trim.
	case 6:
		return e.pick("NULL", "", " ", " NULL", "null")
	}
	return w
}

// parent is an id of 1 to n, now and then of nothing.
func (e *edges) parent(n int) string {
	if e.IntN(500) == 0 {
		return e.pick("0", "NULL", "999999")
	}
	return fmt.Sprint(1 + e.IntN(n))
}

func (e *edges) amount() string {
	return e.pick("0.0000", "0.0001", "-0.0500", "12.5000", "100.0000", "99999999999.9999", "1000.0000", "NULL")
}

// twins adds a row that is there already, one that shares its key with another row and differs, and two without a key.
func (e *edges) twins(lines []string) string {
	_, rest, _ := strings.Cut(lines[5], ",")
	id, _, _ := strings.Cut(lines[9], ",")
	return strings.Join(append(lines, lines[3], id+","+rest, "NULL,"+rest, "x,"+rest), "\n")
}

const edgeTreatments, edgeInvoices = 120, 300

func (e *edges) treatments() []string {
	out := []string{"ID,STATUS,DATE_CREATED,DATE_MODIFIED,DATE_SUBMITTED,DATE_TREATMENT,PROVIDER_ID,PROGRAM_ID"}
	for i := range edgeTreatments {
		status := e.spoilt("SCHEDULED", "PREAUTH", "DRAFT", "OPEN", "IN_PROGRESS", "SUBMITTED", "IN_REVIEW", "APPROVED", "REJECTED",
			"RESUBMITTED", "REOPENED", "CLOSED",
			"EXPIRED", "CANCELLED", "DELETED")
		out = append(out, fmt.Sprintf("%d,%s,%s,%s,%s,%s,%s,%s", i+1, status, e.time(), e.time(), e.time(), e.time(),
			e.pick("0", "NULL", "1", "2", "3", "-4"), e.pick("0", "NULL", "36", "40", "44", "52")))
	}
	return out
}

func (e *edges) claims() []string {
	out := []string{"ID,STATUS,TYPE,DATE_CREATED,DATE_MODIFIED,TREATMENT_ID,PROGRAM_ID,AMOUNT,CURRENCY"}
	for i := range 500 {
		status := e.spoilt("Draft", "Submitted", "InReview", "Approved", "Approved", "Approved", "Rejected", "PartiallyRejected", "Paid", "Paid",
			"ReSubmitted",
			"ReOpened", "Expired", "Cancelled", "Deleted")
		out = append(out, fmt.Sprintf("%d,%s,%s,%s,%s,%s,%s,%s,%s", 1000+3*i, status, e.spoilt("Benefit", "Voucher"), e.time(), e.time(),
			e.parent(edgeTreatments), e.pick("0", "NULL", "36", "40", "44", "48"), e.amount(), e.pick("KES", "KES", "KES", "kes", "KES ", "NULL")))
	}
	return out
}

func (e *edges) invoices() []string {
	out := []string{"ID,STATUS,DATE_CREATED,TREATMENT_ID"}
	for i := range edgeInvoices {
		status := e.spoilt("FINAL", "FINAL", "FINAL", "DRAFT", "SUBMITTED", "RESUBMITTED", "REOPENED", "CANCELLED", "DELETED")
		out = append(out, fmt.Sprintf("%d,%s,%s,%s", i+1, status, e.time(), e.parent(edgeTreatments)))
	}
	return out
}

func (e *edges) items() []string {
	out := []string{"ID,STATUS,DATE_CREATED,INVOICE_ID,PRODUCT_ID,CURRENCY,AMOUNT"}
	for i := range 900 {
		out = append(out, fmt.Sprintf("%d,%s,%s,%s,%s,%s,%s", 5000+i, e.spoilt("ACTIVE", "SUBMITTED", "APPROVED", "REJECTED", "REPLACED",
			"DRAFT", "INACTIVE", "DELETED"), e.time(),
			e.parent(edgeInvoices), e.pick("0", "NULL", "-7", "7"), e.pick("KES", "KES", "KES", "KES", "kes", "USD", "NULL"), e.amount()))
	}
	return out
}
