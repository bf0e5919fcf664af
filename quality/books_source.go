package quality

import (
	"context"
	"database/sql"
	"fmt"
	"math/big"
	"strconv"

	"lifeline/change"
)

// SourceBooks closes the first equation: what the source's own connections added up at the snapshot's point is what staging
// holds, in rows and in each money column by raw currency. It reads staging itself, not the loader's counts.
func SourceBooks(ctx context.Context, db *sql.DB, tables []*change.Table, totals []change.Totals) ([]Book, error) {
	var books []Book
	for _, t := range tables {
		found := false
		for i := range totals {
			if totals[i].Table != t.Name {
				continue
			}
			found = true
			b, err := sourceBook(ctx, db, t, &totals[i])
			if err != nil {
				return nil, err
			}
			books = append(books, b...)
		}
		if !found {
			return nil, fmt.Errorf("the source gave no totals of %s", t.Name)
		}
	}
	return books, nil
}

func sourceBook(ctx context.Context, db *sql.DB, t *change.Table, totals *change.Totals) ([]Book, error) {
	s := Source{Name: t.Name, Key: t.Key}
	byCurrency := map[string][]string{}
	var order []string
	for _, m := range t.Money {
		if byCurrency[m.Currency] == nil {
			order = append(order, m.Currency)
		}
		byCurrency[m.Currency] = append(byCurrency[m.Currency], m.Column)
	}
	if len(order) == 0 {
		order = []string{""}
	}
	if err := summable(t); err != nil {
		return nil, err
	}
	var books []Book
	var rows int64
	for i, currency := range order {
		amounts := byCurrency[currency]
		left, err := sourceLedger(totals, amounts)
		if err != nil {
			return nil, err
		}
		right, err := readValues(ctx, db, s.Relation(), currency, amounts)
		if err != nil {
			return nil, err
		}
		for _, l := range right {
			if i == 0 {
				rows += l.rows
			}
		}
		for n, amount := range amounts {
			for _, c := range currencies(left, right) {
				a, b := left.line(c, 2*len(amounts)), right.line(c, 2*len(amounts))
				book := Book{
					Table: t.Name, Equation: SourceIsStaging, Item: item(amount, c),
					Left: decimal(a.sums[2*n]), Right: decimal(b.sums[2*n]),
				}
				counts := a.sums[2*n+1].Cmp(b.sums[2*n+1]) == 0
				book.Balances = counts && book.Left == book.Right
				if !counts {
					book.Detail = fmt.Sprintf("%s values in the source, %s in staging", decimal(a.sums[2*n+1]), decimal(b.sums[2*n+1]))
				}
				books = append(books, book)
			}
		}
	}
	total := Book{
		Table: t.Name, Equation: SourceIsStaging, Item: "rows", Balances: totals.Rows == rows,
		Left: strconv.FormatInt(totals.Rows, 10), Right: strconv.FormatInt(rows, 10),
	}
	return append([]Book{total}, books...), nil
}

// summable refuses a money column that cannot be added up exactly (promise 8).
func summable(t *change.Table) error {
	for _, m := range t.Money {
		i := t.Index(m.Column)
		if i < 0 {
			continue
		}
		switch t.Columns[i].Type.Kind {
		case change.Decimal, change.Int16, change.Int32, change.Int64:
		default:
			return &change.Problem{
				Err: fmt.Errorf("%s.%s is declared as money and is %s in the warehouse (%s in the source), which cannot be added up exactly",
					t.Name, m.Column, t.Columns[i].Type, t.Columns[i].SourceType),
				Where: t.Name, Class: change.ClassUsage, Try: "take it out of meta.lifeline.money in the sources file",
			}
		}
	}
	return nil
}

// readValues is readLedger with the number of values beside each sum.
func readValues(ctx context.Context, db *sql.DB, relation, currency string, amounts []string) (ledger, error) {
	by := "''"
	if currency != "" {
		by = ident(currency)
	}
	var exprs []string
	for _, a := range amounts {
		exprs = append(exprs, ident(a), fill("case when {a} is not null then 1 end", "a", ident(a)))
	}
	return readLedger(ctx, db, relation, by, exprs)
}

// sourceLedger puts the source's totals of some amounts into the form of readValues.
func sourceLedger(totals *change.Totals, amounts []string) (ledger, error) {
	out := ledger{}
	for n, a := range amounts {
		for _, m := range totals.Money {
			if m.Column != a {
				continue
			}
			l := out.line(m.Currency, 2*len(amounts))
			sum := new(big.Rat)
			if m.Sum != "" {
				if _, ok := sum.SetString(m.Sum); !ok {
					return nil, fmt.Errorf("the source's total of %s.%s is no decimal: %q", totals.Table, a, m.Sum)
				}
			}
			l.sums[2*n].Add(l.sums[2*n], sum)
			l.sums[2*n+1].Add(l.sums[2*n+1], new(big.Rat).SetInt64(m.Rows))
		}
	}
	return out, nil
}
