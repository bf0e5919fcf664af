// Package temporaltest runs the temporal joins on real databases. It is apart from package model, whose tests need none.
package temporaltest

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lifeline/model"
	"lifeline/project"
	"lifeline/warehouse/warehousetest"
)

func TestMain(m *testing.M) {
	warehousetest.Draws(10, 400)
	os.Exit(m.Run())
}

// row is a cohort's or an appended row; times are minutes, and -1 is a null.
type row struct {
	key, minute, occurrence, id, amount int
}

type data struct{ cohort, appended []row }

// call is a use of a macro with the inclusive and exclusive variants that it has.
type call struct {
	name      string // Of the model that holds it.
	kind      string
	aggregate bool
	inclusive bool
	args      string
}

func calls() []call {
	var out []call
	for _, kind := range []string{"first_ever", "last_ever", "nth_ever"} {
		args := ""
		if kind == "nth_ever" {
			args = ", nth=2"
		}
		out = append(out, call{name: kind, kind: kind, args: args})
	}
	for _, bound := range []bool{false, true} {
		for _, kind := range []string{"first_before", "last_before", "first_after", "last_after", "first_in_between", "last_in_between"} {
			out = append(out, call{
				name: fmt.Sprintf("%s_%t", kind, bound), kind: kind, inclusive: bound,
				args: fmt.Sprintf(", inclusive=%t", bound),
			})
		}
		for _, kind := range []string{"before", "after", "in_between"} {
			out = append(out, call{
				name: fmt.Sprintf("%s_%t", kind, bound), kind: kind, inclusive: bound, aggregate: true,
				args: fmt.Sprintf(", inclusive=%t", bound),
			})
		}
	}
	return append(out, call{name: "all_ever", kind: "all_ever", aggregate: true})
}

// template is the model of a call. The appended rows have their key under another name.
func (c call) template() string {
	common := fmt.Sprintf("'%s', cohort='cohort_rows', appended='appended_rows', on='entity', cohort_on='member', time='happened', "+
		"cohort_time='began'%s", c.kind, c.args)
	if c.aggregate {
		return "select * from ({{ temporal_aggregate(" + common +
			", aggregates={'events': 'count(*)', 'amounts': 'COUNT(amount)', 'total': 'sum( amount )', 'highest': 'max(amount)', 'mean': " +
			"'avg(amount)', 'any_large': 'bool_or(large)'}) }}) as j"
	}
	return "select * from ({{ temporal_join(" + common +
		", columns={'id': 'event_id', 'happened': 'event_time', 'large': 'event_large'}) }}) as j"
}

func compileAll(t testing.TB) map[string]string {
	t.Helper()
	files := map[string]string{"lifeline.yml": "name: small\n", "dbt_project.yml": "name: small\n"}
	for _, c := range calls() {
		files["models/"+c.name+".sql"] = c.template()
	}
	out := map[string]string{}
	g := graphOf(t, files)
	for _, n := range g.Nodes {
		text, err := g.Compile(n, model.Env{})
		require.NoError(t, err)
		out[n.Name] = text
	}
	return out
}

func graphOf(t testing.TB, files map[string]string) *model.Graph {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	p, err := project.Load(dir, project.Options{})
	require.NoError(t, err)
	g, err := model.NewGraph(p, model.Options{Target: model.Target{Name: "test", Type: "duckdb"}})
	require.NoError(t, err)
	return g
}

