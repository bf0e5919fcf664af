package source_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/source"
	"lifeline/source/preflight"
	"lifeline/source/servertest"
)

// F08, F09: MariaDB notes in a type how it stores a column.
func TestCommentsInTypesChangeNothing(t *testing.T) {
	t.Parallel()
	for declared, want := range map[string]string{
		"datetime /* mariadb-5.3 */": "timestamp", "timestamp(3) /* mariadb-5.3 */": "timestamp", "time(6) /* mariadb-5.3 */": "text",
		"text /*M!100301 COMPRESSED*/": "text", "varchar(100) /*M!100301 COMPRESSED*/": "text", "varbinary(9) /*!100301 COMPRESSED*/": "bytes",
		"datetime /* 5.5 binary format */": "timestamp", "int(11) /* x */ unsigned": "int64", "enum('a /* b */','c')": "text",
	} {
		typ, err := change.TypeOf(declared)
		require.NoError(t, err, declared)
		require.Equal(t, want, typ.String(), declared)
		require.True(t, change.SameType(declared, change.PlainType(declared)), declared)
	}
	require.Equal(t, "enum('a /* b */','c')", change.PlainType("enum('a /* b */','c') /* d */"))
	onEveryServer(t, func(t *testing.T, d *tester) {
		if !d.maria {
			t.Skip("MariaDB's own")
		}
		d.exec(t, "create table T (ID varchar(20) primary key, A text compressed, B varbinary(200) compressed, D datetime)")
		d.exec(t, "insert into T values ('k', repeat('x', 300), 'b', '2020-01-02 03:04:05')")
		got := read(t, source.Options{DSN: d.dsn}).rows["t"]
		require.Len(t, got, 1)
		require.Contains(t, got[0], "xxx|x62|2020-01-02 03:04:05.000000")
	})
}

// F10: an index that the optimizer may not use is not read along.
func TestAnIndexThatMayNotBeUsedIsNotReadAlong(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		hide := "alter table k alter index aa invisible"
		switch {
		case d.is56():
			t.Skip("MySQL 5.6 has none")
		case d.maria:
			hide = "alter table k alter index aa ignored"
		}
		d.exec(t, "create table k (a int not null, b int not null, n int not null, unique key bb (b), unique key aa (a))")
		d.exec(t, "insert into k select seq, seq, seq from "+d.seq(t, 300))
		d.exec(t, hide)
		require.Len(t, numbers(t, d, source.Options{DSN: d.dsn, Workers: 2, ChunkRows: 50}), 300)
	})
}

// F13: a view is read when it is named, and left out when nothing is.
func TestAViewIsReadWhenItIsNamed(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		d.exec(t, "create table T (ID int primary key, V varchar(9)); insert into T values (1, 'a'), (2, 'b')")
		d.exec(t, "create view W as select ID as NUMBER, upper(V) as V from T where ID > 1")
		require.Equal(t, map[string][]string{"t": {"1|a", "2|b"}}, read(t, source.Options{DSN: d.dsn}).rows)
		o := source.Options{DSN: d.dsn, Tables: []source.Contract{{Name: "w", Identifier: "W", Key: []string{"number"}}}}
		require.Equal(t, map[string][]string{"w": {"2|B"}}, read(t, o).rows)
		require.EqualValues(t, 1, totals(t, o)[0].Rows)
		d.exec(t, "create table M (ID int primary key) engine = MyISAM")
		require.Equal(t, map[string][]string{"w": {"2|B"}}, read(t, o).rows, "M is not read by it")
		d.exec(t, "create view X as select W.NUMBER from W join M on M.ID = W.NUMBER")
		d.exec(t, "create function f() returns int deterministic return 1")
		d.exec(t, "create view Y as select f() as N from T")
		for view, want := range map[string]string{
			"X": "X is a view, and table M, which it reads", "Y": "Y is a view, and table M, which it may read",
		} {
			o := source.Options{DSN: d.dsn, Tables: []source.Contract{{Name: "x", Identifier: view}}}
			src, err := source.Open(t.Context(), o)
			require.NoError(t, err)
			_, err = src.Snapshot(t.Context())
			require.ErrorContains(t, err, want)
			require.Contains(t, fmt.Sprint(src.Check(t.Context())), want, "doctor sees it as a run does")
			require.NoError(t, src.Close())
		}
	})
}

