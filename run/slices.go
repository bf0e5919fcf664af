package run

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"lifeline/model"
	"lifeline/model/locality"
	"lifeline/warehouse"
)

// Slices are tried in these numbers, where a whole build of a local model does not fit the memory that it may use.
var sliceCounts = []int{8, 64}

// create makes a model's table. Where that takes more memory than there is, a local model is built by ranges of its key: one range needs
// only the rows that belong to it. A model that took ranges the last time begins with them.
func (w *walk) create(ctx context.Context, n *model.Node, m warehouse.Model, r *rebuild) (int64, error) {
	l := w.local[n]
	sliceable := r.how == builtWhole && !m.View && !m.Carry && l != nil && l.SQL != nil
	known := w.sliced[n.ID]
	if sliceable && known > 0 {
		rows, done, err := w.inSlices(ctx, n, m, r, known)
		if done || err != nil {
			return rows, err
		}
	}
	rows, err := w.build.Create(ctx, m)
	if !sliceable || !warehouse.IsOutOfMemory(err) || ctx.Err() != nil {
		return rows, err
	}
	rows, done, e := w.inSlices(ctx, n, m, r, 0)
	if !done && e == nil {
		return 0, err
	}
	return rows, e
}

// inSlices builds a model by ranges of its key, least or more of them, until they fit; done is false where they do not, or it has none.
func (w *walk) inSlices(ctx context.Context, n *model.Node, m warehouse.Model, r *rebuild, least int) (rows int64, done bool, err error) {
	for _, p := range w.local[n].Plans {
		if len(p.Columns) > 0 {
			continue // Its key has no ranges.
		}
		for _, count := range sliceCounts {
			if count < least {
				continue
			}
			bounds, e := w.sliceBounds(ctx, n, p, count)
			if e != nil || bounds == nil {
				break
			}
			rows, e := w.createSlices(ctx, n, m, p, bounds)
			if e == nil {
				r.why += fmt.Sprintf("; by %d%s%s", len(bounds)+1, rangesOf, p.Column)
				return rows, true, nil
			}
			if !warehouse.IsOutOfMemory(e) || ctx.Err() != nil {
				return 0, false, e
			}
			if _, e := w.build.DB().ExecContext(ctx, "drop table if exists "+w.relation(n)); e != nil {
				return 0, false, e
			}
		}
	}
	return 0, false, nil
}

// rangesOf follows the number of slices, in the reason of a model that was built so.
const rangesOf = " ranges of "

// slicesIn is how many slices a model took, by the reason that was recorded.
func slicesIn(why string) int {
	before, _, found := strings.Cut(why, rangesOf)
	if !found {
		return 0
	}
	count, err := strconv.Atoi(before[strings.LastIndexByte(before, ' ')+1:])
	if err != nil {
		return 0
	}
	return count
}

// readSlices finds out which models the published version needed slices for. One that has been carried since, or rebuilt for keys, is tried
// at once again.
func (w *walk) readSlices(ctx context.Context) error {
	rows, err := w.hold.DB().QueryContext(ctx, `
select m.model, m.why
from ops.models as m
join ops.versions as v on v.version = m.version
where v.state = 'published'
  and m.why like '%ranges of%'`)
	if err != nil {
		return fmt.Errorf("read ops.models: %w", err)
	}
	defer func() { _ = rows.Close() }()
	w.sliced = map[string]int{}
	for rows.Next() {
		var id, why string
		if err := rows.Scan(&id, &why); err != nil {
			return fmt.Errorf("read ops.models: %w", err)
		}
		w.sliced[id] = slicesIn(why)
	}
	return rows.Err()
}

// sliceBounds are whole numbers between which the keys of a plan lie in about equal parts; nil where the key is not one of whole numbers
// that a relation has.
func (w *walk) sliceBounds(ctx context.Context, n *model.Node, p *locality.Plan, count int) ([]int64, error) {
	for _, u := range p.Uses {
		if !u.Keyed() {
			continue
		}
		var low, high sql.NullInt64
		if err := w.build.DB().QueryRowContext(ctx, fmt.Sprintf("select min(%[1]s), max(%[1]s) from %[2]s as x", u.Keys[0],
			w.leafText(n, u.Leaf))).Scan(&low, &high); err != nil || !low.Valid || high.Int64-low.Int64 < int64(count) {
			return nil, err
		}
		bounds := make([]int64, count-1)
		for i := range bounds {
			bounds[i] = low.Int64 + (high.Int64-low.Int64)/int64(count)*int64(i+1)
		}
		return bounds, nil
	}
	return nil, nil
}

// leafText is a relation as the model's SQL names it.
func (w *walk) leafText(n *model.Node, l *locality.Leaf) string {
	return w.known.relationText(w, n, l.Relation.Name)
}

// createSlices makes the table from its first range and adds the others.
func (w *walk) createSlices(ctx context.Context, n *model.Node, m warehouse.Model, p *locality.Plan, bounds []int64) (int64, error) {
	var total int64
	for i := range len(bounds) + 1 {
		in := func(expression string) string {
			switch {
			case i == 0:
				return fmt.Sprintf("((%[1]s) < %[2]d or (%[1]s) is null)", expression, bounds[0])
			case i == len(bounds):
				return fmt.Sprintf("(%s) >= %d", expression, bounds[i-1])
			}
			return fmt.Sprintf("((%[1]s) >= %[2]d and (%[1]s) < %[3]d)", expression, bounds[i-1], bounds[i])
		}
		m.SQL = w.restricted(w.known, n, p, in)
		if i == 0 {
			rows, err := w.build.Create(ctx, m)
			if err != nil {
				return 0, err
			}
			total += rows
			continue
		}
		done, err := w.build.DB().ExecContext(ctx, "insert into "+w.relation(n)+" "+m.SQL)
		if err != nil {
			return 0, err
		}
		rows, err := done.RowsAffected()
		if err != nil {
			return 0, err
		}
		total += rows
	}
	return total, nil
}
