package main

import (
	"cmp"
	"crypto/md5"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// foodDeed is one thing that somebody did, as plain loops over the CSV files find it; an undated one has no time.
type foodDeed struct {
	row                                            string // Table and number of the row that tells of it.
	kind                                           string
	at                                             time.Time
	deliverer, order, customer, restaurant, region string
	actorDeliverer                                 bool
	amount, currency                               string
}

// id is the deed's identity in the facts: of the row that tells of it, and the column that says when.
func (d foodDeed) id() string {
	column := map[string]string{"orders": "placed_at", "ratings": "rated_at", "tips": "tipped_at"}[strings.Split(d.row, "|")[0]]
	return fmt.Sprintf("%x", md5.Sum([]byte(d.row+"|"+cmp.Or(column, "happened_at"))))
}

// own is the identity of an order's own step in the fact of orders.
func (d foodDeed) own() string {
	return fmt.Sprintf("%x", md5.Sum([]byte("order|"+d.order+"|"+d.kind+"|"+foodStamp(d.at)+"|1")))
}

// foodFacts is what the files of a folder say.
type foodFacts struct {
	tables map[string][]map[string]string
	orders map[string]map[string]string // Those whose customer and restaurant are there, by number.
	deeds  []foodDeed
}

// foodWords are the sources' words for activities and statuses, in small letters with underscores.
var foodWords = map[string]string{
	"accepted": "accept_order", "accept": "accept_order", "deliverer_cancelled": "cancel_order", "deliverer_canceled": "cancel_order",
	"arrived": "arrive_to_restaurant", "arrived_at_restaurant": "arrive_to_restaurant", "picked_up": "picks_up_order",
	"pickedup": "picks_up_order", "dropped_off": "drops_off_order", "drop_off": "drops_off_order", "customer_cancelled": "cancels_order",
	"customer_canceled": "cancels_order", "received": "receives_order", "login": "login", "sign_in": "login",
	"update_account_info": "update_account_info", "available_to_order": "available_to_order", "available_to_pickup": "available_to_pickup",
}

func foodWord(s string) string {
	return foodWords[strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(strings.TrimSpace(s)))]
}

// foodTime reads a time in any of the forms of the app; what is none, or cannot be true, gives the zero time.
func foodTime(s string) time.Time {
	for _, form := range []string{time.RFC3339, "2006-01-02 15:04:05 -0700", "2006-01-02T15:04:05", time.DateTime} {
		if at, err := time.Parse(form, strings.TrimSpace(s)); err == nil && at.Year() >= 2020 && at.Before(time.Now()) {
			return at.UTC()
		}
	}
	return time.Time{}
}

func readFood(t *testing.T, dir string) *foodFacts {
	t.Helper()
	f := &foodFacts{tables: map[string][]map[string]string{}, orders: map[string]map[string]string{}}
	paths, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	require.NoError(t, err)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), "\ufeff"))).ReadAll()
		require.NoError(t, err, path)
		name := strings.TrimSuffix(filepath.Base(path), ".csv")
		for _, row := range rows[1:] {
			m := map[string]string{}
			for i, column := range rows[0] {
				// 0 is a number that was missing when a loader wrote it.
				if m[column] = row[i]; row[i] == "NULL" || strings.Trim(row[i], "0.") == "" {
					m[column] = ""
				}
			}
			f.tables[name] = append(f.tables[name], m)
		}
	}
	customers, restaurants := f.by("customers"), f.by("restaurants")
	for _, o := range f.tables["orders"] {
		if customers[o["customer_id"]] != nil && restaurants[o["restaurant_id"]] != nil {
			f.orders[o["id"]] = o
		}
	}
	f.orderDeeds()
	f.sessionDeeds()
	return f
}

// by gives a table's rows by their number.
func (f *foodFacts) by(table string) map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, row := range f.tables[table] {
		out[row["id"]] = row
	}
	return out
}

