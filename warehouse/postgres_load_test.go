package warehouse_test

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

func TestPostgresKeepsEveryKindOfValue(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	r := pgBegin(t, pgWarehouse(t, dsn))
	column := func(name string, kind change.Kind, digits ...int) change.Column {
		c := change.Column{Name: name, Type: change.Type{Kind: kind}, Nullable: true}
		if len(digits) > 0 {
			c.Type.Precision, c.Type.Scale = digits[0], digits[1]
		}
		return c
	}
	table := &change.Table{Name: "kinds", Columns: []change.Column{
		column("i2", change.Int16), column("i4", change.Int32), column("i8", change.Int64), column("d", change.Decimal, 19, 4),
		column("u8", change.Decimal, 20, 0), column("deep", change.Decimal, 38, 30), column("f4", change.Float32),
		column("f8", change.Float64), column("t", change.Text), column("b", change.Bytes), column("day", change.Date),
		column("at", change.Timestamp),
	}}
	b := change.NewBatch(table, 3)
	for _, v := range []int64{math.MinInt16, math.MaxInt16} {
		b.Cols[0].AppendInt(v)
	}
	b.Cols[1].AppendInt(math.MinInt32)
	b.Cols[1].AppendInt(math.MaxInt32)
	b.Cols[2].AppendInt(math.MinInt64)
	b.Cols[2].AppendInt(math.MaxInt64)
	b.Cols[3].AppendInt(-123456789_0001)
	b.Cols[3].AppendInt(0)
	b.Cols[4].AppendWide("18446744073709551615")
	b.Cols[4].AppendInt(10000)
	b.Cols[5].AppendWide("-12345678.000000000000000000000000000001")
	b.Cols[5].AppendInt(5)
	b.Cols[6].AppendFloat(1.5)
	b.Cols[6].AppendFloat(-0.25)
	b.Cols[7].AppendFloat(math.MaxFloat64)
	b.Cols[7].AppendFloat(0.1)
	b.Cols[8].AppendBytes([]byte("tab\tline\nback\\slash ' \" ж"))
	b.Cols[8].AppendBytes(nil)
	b.Cols[9].AppendBytes([]byte{0, 255, 10})
	b.Cols[9].AppendBytes(nil)
	for _, day := range []string{"0001-01-01", "9999-12-31"} {
		d, err := time.Parse(time.DateOnly, day)
		require.NoError(t, err)
		b.Cols[10].AppendInt(d.Unix() / 86400)
		b.Cols[11].AppendInt(d.UnixMicro() + 1)
	}
	b.Raw.AppendBytes([]byte(`{"day":"0000-00-00"}`))
	b.Raw.AppendNull(change.Text)
	for i := range table.Columns {
		b.Cols[i].AppendNull(table.Columns[i].Type.Kind)
	}
	b.Raw.AppendNull(change.Text)
	b.Len = 3

	load, err := r.Load(t.Context(), []*change.Table{table}, change.Snapshot{TakenAt: time.Now()})
	require.NoError(t, err)
	w, err := load.Writer(t.Context(), table)
	require.NoError(t, err)
	require.NoError(t, w.Write(t.Context(), b))
	require.NoError(t, w.Close(t.Context()))
	_, err = load.Commit(t.Context(), nil)
	require.NoError(t, err)

	require.Equal(t, []string{
		`{-32768,-2147483648,-9223372036854775808,-123456789.0001,18446744073709551615,-12345678.000000000000000000000000000001,1.5,` +
			`1.7976931348623157e+308,` + "\"tab\tline\nback\\\\slash ' \\\" ж\"" +
			`,"\\x00ff0a",0001-01-01,"0001-01-01 00:00:00.000001","{\"day\":\"0000-00-00\"}",1}`,
		`{32767,2147483647,9223372036854775807,0.0000,10000,0.000000000000000000000000000005,-0.25,0.1,"","\\x",9999-12-31,"9999-12-31 ` +
			`00:00:00.000001",NULL,1}`,
		`{NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1}`,
	}, pgTexts(t, pgConn(t, dsn), `
select array[i2::text, i4::text, i8::text, d::text, u8::text, deep::text, f4::text, f8::text, t, b::text, day::text, at::text, _raw,
    _run::text]::text
from staging.kinds
order by i2`))
}

