package cdc

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"

	"lifeline/change"
)

// MySQL keeps a JSON document in a binary form, and its log has that form. A snapshot has the text that the server prints of it, so the
// same text is printed here (promise 6): keys in the order in which they are kept, a blank after each colon and comma.

// Types of a value in the binary form.
const (
	jsonSmallObject = 0x00
	jsonLargeObject = 0x01
	jsonSmallArray  = 0x02
	jsonLargeArray  = 0x03
	jsonLiteral     = 0x04
	jsonInt16       = 0x05
	jsonUint16      = 0x06
	jsonInt32       = 0x07
	jsonUint32      = 0x08
	jsonInt64       = 0x09
	jsonUint64      = 0x0a
	jsonDouble      = 0x0b
	jsonString      = 0x0c
	jsonOpaque      = 0x0f // A value of a column's type, such as a decimal or a date.
)

// jsonDepth is how deep the server lets documents be, and a little more.
const jsonDepth = 110

// appendJSON prints a document.
func appendJSON(out, data []byte) ([]byte, error) {
	if len(data) == 0 { // What an update that is not strict makes of no value.
		return append(out, "null"...), nil
	}
	return appendJSONValue(out, data[0], data[1:], jsonDepth)
}

func appendJSONValue(out []byte, kind byte, data []byte, depth int) ([]byte, error) {
	switch kind {
	case jsonSmallObject, jsonLargeObject, jsonSmallArray, jsonLargeArray:
		return appendJSONMembers(out, kind, data, depth)
	}
	return appendJSONScalar(out, kind, data)
}

func appendJSONMembers(out []byte, kind byte, data []byte, depth int) ([]byte, error) {
	c, err := openJSON(kind, data, depth)
	if err != nil {
		return nil, err
	}
	first, last := byte('['), byte(']')
	if c.object {
		first, last = '{', '}'
	}
	out = append(out, first)
	for i := range c.count {
		if i > 0 {
			out = append(out, ", "...)
		}
		if c.object {
			key, err := c.key(i)
			if err != nil {
				return nil, err
			}
			out = append(appendJSONString(out, key), ": "...)
		}
		kind, value, err := c.value(i)
		if err != nil {
			return nil, err
		}
		if out, err = appendJSONValue(out, kind, value, depth-1); err != nil {
			return nil, err
		}
	}
	return append(out, last), nil
}

// jsonContainer is an object or array: the numbers of its members and bytes, entries of keys, entries of values, and what these point at.
type jsonContainer struct {
	data   []byte
	object bool
	wide   int // Bytes of a place or number: 2 or 4.
	count  int
}

func openJSON(kind byte, data []byte, depth int) (c jsonContainer, err error) {
	c = jsonContainer{data: data, object: kind == jsonSmallObject || kind == jsonLargeObject, wide: 2}
	if kind == jsonLargeObject || kind == jsonLargeArray {
		c.wide = 4
	}
	if len(data) < 2*c.wide || depth <= 0 {
		return c, errMalformed
	}
	c.count = c.number(0)
	if size := c.number(c.wide); size > len(data) || c.entries()+c.count*(1+c.wide) > size {
		return c, errMalformed
	}
	return c, nil
}

// number reads a place or number.
func (c *jsonContainer) number(at int) int {
	if c.wide == 4 {
		return int(binary.LittleEndian.Uint32(c.data[at:]))
	}
	return int(binary.LittleEndian.Uint16(c.data[at:]))
}

// entries is where those of the values begin.
func (c *jsonContainer) entries() int {
	if c.object {
		return 2*c.wide + c.count*(c.wide+2)
	}
	return 2 * c.wide
}

func (c *jsonContainer) key(i int) ([]byte, error) {
	at := 2*c.wide + i*(c.wide+2)
	from, length := c.number(at), int(binary.LittleEndian.Uint16(c.data[at+c.wide:]))
	if from+length > len(c.data) {
		return nil, errMalformed
	}
	return c.data[from : from+length], nil
}

// value is the type and the bytes of a member. A short one stands in its entry.
func (c *jsonContainer) value(i int) (byte, []byte, error) {
	at := c.entries() + i*(1+c.wide)
	kind := c.data[at]
	switch kind {
	case jsonLiteral, jsonInt16, jsonUint16:
		return kind, c.data[at+1:], nil
	case jsonInt32, jsonUint32:
		if c.wide == 4 {
			return kind, c.data[at+1:], nil
		}
	}
	from := c.number(at + 1)
	if from >= len(c.data) {
		return 0, nil, errMalformed
	}
	return kind, c.data[from:], nil
}

// jsonSizes are how many bytes a scalar of a type has at least.
var jsonSizes = map[byte]int{
	jsonLiteral: 1, jsonInt16: 2, jsonUint16: 2, jsonInt32: 4, jsonUint32: 4, jsonInt64: 8, jsonUint64: 8, jsonDouble: 8,
	jsonString: 1, jsonOpaque: 2,
}

