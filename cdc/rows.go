package cdc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"lifeline/change"
)

// errMalformed is an event that is not as the servers write it.
var errMalformed = errors.New("the event is malformed")

// keepRows lets the rows of an event be, as bytes: they are decoded by the table's own columns.
func keepRows(e *replication.RowsEvent, data []byte) error {
	at, err := e.DecodeHeader(data)
	if err != nil {
		return err
	}
	e.Rows = [][]any{{data[at:]}}
	return nil
}

// dependency is a table whose rows a foreign key changes.
type dependency struct {
	child *change.LoggedTable
	key   change.Cascade
}

// rows takes the rows of an event.
func (s *Stream) rows(ctx context.Context, h *replication.EventHeader, e *replication.RowsEvent) error {
	if !s.tx.open {
		return nil // What follows a Stop.
	}
	name := tableName(string(e.Table.Schema), string(e.Table.Table))
	f := s.tables[name]
	if f == nil {
		return s.cascade(name, h.EventType, nil, nil)
	}
	if f.table.Trouble != "" {
		s.stop(f.table.Name, f.table.Trouble)
		return nil
	}
	if why := f.differs(e.Table); why != "" {
		s.stop(f.table.Name, why)
		return nil
	}
	if !whole(e.ColumnBitmap1, int(e.ColumnCount)) || e.ColumnBitmap2 != nil && !whole(e.ColumnBitmap2, int(e.ColumnCount)) {
		s.stop(f.table.Name, fmt.Sprintf("a session wrote rows of %s to the log without all their values (binlog_row_image)", f.table.SourceName))
		return nil
	}
	data, err := rowBytes(h, e)
	if err != nil {
		return err
	}
	if err := s.cascade(name, h.EventType, f, data); err != nil || !s.tx.open {
		return err
	}
	w, err := s.out.writer(ctx, f, s.options.BatchRows)
	if err != nil {
		return err
	}
	if len(s.tx.touched) == 0 || s.tx.touched[len(s.tx.touched)-1] != f {
		s.tx.touched = append(s.tx.touched, f)
	}
	return s.images(ctx, f, w, h.EventType, data)
}

func rowBytes(h *replication.EventHeader, e *replication.RowsEvent) ([]byte, error) {
	if len(e.Rows) != 1 || len(e.Rows[0]) != 1 {
		return nil, errMalformed
	}
	data, ok := e.Rows[0][0].([]byte)
	if !ok {
		return nil, errMalformed
	}
	switch h.EventType {
	case replication.MARIADB_WRITE_ROWS_COMPRESSED_EVENT_V1, replication.MARIADB_UPDATE_ROWS_COMPRESSED_EVENT_V1,
		replication.MARIADB_DELETE_ROWS_COMPRESSED_EVENT_V1:
		return mysql.DecompressMariadbData(data)
	default:
		return data, nil
	}
}

// whole tells whether all columns are in an image.
func whole(bitmap []byte, columns int) bool {
	n := 0
	for i, b := range bitmap {
		if rest := columns - 8*i; rest < 8 {
			b &= 1<<rest - 1
		}
		n += bits.OnesCount8(b)
	}
	return n == columns
}

// verb is what an event does to rows.
type verb int

const (
	inserts verb = iota
	updates
	deletes
)

func verbOf(kind replication.EventType) verb {
	switch kind {
	case replication.WRITE_ROWS_EVENTv1, replication.WRITE_ROWS_EVENTv2, replication.MARIADB_WRITE_ROWS_COMPRESSED_EVENT_V1:
		return inserts
	case replication.DELETE_ROWS_EVENTv1, replication.DELETE_ROWS_EVENTv2, replication.MARIADB_DELETE_ROWS_COMPRESSED_EVENT_V1:
		return deletes
	default:
		return updates
	}
}

// cascade stops where the rows of other tables hang on those that are changed: InnoDB changes them without a word in the log.
func (s *Stream) cascade(name string, kind replication.EventType, f *follower, data []byte) error {
	v := verbOf(kind)
	var hit []*change.LoggedTable
	for _, d := range s.parents[name] {
		if v == inserts || v == deletes && !d.key.OnDelete || v == updates && !d.key.OnUpdate || slices.Contains(hit, d.child) {
			continue
		}
		if v == updates && f != nil {
			changed, err := f.changes(d.key.Columns, data, kind == replication.PARTIAL_UPDATE_ROWS_EVENT)
			if err != nil {
				return s.misread(f, err)
			}
			if !changed {
				continue
			}
		}
		hit = append(hit, d.child)
	}
	if len(hit) == 0 {
		return nil
	}
	var also []string
	for _, t := range hit[1:] {
		also = append(also, t.Name)
	}
	_, parent, _ := strings.Cut(name, "\x00")
	s.stop(hit[0].Name, fmt.Sprintf("rows of %s were changed by a foreign key's cascade from %s, of which InnoDB writes nothing to the log",
		hit[0].SourceName, parent), also...)
	return nil
}

