package source

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/cockroachdb/apd/v3"
	"github.com/go-mysql-org/go-mysql/mysql"
	"golang.org/x/sync/errgroup"

	"lifeline/change"
)

// comparison is one table's chunks as they were and as the server now adds them up.
type comparison struct {
	table  *serverTable
	before *change.Checksums

	mu       sync.Mutex
	now      []change.SliceSums // By chunk; nil where the server was not asked.
	rows     int64              // In the chunks compared.
	differ   int64              // Of these, rows in slices whose sum changed.
	asked    int
	changed  float64 // The shares of changed rows in the chunks asked for, added up.
	givenUp  string  // Why the table is read without a comparison.
	sampling int     // The comparison is given up once changed chunks outnumber unchanged ones by this many.
}

// Where this share of the rows is in slices that changed, reading them is as good as comparing the rest (a comparison costs about as much).
const worthwhile = 0.5

// compare has all connections add up the chunks of the tables.
func (n *serverSnapshot) compare(ctx context.Context, tables []*comparison, progress func(Progress)) error {
	type task struct {
		*comparison
		chunk int
	}
	var todo []task
	for _, c := range tables {
		count := len(c.before.Chunks)
		c.now, c.sampling = make([]change.SliceSums, count), max(4, count/10)
		// In steps that meet every chunk, so that the first ones stand for all.
		for i, step := 0, stride(count); i < count; i++ {
			todo = append(todo, task{c, i * step % count})
		}
	}
	tasks := make(chan task, len(todo))
	for _, t := range todo {
		tasks <- t
	}
	close(tasks)
	var mu sync.Mutex
	var rows int64
	group, inner := errgroup.WithContext(ctx)
	for _, conn := range n.conns {
		group.Go(func() error {
			for t := range tasks {
				done, err := n.compareChunk(inner, conn, t.comparison, t.chunk)
				if err != nil {
					return n.server.address.explain("add up "+t.table.SourceName, err)
				}
				mu.Lock()
				rows += done
				if progress != nil {
					progress(Progress{Table: t.table.Name, Compared: rows})
				}
				mu.Unlock()
			}
			return inner.Err()
		})
	}
	return group.Wait()
}

// stride is a step through count places that comes to all of them, near the golden ratio.
func stride(count int) int {
	step := max(1, count*382/1000)
	for gcd(step, count) != 1 {
		step++
	}
	return step
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// compareChunk asks for the sums of a chunk, unless the table was given up.
func (n *serverSnapshot) compareChunk(ctx context.Context, conn *conn, c *comparison, chunk int) (int64, error) {
	if c.isGivenUp() {
		return 0, nil
	}
	was := &c.before.Chunks[chunk]
	sums, err := n.chunkSums(ctx, conn, c.table, was)
	if err != nil {
		var refused *mysql.MyError
		if conn.broken == nil && ctx.Err() == nil && errors.As(err, &refused) {
			c.giveUp("the server cannot add it up: " + refused.Message)
			return 0, nil
		}
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now[chunk] = sums
	c.asked++
	rows, all, differ := int64(0), int64(0), int64(0)
	for i, now := range sums {
		rows += now.Rows
		all += max(now.Rows, was.Slices[i].Rows)
		if now != was.Slices[i] {
			differ += max(now.Rows, was.Slices[i].Rows)
		}
	}
	c.rows, c.differ = c.rows+all, c.differ+differ
	c.changed += float64(differ) / float64(max(all, 1))
	if c.hopeless() {
		c.givenUp = fmt.Sprintf("%d of the first %d rows are in ranges that changed", c.differ, c.rows)
	}
	return rows, nil
}

// hopeless tells whether so many more chunks changed than did not that the others will be no better. Each counts once, however many rows
// came to it: the chunks at both ends are among the first, and are those that change most.
func (c *comparison) hopeless() bool {
	return c.asked < len(c.now) && c.changed-(float64(c.asked)-c.changed) >= float64(c.sampling)
}

func (c *comparison) isGivenUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.givenUp != ""
}

func (c *comparison) giveUp(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.givenUp = why
}

// chunkSums are the sums of a chunk's slices as the server makes them.
func (n *serverSnapshot) chunkSums(ctx context.Context, conn *conn, t *serverTable, c *change.Chunk) (change.SliceSums, error) {
	var rows []map[string]string
	err := n.yielding(ctx, t, func(ctx context.Context) (err error) {
		rows, err = conn.query(ctx, n.sumsQuery(t, c))
		return err
	})
	if err == nil {
		err = conn.release(ctx)
	}
	if err != nil {
		return nil, err
	}
	out := make(change.SliceSums, len(c.Slices))
	for _, r := range rows {
		at := 0
		if c.Width > 0 {
			if at, err = strconv.Atoi(r["lifeline__slice"]); err != nil || at < 0 || at >= len(out) {
				return nil, fmt.Errorf("slice %q: %w", r["lifeline__slice"], errMalformed)
			}
		}
		if out[at], err = t.sliceSum(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (t *serverTable) sliceSum(r map[string]string) (s change.SliceSum, err error) {
	if s.Rows, err = strconv.ParseInt(r["n"], 10, 64); err != nil {
		return s, fmt.Errorf("a count: %w", err)
	}
	if s.Rows == 0 {
		return s, nil
	}
	if s.Sum, err = wrapped(r["s"]); err != nil {
		return s, err
	}
	if text, hidden := r["h"]; hidden {
		var sum uint64
		if sum, err = wrapped(text); err == nil {
			s.Hidden = t.hide(sum)
		}
	}
	return s, err
}

// wrapped is a sum without what is above 64 bits.
func wrapped(text string) (uint64, error) {
	x, _, err := apd.NewFromString(text)
	if err != nil || x.Negative || x.Exponent < 0 {
		return 0, fmt.Errorf("a checksum %q: %w", text, errMalformed)
	}
	for ; x.Exponent > 0; x.Exponent-- {
		x.Coeff.Mul(&x.Coeff, apd.NewBigInt(10))
	}
	low := new(apd.BigInt).And(&x.Coeff, new(apd.BigInt).SetUint64(1<<64-1))
	return low.Uint64(), nil
}
