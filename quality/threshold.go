package quality

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Threshold is a bound on the failing rows of a check, as dbt writes it in warn_if and error_if: "> 10", "!= 0"; or on their
// share of the tested rows: "> 0.5%". The zero value is "!= 0".
type Threshold struct {
	op      string
	bound   *big.Rat
	percent bool
}

// thresholdOps are in the order in which they are looked for: a longer one before its beginning.
var thresholdOps = []string{"<=", ">=", "!=", "<>", "==", "=", "<", ">"}

// ParseThreshold reads a bound; an empty text is the default, "!= 0".
func ParseThreshold(s string) (Threshold, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Threshold{}, nil
	}
	for _, op := range thresholdOps {
		rest, ok := strings.CutPrefix(s, op)
		if !ok {
			continue
		}
		t := Threshold{op: op}
		rest, t.percent = strings.CutSuffix(strings.TrimSpace(rest), "%")
		t.bound, ok = new(big.Rat).SetString(strings.TrimSpace(rest))
		if !ok {
			break
		}
		return t, nil
	}
	return Threshold{}, fmt.Errorf("%q is no bound on a count: write an operator and a number, such as \"> 10\" or \"> 0.5%%\"", s)
}

// Reached tells whether the bound is crossed by failing of tested rows. A share of no rows is never reached.
func (t Threshold) Reached(failing, tested int64) bool {
	if t.bound == nil {
		return failing != 0
	}
	n := new(big.Rat).SetInt64(failing)
	if t.percent {
		if tested == 0 {
			return false
		}
		n.Mul(n, big.NewRat(100, tested))
	}
	c := n.Cmp(t.bound)
	switch t.op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	case ">=":
		return c >= 0
	case "=", "==":
		return c == 0
	default:
		return c != 0
	}
}

// IsDefault tells that nobody set the bound.
func (t Threshold) IsDefault() bool { return t.bound == nil }

func (t Threshold) String() string {
	if t.bound == nil {
		return "!= 0"
	}
	number := t.bound.RatString()
	if !t.bound.IsInt() {
		number = strings.TrimRight(t.bound.FloatString(9), "0")
	}
	if t.percent {
		number += "%"
	}
	return t.op + " " + number
}

// share is a percentage that never rounds a failing row away: fewer than a hundredth of a percent is shown as such.
func share(failing, tested int64) string {
	if tested == 0 || failing == 0 {
		return "0 %"
	}
	p := float64(failing) / float64(tested) * 100
	if p < 0.01 {
		return "under 0.01 %"
	}
	return strconv.FormatFloat(p, 'f', 2, 64) + " %"
}
