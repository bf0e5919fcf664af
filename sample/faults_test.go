package sample_test

import (
	"bytes"
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

// Where dates stand in a file.
var dates = map[string][]int{"treatments.csv": {2, 3, 4, 5}, "claims.csv": {3, 4}, "invoices.csv": {2}, "invoice_items.csv": {2}}

// newest is the last time of the real tables.
const newest = "2019-11-25 18:07:35"

func TestDatesKeepWorkingHoursAndNoneIsNewerThanTheTables(t *testing.T) {
	t.Parallel()
	for f, columns := range dates {
		for _, column := range columns {
			night, n, last := 0, 0, ""
			for _, r := range wholeSample(t)[f] {
				at := r[column]
				if len(at) != 19 || strings.Contains(at, "-00") {
					continue // Missing or partial.
				}
				n++
				last = max(last, at)
				// 22 to 05 h in Nairobi.
				if hour := at[11:13]; hour >= "19" || hour < "02" {
					night++
				}
			}
			require.LessOrEqual(t, last, newest, "%s column %d", f, column)
			require.Equal(t, newest[:10], last[:10], "%s column %d: windows end on the same day whatever the seed", f, column)
			require.Less(t, float64(night)/float64(n), 0.08, "%s column %d: the clock of a working day at UTC+3", f, column)
		}
	}
}

// A small sample has the faults of the real tables too, and the few that can be repaired, in bounds whatever the seed.
func TestASmallSampleHasTheFaultsOfTheRealTables(t *testing.T) {
	t.Parallel()
	for seed := range uint64(15) {
		o := carepay(0.05)
		o.Seed = seed
		dir, _ := write(t, o)
		treatments, claims := rowsOf(t, dir, "treatments.csv"), rowsOf(t, dir, "claims.csv")
		invoices, items := rowsOf(t, dir, "invoices.csv"), rowsOf(t, dir, "invoice_items.csv")
		visits, bills := count(treatments, 0), count(invoices, 0)
		without := func(rows [][]string, column int, parents map[string]int) (n int) {
			for _, r := range rows {
				if parents[r[column]] == 0 {
					n++
				}
			}
			return n
		}
		require.Equal(t, 1, without(claims, 5, visits), "claims without a treatment, seed %d", seed)
		require.Zero(t, without(invoices, 3, visits)+without(items, 3, bills), "the real tables have none")
		partial := 0
		for _, r := range treatments {
			if strings.Contains(r[5], "-00") {
				partial++
			}
		}
		require.Positive(t, partial, "partial dates, seed %d", seed)
		require.Less(t, partial, 5)
		blank := func(r []string) bool { return slices.Contains(r, "") }
		require.False(t, slices.ContainsFunc(claims, blank) || slices.ContainsFunc(items, blank), "a blank is a missing value by one way only")
		require.Zero(t, count(claims, 7)["NULL"]+count(items, 6)["NULL"], "MySQL would read a missing amount as 0")
	}
}

func TestCleanDataIsClean(t *testing.T) {
	t.Parallel()
	o := carepay(0.2)
	o.Dirt = "none"
	dir, _ := write(t, o)
	treatments := map[string][]string{}
	for _, r := range rowsOf(t, dir, "treatments.csv") {
		treatments[r[0]] = r
		require.NotEqual(t, "NULL", r[5], "%v", r)
		require.LessOrEqual(t, r[2], r[3], "changed before it was made: %v", r)
		require.LessOrEqual(t, r[5], r[2], "%v", r)
		require.LessOrEqual(t, r[2], r[4], "%v", r)
	}
	billed, bills := map[string]int64{}, map[string]string{}
	for _, r := range rowsOf(t, dir, "invoices.csv") {
		bills[r[0]] = r[3]
		require.NotEmpty(t, treatments[r[3]], "%v", r)
	}
	for _, r := range rowsOf(t, dir, "invoice_items.csv") {
		require.NotEmpty(t, bills[r[3]], "%v", r)
		require.Equal(t, "KES", r[5])
		require.Positive(t, units(t, r[6]), "%v", r)
		if r[1] != "DELETED" && r[1] != "REPLACED" && r[1] != "REJECTED" {
			billed[bills[r[3]]] += units(t, r[6])
		}
	}
	seen := map[string]bool{}
	for _, r := range rowsOf(t, dir, "claims.csv") {
		require.False(t, seen[r[5]], "two claims of one treatment: %v", r)
		seen[r[5]] = true
		require.Positive(t, units(t, r[7]), "%v", r)
		if billed[r[5]] > 0 {
			require.Equal(t, billed[r[5]], units(t, r[7]), "%v", r)
		}
		require.Equal(t, treatments[r[5]][7], r[6], "the program is the treatment's: %v", r)
		if r[3] != "NULL" {
			require.LessOrEqual(t, r[3], r[4], "%v", r)
			require.LessOrEqual(t, treatments[r[5]][2], r[3], "%v", r)
		}
	}
	require.NotEmpty(t, seen)
}

// units are the ten-thousandths of an amount.
func units(t *testing.T, amount string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(strings.Replace(amount, ".", "", 1), 10, 64)
	require.NoError(t, err)
	return n
}

func TestHeavyDirtHasEveryKindOfFault(t *testing.T) {
	t.Parallel()
	o := carepay(0.3)
	o.Dirt = "heavy"
	dir, _ := write(t, o)
	for _, f := range files {
		ids, lines := count(rowsOf(t, dir, f), 0), map[string]int{}
		require.Positive(t, ids["NULL"], "%s: no key", f)
		for _, r := range rowsOf(t, dir, f) {
			lines[strings.Join(r, ",")]++
		}
		equal, differing := 0, 0
		for line, n := range lines {
			id, _, _ := strings.Cut(line, ",")
			switch {
			case id == "NULL":
			case n > 1:
				equal++
			case ids[id] > n:
				differing++
			}
		}
		require.Positive(t, equal, "%s: a row twice", f)
		require.Positive(t, differing, "%s: one key, two contents", f)
	}
	text := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f))
		require.NoError(t, err)
		text[f] = string(b)
	}
	for f, faults := range map[string][]string{
		"treatments.csv": {
			",NULL,2", ",N/A,", ",,", `,\N,`, "WHATEVER", "\u00a0,", ",\ufeff", "\t,",
			"\x00,", "2091-", "1945-", "31/12/2018", "2019-03-00", "2018-00-00",
		},
		"claims.csv": {
			"KES\r\n", ",USD\n", ",XXX\n", ",NULL\n", ",\n", ",-", ",NULL,KES", ",0.0000,",
			",abc,", ",99999999999999999.0000,", ",2019-01-01 00:00:00,", ",Cash,",
		},
		"invoices.csv":      {",NULL\n", "WHATEVER", "2091-"},
		"invoice_items.csv": {",NULL\n", ",abc", ",USD,", ",XXX,", ",,", ",KES,-", ",NULL,KES,", "1945-", "2091-"},
	} {
		for _, fault := range faults {
			require.Contains(t, text[f], fault, f)
		}
	}
}

