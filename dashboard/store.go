package dashboard

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"lifeline/semantic"
	"lifeline/warehouse"
)

// servedVersion is what one request reads: a version and the books, each whole. It lives until its last request has ended.
type servedVersion struct {
	*semantic.Version // nil before the first publication.

	books *warehouse.Reader // nil before the first run.
	etag  string
	cache *cache
	kept  sync.Map // What the books say, by question.

	refs int // Guarded by store.mu.
}

// snapshotID names the version, such as v12; "none" before the first publication.
func (e *servedVersion) snapshotID() string {
	if e.Version == nil {
		return "none"
	}
	return e.ID
}

// booksDB is where ops and quarantine are read; nil before the first run.
func (e *servedVersion) booksDB() *sql.DB {
	if e.books == nil {
		return nil
	}
	return e.books.DB
}

// store follows the published version: requests in flight keep theirs, new ones get the newest.
type store struct {
	wh      warehouse.Warehouse
	def     *semantic.Definition
	options Options
	log     *slog.Logger
	sql     *semantic.Queue // Of people's statements, over all versions.

	mu      sync.Mutex
	current *servedVersion
	shown   map[*semantic.Version]int // How many editions show a version.
	print   string                    // Of the state that current shows.
	failing string                    // The last error of following, to tell it once.
	since   time.Time
	told    func(e *servedVersion) // Called after each switch of the version.
}

func (s *store) acquire() *servedVersion {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.refs++
	return s.current
}

func (s *store) release(e *servedVersion) {
	s.mu.Lock()
	e.refs--
	last := e.refs == 0
	s.mu.Unlock()
	if last {
		s.closeEdition(e)
	}
}

// closeEdition lets go of the books, and of the version where no other edition shows it: an export may still read it there.
func (s *store) closeEdition(e *servedVersion) {
	var err error
	if e.books != nil {
		err = e.books.Close()
	}
	if e.Version != nil {
		s.mu.Lock()
		s.shown[e.Version]--
		last := s.shown[e.Version] == 0
		if last {
			delete(s.shown, e.Version)
		}
		s.mu.Unlock()
		if last {
			err = errors.Join(err, e.Version.Close())
		}
	}
	if err != nil {
		s.log.Warn("close an old version", "error", err)
	}
}

// open loads the first edition.
func (s *store) open(ctx context.Context) error {
	print, err := s.fingerprint(ctx)
	if err != nil {
		return err
	}
	e, err := s.load(ctx, nil)
	if err != nil {
		return err
	}
	e.refs = 1 // The store's own.
	s.current, s.print = e, print
	return nil
}

// follow looks for something new until the context ends.
func (s *store) follow(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := s.look(ctx)
		text := ""
		if err != nil && ctx.Err() == nil {
			text = err.Error()
		}
		if text != "" && text != s.failing {
			s.log.Error("look for a new version; the one before stays served", "error", err)
		}
		s.mu.Lock()
		s.failing = text
		s.mu.Unlock()
	}
}

// look switches to a new edition where there is one.
func (s *store) look(ctx context.Context) error {
	print, err := s.fingerprint(ctx)
	if err != nil || print == s.print {
		return err
	}
	old := s.current
	next, err := s.load(ctx, old)
	if errors.Is(err, semantic.ErrNotYet) {
		return nil
	}
	if err != nil {
		return err
	}
	next.refs = 1
	s.mu.Lock()
	switched := next.Version != old.Version
	s.current, s.print = next, print
	s.mu.Unlock()
	s.release(old)
	if s.told != nil && (switched || next.etag != old.etag) {
		s.told(next)
	}
	return nil
}

