package cdc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/cdc"
	"lifeline/change"
	"lifeline/source"
)

// torture is what sessions do, and what the log must tell of it: rows of table t, or why it cannot and of which table.
type torture struct {
	name       string
	only       string // As in typed.
	before     []string
	statements []string
	want       []string
	stop       string // Part of the reason; "" where it reads on.
	table      string // That the stop concerns; "" for all.
}

var tortures = []torture{
	{name: "rows of other tables and databases", statements: []string{
		"create table beside (id int)", "insert into beside values (1)", "insert into t values (1, 1)", "drop table beside",
	}, want: []string{"+ id=1\nv=1"}},
	{name: "a new file of the log in between", statements: []string{
		"insert into t values (1, 1)", "flush logs", "insert into t values (2, 2)",
	}, want: []string{"+ id=1\nv=1", "+ id=2\nv=2"}},
	{name: "a row that comes, goes and comes back", statements: []string{
		"insert into t values (1, 1)", "delete from t", "insert into t values (1, 1)",
	}, want: []string{"+ id=1\nv=1", "- id=1\nv=1", "+ id=1\nv=1"}},
	{name: "replace and insert on duplicate key", before: []string{"insert into t values (1, 1)"}, statements: []string{
		"replace into t values (1, 2)", "insert into t values (1, 5) on duplicate key update v = 3",
	}, want: []string{"- id=1\nv=1", "+ id=1\nv=2", "- id=1\nv=2", "+ id=1\nv=3"}},
	{name: "rows that a trigger changes", before: []string{
		"create trigger tr after insert on source_of for each row insert into t values (new.id, 7)",
	}, statements: []string{"insert into source_of values (5)"}, want: []string{"+ id=5\nv=7"}},
	{name: "a temporary table of the same name", statements: []string{
		"create temporary table t (x varchar(9))", "insert into t values ('no')", "drop temporary table t",
	}},
	{name: "keys over two to the sixty-third, far apart", statements: []string{
		"insert into wide values (1, 0), (1000000000000000000, 1), (9223372036854775808, 2), (18446744073709551615, 3)",
	}},
	{name: "an index and a comment", statements: []string{
		"alter table t add index named (v)", "alter table t comment = 'add column'", "create index more on t (v)", "insert into t values (1, 1)",
	}, want: []string{"+ id=1\nv=1"}},
	{
		name: "a statement in place of rows", statements: []string{"set binlog_format = 'STATEMENT'", "insert into t values (1, 1)"},
		stop: "a statement to the log in place of rows",
	},
	{name: "a statement of another database", statements: []string{
		"set binlog_format = 'STATEMENT'", "update mysql.help_topic set name = name where 1 = 0", "insert into {db}.t values (3, 3)",
	}, stop: "a statement to the log in place of rows"},
	{name: "a statement on a table of the same name in another database", statements: []string{
		"create database {db}_other", "create table {db}_other.t (id int primary key)", "use {db}_other", "set binlog_format = 'STATEMENT'",
		"insert into t values (1)", "drop database {db}_other", "use {db}", "set binlog_format = 'ROW'", "insert into t values (3, 3)",
	}, want: []string{"+ id=3\nv=3"}},
	{name: "rows without all their values", before: []string{"insert into t values (1, 1)"}, statements: []string{
		"set binlog_row_image = 'MINIMAL'", "update t set v = 2",
	}, stop: "without all their values", table: "t"},
	{name: "rows without their long values", before: []string{"insert into long_ones values (1, 'x', 1)"}, statements: []string{
		"set binlog_row_image = 'NOBLOB'", "update long_ones set n = 2",
	}, stop: "without all their values", table: "long_ones"},
	{name: "a column more", statements: []string{"alter table t add w int"}, stop: "alter table", table: "t"},
	{
		name: "a column of another name and the same type", statements: []string{"alter table t change v w int"}, stop: "alter table",
		table: "t",
	},
	{name: "a column moved", statements: []string{"alter table t modify v int first"}, stop: "alter table", table: "t"},
	{
		name: "a change written for some versions only", statements: []string{"/*!50500 alter table t add w int */"}, stop: "alter table",
		table: "t",
	},
	{name: "a change with names in quotes", statements: []string{
		"set sql_mode = 'ANSI_QUOTES'", `alter table "{db}"."t" add w int`,
	}, stop: "alter table", table: "t"},
	{
		name: "a change behind a comment", statements: []string{"# insert\n-- rename\n/* drop */ alter /* x */ table `t` add w int"},
		stop:  "alter table",
		table: "t",
	},
	{
		name: "two tables renamed at once", statements: []string{"create table n like t", "rename table t to o, n to t"}, stop: "rename table",
		table: "t",
	},
	{
		name: "a rename by alter table", statements: []string{"alter table long_ones rename to gone, comment 'x'"}, stop: "alter table",
		table: "long_ones",
	},
	{
		name: "a table dropped among others", statements: []string{"create table d (id int)", "drop table if exists nothing, d, t"},
		stop:  "drop table",
		table: "t",
	},
	{
		name: "a partition dropped with its rows", statements: []string{"alter table parted drop partition p0"}, stop: "alter table",
		table: "parted",
	},
	{
		name: "rows deleted by a cascade", before: []string{"insert into parent values (1)", "insert into child values (1, 1)"}, only: "silent",
		statements: []string{"delete from parent"}, stop: "cascade", table: "child",
	},
	{
		name: "a parent that no row hangs on is inserted", statements: []string{"insert into parent values (7)", "insert into t values (1, 1)"},
		want: []string{"+ id=1\nv=1"},
	},
}

