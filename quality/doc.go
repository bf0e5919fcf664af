// Package quality says what may be published: it compiles a project's tests to selects that give the bad rows, quarantines rows whose
// identity, parent or money cannot be trusted, closes the books and counts the repairs.
//
//	staging ──► Identity: one row a key ──► a core model's candidate ──► Evaluate ──► core      (passing rows)
//	                │                                                       │
//	                └─► superseded copies, suspect rows                     └──► quarantine.rows, quarantine.reasons
//	                                                                               ▲
//	                          children of a quarantined row follow it ─────────────┘
//
//	then, over the whole version:   Run (check_*.go) ──► Results ──► block │ flag │ info
//	                                CoreBooks, CountBooks (books_*.go) ──► Unbalanced stops the run
//	at the end, whatever it was:    Write, Record, RecordBooks, RecordRepairs
//
// A predicate decides once where a row goes: what it finds is written down first, and the deletion from core, the quarantine
// and the counts all follow what was written (promise 1). Every failing row is kept by its key, without a cap, and counts are
// exact. SQL is one text for DuckDB and PostgreSQL.
//
// It leaves to others which tests there are (project), how a version is made and thrown away (warehouse), and when to look
// and what to do about the answer (run).
package quality
