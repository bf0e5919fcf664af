package cdc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/cdc"
	"lifeline/change"
)

// A position that the server cannot go on from is told apart by what happened to it, and never read from somewhere else.
func TestAPositionThatIsGoneIsToldApart(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		d.exec(t, "create table t (id int primary key)", "insert into t values (1)")
		l := d.log(t)
		for name, c := range map[string]struct {
			set  func(*change.LogPosition)
			want cdc.Gone
		}{
			"purged":            {func(p *change.LogPosition) { p.File, p.GTID = "binlog.000000", "" }, cdc.Purged},
			"reset":             {func(p *change.LogPosition) { p.File, p.GTID = "binlog.999999", "" }, cdc.Reset},
			"restored, shorter": {func(p *change.LogPosition) { p.Pos, p.GTID = p.Pos+100_000_000, "" }, cdc.Restored},
			"another server":    {func(p *change.LogPosition) { p.Server, p.GTID = "elsewhere", "" }, cdc.Replaced},
			"begun anew":        {func(p *change.LogPosition) { p.Born, p.GTID = 1, "" }, cdc.Reset},
		} {
			from := l.Here
			c.set(&from)
			s, err := cdc.Open(t.Context(), optionsOf(l), from)
			if err == nil { // The log itself tells.
				d.exec(t, "insert into t values (rand() * 1000000000)")
				c := &collector{rows: map[string][]string{}}
				_, err = s.Read(t.Context(), c.images, cdc.Limit{Rows: 1})
				require.NoError(t, s.Close())
			}
			var gone *cdc.GoneError
			require.ErrorAs(t, err, &gone, name)
			require.Equal(t, c.want, gone.What, name)
			var p *change.Problem
			require.True(t, errors.As(err, &p) && p.Class == change.ClassPositionGone, name)
			require.Contains(t, p.Try, "--resnapshot")
		}
		if d.maria {
			from := l.Here
			from.GTID = "0-1-999999999"
			_, err := cdc.Open(t.Context(), optionsOf(l), from)
			var gone *cdc.GoneError
			require.ErrorAs(t, err, &gone, "transactions that the server has not")
		}
	})
}

// What the log tells of transactions: only what was committed, in the order of the commits.
func TestOnlyWhatWasCommittedIsRead(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		d.exec(t, "create table t (id int primary key, v int) engine = InnoDB", "create table m (id int) engine = MyISAM")
		ids := strings.HasPrefix(d.version, "9") // With GTIDs a transaction may not change a table without transactions too.
		for _, c := range []struct {
			name       string
			statements []string
			want       []string
			skip       bool
		}{
			{
				"insert and delete in one",
				[]string{"start transaction", "insert into t values (1, 1)", "delete from t where id = 1", "commit"},
				[]string{"+ id=1\nv=1", "- id=1\nv=1"},
				false,
			},
			{"rolled back", []string{"start transaction", "insert into t values (2, 2)", "rollback"}, nil, false},
			{"rolled back with a table without transactions", []string{
				"start transaction", "insert into t values (3, 3)", "insert into m values (1)", "rollback",
			}, nil, ids},
			{"a table without transactions", []string{"insert into m values (2)", "insert into t values (9, 9)"}, []string{"+ id=9\nv=9"}, false},
			{"a savepoint", []string{
				"start transaction", "insert into t values (4, 4)", "savepoint s", "insert into t values (5, 5)",
				"rollback to s", "commit",
			}, []string{"+ id=4\nv=4"}, false},
			{
				"xa committed",
				[]string{"xa start 'a'", "insert into t values (6, 6)", "xa end 'a'", "xa prepare 'a'", "xa commit 'a'"},
				[]string{"+ id=6\nv=6"},
				false,
			},
			{
				"xa in one phase",
				[]string{"xa start 'b'", "insert into t values (7, 7)", "xa end 'b'", "xa commit 'b' one phase"},
				[]string{"+ id=7\nv=7"},
				false,
			},
			{"xa rolled back", []string{
				"xa start 'c'", "insert into t values (8, 8)", "xa end 'c'", "xa prepare 'c'", "xa rollback 'c'",
			}, nil, false},
			{"nothing that lands", []string{"update t set v = v"}, nil, false},
			{"a changed key", []string{"update t set id = 40 where id = 4"}, []string{"- id=4\nv=4", "+ id=40\nv=4"}, false},
		} {
			if c.skip {
				continue
			}
			from := d.log(t).Here
			d.session(t, c.statements...)
			got, r := d.read(t, from)
			require.Nil(t, r.Stop, c.name)
			rows := got.rows["t"]
			if len(c.want) == 0 && len(r.Dropped) > 0 {
				rows = nil // Written, and taken back on landing.
			}
			require.Equal(t, c.want, rows, c.name)
		}
	})
}
