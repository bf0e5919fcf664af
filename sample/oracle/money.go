package oracle

import "math/big"

// mostAmount is the largest amount that is believed, in ten-thousandths.
var mostAmount = big.NewInt(100_000_000 * 10_000)

// withheld tells whether a row is quarantined for its money: no number, negative, beyond belief, or in a currency that nothing is counted
// in. A row without an amount counts, and its money is unknown.
func withheld(amount money, currency word, text string) bool {
	if !amount.known {
		return text != "NULL" && !isNumber(text)
	}
	return amount.units.Sign() < 0 || amount.units.Cmp(mostAmount) > 0 || currency.known && currency.s != "KES"
}

// isNumber tells whether a text is a number that a decimal(19,4) can hold, as 0 is.
func isNumber(text string) bool {
	r, ok := new(big.Rat).SetString(text)
	return ok && r.Sign() == 0
}

// onlyCurrencies gives the currency of at least 999 in 1,000 of a program's amounts, as the source says it.
func onlyCurrencies(claims []*claim) map[number]word {
	count := map[number]map[string]int{}
	for _, k := range claims {
		if !k.program.known || !k.amount.known || !k.currency.known || k.currencyBasis == "imputed" {
			continue
		}
		if count[k.program] == nil {
			count[k.program] = map[string]int{}
		}
		count[k.program][k.currency.s]++
	}
	out := map[number]word{}
	for program, by := range count {
		total := 0
		for _, n := range by {
			total += n
		}
		for currency, n := range by {
			if n*1000 >= total*999 {
				out[program] = word{s: currency, known: true}
			}
		}
	}
	return out
}

// currencyOf is a row's currency: its own, else its program's where it has an amount.
func currencyOf(raw, own word, amount money, said word) (word, string) {
	if !own.known && amount.known && said.known {
		return said, "imputed"
	}
	return own, basisOf(raw, own)
}
