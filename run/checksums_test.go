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
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/lifecycle"
	"lifeline/project"
	"lifeline/run"
	"lifeline/source"
)

// keyShapes are tables whose keys divide them in every way that there is, or in none.
var keyShapes = map[string]string{
	"counted":   "id int primary key",
	"positive":  "id bigint unsigned primary key",
	"lettered":  "id varchar(40) primary key",
	"cased":     "id varchar(40) character set utf8mb4 collate utf8mb4_bin primary key",
	"raw":       "id varbinary(20) primary key",
	"dated":     "id datetime(3) primary key",
	"two":       "id int, other int not null default 1, primary key (id, other)",
	"priced":    "id decimal(12,2) primary key",
	"keyless":   "id int",
	"twice":     "id int, key (id)",
	"personal":  "id int primary key, mail varchar(40)",
	"untouched": "id int primary key",
}

// keyOf writes the n-th key of a table.
func keyOf(table string, n int) string {
	switch table {
	case "positive":
		return fmt.Sprintf("18446744073709551615 - %d", n*3)
	case "lettered", "cased":
		return fmt.Sprintf("concat(if(%d %% 2, 'k', 'K'), lpad(%d, 6, '0'))", n, n)
	case "raw":
		return fmt.Sprintf("unhex(md5(%d))", n)
	case "dated":
		return fmt.Sprintf("'2020-01-01' + interval %d second", n*777)
	case "priced":
		return fmt.Sprintf("%d.25", n)
	case "twice":
		return fmt.Sprint(n / 3)
	}
	return fmt.Sprint(n)
}

// editor changes the tables of a source at random.
type editor struct {
	*rand.Rand

	db   *sql.DB
	next int
}

func (e *editor) exec(t *testing.T, statements ...string) {
	t.Helper()
	for _, s := range statements {
		_, err := e.db.ExecContext(t.Context(), s)
		require.NoError(t, err, s)
	}
}

func (e *editor) insert(t *testing.T, table string, rows int) {
	t.Helper()
	values := make([]string, rows)
	for i := range values {
		e.next++
		values[i] = fmt.Sprintf("(%s, %d, %d.5, 'x')", keyOf(table, e.next), e.next, e.IntN(100))
	}
	e.exec(t, fmt.Sprintf("insert into %s (id, n, amount, word) values %s", table, strings.Join(values, ", ")))
}

// edit makes a handful of changes of every kind, none of which touches a column that says when.
func (e *editor) edit(t *testing.T, table string) {
	t.Helper()
	for range 1 + e.IntN(4) {
		n := 1 + e.IntN(e.next)
		switch e.IntN(6) {
		case 0:
			e.insert(t, table, 1+e.IntN(30))
		case 1:
			e.exec(t, fmt.Sprintf("delete from %s where n between %d and %d", table, n, n+e.IntN(8)))
		case 2:
			e.exec(t, fmt.Sprintf("update %s set amount = amount + 0.5 where n = %d", table, n))
		case 3:
			if table == "personal" { // What lands of it may stay as it is.
				e.exec(t, fmt.Sprintf("update %s set mail = concat(char(97 + %d), n, '@example.org') where n = %d", table, e.IntN(3), n))
			}
			e.exec(t, fmt.Sprintf("update %s set word = if(word = 'x', null, 'x') where n between %d and %d", table, n, n+3))
		case 4: // The key moves to where none was.
			e.next++
			e.exec(t, fmt.Sprintf("update %s set id = %s where n = %d", table, keyOf(table, e.next), n))
		case 5: // A row goes and comes back as another.
			e.exec(t, fmt.Sprintf("delete from %s where n = %d", table, n))
			e.exec(t, fmt.Sprintf("insert into %s (id, n, amount, word) select %s, %d, 1, 'back' from dual where not exists "+
				"(select 1 from %s where id = %s)", table, keyOf(table, n), n, table, keyOf(table, n)))
		}
	}
}

