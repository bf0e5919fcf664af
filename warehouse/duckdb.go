package warehouse

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"lifeline/change"
)

// duckWarehouse is a warehouse in files on this machine: the published version at its path, everything else in a folder beside.
type duckWarehouse struct {
	Options

	paths duckPaths
}

// duckStep is told of the moments between which a kill matters, for tests that kill at each of them.
var duckStep = func(string) {}

// Engine names the engine.
func (w *duckWarehouse) Engine() string { return "duckdb" }

// Close frees nothing: every reader and every run has its own handle.
func (w *duckWarehouse) Close() error { return nil }

// Published opens the file at the warehouse's path. The reader keeps that very file, so a later publication, which puts another
// in its place, changes nothing for it (promise 2).
func (w *duckWarehouse) Published(ctx context.Context) (*Reader, error) {
	r, v, err := w.identify(ctx)
	if err != nil {
		return nil, err
	}
	r.Version = v.ID
	return r, nil
}

// OpenOps opens the copy of ops and quarantine that the last finished run put in place.
func (w *duckWarehouse) OpenOps(ctx context.Context) (*Reader, error) {
	if _, err := os.Stat(w.paths.ops); errors.Is(err, os.ErrNotExist) {
		return nil, ErrNothingPublished
	}
	return w.attach(ctx, w.paths.ops, "books")
}

// attach opens a database file for reading. It goes into an engine of its own under an alias, because the driver would give
// everyone who opens one path one handle, and this path may by now be another file.
func (w *duckWarehouse) attach(ctx context.Context, path, alias string) (*Reader, error) {
	// The first session attaches and the others find it there; every session must choose it.
	statements := []string{
		fmt.Sprintf("attach if not exists %s as %s (read_only)", Literal(path), alias),
		"use " + alias,
	}
	connector, err := duckdb.NewConnector(":memory:?"+w.settings(), func(e driver.ExecerContext) error {
		for _, s := range statements {
			// Not the caller's context: later sessions are opened after it has ended.
			if _, err := e.ExecContext(context.WithoutCancel(ctx), s, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, duckProblem("open the engine", err)
	}
	db := sql.OpenDB(connector)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(duckProblem("open "+path, err), db.Close())
	}
	return &Reader{DB: db, duck: true, close: db.Close}, nil
}

// sharedSQL are the settings by which one SQL text divides and orders the same on both engines.
const sharedSQL = "integer_division=true&default_null_order=postgres"

// settings are what every session of ours has.
func (w *duckWarehouse) settings() string {
	s := "preserve_insertion_order=true" // DuckDB's own.
	if !w.EngineSQL {
		s = sharedSQL
	}
	if w.Threads > 0 {
		s += fmt.Sprintf("&threads=%d", w.Threads)
	}
	if w.MemoryLimit != "" {
		s += "&memory_limit=" + escapeQuery(w.MemoryLimit)
	}
	return s
}

// identify opens the published file and reads which version it is; ErrNothingPublished where there is no file, and a problem of
// class usage where the file is not a Lifeline warehouse.
func (w *duckWarehouse) identify(ctx context.Context) (*Reader, Version, error) {
	path := w.paths.published
	if err := isDuck(path); err != nil {
		return nil, Version{}, err
	}
	r, err := w.attach(ctx, path, "warehouse")
	if err != nil {
		return nil, Version{}, err
	}
	v := Version{Current: true}
	var asOf sql.NullTime
	err = r.DB.QueryRowContext(ctx, `
select version, run_id, published_at, as_of
from lifeline.version`).Scan(&v.ID, &v.Run, &v.PublishedAt, &asOf)
	if err != nil {
		err = errors.Join(err, r.Close())
		if strings.Contains(err.Error(), "does not exist") {
			return nil, v, notOurs(path)
		}
		return nil, v, duckProblem("read which version "+path+" is", err)
	}
	v.AsOf = asOf.Time
	return r, v, nil
}

// isDuck tells by a file's first bytes whether it can be a version of ours.
func isDuck(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return ErrNothingPublished
	}
	if err != nil {
		return duckProblem("open the published version", err)
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, 12)
	if _, err := io.ReadFull(f, head); err != nil || string(head[8:]) != "DUCK" {
		return notOurs(path)
	}
	return nil
}

func notOurs(path string) error {
	return &change.Problem{
		Err:   fmt.Errorf("%s is there and is not a warehouse of lifeline", path),
		Try:   "another path, or move that file away",
		Class: change.ClassUsage,
	}
}

// Begin takes the warehouse for one run.
func (w *duckWarehouse) Begin(ctx context.Context, who Holder, wait time.Duration) (Run, error) {
	// Before anything is made beside it, a stranger's file is refused.
	if err := isDuck(w.paths.published); err != nil && !errors.Is(err, ErrNothingPublished) {
		return nil, err
	}
	if err := w.paths.make(); err != nil {
		return nil, err
	}
	lock, err := w.paths.hold(ctx, who, wait)
	if err != nil {
		return nil, err
	}
	r := &duckRun{duckWarehouse: w, lock: lock}
	if err := r.begin(ctx, who); err != nil {
		return nil, errors.Join(err, r.release())
	}
	return r, nil
}
