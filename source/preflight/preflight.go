// Package preflight looks at a source before a run touches anything. Every check stands in a file of its own, all of them run,
// in the order of their names, and each reports what it found and what to do. It asks the source through the small Target that
// package source hands it, and changes nothing there.
package preflight

import (
	"cmp"
	"context"
	"slices"

	"lifeline/change"
)

// Status is what a check found.
type Status string

// The statuses. A run goes on after a warning, and stops at a failure.
const (
	OK      Status = "ok"
	Warn    Status = "warn"
	Fail    Status = "fail"
	Skipped Status = "skipped" // The check could not be made, since one before it failed or the source has no such thing.
)

// Result is the finding of one check.
type Result struct {
	Name   string
	Status Status
	What   string       // What was found, a sentence without its full stop.
	Try    string       // One thing to do; empty when all is well.
	Class  change.Class // The exit class of a run that stops here; 0 unless Status is Fail.
}

// Target is a source as the checks see it.
type Target struct {
	// Rows by lower-cased column names, nulls left out; nil for a folder.
	Query func(ctx context.Context, text string) ([]map[string]string, error)
	// Why changes cannot be read from the log, and what to do about it; empty where they can. nil where there is no log to ask for.
	Log      func(ctx context.Context) (why, try string, err error)
	Address  string // Without secrets.
	User     string
	Database string
	MariaDB  bool
	Version  string
	Number   int    // The version as 80036.
	TimeZone string // As the project declares it.
	Weak     bool   // A view that is not consistent is allowed.
	Tables   []Table
	Trouble  error // Why the tables could not be looked at.
}

// Table is a wanted table.
type Table struct {
	Name       string // As the source writes it.
	Found      bool
	Trouble    *Result // What is wrong with the table's file beside its columns; nil when nothing is.
	Engine     string  // Empty for a file.
	Consistent bool    // Whether the engine keeps a consistent view.
	Key        []string
	Columns    []Column // As they are.
	Contract   []Column // As they were agreed; empty means no contract.
	ByName     bool     // Columns are found by their names, wherever they stand.
	Told       []string // What people should know about its shape.
}

// Column is a column by name and declared type; the type may be empty.
type Column struct{ Name, Type string }

// check is one question to a source.
type check struct {
	name   string
	folder bool // Whether it also makes sense for a folder of files.
	run    func(context.Context, *Target) Result
}

// Run makes all checks, in the order of their names.
func Run(ctx context.Context, t *Target) []Result {
	checks := []check{
		{"binlog", false, binlog},
		{"columns", false, columns},
		{"contract", true, contract},
		{"reachable", true, reachable},
		{"replica", false, replica},
		{"retention", false, retention},
		{"rights", false, rights},
		{"sql_mode", false, sqlMode},
		{"tables", true, tables},
		{"time_zone", true, timeZone},
		{"version", false, version},
	}
	slices.SortFunc(checks, func(a, b check) int { return cmp.Compare(a.name, b.name) })
	out := make([]Result, 0, len(checks))
	for _, c := range checks {
		r := Result{Status: Skipped, What: "a folder of files has none"}
		if c.folder || t.Query != nil {
			r = c.run(ctx, t)
		}
		r.Name = c.name
		if r.Status == Fail && r.Class == 0 {
			r.Class = change.ClassError
		}
		out = append(out, r)
	}
	return out
}

// ask returns the first row, or a result that says why there is none.
func (t *Target) ask(ctx context.Context, text string) (map[string]string, *Result) {
	rows, err := t.Query(ctx, text)
	if err != nil {
		return nil, &Result{Status: Skipped, What: "the source did not answer: " + err.Error()}
	}
	if len(rows) == 0 {
		return map[string]string{}, nil
	}
	return rows[0], nil
}
