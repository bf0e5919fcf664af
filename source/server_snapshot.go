package source

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeline/change"
)

// serverSnapshot is a set of connections that all see the same point in time.
type serverSnapshot struct {
	server *server
	tables []*serverTable
	conns  []*conn
	info   change.Snapshot
}

// heldAtMost bounds what happens under a lock, so that none is held over a second (promises 4 and 9).
const heldAtMost = 800 * time.Millisecond

// Ways of consistency, as the run record names them.
const (
	wayGlobal = "global read lock"
	wayTables = "lock tables"
	wayOne    = "one connection"
	wayWeak   = "weak: connections that are not at one point in time"
)

// Snapshot makes all connections see one point in time: under a global read lock, else under a read lock of the wanted tables,
// else on one connection alone (promise 4). A lock that is not granted within a second, or a right that is missing, leads to the
// next way, and the log says so.
func (s *server) Snapshot(ctx context.Context) (Snapshot, error) {
	snap, err := s.takeSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	if err := snap.provedAgain(ctx); err != nil {
		return nil, errors.Join(err, snap.Close())
	}
	return snap, nil
}

func (s *server) takeSnapshot(ctx context.Context) (*serverSnapshot, error) {
	tables, err := s.describe(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.allConsistent(ctx, tables); err != nil {
		return nil, err
	}
	lock, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.close() }() // It holds nothing that is needed.
	for _, way := range []struct{ name, lock string }{
		{wayGlobal, "flush tables with read lock"},
		{wayTables, s.lockTables(tables)},
	} {
		if way.lock == "" {
			continue
		}
		if lock.broken != nil {
			if lock, err = s.connect(ctx); err != nil {
				return nil, err
			}
		}
		snap, err := s.underLock(ctx, lock, tables, way.name, way.lock)
		if err == nil {
			return snap, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var next *errUnavailable
		if !errors.As(err, &next) {
			return nil, s.address.explain("take a snapshot by "+way.name, err)
		}
		s.options.Logger.InfoContext(ctx, "no snapshot this way", "way", way.name, "why", next.err)
	}
	if s.options.Weak && s.options.Workers > 1 {
		return s.unlocked(ctx, tables, s.options.Workers, wayWeak)
	}
	return s.unlocked(ctx, tables, 1, wayOne)
}

// errUnavailable says why a way to a consistent view cannot be gone here.
type errUnavailable struct{ err error }

func (e *errUnavailable) Error() string { return e.err.Error() }
func (e *errUnavailable) Unwrap() error { return e.err }

// allConsistent refuses tables whose engine keeps no versions of rows: what is written while they are read would be torn.
func (s *server) allConsistent(ctx context.Context, tables []*serverTable) error {
	if s.options.Weak {
		return nil
	}
	rows, err := s.ask(ctx, "select engine as engine from information_schema.engines where transactions = 'YES'")
	if err != nil {
		return s.address.explain("ask for the engines", err)
	}
	keeps := map[string]bool{}
	for _, r := range rows {
		keeps[strings.ToLower(r["engine"])] = true
	}
	for _, t := range tables {
		if !keeps[strings.ToLower(t.engine)] {
			return &change.Problem{
				Err: fmt.Errorf("table %s is of engine %s, which has no consistent view", t.SourceName, t.engine), Where: t.SourceName, Class: change.ClassBlocked,
				Try: "alter table " + ident(t.SourceName) + " engine = InnoDB, or --weak to read it as it is",
			}
		}
	}
	return nil
}

// lockTables locks the wanted tables only; a write to another table goes on.
func (s *server) lockTables(tables []*serverTable) string {
	if len(tables) == 0 {
		return ""
	}
	parts := make([]string, len(tables))
	for i, t := range tables {
		parts[i] = s.from(t) + " read"
	}
	return "lock tables " + strings.Join(parts, ", ")
}

// underLock opens the connections first, so that the lock is held for two short statements of each only.
func (s *server) underLock(ctx context.Context, lock *conn, tables []*serverTable, way, statement string) (_ *serverSnapshot, err error) {
	snap, err := s.open(ctx, tables, s.options.Workers)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, snap.Close())
		}
	}()
	where, err := s.identity(ctx, lock)
	if err != nil {
		return nil, err
	}
	if err := s.lock(ctx, lock, statement); err != nil {
		return nil, err
	}
	began := time.Now()
	short, cancel := context.WithTimeout(ctx, heldAtMost)
	defer cancel()
	err = snap.begin(short)
	if err == nil {
		err = s.locate(short, lock, &where)
	}
	if err == nil {
		err = snap.clock(short)
	}
	// The lock goes in any case: by the statement, or with its connection.
	if unlock := lock.exec(ctx, "unlock tables"); unlock != nil {
		err = errors.Join(err, unlock, lock.close())
	}
	snap.info.LockTime = time.Since(began)
	if short.Err() != nil && ctx.Err() == nil {
		return nil, &errUnavailable{fmt.Errorf("the views were not made within %v", heldAtMost)}
	}
	if err != nil {
		return nil, err
	}
	snap.info.Way = way
	return snap, snap.place(where)
}

