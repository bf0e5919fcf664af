package oracle_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/sample/oracle"
)

// A few rows whose every figure can be worked out by hand. The newest time is 17:04:34 on 2019-11-25, so that the windows end at
// 21:00 in UTC, begin at 21:00 on the 18th and on the 28th of October; the year 2091 is not a time at all. Claims 17, 18 and 20 and item
// 106
// are quarantined for their money: below nothing, none where it was decided, in a currency that nothing is counted in.
var small = map[string]string{
	"treatments.csv": `ID,STATUS,DATE_CREATED,DATE_MODIFIED,DATE_SUBMITTED,DATE_TREATMENT,PROVIDER_ID,PROGRAM_ID
1,CLOSED,2016-03-01 08:00:00,2016-03-03 08:00:00,2016-03-02 08:00:00,2016-03-01 08:00:00,7,36
2, closed,NULL,2016-03-05 08:00:00,2016-03-04 08:00:00,2091-03-07 09:00:00,7,NULL
3,WHATEVER,2016-03-06 08:00:00,NULL,NULL,2019-03-00 00:00:00,0,40
4,DRAFT,2019-11-25 17:04:34,2019-11-25 17:04:34,NULL,2019-11-20 10:00:00,8,40
5,DRAFT,2019-11-01 00:00:00,NULL,NULL,NULL,9,NULL
5,SUBMITTED,2019-11-01 00:00:00,NULL,NULL,NULL,9,NULL
NULL,DRAFT,2019-11-01 00:00:00,NULL,NULL,NULL,9,NULL`,
	"claims.csv": `ID,STATUS,TYPE,DATE_CREATED,DATE_MODIFIED,TREATMENT_ID,PROGRAM_ID,AMOUNT,CURRENCY
10,Approved,Benefit,NULL,2019-11-18 21:00:00,1,36,100.5000,KES
11,APPROVED,benefit,2019-10-28 20:59:59,2019-11-18 20:59:59,4,36,0.2500,kes
12,Rejected ,Voucher,2019-10-28 21:00:00,2019-11-25 17:04:34,4,40,1.0000,KES
13,Paid,Benefit,2019-11-20 10:00:01,NULL,4,40,2.0000,KES
14,Approved,Benefit,2019-11-20 10:00:00,2019-11-20 10:00:00,99,40,5.0000,KES
15,Approved,Benefit,2019-11-20 09:59:59,2019-11-21 10:00:00,4,40,9.0000,KES
16,Approved,Benefit,2019-11-20 09:59:59,2019-11-21 10:00:00,5,40,9.0000,USD
17,Rejected,Benefit,NULL,NULL,4,40,-1.0000,KES
18,Paid,Benefit,NULL,NULL,4,40,0.0000,KES
19,Submitted,Benefit,NULL,NULL,4,40,0.0000,KES
20,Approved,Benefit,NULL,NULL,4,40,4.0000,USD`,
	"invoices.csv": `ID,STATUS,DATE_CREATED,TREATMENT_ID
1,FINAL,NULL,1
2,DRAFT,NULL,2
20,FINAL,2018-03-31 23:59:59,4
21,FINAL,2018-04-01 00:00:00,4
22,RESUBMITTED,2019-11-18 21:00:00,4
23,DRAFT,NULL,4
24,DRAFT,2019-11-18 21:00:00,77`,
	"invoice_items.csv": `ID,STATUS,DATE_CREATED,INVOICE_ID,PRODUCT_ID,CURRENCY,AMOUNT
100,ACTIVE,NULL,1,-5,KES,2.5000
100,ACTIVE,NULL,1,-5,KES,2.5000
101,ACTIVE,NULL,2,0,KES ,3.0000
102,INACTIVE,NULL,22,6,KES,50.0000
103,ACTIVE,2019-11-19 00:00:00,22,6,KES,0.0050
104,ACTIVE,2019-11-19 00:00:00,24,6,KES,1.0000
105,ACTIVE,2019-11-19 00:00:00,22,6,kes,10.0000
106,ACTIVE,2019-11-19 00:00:00,22,6,USD,4.0000`,
}

func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range small {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("\ufeff"+text), 0o644))
	}
	return dir
}

func compute(t *testing.T) map[string]*oracle.Table {
	t.Helper()
	dir := folder(t)
	taken := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	asOf, err := oracle.AsOf(dir, taken)
	require.NoError(t, err)
	require.Equal(t, time.Date(2019, 11, 25, 21, 0, 0, 0, time.UTC), asOf)
	tables, err := oracle.Compute(dir, asOf, taken)
	require.NoError(t, err)
	require.Len(t, tables, 15)
	return tables
}

