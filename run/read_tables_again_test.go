package run_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/run"
	"lifeline/warehouse/warehousetest"
)

// logCase is something that happens to tables of its own, {t} and what begins with {t}_, and which of them the log cannot tell of.
type logCase struct {
	name, statements string
	again            []string
	made             *madeTables // One table, {t}, where there are none.
}

// madeTables are tables with rows in them, and what is compared of each that lands.
type madeTables struct {
	statements string
	compared   []string
}

var oneTable = madeTables{
	"create table {t} (id int primary key, v int, w varchar(10) not null default 'w', y int); insert into {t} (id, v) values (1, 1), (2, 2)",
	[]string{"{t}: id, v, w"},
}

// family is a parent with children and grandchildren; what stands between them does not land.
var family = madeTables{
	`create table {t}_parent (id int primary key, v int);
create table {t}_between (id int primary key, p int, foreign key (p) references {t}_parent (id) on delete cascade on update cascade);
create table {t}_child (id int primary key, p int, foreign key (p) references {t}_parent (id) on delete set null on update cascade);
create table {t}_grandchild (id int primary key, b int, foreign key (b) references {t}_between (id) on delete cascade);
insert into {t}_parent values (1, 1), (2, 2);
insert into {t}_between values (10, 1), (20, 2);
insert into {t}_child values (100, 1), (200, 2);
insert into {t}_grandchild values (1000, 10), (2000, 20)`,
	[]string{"{t}_parent: id, v", "{t}_child: id, p", "{t}_grandchild: id, b"},
}

var tree = madeTables{`create table {t}_tree (id int primary key, up int, foreign key (up) references {t}_tree (id) on delete cascade);
insert into {t}_tree values (1, null), (2, 1), (3, 2), (4, null)`, []string{"{t}_tree: id, up"}}

var logCases = []logCase{
	{"nothing", "update {t} set v = v + 1", nil, nil},
	{"a column more", "alter table {t} add x int default 7; update {t} set x = 8 where id = 1", []string{"{t}"}, nil},
	{"a column less", "alter table {t} drop y", []string{"{t}"}, nil},
	{"another name", "alter table {t} change v v2 int; update {t} set v2 = 5; alter table {t} change v2 v int", []string{"{t}"}, nil},
	{"another type", "alter table {t} modify v bigint; insert into {t} (id, v) values (50, 5000000000)", []string{"{t}"}, nil},
	{"another place", "alter table {t} modify v int after w; update {t} set v = v + 1", []string{"{t}"}, nil},
	{"copied and renamed, as gh-ost does", "create table {t}_gho like {t}; alter table {t}_gho add z int; insert into {t}_gho (id, w, v) " +
		"select id, w, v from {t}; insert into {t} (id) values (60); insert into {t}_gho (id) values (60); rename table {t} to {t}_del, " +
		"{t}_gho to {t}; insert into {t} (id, z) values (61, 61)", []string{"{t}"}, nil},
	{"copied by triggers, as pt-osc does", "create table {t}_new like {t}; create trigger {t}_ins after insert on {t} for each row replace " +
		"into {t}_new (id, w, v, y) values (new.id, new.w, new.v, new.y); insert into {t}_new select * from {t}; insert into {t} (id) values " +
		"(70); rename table {t} to {t}_old, {t}_new to {t}; drop trigger {t}_ins; insert into {t} (id) values (71)", []string{"{t}"}, nil},
	{"dropped and made again", "create table {t}_copy as select * from {t}; drop table {t}; create table {t} (id int primary key, " +
		"v int, w varchar(10) not null default 'w', y int); insert into {t} select * from {t}_copy", []string{"{t}"}, nil},
	{"an index, a comment, a copy in place", "alter table {t} add index (v); " +
		"alter table {t} comment = 'x', engine = InnoDB; update {t} set v = 9", nil, nil},
	{"emptied, filled and emptied", "insert into {t} (id) values (80); truncate table {t}; insert into {t} (id) values (80), (81); " +
		"truncate {t}; insert into {t} (id) values (80)", nil, nil},
	{"a session without all values", "set session binlog_row_image = 'MINIMAL'; update {t} set v = 10; " +
		"set session binlog_row_image = 'FULL'", []string{"{t}"}, nil},
	{"a session with some values", "set session binlog_row_image = 'NOBLOB'; alter table {t} add b text; update {t} set v = 11; " +
		"set session binlog_row_image = 'FULL'", []string{"{t}"}, nil},
	{"a parent's value", "update {t}_parent set v = 20 where id = 2", nil, &family},
	{"a parent's key", "update {t}_parent set id = 22 where id = 2", []string{"{t}_child"}, &family},
	{"a parent that goes", "delete from {t}_parent where id = 1", []string{"{t}_child", "{t}_grandchild"}, &family},
	{"a branch that goes", "delete from {t}_tree where id = 1", []string{"{t}_tree"}, &tree},
}

