package lifecycle_test

import (
	"cmp"
	"crypto/md5"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
)

// What the tables must hold, by plain loops over a world. It knows docs/lifecycles.md and shares nothing with the SQL.

type event struct {
	order                     *order
	activity, basis, from, to string
	at                        time.Time
	place                     int
	origin                    string
	occurrence                int
	next                      *time.Time
}

func stamp(t *time.Time) string {
	if t == nil {
		return "null"
	}
	return t.UTC().Format("2006-01-02 15:04:05.999999")
}

func word(s string) string {
	if s == "" {
		return "null"
	}
	return s
}

func number(n *int) string {
	if n == nil {
		return "null"
	}
	return fmt.Sprint(*n)
}

// happened are an order's activities but for its scans, in total order.
func (o *order) happened() []event {
	var out []event
	storied := len(o.versions) > 0
	if o.placed != nil {
		out = append(out, event{order: o, activity: "placed", at: *o.placed, basis: "column", place: 1})
	}
	if o.paid != nil && (!storied || o.paid.Before(o.versions[0].from)) {
		out = append(out, event{order: o, activity: "paid", at: *o.paid, basis: "column", to: "paid", place: 2})
	}
	if o.changed != nil && !storied && o.status == "sent" {
		out = append(out, event{order: o, activity: "sent", at: *o.changed, basis: "proxy", to: "sent", place: 3})
	}
	if storied {
		out = append(out, o.seen()...)
	}
	sortEvents(out)
	return out
}

// seen are the changes that history tells of.
func (o *order) seen() []event {
	all := append(slices.Clone(o.versions), version{state: o.status, from: o.since})
	n := 0
	var out []event
	add := func(e event) {
		n++
		e.order, e.place = o, 1000+n
		out = append(out, e)
	}
	birth := "first_seen"
	if o.born == "binlog" {
		birth = o.born
	}
	add(event{activity: "observed_in_state", at: all[0].from, basis: birth, to: all[0].state})
	for i := 1; i < len(all); i++ {
		before, now := all[i-1], all[i]
		switch {
		case before.op == "delete":
			add(event{activity: "deleted", at: before.to, basis: before.basis, from: before.state})
			add(event{activity: "restored", at: now.from, basis: before.basis, to: now.state})
		case before.state != now.state:
			add(event{activity: now.state, at: before.to, basis: before.basis, from: before.state, to: now.state})
		}
	}
	return out
}

func sortEvents(list []event) {
	sort.SliceStable(list, func(i, j int) bool {
		a, b := list[i], list[j]
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.place, b.place), strings.Compare(a.origin, b.origin)) < 0
	})
}

// events are all activities, numbered.
func (w *world) events() []event {
	byID := map[int]*order{}
	var out []event
	for _, o := range w.orders {
		byID[o.id] = o
		out = append(out, o.happened()...)
	}
	for _, s := range w.scans {
		if o := byID[s.order]; o != nil && s.at != nil && s.kind != "lost" {
			out = append(out, event{
				order: o, activity: "scanned", at: *s.at, basis: "column", place: 4,
				origin: fmt.Sprintf("scans|%d|scanned_at", s.id),
			})
		}
	}
	sortEvents(out)
	last := map[string]int{}
	for i := range out {
		key := fmt.Sprint(out[i].order.id, out[i].activity)
		if before, ok := last[key]; ok {
			out[i].occurrence = out[before].occurrence + 1
			out[before].next = &out[i].at
		} else {
			out[i].occurrence = 1
		}
		last[key] = i
	}
	return out
}

func (e event) id() string {
	if e.origin != "" {
		return fmt.Sprintf("%x", md5.Sum([]byte(e.origin)))
	}
	return fmt.Sprintf("%x", md5.Sum(fmt.Appendf(nil, "order|%d|%s|%s|%d", e.order.id, e.activity, stamp(&e.at), e.occurrence)))
}

func (w *world) region(o *order) *int {
	if o.customer == nil {
		return nil
	}
	return w.customers[*o.customer]
}

// facts are the lines of the activity fact.
func (w *world) facts() []string {
	var out []string
	for _, e := range w.events() {
		out = append(out, strings.Join([]string{
			e.id(), fmt.Sprint(e.order.id), e.activity, stamp(&e.at), e.basis, word(e.from), word(e.to), fmt.Sprint(e.occurrence), stamp(e.next),
			fmt.Sprint(e.place),
			number(e.order.customer), number(w.region(e.order)), money(e.order.amount), word(e.order.currency),
		}, "|"))
	}
	sort.Strings(out)
	return out
}

