package main

import (
	"encoding/csv"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/run"
	"lifeline/sample"
	"lifeline/sample/oracle"
)

// requireOracle compares every cell of core and analytics with what plain loops over the CSV files of dir give.
func requireOracle(t *testing.T, flags []string, dir string, r run.Report) {
	t.Helper()
	require.NotNil(t, r.AsOf)
	want, err := oracle.Compute(dir, *r.AsOf, r.StartedAt)
	require.NoError(t, err)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		require.NotEmpty(t, want[name].Rows, name)
		differences := oracle.Diff(want[name], published(t, flags, name))
		if len(differences) > 0 {
			t.Errorf("%s:\n%s", name, strings.Join(differences, "\n"))
		}
	}
}

// published reads a whole table, its header first.
func published(t *testing.T, flags []string, table string) [][]string {
	t.Helper()
	text := asked(t, flags, queryCommand{SQL: "select * from " + table, Format: "csv"})
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err, table)
	return rows
}

func TestEveryCellEqualsABruteForceComputation(t *testing.T) {
	t.Parallel()
	dir := smallSample(t)
	latest, err := oracle.AsOf(dir, time.Now())
	require.NoError(t, err)
	onEveryEngine(t, func(t *testing.T, dsn string) {
		flags := at(carepay, "csv:"+dir, dsn)
		r := firstRun(t, flags)
		require.Equal(t, latest, r.AsOf.UTC())
		requireOracle(t, flags, dir, r)
	})
}

// lenient is a carepay that publishes however much is wrong: so many odd rows would rightly stop it, and here only figures matter.
func lenient(t *testing.T) string {
	t.Helper()
	return letPass(t, projectCopy(t))
}

// letPass edits a project so that it publishes however much is wrong.
func letPass(t *testing.T, project string) string {
	t.Helper()
	require.NoError(t, os.RemoveAll(filepath.Join(project, "tests")))
	edit(t, project, "lifeline.yml", "business_time_zone:", `thresholds:
  relationships: {error_if: "> 100%"}
  not_accepted_values: {error_if: "> 100%"}
  quarantine_rate: {error_if: "> 100%"}

business_time_zone:`)
	return project
}

func TestEveryCellOnTheEdgesEqualsABruteForceComputation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, oracle.Edges(dir, 1))
	project := letPass(t, coreCopy(t))
	onEveryEngine(t, func(t *testing.T, dsn string) {
		flags := at(project, "csv:"+dir, dsn)
		r := report(t, 0, append([]string{"run"}, flags...)...)
		require.Equal(t, time.Date(2019, 11, 25, 21, 0, 0, 0, time.UTC), r.AsOf.UTC())
		requireOracle(t, flags, dir, r)
	})
}

func TestAnEarlierAsOfMovesTheWindowsAndNothingElse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, oracle.Edges(dir, 2))
	project := letPass(t, coreCopy(t))
	onEveryEngine(t, func(t *testing.T, dsn string) {
		leaveToSoak(t, dsn)
		flags := at(project, "csv:"+dir, dsn)
		r := report(t, 0, append([]string{"run", "--as-of", "2019-11-18"}, flags...)...)
		require.Equal(t, time.Date(2019, 11, 18, 21, 0, 0, 0, time.UTC), r.AsOf.UTC())
		requireOracle(t, flags, dir, r)
	})
}

func TestEveryCellIsTheSameThroughMySQL(t *testing.T) {
	t.Parallel()
	dir := smallSample(t)
	source := mysqlDatabase(t)
	_, err := sample.Load(t.Context(), sample.Options{Project: "carepay", Scale: 0.05, Seed: 1, Dirt: "real"}, source)
	require.NoError(t, err)
	flags := at(coreOnly(t), source, "duckdb:"+filepath.Join(t.TempDir(), "carepay.duckdb"))
	r := report(t, 0, append([]string{"run"}, flags...)...)
	requireOracle(t, flags, dir, r)
}

// realInvoices is the one real table, where it stands beside the repository.
const realInvoices = "../../../shared/data/invoices.csv"

func TestTheRealInvoicesArriveWhole(t *testing.T) {
	if !long {
		t.Skip("half a million rows, twice: LIFELINE_SOAK=1")
	}
	if _, err := os.Stat(realInvoices); err != nil {
		t.Skip("the real invoices are not beside the repository")
	}
	o := sample.Options{Project: "carepay", Scale: 1, Seed: 1, Dirt: "real", InvoicesFile: realInvoices}
	dir, source := csvSample(t, o), mysqlDatabase(t)
	_, err := sample.Load(t.Context(), o, source)
	require.NoError(t, err)
	onEveryEngine(t, func(t *testing.T, dsn string) {
		flags := at(carepay, source, dsn)
		r := report(t, 0, append([]string{"run"}, flags...)...)
		require.Equal(t, run.Published, r.Status)
		require.EqualValues(t, 59_218, tableOf(t, r, "invoice").Published)
		counts := map[string]any{}
		for _, row := range query(t, flags, "select status_raw, count(*) as n from core.invoices group by status_raw") {
			counts[row["status_raw"].(string)] = row["n"]
		}
		require.Equal(t, map[string]any{"SUBMITTED": 29_166., "FINAL": 20_196., "DRAFT": 9_582., "RESUBMITTED": 258., "REOPENED": 16.}, counts)
		undated := query(t, flags, "select count(*) as n from core.invoices where date_created is null")
		require.EqualValues(t, 23_862, undated[0]["n"])
		requireOracle(t, flags, dir, r)
	})
}