// databases runs a test on each engine, on one connection with tables of its own.
func databases(t *testing.T, run func(t *testing.T, db *sql.Conn)) {
	t.Helper()
	for driver, dsn := range map[string]string{"duckdb": "", "pgx": os.Getenv("LIFELINE_TEST_POSTGRES")} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			if driver == "pgx" && dsn == "" {
				require.NotEqual(t, "1", os.Getenv("LIFELINE_TEST_REQUIRE"), "LIFELINE_TEST_POSTGRES is not set")
				t.Skip("LIFELINE_TEST_POSTGRES is not set")
			}
			pool, err := sql.Open(driver, dsn)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, pool.Close()) })
			db, err := pool.Conn(context.Background())
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			do(t, db, "create temporary table cohort_rows (member bigint, began timestamp, occurrence integer, id bigint, amount integer)")
			do(t, db, "create temporary table appended_rows (entity bigint, happened timestamp, occurrence integer, id varchar(20), amount "+
				"integer, large boolean)")
			run(t, db)
		})
	}
}

type tester interface {
	require.TestingT
	Helper()
}

func do(t tester, db *sql.Conn, statement string) {
	t.Helper()
	_, err := db.ExecContext(context.Background(), statement)
	require.NoError(t, err, statement)
}

func literal(v int) string {
	if v < 0 {
		return "null"
	}
	return fmt.Sprint(v)
}

func instant(minute int) string {
	if minute < 0 {
		return "null"
	}
	return fmt.Sprintf("timestamp '2026-01-01 00:%02d:00'", minute)
}

func fill(t tester, db *sql.Conn, d data) {
	t.Helper()
	for table, rows := range map[string][]row{"cohort_rows": d.cohort, "appended_rows": d.appended} {
		do(t, db, "delete from "+table)
		var values []string
		for _, r := range rows {
			v := []string{literal(r.key), instant(r.minute), literal(r.occurrence), literal(r.id), literal(r.amount)}
			if table == "appended_rows" {
				v[3] = "'" + eventID(r.id) + "'"
				v = append(v, large(r.amount))
			}
			values = append(values, "("+strings.Join(v, ", ")+")")
		}
		if len(values) > 0 {
			do(t, db, "insert into "+table+" values "+strings.Join(values, ", "))
		}
	}
}

func eventID(id int) string { return fmt.Sprintf("e%03d", id) }

func large(amount int) string {
	if amount < 0 {
		return "null"
	}
	return fmt.Sprint(amount > 2)
}

// draw makes few entities and few instants, so that most rows tie, in any order, with nulls in keys, times and order.
func draw(t *rapid.T) data {
	rows := func(label string, most int) []row {
		n := rapid.IntRange(0, most).Draw(t, label)
		ids := rapid.Permutation(numbers(n)).Draw(t, label+" ids")
		var out []row
		for _, id := range ids {
			out = append(out, row{
				key: rapid.IntRange(-1, 2).Draw(t, "key"), minute: rapid.IntRange(-1, 4).Draw(t, "minute"),
				occurrence: rapid.IntRange(-1, 1).Draw(t, "occurrence"), id: id, amount: rapid.IntRange(-1, 5).Draw(t, "amount"),
			})
		}
		return out
	}
	return data{cohort: rows("cohort", 12), appended: rows("appended", 25)}
}