// checksumsProject reads all tables of keyShapes.
func checksumsProject() map[string]string {
	yml := "sources:\n  - name: s\n    schema: staging\n    tables:\n"
	files := map[string]string{}
	for _, table := range slices.Sorted(maps.Keys(keyShapes)) {
		columns := ""
		if table == "personal" { // A mask wants its column declared, and so all of them.
			columns = ", columns: [{name: id, data_type: int}, {name: mail, data_type: varchar(40)}, {name: n, data_type: int}, " +
				"{name: amount, data_type: 'decimal(9,2)'}, {name: word, data_type: varchar(9)}]"
		}
		yml += fmt.Sprintf("      - {name: %s, meta: {lifeline: {money: {amount: null}}}%s}\n", table, columns)
	}
	files["models/sources.yml"] = yml
	files["lifeline.yml"] = "name: tiny\nsource: {time_zone: UTC}\nas_of: now\nmasking: {columns: {personal.mail: {truncate: 1}}}\n"
	files["models/core/all_counted.sql"] = "select * from {{ source('s', 'counted') }}"
	return files
}

// walkInParts runs with small ranges, so that few rows make many.
func (x *tiny) walkInParts(t *testing.T, dsn string, full bool) *run.Report {
	t.Helper()
	p, err := lifecycle.Load(x.dir, project.Options{Env: os.Getenv})
	require.NoError(t, err)
	report, err := run.Do(t.Context(), run.Options{
		Project: p, Warehouse: x.wh, Command: "test", Full: full,
		Source: func(ctx context.Context) (source.Source, error) {
			return source.Open(ctx, source.Options{DSN: dsn, Tables: run.Contracts(p), ChunkRows: 100, BatchRows: 20})
		},
	})
	require.NoError(t, err)
	return report
}

// lines reads a table of staging or history as texts, sorted.
func (x *tiny) lines(t *testing.T, query string) []string {
	t.Helper()
	r, err := x.wh.OpenStaging(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	rows, err := r.DB.QueryContext(t.Context(), query)
	require.NoError(t, err, query)
	defer func() { require.NoError(t, rows.Close()) }()
	var out []string
	for rows.Next() {
		var line sql.NullString
		require.NoError(t, rows.Scan(&line))
		out = append(out, line.String)
	}
	require.NoError(t, rows.Err())
	slices.Sort(out)
	return out
}

// A run that reads only the ranges whose checksums changed leaves the warehouse as one that reads everything: staging, history, counts,
// totals and books, whatever the tables' keys are like.
func TestARunByChecksumsEqualsAFullRun(t *testing.T) {
	t.Parallel()
	rounds := 3
	if os.Getenv("LIFELINE_SOAK") != "" {
		rounds = 60
	}
	onEveryEngine(t, func(t *testing.T, dsn string) {
		at, e := editedDatabase(t, dsn)
		by, full := newTiny(t, at.by, checksumsProject()), newTiny(t, at.full, checksumsProject())
		by.walkInParts(t, at.source, false)
		full.walkInParts(t, at.source, true)
		first := by.walkInParts(t, at.source, false)
		full.walkInParts(t, at.source, true)
		require.Equal(t, run.ModeChecksums, first.Mode)
		for _, table := range first.Tables {
			require.Zero(t, table.Read, "nothing changed in %s", table.Name)
		}
		var read, all int64
		for round := range rounds {
			for _, table := range slices.Sorted(maps.Keys(keyShapes)) {
				if table != "untouched" {
					e.edit(t, table)
				}
			}
			a, b := by.walkInParts(t, at.source, false), full.walkInParts(t, at.source, true)
			require.Equal(t, run.ModeChecksums, a.Mode)
			require.Equal(t, run.ModeFull, b.Mode)
			for i := range a.Tables {
				x, y := a.Tables[i], b.Tables[i]
				read, all = read+x.Read, all+y.Read
				x.Read, y.Read = 0, 0
				require.Equal(t, y, x, "round %d", round)
			}
			require.Equal(t, b.Books, a.Books)
			for _, table := range slices.Sorted(maps.Keys(keyShapes)) {
				staging := fmt.Sprintf("select concat_ws('|', id, n, amount, word, _raw, _run) from staging.%s", table)
				require.Equal(t, full.lines(t, staging), by.lines(t, staging), "staging.%s in round %d, seed %d", table, round, e.next)
				history := fmt.Sprintf("select concat_ws('|', id, n, amount, word, _op, _run, _basis) from history.%s", table)
				if table == "personal" {
					staging = strings.Replace(staging, "word", "word, mail", 1)
					require.Equal(t, full.lines(t, staging), by.lines(t, staging), "mails in round %d", round)
				}
				if table != "untouched" {
					require.Equal(t, full.lines(t, history), by.lines(t, history), "history.%s in round %d", table, round)
				}
			}
		}
		require.Less(t, read, all*3/4, "rows read")
	})
}

// places are the addresses of one source and two warehouses.
type places struct{ source, by, full string }

// editedDatabase makes a source with all key shapes, and a second warehouse beside the one given.
func editedDatabase(t *testing.T, warehouseDSN string) (places, *editor) {
	t.Helper()
	var create []string
	for table, key := range keyShapes {
		create = append(create, fmt.Sprintf("create table %s (%s, n int not null, amount decimal(9,2), word varchar(9))", table, key))
	}
	out := places{source: mysqlDatabase(t, create...), by: warehouseDSN}
	if strings.HasPrefix(warehouseDSN, "duckdb:") {
		out.full = "duckdb:" + filepath.Join(t.TempDir(), "full.duckdb")
	} else {
		onPostgres(t, func(dsn string) { out.full = dsn })
	}
	e := &editor{Rand: rand.New(rand.NewPCG(14, uint64(len(warehouseDSN)))), db: serverOf(t, out.source)}
	out.source = withoutLog(t, out.source)
	for _, table := range slices.Sorted(maps.Keys(keyShapes)) {
		e.next = 0
		e.insert(t, table, 600)
	}
	return out, e
}

// withoutLog is a source's address for a user who may read its tables and not its binary log.
func withoutLog(t *testing.T, dsn string) string {
	t.Helper()
	db := serverOf(t, dsn)
	a, err := change.ParseAddress(dsn)
	require.NoError(t, err)
	name := fmt.Sprintf("blind%d_%d", os.Getpid(), databases.Add(1))
	_, err = db.Exec(fmt.Sprintf("create user %s@'%%' identified by 'secret'; grant select on %s.* to %s@'%%'", name, a.Database, name))
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := db.Exec("drop user " + name + "@'%'")
		require.NoError(t, err)
	})
	return fmt.Sprintf("mysql://%s:secret@%s:%s/%s", name, a.Host, a.Port, a.Database)
}

