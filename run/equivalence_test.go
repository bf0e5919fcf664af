package run_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
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

// tablesOfHistory are the tables of one history; its number stands behind each name. Beside one with a simple key there is one with a key
// of two columns, one without a key, or two tied by a foreign key.
func tablesOfHistory(number int) []string {
	return append([]string{"a"}, [][]string{{"b"}, {"c"}, {"p", "ch"}}[number%3]...)
}

// createOf are the statements that make the tables.
var createOf = map[string]string{
	"a": "create table a (id bigint unsigned primary key, v varchar(30), n decimal(12,2))",
	"b": "create table b (k varchar(8), i int, v varchar(30), primary key (k, i))",
	"c": "create table c (x int, y varchar(9))",
	"p": "create table p (id int primary key, v varchar(9))",
	"ch": "create table ch (id int primary key, p int, v varchar(9), " +
		"foreign key (p) references p (id) on delete cascade on update cascade)",
}

// modelsOf are the models of a table by its name, and their columns.
var modelsOf = map[string][]struct {
	name, sql string
	columns   []string
}{
	"a": {
		{"core.a", "select a.id, '<' || a.v as v, a.n from {{ source('s', 'a#') }} as a", []string{"id", "v", "n"}},
		{
			"analytics.kpi", "select a.v, count(*) as lines, sum(a.n) as n from {{ ref('a#') }} as a group by a.v",
			[]string{"v", "lines", "n"},
		},
	},
	"b": {{
		"analytics.keyed", "select b.i, b.k, count(*) as lines from {{ source('s', 'b#') }} as b group by b.i, b.k",
		[]string{"i", "k", "lines"},
	}},
	"c": {{
		"analytics.loose", "select c.x, c.y, count(*) as lines from {{ source('s', 'c#') }} as c group by c.x, c.y",
		[]string{"x", "y", "lines"},
	}},
	"ch": {{
		"core.pairs", "select ch.id, ch.v, p.id as parent, p.v as parents from {{ source('s', 'ch#') }} as ch " +
			"left join {{ source('s', 'p#') }} as p on p.id = ch.p", []string{"id", "v", "parent", "parents"},
	}},
}

// equalProject reads the tables of some histories and builds on each of them.
func equalProject(histories int) map[string]string {
	out := map[string]string{
		"dbt_project.yml": "name: tiny\nmodel-paths: [models]\nmodels: {tiny: {+materialized: table, core: {+schema: core}, " +
			"analytics: {+schema: analytics}}}\n",
	}
	var tables []string
	for i := range histories {
		for _, t := range tablesOfHistory(i) {
			tables = append(tables, fmt.Sprintf("{name: %s%d}", t, i))
			for _, m := range modelsOf[t] {
				out[fmt.Sprintf("models/%s%d.sql", strings.Replace(m.name, ".", "/", 1), i)] = strings.ReplaceAll(m.sql, "#", fmt.Sprint(i))
			}
		}
	}
	out["models/sources.yml"] = "sources:\n  - name: s\n    schema: staging\n    tables: [" + strings.Join(tables, ", ") + "]\n"
	return out
}

