package sample

import (
	"math"
	"math/rand/v2"
	"sort"
)

// Chance works on whole numbers: a product and a sum of floats are rounded once on some processors and twice on others, and the bytes
// must be the same on all. The three tables below come from functions, but none of their values is near enough to a half to round differently.
var (
	waits  = curve(func(x float64) float64 { return -math.Log(1-x) * 1000 })              // Quantiles of an exponential wait of mean 1,000.
	prices = curve(func(x float64) float64 { return 200 * math.Exp(5.2*x) })              // Cents of everyday products.
	fees   = curve(func(x float64) float64 { return 50_000 * math.Exp(math.Log(120)*x) }) // Cents of procedures.
)

func curve(f func(float64) float64) [1024]int64 {
	var out [1024]int64
	for i := range out {
		out[i] = int64(math.Round(f((float64(i) + 0.5) / 1024)))
	}
	return out
}

// What the dice are thrown for; each thing of a case has a sequence of its own, so that a change to one leaves the others alone. A
// thing that there may be several of adds their number.
const (
	dicePlace = (1 + iota) * 10_000
	diceTreatment
	diceClaim
	diceClaimDirt
	diceOldInvoice
	diceInvoice
	diceInvoiceDirt
	diceItems // And the number of the invoice.
	diceItem  // And mostItems times the number of the invoice, and the number of the item.
	dicePrice // As diceItem.
)

// mostItems is how many items an invoice has at most.
const mostItems = 40

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

// wait is an exponential time of a mean.
func wait(r *rand.Rand, mean int64) int64 {
	return mean*waits[r.IntN(1024)]/1000 + r.Int64N(mean/100+1)
}

// hours is the share of a working day's events before each hour in UTC, of 10,000: 88 % between 05 and 13, a working day at UTC+3.
var hours = [25]int64{
	0, 20, 40, 60, 120, 350, 950, 2000, 3300, 4700, 6000, 7200, 8200, 9150, 9450, 9620, 9720, 9800, 9860, 9900, 9930, 9950, 9970, 9985, 10_000,
}

// hourShare is the unit of timeOfDay's argument.
const hourShare = 1_000_000

// timeOfDay is the second of a day by which a share of its events has happened, given in parts of hourShare.
func timeOfDay(share int64) int64 {
	const fine = hourShare / 10_000
	h := int64(sort.Search(23, func(i int) bool { return hours[i+1]*fine > share }))
	return h*3600 + (share-hours[h]*fine)*3600/((hours[h+1]-hours[h])*fine)
}

// onDay is a time on a day, by the clock of a working day.
func onDay(r *rand.Rand, d int64) int64 { return d*dayLong + timeOfDay(r.Int64N(hourShare)) }

// after is when people get round to something: within the hour, or at work on a later day, seldom on a Sunday.
func after(r *rand.Rand, from, mean int64) int64 {
	d := wait(r, mean)
	if d < dayLong/4 {
		return from + d/8
	}
	next := from/dayLong + max(1, (d+dayLong/2)/dayLong)
	if isSunday(next) && r.IntN(8) > 0 {
		next++
	}
	return onDay(r, next)
}

// isSunday: 1970-01-01 was a Thursday.
func isSunday(d int64) bool { return (d+4)%7 == 0 }
