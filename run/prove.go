package run

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"lifeline/change"
	"lifeline/model"
	"lifeline/model/locality"
)

// prove recomputes a random share of the keys of every local model from what it reads and compares the rows with those that are about to
// be published. By the same keys everywhere, a version whose models all agree with what they read is a version that was rebuilt whole.
func (w *walk) prove(ctx context.Context) (string, error) {
	i := w.inc
	if i == nil {
		return "nothing to prove: every model was built whole", nil
	}
	salt := make([]byte, 8)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("draw keys: %w", err)
	}
	var models, keys int64
	var wrong []string
	for _, n := range w.works() {
		l := i.localityOf(n)
		if len(l.Plans) == 0 || n.Materialized == model.View || n.Materialized == model.Incremental {
			continue
		}
		drawn, differ, err := w.proveModel(ctx, n, l.Plans[0], hex.EncodeToString(salt))
		if err != nil {
			return "", err
		}
		models, keys = models+1, keys+drawn
		if differ != "" {
			wrong = append(wrong, differ)
		}
	}
	line := fmt.Sprintf("%d keys of %d models were computed again", keys, models)
	if len(wrong) == 0 {
		return line, nil
	}
	return line, &change.Problem{
		Err:   errors.New("what was rebuilt for changed keys is not what a whole rebuild gives: " + strings.Join(wrong, "; ")),
		Class: change.ClassBlocked, Try: "lifeline run --full, and report this with the model's SQL",
	}
}

// proveModel compares one model, and gives an example of a key that differs.
func (w *walk) proveModel(ctx context.Context, n *model.Node, p *locality.Plan, salt string) (drawn int64, differ string, err error) {
	i, db := w.inc, w.build.DB()
	p, err = w.settled(ctx, n, p)
	if err != nil || p == nil {
		return 0, "", err
	}
	column := func(alias string) string { return w.keyOfPlan(p, alias) }
	a := &affected{table: w.build.Relation("build", n.Schema+"__"+n.Alias+"__proof"), hasNull: w.opt.Prove >= 1}
	sampled := func(expression string) string {
		return fmt.Sprintf("substr(md5('%s' || cast(%s as varchar)), 1, 6) < '%s'", salt, expression, threshold(w.opt.Prove))
	}
	parts := []string{fmt.Sprintf("select %s as k from %s as t where %s", column("t"), w.relation(n), sampled(column("t")))}
	for _, u := range p.Uses {
		if u.Keyed() { // A key may be missing in the table, too.
			parts = append(parts, fmt.Sprintf("select %s as k from %s as x where %s", u.Keys[0], i.relationText(w, n, u.Leaf.Relation.Name),
				sampled(u.Keys[0])))
		}
	}
	if _, err := db.ExecContext(ctx, "create table "+a.table+" as "+strings.Join(parts, " union ")); err != nil {
		return 0, "", fmt.Errorf("draw keys of %s: %w", n.Name, err)
	}
	if err := db.QueryRowContext(ctx, "select count(*) from "+a.table).Scan(&drawn); err != nil {
		return 0, "", fmt.Errorf("draw keys of %s: %w", n.Name, err)
	}
	again := "(" + w.restricted(i, n, p, a.in) + ")"
	if failing := w.failing(n); failing != "" {
		again = fmt.Sprintf("(select d.* from %s as d where not (%s))", again, failing)
	}
	there := fmt.Sprintf("(select t.* from %s as t where %s)", w.relation(n), a.in(column("t")))
	// Both are made first: a difference of selects would compute each twice.
	proven := w.build.Relation("build", n.Schema+"__"+n.Alias+"__again")
	if _, err := db.ExecContext(ctx, "create table "+proven+" as select * from "+again+" as r"); err != nil {
		return drawn, "", fmt.Errorf("compute keys of %s again: %w", n.Name, err)
	}
	var missing, excess int64
	var example any
	if err := db.QueryRowContext(ctx, fmt.Sprintf(`
select
    (select count(*) from (select * from %[1]s except all %[2]s) as m),
    (select count(*) from (%[2]s except all select * from %[1]s) as e),
    (select min(cast(%[3]s as varchar)) from (
        select * from (select * from %[1]s except all %[2]s) as m union all select * from (%[2]s except all select * from %[1]s) as e
    ) as b)`, proven, there, column("b"))).Scan(&missing, &excess, &example); err != nil {
		return drawn, "", fmt.Errorf("compare keys of %s: %w", n.Name, err)
	}
	if missing+excess == 0 {
		return drawn, "", nil
	}
	return drawn, fmt.Sprintf("%s: %d rows are missing and %d are too many, such as those of %s %v", n.Name, missing, excess, p.Column,
		example), nil
}

// threshold is what six hexadecimal digits of a hash must be below, for a share of all.
func threshold(share float64) string {
	if share >= 1 {
		return "g" // Above every digit.
	}
	return fmt.Sprintf("%06x", int(share*float64(1<<24)))
}
