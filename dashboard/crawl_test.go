package dashboard_test

import (
	"bytes"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lifeline/semantic"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// filterSets draws filters as people set them, also ones that match nothing.
func filterSets(t *rapid.T) url.Values {
	v := url.Values{}
	add := func(name string, values ...string) {
		for _, x := range values {
			v.Add(name, x)
		}
	}
	if rapid.Bool().Draw(t, "with basis") {
		add("basis", rapid.SampledFrom([]string{"submitted", "treatment", "created", "decided"}).Draw(t, "basis"))
	}
	switch rapid.IntRange(0, 4).Draw(t, "period") {
	case 1:
		add("range", rapid.SampledFrom([]string{"7d", "28d", "90d", "365d", "all"}).Draw(t, "range"))
	case 2:
		add("from", rapid.SampledFrom([]string{"2016-01-01", "2018-07-31", "2019-10-01"}).Draw(t, "from"))
		add("to", rapid.SampledFrom([]string{"2019-10-01", "2019-11-25", "2025-01-01"}).Draw(t, "to"))
	case 3:
		add("to", "2018-12-31")
	}
	if rapid.IntRange(0, 3).Draw(t, "with undated") == 0 {
		add("undated", rapid.SampledFrom([]string{"only", "include", "exclude"}).Draw(t, "undated"))
	}
	if rapid.IntRange(0, 3).Draw(t, "with vs") == 0 {
		add("vs", rapid.SampledFrom([]string{"prev", "year", "none"}).Draw(t, "vs"))
	}
	for _, f := range []struct {
		name   string
		values []string
	}{
		{"status", []string{"approved", "rejected", "submitted", "draft", "void", "is:null", "nonsense"}},
		{"program", []string{"48", "56", "80", "36", "999"}},
		{"provider", []string{"2079", "2209", "is:null"}},
		{"type", []string{"Benefit", "Voucher"}},
	} {
		name, values := f.name, f.values
		switch rapid.IntRange(0, 5).Draw(t, "with "+name) {
		case 0:
			add(name, rapid.SliceOfNDistinct(rapid.SampledFrom(values), 1, min(3, len(values)), rapid.ID[string]).Draw(t, name)...)
		case 1:
			add(name+"!", rapid.SampledFrom(values).Draw(t, "not "+name))
		}
	}
	return v
}

// apiOf turns a link of the front end to a list into the API's address of its rows.
func apiOf(link string) (string, bool) {
	path, query, _ := strings.Cut(link, "?")
	if path == "/claims" {
		return "/api/v1/tables/analytics.dim_claims_lifecycle/rows?" + query, true
	}
	if name, is := strings.CutPrefix(path, "/tables/"); is && !strings.Contains(name, "/") {
		return "/api/v1/tables/" + name + "/rows?" + query, true
	}
	return "", false
}

// fillIn puts a row's values into a link's template, as the front end does.
func fillIn(link string, columns []semantic.Column, row []any) string {
	for i, c := range columns {
		text := "is:null"
		if row[i] != nil {
			text = fmt.Sprint(row[i])
		}
		link = strings.ReplaceAll(link, "{"+c.Name+"}", url.QueryEscape(text))
		link = strings.ReplaceAll(link, "{+"+c.Name+"}", strings.TrimPrefix(text, "is:null"))
	}
	return link
}

func number(v any) *big.Rat {
	if v == nil {
		return new(big.Rat)
	}
	x, ok := new(big.Rat).SetString(fmt.Sprint(v))
	if !ok {
		return nil
	}
	return x
}

// checkCell asks for the rows behind one number: a count must be their number, money must be their sum.
func checkCell(c *client, what, link, format string, value any) bool {
	path, is := apiOf(link)
	if !is || format != "count" && format != "money" {
		return false
	}
	rows := get[semantic.RowsData](c, path+"&limit=1")
	require.Empty(c.t, rows.Meta.Notices, "%s → %s", what, link)
	if format == "count" {
		require.Equal(c.t, number(value).RatString(), fmt.Sprint(rows.Page.Total), "%s → %s", what, link)
		return true
	}
	sum := new(big.Rat)
	for _, t := range rows.Data.Totals {
		for _, x := range t.Sums {
			sum.Add(sum, number(x))
		}
	}
	require.Zero(c.t, number(value).Cmp(sum), "%s = %v, its rows add up to %s → %s", what, value, sum.FloatString(4), link)
	return true
}

// crawl follows the numbers of one page; it returns how many it followed.
func crawl(c *client, name string, v url.Values, most int) int {
	page := get[semantic.PageData](c, "/api/v1/pages/"+name+"?"+v.Encode())
	what := name + "?" + v.Encode()
	followed := 0
	for _, card := range page.Data.Cards {
		require.Nil(c.t, card.Problem, "%s %s", what, card.ID)
		require.NotEmpty(c.t, card.Answer)
		require.NotContains(c.t, card.Answer, "{{")
		if card.Tile != nil && checkCell(c, what+" tile "+card.ID, card.Tile.Link, card.Tile.Format, card.Tile.Value) {
			followed++
		}
		for i, row := range card.Rows {
			if i%max(1, len(card.Rows)/most) != 0 {
				continue
			}
			for j, col := range card.Columns {
				if col.Link != "" && checkCell(c, what+" "+card.ID+" "+col.Name, fillIn(col.Link, card.Columns, row), col.Format, row[j]) {
					followed++
				}
			}
		}
	}
	if page.Data.Rows > 0 {
		require.Nil(c.t, page.Data.Empty)
	} else {
		require.NotEmpty(c.t, page.Data.Empty.Text)
	}
	require.True(c.t, checkCell(c, what, page.Data.RowsLink, "count", page.Data.Rows))
	if t := page.Data.Trust; t != nil {
		require.True(c.t, t.Balances, "%s: %s", what, t.Text)
		sum := t.Counted.Rows + t.Quarantined.Rows + t.Superseded.Rows
		for _, x := range t.Excluded {
			sum += x.Counts.Rows
			if x.Link != "" {
				require.True(c.t, checkCell(c, what+" "+x.Reason, x.Link, "count", x.Counts.Rows))
			}
		}
		require.Equal(c.t, t.Read.Rows, sum, what)
		require.Equal(c.t, page.Data.Rows, t.Counted.Rows, what)
	}
	return followed
}

func TestEveryNumberIsTheCountOrTheSumOfTheRowsBehindIt(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		pages := []string{"overview", "providers", "products", "reconciliation"}
		most := 2 // Rows of a card.
		switch {
		case long:
			most = 8
		case c.postgres:
			most = 1
		}
		followed := 0
		for _, p := range pages {
			followed += crawl(c, p, url.Values{}, most)
		}
		followed += crawl(c, "provider", url.Values{"provider": {"2079"}, "range": {"all"}}, most)
		followed += crawl(c, "program", url.Values{"program": {"48"}}, most)
		followed += crawl(c, "product", url.Values{"product": {"30004"}, "range": {"all"}}, most)
		require.Greater(t, followed, 60)
		rapid.Check(t, func(r *rapid.T) {
			v := filterSets(r)
			crawl(c.with(r), rapid.SampledFrom(pages).Draw(r, "page"), v, 1)
		})
	})
}