// Where the log cannot tell what happened to a table, only that table is read from the source, and all tables are at one point afterwards.
// TRUNCATE does not need this: the log tells it. Everything happens between two runs; in the soak there is a run after each.
func TestOnlyTheTableThatTheLogCannotTellOfIsReadAnew(t *testing.T) {
	t.Parallel()
	names, made, compared := []string{"other"}, []string{"create table other (id int primary key, v int); insert into other values (1, 1)"},
		[]string{"other: id, v"}
	named := func(i int, text string) string { return strings.ReplaceAll(text, "{t}", fmt.Sprintf("t%02d", i)) }
	emptied := ""
	for i, c := range logCases {
		tables := &oneTable
		if c.made != nil {
			tables = c.made
		}
		made = append(made, named(i, tables.statements))
		for _, one := range tables.compared {
			table, _, _ := strings.Cut(one, ":")
			names, compared = append(names, named(i, table)), append(compared, named(i, one))
		}
		if strings.Contains(c.statements, "truncate") {
			emptied = named(i, "{t}")
		}
	}
	x := newLogged(t, "duckdb:"+filepath.Join(t.TempDir(), "w.duckdb"), names, made...)
	mode(t, "full")(x.run(t, nil))
	want := []string{}
	follow := func() {
		t.Helper()
		x.requireReadAgain(t, mode(t, "log")(x.run(t, nil)), want, compared)
		want = []string{}
	}
	for i, c := range logCases {
		x.do(t, "insert into other (id) select max(id) + 1 from other")
		conn, err := x.db.Conn(t.Context())
		require.NoError(t, err)
		_, err = conn.ExecContext(t.Context(), named(i, c.statements))
		require.NoError(t, err, c.name)
		require.NoError(t, conn.Close())
		x.do(t, "insert into other (id) select max(id) + 1 from other")
		for _, table := range c.again {
			want = append(want, named(i, table))
		}
		if os.Getenv("LIFELINE_SOAK") != "" || i == len(logCases)-1 {
			follow()
		}
	}
	for i, c := range logCases { // From here the log tells of all of them again.
		if c.made == nil {
			x.do(t, named(i, "insert into {t} (id) values (90)"))
		}
	}
	follow()
	require.Equal(t, []string{"3"}, x.landed(t, "select count(*) from history."+emptied+
		" where _basis = 'binlog' and _op = 'delete' and id >= 80 and id < 90"), "what was emptied is in history, each time")
}

// requireReadAgain holds a run to the tables that it read again, and everything to what the source has.
func (x *loggedSource) requireReadAgain(t *testing.T, r *run.Report, want, compared []string) {
	t.Helper()
	hold := warehousetest.Begin(t, x.wh)
	require.Equal(t, want, warehousetest.Texts(t, hold.DB(), `
select stream
from ops.continuity
where state = 'resnapshotted' and run_id = (select max(run_id) from ops.positions)
order by stream`), r.ModeWhy)
	x.sameIn(t, hold.DB(), compared...)
	warehousetest.End(t, hold)
}
