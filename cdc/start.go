package cdc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"lifeline/change"
)

// startWay is how a server is told where to begin.
type startWay int

const (
	byPlace startWay = iota // File and place: on the server that wrote them.
	byIDs                   // The transactions that were read: on any server of the same family.
)

// Gone says what happened to a position.
type Gone string

// The ways in which a position goes.
const (
	Purged   Gone = "purged"         // The server threw the log away that comes next.
	Reset    Gone = "reset"          // The log was begun anew.
	Restored Gone = "restored"       // The server has forgotten transactions that were read: a backup came back.
	Replaced Gone = "another server" // Another server answers, and it has not what was read.
)

// GoneError is why a position cannot be gone on from.
type GoneError struct {
	What Gone
	Err  error
}

func (e *GoneError) Error() string { return e.Err.Error() }
func (e *GoneError) Unwrap() error { return e.Err }

func gone(what Gone, format string, args ...any) error {
	return &change.Problem{
		Err: &GoneError{what, fmt.Errorf(format, args...)}, Class: change.ClassPositionGone,
		Try: "lifeline run --resnapshot, which reads the source anew; what happened in between stays unknown",
	}
}

// identity is who a server is and what its log holds.
type identity struct {
	server string
	files  []logFile // nil where it may not be asked.
	ids    mysql.GTIDSet
	purged mysql.GTIDSet
}

type logFile struct {
	name string
	size uint64
}

// locate decides how to go on from a position, or says what happened to it.
func (s *Stream) locate(c *client.Conn, from change.LogPosition) (startWay, error) {
	is, err := s.identify(c)
	if err != nil {
		return 0, s.explain("ask for the binary log of", err)
	}
	if from.GTID != "" {
		if s.ids, err = mysql.ParseGTIDSet(s.flavor(), strings.ReplaceAll(from.GTID, "\n", "")); err != nil {
			return 0, fmt.Errorf("the stored position's transactions %q: %w", from.GTID, err)
		}
	}
	if from.Server != is.server {
		return s.elsewhere(is, from)
	}
	if err := s.remembers(c, is, from); err != nil {
		return 0, err
	}
	return byPlace, s.hasPlace(is, from)
}

// elsewhere goes on at another server, if it has every transaction that was read and kept all that follow.
func (s *Stream) elsewhere(is identity, from change.LogPosition) (startWay, error) {
	if s.ids == nil || s.ids.IsEmpty() {
		return 0, gone(Replaced, "another server answers at %s (%s, where %s was read), and without GTIDs its log has other places",
			s.options.Shown, is.server, from.Server)
	}
	if !s.options.MariaDB {
		if is.ids == nil || !is.ids.Contain(s.ids) {
			return 0, gone(Replaced, "another server answers at %s (%s, where %s was read), and it has not all transactions that were read",
				s.options.Shown, is.server, from.Server)
		}
		if is.purged != nil && !s.ids.Contain(is.purged) {
			return 0, gone(Purged, "another server answers at %s (%s), and it has thrown away transactions that were not read yet",
				s.options.Shown, is.server)
		}
	}
	s.options.Logger.Info("the source failed over to another server", "from", from.Server, "to", is.server)
	s.here.Server, s.here.Born, s.moved = is.server, 0, true
	s.here.File, s.here.Pos = "", 0 // Its places are others: where it stands it says when it sends its log.
	if from.Replays() && len(is.files) > 0 {
		last := is.files[len(is.files)-1] // What it has now holds all that the snapshot saw.
		s.here.Until = fmt.Sprintf("%s:%d", last.name, last.size)
	}
	return byIDs, nil
}

// remembers makes sure that the server still knows what was read from it: the same file and place after a reset or a restored backup hold
// other transactions.
func (s *Stream) remembers(c *client.Conn, is identity, from change.LogPosition) error {
	if s.ids == nil || s.ids.IsEmpty() {
		return nil
	}
	if !s.options.MariaDB {
		if is.ids != nil && !is.ids.Contain(s.ids) {
			return gone(forgot(is, from), "%s has forgotten transactions that were read from it: it was restored from a backup, or its log "+
				"was reset", s.options.Shown)
		}
		return nil
	}
	found, err := rows(c, fmt.Sprintf("select binlog_gtid_pos('%s', %d) as ids", strings.ReplaceAll(from.File, "'", "''"), from.Pos))
	if err != nil {
		return s.explain("ask for the transactions of", err)
	}
	if is.files != nil && !is.has(from.File) {
		return nil // hasPlace tells it.
	}
	ids, err := mysql.ParseMariadbGTIDSet(found[0]["ids"])
	if err != nil || !ids.Equal(s.ids) {
		return gone(forgot(is, from), "%s has other transactions at %s:%d than were read (%s, where %s was): its log was reset, or it was "+
			"restored from a backup", s.options.Shown, from.File, from.Pos, found[0]["ids"], from.GTID)
	}
	return nil
}

