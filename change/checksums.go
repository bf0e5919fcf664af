package change

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
)

// Checksums are what one table of a source added up to when it landed, range by range of its key. They are kept with the rows, so that a
// later run reads only the ranges whose sums are others.
type Checksums struct {
	Table  string  `json:"table"`
	Layout string  `json:"layout"` // What they are sums of: the server, the columns, the index. Others cannot be compared.
	Chunks []Chunk `json:"chunks"` // In the index's order, from no bound to no bound; one for a table that cannot be divided.
	Totals Totals  `json:"totals"` // What the source held of the table.

	// Restless marks a table that can only be read whole and had changed when it was read: its next run reads it at once.
	Restless bool `json:"restless,omitempty"`
}

// Chunk is a range of a table's keys with its checksums: after Low, up to and including High; nil means unbounded.
type Chunk struct {
	Low  []string `json:"low,omitempty"` // As the source writes them in SQL.
	High []string `json:"high,omitempty"`

	// A chunk of whole numbers is cut into slices of Width keys, counted from Base; keys below and above belong to the first and the last.
	// Width 0 is one slice.
	Base  int64 `json:"base,omitempty"`
	Width int64 `json:"width,omitempty"`

	// The smallest and the largest landed value of the key's first column, where the chunk is one slice with rows.
	Least string `json:"least,omitempty"`
	Most  string `json:"most,omitempty"`

	Slices SliceSums `json:"slices"`
}

// Rows counts the chunk's rows.
func (c *Chunk) Rows() (n int64) {
	for _, s := range c.Slices {
		n += s.Rows
	}
	return n
}

// SliceSum is what the rows of one slice add up to.
type SliceSum struct {
	Rows   int64
	Sum    uint64 // Of the rows' checksums, without what overflows.
	Hidden uint64 // The same over masked columns, which only the source can make.
}

// SliceSums are the sums of a chunk's slices, packed in JSON.
type SliceSums []SliceSum

// MarshalText packs the sums.
func (s SliceSums) MarshalText() ([]byte, error) {
	p := make([]byte, 0, 10*len(s))
	for _, x := range s {
		hidden := uint64(0)
		if x.Hidden != 0 {
			hidden = 1
		}
		p = binary.AppendUvarint(p, uint64(x.Rows)<<1|hidden)
		if x.Rows == 0 {
			continue
		}
		p = binary.BigEndian.AppendUint64(p, x.Sum)
		if hidden != 0 {
			p = binary.BigEndian.AppendUint64(p, x.Hidden)
		}
	}
	return base64.RawStdEncoding.AppendEncode(nil, p), nil
}

// UnmarshalText unpacks them.
func (s *SliceSums) UnmarshalText(text []byte) error {
	p, err := base64.RawStdEncoding.AppendDecode(nil, text)
	if err != nil {
		return err
	}
	*s = nil
	for len(p) > 0 {
		head, n := binary.Uvarint(p)
		if n <= 0 {
			return errTorn
		}
		x := SliceSum{Rows: int64(head >> 1)}
		p = p[n:]
		for _, into := range []*uint64{&x.Sum, &x.Hidden}[:min(2, int(min(head>>1, 1)+head&1))] {
			if len(p) < 8 {
				return errTorn
			}
			*into, p = binary.BigEndian.Uint64(p), p[8:]
		}
		*s = append(*s, x)
	}
	return nil
}

var errTorn = errors.New("checksums are torn")

// Scope says which rows of a table a load stands for; the others stay as they are.
type Scope struct {
	Table     string
	Whole     bool       // All rows.
	Column    string     // The key's first column.
	Intervals []Interval // Of its values, apart from each other. Without any, no row goes.
}

// Interval is a range of values as texts that the warehouse can cast, both included; nil means unbounded.
type Interval struct{ Low, High *string }
