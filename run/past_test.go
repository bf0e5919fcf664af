package run_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/run"
	"lifeline/source"
	"lifeline/warehouse/warehousetest"
)

// clocked is a source whose clock the test sets: that of its snapshots and of its log, as `set timestamp` does for what is written.
type clocked struct {
	source.Source

	now *time.Time
}

func (c clocked) Snapshot(ctx context.Context) (source.Snapshot, error) {
	s, err := c.Source.Snapshot(ctx)
	return clockedSnapshot{s, *c.now}, err
}

func (c clocked) SnapshotOf(ctx context.Context, tables []string) (source.Snapshot, error) {
	s, err := c.Source.(source.Logged).SnapshotOf(ctx, tables)
	return clockedSnapshot{s, *c.now}, err
}

func (c clocked) Log(ctx context.Context) (source.Log, error) {
	l, err := c.Source.(source.Logged).Log(ctx)
	l.Now = *c.now
	return l, err
}

type clockedSnapshot struct {
	source.Snapshot

	now time.Time
}

func (s clockedSnapshot) Info() change.Snapshot {
	i := s.Snapshot.Info()
	i.TakenAt = s.now
	return i
}

// pastWorld is a source with a random life, told twice: to the database that is landed, and to a second one that is stopped at any instant.
type pastWorld struct {
	*loggedSource

	random *rand.Rand
	now    time.Time
	began  time.Time
	script []told // What was committed, in order.
}

// told is a transaction with its commit's time.
type told struct {
	at         time.Time
	statements []string
}

const pastTables = `create table keyed (id int primary key, v varchar(20), n decimal(12,2), at_time datetime(6));
create table paired (a int, b varchar(10), v int, primary key (a, b));
create table bare (a int, b varchar(10))`

func newPastWorld(t *testing.T, engine string, seed uint64) *pastWorld {
	t.Helper()
	w := &pastWorld{random: rand.New(rand.NewPCG(seed, 11)), now: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)}
	w.loggedSource = newLogged(t, engine, []string{"keyed", "paired", "bare"}, strings.Split(pastTables, ";\n")...)
	w.db.SetMaxOpenConns(1) // The session's clock is set.
	return w
}

// walk runs once: it lands the changes by the log, or everything.
func (w *pastWorld) walk(t *testing.T, full bool) *run.Report {
	t.Helper()
	r, err := w.run(t, func(o *run.Options) {
		open := o.Source
		o.Full = full
		o.Source = func(ctx context.Context) (source.Source, error) {
			s, err := open(ctx)
			return clocked{s, &w.now}, err
		}
	})
	require.NoError(t, err)
	w.now = w.now.Add(time.Second) // What is committed next is not of the landing's second.
	return r
}

// live commits a transaction of some statements; a fifth are rolled back.
func (w *pastWorld) live(t *testing.T) {
	t.Helper()
	w.now = w.now.Add(time.Duration(w.random.IntN(3)) * time.Second)
	one := told{at: w.now}
	for range 1 + w.random.IntN(3) {
		one.statements = append(one.statements, w.statement())
	}
	back := w.random.IntN(5) == 0
	end := map[bool]string{true: "rollback", false: "commit"}[back]
	w.do(t, fmt.Sprintf("set timestamp = %d", w.now.Unix()), "begin", strings.Join(one.statements, ";"), end)
	if !back {
		w.script = append(w.script, one)
	}
}

func (w *pastWorld) statement() string {
	key, word := w.random.IntN(8), fmt.Sprintf("w%d", w.random.IntN(5))
	switch w.random.IntN(12) {
	case 0, 1:
		return fmt.Sprintf("insert ignore into keyed values (%d, '%s', %d.25, '2026-01-01' + interval %d microsecond)", key, word, key, key)
	case 2:
		return fmt.Sprintf("replace into keyed (id, v) values (%d, '%s')", key, word)
	case 3:
		return fmt.Sprintf("update keyed set v = '%s', n = n + 0.01 where id <= %d", word, key)
	case 4:
		return fmt.Sprintf("delete from keyed where id = %d", key)
	case 5:
		return fmt.Sprintf("update ignore keyed set id = %d where id = %d", w.random.IntN(8), key)
	case 6:
		return fmt.Sprintf("insert ignore into paired values (%d, '%s', %d)", key%3, word, key)
	case 7:
		return fmt.Sprintf("update paired set v = v + 1 where b = '%s'", word)
	case 8:
		return fmt.Sprintf("delete from paired where a = %d", key%3)
	case 9, 10:
		return fmt.Sprintf("insert into bare values (%d, '%s'), (%d, '%s')", key%2, word, key%2, word)
	default:
		return fmt.Sprintf("delete from bare where a = %d limit %d", key%2, 1+key%3)
	}
}

