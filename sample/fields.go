package sample

import "strconv"

// separate puts a comma before every field but a row's first.
func (l *lines) separate() {
	if !l.first {
		l.buf = append(l.buf, ',')
	}
	l.first = false
}

func (l *lines) text(s string) {
	l.separate()
	l.buf = append(l.buf, s...)
}

func (l *lines) null() { l.text("NULL") }

// id writes a number; 0 is a missing one.
func (l *lines) id(n int64) {
	if n == 0 {
		l.null()
		return
	}
	l.separate()
	l.buf = strconv.AppendInt(l.buf, n, 10)
}

// time writes seconds since 1970 as the source does; noTime is a missing value.
func (l *lines) time(t int64) {
	l.separate()
	if t == noTime {
		l.buf = append(l.buf, "NULL"...)
		return
	}
	l.buf = appendTime(l.buf, t)
}

// key writes a row's key.
func (l *lines) key(w *world, number, id int64) {
	id = w.keyOf(number, id, l.before)
	if id != 0 {
		l.before = id
	}
	l.id(id)
}

// again writes the row once more where it is to stand twice.
func (l *lines) again(w *world, number int64) {
	if w.twice(number) {
		l.buf = append(l.buf, l.buf[l.begin:]...)
		l.rows++
	}
}

// amount writes ten-thousandths, as decimal(19,4) prints them, or the text that stands in their place.
func (l *lines) amount(n int64, text string) {
	if text != "" {
		l.text(text)
		return
	}
	l.separate()
	if n < 0 {
		l.buf = append(l.buf, '-')
		n = -n
	}
	l.buf = strconv.AppendInt(l.buf, n/10_000, 10)
	l.buf = append(l.buf, '.')
	l.buf = digits(l.buf, n%10_000, 4)
}

const noTime = int64(-1 << 62)

// appendTime writes "2018-01-25 23:04:45". The day is found as in Howard Hinnant's "chrono-compatible low-level date algorithms"
// (civil_from_days).
func appendTime(b []byte, t int64) []byte {
	days := t / 86_400
	second := t % 86_400
	z := days + 719_468
	era := z / 146_097
	doe := z - era*146_097
	yoe := (doe - doe/1460 + doe/36_524 - doe/146_096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day := doy - (153*mp+2)/5 + 1
	month := mp + 3
	if month > 12 {
		month -= 12
	}
	year := yoe + era*400
	if month <= 2 {
		year++
	}
	b = digits(b, year, 4)
	b = append(b, '-')
	b = digits(b, month, 2)
	b = append(b, '-')
	b = digits(b, day, 2)
	b = append(b, ' ')
	b = digits(b, second/3600, 2)
	b = append(b, ':')
	b = digits(b, second/60%60, 2)
	b = append(b, ':')
	return digits(b, second%60, 2)
}

func digits(b []byte, n int64, width int) []byte {
	for range width {
		b = append(b, '0')
	}
	for i := len(b) - 1; width > 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
		width--
	}
	return b
}
