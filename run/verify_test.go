package run_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/lifecycle"
	"lifeline/project"
	"lifeline/run"
	"lifeline/source"
	"lifeline/warehouse"
)

// verify compares the source with staging.
func (x *tiny) verify(t *testing.T, dsn string, repair bool) *run.Verification {
	t.Helper()
	p, err := lifecycle.Load(x.dir, project.Options{Env: os.Getenv})
	require.NoError(t, err)
	found, err := run.Verify(t.Context(), run.Options{
		Project: p, Warehouse: x.wh, Source: func(ctx context.Context) (source.Source, error) {
			return source.Open(ctx, source.Options{DSN: dsn, TimeZone: "UTC", Tables: run.Contracts(p)})
		},
	}, repair)
	require.NoError(t, err)
	return found
}

// planted are changes of one cell each, by the key of their row: on either side, in columns of every kind.
func planted(table string, n int) (key, column, inSource, inStaging string) {
	columns := []struct{ name, mysql, sql string }{
		{"n", "n + 1", "n + 1"},
		{"amount", "amount + 0.01", "amount + 0.01"},
		{"word", "concat(word, ' ')", "word || ' '"},
		{"real_number", "real_number * 1.5", "real_number * 1.5"},
		{"day", "'0000-00-00'", "null"},
		{"at_time", "at_time + interval 1 microsecond", "at_time + interval '1 microsecond'"},
		{"bits", "x'00ff'", "null"},
	}
	c := columns[n%len(columns)]
	key = fmt.Sprint(n * 7)
	if table == "lettered" {
		key = fmt.Sprintf("k%05d", n*7)
	}
	return key, c.name, fmt.Sprintf("update %s set %s = %s where id = '%s'", table, c.name, c.mysql, key),
		fmt.Sprintf("update staging.%s set %s = %s where id = '%s'", table, c.name, c.sql, key)
}

// A hundred cells changed by hand, half of them in the source and half in staging, are all found in one pass, named by row and column, and
// mended; a row that one side lacks is, too.
func TestVerifyFindsEveryCellThatDiffers(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, warehouseDSN string) {
		columns := "n int, amount decimal(9,2), word varchar(20), real_number double, day date, at_time datetime(6), bits varbinary(16)"
		dsn := mysqlDatabase(t,
			"create table counted (id int primary key, "+columns+")",
			"create table lettered (id varchar(20) primary key, "+columns+")",
			"create table keyless (n int)", "insert into keyless values (1), (1), (2)",
			"create table empties (id varchar(9) primary key, b varbinary(9))", "insert into empties values ('', ''), ('a', null)",
			"create table dozen (id int primary key)", "insert into dozen select seq from seq_1_to_13",
			"insert into counted select seq, seq, seq / 7, concat('w', seq), seq / 3, '2020-01-01' + interval seq day, "+
				"'2021-01-01' + interval seq second, unhex(md5(seq)) from seq_1_to_1000",
			"insert into lettered select concat('k', lpad(id, 5, '0')), n, amount, word, real_number, day, at_time, bits from counted",
		)
		db := serverOf(t, dsn)
		x := newTiny(t, warehouseDSN, tablesOf("counted", "lettered", "keyless", "empties", "dozen"))
		_, err := x.fromServer(t, dsn)
		require.NoError(t, err)
		require.Equal(t, "equal", x.verify(t, dsn, false).Status)

		var want, staging []string
		for n := 1; n <= 50; n++ {
			for _, table := range []string{"counted", "lettered"} {
				key, column, inSource, inStaging := planted(table, n)
				if n%2 == 0 {
					_, err := db.Exec(inSource)
					require.NoError(t, err, inSource)
				} else {
					staging = append(staging, inStaging)
				}
				want = append(want, table+" "+key+" "+column)
			}
		}
		staging = append(staging, "delete from staging.counted where id = 999", "delete from staging.keyless where n = 2")
		_, err = db.Exec("delete from counted where id = 998; insert into keyless values (1)")
		require.NoError(t, err)
		hold, err := x.wh.Begin(t.Context(), holder(), 0)
		require.NoError(t, err)
		for _, s := range staging {
			_, err := hold.DB().ExecContext(t.Context(), s)
			require.NoError(t, err, s)
		}
		require.NoError(t, hold.Close(t.Context()))

		for _, repair := range []bool{false, true} {
			found := x.verify(t, dsn, repair)
			var got, rows []string
			for _, d := range found.Differences {
				switch {
				case d.Column == "":
					rows = append(rows, d.Table+" "+d.Key+" "+d.What)
				case d.Column != "_raw": // What a zero date leaves there.
					got = append(got, d.Table+" "+d.Key+" "+d.Column)
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			require.Equal(t, want, got)
			slices.Sort(rows)
			require.Equal(t, []string{
				"counted 998 not in the source", "counted 999 not in staging", `keyless ["1",null] not in staging`, `keyless ["2",null] not in staging`,
			}, rows)
			require.Less(t, found.Tables[0].Read+found.Tables[1].Read+found.Tables[2].Read, int64(2100))
			require.Equal(t, map[bool]string{false: "different", true: "repaired"}[repair], found.Status)
		}
		require.Equal(t, "equal", x.verify(t, dsn, false).Status)
		// The repair has left a landing to build, and what it replaced in history.
		require.NotEmpty(t, x.lines(t, "select id || _op from history.counted where id = 998"))
		_, err = x.fromServer(t, dsn)
		require.NoError(t, err)
		require.Equal(t, "equal", x.verify(t, dsn, false).Status)
	})
}

