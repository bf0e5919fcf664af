package source_test

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/source"
)

// state is a source as a warehouse would have it: its rows, and their checksums.
type state struct {
	rows map[string][]string
	sums []change.Checksums
}

// again brings a state to the source's, by what its checksums say, and tells what was read.
func (s *state) again(t *testing.T, o source.Options) (*source.Changes, *collector) {
	t.Helper()
	src, err := source.Open(t.Context(), o)
	require.NoError(t, err)
	defer src.Close()
	snap, err := src.Snapshot(t.Context())
	require.NoError(t, err)
	defer snap.Close()
	tables, err := src.Tables(t.Context())
	require.NoError(t, err)
	c := &collector{rows: map[string][]string{}}
	changes, err := snap.ReadChanged(t.Context(), s.sums, c.open, nil)
	require.NoError(t, err)
	require.Equal(t, c.opened, c.closed, "every writer is closed")
	require.Len(t, changes.Scopes, len(tables))
	for i, scope := range changes.Scopes {
		require.Equal(t, tables[i].Name, scope.Table)
		kept := slices.DeleteFunc(slices.Clone(s.rows[scope.Table]), func(row string) bool { return within(t, tables[i], scope, row) })
		// A new row need not lie in the interval, but one that does must not be anybody else's.
		if !scope.Whole {
			require.Empty(t, common(kept, c.rows[scope.Table]))
		}
		s.rows[scope.Table] = append(kept, c.rows[scope.Table]...)
		slices.Sort(s.rows[scope.Table])
	}
	s.sums = snap.Checksums()
	totals, err := snap.Totals(t.Context())
	require.NoError(t, err)
	for i := range s.sums {
		s.sums[i].Totals = totals[slices.IndexFunc(totals, func(x change.Totals) bool { return x.Table == s.sums[i].Table })]
	}
	for _, x := range totals {
		require.Len(t, s.rows[x.Table], int(x.Rows), x.Table)
	}
	return changes, c
}

// common are the texts that both lists have.
func common(a, b []string) (both []string) {
	in := map[string]bool{}
	for _, x := range a {
		in[x] = true
	}
	for _, x := range b {
		if in[x] {
			both = append(both, x)
		}
	}
	return both
}

// within tells whether a scope has a row.
func within(t *testing.T, table *change.Table, s change.Scope, row string) bool {
	t.Helper()
	if s.Whole {
		return true
	}
	for _, i := range s.Intervals {
		at := table.Index(s.Column)
		require.GreaterOrEqual(t, at, 0)
		cell := strings.Split(row, "|")[at]
		if (i.Low == nil || compareCell(t, table.Columns[at].Type, cell, *i.Low) >= 0) &&
			(i.High == nil || compareCell(t, table.Columns[at].Type, cell, *i.High) <= 0) {
			return true
		}
	}
	return false
}

func compareCell(t *testing.T, typ change.Type, cell, bound string) int {
	t.Helper()
	switch typ.Kind {
	case change.Bytes:
		return strings.Compare(strings.TrimPrefix(cell, "x"), bound)
	case change.Int16, change.Int32, change.Int64, change.Decimal:
		text, scale, scaled := strings.Cut(strings.TrimPrefix(cell, "wide "), "/")
		x, ok := new(big.Rat).SetString(text)
		require.True(t, ok, cell)
		if scaled {
			digits, err := strconv.Atoi(scale)
			require.NoError(t, err)
			x.Quo(x, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)))
		}
		y, ok := new(big.Rat).SetString(bound)
		require.True(t, ok, bound)
		return x.Cmp(y)
	default:
		return strings.Compare(cell, bound)
	}
}

// every reads all rows, sorted.
func every(t *testing.T, o source.Options) map[string][]string {
	t.Helper()
	rows := read(t, o).rows
	for _, r := range rows {
		slices.Sort(r)
	}
	return rows
}

