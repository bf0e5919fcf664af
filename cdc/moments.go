package cdc

import (
	"encoding/binary"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"lifeline/change"
)

// bigEndian reads a number whose first byte weighs most.
func bigEndian(p []byte) int64 {
	var x int64
	for _, b := range p {
		x = x<<8 | int64(b)
	}
	return x
}

// micros reads the part of a second behind a packed time: an even number of digits.
func micros(p []byte) int64 {
	x := bigEndian(p)
	for range 3 - len(p) {
		x *= 100
	}
	return x
}

// moment adds a date, or a date and time.
func (c *column) moment(to *change.Filler, b *change.Batch, i int, p []byte, f *follower) {
	m := c.parts(p)
	if to.Moment(b, i, m) {
		return
	}
	timed := c.kind != mysql.MYSQL_TYPE_DATE && c.kind != mysql.MYSQL_TYPE_NEWDATE
	f.text = m.AppendDate(f.text[:0])
	if timed {
		f.text = m.AppendClock(append(f.text, ' '), c.digits)
	}
	to.Value(b, i, f.text)
}

// parts takes a date apart as the servers keep it.
func (c *column) parts(p []byte) (m change.Moment) {
	switch c.kind {
	case mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_NEWDATE:
		x := int64(p[0]) | int64(p[1])<<8 | int64(p[2])<<16
		m.Year, m.Month, m.Day = x>>9, uint(x>>5&15), uint(x&31)
	case mysql.MYSQL_TYPE_DATETIME:
		x := int64(binary.LittleEndian.Uint64(p))
		day, clock := x/1_000_000, x%1_000_000
		m.Year, m.Month, m.Day = day/10_000, uint(day/100%100), uint(day%100)
		m.Hour, m.Minute, m.Second = clock/10_000, clock/100%100, clock%100
	case mysql.MYSQL_TYPE_DATETIME2:
		x := bigEndian(p[:5]) - 1<<39
		day, clock := x>>17, x&(1<<17-1)
		m.Year, m.Month, m.Day = day>>5/13, uint(day>>5%13), uint(day&31)
		m.Hour, m.Minute, m.Second = clock>>12, clock>>6&63, clock&63
		m.Micro = micros(p[5:])
	case mysql.MYSQL_TYPE_TIMESTAMP, mysql.MYSQL_TYPE_TIMESTAMP2:
		var seconds int64
		if c.kind == mysql.MYSQL_TYPE_TIMESTAMP {
			seconds = int64(binary.LittleEndian.Uint32(p))
		} else {
			seconds, m.Micro = bigEndian(p[:4]), micros(p[4:])
		}
		if seconds == 0 { // '0000-00-00': no moment.
			return m
		}
		t := time.Unix(seconds, 0).UTC()
		m.Year, m.Month, m.Day = int64(t.Year()), uint(t.Month()), uint(t.Day())
		m.Hour, m.Minute, m.Second = int64(t.Hour()), int64(t.Minute()), int64(t.Second())
	}
	return m
}

// appendTime prints a span of time.
func (c *column) appendTime(out, p []byte) []byte {
	if c.kind == mysql.MYSQL_TYPE_TIME {
		x := int64(int32(uint32(p[0])<<8|uint32(p[1])<<16|uint32(p[2])<<24) >> 8)
		if x < 0 {
			out, x = append(out, '-'), -x
		}
		return change.AppendClock(out, x/10_000, x/100%100, x%100, 0, 0)
	}
	// A packed span: hours, minutes and seconds in three bytes, the part of a second behind; a negative one is the negative of it all.
	x := (bigEndian(p) - 1<<(8*len(p)-1))
	part := len(p) - 3
	if x < 0 {
		out, x = append(out, '-'), -x
	}
	whole, fraction := x>>(8*part), x&(1<<(8*part)-1)
	for range 3 - part {
		fraction *= 100
	}
	return change.AppendClock(out, whole>>12&1023, whole>>6&63, whole&63, fraction, c.digits)
}