func TestAGivenFileIsPassedOnByteByByte(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	given := filepath.Join(dir, "given.csv")
	text := []byte("ID,STATUS,DATE_CREATED,TREATMENT_ID\n7,FINAL,NULL,7\n9,DRAFT,2022-05-03 08:00:00,8\n10,SUBMITTED,2022-05-03 09:00:00,8\n")
	require.NoError(t, os.WriteFile(given, text, 0o644))
	o := carepay(1)
	o.InvoicesFile = given
	made, s := write(t, o)
	written, err := os.ReadFile(filepath.Join(made, "invoices.csv"))
	require.NoError(t, err)
	require.True(t, bytes.Equal(text, written), "the last line break too")
	require.EqualValues(t, 3, s.Tables[2].Rows)
	treatments := rowsOf(t, made, "treatments.csv")
	require.Equal(t, map[string]int{"7": 1, "8": 1}, count(treatments, 0))
	for _, r := range treatments {
		require.LessOrEqual(t, r[3], "2022-05-03 09:00:00", "nothing is newer than the file: %v", r)
	}

	for line, bad := range map[string]string{
		"2": "0,FINAL,NULL,7", "3": "7,FINAL,NULL,7\n7,FINAL,NULL,7", "4": "7,FINAL,NULL,7\n8,FINAL,NULL,8\n9,FINAL,NULL,NULL",
		"5": "7,FINAL,NULL,7\n8,FINAL,NULL,8\n9,FINAL,NULL,9\n10,FINAL,NULL",
	} {
		require.NoError(t, os.WriteFile(given, []byte("ID,STATUS,DATE_CREATED,TREATMENT_ID\n"+bad), 0o644))
		_, err := sample.Write(t.Context(), o, t.TempDir())
		var p *change.Problem
		require.ErrorAs(t, err, &p, bad)
		require.Equal(t, given+":"+line, p.Where)
	}
}
