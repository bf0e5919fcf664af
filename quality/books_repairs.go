package quality

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// Repair counts the cells of one core column by how their value came about (promise 7).
type Repair struct {
	Table  string
	Column string
	Basis  string // "source", "repaired", "imputed", "missing"; "" where the model says nothing.
	Rule   string // What was done to the raw value, see RowVerdicts.Rules; "" where nothing was, or nothing is known.
	Rows   int64
}

// Repairs counts the bases of a core model's `<column>_basis` columns, in one scan.
func Repairs(ctx context.Context, db *sql.DB, table, relation string) ([]Repair, error) {
	names, err := columnsOf(ctx, db, relation)
	if err != nil {
		return nil, err
	}
	var bases []string
	for _, n := range names {
		if strings.HasSuffix(n, "_basis") {
			bases = append(bases, n)
		}
	}
	if len(bases) == 0 {
		return nil, nil
	}
	// The bases go together: a handful of combinations, so one scan serves them all.
	rows, err := db.QueryContext(ctx, bind(`
		select {bases}, count(*)
		from {relation}
		group by {bases}`, "bases", list(bases, ident), "relation", relation))
	if err != nil {
		return nil, fmt.Errorf("count the repairs of %s: %w", table, err)
	}
	defer rows.Close()
	counts := map[Repair]int64{}
	for rows.Next() {
		var n int64
		values := make([]sql.NullString, len(bases))
		into := make([]any, 0, len(bases)+1)
		for i := range values {
			into = append(into, &values[i])
		}
		if err := rows.Scan(append(into, &n)...); err != nil {
			return nil, fmt.Errorf("count the repairs of %s: %w", table, err)
		}
		for i, b := range bases {
			counts[Repair{Table: table, Column: strings.TrimSuffix(b, "_basis"), Basis: values[i].String}] += n
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("count the repairs of %s: %w", table, err)
	}
	out := make([]Repair, 0, len(counts))
	for r, n := range counts {
		r.Rows = n
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Repair) int {
		return strings.Compare(a.Column+"\x00"+a.Basis, b.Column+"\x00"+b.Basis)
	})
	return out, nil
}

// RecordRepairs writes the repairs of a run into ops.repairs.
func RecordRepairs(ctx context.Context, db *sql.DB, runID int64, repairs []Repair) error {
	return inTx(ctx, db, func(tx *sql.Tx) error {
		for some := range slices.Chunk(repairs, recordedAtOnce) {
			var rows []string
			var values []any
			for _, r := range some {
				rows = append(rows, placeholders(len(values), 6))
				values = append(values, runID, r.Table, r.Column, r.Basis, r.Rows, sql.NullString{String: r.Rule, Valid: r.Rule != ""})
			}
			if _, err := tx.ExecContext(ctx, `
				insert into ops.repairs (run_id, table_name, column_name, basis, rows, rule)
				values `+strings.Join(rows, ", "), values...); err != nil {
				return fmt.Errorf("record the repairs: %w", err)
			}
		}
		return nil
	})
}
