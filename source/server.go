package source

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"

	"lifeline/change"
)

// server is a MySQL or MariaDB database.
type server struct {
	options Options
	address address
	version string
	maria   bool
	number  int // The version as 80036 or 101119.

	mu      sync.Mutex
	control *conn // For questions; a snapshot's connections are its own.
	tables  []*serverTable
}

// serverTable is a table with what its reading needs.
type serverTable struct {
	*change.Table
	engine  string
	selects string // The select list.
	keys    []keyColumn
	index   string // The index that keys is a prefix of.
	primary []string
	shape   shape

	question *shiftQuestion // What its rows were asked, where it has the form of a shift.
}

func openServer(ctx context.Context, o Options) (Source, error) {
	a, err := parseAddress(o.DSN)
	if err != nil {
		return nil, &change.Problem{Err: err, Class: change.ClassUsage, Try: "mysql://user:password@host:3306/database"}
	}
	if a.database == "" {
		return nil, &change.Problem{
			Err: fmt.Errorf("the address %s names no database", Redact(o.DSN)), Class: change.ClassUsage,
			Try: "mysql://user:password@host:3306/database",
		}
	}
	s := &server{options: o, address: a}
	if s.control, err = s.connect(ctx); err != nil {
		return nil, err
	}
	rows, err := s.control.query(ctx, "select version() as version")
	if err != nil || len(rows) != 1 {
		return nil, a.explain("ask for the version", errors.Join(err, s.control.close()))
	}
	s.version = rows[0]["version"]
	s.maria = strings.Contains(strings.ToLower(s.version), "mariadb")
	s.number = versionNumber(s.version)
	return s, nil
}

// versionNumber makes 80036 of "8.0.36-log".
func versionNumber(text string) int {
	number := 0
	parts := strings.SplitN(text, ".", 3)
	for i := range 3 {
		n := 0
		if i < len(parts) {
			end := strings.IndexFunc(parts[i], func(r rune) bool { return r < '0' || r > '9' })
			if end < 0 {
				end = len(parts[i])
			}
			n, _ = strconv.Atoi(parts[i][:end]) // No digits count as 0.
		}
		number = number*100 + n
	}
	return number
}

// session makes values come as they are stored, and keeps limits that other programs need from ending a long read.
var session = []string{
	"set names utf8mb4",
	"set time_zone = '+00:00'",
	"set sql_mode = ''",
	"set transaction_isolation = 'REPEATABLE-READ'",
	"set tx_isolation = 'REPEATABLE-READ'", // Its name before MySQL 8 and in MariaDB.
	"set autocommit = 1",
	"set sql_select_limit = default",
	"set sql_big_selects = 1",
	"set lock_wait_timeout = 1",
	"set net_write_timeout = 3600", // A warehouse may be slow to take what was sent.
	"set net_read_timeout = 3600",
	"set wait_timeout = 28800",
	"set max_statement_time = 0", // MariaDB.
	"set idle_transaction_timeout = 0",
	"set idle_readonly_transaction_timeout = 0",
	"set max_execution_time = 0", // MySQL.
	"set explain_format = 'TRADITIONAL'",
	"set information_schema_stats_expiry = 0",
}

// connect opens a connection with the session that every read needs.
func (s *server) connect(ctx context.Context) (*conn, error) {
	c, err := dial(ctx, s.address)
	var network net.Error
	if errors.As(err, &network) {
		err = &unreachableError{err}
	}
	if err != nil {
		return nil, s.address.explain("connect to "+s.address.shown+" as "+s.address.user, err)
	}
	for _, text := range session {
		err := c.exec(ctx, text)
		if code := serverCode(err); code == codeUnknownVariable || code == codeReadOnlyVariable {
			continue
		}
		if err != nil {
			return nil, s.address.explain(text, errors.Join(err, c.close()))
		}
	}
	return c, nil
}

// ask runs a statement on the control connection, and on a new one if the old one is gone.
func (s *server) ask(ctx context.Context, text string) ([]map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.askLocked(ctx, text)
}

func (s *server) askLocked(ctx context.Context, text string) ([]map[string]string, error) {
	for first := true; ; first = false {
		if s.control.broken != nil {
			_ = s.control.net.Close() // It is broken already.
			c, err := s.connect(ctx)
			if err != nil {
				return nil, err
			}
			s.control = c
		}
		rows, err := s.control.query(ctx, text)
		if s.control.broken == nil || !first || ctx.Err() != nil {
			return rows, err
		}
	}
}

// Close ends the control connection. Snapshots close their own.
func (s *server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.control.broken != nil {
		_ = s.control.net.Close() // It was broken before.
		return nil
	}
	return s.control.close()
}

// ident quotes a name.
func ident(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// literal quotes a text for a session whose sql_mode is empty.
func literal(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`).Replace(text) + "'"
}

func (s *server) from(t *serverTable) string {
	return ident(s.address.database) + "." + ident(t.SourceName)
}
