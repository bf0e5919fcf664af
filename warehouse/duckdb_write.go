package warehouse

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"lifeline/change"
)

// chunkRows is how many rows the engine takes in one chunk (its vector size).
const chunkRows = 2048

// flushRows and flushBytes bound what a writer gathers before the engine takes it over into compressed, spillable storage.
const (
	flushRows  = 60 * chunkRows // One row group of the engine.
	flushBytes = 16 << 20
)

// longBytes is how much a run of chunkRows rows may hold before its transaction ends. The engine compresses a column by chunks of that
// many rows and holds all values of a chunk while it does; what is committed earlier makes smaller ones.
const longBytes = 32 << 20

// duckWriter appends the batches of one worker to a part of a table, in a session and a transaction of its own, so that full row
// groups are compressed and written while rows still come in. Values are copied by column straight into the engine's vectors.
type duckWriter struct {
	load  *duckLoad
	table *duckTable

	part     duckPart
	conn     mapping.Connection
	appender mapping.Appender
	chunk    mapping.DataChunk
	columns  []vectorWriter

	rows     int64
	gathered int
	bytes    int
	recent   struct{ rows, bytes int } // Of the chunk that is being gathered, about.
	closed   bool
}

func newDuckWriter(l *duckLoad, t *duckTable, part duckPart) (*duckWriter, error) {
	w := &duckWriter{load: l, table: t, part: part}
	if mapping.Connect(l.run.raw, &w.conn) == mapping.StateError {
		return nil, errors.New("open a session")
	}
	if err := w.open(); err != nil {
		w.free()
		return nil, err
	}
	return w, nil
}

// open begins a transaction that appends to the part.
func (w *duckWriter) open() error {
	if err := w.exec("begin transaction"); err != nil {
		return err
	}
	if mapping.AppenderCreateExt(w.conn, "", "staging", w.part.name, &w.appender) == mapping.StateError {
		return w.appenderError()
	}
	w.columns = w.columns[:0]
	count := int(mapping.AppenderColumnCount(w.appender))
	types := make([]mapping.LogicalType, count)
	for i := range types {
		types[i] = mapping.AppenderColumnType(w.appender, mapping.IdxT(i))
	}
	w.chunk = mapping.CreateDataChunk(types)
	for i := range types {
		mapping.DestroyLogicalType(&types[i])
	}
	for i, c := range w.table.table.Columns {
		v := vectorWriter{kind: c.Type.Kind}
		if c.Type.Kind == change.Decimal {
			v.precision, v.scale = c.Type.Precision, c.Type.Scale
			if canNarrow(c.Type) && !w.part.wide[i] {
				v.precision = narrowDigits
			}
			v.limit = powerOfTen(min(v.precision, narrowDigits))
		}
		w.columns = append(w.columns, v)
	}
	return nil
}

