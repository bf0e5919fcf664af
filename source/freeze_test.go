package source_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/source"
)

// bystander runs a statement again and again and keeps the longest time that one took.
type bystander struct {
	name, text string
	longest    time.Duration
	runs       int
}

func (b *bystander) run(ctx context.Context, db *sql.DB) error {
	c, err := db.Conn(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	defer c.Close()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		began := time.Now()
		if _, err := c.ExecContext(context.WithoutCancel(ctx), b.text); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		b.longest = max(b.longest, time.Since(began))
		b.runs++
		<-tick.C
	}
	return nil
}

// calm makes a table that no test reads, and somebody who writes it: whoever waits longer than a second, and longer than they do ten times
// over, does not wait for the machine.
func calm(t *testing.T, d *tester) *bystander {
	t.Helper()
	d.exec(t, "create table Calm (ID int primary key, V int); insert into Calm values (1, 0)")
	return &bystander{name: "a writer of a table that nobody wants", text: "update Calm set V = V + 1 where ID = 1"}
}

func (b *bystander) patience() time.Duration { return time.Second + 10*b.longest }

// Whatever runs on a server, nobody there waits over a second because of a snapshot: not behind a lock that is asked for, not behind one
// that is held, not behind the tables that are read.
func TestNobodyWaitsForASnapshot(t *testing.T) {
	t.Parallel()
	const seconds = 30 // Or until nobody is disturbed any more.
	all := []string{"select, lock tables", "select, lock tables; global process, replication client", "select", "select; global process"}
	onEveryServer(t, func(t *testing.T, d *tester) {
		d.exec(t, "create table T (ID int primary key, V int); create table U (ID int primary key, V int); create table W (ID int primary "+
			"key, V int)")
		d.exec(t, "insert into T select seq, 0 from "+d.seq(t, 2000)+"; insert into U select seq, 0 from "+d.seq(t,
			2000)+"; insert into W values (1, 0)")
		wanted := []source.Contract{{Name: "t", Identifier: "T"}, {Name: "u", Identifier: "U"}}
		writer := calm(t, d)
		for _, rights := range all[:soak(2, len(all))] {
			dsn := d.user(t, rights)
			for _, c := range []struct{ what, before, text string }{
				{"a long query", "", fmt.Sprintf("select sleep(%d) from T where ID = 1", seconds)},
				{"a long query of another table", "", fmt.Sprintf("select sleep(%d) from W where ID = 1", seconds)},
				{"an open transaction", "start transaction; update T set V = V + 1 where ID = 7", fmt.Sprintf("select sleep(%d)", seconds)},
				{"locked tables", "lock tables W write", fmt.Sprintf("select sleep(%d)", seconds)},
				{"a long change of a definition", "", "alter table W add column N int, engine = InnoDB"},
			} {
				t.Run(rights+", "+c.what, func(t *testing.T) {
					busy, err := d.db.Conn(t.Context())
					require.NoError(t, err)
					defer busy.Close()
					var id int64
					require.NoError(t, busy.QueryRowContext(t.Context(), "select connection_id()").Scan(&id))
					if c.before != "" {
						_, err = busy.ExecContext(t.Context(), c.before)
						require.NoError(t, err)
					}
					ended := make(chan error, 1)
					go func() {
						_, err := busy.ExecContext(t.Context(), c.text)
						ended <- err
					}()
					people := []*bystander{
						{name: "a reader of a wanted table", text: "select count(*) from U"},
						{name: "a writer of a wanted table", text: "update U set V = V + 1 where ID = 3"},
						{name: "a writer of the busy table", text: "update T set V = V + 1 where ID = 5"},
					}
					if c.what == "a long query" {
						people = append(people, &bystander{name: "a writer of another table", text: "update W set V = V + 1 where ID = 1"})
					}
					writer.longest = 0
					ways := disturb(t, d, append(people, writer), dsn, wanted, soak(1, 3))
					d.exec(t, fmt.Sprintf("kill query %d", id))
					var interrupted *mysql.MySQLError
					if err := <-ended; err != nil {
						require.ErrorAs(t, err, &interrupted)
						require.EqualValues(t, 1317, interrupted.Number)
					}
					_, err = busy.ExecContext(t.Context(), "rollback; unlock tables")
					require.NoError(t, err)
					for _, p := range people {
						t.Logf("%-28s %5d runs, longest %v %v", p.name, p.runs, p.longest.Round(time.Millisecond), ways)
						require.Less(t, p.longest, writer.patience(), p.name)
					}
				})
			}
			d.exec(t, "drop table W; create table W (ID int primary key, V int); insert into W values (1, 0)")
		}
	})
}

