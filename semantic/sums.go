package semantic

import (
	"math/big"

	"lifeline/change"
)

// Sums are exact amounts by currency.
type Sums map[string]*big.Rat

// Add adds a decimal in text to one currency's sum; what is not a number adds nothing.
func (s Sums) Add(currency, amount string) { s.add(currency, amount, 1) }

func (s Sums) add(currency, amount string, sign int64) {
	x, ok := new(big.Rat).SetString(amount)
	if !ok {
		return
	}
	if s[currency] == nil {
		s[currency] = new(big.Rat)
	}
	s[currency].Add(s[currency], x.Mul(x, new(big.Rat).SetInt64(sign)))
}

func (s Sums) addAll(money map[string]string, sign int64) {
	for currency, amount := range money {
		s.add(currency, amount, sign)
	}
}

// Texts are the sums that are not zero, with four places.
func (s Sums) Texts() map[string]string {
	out := map[string]string{}
	for currency, x := range s {
		if x.Sign() != 0 {
			out[currency] = x.FloatString(4)
		}
	}
	return out
}

// changeAs is the change of a value in a format: percentages differ in points.
func changeAs(format string, now, before any) *string {
	if format == "percent" {
		return changeInPoints(now, before)
	}
	return changeInParts(now, before)
}

// changeInPoints is now less before, as a decimal; nil where one of them is no number.
func changeInPoints(now, before any) *string {
	a, b := rational(now), rational(before)
	if a == nil || b == nil {
		return nil
	}
	text := change.TrimDecimal(new(big.Rat).Sub(a, b).FloatString(4))
	return &text
}

// changeInParts is the change as a part of before, as a decimal; nil where that is 0, or one of them is no number.
func changeInParts(now, before any) *string {
	a, b := rational(now), rational(before)
	if a == nil || b == nil || b.Sign() == 0 {
		return nil
	}
	d := new(big.Rat).Sub(a, b)
	text := change.TrimDecimal(d.Quo(d, new(big.Rat).Abs(b)).FloatString(4))
	return &text
}
