package sample

import (
	"fmt"
	"math/rand/v2"
)

// Faults of food delivery of which every block of rows has one; they follow those of carepay.
const (
	faultFoodSigned = 40 + iota
	faultFoodPremium
	faultFoodWord
	faultFoodPrice
	faultFoodOrphan
	faultFoodPlaced
	faultFoodAmount
	faultFoodEventOrphan
	faultFoodTwice
	faultFoodStars
	faultFoodRated
	faultFoodTip
	faultFoodStamp
)

// foodDate writes a date, or in one row of size what stands where there is none.
func (w *world) foodDate(l *lines, n, fault, size, at int64) {
	if at == noTime || !w.oneIn(fault, n, size) {
		l.time(at)
		return
	}
	l.text([...]string{"0000-00-00 00:00:00", "NULL", "2024-02-00 00:00:00", "2091-03-07 09:00:00"}[n/size%4])
}

// foodMoney writes an amount, or nothing in one row of size.
func (w *world) foodMoney(l *lines, n, fault, size, amount int64) {
	if w.oneIn(fault, n, size) {
		l.null()
		return
	}
	l.amount(amount, "")
}

// foodStamp writes an event's time as text, in UTC or by the region's clocks, as each version of the app has it.
func (w *world) foodStamp(l *lines, r *rand.Rand, n, at, region int64) {
	offset := regionOffset(region)
	form := r.IntN(10)
	if w.Dirt == "none" {
		form = 0
	}
	if w.oneIn(faultFoodStamp, n, 700) {
		l.text([...]string{"0000-00-00 00:00:00", "NULL", "2024-02-30T10:00:00Z", "n/a"}[n/700%4])
		return
	}
	l.separate()
	switch {
	case form < 4:
		l.buf = appendTime(l.buf, at)
		l.buf[len(l.buf)-9] = 'T'
		l.buf = append(l.buf, 'Z')
	case form < 6:
		l.buf = appendTime(l.buf, at+offset)
		l.buf[len(l.buf)-9] = 'T'
		l.buf = fmt.Appendf(l.buf, "+%02d:00", offset/3600)
	case form < 8:
		l.buf = appendTime(l.buf, at+offset)
		l.buf = fmt.Appendf(l.buf, " +%02d00", offset/3600)
	default:
		l.buf = appendTime(l.buf, at)
	}
}