// The log is read, or the reading stops before what cannot be read, with the reason and the table: it never misreads.
func TestTheLogIsReadOrStopsWithTheReason(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		silent := d.maria || !strings.HasPrefix(d.version, "9")
		for _, c := range tortures {
			if c.only == "silent" && !silent {
				continue
			}
			d.exec(t, "set foreign_key_checks = 0; drop table if exists t, o, n, source_of, wide, long_ones, gone, parted, child, parent; "+
				"set foreign_key_checks = 1; create table t (id int primary key, v int); create table source_of (id int primary key); "+
				"create table wide (id bigint unsigned primary key, v int); create table long_ones (id int primary key, b text, n int); "+
				"create table parted (id int primary key) partition by range (id) (partition p0 values less than (10), partition p1 values less "+
				"than maxvalue); create table parent (id int primary key); create table child (id int primary key, p int, foreign key (p) "+
				"references parent (id) on delete cascade)")
			d.session(t, c.before...)
			l := d.log(t)
			var statements []string
			for _, s := range c.statements {
				statements = append(statements, strings.ReplaceAll(s, "{db}", d.name))
			}
			d.session(t, statements...)
			got, r := d.readAs(t, l)
			if c.stop == "" {
				require.Nil(t, r.Stop, c.name)
			} else {
				require.NotNil(t, r.Stop, c.name)
				require.Contains(t, r.Stop.Why, c.stop, c.name)
				require.Equal(t, c.table, r.Stop.Table, c.name)
			}
			require.Equal(t, c.want, got.rows["t"], c.name)
			if strings.HasPrefix(c.name, "keys over") {
				require.Len(t, got.rows["wide"], 4)
				require.Contains(t, got.rows["wide"][3], "id=wide 18446744073709551615")
			}
		}
	})
}

// readAs reads the log with the tables as they were described before, up to where it stands now.
func (d *tester) readAs(tb testing.TB, l source.Log) (*collector, cdc.Result) {
	tb.Helper()
	s, err := cdc.Open(tb.Context(), optionsOf(l), l.Here)
	require.NoError(tb, err)
	defer func() { require.NoError(tb, s.Close()) }()
	now := d.log(tb).Here
	c := &collector{rows: map[string][]string{}}
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	r, err := s.Read(ctx, c.images, cdc.Limit{File: now.File, Pos: now.Pos})
	require.NoError(tb, err)
	return c, r
}

// An XA transaction may be prepared before one reading and decided behind it: a decision for changes that were told before is never passed
// over in silence, and one against them needs nothing.
func TestADistributedTransactionAcrossReadings(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		if d.is56() {
			return // It rolls back what is prepared when the session ends, and writes rows at the decision alone.
		}
		d.exec(t, "create table t (id int primary key, v int)")
		for i, decision := range []string{"commit", "rollback"} {
			xid := fmt.Sprintf("'%s_%d'", d.name, i)
			from := d.log(t).Here
			d.session(t, "xa start "+xid, fmt.Sprintf("insert into t values (%d, 1)", i), "xa end "+xid, "xa prepare "+xid)
			first, r := d.read(t, from)
			require.Nil(t, r.Stop)
			kept := len(first.rows["t"]) - len(r.Dropped)
			require.Zero(t, kept, "nothing is decided yet: %v", first.rows)
			between, ok := change.ParseLogPosition(r.Position)
			require.True(t, ok)
			d.session(t, "xa "+decision+" "+xid)
			second, r := d.read(t, between)
			require.Empty(t, second.rows["t"])
			if decision == "rollback" {
				require.Nil(t, r.Stop)
				continue
			}
			require.NotNil(t, r.Stop)
			require.Contains(t, r.Stop.Why, "XA transaction")
		}
	})
}

// Several readers at once do not disturb each other. Where two have one number the server ends the first, which says so.
func TestSeveralReadersAtOnce(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		d.exec(t, "create table t (id int primary key, v int)")
		l := d.log(t)
		var streams []*cdc.Stream
		for range 3 {
			s, err := cdc.Open(t.Context(), optionsOf(l), l.Here)
			require.NoError(t, err)
			defer s.Close()
			streams = append(streams, s)
		}
		d.exec(t, "insert into t values (1, 1)")
		for _, s := range streams {
			c := &collector{rows: map[string][]string{}}
			_, err := s.Read(t.Context(), c.images, cdc.Limit{Rows: 1})
			require.NoError(t, err)
			require.Equal(t, []string{"+ id=1\nv=1"}, c.rows["t"])
		}
		o := optionsOf(l)
		o.ServerID = 4_000_000_000 + uint32(os.Getpid())%100_000
		first, err := cdc.Open(t.Context(), o, l.Here)
		require.NoError(t, err)
		defer first.Close()
		second, err := cdc.Open(t.Context(), o, l.Here)
		require.NoError(t, err)
		defer second.Close()
		d.exec(t, "insert into t values (2, 2)")
		read := 0
		for _, s := range []*cdc.Stream{first, second} {
			c := &collector{rows: map[string][]string{}}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			_, err := s.Read(ctx, c.images, cdc.Limit{Rows: 2})
			cancel()
			var lost *cdc.LostError
			var p *change.Problem
			if err == nil {
				require.Len(t, c.rows["t"], 2)
				read++
				continue
			}
			require.True(t, errors.As(err, &lost) || errors.As(err, &p), "%v", err)
		}
		require.GreaterOrEqual(t, read, 1)
	})
}