func TestACanonicalQueryMeansTheSameAsTheOneItCameFrom(t *testing.T) {
	t.Parallel()
	c := duck(t)
	rapid.Check(t, func(r *rapid.T) {
		v := filterSets(r)
		c := c.with(r)
		first := get[semantic.PageData](c, "/api/v1/pages/reconciliation?"+v.Encode())
		for _, query := range []string{first.Meta.Filters.Query, first.Meta.Filters.Exact} {
			again := get[semantic.PageData](c, "/api/v1/pages/reconciliation?"+query)
			require.Equal(r, first.Meta.Filters.Exact, again.Meta.Filters.Exact, query)
			require.Equal(r, first.Data.Rows, again.Data.Rows, query)
		}
		again := get[semantic.PageData](c, "/api/v1/pages/reconciliation?"+first.Meta.Filters.Query)
		require.Equal(r, first.Meta.Filters.Query, again.Meta.Filters.Query)
	})
}

func TestRowsPageByPageAreTheExportAndTheTotal(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		rapid.Check(t, func(r *rapid.T) {
			c := c.with(r)
			v := filterSets(r)
			sort := rapid.SampledFrom([]string{
				"", "-amount", "status", "-date_submitted", "date_decided", "dim_provider_id",
				"-dim_claim_id",
			}).Draw(r, "sort")
			table := "analytics.dim_claims_lifecycle"
			if rapid.IntRange(0, 3).Draw(r, "table") == 0 {
				table = "dashboard.reconciliation"
			}
			base := "/api/v1/tables/" + table + "/rows?" + v.Encode()
			if sort != "" {
				base += "&sort=" + sort
			}
			var keys []string
			after, total := "", int64(-1)
			for {
				page := get[semantic.RowsData](c, base+"&fields=dim_claim_id&limit=700&after="+after)
				for _, row := range page.Data.Rows {
					keys = append(keys, fmt.Sprint(row[0]))
				}
				total = page.Page.Total
				if after = page.Page.Next; after == "" {
					break
				}
			}
			require.EqualValues(r, total, len(keys), base)
			status, header, body := c.raw(base + "&fields=dim_claim_id&format=csv")
			require.Equal(r, http.StatusOK, status)
			require.Equal(r, fmt.Sprint(total), header.Get("X-Row-Count"))
			lines, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
			require.NoError(r, err)
			exported := []string{}
			for _, l := range lines[1:] {
				exported = append(exported, l[0])
			}
			require.Equal(r, exported, append([]string{}, keys...), "the pages and the export are one list in one order")
			slices.Sort(keys)
			require.Len(r, slices.Compact(keys), len(exported), "no row comes twice")
			_, _, nd := c.raw(base + "&fields=dim_claim_id&format=ndjson")
			require.Equal(r, len(exported), bytes.Count(nd, []byte("\n")))
		})
	})
}

