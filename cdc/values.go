package cdc

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"

	"lifeline/change"
)

// Types of MariaDB's compressed columns.
const (
	kindBlobCompressed    = 140
	kindVarcharCompressed = 141
)

var longKinds = []byte{mysql.MYSQL_TYPE_BLOB, kindBlobCompressed}

// kindsOf are the types that events have for a declared one.
var kindsOf = map[string][]byte{
	"tinyint": {mysql.MYSQL_TYPE_TINY}, "smallint": {mysql.MYSQL_TYPE_SHORT}, "mediumint": {mysql.MYSQL_TYPE_INT24},
	"int": {mysql.MYSQL_TYPE_LONG}, "bigint": {mysql.MYSQL_TYPE_LONGLONG}, "year": {mysql.MYSQL_TYPE_YEAR},
	"float": {mysql.MYSQL_TYPE_FLOAT}, "double": {mysql.MYSQL_TYPE_DOUBLE}, "decimal": {mysql.MYSQL_TYPE_NEWDECIMAL},
	"date": {mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_NEWDATE}, "datetime": {mysql.MYSQL_TYPE_DATETIME2, mysql.MYSQL_TYPE_DATETIME},
	"timestamp": {mysql.MYSQL_TYPE_TIMESTAMP2, mysql.MYSQL_TYPE_TIMESTAMP}, "time": {mysql.MYSQL_TYPE_TIME2, mysql.MYSQL_TYPE_TIME},
	"char": {mysql.MYSQL_TYPE_STRING, mysql.MYSQL_TYPE_VAR_STRING}, "binary": {mysql.MYSQL_TYPE_STRING},
	"varchar":   {mysql.MYSQL_TYPE_VARCHAR, kindVarcharCompressed},
	"varbinary": {mysql.MYSQL_TYPE_VARCHAR, kindVarcharCompressed}, "enum": {mysql.MYSQL_TYPE_ENUM},
	"set": {mysql.MYSQL_TYPE_SET}, "bit": {mysql.MYSQL_TYPE_BIT}, "json": {mysql.MYSQL_TYPE_JSON, mysql.MYSQL_TYPE_BLOB},
	"uuid": {mysql.MYSQL_TYPE_STRING}, "inet4": {mysql.MYSQL_TYPE_STRING}, "inet6": {mysql.MYSQL_TYPE_STRING},
	"tinytext": longKinds, "text": longKinds, "mediumtext": longKinds, "longtext": longKinds, "tinyblob": longKinds, "blob": longKinds,
	"mediumblob": longKinds, "longblob": longKinds,
	"vector": {mysql.MYSQL_TYPE_VECTOR, mysql.MYSQL_TYPE_VARCHAR},
}

// fits says what the log has where that is another type than the column's now; "" where they agree.
func (c *column) fits() string {
	kinds, known := kindsOf[c.base]
	if !known {
		kinds = []byte{mysql.MYSQL_TYPE_GEOMETRY} // All its kinds are one.
	}
	if !slices.Contains(kinds, c.kind) {
		return fmt.Sprintf("of the type %d", c.kind)
	}
	switch c.kind {
	case mysql.MYSQL_TYPE_NEWDECIMAL:
		if int(c.meta&0xff) != c.scale {
			return fmt.Sprintf("decimal(%d,%d)", c.meta>>8, c.meta&0xff)
		}
	case mysql.MYSQL_TYPE_DATETIME2, mysql.MYSQL_TYPE_TIMESTAMP2, mysql.MYSQL_TYPE_TIME2:
		if int(c.meta) != c.digits {
			return fmt.Sprintf("with %d digits after the second", c.meta)
		}
	case mysql.MYSQL_TYPE_DATETIME, mysql.MYSQL_TYPE_TIMESTAMP, mysql.MYSQL_TYPE_TIME:
		if c.digits > 0 {
			return "in an old form, of which the log does not say how many digits it has"
		}
	case mysql.MYSQL_TYPE_ENUM, mysql.MYSQL_TYPE_SET:
		if (c.kind == mysql.MYSQL_TYPE_ENUM && c.meta != uint16(1+len(c.words)/256)) || c.meta == 0 || c.meta > 8 {
			return "of other words"
		}
	}
	return ""
}

