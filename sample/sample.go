// Package sample makes the sources of the shipped projects: the operational databases of an insurance-claims platform, in the shape and
// the dirt of the real one, and of a food-delivery app (food*.go); the same bytes for the same seed, linear in scale.
//
// The shape of the claims platform (shape/*.csv) is counted from its real tables: how many cases of which kind each month has, how many
// items, what things cost, how long they take, what has no date. No row is copied. Providers are made up, because the real table has
// lost them.
//
// Every table of claims is a stream over the same cases (a treatment with its invoices, items and claims), each case a pure function of
// seed and index, so that memory stays flat at any scale and a claim's amount can agree with items that are written elsewhere.
package sample

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"lifeline/change"
)

// Options say what to make.
type Options struct {
	Project         string  // "carepay" or "fooddelivery".
	Scale           float64 // 1 is as many rows as the real tables have: 333,951; of fooddelivery 20,000 orders with 90,000 events.
	Seed            uint64
	Dirt            string // "none", "real" (published with warnings, at a scale of 0.05 and more) or "heavy" (refused).
	ShiftTreatments bool   // The loader's fault: treatments declared with a TYPE after STATUS that the data does not have.
	InvoicesFile    string // Build the other tables around the rows of this invoices file.
	Progress        func(table string, rows, total int64)
}

// Summary says what was made.
type Summary struct {
	Tables []TableSummary `json:"tables"`
}

// TableSummary is one table of a Summary.
type TableSummary struct {
	Name string `json:"name"`
	File string `json:"file"`
	Rows int64  `json:"rows"`
}

// Rows is the number of rows of all tables.
func (s Summary) Rows() int64 {
	var n int64
	for _, t := range s.Tables {
		n += t.Rows
	}
	return n
}

// table is one table of the source: how it is declared and how its rows are written.
type table struct {
	name    string // In the database.
	file    string
	header  string
	ddl     string // Columns, as the brief's loader declares them.
	about   int64  // Rows at scale 1; for progress.
	stream  func(*world, *lines) error
	foreign bool // The file is the caller's own (InvoicesFile) and is passed on as it is.
}

// scaleOne is the number of cases at scale 1.
const scaleOne = 74_173

const shiftedTreatments = "ID int primary key, STATUS varchar(25), TYPE varchar(25), DATE_CREATED datetime, DATE_MODIFIED datetime, " +
	"DATE_SUBMITTED datetime, DATE_TREATMENT datetime, PROVIDER_ID int, PROGRAM_ID int"

func tables(o Options) []table {
	if o.Project == "fooddelivery" {
		return foodTables()
	}
	ts := []table{
		{
			name: "TREATMENT", file: "treatments.csv", about: 74_148, stream: (*world).treatments,
			header: "ID,STATUS,DATE_CREATED,DATE_MODIFIED,DATE_SUBMITTED,DATE_TREATMENT,PROVIDER_ID,PROGRAM_ID",
			ddl: "ID int primary key, STATUS varchar(25), DATE_CREATED datetime, DATE_MODIFIED datetime, DATE_SUBMITTED datetime, " +
				"DATE_TREATMENT datetime, PROVIDER_ID int, PROGRAM_ID int",
		},
		{
			name: "CLAIM", file: "claims.csv", about: 73_747, stream: (*world).claims,
			header: "ID,STATUS,TYPE,DATE_CREATED,DATE_MODIFIED,TREATMENT_ID,PROGRAM_ID,AMOUNT,CURRENCY",
			ddl: "ID int primary key, STATUS varchar(25), TYPE varchar(25), DATE_CREATED datetime, DATE_MODIFIED datetime, TREATMENT_ID int, " +
				"PROGRAM_ID int, AMOUNT decimal(19,4), CURRENCY varchar(4)",
		},
		{
			name: "INVOICE", file: "invoices.csv", about: 59_218, stream: (*world).invoices, foreign: o.InvoicesFile != "",
			header: "ID,STATUS,DATE_CREATED,TREATMENT_ID",
			ddl:    "ID int primary key, STATUS varchar(25), DATE_CREATED datetime, TREATMENT_ID int",
		},
		{
			name: "INVOICE_ITEM", file: "invoice_items.csv", about: 126_838, stream: (*world).items,
			header: "ID,STATUS,DATE_CREATED,INVOICE_ID,PRODUCT_ID,CURRENCY,AMOUNT",
			ddl: "ID int primary key, STATUS varchar(25), DATE_CREATED datetime, INVOICE_ID int, PRODUCT_ID int, CURRENCY varchar(4), " +
				"AMOUNT decimal(19,4)",
		},
	}
	if o.ShiftTreatments {
		ts[0].header = "ID,STATUS,TYPE,DATE_CREATED,DATE_MODIFIED,DATE_SUBMITTED,DATE_TREATMENT,PROVIDER_ID,PROGRAM_ID"
		ts[0].ddl = shiftedTreatments
	}
	return ts
}