func money(n *int) string {
	if n == nil {
		return "null"
	}
	return fmt.Sprintf("%d.0000", *n)
}

// span are the first and last time, the number and the basis of an activity on the flattened row.
type span struct {
	first, last *time.Time
	count       int
	basis       string
}

func (s span) text() string {
	return strings.Join([]string{stamp(s.first), stamp(s.last), fmt.Sprint(s.count), word(s.basis)}, "|")
}

func spanOf(list []event, activity string) span {
	var s span
	for _, e := range list {
		if e.activity != activity {
			continue
		}
		if s.first == nil {
			s.first, s.basis = &e.at, e.basis
		} else if s.basis != "column" && e.basis < s.basis {
			s.basis = e.basis // Of several changes in the log and in snapshots the better one is told.
		}
		s.last = &e.at
		s.count++
	}
	return s
}

func took(a, b *time.Time) *int {
	if a == nil || b == nil {
		return nil
	}
	d := b.Sub(*a)
	n := int(d / time.Second)
	if d < 0 && d%time.Second != 0 {
		n--
	}
	return &n
}

// lives are the lines of the flattened table.
func (w *world) lives() []string {
	of := map[int][]event{}
	for _, e := range w.events() {
		of[e.order.id] = append(of[e.order.id], e)
	}
	scans, lastScan := map[int]int{}, map[int]*int{}
	for _, s := range w.scans {
		scans[s.order]++
		lastScan[s.order] = new(s.id)
	}
	var out []string
	for _, o := range w.orders {
		placed, paid, sent, scanned := spanOf(of[o.id], "placed"), spanOf(of[o.id], "paid"), spanOf(of[o.id], "sent"), spanOf(of[o.id], "scanned")
		since, basis := o.sinceWhen()
		inTime := "null"
		if d := took(placed.first, paid.first); d != nil && *d >= 0 {
			inTime = fmt.Sprint(*d <= 2*86400)
		}
		out = append(out, strings.Join([]string{
			fmt.Sprint(o.id), o.status, number(o.customer), number(w.region(o)), number(lastScan[o.id]), fmt.Sprint(scans[o.id]), stamp(since),
			word(basis),
			placed.text(), paid.text(), sent.text(), scanned.text(), number(took(placed.first, sent.first)),
			number(took(placed.first, paid.first)), inTime,
		}, "|"))
	}
	sort.Strings(out)
	return out
}

// sinceWhen is when the present state began.
func (o *order) sinceWhen() (*time.Time, string) {
	if len(o.versions) > 0 {
		seen := o.seen()
		e := seen[len(seen)-1]
		return &e.at, e.basis
	}
	switch {
	case o.status == "sent" && o.changed != nil:
		return o.changed, "proxy"
	case o.status == "paid" && o.paid != nil:
		return o.paid, "column"
	}
	return nil, ""
}

// stay is one state interval.
type stay struct {
	order    *order
	state    string
	from, to *time.Time
	current  bool
}

func (w *world) stays() []stay {
	var out []stay
	for _, o := range w.orders {
		var own []stay
		for _, e := range o.happened() {
			state := e.to
			if e.activity == "deleted" {
				state = "deleted"
			}
			if state == "" || len(own) > 0 && own[len(own)-1].state == state {
				continue
			}
			if len(own) > 0 {
				own[len(own)-1].to = &e.at
			}
			own = append(own, stay{order: o, state: state, from: &e.at})
		}
		if len(own) > 0 && own[len(own)-1].state == o.status {
			own[len(own)-1].current = true
		} else {
			own = append(own, stay{order: o, state: o.status, current: true})
		}
		out = append(out, own...)
	}
	return out
}

func (w *world) intervals() []string {
	var out []string
	for _, s := range w.stays() {
		out = append(out, strings.Join([]string{
			fmt.Sprint(s.order.id), s.state, stamp(s.from), stamp(s.to), number(took(s.from, s.to)),
			fmt.Sprint(s.current),
		}, "|"))
	}
	sort.Strings(out)
	return out
}

