package run_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/warehouse/warehousetest"
)

// Where the log cannot tell what happened to a table, only that table is read from the source, and all tables are at one point afterwards.
// TRUNCATE does not need this: the log tells it.
func TestOnlyTheTableThatTheLogCannotTellOfIsReadAnew(t *testing.T) {
	t.Parallel()
	x := newLogged(t, "duckdb:"+filepath.Join(t.TempDir(), "w.duckdb"), []string{"t", "other", "parent", "child", "grandchild", "tree"},
		"create table t (id int primary key, v int, w varchar(10) not null default 'w')", "create table other (id int primary key, v int)",
		"create table parent (id int primary key, v int)", "create table between_them (id int primary key, p int, foreign key (p) references "+
			"parent (id) on delete cascade on update cascade)",
		"create table child (id int primary key, p int, foreign key (p) references parent (id) on delete set null on update cascade)",
		"create table grandchild (id int primary key, b int, foreign key (b) references between_them (id) on delete cascade)",
		"create table tree (id int primary key, up int, foreign key (up) references tree (id) on delete cascade)",
		"insert into t (id, v) values (1, 1), (2, 2)", "insert into other values (1, 1)", "insert into parent values (1, 1), (2, 2), (3, 3)",
		"insert into between_them values (10, 1), (20, 2), (30, 3)", "insert into child values (100, 1), (200, 2), (300, 3)",
		"insert into grandchild values (1000, 10), (2000, 20), (3000, 30)", "insert into tree values (1, null), (2, 1), (3, 2), (4, null)")
	mode(t, "full")(x.run(t, nil))
	for _, c := range []struct {
		name, statements string
		anew             []string
	}{
		{"nothing", "update t set v = v + 1", nil},
		{"a column more", "alter table t add x int default 7; update t set x = 8 where id = 1", []string{"t"}},
		{"a column less", "alter table t drop x", []string{"t"}},
		{"another name", "alter table t change v v2 int; update t set v2 = 5; alter table t change v2 v int", []string{"t"}},
		{"another type", "alter table t modify v bigint; insert into t (id, v) values (50, 5000000000)", []string{"t"}},
		{"another place", "alter table t modify v bigint after w; update t set v = v + 1", []string{"t"}},
		{"copied and renamed, as gh-ost does", "create table _t_gho like t; alter table _t_gho add y int; insert into _t_gho (id, w, v) " +
			"select id, w, v from t; insert into t (id) values (60); insert into _t_gho (id) values (60); rename table t to _t_del, _t_gho to t; " +
			"insert into t (id, y) values (61, 61)", []string{"t"}},
		{"copied by triggers, as pt-osc does", "create table _t_new like t; create trigger ins after insert on t for each row replace into " +
			"_t_new (id, w, v, y) values (new.id, new.w, new.v, new.y); insert into _t_new select * from t; insert into t (id) values (70); " +
			"rename table t to _t_old, _t_new to t; drop trigger ins; insert into t (id) values (71)", []string{"t"}},
		{"dropped and made again", "create table copy as select * from t; drop table t; create table t (id int primary key, " +
			"w varchar(10) not null default 'w', v bigint, y int); insert into t select * from copy", []string{"t"}},
		{"an index, a comment, a copy in place", "alter table t add index (v); " +
			"alter table t comment = 'x', engine = InnoDB; update t set v = 9", nil},
		{"emptied, filled and emptied", "insert into t (id) values (80); truncate table t; insert into t (id) values (80), (81); truncate t; " +
			"insert into t (id) values (80)", nil},
		{
			"a session without all values", "set session binlog_row_image = 'MINIMAL'; update t set v = 10; set session binlog_row_image = 'FULL'",
			[]string{"t"},
		},
		{"a session with some values", "set session binlog_row_image = 'NOBLOB'; alter table t add b text; update t set v = 11; " +
			"set session binlog_row_image = 'FULL'", []string{"t"}},
		{"a parent's value", "update parent set v = 20 where id = 2", nil},
		{"a parent's key", "update parent set id = 22 where id = 2", []string{"child"}},
		{"a parent that goes", "delete from parent where id = 1", []string{"child", "grandchild"}},
		{"a branch that goes", "delete from tree where id = 1", []string{"tree"}},
		{"two at once", "alter table t add z int; delete from parent where id = 3; alter table other add z int", []string{
			"child", "grandchild", "other", "t",
		}},
	} {
		x.do(t, "insert into other (id) select max(id) + 1 from other")
		conn, err := x.db.Conn(t.Context())
		require.NoError(t, err)
		_, err = conn.ExecContext(t.Context(), c.statements)
		require.NoError(t, err, c.name)
		require.NoError(t, conn.Close())
		x.do(t, "insert into other (id) select max(id) + 1 from other")
		r := mode(t, "log")(x.run(t, nil))
		hold := warehousetest.Begin(t, x.wh)
		require.Equal(t, append([]string{}, c.anew...), warehousetest.Texts(t, hold.DB(), `
select stream
from ops.continuity
where state = 'resnapshotted' and run_id = (select max(run_id) from ops.positions)
order by stream`), "%s: %s", c.name, r.ModeWhy)
		x.sameIn(t, hold.DB(), "t: id, v, w", "other: id, v", "parent: id, v", "child: id, p", "grandchild: id, b", "tree: id, up")
		warehousetest.End(t, hold)
	}
	require.Equal(t, []string{"3"}, x.landed(t, `
select count(*)
from history.t
where _basis = 'binlog' and _op = 'delete' and id >= 80 and id < 90`),
		"what was emptied is in history, each time")
}
