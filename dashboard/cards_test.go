package dashboard_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/dashboard"
	"lifeline/semantic"
)

func card(t *testing.T, page semantic.PageData, id string) semantic.Card {
	t.Helper()
	i := slices.IndexFunc(page.Cards, func(c semantic.Card) bool { return c.ID == id })
	require.NotEqual(t, -1, i, id)
	require.Nil(t, page.Cards[i].Problem)
	return page.Cards[i]
}

// file reads a card's CSV, as records without the header, and checks its count.
func file(t *testing.T, c *client, x semantic.Card) (header []string, records [][]string) {
	t.Helper()
	i := slices.IndexFunc(x.Exports, func(e semantic.ExportLink) bool { return e.Format == "csv" })
	require.NotEqual(t, -1, i)
	status, h, body := c.raw(x.Exports[i].Link)
	require.Equal(t, http.StatusOK, status, string(body))
	lines, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint(len(lines)-1), h.Get("X-Row-Count"))
	return lines[0], lines[1:]
}

func TestACardsFileHasTheColumnsAndRowsOfItsTable(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, c *client) {
		for _, name := range []string{"overview", "providers", "products", "reconciliation"} {
			page := get[semantic.PageData](c, "/api/v1/pages/"+name+"?range=365d")
			for _, x := range page.Data.Cards {
				header, records := file(t, c, x)
				var shown []string
				for _, column := range x.Columns {
					if !column.Hidden {
						shown = append(shown, column.Name)
					}
				}
				require.Equal(t, shown, header, "%s/%s", name, x.ID)
				require.EqualValues(t, x.Total, len(records), "%s/%s", name, x.ID)
				if name == "providers" {
					require.NotEmpty(t, records, "%s: a source that has its providers fills the page", x.ID)
				}
				require.Equal(t, x.Truncated, len(x.Rows) < len(records), "%s/%s", name, x.ID)
				if len(records) > 0 && x.Columns[0].Format != "percent" && x.Columns[0].Format != "days" {
					require.Equal(t, records[0][0], text(x.Rows[0][0]), "%s/%s", name, x.ID)
				}
			}
		}
	})
}

func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// The items are read one by one and put together here, apart from the SQL of the cards.
func TestPricesAreOfTheProductsWithMostMoney(t *testing.T) {
	t.Parallel()
	type item struct {
		Product *int64      `json:"dim_product_id"`
		Amount  json.Number `json:"amount"`
	}
	onEveryEngine(t, func(t *testing.T, c *client) {
		const asked = "range=365d"
		page := get[semantic.PageData](c, "/api/v1/pages/products?"+asked)
		status, _, body := c.raw("/api/v1/tables/analytics.dim_invoice_items/rows?" + asked +
			"&status!=void&fields=dim_product_id,amount&format=ndjson")
		require.Equal(t, http.StatusOK, status)
		sums, prices, all := map[int64]*big.Rat{}, map[int64][]float64{}, 0
		for line := range strings.Lines(string(body)) {
			var x item
			require.NoError(t, json.Unmarshal([]byte(line), &x), line)
			all++
			if x.Product == nil {
				continue
			}
			amount, ok := new(big.Rat).SetString(x.Amount.String())
			if sums[*x.Product] == nil {
				sums[*x.Product] = new(big.Rat)
			}
			if !ok {
				continue // Without an amount.
			}
			sums[*x.Product].Add(sums[*x.Product], amount)
			if f, _ := amount.Float64(); f > 0 {
				prices[*x.Product] = append(prices[*x.Product], f)
			}
		}
		require.Greater(t, len(sums), 250, "more products than the card compares, or the test shows nothing")
		order := []int64{}
		for id := range sums {
			order = append(order, id)
		}
		slices.SortFunc(order, func(a, b int64) int {
			if d := sums[b].Cmp(sums[a]); d != 0 {
				return d
			}
			return int(a - b)
		})

		listed := card(t, page.Data, "pareto")
		_, records := file(t, c, listed)
		require.Len(t, listed.Rows, 25)
		require.InDelta(t, len(order), len(records), 1, "one line may be for items without a product")
		for i, id := range order[:25] {
			require.Equal(t, fmt.Sprint(id), text(listed.Rows[i][0]))
			require.Equal(t, sums[id].FloatString(4), text(listed.Rows[i][2]))
		}

		want := map[string]string{}
		for _, id := range order[:200] {
			if p := prices[id]; len(p) >= 5 {
				slices.Sort(p)
				want[fmt.Sprint(id)] = fmt.Sprintf("%d %.3f %.3f %.3f %.3f", len(p), between(p, 0.1), between(p, 0.5), between(p, 0.9), p[len(p)-1])
			}
		}
		require.NotEmpty(t, want)
		compared := card(t, page.Data, "spread")
		_, records = file(t, c, compared)
		got := map[string]string{}
		for _, r := range records {
			number := func(i int) float64 {
				x, ok := new(big.Rat).SetString(r[i])
				require.True(t, ok, r[i])
				f, _ := x.Float64()
				return f
			}
			got[r[0]] = fmt.Sprintf("%s %.3f %.3f %.3f %.3f", r[1], number(3), number(4), number(5), number(6))
		}
		require.Equal(t, want, got)
	})
}