// Write copies a batch. The rows become part of the load when the writer closes.
func (w *duckWriter) Write(ctx context.Context, b *change.Batch) error {
	if w.closed {
		return errors.New("write: the writer has closed")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := w.fit(ctx, b); err != nil {
		return fmt.Errorf("land %s: %w", w.table.table.Name, err)
	}
	if b.Bytes() > longBytes || w.recent.bytes+b.Bytes() > longBytes {
		if err := w.load.makeRoom(ctx, b.Bytes()); err != nil {
			return err
		}
	}
	// Long texts are handed over by address: the engine copies them while it takes the chunk, before Write returns.
	var pinner runtime.Pinner
	defer pinner.Unpin()
	for i := range b.Cols {
		if len(b.Cols[i].Data) > 0 {
			pinner.Pin(unsafe.SliceData(b.Cols[i].Data))
		}
	}
	if len(b.Raw.Data) > 0 {
		pinner.Pin(unsafe.SliceData(b.Raw.Data))
	}
	for from := 0; from < b.Len; from += chunkRows {
		if err := w.append(b, from, min(chunkRows, b.Len-from)); err != nil {
			return duckProblem("land "+w.table.table.Name, err)
		}
	}
	w.rows += int64(b.Len)
	w.gathered += b.Len
	w.bytes += b.Bytes()
	if w.gathered >= flushRows || w.bytes >= flushBytes {
		w.gathered, w.bytes = 0, 0
		if mapping.AppenderFlush(w.appender) == mapping.StateError {
			return duckProblem("land "+w.table.table.Name, w.appenderError())
		}
	}
	return duckProblem("land "+w.table.table.Name, w.split(b.Len, b.Bytes()))
}

// split ends the transaction and begins another where the rows of a chunk are long.
func (w *duckWriter) split(rows, bytes int) error {
	w.recent.rows += rows
	w.recent.bytes += bytes
	switch {
	case w.recent.bytes > longBytes:
		if mapping.AppenderFlush(w.appender) == mapping.StateError {
			return w.appenderError()
		}
		w.gathered, w.bytes = 0, 0
		if err := w.exec("commit"); err != nil {
			return err
		}
		if err := w.exec("begin transaction"); err != nil {
			return err
		}
	case w.recent.rows < chunkRows:
		return nil
	}
	w.recent.rows, w.recent.bytes = 0, 0
	return nil
}

// fit checks that the batch is whole and that its values fit, and goes on to a wider part where a decimal does not.
func (w *duckWriter) fit(ctx context.Context, b *change.Batch) error {
	if len(b.Cols) != len(w.columns) {
		return fmt.Errorf("the batch has %d columns, the table %d", len(b.Cols), len(w.columns))
	}
	tooWide := map[int]bool{}
	for i := range b.Cols {
		c := w.table.table.Columns[i]
		fits, err := w.columns[i].check(&b.Cols[i], b.Len)
		if err != nil {
			return fmt.Errorf("column %s: %w", c.Name, err)
		}
		if fits {
			continue
		}
		if !canNarrow(c.Type) || w.part.wide[i] {
			return fmt.Errorf("column %s: a value has more digits than %s", c.Name, c.Type)
		}
		tooWide[i] = true
	}
	raw := vectorWriter{kind: change.Text}
	if _, err := raw.check(&b.Raw, b.Len); err != nil {
		return fmt.Errorf("column _raw: %w", err)
	}
	if len(tooWide) == 0 {
		return nil
	}
	part, err := w.load.widen(ctx, w.table, tooWide)
	if err != nil {
		return err
	}
	if err := w.commit(); err != nil {
		return err
	}
	w.part = part
	return w.open()
}

// append hands one chunk to the engine.
func (w *duckWriter) append(b *change.Batch, from, n int) error {
	for i := range b.Cols {
		if err := w.columns[i].fill(mapping.DataChunkGetVector(w.chunk, mapping.IdxT(i)), &b.Cols[i], from, n); err != nil {
			return fmt.Errorf("column %s: %w", w.table.table.Columns[i].Name, err)
		}
	}
	raw := vectorWriter{kind: change.Text}
	if err := raw.fill(mapping.DataChunkGetVector(w.chunk, mapping.IdxT(len(b.Cols))), &b.Raw, from, n); err != nil {
		return fmt.Errorf("column _raw: %w", err)
	}
	runs := data[int64](mapping.DataChunkGetVector(w.chunk, mapping.IdxT(len(b.Cols)+1)), n)
	for i := range runs {
		runs[i] = w.load.run.id
	}
	mapping.DataChunkSetSize(w.chunk, mapping.IdxT(n))
	if mapping.AppendDataChunk(w.appender, w.chunk) == mapping.StateError {
		return w.appenderError()
	}
	mapping.DataChunkReset(w.chunk)
	return nil
}

// Close makes what was written part of the load.
func (w *duckWriter) Close(context.Context) error {
	if w.closed {
		return nil
	}
	err := w.commit()
	if err == nil {
		w.table.mu.Lock()
		w.table.rows += w.rows
		w.table.mu.Unlock()
	}
	w.free()
	w.load.forget(w)
	return duckProblem("land "+w.table.table.Name, err)
}

// commit ends the appending and its transaction.
func (w *duckWriter) commit() error {
	if mapping.AppenderClose(w.appender) == mapping.StateError {
		return w.appenderError()
	}
	mapping.AppenderDestroy(&w.appender)
	mapping.DestroyDataChunk(&w.chunk)
	return w.exec("commit")
}

// free lets go of everything; rows that were not committed are gone.
func (w *duckWriter) free() {
	if w.closed {
		return
	}
	w.closed = true
	if w.appender.Ptr != nil {
		// Destroying an appender writes what it has gathered, which nobody wants any more.
		mapping.AppenderClear(w.appender)
		mapping.AppenderDestroy(&w.appender)
	}
	mapping.DestroyDataChunk(&w.chunk)
	mapping.Disconnect(&w.conn)
}

func (w *duckWriter) appenderError() error {
	detail := mapping.AppenderErrorData(w.appender)
	defer mapping.DestroyErrorData(&detail)
	return errors.New(mapping.ErrorDataMessage(detail))
}

func (w *duckWriter) exec(statement string) error {
	var result mapping.Result
	defer mapping.DestroyResult(&result)
	if mapping.Query(w.conn, statement, &result) == mapping.StateError {
		return errors.New(mapping.ResultError(&result))
	}
	return nil
}
