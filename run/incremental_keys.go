package run

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lifeline/model"
	"lifeline/model/locality"
	"lifeline/warehouse"
)

// sourceChanges finds out which rows of staging are other than those that the published version was built of.
func (w *walk) sourceChanges(ctx context.Context, i *incremental) error {
	for _, n := range w.graph.Nodes {
		if n.Kind != model.KindSource {
			continue
		}
		c, history, err := w.sourceChange(ctx, i, n)
		if err != nil {
			return fmt.Errorf("look for what has changed in %s.%s: %w", n.Schema, n.Alias, err)
		}
		i.changes["source:"+n.ID], i.changes["history:"+n.Alias] = c, history
		if slices.ContainsFunc(w.graph.Nodes, func(m *model.Node) bool { return m.EntityOf == n.Source }) {
			if i.changes["entity:"+n.ID], err = w.entityChange(ctx, i, n, c); err != nil {
				return fmt.Errorf("look for what has changed in %s.%s: %w", n.Schema, n.Alias, err)
			}
		}
	}
	return nil
}

// sourceChange is what has changed in a staging table, and in its history.
func (w *walk) sourceChange(ctx context.Context, i *incremental, n *model.Node) (staging, history *changed, err error) {
	db := w.hold.DB()
	if !i.same(n) {
		c := &changed{all: true, why: "the columns of " + n.Name + " have changed"}
		return c, c, nil
	}
	columns, err := columnNames(ctx, db, "history."+warehouse.Name(n.Alias))
	if err != nil {
		return nil, nil, err
	}
	now := i.now[n.ID]
	staging, history = &changed{}, &changed{}
	var ended int64
	if len(columns) > 0 {
		if !slices.Contains(columns, "_ended_run") {
			c := &changed{all: true, why: "the history of " + n.Name + " does not say yet which run ended its rows"}
			return c, c, nil
		}
		err := db.QueryRowContext(ctx, fmt.Sprintf(`
select count(case when _ended_run is null then 1 end), count(case when _ended_run > %d then 1 end)
from history.%s`, i.since, warehouse.Name(n.Alias))).Scan(&now.rows, &ended)
		if err != nil {
			return nil, nil, err
		}
	}
	i.now[n.ID] = now
	if now.rows != i.before[n.ID].rows {
		c := &changed{all: true, why: "rows of the history of " + n.Name + " do not say which run ended them"}
		return c, c, nil
	}
	var came int64
	if err := db.QueryRowContext(ctx, fmt.Sprintf("select count(*) from %s where _run > %d", warehouse.Relation(n.Schema, n.Alias),
		i.since)).Scan(&came); err != nil {
		return nil, nil, err
	}
	if came > 0 {
		staging.condition = fmt.Sprintf("x._run > %d", i.since)
	}
	if ended > 0 {
		staging.history = fmt.Sprintf("x._ended_run > %d", i.since)
		history.condition = staging.history
	}
	var pruned bool
	if err := db.QueryRowContext(ctx, `
select exists (select 1 from ops.kept where table_name = $1 and pruned_run > $2)`, n.Alias, i.since).Scan(&pruned); err != nil {
		return nil, nil, err
	}
	if pruned {
		history = &changed{all: true, why: "old versions of " + n.Name + " are no longer kept"}
	}
	return staging, history, nil
}

