package sample_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/sample"
)

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	for _, dirt := range []string{"none", "real", "heavy"} {
		o := carepay(0.02)
		o.Dirt = dirt
		first, one := write(t, o)
		second, two := write(t, o)
		require.Equal(t, sums(t, first), sums(t, second), dirt)
		require.Equal(t, one, two, dirt)

		o.Seed = 2
		other, _ := write(t, o)
		for f, sum := range sums(t, other) {
			require.NotEqual(t, sums(t, first)[f], sum, f+" "+dirt)
		}
	}
}

func TestFilesHaveTheFormOfTheRealOnes(t *testing.T) {
	t.Parallel()
	headers := map[string]string{
		"treatments.csv":    "ID,STATUS,DATE_CREATED,DATE_MODIFIED,DATE_SUBMITTED,DATE_TREATMENT,PROVIDER_ID,PROGRAM_ID",
		"claims.csv":        "ID,STATUS,TYPE,DATE_CREATED,DATE_MODIFIED,TREATMENT_ID,PROGRAM_ID,AMOUNT,CURRENCY",
		"invoices.csv":      "ID,STATUS,DATE_CREATED,TREATMENT_ID",
		"invoice_items.csv": "ID,STATUS,DATE_CREATED,INVOICE_ID,PRODUCT_ID,CURRENCY,AMOUNT",
	}
	dir, s := write(t, carepay(0.05))
	for i, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f))
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(text), "\ufeff"+headers[f]+"\n"), f)
		require.False(t, bytes.HasSuffix(text, []byte("\n")), "%s ends with a line break", f)
		require.NotContains(t, string(text), "\r", f)
		require.NotContains(t, string(text), `"`, "%s: a field in quotes", f)
		require.Contains(t, string(text), ",NULL,", "%s: a missing value is the bare word", f)
		rows := rowsOf(t, dir, f)
		require.Equal(t, sample.TableSummary{Name: s.Tables[i].Name, File: f, Rows: int64(len(rows))}, s.Tables[i])
		ids := count(rows, 0)
		require.Len(t, ids, len(rows), "%s: an id occurs twice", f)
	}
}

func TestSharesAreThoseOfTheRealTables(t *testing.T) {
	t.Parallel()
	tables := wholeSample(t)
	near(t, 60_000, len(tables["treatments.csv"]), 0.01)
	near(t, 59_218, len(tables["invoices.csv"]), 0.02)
	near(t, 35_700, len(tables["claims.csv"]), 0.02)
	near(t, 350_000, len(tables["invoice_items.csv"]), 0.05)

	invoices := words(tables["invoices.csv"])
	for word, n := range map[string]int{"SUBMITTED": 29_166, "FINAL": 20_196, "DRAFT": 9_582} {
		near(t, n, invoices[word], 0.05)
	}
	require.InDelta(t, 258, invoices["RESUBMITTED"], 60)
	require.InDelta(t, 16, invoices["REOPENED"], 14)

	claims := words(tables["claims.csv"])
	for word, n := range map[string]int{"APPROVED": 28_384, "DRAFT": 2_335, "SUBMITTED": 2_149, "REJECTED": 1_386, "DELETED": 1_365} {
		near(t, n, claims[word], 0.15)
	}
	require.InDelta(t, 65, claims["RESUBMITTED"], 40)
	require.Positive(t, count(tables["claims.csv"], 1)["ReSubmitted"], "the claim table's own spelling")
	require.Equal(t, "55071840.0000", largest(tables["claims.csv"], "Deleted"))
	require.Equal(t, "4953035.0000", largest(tables["claims.csv"], "Draft"))

	negative := 0
	for _, r := range tables["invoice_items.csv"] {
		if strings.HasPrefix(r[4], "-") {
			negative++
		}
	}
	require.Greater(t, negative, len(tables["invoice_items.csv"])/2, "most product numbers are negative")
}

// words counts statuses as a careful reader takes them: trimmed, in capitals.
func words(rows [][]string) map[string]int {
	out := map[string]int{}
	for _, r := range rows {
		out[strings.ToUpper(strings.TrimSpace(r[1]))]++
	}
	return out
}