func (f *foodFacts) orderDeeds() {
	add := func(row, order, kind, deliverer string, at time.Time, actorDeliverer bool, amount, currency string) {
		if o := f.orders[order]; o != nil {
			f.deeds = append(f.deeds, foodDeed{
				row: row, kind: kind, at: at, deliverer: deliverer, order: order, customer: o["customer_id"], restaurant: o["restaurant_id"],
				region: o["region_id"], actorDeliverer: actorDeliverer, amount: amount, currency: currency,
			})
		}
	}
	now := func(order string) string { return f.orders[order]["deliverer_id"] }
	for id, o := range f.orders {
		add("orders|"+id, id, "places_order", now(id), foodTime(o["placed_at"]), false, o["amount"], o["currency"])
	}
	seen := map[string]bool{}
	for _, e := range f.tables["order_events"] {
		kind, at, order := foodWord(e["event"]), foodTime(e["happened_at"]), e["order_id"]
		key := fmt.Sprint(order, "|", kind, "|", e["deliverer_id"], "|", at)
		if !at.IsZero() && seen[key] {
			continue
		}
		seen[key] = true
		row := "order_events|" + e["id"]
		if kind == "cancels_order" || kind == "receives_order" {
			add(row, order, kind, now(order), at, false, "", "")
		} else if e["deliverer_id"] != "" {
			add(row, order, kind, e["deliverer_id"], at, true, "", "")
		}
	}
	for _, r := range f.tables["ratings"] {
		add("ratings|"+r["id"], r["order_id"], "rates_driver", now(r["order_id"]), foodTime(r["rated_at"]), false, "", "")
	}
	for _, r := range f.tables["tips"] {
		add("tips|"+r["id"], r["order_id"], "tips_driver", now(r["order_id"]), foodTime(r["tipped_at"]), false, r["amount"], r["currency"])
	}
}

func (f *foodFacts) sessionDeeds() {
	accounts := map[string]map[string]map[string]string{"customer": f.by("customers"), "deliverer": f.by("deliverers")}
	seen := map[string]bool{}
	for _, e := range f.tables["session_events"] {
		account := accounts[e["account_type"]][e["account_id"]]
		kind, at := foodWord(e["event"]), foodTime(e["happened_at"])
		key := fmt.Sprint(e["account_type"], e["account_id"], "|", kind, "|", at)
		if account == nil || !at.IsZero() && seen[key] {
			continue
		}
		seen[key] = true
		d := foodDeed{row: "session_events|" + e["id"], kind: kind, at: at, region: account["region_id"]}
		if e["account_type"] == "deliverer" {
			d.deliverer, d.actorDeliverer = account["id"], true
		} else {
			d.customer = account["id"]
		}
		f.deeds = append(f.deeds, d)
	}
}

// foodRows reads a published table, its rows by column.
func foodRows(t *testing.T, flags []string, table string) []map[string]string {
	t.Helper()
	rows := published(t, flags, table)
	var out []map[string]string
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, column := range rows[0] {
			m[column] = row[i]
		}
		out = append(out, m)
	}
	return out
}

func foodStamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.DateTime)
}

