package lifecycle_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lifeline/model"
)

// times is how often something is tried: less in every run of the tests, in full by make soak.
func times(small, full int) int {
	if os.Getenv("LIFELINE_SOAK") != "" {
		return full
	}
	return small
}

const (
	factColumns = `id, dim_order_id, activity_status, activity_date, basis, from_state, to_state, occurrence, next_activity_date, position,
		dim_customer_id, dim_region_id, cast(amount as varchar) as amount, currency`
	lifeColumns = `dim_order_id, status, dim_customer_id, dim_region_id, dim_last_scan_id, scans_total, status_since, status_since_basis,
		date_placed, date_placed_last, placed_count, date_placed_basis, date_paid, date_paid_last, paid_count, date_paid_basis,
		date_sent, date_sent_last, sent_count, date_sent_basis, date_scanned, date_scanned_last, scanned_count, date_scanned_basis,
		lag_sent_seconds, to_payment_seconds, to_payment_in_time`
	stayColumns = "dim_order_id, state, from_time, to_time, seconds, is_current"
	waitColumns = "cast(as_of_date as varchar), state, dim_region_id, currency, age_bucket, records, cast(amount as varchar) as amount, " +
		"records_without_amount"
	countColumns = `dim_region_id, orders_total, orders_last_7_days, orders_last_28_days, orders_undated,
		sent_orders_total, sent_orders_last_7_days, sent_orders_last_28_days, sent_orders_undated, sent_amount_currency,
		cast(sent_amount_total as varchar) as a, cast(sent_amount_last_7_days as varchar) as b,
		cast(sent_amount_last_28_days as varchar) as c, sent_orders_without_amount,
		scans_total, scans_last_7_days, scans_last_28_days, scans_undated`
)

var zones = []string{"Africa/Nairobi", "Africa/Lagos", "Europe/Amsterdam", "UTC"}

func TestEveryTableIsWhatPlainLoopsFind(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e engine) {
		for round := range times(2, 10) {
			zone := zones[round%len(zones)]
			p, err := load(t, files(zone, shop))
			require.NoError(t, err)
			rapid.Check(t, func(rt *rapid.T) {
				if !rapid.Bool().Draw(rt, "go") && testing.Short() {
					return
				}
				w := newWorld(rapid.Uint64().Draw(rt, "seed"), 60, zone)
				w.fill(t, e, 1)
				g := e.build(t, p, w.asOf.Format(time.DateTime))
				equal := func(want []string, columns, table string) {
					require.Equal(rt, strings.Join(want, "\n"), strings.Join(e.rows(t, "select "+columns+" from analytics."+table), "\n"), table)
				}
				equal(w.facts(), factColumns, "fct_order_activity")
				equal(w.lives(), lifeColumns, "dim_order_lifecycle")
				equal(w.intervals(), stayColumns, "fct_order_states")
				equal(w.backlog(), waitColumns, "fct_order_backlog_daily")
				for _, check := range p.Tests {
					if strings.HasPrefix(check.Name, "flattened_") || strings.HasPrefix(check.Name, "one_present_") {
						sql, err := g.CompileTest(check, model.Env{Relation: relation})
						require.NoError(rt, err)
						require.Empty(rt, e.rows(t, sql), check.Name)
					}
				}
			})
		}
	})
}

func TestCountersAreWhatPlainLoopsFindAtAnyInstant(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e engine) {
		p, err := load(t, files("Africa/Lagos", shop))
		require.NoError(t, err)
		w := newWorld(7, 300, "Africa/Lagos")
		w.fill(t, e, 1)
		pairs := 0
		rapid.Check(t, func(rt *rapid.T) {
			// An instant at an edge of a window of some record, or near it.
			o := w.orders[rapid.IntRange(0, len(w.orders)-1).Draw(rt, "order")]
			asOf := w.asOf
			if o.placed != nil {
				asOf = o.placed.AddDate(0, 0, []int{0, 7, 28}[rapid.IntRange(0, 2).Draw(rt, "window")]).Add(time.Duration(rapid.IntRange(-1, 1).Draw(rt,
					"beside")) * time.Microsecond)
			}
			e.build(t, p, asOf.Format("2006-01-02 15:04:05.999999"))
			var want []string
			for region := range 3 {
				if line := w.counted(region, asOf); line != "" {
					want = append(want, line)
				}
			}
			pairs += len(want)
			require.Equal(rt, want, e.rows(t, "select "+countColumns+" from analytics.cnt_order_by_region"), asOf)
		})
		t.Logf("%d pairs of actor and instant", pairs)
	})
}