// The second way to the same text is a fraction of whole numbers.
func TestPostgresKeepsEveryDecimal(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	r := pgBegin(t, pgWarehouse(t, dsn))
	const rows = 500
	table := &change.Table{Name: "decimals"}
	for scale := range 31 {
		table.Columns = append(table.Columns, change.Column{
			Name: fmt.Sprintf("d%d", scale), Type: change.Type{Kind: change.Decimal, Precision: 38, Scale: scale},
		})
	}
	random := rand.New(rand.NewPCG(1, 2))
	b := change.NewBatch(table, rows)
	want := make([][]string, len(table.Columns))
	for range rows {
		for scale := range table.Columns {
			v := (random.Int64N(2e18) - 1e18) >> random.IntN(61)
			b.Cols[scale].AppendInt(v)
			ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
			want[scale] = append(want[scale], new(big.Rat).SetFrac(big.NewInt(v), ten).FloatString(scale))
		}
		b.Raw.AppendNull(change.Text)
		b.Len++
	}
	load, err := r.Load(t.Context(), []*change.Table{table}, change.Snapshot{TakenAt: time.Now()})
	require.NoError(t, err)
	w, err := load.Writer(t.Context(), table)
	require.NoError(t, err)
	require.NoError(t, w.Write(t.Context(), b))
	require.NoError(t, w.Close(t.Context()))
	_, err = load.Commit(t.Context(), nil)
	require.NoError(t, err)
	conn := pgConn(t, dsn)
	for scale := range table.Columns {
		require.Equal(t, want[scale], pgTexts(t, conn, fmt.Sprintf("select d%d::text from staging.decimals order by ctid", scale)))
	}
}

var (
	monday  = time.Date(2024, 1, 1, 6, 0, 0, 0, time.UTC)
	tuesday = monday.AddDate(0, 0, 1)
)

func TestPostgresBringsStagingToExactlyTheNewRows(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	w := pgWarehouse(t, dsn)
	conn := pgConn(t, dsn)
	r := pgBegin(t, w)
	landed := landClaims(t, r, monday, claimTable, claim{1, "a", 10000}, claim{2, "b", 20000}, claim{3, "c", 30000}, claim{3, "c", 30000},
		claim{4, "d", 1})
	require.EqualValues(t, 5, landed.Inserted)
	require.NoError(t, r.Close(t.Context()))

	r = pgBegin(t, w)
	landed = landClaims(t, r, tuesday, claimTable, claim{4, "d", 1}, claim{3, "c", 30000}, claim{1, "a", 10000}, claim{2, "b", 20000},
		claim{3, "c", 30000})
	require.False(t, landed.Changed(), "the same rows in another order are not a change")
	require.EqualValues(t, 5, landed.Rows)
	require.Empty(t, pgTexts(t, conn, "select id::text from history.claim"))
	require.Equal(t, []string{"1"}, pgTexts(t, conn, "select distinct _run::text from staging.claim"))

	landed = landClaims(t, r, tuesday, claimTable, claim{1, "a", 10000}, claim{2, "B", 20000}, claim{3, "c", 30000}, claim{5, "e", 5})
	require.EqualValues(t, 1, landed.Inserted)
	require.EqualValues(t, 1, landed.Updated)
	require.EqualValues(t, 2, landed.Deleted)
	require.EqualValues(t, 4, landed.Rows)
	require.Equal(t, []string{"1|a|1.0000|1", "2|B|2.0000|2", "3|c|3.0000|1", "5|e|0.0005|2"},
		pgTexts(t, conn, "select concat_ws('|', id, status, amount, _run) from staging.claim order by id"))
	require.Equal(t, []string{
		"2|b|1|update|2024-01-01 06:00:00|2024-01-02 06:00:00|snapshot|p060000",
		"3|c|1|delete|2024-01-01 06:00:00|2024-01-02 06:00:00|snapshot|p060000",
		"4|d|1|delete|2024-01-01 06:00:00|2024-01-02 06:00:00|snapshot|p060000",
	}, pgTexts(t, conn, `
select concat_ws('|', id, status, _run, _op, _valid_from, _valid_to, _basis, _position)
from history.claim
order by id`))
	require.Equal(t, []string{"p060000|1", "p060000|2", "p060000|2"},
		pgTexts(t, conn, "select position || '|' || run_id from ops.positions order by taken_at, run_id"))
	require.Empty(t, pgTexts(t, conn, `select tablename from pg_tables where tablename like '%\_\_next'`))
}

