package run_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/run"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// requireSame compares the rows of tables in staging with those of the source, by the texts of some columns: "table: column, column".
func (x *loggedSource) requireSame(t *testing.T, tables ...string) {
	t.Helper()
	hold := warehousetest.Begin(t, x.wh)
	x.sameIn(t, hold.DB(), tables...)
	warehousetest.End(t, hold)
}

func (x *loggedSource) sameIn(t *testing.T, db *sql.DB, tables ...string) {
	t.Helper()
	for _, one := range tables {
		table, list, _ := strings.Cut(one, ": ")
		columns := strings.Split(list, ", ")
		theirs, ours := make([]string, len(columns)), make([]string, len(columns))
		for i, c := range columns {
			theirs[i] = "ifnull(cast(`" + c + "` as char), '∅')"
			ours[i] = "coalesce(cast(" + c + " as varchar), '∅')"
		}
		want := x.asked(t, "select concat_ws('|', "+strings.Join(theirs, ", ")+") from "+table)
		got := warehousetest.Texts(t, db, "select "+strings.Join(ours, " || '|' || ")+" from staging."+table)
		slices.Sort(want)
		slices.Sort(got)
		require.Equal(t, want, got, table)
	}
}

// asked are texts of the source.
func (x *loggedSource) asked(t *testing.T, query string) (out []string) {
	t.Helper()
	rows, err := x.db.Query(query)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var text string
		require.NoError(t, rows.Scan(&text))
		out = append(out, text)
	}
	require.NoError(t, rows.Err())
	return out
}

// position is the one that the last landing left.
func (x *loggedSource) position(t *testing.T) change.LogPosition {
	t.Helper()
	text := x.landed(t, "select position from ops.positions order by run_id desc limit 1")
	require.Len(t, text, 1)
	p, ok := change.ParseLogPosition(change.Position(text[0]))
	require.True(t, ok, text)
	return p
}

// A snapshot's place in the log may be known as a stretch only. The rows of the stretch are read once more: what the snapshot has seen of
// them is left out, what it has not seen lands, and nothing comes twice.
func TestWhatASnapshotMayHaveSeenIsReadOnceMore(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, engine string) {
		x := newLogged(t, engine, []string{"keyed", "keyless"},
			"create table keyed (id int primary key, v varchar(10), n decimal(30,2), d double)", "create table keyless (a int)",
			"insert into keyed values (1, 'a', 1, 0.1), (2, 'b', 2, null), (3, 'c', 3, 0), (6, null, null, null), (7, 'g', 7, 7)",
			"insert into keyless values (1), (1)")
		mode(t, "full")(x.run(t, nil))
		low := x.position(t)
		x.do(t, "update keyed set v = 'A' where id = 1", "insert into keyed values (4, 'd', 4, 4)", "delete from keyed where id = 2",
			"update keyed set v = 'C' where id = 3", "update keyed set v = 'c' where id = 3",
			"insert into keyed values (5, 'e', 5, 5)", "delete from keyed where id = 5", "update keyed set id = 60 where id = 6",
			"delete from keyed where id = 7", "insert into keyed values (7, 'G', 7, 7)", "insert into keyless values (2)")
		mode(t, "full")(x.run(t, func(o *run.Options) { o.Full = true }))
		upper := x.position(t)
		low.Until = fmt.Sprintf("%s:%d", upper.File, upper.Pos)
		text, err := low.Encode()
		require.NoError(t, err)
		x.landed(t, "update ops.positions set position = '"+string(text)+
			"' where run_id = (select max(run_id) from ops.positions) returning run_id")
		x.landed(t, "delete from ops.log_tables where table_name = 'keyless' returning run_id")
		x.do(t, "update keyed set v = 'AA' where id = 1", "delete from keyed where id = 4", "insert into keyed values (2, 'bb', 2, null)",
			"update keyed set v = 'x' where id = 60", "delete from keyless where a = 1 limit 1")
		r := mode(t, "log")(x.run(t, nil))
		require.Contains(t, r.ModeWhy, "read anew: keyless")
		x.requireSame(t, "keyed: id, v, n", "keyless: a")
		require.Empty(t, x.position(t).Until)
		require.Equal(t, []string{"1|A|update", "3|C|update", "3|c|update", "4|d|delete", "60|∅|update"},
			slices.DeleteFunc(x.landed(t, `
select id, coalesce(v, '∅'), _op
from history.keyed
where _basis = 'binlog'
order by id, v`), func(s string) bool { return strings.HasPrefix(s, "5|") }))
		mode(t, "log")(x.run(t, nil))
		mode(t, "full")(x.run(t, func(o *run.Options) { o.Full = true }))
		require.Equal(t, []string{"4"}, x.landed(t, "select count(*) from history.keyed where _basis = 'snapshot'"),
			"the log left what a snapshot finds")
	})
}

