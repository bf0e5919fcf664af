package source

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"lifeline/change"
)

// sliceRows is about how many rows share a checksum where the key is a whole number: all of them are read again for one that changed.
const sliceRows = 128

// note gathers the checksums of a chunk's rows while they are read.
type note struct {
	table  *serverTable
	summer *change.RowSummer
	lead   int // The place of the key's first column; -1 where a table cannot be divided by it.
	whole  bool

	keys  []int64 // Of whole numbers: each row's,
	sums  []uint64
	wide  bool           // and that not all of them have 18 digits.
	parts []change.Chunk // Of other keys: a part for each batch.
}

func newNote(t *serverTable) *note {
	n := &note{table: t, summer: change.NewRowSummer(t.Table), lead: t.lead()}
	n.whole = n.lead >= 0 && len(t.keys) == 1 && t.keys[0].batched && !t.keys[0].falling
	return n
}

// lead is the place of the key's first column among those that land, where its values tell a range's rows in staging; else -1.
func (t *serverTable) lead() int {
	if t.keys == nil {
		return -1
	}
	i := slices.IndexFunc(t.Columns, func(c change.Column) bool { return ident(c.SourceName) == t.keys[0].name })
	if i < 0 || t.Columns[i].Mask != nil {
		return -1
	}
	if k := t.Columns[i].Type.Kind; k == change.Float32 || k == change.Float64 {
		return -1
	}
	return i
}

// add takes the rows of a batch; last is the key of its last row.
func (n *note) add(b *change.Batch, last []string) {
	if n.whole {
		v := &b.Cols[n.lead]
		n.wide = n.wide || len(v.Wide) > 0
		n.keys = append(n.keys, v.Ints[:b.Len]...)
		for i := range b.Len {
			n.sums = append(n.sums, n.summer.Sum(b, i))
		}
		return
	}
	part := change.Chunk{High: last, Slices: change.SliceSums{{Rows: int64(b.Len)}}}
	for i := range b.Len {
		part.Slices[0].Sum += n.summer.Sum(b, i)
	}
	if n.lead >= 0 {
		part.Least, part.Most = n.bounds(&b.Cols[n.lead], b.Len)
	}
	n.parts = append(n.parts, part)
}

// undivided is what Least says of rows that have no value to find them by.
const undivided = "\x00"

// bounds are the least and the most of the first column's landed values.
func (n *note) bounds(v *change.Vector, rows int) (least, most string) {
	kind := n.table.Columns[n.lead].Type.Kind
	if len(v.Wide) > 0 || slices.Contains(v.Nulls[:rows], true) {
		return undivided, undivided
	}
	if kind == change.Text || kind == change.Bytes {
		low, high := v.BytesAt(0), v.BytesAt(0)
		for i := 1; i < rows; i++ {
			p := v.BytesAt(i)
			if string(p) < string(low) {
				low = p
			}
			if string(p) > string(high) {
				high = p
			}
		}
		if kind == change.Bytes { // In hexadecimal digits, which are sorted alike.
			return hex.EncodeToString(low), hex.EncodeToString(high)
		}
		return string(low), string(high)
	}
	return strconv.FormatInt(slices.Min(v.Ints[:rows]), 10), strconv.FormatInt(slices.Max(v.Ints[:rows]), 10)
}

// take gives the chunks of what was read of a range, and begins anew.
func (n *note) take(low, high []string) []change.Chunk {
	defer func() { n.keys, n.sums, n.parts, n.wide = n.keys[:0], n.sums[:0], nil, false }()
	if n.whole {
		return []change.Chunk{n.sliced(low, high)}
	}
	if n.table.keys == nil { // Its rows have no order.
		whole := change.Chunk{Slices: change.SliceSums{{}}}
		for _, part := range n.parts {
			whole.Slices[0].Rows += part.Slices[0].Rows
			whole.Slices[0].Sum += part.Slices[0].Sum
		}
		return []change.Chunk{whole}
	}
	if len(n.parts) == 0 {
		return []change.Chunk{{Low: low, High: high, Slices: change.SliceSums{{}}}}
	}
	for i := range n.parts {
		n.parts[i].Low = low
		low = n.parts[i].High
	}
	n.parts[len(n.parts)-1].High = high
	return n.parts
}

