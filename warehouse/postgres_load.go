package warehouse

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lifeline/change"
)

// postgresLoad lands one snapshot. Rows go into staging.<table>__next, which has no keys and which nobody reads; Commit makes
// them staging.
type postgresLoad struct {
	run    *postgresRun
	at     change.Snapshot
	tables map[string]*landing
	narrowed
	conditioned

	mu   sync.Mutex
	open map[*postgresWriter]struct{}
	idle []*pgx.Conn // Sessions whose COPY has ended, for the next table: to begin one costs more than to fill a small table.
	done bool
}

// landing is what was written to one table so far; its sum tells whether staging holds the same rows already.
type landing struct {
	table *change.Table
	next  string
	sum   digest
	rows  int64
}

// nextTable names the table that a load fills. A long name is shortened, because PostgreSQL cuts names of more than 63 bytes.
func nextTable(table string) string {
	if len(table)+len("__next") <= 63 {
		return table + "__next"
	}
	sum := md5.Sum([]byte(table))
	return hex.EncodeToString(sum[:]) + "__next"
}

func (r *postgresRun) Load(ctx context.Context, tables []*change.Table, at change.Snapshot) (Load, error) {
	l := &postgresLoad{run: r, at: at, tables: map[string]*landing{}, open: map[*postgresWriter]struct{}{}}
	if err := postgresNames.check(tables); err != nil {
		return nil, err
	}
	var create []string
	for _, t := range tables {
		n := &landing{table: t, next: nextTable(t.Name)}
		l.tables[t.Name] = n
		// Autovacuum would count and clean a table that is still being filled.
		create = append(create, fmt.Sprintf(`drop table if exists %[1]s;
create table %[1]s (%[2]s) with (autovacuum_enabled = false)`, quoted("staging", n.next), columnList(t)))
	}
	exec := func(ctx context.Context, query string) error {
		_, err := r.pool.Exec(ctx, query)
		return err
	}
	if err := together(ctx, exec, create); err != nil {
		return nil, r.w.problem("create the tables of the load in staging", err)
	}
	return l, nil
}

// tablesAtOnce is how many tables' statements go to the server in one message: each message costs a way there and back, and each
// statement holds its locks until its message ends.
const tablesAtOnce = 50

// together sends statements a few at a time; those of one message are done together or not at all.
func together(ctx context.Context, exec func(context.Context, string) error, statements []string) error {
	for some := range slices.Chunk(statements, tablesAtOnce) {
		if err := exec(ctx, strings.Join(some, ";\n")); err != nil {
			return err
		}
	}
	return nil
}

// Narrow says what the rows stand for.
func (l *postgresLoad) Narrow(scopes []change.Scope, sums []change.Checksums) {
	l.narrow(scopes)
	l.sums = sums
}

// columnList declares staging's columns without _run, which is the same for all rows of a load and is added at its end.
func columnList(t *change.Table) string {
	var b strings.Builder
	for i := range t.Columns {
		fmt.Fprintf(&b, "%s %s, ", Quote(t.Columns[i].Name), postgresType(t.Columns[i].Type))
	}
	b.WriteString("_raw text")
	return b.String()
}

// postgresType names the type that keeps every value of t.
func postgresType(t change.Type) string {
	switch t.Kind {
	case change.Bytes:
		return "bytea"
	case change.Int16:
		return "smallint"
	case change.Int32:
		return "integer"
	case change.Int64:
		return "bigint"
	case change.Decimal:
		return fmt.Sprintf("numeric(%d,%d)", t.Precision, t.Scale)
	case change.Float32:
		return "real"
	case change.Float64:
		return "double precision"
	case change.Date:
		return "date"
	case change.Timestamp:
		return "timestamp without time zone"
	case change.Text:
		return "text"
	default:
		return "text"
	}
}

// The buffers of a writer: one is filled while the others are on their way to the server.
const (
	copyBuffer  = 128 << 10
	copyBuffers = 3
)

// postgresWriter is one COPY in a session of its own. Rows are encoded into a few buffers that go round between Write and the
// session, so that memory stays the same however long the table is.
type postgresWriter struct {
	load *postgresLoad
	to   *landing
	conn *pgx.Conn

	cancel context.CancelFunc
	stream context.Context
	buffer []byte      // Being filled.
	full   chan []byte // To the session.
	free   chan []byte // Back from it.
	ended  chan struct{}
	err    error // Of the COPY, once ended is closed.
	copied int64 // Rows that the server counted.

	row    rowEncoder
	sum    digest
	rows   int64
	closed bool
}

func (l *postgresLoad) Writer(ctx context.Context, t *change.Table) (change.Writer, error) {
	to := l.tables[t.Name]
	if to == nil {
		return nil, fmt.Errorf("write to %s: the load was not begun with this table", t.Name)
	}
	conn, err := l.session(ctx)
	if err != nil {
		return nil, err
	}
	w := &postgresWriter{
		load: l, to: to, conn: conn,
		full: make(chan []byte, copyBuffers), free: make(chan []byte, copyBuffers), ended: make(chan struct{}),
		row: rowEncoder{table: to.table},
	}
	for range copyBuffers {
		w.free <- make([]byte, 0, copyBuffer+copyBuffer/2)
	}
	// The stream outlives the call that opens it, and ends with Close or Abort.
	w.stream, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	w.buffer = append(<-w.free, copyHeader...)
	l.mu.Lock()
	l.open[w] = struct{}{}
	l.mu.Unlock()
	go w.copy()
	return w, nil
}

