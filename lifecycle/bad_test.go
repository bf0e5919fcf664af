package lifecycle_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/warehouse/warehousetest"
)

func TestMain(m *testing.M) {
	warehousetest.Draws(6, 400)
	os.Exit(m.Run())
}

func TestEveryGeneratedColumnIsDescribed(t *testing.T) {
	t.Parallel()
	p, err := load(t, files("UTC", shop))
	require.NoError(t, err)
	made := 0
	for _, m := range p.Models {
		if !m.Generated {
			continue
		}
		made++
		require.NotEmpty(t, m.Description, m.Name)
		require.NotEmpty(t, m.Grain, m.Name)
		require.NotEmpty(t, m.Columns, m.Name)
		for _, c := range m.Columns {
			require.NotEmpty(t, c.Description, "%s.%s", m.Name, c.Name)
		}
	}
	require.Equal(t, 8, made)
}

func TestABadLifecycleIsRefusedWithItsPlaceAndAHint(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ old, by, what, try string }{
		"unknown state": {"state: sent, at", "state: snt, at", `names the state "snt", which is not declared`, "sent"},
		"unknown next":  {"next: [back]", "next: [bak]", `next of "sent" names the state "bak"`, "back"},
		"unreachable state": {
			"  back: {open: true}", "  back: {open: true, previous: []}", `no record can come to the state "back"`,
			"initial: true",
		},
		"open and decided": {
			"sent: {decided: true", "sent: {open: true, decided: true", `state "sent" is open and settled at once`,
			"open: true, or",
		},
		"two activities of one name": {"  paid: {at: paid_at", "  placed: {at: paid_at", `"placed" already defined`, "colons"},
		"two columns of one name": {
			"  paid: {at: paid_at", "  paid: {as: date_placed, at: paid_at",
			`two activities have the column "date_placed"`, "as:",
		},
		"leg over an unknown step":   {"[placed, paid]}", "[placed, payd]}", `leg "to_payment" names "payd", which is not an activity`, "paid"},
		"leg of one step":            {"[placed, paid]}", "[placed]}", `has not two activities`, "[created, decided]"},
		"level of no leg":            {"to_payment: 2d", "to_paymnt: 2d", `a service level of "to_paymnt", which is not a leg`, "legs:"},
		"no length of time":          {"to_payment: 2d", "to_payment: two", `"two" is not a number of days`, "14d"},
		"unknown model":              {"ref('orders')", "ref('order')", `"order", which is not a model`, "orders"},
		"no reference":               {"ref('orders')", "orders", `"orders" is not a reference to a model`, "ref("},
		"unknown parent":             {"customer.region_id", "custmer.region_id", `the parent "custmer", which is not declared`, "customer"},
		"unknown child":              {"max(scan.id)", "max(scn.id)", `the child "scn", which is not declared`, "scan"},
		"count of a column":          {"count(scan)", "count(scan.id)", `count takes a child`, "count(invoice)"},
		"activity of no child":       {"each: scan", "each: scam", `is of each "scam", which is not a child`, "scan"},
		"activity without a time":    {"placed: {at: placed_at}", "placed: {}", `does not say when it happened`, "at:"},
		"bad basis":                  {"basis: proxy", "basis: guess", `basis "guess"`, "basis: proxy"},
		"counters by a stranger":     {"by: [region, customer]", "by: [region, custmer]", `by "custmer", which is not related`, "customer"},
		"sum of no measure":          {"sent_amount: amount", "sent_amount: amont", `adds up "amont", which is not a measure`, "amount"},
		"backlog of an unknown step": {"enter: [paid, placed]", "enter: [padi, placed]", `backlog names "padi"`, "paid"},
		"ages that do not ascend":    {"ages: [7d, 28d]", "ages: [28d, 7d]", `do not ascend`, "ages: [7d"},
		"unknown key":                {"key: id", "kee: id", `unknown key "kee"`, "key"},
		"unknown key of an activity": {"at: placed_at}", "at: placed_at, wen: {}}", `unknown key "wen"`, "when"},
		"no name":                    {"lifecycle: order", "lifecycle: 1 order", `"1 order" is not a name`, "a_name"},
		"neither of the two":         {"lifecycle: order\n", "", `neither a lifecycle nor a stream`, "begin with"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := files("UTC", strings.Replace(shop, c.old, c.by, 1))
			require.NotEqual(t, shop, all["lifecycles/order.yml"])
			_, err := load(t, all)
			var problem *change.Problem
			require.ErrorAs(t, err, &problem)
			require.ErrorContains(t, problem.Err, c.what)
			require.Contains(t, problem.Where, fmt.Sprintf("lifecycles/order.yml:%d:", 1+strings.Count(shop[:strings.Index(shop, c.old)], "\n")))
			require.Contains(t, problem.Try, c.try)
			require.Equal(t, change.ClassUsage, problem.Class)
		})
	}
}

func TestNamesThatAreTakenAndStrangersInAStreamAreRefused(t *testing.T) {
	t.Parallel()
	f := func(name, text, what string) {
		t.Helper()
		all := files("UTC", shop)
		all[name] = text
		_, err := load(t, all)
		require.ErrorContains(t, err, what)
	}
	f("models/fct_order_activity.sql", "select 1 as id", "the table fct_order_activity is made here and by models/fct_order_activity.sql")
	f("lifecycles/again.yml", shop, `there are two lifecycles "order"`)
	f("lifecycles/all.yml", "stream: s\nof: [ordr]\nactors: region\n", `stream s is of "ordr", which is not a lifecycle`)
	f("lifecycles/all.yml", "stream: s\nof: [order]\nactors: regin\n", `the actor "regin", which lifecycle order is not related to`)
	f("lifecycles/all.yml", "stream: s\nof: [order]\n", `a stream says of which lifecycles and for whom`)
}

// A milestone more is one line in one file.
func TestOneLineMoreIsAMilestoneMore(t *testing.T) {
	t.Parallel()
	p, err := load(t, files("UTC", strings.Replace(shop, "legs:", "  returned: {state: back, at: changed_at, basis: proxy}\nlegs:", 1)))
	require.NoError(t, err)
	require.Contains(t, p.Model("fct_order_activity").SQL, "'returned' as activity")
	flat := p.Model("dim_order_lifecycle")
	for _, name := range []string{"date_returned", "date_returned_last", "returned_count", "date_returned_basis", "lag_returned_seconds"} {
		found := false
		for _, c := range flat.Columns {
			found = found || c.Name == name
		}
		require.True(t, found, name)
	}
}