// load opens the newest version and books. A version whose run has not closed its books is waited for, so that the account of rows on
// a page is that of its own version; a killed run must not hold readers for ever.
func (s *store) load(ctx context.Context, old *servedVersion) (*servedVersion, error) {
	e := &servedVersion{cache: newCache(s.options.CacheBytes)}
	e.cache.hold = func() func() {
		s.retain(e)
		return func() { s.release(e) }
	}
	var err error
	done := false
	defer func() {
		if !done {
			s.closeEdition(e)
		}
	}()
	if e.books, err = s.wh.OpenOps(ctx); errors.Is(err, warehouse.ErrNothingPublished) {
		e.books = nil
	} else if err != nil {
		return nil, fmt.Errorf("open the books: %w", err)
	}
	r, err := s.wh.Published(ctx)
	if err != nil && !errors.Is(err, warehouse.ErrNothingPublished) {
		return nil, fmt.Errorf("open the published version: %w", err)
	}
	if err == nil {
		if old != nil && old.Version != nil && old.Number == r.Version {
			_ = r.Close()
			s.mu.Lock()
			e.Version = old.Version
			s.shown[e.Version]++
			s.mu.Unlock()
		} else if e.Version, err = s.newSnapshot(ctx, r, e.booksDB(), old != nil); err != nil {
			return nil, err
		}
	}
	e.etag = "none"
	if e.Version != nil {
		e.etag = fmt.Sprintf("v%d-%d", e.Number, e.PublishedAt.Unix())
	}
	if e.books != nil {
		var runs int64
		var state sql.NullString
		err := e.books.DB.QueryRowContext(ctx, `
select count(*), string_agg(cast(run_id as varchar) || status, ',' order by run_id desc)
from (select run_id, status from ops.runs order by run_id desc limit 3) as r`).Scan(&runs, &state)
		if err != nil {
			return nil, fmt.Errorf("read the newest runs: %w", err)
		}
		e.etag += "-" + strings.ReplaceAll(state.String, ",", ".")
	}
	done = true
	return e, nil
}

func (s *store) newSnapshot(ctx context.Context, r *warehouse.Reader, books *sql.DB, following bool) (*semantic.Version, error) {
	known := false
	if books != nil {
		_, err := warehouse.PublishedVersion(ctx, books, r.Version)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, errors.Join(err, r.Close())
		}
		known = err == nil
	}
	if !known && following {
		if s.since.IsZero() {
			s.since = time.Now()
		}
		if time.Since(s.since) < s.options.Patience {
			return nil, errors.Join(semantic.ErrNotYet, r.Close())
		}
	}
	s.since = time.Time{}
	o := semantic.Options{
		Definition: s.def, Project: s.options.Project, DSN: s.options.DSN, SQL: s.options.SQL, SQLQueue: s.sql,
		Reader:      func(ctx context.Context) (string, error) { return warehouse.ReaderAddress(ctx, s.wh, s.options.DSN) },
		Connections: s.options.Connections,
	}
	v, err := semantic.Open(ctx, r, o)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.shown[v]++
	s.mu.Unlock()
	return v, nil
}

// fingerprint changes whenever a new version or new books can be read. It costs next to nothing.
func (s *store) fingerprint(ctx context.Context) (string, error) {
	if path, is := strings.CutPrefix(s.options.DSN, "duckdb:"); is {
		var b strings.Builder
		for _, file := range []string{path, path + ".lifeline/ops.duckdb"} {
			info, err := os.Stat(file)
			if errors.Is(err, os.ErrNotExist) {
				b.WriteString("none;")
				continue
			}
			if err != nil {
				return "", fmt.Errorf("look at the warehouse: %w", err)
			}
			fmt.Fprintf(&b, "%d/%d/%d;", info.Size(), info.ModTime().UnixNano(), inode(info))
		}
		return b.String(), nil
	}
	s.mu.Lock()
	e := s.current
	s.mu.Unlock()
	db := (*sql.DB)(nil)
	if e != nil {
		db = e.booksDB()
	}
	if db == nil {
		r, err := s.wh.OpenOps(ctx)
		if errors.Is(err, warehouse.ErrNothingPublished) {
			return "none", nil
		}
		if err != nil {
			return "", fmt.Errorf("look at the warehouse: %w", err)
		}
		defer func() { _ = r.Close() }()
		db = r.DB
	}
	var print sql.NullString
	err := db.QueryRowContext(ctx, `
select (select string_agg(cast(version as varchar) || ' ' || cast(published_at as varchar), ',') from ops.versions where state =
    'published')
	|| ';' || (select string_agg(cast(run_id as varchar) || status, ',' order by run_id desc)
        from (select run_id, status from ops.runs order by run_id desc limit 3) as r)`).Scan(&print)
	if err != nil {
		return "", fmt.Errorf("look at the warehouse: %w", err)
	}
	return print.String, nil
}

// inode tells two files apart that have size and time in common; 0 where the system has none.
func inode(info os.FileInfo) uint64 {
	if stat, is := info.Sys().(*syscall.Stat_t); is {
		return stat.Ino
	}
	return 0
}

// retain holds an edition that the caller holds already for longer than the caller does.
func (s *store) retain(e *servedVersion) {
	s.mu.Lock()
	e.refs++
	s.mu.Unlock()
}

// close ends the store's own hold.
func (s *store) close() {
	s.mu.Lock()
	e := s.current
	s.mu.Unlock()
	if e != nil {
		s.release(e)
	}
}