// between is the continuous percentile of sorted values, as SQL's percentile_cont.
func between(sorted []float64, share float64) float64 {
	at := share * float64(len(sorted)-1)
	low := int(at)
	if low == len(sorted)-1 {
		return sorted[low]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}

// What is open at the end of a day is counted claim by claim, for each bar, under a filter and without.
func TestOpenWorkIsCountedDayByDay(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, c *client) {
		programs := get[dashboard.SQLData](c, ask("select dim_program_id from analytics.dim_claims_lifecycle where dim_program_id is not null "+
			"group by 1 order by count(*) desc"))
		program := text(programs.Data.Rows[0][0])
		for _, asked := range []string{
			"range=30d", "range=365d&program=" + program, "from=2019-03-01&to=2019-05-31&status!=rejected",
			"from=2030-01-01&to=2030-01-03",
		} {
			page := get[semantic.PageData](c, "/api/v1/pages/overview?card=flow&"+asked)
			flow := card(t, page.Data, "flow")
			where := "true"
			switch {
			case strings.Contains(asked, "program"):
				where = "dim_program_id = " + program
			case strings.Contains(asked, "rejected"):
				where = "status <> 'rejected'"
			}
			days, want := make([]string, len(flow.Rows)), [][]string{}
			for i, row := range flow.Rows {
				days[i] = fmt.Sprintf("(date '%s')", row[1])
				want = append(want, []string{text(row[1]), text(row[4])})
			}
			require.NotEmpty(t, days, asked)
			counted := get[dashboard.SQLData](c, ask(fmt.Sprintf(`
select d.day, count(c.dim_claim_id) as n
from (values %s) as d(day)
left join (select * from analytics.dim_claims_lifecycle where %s) as c
	on cast(c.date_submitted + interval '3 hours' as date) <= d.day
	and (c.status in ('submitted', 'in_review', 'resubmitted', 'reopened') and c.treatment_status <> 'void'
		or c.status in ('approved', 'partial', 'paid', 'rejected') and c.date_decided >= c.date_submitted
			and cast(c.date_decided + interval '3 hours' as date) > d.day)
group by d.day
order by d.day`, strings.Join(days, ", "), where)))
			got := [][]string{}
			for _, row := range counted.Data.Rows {
				got = append(got, []string{text(row[0]), text(row[1])})
			}
			require.Equal(t, want, got, asked)
		}
	})
}

// A period's bars touch one another, cover it whole, and begin on Mondays or firsts of a month.
func TestBarsCoverThePeriod(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, c *client) {
		r := rand.New(rand.NewPCG(7, 11))
		for _, length := range []int{0, 1, 6, 30, 44, 45, 100, 300, 399, 400, 700, 1500} {
			from := time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.IntN(1000))
			to := from.AddDate(0, 0, length)
			page := get[semantic.PageData](c, "/api/v1/pages/overview?card=flow&from="+from.Format(time.DateOnly)+"&to="+to.Format(time.DateOnly))
			bars := card(t, page.Data, "flow")
			at := from
			for i, row := range bars.Rows {
				require.Equal(t, at.Format(time.DateOnly), row[0])
				last, err := time.Parse(time.DateOnly, text(row[1]))
				require.NoError(t, err)
				switch {
				case length < 45:
					require.Equal(t, at, last)
				case length < 400:
					require.True(t, i == 0 || at.Weekday() == time.Monday)
					require.True(t, i == len(bars.Rows)-1 || last.Weekday() == time.Sunday)
				default:
					require.True(t, i == 0 || at.Day() == 1)
					require.True(t, i == len(bars.Rows)-1 || last.AddDate(0, 0, 1).Day() == 1)
				}
				at = last.AddDate(0, 0, 1)
			}
			require.Equal(t, to.AddDate(0, 0, 1), at)
		}
	})
}

