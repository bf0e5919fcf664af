package run

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeline/change"
	"lifeline/warehouse"
)

// verifiedRow is a row as both sides have landed it: a text a column and that of `_raw`, null as nil.
type verifiedRow []*string

// writer keeps what the source gives, and passes it on where it is to be landed.
func (v *verify) writer(ctx context.Context, t *change.Table) (change.Writer, error) {
	w := &verifyWriter{verify: v, table: t, texts: change.NewRowSummer(t)}
	var err error
	if v.load != nil {
		w.next, err = v.load.Writer(ctx, t)
	}
	return w, err
}

type verifyWriter struct {
	*verify

	table *change.Table
	texts *change.RowSummer
	next  change.Writer
}

// Write keeps a batch's rows.
func (w *verifyWriter) Write(ctx context.Context, b *change.Batch) error {
	rows := rowsOf(w.texts, b)
	w.mu.Lock()
	w.rows[w.table.Name] = append(w.rows[w.table.Name], rows...)
	w.mu.Unlock()
	if w.next == nil {
		return nil
	}
	return w.next.Write(ctx, b)
}

// Close ends what the rows were passed on to.
func (w *verifyWriter) Close(ctx context.Context) error {
	if w.next == nil {
		return nil
	}
	return w.next.Close(ctx)
}

func rowsOf(texts *change.RowSummer, b *change.Batch) []verifiedRow {
	out := make([]verifiedRow, b.Len)
	for i := range out {
		row := make(verifiedRow, len(b.Cols)+1)
		for c := range b.Cols {
			if text, ok := texts.Text(b, c, i); ok {
				row[c] = &text
			}
		}
		if !b.Raw.Nulls[i] {
			text := string(b.Raw.BytesAt(i))
			row[len(b.Cols)] = &text
		}
		out[i] = row
	}
	return out
}

// compareTable compares the rows that the source gave with staging's rows of the same scope.
func (v *verify) compareTable(ctx context.Context, t *change.Table, scope change.Scope, out *VerifiedTable) error {
	given := v.rows[t.Name]
	out.Read = int64(len(given))
	if !scope.Whole && len(scope.Intervals) == 0 && len(given) == 0 {
		return nil
	}
	texts := change.NewRowSummer(t)
	var staged []verifiedRow
	keep := func(b *change.Batch) error {
		staged = append(staged, rowsOf(texts, b)...)
		return nil
	}
	parts := [][]change.Interval{nil}
	if !scope.Whole {
		parts = slices.Collect(slices.Chunk(scope.Intervals, 500))
	}
	for _, some := range parts {
		if err := warehouse.StagingRows(ctx, v.db, v.o.Warehouse.Engine(), t, scopeWhere(t, scope, some), keep); err != nil {
			return err
		}
	}
	a, b := byKey(t, given), byKey(t, staged)
	keys := maps.Clone(a)
	maps.Copy(keys, b)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if found := differences(t, key, a[key], b[key]); len(found) > 0 {
			out.Different++
			if room := listed - len(v.out.Differences); room > 0 {
				v.out.Differences = append(v.out.Differences, found[:min(room, len(found))]...)
			}
		}
	}
	return nil
}

// byKey groups rows by their key; a row without one is its own key.
func byKey(t *change.Table, rows []verifiedRow) map[string][]verifiedRow {
	out := map[string][]verifiedRow{}
	for _, r := range rows {
		key := keyText(t, r)
		out[key] = append(out[key], r)
	}
	return out
}

func keyText(t *change.Table, r verifiedRow) string {
	parts := []*string(r)
	if len(t.Key) > 0 {
		parts = nil
		for _, k := range t.Key {
			if i := t.Index(k); i >= 0 {
				parts = append(parts, r[i])
			}
		}
	}
	if len(parts) == 1 && parts[0] != nil && *parts[0] != "" {
		return *parts[0]
	}
	return change.KeyText(parts)
}

// differences are those of the rows of one key. Rows that are alike on both sides are taken out first, as often as they are on both.
func differences(t *change.Table, key string, given, staged []verifiedRow) (out []Difference) {
	given, staged = slices.Clone(given), slices.Clone(staged)
	for i := 0; i < len(given); i++ {
		at := slices.IndexFunc(staged, func(r verifiedRow) bool { return slices.EqualFunc(given[i], r, equalText) })
		if at >= 0 {
			given, staged = slices.Delete(given, i, i+1), slices.Delete(staged, at, at+1)
			i--
		}
	}
	for i := range max(len(given), len(staged)) {
		d := Difference{Table: t.Name, Key: key}
		switch {
		case i >= len(staged):
			d.What = "not in staging"
			out = append(out, d)
		case i >= len(given):
			d.What = "not in the source"
			out = append(out, d)
		default:
			out = append(out, cells(t, d, given[i], staged[i])...)
		}
	}
	return out
}

// cells are the columns in which two rows differ. What is masked is not shown.
func cells(t *change.Table, d Difference, given, staged verifiedRow) (out []Difference) {
	d.What = "differs"
	masked := "(masked)"
	for c := range given {
		if equalText(given[c], staged[c]) {
			continue
		}
		d.Column, d.Source, d.Staging = "_raw", given[c], staged[c]
		if c < len(t.Columns) {
			d.Column = t.Columns[c].Name
			if t.Columns[c].Mask != nil {
				d.Source, d.Staging = &masked, &masked
			}
		}
		out = append(out, d)
	}
	return out
}

func equalText(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }

// String says a difference in a line.
func (d *Difference) String() string {
	text := func(p *string) string {
		if p == nil {
			return "null"
		}
		return fmt.Sprintf("%q", strings.ToValidUTF8(*p, "\uFFFD"))
	}
	if d.Column == "" {
		return fmt.Sprintf("%s %s: %s", d.Table, d.Key, d.What)
	}
	return fmt.Sprintf("%s %s, %s: %s in the source, %s in staging", d.Table, d.Key, d.Column, text(d.Source), text(d.Staging))
}
