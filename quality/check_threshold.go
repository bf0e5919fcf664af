package quality

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Threshold is a bound on the failing rows of a check, as dbt writes it in warn_if and error_if: "> 10", "!= 0"; or on their share of
// the tested rows, "> 0.5%"; or on that share against what earlier runs had, "> 3x". Bounds are joined by `and` and `or`, and `and`
// binds closer: "> 10 and > 0.5% or > 3x". The zero value is "!= 0".
type Threshold struct {
	anyOf [][]bound // One of them, with all of its bounds.
}

type bound struct {
	op     string
	number *big.Rat
	unit   string // "" for rows, "%" for their share, "x" for times the usual share.
}

// thresholdOps are in the order in which they are looked for: a longer one before its beginning.
var thresholdOps = []string{"<=", ">=", "!=", "<>", "==", "=", "<", ">"}

// ParseThreshold reads a bound; an empty text is the default, "!= 0".
func ParseThreshold(s string) (Threshold, error) {
	var t Threshold
	if strings.TrimSpace(s) == "" {
		return t, nil
	}
	for _, alternative := range splitWord(s, "or") {
		var all []bound
		for _, part := range splitWord(alternative, "and") {
			b, ok := parseBound(part)
			if !ok {
				return Threshold{}, fmt.Errorf(
					"%q is not a bound: write an operator and a number of rows, a share or a multiple of the usual share, such as \"> 10\", \"> 0.5%%\", "+
						"\"> 3x\" or \"> 10 and > 0.5%%\"", s)
			}
			all = append(all, b)
		}
		t.anyOf = append(t.anyOf, all)
	}
	return t, nil
}

// splitWord cuts a text at a word that stands by itself.
func splitWord(s, word string) []string {
	fields := strings.Fields(strings.ToLower(s))
	parts := []string{""}
	for _, f := range fields {
		if f == word {
			parts = append(parts, "")
			continue
		}
		parts[len(parts)-1] += " " + f
	}
	return parts
}

func parseBound(s string) (bound, bool) {
	s = strings.TrimSpace(s)
	for _, op := range thresholdOps {
		rest, ok := strings.CutPrefix(s, op)
		if !ok {
			continue
		}
		b := bound{op: op}
		rest = strings.TrimSpace(rest)
		for _, unit := range []string{"%", "x"} {
			if number, found := strings.CutSuffix(rest, unit); found {
				rest, b.unit = number, unit
				break
			}
		}
		b.number, ok = new(big.Rat).SetString(strings.TrimSpace(rest))
		return b, ok
	}
	return bound{}, false
}

// Usual is what a check found in earlier runs: the median of their failing shares, or of their failing rows where a check does not say
// what it tested. It is nil until enough runs are known.
type Usual struct{ share *big.Rat }

// Reached tells whether the threshold is crossed by failing of tested rows. A share of no rows is never reached, nor is a multiple of
// what is not known yet.
func (t Threshold) Reached(failing, tested int64, usual *Usual) bool {
	if t.IsDefault() {
		return failing != 0
	}
	for _, all := range t.anyOf {
		reached := true
		for _, b := range all {
			reached = reached && b.reached(failing, tested, usual)
		}
		if reached {
			return true
		}
	}
	return false
}

func (b bound) reached(failing, tested int64, usual *Usual) bool {
	n := new(big.Rat).SetInt64(failing)
	switch b.unit {
	case "%":
		if tested == 0 {
			return false
		}
		n.Mul(n, big.NewRat(100, tested))
	case "x":
		if usual == nil {
			return false
		}
		n = shareOf(failing, tested)
		if usual.share.Sign() == 0 {
			// Against nothing every failing row is infinitely more.
			return n.Sign() > 0 && (b.op == ">" || b.op == ">=" || b.op == "!=" || b.op == "<>")
		}
		n = new(big.Rat).Quo(n, usual.share)
	}
	c := n.Cmp(b.number)
	switch b.op {
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

// shareOf is the failing share, or the failing rows of a check that does not say what it tested.
func shareOf(failing, tested int64) *big.Rat {
	if tested == 0 {
		return new(big.Rat).SetInt64(failing)
	}
	return big.NewRat(failing, tested)
}

// IsDefault tells that nobody set the bound.
func (t Threshold) IsDefault() bool { return len(t.anyOf) == 0 }

// againstUsual tells whether a bound looks at earlier runs.
func (t Threshold) againstUsual() bool {
	for _, all := range t.anyOf {
		for _, b := range all {
			if b.unit == "x" {
				return true
			}
		}
	}
	return false
}

func (t Threshold) String() string {
	if t.IsDefault() {
		return "!= 0"
	}
	return join(t.anyOf, " or ", func(all []bound) string {
		return join(all, " and ", func(b bound) string {
			number := b.number.RatString()
			if !b.number.IsInt() {
				number = strings.TrimRight(b.number.FloatString(9), "0")
			}
			return b.op + " " + number + b.unit
		})
	})
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