// A run that finds checksums of a table that somebody changed by hand stops at the books, and the next one reads it whole.
func TestAStagingThatWasChangedByHandIsReadWholeAgain(t *testing.T) {
	t.Parallel()
	dsn := withoutLog(t, mysqlDatabase(t, "create table counted (id int primary key, n int)",
		"insert into counted values (1, 1), (2, 2), (3, 3)"))
	onEveryEngine(t, func(t *testing.T, warehouseDSN string) {
		x := newTiny(t, warehouseDSN, map[string]string{
			"models/sources.yml": "sources:\n  - name: s\n    schema: staging\n    tables:\n" +
				"      - {name: counted, meta: {lifeline: {money: {n: null}}}}\n",
			"models/core/rows.sql": "select * from {{ source('s', 'counted') }}",
		})
		_, err := x.fromServer(t, dsn)
		require.NoError(t, err)
		r, err := x.wh.Begin(t.Context(), holder(), 0)
		require.NoError(t, err)
		_, err = r.DB().ExecContext(t.Context(), "update staging.counted set n = 7 where id = 2")
		require.NoError(t, err)
		require.NoError(t, r.Close(t.Context()))
		p, err := lifecycle.Load(x.dir, project.Options{Env: os.Getenv})
		require.NoError(t, err)
		o := run.Options{Project: p, Warehouse: x.wh, Command: "test", Source: func(ctx context.Context) (source.Source, error) {
			return source.Open(ctx, source.Options{DSN: dsn, Tables: run.Contracts(p)})
		}}
		_, err = run.Do(t.Context(), o)
		require.ErrorContains(t, err, "counted")
		report, err := run.Do(t.Context(), o)
		require.NoError(t, err)
		require.Equal(t, run.ModeFull, report.Mode)
		require.Equal(t, []string{"1|1", "2|2", "3|3"}, x.lines(t, "select concat_ws('|', id, n) from staging.counted"))
	})
}