func (is *identity) has(file string) bool {
	for _, f := range is.files {
		if f.name == file {
			return true
		}
	}
	return false
}

// forgot tells a log that was begun anew from a server that came back from a backup: the first has few files.
func forgot(is identity, from change.LogPosition) Gone {
	if len(is.files) > 0 && change.CompareLogPlaces(is.files[len(is.files)-1].name, 0, from.File, 0) < 0 {
		return Reset
	}
	return Restored
}

// hasPlace makes sure that the place is still in the log.
func (s *Stream) hasPlace(is identity, from change.LogPosition) error {
	if len(is.files) == 0 {
		return nil // The dump itself tells.
	}
	first, last := is.files[0].name, is.files[len(is.files)-1].name
	for _, f := range is.files {
		if f.name == from.File && from.Pos > f.size {
			return gone(Restored, "%s ends before the place that was read to (%s has %d bytes, %d were read): the server lost the end of its log, "+
				"or was restored from a backup", s.options.Shown, f.name, f.size, from.Pos)
		}
	}
	switch {
	case is.has(from.File):
		return nil
	case change.CompareLogPlaces(from.File, 0, first, 0) < 0:
		return gone(Purged, "%s has thrown away the binary log that comes next: %s was read last, the oldest is %s", s.options.Shown,
			from.File, first)
	case change.CompareLogPlaces(from.File, 0, last, 0) > 0:
		return gone(Reset, "the binary log of %s was begun anew: %s was read last, the newest is %s", s.options.Shown, from.File, last)
	}
	return gone(Reset, "%s has no binary log %s any more, but has %s to %s", s.options.Shown, from.File, first, last)
}

// identify asks who the server is.
func (s *Stream) identify(c *client.Conn) (is identity, err error) {
	question := "select @@server_id as id"
	if !s.options.MariaDB {
		question = "select @@server_uuid as id"
	}
	found, err := rows(c, question)
	if err != nil {
		return is, err
	}
	is.server = found[0]["id"]
	files, err := rows(c, "show binary logs")
	var my *mysql.MyError
	if err != nil && !errors.As(err, &my) {
		return is, err
	}
	for _, r := range files {
		size, _ := strconv.ParseUint(r["file_size"], 10, 64) // Always a number.
		is.files = append(is.files, logFile{r["log_name"], size})
	}
	if s.options.MariaDB {
		return is, nil
	}
	found, err = rows(c, "select @@global.gtid_executed as ids, @@global.gtid_purged as purged")
	if err != nil {
		return is, err
	}
	if is.ids, err = mysql.ParseMysqlGTIDSet(strings.ReplaceAll(found[0]["ids"], "\n", "")); err != nil {
		return is, err
	}
	is.purged, err = mysql.ParseMysqlGTIDSet(strings.ReplaceAll(found[0]["purged"], "\n", ""))
	return is, err
}

// Codes by which servers refuse to send their log.
const (
	codeNoLog      = 1236 // With a text that says why.
	codeNoRight    = 1227
	codeNoRightOld = 1045
)

// serverProblem explains a server's refusal. It returns nil for one that it does not know.
func (s *Stream) serverProblem(e *mysql.MyError) error {
	text := strings.ToLower(e.Message)
	switch {
	case e.Code == codeNoRight || e.Code == codeNoRightOld: // Whoever asks has logged in before.
		return &change.Problem{
			Err: fmt.Errorf("%s may not read the binary log of %s: %s", s.options.User, s.options.Shown, e.Message), Class: change.ClassUsage,
			Try: fmt.Sprintf("grant replication slave, replication client on *.* to '%s'@'%%'", s.options.User),
		}
	case e.Code != codeNoLog:
		return nil
	case strings.Contains(text, "same server_uuid") || strings.Contains(text, "same server_id") || strings.Contains(text, "server id"):
		return &change.Problem{
			Err: fmt.Errorf("the server id %d is in use by another reader of %s", s.options.ServerID, s.options.Shown), Class: change.ClassUsage,
			Try: "run it again: each run takes another number by chance",
		}
	case strings.Contains(text, "purged") || strings.Contains(text, "could not find first log"):
		return gone(Purged, "%s has thrown away the binary log that comes next: %s", s.options.Shown, e.Message)
	case strings.Contains(text, "impossible position") || strings.Contains(text, "position >") || strings.Contains(text, "bogus data") ||
		strings.Contains(text, "not in the master's binlog") || strings.Contains(text, "does not exist"):
		if s.moved {
			return gone(Replaced, "another server answers at %s, and it has not all transactions that were read: %s", s.options.Shown, e.Message)
		}
		return gone(Restored, "the binary log of %s is not the one that was read: %s", s.options.Shown, e.Message)
	}
	return nil
}
