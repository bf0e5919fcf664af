package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"lifeline/cdc"
	"lifeline/change"
	"lifeline/source"
	"lifeline/warehouse"
)

// Verifying compares staging with the source for ever, a slice at a time, while both change. A slice is read by one statement that locks
// nothing. Once the log has landed beyond the place where it stood then, each row of the slice that no landing has touched since before the
// statement must be alike on both sides. A row that was touched is not judged: what lands is the whole row, as the log has it.
type Verifying struct {
	Repair bool          // A table with differences is read again, at the point where the others stand.
	Rows   int           // Of a slice; 0 takes as many as the source reads in a moment.
	Pause  time.Duration // At least so long between two slices; 0 means nine times as long as a slice took.
	Found  func([]Difference)

	src     source.Source
	tables  []*change.Table
	table   int
	from    []string
	pass    verifiedPass
	slice   *verifiedSlice
	size    int // Rows of the next one.
	next    time.Time
	passes  atomic.Int64
	told    map[string]bool // Differences that were told already.
	results []verifiedPass
	found   []foundDifference
	again   map[string]string // Tables to be read again, and why.
}

// verifiedPass is one comparison of a whole table.
type verifiedPass struct {
	table                   string
	began, ended            time.Time
	rows, different, moving int64
	why                     string // Why it was left out.
}

// verifiedSlice is what was read of the source and waits for the log.
type verifiedSlice struct {
	source.Slice

	rows []verifiedRow
	run  int64 // The last run that had landed before it was read.
	took time.Duration
}

type foundDifference struct {
	Difference

	at time.Time
}

// Passes is how often all tables have been compared.
func (v *Verifying) Passes() int64 { return v.passes.Load() }

func (v *Verifying) close() error {
	if v == nil || v.src == nil {
		return nil
	}
	err := v.src.Close()
	v.src, v.slice = nil, nil
	return err
}

// anew is why a table is to be read again; nil where none is.
func (v *Verifying) anew() *cdc.Stop {
	if v == nil {
		return nil
	}
	for table, why := range v.again {
		delete(v.again, table)
		return &cdc.Stop{Table: table, Why: why}
	}
	return nil
}

// tick goes on by a step, while nothing else is to be done; due says that something is to be written down or read again.
func (v *Verifying) tick(ctx context.Context, o Options, f *Following) (due bool, err error) {
	if v == nil {
		return false, nil
	}
	if len(v.again) > 0 || len(v.found) > 0 {
		return true, nil
	}
	if v.slice == nil {
		if time.Now().Before(v.next) {
			return false, nil
		}
		return false, v.read(ctx, o, f)
	}
	here, then := f.stream.Position(), v.slice.Here
	if here.Server != then.Server || change.CompareLogPlaces(here.File, here.Pos, then.File, then.Pos) < 0 {
		return false, nil
	}
	if err := v.judge(ctx, o); err != nil {
		return false, err
	}
	return len(v.found) > 0, nil
}

// read reads the next slice of the source.
func (v *Verifying) read(ctx context.Context, o Options, f *Following) (err error) {
	if v.src == nil {
		if v.src, err = o.Source(ctx); err != nil {
			return err
		}
	}
	sliced, is := v.src.(source.Sliced)
	if !is || len(f.tables) == 0 {
		return nil
	}
	v.tables = f.tables
	v.table %= len(v.tables)
	if v.from == nil {
		v.pass = verifiedPass{table: v.tables[v.table].Name, began: time.Now().UTC()}
	}
	t := v.tables[v.table]
	began := time.Now()
	s := &verifiedSlice{run: f.last.RunID}
	texts := change.NewRowSummer(t)
	s.Slice, err = sliced.ReadSlice(ctx, t.Name, v.from, v.sliceRows(), func(b *change.Batch) error {
		s.rows = append(s.rows, rowsOf(texts, b)...)
		return nil
	})
	s.took = time.Since(began)
	if errors.Is(err, source.ErrTooBig) {
		v.pass.why = err.Error()
		v.endTable()
		return nil
	}
	if err != nil {
		return errors.Join(err, v.close())
	}
	v.resize(s.took)
	v.slice = s
	return nil
}

func (v *Verifying) sliceRows() int {
	if v.Rows > 0 {
		return v.Rows
	}
	return max(v.size, sliceLeast)
}

// Bounds of a slice: as many rows as the source reads in a moment.
const (
	sliceLeast  = 5_000
	sliceMost   = 50_000
	sliceMoment = 200 * time.Millisecond
)

// resize makes the next slices bigger or smaller.
func (v *Verifying) resize(took time.Duration) {
	size := v.sliceRows()
	switch {
	case took < sliceMoment/2:
		size = min(2*size, sliceMost)
	case took > sliceMoment:
		size = max(size/2, sliceLeast)
	}
	v.size = size
}

