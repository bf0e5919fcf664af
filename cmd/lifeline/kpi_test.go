package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"
	"github.com/stretchr/testify/require"
)

// goldenFigures reads the table of docs/kpis.md that was computed by hand: what identifies a figure, and what it is.
func goldenFigures(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/kpis.md")
	require.NoError(t, err)
	out := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 13 || !strings.HasPrefix(line, "| KPI-") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		key := strings.Join(cells[:8], "|")
		require.NotContains(t, out, key, "the figure stands twice in docs/kpis.md")
		out[key] = cells[8:12]
	}
	return out
}

// figures reads kpi_figures by what identifies a figure, in the form of docs/kpis.md.
func figures(t *testing.T, flags []string) map[string]map[string]string {
	t.Helper()
	rows := published(t, flags, "analytics.kpi_figures")
	out := map[string]map[string]string{}
	for _, cells := range rows[1:] {
		row := map[string]string{}
		for i, name := range rows[0] {
			row[name] = cells[i]
		}
		period := row["period"]
		if period != "" {
			period = period[:len("2019-07")]
		}
		key := strings.Join([]string{
			row["kpi_id"], period, row["program_id"], row["provider_id"], row["currency"], row["measure"], row["part"], row["basis"],
		}, "|")
		require.NotContains(t, out, key)
		out[key] = row
	}
	return out
}

// requireNumber compares two decimals by value; both may be empty.
func requireNumber(t *testing.T, want, got, what string) {
	t.Helper()
	if want == "" || got == "" {
		require.Equal(t, want, got, what)
		return
	}
	w, _, err := apd.NewFromString(want)
	require.NoError(t, err, what)
	g, _, err := apd.NewFromString(got)
	require.NoError(t, err, what)
	require.Zero(t, w.Cmp(g), "%s: %s is wanted, %s is there", what, want, got)
}

// goldenProject is carepay in two currencies, without what stops a run of so few and so odd rows.
func goldenProject(t *testing.T) string {
	t.Helper()
	project := lenient(t)
	edit(t, project, "dbt_project.yml", "currencies: [KES]", "currencies: [KES, UGX]")
	return project
}

func TestEveryKPIIsWhatWasComputedByHand(t *testing.T) {
	t.Parallel()
	golden := goldenFigures(t)
	project := goldenProject(t)
	onEveryEngine(t, func(t *testing.T, dsn string) {
		flags := at(project, "csv:testdata/kpi", dsn)
		r := firstRun(t, flags)
		require.Equal(t, "2019-11-21 21:00:00", r.AsOf.UTC().Format("2006-01-02 15:04:05"))
		got := figures(t, flags)
		kpis := map[string]bool{}
		for key, want := range golden {
			kpis[key[:len("KPI-01")]] = true
			row, found := got[key]
			if !found {
				t.Errorf("%s is not there", key)
				continue
			}
			for i, column := range []string{"n", "numerator", "value", "excluded"} {
				requireNumber(t, want[i], row[column], key+" "+column)
			}
		}
		require.Len(t, kpis, 32)
		requireMarks(t, got)
		requireDaily(t, flags)
	})
}

// requireMarks holds the signs beside figures to what they mean, for each of them.
func requireMarks(t *testing.T, got map[string]map[string]string) {
	t.Helper()
	money := map[string]bool{}
	for key, row := range got {
		n, _, err := apd.NewFromString(row["n"])
		require.NoError(t, err)
		require.Equal(t, n.Cmp(apd.New(30, 0)) >= 0, row["enough"] == "true", key)
		require.Equal(t, row["low"] == "", row["high"] == "", key)
		if row["period"] == "" && row["kpi_id"] != "KPI-26" && row["kpi_id"] != "KPI-27" {
			require.Empty(t, row["mature"], key)
		}
		if row["currency"] != "" {
			money[row["currency"]] = true
		}
	}
	require.Equal(t, map[string]bool{"KES": true, "UGX": true}, money)
	for key, mature := range map[string]string{
		"KPI-01|2019-08|2|||rate||proxy": "true", "KPI-01|2019-11|1|||rate||proxy": "false",
		"KPI-03|2019-07|1|||rate||true": "true", "KPI-03|2019-08|2|||rate||true": "false",
		"KPI-12|2019-10|1|||rate|14|proxy": "true", "KPI-12|2019-10|1|||rate|30|proxy": "false",
		"KPI-26||1|||weekday_index|1|true": "false", "KPI-27|2019-08|2|||projected|3|true": "false",
	} {
		require.Equal(t, mature, got[key]["mature"], key)
	}
	// 2 of 3: (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n) with z = 1.959964.
	row := got["KPI-01|2019-07|1|||rate||proxy"]
	requireNumber(t, "0.207660", row["low"], "low")
	requireNumber(t, "0.938508", row["high"], "high")
	for key, grade := range map[string]string{"trust|KPI-01": "F", "trust|KPI-03": "E", "trust|KPI-29": "A"} {
		require.Equal(t, grade, got["KPI-32|||||"+key+"|true"]["trust_grade"], key)
	}
}