// The second way to the same answer is a multiset of rows kept in Go.
func TestPostgresStagingEqualsTheSourceWhateverChanged(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	r := pgBegin(t, pgWarehouse(t, dsn))
	conn := pgConn(t, dsn)
	cases := 20
	if os.Getenv("LIFELINE_SOAK") != "" {
		cases = 500
	}
	count := func(rows []string) map[string]int {
		m := map[string]int{}
		for _, row := range rows {
			m[row]++
		}
		return m
	}
	random := rand.New(rand.NewPCG(3, 4))
	draw := func() (rows []claim, texts []string) {
		for range random.IntN(13) {
			c := claim{random.Int64N(6), []string{"", "a", "b"}[random.IntN(3)], random.Int64N(2)}
			rows, texts = append(rows, c), append(texts, fmt.Sprintf("%d|%s|%d", c.id, c.status, c.amount))
		}
		return rows, texts
	}
	for n := range cases {
		table := *claimTable
		table.Name = fmt.Sprintf("claim%d", n)
		if n%3 == 0 {
			table.Key = nil
		}
		before, beforeTexts := draw()
		after, afterTexts := draw()
		landClaims(t, r, monday, &table, before...)
		landed := landClaims(t, r, tuesday, &table, after...)

		const row = "concat_ws('|', id, status, (amount * 10000)::bigint)"
		require.Equal(t, count(afterTexts), count(pgTexts(t, conn, "select "+row+" from staging."+table.Name)))
		gone := count(beforeTexts)
		for k, n := range count(afterTexts) {
			gone[k] -= min(gone[k], n)
		}
		maps.DeleteFunc(gone, func(_ string, n int) bool { return n == 0 })
		require.Equal(t, gone, count(pgTexts(t, conn, "select "+row+" from history."+table.Name)))
		require.EqualValues(t, len(after), landed.Rows)
		require.EqualValues(t, len(after)-len(before), landed.Inserted-landed.Deleted)
	}
}

func TestPostgresStagingFollowsItsSourcesColumns(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	r := pgBegin(t, pgWarehouse(t, dsn))
	conn := pgConn(t, dsn)
	columns := func(table string) string {
		return strings.Join(pgTexts(t, conn, fmt.Sprintf(`select attname || ' ' || format_type(atttypid, atttypmod) from pg_attribute
			where attrelid = '%s'::regclass and attnum > 0 and not attisdropped order by attnum`, table)), ", ")
	}
	landClaims(t, r, monday, claimTable, claim{1, "a", 10000}, claim{2, "b", 20000})

	wider := *claimTable
	wider.Columns = append([]change.Column{}, claimTable.Columns...)
	wider.Columns[0].Type.Kind = change.Int64
	landed := landClaims(t, r, tuesday, &wider, claim{1, "a", 10000}, claim{3, "c", 1})
	require.EqualValues(t, 1, landed.Updated)
	require.EqualValues(t, 1, landed.Deleted)
	require.EqualValues(t, 1, landed.Inserted)
	require.Equal(t, "id bigint, status text, amount numeric(19,4), _raw text, _run bigint", columns("staging.claim"))
	require.Equal(t, []string{"1|update", "2|delete"}, pgTexts(t, conn, "select id || '|' || _op from history.claim order by id"))

	fewer := wider
	fewer.Columns = append([]change.Column{}, wider.Columns...)
	fewer.Columns[1].Name = "state"
	landClaims(t, r, tuesday, &fewer, claim{1, "a", 10000})
	require.Equal(t, "id bigint, state text, amount numeric(19,4), _raw text, _run bigint", columns("staging.claim"))
	require.Contains(t, columns("history.claim"), "status text")
	require.Contains(t, columns("history.claim"), "state text")
	require.Equal(t, []string{"4"}, pgTexts(t, conn, "select count(*)::text from history.claim"))
}

