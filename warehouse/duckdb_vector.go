package warehouse

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"lifeline/change"
)

// vectorWriter copies values of one column into vectors of the engine.
type vectorWriter struct {
	kind      change.Kind
	precision int // Decimal: as the part's column has it.
	scale     int
	limit     int64 // Decimal: the first unscaled value that does not fit.
}

// inlineText is how many bytes of a text the engine keeps in the vector itself; a longer one is kept by its address.
const inlineText = 12

// duckText is the engine's duckdb_string_t: the length, then either the bytes or their first four and an address.
type duckText struct {
	length uint32
	prefix [4]byte
	rest   [8]byte // The other eight bytes or the address.
}

// duckHuge is the engine's duckdb_hugeint.
type duckHuge struct {
	lower uint64
	upper int64
}

// data is the memory of a vector, as n values.
func data[T any](vector mapping.Vector, n int) []T {
	return unsafe.Slice((*T)(mapping.VectorGetData(vector)), n)
}

// check tells whether a decimal column's values fit, and refuses a column that is torn or holds what the engine must not get.
func (c *vectorWriter) check(v *change.Vector, n int) (bool, error) {
	var have int
	switch c.kind {
	case change.Text, change.Bytes:
		have = len(v.Offsets) - 1
	case change.Float32, change.Float64:
		have = len(v.Floats)
	default:
		have = len(v.Ints)
	}
	if len(v.Nulls) != n || have != n {
		return false, fmt.Errorf("%d rows, %d nulls and %d values", n, len(v.Nulls), have)
	}
	switch c.kind {
	case change.Text:
		return true, checkText(v, n)
	case change.Int16, change.Int32, change.Date:
		lo, hi := int64(math.MinInt32), int64(math.MaxInt32)
		if c.kind == change.Int16 {
			lo, hi = math.MinInt16, math.MaxInt16
		}
		for _, x := range v.Ints {
			if x < lo || x > hi {
				return false, fmt.Errorf("the value %d does not fit", x)
			}
		}
	case change.Decimal:
		if c.precision > narrowDigits {
			return true, nil
		}
		if len(v.Wide) > 0 {
			return false, nil
		}
		bad := false
		for _, x := range v.Ints {
			bad = bad || x >= c.limit || x <= -c.limit
		}
		return !bad, nil
	default:
	}
	return true, nil
}

// checkText refuses bytes that are not UTF-8, which the engine takes for granted. Valid text end to end whose values all begin at
// the first byte of a character is valid value by value.
func checkText(v *change.Vector, n int) error {
	whole := utf8.Valid(v.Data)
	for i := range n {
		text := v.BytesAt(i)
		if whole && (len(text) == 0 || utf8.RuneStart(text[0])) {
			continue
		}
		if !utf8.Valid(text) {
			return fmt.Errorf("row %d of the batch is not UTF-8", i)
		}
	}
	return nil
}

// fill copies n values from a row on.
func (c *vectorWriter) fill(vector mapping.Vector, v *change.Vector, from, n int) error {
	setNulls(vector, v.Nulls[from:from+n])
	switch c.kind {
	case change.Text, change.Bytes:
		fillText(data[duckText](vector, n), v, from)
	case change.Float64:
		copy(data[float64](vector, n), v.Floats[from:from+n])
	case change.Float32:
		out := data[float32](vector, n)
		for i, x := range v.Floats[from : from+n] {
			out[i] = float32(x)
		}
	case change.Int16:
		narrow(data[int16](vector, n), v.Ints[from:from+n])
	case change.Int32, change.Date:
		narrow(data[int32](vector, n), v.Ints[from:from+n])
	case change.Decimal:
		return c.fillDecimal(vector, v, from, n)
	default:
		copy(data[int64](vector, n), v.Ints[from:from+n])
	}
	return nil
}

// narrow copies values that are known to fit.
func narrow[T int16 | int32](out []T, in []int64) {
	for i, x := range in {
		out[i] = T(x)
	}
}

// setNulls writes a vector's validity: one bit a row, set where there is a value.
func setNulls(vector mapping.Vector, nulls []bool) {
	// A bool is a byte of zero or one.
	if bytes.IndexByte(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(nulls))), len(nulls)), 1) < 0 {
		return
	}
	mapping.VectorEnsureValidityWritable(vector)
	words := unsafe.Slice((*uint64)(mapping.VectorGetValidity(vector)), (len(nulls)+63)/64)
	for w := range words {
		word := ^uint64(0)
		for i, null := range nulls[w*64 : min(w*64+64, len(nulls))] {
			if null {
				word &^= 1 << i
			}
		}
		words[w] = word
	}
}

// fillText writes short texts whole and long ones by their address in v.Data, which must be pinned until the chunk is taken.
func fillText(out []duckText, v *change.Vector, from int) {
	for i := range out {
		text := v.Data[v.Offsets[from+i]:v.Offsets[from+i+1]]
		t := &out[i]
		*t = duckText{length: uint32(len(text))}
		if len(text) <= inlineText {
			copy(unsafe.Slice(&t.prefix[0], inlineText), text)
			continue
		}
		copy(t.prefix[:], text)
		*(*uintptr)(unsafe.Pointer(&t.rest)) = uintptr(unsafe.Pointer(unsafe.SliceData(text)))
	}
}

// fillDecimal writes unscaled values in the width that the engine has for the precision.
func (c *vectorWriter) fillDecimal(vector mapping.Vector, v *change.Vector, from, n int) error {
	in := v.Ints[from : from+n]
	switch {
	case c.precision <= 4:
		narrow(data[int16](vector, n), in)
	case c.precision <= 9:
		narrow(data[int32](vector, n), in)
	case c.precision <= narrowDigits:
		copy(data[int64](vector, n), in)
	default:
		out := data[duckHuge](vector, n)
		for i, x := range in {
			out[i] = duckHuge{lower: uint64(x), upper: x >> 63}
		}
		for row, text := range v.Wide {
			if row < from || row >= from+n {
				continue
			}
			huge, err := parseHuge(text, c.precision, c.scale)
			if err != nil {
				return err
			}
			out[row-from] = huge
		}
	}
	return nil
}

// parseHuge reads a decimal's text as its unscaled value.
func parseHuge(text string, precision, scale int) (duckHuge, error) {
	unsigned, negative := strings.CutPrefix(text, "-")
	unsigned = strings.TrimPrefix(unsigned, "+")
	whole, fraction, _ := strings.Cut(unsigned, ".")
	if len(fraction) > scale {
		if strings.Trim(fraction[scale:], "0") != "" {
			return duckHuge{}, fmt.Errorf("%s has more than %d digits after the point", text, scale)
		}
		fraction = fraction[:scale]
	}
	figures := strings.TrimLeft(whole+fraction+strings.Repeat("0", scale-len(fraction)), "0")
	if len(figures) > precision {
		return duckHuge{}, fmt.Errorf("%s has more than %d digits", text, precision)
	}
	if slices.ContainsFunc([]byte(figures), func(d byte) bool { return d < '0' || d > '9' }) || unsigned == "" {
		return duckHuge{}, errors.New("not a decimal: " + text)
	}
	var hi, lo uint64
	for _, d := range []byte(figures) {
		carry, low := bits.Mul64(lo, 10)
		var over uint64
		lo, over = bits.Add64(low, uint64(d-'0'), 0)
		hi = hi*10 + carry + over
	}
	if negative {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	return duckHuge{lower: lo, upper: int64(hi)}, nil
}

func powerOfTen(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}
