package source_test

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/source"
	"lifeline/source/servertest"
)

// tester is a database of its own on the test server.
type tester struct {
	dsn  string // For source.Open.
	name string
	db   *sql.DB

	tb       testing.TB // That the database was made for.
	version  string
	maria    bool
	numbered bool
	numbers  int
}

var serial atomic.Int64

// server is one that tests may fill.
type server struct{ name, base string }

// servers are those that are there: the pair's own, and with `make matrix` the further versions.
func servers(tb testing.TB) []server {
	tb.Helper()
	out := []server{{"own", os.Getenv("LIFELINE_TEST_MYSQL")}}
	if out[0].base == "" {
		require.Empty(tb, os.Getenv("LIFELINE_TEST_REQUIRE"), "LIFELINE_TEST_MYSQL names no server")
		tb.Skip("LIFELINE_TEST_MYSQL names no server")
	}
	for _, further := range []string{"MYSQL56", "MYSQL97", "MARIADB118"} {
		if base := os.Getenv("LIFELINE_TEST_" + further); base != "" {
			out = append(out, server{strings.ToLower(further), base})
		}
	}
	return out
}

// onEveryServer runs a test on each server that is there.
func onEveryServer(t *testing.T, test func(t *testing.T, d *tester)) {
	t.Helper()
	for _, s := range servers(t) {
		t.Run(s.name, func(t *testing.T) { test(t, databaseOn(t, s.base)) })
	}
}

// database makes an empty database on the pair's own server.
func database(tb testing.TB) *tester {
	tb.Helper()
	return databaseOn(tb, servers(tb)[0].base)
}

// databaseOn makes an empty database; settings such as strict modes are off, as in the shipped loader.
func databaseOn(tb testing.TB, base string) *tester {
	tb.Helper()
	servertest.Share(tb, base)
	return emptyDatabase(tb, base)
}

func emptyDatabase(tb testing.TB, base string) *tester {
	tb.Helper()
	u, err := url.Parse(base)
	require.NoError(tb, err)
	name := fmt.Sprintf("source_%d_%d", os.Getpid(), serial.Add(1))
	admin := open(tb, u, "")
	_, err = admin.Exec("create database " + name + " character set utf8mb4 collate utf8mb4_general_ci")
	require.NoError(tb, err)
	tb.Cleanup(func() {
		_, err := admin.Exec("drop database " + name)
		require.NoError(tb, err)
	})
	u.Path = "/" + name
	d := &tester{tb: tb, dsn: u.String(), name: name, db: open(tb, u, name)}
	require.NoError(tb, d.db.QueryRow("select version()").Scan(&d.version))
	d.maria = strings.Contains(strings.ToLower(d.version), "mariadb")
	return d
}

func (d *tester) is56() bool { return strings.HasPrefix(d.version, "5.6") }

// seq is a table of the numbers from 1 to n, for the servers that have no seq_1_to_n.
func (d *tester) seq(tb testing.TB, n int) string {
	tb.Helper()
	numbers := d.name + "_numbers"
	if !d.numbered {
		d.exec(tb, "create database "+numbers)
		d.tb.Cleanup(func() { d.exec(d.tb, "drop database "+numbers) })
		d.exec(tb, "create table "+numbers+".n (seq int primary key); insert into "+numbers+".n values (1)")
		d.numbered, d.numbers = true, 1
	}
	for ; d.numbers < n; d.numbers *= 2 {
		d.exec(tb, fmt.Sprintf("insert into %s.n select seq + %d from %s.n", numbers, d.numbers, numbers))
	}
	return fmt.Sprintf("(select seq from %s.n where seq <= %d) numbers", numbers, n)
}

func open(tb testing.TB, u *url.URL, name string) *sql.DB {
	tb.Helper()
	password, _ := u.User.Password()
	db, err := sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s)/%s?multiStatements=true&sql_mode=''&time_zone='%%2B00:00'&charset=utf8mb4&"+
		"maxAllowedPacket=0",
		u.User.Username(), password, u.Host, name))
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	return db
}

func (d *tester) exec(tb testing.TB, text string, args ...any) {
	tb.Helper()
	_, err := d.db.Exec(text, args...)
	require.NoError(tb, err)
}