// plainNumber is a number without the zeros that an engine may print after its point.
func plainNumber(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// requireFoodOracle compares facts, flattened orders, counters, premium and menus with plain loops over the CSV files of dir.
func requireFoodOracle(t *testing.T, flags []string, dir string) {
	t.Helper()
	f := readFood(t, dir)
	requireFoodDeeds(t, f, flags)
	requireFoodOrders(t, f, flags)
	requireFoodCounters(t, f, flags)
	requireFoodPeople(t, f, flags)
}

func requireFoodDeeds(t *testing.T, f *foodFacts, flags []string) {
	t.Helper()
	short := map[string]string{
		"places_order": "places_order", "picks_up_order": "driver_picks_up_order", "drops_off_order": "driver_drops_off_order",
	}
	want := map[string][]string{}
	for _, d := range f.deeds {
		if d.at.IsZero() {
			continue
		}
		line := strings.Join([]string{d.id(), foodStamp(d.at), d.deliverer, d.order, d.customer, d.restaurant, d.region}, "|")
		if d.actorDeliverer {
			want["fact_deliverer_activity"] = append(want["fact_deliverer_activity"], d.kind+"|"+line)
		} else {
			money := "|" + plainNumber(d.amount) + "|" + d.currency
			want["fact_customer_activity"] = append(want["fact_customer_activity"], d.kind+"|"+line+money)
		}
		if kind, ok := short[d.kind]; ok {
			if kind == "places_order" {
				line = strings.Replace(line, d.id(), d.own(), 1)
			}
			want["fact_order_activity"] = append(want["fact_order_activity"], kind+"|"+line)
		}
	}
	actors := map[string]string{
		"fact_deliverer_activity": "deliverer_id", "fact_customer_activity": "customer_id", "fact_order_activity": "order_id",
	}
	for table, actor := range actors {
		rows := foodRows(t, flags, "analytics."+table)
		var got []string
		for _, r := range rows {
			line := strings.Join([]string{
				r["activity_type"], r["id"], r["activity_time"], r["deliverer_id"], r["order_id"], r["customer_id"], r["restaurant_id"], r["region_id"],
			}, "|")
			if table == "fact_customer_activity" {
				line += "|" + plainNumber(r["amount"]) + "|" + r["currency"]
			}
			got = append(got, line)
		}
		slices.Sort(got)
		slices.Sort(want[table])
		require.NotEmpty(t, got, table)
		require.Len(t, got, len(want[table]), table)
		for i := range got {
			require.Equal(t, want[table][i], got[i], table)
		}
		requireOccurrences(t, rows, actor, table)
	}
}

// requireOccurrences wants each actor's activities of a type numbered from one in the order of time.
func requireOccurrences(t *testing.T, rows []map[string]string, actor, table string) {
	t.Helper()
	nth := func(r map[string]string) int {
		n, err := strconv.Atoi(r["occurrence"])
		require.NoError(t, err)
		return n
	}
	slices.SortFunc(rows, func(a, b map[string]string) int {
		return cmp.Or(cmp.Compare(a[actor], b[actor]), cmp.Compare(a["activity_type"], b["activity_type"]), cmp.Compare(nth(a), nth(b)))
	})
	last, n, at := "", 0, ""
	for _, r := range rows {
		if key := r[actor] + "|" + r["activity_type"]; key != last {
			last, n, at = key, 0, ""
		}
		n++
		require.Equal(t, n, nth(r), table+" "+last)
		require.LessOrEqual(t, at, r["activity_time"], table+" "+last)
		at = r["activity_time"]
	}
}

func requireFoodOrders(t *testing.T, f *foodFacts, flags []string) {
	t.Helper()
	columns := map[string]string{
		"places_order": "places_order_time", "accept_order": "deliverer_accepted_time", "picks_up_order": "deliverer_picks_up_order_time",
		"drops_off_order": "deliverer_drops_off_order_time", "receives_order": "receives_order_time", "cancels_order": "cancels_order_time",
	}
	first := map[string]map[string]string{}
	accepts := map[string]int{}
	for _, d := range f.deeds {
		if d.order == "" {
			continue
		}
		if first[d.order] == nil {
			first[d.order] = map[string]string{}
		}
		if d.kind == "accept_order" && !d.at.IsZero() {
			accepts[d.order]++
		}
		column, at := columns[d.kind], foodStamp(d.at)
		if before := first[d.order][column]; at != "" && (before == "" || at < before) {
			first[d.order][column] = at
		}
	}
	rows := foodRows(t, flags, "analytics.dim_orders")
	require.Len(t, rows, len(f.orders))
	for _, r := range rows {
		id := r["order_id"]
		o := f.orders[id]
		require.NotNil(t, o, id)
		for _, column := range columns {
			require.Equal(t, first[id][column], r[column], id+" "+column)
		}
		for _, key := range []string{"customer_id", "deliverer_id", "restaurant_id", "region_id", "currency"} {
			require.Equal(t, o[key], r[key], id+" "+key)
		}
		require.Equal(t, plainNumber(o["amount"]), plainNumber(r["amount"]), id)
		require.Equal(t, strconv.Itoa(accepts[id]), r["deliverer_accepted_count"], id)
		for lag, column := range map[string]string{
			"lag_deliverer_accepted_seconds":        "deliverer_accepted_time",
			"lag_deliverer_picks_up_order_seconds":  "deliverer_picks_up_order_time",
			"lag_deliverer_drops_off_order_seconds": "deliverer_drops_off_order_time",
		} {
			want := ""
			if from, to := foodTime(r["places_order_time"]), foodTime(r[column]); !from.IsZero() && !to.IsZero() {
				want = strconv.Itoa(int(to.Sub(from).Seconds()))
			}
			require.Equal(t, want, r[lag], id+" "+lag)
		}
	}
}

// foodCounters are the counters of each dimension with the activity that each counts.
var foodCounters = map[string]map[string]string{
	"dim_deliverer": {
		"logins": "login", "orders_accepted": "accept_order", "orders_cancelled": "cancel_order", "orders_picked_up": "picks_up_order",
		"orders_dropped_off": "drops_off_order",
	},
	"dim_customer": {
		"logins": "login", "orders_placed": "places_order", "orders_cancelled": "cancels_order", "orders_received": "receives_order",
		"ratings": "rates_driver", "tips": "tips_driver",
	},
	"dim_restaurant": {"orders_placed": "places_order", "orders_cancelled": "cancels_order", "orders_received": "receives_order"},
}

func requireFoodCounters(t *testing.T, f *foodFacts, flags []string) {
	t.Helper()
	keys := map[string]func(foodDeed) string{
		"dim_deliverer": func(d foodDeed) string {
			if !d.actorDeliverer {
				return ""
			}
			return d.deliverer
		},
		"dim_customer": func(d foodDeed) string {
			if d.actorDeliverer {
				return ""
			}
			return d.customer
		},
		"dim_restaurant": func(d foodDeed) string {
			if d.actorDeliverer {
				return ""
			}
			return d.restaurant
		},
	}
	for table, counters := range foodCounters {
		theirs := map[string][]foodDeed{}
		for _, d := range f.deeds {
			theirs[keys[table](d)] = append(theirs[keys[table](d)], d)
		}
		rows := foodRows(t, flags, "analytics."+table)
		entity := strings.TrimPrefix(table, "dim_")
		require.Len(t, rows, len(f.tables[entity+"s"]), table)
		counted := 0
		for _, r := range rows {
			id := r[entity+"_id"]
			asOf := foodTime(r["as_of"])
			require.False(t, asOf.IsZero())
			for name, kind := range counters {
				want := [4]int{}
				for _, d := range theirs[id] {
					if d.kind != kind {
						continue
					}
					want[0]++
					for i, days := range []int{7, 28} {
						if !d.at.IsZero() && !d.at.Before(asOf.AddDate(0, 0, -days)) && d.at.Before(asOf) {
							want[1+i]++
						}
					}
					if d.at.IsZero() {
						want[3]++
					}
				}
				for i, suffix := range []string{"_total", "_last_7_days", "_last_28_days", "_undated"} {
					require.Equal(t, strconv.Itoa(want[i]), r[name+suffix], "%s %s %s%s", table, id, name, suffix)
				}
				counted += want[1]
			}
		}
		require.Positive(t, counted, table+" counts nothing in the last 7 days")
	}
}

// requireFoodPeople looks at premium and at menus.
func requireFoodPeople(t *testing.T, f *foodFacts, flags []string) {
	t.Helper()
	premium := 0
	for _, r := range foodRows(t, flags, "analytics.dim_customer") {
		asOf := foodTime(r["as_of"])
		is, since, until, open := false, "", "", false
		for _, p := range f.tables["premium_periods"] {
			from, to := foodTime(p["starts_at"]), foodTime(p["ends_at"])
			if p["customer_id"] != r["customer_id"] || from.IsZero() || !from.Before(asOf) || !to.IsZero() && (!to.After(from) || to.Before(asOf)) {
				continue
			}
			is, open = true, open || to.IsZero()
			if since == "" || foodStamp(from) < since {
				since = foodStamp(from)
			}
			until = max(until, foodStamp(to))
		}
		if open {
			until = ""
		}
		require.Equal(t, []string{strconv.FormatBool(is), since, until}, []string{r["is_premium"], r["premium_since"], r["premium_until"]},
			r["customer_id"])
		if is {
			premium++
		}
	}
	require.Positive(t, premium)

	menus := map[string][]map[string]any{}
	for _, m := range f.tables["menu_items"] {
		id, err := strconv.ParseFloat(m["id"], 64)
		require.NoError(t, err)
		item := map[string]any{"id": id, "name": m["name"], "currency": m["currency"], "price": nil}
		if price, err := strconv.ParseFloat(m["price"], 64); err == nil {
			item["price"] = price
		}
		menus[m["restaurant_id"]] = append(menus[m["restaurant_id"]], item)
	}
	for _, r := range foodRows(t, flags, "analytics.dim_restaurant") {
		var got []map[string]any
		require.NoError(t, json.Unmarshal([]byte(r["menu_items"]), &got), r["menu_items"])
		require.Equal(t, menus[r["restaurant_id"]], got)
		require.NotEmpty(t, r["opening_hours"])
		require.Contains(t, []string{"Swahili", "Pizza", "Burgers", "Indian", "Grill", "Vegetarian", "Sushi", "Jollof"}, r["category"])
	}
	require.NotEmpty(t, slices.Collect(maps.Keys(menus)))
}
