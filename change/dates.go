package change

const day = 24 * 60 * 60 * 1_000_000

// ParseDate returns the days since 1970-01-01 of "YYYY-MM-DD". ok is false where that is not a day of the calendar: zero and
// partial dates, year 0000, or other text. A time of midnight may follow.
func ParseDate(p []byte) (days int64, ok bool) {
	if len(p) == 10 {
		return civil(p)
	}
	us, ok := ParseTimestamp(p)
	return us / day, ok && us%day == 0
}

// ParseTimestamp returns the microseconds since 1970-01-01 00:00:00 of "YYYY-MM-DD[ HH:MM:SS[.ffffff]]". ok is false where that
// is not a moment of the calendar, has a zone, or has more digits than six that are not zero.
func ParseTimestamp(p []byte) (us int64, ok bool) {
	if len(p) < 10 {
		return 0, false
	}
	days, ok := civil(p[:10])
	if !ok || len(p) == 10 {
		return days * day, ok
	}
	if len(p) < 19 || p[10] != ' ' && p[10] != 'T' || p[13] != ':' || p[16] != ':' {
		return 0, false
	}
	h, m, s := pair(p[11:]), pair(p[14:]), pair(p[17:])
	if h > 23 || m > 59 || s > 59 {
		return 0, false
	}
	us = days*day + (int64(h)*3600+int64(m)*60+int64(s))*1_000_000
	if len(p) == 19 {
		return us, true
	}
	part, ok := fraction(p[19:])
	return us + part, ok
}

// fraction reads ".ffffff" as microseconds.
func fraction(p []byte) (us int64, ok bool) {
	if p[0] != '.' || len(p) == 1 {
		return 0, false
	}
	unit := int64(100_000)
	for _, c := range p[1:] {
		c -= '0'
		if c > 9 || unit == 0 && c != 0 {
			return 0, false
		}
		us += int64(c) * unit
		unit /= 10
	}
	return us, true
}

// pair reads two digits, and gives 100 or more where they are none.
func pair(p []byte) uint {
	a, b := uint(p[0]-'0'), uint(p[1]-'0')
	if a > 9 || b > 9 {
		return 100
	}
	return a*10 + b
}

var monthDays = [13]uint{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// civil counts the days from 1970-01-01 to a day of the proleptic Gregorian calendar, years 1 to 9999.
func civil(p []byte) (int64, bool) {
	if p[4] != '-' || p[7] != '-' {
		return 0, false
	}
	century, years, m, d := pair(p), pair(p[2:]), pair(p[5:]), pair(p[8:])
	if century > 99 || years > 99 {
		return 0, false
	}
	return dayOf(int64(century*100+years), m, d)
}

// dayOf counts the days from 1970-01-01 to a day, where it is one of the years 1 to 9999.
func dayOf(y int64, m, d uint) (int64, bool) {
	if y < 1 || y > 9999 || m < 1 || m > 12 || d < 1 {
		return 0, false
	}
	leap := y%4 == 0 && (y%100 != 0 || y%400 == 0)
	if d > monthDays[m] && (m != 2 || d != 29 || !leap) {
		return 0, false
	}
	// Years from March, so that the leap day ends a year; 400 years have 146,097 days.
	mm := int64(m)
	if mm <= 2 {
		y--
		mm += 12
	}
	return 365*y + y/4 - y/100 + y/400 + (153*(mm-3)+2)/5 + int64(d) - 1 - 719468, true
}