// row is the row of a key by column, without its empty cells.
func row(t *testing.T, table *oracle.Table, key string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, r := range table.Rows {
		if r[0] != key {
			continue
		}
		require.Empty(t, out, "%s occurs twice", key)
		for i, v := range r {
			if v != "" {
				out[table.Columns[i]] = v
			}
		}
	}
	return out
}

func keys(table *oracle.Table) []string {
	var out []string
	for _, r := range table.Rows {
		out = append(out, r[0])
	}
	slices.Sort(out)
	return out
}

func TestRowsWithoutAKeyAParentOrCountableMoneyStayOut(t *testing.T) {
	t.Parallel()
	tables := compute(t)
	require.Equal(t, []string{"1", "2", "3", "4"}, keys(tables["core.treatments"]))
	require.Equal(t, []string{"10", "11", "12", "13", "15", "18", "19"}, keys(tables["core.claims"]))
	require.Equal(t, []string{"1", "2", "20", "21", "22", "23"}, keys(tables["core.invoices"]))
	require.Equal(t, []string{"100", "101", "102", "103", "105"}, keys(tables["core.invoice_items"]))
}

func TestAnUndatedTreatmentWasMadeBeforeWhatHasAHigherNumber(t *testing.T) {
	t.Parallel()
	require.Equal(t, map[string]string{
		"id": "2", "treatment_id": "2", "status": "closed", "status_basis": "repaired", "status_raw": " closed", "provider_id": "7",
		"date_created_basis": "missing", "date_created_upper": "2016-03-04 08:00:00",
		"date_modified": "2016-03-05 08:00:00", "date_modified_basis": "source",
		"date_submitted": "2016-03-04 08:00:00", "date_submitted_basis": "source", "date_treatment_basis": "missing",
	}, row(t, compute(t)["core.treatments"], "2"))
}

func TestBoundsThatContradictAreNone(t *testing.T) {
	t.Parallel()
	// Claim 10 comes before claim 11 of October, after its treatment. Invoice 23 comes before nothing that is later than its treatment.
	tables := compute(t)
	claim := row(t, tables["core.claims"], "10")
	require.Equal(t, "2016-03-01 08:00:00", claim["date_created_lower"])
	require.Equal(t, "2019-10-28 20:59:59", claim["date_created_upper"])
	invoice := row(t, tables["core.invoices"], "23")
	require.NotContains(t, invoice, "date_created_lower")
	require.NotContains(t, invoice, "date_created_upper")
	require.Equal(t, "2019-11-25 17:04:34", invoice["date_created_imputed"])
	require.Equal(t, "imputed", invoice["date_created_imputed_basis"])
	require.Equal(t, "treatment", invoice["date_created_imputed_from"])
}

func TestFinalMeansSubmittedUntilTheEndOfMarch(t *testing.T) {
	t.Parallel()
	invoices := compute(t)["core.invoices"]
	require.Equal(t, "submitted", row(t, invoices, "20")["status"])
	require.Equal(t, "unknown", row(t, invoices, "21")["status"])
	require.Equal(t, "missing", row(t, invoices, "21")["status_basis"])
	undated := row(t, invoices, "1")
	require.Equal(t, "2018-03-31 23:59:59", undated["date_created_upper"])
	require.Equal(t, "submitted", undated["status"])
}

func TestWindowsHoldTheirFirstInstantOnly(t *testing.T) {
	t.Parallel()
	four := row(t, compute(t)["analytics.dim_treatments"], "4")
	for name, want := range map[string]string{
		"claims_total": "6", "claims_last_7_days": "2", "claims_last_28_days": "3", "claims_undated": "2",
		"approved_claims_total": "4", "approved_claims_last_7_days": "1", "approved_claims_last_28_days": "2", "approved_claims_undated": "2",
		"rejected_claims_total": "1", "rejected_claims_last_7_days": "1",
		"invoices_total": "4", "invoices_last_7_days": "1", "invoices_last_28_days": "1", "invoices_undated": "1",
		"resubmitted_invoices_total": "1", "invoice_items_total": "3", "invoice_items_last_7_days": "2", "invoice_items_undated": "1",
		"as_of": "2019-11-25 21:00:00",
	} {
		require.Equal(t, want, four[name], name)
	}
}