func (o Options) check() error {
	fail := func(what, try string) error {
		return &change.Problem{Err: errors.New(what), Class: change.ClassUsage, Try: try}
	}
	switch {
	case o.Project != "carepay" && o.Project != "fooddelivery":
		return fail(fmt.Sprintf("there is no sample project %q", o.Project), "carepay or fooddelivery")
	case o.Project != "carepay" && (o.ShiftTreatments || o.InvoicesFile != ""):
		return fail("only carepay has treatments and invoices", "--scale, --seed and --dirt")
	case !(o.Scale > 0) || o.Scale > 1000:
		return fail(fmt.Sprintf("scale %v is not between 0 and 1000", o.Scale), "--scale 1")
	case o.Dirt != "none" && o.Dirt != "real" && o.Dirt != "heavy":
		return fail(fmt.Sprintf("there is no dirt %q", o.Dirt), "--dirt none, real or heavy")
	}
	return nil
}

// Write makes the project's CSV files in dir, one a table: UTF-8 with a byte-order mark, capitals in the header, a bare NULL for a
// missing value, no newline after the last line.
func Write(ctx context.Context, o Options, dir string) (Summary, error) {
	w, err := newWorld(o)
	if err != nil {
		return Summary{}, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Summary{}, fmt.Errorf("make %s: %w", dir, err)
	}
	var s Summary
	for _, t := range tables(o) {
		n, err := writeFile(ctx, w, t, filepath.Join(dir, t.file))
		if err != nil {
			return s, fmt.Errorf("write %s: %w", t.file, err)
		}
		s.Tables = append(s.Tables, TableSummary{Name: t.name, File: t.file, Rows: n})
	}
	return s, nil
}

func writeFile(ctx context.Context, w *world, t table, path string) (rows int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return w.write(ctx, t, f)
}

// write streams one table, byte-order mark and header first.
func (w *world) write(ctx context.Context, t table, out io.Writer) (int64, error) {
	if t.foreign {
		_, err := out.Write(w.file.text)
		return w.file.rows, err
	}
	l := &lines{ctx: ctx, out: bufio.NewWriterSize(out, 1<<20), name: t.name, progress: w.Progress, total: t.about * w.cases / scaleOne}
	l.buf = append(l.buf, "\xef\xbb\xbf"+t.header...)
	if err := t.stream(w, l); err != nil {
		return l.rows, err
	}
	l.flush()
	if l.err != nil {
		return l.rows, l.err
	}
	if l.progress != nil {
		l.progress(l.name, l.rows, l.rows)
	}
	return l.rows, l.out.Flush()
}

// lines writes rows field by field into a buffer. The line break stands before each row, so that none follows the last.
type lines struct {
	ctx      context.Context
	out      *bufio.Writer
	buf      []byte
	name     string
	rows     int64
	total    int64
	progress func(string, int64, int64)
	begin    int   // Where the row begins in buf.
	before   int64 // The key of the row before.
	first    bool
	err      error
}

// row begins a row; it is false when writing has failed or was cancelled.
func (l *lines) row() bool {
	if len(l.buf) > 1<<16 {
		l.flush()
	}
	if l.rows%20_000 == 0 {
		if l.err == nil {
			l.err = l.ctx.Err()
		}
		if l.progress != nil {
			l.progress(l.name, l.rows, max(l.total, l.rows))
		}
	}
	l.begin = len(l.buf)
	l.buf = append(l.buf, '\n')
	l.rows++
	l.first = true
	return l.err == nil
}

func (l *lines) flush() {
	if l.err == nil {
		_, l.err = l.out.Write(l.buf)
	}
	l.buf = l.buf[:0]
}