// The server and a reader of its rows make the same checksum of every type's values: else a table would be read whole after its first load.
func TestAServerAndAReaderMakeTheSameChecksums(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		var doubles, floats []string
		random := rand.New(rand.NewPCG(1, 2))
		for range 300 {
			doubles = append(doubles, strconv.FormatFloat(math.Ldexp(random.Float64()-0.5, random.IntN(1900)-950), 'g', -1, 64))
			floats = append(floats, strconv.FormatFloat((random.Float64()-0.5)*math.Pow(10, float64(random.IntN(60)-30)), 'g', -1, 64))
		}
		for i := range 20 {
			doubles = append(doubles, fmt.Sprintf("1e%d", i), fmt.Sprintf("123456e-%d", i), fmt.Sprintf("-9.5e-%d", i))
		}
		cases := []struct {
			declared string
			values   []string
		}{
			{"tinyint(1)", []string{"-128", "2", "null"}},
			{"int(8) zerofill", []string{"7", "4294967295"}},
			{"bigint unsigned", []string{"18446744073709551615", "5"}},
			{"bigint", []string{"-9223372036854775808"}},
			{"decimal(19,4)", []string{"-55071840.0001", "0", "-0.00004", "0.0500"}},
			{"decimal(38,30)", []string{"0.000000000000000000000000000001"}},
			{"decimal(65,30)", []string{"-99999999999999999999999999999999999.9"}},
			{"decimal(9,2) zerofill", []string{"1.5"}},
			{"float", append(floats, "0.1", "16777217.5", "3.4028234e38", "0", "-0e0")},
			{"double", append(doubles, "0", "-1.7976931348623157e308", "5e-324")},
			{"double(12,3)", []string{"1.25", "-100000.5"}},
			{"bit(1)", []string{"b'1'", "b'0'"}},
			{"bit(64)", []string{"18446744073709551615", "1"}},
			{"char(5)", []string{"'ab'", "''", "'N'", "'NULL'"}},
			{"varchar(20) character set latin1", []string{"'Grüße'", "'1:x'"}},
			{"varchar(20) character set ucs2", []string{"'Grüße'"}},
			{"varchar(20) character set utf8mb4", []string{"'😀 ok '", `'a\0b"\\'`, "'é'", "'é'"}},
			{"binary(3)", []string{"x'00ff'"}},
			{"varbinary(3)", []string{"x'00'", "x''"}},
			{"blob", []string{"x'ff00fe'", "''"}},
			{"text", []string{"repeat('x', 40000)", `'a\0b'`}},
			{"text character set latin1", []string{"'ä'"}},
			{"enum('a','b,','ü')", []string{"'b,'", "'zzz'", "'ü'"}},
			{"set('a','b','c')", []string{"'a,c'", "''"}},
			{"time", []string{"'-838:59:59'", "'00:00:00'", "'25:00:01'"}},
			{"time(6)", []string{"'838:59:58.999999'", "'-00:00:00.5'"}},
			{"year", []string{"0", "2155"}},
			{"date", []string{"'9999-12-31'", "'0000-00-00'", "'0001-01-01'"}},
			{"datetime(6)", []string{"'2019-11-25 17:04:34.000001'", "'0000-00-00'"}},
			{"datetime", []string{"'1999-12-31 23:59:59'", "'0000-00-00'"}},
			{"timestamp(3) null", []string{"'2019-11-25 17:04:34.123'", "null"}},
			{"point", []string{"null", "point(1, 2)"}},
		}
		if !d.is56() {
			cases = append(cases, struct {
				declared string
				values   []string
			}{"json", []string{`'{"k": [1, 2]}'`, `'"\\u00fc"'`, "null"}})
		}
		for i, c := range cases {
			d.exec(t, fmt.Sprintf("create table t%d (id int primary key, v %s)", i, c.declared))
			for j, v := range c.values {
				d.exec(t, fmt.Sprintf("insert into t%d values (%d, %s)", i, j, v))
			}
		}
		d.exec(t, "create table invalid (id int primary key, a date, b datetime, c datetime(2))")
		d.exec(t, "set sql_mode = 'ALLOW_INVALID_DATES'; "+
			"insert into invalid values (1, '2022-11-00', '2022-00-15 10:11:12', '2021-02-31 01:02:03.04')")
		s := &state{rows: map[string][]string{}}
		o := source.Options{DSN: d.dsn}
		first, _ := s.again(t, o)
		require.Len(t, s.sums, len(first.Scopes), "every table has checksums")
		second, again := s.again(t, o)
		require.Empty(t, second.Why)
		for _, scope := range second.Scopes {
			if scope.Whole || len(scope.Intervals) > 0 {
				at, _ := strconv.Atoi(strings.TrimPrefix(scope.Table, "t"))
				t.Errorf("%s, %s, is read again though nothing changed: %v", scope.Table, cases[at].declared, again.rows[scope.Table])
			}
		}
	})
}

