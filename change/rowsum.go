package change

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"hash/crc32"
	"math"
	"strconv"
	"strings"
)

// SumForm tells how a column's value is written where a row's checksum is made of it. A MySQL server writes its own values in the same
// form, so that a row has one checksum whether the server, a reader of the wire or a reader of staging makes it.
type SumForm uint8

// The forms.
const (
	SumSkipped SumForm = iota // Masked: its value never landed.
	SumPlain                  // The digits of a number, a date or a time, as the server prints them.
	SumNumber                 // The digits of a number that the server would pad or print as bytes.
	SumFloat                  // The shortest digits that give the same number again, as the server prints a double.
	SumText                   // Its length, SumSeparator and its bytes, of text in UTF-8: it may hold a separator itself.
	SumBinary                 // Its length and its bytes.
	SumDigest                 // Its length and the digits of its SHA-1: a long value, which must not fill the server's packet.
)

// SumForm is the form of the column's values.
func (c *Column) SumForm() SumForm {
	if c.Mask != nil {
		return SumSkipped
	}
	name, _, _ := splitType(c.SourceType)
	switch name {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "integer", "numeric", "bool", "boolean", "serial", "dec", "fixed":
		if strings.Contains(strings.ToLower(c.SourceType), "zerofill") {
			return SumNumber
		}
		return SumPlain
	case "year", "bit":
		return SumNumber
	case "float", "double", "real", "double precision":
		return SumFloat
	case "date", "datetime", "timestamp", "time":
		return SumPlain
	case "binary", "varbinary":
		return SumBinary
	case "tinyblob", "blob", "mediumblob", "longblob", "vector", "geometry", "point", "linestring", "polygon", "multipoint",
		"multilinestring", "multipolygon", "geometrycollection", "geomcollection", "text", "mediumtext", "longtext", "json":
		return SumDigest
	}
	return SumText
}

// Values of a row stand behind each other, SumSeparator between them, without the nulls; behind each SumNulls columns stand the digits of a
// number whose bits say which of them are null.
const (
	SumSeparator = 0x1f
	SumNulls     = 60
)

// RowSummer makes the checksums of rows from their landed values and what `_raw` keeps of them. Use one in one goroutine.
type RowSummer struct {
	table *Table
	forms []SumForm
	parts []int // Of a timestamp: digits after the seconds' point.
	buf   []byte
	value []byte
}

// NewRowSummer returns a RowSummer for batches of t.
func NewRowSummer(t *Table) *RowSummer {
	s := &RowSummer{table: t, forms: make([]SumForm, len(t.Columns)), parts: make([]int, len(t.Columns))}
	for i := range t.Columns {
		s.forms[i] = t.Columns[i].SumForm()
		if t.Columns[i].Type.Kind == Timestamp {
			_, args, _ := splitType(t.Columns[i].SourceType)
			s.parts[i], _ = strconv.Atoi(args) // No digits are 0.
		}
	}
	return s
}

// Sum is the checksum of one row: the CRC-32 of the digits of the CRC-32 of all its values.
func (s *RowSummer) Sum(b *Batch, row int) uint64 {
	var raw map[string][]byte
	if !b.Raw.Nulls[row] {
		raw = ParseRaw(b.Raw.BytesAt(row))
	}
	out, n, nulls := s.buf[:0], 0, uint64(0)
	flags := func() { out, nulls = append(strconv.AppendUint(out, nulls, 10), SumSeparator), 0 }
	for i, form := range s.forms {
		if form == SumSkipped {
			continue
		}
		value, kept := raw[s.table.Columns[i].Name]
		switch {
		case !kept && b.Cols[i].Nulls[row]:
			nulls |= 1 << (n % SumNulls)
		case !kept:
			s.value = s.text(s.value[:0], &b.Cols[i], i, row)
			value = s.value
			fallthrough
		default:
			out = append(s.appendSum(out, form, value), SumSeparator)
		}
		if n++; n%SumNulls == 0 {
			flags()
		}
	}
	if n%SumNulls > 0 {
		flags()
	}
	s.buf = out
	if len(out) == 0 {
		return 0
	}
	digits := strconv.AppendUint(s.value[:0], uint64(crc32.ChecksumIEEE(out[:len(out)-1])), 10)
	return uint64(crc32.ChecksumIEEE(digits))
}

