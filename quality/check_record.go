package quality

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// Record writes the results of a run into ops.check_results and the keys of the failing rows into ops.check_rows, in one
// transaction. db must still see the tables that were checked.
func Record(ctx context.Context, db *sql.DB, runID int64, results []Result) error {
	return inTx(ctx, db, func(tx *sql.Tx) error {
		for some := range slices.Chunk(results, recordedAtOnce) {
			if err := recordResults(ctx, tx, runID, some); err != nil {
				return fmt.Errorf("record the checks: %w", err)
			}
		}
		for i := range results {
			if err := recordRows(ctx, tx, runID, &results[i]); err != nil {
				return fmt.Errorf("record the check %s: %w", results[i].Name, err)
			}
		}
		return nil
	})
}

// recordedAtOnce is how many results one statement writes: a project has hundreds, and each statement waits for the server twice.
const recordedAtOnce = 400

// recordResults writes results, and takes away the failing rows that an earlier run found by the same checks.
func recordResults(ctx context.Context, tx *sql.Tx, runID int64, results []Result) error {
	var rows, old []string
	var values, checks []any
	for i := range results {
		r := &results[i]
		rows = append(rows, placeholders(len(values), 12))
		values = append(values, runID, r.Name, r.Kind, r.Node, r.Column, string(r.Severity), string(r.Status), r.Failing, r.Tested,
			r.threshold(), r.Took.Seconds(), r.SQL())
		if !r.kept && !r.carried && r.Status != Error {
			old = append(old, placeholders(len(checks), 2))
			checks = append(checks, r.Node, r.Name)
		}
	}
	if _, err := tx.ExecContext(ctx, `
		insert into ops.check_results (run_id, check_name, kind, node, column_name, severity, status, failing, tested,
		                               threshold, seconds, sql)
		values `+strings.Join(rows, ", "), values...); err != nil || len(old) == 0 {
		return err
	}
	_, err := tx.ExecContext(ctx, `
		delete from ops.check_rows as c
		using (values `+strings.Join(old, ", ")+`) as v (node, check_name)
		where c.node = v.node
		  and c.check_name = v.check_name`, checks...)
	return err
}

// placeholders is one row of parameters, such as ($13, $14).
func placeholders(before, n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("$%d", before+i+1)
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// recordRows writes the keys of the rows that fail a check.
func recordRows(ctx context.Context, tx *sql.Tx, runID int64, r *Result) error {
	if r.kept || r.Status == Error {
		return nil
	}
	if r.carried {
		if r.Failing == 0 {
			return nil
		}
		_, err := tx.ExecContext(ctx, "update ops.check_rows set run_id = $1 where node = $2 and check_name = $3", runID, r.Node, r.Name)
		return err
	}
	for _, s := range r.seen {
		if _, err := tx.ExecContext(ctx, `
		insert into ops.check_rows (run_id, node, check_name, key, value)
		values ($1, $2, $3, $4, $5)`, runID, r.Node, r.Name, s.key, s.value); err != nil {
			return err
		}
	}
	if r.Failing == 0 || r.measure != "" {
		return nil
	}
	key, value, err := r.shownAs(ctx, tx)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, bind(`
		insert into ops.check_rows (run_id, node, check_name, key, value)
		select cast({run} as bigint), cast({node} as text), cast({name} as text), {key}, {value}
		from {bad}`,
		"run", fmt.Sprint(runID), "node", text(r.Node), "name", text(r.Name),
		"key", key, "value", value, "bad", r.badRows()))
	return err
}

func (c *Check) badRows() string {
	if c.singular != "" {
		return bind("(\n{sql}\n) as t", "sql", c.singular)
	}
	return c.bad()
}

// shownAs gives expressions for what a bad row is named by and what is shown of it.
func (c *Check) shownAs(ctx context.Context, db querier) (key, value string, err error) {
	if c.singular != "" || len(c.Key) == 0 {
		return "cast(null as text)", "cast(to_json(t) as text)", nil
	}
	kinds, err := kindsOf(ctx, db, append(aliased("t", c.Key), c.shown.values...), c.bad())
	if err != nil {
		return "", "", err
	}
	return keyText("t", c.Key, kinds[:len(c.Key)]), c.shown.sql(kinds[len(c.Key):]), nil
}

// inTx runs one transaction; an error of do rolls it back.
func inTx(ctx context.Context, db *sql.DB, do func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // The error that matters is do's.
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
