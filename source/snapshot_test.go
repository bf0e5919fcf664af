package source_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/source"
)

// A writer commits a claim with its invoice, again and again, while snapshots are taken: no connection may see one without the
// other, by whichever way the views were made.
func TestAllConnectionsSeeOnePointInTime(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		d.exec(t, "create table CLAIM (ID int primary key auto_increment); create table INVOICE (ID int primary key)")
		ctx, stop := context.WithCancel(t.Context())
		written := make(chan error, 1)
		go func() { written <- writePairs(ctx, d.db) }()
		asker, asked := &bystander{name: "somebody who asks for no table", text: "select 1"}, make(chan error, 1)
		go func() { asked <- asker.run(ctx, d.db) }()
		var locked time.Duration
		all := []string{"equal log positions", "equal transaction ids", "lock tables", "one connection"}
		for i, rights := range []string{"select; global replication client", "select; global process", "select, lock tables", "select"} {
			if !d.maria && i == 0 {
				continue // MySQL does not keep a view's position.
			}
			if d.is56() && rights == "select, lock tables" {
				continue // A lock of tables does not hold up open transactions there.
			}
			taken := map[string]int{}
			dsn := d.user(t, rights)
			for range soak(8, 300) {
				way, lock := readPairs(t, dsn)
				locked = max(locked, lock)
				require.Contains(t, all[i:], way) // On a busy server a later way may be taken.
				taken[way]++
			}
			t.Logf("%s: %v", rights, taken)
		}
		stop()
		require.NoError(t, <-written)
		require.NoError(t, <-asked)
		require.Less(t, locked, asker.patience(), "the tables were locked")
		for i, rights := range []string{"select; global replication client", "select; global process", "select, lock tables", "select"} {
			if (d.maria || i > 0) && (!d.is56() || i != 2) {
				way, _ := readPairs(t, d.user(t, rights))
				require.Equal(t, all[i], way, "on a server at rest")
			}
		}
	})
}

// readPairs takes a snapshot, reads it, and says by which way it was taken and how long that locked the tables.
func readPairs(t *testing.T, dsn string) (way string, locked time.Duration) {
	t.Helper()
	src, err := source.Open(t.Context(), source.Options{DSN: dsn, Workers: 3})
	require.NoError(t, err)
	defer src.Close()
	began := time.Now()
	snap, err := src.Snapshot(t.Context())
	require.NoError(t, err)
	defer snap.Close()
	require.WithinRange(t, snap.Info().TakenAt, began.Add(-time.Second), time.Now().Add(time.Second))
	c := &collector{rows: map[string][]string{}}
	require.NoError(t, snap.Read(t.Context(), c.open, nil))
	for _, rows := range c.rows {
		slices.Sort(rows)
	}
	require.Equal(t, c.rows["claim"], c.rows["invoice"], snap.Info().Way)
	sums, err := snap.Totals(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, len(c.rows["claim"]), sums[0].Rows)
	require.Equal(t, sums[0].Rows, sums[1].Rows)
	return snap.Info().Way, snap.Info().LockTime
}

