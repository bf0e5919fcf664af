package quality

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"lifeline/change"
	"lifeline/warehouse"
)

// The equations of promise 1.
const (
	SourceIsStaging = "source = staging"
	StagingIsCore   = "staging = core + quarantine + superseded"
	CountsAreCore   = "analytics = core"
)

// Equation is one line of the books: an equation over one table, in rows or in one money column of one raw currency.
type Equation struct {
	Table    string
	Equation string
	Item     string // "rows", or such as "amount KES"; a currency that is missing or not plain letters is quoted.
	Left     string // An exact decimal.
	Right    string // An exact decimal.
	Balances bool
	Detail   string // Where it does not balance: which keys, as far as they can be told.
}

// Balance sums the books up in one line.
func Balance(books []Equation) (ok bool, line string) {
	var tables []string
	var wrong []string
	for _, b := range books {
		if !slices.Contains(tables, b.Table) {
			tables = append(tables, b.Table)
		}
		if !b.Balances {
			wrong = append(wrong, b.String())
		}
	}
	if len(wrong) > 0 {
		return false, "the books do not balance: " + strings.Join(wrong, "; ")
	}
	return true, fmt.Sprintf("the books balance: %d equations over %d tables", len(books), len(tables))
}

// Unbalanced is the error that stops a run whose books do not balance, nil where they do. It names table and key.
func Unbalanced(books []Equation) error {
	ok, line := Balance(books)
	if ok {
		return nil
	}
	p := &change.Problem{Err: errors.New(line), Class: change.ClassBlocked, Try: "lifeline runs, and look at ops.books for every equation"}
	for _, b := range books {
		if !b.Balances {
			p.Where = b.Table
			break
		}
	}
	return p
}

func (b Equation) String() string {
	s := fmt.Sprintf("%s, %s, %s: %s against %s", b.Table, b.Item, b.Equation, b.Left, b.Right)
	if b.Detail != "" {
		s += " (" + b.Detail + ")"
	}
	return s
}

// RecordBooks writes the books of a run into ops.books.
func RecordBooks(ctx context.Context, db *sql.DB, runID int64, books []Equation) error {
	return inTx(ctx, db, func(tx *sql.Tx) error {
		for some := range slices.Chunk(books, recordedAtOnce) {
			var rows []string
			var values []any
			for _, b := range some {
				rows = append(rows, placeholders(len(values), 8))
				values = append(values, runID, b.Table, b.Equation, b.Item, b.Left, b.Right, b.Balances, b.Detail)
			}
			if _, err := tx.ExecContext(ctx, `
				insert into ops.books (run_id, table_name, equation, item, left_value, right_value, balances, detail)
				values `+strings.Join(rows, ", "), values...); err != nil {
				return fmt.Errorf("record the books: %w", err)
			}
		}
		return nil
	})
}

// term is what one currency adds up to.
type term struct {
	rows int64
	sums []*big.Rat // One per amount of the ledger.
}

// ledger adds up amounts by currency; "" is also a missing one.
type ledger map[string]*term

func (l ledger) line(currency string, amounts int) *term {
	if l[currency] == nil {
		l[currency] = &term{sums: make([]*big.Rat, amounts)}
		for i := range l[currency].sums {
			l[currency].sums[i] = new(big.Rat)
		}
	}
	return l[currency]
}

// add adds another ledger, times 1 or -1.
func (l ledger) add(other ledger, sign int64, amounts int) {
	for currency, o := range other {
		l.line(currency, amounts).add(o, sign)
	}
}

func (a *term) add(b *term, sign int64) {
	a.rows += sign * b.rows
	for i, s := range b.sums {
		a.sums[i].Add(a.sums[i], new(big.Rat).Mul(s, big.NewRat(sign, 1)))
	}
}

func (a *term) equals(b *term) bool {
	if a.rows != b.rows {
		return false
	}
	for i := range a.sums {
		if a.sums[i].Cmp(b.sums[i]) != 0 {
			return false
		}
	}
	return true
}

// equals compares two ledgers; a currency that is only on one side counts as nothing on the other.
func (l ledger) equals(other ledger, amounts int) bool {
	for _, currency := range currencies(l, other) {
		if !l.line(currency, amounts).equals(other.line(currency, amounts)) {
			return false
		}
	}
	return true
}

// currencies lists those of several ledgers, in order.
func currencies(ledgers ...ledger) []string {
	var names []string
	for _, l := range ledgers {
		for name := range l {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// readLedger adds up amounts of a relation by an expression for the currency.
func readLedger(ctx context.Context, db querier, from, currency string, amounts []string) (ledger, error) {
	query := bind(`
		select coalesce(cast({currency} as text), ''), count(*){sums}
		from {from}
		group by 1`, "currency", currency, "from", from,
		"sums", join(amounts, "", func(a string) string {
			return bind(`, cast(coalesce(sum({a}), 0) as text)`, "a", a)
		}))
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("add up %s: %w", from, err)
	}
	defer rows.Close()
	out := ledger{}
	for rows.Next() {
		var name string
		var n int64
		texts := make([]string, len(amounts))
		into := []any{&name, &n}
		for i := range texts {
			into = append(into, &texts[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("add up %s: %w", from, err)
		}
		l := out.line(name, len(amounts))
		l.rows = n
		for i, t := range texts {
			if _, ok := l.sums[i].SetString(t); !ok {
				return nil, fmt.Errorf("add up %s: %s is not a decimal: %q", from, amounts[i], t)
			}
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("add up %s: %w", from, err)
	}
	return out, nil
}

// decimal writes an exact sum without trailing zeros.
func decimal(r *big.Rat) string { return warehouse.ExactDecimal(r) }

// item names what a line of the books adds up.
func item(amount, currency string) string { return warehouse.MoneyItem(amount, currency) }
