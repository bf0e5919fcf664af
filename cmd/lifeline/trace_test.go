package main

import (
	"context"
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
	return chainOf(t, o.out)
}

func chainOf(t *testing.T, text string) (c chain) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &c), text)
	return c
}

// tracedBy is traced without a process, by a tracer that is open.
func tracedBy(t *testing.T, tracer *trace.Tracer, table string, key any) chain {
	t.Helper()
	n, err := tracer.Node(table)
	require.NoError(t, err)
	found, err := tracer.Trace(t.Context(), n, fmt.Sprint(key))
	require.NoError(t, err)
	var text strings.Builder
	require.NoError(t, writeJSON(&text, found))
	return chainOf(t, text.String())
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
		withTracer(t, carepay, dsn, func(_ context.Context, tracer *trace.Tracer) { requireRowsTraced(t, flags, dir, tracer, oneIn(2, dsn)) })
	})
}

// requireRowsTraced traces rows of every basis to their lines, and to their relatives.
func requireRowsTraced(t *testing.T, flags []string, dir string, tracer *trace.Tracer, few int) {
	t.Helper()
	for _, where := range []string{
		"currency_basis = 'repaired'", "date_created_basis = 'missing'", "status_basis = 'source' and amount > 0",
		"status_basis = 'repaired'",
	} {
		rows := query(t, flags, fmt.Sprintf("select id, treatment_id from core.claims where %s order by id limit %d", where, 2/few))
		for _, row := range rows {
			id := fmt.Sprintf("%.0f", row["id"])
			c := tracedBy(t, tracer, "analytics.dim_claims_lifecycle", id)
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
	for _, r := range tracedBy(t, tracer, "dim_treatments", fmt.Sprintf("%.0f", row["id"])).Children {
		related[r.Table] = r.Rows
	}
	require.Equal(t, map[string]int64{"core.claims": int64(row["claims"].(float64)), "core.invoices": int64(row["invoices"].(float64))},
		related)
	requireEveryTableTraced(t, flags, tracer, few*few)
}

// requireEveryTableTraced traces a row of each published table that has a key of one column to where it must lead.
func requireEveryTableTraced(t *testing.T, flags []string, tracer *trace.Tracer, few int) {
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
		c := tracedBy(t, tracer, table, row["k"])
		require.Equal(t, strings.TrimSuffix(table+" < "+want, " < "), c.tables())
		if want == "" {
			id := table[len("analytics.dim_"):len(table)-1] + "_id"
			n := query(t, flags, fmt.Sprintf("select count(*) as n from core.treatments where %s = %s", id, row["k"]))[0]["n"]
			i := slices.IndexFunc(c.MadeOf, func(r trace.Related) bool { return r.Table == "core.treatments" })
			require.EqualValues(t, n, c.MadeOf[i].Rows, table)
		}
	}
}

// requireNotTraced holds that a trace is refused with what it says and with what to try.
func requireNotTraced(t *testing.T, flags []string, says, try string, args ...string) {
	t.Helper()
	o := lifeline(t, append(append([]string{"trace"}, args...), flags...)...)
	require.Equal(t, 2, o.code, o.errors)
	require.Contains(t, o.errors, says)
	require.Contains(t, o.errors, "Try: "+try)
}

func TestATraceTellsEarlierVersionsAndWhereMissingRowsAre(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, dsn string) {
		dir, aside := spoiledPurchases(t, 1, 6, "XTS")
		flags := at(shop, "csv:"+dir, dsn)
		o := lifeline(t, append([]string{"trace", "core.purchases", "1"}, flags...)...)
		require.NotZero(t, o.code)
		require.Contains(t, o.errors, "nothing is published yet")
		require.Contains(t, o.errors, "Try: lifeline run")

		report(t, 0, append([]string{"run"}, flags...)...)
		lines := purchasesOf(t, dir)
		changed, gone := fieldOf(lines[7], 0), fieldOf(lines[8], 0)
		was := fieldOf(lines[7], 5)
		lines[7] = changeField(lines[7], 5, "12.3400")
		setPurchases(t, dir, slices.Delete(lines, 8, 9))
		report(t, 0, append([]string{"run"}, flags...)...)

		c := traced(t, flags, "purchases", changed)
		require.Equal(t, "core.purchases < staging.purchase", c.tables())
		require.Len(t, c.History, 1)
		require.Len(t, c.History[0].Changes, 1)
		require.Equal(t, "amount", c.History[0].Changes[0].Column)
		requireNumber(t, was, *c.History[0].Changes[0].Was, "amount before")
		require.Equal(t, "12.3400", *c.History[0].Changes[0].Became)
		require.Equal(t, "2", c.Runs[0].ID)

		refused := func(says, try string, args ...string) {
			t.Helper()
			requireNotTraced(t, flags, says, try, args...)
		}
		refused("core.purchases has no row "+gone+": it has gone from the source", "lifeline query", "core.purchases", gone)
		refused("core.purchases has no row "+aside[0]+": it is in quarantine (quarantined)",
			"lifeline quarantine show "+aside[0]+" --table purchase", "core.purchases", aside[0])
		if oneIn(2, dsn) > 1 {
			return
		}
		refused("core.purchases has no row 999999999", "lifeline query", "core.purchases", "999999999")
		refused("core.purchases has no row x'y", "lifeline query", "core.purchases", "x'y")
		refused(`there is no table "core.purchase"`, "lifeline trace core.purchases KEY", "core.purchase", "1")
		refused(`there is no table "dim_purchase"`, "lifeline trace analytics.dim_purchases KEY", "dim_purchase", "1")
		refused("which row of core.purchases?", "lifeline trace core.purchases KEY", "core.purchases")
		refused("it is in quarantine (quarantined)", "lifeline quarantine show "+aside[0], "dim_purchases", aside[0])
	})
}

// requireFiguresRefused asks for figures that are none, and traces a row that is made of many.
func requireFiguresRefused(t *testing.T, flags []string) {
	t.Helper()
	refused := func(says, try string, args ...string) {
		t.Helper()
		requireNotTraced(t, flags, says, try, args...)
	}
	refused("told apart by 4 columns", `lifeline trace analytics.kpi_daily "day,program_id,provider_id,currency"`, "kpi_daily", "1")
	refused(`--month "March" is not a month`, "--month 2019-03", "KPI-01", "--month", "March")
	refused("kpi_01_approval_rate has no such figure", "lifeline trace kpi_01_approval_rate", "KPI-01", "--month", "1999-03")
	refused(`there is no table "kpi_01_aproval_rate"`, "lifeline trace kpi_01_approval_rate", "kpi_01_aproval_rate")
	day := query(t, flags, "select cast(day as varchar) as d, program_id as p, provider_id as o from analytics.kpi_daily where currency is "+
		"null and provider_id is not null and program_id is not null order by 1, 2, 3 limit 1")[0]
	c := traced(t, flags, "kpi_daily", fmt.Sprintf("%s,%.0f,%.0f,", day["d"], day["p"], day["o"]))
	require.Equal(t, "analytics.kpi_daily", c.tables())
	require.Contains(t, c.Note, "made of many")
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
