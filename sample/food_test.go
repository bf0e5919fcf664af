package sample_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/sample"
)

func food(scale float64, dirt string) sample.Options {
	return sample.Options{Project: "fooddelivery", Scale: scale, Seed: 1, Dirt: dirt}
}

func TestFoodDeliveryIsTheSameForTheSameSeed(t *testing.T) {
	t.Parallel()
	for _, dirt := range []string{"none", "real", "heavy"} {
		o := food(0.05, dirt)
		first, one := write(t, o)
		second, two := write(t, o)
		require.Equal(t, one, two, dirt)
		require.Len(t, one.Tables, 11)
		o.Seed = 2
		other, _ := write(t, o)
		for _, table := range one.Tables {
			a, err := os.ReadFile(filepath.Join(first, table.File))
			require.NoError(t, err)
			b, err := os.ReadFile(filepath.Join(second, table.File))
			require.NoError(t, err)
			require.True(t, bytes.Equal(a, b), table.File)
			c, err := os.ReadFile(filepath.Join(other, table.File))
			require.NoError(t, err)
			require.Equal(t, table.Name == "regions", bytes.Equal(a, c), table.File)
		}
	}
}

func TestFoodDeliveryIsLinearInScale(t *testing.T) {
	t.Parallel()
	_, whole := write(t, food(1, "real"))
	require.InDelta(t, 200_000, whole.Rows(), 30_000)
	for _, scale := range []float64{0.25, 4} {
		_, s := write(t, food(scale, "real"))
		for i, table := range s.Tables {
			if table.Name == "regions" {
				require.EqualValues(t, 8, table.Rows)
				continue
			}
			near(t, int(float64(whole.Tables[i].Rows)*scale), int(table.Rows), 0.06)
		}
	}
}

func TestFoodDeliveryIsAsDirtyAsAskedFor(t *testing.T) {
	t.Parallel()
	orphans, zones := map[string]int{}, map[string]int{}
	for _, dirt := range []string{"none", "real", "heavy"} {
		dir, _ := write(t, food(0.2, dirt))
		orders := count(rowsOf(t, dir, "orders.csv"), 0)
		for _, r := range rowsOf(t, dir, "order_events.csv") {
			if orders[r[1]] == 0 {
				orphans[dirt]++
			}
			if !strings.HasSuffix(r[4], "Z") {
				zones[dirt]++
			}
		}
	}
	require.Zero(t, orphans["none"])
	require.Zero(t, zones["none"])
	require.Positive(t, orphans["real"])
	require.Positive(t, zones["real"])
	require.Greater(t, orphans["heavy"], 5*orphans["real"])
}

func TestFoodDeliveryInTheDatabaseHoldsWhatTheFilesHold(t *testing.T) {
	t.Parallel()
	dsn, db := database(t)
	o := food(0.05, "real")
	loaded, err := sample.Load(t.Context(), o, dsn)
	require.NoError(t, err)
	dir, written := write(t, o)
	require.Equal(t, written, loaded)
	for _, table := range written.Tables {
		require.Equal(t, len(rowsOf(t, dir, table.File)), number(t, db, dsn, "select count(*) from %s."+table.Name), table.Name)
	}
}
