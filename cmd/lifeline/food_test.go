package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/run"
	"lifeline/sample"
)

const foodProject = "../../examples/fooddelivery"

// foodSample is a small sample of food delivery.
var foodSample = sample.Options{Project: "fooddelivery", Scale: 0.1, Seed: 1, Dirt: "real"}

func foodFiles(t *testing.T) string {
	t.Helper()
	return sampleFolder(t, foodSample)
}

func TestFoodDeliveryIsTheSameOnBothEnginesAndThroughMySQL(t *testing.T) {
	t.Parallel()
	dir := foodFiles(t)
	duck, postgres := "duckdb:"+filepath.Join(t.TempDir(), "food.duckdb"), postgresDatabase(t)
	for _, dsn := range []string{duck, postgres} {
		r := firstRun(t, at(foodProject, "csv:"+dir, dsn))
		require.Equal(t, run.Published, r.Status)
		require.Len(t, r.Tables, 11)
		require.NotEmpty(t, r.Books)
		for _, b := range r.Books {
			require.True(t, b.Balances, b.Table+" "+b.Equation)
		}
	}
	requireSameContent(t, duck, postgres)

	source := mysqlDatabase(t)
	_, err := sample.Load(t.Context(), foodSample, source)
	require.NoError(t, err)
	through := "duckdb:" + filepath.Join(t.TempDir(), "food.duckdb")
	report(t, 0, append([]string{"run"}, at(foodProject, source, through)...)...)
	requireSameContent(t, duck, through)
}

func TestHeavyFoodDirtStopsARunOrIsQuarantined(t *testing.T) {
	t.Parallel()
	dir := sampleFolder(t, sample.Options{Project: "fooddelivery", Scale: 0.1, Seed: 1, Dirt: "heavy"})
	onEveryEngine(t, func(t *testing.T, dsn string) {
		leaveToSoak(t, dsn)
		r := report(t, 3, append([]string{"run"}, at(foodProject, "csv:"+dir, dsn)...)...)
		require.Equal(t, run.Blocked, r.Status)
	})
}

// oddMenu gives a restaurant a meal whose name has all that JSON and CSV quote.
func oddMenu(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "menu_items.csv")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := splitLines(string(text))
	fields := strings.Split(lines[1], ",")
	fields[2] = `"Pizza 12"" \ large"`
	lines[1] = strings.Join(fields, ",")
	require.NoError(t, os.WriteFile(path, []byte(joinLines(lines)), 0o644))
}

func TestEveryFoodCounterAndStepEqualsABruteForceComputation(t *testing.T) {
	t.Parallel()
	dir := foodFiles(t)
	onEveryEngine(t, func(t *testing.T, dsn string) {
		flags := at(foodProject, "csv:"+dir, dsn)
		firstRun(t, flags)
		requireFoodOracle(t, flags, dir)
		if oneIn(2, dsn) > 1 {
			return
		}
		// An earlier day: the windows move, and what came later still counts in the totals.
		report(t, 0, append([]string{"run", "--as-of", "2024-04-10"}, flags...)...)
		requireFoodOracle(t, flags, dir)
	})
}

func TestTheFoodDemoShowsTheBusiness(t *testing.T) {
	leaveToMakeTest(t)
	t.Parallel()
	dir := t.TempDir()
	o := lifeline(t, "demo", "fooddelivery", "--dir", dir, "--scale", "0.01")
	require.Zero(t, o.code, o.errors)
	require.Contains(t, o.out, "The busiest deliverers of the last seven days")
	require.Contains(t, o.out, "What is quarantined, and why")
	require.FileExists(t, filepath.Join(dir, "fooddelivery.duckdb"))
	require.FileExists(t, filepath.Join(dir, "fooddelivery-csv", "orders.csv"))
}

// appendRows writes more rows to a CSV file, which ends without a line break.
func appendRows(t *testing.T, dir, file string, rows ...string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString("\n" + strings.Join(rows, "\n"))
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func TestTheEdgesOfFoodDeliveryEqualABruteForceComputation(t *testing.T) {
	t.Parallel()
	dir := copyOf(t, foodFiles(t))
	oddMenu(t, dir)
	appendRows(t, dir, "orders.csv",
		"900001,1001,1001,1001,1,DELIVERED,2024-02-29 23:59:59,1.0000,KES",
		"900002,1001,1001,NULL,1,canceled ,2024-06-23 21:00:00,NULL,KES",
		"900003,1001,1001,NULL,1,PLACED,2024-06-23 20:59:59,0.0000,KES",
		"900004,1001,1001,NULL,1,PLACED,2024-06-02 21:00:00,2.5000,KES",
		"900005,1001,1001,NULL,1,PLACED,2019-12-31 23:59:59,2.5000,KES")
	appendRows(t, dir, "order_events.csv",
		"900001,900001,accepted,1001,2024-02-29T21:00:00-03:30", // The next day in UTC.
		"900002,900001,accepted,1002,2024-03-01 00:30:00",       // Another deliverer at the same instant is no repeat,
		"900003,900001,ACCEPT,1001,2024-03-01 03:30:00 +0300",   // the same one is.
		"900004,900001,picked_up,1001,2024-02-30T10:00:00Z",     // No day of the calendar.
		"900005,900001,picked_up,1001,2024-03-01T00:40:00",
		"900006,900001,dropped_off,0,2024-03-01T00:50:00Z", // Nobody did it.
		"900007,900001,dropped_off,1001,2024-06-30T21:00:00Z",
		"900008,900001,received,NULL,2024-06-30T20:59:59Z",
		"900009,900001,received,NULL,2024-06-30T23:00:00Z",
		"900010,900001,dropped_off,1001,2024-06-23T20:59:59Z",
		"900011,900001,dropped_off,1001,0000-01-01 00:00:00",
		"900012,900001,dropped_off,1001,2024-13-01T00:00:00Z",
		"900013,900001,dropped_off,1001,2024-06-31 00:00:00",
		"900014,900001,arrived,1001,2023-02-29 00:00:00")
	appendRows(t, dir, "session_events.csv",
		"900001,customer,1001,login,2024-06-02T23:59:59+03:00",
		"900002,customer,1001,login,2024-06-03T00:00:00+03:00",
		"900003,customer,1001,sign_in,2024-06-02 21:00:00", // The same instant, in other words.
		"900004,deliverer,1001,Login ,2024-06-02 21:00:00") // Another account's.
	appendRows(t, dir, "premium_periods.csv",
		"900001,1002,2024-01-01 00:00:00,2025-01-01 00:00:00", "900002,1002,2024-03-01 00:00:00,2024-12-01 00:00:00",
		"900003,1003,2024-06-30 20:59:59,NULL", "900004,1004,2024-06-30 21:00:00,NULL",
		"900005,1005,2024-01-01 00:00:00,2024-06-30 21:00:00", "900006,1006,2024-01-01 00:00:00,2024-06-30 20:59:59",
		"900007,1007,2024-01-01 00:00:00,2024-01-01 00:00:00")
	onEveryEngine(t, func(t *testing.T, dsn string) {
		leaveToSoak(t, dsn)
		flags := at(foodProject, "csv:"+dir, dsn)
		report(t, 0, append([]string{"run"}, flags...)...)
		requireFoodOracle(t, flags, dir)
	})
}

func TestTheFoodProjectsUnitTestsPass(t *testing.T) {
	t.Parallel()
	o := lifeline(t, "test", "--project", foodProject)
	require.Zero(t, o.code, o.out+o.errors)
	require.Contains(t, o.out, "4 unit tests, 4 passed, 0 failed")
}
