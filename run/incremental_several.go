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

// keyOfPlan is the key of a plan as an expression over the rows of a relation that has the model's own columns.
func (w *walk) keyOfPlan(p *locality.Plan, alias string) string {
	if len(p.Columns) == 0 {
		return alias + "." + warehouse.Name(p.Column)
	}
	columns := make([]string, len(p.Columns))
	for i, c := range p.Columns {
		columns[i] = alias + "." + warehouse.Name(c)
	}
	return w.hashed(strings.Join(columns, ", "))
}

// hashed is a number that is the same for equal values, missing ones among them. Of values that differ it may be the same too: then more
// rows are rebuilt than had to be.
func (w *walk) hashed(values string) string {
	if w.opt.Warehouse.Engine() == "duckdb" {
		return "hash(" + values + ")"
	}
	return "hash_record_extended(row(" + values + "), 0)"
}

// hashesRecords tells whether the server has a hash of several values, and asks once.
func (w *walk) hashesRecords(ctx context.Context) (bool, error) {
	w.stating.Lock()
	defer w.stating.Unlock()
	if w.recordHash == nil {
		var has bool
		if err := w.build.DB().QueryRowContext(ctx, "select to_regprocedure('hash_record_extended(record, bigint)') is not null").
			Scan(&has); err != nil {
			return false, fmt.Errorf("look for the hash of several values: %w", err)
		}
		w.recordHash = &has
	}
	return *w.recordHash, nil
}

// settled is a plan with the columns' own types, which only a table that is built tells; nil where the engine has no hash of several
// values.
func (w *walk) settled(ctx context.Context, n *model.Node, p *locality.Plan) (*locality.Plan, error) {
	if len(p.Columns) == 0 {
		return p, nil
	}
	if w.opt.Warehouse.Engine() != "duckdb" {
		has, err := w.hashesRecords(ctx)
		if err != nil || !has {
			return nil, err
		}
	}
	previous, _, err := w.build.Previous(ctx, n.Schema, n.Alias)
	if err != nil {
		return nil, err
	}
	types, err := w.columnsOf(ctx, previous)
	if err != nil {
		return nil, err
	}
	var pairs []string
	for i, c := range p.Columns {
		at := slices.IndexFunc(types, func(t model.Column) bool { return t.Name == c })
		if at < 0 {
			return nil, nil
		}
		pairs = append(pairs, fmt.Sprint(locality.KeyType, i, "_"), types[at].Type)
	}
	named := strings.NewReplacer(pairs...)
	settle := func(expression string) string {
		values, ok := strings.CutPrefix(expression, locality.KeyFunction+"(")
		if !ok {
			return expression
		}
		return w.hashed(named.Replace(strings.TrimSuffix(values, ")")))
	}
	out := &locality.Plan{Column: p.Column, Columns: p.Columns}
	for _, u := range p.Uses {
		v := &locality.Use{Leaf: u.Leaf, Whole: u.Whole}
		for _, k := range u.Keys {
			v.Keys = append(v.Keys, settle(k))
		}
		for _, path := range u.Paths {
			q := locality.Path{Own: settle(path.Own), Steps: slices.Clone(path.Steps)}
			for i, s := range q.Steps {
				q.Steps[i].Where, q.Steps[i].Select = settle(s.Where), settle(s.Select)
			}
			v.Paths = append(v.Paths, q)
		}
		out.Uses = append(out.Uses, v)
	}
	return out, nil
}