// disturb takes and reads snapshots while the bystanders work.
func disturb(t *testing.T, d *tester, people []*bystander, dsn string, wanted []source.Contract, times int) map[string]int {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	failed := make(chan error, len(people))
	for _, p := range people {
		group.Add(1)
		go func() {
			defer group.Done()
			if err := p.run(ctx, d.db); err != nil {
				failed <- err
			}
		}()
	}
	ways := map[string]int{}
	for range times {
		src, err := source.Open(t.Context(), source.Options{DSN: dsn, Tables: wanted, Workers: 2})
		require.NoError(t, err)
		snap, err := src.Snapshot(t.Context())
		require.NoError(t, err)
		require.NoError(t, snap.Read(t.Context(), (&collector{rows: map[string][]string{}}).open, nil))
		_, err = snap.Totals(t.Context())
		require.NoError(t, err)
		ways[snap.Info().Way]++
		require.NoError(t, snap.Close())
		require.NoError(t, src.Close())
	}
	stop()
	group.Wait()
	close(failed)
	require.NoError(t, <-failed)
	return ways
}

// A table's definition may be changed while a snapshot reads it: the change waits for the statement at hand and no longer, nobody waits
// behind it, and what is read is the table as it was, or nothing.
func TestATableThatIsReadMayBeChanged(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		writer := calm(t, d)
		for _, ddl := range []string{
			"alter table T add column N int", "alter table T add column F int first", "alter table T drop column V",
			"alter table T change V X varchar(50)", "alter table T modify V varchar(60)", "alter table T add key (V)",
			"alter table T engine = InnoDB", "alter table T modify V int", "truncate table T", "drop table T",
			"rename table T to Z", "rename table T to Z, S to T", "drop table T; create table T (ID int primary key, V varchar(50)); insert " +
				"into T values (1, 'other')",
		} {
			t.Run(ddl, func(t *testing.T) {
				d.exec(t, "drop table if exists T; drop table if exists Z; create table T (ID int primary key, V varchar(50))")
				d.exec(t, "insert into T select seq, concat(seq) from "+d.seq(t, 6000))
				d.exec(t, "drop table if exists S; create table S like T; insert into S select * from T where ID > 10")
				src, err := source.Open(t.Context(), source.Options{
					DSN: d.dsn, Tables: []source.Contract{{Name: "t", Identifier: "T"}}, Workers: 2, ChunkRows: 300, BatchRows: 100,
				})
				require.NoError(t, err)
				defer src.Close()
				snap, err := src.Snapshot(t.Context())
				require.NoError(t, err)
				defer snap.Close()
				writer.longest = 0
				ctx, stop := context.WithCancel(t.Context())
				writes := make(chan error, 1)
				go func() { writes <- writer.run(ctx, d.db) }()
				took, changed := make(chan time.Duration, 1), make(chan struct{})
				c := &collector{rows: map[string][]string{}}
				c.onWrite = func(rows int) error {
					switch rows {
					case 100:
						go func() {
							began := time.Now()
							if _, err := d.db.Exec(ddl); err != nil {
								t.Error(err)
							}
							took <- time.Since(began)
							close(changed)
						}()
					case 200:
						return waits(d)
					case 300: // A warehouse that takes its time: the change must not wait for it.
						select {
						case <-changed:
						case <-time.After(30 * time.Second):
						}
					}
					return nil
				}
				err = snap.Read(t.Context(), c.open, nil)
				if err != nil {
					var p *change.Problem
					require.True(t, source.IsViewLost(err) || errors.As(err, &p) && p.Class == change.ClassBlocked, "%v", err)
				} else {
					require.Len(t, c.rows["t"], 6000)
					_, err = snap.Totals(t.Context())
					require.True(t, err == nil || source.IsViewLost(err), "%v", err)
				}
				var waited time.Duration
				select {
				case waited = <-took:
				case <-time.After(30 * time.Second): // It waits for the view, and would for ever.
					_ = snap.Close()
					waited = <-took
				}
				stop()
				require.NoError(t, <-writes)
				require.Less(t, waited, writer.patience(), "the change waited")
				t.Log(err)
			})
		}
	})
}

// waits returns once a session of the database waits for a table's definition.
func waits(d *tester) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < 2*time.Minute; <-tick.C {
		n := 0
		err := d.db.QueryRow("select count(*) from information_schema.processlist "+
			"where db = ? and state like 'Waiting for table metadata lock%'", d.name).Scan(&n)
		if err != nil || n > 0 {
			return err
		}
	}
	return errors.New("nobody waits for the table")
}