// changes tells whether an update's rows have other values in some columns than before.
func (f *follower) changes(columns []string, data []byte, partial bool) (bool, error) {
	var at []int
	for i := range f.columns {
		for _, c := range columns {
			if f.table.Physical[i].Name == c {
				at = append(at, i)
			}
		}
	}
	for len(data) > 0 {
		n, err := f.before.cut(f, data, false)
		if err != nil {
			return false, err
		}
		data = data[n:]
		if n, err = f.after.cut(f, data, partial); err != nil {
			return false, err
		}
		data = data[n:]
		if !f.same(at) {
			return true, nil
		}
	}
	return false, nil
}

// images decodes the rows of an event.
func (s *Stream) images(ctx context.Context, f *follower, w *writing, kind replication.EventType, data []byte) error {
	v := verbOf(kind)
	partial := kind == replication.PARTIAL_UPDATE_ROWS_EVENT
	for len(data) > 0 {
		n, err := f.before.cut(f, data, false)
		if err != nil {
			return s.misread(f, err)
		}
		data = data[n:]
		if v == updates {
			if n, err = f.after.cut(f, data, partial); err != nil {
				return s.misread(f, err)
			}
			data = data[n:]
		}
		if err := s.change(f, w, v); err != nil {
			return s.misread(f, err)
		}
		if w.batch.Len >= s.options.BatchRows || w.batch.Bytes() > batchBytes {
			if err := w.flush(ctx, s.tx.number); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Stream) misread(f *follower, err error) error {
	return fmt.Errorf("rows of %s in the binary log of %s at %s: %w", f.table.SourceName, s.options.Shown, s.tx.place, err)
}

// change writes what a row was and what it is.
func (s *Stream) change(f *follower, w *writing, v verb) error {
	switch v {
	case inserts:
		return s.image(f, w, &f.before, imageCome)
	case deletes:
		return s.image(f, w, &f.before, imageGone)
	case updates:
	}
	if f.same(f.landing) {
		return nil // Nothing that lands was changed.
	}
	kind := imageGone
	if len(f.unique) == 0 || f.same(f.unique) {
		kind = imageGoesOn
	}
	if err := s.image(f, w, &f.before, kind); err != nil {
		return err
	}
	return s.image(f, w, &f.after, imageCome)
}

// imageKind is what an image says of its row.
type imageKind struct{ sign, goesOn int64 }

var (
	imageCome   = imageKind{sign: 1}
	imageGone   = imageKind{sign: -1}
	imageGoesOn = imageKind{sign: -1, goesOn: 1} // The same row comes again in the next image.
)

func (s *Stream) image(f *follower, w *writing, row *rowImage, kind imageKind) error {
	b := w.batch
	for i := range f.table.Columns {
		c := &f.columns[f.at[i]]
		v := row.values[f.at[i]]
		if v.patched {
			v.before = f.before.values[f.at[i]].data
		}
		if v.null {
			w.fill.Null(b, i)
			continue
		}
		if err := c.land(w.fill, b, i, v, f); err != nil {
			w.fill.Drop()
			b.Truncate(b.Len)
			return fmt.Errorf("column %s: %w", f.table.Columns[i].SourceName, err)
		}
	}
	s.sequence++
	s.tx.written++
	n := len(f.table.Columns)
	b.Cols[n].AppendInt(s.sequence)
	b.Cols[n+1].AppendInt(kind.sign)
	b.Cols[n+2].AppendInt(kind.goesOn)
	b.Cols[n+3].AppendInt(s.tx.at.UnixMicro())
	b.Cols[n+4].AppendInt(s.tx.number)
	b.Cols[n+5].AppendBytes([]byte(s.imagePlace()))
	w.fill.End(b)
	return nil
}

// value is a value's bytes as the event has them, without its length.
type value struct {
	null    bool
	data    []byte
	patched bool // A JSON document of which the log has the changes alone,
	before  []byte
}

type rowImage struct{ values []value }

// cut finds the values of a row and says how many bytes they took.
func (r *rowImage) cut(f *follower, data []byte, partial bool) (int, error) {
	whole := len(data)
	var patches []byte
	if partial {
		options, _, n := mysql.LengthEncodedInt(data)
		data = data[n:]
		if options&1 != 0 {
			bytes := (f.documents + 7) / 8
			if len(data) < bytes {
				return 0, errMalformed
			}
			patches, data = data[:bytes], data[bytes:]
		}
	}
	size := (len(f.columns) + 7) / 8
	if len(data) < size {
		return 0, errMalformed
	}
	nulls := data[:size]
	data = data[size:]
	document := 0
	for i := range f.columns {
		c, v := &f.columns[i], &r.values[i]
		*v = value{null: nulls[i/8]&(1<<(i%8)) != 0}
		patched := false
		if c.kind == mysql.MYSQL_TYPE_JSON {
			patched = patches != nil && patches[document/8]&(1<<(document%8)) != 0
			document++
		}
		if v.null {
			continue
		}
		head, length, err := c.extent(data)
		if err != nil {
			return 0, err
		}
		if len(data) < head+length {
			return 0, errMalformed
		}
		v.data, v.patched = data[head:head+length], patched
		data = data[head+length:]
	}
	return whole - len(data), nil
}

// same tells whether the columns are alike before and after.
func (f *follower) same(columns []int) bool {
	for _, i := range columns {
		a, b := f.before.values[i], f.after.values[i]
		if a.null != b.null || b.patched || !bytes.Equal(a.data, b.data) {
			return false
		}
	}
	return true
}