// Whatever the key is like, a change anywhere is found, and what is read again makes the rows those of the source.
func TestOnlyRangesThatChangedAreReadAgain(t *testing.T) {
	t.Parallel()
	d := database(t)
	const rows = 1200
	for name, c := range map[string]struct {
		table, key string
		part       bool // It can be read in part.
	}{
		"dense":    {"id int primary key", "seq", true},
		"negative": {"id int primary key", "700 - cast(seq as signed)", true},
		"sparse":   {"id bigint primary key", "if(seq % 2, seq, 1000000000000000000 - seq * 7919)", true},
		"ends": {
			"id bigint primary key",
			"if(seq % 2, -9223372036854775808 + cast(seq as signed), 9223372036854775807 - cast(seq as signed))", true,
		},
		"unsigned": {"id bigint unsigned primary key", "18446744073709551615 - seq * 3000000000000000", true},
		"small":    {"id bigint unsigned primary key", "seq * 3", true},
		"uuid":     {"id char(36) primary key", "concat(md5(seq), '-ab')", true},
		"any case": {"id varchar(40) primary key", "concat(if(seq % 2, 'a', 'A'), lpad(seq, 5, '0'))", false},
		"binary text": {
			"id varchar(40) character set utf8mb4 collate utf8mb4_bin primary key",
			"concat(if(seq % 2, 'a', 'Z'), seq div 2)", true,
		},
		"latin1":       {"id varchar(40) character set latin1 collate latin1_german2_ci primary key", "concat('ä', seq)", true},
		"bytes":        {"id varbinary(16) primary key", "unhex(md5(seq))", true},
		"decimal":      {"id decimal(17,3) primary key", "seq * 123456789.123", true},
		"wide decimal": {"id decimal(30,3) primary key", "seq * 12345678901234567890.123", false},
		"datetime":     {"id datetime(6) primary key", "date_add('2001-01-01', interval seq * 777777 microsecond)", true},
		"falling":      {"id int, primary key (id desc)", "seq", true},
		"double":       {"id double primary key", "seq / 7", false},
		"none":         {"id int", "seq div 2", false},
		"enum first":   {"e enum('z','a') not null default 'a', id int, primary key (e, id)", "seq", false},
		"composite":    {"id int, b int not null default 5, primary key (id, b)", "seq div 10", true},
	} {
		t.Run(name, func(t *testing.T) {
			d.exec(t, fmt.Sprintf("create or replace table k (%s, n int not null, amount decimal(10,2))", c.table))
			unique, other := "id", ""
			if name == "composite" {
				unique, other = "id, b", ", seq % 10"
			}
			insert := fmt.Sprintf("insert into k (%s, n, amount) select %s%s, seq, seq / 100 from seq_1_to_%d where ", unique, c.key, other, rows)
			d.exec(t, insert+"seq % 10 > 0")
			d.exec(t, "analyze table k")
			o := source.Options{
				DSN: d.dsn, ChunkRows: 120, BatchRows: 40, Workers: 2,
				Tables: []source.Contract{{Name: "k", Money: []change.Money{{Column: "amount"}}}},
			}
			s := &state{rows: map[string][]string{}}
			s.again(t, o)
			changes, read := s.again(t, o)
			require.Zero(t, read.total, "nothing changed: %+v", changes)
			for round, edits := range [][]string{
				{"update k set amount = amount + 1 where n = 494"},
				{"delete from k where n in (11, 888)", insert + "seq in (10, 600)"},
				{insert + "seq in (1190, 1200)", "update k set n = -n where n = 17"},
				{"delete from k where n between 400 and 416"},
			} {
				for _, e := range edits {
					d.exec(t, e)
				}
				changes, read := s.again(t, o)
				require.Equal(t, every(t, o)["k"], s.rows["k"], "round %d", round)
				require.NotZero(t, read.total, "round %d", round)
				if c.part && round < 3 {
					require.Less(t, read.total, rows/2, "round %d: %+v", round, changes)
				}
			}
		})
	}
}

