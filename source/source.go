// Package source reads an operational database as it stands at one point in time: MySQL and MariaDB over the wire, or a folder
// of CSV files. It maps the source's types to those of package change without loss, decodes values straight into batches, and
// takes the totals that the books compare with (promise 1).
//
// It never writes to the source (promise 9), knows nothing of a warehouse beyond the writers it fills, and leaves the binary log
// to package cdc and retries to package run.
package source

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"lifeline/change"
	"lifeline/source/preflight"
)

// Options say which source to read and how.
type Options struct {
	DSN       string       // mysql://user:password@host:port/database?tls=… or csv:DIR.
	TimeZone  string       // The zone that the source's DATETIME values are in; values are passed on as stored. For the checks only.
	Tables    []Contract   // What to read. With none, MySQL gives every base table of the database; CSV needs them.
	Workers   int          // Connections, or readers of files; 0 means 2.
	ChunkRows int          // About how many rows a key range of a big table has; 0 means 100,000.
	BatchRows int          // Most rows in a batch; 0 means 4,096.
	Weak      bool         // Where no consistent view over all connections can be had, read without one, and say so in the run record.
	Logger    *slog.Logger // nil means silence.
}

// Contract is what a project has settled about one table of its source.
type Contract struct {
	Name       string                  // In staging, such as "claim".
	Identifier string                  // In the database; the name where empty.
	File       string                  // Of a CSV folder; name + ".csv" where empty.
	Key        []string                // Staging names.
	Money      []change.Money          // What the books add up; staging names.
	Columns    []ContractColumn        // None means: no contract.
	Shift      *Shift                  // nil for all but a table that was, or may have been, loaded wrongly.
	Masks      map[string]*change.Mask // By staging names.

	evidence *shiftEvidence // What the rows of a table that may be shifted said; nil where they were not asked.
}

// ContractColumn is a column as it was agreed.
type ContractColumn struct {
	Name     string // In staging.
	DataType string // As MySQL declares it, such as "decimal(19,4)"; text where empty.
	Position int    // From 1; 0 takes the place in the list.
}

// Source is a database or folder, opened and readable.
type Source interface {
	// Tables describes the tables to read, in the order of the contract, else by name.
	Tables(ctx context.Context) ([]*change.Table, error)
	// Check runs all preflight checks and reports each, the failed ones too.
	Check(ctx context.Context) []preflight.Result
	// Snapshot takes one point in time over all tables (promise 4). Close it.
	Snapshot(ctx context.Context) (Snapshot, error)
	Close() error
}

// Snapshot is a source at one point in time. Once an error of its makes IsViewLost true, it is worth nothing: take a new one.
type Snapshot interface {
	// Info says what was taken and how.
	Info() change.Snapshot
	// Read passes every row of every table to writers. Each worker opens a writer of its own for each table that it meets, keeps
	// it over the table's chunks, and closes it when the table's chunks are all handed out. An error of one ends all.
	// After an error no writer is closed: the load is to be aborted.
	Read(ctx context.Context, open func(context.Context, *change.Table) (change.Writer, error), progress func(Progress)) error
	// ReadChanged passes only rows of key ranges whose checksums differ from those kept of an earlier snapshot, which it has the source
	// make (a folder: of files that differ). What it read of each table is in the answer; all other rows are proved to be as they were.
	// A table of which nothing is kept is read whole. Where comparing costs more than it saves, it stops and reads.
	ReadChanged(ctx context.Context, before []change.Checksums, open func(context.Context, *change.Table) (change.Writer, error),
		progress func(Progress)) (*Changes, error)
	// Checksums are those of all rows at this point, for a later ReadChanged; after Read or ReadChanged. Tables that have none are left out.
	Checksums() []change.Checksums
	// SumsOf adds up rows as they lie in a warehouse, for a ReadChanged that finds where they are other than the source's.
	SumsOf(t *change.Table, read func(each func(*change.Batch) error) error) (*change.Checksums, error)
	// OrderOf is the column by which SumsOf wants the rows; "" where any order will do.
	OrderOf(t *change.Table) string
	// Totals counts every table and adds up its money columns, by the source's own arithmetic where it has one, in the order of
	// Source.Tables.
	Totals(ctx context.Context) ([]change.Totals, error)
	// Ranges adds up the rows of one table by slices of its whole key, to find the row that makes two totals differ.
	Ranges(ctx context.Context, t *change.Table, of change.Range) ([]change.Slice, error)
	Close() error
}

// Progress says how far a Read is, over all tables and workers.
type Progress struct {
	Table string // The table of the last batch.
	Rows  int64  // Read so far.
	Total int64  // About how many there are; 0 where unknown.

	Compared int64 // Rows whose checksums were compared so far; then nothing is read yet.
}

// Discard is a writer that counts rows and drops them: it shows what reading alone costs.
type Discard struct{ Rows int64 }

// Write counts the batch's rows.
func (d *Discard) Write(_ context.Context, b *change.Batch) error {
	d.Rows += int64(b.Len)
	return nil
}

// Close does nothing.
func (d *Discard) Close(context.Context) error { return nil }

// Open connects to a source. Errors are change.Problems with what to try, and never hold the password (promise 10).
func Open(ctx context.Context, o Options) (Source, error) {
	if o.Workers <= 0 {
		o.Workers = 2
	}
	if o.ChunkRows <= 0 {
		o.ChunkRows = 100_000
	}
	if o.BatchRows <= 0 {
		o.BatchRows = 4096
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case strings.HasPrefix(o.DSN, "csv:"):
		return openFolder(o)
	case strings.HasPrefix(o.DSN, "mysql://"), strings.HasPrefix(o.DSN, "mariadb://"):
		return openServer(ctx, o)
	}
	return nil, unknownSource(o.DSN)
}

// unknownSource does not quote what it cannot read: a password may be anywhere in it (promise 10).
func unknownSource(dsn string) error {
	p := &change.Problem{
		Err: errors.New("the source's address does not begin with mysql://, mariadb:// or csv: (a folder)"), Class: change.ClassUsage,
		Try: addressForm + ", or csv:DIR",
	}
	switch {
	case dsn == "":
		p.Err = errors.New("the source's address is empty")
	case strings.HasPrefix(dsn, "jdbc:"):
		p.Try += "; without jdbc:, user and password before the host"
	case strings.Contains(dsn, "@tcp(") || strings.Contains(dsn, "@unix("):
		p.Try += "; user:password@tcp(host:port)/database is the form of Go's driver"
	}
	return p
}

// Redact returns a source's address without its password, for messages and records.
func Redact(dsn string) string {
	if strings.HasPrefix(dsn, "csv:") {
		return dsn
	}
	a, err := change.ParseAddress(dsn)
	if err != nil {
		return "(an address that cannot be read)"
	}
	return a.String()
}
