package semantic

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// TypedLiteral writes a filter's value as SQL of a column's type. What the type cannot hold is a *FilterError.
func TypedLiteral(name, value, kind string) (string, error) {
	switch base := strings.SplitN(kind, "(", 2)[0]; base {
	case "tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint":
		return integerLiteral(name, value)
	case "decimal":
		return decimalLiteral(name, value, kind)
	case "double", "float":
		f, err := strconv.ParseFloat(value, 64)
		if err != nil && !math.IsInf(f, 0) || strings.ContainsAny(value, "xX_") {
			return "", &FilterError{name, value, "is a number"}
		}
		as := map[string]string{"double": "double precision", "float": "real"}[base]
		text := strings.NewReplacer("+Inf", "Infinity", "-Inf", "-Infinity").Replace(strconv.FormatFloat(f, 'g', -1, 64))
		return "cast(" + QuoteText(text) + " as " + as + ")", nil
	case "boolean":
		if value != "true" && value != "false" {
			return "", &FilterError{name, value, "is true or false"}
		}
		return value, nil
	case "date":
		if _, err := parseDay(name, value); err != nil {
			return "", err
		}
		return "date " + QuoteText(value), nil
	case "timestamp":
		for _, layout := range []string{time.DateTime, "2006-01-02T15:04:05", time.RFC3339Nano, "2006-01-02 15:04:05.999999", time.DateOnly} {
			if t, err := time.Parse(layout, value); err == nil && t.Year() > 0 {
				return "timestamp " + QuoteText(t.UTC().Format("2006-01-02 15:04:05.999999")), nil
			}
		}
		return "", &FilterError{name, value, "is a time such as 2019-11-25 09:30:00"}
	case "blob", "bytea":
		return bytesLiteral(name, value, base)
	}
	return QuoteText(value), nil
}

func integerLiteral(name, value string) (string, error) {
	n, ok := new(big.Int).SetString(value, 10)
	if !ok || len(value) > 38 {
		return "", &FilterError{name, value, "is a whole number of at most 37 digits"}
	}
	if !n.IsInt64() {
		return "cast(" + n.String() + " as numeric(38,0))", nil
	}
	return "(" + n.String() + ")", nil
}

// Digits that a decimal in a filter may have: so many that with any column's own it stays within the 38 of the engines.
const (
	wholeDigits    = 20
	fractionDigits = 9
)

// decimalLiteral takes numbers that the column may hold: a longer one is no value of it.
func decimalLiteral(name, value, kind string) (string, error) {
	r, ok := new(big.Rat).SetString(value)
	if !ok || len(value) > 60 || strings.ContainsAny(value, "/eExXpP_") {
		return "", &FilterError{name, value, "is a decimal number"}
	}
	most := wholeDigits
	if p, s, is := precision(kind); is {
		most = p - s
	}
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(most)), nil)
	if new(big.Rat).Abs(r).Cmp(new(big.Rat).SetInt(limit)) >= 0 {
		return "", &FilterError{name, value, fmt.Sprintf("is a number with at most %d digits before the point", most)}
	}
	fraction := len(value) - 1 - strings.IndexByte(value+".", '.')
	if most := min(fractionDigits, 38-most); fraction > most {
		return "", &FilterError{name, value, fmt.Sprintf("is a number with at most %d digits after the point", most)}
	}
	scale := min(max(4, fraction), 38-most)
	return "cast(" + QuoteText(r.FloatString(scale)) + fmt.Sprintf(" as numeric(38,%d))", scale), nil
}

// precision reads decimal(18,4).
func precision(kind string) (p, s int, ok bool) {
	n, err := fmt.Sscanf(kind, "decimal(%d,%d)", &p, &s)
	return p, s, err == nil && n == 2 && p >= s
}

// bytesLiteral takes bytes as they are shown: \x and hexadecimal digits.
func bytesLiteral(name, value, kind string) (string, error) {
	raw, err := hex.DecodeString(strings.TrimPrefix(value, `\x`))
	if err != nil {
		return "", &FilterError{name, value, `is \x and hexadecimal digits, such as \x00ff`}
	}
	if kind == "bytea" {
		return `decode('` + hex.EncodeToString(raw) + `', 'hex')`, nil
	}
	return `unhex('` + hex.EncodeToString(raw) + `')`, nil
}

// comparable is a column, and the type of it, as values that can be ordered and told apart: those of other types as texts.
func (s *Version) comparable(c Column) (sql, kind string) {
	name := quoteName(c.Name)
	base, _, _ := strings.Cut(c.Type, "(")
	switch base {
	case "tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint", "uhugeint", "decimal",
		"double", "float",
		"varchar", "date", "timestamp", "boolean", "time", "interval", "bytea", "blob", "uuid", "enum":
		return name, c.Type
	}
	return "cast(" + name + " as varchar)", "varchar"
}
