package run_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/run"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// equalProject reads five tables and builds on them.
var equalProject = map[string]string{
	"dbt_project.yml": "name: tiny\nmodel-paths: [models]\nmodels: {tiny: {+materialized: table, core: {+schema: core}, " +
		"analytics: {+schema: analytics}}}\n",
	"models/sources.yml": "sources:\n  - name: s\n    schema: staging\n    tables: [{name: a}, {name: b}, {name: c}, {name: p}, {name: ch}]\n",
	"models/core/a.sql":  "select a.id, '<' || a.v as v, a.n from {{ source('s', 'a') }} as a",
	"models/core/pairs.sql": "select ch.id, ch.v, p.id as parent, p.v as parents from {{ source('s', 'ch') }} as ch " +
		"left join {{ source('s', 'p') }} as p on p.id = ch.p",
	"models/analytics/kpi.sql": "select a.v, count(*) as lines, sum(a.n) as n from {{ ref('a') }} as a group by a.v",
	"models/analytics/loose.sql": "select c.x, c.y, count(*) as lines from {{ source('s', 'c') }} as c group by c.x, c.y " +
		"union all select b.i, b.k, count(*) from {{ source('s', 'b') }} as b group by b.i, b.k",
}

// storyteller changes a source at random, and knows every version of table a that there was.
type storyteller struct {
	*rand.Rand

	x       *loggedSource
	a       map[string][2]string // v and n by id.
	past    []string             // id, v, n and what happened.
	exact   bool                 // Table a was read by the log alone.
	altered int
}

func (s *storyteller) id() string {
	switch s.IntN(8) {
	case 0:
		return strconv.FormatUint(1_000_000_000_000_000_000+uint64(s.IntN(5)), 10)
	case 1:
		return strconv.FormatUint(1<<63+uint64(s.IntN(5)), 10)
	}
	return strconv.Itoa(s.IntN(25))
}

func (s *storyteller) value() (v, n string) {
	return []string{"x", "y", "ü'", "", "Ω€", "long text", "∅"}[s.IntN(7)], fmt.Sprintf("%d.%02d", s.IntN(5)-2, s.IntN(2)*50)
}

func (s *storyteller) knownID() (string, bool) {
	ids := slices.Sorted(maps.Keys(s.a))
	if len(ids) == 0 {
		return "", false
	}
	return ids[s.IntN(len(ids))], true
}

func (s *storyteller) gone(id, how string) {
	s.past = append(s.past, id+"|"+s.a[id][0]+"|"+s.a[id][1]+"|"+how)
}

func quoteText(v string) string { return "'" + strings.ReplaceAll(v, "'", "''") + "'" }

// statement changes one of the tables.
func (s *storyteller) statement() string {
	k, i := string(rune('a'+s.IntN(4))), s.IntN(6)
	switch s.IntN(16) {
	case 0, 1, 2, 3, 4, 5, 6, 7:
		return s.ofA()
	case 8:
		return fmt.Sprintf("insert ignore into b (k, i, v) values ('%s', %d, '%d')", k, i, s.IntN(9))
	case 9:
		return fmt.Sprintf("update b set v = '%d' where i = %d", s.IntN(9), i)
	case 10:
		return fmt.Sprintf("update ignore b set i = i + 10, k = '%s' where i < 3", k)
	case 11:
		return fmt.Sprintf("delete from b where i = %d", i)
	case 12:
		return fmt.Sprintf("insert into c values (%d, '%s'), (%d, '%s')", i, k, i, k)
	case 13:
		return fmt.Sprintf("%s limit 1", []string{
			fmt.Sprintf("delete from c where x = %d", i), fmt.Sprintf("update c set y = '%s' where x = %d", k, i),
		}[s.IntN(2)])
	case 14:
		return fmt.Sprintf("insert ignore into p values (%d, '%s')", i, k)
	}
	return fmt.Sprintf("insert ignore into ch values (%d, %d, '%s')", s.IntN(20), i, k)
}

