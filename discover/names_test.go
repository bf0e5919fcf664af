package discover

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNamesOfAnyStyleAreTakenApart(t *testing.T) {
	t.Parallel()
	c := &Catalog{Tables: []*Table{{Name: "tickets"}, {Name: "appointments"}}}
	v := newVocabulary(c)
	for name, want := range map[string]string{
		"order_id": "order id", "OrderID": "order id", "orderIds": "order id", "id_order": "id order", "OrderLineItems": "order line item",
		"HTTPStatus": "http status",
		"closedate":  "close date", "isactive": "is active", "lastupdate": "last update", "apptstatus": "appt status",
		"order-lines": "order line", "Bestell Nr": "bestell nr",
		"candidate": "candidate", "username": "username", "address1": "address 1", "statuses": "status", "companies": "company",
		"submittedon_userid": "submitted on user id", "lastmodifiedby": "last modified by", "format": "format",
		"person": "person", "season": "season", "heartbeat": "heartbeat",
		"people": "person", "news": "news", "paid": "paid",
	} {
		require.Equal(t, want, strings.Join(v.words(name), " "), name)
	}
}

func TestAKeyIsNamedInManyWays(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		marked bool
		stem   string
	}{
		"customer id": {true, "customer"}, "id customer": {true, "customer"}, "user id tech": {true, "user"}, "person a": {false, "person"},
		"status": {false, "status"}, "emp no": {true, "emp"},
	} {
		marked, stem, _ := keyParts(strings.Fields(name))
		require.Equal(t, want.marked, marked, name)
		require.Equal(t, want.stem, strings.Join(stem, " "), name)
	}
}

func TestStatesSayWhatTheyMean(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Meaning{
		"Not Held": Void, "Held": Decided, "Closed Lost": Void, "Closed Won": Decided, "In Process": Open, "pending_payment": Open,
		"Canceled":         Void,
		"payment accepted": Open, "Shipped": Decided, "wc-pending": Open, "4": Unknown, "*": Unknown, "Unpaid": Open, "Paid": Decided,
		"not started": Open,
	} {
		require.Equal(t, want, meansBy(name), name)
	}
}

func TestNamesForEngines(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"order": "order_", "Order Lines": "order_lines", "2fa": "c_2fa", "größe": "gr_e", "_op": "c_op", "日本": "c", "a-b.c": "a_b_c",
	} {
		require.Equal(t, want, safe(name), name)
	}
	require.Equal(t, `"order"`, staged("Order"))
	require.Equal(t, `"order-lines"`, staged("order-lines"))
	require.Equal(t, "customer_id", staged("Customer_ID"))
}

func TestStagingKeepsTheSourcesNames(t *testing.T) {
	t.Parallel()
	n := namer{}
	var got []string
	for _, name := range []string{"user", "Order", "my-table", "USER", "2nd one", "größe"} {
		got = append(got, n.staged(name))
	}
	require.Equal(t, []string{"user", "order", "my_table", "user_", "c_2nd_one", "gr_e"}, got)
}
