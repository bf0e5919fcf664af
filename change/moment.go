package change

import (
	"math"
	"strconv"
)

// Moment is a date and time of day taken apart, as the servers keep it: any part may be zero.
type Moment struct {
	Year                        int64
	Month, Day                  uint
	Hour, Minute, Second, Micro int64
}

// AppendDate prints the date as the servers do, such as 2022-11-00. What comes by the binary log and what comes by a snapshot is printed
// here, so that both are alike (promise 6).
func (m *Moment) AppendDate(out []byte) []byte {
	out = appendPadded(out, m.Year, 4)
	out = appendPadded(append(out, '-'), int64(m.Month), 2)
	return appendPadded(append(out, '-'), int64(m.Day), 2)
}

// AppendClock prints the time of day, with the digits after the seconds that the column is declared with.
func (m *Moment) AppendClock(out []byte, digits int) []byte {
	return AppendClock(out, m.Hour, m.Minute, m.Second, m.Micro, digits)
}

// AppendClock prints a time of day or a span without its sign as the servers do, with 0 to 6 digits after the seconds.
func AppendClock(out []byte, hours, minutes, seconds, micros int64, digits int) []byte {
	out = appendPadded(out, hours, 2)
	out = appendPadded(append(out, ':'), minutes, 2)
	out = appendPadded(append(out, ':'), seconds, 2)
	if digits < 1 || digits > 6 {
		return out
	}
	out = appendPadded(append(out, '.'), micros, 6)
	return out[:len(out)-6+digits]
}

// appendPadded prints a number with at least the given digits.
func appendPadded(out []byte, x int64, digits int) []byte {
	for unit := int64(math.Pow10(digits - 1)); unit > 1 && x < unit; unit /= 10 {
		out = append(out, '0')
	}
	return strconv.AppendInt(out, x, 10)
}