// lock asks for a lock a few times. Waiting is bounded by the session's lock_wait_timeout of one second, since a waiting lock
// makes writers wait too; between the attempts they go on.
func (s *server) lock(ctx context.Context, lock *conn, statement string) error {
	pause := time.Second
	for try := 1; ; try++ {
		err := lock.exec(ctx, statement)
		switch serverCode(err) {
		case codeRightMissing, codeAccessDenied, codeDatabaseDenied, codeTableDenied:
			return &errUnavailable{err}
		case codeLockTimeout:
			if try == 3 {
				return &errUnavailable{err}
			}
		default:
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// unlocked takes views without a lock: one connection sees one point in time by itself, several do not.
func (s *server) unlocked(ctx context.Context, tables []*serverTable, conns int, way string) (_ *serverSnapshot, err error) {
	snap, err := s.open(ctx, tables, conns)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = s.address.explain("take a snapshot by "+way, errors.Join(err, snap.Close()))
		}
	}()
	where, err := s.identity(ctx, snap.conns[0])
	if err != nil {
		return nil, err
	}
	if err := snap.begin(ctx); err != nil {
		return nil, err
	}
	if err := snap.clock(ctx); err != nil {
		return nil, err
	}
	if conns == 1 {
		if err := s.locateInView(ctx, snap.conns[0], &where); err != nil {
			return nil, err
		}
	}
	snap.info.Way = way
	return snap, snap.place(where)
}

func (s *server) open(ctx context.Context, tables []*serverTable, n int) (*serverSnapshot, error) {
	snap := &serverSnapshot{server: s, tables: tables}
	for range n {
		c, err := s.connect(ctx)
		if err != nil {
			return nil, errors.Join(err, snap.Close())
		}
		snap.conns = append(snap.conns, c)
	}
	return snap, nil
}

// begin makes every connection's view.
func (n *serverSnapshot) begin(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range n.conns {
		group.Go(func() error { return c.exec(ctx, "start transaction with consistent snapshot, read only") })
	}
	return group.Wait()
}

// clock asks for the time of the point, by the source's clock.
func (n *serverSnapshot) clock(ctx context.Context) error {
	rows, err := n.conns[0].query(ctx, "select utc_timestamp(6) as now")
	if err != nil {
		return err
	}
	us, ok := change.ParseTimestamp([]byte(rows[0]["now"]))
	if !ok {
		return fmt.Errorf("the source's time %q: %w", rows[0]["now"], errMalformed)
	}
	n.info.TakenAt = time.UnixMicro(us).UTC()
	return nil
}

func (n *serverSnapshot) place(where position) (err error) {
	if where.File == "" {
		where.Serial = n.info.TakenAt.Format(time.RFC3339Nano)
	}
	n.info.Position, err = where.encode()
	return err
}

// Info says what was taken and how.
func (n *serverSnapshot) Info() change.Snapshot { return n.info }

// Close ends the views.
func (n *serverSnapshot) Close() error {
	for _, c := range n.conns {
		_ = c.close() // A view that is read, or lost, has nothing left to lose.
	}
	n.conns = nil
	return nil
}
