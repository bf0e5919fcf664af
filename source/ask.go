package source

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lifeline/change"
)

// Asker puts small questions to a MySQL or MariaDB server, for whoever has to look at a database before a project describes it.
// Its one connection is read-only, takes no lock, and ends each statement at a time limit (promise 9).
type Asker struct {
	server *server
	limit  time.Duration
}

// OpenAsker connects to the server of a mysql:// or mariadb:// address. Each statement ends after limit; 0 means two seconds.
func OpenAsker(ctx context.Context, dsn string, limit time.Duration) (*Asker, error) {
	if !strings.HasPrefix(dsn, "mysql://") && !strings.HasPrefix(dsn, "mariadb://") {
		return nil, &change.Problem{
			Err: fmt.Errorf("%q is not the address of a MySQL or MariaDB database", Redact(dsn)), Class: change.ClassUsage,
			Try: "mysql://user:password@host:3306/database",
		}
	}
	src, err := Open(ctx, Options{DSN: dsn, Workers: 1})
	if err != nil {
		return nil, err
	}
	a := &Asker{server: src.(*server), limit: limit}
	if a.limit <= 0 {
		a.limit = 2 * time.Second
	}
	if err := a.restrict(ctx); err != nil {
		return nil, errors.Join(err, src.Close())
	}
	return a, nil
}

// restrict makes the session read-only and bounds its statements; a server knows one of the two variables.
func (a *Asker) restrict(ctx context.Context) error {
	return a.set(ctx, "set session transaction read only", a.mariaLimit(), a.mysqlLimit())
}

func (a *Asker) mariaLimit() string {
	return fmt.Sprintf("set max_statement_time = %.3f", a.limit.Seconds())
}

func (a *Asker) mysqlLimit() string {
	return fmt.Sprintf("set max_execution_time = %d", a.limit.Milliseconds())
}

// Limit ends each further statement after d.
func (a *Asker) Limit(ctx context.Context, d time.Duration) error {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	a.limit = d
	return a.set(ctx, a.mariaLimit(), a.mysqlLimit())
}

func (a *Asker) set(ctx context.Context, texts ...string) error {
	for _, text := range texts {
		_, err := a.server.control.query(ctx, text)
		if code := serverCode(err); code == codeUnknownVariable || code == codeReadOnlyVariable {
			continue
		}
		if err != nil {
			return a.server.address.explain(text, err)
		}
	}
	return nil
}

// Database is the name of the database in the address.
func (a *Asker) Database() string { return a.server.address.database }

// Version is what the server says of itself.
func (a *Asker) Version() string { return a.server.version }

// Ask runs one select and returns its rows by lower-cased column names; nulls are left out.
func (a *Asker) Ask(ctx context.Context, text string) ([]map[string]string, error) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	if a.server.control.broken != nil {
		c, err := a.server.connect(ctx)
		if err != nil {
			return nil, err
		}
		a.server.control = c
		if err := a.restrict(ctx); err != nil {
			return nil, err
		}
	}
	return a.server.control.query(ctx, text)
}

// TookTooLong reports whether a statement ended at its time limit.
func TookTooLong(err error) bool {
	code := serverCode(err)
	return code == 3024 || code == 1969 || code == 1317
}

// Close ends the connection.
func (a *Asker) Close() error { return a.server.Close() }