// judge compares the slice with staging, which stands behind it.
func (v *Verifying) judge(ctx context.Context, o Options) error {
	t, s := v.tables[v.table], v.slice
	began := time.Now()
	r, err := o.Warehouse.OpenStaging(ctx)
	var held *warehouse.HeldError
	if errors.As(err, &held) {
		return nil // Somebody looks, or another run is at work: it is compared a moment later.
	}
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // It was only read.
	staged, touched, err := v.staged(ctx, o, r, t)
	if err != nil {
		return err
	}
	a, b := byKey(t, s.rows), byKey(t, staged)
	var found []Difference
	var different, moving int64
	for _, key := range keysOf(a, b) {
		switch d := differences(t, key, a[key], b[key]); {
		case len(d) == 0:
		case touched[key]:
			moving++
		default:
			different++
			found = append(found, d...)
		}
	}
	v.pass.rows, v.pass.different, v.pass.moving = v.pass.rows+s.Rows, v.pass.different+different, v.pass.moving+moving
	v.note(t.Name, found, different)
	pause := v.Pause
	if pause == 0 {
		pause = 9 * (s.took + time.Since(began))
	}
	v.next, v.slice, v.from = time.Now().Add(pause), nil, s.Next
	if v.from == nil {
		v.endTable()
	}
	return nil
}

// keysOf are the keys of two sides, in order.
func keysOf(a, b map[string][]verifiedRow) []string {
	var out []string
	for k := range a {
		out = append(out, k)
	}
	for k := range b {
		if _, both := a[k]; !both {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// staged are staging's rows of the slice, and the keys that a landing has touched since before the slice was read.
func (v *Verifying) staged(ctx context.Context, o Options, r *warehouse.Reader, t *change.Table) (rows []verifiedRow,
	touched map[string]bool, err error,
) {
	s := v.slice
	var within []string
	if s.Column != "" {
		column := warehouse.Quote(s.Column)
		if s.After != nil {
			within = append(within, column+" > "+*s.After)
		}
		if s.UpTo != nil {
			within = append(within, column+" <= "+*s.UpTo)
		}
	}
	where := func(further ...string) string {
		if all := slices.Concat(within, further); len(all) > 0 {
			return "where " + strings.Join(all, " and ")
		}
		return ""
	}
	texts := change.NewRowSummer(t)
	if err := warehouse.StagingRows(ctx, r.DB, o.Warehouse.Engine(), t, where(), func(b *change.Batch) error {
		rows = append(rows, rowsOf(texts, b)...)
		return nil
	}); err != nil {
		return nil, nil, err
	}
	touched = map[string]bool{}
	touch := func(b *change.Batch) error {
		for _, row := range rowsOf(texts, b) {
			touched[keyText(t, row)] = true
		}
		return nil
	}
	return rows, touched, errors.Join(
		warehouse.StagingRows(ctx, r.DB, o.Warehouse.Engine(), t, where(fmt.Sprintf("_run > %d", s.run)), touch),
		warehouse.HistoryRows(ctx, r.DB, o.Warehouse.Engine(), t, where(fmt.Sprintf("_ended_run > %d", s.run)), touch),
	)
}

// note keeps what was found, to be written down and told once.
func (v *Verifying) note(table string, found []Difference, different int64) {
	if different == 0 {
		return
	}
	if v.told == nil {
		v.told = map[string]bool{}
	}
	for _, d := range found {
		name := d.Table + "\x00" + d.Key + "\x00" + d.Column
		if !v.told[name] && len(v.told) < listed {
			v.told[name] = true
			v.found = append(v.found, foundDifference{d, time.Now().UTC()})
		}
	}
	if v.Repair {
		if v.again == nil {
			v.again = map[string]string{}
		}
		v.again[table] = fmt.Sprintf("%d rows of %s were not as the source has them", different, table)
	}
}

// endTable ends the pass over a table and goes on to the next.
func (v *Verifying) endTable() {
	v.pass.ended = time.Now().UTC()
	v.results = append(v.results, v.pass)
	if v.Repair { // What comes back after a repair is told again.
		for name := range v.told {
			if strings.HasPrefix(name, v.pass.table+"\x00") && v.pass.different == 0 {
				delete(v.told, name)
			}
		}
	}
	v.from, v.table = nil, v.table+1
	if v.table == len(v.tables) {
		v.table = 0
		v.passes.Add(1)
	}
}

// place is a difference without its values, which are not for every chat.
func (d *Difference) place() string {
	if d.Column == "" {
		return fmt.Sprintf("%s %s: %s", d.Table, d.Key, d.What)
	}
	return fmt.Sprintf("%s %s, %s: %s", d.Table, d.Key, d.Column, d.What)
}
