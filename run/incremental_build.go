package run

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lifeline/model"
	"lifeline/model/locality"
	"lifeline/warehouse"
)

const (
	// mostAffected is the share of a table's rows above which it is built whole: less is not worth it.
	mostAffected = 0.3
	// mostCompared is how many rows a table that is built whole may have, so that the rows that have changed in it are looked for.
	mostCompared = 5_000_000
)

// rebuild is how one node is brought to the version.
type rebuild struct {
	how  string // builtWhole, builtKeys or builtCarried.
	why  string
	plan *locality.Plan
	keys *affected
}

// decide says how a node is brought to the version: carried over where nothing that reaches it has changed, for some keys where that is all
// that has, and else whole.
func (w *walk) decide(ctx context.Context, n *model.Node, before bool) (rebuild, error) {
	i := w.inc
	switch {
	case w.opt.Full:
		return rebuild{how: builtWhole, why: "--full"}, nil
	case i == nil || !before && n.Materialized != model.View:
		return rebuild{how: builtWhole, why: "first build"}, nil
	case !i.same(n):
		return rebuild{how: builtWhole, why: w.whyAnew(i, n)}, nil
	case n.Kind == model.KindSeed:
		return rebuild{how: builtCarried}, nil
	case n.Materialized == model.Incremental:
		return rebuild{how: builtWhole, why: "materialized incremental"}, nil
	}
	l := i.localityOf(n)
	if len(l.Plans) == 0 {
		if n.EntityOf != nil && !w.entityQuiet(i, n) {
			return rebuild{how: builtWhole, why: l.String()}, nil
		}
		if why := w.disturbed(i, n); why != "" {
			return rebuild{how: builtWhole, why: l.String()}, nil
		}
		return rebuild{how: builtCarried}, nil
	}
	return w.decideKeys(ctx, n, l)
}

// whyAnew says what is other in a node than when the published version was built.
func (w *walk) whyAnew(i *incremental, n *model.Node) string {
	before, there := i.before[n.ID]
	switch {
	case !there:
		return "new"
	case before.fingerprint == "":
		return "it was carried over by an earlier run"
	case n.Kind == model.KindSeed:
		return "the seed has changed"
	}
	return "its SQL, a variable or as_of has changed"
}

// decideKeys takes the plan with the fewest rows.
func (w *walk) decideKeys(ctx context.Context, n *model.Node, l *model.Locality) (rebuild, error) {
	var best *rebuild
	why := ""
	total := w.inc.before[n.ID].rows
	for number, p := range l.Plans {
		if w.quiet(n, p) {
			return rebuild{how: builtCarried}, nil
		}
		if best != nil && slices.Contains(best.plan.Columns, p.Column) {
			continue // At least as many rows belong to the changed programs as to the changed months of programs.
		}
		p, err := w.settled(ctx, n, p)
		if err != nil {
			return rebuild{}, err
		}
		if p == nil {
			continue
		}
		a, reason, err := w.affectedKeys(ctx, w.inc, n, p, number)
		if err != nil {
			return rebuild{}, err
		}
		if reason != "" {
			if why == "" {
				why = reason
			}
			continue
		}
		if a.n == 0 && !a.hasNull {
			return rebuild{how: builtCarried}, nil
		}
		if n.Materialized == model.View {
			return rebuild{how: builtKeys, plan: p, keys: a}, nil
		}
		if a.rows, err = w.rowsOf(ctx, n, p, a); err != nil {
			return rebuild{}, err
		}
		if best == nil || a.rows < best.keys.rows {
			best = &rebuild{how: builtKeys, plan: p, keys: a}
		}
		if float64(a.rows) <= 0.02*float64(total) {
			break
		}
	}
	switch {
	case best == nil:
		return rebuild{how: builtWhole, why: why}, nil
	case float64(best.keys.rows) > mostAffected*float64(total):
		return rebuild{how: builtWhole, why: fmt.Sprintf("%d of %d rows are of changed %s", best.keys.rows, total, best.plan.Column)}, nil
	}
	return *best, nil
}

// quiet tells without asking the warehouse that nothing has changed in all that a plan reads.
func (w *walk) quiet(n *model.Node, p *locality.Plan) bool {
	for _, u := range p.Uses {
		if c := w.inc.leafChange(n, u.Leaf); c == nil || !c.nothing() {
			return false
		}
	}
	moved, why := w.movedRows(w.inc, n, p)
	return why == "" && len(moved) == 0
}

// rowsOf counts the published rows of some keys.
func (w *walk) rowsOf(ctx context.Context, n *model.Node, p *locality.Plan, a *affected) (rows int64, err error) {
	previous, _, err := w.build.Previous(ctx, n.Schema, n.Alias)
	if err != nil {
		return 0, err
	}
	err = w.build.DB().QueryRowContext(ctx, fmt.Sprintf("select count(*) from %s as p where %s", previous,
		a.in(w.keyOfPlan(p, "p")))).Scan(&rows)
	if err != nil {
		return 0, fmt.Errorf("count the rows of %s that belong to changed keys: %w", n.Name, err)
	}
	return rows, nil
}

