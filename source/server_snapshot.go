package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
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

	mu      sync.Mutex
	chunks  map[*serverTable][]*keyRange // What Read has read; Totals adds up the same ranges.
	touched map[*serverTable]bool        // What a statement of the view has read from.

	sums    map[*serverTable][]change.Chunk // The checksums that the server made,
	fresh   map[*serverTable][]change.Chunk // and those of what was read.
	before  map[*serverTable]*change.Checksums
	kept    map[*serverTable]change.Totals // Of tables that are as they were.
	refused map[*serverTable]bool          // The server does not make their sums.

	identities []identity // Of the tables, in their order.

	stop func() // Ends the keeper.
}

// Ways of consistency, as the run record names them.
const (
	wayLog    = "equal log positions"
	wayIDs    = "equal transaction ids"
	wayTables = "lock tables"
	wayOne    = "one connection"
	wayWeak   = "weak: connections that are not at one point in time"
)

// way is one way to let several connections see one point in time.
type way struct {
	name string
	take func(context.Context, *serverSnapshot) error
}

// ways lists the ways in the order of what they cost the source: first those without a lock. A global read lock is not among them:
// `flush tables with read lock` waits for every statement that runs, holds up every writer of the server meanwhile, and on MySQL goes
// on doing so after it was refused (promise 9).
func (s *server) ways() []way {
	ids, tables := way{wayIDs, s.byTransactionIDs}, way{wayTables, s.byLockedTables}
	if s.maria {
		return []way{{wayLog, s.byLogPosition}, ids, tables}
	}
	return []way{ids, tables}
}

// Snapshot makes all connections see one point in time, by the first way that this server and its rights allow, else on one connection
// alone, which sees one point by itself (promise 4). No way lets a reader or writer of the source wait over a second (promise 9).
func (s *server) Snapshot(ctx context.Context) (Snapshot, error) {
	tables, err := s.describeAgain(ctx)
	if err != nil {
		return nil, err
	}
	return s.snapshot(ctx, tables)
}

// SnapshotOf takes a snapshot of some of the tables.
func (s *server) SnapshotOf(ctx context.Context, names []string) (Snapshot, error) {
	tables, err := s.describeAgain(ctx)
	if err != nil {
		return nil, err
	}
	tables = slices.DeleteFunc(slices.Clone(tables), func(t *serverTable) bool { return !slices.Contains(names, t.Name) })
	return s.snapshot(ctx, tables)
}

func (s *server) snapshot(ctx context.Context, tables []*serverTable) (_ Snapshot, err error) {
	if err := s.allConsistent(ctx, tables); err != nil {
		return nil, err
	}
	snap, err := s.open(ctx, tables)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, snap.Close())
		}
	}()
	if err := snap.keep(ctx); err != nil {
		return nil, err
	}
	if err := s.agree(ctx, snap); err != nil {
		return nil, err
	}
	if err := snap.savepoints(ctx); err != nil {
		return nil, s.address.explain("take a snapshot by "+snap.info.Way, err)
	}
	if err := snap.identify(ctx); err != nil {
		return nil, s.address.explain("look at the tables of "+s.address.shown, err)
	}
	if err := snap.provedAgain(ctx); err != nil {
		return nil, err
	}
	return snap, nil
}

