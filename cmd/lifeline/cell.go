package main

import (
	"fmt"
	"math/big"
	"strconv"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"lifeline/warehouse"
)

// cell writes one value as text: timestamps in UTC without a zone, decimals exactly, null as given.
func cell(v any, null string) string {
	switch x := v.(type) {
	case nil:
		return null
	case string:
		return x
	case []byte:
		return string(x)
	case time.Time:
		return timeText(x)
	case bool:
		return strconv.FormatBool(x)
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	case float32:
		return strconv.FormatFloat(float64(x), 'g', -1, 32)
	case duckdb.Decimal:
		return warehouse.DecimalText(x.Value, int(x.Scale))
	case duckdb.Interval:
		return warehouse.IntervalText(x)
	case *big.Int:
		return x.String()
	default:
		return fmt.Sprint(v)
	}
}

// jsonCell keeps numbers that JSON readers hold exactly as numbers; decimals and wide integers become strings.
func jsonCell(v any) any {
	switch x := v.(type) {
	case nil, bool, int, int8, int16, int32, uint8, uint16, uint32, float32, float64, string:
		return x
	case int64:
		if x > 1<<53 || x < -(1<<53) {
			return strconv.FormatInt(x, 10)
		}
		return x
	default:
		return cell(v, "")
	}
}

func isNumber(v any) bool {
	switch v.(type) {
	case int, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64, duckdb.Decimal, *big.Int:
		return true
	}
	return false
}

func timeText(t time.Time) string {
	t = t.UTC()
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02 15:04:05")
	}
	return t.Format("2006-01-02 15:04:05.999999")
}
