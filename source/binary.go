package source

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"

	"lifeline/change"
)

// Rows are read by the servers' binary protocol: whole numbers, dates and times come as numbers, which costs neither the server nor us
// the printing and reading of text. A date that is none (zero, partial) comes in its parts, so that nothing is lost by it.

// definition is what an answer's head says of a column.
type definition struct {
	name     string // In lower case.
	kind     byte   // The protocol's type.
	unsigned bool
	digits   int // After the seconds' point.
}

// execute runs a statement by the binary protocol and hands each row's packet to row, which must not keep it. head gets the columns first.
func (c *conn) execute(ctx context.Context, text string, head func([]definition), row func([]byte) error) (err error) {
	c.use.Lock()
	defer c.use.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	done := c.bind(ctx)
	defer func() { done(&err) }()
	id, err := c.prepare(text)
	if err != nil {
		return err
	}
	// The statement's number, no cursor, once; it has no parameters.
	run := binary.LittleEndian.AppendUint32(nil, id)
	run = append(run, 0, 1, 0, 0, 0)
	if err := c.send(mysql.COM_STMT_EXECUTE, string(run)); err != nil {
		return err
	}
	columns, err := c.columns()
	if err != nil {
		return err
	}
	head(columns)
	if err := c.rows(row); err != nil {
		return err
	}
	return c.send(mysql.COM_STMT_CLOSE, string(run[:4]))
}

// prepare has the server ready a statement without parameters.
func (c *conn) prepare(text string) (id uint32, err error) {
	if err := c.send(mysql.COM_STMT_PREPARE, text); err != nil {
		return 0, err
	}
	p, err := c.packet()
	if err != nil {
		return 0, err
	}
	if len(p) > 0 && p[0] == mysql.ERR_HEADER {
		return 0, serverError(p)
	}
	if len(p) < 9 || p[0] != mysql.OK_HEADER {
		return 0, c.lose(errMalformed)
	}
	id = binary.LittleEndian.Uint32(p[1:])
	columns, parameters := binary.LittleEndian.Uint16(p[5:]), binary.LittleEndian.Uint16(p[7:])
	if parameters > 0 {
		return 0, c.lose(fmt.Errorf("a statement of %d parameters: %w", parameters, errMalformed))
	}
	if columns > 0 {
		_, err = c.definitions(int(columns)) // The answer itself says them again.
	}
	return id, err
}

// decoder reads rows of the binary protocol into batches.
type decoder struct {
	columns []definition
	filler  *change.Filler
	keys    []int          // Of each selected value: 1 + its place in the key, where it is to be remembered; else 0.
	last    [][]byte       // Of each key column, the last row's value as its literal wants it, or nothing where the batch has it.
	extra   *change.Batch  // Takes what is selected for the key alone.
	spare   *change.Filler // Fills it.
	text    []byte
}

func newDecoder(t *serverTable) decoder {
	d := decoder{filler: change.NewFiller(t.Table), keys: make([]int, len(t.Columns)+len(t.keys)), last: make([][]byte, len(t.keys))}
	for k, key := range t.keys {
		if !key.batched {
			d.keys[key.at] = k + 1
		}
	}
	only := &change.Table{Columns: make([]change.Column, len(t.keys))}
	d.extra, d.spare = change.NewBatch(only, 1), change.NewFiller(only)
	return d
}

// cell is where a value goes.
type cell struct {
	*change.Filler

	batch  *change.Batch
	column int // Of the batch.
	at     int // Of the answer.
}

func (d *decoder) row(b *change.Batch, p []byte) error {
	at := 1 + (len(d.columns)+9)/8
	if len(d.columns) < len(b.Cols) || len(d.columns) > len(d.keys) || len(p) < at {
		return errMalformed
	}
	nulls, p := p[1:at], p[at:]
	d.extra.Reset()
	for i := range d.columns {
		to := cell{d.filler, b, i, i}
		if i >= len(b.Cols) {
			to = cell{d.spare, d.extra, i - len(b.Cols), i}
		}
		if nulls[(i+2)/8]&(1<<((i+2)%8)) != 0 {
			to.Null(to.batch, to.column)
			continue
		}
		n, err := d.value(to, p)
		if err != nil {
			return err
		}
		p = p[n:]
	}
	d.filler.End(b)
	return nil
}