func (w *world) day(t time.Time) time.Time {
	y, m, d := t.In(w.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// wait is a time that an order waited; days of the business, left excluded.
type wait struct {
	order         *order
	state         string
	entered, left *time.Time
}

func (w *world) waits() []wait {
	var out []wait
	open := func(state string) bool { return state == "paid" || state == "back" }
	for _, o := range w.orders {
		if len(o.versions) > 0 {
			continue
		}
		entered := o.paid
		if entered == nil {
			entered = o.placed
		}
		switch {
		case open(o.status):
			out = append(out, wait{o, o.status, entered, nil})
		case o.status == "sent" && o.changed != nil && entered != nil:
			out = append(out, wait{o, "", entered, o.changed})
		}
	}
	for _, s := range w.stays() {
		if len(s.order.versions) > 0 && open(s.state) && s.from != nil && (s.current || s.to != nil) {
			out = append(out, wait{s.order, s.state, s.from, s.to})
		}
	}
	return out
}

// backlog are the lines of the daily backlog: each day looked at by itself.
func (w *world) backlog() []string {
	type sums struct{ n, amount, blank int }
	found := map[string]*sums{}
	last := w.day(w.asOf.Add(-time.Microsecond))
	count := func(day time.Time, x wait, bucket string) {
		key := strings.Join([]string{day.Format(time.DateOnly), word(x.state), number(w.region(x.order)), word(x.order.currency), bucket}, "|")
		if found[key] == nil {
			found[key] = &sums{}
		}
		found[key].n++
		if x.order.amount == nil {
			found[key].blank++
		} else {
			found[key].amount += *x.order.amount
		}
	}
	for _, x := range w.waits() {
		if x.entered == nil {
			count(last, x, "unknown")
			continue
		}
		if !x.entered.Before(w.asOf) {
			continue
		}
		entered := w.day(*x.entered)
		for day := entered; !day.After(last); day = day.AddDate(0, 0, 1) {
			if x.left != nil && !w.day(*x.left).After(day) {
				break
			}
			age := int(day.Sub(entered) / (24 * time.Hour))
			bucket := ">28"
			if age <= 7 {
				bucket = "0-7"
			} else if age <= 28 {
				bucket = "8-28"
			}
			count(day, x, bucket)
		}
	}
	var out []string
	for key, s := range found {
		out = append(out, fmt.Sprintf("%s|%d|%d.0000|%d", key, s.n, s.amount, s.blank))
	}
	sort.Strings(out)
	return out
}

// counted are the counters of one region: each looked for among all records.
func (w *world) counted(region int, asOf time.Time) string {
	within := func(t *time.Time, days int) int {
		if t != nil && !t.Before(asOf.AddDate(0, 0, -days)) && t.Before(asOf) {
			return 1
		}
		return 0
	}
	var orders, sent, scans [4]int
	add := func(to *[4]int, t *time.Time) {
		to[0]++
		to[1] += within(t, 7)
		to[2] += within(t, 28)
		if t == nil {
			to[3]++
		}
	}
	currencies, amounts, without, n := map[string]bool{}, [3]int{}, 0, 0
	mine := map[int]bool{}
	for _, o := range w.orders {
		if r := w.region(o); r == nil || *r != region {
			continue
		}
		n++
		mine[o.id] = true
		add(&orders, o.placed)
		if o.status != "sent" {
			continue
		}
		at := spanOf(o.happened(), "sent").last
		add(&sent, at)
		if o.amount == nil || o.currency == "" {
			without++
			continue
		}
		currencies[o.currency] = true
		amounts[0] += *o.amount
		amounts[1] += *o.amount * within(at, 7)
		amounts[2] += *o.amount * within(at, 28)
	}
	for _, s := range w.scans {
		if mine[s.order] && s.kind != "lost" {
			add(&scans, s.at)
		}
	}
	if n == 0 {
		return ""
	}
	total := [4]string{"null", "null", "null", "null"}
	if len(currencies) == 1 {
		for c := range currencies {
			total[0] = c
		}
		for i, a := range amounts {
			total[i+1] = fmt.Sprintf("%d.0000", a)
		}
	}
	line := fmt.Sprint(region)
	for _, c := range [][4]int{orders, sent} {
		line += fmt.Sprintf("|%d|%d|%d|%d", c[0], c[1], c[2], c[3])
	}
	line += "|" + strings.Join(total[:], "|") + fmt.Sprintf("|%d", without)
	return line + fmt.Sprintf("|%d|%d|%d|%d", scans[0], scans[1], scans[2], scans[3])
}
