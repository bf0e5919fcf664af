package lifecycle_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
)

// tickets is a business as applications keep it: states by number, dates without a time, a log of its own, money on the lines.
const tickets = `lifecycle: order
from: ref('orders')
key: id
state: status
states:
  new: {codes: [1], label: "wc-new", open: true, initial: true}
  paid: {codes: [2, 20], open: true}
  sent: {codes: [3], label: Canceled Reversal, decided: true}
log: {from: ref('order_versions'), key: order_id, id: entry_id, at: happened_at, state: to_state, when: {kind: status}}
children:
  line: {from: ref('scans'), key: order_id}
related: {customer: customer_id, region: customer_id}
measures:
  total: {column: sum(line.price), currency: line.currency}
  fee: {column: fee, currency: KES}
activities:
  placed: {at: placed_on, to: new}
  paid: {state: paid}
  sent: {at: sent_on}
backlog: {enter: [placed], leave: sent, ages: [7d]}
counters: {by: customer, count: {orders: {activity: placed, sum: {order_total: total}}}}
`

func TestTheSourcesOwnLogTellsEveryState(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e engine) {
		p, err := load(t, files("UTC", tickets))
		require.NoError(t, err)
		e.exec(t, "drop schema if exists raw cascade")
		e.exec(t, "create schema raw")
		e.exec(t, "create table raw.customers (id bigint, region_id bigint)")
		e.exec(t, "create table raw.orders (id bigint, status integer, customer_id bigint, fee numeric(10, 2), "+
			"placed_on timestamp, sent_on date)")
		e.exec(t, "create table raw.scans (id bigint, order_id bigint, price numeric(10, 2), currency varchar)")
		e.exec(t, "create table raw.order_versions (entry_id bigint, order_id bigint, kind varchar, to_state integer, happened_at timestamp)")
		e.exec(t, `insert into raw.orders values
			(1, 3, 7, 1.50, timestamp '2024-05-01 10:00:00', date '2024-05-04'),
			(2, 20, 7, null, timestamp '2024-05-02 10:00:00', null),
			(3, 1, 8, null, timestamp '2024-05-03 10:00:00', null),
			(4, 2, 8, null, timestamp '2024-05-04 10:00:00', null),
			(5, 9, null, null, null, null)`)
		// Order 1: its first entry is the placing itself, in the same second; a remark repeats a state; 2 begins with the step after the
		// placing, in the same second; 3 has no entry; the log of 4 misses its last change.
		e.exec(t, `insert into raw.order_versions values
			(1, 1, 'status', 1, timestamp '2024-05-01 10:00:00'),
			(2, 1, 'status', 2, timestamp '2024-05-01 11:00:00'),
			(3, 1, 'status', 2, timestamp '2024-05-01 12:00:00'),
			(4, 1, 'mail', 1, timestamp '2024-05-01 13:00:00'),
			(5, 1, 'status', 3, timestamp '2024-05-03 09:00:00'),
			(6, 2, 'status', 20, timestamp '2024-05-02 10:00:00'),
			(7, 4, 'status', 1, timestamp '2024-05-04 10:00:00')`)
		e.exec(t, `insert into raw.scans values (1, 1, 10.00, 'KES'), (2, 1, 5.25, 'KES'), (3, 2, 1.00, 'KES'), (4, 2, 1.00, 'USD'), (5, 9, 1.00,
			'KES')`)
		g := e.build(t, p, "2024-05-06 00:00:00")

		require.Equal(t, []string{
			"1|new|placed|2024-05-01 10:00:00|column|1", "1|paid|paid|2024-05-01 11:00:00|column|1", "1|sent|sent|2024-05-03 09:00:00|column|1",
			"2|new|placed|2024-05-02 10:00:00|column|1", "2|paid|paid|2024-05-02 10:00:00|column|1",
			"3|new|placed|2024-05-03 10:00:00|column|1", "4|new|placed|2024-05-04 10:00:00|column|1",
		}, e.rows(t, `select dim_order_id, coalesce(to_state, 'null'), activity_status, cast(activity_date as varchar), basis, occurrence
			from analytics.fct_order_activity`))
		require.Equal(t, []string{
			"1|sent|2024-05-03 09:00:00|15.2500|KES|1.50|2024-05-01 11:00:00",
			"2|paid|2024-05-02 10:00:00|null|null|null|2024-05-02 10:00:00",
			"3|new|2024-05-03 10:00:00|null|null|null|null",
			"4|paid|null|null|null|null|null",
			"5|9|null|null|null|null|null",
		}, e.rows(t, `select dim_order_id, status, coalesce(cast(status_since as varchar), 'null'), coalesce(cast(total as varchar), 'null'),
				coalesce(currency, 'null'), coalesce(cast(fee as varchar), 'null'), coalesce(cast(date_paid as varchar), 'null')
			from analytics.dim_order_lifecycle`))
		for _, check := range []string{"flattened_order_equals_events", "one_present_state_per_order"} {
			require.Empty(t, e.failing(t, p, g, check))
		}
		require.Equal(t, e.rows(t, "select id, status from raw.orders where id = 5"), e.failing(t, p, g, "declared_state_of_order"))
		require.Equal(t, []string{"2024-05-05|new|0-7|1", "2024-05-05|paid|0-7|1", "2024-05-05|paid|unknown|1"},
			e.rows(t, `select cast(as_of_date as varchar), state, age_bucket, records from analytics.fct_order_backlog_daily
				where as_of_date = date '2024-05-05'`))
	})
}

func TestABadLogIsRefusedWithItsPlaceAndAHint(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ old, by, what string }{
		"no key":            {"key: order_id, id", "id", "the log does not say which of its columns is the key"},
		"no time":           {"at: happened_at, ", "", "the log does not say which of its columns is the at"},
		"unknown model":     {"ref('order_versions'), key", "ref('order_logs'), key", `names "order_logs", which is not a model`},
		"unknown key":       {"state: to_state", "state: to_state, stat: x", `unknown key "stat"`},
		"and a history":     {"log: {", "history: ref('order_versions')\nlog: {", "both tell the same changes"},
		"code of two":       {"codes: [3]", "codes: [2]", `the code "2" is of two states`},
		"no time, no state": {"  paid: {state: paid}", "  mailed: {}", `activity "mailed" does not say when it happened`},
		"child of a sum":    {"sum(line.price)", "sum(lin.price)", `names the child "lin", which is not declared`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(tickets, c.old, c.by, 1)
			require.NotEqual(t, tickets, text)
			_, err := load(t, files("UTC", text))
			var problem *change.Problem
			require.ErrorAs(t, err, &problem)
			require.ErrorContains(t, problem.Err, c.what)
			require.Contains(t, problem.Where, "lifecycles/order.yml:")
			require.NotEmpty(t, problem.Try)
		})
	}
}
