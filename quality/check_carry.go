package quality

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// What is known of the published version's checks need not be found out again: the result of a check over tables in which nothing has
// changed stands, and how many rows of a table fail by themselves changes only by the rows that went and those that came.

// Before is what a run knows of the checks of the published version, and of what has changed since.
type Before struct {
	Results map[[2]string]Recorded // By node and name of the check.
	// Unchanged tells that nothing is other in all that a check reads.
	Unchanged func(*Check) bool
	// Delta names a table of the rows that went from a check's table and those that came to it, with their surplus in Side; empty where none
	// is known.
	Delta func(*Check) string
}

// Side is a column of a delta: how many more rows like it there were than there are.
const Side = "lifeline__side"

// Recorded is a result as an earlier run wrote it down.
type Recorded struct {
	Failing, Tested int64
	SQL             string
}

// ReadRecorded reads the results of one run; none where a later one has recorded its own, whose failing rows are those that are kept.
func ReadRecorded(ctx context.Context, db *sql.DB, run int64) (map[[2]string]Recorded, error) {
	rows, err := db.QueryContext(ctx, `
select node, check_name, failing, tested, sql
from ops.check_results
where run_id = $1
  and status <> 'error'
  and not exists (select 1 from ops.check_results where run_id > $1)`, run)
	if err != nil {
		return nil, fmt.Errorf("read ops.check_results: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := map[[2]string]Recorded{}
	for rows.Next() {
		var key [2]string
		var r Recorded
		if err := rows.Scan(&key[0], &key[1], &r.Failing, &r.Tested, &r.SQL); err != nil {
			return nil, fmt.Errorf("read ops.check_results: %w", err)
		}
		out[key] = r
	}
	return out, rows.Err()
}

var (
	// versionName is the number of a version in the name of its schema.
	versionName = regexp.MustCompile(`__v[0-9]+\b`)
	// unsteady are words whose value depends on more than the rows of the tables that a check names.
	unsteady = regexp.MustCompile(`(?i)\b(now|current_[a-z]+|today|yesterday|random|localtime[a-z]*|clock_timestamp|statement_timestamp|` +
		`transaction_timestamp|age|uuid|gen_random_uuid|nextval)\b|\b(history|ops|quarantine|since)\.`)
)

// recorded is what an earlier run found by the very same check.
func (b *Before) recorded(r *Result) (Recorded, bool) {
	if b == nil || r.measure != "" || r.probe != nil || r.failCalc != "" {
		return Recorded{}, false
	}
	text := r.SQL()
	before, known := b.Results[[2]string{r.Node, r.Name}]
	same := versionName.ReplaceAllString(before.SQL, "") == versionName.ReplaceAllString(text, "")
	return before, known && same && !unsteady.MatchString(text)
}

// carry settles the results that stand, and says of how many rows by themselves the difference will do.
func (b *Before) carry(results []Result) {
	if b == nil {
		return
	}
	for i := range results {
		r := &results[i]
		before, ok := b.recorded(r)
		if !ok {
			continue
		}
		if b.Unchanged(r.Check) {
			r.Failing, r.Tested, r.carried = before.Failing, before.Tested, true
			continue
		}
		if r.singular == "" && !strings.Contains(strings.ToLower(r.where+r.cond), "select") {
			r.before, r.delta = before, b.Delta(r.Check)
		}
	}
}

// scanDelta counts the rows of a table's checks by what has changed in it. It reports false where that is not known of all of them, or the
// engine refuses it.
func scanDelta(ctx context.Context, db *sql.DB, results []*Result) (bool, error) {
	began := time.Now()
	var exprs []string
	for _, r := range results {
		if r.delta == "" {
			return false, nil
		}
		exprs = append(exprs, surplus(r.where, "", Side))
		if r.alone {
			exprs = append(exprs, surplus(r.where, r.cond, Side), surplus(r.where, r.cond, "1"))
		}
	}
	numbers := make([]int64, len(exprs))
	into := make([]any, len(exprs))
	for i := range numbers {
		into[i] = &numbers[i]
	}
	query := "select " + strings.Join(exprs, ",\n       ") + "\nfrom " + results[0].delta + " as t"
	if err := db.QueryRowContext(ctx, query).Scan(into...); err != nil {
		return false, ctx.Err()
	}
	took := time.Since(began) / time.Duration(len(results))
	for _, r := range results {
		r.Tested = r.before.Tested - numbers[0]
		numbers = numbers[1:]
		if r.alone {
			r.Failing, r.Took = r.before.Failing-numbers[0], took
			r.carried = numbers[1] == 0 // The rows that fail are those that failed.
			numbers = numbers[2:]
		}
	}
	return true, nil
}

// surplus adds up a number over the rows under where, and of them those under cond.
func surplus(where, cond, number string) string {
	inner := number
	if cond != "" {
		inner = bind("case when {cond} then {number} end", "cond", cond, "number", number)
	}
	if where != "" {
		inner = bind("case when {where} then {inner} end", "where", where, "inner", inner)
	}
	return bind("cast(coalesce(sum({inner}), 0) as bigint)", "inner", inner)
}

// Carried tells that the result stands from the published version.
func (r *Result) Carried() bool { return r.carried }
