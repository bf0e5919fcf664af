package cdc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"lifeline/change"
)

// Limit says when a Read ends; always between two transactions. With the zero Limit a Read never ends.
type Limit struct {
	File string // Up to this place; "" reads on.
	Pos  uint64
	Rows int64         // End after about this many images; 0 means any number.
	Wait time.Duration // End this long after the first change, or after the call if nothing changes.
}

// Result is what a Read has brought.
type Result struct {
	change.LogBatch

	Images    int64
	Tables    []*change.LoggedTable // Those that changed.
	Reached   bool                  // The limit's place was reached.
	Stop      *Stop                 // Why the log cannot tell what comes next; nil where it can.
	Oldest    time.Time             // The first commit, UTC; zero where nothing changed.
	Newest    time.Time             // The last one.
	Processed int64                 // Transactions, those of other tables too.
}

// Stop is why reading cannot go on at Position.
type Stop struct {
	Why   string   // A sentence without its full stop.
	Table string   // In staging; empty where it concerns all.
	Also  []string // Further tables in staging that it concerns.
}

// Reason is why; "" for none.
func (s *Stop) Reason() string {
	if s == nil {
		return ""
	}
	return s.Why
}

// Opener opens a writer of images of one table, see change.Images.
type Opener func(context.Context, *change.Table) (change.Writer, error)

// Read passes the images of whole transactions to writers until the limit, and closes them. What it returns is to be landed at once, or
// not at all. After an error the stream is to be closed.
func (s *Stream) Read(ctx context.Context, open Opener, limit Limit) (r Result, err error) {
	s.out = &output{open: open, result: &r, writers: map[*follower]*writing{}}
	s.sequence = 0
	r.Stop, s.stopped = s.stopped, nil
	s.forgetPrepared()
	r.Times, r.Replays = map[int64]time.Time{}, s.here.Replays()
	began := time.Now()
	for {
		if !s.tx.open {
			if r.Stop != nil || s.enough(&r, limit, began) {
				break
			}
		}
		event, err := s.next(ctx, limit, began)
		if err != nil {
			return r, err
		}
		if event == nil {
			break
		}
		if err := s.handle(ctx, event); err != nil {
			return r, err
		}
		if s.cut {
			s.cut = false
			break
		}
	}
	for _, p := range s.prepared { // What is prepared and undecided is not landed; its decision will not find it.
		if p.held() {
			r.Dropped = append(r.Dropped, p.number)
		}
	}
	if err := s.out.close(ctx); err != nil {
		return r, err
	}
	for f := range s.out.writers {
		r.Tables = append(r.Tables, f.table)
	}
	r.At = s.heard
	if r.At.IsZero() {
		r.At = time.Now().UTC()
	}
	s.here = s.here.Settled()
	s.newest = later(s.newest, r.At.Add(time.Microsecond)) // What is committed after it has not been read.
	r.Position, err = s.here.Encode()
	return r, err
}

// enough tells whether a Read may end between two transactions.
func (s *Stream) enough(r *Result, limit Limit, began time.Time) bool {
	if s.here.Replays() {
		return false // What a snapshot may have seen is landed at once: a part of it could be older than what has landed.
	}
	if limit.File != "" && change.CompareLogPlaces(s.here.File, s.here.Pos, limit.File, limit.Pos) >= 0 {
		r.Reached = true
		return true
	}
	if len(s.prepared) > 0 && s.anyPrepared() && time.Since(began) < 10*limit.Wait {
		return false // A decision is due.
	}
	return limit.Rows > 0 && r.Images >= limit.Rows || limit.Wait > 0 && time.Since(s.out.since(began)) >= limit.Wait
}

// next waits for an event; nil where the limit's time is over between two transactions.
func (s *Stream) next(ctx context.Context, limit Limit, began time.Time) (*replication.BinlogEvent, error) {
	if event := s.waiting; event != nil {
		s.waiting = nil
		return event, nil
	}
	wait, cancel := ctx, context.CancelFunc(func() {})
	if limit.Wait > 0 && !s.tx.open && !s.here.Replays() {
		wait, cancel = context.WithDeadline(ctx, s.out.since(began).Add(limit.Wait))
	}
	defer cancel()
	event, err := s.events.GetEvent(wait)
	switch {
	case err == nil:
		return event, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, context.DeadlineExceeded) && wait.Err() != nil:
		return nil, nil
	case errors.Is(err, replication.ErrChecksumMismatch):
		return nil, fmt.Errorf("read the binary log of %s: %w", s.options.Shown, err)
	}
	return nil, s.explain("read the binary log of", err)
}