func TestAParquetFileHasTheRowsTypesAndFilters(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		for _, query := range []string{"", "status=rejected&range=365d", "status=nonsense"} {
			status, header, body := c.raw("/api/v1/tables/analytics.dim_claims_lifecycle/rows?format=parquet&" + query)
			require.Equal(t, http.StatusOK, status, string(body))
			file := filepath.Join(t.TempDir(), "rows.parquet")
			require.NoError(t, os.WriteFile(file, body, 0o600))
			db, err := sql.Open("duckdb", "")
			require.NoError(t, err)
			defer db.Close()
			var n int64
			require.NoError(t, db.QueryRow("select count(*) from read_parquet('"+file+"')").Scan(&n))
			require.Equal(t, header.Get("X-Row-Count"), fmt.Sprint(n))
			var kinds string
			require.NoError(t, db.QueryRow("select typeof(any_value(amount)) || ' ' || typeof(any_value(date_submitted)) from read_parquet('"+file+
				"')").Scan(&kinds))
			require.Regexp(t, `^DECIMAL\(\d+,4\) TIMESTAMP$`, kinds)
			var snapshot string
			require.NoError(t, db.QueryRow("select decode(value) from parquet_kv_metadata('"+file+
				"') where decode(key) = 'snapshot'").Scan(&snapshot))
			require.Equal(t, "v1", snapshot)
		}
	})
}