// disturbed says what has changed in what a node reads that is not local; empty where nothing has.
func (w *walk) disturbed(i *incremental, n *model.Node) string {
	for _, d := range n.DependsOn {
		if d.Kind == model.KindModel && d.Materialized == model.Ephemeral {
			if why := w.disturbed(i, d); why != "" {
				return why
			}
			continue
		}
		name := d.ID
		if d.Kind == model.KindSource {
			name = "source:" + d.ID
		}
		i.mu.Lock()
		c := i.changes[name]
		i.mu.Unlock()
		if c == nil || !c.nothing() {
			return d.Name + " has changed"
		}
	}
	before := i.before[n.ID].snapshot
	if s := i.localityOf(n).SQL; before != i.snapshot && (s == nil || strings.Contains(s.Text(), i.snapshot)) {
		return "the time of the snapshot has moved"
	}
	return ""
}

// entityQuiet tells that no row of an entity's source has changed, and none is in quarantine, to be evaluated anew.
func (w *walk) entityQuiet(i *incremental, n *model.Node) bool {
	for _, d := range n.DependsOn {
		if d.Source == n.EntityOf && d.Source != nil {
			i.mu.Lock()
			defer i.mu.Unlock()
			return i.changes["entity:"+d.ID].nothing()
		}
	}
	return false
}

// noteChange notes for those who read a node what is other in it than in the published version.
func (w *walk) noteChange(ctx context.Context, n *model.Node, r rebuild, rows int64) error {
	i := w.inc
	if i == nil {
		return nil
	}
	switch {
	case r.how == builtCarried && w.failing(n) == "":
		i.set(n, &changed{})
		return nil
	case n.Materialized == model.View && r.how == builtKeys:
		i.set(n, &changed{keys: r.keys.table, column: r.plan.Column})
		return nil
	case !w.readByLocal(i, n):
		i.set(n, &changed{all: true, why: n.Name + " has changed"})
		return nil
	case r.how == builtWhole && (n.Materialized == model.View || rows > mostCompared || !i.same(n) && !w.sameColumns(ctx, n)):
		i.set(n, &changed{all: true, why: n.Name + " was built whole"})
		return nil
	}
	c, err := w.difference(ctx, n, r)
	if err != nil && !i.same(n) && ctx.Err() == nil { // It was something else before, a view for instance.
		c, err = &changed{all: true, why: n.Name + " was built whole"}, nil
	}
	if err != nil {
		return fmt.Errorf("compare %s with the published version: %w", n.Name, err)
	}
	i.set(n, c)
	return nil
}

// sameColumns tells that a node's table has the columns of the published one: then their rows can be compared whatever made them. The first
// rows from the log change the SQL of every model over a source's past, for instance, and few of their rows.
func (w *walk) sameColumns(ctx context.Context, n *model.Node) bool {
	previous, there, err := w.build.Previous(ctx, n.Schema, n.Alias)
	if err != nil || !there {
		return false
	}
	before, err := w.columnsOf(ctx, previous)
	if err != nil {
		return false
	}
	now, err := w.columnsOf(ctx, w.relation(n))
	return err == nil && slices.Equal(before, now)
}

// readByLocal tells that somebody wants to know which rows of a node have changed, or whether any have. A view that nobody reads does not.
func (w *walk) readByLocal(i *incremental, n *model.Node) bool {
	return slices.ContainsFunc(w.graph.Nodes, func(m *model.Node) bool {
		return slices.Contains(m.DependsOn, n) && i.same(m) && (m.Materialized != model.View || w.readByLocal(i, m))
	})
}

// difference finds the rows that went and those that came, of the keys that were rebuilt, or of all.
func (w *walk) difference(ctx context.Context, n *model.Node, r rebuild) (*changed, error) {
	previous, there, err := w.build.Previous(ctx, n.Schema, n.Alias)
	if err != nil {
		return nil, err
	}
	if !there {
		return &changed{all: true, why: n.Name + " is new"}, nil
	}
	of := "false"
	switch r.how {
	case builtKeys:
		of = r.keys.in(w.keyOfPlan(r.plan, "d"))
	case builtWhole:
		of = "true"
	}
	if failing := w.failing(n); failing != "" {
		of += " or " + failing // What a check has found among rows that were not rebuilt is gone too.
	}
	table := w.build.Relation("build", n.Schema+"__"+n.Alias+"__delta")
	side := func(relation string) string { return fmt.Sprintf("select d.* from %s as d where %s", relation, of) }
	return w.compare(ctx, table, side(previous), side(w.relation(n)))
}

// failing is true for a row d of an entity whose key a verdict took out of the version.
func (w *walk) failing(n *model.Node) string {
	if n.EntityOf == nil {
		return ""
	}
	table := w.rowVerdicts.Failing(n.EntityOf.Name)
	if table == "" {
		return ""
	}
	key := w.keyOf(n)
	if len(key) == 1 {
		return fmt.Sprintf("d.%s in (select f.lifeline__k1 from %s as f)", warehouse.Name(key[0]), table)
	}
	same := make([]string, len(key))
	for i, k := range key {
		same[i] = fmt.Sprintf("f.lifeline__k%d = d.%s", i+1, warehouse.Name(k))
	}
	return fmt.Sprintf("exists (select 1 from %s as f where %s)", table, strings.Join(same, " and "))
}
