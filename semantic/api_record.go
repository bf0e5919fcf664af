package semantic

import "time"

// RecordInfo is a kind of record that has a page of its own.
type RecordInfo struct {
	Name     string `json:"name"` // As in /api/v1/records/{name}/{key}; the front end's list is /{name}.
	Title    string `json:"title"`
	Singular string `json:"singular"`
	Table    string `json:"table"`
	Key      string `json:"key"` // Column.
	// Columns to show in a list, in order; the others are chosen by hand.
	Columns []string `json:"columns"`
	Facets  []string `json:"facets"` // Filter names for the list's rail.
	Sort    string   `json:"sort"`   // Default, such as "-date_submitted".
}

// RecordData is one record in full: GET /api/v1/records/{kind}/{key}.
type RecordData struct {
	Kind       string        `json:"kind"`
	Key        string        `json:"key"`
	Title      string        `json:"title"`
	State      string        `json:"state"`
	Answer     string        `json:"answer"`
	Amount     string        `json:"amount,omitempty"`
	Currency   string        `json:"currency,omitempty"`
	Facts      []Fact        `json:"facts"`
	Timeline   []Event       `json:"timeline"`
	Undated    []string      `json:"undated"` // Steps without a date.
	Sum        *SumCheck     `json:"sum,omitempty"`
	Related    []Related     `json:"related"`
	Checks     []RecordCheck `json:"checks"`
	Provenance Provenance    `json:"provenance"`
	Row        []Fact        `json:"row"` // Every column of the row.
}

// Fact is one named value.
type Fact struct {
	Label  string `json:"label"`
	Value  any    `json:"value"`
	Format string `json:"format"`
	Basis  string `json:"basis,omitempty"` // How a repaired value came to be.
	Link   string `json:"link,omitempty"`
	Help   string `json:"help,omitempty"`
}

// Event is one time on a record's line.
type Event struct {
	Label string    `json:"label"`
	At    time.Time `json:"at"` // UTC.
	Day   string    `json:"day"`
	Basis string    `json:"basis"`    // "column", "proxy", "imputed", "binlog" or "snapshot".
	Gap   *float64  `json:"gap_days"` // Days since the event before; null for the first.
	Help  string    `json:"help,omitempty"`
}

// SumCheck sets a record's amount beside the sum of its lines.
type SumCheck struct {
	Text       string `json:"text"`
	Amount     string `json:"amount"`
	Lines      string `json:"lines"`
	Difference string `json:"difference"`
	Currency   string `json:"currency"`
	Equal      bool   `json:"equal"`
}

// Related are rows that belong to a record.
type Related struct {
	Title   string   `json:"title"`
	Table   string   `json:"table"`
	Columns []Column `json:"columns"`
	Rows    [][]any  `json:"rows"`
	Total   int64    `json:"total"`
	Link    string   `json:"link"`
	Parent  string   `json:"parent,omitempty"` // Column that names the row of the list above it, to draw a tree.
}

// RecordCheck is a check over the record's tables.
type RecordCheck struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Table  string `json:"table"`
	Column string `json:"column"`
	Text   string `json:"text"`
	Link   string `json:"link"`
}

// Provenance says where a record came from and what cleaning did to it.
type Provenance struct {
	Source  string   `json:"source"` // Table of the source.
	Key     string   `json:"key"`
	Run     int64    `json:"run"` // That published the version.
	Version int64    `json:"version"`
	RunLink string   `json:"run_link"`
	Changed []Change `json:"changed"`
}

// Change is one value that cleaning set.
type Change struct {
	Column string `json:"column"`
	Before any    `json:"before"` // The source's word, where it is kept.
	After  any    `json:"after"`
	Basis  string `json:"basis"`
}
