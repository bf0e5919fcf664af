package lifecycle_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// world is made-up data with what goes wrong in life: equal times, missing ones, records 400 days late, deleted and restored.
type world struct {
	asOf      time.Time
	zone      *time.Location
	customers map[int]*int // Region of each.
	orders    []*order
	ghosts    []*order // Gone from the source: they live in history only.
	scans     []scan
}

type order struct {
	id                    int
	status                string
	customer              *int
	amount                *int
	currency              string // Empty for null.
	placed, paid, changed *time.Time
	versions              []version // Earlier ones, in order; the present one follows.
	since                 time.Time // Of the present version.
	born                  string    // How the beginning of the first version is known; empty for null.
}

type version struct {
	state    string
	from, to time.Time
	op       string
	basis    string
}

type scan struct {
	id, order int
	kind      string
	at        *time.Time
}

var statuses = []string{"new", "paid", "sent", "back", "cancelled"}

func newWorld(seed uint64, size int, zone string) *world {
	r := rand.New(rand.NewPCG(seed, 1))
	where, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	w := &world{zone: where, asOf: time.Date(2024, 7, 1, 0, 0, 0, 0, where).UTC(), customers: map[int]*int{}}
	for c := range 6 {
		var region *int
		if c > 0 {
			region = new(c % 3)
		}
		w.customers[c] = region
	}
	// Few instants, so that many are equal; the edges of the windows among them.
	day := 24 * time.Hour
	instants := []time.Duration{
		0, -time.Microsecond, -7 * day, -7*day - time.Microsecond, -28 * day, -28*day - time.Microsecond, -400 * day, -day, -3 * day,
		-3*day + time.Second,
		-29 * day, -60 * day, time.Hour, -8 * day,
	}
	pick := func() time.Time { return w.asOf.Add(instants[r.IntN(len(instants))]) }
	maybe := func() *time.Time {
		if r.IntN(4) == 0 {
			return nil
		}
		return new(pick())
	}
	for id := range size {
		o := &order{id: id + 1, status: statuses[r.IntN(5)], placed: maybe(), paid: maybe(), changed: maybe()}
		if r.IntN(8) > 0 {
			o.customer = new(r.IntN(6))
		}
		if r.IntN(6) > 0 {
			o.amount = new(r.IntN(1000))
		}
		o.currency = []string{"KES", "KES", "NGN", ""}[r.IntN(4)]
		if r.IntN(3) == 0 {
			o.live(r, w)
		}
		if len(o.versions) > 0 && r.IntN(6) == 0 {
			w.ghosts = append(w.ghosts, o)
			continue
		}
		w.orders = append(w.orders, o)
	}
	for id := range size * 2 {
		w.scans = append(w.scans, scan{id + 1, 1 + r.IntN(size+2), []string{"in", "out", "lost"}[r.IntN(3)], maybe()})
	}
	return w
}

// live gives an order earlier versions.
func (o *order) live(r *rand.Rand, w *world) {
	at := w.asOf.Add(-time.Duration(5+r.IntN(60)) * 24 * time.Hour)
	o.born = []string{"binlog", "snapshot", ""}[r.IntN(3)]
	for range 1 + r.IntN(4) {
		v := version{state: statuses[r.IntN(5)], from: at, op: "update", basis: []string{"binlog", "snapshot"}[r.IntN(2)]}
		if r.IntN(5) > 0 { // Else two changes in one instant.
			at = at.Add(time.Duration(1+r.IntN(20)) * 12 * time.Hour)
		}
		v.to = at
		if r.IntN(5) == 0 {
			v.op = "delete"
			at = at.Add(time.Duration(r.IntN(5)) * 24 * time.Hour)
		}
		o.versions = append(o.versions, v)
	}
	o.since = at
}

func sqlTime(t *time.Time) string {
	if t == nil {
		return "cast(null as timestamp)"
	}
	return "timestamp '" + t.UTC().Format("2006-01-02 15:04:05.999999") + "'"
}

func sqlInt(n *int) string {
	if n == nil {
		return "cast(null as bigint)"
	}
	return fmt.Sprintf("cast(%d as bigint)", *n)
}

func sqlText(s string) string {
	if s == "" {
		return "cast(null as varchar)"
	}
	return "cast('" + s + "' as varchar)"
}

// fill puts the world into the schema raw, its rows in an order of the given seed.
func (w *world) fill(t testing.TB, e engine, seed uint64) {
	t.Helper()
	e.exec(t, "drop schema if exists raw cascade")
	e.exec(t, "create schema raw")
	e.exec(t, "create table raw.customers (id bigint, region_id bigint)")
	e.exec(t, "create table raw.orders (id bigint, status varchar, customer_id bigint, amount numeric(19, 4), currency varchar, placed_at "+
		"timestamp, paid_at timestamp, changed_at timestamp)")
	e.exec(t, "create table raw.scans (id bigint, order_id bigint, kind varchar, scanned_at timestamp)")
	e.exec(t, "create table raw.order_versions (record_key bigint, state varchar, valid_from timestamp, valid_to timestamp, op varchar, "+
		"basis varchar, position varchar, from_basis varchar)")
	var customers, orders, scans, versions []string
	for id, region := range w.customers {
		customers = append(customers, fmt.Sprintf("(%d, %s)", id, sqlInt(region)))
	}
	for _, o := range w.orders {
		amount := sqlInt(o.amount)
		orders = append(orders, fmt.Sprintf("(%d, '%s', %s, %s, %s, %s, %s, %s)", o.id, o.status, sqlInt(o.customer), amount, sqlText(o.currency),
			sqlTime(o.placed), sqlTime(o.paid), sqlTime(o.changed)))
		versions = append(versions, o.versionRows(true)...)
	}
	for _, o := range w.ghosts {
		versions = append(versions, o.versionRows(false)...)
	}
	for _, s := range w.scans {
		scans = append(scans, fmt.Sprintf("(%d, %d, '%s', %s)", s.id, s.order, s.kind, sqlTime(s.at)))
	}
	r := rand.New(rand.NewPCG(seed, 2))
	for table, rows := range map[string][]string{"customers": customers, "orders": orders, "scans": scans, "order_versions": versions} {
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		for len(rows) > 0 {
			n := min(len(rows), 500)
			e.exec(t, "insert into raw."+table+" values "+strings.Join(rows[:n], ", "))
			rows = rows[n:]
		}
	}
}

func (o *order) versionRows(present bool) []string {
	if len(o.versions) == 0 {
		return nil
	}
	var out []string
	for i, v := range o.versions {
		op := v.op
		if !present && i == len(o.versions)-1 {
			op = "delete"
		}
		born := map[bool]string{true: o.born}[i == 0]
		out = append(out, fmt.Sprintf("(%d, '%s', %s, %s, '%s', '%s', '%04d', %s)", o.id, v.state, sqlTime(&v.from), sqlTime(&v.to), op, v.basis,
			i, sqlText(born)))
	}
	if present {
		out = append(out, fmt.Sprintf("(%d, '%s', %s, null, null, null, null, 'snapshot')", o.id, o.status, sqlTime(&o.since)))
	}
	return out
}
