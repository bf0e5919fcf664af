package quality

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"lifeline/change"
)

// EntityCount is a table of the version that has one row per row of an entity (meta.lifeline.entity_count_of).
type EntityCount struct {
	Table    string            // The model's name.
	Relation string            // As SQL calls it.
	Key      string            // Its column with the entity's key, to name what is missing; "" looks for one called as in core.
	Core     string            // The entity's relation.
	CoreKey  string            // The entity's key column.
	Money    map[string]string // The entity's amounts with their currencies; those that the table has under the same names are compared.
}

// CountBooks closes the third equation: tables that declare to have one row per row of an entity have as many rows as it.
func CountBooks(ctx context.Context, db *sql.DB, counts []EntityCount) ([]Equation, error) {
	var books []Equation
	for _, c := range counts {
		b, err := c.rows(ctx, db)
		if err != nil {
			return nil, fmt.Errorf("count %s: %w", c.Table, err)
		}
		if !b.Balances {
			if b.Detail, err = c.difference(ctx, db); err != nil {
				return nil, fmt.Errorf("compare %s with its entity: %w", c.Table, err)
			}
		}
		money, err := c.money(ctx, db)
		if err != nil {
			return nil, fmt.Errorf("add up %s: %w", c.Table, err)
		}
		books = append(append(books, b), money...)
	}
	return books, nil
}

// rows compares how many rows there are and, where the key is a whole number, what the keys add up to: one row in another's place
// is noticed too.
func (c EntityCount) rows(ctx context.Context, db *sql.DB) (Equation, error) {
	key, err := c.ownKey(ctx, db)
	if err != nil {
		return Equation{}, err
	}
	whole := false
	if key != "" {
		if whole, err = wholeNumbers(ctx, db, c.Relation, key); err != nil {
			return Equation{}, err
		}
	}
	var n [2]int64
	var keys [2]string
	for i, side := range []struct{ relation, key string }{{c.Relation, key}, {c.Core, c.CoreKey}} {
		sum := "'0'"
		if whole {
			sum = bind("cast(coalesce(sum({k}), 0) as text)", "k", ident(side.key))
		}
		if err := db.QueryRowContext(ctx, bind(`select count(*), {sum} from {relation}`, "sum", sum, "relation", side.relation)).Scan(&n[i],
			&keys[i]); err != nil {
			return Equation{}, err
		}
	}
	b := Equation{
		Table: c.Table, Equation: CountsAreCore, Item: "rows", Left: strconv.FormatInt(n[0], 10), Right: strconv.FormatInt(n[1], 10),
	}
	b.Balances = n[0] == n[1] && equalDecimals(keys[0], keys[1])
	return b, nil
}

// money compares the amounts of the table with the entity's, by currency, and the keys where rows carry no amount.
func (c EntityCount) money(ctx context.Context, db *sql.DB) ([]Equation, error) {
	key, err := c.ownKey(ctx, db)
	if err != nil || key == "" {
		return nil, err
	}
	columns, err := columnsOf(ctx, db, c.Relation)
	if err != nil {
		return nil, err
	}
	whole, err := wholeNumbers(ctx, db, c.Core, c.CoreKey)
	if err != nil {
		return nil, err
	}
	var books []Equation
	for _, amount := range slices.Sorted(maps.Keys(c.Money)) {
		currency := c.Money[amount]
		if !slices.Contains(columns, amount) || currency != "" && !slices.Contains(columns, currency) {
			continue
		}
		by := "''"
		if currency != "" {
			by = "x." + ident(currency)
		}
		var sides [2]ledger
		for i, side := range []struct{ relation, key string }{{c.Core, c.CoreKey}, {c.Relation, key}} {
			sums := []string{"x." + ident(amount), "cast(0 as bigint)"}
			if whole {
				sums[1] = bind(`cast(x.{a} as numeric(28,4)) * cast(x.{k} % {w} as smallint)`,
					"a", ident(amount), "k", ident(side.key), "w", fmt.Sprint(change.ChecksumWeight))
			}
			if sides[i], err = readLedger(ctx, db, side.relation+" as x", by, sums); err != nil {
				return nil, err
			}
		}
		detail := ""
		for _, name := range currencies(sides[0], sides[1]) {
			right, left := sides[0].line(name, 2), sides[1].line(name, 2)
			b := Equation{
				Table: c.Table, Equation: CountsAreCore, Item: item(amount, name), Left: decimal(left.sums[0]), Right: decimal(right.sums[0]),
				Balances: left.equals(right),
			}
			if !b.Balances && detail == "" {
				if detail, err = c.amounts(ctx, db, key, amount, currency); err != nil {
					return nil, err
				}
			}
			if !b.Balances {
				b.Detail = detail
			}
			books = append(books, b)
		}
	}
	return books, nil
}

