// Package preflight looks at a source before a run touches anything. Every check stands in a file of its own, all of them run,
// in the order of their names, and each reports what it found and what to do. It asks the source through the small Server that
// package source hands it, and changes nothing there.
package preflight

import "lifeline/change"

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