func TestMoneyIsAddedUpWithinWindowsAndCurrency(t *testing.T) {
	t.Parallel()
	tables := compute(t)
	require.Equal(t, []string{"7", "8"}, keys(tables["analytics.dim_providers"]))
	require.Equal(t, []string{"36", "40"}, keys(tables["analytics.dim_programs"]))
	program := row(t, tables["analytics.dim_programs"], "36")
	require.Equal(t, "KES", program["approved_amount_currency"])
	require.Equal(t, "100.7500", program["approved_amount_total"])
	require.Equal(t, "100.5000", program["approved_amount_last_7_days"])
	require.Equal(t, "100.7500", program["approved_amount_last_28_days"])
	provider := row(t, tables["analytics.dim_providers"], "8")
	require.Equal(t, "11.2500", provider["approved_amount_total"], "claims 11, 13 and 15, in one spelling of the currency")
	require.Equal(t, "9.0000", provider["approved_amount_last_7_days"])
	require.Equal(t, "9.2500", provider["approved_amount_last_28_days"])
	require.Equal(t, "1", provider["approved_claims_without_amount"], "claim 18 was paid, and nobody knows what")
	invoice := row(t, tables["analytics.dim_invoices"], "22")
	require.Equal(t, "10.0050", invoice["amount_total"], "what is void counts for nothing")
	require.Equal(t, "KES", invoice["amount_currency"])
}

func TestActivitiesHaveTheirOccasionAndIdentity(t *testing.T) {
	t.Parallel()
	tables := compute(t)
	require.Equal(t, map[string]string{
		"id": "193f800ffb42204a0f7c8ed988b58902", "activity_date": "2019-11-18 21:00:00", "activity_status": "decided", "to_state": "approved",
		"basis":      "proxy",
		"occurrence": "1", "amount": "100.5000", "currency": "KES", "dim_claim_id": "10", "dim_treatment_id": "1", "dim_program_id": "36",
		"dim_provider_id": "7", "position": "5",
	}, row(t, tables["analytics.fct_claims_activity"], "193f800ffb42204a0f7c8ed988b58902"))
	require.Len(t, tables["analytics.fct_claims_activity"].Rows, 3+3+3+2+3+1+1)
	require.Len(t, tables["analytics.fct_treatments_activity"].Rows, 3+1+1+2)
	require.Equal(t, "imputed", row(t, tables["analytics.fct_invoices_activity"], "cbfed0bc485458240da514e650810c55")["basis"])
	require.Len(t, tables["analytics.fct_invoices_activity"].Rows, 5, "invoice 2 and its treatment have no date")
	require.Len(t, tables["analytics.fct_invoice_items_activity"].Rows, 4)
}

func TestALifeHasItsLegsInSeconds(t *testing.T) {
	t.Parallel()
	lives := compute(t)["analytics.dim_claims_lifecycle"]
	life := row(t, lives, "12")
	for name, want := range map[string]string{
		"dim_first_invoice_id": "20", "dim_last_invoice_id": "23", "invoice_created_count": "3", "invoices_total": "4",
		"date_invoice_created": "2018-03-31 23:59:59", "date_invoice_created_last": "2019-11-18 21:00:00",
		"status": "rejected", "status_since": "2019-11-25 17:04:34", "status_since_basis": "proxy", "date_rejected": "2019-11-25 17:04:34",
		"lag_decided_seconds": "457474", "lag_claim_created_seconds": "-1947600", "date_submitted_basis": "", "date_approved": "",
	} {
		require.Equal(t, want, life[name], name)
	}
	require.NotContains(t, row(t, lives, "13"), "date_decided", "a decision without a time")
}

func TestDiffNamesWhatDiffers(t *testing.T) {
	t.Parallel()
	want := &oracle.Table{Columns: []string{"id", "a"}, Rows: [][]string{{"1", "x"}, {"2", "y"}, {"3", "z"}}}
	require.Empty(t, oracle.Diff(want, [][]string{{"a", "id"}, {"z", "3"}, {"y", "2"}, {"x", "1"}}))
	require.Equal(t, []string{
		`2 rows instead of 3`, `id 1: a is "" instead of "x"`, `id 2 is missing: [2 y]`,
	}, oracle.Diff(want, [][]string{{"id", "a"}, {"1", ""}, {"3", "z"}}))
	require.Equal(t, []string{"4 rows instead of 3", "id 3 occurs twice"},
		oracle.Diff(want, [][]string{{"id", "a"}, {"1", "x"}, {"2", "y"}, {"3", "z"}, {"3", "z"}}))
	require.Equal(t, []string{"column a is missing", "column b is not expected"}, oracle.Diff(want, [][]string{{"id", "b"}}))
	var many oracle.Table
	many.Columns = []string{"id"}
	for _, key := range "abcdefghijklm" {
		many.Rows = append(many.Rows, []string{string(key)})
	}
	lines := oracle.Diff(&many, [][]string{{"id"}})
	require.Len(t, lines, 11)
	require.Equal(t, "and 4 more", lines[10])
}
