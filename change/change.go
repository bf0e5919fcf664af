// Package change has the nouns that flow from a source to the warehouse: Table, Column, Batch, Position, Snapshot. It is the one place
// where a source's value becomes a warehouse's value or a null (fill.go, dates.go, numbers.go), and has masks, checksums of rows, addresses
// of servers, and Problem with its exit class.
//
// A batch is decoded once, where it is read, and only written after that, so that a value from a snapshot and the same
// value from the binary log land alike (promise 6). The package reads no source and opens no warehouse.
package change

import "time"

// Kind is how a column's values are held in a Batch and which type they get in the warehouse.
type Kind uint8

// The kinds. Every type of the source maps to the one that loses nothing.
const (
	Text      Kind = iota // UTF-8 text without NUL bytes, in Data.
	Bytes                 // Raw bytes, in Data.
	Int16                 // In Ints.
	Int32                 // In Ints.
	Int64                 // In Ints.
	Decimal               // Unscaled by Type.Scale in Ints; a value of more than 18 digits in Wide.
	Float32               // In Floats.
	Float64               // In Floats.
	Date                  // Days since 1970-01-01, in Ints.
	Timestamp             // Microseconds since 1970-01-01 00:00:00, in Ints; without a zone (a MySQL TIMESTAMP in UTC).
)

// Type is a kind and, for Decimal, its digits.
type Type struct {
	Kind      Kind
	Precision int // Decimal only: all digits, 1 to 38.
	Scale     int // Decimal only: digits after the point.
}

// Column is one column of a source table.
type Column struct {
	Name       string // As in staging: see StagingName.
	SourceName string // As the source writes it.
	SourceType string // As the source declares it, such as "decimal(19,4)"; from the contract for CSV.
	Type       Type   // As it lands, after its mask.
	Nullable   bool
	Mask       *Mask // nil where the values land as they are.
}

// Money names a money column and the column that holds its currency ("" where there is none).
type Money struct {
	Column   string
	Currency string
}

// Table is one table of a source as it lands in staging. Grain: one row per row of the source.
type Table struct {
	Name       string // In staging, such as "claim".
	SourceName string // In the source, such as "CLAIM" or "claims.csv".
	Columns    []Column
	Key        []string // Staging names of the key columns; empty where the table has none.
	Money      []Money  // What the books add up.
	SHA256     bool     // Its server has no SHA-1, as MySQL from 9.6 on may not: checksums are of SHA-256.
}

// Index returns the position of the column with that staging name, or -1.
func (t *Table) Index(column string) int {
	for i := range t.Columns {
		if t.Columns[i].Name == column {
			return i
		}
	}
	return -1
}

// Position is how far a source has been read. Only the packages source and cdc know what it says.
type Position string

// Snapshot describes one point in time of a source, as it goes into the run record.
type Snapshot struct {
	Position Position
	TakenAt  time.Time     // The source's clock at the point, UTC.
	Way      string        // How consistency was reached, such as "equal log positions", "lock tables", "one connection" or "folder".
	Why      string        // Why no way over several connections could be gone; empty where one was.
	LockTime time.Duration // How long a lock was held on the source.
}

// Totals are what a source itself says it holds of one table at the snapshot's point (promise 1).
type Totals struct {
	Table string
	Rows  int64
	Money []MoneyTotal // Ordered by column, then currency.
	Keys  string       // The exact sum of the keys, where Table.Whole has one.
}

// MoneyTotal is the exact sum of a money column over the rows of one raw currency.
type MoneyTotal struct {
	Column      string
	Currency    string // The raw text; "" also for null, and where the column has no currency.
	Sum         string // An exact decimal, without trailing zeros after the point.
	Rows        int64  // Rows with a value.
	WeightedSum string // The exact sum of each amount times the remainder of its key by Weights, where Table.Whole has one.
}
