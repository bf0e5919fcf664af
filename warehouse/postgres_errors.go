package warehouse

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/jackc/pgx/v5/pgconn"

	"lifeline/change"
)

// SQL states that decide what is done next. The classes 08 and 57P are a lost connection.
const (
	undefinedTable   = "42P01"
	lockNotAvailable = "55P03"
	queryCanceled    = "57014"
	deadlockDetected = "40P01"
	serialization    = "40001"
	uniqueViolation  = "23505"
	duplicateTable   = "42P07"
	syntaxError      = "42601"
	notSupported     = "0A000"
)

// sqlState gives the server's code of an error, or "".
func sqlState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// isLost tells whether the session is gone, so that nothing is known of a statement that was under way.
func isLost(err error) bool {
	state := sqlState(err)
	if state != "" {
		return strings.HasPrefix(state, "08") || strings.HasPrefix(state, "57P")
	}
	var network net.Error
	return errors.As(err, &network) || pgconn.Timeout(err) || strings.Contains(err.Error(), "conn closed") ||
		strings.Contains(err.Error(), "unexpected EOF")
}

// IsUnavailable tells whether an error means that the warehouse's server cannot be asked now, whatever was asked. Its text may name an
// address and is for the log.
func IsUnavailable(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) || errors.Is(err, driver.ErrBadConn) {
		return true
	}
	if state := sqlState(err); state != "" {
		return strings.HasPrefix(state, "08") || strings.HasPrefix(state, "57P") || state == "53300"
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNREFUSED) ||
		errors.Is(err, syscall.ECONNRESET)
}

// IsConversion tells whether an engine could not make of a text what a column holds.
func IsConversion(err error) bool {
	var duck *duckdb.Error
	if errors.As(err, &duck) {
		return duck.Type == duckdb.ErrorTypeConversion || duck.Type == duckdb.ErrorTypeOutOfRange
	}
	return strings.HasPrefix(sqlState(err), "22")
}

// isAgain tells whether a statement that leaves nothing behind may be tried again.
func isAgain(err error) bool {
	state := sqlState(err)
	return state == serialization || state == deadlockDetected
}

// hints say what to do about an error of the server, by its code.
var hints = map[string]string{
	"28P01": "the right user and password in the warehouse address",
	"28000": "the right user and password in the warehouse address, and an entry for it in the server's pg_hba.conf",
	"3D000": "create the database first: createdb NAME",
	"42501": "grant the missing right to the role; it needs connect and create on the database, and must own what lifeline made",
	"53100": "free space on the server's disk, then run again",
	"53200": "a lower warehouse.memory_limit",
	"53300": "a higher max_connections on the server, or fewer clients",
	"53400": "a higher limit on the server; the message names it",
	"57P03": "again when the server has started",
	"25006": "the address of the primary server: this one is read-only",
	"55P03": "again when the other session has let go",
	"22021": "a database with encoding UTF8",
	"54000": "fewer or smaller values in a row; the message names the limit",
}

// problem wraps an error of the server with what was being done, adds what to try, and takes the password out (promise 10).
func (w *postgres) problem(doing string, err error) error {
	if err == nil {
		return nil
	}
	var known *change.Problem
	if errors.Is(err, context.Canceled) || errors.As(err, &known) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	wrapped := fmt.Errorf("%s: %w", doing, w.redact(err))
	if try := hint(err); try != "" {
		return &change.Problem{Err: wrapped, Try: try, Class: change.ClassError}
	}
	return wrapped
}

func hint(err error) string {
	if try := hints[sqlState(err)]; try != "" {
		return try
	}
	var dns *net.DNSError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &dns):
		return "the server's right name in the warehouse address"
	case errors.As(err, &connect):
		return "start the server, or give its right host and port in the warehouse address"
	case isLost(err):
		return "again: the connection was lost"
	}
	return ""
}

// redacted is an error whose text does not hold the password.
type redacted struct {
	error
	text string
}

func (r *redacted) Error() string { return r.text }

func (r *redacted) Unwrap() error { return r.error }

// detailed adds what the server says besides its message, such as the names of the objects that depend on another.
func detailed(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Detail != "" {
		return &redacted{error: err, text: err.Error() + ": " + pg.Detail}
	}
	return err
}

func (w *postgres) redact(err error) error {
	err = detailed(err)
	text := err.Error()
	if p := w.config.ConnConfig.Password; p != "" {
		text = strings.ReplaceAll(text, p, "***")
		text = strings.ReplaceAll(text, url.QueryEscape(p), "***")
	}
	if text == err.Error() {
		return err
	}
	return &redacted{error: err, text: text}
}

// badAddress does not quote the address or what the driver says of it: what cannot be read cannot be cleaned of its password.
func badAddress() error {
	return &change.Problem{
		Err:   errors.New("the warehouse address cannot be read"),
		Try:   "postgres://user:password@host:5432/database, with %40 for an @ in the password",
		Class: change.ClassUsage,
	}
}

func notUTF8(encoding string) error {
	return &change.Problem{
		Err:   fmt.Errorf("the warehouse's database has the encoding %s, which cannot hold every text", encoding),
		Try:   "create the database with encoding 'UTF8'",
		Class: change.ClassError,
	}
}

// withLine adds the line of a statement that the server's error points at, as psql shows it.
func withLine(statement string, err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Position < 1 {
		return err
	}
	letters := []rune(statement)
	before := string(letters[:min(int(pg.Position)-1, len(letters))])
	line := strings.Count(before, "\n")
	return fmt.Errorf("%w\nLINE %d: %s", err, line+1, strings.TrimSpace(strings.Split(statement, "\n")[line]))
}
