package change

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf8"
)

// Filler adds rows to batches of one table from values as MySQL prints them, which is also how CSV files have them. A value that
// its type cannot hold becomes null, and its text goes to `_raw` (promise 1); whichever way a value came, it is filled alike
// (promise 6). Use one Filler in one goroutine.
type Filler struct {
	table *Table
	plan  []fill
	lost  []byte // The `_raw` of the row at hand, without its last brace.
}

type fill struct {
	kind      Kind
	typ       Type
	low, high int64
	mask      *masker // nil for most.

	value, text []byte // The value that was last kept in _raw, and how it was written there: a zero date comes a million times.
}

// NewFiller returns a Filler for batches of t.
func NewFiller(t *Table) *Filler {
	f := &Filler{table: t, plan: make([]fill, len(t.Columns))}
	for i, c := range t.Columns {
		p := fill{kind: c.Type.Kind, typ: c.Type, low: math.MinInt64, high: math.MaxInt64, mask: newMasker(c.Mask, c.Type)}
		switch c.Type.Kind {
		case Int16:
			p.low, p.high = math.MinInt16, math.MaxInt16
		case Int32:
			p.low, p.high = math.MinInt32, math.MaxInt32
		default: // The others have no narrower range than their slice.
		}
		f.plan[i] = p
	}
	return f
}

// Null adds a null in column i.
func (f *Filler) Null(b *Batch, i int) { b.Cols[i].AppendNull(f.plan[i].kind) }

// Value adds the value of column i; p is copied. Columns are filled in order, then End closes the row.
func (f *Filler) Value(b *Batch, i int, p []byte) {
	v, plan := &b.Cols[i], &f.plan[i]
	if plan.mask != nil {
		plan.mask.add(v, p)
		return
	}
	switch plan.kind {
	case Text:
		if !plain(p) {
			f.text(v, i, p)
			return
		}
		v.AppendBytes(p)
		return
	case Bytes:
		v.AppendBytes(p)
		return
	case Int16, Int32, Int64:
		if x, ok := parseInt(p, plan.low, plan.high); ok {
			v.AppendInt(x)
			return
		}
	case Decimal:
		if f.decimal(v, plan.typ, p) {
			return
		}
	case Timestamp:
		if x, ok := ParseTimestamp(p); ok {
			v.AppendInt(x)
			return
		}
	case Date:
		if x, ok := ParseDate(p); ok {
			v.AppendInt(x)
			return
		}
	case Float32, Float64:
		bits := 64
		if plan.kind == Float32 {
			bits = 32
		}
		if x, ok := parseFloat(p, bits); ok {
			v.AppendFloat(oneZero(x))
			return
		}
	}
	v.AppendNull(plan.kind)
	f.keep(i, p)
}

// Whole adds a whole number to an integer column; for one that does not fit, or a column of another kind, it is its text that is added.
func (f *Filler) Whole(b *Batch, i int, x int64) {
	if plan := &f.plan[i]; plan.mask == nil && plan.kind >= Int16 && plan.kind <= Int64 && x >= plan.low && x <= plan.high {
		b.Cols[i].AppendInt(x)
		return
	}
	f.Value(b, i, strconv.AppendInt(nil, x, 10))
}

// Double adds a number to a floating-point column, in its precision; a column of another kind gets its text.
func (f *Filler) Double(b *Batch, i int, x float64) {
	kind := f.plan[i].kind
	if f.plan[i].mask != nil {
		kind = Text
	}
	switch kind {
	case Float32:
		if narrow := float32(x); !math.IsInf(float64(narrow), 0) {
			b.Cols[i].AppendFloat(oneZero(float64(narrow)))
			return
		}
	case Float64:
		b.Cols[i].AppendFloat(oneZero(x))
		return
	default: // Its text says what it was.
	}
	f.Value(b, i, strconv.AppendFloat(nil, x, 'g', -1, 64))
}

// oneZero is the number, without the sign of a zero: to a warehouse both zeros are equal, so a change from one to the other would not land.
func oneZero(x float64) float64 {
	if x == 0 {
		return 0
	}
	return x
}

