package run_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/run"
)

// refusedBy expects the guard's stop.
func refusedBy(t *testing.T, r *run.Report, err error, table string, deleted, rows int64) {
	t.Helper()
	var p *change.Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, change.ClassBlocked, p.Class)
	require.Equal(t, run.Blocked, r.Status)
	require.Contains(t, p.Try, "--allow-deletes "+table)
	var d *run.DeletesError
	require.ErrorAs(t, err, &d)
	require.Equal(t, [3]any{table, deleted, rows}, [3]any{d.Table, d.Deleted, d.Rows})
}

// A landing that would take out more of a table than max_deletes allows lands nothing and asks, whichever way the source is read; what is
// allowed by name lands.
func TestALandingThatDeletesTooMuchAsks(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, engine string) {
		x := newLogged(t, engine, []string{"t", "u"}, "create table t (id int primary key, v int)", "create table u (id int primary key)",
			"insert into t select seq, seq from seq_1_to_20000", "insert into u select seq from seq_1_to_1000")
		mode(t, "full")(x.run(t, nil))
		held := func() []string {
			return x.landed(t, "select (select count(*) from staging.t), (select count(*) from history.t), (select count(*) from ops.positions)")
		}
		before := held()
		x.do(t, "delete from t where id <= 12000", "insert into t values (50000, 1)")
		dsn, reader := x.dsn, x.withoutLog(t)
		for _, way := range []struct {
			mode, dsn string
			full      bool
		}{{"log", dsn, false}, {"checksums", reader, false}, {"full", dsn, true}} {
			x.dsn = way.dsn
			r, err := x.run(t, func(o *run.Options) { o.Full = way.full })
			refusedBy(t, r, err, "t", 12000, 20000)
			require.Equal(t, way.mode, r.Mode)
			require.Equal(t, before, held(), way.mode)
		}
		x.dsn = reader
		x.do(t, "delete from u where id <= 499") // Less than half.
		r, err := x.run(t, func(o *run.Options) { o.Deletes = []string{"t"} })
		require.NoError(t, err)
		require.Equal(t, []int64{12000, 499}, []int64{r.Tables[0].Deleted, r.Tables[1].Deleted})

		x.dsn = dsn
		x.write(t, map[string]string{"lifeline.yml": "name: tiny\nsource: {time_zone: UTC}\nas_of: now\nmax_deletes: {default: any, u: 10}\n"})
		x.do(t, "delete from t", "delete from u where id <= 509")
		_, err = x.run(t, nil)
		require.NoError(t, err)
		x.do(t, "delete from u where id <= 520")
		r, err = x.run(t, nil)
		refusedBy(t, r, err, "u", 11, 491)
	})
}

// A folder whose file was cut short asks, too; few rows may go whatever their share.
func TestAFileThatWasCutShortAsks(t *testing.T) {
	t.Parallel()
	x := newTiny(t, "duckdb:"+t.TempDir()+"/w.duckdb", map[string]string{
		"models/sources.yml": "sources:\n  - name: s\n    schema: staging\n    tables:\n" +
			"      - {name: t, meta: {lifeline: {file: t.csv, key: [id]}}, columns: [{name: id, data_type: int}]}\n",
		"models/core/m.sql": "select * from {{ source('s', 't') }}",
		"csv/t.csv":         "id\n" + numbers(1, 300),
	})
	_, err := x.walk(t, true)
	require.NoError(t, err)
	x.write(t, map[string]string{"csv/t.csv": "id\n" + numbers(1, 10)})
	r, err := x.walk(t, true)
	refusedBy(t, r, err, "t", 290, 300)
	x.write(t, map[string]string{"csv/t.csv": "id\n" + numbers(1, 202)})
	_, err = x.walk(t, true)
	require.NoError(t, err)
}

func numbers(from, to int) string {
	var b strings.Builder
	for i := from; i <= to; i++ {
		fmt.Fprintln(&b, i)
	}
	return b.String()
}