// storyteller changes a source at random, and knows every version of table a that there was.
type storyteller struct {
	*rand.Rand

	conn    *sql.Conn
	number  int                  // Of the history among those of one source.
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

// tableName finds where a statement names one of the tables.
var tableName = regexp.MustCompile(`(\b(?:into|update|ignore|from|table|truncate|to|like|references) |, )(a_new|a_old|a|b|c|p|ch)\b`)

// ofHistory gives the tables that a statement names the number of their history.
func ofHistory(text string, number int) string {
	return tableName.ReplaceAllStringFunc(text, func(found string) string {
		m := tableName.FindStringSubmatch(found)
		if m[1] == ", " && m[2] != "a_new" { // A column.
			return found
		}
		return m[1] + m[2] + fmt.Sprint(number)
	})
}

func quoteText(v string) string { return "'" + strings.ReplaceAll(v, "'", "''") + "'" }

// statement changes one of the tables.
func (s *storyteller) statement() string {
	k, i := string(rune('a'+s.IntN(4))), s.IntN(6)
	if s.IntN(2) == 0 {
		return s.ofA()
	}
	var some []string
	switch s.number % 3 {
	case 0:
		some = []string{
			fmt.Sprintf("insert ignore into b (k, i, v) values ('%s', %d, '%d')", k, i, s.IntN(9)),
			fmt.Sprintf("update b set v = '%d' where i = %d", s.IntN(9), i),
			fmt.Sprintf("update ignore b set i = i + 10, k = '%s' where i < 3", k),
			fmt.Sprintf("delete from b where i = %d", i),
		}
	case 1:
		some = []string{
			fmt.Sprintf("insert into c values (%d, '%s'), (%d, '%s')", i, k, i, k), fmt.Sprintf("delete from c where x = %d limit 1", i),
			fmt.Sprintf("update c set y = '%s' where x = %d limit 1", k, i),
		}
	default:
		some = []string{
			fmt.Sprintf("insert ignore into p values (%d, '%s')", i, k),
			fmt.Sprintf("insert ignore into ch values (%d, %d, '%s')", s.IntN(20), i, k),
			fmt.Sprintf("update ch set v = '%s' where id < %d", k, i),
		}
	}
	return some[s.IntN(len(some))]
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
	switch s.IntN(5) {
	case 0:
		for _, id := range slices.Sorted(maps.Keys(s.a)) {
			s.gone(id, "delete")
		}
		clear(s.a)
		return []string{"truncate table a"}
	case 1:
		s.exact = false
		return []string{
			"create table a_new like a", "alter table a_new add index (n)", "insert into a_new select * from a",
			"rename table a to a_old, a_new to a", "drop table a_old",
		}
	}
	one := s.IntN(2) == 0
	switch {
	case s.number%3 == 0 && one:
		return []string{fmt.Sprintf("alter table b add column x%d int default %d", s.altered, s.IntN(9))}
	case s.number%3 == 0:
		return []string{"alter table b modify v varchar(" + strconv.Itoa(30+s.altered) + ")"}
	case s.number%3 == 1 && one:
		return []string{"truncate c"}
	case s.number%3 == 1:
		return []string{"alter table c add index (x)", "alter table c drop index x"}
	case one:
		return []string{fmt.Sprintf("delete from p where id = %d", s.IntN(6))}
	}
	return []string{fmt.Sprintf("update ignore p set id = id + 100 where id = %d", s.IntN(6))}
}

// tell changes the source for a while.
func (s *storyteller) tell(t *testing.T) {
	t.Helper()
	for range 2 + s.IntN(12) {
		what := s.transaction
		if s.IntN(14) == 0 {
			what = s.definition
		}
		for _, text := range what() {
			text = ofHistory(text, s.number)
			_, err := s.conn.ExecContext(context.WithoutCancel(t.Context()), text)
			require.NoError(t, err, text)
		}
	}
}

// everything is what a warehouse has of some histories: staging, core and analytics as texts, and what the log told of each table a.
func everything(t *testing.T, wh warehouse.Warehouse, histories int) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	hold := warehousetest.Begin(t, wh)
	columns := map[string][]string{}
	for _, line := range warehousetest.Texts(t, hold.DB(), `
select table_name, column_name
from information_schema.columns
where table_schema = 'staging' and column_name <> '_run'
order by table_name, column_name`) {
		table, column, _ := strings.Cut(line, "|")
		columns[table] = append(columns[table], column)
	}
	for i := range histories {
		for _, name := range tablesOfHistory(i) {
			table := fmt.Sprint(name, i)
			out["staging."+table] = rowsOf(t, hold.DB(), "staging."+table, columns[table])
		}
		out[fmt.Sprint("history.a", i)] = warehousetest.Texts(t, hold.DB(), fmt.Sprintf(`
select cast(id as varchar), v, cast(n as varchar), _op
from history.a%d
where _basis = 'binlog'
order by 1, 2, 3, 4`, i))
	}
	warehousetest.End(t, hold)
	r, err := wh.Published(t.Context())
	require.NoError(t, err)
	for i := range histories {
		for _, name := range tablesOfHistory(i) {
			for _, m := range modelsOf[name] {
				out[fmt.Sprint(m.name, i)] = rowsOf(t, r.DB, fmt.Sprint(m.name, i), m.columns)
			}
		}
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
// end as one that is built anew from it; and every version of a table that the log alone told of is in history. Many histories go on in one
// source: LIFELINE_HISTORIES of them with LIFELINE_SOAK, or as many as end in it where it is a time.
func TestRandomHistoriesEndAsARebuildDoes(t *testing.T) {
	t.Parallel()
	histories, together, most := 6, 6, time.Duration(0)
	if text := os.Getenv("LIFELINE_SOAK"); text != "" {
		histories, together = numberFrom(t, "LIFELINE_HISTORIES", 1000), numberFrom(t, "LIFELINE_TOGETHER", 25)
		if d, err := time.ParseDuration(text); err == nil {
			most = d
		}
	}
	began := time.Now()
	seed := uint64(numberFrom(t, "LIFELINE_SEED", int(began.UnixMilli())))
	done := 0
	for ; done < histories && (most == 0 || time.Since(began) < most) && !t.Failed(); done += together {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { tellTogether(t, seed, together) })
		seed += uint64(together)
	}
	t.Logf("%d histories, up to seed %d", done, seed-1)
}

// numberFrom is a number of the environment.
func numberFrom(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return n
}

// tablesOfHistories are the statements that make the tables of some histories.
func tablesOfHistories(histories int) (out []string) {
	for i := range histories {
		for _, name := range tablesOfHistory(i) {
			out = append(out, ofHistory(createOf[name], i))
		}
	}
	return out
}

// tellTogether lets some histories happen in one source.
func tellTogether(t *testing.T, seed uint64, histories int) {
	r := rand.New(rand.NewPCG(seed, 2))
	dsn := mysqlDatabase(t, tablesOfHistories(histories)...)
	conn, err := serverOf(t, dsn).Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	tellers := make([]*storyteller, histories)
	for i := range tellers {
		tellers[i] = &storyteller{
			Rand: rand.New(rand.NewPCG(seed+uint64(i), 1)), conn: conn, number: i, a: map[string][2]string{}, exact: true,
		}
	}
	places := []string{"duckdb:" + filepath.Join(t.TempDir(), "w.duckdb")}
	onPostgres(t, func(dsn string) { places = append(places, dsn) })
	files := equalProject(histories)
	followers := make([]*loggedSource, len(places))
	for i, place := range places {
		followers[i] = &loggedSource{tiny: newTiny(t, place, files), dsn: dsn}
	}
	walk := func(full bool) {
		for i, f := range followers {
			r, err := f.run(t, func(o *run.Options) { o.Full = full })
			require.NoError(t, err, "%s, LIFELINE_SEED=%d LIFELINE_TOGETHER=%d", places[i], seed, histories)
			for _, s := range tellers {
				s.exact = s.exact && (r.Mode == "log" || len(s.past) == 0)
			}
		}
	}
	tell := func() {
		for _, s := range tellers {
			if r.IntN(4) > 0 {
				s.tell(t)
			}
		}
	}
	tell()
	walk(false)
	for _, s := range tellers {
		s.past, s.exact = nil, true
	}
	for range 1 + r.IntN(3) {
		tell()
		switch r.IntN(5) {
		case 0:
			walk(true)
		case 1:
			for i, f := range followers { // A restart.
				require.NoError(t, f.wh.Close())
				f.wh, err = warehouse.Open(t.Context(), warehouse.Options{DSN: places[i]})
				require.NoError(t, err)
			}
		}
		tell()
		walk(false)
	}
	anew := &loggedSource{tiny: newTiny(t, "duckdb:"+filepath.Join(t.TempDir(), "anew.duckdb"), files), dsn: dsn}
	_, err = anew.run(t, func(o *run.Options) { o.Full = true })
	require.NoError(t, err)
	want := everything(t, anew.wh, histories)
	for i, f := range followers {
		got := everything(t, f.wh, histories)
		for _, s := range tellers {
			name := fmt.Sprint("history.a", s.number)
			if s.exact {
				slices.Sort(s.past)
				slices.Sort(got[name])
				require.Equal(t, append([]string{}, s.past...), got[name], "%s, %s, LIFELINE_SEED=%d LIFELINE_TOGETHER=%d", name, places[i], seed,
					histories)
			}
			got[name] = want[name]
		}
		for name := range want {
			require.Equal(t, want[name], got[name], "%s, %s, LIFELINE_SEED=%d LIFELINE_TOGETHER=%d", name, places[i], seed, histories)
		}
	}
}