// digest is what the server's own function gives.
func (s *RowSummer) digest(value []byte) []byte {
	if s.table.SHA256 {
		sum := sha256.Sum256(value)
		return sum[:]
	}
	sum := sha1.Sum(value)
	return sum[:]
}

// appendSum writes a value's bytes in a form.
func (s *RowSummer) appendSum(out []byte, form SumForm, value []byte) []byte {
	switch form {
	case SumText:
		out = append(strconv.AppendInt(out, int64(len(value)), 10), SumSeparator)
		return append(out, value...)
	case SumBinary:
		out = append(strconv.AppendInt(out, int64(len(value)), 10), ':')
		return append(out, value...)
	case SumDigest:
		out = append(strconv.AppendInt(out, int64(len(value)), 10), ':')
		for _, c := range s.digest(value) {
			out = append(out, hexDigits[c>>4], hexDigits[c&15])
		}
		return out
	default:
		return append(out, value...)
	}
}

// text writes a landed value as the server prints it.
func (s *RowSummer) text(out []byte, v *Vector, column, row int) []byte {
	t := s.table.Columns[column].Type
	switch t.Kind {
	case Bytes:
		if s.forms[column] == SumNumber {
			return strconv.AppendUint(out, bitValue(v.BytesAt(row)), 10)
		}
		return append(out, v.BytesAt(row)...)
	case Int16, Int32, Int64:
		return strconv.AppendInt(out, v.Ints[row], 10)
	case Decimal:
		if text, wide := v.Wide[row]; wide {
			return append(out, text...)
		}
		return AppendDecimal(out, v.Ints[row], t.Scale)
	case Float32, Float64:
		return AppendDouble(out, v.Floats[row])
	case Date:
		return AppendDate(out, v.Ints[row])
	case Timestamp:
		return AppendTimestamp(out, v.Ints[row], s.parts[column])
	default:
		return append(out, v.BytesAt(row)...)
	}
}

// Text is a landed value as the server prints it, of bytes as \x and hexadecimal digits; ok is false for a null.
func (s *RowSummer) Text(b *Batch, column, row int) (text string, ok bool) {
	if b.Cols[column].Nulls[row] {
		return "", false
	}
	out := s.text(nil, &b.Cols[column], column, row)
	if s.table.Columns[column].Type.Kind == Bytes {
		return `\x` + hex.EncodeToString(b.Cols[column].BytesAt(row)), true
	}
	return string(out), true
}

func bitValue(p []byte) (x uint64) {
	for _, c := range p {
		x = x<<8 | uint64(c)
	}
	return x
}

// AppendDecimal writes an unscaled value with its point.
func AppendDecimal(out []byte, x int64, scale int) []byte {
	if scale == 0 {
		return strconv.AppendInt(out, x, 10)
	}
	u := uint64(x)
	if x < 0 {
		out, u = append(out, '-'), -u
	}
	var digits [40]byte
	text := strconv.AppendUint(digits[:0], u, 10)
	for len(text) <= scale {
		text = append([]byte{'0'}, text...)
	}
	out = append(out, text[:len(text)-scale]...)
	return append(append(out, '.'), text[len(text)-scale:]...)
}

