package quality

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"lifeline/change"
	"lifeline/warehouse"
)

// StagingIsLanded is the equation of a walk that reads no source: nobody has changed staging since the source was read.
const StagingIsLanded = "last landing = staging"

// LandedTotals puts the source's totals into the form in which they are kept with the rows.
func LandedTotals(tables []*change.Table, totals []change.Totals) []warehouse.LandedTotals {
	var out []warehouse.LandedTotals
	for _, t := range tables {
		i := slices.IndexFunc(totals, func(x change.Totals) bool { return x.Table == t.Name })
		if i < 0 {
			continue
		}
		kept := warehouse.LandedTotals{
			Table: t.Name, Key: t.Key, Money: map[string]string{}, Items: map[string]string{"rows": strconv.FormatInt(totals[i].Rows, 10)},
		}
		if key, whole := t.IntegerKey(); whole && totals[i].Keys != "" {
			kept.Items[keyItem(key.Name)] = decimal(rat(totals[i].Keys))
		}
		for _, m := range t.Money {
			kept.Money[m.Column] = m.Currency
		}
		for _, m := range totals[i].Money {
			kept.Items[item(m.Column, m.Currency)] = decimal(rat(m.Sum))
		}
		out = append(out, kept)
	}
	return out
}

// StagedTotals adds staging up as it is after a log has changed it, so that whoever reads it later can prove that nobody has since.
func StagedTotals(ctx context.Context, db *sql.DB, tables []*change.Table) ([]warehouse.LandedTotals, error) {
	var out []warehouse.LandedTotals
	for _, t := range tables {
		kept := warehouse.LandedTotals{Table: t.Name, Key: t.Key, Money: map[string]string{}, Items: map[string]string{}}
		for _, m := range t.Money {
			kept.Money[m.Column] = m.Currency
		}
		if key, whole := t.IntegerKey(); whole {
			kept.Items[keyItem(key.Name)] = "0" // Asked for.
		}
		items, err := stagingItems(ctx, db, &kept)
		if err != nil {
			return nil, fmt.Errorf("add up staging.%s: %w", t.Name, err)
		}
		kept.Items = items
		out = append(out, kept)
	}
	return out, nil
}

func keyItem(column string) string { return warehouse.KeyItem(column) }

// LandedBooks compares staging with what the source held when each table landed. A table of which nothing is kept has no books here.
func LandedBooks(ctx context.Context, db *sql.DB, landed map[string]*warehouse.LandedTotals) ([]Equation, error) {
	var books []Equation
	for _, name := range slices.Sorted(maps.Keys(landed)) {
		kept := landed[name]
		now, err := stagingItems(ctx, db, kept)
		if err != nil {
			return nil, fmt.Errorf("books of the last landing of %s: %w", name, err)
		}
		for _, i := range slices.Sorted(maps.Keys(merged(kept.Items, now))) {
			b := Equation{Table: name, Equation: StagingIsLanded, Item: i, Left: cmp.Or(kept.Items[i], "0"), Right: cmp.Or(now[i], "0")}
			if b.Balances = equalDecimals(b.Left, b.Right); !b.Balances {
				b.Detail = fmt.Sprintf("changed since run %d landed it; lifeline run reads the source and names the row", kept.Run)
			}
			books = append(books, b)
		}
	}
	return books, nil
}

func merged(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// stagingItems adds staging up as the source was, by the columns that were kept.
func stagingItems(ctx context.Context, db *sql.DB, kept *warehouse.LandedTotals) (map[string]string, error) {
	s := StagingTable{Name: kept.Table, Key: kept.Key, Money: kept.Money}
	columns, err := s.columns(ctx, db)
	if err != nil {
		return nil, err
	}
	byCurrency := map[string][]string{}
	for _, amount := range s.amounts() {
		byCurrency[s.Money[amount]] = append(byCurrency[s.Money[amount]], amount)
	}
	if len(byCurrency) == 0 {
		byCurrency[""] = nil
	}
	out := map[string]string{}
	for i, currency := range slices.Sorted(maps.Keys(byCurrency)) {
		v := addition{amounts: byCurrency[currency]}
		if len(s.Key) == 1 && kept.Items[keyItem(s.Key[0])] != "" {
			v.key, v.columns = s.Key[0], columns
		}
		sums, err := v.ofStaging(ctx, db, s.Relation(), currency)
		if err != nil {
			return nil, err
		}
		all := ledger{}.line("", v.width())
		for name, l := range sums {
			all.add(l, 1)
			for n, amount := range v.amounts {
				out[item(amount, name)] = decimal(l.sums[3*n])
			}
		}
		if i > 0 {
			continue
		}
		out["rows"] = strconv.FormatInt(all.rows, 10)
		if v.key != "" {
			out[keyItem(v.key)] = decimal(all.sums[len(all.sums)-1])
		}
	}
	return out, nil
}
