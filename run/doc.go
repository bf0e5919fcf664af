// Package run is the one way through: begin, preflight, land, build, check, publish, record. Every command that changes the warehouse
// is this walk with another first or last step.
//
//	begin ── preflight ── land ── reconcile ── build ── prove ── quarantine ── check ── books ── publish ── finish
//	       │                    │                                                             │
//	       │ nothing landed     │ staging landed, nothing published                           │ the old version, whole, or the new one
//
//	steps in order     what stops it                      what is kept
//	begin              another run (exit code 5)          nothing
//	preflight          a check of the source              the run's row
//	land               a lost connection, five times      staging as before
//	reconcile          source and staging differ          staging, marked to be compared row by row
//	build              a model's SQL                      nothing of the version
//	prove              a key computed again that differs  nothing of the version
//	quarantine         –                                  (a replay that changes nothing ends here)
//	check              a check of severity error          its failing rows, the results
//	books              an equation that does not balance  the equations
//	publish            another publication                the old version
//
// It decides the order and the gate and writes the books of the walk (ops.runs, steps, loads). What a source is, how rows are
// stored, what a model says and what is right stand in source, warehouse, model and quality.
package run