// value decodes the value that p begins with, and says how many bytes it took.
func (d *decoder) value(to cell, p []byte) (int, error) {
	c := &d.columns[to.at]
	switch c.kind {
	case mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_INT24:
		if len(p) < 4 {
			return 0, errMalformed
		}
		x := binary.LittleEndian.Uint32(p)
		d.whole(to, choose(c.unsigned, int64(x), int64(int32(x))))
		return 4, nil
	case mysql.MYSQL_TYPE_SHORT, mysql.MYSQL_TYPE_YEAR:
		if len(p) < 2 {
			return 0, errMalformed
		}
		x := binary.LittleEndian.Uint16(p)
		d.whole(to, choose(c.unsigned, int64(x), int64(int16(x))))
		return 2, nil
	case mysql.MYSQL_TYPE_TINY:
		if len(p) < 1 {
			return 0, errMalformed
		}
		d.whole(to, choose(c.unsigned, int64(p[0]), int64(int8(p[0]))))
		return 1, nil
	case mysql.MYSQL_TYPE_LONGLONG, mysql.MYSQL_TYPE_DOUBLE:
		if len(p) < 8 {
			return 0, errMalformed
		}
		switch x := binary.LittleEndian.Uint64(p); {
		case c.kind == mysql.MYSQL_TYPE_DOUBLE:
			d.double(to, math.Float64frombits(x))
		case c.unsigned:
			d.text = strconv.AppendUint(d.text[:0], x, 10)
			to.Value(to.batch, to.column, d.text)
			d.remember(to.at, d.text)
		default:
			d.whole(to, int64(x))
		}
		return 8, nil
	case mysql.MYSQL_TYPE_FLOAT:
		if len(p) < 4 {
			return 0, errMalformed
		}
		d.double(to, float64(math.Float32frombits(binary.LittleEndian.Uint32(p))))
		return 4, nil
	case mysql.MYSQL_TYPE_DATETIME, mysql.MYSQL_TYPE_TIMESTAMP, mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_NEWDATE:
		return d.moment(to, p)
	case mysql.MYSQL_TYPE_TIME:
		return d.time(to, p)
	default:
		n, rest, _ := lenenc(p)
		if n < 0 || n > len(rest) {
			return 0, errMalformed
		}
		to.Value(to.batch, to.column, rest[:n])
		d.remember(to.at, rest[:n])
		return len(p) - len(rest) + n, nil
	}
}

func choose(first bool, a, b int64) int64 {
	if first {
		return a
	}
	return b
}

// remember keeps a value of the key that the batch may not hold as it was.
func (d *decoder) remember(i int, p []byte) {
	if k := d.keys[i]; k > 0 {
		d.last[k-1] = append(d.last[k-1][:0], p...)
	}
}

// whole adds a whole number.
func (d *decoder) whole(to cell, x int64) {
	to.Whole(to.batch, to.column, x)
	if k := d.keys[to.at]; k > 0 {
		d.last[k-1] = strconv.AppendInt(d.last[k-1][:0], x, 10)
	}
}

// double adds a floating-point number.
func (d *decoder) double(to cell, x float64) {
	to.Double(to.batch, to.column, x)
	if k := d.keys[to.at]; k > 0 {
		d.last[k-1] = appendReal(d.last[k-1][:0], x)
	}
}

// moment decodes a date or a date and time: a byte of length, then as many parts as are not zero.
func (d *decoder) moment(to cell, p []byte) (int, error) {
	n, p, ok := counted(p)
	if !ok || n != 0 && n != 4 && n != 7 && n != 11 {
		return 0, errMalformed
	}
	var m change.Moment
	if n >= 4 {
		m.Year, m.Month, m.Day = int64(binary.LittleEndian.Uint16(p)), uint(p[2]), uint(p[3])
	}
	if n >= 7 {
		m.Hour, m.Minute, m.Second = int64(p[4]), int64(p[5]), int64(p[6])
	}
	if n == 11 {
		m.Micro = int64(binary.LittleEndian.Uint32(p[7:]))
	}
	kept := to.Moment(to.batch, to.column, m)
	if kept && d.keys[to.at] == 0 {
		return n + 1, nil
	}
	d.printMoment(&d.columns[to.at], n, m)
	if !kept {
		to.Value(to.batch, to.column, d.text)
	}
	d.remember(to.at, d.text)
	return n + 1, nil
}

const zeroMoment = "0000-00-00 00:00:00.000000"

// printMoment writes a date's text as the servers print it; n is how many bytes it came in.
func (d *decoder) printMoment(c *definition, n int, m change.Moment) {
	timed := c.kind == mysql.MYSQL_TYPE_DATETIME || c.kind == mysql.MYSQL_TYPE_TIMESTAMP
	switch {
	case n == 0 && !timed:
		d.text = append(d.text[:0], zeroMoment[:10]...)
	case n == 0 && (c.digits < 1 || c.digits > 6):
		d.text = append(d.text[:0], zeroMoment[:19]...)
	case n == 0:
		d.text = append(d.text[:0], zeroMoment[:20+c.digits]...)
	default:
		d.text = m.AppendDate(d.text[:0])
		if timed {
			d.text = m.AppendClock(append(d.text, ' '), c.digits)
		}
	}
}

// time decodes a span of time: a sign, days, hours, minutes, seconds and microseconds. It is printed as the servers do.
func (d *decoder) time(to cell, p []byte) (int, error) {
	n, p, ok := counted(p)
	if !ok || n != 0 && n != 8 && n != 12 {
		return 0, errMalformed
	}
	d.text = d.text[:0]
	var hours, minutes, seconds, micros int64
	if n >= 8 {
		if p[0] == 1 {
			d.text = append(d.text, '-')
		}
		hours = int64(binary.LittleEndian.Uint32(p[1:]))*24 + int64(p[5])
		minutes, seconds = int64(p[6]), int64(p[7])
	}
	if n == 12 {
		micros = int64(binary.LittleEndian.Uint32(p[8:]))
	}
	d.text = change.AppendClock(d.text, hours, minutes, seconds, micros, d.columns[to.at].digits)
	to.Value(to.batch, to.column, d.text)
	d.remember(to.at, d.text)
	return n + 1, nil
}

// counted takes the byte that says how many follow.
func counted(p []byte) (n int, rest []byte, ok bool) {
	if len(p) == 0 || len(p) <= int(p[0]) {
		return 0, nil, false
	}
	return int(p[0]), p[1:], true
}