// ofA changes table a, and notes what that makes of it.
func (s *storyteller) ofA() string {
	v, n := s.value()
	id, known := s.knownID()
	fresh := s.id()
	_, taken := s.a[fresh]
	switch what := s.IntN(4); {
	case (what == 0 || !known) && !taken:
		s.a[fresh] = [2]string{v, n}
		return fmt.Sprintf("insert into a (id, v, n) values (%s, %s, %s)", fresh, quoteText(v), n)
	case what == 1 && known:
		s.gone(id, "delete")
		delete(s.a, id)
		return "delete from a where id = " + id
	case what == 2 && known && !taken:
		s.gone(id, "delete")
		s.a[fresh] = s.a[id]
		delete(s.a, id)
		return fmt.Sprintf("update a set id = %s where id = %s", fresh, id)
	case known:
		if s.a[id] != [2]string{v, n} {
			s.gone(id, "update")
			s.a[id] = [2]string{v, n}
		}
		return fmt.Sprintf("update a set v = %s, n = %s where id = %s", quoteText(v), n, id)
	}
	return "do 0"
}

// transaction is one or several statements, of which all, some or none are committed.
func (s *storyteller) transaction() []string {
	if s.IntN(3) == 0 {
		return []string{s.statement()}
	}
	a, past := maps.Clone(s.a), len(s.past)
	out := []string{"start transaction"}
	for range 1 + s.IntN(6) {
		out = append(out, s.statement())
	}
	switch s.IntN(6) {
	case 0:
		s.a, s.past = a, s.past[:past]
		return append(out, "rollback")
	case 1:
		a, past = maps.Clone(s.a), len(s.past)
		out = append(out, "savepoint here", s.statement(), s.statement(), "rollback to here")
		s.a, s.past = a, s.past[:past]
	}
	return append(out, "commit")
}

// definition changes a table's definition, or its rows by one.
func (s *storyteller) definition() []string {
	s.altered++
	switch s.IntN(9) {
	case 0:
		return []string{fmt.Sprintf("alter table b add column x%d int default %d", s.altered, s.IntN(9))}
	case 1:
		return []string{"alter table b modify v varchar(" + strconv.Itoa(30+s.altered) + ")"}
	case 2:
		for _, id := range slices.Sorted(maps.Keys(s.a)) {
			s.gone(id, "delete")
		}
		clear(s.a)
		return []string{"truncate table a"}
	case 3:
		return []string{"truncate c"}
	case 4:
		s.exact = false
		return []string{
			"create table a_new like a", "alter table a_new add index (n)", "insert into a_new select * from a",
			"rename table a to a_old, a_new to a", "drop table a_old",
		}
	case 5:
		return []string{"alter table c add index (x)", "alter table c drop index x"}
	case 6, 7:
		return []string{fmt.Sprintf("delete from p where id = %d", s.IntN(6))}
	}
	return []string{fmt.Sprintf("update ignore p set id = id + 100 where id = %d", s.IntN(6))}
}

// tell changes the source for a while.
func (s *storyteller) tell(t *testing.T) {
	t.Helper()
	conn, err := s.x.db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	for range 2 + s.IntN(12) {
		what := s.transaction
		if s.IntN(14) == 0 {
			what = s.definition
		}
		for _, text := range what() {
			_, err := conn.ExecContext(context.WithoutCancel(t.Context()), text)
			require.NoError(t, err, text)
		}
	}
}

// everything is what a warehouse has: staging, core and analytics, as texts.
func everything(t *testing.T, wh warehouse.Warehouse) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	hold := warehousetest.Begin(t, wh)
	for _, table := range []string{"a", "b", "c", "p", "ch"} {
		columns := warehousetest.Texts(t, hold.DB(), `
select column_name
from information_schema.columns
where table_schema = 'staging' and table_name = '`+table+`' and column_name <> '_run'
order by column_name`)
		out["staging."+table] = rowsOf(t, hold.DB(), "staging."+table, columns)
	}
	out["history.a"] = warehousetest.Texts(t, hold.DB(), `
select cast(id as varchar), v, cast(n as varchar), _op
from history.a
where _basis = 'binlog'
order by 1, 2, 3, 4`)
	warehousetest.End(t, hold)
	r, err := wh.Published(t.Context())
	require.NoError(t, err)
	for name, columns := range map[string][]string{
		"core.a": {"id", "v", "n"}, "core.pairs": {"id", "v", "parent", "parents"}, "analytics.kpi": {"v", "lines", "n"},
		"analytics.loose": {"x", "y", "lines"},
	} {
		out[name] = rowsOf(t, r.DB, name, columns)
	}
	require.NoError(t, r.Close())
	return out
}

