package change

import (
	"bytes"
	"strconv"
	"strings"
	"unsafe"
)

// parseInt reads a whole number between low and high, with an optional sign and leading zeros (ZEROFILL).
func parseInt(p []byte, low, high int64) (int64, bool) {
	negative := false
	if len(p) > 0 && (p[0] == '-' || p[0] == '+') {
		negative = p[0] == '-'
		p = p[1:]
	}
	if len(p) == 0 {
		return 0, false
	}
	var x uint64
	for _, c := range p {
		c -= '0'
		if c > 9 || x > 922337203685477580 {
			return 0, false
		}
		x = x*10 + uint64(c)
	}
	if negative {
		if x > 1<<63 || int64(-x) < low {
			return 0, false
		}
		return int64(-x), true
	}
	if x > 1<<63-1 || int64(x) > high {
		return 0, false
	}
	return int64(x), true
}

// decimal is a decimal's text taken apart; its digits carry no leading zeros.
type decimal struct {
	negative    bool
	whole, part []byte
}

// parseDecimal takes [+-]digits[.digits] apart. Without a digit, or with an exponent, it is not a decimal.
func parseDecimal(p []byte) (d decimal, ok bool) {
	if len(p) > 0 && (p[0] == '-' || p[0] == '+') {
		d.negative = p[0] == '-'
		p = p[1:]
	}
	d.whole = p
	if point := bytes.IndexByte(p, '.'); point >= 0 {
		d.whole, d.part = p[:point], p[point+1:]
	}
	if len(d.whole)+len(d.part) == 0 || !digits(d.whole) || !digits(d.part) {
		return d, false
	}
	for len(d.whole) > 0 && d.whole[0] == '0' {
		d.whole = d.whole[1:]
	}
	return d, true
}

func digits(p []byte) bool {
	for _, c := range p {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// fit cuts the digits after the point to scale, if only zeros go, and reports whether the value has the type's digits.
func (d *decimal) fit(t Type) bool {
	for len(d.part) > t.Scale {
		if d.part[len(d.part)-1] != '0' {
			return false
		}
		d.part = d.part[:len(d.part)-1]
	}
	return len(d.whole) <= t.Precision-t.Scale
}

// unscaled returns the value times 10^scale, if it has at most 18 digits.
func (d *decimal) unscaled(scale int) (int64, bool) {
	if len(d.whole)+scale > 18 {
		if len(d.whole) > 0 {
			return 0, false
		}
		part := bytes.TrimLeft(d.part, "0")
		if len(part)+scale-len(d.part) > 18 {
			return 0, len(part) == 0
		}
	}
	var x int64
	for _, c := range d.whole {
		x = x*10 + int64(c-'0')
	}
	for _, c := range d.part {
		x = x*10 + int64(c-'0')
	}
	for range scale - len(d.part) {
		x *= 10
	}
	if d.negative {
		x = -x
	}
	return x, true
}

// text writes the value with exactly scale digits after the point.
func (d *decimal) text(scale int) string {
	out := make([]byte, 0, len(d.whole)+scale+3)
	if d.negative {
		out = append(out, '-')
	}
	if len(d.whole) == 0 {
		out = append(out, '0')
	}
	out = append(out, d.whole...)
	if scale > 0 {
		out = append(out, '.')
		out = append(out, d.part...)
		out = append(out, bytes.Repeat([]byte{'0'}, scale-len(d.part))...)
	}
	return string(out)
}

// parseFloat reads a number as MySQL prints it: no words, no hexadecimal digits.
func parseFloat(p []byte, bits int) (float64, bool) {
	for _, c := range p {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	if len(p) == 0 {
		return 0, false
	}
	x, err := strconv.ParseFloat(unsafe.String(&p[0], len(p)), bits)
	return x, err == nil
}

// TrimDecimal takes needless zeros off a decimal: 1.500 becomes 1.5, 2.00 becomes 2.
func TrimDecimal(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