// sliced cuts a range of whole numbers into slices of equal width.
func (n *note) sliced(low, high []string) change.Chunk {
	c := change.Chunk{Low: low, High: high, Slices: change.SliceSums{{}}}
	rows := len(n.keys)
	if rows > 0 && !n.wide {
		first, last := n.keys[0], n.keys[rows-1]
		if span := uint64(last) - uint64(first); last >= first && span < math.MaxInt64/2 {
			count := uint64(max(1, rows/sliceRows))
			c.Base, c.Width = first, int64(span/count)+1
			c.Slices = make(change.SliceSums, span/uint64(c.Width)+1)
		}
	}
	for i, sum := range n.sums {
		at := int64(0)
		if c.Width > 0 {
			at = (n.keys[i] - c.Base) / c.Width
		}
		c.Slices[at].Rows++
		c.Slices[at].Sum += sum
	}
	return c
}

// noted keeps chunks that were read.
func (n *serverSnapshot) noted(t *serverTable, chunks []change.Chunk) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fresh[t] = append(n.fresh[t], chunks...)
}

// unsummed says that the server refuses to make a table's sums.
func (n *serverSnapshot) unsummed(t *serverTable) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refused[t] = true
}

// Checksums are those of the tables as they were read. A table without them was read in a way that cannot be repeated.
func (n *serverSnapshot) Checksums() []change.Checksums {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []change.Checksums
	for _, t := range n.tables {
		chunks := chain(slices.Concat(n.sums[t], n.fresh[t]))
		if n.refused[t] || chunks == nil {
			continue
		}
		out = append(out, change.Checksums{
			Table: t.Name, Layout: t.layout(), Chunks: chunks, Restless: t.lead() < 0 && !sameRows(n.before[t], chunks),
		})
	}
	return out
}

// sameRows tells whether chunks have the rows that they had before, however the table was divided; nothing before is no difference.
func sameRows(before *change.Checksums, chunks []change.Chunk) bool {
	if before == nil {
		return true
	}
	all := func(chunks []change.Chunk) (x change.SliceSum) {
		for _, c := range chunks {
			for _, s := range c.Slices {
				x.Rows += s.Rows
				x.Sum += s.Sum
			}
		}
		return x
	}
	return all(before.Chunks) == all(chunks)
}

// chain puts chunks in order, from no bound to no bound; nil where they are no such chain.
func chain(chunks []change.Chunk) []change.Chunk {
	after := make(map[string]int, len(chunks))
	for i := range chunks {
		after[bound(chunks[i].Low)] = i
	}
	if len(after) != len(chunks) {
		return nil
	}
	out := make([]change.Chunk, 0, len(chunks))
	at := bound(nil)
	for i := range chunks {
		next, there := after[at]
		if !there || (chunks[next].High == nil) != (i == len(chunks)-1) {
			return nil
		}
		out = append(out, chunks[next])
		at = bound(chunks[next].High)
	}
	return out
}

func bound(key []string) string {
	if key == nil {
		return ""
	}
	return fmt.Sprintf("%q", key)
}

// keyedSum hides a sum; nothing stays nothing.
func keyedSum(key []byte, sum uint64) uint64 {
	if sum == 0 {
		return 0
	}
	h := hmac.New(sha256.New, key)
	_ = binary.Write(h, binary.BigEndian, sum) // A hash takes all that is written.
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// order compares two landed values of a key's first column.
func order(kind change.Kind, a, b string) int {
	if kind == change.Text || kind == change.Bytes {
		return strings.Compare(a, b)
	}
	x, _ := strconv.ParseInt(a, 10, 64) // bounds wrote them.
	y, _ := strconv.ParseInt(b, 10, 64)
	return cmp.Compare(x, y)
}