// Await waits until the log has something to land, or a reason to stop; false where it has not within the given time. Meanwhile the
// position moves on, over the transactions of other tables and the server's heartbeats.
func (s *Stream) Await(ctx context.Context, within time.Duration) (bool, error) {
	var nothing Result
	s.out = &output{result: &nothing, writers: map[*follower]*writing{}}
	deadline := time.Now().Add(within)
	for s.waiting == nil {
		wait, cancel := context.WithDeadline(ctx, deadline)
		event, err := s.events.GetEvent(wait)
		over := wait.Err() != nil
		cancel()
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil && over:
			return false, nil
		case err != nil:
			return false, s.explain("read the binary log of", err)
		}
		if s.lands(event) {
			s.waiting = event
			break
		}
		if err := s.handle(ctx, event); err != nil {
			return false, err
		}
		if nothing.Stop != nil {
			s.stopped = nothing.Stop
			return true, nil
		}
	}
	s.cut = false
	return true, nil
}

// lands tells whether an event begins something for a table that is followed.
func (s *Stream) lands(event *replication.BinlogEvent) bool {
	switch event.Header.EventType {
	case replication.TRANSACTION_PAYLOAD_EVENT:
		return true
	case replication.TABLE_MAP_EVENT:
		parsed, err := s.parser.Parse(event.RawData)
		if err != nil {
			return true // The Read tells.
		}
		t, ok := parsed.Event.(*replication.TableMapEvent)
		name := ""
		if ok {
			name = tableName(string(t.Schema), string(t.Table))
		}
		return s.tables[name] != nil || s.parents[name] != nil
	default:
		return false
	}
}

// Heard is when the server last said something, by its own clock or, where it only lives, by ours; UTC.
func (s *Stream) Heard() time.Time { return s.heard }

func (s *Stream) handle(ctx context.Context, raw *replication.BinlogEvent) error {
	h := raw.Header
	kind := h.EventType
	s.current = raw
	if h.Flags&replication.LOG_EVENT_ARTIFICIAL_F == 0 && h.Timestamp > 0 {
		s.heard = later(s.heard, time.Unix(int64(h.Timestamp), 0).UTC())
	}
	if kind == replication.TRANSACTION_PAYLOAD_EVENT {
		return s.payload(ctx, h, raw.RawData)
	}
	if !wanted[kind] {
		return s.unread(h, raw.RawData)
	}
	event, err := s.parser.Parse(raw.RawData)
	if err != nil {
		return fmt.Errorf("binary log of %s, %s before %d: %w", s.options.Shown, s.file, h.LogPos, err)
	}
	return s.take(ctx, h, event.Event)
}

// wanted are the events that tell something; others are passed over, if they may be.
var wanted = map[replication.EventType]bool{
	replication.ROTATE_EVENT: true, replication.FORMAT_DESCRIPTION_EVENT: true, replication.QUERY_EVENT: true,
	replication.MARIADB_QUERY_COMPRESSED_EVENT: true, replication.XID_EVENT: true, replication.TABLE_MAP_EVENT: true,
	replication.WRITE_ROWS_EVENTv1: true, replication.UPDATE_ROWS_EVENTv1: true, replication.DELETE_ROWS_EVENTv1: true,
	replication.WRITE_ROWS_EVENTv2: true, replication.UPDATE_ROWS_EVENTv2: true, replication.DELETE_ROWS_EVENTv2: true,
	replication.MARIADB_WRITE_ROWS_COMPRESSED_EVENT_V1: true, replication.MARIADB_UPDATE_ROWS_COMPRESSED_EVENT_V1: true,
	replication.MARIADB_DELETE_ROWS_COMPRESSED_EVENT_V1: true, replication.PARTIAL_UPDATE_ROWS_EVENT: true,
	replication.GTID_EVENT: true, replication.ANONYMOUS_GTID_EVENT: true, replication.GTID_TAGGED_LOG_EVENT: true,
	replication.MARIADB_GTID_EVENT: true,
}

