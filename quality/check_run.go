package quality

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Run evaluates checks and returns their results in the same order. All conditions on single rows of one table are counted in
// one scan; the others have a select each. An error of the engine in one check is that check's result, not Run's; Run itself
// only fails when ctx ends.
func Run(ctx context.Context, db *sql.DB, checks []Check, parallel int) ([]Result, error) {
	return RunAgain(ctx, db, checks, parallel, nil)
}

// RunAgain is Run where something is known of the checks of the published version; nil knows nothing.
func RunAgain(ctx context.Context, db *sql.DB, checks []Check, parallel int, before *Before) ([]Result, error) {
	results := make([]Result, len(checks))
	tables := map[string][]*Result{}
	var order []string
	for i := range checks {
		r := &results[i]
		r.Check = &checks[i]
	}
	before.carry(results)
	for i := range results {
		r := &results[i]
		if r.measure != "" || r.singular != "" || r.carried {
			continue
		}
		if tables[r.relation] == nil {
			order = append(order, r.relation)
		}
		tables[r.relation] = append(tables[r.relation], r)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(parallel, 1))
	for _, relation := range order {
		g.Go(func() error {
			if done, err := scanDelta(ctx, db, tables[relation]); done || err != nil {
				return err
			}
			return scan(ctx, db, tables[relation])
		})
	}
	for i := range results {
		if r := &results[i]; !r.alone && !r.carried {
			g.Go(func() error { return count(ctx, db, r) })
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i := range results {
		results[i].setStatus()
	}
	return results, nil
}

func (r *Result) setStatus() {
	if r.Err != nil {
		r.Status = Error
		return
	}
	r.evaluate()
}

// Classify decides every status anew, by what Recall learned of earlier runs, and says how each stands to the run before.
func Classify(runID int64, results []Result) {
	for i := range results {
		results[i].setStatus()
		results[i].compare(runID)
	}
}

// scan counts the rows that the checks of one table test and, for those on single rows, fail. When the engine refuses the
// scan, each check is asked by itself, so that the one to blame is known.
func scan(ctx context.Context, db *sql.DB, results []*Result) error {
	began := time.Now()
	var exprs, wheres []string
	for _, r := range results {
		if !slices.Contains(wheres, r.where) {
			wheres = append(wheres, r.where)
			exprs = append(exprs, counted(r.where, ""))
		}
	}
	for _, r := range results {
		if r.alone {
			exprs = append(exprs, counted(r.where, r.cond))
		}
	}
	query := "select " + strings.Join(exprs, ",\n       ") + "\nfrom " + results[0].relation + " as t"
	numbers := make([]int64, len(exprs))
	into := make([]any, len(exprs))
	for i := range numbers {
		into[i] = &numbers[i]
	}
	err := db.QueryRowContext(ctx, query).Scan(into...)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return ctx.Err()
	case len(results) == 1:
		if r := results[0]; r.alone {
			r.Err = r.wrap(err)
		}
		return nil
	default:
		for i := range results {
			if err := scan(ctx, db, results[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	took := time.Since(began) / time.Duration(len(results))
	next := len(wheres)
	for _, r := range results {
		r.Tested = numbers[slices.Index(wheres, r.where)]
		if r.alone {
			r.Failing, r.Took = numbers[next], took
			next++
		}
	}
	return nil
}

// counted is the aggregate that counts the rows under where, and of them those under cond. The nested case keeps cond from
// rows that where leaves out, so that a where may guard a cast or a division.
func counted(where, cond string) string {
	inner := "1"
	if cond != "" {
		inner = bind("case when {cond} then 1 end", "cond", cond)
	}
	switch {
	case where != "":
		return bind("count(case when {where} then {inner} end)", "where", where, "inner", inner)
	case cond != "":
		return bind("count({inner})", "inner", inner)
	}
	return "count(*)"
}

// count asks one check by itself.
func count(ctx context.Context, db *sql.DB, r *Result) error {
	began := time.Now()
	if r.probe != nil {
		if err := r.probe(ctx, db, r); err != nil && ctx.Err() == nil {
			r.Err = r.wrap(err)
		}
		r.Took = time.Since(began)
		return ctx.Err()
	}
	failing := int64(1)
	var tested sql.NullInt64
	var err error
	if glance := r.glance(ctx, db); glance != "" {
		err = db.QueryRowContext(ctx, glance).Scan(&failing)
	}
	if err == nil && failing != 0 {
		err = db.QueryRowContext(ctx, r.count()).Scan(&failing, &tested)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		r.Err = r.wrap(err)
		return nil
	}
	r.Failing, r.Took = failing, time.Since(began)
	if tested.Valid {
		r.Tested = tested.Int64
	}
	return nil
}

func (c *Check) wrap(err error) error {
	return fmt.Errorf("%s: check %s: %w", c.Where(), c.Name, err)
}

func position(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}
