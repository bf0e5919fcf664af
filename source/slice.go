package source

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"lifeline/change"
)

// Sliced is a source whose tables can be read a slice at a time, each by one statement, while writes go on.
type Sliced interface {
	// ReadSlice passes a slice of a table's rows on, from where the slice before ended; nil begins. It locks nothing.
	ReadSlice(ctx context.Context, table string, from []string, rows int, each func(*change.Batch) error) (Slice, error)
}

// Slice is what a ReadSlice has read.
type Slice struct {
	Rows   int64
	Next   []string           // Where the next one begins; nil at the table's end.
	Column string             // By whose values both sides tell the slice's rows; "" for a table that is one slice.
	After  *string            // They are greater; nil is no bound.
	UpTo   *string            // And not greater than this.
	Here   change.LogPosition // Where the log stood once it was read: what was read is before that place.
}

// wholeAtMost is how many rows a table may have that is read by one statement.
const wholeAtMost = 100_000

// ErrTooBig is returned for a table that can only be read whole, and is too big for that.
var ErrTooBig = errors.New("it has no key of one whole number to divide it by, and too many rows to be read at once")

// ReadSlice reads by the primary key where that is one whole number, else the whole table.
func (s *server) ReadSlice(ctx context.Context, table string, from []string, rows int, each func(*change.Batch) error) (Slice, error) {
	tables, err := s.describe(ctx)
	if err != nil {
		return Slice{}, err
	}
	for _, t := range tables {
		if t.Name == table {
			out, err := s.readSlice(ctx, t, from, rows, each)
			if err != nil && !errors.Is(err, ErrTooBig) {
				err = s.address.explain("read a slice of "+t.SourceName, err)
			}
			return out, err
		}
	}
	return Slice{}, fmt.Errorf("%s is not a table of the source", table)
}

func (s *server) readSlice(ctx context.Context, t *serverTable, from []string, rows int, each func(*change.Batch) error,
) (out Slice, err error) {
	lead := t.lead()
	text := "select " + t.selects + " from " + s.from(t)
	if lead >= 0 && len(t.keys) == 1 && len(t.primary) == 1 && t.keys[0].batched && !t.keys[0].falling {
		out.Column = t.Columns[lead].Name
		text += fmt.Sprintf(" force index (%s)%s order by %s limit %d", ident(t.index), t.where(from, nil), t.order(), rows)
		if from != nil {
			out.After = &from[0]
		}
	} else if err := s.smallEnough(ctx, t); err != nil {
		return out, err
	}
	c, err := s.connect(ctx)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	batch, decode := change.NewBatch(t.Table, s.options.BatchRows), newDecoder(t)
	last := ""
	flush := func() error {
		if out.Column != "" && batch.Len > 0 {
			last = string(appendWhole(nil, &batch.Cols[lead], batch.Len-1))
		}
		out.Rows += int64(batch.Len)
		err := each(batch)
		batch.Reset()
		return err
	}
	if err := c.execute(ctx, text, func(columns []definition) { decode.columns = columns }, func(p []byte) error {
		if err := decode.row(batch, p); err != nil || batch.Len < s.options.BatchRows {
			return err
		}
		return flush()
	}); err != nil {
		return out, err
	}
	if err := flush(); err != nil {
		return out, err
	}
	if out.Column != "" && out.Rows == int64(rows) {
		out.Next, out.UpTo = []string{last}, &last
	}
	var l Log
	err = s.logNow(ctx, &l)
	out.Here = l.Here
	return out, err
}

func (s *server) smallEnough(ctx context.Context, t *serverTable) error {
	found, err := s.ask(ctx, "select table_rows as n from information_schema.tables where table_schema = "+literal(s.address.database)+
		" and table_name = "+literal(t.SourceName))
	if err != nil || len(found) == 0 {
		return err
	}
	if n, _ := strconv.ParseInt(found[0]["n"], 10, 64); n > wholeAtMost { // An estimate; a view has none.
		return ErrTooBig
	}
	return nil
}
