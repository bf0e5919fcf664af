// Package warehouse keeps what was read: it lands batches in staging and history, builds a version of core and analytics
// beside the published one, and publishes all of it at once.
//
//	Begin ──► Run, the one writer's hold
//	           │
//	           ├─ Load ── Writer ── Writer … ── Commit      staging ◄ rows, history ◄ what they replaced, position: one transaction
//	           │                                  │
//	           │                                Abort       staging as before
//	           ├─ Build ─ Create, Seed, Index ── Publish    every table of the version, in one step
//	           │                                  │
//	           │                               Discard      the version is gone; the published one never changed
//	           └─ Close                                     ops and quarantine for readers; the next run may begin
//
//	Published, OpenOps, OpenStaging ──► Reader              waits for no run, and no run waits for it
//
// A kill at any moment leaves what the last Commit and the last Publish left; the next Begin clears the rest.
//
// DuckDB and PostgreSQL stand behind one seam, one file a verb and an engine (duckdb_load.go, postgres_load.go). What above it still asks
// for the engine's name: the sandbox of people's SQL, hashes over keys of several columns, dbt's profile (`grep -rn 'Engine()'`). The
// schema files of the two engines are numbered apart, because only DuckDB has a 0003_hash; new ones get the same name on both.
//
// It leaves to others what is read (source), which models there are (model), what is right (quality) and the order of the work (run).
// Names and words are those of docs/architecture.md; the numbered promises are named where they are kept.
package warehouse