// proxy passes connections on to a server until it is cut.
type proxy struct {
	address string
	mu      sync.Mutex
	open    []net.Conn
}

func newProxy(tb testing.TB, to string) *proxy {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, listener.Close()) })
	p := &proxy{address: listener.Addr().String()}
	go func() {
		for {
			here, err := listener.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", to)
			if err != nil {
				_ = here.Close()
				continue
			}
			p.mu.Lock()
			p.open = append(p.open, here, there)
			p.mu.Unlock()
			go func() { _, _ = io.Copy(here, there); _ = here.Close() }()
			go func() { _, _ = io.Copy(there, here); _ = there.Close() }()
		}
	}()
	tb.Cleanup(p.cut)
	return p
}

// cut ends every connection that is open.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.open {
		_ = c.Close()
	}
	p.open = nil
}

// A link that is cut is told, and another reading goes on where the last whole transaction ended.
func TestACutLinkIsGoneOnFrom(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		d.exec(t, "create table t (id int primary key, v int)")
		l := d.log(t)
		p := newProxy(t, l.Host)
		o := optionsOf(l)
		o.Host = p.address
		s, err := cdc.Open(t.Context(), o, l.Here)
		require.NoError(t, err)
		defer s.Close()
		d.exec(t, "insert into t values (1, 1)")
		c := &collector{rows: map[string][]string{}}
		r, err := s.Read(t.Context(), c.images, cdc.Limit{Rows: 1})
		require.NoError(t, err)
		require.Equal(t, []string{"+ id=1\nv=1"}, c.rows["t"])
		p.cut()
		_, err = s.Read(t.Context(), c.images, cdc.Limit{Wait: time.Minute})
		var lost *cdc.LostError
		require.ErrorAs(t, err, &lost)
		d.exec(t, "insert into t values (2, 2)")
		from, _ := change.ParseLogPosition(r.Position)
		got, _ := d.read(t, from)
		require.Equal(t, []string{"+ id=2\nv=2"}, got.rows["t"])
	})
}

// counter counts images and keeps none.
type counter struct{ images int64 }

func (c *counter) open(context.Context, *change.Table) (change.Writer, error) { return c, nil }

func (c *counter) Write(_ context.Context, b *change.Batch) error {
	c.images += int64(b.Len)
	return nil
}

func (c *counter) Close(context.Context) error { return nil }

// A transaction of any size is read in flat memory; a compressed one too.
func TestABigTransactionIsReadInFlatMemory(t *testing.T) {
	rows := 100_000
	if os.Getenv("LIFELINE_SOAK") != "" {
		rows = 1_700_000
	}
	onEveryServer(t, func(t *testing.T, d *tester) {
		d.exec(t, "create table t (id int primary key, v varchar(500))", "create table ten (n int)",
			"insert into ten values (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)")
		l := d.log(t)
		fill := fmt.Sprintf("insert into t select a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n + 100000 * f.n + 1000000 * g.n as id, "+
			"repeat('x', 400) from ten a, ten b, ten c, ten d, ten e, ten f, ten g having id < %d", rows)
		if rows <= 100_000 {
			fill = "insert into t select a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n, repeat('x', 400) from ten a, ten b, ten c, ten " +
				"d, ten e"
		}
		statements := []string{fill}
		if strings.HasPrefix(d.version, "9") {
			statements = []string{"set binlog_transaction_compression = on", fill}
		}
		d.session(t, statements...)
		now := d.log(t).Here
		s, err := cdc.Open(t.Context(), optionsOf(l), l.Here)
		require.NoError(t, err)
		defer s.Close()
		defer debug.SetGCPercent(debug.SetGCPercent(100)) // As the program has it, whatever the tests run with.
		runtime.GC()
		var before, most runtime.MemStats
		runtime.ReadMemStats(&before)
		c := &counter{}
		r, err := s.Read(t.Context(), func(ctx context.Context, table *change.Table) (change.Writer, error) {
			return c.open(ctx, table)
		}, cdc.Limit{File: now.File, Pos: now.Pos})
		require.NoError(t, err)
		runtime.ReadMemStats(&most)
		require.True(t, r.Reached)
		require.Equal(t, int64(rows), c.images)
		require.Less(t, most.Sys-before.Sys, uint64(48<<20), "memory that was asked for")
	})
}
