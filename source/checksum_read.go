package source

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
	"golang.org/x/sync/errgroup"

	"lifeline/change"
)

// Changes say what a ReadChanged has read.
type Changes struct {
	Scopes   []change.Scope // One a table, in the order of Source.Tables.
	Compared int64          // Rows whose checksums the source made.
	Why      []string       // Of tables that were read whole though some of their checksums were kept.
}

// ReadChanged compares the tables with their checksums and passes the rows of the ranges that differ to writers; a table without checksums
// is read whole. Like Read, it leaves writers open after an error.
func (n *serverSnapshot) ReadChanged(ctx context.Context, before []change.Checksums,
	open func(context.Context, *change.Table) (change.Writer, error), progress func(Progress),
) (*Changes, error) {
	tables := make([]*comparison, len(n.tables))
	out := &Changes{}
	var compare []*comparison
	for i, t := range n.tables {
		tables[i] = &comparison{table: t}
		n.sums[t], n.fresh[t] = nil, nil
		at := slices.IndexFunc(before, func(c change.Checksums) bool { return c.Table == t.Name })
		switch {
		case at < 0:
			tables[i].givenUp = "it has no checksums"
		case before[at].Layout != t.layout():
			tables[i].givenUp = "its form has changed"
		case before[at].Restless:
			n.before[t], tables[i].givenUp = &before[at], "it cannot be divided by a key, and had changed the last time"
		default:
			tables[i].before = &before[at]
			n.before[t] = &before[at]
			compare = append(compare, tables[i])
		}
	}
	if err := n.compare(ctx, compare, progress); err != nil {
		return nil, err
	}
	q := newQueue()
	for _, c := range tables {
		out.Compared += c.rows
		scope := n.plan(ctx, c, q)
		if scope.Whole && c.givenUp != "" {
			out.Why = append(out.Why, c.table.Name+": "+c.givenUp)
		}
		out.Scopes = append(out.Scopes, scope)
	}
	return out, n.readQueue(ctx, q, open, progress)
}

