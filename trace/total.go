package trace

import (
	"fmt"
	"math/big"

	"lifeline/change"
)

// total adds decimals exactly.
type total struct{ sum big.Rat }

func (t *total) add(text string) error { return t.change(text, false) }

func (t *total) less(text string) error { return t.change(text, true) }

func (t *total) change(text string, minus bool) error {
	x, ok := new(big.Rat).SetString(text)
	if !ok {
		return fmt.Errorf("add up the records: %q %w", text, errNumber)
	}
	if minus {
		x.Neg(x)
	}
	t.sum.Add(&t.sum, x)
	return nil
}

// String is the sum without needless zeros.
func (t *total) String() string {
	return change.TrimDecimal(t.sum.FloatString(10))
}

// withinTenThousandth tells whether the sum is nothing but rounding: durations are added as doubles and published with four decimals.
func (t *total) withinTenThousandth() bool {
	return new(big.Rat).Abs(&t.sum).Cmp(big.NewRat(1, 10000)) <= 0
}