// user makes a user with the given rights on the database, and after "; global " on all of them, and returns the address for it.
func (d *tester) user(tb testing.TB, rights string) string {
	tb.Helper()
	name := fmt.Sprintf("u%d_%d", os.Getpid(), serial.Add(1))
	d.exec(tb, fmt.Sprintf("create user %s@'%%' identified by 'p@ss/w%%rd'", name))
	if rights != "" {
		rights, global, _ := strings.Cut(rights, "; global ")
		d.exec(tb, fmt.Sprintf("grant %s on %s.* to %s@'%%'", rights, d.name, name))
		if global != "" {
			d.exec(tb, fmt.Sprintf("grant %s on *.* to %s@'%%'", global, name))
		}
	}
	tb.Cleanup(func() { d.exec(tb, "drop user "+name+"@'%'") })
	u, err := url.Parse(d.dsn)
	require.NoError(tb, err)
	u.User = url.UserPassword(name, "p@ss/w%rd")
	return u.String()
}

// collector is a writer that keeps every row as text.
type collector struct {
	mu      sync.Mutex
	rows    map[string][]string
	batches []int // Rows of each batch.
	opened  int
	closed  int
	onWrite func(rows int) error
	total   int
}

func (c *collector) open(_ context.Context, t *change.Table) (change.Writer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened++
	return &collecting{c, t}, nil
}

type collecting struct {
	*collector
	table *change.Table
}

func (c *collecting) Write(_ context.Context, b *change.Batch) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range b.Len {
		cells := make([]string, 0, len(b.Cols)+1)
		for j := range b.Cols {
			cells = append(cells, cell(&b.Cols[j], c.table.Columns[j].Type, i))
		}
		if !b.Raw.Nulls[i] {
			cells = append(cells, string(b.Raw.BytesAt(i)))
		}
		c.rows[c.table.Name] = append(c.rows[c.table.Name], strings.Join(cells, "|"))
	}
	c.batches = append(c.batches, b.Len)
	c.total += b.Len
	if c.onWrite != nil {
		return c.onWrite(c.total)
	}
	return nil
}

func (c *collecting) Close(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed++
	return nil
}

// cell writes a value in a form of its own.
func cell(v *change.Vector, t change.Type, i int) string {
	if v.Nulls[i] {
		return "∅"
	}
	switch t.Kind {
	case change.Text:
		return string(v.BytesAt(i))
	case change.Bytes:
		return "x" + hex.EncodeToString(v.BytesAt(i))
	case change.Float32, change.Float64:
		return fmt.Sprintf("%.17g", v.Floats[i])
	case change.Date:
		return time.Unix(v.Ints[i]*86400, 0).UTC().Format("2006-01-02")
	case change.Timestamp:
		return time.UnixMicro(v.Ints[i]).UTC().Format("2006-01-02 15:04:05.000000")
	case change.Decimal:
		if wide, ok := v.Wide[i]; ok {
			return "wide " + wide
		}
		return fmt.Sprintf("%d/%d", v.Ints[i], t.Scale)
	case change.Int16, change.Int32, change.Int64:
		return fmt.Sprint(v.Ints[i])
	}
	return "?"
}

// read takes a snapshot and reads everything.
func read(tb testing.TB, o source.Options) *collector {
	tb.Helper()
	src, err := source.Open(tb.Context(), o)
	require.NoError(tb, err)
	defer src.Close()
	snap, err := src.Snapshot(tb.Context())
	require.NoError(tb, err)
	defer snap.Close()
	c := &collector{rows: map[string][]string{}}
	require.NoError(tb, snap.Read(tb.Context(), c.open, nil))
	require.Equal(tb, c.opened, c.closed, "every writer is closed")
	return c
}

func totals(tb testing.TB, o source.Options) []change.Totals {
	tb.Helper()
	src, err := source.Open(tb.Context(), o)
	require.NoError(tb, err)
	defer src.Close()
	snap, err := src.Snapshot(tb.Context())
	require.NoError(tb, err)
	defer snap.Close()
	out, err := snap.Totals(tb.Context())
	require.NoError(tb, err)
	return out
}

// soak picks the size of a test: the small one on every change, the large one in make soak.
func soak(small, large int) int {
	if os.Getenv("LIFELINE_SOAK") != "" {
		return large
	}
	return small
}
