package warehouse

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"

	"lifeline/change"
)

// stagingBatch is how many rows of staging are passed on at once.
const stagingBatch = 4096

// StagingRows passes rows of one table of staging on as batches, with the values that landed and what `_raw` keeps of them. rest may select
// and order them. The batch is reused.
func StagingRows(ctx context.Context, db *sql.DB, engine string, t *change.Table, rest string, each func(*change.Batch) error) error {
	return landedRows(ctx, db, engine, "staging", t, rest, each)
}

// HistoryRows does the same with superseded versions.
func HistoryRows(ctx context.Context, db *sql.DB, engine string, t *change.Table, rest string, each func(*change.Batch) error) error {
	return landedRows(ctx, db, engine, "history", t, rest, each)
}

func landedRows(ctx context.Context, db *sql.DB, engine, schema string, t *change.Table, rest string, each func(*change.Batch) error,
) error {
	plain := *t
	plain.Columns = append([]change.Column(nil), t.Columns...)
	selects := make([]string, 0, len(t.Columns)+1)
	for i := range plain.Columns {
		c := &plain.Columns[i]
		c.Mask = nil // What landed is masked already.
		switch {
		case c.Type.Kind == change.Bytes && engine == "duckdb":
			selects = append(selects, "hex("+Quote(c.Name)+")")
		case c.Type.Kind == change.Bytes:
			selects = append(selects, "encode("+Quote(c.Name)+", 'hex')")
		default:
			selects = append(selects, "cast("+Quote(c.Name)+" as text)")
		}
	}
	rows, err := db.QueryContext(ctx, "select "+strings.Join(append(selects, "_raw"), ", ")+" from "+quoted(schema, t.Name)+" "+rest)
	if err != nil {
		return fmt.Errorf("read %s.%s: %w", schema, t.Name, err)
	}
	defer func() { _ = rows.Close() }()
	r := stagingReader{
		batch: change.NewBatch(&plain, stagingBatch), filler: change.NewFiller(&plain), cells: make([]cell, len(selects)+1),
	}
	into := make([]any, len(r.cells))
	for i := range r.cells {
		into[i] = &r.cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("read staging.%s: %w", t.Name, err)
		}
		r.add()
		if r.batch.Len == stagingBatch {
			if err := each(r.batch); err != nil {
				return err
			}
			r.batch.Reset()
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read staging.%s: %w", t.Name, err)
	}
	if r.batch.Len == 0 {
		return nil
	}
	return each(r.batch)
}

// stagingReader fills a batch with values as the engine prints them.
type stagingReader struct {
	batch  *change.Batch
	filler *change.Filler
	cells  []cell
}

// cell is a text as the engine prints it, or null. database/sql's RawBytes cannot tell an empty text from a null where a row begins
// with it.
type cell struct {
	text []byte
	null bool
}

// Scan keeps a copy of the value until the next one.
func (c *cell) Scan(src any) error {
	c.null = src == nil
	switch x := src.(type) {
	case nil:
	case string:
		c.text = append(c.text[:0], x...)
	case []byte:
		c.text = append(c.text[:0], x...)
	default:
		return fmt.Errorf("%T, where a text was asked for", src)
	}
	return nil
}

func (r *stagingReader) add() {
	last := len(r.cells) - 1
	for i := range r.cells[:last] {
		p := r.cells[i].text
		switch {
		case r.cells[i].null:
			r.filler.Null(r.batch, i)
		case r.batch.Table.Columns[i].Type.Kind == change.Bytes:
			value, _ := hex.DecodeString(string(p)) // The engine wrote it.
			r.batch.Cols[i].AppendBytes(value)
		default:
			r.filler.Value(r.batch, i, p)
		}
	}
	r.filler.Drop()
	if r.cells[last].null {
		r.batch.Raw.AppendNull(change.Text)
	} else {
		r.batch.Raw.AppendBytes(r.cells[last].text)
	}
	r.batch.Len++
}