func largest(claims [][]string, status string) string {
	best, text := math.Inf(-1), ""
	for _, r := range claims {
		amount, err := strconv.ParseFloat(r[7], 64)
		if err == nil && r[1] == status && amount > best {
			best, text = amount, r[7]
		}
	}
	return text
}

// near requires got to be want but for a share of it.
func near(t *testing.T, want, got int, share float64) {
	t.Helper()
	require.InDelta(t, want, got, float64(want)*share)
}

func TestTheUndatedInvoicesAreOneRangeOfIds(t *testing.T) {
	t.Parallel()
	undated, lowest, highest, lowestDated := 0, math.MaxInt, 0, math.MaxInt
	first, last := "9999", ""
	hours := 0
	days := map[string]int{}
	for _, r := range wholeSample(t)["invoices.csv"] {
		id, err := strconv.Atoi(r[0])
		require.NoError(t, err)
		if r[2] != "NULL" {
			lowestDated = min(lowestDated, id)
			first, last = min(first, r[2]), max(last, r[2])
			days[r[2][:10]]++
			if r[2][11:13] >= "05" && r[2][11:13] < "13" {
				hours++
			}
			continue
		}
		undated++
		lowest, highest = min(lowest, id), max(highest, id)
		// Real dirt breaks a link here and there; then the treatment is one that does not exist.
		if r[0] != r[3] {
			require.Len(t, r[3], 9, "invoice %d is not of treatment %s", id, r[3])
		}
	}
	require.Equal(t, 23_862, undated)
	require.Equal(t, 6_765, lowest)
	require.Equal(t, 205_417, highest)
	require.Equal(t, 205_460, lowestDated)
	require.GreaterOrEqual(t, first, "2018-01-25 23:04:45")
	require.LessOrEqual(t, last, "2019-11-25 17:04:34")
	dated := len(wholeSample(t)["invoices.csv"]) - undated
	require.InDelta(t, 0.88, float64(hours)/float64(dated), 0.02)
	near(t, 667, days["2019-01-18"], 0.05)
	require.Zero(t, days["2018-02-11"])
}

func TestSomeTreatmentsHaveSeveralInvoices(t *testing.T) {
	t.Parallel()
	several, theirs := 0, 0
	for _, n := range count(wholeSample(t)["invoices.csv"], 3) {
		if n > 1 {
			several, theirs = several+1, theirs+n
		}
	}
	near(t, 177, several, 0.03)
	near(t, 387, theirs, 0.03)
}

func TestCountsAreLinearInScale(t *testing.T) {
	t.Parallel()
	all := wholeSample(t)
	for _, scale := range []float64{0.05, 0.2} {
		dir, _ := write(t, carepay(scale))
		for _, f := range files {
			near(t, int(float64(len(all[f]))*scale), len(rowsOf(t, dir, f)), 0.05)
		}
	}
}

func TestDirtIsAsMuchAsAskedFor(t *testing.T) {
	t.Parallel()
	orphans := map[string]int{}
	odd := map[string]int{}
	for _, dirt := range []string{"none", "real", "heavy"} {
		o := carepay(0.2)
		o.Dirt = dirt
		dir, _ := write(t, o)
		treatments := count(rowsOf(t, dir, "treatments.csv"), 0)
		for _, c := range rowsOf(t, dir, "claims.csv") {
			if treatments[c[5]] == 0 {
				orphans[dirt]++
			}
			if c[8] != "KES" {
				odd[dirt]++
			}
		}
	}
	require.Zero(t, orphans["none"])
	require.Zero(t, odd["none"])
	require.Positive(t, orphans["real"])
	require.Positive(t, odd["real"])
	require.Greater(t, orphans["heavy"], 5*orphans["real"])
	require.Greater(t, odd["heavy"], 5*odd["real"])
}

func TestShiftedTreatmentsHaveOnlyAnotherHeader(t *testing.T) {
	t.Parallel()
	o := carepay(0.02)
	plain, _ := write(t, o)
	o.ShiftTreatments = true
	shifted, _ := write(t, o)
	want, got := sums(t, plain), sums(t, shifted)
	require.NotEqual(t, want["treatments.csv"], got["treatments.csv"])
	delete(want, "treatments.csv")
	delete(got, "treatments.csv")
	require.Equal(t, want, got)
	before, err := os.ReadFile(filepath.Join(plain, "treatments.csv"))
	require.NoError(t, err)
	after, err := os.ReadFile(filepath.Join(shifted, "treatments.csv"))
	require.NoError(t, err)
	require.Equal(t, string(before), strings.Replace(string(after), "STATUS,TYPE,", "STATUS,", 1))
}

