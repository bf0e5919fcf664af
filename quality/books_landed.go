package quality

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// StagingIsLanded is the equation of a walk that reads no source: nobody has changed staging since the source was read.
const StagingIsLanded = "last landing = staging"

// LandedBooks compares staging with what the source held when it was last read, as ops.books kept it. A table that was never
// compared with its source has no books here.
func LandedBooks(ctx context.Context, db *sql.DB, sources []StagingTable) ([]Equation, error) {
	var books []Equation
	for _, s := range sources {
		run, landed, err := lastLanded(ctx, db, s.Name)
		if err != nil {
			return nil, fmt.Errorf("books of the last landing of %s: %w", s.Name, err)
		}
		if run == 0 {
			continue
		}
		now, err := s.items(ctx, db)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(merged(landed, now))) {
			b := Equation{Table: s.Name, Equation: StagingIsLanded, Item: name, Left: orNothing(landed[name]), Right: orNothing(now[name])}
			if b.Balances = equalDecimals(b.Left, b.Right); !b.Balances {
				b.Detail = fmt.Sprintf("changed since run %d landed it; lifeline run reads the source and names the row", run)
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

func orNothing(text string) string {
	if text == "" {
		return "0"
	}
	return text
}

// lastLanded gives the source's side of the newest books of a table by item; run is 0 where there are none.
func lastLanded(ctx context.Context, db *sql.DB, table string) (run int64, items map[string]string, err error) {
	rows, err := db.QueryContext(ctx, `
		select run_id, item, left_value
		from ops.books
		where table_name = $1
		  and equation = $2
		  and run_id = (select max(b.run_id) from ops.books as b where b.table_name = $1 and b.equation = $2)`, table, SourceIsStaging)
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	items = map[string]string{}
	for rows.Next() {
		var item, value string
		if err := rows.Scan(&run, &item, &value); err != nil {
			return 0, nil, err
		}
		items[item] = value
	}
	return run, items, rows.Err()
}

// items adds staging up as the books of source and staging do.
func (s StagingTable) items(ctx context.Context, db *sql.DB) (map[string]string, error) {
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
		if s.numericKey(columns) {
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
			out["sum of "+v.key] = decimal(all.sums[len(all.sums)-1])
		}
	}
	return out, nil
}