// harmless are the events that change no row.
var harmless = map[replication.EventType]bool{
	replication.STOP_EVENT: true, replication.INTVAR_EVENT: true, replication.RAND_EVENT: true, replication.USER_VAR_EVENT: true,
	replication.IGNORABLE_EVENT: true, replication.ROWS_QUERY_EVENT: true, replication.PREVIOUS_GTIDS_EVENT: true,
	replication.TRANSACTION_CONTEXT_EVENT: true, replication.VIEW_CHANGE_EVENT: true, replication.MARIADB_ANNOTATE_ROWS_EVENT: true,
	replication.MARIADB_BINLOG_CHECKPOINT_EVENT: true, replication.MARIADB_GTID_LIST_EVENT: true,
	replication.MARIADB_START_ENCRYPTION_EVENT: true,
}

// unread takes an event whose body tells nothing, or one that cannot be read.
func (s *Stream) unread(h *replication.EventHeader, raw []byte) error {
	switch kind := h.EventType; {
	case kind == replication.HEARTBEAT_EVENT || kind == replication.HEARTBEAT_LOG_EVENT_V2:
		s.heard = later(s.heard, time.Now().UTC())
		if !s.tx.open && h.LogPos > 0 && kind == replication.HEARTBEAT_EVENT && uint64(h.LogPos) > s.here.Pos && s.here.File == s.file {
			s.here.Pos = uint64(h.LogPos)
		}
	case kind == replication.XA_PREPARE_LOG_EVENT:
		return s.prepare(h, raw[replication.EventHeaderSize:])
	case kind == replication.INCIDENT_EVENT:
		s.stop("", "the server says that its log has lost changes (an incident event)")
	case kind == replication.BEGIN_LOAD_QUERY_EVENT || kind == replication.EXECUTE_LOAD_QUERY_EVENT:
		s.stop("", "a file was loaded by a statement, of which the log has no rows (binlog_format)")
	case harmless[kind] || h.Flags&replication.LOG_EVENT_IGNORABLE_F != 0:
		s.pass(h)
	default:
		s.stop("", fmt.Sprintf("the log has an event of type %d, which this program cannot read", kind))
	}
	return nil
}

// pass moves the position over an event between two transactions.
func (s *Stream) pass(h *replication.EventHeader) {
	if !s.tx.open && h.LogPos > 0 && h.Flags&replication.LOG_EVENT_ARTIFICIAL_F == 0 {
		s.here.File, s.here.Pos = s.file, uint64(h.LogPos)
	}
}

// take dispatches an event that was parsed.
func (s *Stream) take(ctx context.Context, h *replication.EventHeader, event replication.Event) error {
	switch e := event.(type) {
	case *replication.RotateEvent:
		s.file = string(e.NextLogName)
		if !s.tx.open && (s.file != s.here.File || e.Position > s.here.Pos) {
			if s.file != s.here.File {
				s.here.Born = 0
			}
			s.here.File, s.here.Pos = s.file, e.Position
		}
	case *replication.FormatDescriptionEvent:
		return errors.Join(s.openFile(h), s.describeInner(s.current.RawData))
	case *replication.GTIDEvent:
		s.beginMySQL(h, e)
	case *replication.GtidTaggedLogEvent:
		s.beginMySQL(h, &e.GTIDEvent)
	case *replication.MariadbGTIDEvent:
		s.begin(h, time.Unix(int64(h.Timestamp), 0).UTC())
		s.tx.maria, s.tx.alone = &e.GTID, e.IsStandalone()
	case *replication.QueryEvent:
		return s.query(h, e)
	case *replication.XIDEvent:
		return s.commit(h)
	case *replication.TableMapEvent:
		return describeCompressed(e, s.current.RawData) // The parser keeps it for the rows.
	case *replication.RowsEvent:
		return s.rows(ctx, h, e)
	}
	return nil
}

// openFile notes when a file of the log was begun. One that was begun at another time than the one that was read is another.
func (s *Stream) openFile(h *replication.EventHeader) error {
	if s.file == s.here.File && s.here.Born != 0 && h.Timestamp != 0 && h.Timestamp != s.here.Born && !s.began {
		return gone(Reset, "the binary log of %s was begun anew: its %s is another file than the one that was read", s.options.Shown, s.file)
	}
	s.began = true
	if h.Timestamp != 0 && s.file == s.here.File {
		s.here.Born = h.Timestamp
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// mysqlID is a transaction's name on MySQL.
type mysqlID struct {
	sid []byte
	gno int64
	tag mysql.Tag
}
