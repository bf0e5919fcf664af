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

	"lifeline/warehouse"
)

// edition is what one request reads: a version and the books, each whole. It lives until its last request has ended.
type edition struct {
	*snapshot // nil before the first publication.

	books *warehouse.Reader // nil before the first run.
	etag  string
	cache *cache
	kept  sync.Map // What the books say, by question.

	refs int // Guarded by store.mu.
}

// booksDB is where ops and quarantine are read; nil before the first run.
func (e *edition) booksDB() *sql.DB {
	if e.books == nil {
		return nil
	}
	return e.books.DB
}

// store follows the published version: requests in flight keep theirs, new ones get the newest.
type store struct {
	wh      warehouse.Warehouse
	def     *Definition
	options Options
	log     *slog.Logger

	mu      sync.Mutex
	current *edition
	print   string // Of the state that current shows.
	failing string // The last error of following, to tell it once.
	since   time.Time
	told    func(e *edition) // Called after each switch of the version.
}

func (s *store) acquire() *edition {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.refs++
	return s.current
}

func (s *store) release(e *edition) {
	s.mu.Lock()
	e.refs--
	last := e.refs == 0
	s.mu.Unlock()
	if last {
		s.closeEdition(e)
	}
}

// closeEdition lets go of the books, and of the version where no other edition shows it: an export may still read it there.
func (s *store) closeEdition(e *edition) {
	var err error
	if e.books != nil {
		err = e.books.Close()
	}
	if e.snapshot != nil {
		s.mu.Lock()
		e.snapshot.editions--
		last := e.snapshot.editions == 0
		s.mu.Unlock()
		if last {
			err = errors.Join(err, e.snapshot.close())
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
	if errors.Is(err, errNotYet) {
		return nil
	}
	if err != nil {
		return err
	}
	next.refs = 1
	s.mu.Lock()
	switched := next.snapshot != old.snapshot
	s.current, s.print = next, print
	s.mu.Unlock()
	s.release(old)
	if s.told != nil && (switched || next.etag != old.etag) {
		s.told(next)
	}
	return nil
}

// errNotYet says that the books of a new version are still to come.
var errNotYet = errors.New("the books of the new version are not there yet")

// load opens the newest version and books. A version whose run has not closed its books is waited for, so that the account of rows on
// a page is that of its own version; a killed run must not hold readers for ever.
func (s *store) load(ctx context.Context, old *edition) (*edition, error) {
	e := &edition{cache: newCache(s.options.CacheBytes)}
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
		if old != nil && old.snapshot != nil && old.version == r.Version {
			_ = r.Close()
			s.mu.Lock()
			e.snapshot = old.snapshot
			e.snapshot.editions++
			s.mu.Unlock()
		} else if e.snapshot, err = s.newSnapshot(ctx, r, e.booksDB(), old != nil); err != nil {
			return nil, err
		}
	}
	e.etag = "none"
	if e.snapshot != nil {
		e.etag = fmt.Sprintf("v%d-%d", e.version, e.at.Unix())
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

func (s *store) newSnapshot(ctx context.Context, r *warehouse.Reader, books *sql.DB, following bool) (*snapshot, error) {
	snap := &snapshot{
		def: s.def, version: r.Version, id: fmt.Sprintf("v%d", r.Version), engine: s.wh.Engine(), reader: r, db: r.DB, editions: 1,
		calendar: s.options.calendar, sandbox: &sandbox{},
	}
	ok := false
	defer func() {
		if !ok {
			_ = snap.close()
		}
	}()
	known := false
	if books != nil {
		var published, asOf sql.NullTime
		err := books.QueryRowContext(ctx, `
select run_id, published_at, as_of
from ops.versions
where version = $1`, r.Version).Scan(&snap.run, &published, &asOf)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("read ops.versions: %w", err)
		}
		known = err == nil
		snap.at, snap.asOf = published.Time.UTC(), asOf.Time.UTC()
	}
	if !known && following {
		if s.since.IsZero() {
			s.since = time.Now()
		}
		if time.Since(s.since) < s.options.Patience {
			return nil, errNotYet
		}
	}
	s.since = time.Time{}
	if s.wh.Engine() == "duckdb" && !known {
		var asOf sql.NullTime
		if err := r.DB.QueryRowContext(ctx, `select run_id, published_at, as_of from lifeline.version`).Scan(&snap.run, &snap.at, &asOf); err != nil {
			return nil, fmt.Errorf("read which version this is: %w", err)
		}
		snap.asOf = asOf.Time.UTC()
	}
	if snap.asOf.IsZero() {
		snap.asOf = snap.at
	}
	r.DB.SetMaxOpenConns(s.options.Connections)
	r.DB.SetMaxIdleConns(s.options.Connections)
	if err := snap.load(ctx); err != nil {
		return nil, err
	}
	if snap.engine == "duckdb" {
		// Pages bring many small queries at once: each runs best on the thread that asks, instead of sharing out crumbs. Up to 2^18
		// groups, such as all products, are told apart by their place and not by hashing, which halves the time of such a card.
		if _, err := r.DB.ExecContext(ctx, "set threads = 1; set perfect_ht_threshold = 18"); err != nil {
			return nil, fmt.Errorf("settle how the engine answers pages: %w", err)
		}
	}
	if err := snap.sandbox.open(ctx, snap, s.options); err != nil {
		return nil, err
	}
	ok = true
	return snap, nil
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
select (select string_agg(cast(version as varchar) || ' ' || cast(published_at as varchar), ',') from ops.versions where state = 'published')
	|| ';' || (select string_agg(cast(run_id as varchar) || status, ',' order by run_id desc) from (select run_id, status from ops.runs order by run_id desc limit 3) as r)`).Scan(&print)
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
func (s *store) retain(e *edition) {
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