func TestPostgresAnAbortedLoadLeavesNothing(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	r := pgBegin(t, pgWarehouse(t, dsn))
	load, err := r.Load(t.Context(), []*change.Table{claimTable}, change.Snapshot{TakenAt: monday})
	require.NoError(t, err)
	_, err = load.Writer(t.Context(), claimTable)
	require.NoError(t, err)
	require.NoError(t, load.Abort(t.Context()))
	require.NoError(t, load.Abort(t.Context()))
	_, err = load.Commit(t.Context(), nil)
	require.ErrorContains(t, err, "ended")
	require.Empty(t, pgTexts(t, pgConn(t, dsn), "select tablename::text from pg_tables where schemaname = 'staging'"))
}

func TestPostgresSaysWhichRowCannotBeCopied(t *testing.T) {
	t.Parallel()
	r := pgBegin(t, pgWarehouse(t, postgresDSN(t)))
	load, err := r.Load(t.Context(), []*change.Table{claimTable}, change.Snapshot{TakenAt: monday})
	require.NoError(t, err)
	w, err := load.Writer(t.Context(), claimTable)
	require.NoError(t, err)
	b := change.NewBatch(claimTable, 1)
	b.Cols[0].AppendInt(1)
	b.Cols[1].AppendBytes([]byte{'a', 0xff})
	b.Cols[2].AppendInt(1)
	b.Raw.AppendNull(change.Text)
	b.Len = 1
	require.NoError(t, w.Write(t.Context(), b))
	err = w.Close(t.Context())
	require.ErrorContains(t, err, "staging.claim")
	require.ErrorContains(t, err, "0xff")
	require.NoError(t, load.Abort(t.Context()))
}

// Hundreds of small tables cost their rows and the server's own work on its catalogue, not a session and a dozen messages each.
func TestPostgresLandsManyTablesInFewSessions(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	r := pgBegin(t, pgWarehouse(t, dsn))
	conn := pgConn(t, dsn)
	sessions := func() (n int) {
		require.NoError(t, conn.QueryRow(t.Context(), `select sessions from pg_stat_database where datname = current_database()`).Scan(&n))
		return n
	}
	before := sessions()
	var tables []*change.Table
	for i := range 120 {
		tables = append(tables, warehousetest.Table(fmt.Sprintf("many_%03d", i), "id int64", "name text"))
		tables[i].Key = []string{"id"}
	}
	land := func(value string, changed int) []warehouse.Landed {
		load, err := r.Load(t.Context(), tables, change.Snapshot{TakenAt: monday})
		require.NoError(t, err)
		for i, table := range tables {
			w, err := load.Writer(t.Context(), table)
			require.NoError(t, err)
			b := change.NewBatch(table, 1)
			b.Cols[0].AppendInt(int64(i))
			if i < changed {
				b.Cols[1].AppendBytes([]byte(value))
			} else {
				b.Cols[1].AppendNull(change.Text)
			}
			b.Raw.AppendNull(change.Text)
			b.Len = 1
			require.NoError(t, w.Write(t.Context(), b))
			require.NoError(t, w.Close(t.Context()))
		}
		landed, err := load.Commit(t.Context(), nil)
		require.NoError(t, err)
		return landed
	}
	for _, one := range land("", 0) {
		require.Equal(t, [3]int64{1, 0, 0}, [3]int64{one.Inserted, one.Updated, one.Deleted}, one.Table)
	}
	for i, one := range land("changed", 3) {
		require.Equal(t, i < 3, one.Updated == 1, one.Table)
		require.Zero(t, one.Inserted+one.Deleted, one.Table)
	}
	require.Less(t, sessions()-before, 30, "a session takes one table after the other")
	require.Equal(t, []string{"changed|", "|update"}, pgTexts(t, conn, `
select concat(name, '|') from staging.many_001 union all select concat(name, '|', _op) from history.many_001`))
}