// A folder is verified by reading it, and a masked value is found and not shown.
func TestVerifyReadsAFolderAndHidesWhatIsMasked(t *testing.T) {
	t.Parallel()
	x := newTiny(t, "duckdb:"+t.TempDir()+"/w.duckdb", map[string]string{
		"lifeline.yml": "name: tiny\nsource: {time_zone: UTC}\nas_of: now\nmasking: {columns: {t.mail: {truncate: 3}}}\n",
		"models/sources.yml": "sources:\n  - name: s\n    schema: staging\n    tables:\n" +
			"      - {name: t, meta: {lifeline: {file: t.csv, key: [id]}}, " +
			"columns: [{name: id, data_type: int}, {name: mail, data_type: text}]}\n",
		"models/core/m.sql": "select * from {{ source('s', 't') }}",
		"csv/t.csv":         "id,mail\n1,anna@example.org\n2,bert@example.org\n",
	})
	_, err := x.walk(t, true)
	require.NoError(t, err)
	dsn := "csv:" + x.dir + "/csv"
	require.Equal(t, "equal", x.verify(t, dsn, false).Status)
	hold, err := x.wh.Begin(t.Context(), holder(), 0)
	require.NoError(t, err)
	_, err = hold.DB().ExecContext(t.Context(), "update staging.t set mail = 'xyz' where id = 2")
	require.NoError(t, err)
	require.NoError(t, hold.Close(t.Context()))
	found := x.verify(t, dsn, true)
	require.Len(t, found.Differences, 1)
	require.Equal(t, `t 2, mail: "(masked)" in the source, "(masked)" in staging`, found.Differences[0].String())
	require.Equal(t, "equal", x.verify(t, dsn, false).Status)
}

// Before the first run there is nothing to verify.
func TestVerifyBeforeTheFirstRunSaysSo(t *testing.T) {
	t.Parallel()
	x := newTiny(t, "duckdb:"+t.TempDir()+"/w.duckdb", tablesOf("t"))
	p, err := lifecycle.Load(x.dir, project.Options{Env: os.Getenv})
	require.NoError(t, err)
	_, err = run.Verify(t.Context(), run.Options{Project: p, Warehouse: x.wh}, false)
	require.ErrorIs(t, err, warehouse.ErrNothingPublished)
}
