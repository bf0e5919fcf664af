package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/trace"
	"lifeline/warehouse"
)

// chain is what trace says of a row, with rows as their JSON.
type chain struct {
	Steps []struct {
		Table, Via string
		Row        map[string]any
	}
	Repairs  []trace.Repair
	History  []trace.Past
	Runs     []trace.Run
	Parents  []trace.Related
	Children []trace.Related
	MadeOf   []trace.Related `json:"made_of"`
	Note     string
}

func traced(t *testing.T, flags []string, table string, key any) chain {
	t.Helper()
	o := lifeline(t, append([]string{"trace", "--json", table, fmt.Sprint(key)}, flags...)...)
	require.Zero(t, o.code, o.errors)
	var c chain
	require.NoError(t, json.Unmarshal([]byte(o.out), &c), o.out)
	return c
}

func (c chain) tables() string {
	var out []string
	for _, s := range c.Steps {
		out = append(out, s.Table)
	}
	return strings.Join(out, " < ")
}

// fileRow is a row of a CSV file of the source, by the lower-case names of its columns.
func fileRow(t *testing.T, dir, file, key string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, file))
	require.NoError(t, err)
	r := csv.NewReader(strings.NewReader(string(text)))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	rows, err := r.ReadAll()
	require.NoError(t, err)
	for _, row := range rows[1:] {
		if row[0] == key {
			out := map[string]string{}
			for i, name := range rows[0] {
				out[strings.ToLower(strings.Trim(name, "\ufeff\r "))] = row[i]
			}
			return out
		}
	}
	return nil
}

func TestARowIsTracedToTheLineOfTheFileItCameFrom(t *testing.T) {
	t.Parallel()
	dir := smallSample(t)
	onEveryEngine(t, func(t *testing.T, dsn string) {
		flags := at(carepay, "csv:"+dir, dsn)
		firstRun(t, flags)
		for _, where := range []string{
			"currency_basis = 'repaired'", "date_created_basis = 'missing'", "status_basis = 'source' and amount > 0",
			"status_basis = 'repaired'",
		} {
			rows := query(t, flags, fmt.Sprintf("select id, treatment_id from core.claims where %s order by id limit %d", where, 2/oneIn(2, dsn)))
			for _, row := range rows {
				id := fmt.Sprintf("%.0f", row["id"])
				c := traced(t, flags, "analytics.dim_claims_lifecycle", id)
				require.Equal(t, "analytics.dim_claims_lifecycle < core.claims < staging.claim", c.tables(), where)
				line := fileRow(t, dir, "claims.csv", id)
				for _, r := range c.Repairs {
					raw := strings.TrimRight(line[r.Column], "\r")
					switch {
					case r.Raw == nil:
						require.Contains(t, []string{"", "NULL"}, raw, "%s of %s", r.Column, id)
					case strings.HasPrefix(r.Column, "date") || r.Column == "amount":
						require.True(t, strings.HasPrefix(raw, *r.Raw) || strings.HasPrefix(*r.Raw, raw), "%s of %s: %q, %q", r.Column, id, raw, *r.Raw)
					default:
						require.Equal(t, raw, strings.TrimRight(*r.Raw, "\r"), "%s of %s", r.Column, id)
					}
				}
				require.Len(t, c.Runs, 1)
				require.Equal(t, "published", *c.Runs[0].Status)
				require.Empty(t, c.History)
				require.Equal(t, []trace.Related{{
					Table: "core.treatments", Column: "treatment_id", Rows: 1,
					Keys: []string{fmt.Sprintf("%.0f", row["treatment_id"])},
				}}, c.Parents)
			}
		}
		// Of a treatment's claims and invoices, as a join counts them.
		row := query(t, flags, `select t.id, count(distinct c.id) as claims, count(distinct i.id) as invoices from core.treatments as t
			join core.claims as c on c.treatment_id = t.id
			join core.invoices as i on i.treatment_id = t.id group by t.id order by claims desc, t.id limit 1`)[0]
		related := map[string]int64{}
		for _, r := range traced(t, flags, "dim_treatments", fmt.Sprintf("%.0f", row["id"])).Children {
			related[r.Table] = r.Rows
		}
		require.Equal(t, map[string]int64{"core.claims": int64(row["claims"].(float64)), "core.invoices": int64(row["invoices"].(float64))},
			related)
		requireEveryTableTraced(t, flags, oneIn(4, dsn))
	})
}