// AppendDouble writes a floating-point number as MySQL and MariaDB print a double: its shortest digits, with an exponent where the point
// would be more than fifteen places away.
func AppendDouble(out []byte, x float64) []byte {
	if x == 0 {
		if math.Signbit(x) {
			out = append(out, '-')
		}
		return append(out, '0')
	}
	if x < 0 {
		out, x = append(out, '-'), -x
	}
	var scratch [32]byte
	text := strconv.AppendFloat(scratch[:0], x, 'e', -1, 64)
	e := strings.IndexByte(string(text), 'e')
	exponent, _ := strconv.Atoi(string(text[e+1:])) // The library wrote it.
	digits := append([]byte{text[0]}, text[min(2, e):e]...)
	point := exponent + 1
	switch {
	case point < -14 || point > 15:
		out = append(out, digits[0])
		if len(digits) > 1 {
			out = append(append(out, '.'), digits[1:]...)
		}
		return strconv.AppendInt(append(out, 'e'), int64(exponent), 10)
	case point <= 0:
		out = append(out, '0', '.')
		for range -point {
			out = append(out, '0')
		}
		return append(out, digits...)
	case point >= len(digits):
		out = append(out, digits...)
		for range point - len(digits) {
			out = append(out, '0')
		}
		return out
	}
	out = append(append(out, digits[:point]...), '.')
	return append(out, digits[point:]...)
}

// AppendDate writes days since 1970-01-01 as YYYY-MM-DD.
func AppendDate(out []byte, days int64) []byte {
	// Years from March over eras of 400 years, the other way round than dayOf.
	z := days + 719468
	era := z / 146097
	if z < 0 {
		era = (z - 146096) / 146097
	}
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	m := (5*doy + 2) / 153
	d := doy - (153*m+2)/5 + 1
	y := yoe + era*400
	if m += 3; m > 12 {
		m, y = m-12, y+1
	}
	out = appendDigits(out, y, 4)
	out = appendDigits(append(out, '-'), m, 2)
	return appendDigits(append(out, '-'), d, 2)
}

// AppendTimestamp writes microseconds since 1970-01-01 as YYYY-MM-DD hh:mm:ss, with 0 to 6 digits after the seconds.
func AppendTimestamp(out []byte, us int64, digits int) []byte {
	days := us / day
	if us%day < 0 {
		days--
	}
	us -= days * day
	out = AppendDate(out, days)
	s := us / 1_000_000
	out = appendDigits(append(out, ' '), s/3600, 2)
	out = appendDigits(append(out, ':'), s/60%60, 2)
	out = appendDigits(append(out, ':'), s%60, 2)
	if digits > 0 && digits <= 6 {
		out = appendDigits(append(out, '.'), us%1_000_000, 6)
		out = out[:len(out)-6+digits]
	}
	return out
}

func appendDigits(out []byte, x int64, width int) []byte {
	for unit := int64(math.Pow10(width - 1)); unit > 0; unit /= 10 {
		out = append(out, byte('0'+x/unit%10))
	}
	return out
}

// ParseRaw reads what `_raw` keeps of a row: the source's own bytes of each value, by column. It reads just what Filler writes.
func ParseRaw(p []byte) map[string][]byte {
	out := map[string][]byte{}
	for len(p) > 1 {
		name, rest := rawText(p[1:])
		if len(rest) == 0 || rest[0] != ':' {
			break
		}
		value, rest := rawText(rest[1:])
		out[string(name)] = value
		p = rest
	}
	return out
}

// rawText reads a text in quotes; an escape \u00XX is the byte of that number.
func rawText(p []byte) (text, rest []byte) {
	if len(p) == 0 || p[0] != '"' {
		return nil, nil
	}
	text = []byte{}
	for i := 1; i < len(p); i++ {
		switch {
		case p[i] == '"':
			return text, p[i+1:]
		case p[i] != '\\':
			text = append(text, p[i])
		case i+5 < len(p) && p[i+1] == 'u':
			x, _ := strconv.ParseUint(string(p[i+2:i+6]), 16, 8) // Filler writes nothing else.
			text = append(text, byte(x))
			i += 5
		case i+1 < len(p):
			i++
			text = append(text, p[i])
		}
	}
	return text, nil
}