// readQueue has all connections read what is in the queue.
func (n *serverSnapshot) readQueue(ctx context.Context, q *queue, open func(context.Context, *change.Table) (change.Writer, error),
	progress func(Progress),
) error {
	state := &reading{snapshot: n, queue: q, progress: progress, total: q.total()}
	group, inner := errgroup.WithContext(ctx)
	for _, c := range n.conns {
		group.Go(func() error {
			return (&worker{reading: state, tableWriter: tableWriter{open: open}, conn: c}).work(inner)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := n.completeSums(ctx); err != nil {
		return err
	}
	return n.same(ctx)
}

// completeSums lets the server add up what was read of tables whose sums cannot be made of landed values.
func (n *serverSnapshot) completeSums(ctx context.Context) error {
	type task struct {
		table *serverTable
		chunk *change.Chunk
	}
	var todo []task
	for _, t := range n.tables {
		if !t.shape.mapped && t.hiddenSum() == "" {
			continue
		}
		for i := range n.fresh[t] {
			todo = append(todo, task{t, &n.fresh[t][i]})
		}
	}
	tasks := make(chan task, len(todo))
	for _, t := range todo {
		tasks <- t
	}
	close(tasks)
	group, inner := errgroup.WithContext(ctx)
	for _, c := range n.conns {
		group.Go(func() error {
			for t := range tasks {
				sums, err := n.chunkSums(inner, c, t.table, t.chunk)
				var refused *mysql.MyError
				if c.broken == nil && inner.Err() == nil && errors.As(err, &refused) {
					n.unsummed(t.table)
					continue
				}
				if err != nil {
					return n.server.address.explain("add up "+t.table.SourceName, err)
				}
				t.chunk.Slices = sums
			}
			return inner.Err()
		})
	}
	return group.Wait()
}

// plan queues what is to be read of a table and keeps the sums of what is not.
func (n *serverSnapshot) plan(ctx context.Context, c *comparison, q *queue) change.Scope {
	t := c.table
	scope := change.Scope{Table: t.Name}
	lead := t.lead()
	if lead >= 0 {
		scope.Column = t.Columns[lead].Name
	}
	differ := c.givenUp != ""
	for i := range c.now {
		differ = differ || !slices.Equal(c.now[i], c.before.Chunks[i].Slices)
	}
	if !differ {
		n.sums[t] = c.before.Chunks
		n.kept[t] = c.before.Totals
		return scope
	}
	if c.givenUp != "" || lead < 0 || float64(c.differ) > worthwhile*float64(c.rows) || !c.readable() {
		scope.Whole = true
		q.add(&keyRange{table: t, rows: n.estimate(ctx, n.conns[0], t, nil, nil)})
		return scope
	}
	p := &planned{comparison: c, queue: q, scope: &scope}
	if c.numbered() {
		p.byNumber()
	} else {
		p.byBounds()
	}
	n.sums[t] = p.kept
	return scope
}

// readable tells whether the rows of every chunk can be found in staging.
func (c *comparison) readable() bool {
	return !slices.ContainsFunc(c.before.Chunks, func(chunk change.Chunk) bool { return chunk.Least == undivided })
}

// numbered tells whether the table's key is one whole number.
func (c *comparison) numbered() bool {
	t := c.table
	return len(t.keys) == 1 && t.keys[0].batched && !t.keys[0].falling
}

// planned turns a comparison into ranges to read.
type planned struct {
	*comparison
	queue *queue
	scope *change.Scope
	kept  []change.Chunk
	spans *keyRange // The spans that are gathered for one statement.
}

// spanRows is about how many rows one statement reads by spans, and spanCount how many spans it names.
const (
	spanRows  = 20_000
	spanCount = 100
)

// byNumber reads the slices that differ, and chunks of which many do as a whole.
func (p *planned) byNumber() {
	for i := range p.before.Chunks {
		chunk := p.before.Chunks[i]
		now := p.now[i]
		if slices.Equal(now, chunk.Slices) {
			p.kept = append(p.kept, chunk)
			continue
		}
		var rows, differ int64
		for j := range now {
			rows += now[j].Rows
			if now[j] != chunk.Slices[j] {
				differ += now[j].Rows
			}
		}
		last := len(now) - 1
		switch {
		case chunk.Width > 0 && chunk.High == nil && last > 0 && now[last].Rows > 4*sliceRows:
			// What comes at the end of a table makes chunks of its own.
			end := []string{strconv.FormatInt(chunk.Base+int64(last)*chunk.Width-1, 10)}
			head := chunk
			head.High, head.Slices = end, chunk.Slices[:last]
			p.slices(head, now[:last])
			p.again(end, nil, now[last].Rows)
			p.add(after(end), nil)
		case chunk.Width == 0 || last == 0 || 2*differ > rows:
			p.again(chunk.Low, chunk.High, rows)
			p.add(after(chunk.Low), upTo(chunk.High))
		default:
			p.slices(chunk, now)
		}
	}
	p.flush()
}

// slices reads the slices of a chunk that differ; the others, and the sums that the server made, are kept.
func (p *planned) slices(chunk change.Chunk, now change.SliceSums) {
	for j := range now {
		if now[j] == chunk.Slices[j] {
			continue
		}
		low, high := after(chunk.Low), upTo(chunk.High)
		if j > 0 {
			low = number(chunk.Base + int64(j)*chunk.Width)
		}
		if j < len(now)-1 {
			high = number(chunk.Base + int64(j+1)*chunk.Width - 1)
		}
		p.add(low, high)
		if now[j].Rows > 0 {
			p.span(low, high, now[j].Rows)
		}
	}
	chunk.Slices = now
	p.kept = append(p.kept, chunk)
}

// again reads a range as Read does; ranges that meet are one.
func (p *planned) again(low, high []string, rows int64) {
	if last := p.queue.last(); last != nil && last.table == p.table && last.spans == nil && last.high != nil && slices.Equal(last.high, low) {
		last.high, last.rows = high, last.rows+rows
		return
	}
	p.queue.add(&keyRange{table: p.table, low: low, high: high, rows: rows})
}

// span reads a slice together with others.
func (p *planned) span(low, high *string, rows int64) {
	if p.spans == nil {
		p.spans = &keyRange{table: p.table}
	}
	name := p.table.keys[0].name
	switch {
	case low == nil && high == nil:
		p.spans.spans = append(p.spans.spans, "1 = 1")
	case low == nil:
		p.spans.spans = append(p.spans.spans, name+" <= "+*high)
	case high == nil:
		p.spans.spans = append(p.spans.spans, name+" >= "+*low)
	default:
		p.spans.spans = append(p.spans.spans, fmt.Sprintf("%s between %s and %s", name, *low, *high))
	}
	if p.spans.rows += rows; p.spans.rows >= spanRows || len(p.spans.spans) == spanCount {
		p.flush()
	}
}

func (p *planned) flush() {
	if p.spans != nil {
		p.queue.add(p.spans)
		p.spans = nil
	}
}

// add puts an interval into the scope; one that follows the last widens it.
func (p *planned) add(low, high *string) {
	p.scope.Intervals = append(p.scope.Intervals, change.Interval{Low: low, High: high})
}

func number(x int64) *string {
	text := strconv.FormatInt(x, 10)
	return &text
}

// after is the least whole number beyond a bound.
func after(low []string) *string {
	if low == nil {
		return nil
	}
	x, ok := new(big.Int).SetString(low[0], 10)
	if !ok {
		return &low[0]
	}
	text := x.Add(x, big.NewInt(1)).String()
	return &text
}

func upTo(high []string) *string {
	if high == nil {
		return nil
	}
	return &high[0]
}

// byBounds reads the chunks that differ. Staging's rows of a chunk are found by the least and the most of its key's first column. Rows of
// other chunks that have such values are read as well: where the source sorts the values as the warehouse does just those rows, else,
// whatever the collation, the whole chunks.
func (p *planned) byBounds() {
	kind := p.table.Columns[p.table.lead()].Type.Kind
	read := make([]bool, len(p.now))
	for i := range p.now {
		read[i] = !slices.Equal(p.now[i], p.before.Chunks[i].Slices)
	}
	intervals := p.intervals(kind, read)
	for grown := kind == change.Text; grown; intervals = p.intervals(kind, read) {
		grown = false
		for i := range read {
			if !read[i] && meets(kind, intervals, &p.before.Chunks[i]) {
				read[i], grown = true, true
			}
		}
	}
	for _, x := range intervals {
		low, high := p.landedText(x[0]), p.landedText(x[1])
		p.add(&low, &high)
	}
	for i, again := range read {
		c := p.before.Chunks[i]
		if again {
			p.again(c.Low, c.High, c.Rows())
			continue
		}
		if meets(kind, intervals, &c) {
			p.shared(kind, &c, intervals)
		}
		p.kept = append(p.kept, c)
	}
}

// shared reads the rows of a chunk that have a first value of one of the intervals.
func (p *planned) shared(kind change.Kind, c *change.Chunk, intervals [][2]string) {
	var values []string
	for _, x := range intervals {
		if order(kind, x[0], c.Most) <= 0 && order(kind, x[1], c.Least) >= 0 {
			values = append(values, fmt.Sprintf("%s between %s and %s", p.table.keys[0].name, p.sourceText(x[0]), p.sourceText(x[1])))
		}
	}
	where := strings.TrimPrefix(p.table.where(c.Low, c.High), " where ")
	p.queue.add(&keyRange{table: p.table, spans: []string{fmt.Sprintf("(%s) and (%s)", where, strings.Join(values, " or "))}})
}

// sourceText is a value of the key's first column as the source reads it.
func (p *planned) sourceText(text string) string {
	switch text := p.landedText(text); p.table.keys[0].form {
	case bytesForm:
		return "x'" + text + "'"
	case textForm, charsetForm:
		return literal(text)
	default:
		return text
	}
}

// intervals are the bounds of the chunks that are read, in order and joined where they meet.
func (p *planned) intervals(kind change.Kind, read []bool) [][2]string {
	var all [][2]string
	for i := range read {
		if c := &p.before.Chunks[i]; read[i] && c.Rows() > 0 {
			all = append(all, [2]string{c.Least, c.Most})
		}
	}
	slices.SortFunc(all, func(a, b [2]string) int { return order(kind, a[0], b[0]) })
	var out [][2]string
	for _, x := range all {
		if last := len(out) - 1; last >= 0 && order(kind, x[0], out[last][1]) <= 0 {
			if order(kind, x[1], out[last][1]) > 0 {
				out[last][1] = x[1]
			}
			continue
		}
		out = append(out, x)
	}
	return out
}

// meets tells whether a chunk's first values lie in an interval of the sorted list.
func meets(kind change.Kind, intervals [][2]string, c *change.Chunk) bool {
	if c.Rows() == 0 {
		return false
	}
	at, _ := slices.BinarySearchFunc(intervals, c.Least, func(x [2]string, least string) int {
		if order(kind, x[1], least) < 0 {
			return -1
		}
		return 1
	})
	return at < len(intervals) && order(kind, intervals[at][0], c.Most) <= 0
}

// landedText is a value of the key's first column as the warehouse can cast it.
func (p *planned) landedText(text string) string {
	t := p.table.Columns[p.table.lead()].Type
	x, _ := strconv.ParseInt(text, 10, 64) // Of a number or a date; bounds wrote it.
	switch t.Kind {
	case change.Date:
		return string(change.AppendDate(nil, x))
	case change.Timestamp:
		return string(change.AppendTimestamp(nil, x, 6))
	case change.Decimal:
		return string(change.AppendDecimal(nil, x, t.Scale))
	default:
		return text
	}
}

// readSpans reads slices of a table by one statement.
func (w *worker) readSpans(ctx context.Context, r *keyRange) error {
	t := r.table
	_, err := w.chunk(ctx, fmt.Sprintf("select %s from %s%s where %s",
		t.selects, w.snapshot.server.from(t), t.force(), strings.Join(r.spans, " or ")))
	return err
}