// Whose the failing rows of a check are is counted again from the file that has all of them.
func TestFailingRowsAreCountedByWhoseTheyAre(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, c *client) {
		columns := map[string][]string{
			"program": {"dim_program_id", "program_id"}, "provider": {"dim_provider_id", "provider_id"},
			"product": {"dim_product_id", "product_id"},
		}
		counted := 0
		for i, check := range get[dashboard.ChecksData](c, "/api/v1/checks").Data.Checks {
			if check.Failing == 0 || i%c.oneIn(1) != 0 {
				continue
			}
			d := get[dashboard.CheckData](c, "/api/v1/checks/"+check.Name).Data
			if len(d.Whose) == 0 || d.Total > 20000 {
				continue
			}
			_, _, body := c.raw("/api/v1/checks/" + check.Name + "?format=ndjson")
			lines := strings.Split(strings.TrimSpace(string(body)), "\n")
			require.Len(t, lines, int(d.Total), check.Name)
			for _, g := range d.Whose {
				rows := map[string]int64{}
				for _, line := range lines {
					var row map[string]any
					require.NoError(t, json.Unmarshal([]byte(line), &row))
					for _, name := range columns[g.Filter] {
						if v, is := row[name]; is && v == nil {
							rows["is:null"]++
						} else if is {
							rows[text(v)]++
						}
					}
				}
				if len(columns[g.Filter]) == 0 {
					continue
				}
				require.Len(t, rows, int(g.Total), "%s by %s", check.Name, g.Filter)
				for _, o := range g.Options {
					require.Equal(t, rows[o.Value], o.Rows, "%s by %s, %s", check.Name, g.Filter, o.Value)
				}
				counted++
			}
		}
		require.Greater(t, counted, 5/c.oneIn(1))
	})
}

// The bars over a list stand for its dated rows, and each for those that its link leads to; whatever they were counted from.
func TestTheBarsOverAListAreItsRows(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, c *client) {
		list := func(table, asked string) (semantic.RowsData, int64) {
			got := get[semantic.RowsData](c, "/api/v1/tables/"+table+"/rows?limit=1&"+asked)
			return got.Data, got.Page.Total
		}
		for _, table := range []string{"analytics.dim_claims_lifecycle", "analytics.dim_invoice_items", "dashboard.reconciliation"} {
			basis := map[bool]string{true: "created", false: "submitted"}[table == "analytics.dim_invoice_items"]
			for _, asked := range []string{
				"", "status=approved", "program!=577&status!=draft", "provider=2079", "from=2019-01-10&to=2019-03-20",
				"range=90d&provider!=2079", "undated=include&from=2018-12-01", "amount>=100&range=365d",
			} {
				got, total := list(table, asked+"&histogram=1")
				dated := "basis=" + basis + "&" + asked
				if strings.Contains(asked, "undated") {
					dated = strings.Replace(dated, "undated=include", "undated=exclude", 1)
				}
				_, want := list(table, dated)
				var bars int64
				for i, b := range got.Histogram.Bins {
					bars += b.Rows
					if i%7 == 0 {
						_, path, _ := strings.Cut(b.Link, "?")
						_, behind := list(table, path)
						require.Equal(t, behind, b.Rows, "%s?%s, %s", table, asked, b.Link)
					}
				}
				require.Equal(t, want, bars, "%s?%s", table, asked)
				require.GreaterOrEqual(t, total, bars)
			}
		}
	})
}

// Each date basis has its own rows without a date, whichever was asked for before.
func TestEveryBasisCountsItsOwnUndatedRows(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, c *client) {
		for range 2 {
			for basis, column := range map[string]string{
				"submitted": "date_submitted", "decided": "date_decided", "treatment": "date_treatment",
				"created": "date_claim_created",
			} {
				trust := get[semantic.PageData](c, "/api/v1/pages/overview?program!=99999&basis="+basis).Data.Trust
				got := get[dashboard.SQLData](c, ask("select count(*) as n from analytics.dim_claims_lifecycle where "+column+
					" is null and coalesce(currency, 'KES') = 'KES'"))
				undated := int64(0)
				for _, x := range trust.Excluded {
					if x.Reason == "undated" {
						undated = x.Counts.Rows
					}
				}
				require.Equal(t, text(got.Data.Rows[0][0]), fmt.Sprint(undated), basis)
				require.True(t, trust.Balances, basis)
			}
		}
	})
}
