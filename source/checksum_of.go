package source

import (
	"fmt"
	"slices"

	"lifeline/change"
)

// sumChunk is how many rows of staging make a chunk.
const sumChunk = 100_000

// SumsOf adds up rows as they lie in a warehouse, so that ReadChanged finds where they are other than the source's. read passes them
// in the order of OrderOf; without an order they are added up as a whole. Rows with masked columns cannot be told by the sums that a
// source makes: nothing is returned for them, and ReadChanged reads the table whole.
func (n *serverSnapshot) SumsOf(of *change.Table, read func(each func(*change.Batch) error) error) (*change.Checksums, error) {
	t, err := n.table(of)
	if err != nil || t.hiddenSum() != "" || t.shape.mapped {
		return nil, err
	}
	out := &change.Checksums{Table: t.Name, Layout: t.layout()}
	note := newNote(t)
	if !note.whole {
		note.lead = -1
	}
	var low []string
	whole := change.SliceSum{}
	if err := read(func(b *change.Batch) error {
		if !note.whole {
			for i := range b.Len {
				whole.Rows++
				whole.Sum += note.summer.Sum(b, i)
			}
			return nil
		}
		if slices.Contains(b.Cols[note.lead].Nulls[:b.Len], true) {
			note.wide = true // A row without its key can lie nowhere.
		}
		note.add(b, nil)
		if len(note.keys) >= sumChunk && !note.wide {
			high := []string{fmt.Sprint(note.keys[len(note.keys)-1])}
			out.Chunks = append(out.Chunks, note.take(low, high)...)
			low = high
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if note.whole {
		out.Chunks = append(out.Chunks, note.take(low, nil)...)
	} else {
		out.Chunks = []change.Chunk{{Slices: change.SliceSums{whole}, Least: undivided}}
	}
	return out, nil
}

// OrderOf is the column by which SumsOf wants a table's rows; "" where any order will do.
func (n *serverSnapshot) OrderOf(of *change.Table) string {
	t, err := n.table(of)
	if err != nil {
		return ""
	}
	if note := newNote(t); note.whole {
		return t.Columns[note.lead].Name
	}
	return ""
}

func (n *serverSnapshot) table(of *change.Table) (*serverTable, error) {
	for _, t := range n.tables {
		if t.Name == of.Name {
			return t, nil
		}
	}
	return nil, fmt.Errorf("there is no table %s", of.Name)
}

// SumsOf gives nothing: a file is compared by reading it.
func (n *folderSnapshot) SumsOf(*change.Table, func(each func(*change.Batch) error) error) (*change.Checksums, error) {
	return nil, nil
}

// OrderOf gives none.
func (n *folderSnapshot) OrderOf(*change.Table) string { return "" }
