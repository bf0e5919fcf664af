package source

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"lifeline/change"
)

// MySQL's and MariaDB's error numbers that are met with more than a message.
const (
	codeAccessDenied      = 1045
	codeDatabaseDenied    = 1044
	codeNoDatabase        = 1049
	codeNoTable           = 1146
	codeTableDenied       = 1142
	codeColumnDenied      = 1143
	codeRightMissing      = 1227
	codeTooManyConns      = 1040
	codePasswordExpired   = 1820
	codeMustChange        = 1862 // The same, said while connecting.
	codeLockedMySQL       = 3118
	codeLockedMariaDB     = 4151
	codeLockTimeout       = 1205
	codeUnknownVariable   = 1193
	codeKilled            = 1317
	codeConnectionKilled  = 1927
	codeShutdown          = 1053
	codeServerGone        = 2006
	codeServerLost        = 2013
	codeDefinitionChanged = 1412
	codeIdle              = 4031
	codeReadOnlyVariable  = 1238
	codeQueryCacheOff     = 1651
	codeNoSuchThread      = 1094
	codeNoColumn          = 1054
	codeUserConns         = 1203
	codeUserResource      = 1226
	codeStatementTime     = 1969 // MariaDB's max_statement_time.
	codeExecutionTime     = 3024 // MySQL's max_execution_time.
)

func serverCode(err error) uint16 {
	var e *mysql.MyError
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// tooManyConnections reports whether the server or the user's own limit allows no further connection.
func tooManyConnections(err error) bool {
	code := serverCode(err)
	return code == codeTooManyConns || code == codeUserConns || code == codeUserResource
}

// oldTLS reports whether both sides found no version or cipher of TLS that they share. Some servers then end the connection without a
// word.
func oldTLS(err error) bool {
	for _, says := range []string{
		"unsupported protocol version", "tls: handshake failure", "tls: protocol version not supported", "writeAuthHandshake: unexpected EOF",
		"writeAuthHandshake: EOF", "writeAuthHandshake: read: connection reset",
	} {
		if strings.Contains(err.Error(), says) {
			return true
		}
	}
	return false
}

// unreachableError says that no connection could be made.
type unreachableError struct{ err error }

func (e *unreachableError) Error() string { return e.err.Error() }
func (e *unreachableError) Unwrap() error { return e.err }

// IsViewLost reports whether err means that the consistent view of the source is gone, after a lost connection, a kill or a
// change of a table's definition, a lock that another session held, or that none could be had because the server was away: a new snapshot
// may succeed. An error of the caller's own context is none.
func IsViewLost(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var lost *lostError
	var away *unreachableError
	if errors.As(err, &lost) || errors.As(err, &away) {
		return true
	}
	switch serverCode(err) {
	case codeKilled, codeConnectionKilled, codeShutdown, codeServerGone, codeServerLost, codeDefinitionChanged, codeIdle, codeLockTimeout:
		return true
	}
	return false
}

// explain turns an error of a server into one that says what to try. doing is a clause such as "read CLAIM".
func (a address) explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	var known *change.Problem
	if errors.As(err, &known) {
		return err
	}
	p := &change.Problem{Err: fmt.Errorf("%s: %w", doing, err), Class: change.ClassError}
	var away *unreachableError
	switch code := serverCode(err); {
	case code == codeAccessDenied:
		p.Class = change.ClassUsage
		p.Try = "the user and password of the source's address, and ?tls=required if the user may only come by TLS; " + change.EscapeHint
	case code == codeNoDatabase || code == codeDatabaseDenied:
		p.Class = change.ClassUsage
		p.Try = fmt.Sprintf("a database that exists and that %s may read: mysql://user:password@%s/DATABASE", a.user, a.host)
	case code == codeTableDenied || code == codeColumnDenied:
		p.Class, p.Try = change.ClassUsage, fmt.Sprintf("grant select on `%s`.* to '%s'@'%%'", a.database, a.user)
	case code == codeNoTable:
		p.Class, p.Try = change.ClassBlocked, "the table's identifier in sources.yml, and the source's database"
	case a.ofTheUser(p, code):
	case tooManyConnections(err):
		p.Try = "again later, or allow the user two connections: one asks, one reads; more read faster (--source-workers)"
	case code == codeLockTimeout:
		p.Try = "again once the other session has let its lock go: show full processlist names it"
	case code == codeStatementTime || code == codeExecutionTime:
		p.Try = "a higher limit for this user (max_statement_time, max_execution_time), or a primary key, by which a table is read in parts"
	case code == codeNoColumn:
		p.Class, p.Try = change.ClassBlocked, "again: the table was changed while it was read"
	case oldTLS(err):
		p.Class = change.ClassUsage
		p.Try = "&tls-version=TLSv1,TLSv1.1,TLSv1.2 in the source's address, if the server is one that knows no newer TLS"
	case errors.As(err, &away):
		p.Try = fmt.Sprintf("whether a server listens at %s and no firewall stands between", a.host)
	case IsViewLost(err):
		p.Try = "again; if it recurs, look into the server's error log"
	}
	return p
}

// ofTheUser gives the advice on what is wrong with the user or its way in, and tells whether there is any.
func (a address) ofTheUser(p *change.Problem, code uint16) bool {
	text := p.Err.Error()
	switch {
	case code == codePasswordExpired || code == codeMustChange:
		p.Class, p.Try = change.ClassUsage, fmt.Sprintf("a new password for %s: alter user … identified by …", a.user)
	case code == codeLockedMySQL || code == codeLockedMariaDB:
		p.Class, p.Try = change.ClassUsage, fmt.Sprintf("alter user … account unlock, or another user than %s", a.user)
	case code == codeUserResource && !strings.Contains(text, "_connections'"):
		p.Try = fmt.Sprintf("again in an hour, or a higher limit for %s: alter user … with max_queries_per_hour 0", a.user)
	case strings.Contains(text, "insecure transport"):
		p.Class, p.Try = change.ClassUsage, "the address with ?tls=required, or with ?ca=FILE, which also proves who answers"
	case strings.Contains(text, "does not support TLS"):
		p.Class, p.Try = change.ClassUsage, "a server with a certificate (ssl_cert, ssl_key), or the address without tls"
	default:
		return false
	}
	return true
}
