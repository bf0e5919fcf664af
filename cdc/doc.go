// Package cdc reads MySQL from now on: its binary log. It turns row events into images of rows, decoded as a snapshot's rows are
// (promise 6), and says up to which transaction it has read; whoever lands them stores that position in the same transaction (promise 5).
//
//	server ── events ──► transaction ──► images (what a row was, what it is) ──► change.Writer
//	                         │
//	                         └── position, commit times; or a Stop: why the log cannot tell what comes next
//
// It never guesses: an event that it cannot read exactly (a statement in place of rows, a row image that leaves values out, a table whose
// columns are not those that were described) ends the reading before the event's transaction, and says so. It opens no warehouse, takes
// no snapshot, and decides nothing about what to do then.
package cdc
