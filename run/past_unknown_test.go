package run_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/run"
	"lifeline/warehouse/warehousetest"
)

// ask asks staging as it was; the lines are those of the select, in which {} is the table.
func (x *loggedSource) ask(t *testing.T, table, selects string, at time.Time) (*run.PastTable, []string, error) {
	t.Helper()
	hold := warehousetest.Begin(t, x.wh)
	defer warehousetest.End(t, hold)
	p, err := run.Past(t.Context(), hold.DB(), table, at)
	if err != nil {
		return nil, nil, err
	}
	return p, warehousetest.Texts(t, hold.DB(), "select "+selects+" from "+p.SQL("")+" as x order by 1"), nil
}

func (x *loggedSource) refuses(t *testing.T, table string, at time.Time, why string) {
	t.Helper()
	_, _, err := x.ask(t, table, "*", at)
	var p *change.Problem
	require.ErrorAs(t, err, &p)
	require.Contains(t, p.Error(), "unknown")
	require.Contains(t, p.Error(), why)
	require.NotEmpty(t, p.Try)
}

// at reads a time of ops.
func (x *loggedSource) at(t *testing.T, query string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05.999999", x.landed(t, query)[0])
	require.NoError(t, err, query)
	return at
}

const lastTaken = "select max(taken_at) from ops.positions"

// The answer is "unknown" before the window, after the last position, and where the log was lost; later landings do not change that. Where
// the log still had the changes when the source was read again, the answer is known, only coarser.
func TestAQuestionThatNobodyCanAnswerIsAnsweredUnknown(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, engine string) {
		x := newLogged(t, engine, []string{"t"}, "create table t (id int primary key, v int)", "insert into t values (1, 1), (2, 2)")
		_, _, err := x.askEmpty(t)
		require.ErrorContains(t, err, "has not landed")
		mode(t, "full")(x.run(t, nil))
		first := x.at(t, lastTaken)
		x.refuses(t, "t", first.Add(-2*time.Second), "kept since")
		x.refuses(t, "t", first.Add(time.Hour), "has been read up to")
		x.do(t, "update t set v = 10 where id = 1")
		mode(t, "log")(x.run(t, nil))
		second := x.at(t, lastTaken)
		p, rows, err := x.ask(t, "t", "id, v", second)
		require.NoError(t, err)
		require.Equal(t, "binlog", p.Basis)
		require.Equal(t, []string{"1|10", "2|2"}, rows)

		// The file that was read last is gone from the server.
		x.landed(t, "update ops.positions set position = replace(position, 'binlog.', 'binlog.000000') where run_id = "+
			"(select max(run_id) from ops.positions) returning run_id")
		x.do(t, "update t set v = 20 where id = 1", "delete from t where id = 2")
		_, err = x.run(t, nil)
		var gone *change.Problem
		require.ErrorAs(t, err, &gone)
		require.Equal(t, change.ClassPositionGone, gone.Class)
		mode(t, "full")(x.run(t, func(o *run.Options) { o.Resnapshot = true }))
		third := x.at(t, lastTaken)
		x.refuses(t, "t", second.Add(third.Sub(second)/2), "not seen by anybody")
		_, rows, err = x.ask(t, "t", "id, v", third)
		require.NoError(t, err)
		require.Equal(t, []string{"1|20"}, rows)
		_, rows, err = x.ask(t, "t", "id, v", second)
		require.NoError(t, err)
		require.Equal(t, []string{"1|10", "2|2"}, rows)

		x.do(t, "insert into t values (3, 3)")
		mode(t, "log")(x.run(t, nil))
		x.do(t, "update t set v = 4 where id = 3")
		mode(t, "full")(x.run(t, func(o *run.Options) { o.Full = true }))
		fifth := x.at(t, lastTaken)
		p, rows, err = x.ask(t, "t", "id, v", fifth.Add(-time.Microsecond))
		require.NoError(t, err)
		require.Equal(t, "snapshot", p.Basis)
		require.Contains(t, p.Note(), "is not told apart")
		require.Equal(t, []string{"1|20", "3|3"}, rows)
		x.refuses(t, "t", second.Add(third.Sub(second)/2), "not seen by anybody")
		require.Equal(t, []string{"seen", "lost", "seen", "resnapshotted"}, x.landed(t, "select state from ops.continuity order by run_id"))
	})
}