// requireDaily compares days with what the files say of them.
func requireDaily(t *testing.T, flags []string) {
	t.Helper()
	rows := query(t, flags, `
select day, currency, cast(sum(treated) as integer) as treated, cast(sum(decided) as integer) as decided,
    cast(sum(approved) as integer) as approved, cast(sum(approved_amount) as varchar(40)) as amount
from analytics.kpi_daily
where program_id = 1 and day in (date '2019-07-28', date '2019-08-01', date '2019-11-21')
    and (treated > 0 or decided > 0)
group by 1, 2
order by 1, 2`)
	require.Len(t, rows, 3)
	require.EqualValues(t, 2, rows[0]["decided"], "102 and 104 on 28 July")
	require.EqualValues(t, 1, rows[0]["approved"], "104")
	require.Equal(t, "700.0000", rows[0]["amount"])
	require.EqualValues(t, 1, rows[1]["treated"], "treatment 6, on 1 August in Nairobi")
	require.Equal(t, "UGX", rows[2]["currency"])
	require.Equal(t, "80.0000", rows[2]["amount"])
	apart := query(t, flags, "select count(*) as n from analytics.kpi_figures where currency is null and measure in ('amount', 'ratio', "+
		"'approved_amount') and value is not null")
	require.EqualValues(t, 0, apart[0]["n"], "money without a currency has no figure")
}

func TestAMonthIsComparedWithTheTwelveAroundIt(t *testing.T) {
	t.Parallel()
	leaveToMakeTest(t)
	dir := t.TempDir()
	for _, name := range []string{"claims.csv", "invoices.csv", "invoice_items.csv"} {
		text, err := os.ReadFile(filepath.Join("testdata/kpi", name))
		require.NoError(t, err)
		header, _, _ := strings.Cut(string(text), "\n")
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(header+"\n"), 0o600))
	}
	text := "ID,STATUS,DATE_CREATED,DATE_MODIFIED,DATE_SUBMITTED,DATE_TREATMENT,PROVIDER_ID,PROGRAM_ID\n"
	id := 0
	add := func(day time.Time) {
		id++
		at := day.Format("2006-01-02 15:04:05")
		text += fmt.Sprintf("%d,DRAFT,%s,%s,NULL,%s,1,1\n", id, at, at, at)
	}
	// One treatment a month, four in the middle one, and a burst of eleven on one day of it.
	for month := range 13 {
		day := time.Date(2018, time.Month(1+month), 1, 6, 0, 0, 0, time.UTC)
		add(day)
		if month == 6 {
			for i := range 3 {
				add(day.AddDate(0, 0, 1+i))
			}
			for range 11 {
				add(day.AddDate(0, 0, 20))
			}
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "treatments.csv"), []byte(text), 0o600))
	flags := at(goldenProject(t), "csv:"+dir, "duckdb:"+filepath.Join(t.TempDir(), "carepay.duckdb"))
	report(t, 0, append([]string{"run"}, flags...)...)
	got := figures(t, flags)
	july := got["KPI-26|2018-07|1|||month_index||true"]
	// The mean is (1/2 + 5 + 4 + 5 + 1/2) / 12 = 1.25; 4 / 1.25 = 3.2.
	requireNumber(t, "3.2", july["value"], "index of July")
	requireNumber(t, "11", july["excluded"], "the burst")
	require.Equal(t, "false", july["mature"], "13 months are too few to be sure")
	require.Empty(t, got["KPI-26|2018-08|1|||month_index||true"]["value"], "half a year after it is missing")
}