// A row's event is in the log before its commit is seen: as long as a replica takes to acknowledge it. A snapshot that is taken just then
// does not have the row, and the log that is read on must.
func TestARowInTheLogThatNobodySeesYetIsNotLost(t *testing.T) {
	t.Parallel()
	base := os.Getenv("LIFELINE_TEST_MYSQL97")
	if base == "" {
		t.Skip("LIFELINE_TEST_MYSQL97 names no server")
	}
	x := loggedOn(t, base, "duckdb:"+filepath.Join(t.TempDir(), "w.duckdb"), []string{"t"},
		"create table t (id int primary key, v int)", "insert into t values (1, 1), (2, 2)")
	x.do(t, "install plugin rpl_semi_sync_source soname 'semisync_source.so'")
	t.Cleanup(func() {
		_, err := x.db.Exec("uninstall plugin rpl_semi_sync_source")
		require.NoError(t, err)
	})
	x.do(t, "set global rpl_semi_sync_source_timeout = 2500", "set global rpl_semi_sync_source_wait_point = AFTER_SYNC",
		"set global rpl_semi_sync_source_wait_for_replica_count = 1", "set global rpl_semi_sync_source_wait_no_replica = on",
		"set global rpl_semi_sync_source_enabled = on")
	written := make(chan error, 1)
	go func() {
		_, err := x.db.Exec("insert into t values (3, 3)")
		written <- err
	}()
	place := func() (p string) {
		rows, err := x.db.Query("show binary log status")
		require.NoError(t, err)
		defer rows.Close()
		require.True(t, rows.Next())
		columns, err := rows.Columns()
		require.NoError(t, err)
		into := make([]any, len(columns))
		for i := range into {
			into[i] = new(string)
		}
		require.NoError(t, rows.Scan(into...))
		require.NoError(t, rows.Err())
		return *into[1].(*string)
	}
	before := place()
	require.Eventually(t, func() bool { return place() != before }, time.Minute, time.Millisecond)
	var n int
	require.NoError(t, x.db.QueryRow("select count(*) from t").Scan(&n))
	require.Equal(t, 2, n, "the row is in the log, and nobody sees it")
	mode(t, "full")(x.run(t, nil))
	require.NoError(t, <-written)
	x.do(t, "set global rpl_semi_sync_source_enabled = off")
	mode(t, "log")(x.run(t, nil))
	x.requireSame(t, "t: id, v")
}

// meddling changes the source once, as soon as a snapshot has read some rows.
type meddling struct {
	once   sync.Once
	meddle func()
}

func (*meddling) Begin(string)       {}
func (*meddling) End(string, string) {}

func (m *meddling) Advance(step string, done, _ int64, _ string) {
	if step == warehouse.StepLand && done > 0 {
		m.once.Do(m.meddle)
	}
}

// What is changed while a snapshot is read is not in it, and lands by the log: rows that were read already and rows that were not yet. A
// run
// that ends in the middle leaves nothing wrong.
func TestWhatChangesDuringASnapshotLandsByTheLog(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, engine string) {
		x := newLogged(t, engine, []string{"big"}, "create table big (id int primary key, v varchar(20), n decimal(10,2))",
			"insert into big select seq, concat('v', seq), seq from seq_1_to_20000")
		changes := func() {
			x.do(t, "update big set v = 'first' where id in (1, 2)", "update big set v = 'last' where id > 19990",
				"delete from big where id in (3, 19980)",
				"insert into big values (0, 'new', 0), (30000, 'new', 1)", "update big set id = id + 100000 where id in (4, 19981)",
				"delete from big where id = 5; insert into big values (5, 'again', 5)")
		}
		ctx, stop := context.WithCancel(t.Context())
		_, err := x.runIn(ctx, t, func(o *run.Options) { o.Progress = &meddling{meddle: stop} })
		require.Error(t, err, "it ends in the middle")
		mode(t, "full")(x.run(t, func(o *run.Options) { o.Progress = &meddling{meddle: changes} }))
		r := mode(t, "log")(x.run(t, nil))
		require.Equal(t, []int64{4, 13, 4}, []int64{r.Tables[0].Inserted, r.Tables[0].Updated, r.Tables[0].Deleted})
		x.requireSame(t, "big: id, v, n")
	})
}

// A key of more digits than any before it may come by the log.
func TestALongerKeyLandsByTheLog(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, engine string) {
		x := newLogged(t, engine, []string{"wide"}, "create table wide (id bigint unsigned primary key, v varchar(9))",
			"insert into wide values (1, 'a'), (2, 'b')")
		mode(t, "full")(x.run(t, nil))
		x.do(t, "update wide set v = 'c' where id = 1")
		mode(t, "log")(x.run(t, nil))
		x.do(t, "insert into wide values (18446744073709551615, 'd')", "update wide set v = 'e' where id = 1",
			"update wide set id = 9223372036854775808 where id = 2")
		mode(t, "log")(x.run(t, nil))
		x.do(t, "update wide set v = 'f' where id > 1", "delete from wide where id = 1")
		mode(t, "log")(x.run(t, nil))
		x.requireSame(t, "wide: id, v")
	})
}
