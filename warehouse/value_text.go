package warehouse

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// TimeStyle is how a point in time is written.
type TimeStyle string

// The styles of times, both in UTC.
const (
	TimeSQL TimeStyle = "2006-01-02 15:04:05.999999999"
	TimeISO TimeStyle = "2006-01-02T15:04:05.999999999Z"
)

// ValueText writes a value of either engine's driver as people read it in a terminal or a file, the same on both engines. The type is
// the database's own name for it, as sql.ColumnType.DatabaseTypeName gives it. Null is the empty text.
//
// Bytes are \x and hexadecimal digits as in psql; days have no time of day and times of day no date; lists are [1, 2], structs {x: 1};
// what has no end is Infinity for numbers and infinity for times.
func ValueText(v any, kind string, style TimeStyle) string {
	switch x := ValueJSON(v, kind, style).(type) {
	case nil:
		return ""
	case string:
		return x
	case bool:
		return strconv.FormatBool(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return floatText(x, 64)
	case list:
		return nestedText(x)
	case record:
		return nestedText(x)
	default:
		return fmt.Sprint(x)
	}
}

// ValueJSON makes of a driver's value what JSON holds without loss: a bool, an int64, a float64, a list, an object that keeps its
// order, or a string. Decimals, integers that a JSON reader may round, bytes, times and what is not a finite number are strings.
func ValueJSON(v any, kind string, style TimeStyle) any {
	switch x := v.(type) {
	case nil:
		return nil
	case bool:
		return x
	case string:
		return textJSON(x, kind, style)
	case []byte:
		return bytesJSON(x, kind)
	case time.Time:
		return timeJSON(x, kind, style)
	case float32:
		return floatJSON(float64(x), 32)
	case float64:
		if isSingle(kind) {
			return floatJSON(x, 32) // PostgreSQL's driver widens them.
		}
		return floatJSON(x, 64)
	case duckdb.Decimal:
		return DecimalText(x.Value, int(x.Scale))
	case duckdb.Interval:
		return IntervalText(x)
	case duckdb.Bit:
		return x.String()
	case duckdb.UUID:
		return x.String()
	case *big.Int:
		if x.IsInt64() {
			return integerJSON(x.Int64())
		}
		return x.String()
	}
	if n, is := integerOf(v); is {
		return n
	}
	return nestedJSON(v, kind, style)
}

// nestedJSON goes through lists, structs, maps and unions.
func nestedJSON(v any, kind string, style TimeStyle) any {
	switch x := v.(type) {
	case []any:
		out := make(list, len(x))
		for i, e := range x {
			out[i] = ValueJSON(e, elementType(kind), style)
		}
		return out
	case map[string]any:
		var out record
		for _, f := range fieldsOf(kind, x) {
			out = append(out, field{f.name, ValueJSON(x[f.name], f.kind, style)})
		}
		return out
	case duckdb.OrderedMap:
		var out record
		keyKind, valueKind := mapTypes(kind)
		keys, values := x.Keys(), x.Values()
		for i := range keys {
			out = append(out, field{ValueText(keys[i], keyKind, style), ValueJSON(values[i], valueKind, style)})
		}
		return out
	case duckdb.Union:
		return ValueJSON(x.Value, memberType(kind, x.Tag), style)
	case fmt.Stringer:
		return x.String()
	}
	return fmt.Sprint(v)
}

func integerOf(v any) (any, bool) {
	switch x := v.(type) {
	case int:
		return integerJSON(int64(x)), true
	case int64:
		return integerJSON(x), true
	case int32:
		return int64(x), true
	case int16:
		return int64(x), true
	case int8:
		return int64(x), true
	case uint8:
		return int64(x), true
	case uint16:
		return int64(x), true
	case uint32:
		return int64(x), true
	case uint64:
		if x > 1<<53 {
			return strconv.FormatUint(x, 10), true
		}
		return int64(x), true
	}
	return nil, false
}

// integerJSON keeps what every JSON reader holds exactly as a number.
func integerJSON(x int64) any {
	if x > 1<<53 || x < -(1<<53) {
		return strconv.FormatInt(x, 10)
	}
	return x
}

func isSingle(kind string) bool {
	switch strings.ToLower(kind) {
	case "float4", "real", "float":
		return true
	}
	return false
}

func floatJSON(x float64, bits int) any {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return floatText(x, bits)
	}
	if bits == 32 {
		x, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', -1, 32), 64) // So that 0.1 stays 0.1.
	}
	return x
}

