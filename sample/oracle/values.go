package oracle

import (
	"math/big"
	"strconv"
	"strings"
	"time"
)

// A value that may be unknown.
type (
	number struct {
		n     int64
		known bool
	}
	word struct {
		s     string
		known bool
	}
	moment struct {
		t     time.Time
		known bool
	}
	money struct {
		units big.Int // Ten-thousandths.
		known bool
	}
)

// stamp is a time's text, with as many decimals as are not zero.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.999999") }

func (m money) String() string {
	digits := new(big.Int).Abs(&m.units).String()
	if len(digits) < 5 {
		digits = strings.Repeat("0", 5-len(digits)) + digits
	}
	if m.units.Sign() < 0 {
		digits = "-" + digits
	}
	return digits[:len(digits)-4] + "." + digits[len(digits)-4:]
}

func (m money) plus(o money) money {
	sum := money{known: true}
	sum.units.Add(&m.units, &o.units)
	return sum
}

// parseNumber reads a declared int.
func parseNumber(s string) number {
	n, err := strconv.ParseInt(s, 10, 32)
	return number{n: n, known: err == nil}
}

// parseID is a clean id: 0 is none.
func parseID(s string) number {
	n := parseNumber(s)
	n.known = n.known && n.n != 0
	return n
}

// parseText keeps a text as it stands but for NUL bytes, which staging cannot hold; only the bare word NULL is none.
func parseText(s string) word { return word{s: strings.ReplaceAll(s, "\x00", ""), known: s != "NULL"} }

// parseTime reads a DATETIME; a day that is not in the calendar is none.
func parseTime(s string) moment {
	t, err := time.Parse("2006-01-02 15:04:05", s)
	return moment{t: t, known: err == nil && t.Year() > 0}
}

// mostUnits is the first number of ten-thousandths that a decimal(19,4) cannot hold.
var mostUnits, _ = new(big.Int).SetString("10000000000000000000", 10)

// parseMoney reads a decimal(19,4); 0 is none, because the source's loader writes 0 where it had nothing.
func parseMoney(s string) money {
	whole, rest, _ := strings.Cut(s, ".")
	if len(rest) > 4 {
		return money{}
	}
	var m money
	_, ok := m.units.SetString(whole+rest+strings.Repeat("0", 4-len(rest)), 10)
	m.known = ok && m.units.Sign() != 0 && m.units.CmpAbs(mostUnits) < 0
	return m
}

// clean is a text as a person meant it.
func (w word) clean() word {
	if !w.known {
		return w
	}
	spaced := strings.Map(func(r rune) rune {
		switch r {
		case '\t', '\n', '\r', '\u00a0', '\ufeff':
			return ' '
		}
		return r
	}, w.s)
	s := strings.Trim(spaced, " ")
	return word{s: s, known: s != "" && s != "NULL"}
}

func (w word) upper() word { return word{s: strings.ToUpper(w.s), known: w.known} }

// basisOf says how a clean text came about.
func basisOf(raw, clean word) string {
	switch {
	case !clean.known:
		return "missing"
	case raw == clean:
		return "source"
	}
	return "repaired"
}

// given says whether a value that is taken as it stands is there.
func given(known bool) string {
	if known {
		return "source"
	}
	return "missing"
}

// oldest is the first instant that is believed.
var oldest = time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC)

// within is the time where it can be true: from oldest on, before a bound.
func (m moment) within(before time.Time) moment {
	if m.known && !m.t.Before(oldest) && m.t.Before(before) {
		return m
	}
	return moment{}
}

// earliest and latest take no notice of unknown times.
func earliest(ms ...moment) moment {
	var best moment
	for _, m := range ms {
		if m.known && (!best.known || m.t.Before(best.t)) {
			best = m
		}
	}
	return best
}

func latest(ms ...moment) moment {
	var best moment
	for _, m := range ms {
		if m.known && (!best.known || m.t.After(best.t)) {
			best = m
		}
	}
	return best
}

// first is the first known time.
func first(ms ...moment) moment {
	for _, m := range ms {
		if m.known {
			return m
		}
	}
	return moment{}
}

// seconds from one time to another, rounded down.
func seconds(from, to moment) number {
	if !from.known || !to.known {
		return number{}
	}
	d := to.t.Sub(from.t)
	n := int64(d / time.Second)
	if d < 0 && d%time.Second != 0 {
		n--
	}
	return number{n: n, known: true}
}
