package cdc

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// transaction is the one whose events are being read.
type transaction struct {
	open    bool
	alone   bool // MariaDB: a single statement without a commit.
	number  int64
	place   string // Where it begins: texts in the log's order.
	at      time.Time
	exact   bool // at is the commit's time, not an event's before it.
	written int64
	mysql   *mysqlID
	maria   *mysql.MariadbGTID
	touched []*follower // That have images of it.
}

// prepared is an XA transaction that was prepared in this Read.
type prepared struct {
	number  int64
	written int64
	lost    bool // It was prepared before this Read, and its images are gone.
}

// begin opens a transaction.
func (s *Stream) begin(h *replication.EventHeader, at time.Time) {
	if s.tx.open {
		return
	}
	s.number++
	start := uint64(0)
	if h.LogPos >= h.EventSize {
		start = uint64(h.LogPos - h.EventSize)
	}
	s.tx = transaction{
		open: true, number: s.number, at: at, place: fmt.Sprintf("%s:%012d", s.file, max(start, s.here.Pos)),
	}
}

// beginExact is begin where the log has the commit's time to the microsecond.
func (s *Stream) beginExact(h *replication.EventHeader, at time.Time) {
	if !s.tx.open {
		s.begin(h, at)
		s.tx.exact = true
	}
}

func (s *Stream) beginMySQL(h *replication.EventHeader, e *replication.GTIDEvent) {
	if e.ImmediateCommitTimestamp > 0 {
		s.beginExact(h, time.UnixMicro(int64(e.ImmediateCommitTimestamp)).UTC())
	} else {
		s.begin(h, time.Unix(int64(h.Timestamp), 0).UTC())
	}
	if h.EventType != replication.ANONYMOUS_GTID_EVENT {
		s.tx.mysql = &mysqlID{e.SID, e.GNO, e.Tag}
	}
}

// commit ends the transaction; its images stand.
func (s *Stream) commit(h *replication.EventHeader) error {
	if !s.tx.open {
		return nil
	}
	if s.tx.written > 0 {
		s.settleTime(h)
		s.out.result.Images += s.tx.written
		if s.out.result.Oldest.IsZero() {
			s.out.result.Oldest = s.tx.at
		}
		s.out.result.Newest = s.tx.at
		s.out.started()
	}
	return s.finish(h)
}

// settleTime gives the images the time of the commit, where they were read before it was known.
func (s *Stream) settleTime(h *replication.EventHeader) {
	at := s.tx.at
	if !s.tx.exact && h.Timestamp != 0 {
		at = time.Unix(int64(h.Timestamp), 0).UTC()
	}
	if at = s.inOrder(at); at.Equal(s.tx.at) {
		return
	}
	s.tx.at = at
	flushed := false
	for _, f := range s.tx.touched {
		flushed = s.out.writers[f].settle(s.tx.number, s.tx.at) || flushed
	}
	if flushed {
		s.out.result.Times[s.tx.number] = s.tx.at
	}
}

// aheadAtMost is how far a commit's time may lie before the clock of who reads it.
const aheadAtMost = 10 * time.Minute

// inOrder makes a commit's time not earlier than that of a commit before it. What a server notes is when a statement began, which may have
// waited for a lock, and a session may set its clock: neither changes the order in which rows became what they are.
func (s *Stream) inOrder(at time.Time) time.Time {
	if now := time.Now().UTC(); at.After(now.Add(aheadAtMost)) {
		at = now
	}
	s.newest = later(s.newest, at)
	return s.newest
}

// finish moves the position behind the transaction.
func (s *Stream) finish(h *replication.EventHeader) error {
	s.out.result.Processed++
	if s.ids != nil || s.tx.mysql != nil || s.tx.maria != nil {
		if err := s.name(); err != nil {
			return err
		}
	}
	if s.here.File != s.file {
		s.here.Born = 0
	}
	s.here.File = s.file
	if h.LogPos > 0 {
		s.here.Pos = uint64(h.LogPos)
	}
	s.tx = transaction{}
	return nil
}

