package cdc_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"lifeline/cdc"
	"lifeline/change"
	"lifeline/source"
	"lifeline/source/servertest"
)

// tester is a database of its own on a test server.
type tester struct {
	dsn, name string
	db        *sql.DB
	version   string
	maria     bool
}

var serial atomic.Int64

// onEveryServer runs a test on each server that is there: the pair's own, and with `make matrix` the further versions.
func onEveryServer(t *testing.T, test func(t *testing.T, d *tester)) {
	t.Helper()
	own := os.Getenv("LIFELINE_TEST_MYSQL")
	if own == "" {
		require.Empty(t, os.Getenv("LIFELINE_TEST_REQUIRE"), "LIFELINE_TEST_MYSQL names no server")
		t.Skip("LIFELINE_TEST_MYSQL names no server")
	}
	t.Run("own", func(t *testing.T) { test(t, databaseOn(t, own)) })
	for _, further := range []string{"MYSQL56", "MYSQL97", "MARIADB118"} {
		if base := os.Getenv("LIFELINE_TEST_" + further); base != "" {
			t.Run(strings.ToLower(further), func(t *testing.T) { test(t, databaseOn(t, base)) })
		}
	}
}

// databaseOn makes an empty database.
func databaseOn(tb testing.TB, base string) *tester {
	tb.Helper()
	servertest.Share(tb, base)
	u, err := url.Parse(base)
	require.NoError(tb, err)
	name := fmt.Sprintf("cdc_%d_%d", os.Getpid(), serial.Add(1))
	admin := connect(tb, u, "")
	_, err = admin.Exec("create database " + name + " character set utf8mb4 collate utf8mb4_general_ci")
	require.NoError(tb, err)
	tb.Cleanup(func() {
		_, err := admin.Exec("drop database " + name)
		require.NoError(tb, err)
	})
	u.Path = "/" + name
	d := &tester{dsn: u.String(), name: name, db: connect(tb, u, name)}
	require.NoError(tb, d.db.QueryRow("select version()").Scan(&d.version))
	d.maria = strings.Contains(strings.ToLower(d.version), "mariadb")
	return d
}

func connect(tb testing.TB, u *url.URL, name string) *sql.DB {
	tb.Helper()
	password, _ := u.User.Password()
	db, err := sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s)/%s?multiStatements=true&sql_mode=''&time_zone='%%2B00:00'&charset=utf8mb4&"+
		"maxAllowedPacket=0", u.User.Username(), password, u.Host, name))
	require.NoError(tb, err)
	tb.Cleanup(func() {
		if err := db.Close(); !errors.Is(err, driver.ErrBadConn) { // Of a server that was killed.
			require.NoError(tb, err)
		}
	})
	return db
}

func (d *tester) exec(tb testing.TB, texts ...string) {
	tb.Helper()
	for _, text := range texts {
		_, err := d.db.Exec(text)
		require.NoError(tb, err, text)
	}
}

// session runs statements in a session of their own. One that fails leaves nothing open, which would hold up the test's end for good.
func (d *tester) session(tb testing.TB, texts ...string) {
	tb.Helper()
	conn, err := d.db.Conn(tb.Context())
	require.NoError(tb, err)
	defer func() {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // It is closed, not pooled.
		_ = conn.Close()
	}()
	for _, text := range texts {
		_, err := conn.ExecContext(tb.Context(), text)
		require.NoError(tb, err, text)
	}
}

func (d *tester) is56() bool { return strings.HasPrefix(d.version, "5.6") }

// log describes the log as it is now.
func (d *tester) log(tb testing.TB, tables ...source.Contract) source.Log {
	tb.Helper()
	src, err := source.Open(tb.Context(), source.Options{DSN: d.dsn, Tables: tables})
	require.NoError(tb, err)
	defer src.Close()
	l, err := src.(source.Logged).Log(tb.Context())
	require.NoError(tb, err)
	require.Empty(tb, l.Unreadable)
	return l
}

func optionsOf(l source.Log) cdc.Options {
	return cdc.Options{
		Network: l.Network, Host: l.Host, User: l.User, Password: l.Password, TLS: l.TLS, Preferred: l.Preferred, Timeout: l.Timeout,
		Shown: l.Shown, MariaDB: l.MariaDB, Number: l.Number, Tables: l.Tables,
	}
}

// read reads the log from a place up to where it stands now.
func (d *tester) read(tb testing.TB, from change.LogPosition, tables ...source.Contract) (*collector, cdc.Result) {
	tb.Helper()
	l := d.log(tb, tables...)
	s, err := cdc.Open(tb.Context(), optionsOf(l), from)
	require.NoError(tb, err)
	defer func() { require.NoError(tb, s.Close()) }()
	c := &collector{rows: map[string][]string{}}
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	r, err := s.Read(ctx, c.images, cdc.Limit{File: l.Here.File, Pos: l.Here.Pos})
	require.NoError(tb, err)
	return c, r
}

// snapshot reads everything as it stands.
func (d *tester) snapshot(tb testing.TB, tables ...source.Contract) *collector {
	tb.Helper()
	src, err := source.Open(tb.Context(), source.Options{DSN: d.dsn, Tables: tables})
	require.NoError(tb, err)
	defer src.Close()
	snap, err := src.Snapshot(tb.Context())
	require.NoError(tb, err)
	defer snap.Close()
	c := &collector{rows: map[string][]string{}}
	require.NoError(tb, snap.Read(tb.Context(), c.plain, nil))
	return c
}

// collector is a writer that keeps every row as text: each cell by its column's name.
type collector struct {
	rows map[string][]string
}

func (c *collector) plain(_ context.Context, t *change.Table) (change.Writer, error) {
	return &collecting{c, t}, nil
}

func (c *collector) images(_ context.Context, t *change.Table) (change.Writer, error) {
	return &collecting{c, change.Images(t)}, nil
}

type collecting struct {
	*collector

	table *change.Table
}

func (c *collecting) Write(_ context.Context, b *change.Batch) error {
	n := len(c.table.Columns)
	sign := ""
	for i := range b.Len {
		if c.table.Columns[n-1].Name == change.ImagePosition {
			n = len(c.table.Columns) - 6
			sign = map[bool]string{true: "+ ", false: "- "}[b.Cols[n+1].Ints[i] > 0]
		}
		cells := make([]string, 0, n+1)
		for j := range n {
			cells = append(cells, c.table.Columns[j].Name+"="+cell(&b.Cols[j], c.table.Columns[j].Type, i))
		}
		if !b.Raw.Nulls[i] {
			cells = append(cells, string(b.Raw.BytesAt(i)))
		}
		c.rows[c.table.Name] = append(c.rows[c.table.Name], sign+strings.Join(cells, "\n"))
		n = len(c.table.Columns)
	}
	return nil
}

func (c *collecting) Close(context.Context) error { return nil }

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
