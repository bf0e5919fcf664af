package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"lifeline/change"
)

// Read passes all records to writers. A file without quotes is read in parts by all workers, one with quotes by one.
func (n *folderSnapshot) Read(ctx context.Context, open func(context.Context, *change.Table) (change.Writer, error),
	progress func(Progress),
) error {
	return n.readFiles(ctx, n.files, open, progress)
}

// readFiles reads some of the files, and looks that none has changed meanwhile.
func (n *folderSnapshot) readFiles(ctx context.Context, files []*seenFile,
	open func(context.Context, *change.Table) (change.Writer, error), progress func(Progress),
) error {
	r := &folderReading{options: &n.folder.options, progress: progress}
	count := 0
	for _, f := range files {
		count += len(f.parts)
		r.total += f.rows
	}
	todo := make(chan part, count)
	for _, f := range files {
		for _, p := range f.parts {
			todo <- p
		}
	}
	close(todo)
	group, ctx := errgroup.WithContext(ctx)
	for range n.folder.options.Workers {
		group.Go(func() error {
			return (&folderWorker{folderReading: r, tableWriter: tableWriter{open: open}}).work(ctx, todo)
		})
	}
	err := group.Wait()
	for _, f := range n.files {
		if changed := f.verify(); changed != nil {
			return changed // Whatever else went wrong, went wrong because of it.
		}
	}
	return err
}

type folderReading struct {
	options  *Options
	progress func(Progress)
	rows     atomic.Int64
	total    int64
}

type folderWorker struct {
	*folderReading
	tableWriter
	table  *fileTable
	filler *change.Filler
}

func (w *folderWorker) work(ctx context.Context, todo <-chan part) error {
	for p := range todo {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.turnTo(ctx, p.file.fileTable); err != nil {
			return err
		}
		if err := w.readPart(ctx, p); err != nil {
			return err
		}
	}
	return w.finish(ctx)
}

func (w *folderWorker) turnTo(ctx context.Context, t *fileTable) error {
	if w.table == t {
		return nil
	}
	w.table = nil
	if err := w.tableWriter.turnTo(ctx, t.Table, w.options.BatchRows); err != nil {
		return err
	}
	w.table, w.filler = t, change.NewFiller(t.Table)
	return nil
}

func (w *folderWorker) readPart(ctx context.Context, p part) error {
	file, err := os.Open(p.file.path)
	if err != nil {
		return fmt.Errorf("read %s: %w", p.file.shown, cause(err))
	}
	defer file.Close()
	in := newRecords(io.NewSectionReader(file, p.from, p.to-p.from), p.lines, p.file.shown, p.file.dialect)
	in.quotes = p.file.quotes
	bytes := 0
	for {
		fields, err := in.next()
		if errors.Is(err, io.EOF) {
			return w.flush(ctx)
		}
		if err != nil {
			return w.located(in.line, err)
		}
		if len(fields) != w.table.shape.width && !w.table.shape.blankTail(fields) {
			return w.located(in.line, w.uneven(fields, in, p))
		}
		for i, at := range w.table.shape.at {
			f := &fields[at]
			if at == len(fields)-1 {
				f.text = w.table.lastValue(f.text, w.table.Columns[i].Type)
			}
			bytes += len(f.text)
			if f.null() {
				w.filler.Null(w.batch, i)
			} else {
				w.filler.Value(w.batch, i, f.text)
			}
		}
		w.filler.End(w.batch)
		if w.batch.Len >= w.options.BatchRows || bytes >= batchBytes {
			bytes = 0
			if err := w.flush(ctx); err != nil {
				return err
			}
		}
	}
}

// blankTail tells whether a record of a shifted table has just what its header names, with nothing in the columns that are too many.
func (s *shape) blankTail(fields []field) bool {
	if len(fields) != len(s.physical) || s.width > len(fields) {
		return false
	}
	for i := range fields[s.width:] {
		if f := &fields[s.width+i]; len(f.text) > 0 && !f.null() {
			return false
		}
	}
	return true
}

// uneven tells a record with too few or too many fields.
func (w *folderWorker) uneven(fields []field, in *records, p part) error {
	want, got := w.table.shape.width, len(fields)
	if got > want {
		return &placed{
			err: fmt.Errorf("the line has %d fields, the header names %d columns", got, want), at: fields[want].at,
			try: "quote texts that hold commas, or name the further columns in the header",
		}
	}
	last := &fields[got-1]
	e := &placed{
		err: fmt.Errorf("the line has %d fields, the header names %d columns", got, want), at: last.at + len(last.text),
		try: "compare the header with the lines: a column that only the header has shifts all that follow",
	}
	if in.end && in.r == in.w && p.to == p.file.size {
		e.err = fmt.Errorf("the last line has %d of %d fields: the file is torn", got, want)
		e.try = "copy or export the file again"
	}
	return e
}

// located puts file, line and column to an error of a record.
func (w *folderWorker) located(line int64, err error) error {
	var at *placed
	if errors.As(err, &at) {
		return w.table.broken(line, at.at+1, at.err, at.try)
	}
	return fmt.Errorf("read %s: %w", w.table.shown, cause(err))
}

func (w *folderWorker) flush(ctx context.Context) error {
	if w.batch.Len == 0 {
		return nil
	}
	written, err := w.write(ctx)
	if err != nil {
		return err
	}
	rows := w.rows.Add(written)
	if w.progress != nil {
		w.progress(Progress{Table: w.table.Name, Rows: rows, Total: max(w.total, rows)})
	}
	return nil
}
