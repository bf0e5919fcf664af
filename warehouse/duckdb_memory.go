package warehouse

import (
	"context"
	"fmt"
	"strings"

	"lifeline/change"
)

const mebibyte = 1 << 20

// landingMemory is what the engine may use while rows stream in: a few row groups for each writer, at every scale. Each long value on
// its way is held several times, by the writer's transaction, by its column and by the log.
const (
	landingMemory    = 256 * mebibyte
	landingLongTexts = 64 * mebibyte // More for each writer that has met long rows.
	landingCopies    = 8             // Of the largest batch.
	// At least, once a row was long: the engine writes its log back whenever it has grown, on whoever's commit that is, and what it needs for
	// that grows with the values, not with the writers.
	landingLong = 2048 * mebibyte
)

// comparingMemory is what it may use while new rows of so many tables are compared with old ones: less, because more of what it then
// holds is outside of what it counts. A comparison of many changes spills to disk; what one transaction holds of each table, staging,
// history and what lies between, about 2 MB, does not.
func comparingMemory(tables int) int64 { return int64(200+4*tables) * mebibyte }

// duckLimits are what the engine may use.
type duckLimits struct {
	memory  int64  // Bytes; 0 is the ceiling, and above the ceiling is the ceiling.
	threads int    // 0 is what the options ask for.
	without string // Ways to compress that are not to be tried.
}

// duckCeiling is the most that a run may use: what the options ask for or, where they do not, what the engine took for itself when it
// was opened.
type duckCeiling struct {
	memory  int64
	threads int
}

// measureCeiling sets the options' limits and remembers what holds. Limits are always set by value after this: a reset changes only
// what the engine shows (as of DuckDB 1.5.6), and a build would go on in what a landing was given.
func (r *duckRun) measureCeiling(ctx context.Context) error {
	var memory string
	err := r.db.QueryRowContext(ctx, `
select current_setting('memory_limit'), current_setting('threads')`).Scan(&memory, &r.ceiling.threads)
	if err == nil {
		r.ceiling.memory, err = memoryBytes(memory)
	}
	if err != nil {
		return duckProblem("read the engine's limits", err)
	}
	if r.MemoryLimit != "" {
		if r.ceiling.memory, err = memoryBytes(r.MemoryLimit); err != nil {
			return err
		}
	}
	if r.Threads > 0 {
		r.ceiling.threads = r.Threads
	}
	return r.allow(ctx, duckLimits{})
}

// smallStaging is up to how many rows of staging one thread builds for less processor time than several: these mostly wait for each other.
// A build in which most rows stay has several hundred small statements instead of a few large ones.
const (
	smallStaging     = 100_000
	smallStagingKept = 2_000_000
)

// fitThreads gives a build of few rows one thread, where the options do not ask for a number.
func (r *duckRun) fitThreads(ctx context.Context, small int64) error {
	if r.Threads > 0 {
		return nil
	}
	var rows int64
	if err := r.db.QueryRowContext(ctx, `
select cast(coalesce(sum(estimated_size), 0) as bigint)
from duckdb_tables()
where database_name = current_database()
	and schema_name = 'staging'`).Scan(&rows); err != nil {
		return duckProblem("count the rows of staging", err)
	}
	if rows > small {
		return nil
	}
	r.ceiling.threads = 1
	return r.allow(ctx, duckLimits{})
}

// allow sets what the engine may use from now on.
func (r *duckRun) allow(ctx context.Context, l duckLimits) error {
	if l.memory <= 0 || l.memory > r.ceiling.memory {
		l.memory = r.ceiling.memory
	}
	if l.threads <= 0 {
		l.threads = r.ceiling.threads
	}
	r.allowing.Lock()
	defer r.allowing.Unlock()
	if r.allowed == l && r.allowed.threads > 0 {
		return nil
	}
	_, err := r.db.ExecContext(ctx, fmt.Sprintf(`
set global disabled_compression_methods = %s;
set global threads = %d;
set global memory_limit = '%dKiB'`, Literal(l.without), l.threads, max(l.memory/1024, 1)))
	r.allowed = l
	if err != nil {
		r.allowed = duckLimits{} // Nobody knows which of them hold.
		return &change.Problem{
			Err: fmt.Errorf("set warehouse.memory_limit: %w", err), Try: `memory_limit: "4GB"`, Class: change.ClassUsage,
		}
	}
	return nil
}

// IsOutOfMemory tells an error of an engine that could not do its work within the memory that it may use.
func IsOutOfMemory(err error) bool { return isOutOfMemory(err) }

// isOutOfMemory tells an error that more memory, or fewer threads that share it, would have helped.
func isOutOfMemory(err error) bool {
	if err == nil {
		return false
	}
	text := strings.ToLower(err.Error())
	for _, says := range outOfMemory {
		if strings.Contains(text, says) {
			return true
		}
	}
	return false
}

// outOfMemory are the engine's words for it.
var outOfMemory = []string{"out of memory", "failed to pin block", "failed to allocate", "could not allocate"}

// withMemory does work that leaves nothing behind when it fails, within each of the limits until it fits. The run's ceiling holds again
// at the end.
func (r *duckRun) withMemory(ctx context.Context, limits []duckLimits, work func() error) error {
	var err error
	for _, l := range limits {
		if err = r.allow(ctx, l); err != nil {
			return err
		}
		if err = work(); !isOutOfMemory(err) || ctx.Err() != nil {
			break
		}
	}
	if back := r.allow(context.WithoutCancel(ctx), duckLimits{}); err == nil {
		err = back
	}
	return err
}
