package cdc

import (
	"context"
	"fmt"
	"time"

	"lifeline/change"
)

// output is where the images of one Read go.
type output struct {
	open    Opener
	result  *Result
	writers map[*follower]*writing
	first   time.Time // When the first change was read, by our own clock.
}

// batchBytes bounds a batch of long rows.
const batchBytes = 4 << 20

// writing is the writer of one table's images with the batch that is being filled.
type writing struct {
	to    change.Writer
	table *change.Table // Of images.
	batch *change.Batch
	fill  *change.Filler
	sent  map[int64]bool
}

// started notes that something has changed.
func (o *output) started() {
	if o.first.IsZero() {
		o.first = time.Now()
	}
}

// since is when the wait of a limit begins.
func (o *output) since(began time.Time) time.Time {
	if o.first.IsZero() {
		return began
	}
	return o.first
}

// writer opens a table's writer where it is not open yet.
func (o *output) writer(ctx context.Context, f *follower, rows int) (*writing, error) {
	if w := o.writers[f]; w != nil {
		return w, nil
	}
	to, err := o.open(ctx, f.table.Table)
	if err != nil {
		return nil, fmt.Errorf("open a writer of %s: %w", f.table.Name, err)
	}
	w := &writing{to: to, table: f.images, batch: change.NewBatch(f.images, rows), fill: change.NewFiller(f.images), sent: map[int64]bool{}}
	o.writers[f] = w
	return w, nil
}

// flush hands the batch over. tx is the transaction at hand, whose images may have to be taken back.
func (w *writing) flush(ctx context.Context, tx int64) error {
	if w.batch.Len == 0 {
		return nil
	}
	if err := w.to.Write(ctx, w.batch); err != nil {
		return fmt.Errorf("write images of %s: %w", w.table.Name, err)
	}
	numbers := w.batch.Cols[len(w.batch.Cols)-2].Ints
	if numbers[len(numbers)-1] == tx {
		clear(w.sent)
		w.sent[tx] = true
	}
	w.batch.Reset()
	return nil
}

// firstOf is the first row of the batch that is of a transaction; all behind it are.
func (w *writing) firstOf(tx int64) int {
	numbers := w.batch.Cols[len(w.batch.Cols)-2].Ints
	i := len(numbers)
	for i > 0 && numbers[i-1] == tx {
		i--
	}
	return i
}

// settle gives a transaction's images their time, and tells whether some are beyond reach.
func (w *writing) settle(tx int64, at time.Time) bool {
	times := w.batch.Cols[len(w.batch.Cols)-3].Ints
	for i := w.firstOf(tx); i < len(times); i++ {
		times[i] = at.UnixMicro()
	}
	return w.sent[tx]
}

// drop takes a transaction's images back, and tells whether some are beyond reach.
func (w *writing) drop(tx int64) bool {
	w.batch.Truncate(w.firstOf(tx))
	return w.sent[tx]
}

// close hands all batches over and closes the writers.
func (o *output) close(ctx context.Context) error {
	for f, w := range o.writers {
		if err := w.flush(ctx, 0); err != nil {
			return err
		}
		if err := w.to.Close(ctx); err != nil {
			return fmt.Errorf("close the writer of %s: %w", f.table.Name, err)
		}
	}
	return nil
}
