package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/run"
	"lifeline/sample"
)

const foodProject = "../../projects/fooddelivery"

// foodSample is a small sample of food delivery as CSV files, made once. One name on a menu has what JSON must escape.
var foodSample = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "lifeline-food-")
	if err != nil {
		return "", err
	}
	_, err = sample.Write(context.Background(), sample.Options{Project: "fooddelivery", Scale: 0.1, Seed: 1, Dirt: "real"}, dir)
	return dir, err
})

func foodFiles(t *testing.T) string {
	t.Helper()
	dir, err := foodSample()
	require.NoError(t, err)
	return dir
}

func TestFoodDeliveryIsTheSameOnBothEnginesAndThroughMySQL(t *testing.T) {
	t.Parallel()
	dir := copyOf(t, foodFiles(t))
	duck, postgres := "duckdb:"+filepath.Join(t.TempDir(), "food.duckdb"), postgresDatabase(t)
	for _, dsn := range []string{duck, postgres} {
		r := report(t, 0, append([]string{"run"}, at(foodProject, "csv:"+dir, dsn)...)...)
		require.Equal(t, run.Published, r.Status)
		require.Len(t, r.Tables, 11)
		require.NotEmpty(t, r.Books)
		for _, b := range r.Books {
			require.True(t, b.Balances, b.Table+" "+b.Equation)
		}
	}
	requireSameContent(t, duck, postgres)

	source := mysqlDatabase(t)
	_, err := sample.Load(t.Context(), sample.Options{Project: "fooddelivery", Scale: 0.1, Seed: 1, Dirt: "real"}, source)
	require.NoError(t, err)
	through := "duckdb:" + filepath.Join(t.TempDir(), "food.duckdb")
	report(t, 0, append([]string{"run"}, at(foodProject, source, through)...)...)
	requireSameContent(t, duck, through)
}

func TestHeavyFoodDirtStopsARunOrIsSetAside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := sample.Write(t.Context(), sample.Options{Project: "fooddelivery", Scale: 0.1, Seed: 1, Dirt: "heavy"}, dir)
	require.NoError(t, err)
	onEveryEngine(t, func(t *testing.T, dsn string) {
		r := report(t, 3, append([]string{"run"}, at(foodProject, "csv:"+dir, dsn)...)...)
		require.Equal(t, run.Blocked, r.Status)
	})
}

func TestMenusAreJSONWhateverTheNamesAre(t *testing.T) {
	t.Parallel()
	dir := copyOf(t, foodFiles(t))
	path := filepath.Join(dir, "menu_items.csv")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := splitLines(string(text))
	fields := strings.Split(lines[1], ",")
	fields[2] = `"Pizza 12"" \ large"`
	lines[1] = strings.Join(fields, ",")
	require.NoError(t, os.WriteFile(path, []byte(joinLines(lines)), 0o644))
	onEveryEngine(t, func(t *testing.T, dsn string) {
		flags := at(foodProject, "csv:"+dir, dsn)
		report(t, 0, append([]string{"run"}, flags...)...)
		requireFoodOracle(t, flags, dir)
	})
}

func TestEveryFoodCounterAndStepEqualsABruteForceComputation(t *testing.T) {
	t.Parallel()
	dir := copyOf(t, foodFiles(t))
	onEveryEngine(t, func(t *testing.T, dsn string) {
		flags := at(foodProject, "csv:"+dir, dsn)
		report(t, 0, append([]string{"run"}, flags...)...)
		requireFoodOracle(t, flags, dir)
		// An earlier day: the windows move, and what came later still counts in the totals.
		report(t, 0, append([]string{"run", "--as-of", "2024-04-10"}, flags...)...)
		requireFoodOracle(t, flags, dir)
	})
}

func TestTheFoodDemoShowsTheBusiness(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := lifeline(t, "demo", "fooddelivery", "--dir", dir, "--scale", "0.05")
	require.Zero(t, o.code, o.errors)
	require.Contains(t, o.out, "The busiest deliverers of the last seven days")
	require.Contains(t, o.out, "What is held back, and why")
	require.FileExists(t, filepath.Join(dir, "fooddelivery.duckdb"))
	require.FileExists(t, filepath.Join(dir, "fooddelivery-csv", "orders.csv"))
}
