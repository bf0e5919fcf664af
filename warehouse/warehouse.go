package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"lifeline/change"
)

// Options say where the warehouse is and how much it may use.
type Options struct {
	DSN          string       // "duckdb:PATH" or "postgres://…".
	MemoryLimit  string       // For building on DuckDB, such as "4GB"; empty leaves it to the engine.
	Threads      int          // For DuckDB; 0 means all cores.
	KeepVersions int          // Published versions to keep, the newest included; 0 means 2.
	EngineSQL    bool         // DuckDB divides and orders by its own defaults, not as PostgreSQL does.
	FileMode     os.FileMode  // Of the file that DuckDB publishes; 0 means 0444, which every client can read.
	Logger       *slog.Logger // nil means silence.
}

// Warehouse is one engine at one address. All methods are safe for concurrent use.
type Warehouse interface {
	// Engine names the engine: "duckdb" or "postgres".
	Engine() string
	// Check refuses, with a problem that names the place, tables that cannot land and models that cannot be built under their names, and
	// what is in their way that no run has made. It touches nothing.
	Check(ctx context.Context, tables []*change.Table, models []Model) error
	// Examine looks for what would stop a run, such as missing rights, and touches nothing. The notes are what
	// people should know besides.
	Examine(ctx context.Context) (notes []string, err error)
	// Begin takes the warehouse for one run, creates what is missing in it, brings ops to the newest schema and clears what a
	// killed run left behind. Another run holding it gives a *HeldError after wait.
	Begin(ctx context.Context, who Holder, wait time.Duration) (Run, error)
	// Published opens the published version (core, analytics) read-only; ErrNothingPublished before the first.
	Published(ctx context.Context) (*Reader, error)
	// OpenOps opens ops and quarantine read-only, as the last finished run left them; ErrNothingPublished before the first run.
	OpenOps(ctx context.Context) (*Reader, error)
	// OpenStaging opens staging and history read-only, for a short look; ErrNothingPublished before the first run. On DuckDB they are in a
	// file that a run has for itself: while one runs it gives a *HeldError, and a run that begins waits for the reader to close.
	OpenStaging(ctx context.Context) (*Reader, error)
	// Backup writes one consistent state of the warehouse into dir, which must not exist: staging, history, ops, quarantine and the kept
	// versions. It holds the warehouse like a run, and readers go on. program is the version of the program that makes it.
	Backup(ctx context.Context, dir, program string, wait time.Duration) (Backup, error)
	// Restore makes the warehouse what the back-up in dir holds. There must be none yet: nothing is ever written over.
	Restore(ctx context.Context, dir string) (Backup, error)
	Close() error
}

// Run is the one writer's hold on a warehouse, from Begin to Close.
type Run interface {
	// ID is this run's number, the next after the newest in ops.runs; Begin has inserted its row with status "running".
	ID() int64
	// Notices are what Begin found that people should know, such as files that were taken away.
	Notices() []string
	// DB runs SQL over staging, history, ops and quarantine by these schema names.
	DB() *sql.DB
	// Load begins to land one snapshot of the given tables; the tables' staging is unchanged until its Commit.
	Load(ctx context.Context, tables []*change.Table, at change.Snapshot) (Load, error)
	// Changes begins to land what a source's log tells of the given tables, which have landed before; their staging is unchanged until its
	// Commit.
	Changes(ctx context.Context, tables []*change.LoggedTable) (Changes, error)
	// InvalidateDigest makes the next load compare these tables row by row, whatever is remembered of them.
	InvalidateDigest(ctx context.Context, tables []string) error
	// Build begins a new version beside the published one.
	Build(ctx context.Context) (Build, error)
	// Versions are those kept, newest first.
	Versions(ctx context.Context) ([]Version, error)
	// Rollback publishes the kept version before the published one, all tables at once, and returns it.
	Rollback(ctx context.Context) (Version, error)
	// Close lets go of the warehouse. On DuckDB it first puts a fresh copy of ops and quarantine where readers find it.
	Close(ctx context.Context) error
}

// Load lands one snapshot. Its writers may be used by several goroutines at once, each writer by one.
type Load interface {
	// Writer opens a stream of batches into one table.
	Writer(ctx context.Context, t *change.Table) (change.Writer, error)
	// Narrow says, before Commit, that the rows written to some tables stand for those of a scope alone; the others of staging stay as they
	// are. A table without a scope is written whole. The checksums are kept for the next load; none are kept of tables without.
	Narrow(scopes []change.Scope, sums []change.Checksums)
	// With sets, before Commit, what is kept beside the rows and who may refuse them.
	With(c Conditions)
	// Commit brings staging to exactly the rows written, appends every superseded row to history and stores the position and what the
	// source held, all in one transaction (promise 5). Tables whose rows are as before are left as they are.
	Commit(ctx context.Context, totals []LandedTotals) ([]Landed, error)
	// Abort drops what was written. After Commit it does nothing.
	Abort(ctx context.Context) error
}

