package quality

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
)

// EntityCount is a table of the version that has one row per row of an entity (meta.lifeline.entity_count_of).
type EntityCount struct {
	Table    string // The model's name.
	Relation string // As SQL calls it.
	Key      string // Its column with the entity's key, to name what is missing; "" looks for one called as in core.
	Core     string // The entity's relation.
	CoreKey  string // The entity's key column.
}

// CountBooks closes the third equation: tables that declare to have one row per row of an entity have as many rows as it.
func CountBooks(ctx context.Context, db *sql.DB, counts []EntityCount) ([]Book, error) {
	var books []Book
	for _, c := range counts {
		var left, right int64
		err := db.QueryRowContext(ctx, fill(`
			select (select count(*) from {table}), (select count(*) from {core})`,
			"table", c.Relation, "core", c.Core)).Scan(&left, &right)
		if err != nil {
			return nil, fmt.Errorf("count %s: %w", c.Table, err)
		}
		b := Book{
			Table: c.Table, Equation: CountsAreCore, Item: "rows", Balances: left == right,
			Left: strconv.FormatInt(left, 10), Right: strconv.FormatInt(right, 10),
		}
		if !b.Balances {
			if b.Detail, err = c.difference(ctx, db); err != nil {
				return nil, fmt.Errorf("compare %s with its entity: %w", c.Table, err)
			}
		}
		books = append(books, b)
	}
	return books, nil
}

func (c EntityCount) difference(ctx context.Context, db *sql.DB) (string, error) {
	if c.Key == "" {
		columns, err := columnsOf(ctx, db, c.Relation)
		if err != nil || !slices.Contains(columns, c.CoreKey) {
			return "", err
		}
		c.Key = c.CoreKey
	}
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
		keys, total, err := firstKeys(ctx, db, fill(l.query, pairs...))
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
