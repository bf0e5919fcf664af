package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"lifeline/change"
)

// batchBytes bounds a batch of long rows.
const batchBytes = 4 << 20

// Read passes all rows to writers. Every connection is a worker; all take pieces of tables from one queue.
func (n *serverSnapshot) Read(ctx context.Context, open func(context.Context, *change.Table) (change.Writer, error),
	progress func(Progress),
) error {
	q := newQueue()
	for _, t := range n.tables {
		q.add(&keyRange{table: t, rows: n.estimate(ctx, n.conns[0], t, nil, nil)})
	}
	return n.readQueue(ctx, q, open, progress)
}

// reading is what the workers of one Read share.
type reading struct {
	snapshot *serverSnapshot
	queue    *queue
	progress func(Progress)
	rows     atomic.Int64
	total    int64
}

// worker reads pieces over one connection into a writer of its own.
type worker struct {
	*reading
	tableWriter
	conn   *conn
	table  *serverTable
	decode decoder
	note   *note // nil where what is read gives no checksums.
}

func (w *worker) work(ctx context.Context) error {
	for {
		p := w.queue.next(ctx)
		if p == nil {
			break
		}
		if err := w.turnTo(ctx, p.table); err != nil {
			return err
		}
		if err := w.readRange(ctx, p); err != nil {
			var mine *writeError
			if errors.As(err, &mine) {
				return mine.err
			}
			return w.snapshot.server.address.explain("read "+p.table.SourceName, err)
		}
		w.queue.done()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return w.finish(ctx)
}

// turnTo changes to another table.
func (w *worker) turnTo(ctx context.Context, t *serverTable) error {
	if w.table == t {
		return nil
	}
	w.table = nil
	if err := w.tableWriter.turnTo(ctx, t.Table, w.snapshot.server.options.BatchRows); err != nil {
		return err
	}
	w.table, w.decode, w.note = t, newDecoder(t), nil
	return nil
}

// Bounds of one statement of a read: while it runs, whoever changes the table's definition waits, and everybody else behind them
// (promise 9).
const (
	chunkTime  = 400 * time.Millisecond
	chunkBytes = 32 << 20
	chunkLeast = 50
)

// readRange reads a range chunk by chunk along its index, so that a chunk has just the rows it should have wherever the keys lie,
// and no row is passed over to find one (promise 9). Between chunks it gives half of the rest to a worker that has none.
func (w *worker) readRange(ctx context.Context, r *keyRange) error {
	t, most := r.table, w.snapshot.server.options.ChunkRows
	if r.spans != nil {
		w.note = nil
		return w.readSpans(ctx, r)
	}
	w.note = newNote(t)
	if t.keys == nil {
		return w.readAtOnce(ctx, t)
	}
	limit := most
	if t.rowSize > 0 {
		limit = min(most, max(chunkLeast, int(chunkBytes/t.rowSize)))
	}
	for {
		began := time.Now()
		text := fmt.Sprintf("select %s from %s force index (%s)%s order by %s limit %d",
			t.selects, w.snapshot.server.from(t), ident(t.index), t.where(r.low, r.high), t.order(), limit)
		n, err := w.chunk(ctx, text)
		if err != nil {
			return err
		}
		chunk := &keyRange{table: t, low: r.low, high: r.high, rows: int64(n)}
		if n == limit {
			chunk.high = t.literals(w.decode.last)
			if slices.Equal(chunk.high, r.low) { // Better to stop than to read the same rows for ever.
				return fmt.Errorf("after key %s of %s the server gives rows up to the same key", strings.Join(r.low, ", "), t.SourceName)
			}
		}
		w.snapshot.remember(chunk)
		w.snapshot.noted(t, w.note.take(chunk.low, chunk.high))
		if n < limit {
			return nil
		}
		r.low = chunk.high
		if slices.Equal(r.low, r.high) {
			return nil // A range that was split just there.
		}
		r.rows = max(r.rows-int64(n), 0)
		limit = nextLimit(limit, most, time.Since(began))
		if w.queue.hasIdleWorker() {
			if err := w.split(ctx, r); err != nil {
				return err
			}
		}
	}
}

// nextLimit gives the next chunk as many rows as can be read in chunkTime.
func nextLimit(limit, most int, took time.Duration) int {
	switch {
	case took > chunkTime:
		return min(limit, max(chunkLeast, int(float64(limit)*float64(chunkTime)/float64(took))))
	case took < chunkTime/2:
		return min(most, limit*2)
	}
	return limit
}

// readAtOnce reads a table that has no key to divide it by.
func (w *worker) readAtOnce(ctx context.Context, t *serverTable) error {
	n, err := w.chunk(ctx, "select "+t.selects+" from "+w.snapshot.server.from(t))
	if err == nil {
		w.snapshot.remember(&keyRange{table: t, rows: int64(n)})
		w.snapshot.noted(t, w.note.take(nil, nil))
	}
	return err
}

// remember keeps what was read, for the totals.
func (n *serverSnapshot) remember(chunk *keyRange) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.chunks[chunk.table] = append(n.chunks[chunk.table], chunk)
}

// chunk runs one statement and passes its rows on.
func (w *worker) chunk(ctx context.Context, text string) (rows int, err error) {
	limit := w.snapshot.server.options.BatchRows
	bytes := 0
	head := func(columns []definition) { w.decode.columns = columns }
	err = w.snapshot.yielding(ctx, w.table, func(ctx context.Context) error {
		return w.conn.execute(ctx, text, head, func(p []byte) error {
			if err := w.decode.row(w.batch, p); err != nil {
				return err
			}
			rows++
			bytes += len(p)
			if w.batch.Len < limit && bytes < batchBytes {
				return nil
			}
			bytes = 0
			return w.flush(ctx)
		})
	})
	if err == nil {
		err = w.conn.release(ctx)
	}
	if err != nil {
		return rows, err
	}
	return rows, w.flush(ctx)
}

// flush hands the batch over.
func (w *worker) flush(ctx context.Context) error {
	if w.batch.Len == 0 {
		return nil
	}
	for k, key := range w.table.keys {
		if key.batched {
			w.decode.last[k] = appendWhole(w.decode.last[k][:0], &w.batch.Cols[key.at], w.batch.Len-1)
		}
	}
	if w.note != nil {
		w.note.add(w.batch, w.table.literals(w.decode.last))
	}
	written, err := w.write(ctx)
	if err != nil {
		return &writeError{err}
	}
	rows := w.rows.Add(written)
	if w.progress != nil {
		w.progress(Progress{Table: w.table.Name, Rows: rows, Total: max(w.total, rows)})
	}
	return nil
}

// appendWhole writes a key's whole number as its literal.
func appendWhole(out []byte, v *change.Vector, row int) []byte {
	if text, wide := v.Wide[row]; wide {
		return append(out, text...)
	}
	return strconv.AppendInt(out, v.Ints[row], 10)
}

// writeError is the warehouse's own failure: it must not be taken for the source's.
type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// estimate asks the server about how many rows a range has, without reading them.
func (n *serverSnapshot) estimate(ctx context.Context, c *conn, t *serverTable, low, high []string) int64 {
	text := "explain select 1 from " + n.server.from(t)
	if t.keys != nil {
		text += " force index (" + ident(t.index) + ")" + t.where(low, high)
	}
	rows, err := c.query(ctx, text)
	if err != nil || len(rows) == 0 {
		return 0 // It steers progress and sharing only.
	}
	_ = c.release(ctx) // A connection that was lost tells when it reads.
	var x int64
	_, _ = fmt.Sscan(rows[0]["rows"], &x) // Without a number there is no estimate.
	return x
}