// session takes a session that has nothing to do, or begins one.
func (l *postgresLoad) session(ctx context.Context) (*pgx.Conn, error) {
	l.mu.Lock()
	if n := len(l.idle); n > 0 {
		conn := l.idle[n-1]
		l.idle = l.idle[:n-1]
		l.mu.Unlock()
		return conn, nil
	}
	l.mu.Unlock()
	return l.run.w.connect(ctx, runName(l.run.id)+" load", l.run.w.runSettings())
}

// copy carries the buffers to the server until Close or an error.
func (w *postgresWriter) copy() {
	defer close(w.ended)
	var tag pgconn.CommandTag
	tag, w.err = w.conn.PgConn().CopyFrom(w.stream, &bufferReader{w: w}, fmt.Sprintf(
		`copy %s from stdin (format binary)`, quoted("staging", w.to.next)))
	w.copied = tag.RowsAffected()
}

// bufferReader hands the full buffers out and gives them back when they have been read.
type bufferReader struct {
	w       *postgresWriter
	whole   []byte
	pending []byte
}

func (r *bufferReader) Read(p []byte) (int, error) {
	if len(r.pending) == 0 {
		if r.whole != nil {
			r.w.free <- r.whole[:0]
			r.whole = nil
		}
		select {
		case b, ok := <-r.w.full:
			if !ok {
				return 0, io.EOF
			}
			r.whole, r.pending = b, b
		case <-r.w.stream.Done():
			return 0, r.w.stream.Err()
		}
	}
	n := copy(p, r.pending)
	r.pending = r.pending[n:]
	return n, nil
}

func (w *postgresWriter) Write(ctx context.Context, b *change.Batch) error {
	if w.closed {
		return fmt.Errorf("write to %s: the writer is closed", w.to.table.Name)
	}
	for i := range b.Len {
		start := len(w.buffer)
		w.buffer = w.row.append(w.buffer, b, i)
		w.sum.add(w.buffer[start:])
		if len(w.buffer) >= copyBuffer {
			if err := w.flush(ctx); err != nil {
				return err
			}
		}
	}
	w.rows += int64(b.Len)
	return nil
}

// flush sends the buffer and takes a free one.
func (w *postgresWriter) flush(ctx context.Context) error {
	select {
	case w.full <- w.buffer:
	case <-w.ended:
		return w.fault()
	case <-ctx.Done():
		return ctx.Err()
	}
	w.buffer = nil
	select {
	case w.buffer = <-w.free:
	case <-w.ended:
		return w.fault()
	case <-ctx.Done():
		return ctx.Err()
	}
	// One long text must not make the buffers large for the rest of the table.
	if cap(w.buffer) > 8*copyBuffer {
		w.buffer = make([]byte, 0, copyBuffer+copyBuffer/2)
	}
	return nil
}

// fault says why the COPY ended before its time.
func (w *postgresWriter) fault() error {
	err := w.err
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return w.load.run.w.problem("copy rows into staging."+w.to.table.Name, err)
}

func (w *postgresWriter) Close(ctx context.Context) error {
	if w.closed {
		return nil
	}
	w.closed = true
	defer w.end()
	w.buffer = append(w.buffer, copyTrailer...)
	select {
	case w.full <- w.buffer:
	case <-w.ended:
		return w.fault()
	case <-ctx.Done():
		return ctx.Err()
	}
	close(w.full)
	select {
	case <-w.ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	if w.err != nil {
		return w.fault()
	}
	if w.copied != w.rows {
		return fmt.Errorf("copy rows into staging.%s: %d were sent and %d arrived", w.to.table.Name, w.rows, w.copied)
	}
	w.load.mu.Lock()
	defer w.load.mu.Unlock()
	w.to.rows += w.rows
	w.to.sum.merge(w.sum)
	return nil
}

// end stops the COPY if it still runs, which undoes it and costs the session; one whose COPY went well takes the next table.
func (w *postgresWriter) end() {
	w.cancel()
	<-w.ended
	w.closed = true
	well := w.err == nil && !w.conn.IsClosed()
	w.load.mu.Lock()
	delete(w.load.open, w)
	if well && !w.load.done {
		w.load.idle = append(w.load.idle, w.conn)
		w.conn = nil
	}
	w.load.mu.Unlock()
	if w.conn != nil {
		_ = w.conn.Close(context.Background())
	}
}

// Abort ends the writers that are still open; the tables they filled are dropped.
func (l *postgresLoad) Abort(ctx context.Context) error {
	if l.done {
		return nil
	}
	l.done = true
	l.endWriters()
	for _, n := range l.inOrder() {
		if _, err := l.run.pool.Exec(ctx, `drop table if exists `+quoted("staging", n.next)); err != nil {
			return l.run.w.problem("drop staging."+n.next, err)
		}
	}
	return nil
}

func (l *postgresLoad) endWriters() (open int) {
	l.mu.Lock()
	var all []*postgresWriter
	for w := range l.open {
		all = append(all, w)
	}
	l.mu.Unlock()
	for _, w := range all {
		w.end()
	}
	l.mu.Lock()
	idle := l.idle
	l.idle = nil
	l.mu.Unlock()
	for _, conn := range idle {
		_ = conn.Close(context.Background())
	}
	return len(all)
}

// inOrder gives the tables by name: every load then takes its locks in the same order.
func (l *postgresLoad) inOrder() []*landing {
	out := make([]*landing, 0, len(l.tables))
	for _, n := range l.tables {
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b *landing) int { return strings.Compare(a.table.Name, b.table.Name) })
	return out
}