// Rows that come at a table's end for ever make new ranges: the last one stays small.
func TestRowsAtTheEndOfATableMakeRangesOfTheirOwn(t *testing.T) {
	t.Parallel()
	d := database(t)
	d.exec(t, "create table k (id int primary key, n int)")
	d.exec(t, "insert into k select seq, seq from seq_1_to_5000")
	o := source.Options{DSN: d.dsn, ChunkRows: 2000, Workers: 2}
	s := &state{rows: map[string][]string{}}
	s.again(t, o)
	for round := range 5 {
		d.exec(t, fmt.Sprintf("insert into k select seq + 5000 + %d, seq from seq_1_to_3000", 3000*round))
		_, read := s.again(t, o)
		require.Equal(t, every(t, o)["k"], s.rows["k"])
		require.Less(t, read.total, 3000+600, "round %d", round)
	}
	d.exec(t, "update k set n = 0 where id = 19999")
	_, read := s.again(t, o)
	require.Less(t, read.total, 600)
}

// A table that mostly changed is read at once, and one that cannot be divided and changes all the time is not compared first.
func TestAComparisonThatSavesNothingIsGivenUp(t *testing.T) {
	t.Parallel()
	d := database(t)
	d.exec(t, "create table k (id int primary key, n int); create table none (n int)")
	d.exec(t, "insert into k select seq, seq from seq_1_to_5000; insert into none select seq from seq_1_to_50")
	o := source.Options{DSN: d.dsn, ChunkRows: 100, Workers: 2}
	s := &state{rows: map[string][]string{}}
	s.again(t, o)
	for round := range 3 {
		d.exec(t, "update k set n = n + 1; update none set n = n + 1")
		changes, _ := s.again(t, o)
		require.Equal(t, every(t, o), s.rows)
		require.True(t, changes.Scopes[0].Whole && changes.Scopes[1].Whole)
		require.Less(t, changes.Compared, int64(5000/4), "compared in round %d", round)
		if round > 0 {
			require.Contains(t, strings.Join(changes.Why, "; "), "none: it cannot be divided by a key, and had changed the last time")
		}
	}
	s.again(t, o)
	changes, _ := s.again(t, o)
	require.Empty(t, changes.Why, "a table that came to rest is compared again")
}

// The chunks that are compared first, both ends among them, do not stand for the others when three of ten changed.
func TestAComparisonOfATableThatMostlyStayedIsNotGivenUp(t *testing.T) {
	t.Parallel()
	d := database(t)
	d.exec(t, "create table k (id char(32) primary key, n int); insert into k select md5(seq), seq from seq_1_to_2990")
	o := source.Options{DSN: d.dsn, ChunkRows: 300, BatchRows: 300, Workers: 1}
	s := &state{rows: map[string][]string{}}
	s.again(t, o)
	chunks := s.sums[0].Chunks
	require.Len(t, chunks, 10)
	for _, i := range []int{0, 3, 6} { // With 9, these are the first to be compared.
		d.exec(t, fmt.Sprintf("update k set n = -n where id = '%s'", chunks[i].Least))
	}
	changes, read := s.again(t, o)
	require.Equal(t, every(t, o), s.rows)
	require.False(t, changes.Scopes[0].Whole, "%v", changes.Why)
	require.Equal(t, 900, read.total)
}