func numbers(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// total is the order (time, occurrence, id), nulls after all others.
func total(a, b row) int {
	last := func(v int) int {
		if v < 0 {
			return 1 << 20
		}
		return v
	}
	return cmp.Or(cmp.Compare(last(a.minute), last(b.minute)), cmp.Compare(last(a.occurrence), last(b.occurrence)), cmp.Compare(a.id, b.id))
}

// matches are the appended rows that a call sees from a cohort row, in order: by the definitions, row by row.
func (d data) matches(c call, of row) []row {
	var out []row
	next := d.next(of)
	for _, e := range d.appended {
		if of.key < 0 || e.key != of.key || e.minute < 0 {
			continue
		}
		after := e.minute > of.minute || c.inclusive && e.minute == of.minute
		before := e.minute < of.minute || c.inclusive && e.minute == of.minute
		var take bool
		switch {
		case strings.HasSuffix(c.kind, "ever"):
			take = true
		case of.minute < 0:
		case strings.HasSuffix(c.kind, "before"):
			take = before
		case strings.HasSuffix(c.kind, "after"):
			take = after
		case next == nil:
			take = after
		case c.inclusive:
			take = after && e.minute < next.minute
		default:
			take = after && e.minute <= next.minute
		}
		if take {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, total)
	return out
}

// next is the entity's cohort row after this one.
func (d data) next(of row) *row {
	var found *row
	for i, r := range d.cohort {
		if r.key == of.key && r.minute >= 0 && total(r, of) > 0 && (found == nil || total(r, *found) < 0) {
			found = &d.cohort[i]
		}
	}
	return found
}

// expected is what a call should give for a cohort row.
func (d data) expected(c call, of row) string {
	rows := d.matches(c, of)
	if !c.aggregate {
		at := 0
		switch {
		case c.kind == "nth_ever":
			at = 1
		case strings.HasPrefix(c.kind, "last"):
			at = len(rows) - 1
		}
		if at < 0 || at >= len(rows) {
			return "null|null|null"
		}
		return fmt.Sprintf("%s|%02d|%s", eventID(rows[at].id), rows[at].minute, large(rows[at].amount))
	}
	amounts, sum, highest := 0, 0, -1
	for _, r := range rows {
		if r.amount >= 0 {
			amounts, sum, highest = amounts+1, sum+r.amount, max(highest, r.amount)
		}
	}
	if amounts == 0 {
		return fmt.Sprintf("%d|0|null|null|null|null", len(rows))
	}
	return fmt.Sprintf("%d|%d|%d|%d|%d|%s", len(rows), amounts, sum, highest, sum*1000/amounts, large(highest))
}

// got are the rows of a call, each a text, by the cohort row's id.
func got(t tester, db *sql.Conn, c call, text string) map[int]string {
	t.Helper()
	columns := []string{
		"event_id", "substr(cast(event_time as varchar), 15, 2)",
		"case when event_large then 'true' when not event_large then 'false' end",
	}
	if c.aggregate {
		columns = []string{
			"events", "amounts", "total", "highest", "floor(mean * 1000 + 0.0001)",
			"case when any_large then 'true' when not any_large then 'false' end",
		}
	}
	for i, column := range columns {
		if strings.HasPrefix(column, "floor") {
			column = "cast(" + column + " as bigint)"
		}
		columns[i] = "coalesce(cast(" + column + " as varchar), 'null')"
	}
	rows, err := db.QueryContext(context.Background(), "select id, "+strings.Join(columns, " || '|' || ")+" from (\n"+text+"\n) as r")
	require.NoError(t, err, text)
	defer rows.Close()
	out := map[int]string{}
	for rows.Next() {
		var id int
		var line string
		require.NoError(t, rows.Scan(&id, &line))
		require.NotContains(t, out, id, "the cohort's row came twice")
		out[id] = line
	}
	require.NoError(t, rows.Err())
	return out
}

func TestEachJoinIsWhatItsDefinitionGivesRowByRow(t *testing.T) {
	t.Parallel()
	texts := compileAll(t)
	databases(t, func(t *testing.T, db *sql.Conn) {
		rapid.Check(t, func(t *rapid.T) {
			d := draw(t)
			fill(t, db, d)
			for _, c := range calls() {
				want := map[int]string{}
				for _, r := range d.cohort {
					want[r.id] = d.expected(c, r)
				}
				require.Equal(t, want, got(t, db, c, texts[c.name]), c.name)
			}
		})
	})
}

func TestManyTiesInAnyOrderOfTheInputGiveOneAnswer(t *testing.T) {
	t.Parallel()
	texts := compileAll(t)
	databases(t, func(t *testing.T, db *sql.Conn) {
		random := rand.New(rand.NewPCG(1, 2))
		rows := func(n int) []row {
			out := make([]row, n)
			for i, id := range random.Perm(n) {
				out[i] = row{key: random.IntN(4) - 1, minute: random.IntN(6) - 1, occurrence: random.IntN(3) - 1, id: id, amount: random.IntN(7) - 1}
			}
			return out
		}
		d := data{cohort: rows(120), appended: rows(400)}
		for range 10 {
			random.Shuffle(len(d.cohort), func(i, j int) { d.cohort[i], d.cohort[j] = d.cohort[j], d.cohort[i] })
			random.Shuffle(len(d.appended), func(i, j int) { d.appended[i], d.appended[j] = d.appended[j], d.appended[i] })
			fill(t, db, d)
			for _, c := range calls() {
				want := map[int]string{}
				for _, r := range d.cohort {
					want[r.id] = d.expected(c, r)
				}
				require.Equal(t, want, got(t, db, c, texts[c.name]), c.name)
			}
		}
	})
}

func TestADatabaseNamesAMissingColumn(t *testing.T) {
	t.Parallel()
	files := map[string]string{"lifeline.yml": "name: small\n", "dbt_project.yml": "name: small\n"}
	for _, c := range calls() {
		files["models/"+c.name+".sql"] = strings.NewReplacer("'large':", "'no_such':", "bool_or(large)", "bool_or(no_such)").Replace(c.template())
	}
	g := graphOf(t, files)
	databases(t, func(t *testing.T, db *sql.Conn) {
		for _, n := range g.Nodes {
			text, err := g.Compile(n, model.Env{})
			require.NoError(t, err)
			_, err = db.ExecContext(context.Background(), "select * from ("+text+") as r")
			require.ErrorContains(t, err, "no_such")
			require.NotContains(t, err.Error(), "not found", n.Name)
		}
	})
}

func number(t tester, db *sql.Conn, query string) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(context.Background(), query).Scan(&n), query)
	return n
}

