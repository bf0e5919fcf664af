package run

import (
	"context"
	"fmt"

	"lifeline/model"
)

// columnsOf are the columns of a relation that is built, for macros that write them out.
func (w *walk) columnsOf(ctx context.Context, relation string) ([]model.Column, error) {
	rows, err := w.build.DB().QueryContext(ctx, "select * from "+relation+" limit 0")
	if err != nil {
		return nil, fmt.Errorf("columns of %s: %w", relation, err)
	}
	defer func() { _ = rows.Close() }()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, fmt.Errorf("columns of %s: %w", relation, err)
	}
	var out []model.Column
	for _, t := range types {
		if t.Name() != "_run" && t.Name() != "_raw" { // Of staging: ours, and not the source's.
			out = append(out, model.Column{Name: t.Name(), Type: typeText(t)})
		}
	}
	return out, rows.Err()
}
