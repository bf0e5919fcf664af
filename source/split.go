package source

import (
	"context"
	"fmt"
	"math/big"
)

// jumpAtMost bounds how many keys are passed over to find a middle where it cannot be calculated.
const jumpAtMost = 500_000

// split gives the upper half of a piece to a worker that waits, if more than two chunks are left. Half is by the number of rows,
// not by the distance of keys: keys may be as sparse as they like.
func (w *worker) split(ctx context.Context, p *keyRange) error {
	n, chunk := w.snapshot, int64(w.snapshot.server.options.ChunkRows)
	left := n.estimate(ctx, w.conn, p.table, p.low, p.high)
	if left < 2*chunk {
		return nil
	}
	middle, err := w.middle(ctx, p, left)
	if err != nil || middle == nil {
		return err
	}
	w.queue.add(&keyRange{table: p.table, low: middle, high: p.high, rows: left / 2})
	p.high, p.rows = middle, left-left/2
	return nil
}

// middle finds a key with about as many rows before as after it. Whole numbers are halved by the server's estimates, which read
// two pages of the index each; for other keys the index is walked.
func (w *worker) middle(ctx context.Context, p *keyRange, left int64) ([]string, error) {
	if p.table.keys[0].whole {
		if m := w.snapshot.halve(ctx, w.conn, p, left); m != nil {
			return m, nil
		}
	}
	t := p.table
	text := fmt.Sprintf("select %s from %s force index (%s)%s order by %s limit 1 offset %d",
		t.keyList(), w.snapshot.server.from(t), ident(t.index), t.where(p.low, p.high), t.order(), min(left/2, jumpAtMost))
	var key [][]byte
	err := w.conn.stream(ctx, text, nil, func(p []byte) error {
		for range t.keys {
			n, rest, null := lenenc(p)
			if n < 0 || n > len(rest) || null {
				return errMalformed
			}
			key = append(key, append([]byte(nil), rest[:n]...))
			p = rest[n:]
		}
		return nil
	})
	if err == nil {
		err = w.conn.release(ctx)
	}
	if err != nil || key == nil {
		return nil, err
	}
	return t.literals(key), nil
}

// halve looks for a value of a single whole-number column by bisection; it need not be there. It gives up where the estimates
// do not help, or the key has further columns.
func (n *serverSnapshot) halve(ctx context.Context, c *conn, p *keyRange, left int64) []string {
	t := p.table
	if len(t.keys) != 1 || t.keys[0].falling {
		return nil
	}
	name := t.keys[0].name
	rows, err := c.query(ctx, fmt.Sprintf("select min(%s) as low, max(%s) as high from %s", name, name, n.server.from(t)))
	if err != nil || len(rows) == 0 {
		return nil
	}
	ends := rows[0]
	if p.low != nil {
		ends["low"] = p.low[0]
	}
	if p.high != nil {
		ends["high"] = p.high[0]
	}
	low, ok := new(big.Int).SetString(ends["low"], 10)
	high, too := new(big.Int).SetString(ends["high"], 10)
	if !ok || !too {
		return nil
	}
	for range 64 {
		middle := new(big.Int).Add(low, high)
		middle.Rsh(middle, 1)
		if middle.Cmp(low) <= 0 || middle.Cmp(high) >= 0 {
			return nil
		}
		bound := []string{middle.String()}
		below := n.estimate(ctx, c, t, p.low, bound)
		switch {
		case below < left*2/5:
			low = middle
		case below > left*3/5:
			high = middle
		default:
			return bound
		}
	}
	return nil
}