// extent says how many bytes of length precede a value, and how many the value has.
func (c *column) extent(data []byte) (head, length int, err error) {
	switch c.kind {
	case mysql.MYSQL_TYPE_TINY, mysql.MYSQL_TYPE_YEAR:
		return 0, 1, nil
	case mysql.MYSQL_TYPE_SHORT:
		return 0, 2, nil
	case mysql.MYSQL_TYPE_INT24, mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_NEWDATE, mysql.MYSQL_TYPE_TIME:
		return 0, 3, nil
	case mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_FLOAT, mysql.MYSQL_TYPE_TIMESTAMP:
		return 0, 4, nil
	case mysql.MYSQL_TYPE_LONGLONG, mysql.MYSQL_TYPE_DOUBLE, mysql.MYSQL_TYPE_DATETIME:
		return 0, 8, nil
	case mysql.MYSQL_TYPE_NEWDECIMAL:
		return 0, decimalSize(int(c.meta>>8), int(c.meta&0xff)), nil
	case mysql.MYSQL_TYPE_TIMESTAMP2:
		return 0, 4 + int(c.meta+1)/2, nil
	case mysql.MYSQL_TYPE_DATETIME2:
		return 0, 5 + int(c.meta+1)/2, nil
	case mysql.MYSQL_TYPE_TIME2:
		return 0, 3 + int(c.meta+1)/2, nil
	case mysql.MYSQL_TYPE_BIT:
		return 0, (int(c.meta>>8)*8 + int(c.meta&0xff) + 7) / 8, nil
	case mysql.MYSQL_TYPE_ENUM, mysql.MYSQL_TYPE_SET:
		return 0, int(c.meta & 0xff), nil
	case mysql.MYSQL_TYPE_STRING, mysql.MYSQL_TYPE_VARCHAR, mysql.MYSQL_TYPE_VAR_STRING, kindVarcharCompressed:
		if c.meta < 256 {
			return counted(data, 1)
		}
		return counted(data, 2)
	case mysql.MYSQL_TYPE_BLOB, mysql.MYSQL_TYPE_JSON, mysql.MYSQL_TYPE_GEOMETRY, mysql.MYSQL_TYPE_VECTOR, kindBlobCompressed:
		return counted(data, int(c.meta))
	}
	return 0, 0, fmt.Errorf("a value of type %d cannot be read", c.kind)
}

func counted(data []byte, head int) (int, int, error) {
	if head < 1 || head > 4 || len(data) < head {
		return 0, 0, errMalformed
	}
	n := 0
	for i := head - 1; i >= 0; i-- {
		n = n<<8 | int(data[i])
	}
	return head, n, nil
}

// land adds a value to column i of a batch, in the same way as a snapshot's value.
func (c *column) land(to *change.Filler, b *change.Batch, i int, v value, f *follower) error {
	p := v.data
	switch c.kind {
	case mysql.MYSQL_TYPE_TINY, mysql.MYSQL_TYPE_SHORT, mysql.MYSQL_TYPE_INT24, mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_LONGLONG:
		c.whole(to, b, i, p, f)
	case mysql.MYSQL_TYPE_YEAR:
		year := int64(p[0])
		if year > 0 {
			year += 1900
		}
		to.Whole(b, i, year)
	case mysql.MYSQL_TYPE_FLOAT:
		to.Double(b, i, float64(math.Float32frombits(binary.LittleEndian.Uint32(p))))
	case mysql.MYSQL_TYPE_DOUBLE:
		to.Double(b, i, math.Float64frombits(binary.LittleEndian.Uint64(p)))
	case mysql.MYSQL_TYPE_NEWDECIMAL:
		f.text = appendDecimal(f.text[:0], p, int(c.meta>>8), int(c.meta&0xff))
		to.Value(b, i, f.text)
	case mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_NEWDATE, mysql.MYSQL_TYPE_DATETIME, mysql.MYSQL_TYPE_DATETIME2,
		mysql.MYSQL_TYPE_TIMESTAMP, mysql.MYSQL_TYPE_TIMESTAMP2:
		c.moment(to, b, i, p, f)
	case mysql.MYSQL_TYPE_TIME, mysql.MYSQL_TYPE_TIME2:
		f.text = c.appendTime(f.text[:0], p)
		to.Value(b, i, f.text)
	case mysql.MYSQL_TYPE_ENUM, mysql.MYSQL_TYPE_SET:
		text, err := c.word(f.text[:0], p)
		if err != nil {
			return err
		}
		f.text = text
		to.Value(b, i, text)
	case mysql.MYSQL_TYPE_JSON:
		text, err := appendJSON(f.text[:0], p)
		if v.patched {
			text, err = appendPatchedJSON(f.text[:0], v.before, p)
		}
		if err != nil {
			return fmt.Errorf("a document: %w", err)
		}
		f.text = text
		to.Value(b, i, text)
	default:
		return c.characters(to, b, i, p, f)
	}
	return nil
}

