package sample

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strconv"
	"time"
)

// Chance works on whole numbers: a product and a sum of floats are rounded once on some processors and twice on others, and the bytes
// must be the same on all.

// What the dice are thrown for; each thing of a case has a sequence of its own, so that a change to one leaves the others alone. A
// thing that there may be several of adds their number.
const (
	dicePlace = (1 + iota) * 10_000
	diceTreatment
	diceClaim
	diceClaimDirt
	diceInvoice
	diceInvoiceDirt
	diceItems
	diceItemDirt
	diceGiven
)

// dice seeds the generator for one thing of one case, so that every table sees the same case. What it gives is good until the next call.
func (w *world) dice(thing, index int64) *rand.Rand {
	w.pcg.Seed(w.Seed*0x9E3779B97F4A7C15+uint64(thing), uint64(index)*0xD1B54A32D192ED03+uint64(thing)<<40)
	return w.rng
}

// oneIn tells whether row n is the one of its block of size rows that has a certain fault. A fault that a check limits is spread so,
// because drawn row by row it would break the limit in a small sample now and then.
func (w *world) oneIn(fault, n, size int64) bool {
	switch w.Dirt {
	case "none":
		return false
	case "heavy":
		size = max(1, size/heavier)
	}
	return n%size == int64(scatter(w.Seed^uint64(fault)<<56, uint64(n/size))%uint64(size))
}

// scatter is a hash of two numbers (the last steps are those of SplitMix64 by Steele, Lea and Flood).
func scatter(a, b uint64) uint64 {
	x := a*0x9E3779B97F4A7C15 + b*0xD1B54A32D192ED03 + 0x632BE59BD9B4E019
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// shuffled is where number i of n comes in an order that the key says: each number once. Odd factors and shifts keep the numbers below
// a power of two apart; what falls beyond n goes round again.
func shuffled(i, n int64, key uint64) int64 {
	if n < 2 {
		return i
	}
	bits := uint(1)
	for n > 1<<bits {
		bits++
	}
	mask := uint64(1)<<bits - 1
	x, a, b := uint64(i), scatter(key, 1)|1, scatter(key, 2)|1
	for {
		for range 3 {
			x = (x*a + b) & mask
			x ^= x >> (bits/2 + 1)
		}
		if int64(x) < n {
			return int64(x)
		}
	}
}

// whole is the unit of shares: millionths.
const whole = 1_000_000

// clock is the share of a day's events before each hour, in UTC.
type clock [25]int64

func newClock(events []int64) *clock {
	var c clock
	sum := growing(events)
	for h, n := range sum {
		c[h+1] = n * whole / sum[len(sum)-1]
	}
	return &c
}

// second is the second of a day by which a share of its events has happened.
func (c *clock) second(share int64) int64 {
	h := int64(sort.Search(23, func(i int) bool { return c[i+1] > share }))
	return h*3600 + (share-c[h])*3600/(c[h+1]-c[h])
}

// share is the reverse of second.
func (c *clock) share(second int64) int64 {
	h := second / 3600
	return c[h] + (c[h+1]-c[h])*(second%3600)/3600
}

// after is when something happens that takes so long: within hours to the second, but not at night nor mostly at a weekend; else at
// work on a day about then, more probably on one of which the calendar says that much of it happened.
func (w *world) after(r *rand.Rand, from, lag int64, calendar string) int64 {
	at := from + lag
	day, first := at/dayLong, from/dayLong
	low, high := day-min(2, day-first), day+min(2, day-first)
	if lag < dayLong/4 {
		weekday, hour := (day+4)%7, at%dayLong/3600 // 1970-01-01 was a Thursday.
		if lag < 900 || weekday > 0 && weekday < 6 && hour > 3 && hour < 20 {
			return w.known(r, from, at)
		}
		low, high = day, day+2
	}
	chosen := w.plan.calendar[calendar].among(r, low, high, day)
	next := chosen*dayLong + w.plan.hours["event"].second(r.Int64N(whole))
	if next <= from {
		next = at
	}
	return w.known(r, from, next)
}

// among is one of some days, or the given one where nothing happened on them.
func (c dayCounts) among(r *rand.Rand, low, high, given int64) int64 {
	sum := int64(0)
	for d := low; d <= high; d++ {
		sum += c.of(d)
	}
	if sum == 0 {
		return given
	}
	x := r.Int64N(sum)
	for d := low; ; d++ {
		if x -= c.of(d); x < 0 {
			return d
		}
	}
}

func (c dayCounts) of(day int64) int64 {
	if i := day - c.first; i >= 0 && i < int64(len(c.n)) {
		return c.n[i]
	}
	return 0
}

// known is a time, or an earlier one where the data ends before it.
func (w *world) known(r *rand.Rand, from, at int64) int64 {
	if at > w.end {
		return from + r.Int64N(max(1, w.end-from+1))
	}
	return at
}

// lagOf is how long something takes; it is false where that has no date. Of several names the first that the shape has counts.
func (w *world) lagOf(r *rand.Rand, at int64, names ...key) (int64, bool) {
	for _, name := range names {
		l, ok := w.plan.lags[name]
		if !ok {
			continue
		}
		if w.Dirt != "none" && r.Int64N(l.missing.of) < l.missing.part || len(l.points) == 0 {
			return 0, false
		}
		return quantile(lagPlaces, l.points, at), true
	}
	return 0, true
}

// calendarMonth is how the shape names the month of a time.
type calendarMonth struct{ month, quarter, year string }

var calendarMonths = func() (out [12 * 12]calendarMonth) {
	for i := range out {
		year, month := 2012+i/12, 1+i%12
		out[i] = calendarMonth{fmt.Sprintf("%d%02d", year, month), fmt.Sprintf("%dq%d", year, (month+2)/3), strconv.Itoa(year)}
	}
	return out
}()

// monthOf is the month of a time; it has no names where the shape has none.
func monthOf(at int64) calendarMonth {
	year, month, _ := time.Unix(at, 0).UTC().Date()
	if i := (year-2012)*12 + int(month) - 1; i >= 0 && i < len(calendarMonths) {
		return calendarMonths[i]
	}
	return calendarMonth{}
}