func TestOtherTablesAreBuiltAroundTheRealInvoices(t *testing.T) {
	t.Parallel()
	given, err := os.ReadFile(realInvoices)
	if err != nil {
		t.Skip("the real invoices are not beside the repository")
	}
	o := carepay(1)
	o.InvoicesFile = realInvoices
	dir, _ := write(t, o)
	written, err := os.ReadFile(filepath.Join(dir, "invoices.csv"))
	require.NoError(t, err)
	require.True(t, bytes.Equal(given, written), "the file is passed on byte by byte")

	invoices := rowsOf(t, dir, "invoices.csv")
	require.Len(t, invoices, 59_218)
	require.Equal(t, map[string]int{"SUBMITTED": 29_166, "FINAL": 20_196, "DRAFT": 9_582, "RESUBMITTED": 258, "REOPENED": 16}, count(invoices, 1))
	require.Equal(t, 23_862, count(invoices, 2)["NULL"])
	treatments, numbers := count(rowsOf(t, dir, "treatments.csv"), 0), count(invoices, 0)
	for _, r := range invoices {
		require.Equal(t, 1, treatments[r[3]], "invoice %s has no treatment", r[0])
	}
	for _, r := range rowsOf(t, dir, "invoice_items.csv") {
		require.Equal(t, 1, numbers[r[3]], "item %s has no invoice", r[0])
	}
	for _, r := range rowsOf(t, dir, "claims.csv") {
		require.Equal(t, 1, treatments[r[5]], "claim %s has no treatment", r[0])
	}
}

func TestBadOptionsAreRefusedWithAWayOut(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "invoices.csv")
	require.NoError(t, os.WriteFile(broken, []byte("ID,STATUS,DATE_CREATED,TREATMENT_ID\n1,FINAL,NULL,1\n2,FINAL,2018-13-01 00:00:00,2"), 0o644))
	for name, o := range map[string]sample.Options{
		"project": {Project: "nothing", Scale: 1, Dirt: "real"},
		"scale 0": {Project: "carepay", Scale: 0, Dirt: "real"},
		"NaN":     {Project: "carepay", Scale: math.NaN(), Dirt: "real"},
		"scale":   {Project: "carepay", Scale: 1001, Dirt: "real"},
		"dirt":    {Project: "carepay", Scale: 1, Dirt: "some"},
		"absent":  {Project: "carepay", Scale: 1, Dirt: "real", InvoicesFile: filepath.Join(t.TempDir(), "none.csv")},
		"broken":  {Project: "carepay", Scale: 1, Dirt: "real", InvoicesFile: broken},
	} {
		dir := filepath.Join(t.TempDir(), "made")
		_, err := sample.Write(t.Context(), o, dir)
		var p *change.Problem
		require.ErrorAs(t, err, &p, name)
		require.Equal(t, change.ClassUsage, p.Class, name)
		require.NotEmpty(t, p.Try, name)
		require.NoDirExists(t, dir, name)
		if name == "broken" {
			require.Equal(t, broken+":3", p.Where)
		}
	}
	for _, dsn := range []string{"", "postgres://a@b/c", "mysql://root:secret@127.0.0.1:1", "mysql:///carepay", "mysql://root:secret@127.0.0.1:x/carepay"} {
		_, err := sample.Load(t.Context(), carepay(0.01), dsn)
		var p *change.Problem
		require.ErrorAs(t, err, &p, dsn)
		require.Equal(t, change.ClassUsage, p.Class, dsn)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestACancelledWriteStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	o := carepay(1)
	var seen []string
	o.Progress = func(table string, rows, _ int64) {
		seen = append(seen, table)
		if rows > 0 {
			cancel()
		}
	}
	_, err := sample.Write(ctx, o, t.TempDir())
	require.True(t, errors.Is(err, context.Canceled), "%v", err)
	require.Equal(t, []string{"TREATMENT"}, slices.Compact(seen))
}