// A masked value that changes is found, though what lands of it may not say so; and a new form of a table reads it whole.
func TestAMaskedValueThatChangesIsFound(t *testing.T) {
	t.Parallel()
	d := database(t)
	d.exec(t, "create table k (id int primary key, mail varchar(50), town varchar(50))")
	d.exec(t, "insert into k select seq, concat('p', seq, '@example.org'), 'here' from seq_1_to_3000")
	o := source.Options{DSN: d.dsn, ChunkRows: 500, Workers: 2, Tables: []source.Contract{{Name: "k", Masks: map[string]*change.Mask{
		"mail": {Method: change.MaskHash, Key: []byte("secret")}, "town": {Method: change.MaskDrop},
	}}}}
	s := &state{rows: map[string][]string{}}
	s.again(t, o)
	_, read := s.again(t, o)
	require.Zero(t, read.total)
	d.exec(t, "update k set mail = 'other@example.org' where id = 2000; update k set town = 'there' where id = 5")
	_, read = s.again(t, o)
	require.Less(t, read.total, 600)
	require.Equal(t, every(t, o)["k"], s.rows["k"])
	d.exec(t, "alter table k modify mail varchar(60)")
	changes, _ := s.again(t, o)
	require.Equal(t, []string{"k: its form has changed"}, changes.Why)
}

// Of a folder only the files whose bytes changed are read again.
func TestOnlyFilesThatChangedAreReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("a.csv", "id,n\n1,1\n2,2\n")
	write("b.csv", "id,n\n1,1\n")
	columns := []source.ContractColumn{{Name: "id", DataType: "int"}, {Name: "n", DataType: "int"}}
	o := source.Options{DSN: "csv:" + dir, Tables: []source.Contract{
		{Name: "a", Key: []string{"id"}, Columns: columns, Money: []change.Money{{Column: "n"}}},
		{Name: "b", Key: []string{"id"}, Columns: columns},
	}}
	s := &state{rows: map[string][]string{}}
	s.again(t, o)
	_, read := s.again(t, o)
	require.Zero(t, read.total)
	write("b.csv", "id,n\n1,1\n3,3\n")
	_, read = s.again(t, o)
	require.Equal(t, map[string][]string{"b": {"1|1", "3|3"}}, read.rows)
	require.Equal(t, every(t, o), s.rows)
	columns[1].DataType = "bigint"
	_, read = s.again(t, o)
	require.Equal(t, 4, read.total, "read in another way, they are other rows")
}

// A connection that is killed while checksums are made loses the view, as it does while rows are read.
func TestAConnectionKilledWhileComparingLosesTheView(t *testing.T) {
	t.Parallel()
	d := database(t)
	d.exec(t, "create table k (id int primary key, n int); insert into k select seq, seq from seq_1_to_20000")
	o := source.Options{DSN: d.dsn, ChunkRows: 100, Workers: 2}
	s := &state{rows: map[string][]string{}}
	s.again(t, o)
	src, err := source.Open(t.Context(), o)
	require.NoError(t, err)
	defer src.Close()
	snap, err := src.Snapshot(t.Context())
	require.NoError(t, err)
	defer snap.Close()
	killed := false
	_, err = snap.ReadChanged(t.Context(), s.sums, (&collector{rows: map[string][]string{}}).open, func(source.Progress) {
		if killed {
			return
		}
		killed = true
		var ids []int64
		rows, err := d.db.QueryContext(context.Background(), "select id from information_schema.processlist "+
			"where db = database() and command <> 'Query' or db = database() and info like '%lifeline\\_\\_slice%' and id <> connection_id()")
		require.NoError(t, err)
		defer rows.Close()
		for rows.Next() {
			var id int64
			require.NoError(t, rows.Scan(&id))
			ids = append(ids, id)
		}
		require.NoError(t, rows.Err())
		for _, id := range ids {
			_, _ = d.db.Exec(fmt.Sprintf("kill %d", id))
		}
	})
	require.Error(t, err)
	require.True(t, source.IsViewLost(err), "%v", err)
}