// amounts names the rows whose amount or currency is not the entity's.
func (c EntityCount) amounts(ctx context.Context, db *sql.DB, key, amount, currency string) (string, error) {
	other := ""
	if currency != "" {
		other = bind(` or coalesce(t.{c}, '') <> coalesce(c.{c}, '')`, "c", ident(currency))
	}
	keys, total, err := firstKeys(ctx, db, bind(`
		select cast(t.{k} as text) || ': ' || coalesce(cast(t.{m} as text), 'null') || ', '
		       || coalesce(cast(c.{m} as text), 'null') || ' in core', count(*) over ()
		from {table} as t
		join {core} as c on t.{k} = c.{ck}
		where coalesce(t.{m}, 0) <> coalesce(c.{m}, 0){other}`,
		"table", c.Relation, "core", c.Core, "k", ident(key), "ck", ident(c.CoreKey), "m", ident(amount), "other", other))
	if err != nil || total == 0 {
		return "", err
	}
	return naming(c.Table, "with another "+amount, keys, total), nil
}

// ownKey is the table's column with the entity's key; "" where it has none.
func (c EntityCount) ownKey(ctx context.Context, db *sql.DB) (string, error) {
	if c.CoreKey == "" {
		return "", nil
	}
	columns, err := columnsOf(ctx, db, c.Relation)
	if err != nil {
		return "", err
	}
	for _, key := range []string{c.Key, c.CoreKey} {
		if slices.Contains(columns, key) {
			return key, nil
		}
	}
	return "", nil
}

func (c EntityCount) difference(ctx context.Context, db *sql.DB) (string, error) {
	key, err := c.ownKey(ctx, db)
	if err != nil || key == "" {
		return "", err
	}
	c.Key = key
	pairs := []string{"table", c.Relation, "core", c.Core, "k", ident(c.Key), "ck", ident(c.CoreKey)}
	detail := ""
	for _, l := range []struct{ what, query string }{
		{"missing", `
		select cast(c.{ck} as text), count(*) over ()
		from {core} as c
		where not exists (select 1 from {table} as t where t.{k} = c.{ck})`},
		{"not in the entity", `
		select cast(t.{k} as text), count(*) over ()
		from {table} as t
		where not exists (select 1 from {core} as c where t.{k} = c.{ck})`},
		{"more than once", `
		select cast(t.{k} as text), count(*) over ()
		from {table} as t
		group by t.{k}
		having count(*) > 1`},
	} {
		keys, total, err := firstKeys(ctx, db, bind(l.query, pairs...))
		if err != nil {
			return "", err
		}
		if total == 0 {
			continue
		}
		if detail != "" {
			detail += "; "
		}
		detail += naming(c.Table, l.what, keys, total)
	}
	return detail, nil
}

// wholeNumbers tells whether a column is of whole numbers.
func wholeNumbers(ctx context.Context, db *sql.DB, relation, column string) (bool, error) {
	rows, err := db.QueryContext(ctx, bind(`select {c} from {relation} where 1 = 0`, "c", ident(column), "relation", relation))
	if err != nil {
		return false, fmt.Errorf("type of %s.%s: %w", relation, column, err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return false, fmt.Errorf("type of %s.%s: %w", relation, column, err)
	}
	return slices.Contains([]string{"SMALLINT", "INTEGER", "BIGINT", "INT2", "INT4", "INT8"}, types[0].DatabaseTypeName()), rows.Err()
}