// name adds the transaction to those that were read.
func (s *Stream) name() error {
	if s.ids == nil {
		var err error
		if s.ids, err = mysql.ParseGTIDSet(s.flavor(), ""); err != nil {
			return err
		}
	}
	switch {
	case s.tx.maria != nil:
		if err := s.ids.(*mysql.MariadbGTIDSet).AddSet(s.tx.maria); err != nil {
			return fmt.Errorf("note the transaction %s: %w", s.tx.maria, err)
		}
	case s.tx.mysql != nil:
		if len(s.tx.mysql.sid) != 16 {
			return fmt.Errorf("a transaction at %s: %w", s.tx.place, errMalformed)
		}
		s.ids.(*mysql.MysqlGTIDSet).AddGTIDWithTag([16]byte(s.tx.mysql.sid), s.tx.mysql.tag, s.tx.mysql.gno)
	default:
		return nil
	}
	s.here.GTID = s.ids.String()
	return nil
}

// rollback ends the transaction; its images are dropped. Servers write down one that changed a table without transactions too.
func (s *Stream) rollback(h *replication.EventHeader) error {
	if !s.tx.open {
		return nil
	}
	s.dropImages()
	return s.finish(h)
}

// dropImages takes the transaction's images back.
func (s *Stream) dropImages() {
	flushed := false
	for _, f := range s.tx.touched {
		flushed = s.out.writers[f].drop(s.tx.number) || flushed
	}
	if flushed {
		s.out.result.Dropped = append(s.out.result.Dropped, s.tx.number)
	}
	s.tx.written, s.tx.touched = 0, nil
}

// stop says why the log cannot be read on; the transaction at hand is not landed.
func (s *Stream) stop(table, why string, also ...string) {
	if s.out.result.Stop == nil {
		s.out.result.Stop = &Stop{Why: why, Table: table, Also: also}
	}
	s.dropImages()
	s.tx = transaction{}
}

// prepare ends the first part of an XA transaction: its images stand or fall by its decision.
func (s *Stream) prepare(h *replication.EventHeader, body []byte) error {
	if !s.tx.open {
		return nil
	}
	if len(body) < 13 {
		return fmt.Errorf("a prepared transaction at %s: %w", s.tx.place, errMalformed)
	}
	if body[0] != 0 { // Prepared and committed in one.
		return s.commit(h)
	}
	first, second := int(binary.LittleEndian.Uint32(body[5:])), int(binary.LittleEndian.Uint32(body[9:]))
	if len(body) < 13+first+second {
		return fmt.Errorf("a prepared transaction at %s: %w", s.tx.place, errMalformed)
	}
	xid := fmt.Sprintf("X'%x',X'%x',%d", body[13:13+first], body[13+first:13+first+second], binary.LittleEndian.Uint32(body[1:]))
	s.prepared[xid] = &prepared{number: s.tx.number, written: s.tx.written}
	return s.finish(h)
}

// held tells whether images wait for the decision.
func (p *prepared) held() bool { return p.written > 0 && !p.lost }

func (s *Stream) anyPrepared() bool {
	for _, p := range s.prepared {
		if p.held() {
			return true
		}
	}
	return false
}

// forgetPrepared begins a Read: what was prepared before it has no images any more.
func (s *Stream) forgetPrepared() {
	for _, p := range s.prepared {
		p.lost = p.lost || p.written > 0
	}
}

// decide ends an XA transaction.
func (s *Stream) decide(h *replication.EventHeader, xid string, commits bool) error {
	p := s.prepared[xid]
	delete(s.prepared, xid)
	switch {
	case commits && (p == nil || p.lost):
		s.stop("", "an XA transaction was committed whose changes the log told before the place that was read from")
		return nil
	case p == nil || !p.held():
	case commits:
		s.out.result.Images += p.written
		s.out.started()
		s.out.result.Times[p.number] = s.inOrder(time.Unix(int64(h.Timestamp), 0).UTC())
		s.out.result.Newest = s.newest
	default:
		s.out.result.Dropped = append(s.out.result.Dropped, p.number)
	}
	return s.finishAlone(h)
}

// finishAlone ends a transaction that is one statement.
func (s *Stream) finishAlone(h *replication.EventHeader) error {
	s.tx.open = true
	return s.finish(h)
}

// position of an image, as history has it.
func (s *Stream) imagePlace() string { return fmt.Sprintf("%s.%07d", s.tx.place, s.tx.written) }
