package warehouse

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"strings"

	"lifeline/change"
)

// The frame of COPY's binary format: a signature, no flags, no extension; and the row of -1 fields that ends it.
var (
	copyHeader  = append([]byte("PGCOPY\n\xff\r\n\x00"), 0, 0, 0, 0, 0, 0, 0, 0)
	copyTrailer = []byte{0xff, 0xff}
)

// PostgreSQL counts days and microseconds from 2000-01-01.
const (
	daysTo2000   = 10957
	microsTo2000 = 946684800 * 1_000_000
)

// rowEncoder writes the rows of one table in COPY's binary format. It allocates nothing per row, but for decimals of more than
// 18 digits.
type rowEncoder struct {
	table *change.Table
}

// append adds row i of the batch: every column, then _raw.
func (e *rowEncoder) append(dst []byte, b *change.Batch, i int) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(b.Cols)+1))
	for c := range b.Cols {
		v := &b.Cols[c]
		if v.Nulls[i] {
			dst = append(dst, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		dst = appendValue(dst, e.table.Columns[c].Type, v, i)
	}
	if b.Raw.Nulls[i] {
		return append(dst, 0xff, 0xff, 0xff, 0xff)
	}
	return appendBytes(dst, b.Raw.BytesAt(i))
}

// appendValue adds one value that is not null: its length, then its bytes.
func appendValue(dst []byte, t change.Type, v *change.Vector, i int) []byte {
	switch t.Kind {
	case change.Int16:
		dst = append(dst, 0, 0, 0, 2)
		return binary.BigEndian.AppendUint16(dst, uint16(v.Ints[i]))
	case change.Int32:
		dst = append(dst, 0, 0, 0, 4)
		return binary.BigEndian.AppendUint32(dst, uint32(v.Ints[i]))
	case change.Int64:
		dst = append(dst, 0, 0, 0, 8)
		return binary.BigEndian.AppendUint64(dst, uint64(v.Ints[i]))
	case change.Date:
		dst = append(dst, 0, 0, 0, 4)
		return binary.BigEndian.AppendUint32(dst, uint32(int32(v.Ints[i]-daysTo2000)))
	case change.Timestamp:
		dst = append(dst, 0, 0, 0, 8)
		return binary.BigEndian.AppendUint64(dst, uint64(v.Ints[i]-microsTo2000))
	case change.Float32:
		dst = append(dst, 0, 0, 0, 4)
		return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(v.Floats[i])))
	case change.Float64:
		dst = append(dst, 0, 0, 0, 8)
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(v.Floats[i]))
	case change.Decimal:
		if len(v.Wide) > 0 {
			if text, ok := v.Wide[i]; ok {
				return appendNumericText(dst, text, t.Scale)
			}
		}
		return appendNumeric(dst, v.Ints[i], t.Scale)
	case change.Text, change.Bytes:
		return appendBytes(dst, v.BytesAt(i))
	default:
		panic(fmt.Sprintf("a value of kind %d cannot be encoded", t.Kind))
	}
}

func appendBytes(dst, p []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(p)))
	return append(dst, p...)
}