// requireEveryTableTraced traces a row of each published table that has a key of one column to where it must lead.
func requireEveryTableTraced(t *testing.T, flags []string, few int) {
	t.Helper()
	leads := map[string]string{
		"analytics.fct_claims_activity": "core.claims < staging.claim", "analytics.fct_invoices_activity": "core.invoices < staging.invoice",
		"analytics.fct_invoice_items_activity": "core.invoice_items < staging.invoice_item",
		"analytics.fct_treatments_activity":    "core.treatments < staging.treatment",
		"analytics.dim_claims":                 "core.claims < staging.claim", "analytics.dim_invoices": "core.invoices < staging.invoice",
		"analytics.dim_invoice_items": "core.invoice_items < staging.invoice_item",
		"analytics.dim_treatments":    "core.treatments < staging.treatment",
		"analytics.kpi_claims":        "core.claims < staging.claim", "analytics.kpi_cases": "core.treatments < staging.treatment",
		"core.invoice_items": "staging.invoice_item", "analytics.dim_programs": "", "analytics.dim_providers": "",
	}
	for i, table := range slices.Sorted(maps.Keys(leads)) {
		if i%few != 0 {
			continue
		}
		want, key := leads[table], "id"
		switch table {
		case "analytics.kpi_claims":
			key = "claim_id"
		case "analytics.kpi_cases":
			key = "treatment_id"
		}
		row := query(t, flags, fmt.Sprintf("select cast(min(%s) as varchar) as k from %s", key, table))[0]
		c := traced(t, flags, table, row["k"])
		require.Equal(t, strings.TrimSuffix(table+" < "+want, " < "), c.tables())
		if want == "" {
			id := table[len("analytics.dim_"):len(table)-1] + "_id"
			n := query(t, flags, fmt.Sprintf("select count(*) as n from core.treatments where %s = %s", id, row["k"]))[0]["n"]
			i := slices.IndexFunc(c.MadeOf, func(r trace.Related) bool { return r.Table == "core.treatments" })
			require.EqualValues(t, n, c.MadeOf[i].Rows, table)
		}
	}
}