// Moment adds a date to a date or timestamp column. It reports false, and adds nothing, where that is not a moment of the calendar or the
// column is of another kind; then Value wants its text.
func (f *Filler) Moment(b *Batch, i int, m Moment) bool {
	days, ok := dayOf(m.Year, m.Month, m.Day)
	if !ok || f.plan[i].mask != nil || m.Hour > 23 || m.Minute > 59 || m.Second > 59 {
		return false
	}
	us := (m.Hour*3600+m.Minute*60+m.Second)*1_000_000 + m.Micro
	switch f.plan[i].kind {
	case Timestamp:
		b.Cols[i].AppendInt(days*day + us)
		return true
	case Date:
		if us == 0 {
			b.Cols[i].AppendInt(days)
			return true
		}
	default: // Not a date's.
	}
	return false
}

// End closes a row.
func (f *Filler) End(b *Batch) {
	b.Len++
	if len(f.lost) == 0 {
		b.Raw.AppendNull(Text)
		return
	}
	f.lost = append(f.lost, '}')
	b.Raw.AppendBytes(f.lost)
	f.lost = f.lost[:0]
}

// Drop forgets a row that was begun; the batch is then to be truncated.
func (f *Filler) Drop() { f.lost = f.lost[:0] }

func (f *Filler) decimal(v *Vector, t Type, p []byte) bool {
	d, ok := parseDecimal(p)
	if !ok || !d.fit(t) {
		return false
	}
	if x, ok := d.unscaled(t.Scale); ok {
		v.AppendInt(x)
	} else {
		v.AppendWide(d.text(t.Scale))
	}
	return true
}

// plain reports whether p is text that every warehouse takes as it is: UTF-8 without NUL.
func plain(p []byte) bool {
	if len(p) > 32 {
		return bytes.IndexByte(p, 0) < 0 && utf8.Valid(p)
	}
	for _, c := range p {
		if c-1 >= utf8.RuneSelf-1 {
			return bytes.IndexByte(p, 0) < 0 && utf8.Valid(p)
		}
	}
	return true
}

// text adds a text without its NUL bytes, and with U+FFFD for bytes that are no UTF-8; what it was is kept.
func (f *Filler) text(v *Vector, i int, p []byte) {
	f.keep(i, p)
	v.AppendBytes(bytes.ToValidUTF8(bytes.ReplaceAll(p, []byte{0}, nil), []byte("\uFFFD")))
}

const hexDigits = "0123456789abcdef"

// keep adds a value to the row's `_raw`. A byte that is no UTF-8 is written as the \u escape of its number.
func (f *Filler) keep(i int, p []byte) {
	if len(f.lost) == 0 {
		f.lost = append(f.lost, '{')
	} else {
		f.lost = append(f.lost, ',')
	}
	plan := &f.plan[i]
	if plan.text == nil || !bytes.Equal(plan.value, p) {
		plan.value = append(plan.value[:0], p...)
		plan.text = appendJSON(plan.text[:0], []byte(f.table.Columns[i].Name))
		plan.text = append(plan.text, ':')
		plan.text = appendJSON(plan.text, p)
	}
	f.lost = append(f.lost, plan.text...)
}

func appendJSON(out, p []byte) []byte {
	out = append(out, '"')
	for len(p) > 0 {
		n := 0
		for n < len(p) && p[n] >= ' ' && p[n] < utf8.RuneSelf && p[n] != '"' && p[n] != '\\' {
			n++
		}
		out, p = append(out, p[:n]...), p[n:]
		if len(p) == 0 {
			break
		}
		c := p[0]
		if c >= utf8.RuneSelf {
			if r, n := utf8.DecodeRune(p); r != utf8.RuneError || n > 1 {
				out = append(out, p[:n]...)
				p = p[n:]
				continue
			}
		}
		switch {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		default:
			out = append(out, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		p = p[1:]
	}
	return append(out, '"')
}
