package source

import (
	"context"
	"fmt"

	"lifeline/change"
)

// tableWriter is one worker's stream into the table at hand; a worker fills one table at a time.
type tableWriter struct {
	open   func(context.Context, *change.Table) (change.Writer, error)
	to     *change.Table // nil where none is open.
	writer change.Writer
	batch  *change.Batch
}

// turnTo closes the table at hand and opens another, in batches of that many rows.
func (w *tableWriter) turnTo(ctx context.Context, t *change.Table, rows int) error {
	if err := w.finish(ctx); err != nil {
		return err
	}
	writer, err := w.open(ctx, t)
	if err != nil {
		return fmt.Errorf("open a writer of %s: %w", t.Name, err)
	}
	w.to, w.writer, w.batch = t, writer, change.NewBatch(t, rows)
	return nil
}

// finish closes the table at hand, if there is one.
func (w *tableWriter) finish(ctx context.Context) error {
	if w.writer == nil {
		return nil
	}
	name, err := w.to.Name, w.writer.Close(ctx)
	w.to, w.writer = nil, nil
	if err != nil {
		return fmt.Errorf("close a writer of %s: %w", name, err)
	}
	return nil
}

// write hands the batch on and empties it; rows is how many there were.
func (w *tableWriter) write(ctx context.Context) (rows int64, err error) {
	if err := w.writer.Write(ctx, w.batch); err != nil {
		return 0, fmt.Errorf("write %s: %w", w.to.Name, err)
	}
	rows = int64(w.batch.Len)
	w.batch.Reset()
	return rows, nil
}
