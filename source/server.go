package source

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-mysql-org/go-mysql/mysql"

	"lifeline/change"
)

// server is a MySQL or MariaDB database.
type server struct {
	options Options
	address address
	version string
	maria   bool
	number  int  // The version as 80036 or 101119.
	noSHA1  bool // The server lacks that function.

	mu      sync.Mutex
	control *conn // For questions; a snapshot's connections are its own.
	tables  []*serverTable
	taken   bool // A snapshot was taken.
}

// serverTable is a table with what its reading needs.
type serverTable struct {
	*change.Table
	engine  string
	isView  bool
	rowSize int64  // About how many bytes a row has; 0 where unknown.
	selects string // The select list: the columns, then what of the key no column gives.
	keys    []keyColumn
	index   string // The index whose columns keys are.
	primary []string
	shape   shape

	cutsDoubles bool // The server prints a number that was computed in 22 letters, which may lack digits; in JSON it does not.

	charsets map[string]string // Of text columns, by the source's names.

	said []map[string]string // The columns of the table itself, as the catalogue has them.

	question *shiftQuestion // What its rows were asked, where it has the form of a shift.
}

func openServer(ctx context.Context, o Options) (Source, error) {
	a, err := parseAddress(o.DSN)
	if err != nil {
		return nil, err
	}
	if a.database == "" {
		return nil, &change.Problem{
			Err: fmt.Errorf("the address %s names no database", Redact(o.DSN)), Class: change.ClassUsage,
			Try: addressForm,
		}
	}
	if err := distinct(o.Tables); err != nil {
		return nil, err
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
	if !s.maria && s.number >= 90000 {
		// From 9.6 on SHA-1 is in a component that need not be installed.
		var refused *mysql.MyError
		_, err := s.control.query(ctx, "select sha1('')")
		s.noSHA1 = errors.As(err, &refused)
	}
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

// session makes values come as they are stored, and all of them, whatever the server's or the user's defaults are. The limits by which
// an administrator ends sessions and statements (wait_timeout, idle_transaction_timeout, max_statement_time, net_write_timeout, …) are not
// touched; that on waiting for a lock is only lowered.
var session = []string{
	"set names utf8mb4",
	"set time_zone = '+00:00'",
	"set sql_mode = 'ALLOW_INVALID_DATES'", // A key may be such a date, and is then compared with.
	"set transaction_isolation = 'REPEATABLE-READ'",
	"set tx_isolation = 'REPEATABLE-READ'", // Its name before MySQL 8 and in MariaDB.
	"set autocommit = 1",
	"set completion_type = 'NO_CHAIN'",
	"set sql_select_limit = 18446744073709551615", // Its default would be the server's.
	"set sql_big_selects = 1",
	"set system_versioning_asof = default", // The rows of now; the server may show those of another time.
	"set sql_auto_is_null = 0",
	"set sql_buffer_result = 0",
	"set query_cache_type = 0",
	"set lock_wait_timeout = cast(least(@@lock_wait_timeout, 4) as unsigned)",
	"set innodb_lock_wait_timeout = cast(least(@@innodb_lock_wait_timeout, 10) as unsigned)",
	"set explain_format = 'TRADITIONAL'",
	"set information_schema_stats_expiry = 0",
}

// viewSession has the server end a view soon whose program stopped or was cut off; the keeper says otherwise as long as it lives.
var viewSession = []string{
	"set wait_timeout = cast(least(@@wait_timeout, 30) as unsigned)",
	// MariaDB.
	"set idle_transaction_timeout = cast(if(@@idle_transaction_timeout = 0, 10, least(@@idle_transaction_timeout, 10)) as unsigned)",
}

// connect opens a connection with the session that every read needs, and further settings.
func (s *server) connect(ctx context.Context, further ...string) (*conn, error) {
	c, err := dial(ctx, s.address)
	var network net.Error
	if errors.As(err, &network) {
		err = &unreachableError{err}
	}
	if err != nil {
		return nil, s.address.explain("connect to "+s.address.shown+" as "+s.address.user, err)
	}
	for _, text := range slices.Concat(session, further) {
		err := c.exec(ctx, text)
		switch serverCode(err) {
		case codeUnknownVariable, codeReadOnlyVariable, codeQueryCacheOff:
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
