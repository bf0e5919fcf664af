package quality_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/project"
	"lifeline/quality"
)

// year is a synthetic series of claims a day: a weekly profile, growth, random arrivals, and incidents of four kinds at known days.
type year struct {
	days      []quality.Day
	incidents map[time.Time]string
}

const seriesDays = 670

// synthetic makes 670 days with 30 incidents: days without rows, halves, doubles and bursts; a third of them repeat on the same
// weekday the week after, which a baseline that learned the first would miss.
func synthetic(seed uint64) year {
	r := rand.New(rand.NewPCG(seed, 1))
	profile := map[time.Weekday]float64{
		time.Monday: 120, time.Tuesday: 110, time.Wednesday: 105, time.Thursday: 100, time.Friday: 95, time.Saturday: 60, time.Sunday: 40,
	}
	start := time.Date(2018, 1, 25, 0, 0, 0, 0, time.UTC)
	y := year{incidents: map[time.Time]string{}}
	for len(y.incidents) < 30 {
		at := start.AddDate(0, 0, 60+r.IntN(seriesDays-70))
		kind := []string{"missing", "half", "double", "burst"}[r.IntN(4)]
		y.incidents[at] = kind
		if len(y.incidents) < 30 && r.IntN(3) == 0 {
			y.incidents[at.AddDate(0, 0, 7)] = kind
		}
	}
	for i := range seriesDays {
		d := start.AddDate(0, 0, i)
		mean := profile[d.Weekday()] * (1 + 0.3*float64(i)/seriesDays)
		n := mean + math.Sqrt(mean)*r.NormFloat64()*1.2
		switch y.incidents[d] {
		case "missing":
			continue
		case "half":
			n *= 0.4
		case "double":
			n *= 2
		case "burst":
			n *= 6
		}
		y.days = append(y.days, quality.Day{Date: d, Rows: int64(math.Max(n, 0))})
	}
	return y
}

func TestIncidentsAreFoundAndQuietDaysAreLeftAlone(t *testing.T) {
	t.Parallel()
	found, injected, alarms := 0, 0, 0
	for seed := range uint64(20) {
		y := synthetic(seed)
		hit := map[time.Time]bool{}
		for _, a := range quality.Anomalies(y.days, quality.Band{}) {
			if y.incidents[a.Date] == "" {
				alarms++
				continue
			}
			hit[a.Date] = true
		}
		require.GreaterOrEqual(t, len(hit)*100, len(y.incidents)*95, "seed %d: recall", seed)
		found, injected = found+len(hit), injected+len(y.incidents)
	}
	weeks := 20.0 * seriesDays / 7
	t.Logf("%d of %d incidents found (%.1f %%); %.2f false alarms a week", found, injected, 100*float64(found)/float64(injected),
		float64(alarms)/weeks)
	require.LessOrEqual(t, float64(alarms)/weeks, 1.0)
}

func TestANewLevelIsLearnedAfterFourWeeks(t *testing.T) {
	t.Parallel()
	var days []quality.Day
	start := time.Date(2019, 1, 7, 0, 0, 0, 0, time.UTC)
	for i := range 150 {
		rows := int64(100)
		if i >= 70 {
			rows = 300
		}
		days = append(days, quality.Day{Date: start.AddDate(0, 0, i), Rows: rows})
	}
	found := quality.Anomalies(days, quality.Band{})
	require.Len(t, found, 28)
	require.Equal(t, start.AddDate(0, 0, 70), found[0].Date)
	require.Equal(t, "Mon 2019-03-18: 300 rows, where 73 to 127 are usual", found[0].String())
}

func TestAMarkedIncidentIsNotLearned(t *testing.T) {
	t.Parallel()
	var days []quality.Day
	var marked []time.Time
	start := time.Date(2019, 1, 7, 0, 0, 0, 0, time.UTC)
	for i := range 84 {
		rows := int64(100)
		if i%7 == 0 && i < 35 { // Five Mondays of a migration, before anything was known that could tell it.
			rows = 1000
			marked = append(marked, start.AddDate(0, 0, i))
		}
		days = append(days, quality.Day{Date: start.AddDate(0, 0, i), Rows: rows})
	}
	require.NotEmpty(t, quality.Anomalies(days, quality.Band{}), "unmarked they are taken for what is usual")
	require.Empty(t, quality.Anomalies(days, quality.Band{Incidents: marked}))
}

func TestVolumeFailsByTheDaysThatAreOutOfTheirBand(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		e.do("create table {core}.claims (id bigint, status text, made timestamp)")
		e.do(`
insert into {core}.claims
select d * 1000 + n, 'draft', timestamp '2019-01-01 09:00:00' + d * interval '1 day'
from generate_series(0, 99) as days (d), generate_series(1, 100) as rows (n)
where not (d = 97 and n > 20)`)
		run := func(args yaml) quality.Result {
			results, err := quality.Run(t.Context(), e.db, compiled(t, e, project.Test{
				Kind: "lifeline.volume", Name: "daily", Column: "made", Severity: "warn", Args: args,
			}), 1)
			require.NoError(t, err)
			require.NoError(t, results[0].Err)
			return results[0]
		}
		r := run(nil)
		require.Equal(t, quality.Warn, r.Status)
		require.EqualValues(t, 1, r.Failing)
		require.EqualValues(t, 7, r.Tested)
		require.Equal(t, "daily: Mon 2019-04-08: 20 rows, where 73 to 127 are usual", r.String())
		require.NoError(t, quality.Record(t.Context(), e.db, 1, []quality.Result{r}))
		require.Equal(t, []string{"2019-04-08|20"}, e.texts("select key, value from ops.check_rows"))
		require.Equal(t, quality.Pass, run(yaml{"days": int64(2)}).Status)
		require.Equal(t, quality.Pass, run(yaml{"width": int64(13)}).Status, "a wider band")
	})
}

// Sundays grow while the other days stay: what is usual on a Sunday is learned anew.
func TestANewLevelOfOneWeekdayIsLearned(t *testing.T) {
	t.Parallel()
	var days []quality.Day
	first := time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC) // A Monday.
	for i := range 40 * 7 {
		d := quality.Day{Date: first.AddDate(0, 0, i), Rows: 400}
		if d.Date.Weekday() == time.Sunday {
			d.Rows = 20
			if i > 8*7 {
				d.Rows = 60
			}
		}
		days = append(days, d)
	}
	odd := quality.Anomalies(days, quality.Band{})
	require.Len(t, odd, 6)
	require.Equal(t, time.Sunday, odd[5].Date.Weekday())
}