// floatText is the shortest text that reads back as the same number, as PostgreSQL writes it.
func floatText(x float64, bits int) string {
	switch size := math.Abs(x); {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "Infinity"
	case math.IsInf(x, -1):
		return "-Infinity"
	case size != 0 && (size < 1e-4 || size >= 1e15):
		return strconv.FormatFloat(x, 'e', -1, bits)
	}
	return strconv.FormatFloat(x, 'f', -1, bits)
}

// textJSON reads PostgreSQL's arrays, which its driver gives as text.
func textJSON(x, kind string, style TimeStyle) any {
	if element, is := strings.CutPrefix(strings.ToLower(kind), "_"); is {
		if parsed, rest, ok := parseArray(x, element, style); ok && rest == "" {
			return parsed
		}
	}
	return x
}

// bytesJSON writes bytes by what they are: an identifier, a document, or just bytes.
func bytesJSON(x []byte, kind string) any {
	switch k := strings.ToLower(kind); {
	case k == "uuid" && len(x) == 16:
		id := duckdb.UUID(x)
		return id.String()
	case k == "json", k == "jsonb", k == "xml":
		return string(x)
	}
	return `\x` + hex.EncodeToString(x)
}

// The ends of DuckDB's times, which its driver gives as the points that their numbers would mean.
var (
	lastMicro, firstMicro = time.UnixMicro(math.MaxInt64).UTC(), time.UnixMicro(-math.MaxInt64).UTC()
	lastNano, firstNano   = time.Unix(0, math.MaxInt64).UTC(), time.Unix(0, -math.MaxInt64).UTC()
	lastMilli, firstMilli = time.UnixMilli(math.MaxInt64).UTC(), time.UnixMilli(-math.MaxInt64).UTC()
	lastDay, firstDay     = time.Unix(math.MaxInt32*86400, 0).UTC(), time.Unix(-math.MaxInt32*86400, 0).UTC()
)

func timeJSON(t time.Time, kind string, style TimeStyle) any {
	k := strings.ToLower(kind)
	last, first := lastMicro, firstMicro
	switch k {
	case "date":
		last, first = lastDay, firstDay
	case "timestamp_ns":
		last, first = lastNano, firstNano
	case "timestamp_ms":
		last, first = lastMilli, firstMilli
	}
	switch {
	case t.Equal(last):
		return "infinity"
	case t.Equal(first):
		return "-infinity"
	}
	switch k {
	case "date":
		return before(t, time.DateOnly)
	case "time", "time without time zone":
		return t.Format("15:04:05.999999999")
	case "timetz", "time with time zone":
		return t.Format("15:04:05.999999999-07:00")
	}
	return before(t.UTC(), string(style))
}

// before writes a point in time; years before the first are counted as people count them.
func before(t time.Time, layout string) string {
	if t.Year() > 0 {
		return t.Format(layout)
	}
	return t.AddDate(1-2*t.Year(), 0, 0).Format(layout) + " BC"
}

// list, record and field are nested values in their order.
type (
	list   []any
	record []field
	field  struct {
		name  string
		value any
	}
)

// MarshalJSON writes an object whose fields keep their order.
func (r record) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range r {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, part := range []any{f.name, f.value} {
			text, err := json.Marshal(part)
			if err != nil {
				return nil, err
			}
			if j == 1 {
				b.WriteByte(':')
			}
			b.Write(text)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// MarshalJSON writes a list, also an empty one, as a list.
func (l list) MarshalJSON() ([]byte, error) {
	if len(l) == 0 {
		return []byte("[]"), nil
	}
	return json.Marshal([]any(l))
}

// nestedText writes lists and structs as people read them; a text inside is in quotes where its end could not be told without.
func nestedText(v any) string {
	switch x := v.(type) {
	case nil:
		return "null"
	case list:
		parts := make([]string, len(x))
		for i, e := range x {
			parts[i] = nestedText(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case record:
		parts := make([]string, len(x))
		for i, f := range x {
			parts[i] = nestedText(f.name) + ": " + nestedText(f.value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case string:
		unclear := x == "" || x == "null" || strings.TrimSpace(x) != x || strings.ContainsAny(x, "[]{}\"\n\r\t,:")
		if unclear && !isClock(x) {
			return strconv.Quote(x)
		}
		return x
	}
	return ValueText(v, "", TimeSQL)
}

// isClock tells whether a text is a time, whose colons are clear.
func isClock(s string) bool {
	return s != "" && strings.Trim(s, "0123456789-:. +") == "" && !strings.Contains(s, ": ")
}