func writePairs(ctx context.Context, db *sql.DB) error {
	for ctx.Err() == nil {
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		made, err := tx.Exec("insert into CLAIM values ()")
		if err != nil {
			return errors.Join(err, tx.Rollback())
		}
		id, err := made.LastInsertId()
		if err != nil {
			return errors.Join(err, tx.Rollback())
		}
		if _, err := tx.Exec("insert into INVOICE values (?)", id); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}

func TestWeakerConsistencyOnlyByFlag(t *testing.T) {
	t.Parallel()
	d := database(t)
	d.exec(t, "create table T (ID int primary key); create table M (ID int primary key) engine = MyISAM")
	dsn := d.user(t, "select")
	only := []source.Contract{{Name: "t", Identifier: "T"}}
	way := func(o source.Options) (string, error) {
		src, err := source.Open(t.Context(), o)
		require.NoError(t, err)
		defer src.Close()
		snap, err := src.Snapshot(t.Context())
		if err != nil {
			return "", err
		}
		defer snap.Close()
		return snap.Info().Way, nil
	}
	got, err := way(source.Options{DSN: dsn, Tables: only})
	require.NoError(t, err)
	require.Equal(t, "one connection", got)
	got, err = way(source.Options{DSN: dsn, Tables: only, Weak: true})
	require.NoError(t, err)
	require.Contains(t, got, "weak")
	_, err = way(source.Options{DSN: dsn})
	require.ErrorContains(t, err, "table M is of engine MyISAM")
}

func TestAHeldLockLeadsToAnotherWay(t *testing.T) {
	t.Parallel()
	onEveryServer(t, heldLockLeadsToAnotherWay)
}

func heldLockLeadsToAnotherWay(t *testing.T, d *tester) {
	d.exec(t, "create table T (ID int primary key)")
	dsn := d.user(t, "select, lock tables")
	held, err := d.db.Conn(t.Context())
	require.NoError(t, err)
	defer held.Close()
	_, err = held.ExecContext(t.Context(), "start transaction; insert into T values (1)")
	require.NoError(t, err)
	src, err := source.Open(t.Context(), source.Options{DSN: dsn})
	require.NoError(t, err)
	defer src.Close()
	snap, err := src.Snapshot(t.Context())
	require.NoError(t, err)
	defer snap.Close()
	require.Equal(t, "one connection", snap.Info().Way)
	require.Contains(t, snap.Info().Why, "lock tables: ")
	_, err = held.ExecContext(t.Context(), "rollback")
	require.NoError(t, err)
}

func TestAKilledConnectionLosesTheView(t *testing.T) {
	t.Parallel()
	d := database(t)
	d.exec(t, "create table T (ID int primary key, V varchar(200)); insert into T select seq, repeat('x', 200) from seq_1_to_50000")
	dsn := d.user(t, "select")
	for _, kill := range []string{"kill", "kill query"} {
		src, err := source.Open(t.Context(), source.Options{DSN: dsn, BatchRows: 100})
		require.NoError(t, err)
		snap, err := src.Snapshot(t.Context())
		require.NoError(t, err)
		c := &collector{rows: map[string][]string{}}
		c.onWrite = func(rows int) error {
			if rows != 1000 {
				return nil
			}
			var id int64
			if err := d.db.QueryRow("select id from information_schema.processlist where db = ? and info like 'select%from%' and user like 'u%' "+
				"limit 1", d.name).Scan(&id); err != nil {
				return err
			}
			_, err := d.db.Exec(fmt.Sprintf("%s %d", kill, id))
			return err
		}
		err = snap.Read(t.Context(), c.open, nil)
		require.Error(t, err)
		require.True(t, source.IsViewLost(err), "%s: %v", kill, err)
		require.NotContains(t, err.Error(), "p@ss")
		require.NoError(t, snap.Close())

		again, err := src.Snapshot(t.Context())
		require.NoError(t, err, "a new snapshot can be taken")
		c = &collector{rows: map[string][]string{}}
		require.NoError(t, again.Read(t.Context(), c.open, nil))
		require.Len(t, c.rows["t"], 50000)
		require.NoError(t, again.Close())
		require.NoError(t, src.Close())
	}
}

func TestAnErrorOfAWriterEndsTheReadAndIsNotTheSources(t *testing.T) {
	t.Parallel()
	d := database(t)
	d.exec(t, "create table T (ID int primary key); insert into T select seq from seq_1_to_50000")
	src, err := source.Open(t.Context(), source.Options{DSN: d.dsn})
	require.NoError(t, err)
	defer src.Close()
	snap, err := src.Snapshot(t.Context())
	require.NoError(t, err)
	defer snap.Close()
	full := errors.New("disk full")
	c := &collector{rows: map[string][]string{}, onWrite: func(int) error { return full }}
	err = snap.Read(t.Context(), c.open, nil)
	require.ErrorIs(t, err, full)
	require.False(t, source.IsViewLost(err))
	require.Zero(t, c.closed, "no writer is closed as if it had all rows")

	ctx, cancel := context.WithCancel(t.Context())
	snap, err = src.Snapshot(ctx)
	require.NoError(t, err)
	defer snap.Close()
	c = &collector{rows: map[string][]string{}, onWrite: func(int) error { cancel(); return nil }}
	err = snap.Read(ctx, c.open, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, source.IsViewLost(err))
}

func TestMemoryStaysFlatWithLongFields(t *testing.T) {
	d := database(t)
	d.exec(t, "create table T (ID int primary key, V longtext); insert into T select seq, repeat('x', 10 * 1024 * 1024) from seq_1_to_20")
	d.exec(t, "create table S (ID int primary key, V varchar(100)); insert into S select seq, repeat('y', 100) from seq_1_to_200000")
	src, err := source.Open(t.Context(), source.Options{DSN: d.dsn})
	require.NoError(t, err)
	defer src.Close()
	snap, err := src.Snapshot(t.Context())
	require.NoError(t, err)
	defer snap.Close()
	var peak uint64
	watch := &watcher{peak: &peak}
	require.NoError(t, snap.Read(t.Context(), func(context.Context, *change.Table) (change.Writer, error) { return watch, nil }, nil))
	require.Less(t, peak>>20, uint64(100), "MB of heap in use")
}

type watcher struct {
	source.Discard
	peak *uint64
}

func (w *watcher) Write(ctx context.Context, b *change.Batch) error {
	if b.Bytes() > 1<<20 {
		runtime.GC() // What is left is needed.
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		*w.peak = max(*w.peak, m.HeapAlloc)
	}
	return nil
}

func TestErrorsSayWhatToTryAndKeepThePassword(t *testing.T) {
	t.Parallel()
	d := database(t)
	d.exec(t, "create table T (ID int primary key)")
	reader := d.user(t, "select")
	nobody := d.user(t, "insert")
	for name, c := range map[string]struct {
		dsn, table, want, try string
		class                 change.Class
	}{
		"unreachable": {
			"mysql://u:s3cret@127.0.0.1:1/db", "T", "connect to 127.0.0.1:1/db as u", "whether a server listens at 127.0.0.1:1",
			change.ClassError,
		},
		"wrong password": {strings.Replace(reader, "p%40ss%2Fw%25rd", "s3cret", 1), "T", "Access denied", "user and password", change.ClassUsage},
		"unknown db": {
			strings.Replace(d.dsn, d.name, "nowhere_at_all", 1), "T", "nowhere_at_all", "a database that exists",
			change.ClassUsage,
		},
		"no db": {
			"mysql://u:s3cret@127.0.0.1:1/", "T", "names no database", "mysql://user:password@host:3306/database",
			change.ClassUsage,
		},
		"bad address":   {"mysql://u:s3%zzcret@127.0.0.1:1/", "T", "cannot be read", "percent-encode", change.ClassUsage},
		"other":         {"oracle://u:s3cret@h/db", "T", "does not begin with mysql://", "csv:DIR", change.ClassUsage},
		"missing table": {reader, "GONE", "table GONE is not in", "identifier in sources.yml", change.ClassBlocked},
		"missing right": {nobody, "T", "", "grant select", change.ClassUsage},
	} {
		t.Run(name, func(t *testing.T) {
			err := func() error {
				src, err := source.Open(t.Context(), source.Options{DSN: c.dsn, Tables: []source.Contract{{Name: "t", Identifier: c.table}}})
				if err != nil {
					return err
				}
				defer src.Close()
				snap, err := src.Snapshot(t.Context())
				if err != nil {
					return err
				}
				defer snap.Close()
				return snap.Read(t.Context(), (&collector{rows: map[string][]string{}}).open, nil)
			}()
			var p *change.Problem
			require.ErrorAs(t, err, &p)
			require.Contains(t, p.Error(), c.want)
			require.Contains(t, p.Try, c.try)
			require.Equal(t, c.class, p.Class)
			for _, secret := range []string{"s3cret", "s3%zzcret", "p@ss", "p%40ss"} {
				require.NotContains(t, p.Error()+p.Try, secret)
			}
		})
	}
}

func TestRedactHidesPasswords(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"mysql://u:secret@h:3306/db?tls=true": "mysql://u:***@h:3306/db?tls=…",
		"mysql://u:se%2Fcret@[::1]:3306/db":   "mysql://u:***@[::1]:3306/db",
		"mysql://u@h/db":                      "mysql://u@h/db",
		"mysql://u:a@b@h/db":                  "mysql://u:***@h/db",
		"mysql://u:sec%zzret@h/db":            "(an address that cannot be read)",
		"mysql://u:a@b/c@h/db":                "(an address that cannot be read)",
		"root:secret@tcp(h)/db":               "(an address that cannot be read)",
		"csv:/data/in":                        "csv:/data/in",
	} {
		require.Equal(t, want, source.Redact(dsn))
	}
}
