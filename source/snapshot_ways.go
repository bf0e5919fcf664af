package source

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/change"
)

// Views made one after the other are equal if nothing was committed between them. The ways here make the views and then prove that;
// where something was committed they try again, which costs the source two short statements a connection. On a server that commits
// thousands of times a second no try may succeed: then the next way is gone.
const (
	triesWithoutLock = 60
	triesAtMost      = 1500 * time.Millisecond
)

// untilEqual tries until the views are proved to be equal.
func untilEqual(ctx context.Context, try func() (bool, error)) error {
	began := time.Now()
	for n := 1; n <= triesWithoutLock && time.Since(began) < triesAtMost; n++ {
		equal, err := try()
		if equal || err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return unavailable("the source commits too often to find a moment between two commits")
}

// byLogPosition compares where MariaDB's binary log stood when each view was made. The server makes a view between two commits of the
// log, and keeps the log's position in it; equal positions are equal views, if every change goes through the log.
func (s *server) byLogPosition(ctx context.Context, snap *serverSnapshot) error {
	if err := s.logHasAll(ctx); err != nil {
		return err
	}
	where, err := s.identity(ctx, snap.conns[0])
	if err != nil {
		return err
	}
	err = untilEqual(ctx, func() (bool, error) {
		if err := snap.begin(ctx); err != nil {
			return false, err
		}
		for i, c := range snap.conns {
			at := change.LogPosition{}
			if err := s.locateInView(ctx, c, &at); err != nil {
				return false, err
			}
			if at.File == "" {
				return false, unavailable("the server does not keep a view's position in the binary log")
			}
			if i > 0 && (at.File != where.File || at.Pos != where.Pos) {
				return false, nil
			}
			where.File, where.Pos, where.GTID = at.File, at.Pos, at.GTID
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	return errors.Join(s.nameTransactions(ctx, snap.conns[0], &where), snap.clock(ctx), snap.place(where))
}

// logHasAll makes sure that a change of any table goes through the binary log.
func (s *server) logHasAll(ctx context.Context) error {
	rows, err := s.ask(ctx, "select @@log_bin as log_bin, @@log_slave_updates as replicated")
	if err != nil {
		return err
	}
	if rows[0]["log_bin"] != "1" {
		return unavailable("there is no binary log")
	}
	replicated := rows[0]["replicated"] == "1"
	rows, err = s.ask(ctx, "show master status")
	if code := serverCode(err); code == codeRightMissing {
		return unavailable("the right to see the binary log's filters is missing (binlog monitor)")
	}
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r["binlog_do_db"]+r["binlog_ignore_db"] != "" {
			return unavailable("the binary log leaves databases out")
		}
	}
	rows, err = s.ask(ctx, "show global status where variable_name in ('Slaves_running', 'wsrep_ready')")
	if err != nil {
		return err
	}
	for _, r := range rows {
		switch name := strings.ToLower(r["variable_name"]); {
		case name == "wsrep_ready" && strings.EqualFold(r["value"], "ON"):
			return unavailable("the changes of a cluster's other nodes are not in the binary log")
		case name == "slaves_running" && r["value"] != "0" && !replicated:
			return unavailable("the server is a replica and log_slave_updates is off")
		}
	}
	return nil
}

// innodb is what InnoDB says of its transactions at one moment.
type innodb struct {
	next     uint64 // The id that the next transaction gets.
	active   []uint64
	prepared []uint64 // Those that may be in the binary log, and that no view sees yet.

	undecided bool // One of them has been so for long.
}

var (
	idCounter   = regexp.MustCompile(`(?m)^Trx id counter (\d+)`)
	transaction = regexp.MustCompile(`(?m)^---TRANSACTION (\d+), (.*)`)
)

// transactions looks at InnoDB's monitor, which lists every transaction at one moment. It needs the right PROCESS.
func (s *server) transactions(ctx context.Context) (innodb, error) {
	rows, err := s.ask(ctx, "show engine innodb status")
	if code := serverCode(err); code == codeRightMissing {
		return innodb{}, unavailable("the right to see InnoDB's transactions is missing (process)")
	}
	if err != nil {
		return innodb{}, err
	}
	if len(rows) == 0 {
		return innodb{}, unavailable("the server has no InnoDB")
	}
	return parseTransactions(rows[0]["status"])
}

func parseTransactions(status string) (innodb, error) {
	counter := idCounter.FindStringSubmatch(status)
	if counter == nil || strings.Contains(status, "... truncated...") {
		return innodb{}, unavailable("the server has more transactions than InnoDB's monitor lists")
	}
	var at innodb
	var err error
	if at.next, err = strconv.ParseUint(counter[1], 10, 64); err != nil {
		return innodb{}, fmt.Errorf("InnoDB's counter of transactions: %w", err)
	}
	for _, found := range transaction.FindAllStringSubmatch(status, -1) {
		state := found[2]
		if strings.HasPrefix(state, "not started") {
			continue
		}
		id, err := strconv.ParseUint(found[1], 10, 64)
		if err != nil {
			return innodb{}, fmt.Errorf("the id of a transaction: %w", err)
		}
		at.active = append(at.active, id)
		if strings.Contains(state, "PREPARED") || strings.Contains(state, "COMMITTED IN MEMORY") {
			at.prepared = append(at.prepared, id)
			at.undecided = at.undecided || activeFor(state) > settleAtMost
		}
	}
	return at, nil
}

var activeSeconds = regexp.MustCompile(`(\d+) sec`)

// activeFor reads how long a transaction has been there; it may have been prepared for less.
func activeFor(state string) time.Duration {
	found := activeSeconds.FindStringSubmatch(state)
	if found == nil {
		return 0
	}
	seconds, err := strconv.Atoi(found[1])
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// between lists the active ids from low up to and without high, in order.
func (at innodb) between(low, high uint64) []uint64 {
	var out []uint64
	for _, id := range at.active {
		if id >= low && id < high {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// nothingCommitted reports whether no transaction ended between two looks: those of before are there still, and every id that was given
// out since belongs to a transaction that runs. (A commit takes an id of its own; a transaction that began and ended has left a gap.)
func nothingCommitted(before, after innodb) bool {
	old := after.between(0, before.next)
	since := after.between(before.next, after.next)
	return slices.Equal(before.between(0, before.next), old) && uint64(len(since)) == after.next-before.next
}

// byTransactionIDs makes the views between two looks at InnoDB's transactions.
//
// A transaction is in the binary log before views see it, by as long as a replica takes to acknowledge it. So there are two places: before
// the lower one views see everything, and nothing that they see is behind the upper one. Where the two differ, the log in between is read
// once more, by key.
func (s *server) byTransactionIDs(ctx context.Context, snap *serverSnapshot) error {
	where, err := s.identity(ctx, snap.conns[0])
	if err != nil {
		return err
	}
	low, after, err := s.settledPlace(ctx)
	if err != nil {
		return err
	}
	inexact := 0
	err = untilEqual(ctx, func() (bool, error) {
		before, at := after, change.LogPosition{}
		low.settle(before)
		if err := errors.Join(snap.begin(ctx), s.locateByAsking(ctx, &at)); err != nil {
			return false, err
		}
		if after, err = s.transactions(ctx); err != nil {
			return false, err
		}
		next := low.after(at, after)
		if !nothingCommitted(before, after) {
			low = next
			if len(after.between(before.next, after.next)) > 0 { // The views have ids themselves, as in MySQL 5.6, and must not be missed next time.
				if err = snap.each(ctx, "rollback"); err == nil {
					after, err = s.transactions(ctx)
				}
			}
			return false, err
		}
		if len(after.prepared) > 0 {
			if inexact++; inexact < triesWithoutLock/6 {
				low = next
				return false, nil // A moment later the place may be exact.
			}
			at = low.between(at)
		}
		where.File, where.Pos, where.GTID, where.Until = at.File, at.Pos, at.GTID, at.Until
		return true, nil
	})
	if err != nil {
		return err
	}
	return errors.Join(snap.clock(ctx), snap.place(where))
}

// locateByAsking asks where the log stands, on the control connection.
func (s *server) locateByAsking(ctx context.Context, p *change.LogPosition) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.locate(ctx, s.control, p)
}

// Bounds of a lock of tables: a writer waits while it is asked for and while it is held, so for their sum at most.
const (
	waitAtMost = 300 * time.Millisecond
	heldAtMost = 400 * time.Millisecond
	lockTries  = 3
)

// lockSession makes the server itself give the lock up if this program stops or is cut off while it asks or holds. Without autocommit
// InnoDB locks the tables too, against a parent's cascade.
var lockSession = []string{
	"set wait_timeout = 1", "set lock_wait_timeout = 1", "set innodb_lock_wait_timeout = 1", "set innodb_table_locks = 1",
	"set autocommit = 0",
}

// byLockedTables locks the wanted tables against writing while the views are made; a write to another table goes on.
func (s *server) byLockedTables(ctx context.Context, snap *serverSnapshot) error {
	switch {
	case len(snap.tables) == 0:
		return unavailable("there is no table to lock")
	case !s.maria && s.number < 50700:
		return unavailable("before MySQL 5.7 a lock of tables does not hold up transactions that are open already")
	}
	parts := make([]string, len(snap.tables))
	for i, t := range snap.tables {
		parts[i] = s.from(t) + " read"
	}
	text := "lock tables " + strings.Join(parts, ", ")
	var last error
	for try := range lockTries {
		if try > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(waitAtMost * time.Duration(try)): // Writers that waited go first.
			}
		}
		err := s.underLock(ctx, snap, text)
		var refused *errRefused
		if !errors.As(err, &refused) {
			return err
		}
		last = refused.err
	}
	return unavailable("a table is being written to or locked by another session (%w)", last)
}

// errRefused says that a lock was not granted in time; a moment later it may be.
type errRefused struct{ err error }

func (e *errRefused) Error() string { return e.err.Error() }
func (e *errRefused) Unwrap() error { return e.err }

// underLock makes the views while the control connection holds a lock. The connection is closed in any case, so that nothing of the lock
// is left, whatever the server thinks of it; the next question opens another.
func (s *server) underLock(ctx context.Context, snap *serverSnapshot, text string) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.askLocked(ctx, "select 1"); err != nil { // It may be closed.
		return err
	}
	lock := s.control
	defer func() { _ = lock.close() }()
	for _, setting := range lockSession {
		if err := lock.exec(ctx, setting); err != nil {
			return err
		}
	}
	where, err := s.identity(ctx, lock)
	if err != nil {
		return err
	}
	if err := lockWithin(ctx, lock, snap.conns[0], text); err != nil {
		return err
	}
	began := time.Now()
	overdue := time.AfterFunc(heldAtMost, func() { _ = lock.net.Close() }) // The lock goes with its connection.
	err = errors.Join(snap.begin(ctx), s.locate(ctx, lock, &where))
	if err == nil {
		err = lock.exec(ctx, "unlock tables")
	}
	inTime := overdue.Stop()
	_ = lock.close()
	snap.info.LockTime = time.Since(began)
	if !inTime {
		return &errRefused{fmt.Errorf("the views were not made within %v", heldAtMost)}
	}
	if err != nil {
		return err
	}
	return errors.Join(snap.clock(ctx), snap.place(where))
}

// lockWithin asks for a lock and has the other connection kill the request when it is not granted in time: the servers' own limits
// count in whole seconds.
func lockWithin(ctx context.Context, lock, killer *conn, text string) error {
	done := make(chan struct{})
	killed := make(chan error, 1)
	go func() {
		defer close(killed)
		select {
		case <-done:
		case <-time.After(waitAtMost):
			killed <- killer.exec(ctx, fmt.Sprintf("kill %d", lock.id))
		}
	}()
	err := lock.exec(ctx, text)
	close(done)
	kill, was := <-killed
	if was && kill != nil && serverCode(kill) != codeNoSuchThread {
		return kill
	}
	switch code := serverCode(err); {
	case was || code == codeLockTimeout || code == codeKilled || code == codeConnectionKilled:
		if err == nil {
			err = fmt.Errorf("the lock took longer than %v", waitAtMost)
		}
		return &errRefused{err}
	case code == codeRightMissing || code == codeAccessDenied || code == codeDatabaseDenied || code == codeTableDenied:
		return unavailable("the right to lock tables is missing (%w)", err)
	}
	return err
}