func columnNames(ctx context.Context, db *sql.DB, relation string) ([]string, error) {
	rows, err := db.QueryContext(ctx, "select * from "+relation+" limit 0")
	if err != nil {
		return nil, fmt.Errorf("columns of %s: %w", relation, err)
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	return names, errors.Join(err, rows.Err())
}

// entityChange is what has changed in the rows, one for each key, that a core model cleans: all rows of a key that has any change, and what
// is in quarantine, which is evaluated anew each time.
func (w *walk) entityChange(ctx context.Context, i *incremental, n *model.Node, c *changed) (*changed, error) {
	s := w.staging(n.Source)
	if c.all || len(s.Key) == 0 {
		return &changed{all: true, why: c.why}, nil
	}
	keys := make([]string, len(s.Key))
	for j, k := range s.Key {
		keys[j] = fmt.Sprintf("x.%s as k%d", warehouse.Quote(k), j+1)
	}
	list := strings.Join(keys, ", ")
	staging := warehouse.Relation(n.Schema, n.Alias)
	parts := []string{fmt.Sprintf("select %s from %s as x where x._run > %d", list, staging, i.since)}
	if c.history != "" {
		parts = append(parts, fmt.Sprintf("select %s from history.%s as x where %s", list, warehouse.Name(n.Alias), c.history))
	}
	held := fmt.Sprintf(`
from quarantine.rows as q
where q.table_name = %s
  and (q.state in ('held', 'quarantined', 'superseded') or q.last_run > %d)`, warehouse.Literal(n.Alias), i.since)
	var any int64
	if err := w.build.DB().QueryRowContext(ctx, "select count(*)"+held).Scan(&any); err != nil {
		return nil, err
	}
	if any > 0 {
		key, err := s.KeyText(ctx, w.build.DB(), "x")
		if err != nil {
			return nil, err
		}
		parts = append(parts, fmt.Sprintf("select %s from %s as x where %s in (select q.key%s)", list, staging, key, held))
	}
	table := w.build.Relation("build", n.Alias+"__changed")
	if _, err := w.build.DB().ExecContext(ctx, "create table "+table+" as "+strings.Join(parts, " union ")); err != nil {
		return nil, err
	}
	out := &changed{history: c.history}
	var some int64
	if err := w.build.DB().QueryRowContext(ctx, "select count(*) from "+table).Scan(&some); err != nil {
		return nil, err
	}
	if some > 0 {
		out.condition = matches(table, s.Key)
	}
	return out, nil
}

// matches is true for a row x whose key is in a table of keys k1, k2 and so on.
func matches(table string, key []string) string {
	if len(key) == 1 {
		return fmt.Sprintf("x.%s in (select c.k1 from %s as c)", warehouse.Quote(key[0]), table)
	}
	same := make([]string, len(key))
	for i, k := range key {
		same[i] = fmt.Sprintf("c.k%d = x.%s", i+1, warehouse.Quote(k))
	}
	return fmt.Sprintf("exists (select 1 from %s as c where %s)", table, strings.Join(same, " and "))
}

// affected is the set of keys of one model that may have changed: a table with a column k.
type affected struct {
	table   string
	n       int64
	hasNull bool
	rows    int64 // Of the published version's table that belong to them.
}

// in is true for an expression that has one of the keys.
func (a *affected) in(expression string) string {
	in := fmt.Sprintf("(%s) in (select a.k from %s as a)", expression, a.table)
	if a.hasNull {
		return "(" + in + " or (" + expression + ") is null)"
	}
	return in
}

// affectedKeys follows all changes to the keys of a model by one of its plans. It says why not where something may be any row's change.
func (w *walk) affectedKeys(ctx context.Context, i *incremental, n *model.Node, p *locality.Plan, number int) (*affected, string, error) {
	var selects []string
	add := func(leaf *locality.Leaf, own string, steps []locality.Step, c *changed) {
		for _, values := range w.valuesOf(i, n, leaf, own, c) {
			selects = append(selects, w.along(i, n, values, steps))
		}
	}
	for _, u := range p.Uses {
		c := i.leafChange(n, u.Leaf)
		switch {
		case c == nil:
			return nil, "nobody knows what has changed in " + u.Leaf.Relation.Name, nil
		case c.nothing():
			continue
		case c.all:
			return nil, c.why, nil
		case u.Whole:
			return nil, u.Leaf.Relation.Name + " has changed", nil
		}
		if why := unreadable(c, u); why != "" {
			return nil, why, nil
		}
		for _, k := range u.Keys {
			add(u.Leaf, k, nil, c)
		}
		for _, path := range u.Paths {
			add(u.Leaf, path.Own, path.Steps, c)
		}
	}
	moved, why := w.movedRows(i, n, p)
	if why != "" {
		return nil, why, nil
	}
	selects = append(selects, moved...)
	a := &affected{table: w.build.Relation("build", fmt.Sprintf("%s__%s__keys_%d", n.Schema, n.Alias, number))}
	if len(selects) == 0 {
		return a, "", nil
	}
	db := w.build.DB()
	if _, err := db.ExecContext(ctx, "create table "+a.table+" as select distinct v.k from ("+strings.Join(selects, "\nunion all\n")+
		") as v"); err != nil {
		if ctx.Err() == nil {
			return nil, "its changed keys cannot be gathered: " + firstLine(err.Error()), nil // Such as keys of two types.
		}
		return nil, "", fmt.Errorf("find the changed keys of %s: %w", n.Name, err)
	}
	var nulls int64
	if err := db.QueryRowContext(ctx, "select count(*), count(case when k is null then 1 end) from "+a.table).Scan(&a.n, &nulls); err != nil {
		return nil, "", fmt.Errorf("count the changed keys of %s: %w", n.Name, err)
	}
	a.hasNull = nulls > 0
	return a, "", nil
}

// unreadable says why a change cannot be read by the columns that a plan needs: of a view only one column is known.
func unreadable(c *changed, u *locality.Use) string {
	if c.keys == "" {
		return ""
	}
	want := "x." + warehouse.Name(c.column)
	for _, k := range u.Keys {
		if k != want {
			return u.Leaf.Relation.Name + ", a view, has changed"
		}
	}
	for _, p := range u.Paths {
		if p.Own != want {
			return u.Leaf.Relation.Name + ", a view, has changed"
		}
	}
	return ""
}

// valuesOf are selects of a column k: what an expression has been and is in the rows that have changed.
func (w *walk) valuesOf(i *incremental, n *model.Node, leaf *locality.Leaf, expression string, c *changed) []string {
	if c.keys != "" {
		return []string{"select x.k from " + c.keys + " as x"}
	}
	if c.rows != "" {
		return []string{fmt.Sprintf("select %s as k from %s as x", expression, c.rows)}
	}
	var out []string
	name := leaf.Relation.Name
	if c.condition != "" {
		relation := i.relationText(w, n, name)
		if d := i.names[n][name]; d != nil {
			relation = warehouse.Relation(d.Schema, d.Alias) // Every row of staging, those without identity too.
		}
		out = append(out, fmt.Sprintf("select %s as k from %s as x where %s", expression, relation, c.condition))
	}
	if d := i.names[n][name]; d != nil && c.history != "" {
		out = append(out, fmt.Sprintf("select %s as k from history.%s as x where %s", expression, warehouse.Name(d.Alias), c.history))
	}
	return out
}

// along puts the steps of a path around a select of values.
func (w *walk) along(i *incremental, n *model.Node, values string, steps []locality.Step) string {
	for _, s := range steps {
		values = fmt.Sprintf("select %s as k from %s as x where (%s) in (select f.k from (%s) as f)", s.Select,
			i.relationText(w, n, s.Leaf.Relation.Name), s.Where, values)
	}
	return values
}

// relationText is a relation as the SQL of a model names it.
func (i *incremental) relationText(w *walk, n *model.Node, name string) string {
	if d := i.names[n][name]; d != nil && d.Kind != model.KindSource {
		return w.relation(d)
	}
	if part, ok := strings.CutPrefix(name, "part."); ok {
		return w.build.Relation(partSchema, partName(n, part))
	}
	parts := strings.Split(name, ".")
	for j, p := range parts {
		parts[j] = warehouse.Name(p)
	}
	return strings.Join(parts, ".")
}

// movedRows are selects of the keys of rows that mean something else because the time of the snapshot has moved over them.
func (w *walk) movedRows(i *incremental, n *model.Node, p *locality.Plan) ([]string, string) {
	before := i.before[n.ID].snapshot
	if before == i.snapshot || !strings.Contains(i.localityOf(n).SQL.Text(), i.snapshot) {
		return nil, ""
	}
	places, ok := i.localityOf(n).SQL.Moving(i.snapshot)
	if !ok {
		return nil, "it uses the time of the snapshot"
	}
	from, to := min(before, i.snapshot), max(before, i.snapshot)
	var out []string
	for _, place := range places {
		u := slices.IndexFunc(p.Uses, func(u *locality.Use) bool { return u.Leaf == place.Leaf })
		if u < 0 || p.Uses[u].Whole {
			return nil, "it uses the time of the snapshot"
		}
		between := fmt.Sprintf("from %s as x where %s >= timestamp '%s' and %s <= timestamp '%s'",
			i.relationText(w, n, place.Leaf.Relation.Name), place.Expression, from, place.Expression, to)
		for _, k := range p.Uses[u].Keys {
			out = append(out, "select "+k+" as k "+between)
		}
		for _, path := range p.Uses[u].Paths {
			out = append(out, w.along(i, n, "select "+path.Own+" as k "+between, path.Steps))
		}
	}
	return out, ""
}

// restricted is a model's select for some keys only, each relation that is keyed read for these alone.
func (w *walk) restricted(i *incremental, n *model.Node, p *locality.Plan, in func(expression string) string) string {
	text := i.localityOf(n).SQL.Restrict(func(l *locality.Leaf) string {
		for _, u := range p.Uses {
			if u.Leaf == l && u.Keyed() {
				return w.restrictedLeaf(i, n, l, u.Keys[0], in)
			}
		}
		if l.Relation.Part != "" {
			return i.relationText(w, n, l.Relation.Name)
		}
		return ""
	})
	return fmt.Sprintf("select f.*\nfrom (\n%s\n) as f\nwhere %s", strings.TrimRight(text, " \t\r\n;"), in(w.keyOfPlan(p, "f")))
}

// restrictedLeaf is one relation for some keys only. A view is restricted inside, since no engine takes a condition through its aggregates.
func (w *walk) restrictedLeaf(i *incremental, n *model.Node, l *locality.Leaf, key string, in func(expression string) string) string {
	d := i.names[n][l.Relation.Name]
	if column, ok := strings.CutPrefix(key, "x."); ok && d != nil && d.Materialized == model.View && i.localityOf(d).SQL != nil {
		if p, why := i.localityOf(d).SQL.By(strings.Trim(column, `"`)); why == nil {
			return "(" + w.restricted(i, d, p, in) + ")"
		}
	}
	return fmt.Sprintf("(select x.* from %s as x where %s)", i.relationText(w, n, l.Relation.Name), in(key))
}
