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

// What the real tables have; shape_test.go compares the whole of it where they are there.
func TestAtScaleOneTheRowsAreAsManyAsTheRealOnesWhateverTheSeed(t *testing.T) {
	t.Parallel()
	o := carepay(1)
	o.Seed = 5
	dir, s := write(t, o)
	rows := map[string]int64{}
	for _, table := range s.Tables {
		rows[table.Name] = table.Rows
	}
	require.Equal(t, map[string]int64{"TREATMENT": 74_148, "CLAIM": 73_747, "INVOICE": 59_218, "INVOICE_ITEM": 126_838}, rows)

	treatments, claims := rowsOf(t, dir, "treatments.csv"), rowsOf(t, dir, "claims.csv")
	require.Equal(t, map[string]int{
		"CLOSED": 47_081, "DELETED": 14_091, "OPEN": 7_444, "IN_PROGRESS": 2_329, "SUBMITTED": 2_172, "PREAUTH": 488, "SCHEDULED": 369,
		"REOPENED": 94, "RESUBMITTED": 80,
	}, words(treatments))
	require.Equal(t, map[string]int{
		"APPROVED": 41_675, "DRAFT": 18_532, "DELETED": 8_281, "REJECTED": 2_828, "SUBMITTED": 2_265, "PARTIALLYREJECTED": 85, "RESUBMITTED": 81,
	}, words(claims))
	require.Equal(t, map[string]int{
		"SUBMITTED": 29_166, "FINAL": 20_196, "DRAFT": 9_582, "RESUBMITTED": 258, "REOPENED": 16,
	}, words(rowsOf(t, dir, "invoices.csv")))
	require.Positive(t, count(claims, 1)["ReSubmitted"], "the claim table's own spelling")

	require.Equal(t, map[string]int{"36": 55, "40": 64_943, "47": 3, "577": 7_918, "578": 1_229}, count(treatments, 7))
	require.Equal(t, 37_848, count(claims, 7)["0.0000"])
	require.Equal(t, 1, count(claims, 8)["TZS"])
	orphans, known := 0, count(treatments, 0)
	for _, r := range claims {
		if known[r[5]] == 0 {
			orphans++
		}
	}
	require.Equal(t, 25, orphans)
	require.Equal(t, map[int]int{1: 72_025, 2: 861}, often(claims, 5))
	require.Equal(t, map[int]int{1: 58_831, 2: 148, 3: 26, 4: 2, 5: 1}, often(rowsOf(t, dir, "invoices.csv"), 3))
}

// often counts how often the values of a column occur.
func often(rows [][]string, column int) map[int]int {
	out := map[int]int{}
	for _, n := range count(rows, column) {
		out[n]++
	}
	return out
}

func TestFewRowsStandOutAsInTheRealTables(t *testing.T) {
	t.Parallel()
	for _, scale := range []float64{0.05, 1} {
		dir, _ := write(t, carepay(scale))
		claims, items := rowsOf(t, dir, "claims.csv"), rowsOf(t, dir, "invoice_items.csv")
		require.Equal(t, "55071840.0000", largest(claims, "Deleted"))
		require.Equal(t, "4953035.0000", largest(claims, "Draft"))
		amounts := count(items, 6)
		require.Equal(t, 1, amounts["666666666667.0000"])
		require.Equal(t, 1, amounts["666666666668.0000"])
		require.Equal(t, 1, amounts["-233.0000"])
		negative := 0
		for _, r := range items {
			if strings.HasPrefix(r[4], "-") {
				negative++
			}
		}
		require.InDelta(t, 0.79, float64(negative)/float64(len(items)), 0.03, "most product numbers are negative")
	}
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

func TestTheUndatedInvoicesAreOneRangeOfNumbers(t *testing.T) {
	t.Parallel()
	undated, lowest, highest, lowestDated := 0, math.MaxInt, 0, math.MaxInt
	days := map[string]int{}
	for _, r := range wholeSample(t)["invoices.csv"] {
		id, err := strconv.Atoi(r[0])
		require.NoError(t, err)
		if r[2] != "NULL" {
			lowestDated = min(lowestDated, id)
			days[r[2][:10]]++
			require.GreaterOrEqual(t, r[2], "2018-01-25 22:47:29")
			continue
		}
		undated++
		lowest, highest = min(lowest, id), max(highest, id)
		require.Equal(t, r[0], r[3], "it has the number of its treatment")
	}
	require.Equal(t, 23_862, undated)
	require.Equal(t, 6_765, lowest)
	require.InDelta(t, 205_417, highest, 60)
	require.InDelta(t, 205_460, lowestDated, 60)
	require.Greater(t, lowestDated, highest)
	require.InDelta(t, 667, days["2019-01-18"], 150, "the busiest day")
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
	require.Equal(t, 5, orphans["real"], "a fifth of the real ones")
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
	require.Equal(t, map[string]int{
		"SUBMITTED": 29_166, "FINAL": 20_196, "DRAFT": 9_582, "RESUBMITTED": 258, "REOPENED": 16,
	}, count(invoices, 1))
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
	text := "ID,STATUS,DATE_CREATED,TREATMENT_ID\n1,FINAL,NULL,1\n2,FINAL,2018-13-01 00:00:00,2"
	require.NoError(t, os.WriteFile(broken, []byte(text), 0o644))
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
	for _, dsn := range []string{
		"", "postgres://a@b/c", "mysql://root:secret@127.0.0.1:1", "mysql:///carepay", "mysql://root:secret@127.0.0.1:x/carepay",
	} {
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