// Landed counts what a load did to one table, in rows.
type Landed struct {
	Table    string
	Read     int64 // Rows written to the load.
	Rows     int64 // Rows in staging now.
	Inserted int64
	Updated  int64
	Deleted  int64
}

// Changed tells whether staging is other than before.
func (l Landed) Changed() bool { return l.Inserted+l.Updated+l.Deleted > 0 }

func anyChanged(landed []Landed) bool { return slices.ContainsFunc(landed, Landed.Changed) }

// Build makes one version. Nothing of it is seen by readers before Publish.
type Build interface {
	// Version is the number that this version gets.
	Version() int64
	// DB runs SQL over staging and, by Relation's names, over the version.
	DB() *sql.DB
	// CheckDB runs the project's tests: where the engine lets a select write, here it cannot.
	CheckDB() *sql.DB
	// Partial tells that tables may be carried over, and rebuilt for some keys only.
	Partial() bool
	// Inherit begins from the published version as it is, before anything is made: a table that is then carried costs nothing, and one
	// whose rows are replaced in part costs those rows. Where the engine has no cheap way to do that, nothing happens.
	Inherit(ctx context.Context) error
	// Relation names a table or view of this version for SQL. Schema "build" holds working tables that Publish drops.
	Relation(schema, name string) string
	// Previous names the same relation in the published version, if it is there.
	Previous(ctx context.Context, schema, name string) (relation string, ok bool, err error)
	// Create materializes one model and returns its rows (0 for a view).
	Create(ctx context.Context, m Model) (rows int64, err error)
	// Seed creates a table from typed text rows; nil cells are null.
	Seed(ctx context.Context, schema, name string, columns []SeedColumn, rows [][]*string) error
	// Index adds the declared indexes of a table, once its rows are final; a no-op where the engine has no use for them.
	Index(ctx context.Context, m Model) error
	// Built says that models and tests have run: ops and quarantine may be written again, which was kept from them.
	Built(ctx context.Context) error
	// Parallel is how many models are worth building at once.
	Parallel() int
	// Publish makes every table of the version visible in one step (promise 2), keeps the last versions and drops older ones.
	Publish(ctx context.Context, p Publication) error
	// Discard drops the version. After Publish it does nothing.
	Discard(ctx context.Context) error
}

// Model is what Create needs to know of a model.
type Model struct {
	Schema    string
	Name      string
	SQL       string // One select, compiled.
	View      bool
	Indexes   []Index
	UniqueKey []string // With Carry: the rows of SQL replace those of equal key; without a key they are appended.
	Key       string   // The column by which a cluster spreads its rows; empty where none is known.
	Candidate bool     // An entity whose rows are final only when Index is called.
	Carry     bool     // Begin from the published version's rows; an empty SQL then only carries them over.
	// Replaces, with Carry, is a condition over the published rows, called p: those for which it is true go, and those of SQL come.
	Replaces string
	Rows     int64 // With Carry and no SQL: how many rows the published version has, where that is known; 0 counts them.
}

// Index is a declared index.
type Index struct {
	Columns []string
	Unique  bool
}

// SeedColumn is a column of a seed; Type is its SQL type, one that both engines know.
type SeedColumn struct {
	Name string
	Type string
}

// Publication is what is recorded with a version.
type Publication struct {
	Run     int64
	AsOf    time.Time // The instant that the windows end at, UTC.
	Project string    // A hash of the project's models and settings.
	Note    string
}

// Version is one published version.
type Version struct {
	ID          int64
	Run         int64
	PublishedAt time.Time // UTC.
	AsOf        time.Time // UTC.
	Current     bool
}

// Reader is a read-only view on one version or on the books.
type Reader struct {
	DB      *sql.DB
	Version int64 // 0 for the books.
	duck    bool
	cluster bool // A Citus coordinator.
	close   func() error
}

// Close frees the reader.
func (r *Reader) Close() error { return r.close() }

// Killed is the error in ops.runs of a run that ended without a word; the next run writes it.
const Killed = "killed"

// Holder says who has or wants the warehouse.
type Holder struct {
	Command string    `json:"command"`
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"`
	Run     int64     `json:"run"`
}

// HeldError is returned by Begin when another run holds the warehouse.
type HeldError struct{ By Holder }

func (e *HeldError) Error() string {
	return fmt.Sprintf("the warehouse is held by run %d (%s, pid %d on %s, since %s)",
		e.By.Run, e.By.Command, e.By.PID, e.By.Host, e.By.Since.UTC().Format("2006-01-02 15:04:05Z"))
}

// ErrNothingPublished is returned to readers before the first publication.
var ErrNothingPublished = errors.New("nothing is published yet")