var pow10 = func() (p [19]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

const numericNegative = 0x4000

// appendNumeric adds unscaled/10^scale as PostgreSQL keeps it: digits of base 10000, the first of them of weight 10000^weight.
func appendNumeric(dst []byte, unscaled int64, scale int) []byte {
	if scale > 16 {
		return appendNumericText(dst, decimalText(unscaled, scale), scale)
	}
	sign, u := uint16(0), uint64(unscaled)
	if unscaled < 0 {
		sign, u = numericNegative, -u
	}
	whole, fraction := u/pow10[scale], u%pow10[scale]
	groups := (scale + 3) / 4
	fraction *= pow10[groups*4-scale] // At most 16 digits, for the scale is.

	var digits [9]uint16 // At most five of the whole and four of the fraction, filled from the end.
	at := len(digits)
	for range groups {
		at--
		digits[at] = uint16(fraction % 10000)
		fraction /= 10000
	}
	weight := -1
	for ; whole > 0; whole /= 10000 {
		at--
		weight++
		digits[at] = uint16(whole % 10000)
	}
	end := len(digits)
	for end > at && digits[end-1] == 0 {
		end--
	}
	for at < end && digits[at] == 0 {
		at++
		weight--
	}
	if at == end {
		weight, sign = 0, 0
	}
	return appendDigits(dst, digits[at:end], weight, sign, scale)
}

func appendDigits(dst []byte, digits []uint16, weight int, sign uint16, scale int) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(8+2*len(digits)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(digits)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(int16(weight)))
	dst = binary.BigEndian.AppendUint16(dst, sign)
	dst = binary.BigEndian.AppendUint16(dst, uint16(scale))
	for _, d := range digits {
		dst = binary.BigEndian.AppendUint16(dst, d)
	}
	return dst
}

// decimalText writes unscaled/10^scale with all digits.
func decimalText(unscaled int64, scale int) string {
	sign := ""
	u := uint64(unscaled)
	if unscaled < 0 {
		sign, u = "-", -u
	}
	digits := fmt.Sprintf("%0*d", scale+1, u)
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}

// appendNumericText adds a decimal given as text, such as "-123.4500".
func appendNumericText(dst []byte, text string, scale int) []byte {
	sign := uint16(0)
	if rest, negative := strings.CutPrefix(text, "-"); negative {
		sign, text = numericNegative, rest
	}
	text = strings.TrimPrefix(text, "+")
	whole, fraction, _ := strings.Cut(text, ".")
	whole = strings.Repeat("0", (4-len(whole)%4)%4) + whole
	scale = max(scale, len(fraction))
	fraction += strings.Repeat("0", (4-len(fraction)%4)%4)

	all := whole + fraction
	digits := make([]uint16, 0, len(all)/4)
	for ; all != ""; all = all[4:] {
		digits = append(digits, uint16(all[0]-'0')*1000+uint16(all[1]-'0')*100+uint16(all[2]-'0')*10+uint16(all[3]-'0'))
	}
	weight := len(whole)/4 - 1
	for len(digits) > 0 && digits[len(digits)-1] == 0 {
		digits = digits[:len(digits)-1]
	}
	for len(digits) > 0 && digits[0] == 0 {
		digits = digits[1:]
		weight--
	}
	if len(digits) == 0 {
		weight, sign = 0, 0
	}
	return appendDigits(dst, digits, weight, sign, scale)
}

// digest sums the 128-bit hashes of rows. Rows in another order have the same digest, one row more or less has not.
type digest struct{ hi, lo uint64 }

const (
	hashA = 0xa0761d6478bd642f
	hashB = 0xe7037ed1a0b428db
	hashC = 0x8ebc6af09c88c6e3
)

// add takes one encoded row in. Both halves are a chain of full multiplications with different constants.
func (d *digest) add(row []byte) {
	a, b := uint64(len(row))^hashA, uint64(len(row))^hashB
	for len(row) >= 8 {
		x := binary.LittleEndian.Uint64(row)
		a, b = mix(a^x, hashB), mix(b^x, hashC)
		row = row[8:]
	}
	if len(row) > 0 {
		var last [8]byte
		copy(last[:], row)
		x := binary.LittleEndian.Uint64(last[:])
		a, b = mix(a^x, hashB), mix(b^x, hashC)
	}
	d.merge(digest{hi: mix(a^hashC, b|1), lo: mix(b^hashA, a|1)})
}

func mix(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return hi ^ lo ^ x
}

func (d *digest) merge(o digest) {
	var carry uint64
	d.lo, carry = bits.Add64(d.lo, o.lo, 0)
	d.hi, _ = bits.Add64(d.hi, o.hi, carry)
}

func (d digest) String() string { return fmt.Sprintf("1:%016x%016x", d.hi, d.lo) }