// replay is a second database that is told the script up to an instant.
type replay struct {
	db   *sql.DB
	done int
}

func newReplay(t *testing.T) *replay {
	t.Helper()
	return &replay{db: serverOf(t, mysqlDatabase(t, strings.Split(pastTables, ";\n")...))}
}

func (r *replay) upTo(t *testing.T, script []told, at time.Time) {
	t.Helper()
	for ; r.done < len(script) && !script[r.done].at.After(at); r.done++ {
		_, err := r.db.ExecContext(t.Context(), "begin;"+strings.Join(script[r.done].statements, ";")+";commit")
		require.NoError(t, err)
	}
}

var pastColumns = map[string][]string{"keyed": {"id", "v", "n"}, "paired": {"a", "b", "v"}, "bare": {"a", "b"}}

// pastRows are a table's rows as lines of texts, in an order of their own. The type is the engine's for texts.
func pastRows(t *testing.T, db *sql.DB, columns []string, text, from string) []string {
	t.Helper()
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = "coalesce(cast(" + c + " as " + text + "), 'null')"
	}
	rows, err := db.QueryContext(t.Context(), "select concat("+strings.Join(parts, ", '|', ")+") from "+from)
	require.NoError(t, err, from)
	defer rows.Close()
	out := []string{}
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		out = append(out, line)
	}
	require.NoError(t, rows.Err())
	slices.Sort(out)
	return out
}

// At every instant of a random life each table is as a second database that was told the same up to then, through deletes, restores and
// changes of keys, over landings by the log and by snapshots. What only two snapshots have seen is as the first of them found it.
func TestAtAnyInstantStagingIsAsAnIndependentReplay(t *testing.T) {
	t.Parallel()
	lives, instants := 1, 15
	if os.Getenv("LIFELINE_SOAK") != "" {
		lives, instants = 10, 100
	}
	for seed := range lives {
		t.Run(fmt.Sprint("life ", seed), func(t *testing.T) {
			t.Parallel()
			onEveryEngine(t, func(t *testing.T, engine string) { testPast(t, engine, uint64(seed), instants) })
		})
	}
}

func testPast(t *testing.T, engine string, seed uint64, instants int) {
	w := newPastWorld(t, engine, seed)
	for range 10 {
		w.live(t)
	}
	w.now = w.now.Add(time.Second)
	w.began = w.now
	w.walk(t, false)
	var gaps [][2]time.Time // That only snapshots have seen.
	for range 5 {
		for range 10 {
			w.live(t)
		}
		w.now = w.now.Add(time.Second)
		before := w.now
		if full := w.random.IntN(4) == 0; full {
			gaps = append(gaps, [2]time.Time{w.lastLanded(t), before})
			w.walk(t, true)
		} else {
			require.Equal(t, "log", w.walk(t, false).Mode)
		}
	}
	// Two of them: what is only known landing by landing lies before what is known to the second.
	exact, landed := newReplay(t), newReplay(t)
	hold := warehousetest.Begin(t, w.wh)
	defer warehousetest.End(t, hold)
	landings := warehousetest.Texts(t, hold.DB(), "select taken_at from ops.positions order by 1")
	require.Len(t, landings, 6)
	last := w.now.Add(-time.Second)
	var asked []time.Time
	for range instants {
		asked = append(asked, w.began.Add(time.Duration(w.random.Int64N(int64(last.Sub(w.began))))))
	}
	asked = append(asked, w.began, last)
	slices.SortFunc(asked, time.Time.Compare)
	for _, at := range asked {
		for table, columns := range pastColumns {
			p, err := run.Past(t.Context(), hold.DB(), table, at)
			require.NoError(t, err)
			r := exact
			if p.Basis == "binlog" {
				exact.upTo(t, w.script, at)
			} else {
				r = landed
				landed.upTo(t, w.script, p.Seen)
				require.True(t, table == "bare" || at.Equal(last) || slices.ContainsFunc(gaps, func(g [2]time.Time) bool {
					return !at.Before(g[0]) && at.Before(g[1])
				}), "%s at %s: %s", table, at, p.Note())
			}
			require.Equal(t, pastRows(t, r.db, columns, "char", table), pastRows(t, hold.DB(), columns, "varchar", p.SQL("")+" as x"),
				"seed %d: %s at %s (%s)", seed, table, at, p.Note())
		}
	}
}

// lastLanded is the time of the last landing.
func (w *pastWorld) lastLanded(t *testing.T) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05.999999", w.landed(t, "select max(taken_at) from ops.positions")[0])
	require.NoError(t, err)
	return at
}