func rowsOf(t *testing.T, db *sql.DB, relation string, columns []string) []string {
	t.Helper()
	texts := make([]string, len(columns))
	for i, c := range columns {
		texts[i] = "coalesce(cast(" + c + " as varchar), '∅')"
	}
	rows := warehousetest.Texts(t, db, "select "+strings.Join(texts, " || '|' || ")+" from "+relation)
	slices.Sort(rows)
	return append([]string{strings.Join(columns, "|")}, rows...)
}

// Whatever happens to a source, and however it is split into snapshots, stretches of the log and restarts, two warehouses that follow it
// end as one that is built anew from it; and every version of a table that the log alone told of is in history.
func TestRandomHistoriesEndAsARebuildDoes(t *testing.T) {
	t.Parallel()
	histories, most := 2, time.Duration(0)
	if text := os.Getenv("LIFELINE_SOAK"); text != "" {
		histories, most = 1000, time.Hour
		if d, err := time.ParseDuration(text); err == nil {
			most = d
		}
	}
	began := time.Now()
	seed := uint64(began.UnixNano())
	if text := os.Getenv("LIFELINE_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	done := 0
	for ; done < histories && (most == 0 || time.Since(began) < most) && !t.Failed(); done++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { oneHistory(t, seed) })
		seed++
	}
	t.Logf("%d histories", done)
}

func oneHistory(t *testing.T, seed uint64) {
	s := &storyteller{Rand: rand.New(rand.NewPCG(seed, 1)), a: map[string][2]string{}, exact: true}
	dsn := mysqlDatabase(t, "create table a (id bigint unsigned primary key, v varchar(30), n decimal(12,2))",
		"create table b (k varchar(8), i int, v varchar(30), primary key (k, i))", "create table c (x int, y varchar(9))",
		"create table p (id int primary key, v varchar(9))",
		"create table ch (id int primary key, p int, v varchar(9), foreign key (p) references p (id) on delete cascade on update cascade)")
	places := []string{"duckdb:" + filepath.Join(t.TempDir(), "w.duckdb")}
	onPostgres(t, func(dsn string) { places = append(places, dsn) })
	followers := make([]*loggedSource, len(places))
	for i, place := range places {
		followers[i] = &loggedSource{tiny: newTiny(t, place, equalProject), dsn: dsn}
		followers[i].db = serverOf(t, dsn)
	}
	s.x = followers[0]
	walk := func(full bool) {
		for i, f := range followers {
			r, err := f.run(t, func(o *run.Options) { o.Full = full })
			require.NoError(t, err, places[i])
			s.exact = s.exact && (r.Mode == "log" || len(s.past) == 0)
		}
	}
	s.tell(t)
	walk(false)
	s.past, s.exact = nil, true
	for range 1 + s.IntN(3) {
		s.tell(t)
		switch s.IntN(5) {
		case 0:
			walk(true)
		case 1:
			for i, f := range followers { // A restart.
				require.NoError(t, f.wh.Close())
				var err error
				f.wh, err = warehouse.Open(t.Context(), warehouse.Options{DSN: places[i]})
				require.NoError(t, err)
			}
		}
		walk(false)
	}
	anew := &loggedSource{tiny: newTiny(t, "duckdb:"+filepath.Join(t.TempDir(), "anew.duckdb"), equalProject), dsn: dsn}
	_, err := anew.run(t, func(o *run.Options) { o.Full = true })
	require.NoError(t, err)
	want := everything(t, anew.wh)
	delete(want, "history.a")
	for i, f := range followers {
		got := everything(t, f.wh)
		history := got["history.a"]
		delete(got, "history.a")
		require.Equal(t, want, got, "%s, LIFELINE_SEED=%d", places[i], seed)
		if s.exact {
			slices.Sort(s.past)
			slices.Sort(history)
			require.Equal(t, append([]string{}, s.past...), history, "history, %s, LIFELINE_SEED=%d", places[i], seed)
		}
	}
}