func appendJSONScalar(out []byte, kind byte, data []byte) ([]byte, error) {
	least, known := jsonSizes[kind]
	if !known || len(data) < least {
		return nil, errMalformed
	}
	switch kind {
	case jsonLiteral:
		return appendJSONLiteral(out, data[0])
	case jsonInt16:
		return strconv.AppendInt(out, int64(int16(binary.LittleEndian.Uint16(data))), 10), nil
	case jsonUint16:
		return strconv.AppendUint(out, uint64(binary.LittleEndian.Uint16(data)), 10), nil
	case jsonInt32:
		return strconv.AppendInt(out, int64(int32(binary.LittleEndian.Uint32(data))), 10), nil
	case jsonUint32:
		return strconv.AppendUint(out, uint64(binary.LittleEndian.Uint32(data)), 10), nil
	case jsonInt64:
		return strconv.AppendInt(out, int64(binary.LittleEndian.Uint64(data)), 10), nil
	case jsonUint64:
		return strconv.AppendUint(out, binary.LittleEndian.Uint64(data), 10), nil
	case jsonDouble:
		return appendJSONDouble(out, math.Float64frombits(binary.LittleEndian.Uint64(data))), nil
	case jsonString:
		text, err := jsonCounted(data)
		return appendJSONString(out, text), err
	}
	value, err := jsonCounted(data[1:])
	if err != nil {
		return nil, err
	}
	return appendJSONOpaque(out, data[0], value)
}

func appendJSONLiteral(out []byte, value byte) ([]byte, error) {
	switch value {
	case 0:
		return append(out, "null"...), nil
	case 1:
		return append(out, "true"...), nil
	case 2:
		return append(out, "false"...), nil
	}
	return nil, errMalformed
}

// jsonCounted reads bytes behind their number, which has seven bits a byte.
func jsonCounted(data []byte) ([]byte, error) {
	length, n := binary.Uvarint(data)
	if n <= 0 || length > uint64(len(data)-n) {
		return nil, errMalformed
	}
	return data[n : n+int(length)], nil
}

// appendJSONDouble prints the shortest digits that are the number, with an exponent beyond fifteen places, and always as one that is no
// whole number.
func appendJSONDouble(out []byte, x float64) []byte {
	start := len(out)
	digits := strconv.AppendFloat(nil, x, 'e', -1, 64)
	exponent := 0
	for i := range digits {
		if digits[i] == 'e' {
			exponent, _ = strconv.Atoi(string(digits[i+1:])) // Always a number.
			digits = digits[:i]
			break
		}
	}
	if exponent >= -15 && exponent < 15 {
		out = strconv.AppendFloat(out, x, 'f', -1, 64)
		for _, c := range out[start:] {
			if c == '.' {
				return out
			}
		}
		return append(out, ".0"...)
	}
	return strconv.AppendInt(append(append(out, digits...), 'e'), int64(exponent), 10)
}

const hexDigits = "0123456789abcdef"

// appendJSONString prints a text in quotes.
func appendJSONString(out, text []byte) []byte {
	out = append(out, '"')
	for _, c := range text {
		switch c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\b':
			out = append(out, '\\', 'b')
		case '\t':
			out = append(out, '\\', 't')
		case '\n':
			out = append(out, '\\', 'n')
		case '\f':
			out = append(out, '\\', 'f')
		case '\r':
			out = append(out, '\\', 'r')
		default:
			if c < 0x20 {
				out = append(out, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
				continue
			}
			out = append(out, c)
		}
	}
	return append(out, '"')
}

// appendJSONOpaque prints a value of a column's type.
func appendJSONOpaque(out []byte, kind byte, value []byte) ([]byte, error) {
	switch kind {
	case mysql.MYSQL_TYPE_NEWDECIMAL:
		if len(value) < 2 || int(value[1]) > int(value[0]) || len(value)-2 < decimalSize(int(value[0]), int(value[1])) {
			return nil, errMalformed
		}
		return appendDecimal(out, value[2:], int(value[0]), int(value[1])), nil
	case mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_DATETIME, mysql.MYSQL_TYPE_TIMESTAMP, mysql.MYSQL_TYPE_TIME:
		if len(value) != 8 {
			return nil, errMalformed
		}
		out = append(out, '"')
		return append(appendJSONMoment(out, kind, int64(binary.LittleEndian.Uint64(value))), '"'), nil
	}
	text := fmt.Appendf(nil, "base64:type%d:", kind)
	for i, line := 0, base64.StdEncoding.AppendEncode(nil, value); i < len(line); i += 76 { // The server breaks lines.
		if i > 0 {
			text = append(text, '\n')
		}
		text = append(text, line[i:min(i+76, len(line))]...)
	}
	return appendJSONString(out, text), nil
}

// appendJSONMoment prints a packed date or time.
func appendJSONMoment(out []byte, kind byte, packed int64) []byte {
	if packed < 0 {
		out, packed = append(out, '-'), -packed
	}
	whole, micro := packed>>24, packed&(1<<24-1)
	if kind == mysql.MYSQL_TYPE_TIME {
		return change.AppendClock(out, whole>>12&1023, whole>>6&63, whole&63, micro, 6)
	}
	day, clock := whole>>17, whole&(1<<17-1)
	m := change.Moment{
		Year: day >> 5 / 13, Month: uint(day >> 5 % 13), Day: uint(day & 31),
		Hour: clock >> 12, Minute: clock >> 6 & 63, Second: clock & 63, Micro: micro,
	}
	out = m.AppendDate(out)
	if kind == mysql.MYSQL_TYPE_DATE {
		return out
	}
	return m.AppendClock(append(out, ' '), 6)
}