// A quiet provider's counters go down by themselves: nothing of seven days on day eight, nothing of twenty-eight on day twenty-nine.
func TestQuietCountersDecay(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e engine) {
		for _, zone := range []string{"Africa/Nairobi", "Africa/Lagos"} {
			p, err := load(t, files(zone, shop))
			require.NoError(t, err)
			w := newWorld(1, 0, zone)
			midnight := time.Date(2024, 3, 1, 0, 0, 0, 0, w.zone)
			w.scans = nil
			w.orders = []*order{{id: 1, status: "new", customer: new(1), placed: new(midnight.UTC())}}
			w.fill(t, e, 1)
			for day, want := range map[int]string{1: "1|1|1", 7: "1|1|1", 8: "1|0|1", 28: "1|0|1", 29: "1|0|0"} {
				// The end of the day-th day that begins with the order's midnight.
				e.build(t, p, midnight.AddDate(0, 0, day).UTC().Format(time.DateTime))
				require.Equal(t, []string{want}, e.rows(t,
					"select orders_total, orders_last_7_days, orders_last_28_days from analytics.cnt_order_by_region"), "%s, day %d", zone, day)
			}
		}
	})
}

func TestAnyOrderOfRowsGivesTheSameTables(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e engine) {
		p, err := load(t, files("Africa/Nairobi", shop))
		require.NoError(t, err)
		w := newWorld(3, 200, "Africa/Nairobi")
		tables := []string{
			"order_changes", "fct_order_activity", "dim_order_lifecycle", "fct_order_states", "fct_order_backlog_daily",
			"cnt_order_by_customer", "fct_all",
		}
		first := map[string]string{}
		for shuffle := range times(5, 100) {
			w.fill(t, e, uint64(shuffle))
			e.build(t, p, w.asOf.Format(time.DateTime))
			for _, table := range tables {
				digest := e.digest(t, "analytics."+table)
				if shuffle == 0 {
					first[table] = digest
				}
				require.Equal(t, first[table], digest, "%s, shuffle %d", table, shuffle)
			}
		}
	})
}

func TestEachIllegalStepIsFlagged(t *testing.T) {
	t.Parallel()
	legal := map[string][]string{
		"new": {"paid", "cancelled"}, "paid": {"sent", "back", "cancelled"}, "sent": {"back"}, "back": {"paid", "sent", "cancelled"},
		"cancelled": nil,
	}
	engines(t, func(t *testing.T, e engine) {
		p, err := load(t, files("Africa/Nairobi", shop))
		require.NoError(t, err)
		w := newWorld(1, 0, "Africa/Nairobi")
		want := 0
		for id := 1; want < 500; id++ {
			from, to := statuses[id%5], statuses[id/5%5]
			o := &order{id: id, status: to, since: w.asOf.Add(-time.Hour)}
			o.versions = []version{{state: from, from: w.asOf.Add(-2 * time.Hour), to: o.since, op: "update", basis: "binlog"}}
			w.orders = append(w.orders, o)
			if from != to && !strings.Contains(" "+strings.Join(legal[from], " ")+" ", " "+to+" ") {
				want++
			}
		}
		w.fill(t, e, 1)
		g := e.build(t, p, w.asOf.Format(time.DateTime))
		require.Equal(t, "warn", checkOf(t, p, "legal_transition_of_order").Severity)
		require.Len(t, e.failing(t, p, g, "legal_transition_of_order"), 500)
	})
}

// A state that nobody declared is in no backlog and in no rate, so the run says that it is there.
func TestARecordWithoutADeclaredStateIsReported(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e engine) {
		p, err := load(t, files("UTC", shop))
		require.NoError(t, err)
		w := newWorld(1, 20, "UTC")
		w.fill(t, e, 1)
		e.exec(t, "update raw.orders set status = null where id = 3")
		e.exec(t, "update raw.orders set status = 'lost' where id = 5")
		g := e.build(t, p, w.asOf.Format(time.DateTime))
		require.Equal(t, "warn", checkOf(t, p, "declared_state_of_order").Severity)
		want := e.rows(t, "select id, status from raw.orders where id in (3, 5)")
		require.NotEmpty(t, want)
		require.Equal(t, want, e.failing(t, p, g, "declared_state_of_order"))
	})
}

// One event stands in the stream once for each one concerned, and once for the case.
func TestAStreamHasARowForEachOneConcerned(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e engine) {
		p, err := load(t, files("UTC", shop))
		require.NoError(t, err)
		w := newWorld(5, 100, "UTC")
		w.fill(t, e, 1)
		e.build(t, p, w.asOf.Format(time.DateTime))
		var customers, regions int
		events := w.events()
		for _, ev := range events {
			if ev.order.customer != nil {
				customers++
			}
			if w.region(ev.order) != nil {
				regions++
			}
		}
		require.Equal(t, []string{fmt.Sprintf("customer|%d", customers), fmt.Sprintf("order|%d", len(events)), fmt.Sprintf("region|%d", regions)},
			e.rows(t, "select actor, count(*) from analytics.fct_all group by actor"))
	})
}