func TestATraceTellsEarlierVersionsAndWhereMissingRowsAre(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, dsn string) {
		dir := copyOf(t, smallSample(t))
		flags := at(carepay, "csv:"+dir, dsn)
		refused := func(says, try string, args ...string) {
			t.Helper()
			o := lifeline(t, append(append([]string{"trace"}, args...), flags...)...)
			require.Equal(t, 2, o.code, o.errors)
			require.Contains(t, o.errors, says)
			require.Contains(t, o.errors, "Try: "+try)
		}
		o := lifeline(t, append([]string{"trace", "core.claims", "1"}, flags...)...)
		require.NotZero(t, o.code)
		require.Contains(t, o.errors, "nothing is published yet")
		require.Contains(t, o.errors, "Try: lifeline run")

		firstRun(t, flags)
		path := filepath.Join(dir, "claims.csv")
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		lines := splitLines(string(text))
		keys := query(t, flags, "select cast(id as varchar) as id from core.claims where amount > 0 order by id desc limit 2")
		changed, gone := keys[0]["id"].(string), keys[1]["id"].(string)
		was := fileRow(t, dir, "claims.csv", changed)["amount"]
		for i := len(lines) - 1; i > 0; i-- {
			switch key, _, _ := strings.Cut(lines[i], ","); strings.Trim(key, `"`) {
			case changed:
				lines[i] = changeAmount(lines[i], "12.3400")
			case gone:
				lines = slices.Delete(lines, i, i+1)
			}
		}
		require.NoError(t, os.WriteFile(path, []byte(joinLines(lines)), 0o600))
		report(t, 0, append([]string{"run"}, flags...)...)

		c := traced(t, flags, "claims", changed)
		require.Equal(t, "core.claims < staging.claim", c.tables())
		require.Len(t, c.History, 1)
		require.Len(t, c.History[0].Changes, 1)
		require.Equal(t, "amount", c.History[0].Changes[0].Column)
		requireNumber(t, was, *c.History[0].Changes[0].Was, "amount before")
		require.Equal(t, "12.3400", *c.History[0].Changes[0].Became)
		require.Equal(t, "2", c.Runs[0].ID)

		refused("core.claims has no row "+gone+": it has gone from the source", "lifeline query", "core.claims", gone)
		aside := query(t, append(flags, "--books"),
			"select key from quarantine.rows where table_name = 'claim' and state = 'quarantined' order by key limit 1")[0]["key"].(string)
		refused("core.claims has no row "+aside+": it is in quarantine (quarantined)", "lifeline quarantine show "+aside+" --table claim",
			"core.claims", aside)
		if oneIn(2, dsn) > 1 {
			return
		}
		refused("core.claims has no row 999999999", "lifeline query", "core.claims", "999999999")
		refused("core.claims has no row x'y", "lifeline query", "core.claims", "x'y")
		refused(`there is no table "core.claim"`, "lifeline trace core.claims KEY", "core.claim", "1")
		refused(`there is no table "dim_treatment"`, "lifeline trace analytics.dim_treatments KEY", "dim_treatment", "1")
		refused("which row of core.claims?", "lifeline trace core.claims KEY", "core.claims")
		refused("told apart by 4 columns", `lifeline trace analytics.kpi_daily "day,program_id,provider_id,currency"`, "kpi_daily", "1")
		refused(`--month "March" is not a month`, "--month 2019-03", "KPI-01", "--month", "March")
		refused("kpi_01_approval_rate has no such figure", "lifeline trace kpi_01_approval_rate", "KPI-01", "--month", "1999-03")
		refused(`there is no table "kpi_01_aproval_rate"`, "lifeline trace kpi_01_approval_rate", "kpi_01_aproval_rate")
		refused("it is in quarantine (quarantined)", "lifeline quarantine show "+aside, "dim_claims_lifecycle", aside)

		day := query(t, flags, "select cast(day as varchar) as d, program_id as p, provider_id as o from analytics.kpi_daily where currency is "+
			"null and provider_id is not null and program_id is not null order by 1, 2, 3 limit 1")[0]
		c = traced(t, flags, "kpi_daily", fmt.Sprintf("%s,%.0f,%.0f,", day["d"], day["p"], day["o"]))
		require.Equal(t, "analytics.kpi_daily", c.tables())
		require.Contains(t, c.Note, "made of many")
	})
}

func TestFoodDeliveryIsTracedToo(t *testing.T) {
	t.Parallel()
	flags := at(foodProject, "csv:"+foodFiles(t), duckAt(t, "food"))
	firstRun(t, flags)
	for table, want := range map[string]string{
		"analytics.dim_orders order_id": "core.orders < staging.orders", "analytics.fact_order_activity id": "core.orders < staging.orders",
		"core.tips id": "staging.tips", "core.order_events id": "staging.order_events",
	} {
		name, key, _ := strings.Cut(table, " ")
		c := traced(t, flags, name, query(t, flags, fmt.Sprintf("select cast(min(%s) as varchar) as k from %s", key, name))[0]["k"])
		require.Equal(t, name+" < "+want, c.tables())
	}
}

func TestATraceDuringARunEndsAtCoreAndSaysSo(t *testing.T) {
	t.Parallel()
	dsn := duckAt(t, "busy")
	flags := at(carepay, "csv:"+smallSample(t), dsn)
	firstRun(t, flags)
	w, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn})
	require.NoError(t, err)
	defer w.Close()
	r, err := w.Begin(t.Context(), warehouse.Holder{Command: "run"}, 0)
	require.NoError(t, err)
	key := query(t, flags, "select cast(min(id) as varchar) as k from core.claims")[0]["k"]
	c := traced(t, flags, "dim_claims", key)
	require.Equal(t, "analytics.dim_claims < core.claims", c.tables())
	require.Contains(t, c.Note, "a run is writing staging and history")
	require.NoError(t, r.Close(t.Context()))
	require.Equal(t, "analytics.dim_claims < core.claims < staging.claim", traced(t, flags, "dim_claims", key).tables())
}