// characters adds a text or bytes.
func (c *column) characters(to *change.Filler, b *change.Batch, i int, p []byte, f *follower) (err error) {
	if c.kind == kindBlobCompressed || c.kind == kindVarcharCompressed {
		if p, err = inflated(p); err != nil {
			return err
		}
	}
	switch {
	case c.width > len(p): // The log leaves the zeros at a BINARY's end out.
		f.text = append(append(f.text[:0], p...), make([]byte, c.width-len(p))...)
		to.Value(b, i, f.text)
	case c.base == "uuid" || c.base == "inet4" || c.base == "inet6":
		f.text = appendAddress(f.text[:0], c.base, p)
		to.Value(b, i, f.text)
	case c.convert != nil:
		text, err := c.convert(p)
		if err != nil {
			return err
		}
		to.Value(b, i, text)
	default:
		to.Value(b, i, p)
	}
	return nil
}

// appendAddress prints MariaDB's UUID, INET4 and INET6, whose zeros at the end the log leaves out.
func appendAddress(out []byte, base string, p []byte) []byte {
	size := 16
	if base == "inet4" {
		size = 4
	}
	full := make([]byte, size)
	copy(full, p)
	switch base {
	case "inet4":
		return netip.AddrFrom4([4]byte(full)).AppendTo(out)
	case "inet6":
		return netip.AddrFrom16([16]byte(full)).AppendTo(out)
	}
	for i, c := range full {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			out = append(out, '-')
		}
		out = append(out, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
	}
	return out
}

// whole adds a whole number.
func (c *column) whole(to *change.Filler, b *change.Batch, i int, p []byte, f *follower) {
	var x uint64
	for k := len(p) - 1; k >= 0; k-- {
		x = x<<8 | uint64(p[k])
	}
	if c.unsigned {
		if x > math.MaxInt64 || b.Table.Columns[i].Type.Kind == change.Decimal {
			f.text = strconv.AppendUint(f.text[:0], x, 10)
			to.Value(b, i, f.text)
			return
		}
		to.Whole(b, i, int64(x))
		return
	}
	shift := 64 - 8*len(p)
	to.Whole(b, i, int64(x<<shift)>>shift)
}

// word adds the words that a number of an ENUM or SET stands for.
func (c *column) word(out, p []byte) ([]byte, error) {
	var x uint64
	for k := len(p) - 1; k >= 0; k-- {
		x = x<<8 | uint64(p[k])
	}
	if c.kind == mysql.MYSQL_TYPE_ENUM {
		if x == 0 { // What MySQL makes of a word that is none.
			return out, nil
		}
		if x > uint64(len(c.words)) {
			return nil, fmt.Errorf("word %d of %d: %w", x, len(c.words), errMalformed)
		}
		return append(out, c.words[x-1]...), nil
	}
	for k := range 64 {
		if x&(1<<k) == 0 {
			continue
		}
		if k >= len(c.words) {
			return nil, fmt.Errorf("word %d of %d: %w", k+1, len(c.words), errMalformed)
		}
		if len(out) > 0 {
			out = append(out, ',')
		}
		out = append(out, c.words[k]...)
	}
	return out, nil
}

// groupBytes are how many bytes 0 to 9 decimal digits take.
var groupBytes = [10]int{0, 1, 1, 2, 2, 3, 3, 4, 4, 4}

func decimalSize(precision, scale int) int {
	whole := precision - scale
	return whole/9*4 + groupBytes[whole%9] + scale/9*4 + groupBytes[scale%9]
}

// appendDecimal prints a decimal: groups of nine digits in four bytes, the first and the last in fewer; the first bit says that it is not
// negative, and a negative one has all bits turned.
func appendDecimal(out, p []byte, precision, scale int) []byte {
	flip := byte(0)
	if p[0]&0x80 == 0 {
		flip = 0xff
		out = append(out, '-')
	}
	at := 0
	group := func(digits int) uint64 {
		var x uint64
		for range groupBytes[digits] {
			b := p[at] ^ flip
			if at == 0 {
				b ^= 0x80
			}
			x = x<<8 | uint64(b)
			at++
		}
		return x
	}
	whole := precision - scale
	start := len(out)
	write := func(digits int) {
		x := group(digits)
		for unit := tens[digits-1]; unit > 0; unit /= 10 {
			d := byte('0' + x/unit%10)
			if d != '0' || len(out) > start {
				out = append(out, d)
			}
		}
	}
	if n := whole % 9; n > 0 {
		write(n)
	}
	for range whole / 9 {
		write(9)
	}
	if len(out) == start {
		out = append(out, '0')
	}
	if scale == 0 {
		return out
	}
	out = append(out, '.')
	for range scale / 9 {
		write(9)
	}
	if n := scale % 9; n > 0 {
		write(n)
	}
	return out
}

var tens = [9]uint64{1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000}
