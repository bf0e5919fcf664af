package warehouse

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// The items of LandedTotals are named so that both sides of the books name them alike.

// RowsItem counts rows.
const RowsItem = "rows"

// KeyItem names the sum of a key of whole numbers.
func KeyItem(column string) string { return "sum of " + column }

// MoneyItem names the sum of an amount in one currency. A currency that is not plain letters is quoted, so that what cannot be seen in
// it is.
func MoneyItem(amount, currency string) string {
	plain := currency != ""
	for _, c := range currency {
		plain = plain && (c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z')
	}
	if !plain {
		currency = strconv.QuoteToASCII(currency)
	}
	return amount + " " + currency
}

// ExactDecimal writes an exact sum without trailing zeros.
func ExactDecimal(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	digits, _ := r.FloatPrec()
	return r.FloatString(digits)
}

// texter asks a transaction of either engine for rows of texts, without nulls.
type texter func(ctx context.Context, query string, columns int) ([][]string, error)

// addTotals moves what the source held of a table on by what its log tells: each image adds a row or takes one away. So the books of a
// table that the log changed rest on the source's own sums and its log, not on staging.
func (n *imageNames) addTotals(ctx context.Context, exec execer, ask texter) error {
	lines, err := ask(ctx, `
select key_columns, money, item, value
from ops.landed_totals
where table_name = `+Literal(n.table), 4)
	if err != nil || len(lines) == 0 {
		return err
	}
	kept := LandedTotals{Table: n.table, Items: map[string]string{}}
	for _, l := range lines {
		if err := json.Unmarshal([]byte(l[0]), &kept.Key); err != nil {
			return fmt.Errorf("read the key of %s: %w", n.table, err)
		}
		if err := json.Unmarshal([]byte(l[1]), &kept.Money); err != nil {
			return fmt.Errorf("read the money columns of %s: %w", n.table, err)
		}
		kept.Items[l[2]] = l[3]
	}
	added, err := n.imageTotals(ctx, ask, &kept)
	if err != nil {
		return err
	}
	for name, by := range added {
		was, ok := new(big.Rat).SetString(cmp.Or(kept.Items[name], "0"))
		if !ok {
			return fmt.Errorf("what is kept of %s, %s, is not a decimal: %q", n.table, name, kept.Items[name])
		}
		kept.Items[name] = ExactDecimal(was.Add(was, by))
	}
	return keepTotals(ctx, exec, n.run, []string{n.table}, []LandedTotals{kept})
}

// imageTotals adds the images up, by the items that are kept.
func (n *imageNames) imageTotals(ctx context.Context, ask texter, kept *LandedTotals) (map[string]*big.Rat, error) {
	byCurrency := map[string][]string{}
	for _, amount := range slices.Sorted(maps.Keys(kept.Money)) {
		byCurrency[kept.Money[amount]] = append(byCurrency[kept.Money[amount]], amount)
	}
	if len(byCurrency) == 0 {
		byCurrency[""] = nil
	}
	out := map[string]*big.Rat{}
	for i, currency := range slices.Sorted(maps.Keys(byCurrency)) {
		names, sums := n.imageSums(kept, byCurrency[currency], i == 0)
		by := "''"
		if currency != "" {
			by = "coalesce(cast(" + Quote(currency) + " as text), '')"
		}
		lines, err := ask(ctx, n.bind("select "+by+sums+"\nfrom {next}\ngroup by 1"), len(names)+1)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			for c, name := range names {
				if c >= len(names)-len(byCurrency[currency]) {
					name = MoneyItem(name, l[0])
				}
				by, ok := new(big.Rat).SetString(l[c+1])
				if !ok {
					return nil, fmt.Errorf("the sum of %s of %s is not a decimal: %q", name, n.table, l[c+1])
				}
				if out[name] == nil {
					out[name] = new(big.Rat)
				}
				out[name].Add(out[name], by)
			}
		}
	}
	return out, nil
}

// imageSums are the items that one select adds up, and their expressions: with all, rows and the key's sum first, then the amounts.
func (n *imageNames) imageSums(kept *LandedTotals, amounts []string, all bool) (names []string, sums string) {
	var b strings.Builder
	sum := func(name, column string) {
		names = append(names, name)
		fmt.Fprintf(&b, ",\n\tcast(coalesce(sum(case when {sign} > 0 then %[1]s else -%[1]s end), 0) as text)", column)
	}
	if all {
		sum(RowsItem, "1")
		if len(kept.Key) == 1 && kept.Items[KeyItem(kept.Key[0])] != "" {
			sum(KeyItem(kept.Key[0]), "cast("+Quote(kept.Key[0])+" as numeric(38,0))")
		}
	}
	for _, a := range amounts {
		sum(a, Quote(a))
	}
	return names, b.String()
}