// F26: two names that differ in case only would be one table of staging.
func TestNamesThatDifferInCaseOnlyAreRefused(t *testing.T) {
	t.Parallel()
	two := []source.Contract{{Name: "Users", File: "a.csv"}, {Name: "users", File: "b.csv"}}
	for _, o := range []source.Options{files(t, header), {DSN: "mysql://u:p@127.0.0.1:1/d"}} {
		o.Tables = two
		_, err := source.Open(t.Context(), o)
		var p *change.Problem
		require.ErrorAs(t, err, &p)
		require.Contains(t, p.Error(), "Users and users")
		require.Equal(t, change.ClassUsage, p.Class)
	}
	onEveryServer(t, func(t *testing.T, d *tester) {
		d.exec(t, "create table Users (ID int primary key); create table users (ID int primary key); insert into users values (1)")
		src, err := source.Open(t.Context(), source.Options{DSN: d.dsn})
		require.NoError(t, err)
		defer src.Close()
		_, err = src.Tables(t.Context())
		require.ErrorContains(t, err, "Users and users")
		o := source.Options{DSN: d.dsn, Tables: []source.Contract{{Name: "big", Identifier: "Users"}, {Name: "small", Identifier: "users"}}}
		require.Equal(t, map[string][]string{"small": {"1"}}, read(t, o).rows)
	})
}

// F19: what a server's or a user's settings would change in what is read does not.
func TestSettingsOfTheServerChangeNothing(t *testing.T) {
	for _, s := range servers(t)[1:] { // The pair's own server serves other tests meanwhile.
		t.Run(s.name, func(t *testing.T) {
			servertest.Alone(t, s.base)
			d := emptyDatabase(t, s.base)
			d.exec(t, "create table T (ID int primary key, V char(5), D datetime) /*M!100304 with system versioning */")
			d.exec(t, "insert into T values (1, 'é', '2020-01-02'), (2, 'b', 0), (3, 'c', null)")
			want := []string{"1|é|2020-01-02 00:00:00.000000", `2|b|∅|{"d":"0000-00-00 00:00:00"}`, "3|c|∅"}
			for _, setting := range []string{
				"sql_select_limit = 1", "sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,STRICT_ALL_TABLES'", "max_join_size = 1",
				"sql_big_selects = 0",
				"time_zone = '+05:00'", "character_set_results = latin1", "sql_auto_is_null = 1", "completion_type = 'CHAIN'", "autocommit = 0",
				"system_versioning_asof = '2000-01-01'",
			} {
				if _, err := d.db.Exec("set global " + setting); err != nil && strings.HasPrefix(setting, "system_versioning") {
					continue // Only MariaDB has it.
				}
				d.exec(t, "set global "+setting)
				got := read(t, source.Options{DSN: d.dsn}).rows["t"]
				name, _, _ := strings.Cut(setting, " ")
				d.exec(t, "set global "+name+" = default")
				require.Equal(t, want, got, setting)
			}
		})
	}
}

// F24: a table that another session has locked is told as that, and is waited for.
func TestALockOfAnotherSessionIsToldAndWaitedFor(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		d.exec(t, "create table U (ID int primary key); insert into U values (1)")
		src, err := source.Open(t.Context(), source.Options{DSN: d.dsn})
		require.NoError(t, err)
		defer src.Close()
		held, err := d.db.Conn(t.Context())
		require.NoError(t, err)
		defer held.Close()
		rights := func() preflight.Result {
			for _, r := range src.Check(t.Context()) {
				if r.Name == "rights" {
					return r
				}
			}
			return preflight.Result{}
		}
		_, err = held.ExecContext(t.Context(), "lock tables U write")
		require.NoError(t, err)
		r := rights()
		require.Equal(t, preflight.Fail, r.Status)
		require.Equal(t, "table U is locked by another session", r.What)
		require.Contains(t, r.Try, "processlist")

		freed := make(chan error, 1)
		go func() {
			err := waits(d)
			if err == nil {
				_, err = held.ExecContext(context.WithoutCancel(t.Context()), "unlock tables")
			}
			freed <- err
		}()
		require.NotEqual(t, preflight.Fail, rights().Status)
		require.NoError(t, <-freed)
	})
}

// A22: a replica that does not follow its primary is said to be one.
func TestAReplicaIsTold(t *testing.T) {
	for _, s := range servers(t)[1:] {
		t.Run(s.name, func(t *testing.T) {
			d := databaseOn(t, s.base)
			d.exec(t, "create table T (ID int primary key)")
			src, err := source.Open(t.Context(), source.Options{DSN: d.dsn})
			require.NoError(t, err)
			defer src.Close()
			replica := func() preflight.Result {
				for _, r := range src.Check(t.Context()) {
					if r.Name == "replica" {
						return r
					}
				}
				return preflight.Result{}
			}
			require.Equal(t, preflight.OK, replica().Status, replica().What)
			follow, forget := "change master to master_host = '127.0.0.1', master_port = 1, master_user = 'nobody'", "reset slave all"
			if !d.maria && !d.is56() {
				follow, forget = "change replication source to source_host = '127.0.0.1', source_port = 1, source_user = 'nobody'", "reset replica all"
			}
			d.exec(t, follow)
			r := replica()
			d.exec(t, forget)
			require.Equal(t, preflight.Warn, r.Status)
			require.Contains(t, r.What, "does not follow its primary")
			require.NotEmpty(t, r.Try)
		})
	}
}
