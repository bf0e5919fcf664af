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
)

// tester is a database of its own on the test server.
type tester struct {
	dsn  string // For source.Open.
	name string
	db   *sql.DB
}

var serial atomic.Int64

// database makes an empty database; settings such as strict modes are off, as in the shipped loader.
func database(tb testing.TB) *tester {
	tb.Helper()
	base := os.Getenv("LIFELINE_TEST_MYSQL")
	if base == "" {
		require.Empty(tb, os.Getenv("LIFELINE_TEST_REQUIRE"), "LIFELINE_TEST_MYSQL names no server")
		tb.Skip("LIFELINE_TEST_MYSQL names no server")
	}
	u, err := url.Parse(base)
	require.NoError(tb, err)
	name := fmt.Sprintf("source_%d_%d", os.Getpid(), serial.Add(1))
	admin := open(tb, u, "")
	_, err = admin.Exec("create database " + name + " character set utf8mb4")
	require.NoError(tb, err)
	tb.Cleanup(func() {
		_, err := admin.Exec("drop database " + name)
		require.NoError(tb, err)
	})
	u.Path = "/" + name
	return &tester{dsn: u.String(), name: name, db: open(tb, u, name)}
}

func open(tb testing.TB, u *url.URL, name string) *sql.DB {
	tb.Helper()
	password, _ := u.User.Password()
	db, err := sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s)/%s?multiStatements=true&sql_mode=''&time_zone='%%2B00:00'&charset=utf8mb4&maxAllowedPacket=0",
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

// user makes a user with the given rights on the database and returns the address for it.
func (d *tester) user(tb testing.TB, rights string) string {
	tb.Helper()
	name := fmt.Sprintf("u%d_%d", os.Getpid(), serial.Add(1))
	d.exec(tb, fmt.Sprintf("create user %s@'%%' identified by 'p@ss/w%%rd'", name))
	if rights != "" {
		d.exec(tb, fmt.Sprintf("grant %s on %s.* to %s@'%%'", rights, d.name, name))
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