func TestATableWithoutAKeyIsPagedWhole(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		for _, table := range []string{"analytics.fct_claims_activity", "core.status_map"} {
			seen, after := map[string]int{}, ""
			var total int64
			for {
				page := get[semantic.RowsData](c, "/api/v1/tables/"+table+"/rows?limit=900&after="+after)
				for _, row := range page.Data.Rows {
					seen[fmt.Sprint(row...)]++
				}
				total = page.Page.Total
				if after = page.Page.Next; after == "" {
					break
				}
			}
			sum := 0
			for _, n := range seen {
				sum += n
			}
			require.EqualValues(t, total, sum, table)
			require.EqualValues(t, total, len(seen), table)
		}
	})
}

func TestACardsFileIsItsTable(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		page := get[semantic.PageData](c, "/api/v1/pages/overview?range=365d")
		for _, card := range page.Data.Cards {
			require.Len(t, card.Exports, 3)
			status, header, body := c.raw(card.Exports[0].Link)
			require.Equal(t, http.StatusOK, status, "%s: %s", card.ID, body)
			require.Equal(t, fmt.Sprint(card.Total), header.Get("X-Row-Count"), card.ID)
			lines, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
			require.NoError(t, err)
			require.Len(t, lines, int(card.Total)+1)
		}
		status, _, body := c.raw(page.Data.Cards[0].Exports[1].Link)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "PAR1", string(body[:4]))
	})
}

func TestOptionsCountUnderTheOtherFilters(t *testing.T) {
	t.Parallel()
	c := duck(t)
	data := get[semantic.DimensionData](c, "/api/v1/dimensions/status?range=all&program=577&status=nonsense")
	require.Equal(t, "nonsense", data.Data.Options[0].Value, "what is selected never vanishes")
	require.True(t, data.Data.Options[0].Selected)
	require.Greater(t, len(data.Data.Options), 3)
	for _, o := range data.Data.Options[1:] {
		page := get[semantic.PageData](c, "/api/v1/pages/overview?range=all&program=577&card=claims&status="+o.Value)
		require.Equal(t, o.Rows, page.Data.Rows, o.Value)
	}
}

func TestMoneyOfTwoCurrenciesIsRefused(t *testing.T) {
	t.Parallel()
	c := duck(t)
	p := c.problem("/api/v1/pages/overview?currency=KES&currency=USD", http.StatusUnprocessableEntity)
	require.Equal(t, []string{"KES", "USD"}, p.Values)
	require.Contains(t, p.Hint, "currency=KES")
}

func TestWhatCannotBeUnderstoodIsSaid(t *testing.T) {
	t.Parallel()
	c := duck(t)
	for _, bad := range []string{
		"range=soon", "from=2019-13-01", "from=2019-02-01&to=2019-01-01", "program=abc", "undated=maybe", "vs=never",
		"program>=is:null",
	} {
		p := c.problem("/api/v1/pages/overview?"+bad, http.StatusBadRequest)
		require.NotEmpty(t, p.Detail, bad)
	}
	page := get[semantic.PageData](c, "/api/v1/pages/overview?colour=red&product=1")
	require.Len(t, page.Meta.Notices, 1)
	require.Contains(t, page.Meta.Notices[0], "colour")
	require.Equal(t, []string{"product"}, page.Meta.Filters.Ignored)
	require.Contains(t, c.problem("/api/v1/pages/overvew", http.StatusNotFound).Hint, "overview")
	require.Contains(t, c.problem("/api/v1/tables/core.claim", http.StatusNotFound).Hint, "core.claims")
}

func TestDecimalsAreTextAndCountsAreNumbers(t *testing.T) {
	t.Parallel()
	c := duck(t)
	_, _, body := c.raw("/api/v1/tables/core.claims/rows?limit=5&sort=id&fields=id,amount,currency,date_created")
	var answer struct {
		Data struct{ Rows [][]json.RawMessage }
	}
	require.NoError(t, json.Unmarshal(body, &answer))
	for _, row := range answer.Data.Rows {
		require.NotEqual(t, byte('"'), row[0][0])
		require.Regexp(t, `^("-?\d+\.\d{4}"|null)$`, string(row[1]))
		require.Regexp(t, `^("\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"|null)$`, string(row[3]))
	}
}
