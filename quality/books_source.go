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
func SourceBooks(ctx context.Context, db *sql.DB, tables []*change.Table, totals []change.Totals) ([]Equation, error) {
	var books []Equation
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

func sourceBook(ctx context.Context, db *sql.DB, t *change.Table, totals *change.Totals) ([]Equation, error) {
	s := StagingTable{Name: t.Name, Key: t.Key}
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
	columns, err := s.columns(ctx, db)
	if err != nil {
		return nil, err
	}
	key, whole := t.IntegerKey()
	var books []Equation
	all := (&term{sums: ledger{}.line("", 1).sums})
	for i, currency := range order {
		v := addition{amounts: byCurrency[currency]}
		if whole && totals.Keys != "" {
			v.key, v.columns = key.Name, columns
		}
		left, err := v.ofSource(totals)
		if err != nil {
			return nil, err
		}
		right, err := v.ofStaging(ctx, db, s.Relation(), currency)
		if err != nil {
			return nil, err
		}
		for _, l := range right {
			if i == 0 {
				all.rows += l.rows
				all.sums[0].Add(all.sums[0], l.sums[len(l.sums)-1])
			}
		}
		books = append(books, v.books(t.Name, left, right)...)
	}
	head := []Equation{{
		Table: t.Name, Equation: SourceIsStaging, Item: "rows", Balances: totals.Rows == all.rows,
		Left: strconv.FormatInt(totals.Rows, 10), Right: strconv.FormatInt(all.rows, 10),
	}}
	if whole && totals.Keys != "" {
		keys := rat(totals.Keys)
		head = append(head, Equation{
			Table: t.Name, Equation: SourceIsStaging, Item: "sum of " + key.Name, Balances: keys.Cmp(all.sums[0]) == 0,
			Left: decimal(keys), Right: decimal(all.sums[0]),
		})
	}
	return append(head, books...), nil
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

// addition adds up amounts of one currency column: for each its sum, how many values it has and its weighed sum, and then the keys.
type addition struct {
	amounts []string
	key     string // The whole key; "" where there is none, and then the weighed sums and that of the keys are 0.
	columns []stagingColumn
}

func (v *addition) width() int { return 3*len(v.amounts) + 1 }

// books compares the ledgers.
func (v *addition) books(table string, left, right ledger) []Equation {
	var books []Equation
	for n, amount := range v.amounts {
		for _, c := range currencies(left, right) {
			a, b := left.line(c, v.width()).sums[3*n:], right.line(c, v.width()).sums[3*n:]
			book := Equation{
				Table: table, Equation: SourceIsStaging, Item: item(amount, c), Left: decimal(a[0]), Right: decimal(b[0]),
			}
			switch {
			case a[1].Cmp(b[1]) != 0:
				book.Detail = fmt.Sprintf("%s values in the source, %s in staging", decimal(a[1]), decimal(b[1]))
			case book.Left == book.Right && a[2].Cmp(b[2]) != 0:
				book.Detail = "the same sum over other rows"
			default:
				book.Balances = book.Left == book.Right
			}
			books = append(books, book)
		}
	}
	return books
}

// ofStaging reads the ledger of staging.
func (v *addition) ofStaging(ctx context.Context, db *sql.DB, relation, currency string) (ledger, error) {
	by := "''"
	if currency != "" {
		by = ident(currency)
	}
	var exprs []string
	for _, a := range v.amounts {
		weight := "0"
		if v.key != "" {
			weight = weighed("", a, v.key, v.columns)
		}
		exprs = append(exprs, ident(a), bind("case when {a} is not null then 1 end", "a", ident(a)), weight)
	}
	if v.key == "" {
		return readLedger(ctx, db, relation, by, append(exprs, "0"))
	}
	return readLedger(ctx, db, relation, by, append(exprs, ident(v.key)))
}

// ofSource puts the source's totals into the form of ofStaging, but for the keys.
func (v *addition) ofSource(totals *change.Totals) (ledger, error) {
	out := ledger{}
	for n, a := range v.amounts {
		for _, m := range totals.Money {
			if m.Column != a {
				continue
			}
			l := out.line(m.Currency, v.width())
			for i, text := range []string{m.Sum, strconv.FormatInt(m.Rows, 10), m.WeightedSum} {
				if text == "" || i == 2 && (v.key == "" || weighed("", a, v.key, v.columns) == nothing) {
					continue
				}
				x, ok := new(big.Rat).SetString(text)
				if !ok {
					return nil, fmt.Errorf("the source's total of %s.%s is not a decimal: %q", totals.Table, a, text)
				}
				l.sums[3*n+i].Add(l.sums[3*n+i], x)
			}
		}
	}
	return out, nil
}
