package warehouse

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// LandedTotals is what the source held of one table when it landed. It is kept in the transaction of the rows (promise 5), so that
// whoever reads staging later can prove that it is still what landed, by the very columns that were added up.
type LandedTotals struct {
	Table string
	Run   int64             // Of the landing; a load sets it itself.
	Key   []string          // As the source or the project has it.
	Money map[string]string // Amount to its currency's column, "" where there is none.
	Items map[string]string // Exact decimals, such as "rows" or "amount KES".
}

// execer is a transaction of either engine, as far as writing goes.
type execer func(ctx context.Context, query string, args ...any) error

// keepTotals replaces what is kept of the tables of a load.
func keepTotals(ctx context.Context, exec execer, run int64, tables []string, totals []LandedTotals) error {
	if len(tables) > 0 {
		names := make([]string, len(tables))
		for i, t := range tables {
			names[i] = Literal(t)
		}
		if err := exec(ctx, "delete from ops.landed_totals where table_name in ("+strings.Join(names, ", ")+")"); err != nil {
			return err
		}
	}
	var rows [][]any
	for _, t := range totals {
		key, err := json.Marshal(t.Key)
		if err != nil {
			return fmt.Errorf("write the key of %s: %w", t.Table, err)
		}
		money, err := json.Marshal(t.Money)
		if err != nil {
			return fmt.Errorf("write the money columns of %s: %w", t.Table, err)
		}
		for _, item := range slices.Sorted(maps.Keys(t.Items)) {
			rows = append(rows, []any{t.Table, run, string(key), string(money), item, t.Items[item]})
		}
	}
	for some := range slices.Chunk(rows, 500) {
		var lines []string
		var values []any
		for _, row := range some {
			n := len(values)
			lines = append(lines, fmt.Sprintf("($%d, $%d, $%d, $%d, $%d, $%d)", n+1, n+2, n+3, n+4, n+5, n+6))
			values = append(values, row...)
		}
		if err := exec(ctx, `
insert into ops.landed_totals (table_name, run_id, key_columns, money, item, value)
values `+strings.Join(lines, ", "), values...); err != nil {
			return err
		}
	}
	return nil
}

// KeepTotals replaces what is kept of some tables.
func KeepTotals(ctx context.Context, db *sql.DB, run int64, totals []LandedTotals) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write ops.landed_totals: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	names := make([]string, len(totals))
	for i, t := range totals {
		names[i] = t.Table
	}
	exec := func(ctx context.Context, query string, args ...any) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}
	if err := keepTotals(ctx, exec, run, names, totals); err != nil {
		return fmt.Errorf("write ops.landed_totals: %w", err)
	}
	return tx.Commit()
}

// ReadLandedTotals reads what is kept of every table, by its name. A warehouse that was written before this was kept has nothing.
func ReadLandedTotals(ctx context.Context, db *sql.DB) (map[string]*LandedTotals, error) {
	out := map[string]*LandedTotals{}
	rows, err := db.QueryContext(ctx, `
select table_name, run_id, key_columns, money, item, value
from ops.landed_totals`)
	if err != nil {
		if strings.Contains(err.Error(), "does not exist") {
			return out, nil
		}
		return nil, fmt.Errorf("read ops.landed_totals: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var t LandedTotals
		var key, money, item, value string
		if err := rows.Scan(&t.Table, &t.Run, &key, &money, &item, &value); err != nil {
			return nil, fmt.Errorf("read ops.landed_totals: %w", err)
		}
		if out[t.Table] == nil {
			if err := json.Unmarshal([]byte(key), &t.Key); err != nil {
				return nil, fmt.Errorf("read the key of %s: %w", t.Table, err)
			}
			if err := json.Unmarshal([]byte(money), &t.Money); err != nil {
				return nil, fmt.Errorf("read the money columns of %s: %w", t.Table, err)
			}
			t.Items = map[string]string{}
			out[t.Table] = &t
		}
		out[t.Table].Items[item] = value
	}
	return out, rows.Err()
}