func (x *loggedSource) askEmpty(t *testing.T) (*run.PastTable, []string, error) {
	t.Helper()
	return x.ask(t, "t", "*", time.Now())
}

// A purged log loses what lies before the oldest file that is left; from there on it is only not told apart.
func TestAPurgedLogLosesOnlyWhatNobodyCanRead(t *testing.T) {
	t.Parallel()
	x := newLogged(t, "duckdb:"+t.TempDir()+"/w.duckdb", []string{"t"}, "create table t (id int primary key)", "insert into t values (1)")
	mode(t, "full")(x.run(t, nil))
	// As if a day had gone by since, in which the server threw a file away.
	x.landed(t, "update ops.positions set taken_at = taken_at - interval 1 day, position = replace(position, 'binlog.0', 'binlog.') "+
		"returning run_id")
	mode(t, "full")(x.run(t, func(o *run.Options) { o.Resnapshot = true }))
	require.Equal(t, []string{"lost|true", "resnapshotted|true"},
		x.landed(t, "select state, from_time < to_time from ops.continuity order by from_time"))
	require.Equal(t, []string{"1"}, x.landed(t, `
select count(*)
from ops.continuity as a
join ops.continuity as b on a.to_time = b.from_time`))
}

// A table that a landing leaves out, and another brings in again, is not known in between.
func TestATableThatWasLeftOutIsUnknownInBetween(t *testing.T) {
	t.Parallel()
	x := newLogged(t, "duckdb:"+t.TempDir()+"/w.duckdb", []string{"t", "u"}, "create table t (id int primary key)",
		"create table u (id int primary key)", "insert into t values (1)", "insert into u values (1)")
	mode(t, "full")(x.run(t, nil))
	x.write(t, tablesOf("u"))
	x.do(t, "insert into t values (2)")
	mode(t, "log")(x.run(t, nil))
	left := x.at(t, lastTaken)
	x.write(t, tablesOf("t", "u"))
	require.Contains(t, mode(t, "log")(x.run(t, nil)).ModeWhy, "read anew: t")
	x.refuses(t, "t", left, "did not land in between")
	_, rows, err := x.ask(t, "t", "id", x.at(t, lastTaken))
	require.NoError(t, err)
	require.Equal(t, []string{"1", "2"}, rows)
}

// Versions that are older than keep_history go, and a question from before says since when they are kept.
func TestOldVersionsGoAndAQuestionFromBeforeSaysSo(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, engine string) {
		x := newLogged(t, engine, []string{"t"}, "create table t (id int primary key, v int)", "insert into t values (1, 1)")
		mode(t, "full")(x.run(t, nil))
		first := x.at(t, lastTaken)
		x.do(t, "update t set v = 2")
		mode(t, "log")(x.run(t, nil))
		day := func(table, column string) string {
			return fmt.Sprintf("update %s set %s = %s - interval '10 days' returning 1", table, column, column)
		}
		for _, u := range [][2]string{
			{"ops.positions", "taken_at"},
			{"ops.kept", "since_time"},
			{"ops.kept", "until_time"},
			{"ops.continuity", "from_time"},
			{"ops.continuity", "to_time"},
			{"history.t", "_valid_from"},
			{"history.t", "_valid_to"},
			{"since.t", "_since"},
		} {
			x.landed(t, day(u[0], u[1]))
		}
		_, rows, err := x.ask(t, "t", "v", first.AddDate(0, 0, -10))
		require.NoError(t, err)
		require.Equal(t, []string{"1"}, rows)
		x.write(t, map[string]string{"lifeline.yml": "name: tiny\nsource: {time_zone: UTC}\nas_of: now\nkeep_history: 9d\n"})
		x.do(t, "update t set v = 3")
		mode(t, "log")(x.run(t, nil))
		require.Equal(t, []string{"2"}, x.landed(t, "select v from history.t"))
		x.refuses(t, "t", first.AddDate(0, 0, -10), "kept since")
		kept := x.at(t, "select since_time from ops.kept")
		_, rows, err = x.ask(t, "t", "v", kept)
		require.NoError(t, err)
		require.Equal(t, []string{"2"}, rows)
	})
}