func TestEachEventFallsIntoExactlyOneWindow(t *testing.T) {
	t.Parallel()
	texts := compileAll(t)
	databases(t, func(t *testing.T, db *sql.Conn) {
		rapid.Check(t, func(t *rapid.T) {
			d := draw(t)
			fill(t, db, d)
			for _, inclusive := range []bool{false, true} {
				// What no window holds lies before the entity's first cohort row, by the other bound.
				operator := map[bool]string{false: "<=", true: "<"}[inclusive]
				windows := number(t, db, "select cast(coalesce(sum(events), 0) as bigint) from ("+
					texts[fmt.Sprintf("in_between_%t", inclusive)]+") as w")
				outside := number(t, db, `select count(*) from appended_rows as a
					join (select member, min(began) as first from cohort_rows group by member) as f on f.member = a.entity
					where a.happened `+operator+` f.first`)
				all := number(t, db, `select count(*) from appended_rows as a
					where a.happened is not null and a.entity in (select member from cohort_rows where member is not null and began is not null)`)
				require.Equal(t, all, windows+outside)
			}
		})
	})
}

func TestTheCohortKeepsItsRowsWhateverTheyAre(t *testing.T) {
	t.Parallel()
	texts := compileAll(t)
	databases(t, func(t *testing.T, db *sql.Conn) {
		rapid.Check(t, func(t *rapid.T) {
			d := draw(t)
			// Rows that repeat, keys and ids that are missing.
			for i := range d.cohort {
				d.cohort[i].id = rapid.IntRange(-1, 3).Draw(t, "repeated id")
			}
			fill(t, db, d)
			for _, c := range calls() {
				changed := number(t, db, `select count(*) from (
					select u.member, u.began, u.occurrence, u.id, u.amount from (
						select member, began, occurrence, id, amount, 1 as n from (`+texts[c.name]+`) as j
						union all
						select member, began, occurrence, id, amount, -1 as n from cohort_rows
					) as u
					group by u.member, u.began, u.occurrence, u.id, u.amount
					having sum(u.n) <> 0
				) as v`)
				require.Zero(t, changed, c.name)
			}
		})
	})
}
