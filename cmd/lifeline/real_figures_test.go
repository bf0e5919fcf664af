package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// realCase is a claim of the brief's database with the treatment that it is for.
type realCase struct {
	status, treatment, of       string // Of the claim, of the treatment, and the treatment's key.
	units                       int64  // Ten-thousandths of a shilling; 0 where nobody knows
	created, modified           time.Time
	treated, submitted, decided time.Time
}

// realTime reads a time as MySQL writes it; a missing or zero one is the zero time.
func realTime(text string) time.Time {
	at, err := time.Parse(time.DateTime, text)
	if err != nil {
		return time.Time{}
	}
	return at
}

// realCases are the claims that are published, in the order of the table. It shares no code with the program.
func realCases(t *testing.T, tables []*realTable) (cases []realCase, treatments [][]string) {
	t.Helper()
	byID := map[string][]string{}
	for _, row := range tables[0].rows {
		byID[row[0]] = row
	}
	for _, row := range tables[1].rows {
		treatment, found := byID[row[5]]
		units := tenThousandths(t, row[7]).Int64()
		if !found || units < 0 {
			continue
		}
		c := realCase{
			status: row[1], treatment: treatment[1], of: row[5], units: units,
			created: realTime(row[3]), modified: realTime(row[4]),
		}
		c.submitted, c.treated = realTime(treatment[4]), realTime(treatment[5]) // One column too early.
		if slices.Contains([]string{"Approved", "PartiallyRejected", "Rejected"}, c.status) {
			c.decided = c.modified
		}
		cases = append(cases, c)
	}
	return cases, tables[0].rows
}

// spread are lengths of time in days.
type spread []float64

func (s *spread) add(from, to time.Time) {
	if !from.IsZero() && !to.IsZero() && !to.Before(from) {
		*s = append(*s, to.Sub(from).Hours()/24)
	}
}

func (s spread) mean() float64 {
	sum := 0.0
	for _, v := range s {
		sum += v
	}
	return sum / float64(len(s))
}

func (s spread) median() float64 {
	sorted := slices.Sorted(slices.Values(s))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// thousands writes a count as the docs do.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// realFigures are what the figures of docs/kpis.md rest on.
type realFigures struct {
	decided                                   map[string]int // Claims with the time of a decision, by status.
	undated                                   int            // Decided claims without one.
	toApproval, toRejection                   spread
	handIn, endToEnd                          spread
	known                                     int   // Claims decided in whole with a known amount.
	approvedUnits, decidedUnits, waitingUnits int64 // Ten-thousandths.
	waiting, waitingUnknown                   int
	first                                     map[string]realCase // The first decision of a treatment.
	perTreatment                              map[string]int64
	incomplete                                map[string]bool
}

func (f *realFigures) add(c realCase) {
	isDecided := slices.Contains([]string{"Approved", "PartiallyRejected", "Rejected"}, c.status)
	switch {
	case isDecided && c.decided.IsZero():
		f.undated++
	case isDecided:
		f.decided[c.status]++
		if first, has := f.first[c.of]; !has || c.decided.Before(first.decided) {
			f.first[c.of] = c
		}
		if c.status != "PartiallyRejected" && c.units > 0 {
			f.known, f.decidedUnits = f.known+1, f.decidedUnits+c.units
		}
	case (c.status == "Submitted" || c.status == "ReSubmitted") && c.treatment != "DELETED":
		f.waiting, f.waitingUnits = f.waiting+1, f.waitingUnits+c.units
		if c.units == 0 {
			f.waitingUnknown++
		}
	}
	switch c.status {
	case "Approved":
		f.toApproval.add(c.created, c.decided)
		f.perTreatment[c.of] += c.units
		f.incomplete[c.of] = f.incomplete[c.of] || c.units == 0
		if !c.decided.IsZero() {
			f.approvedUnits += c.units
		}
	case "Rejected":
		f.toRejection.add(c.created, c.decided)
	}
}

func (f *realFigures) addTreatment(row []string) {
	if row[1] == "DELETED" {
		return
	}
	f.handIn.add(realTime(row[5]), realTime(row[4])) // One column too early.
	f.endToEnd.add(f.first[row[0]].treated, f.first[row[0]].decided)
}

// costs are what was approved for each treatment of whose approved claims every amount is known.
func (f *realFigures) costs() spread {
	var costs spread
	for of, units := range f.perTreatment {
		if !f.incomplete[of] {
			costs = append(costs, float64(units)/10_000)
		}
	}
	return costs
}

// What docs/kpis.md says of the brief's own data is what its rows say, worked out apart from the project's models.
func TestTheDocsFiguresOfTheBriefsDatabaseAreItsRows(t *testing.T) {
	t.Parallel()
	leaveToMakeTest(t)
	cases, treatments := realCases(t, readReal(t))
	f := realFigures{
		decided: map[string]int{}, first: map[string]realCase{}, perTreatment: map[string]int64{}, incomplete: map[string]bool{},
	}
	for _, c := range cases {
		f.add(c)
	}
	for _, row := range treatments {
		f.addTreatment(row)
	}
	page, err := os.ReadFile("../../docs/kpis.md")
	require.NoError(t, err)
	_, part, found := strings.Cut(string(page), "## What the brief's own data gives\n")
	require.True(t, found)
	part, _, _ = strings.Cut(part, "\n## ")
	n := f.decided["Approved"] + f.decided["PartiallyRejected"] + f.decided["Rejected"]
	percent := func(status string) float64 { return 100 * float64(f.decided[status]) / float64(n) }
	for _, want := range []string{
		fmt.Sprintf("| 01 | %.1f %% approved, %.1f %% in part | %s | %d |",
			percent("Approved"), percent("PartiallyRejected"), thousands(n), f.undated),
		fmt.Sprintf("| %.1f %% rejected;", percent("Rejected")),
		fmt.Sprintf("| 04 | %.1f %% of the money | %s |", 100*float64(f.approvedUnits)/float64(f.decidedUnits), thousands(f.known)),
		fmt.Sprintf("| 08 | median %.0f hours, mean %.1f days | %s |", 24*f.handIn.median(), f.handIn.mean(), thousands(len(f.handIn))),
		fmt.Sprintf("| 10 | median %.1f days to an approval, %.1f to a rejection |", f.toApproval.median(), f.toRejection.median()),
		fmt.Sprintf("| mean %.1f days end to end;", f.endToEnd.mean()),
		fmt.Sprintf("| 13 | %s claims wait,", thousands(f.waiting)),
		fmt.Sprintf("; %.2f million KES | %s | %d without an amount |", float64(f.waitingUnits)/1e10, thousands(f.waiting), f.waitingUnknown),
		fmt.Sprintf("| 19, 20 | %.0f KES a treatment,", f.costs().mean()),
	} {
		require.Contains(t, part, want)
	}
}