// agree takes the views.
func (s *server) agree(ctx context.Context, snap *serverSnapshot) error {
	var reasons []string
	if len(snap.conns) > 1 {
		for _, way := range s.ways() {
			err := way.take(ctx, snap)
			if err == nil {
				snap.info.Way = way.name
				return nil
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			var unavailable *errUnavailable
			if !errors.As(err, &unavailable) {
				return s.address.explain("take a snapshot by "+way.name, err)
			}
			s.options.Logger.InfoContext(ctx, "no snapshot this way", "way", way.name, "why", unavailable.err)
			reasons = append(reasons, fmt.Sprintf("%s: %v", way.name, unavailable.err))
		}
	}
	snap.info.Way = wayOne
	if s.options.Weak && len(snap.conns) > 1 {
		snap.info.Way = wayWeak
	} else {
		snap.keepOne()
	}
	if len(reasons) > 0 {
		snap.info.Why = strings.Join(reasons, "; ")
	}
	if err := s.unlocked(ctx, snap); err != nil {
		return s.address.explain("take a snapshot by "+snap.info.Way, err)
	}
	return nil
}

// errUnavailable says why a way to a consistent view cannot be gone here.
type errUnavailable struct{ err error }

func (e *errUnavailable) Error() string { return e.err.Error() }
func (e *errUnavailable) Unwrap() error { return e.err }

func unavailable(format string, args ...any) error {
	return &errUnavailable{fmt.Errorf(format, args...)}
}

// allConsistent refuses tables whose engine keeps no versions of rows: what is written while they are read would be torn.
func (s *server) allConsistent(ctx context.Context, tables []*serverTable) error {
	if s.options.Weak {
		return nil
	}
	keeps, err := s.transactionalEngines(ctx)
	if err != nil {
		return s.address.explain("ask for the engines", err)
	}
	for _, t := range tables {
		if t.isView {
			if err := s.viewConsistent(ctx, t, keeps); err != nil {
				return err
			}
			continue
		}
		if !keeps[strings.ToLower(t.engine)] {
			return &change.Problem{
				Err:   fmt.Errorf("table %s is of engine %s, which has no consistent view", t.SourceName, t.engine),
				Where: t.SourceName, Class: change.ClassBlocked,
				Try: "alter table " + ident(t.SourceName) + " engine = InnoDB, or lifeline run --allow-weaker to read it as it is",
			}
		}
	}
	return nil
}

// transactionalEngines names the engines that keep versions of rows, in lower case.
func (s *server) transactionalEngines(ctx context.Context) (map[string]bool, error) {
	rows, err := s.ask(ctx, "select engine as engine from information_schema.engines where transactions = 'YES'")
	keeps := map[string]bool{}
	for _, r := range rows {
		keeps[strings.ToLower(r["engine"])] = true
	}
	return keeps, err
}

// unlocked takes views without a lock: one connection sees one point in time by itself, several do not.
func (s *server) unlocked(ctx context.Context, snap *serverSnapshot) error {
	where, err := s.identity(ctx, snap.conns[0])
	if err != nil {
		return err
	}
	if err := snap.begin(ctx); err != nil {
		return err
	}
	if err := snap.clock(ctx); err != nil {
		return err
	}
	if len(snap.conns) == 1 {
		if err := s.locateInView(ctx, snap.conns[0], &where); err != nil {
			return err
		}
		if err := s.nameTransactions(ctx, snap.conns[0], &where); err != nil {
			return err
		}
	}
	return snap.place(where)
}

// open opens as many connections as there are workers, or as many as the server allows.
func (s *server) open(ctx context.Context, tables []*serverTable) (*serverSnapshot, error) {
	snap := &serverSnapshot{
		server: s, tables: tables, chunks: map[*serverTable][]*keyRange{}, touched: map[*serverTable]bool{},
		sums: map[*serverTable][]change.Chunk{}, fresh: map[*serverTable][]change.Chunk{}, kept: map[*serverTable]change.Totals{},
		before: map[*serverTable]*change.Checksums{}, refused: map[*serverTable]bool{},
	}
	for len(snap.conns) < s.options.Workers {
		c, err := s.connect(ctx, viewSession...)
		if tooManyConnections(err) && len(snap.conns) > 0 {
			s.options.Logger.InfoContext(ctx, "the server allows no further connection", "connections", len(snap.conns)+1, "why", err)
			break
		}
		if err != nil {
			return nil, errors.Join(err, snap.Close())
		}
		snap.conns = append(snap.conns, c)
	}
	return snap, nil
}

// keepOne lets go of all connections but the first.
func (n *serverSnapshot) keepOne() {
	for _, c := range n.conns[1:] {
		_ = c.close() // It was not used yet.
	}
	n.conns = n.conns[:1]
}

// each runs a statement on every connection at once.
func (n *serverSnapshot) each(ctx context.Context, text string) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range n.conns {
		group.Go(func() error { return c.exec(ctx, text) })
	}
	return group.Wait()
}

// begin makes every connection's view; one that it had is dropped.
func (n *serverSnapshot) begin(ctx context.Context) error {
	return n.each(ctx, "start transaction with consistent snapshot, read only")
}

// savepoints marks where every connection comes back to after a statement, see release.
func (n *serverSnapshot) savepoints(ctx context.Context) error {
	return n.each(ctx, "savepoint view_only")
}

// release lets go of the metadata locks that a statement of the view took, and keeps the view: else an ALTER of a table that was read
// would wait until the snapshot ends, and every reader and writer of the table behind it (promise 9).
func (c *conn) release(ctx context.Context) error {
	return c.exec(ctx, "rollback to savepoint view_only")
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

func (n *serverSnapshot) place(where change.LogPosition) (err error) {
	if where.File == "" {
		where.Serial = n.info.TakenAt.Format(time.RFC3339Nano)
	}
	n.info.Position, err = where.Encode()
	return err
}

// Info says what was taken and how.
func (n *serverSnapshot) Info() change.Snapshot { return n.info }

// Close ends the views.
func (n *serverSnapshot) Close() error {
	if n.stop != nil {
		n.stop()
		n.stop = nil
	}
	for _, c := range n.conns {
		_ = c.close() // A view that is read, or lost, has nothing left to lose.
	}
	n.conns = nil
	return nil
}
