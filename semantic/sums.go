package semantic

import "math/big"

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
