package source_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/source"
)

// Every shape of key is read in many small chunks by several workers; each row must come once, whatever the keys look like.
func TestEveryKeyShapeGivesEachRowOnce(t *testing.T) {
	t.Parallel()
	d := database(t)
	const rows = 900
	for name, c := range map[string]struct{ table, key string }{
		"dense":       {"id int primary key", "seq"},
		"negative":    {"id int primary key", "700 - cast(seq as signed)"},
		"sparse":      {"id bigint primary key", "if(seq % 2, seq, 1000000000000000000 - seq * 7919)"},
		"skewed":      {"id bigint primary key", "cast(pow(1.02, seq) * 100 + seq as signed)"},
		"unsigned":    {"id bigint unsigned primary key", "18446744073709551615 - seq * 3000000000000000"},
		"text":        {"id varchar(40) primary key", "concat(char(65 + seq % 26), '\\'\\\\ö', seq)"},
		"latin1":      {"id varchar(40) character set latin1 collate latin1_german2_ci primary key", "concat('ä', seq)"},
		"binary text": {"id varchar(40) character set utf8mb4 collate utf8mb4_bin primary key", "concat(if(seq % 2, 'a', 'A'), seq div 2)"},
		"bytes":       {"id varbinary(16) primary key", "unhex(md5(seq))"},
		"decimal":     {"id decimal(30,3) primary key", "seq * 12345678901234567890.123"},
		"datetime":    {"id datetime(6) primary key", "date_add('2001-01-01', interval seq * 777777 microsecond)"},
		"float":       {"id double primary key", "seq / 7"},
		"enum first":  {"e enum('z','a') not null default 'a', id int, primary key (e, id)", "seq"},
		"unique":      {"id int not null unique", "seq * 3"},
		"nullable":    {"id int null unique", "if(seq % 10, seq, null)"},
		"none":        {"id int", "seq div 2"},
	} {
		t.Run(name, func(t *testing.T) {
			d.exec(t, fmt.Sprintf("create or replace table k (%s, n int not null)", c.table))
			d.exec(t, fmt.Sprintf("insert into k (id, n) select %s, seq from seq_1_to_%d", c.key, rows))
			d.exec(t, "analyze table k")
			requireEachOnce(t, d, rows)
		})
	}
	for name, c := range map[string]struct{ table, key string }{
		"composite":       {"a int, b varchar(20), primary key (a, b)", "seq % 7, concat('x', seq)"},
		"composite heavy": {"a int, b int, primary key (a, b)", "if(seq % 50, 1, seq), seq"},
		"not of unicode": {
			"a varchar(2) character set hebrew collate hebrew_bin, b int, primary key (a, b)",
			"convert(unhex(elt(1 + seq % 4, '3e', '40', 'a1', 'e1')) using hebrew), seq",
		},
		"not ascii":    {"a varchar(2) character set ascii, b int, primary key (a, b)", "unhex(elt(1 + seq % 3, 'fe', 'ff', '41')), seq"},
		"letters of 2": {"a varchar(9) character set gbk, b int, primary key (a, b)", "elt(1 + seq % 3, '中', '文字', 'a\\\\'), seq"},
		"composite three": {
			"a int, b date, c bigint unsigned, primary key (c, a, b)",
			"seq % 3, '2020-01-01' + interval seq % 5 day, seq div 15",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d.exec(t, fmt.Sprintf("create or replace table k (%s, n int not null)", c.table))
			d.exec(t, fmt.Sprintf("insert into k select %s, seq from seq_1_to_%d", c.key, rows))
			d.exec(t, "analyze table k")
			requireEachOnce(t, d, rows)
		})
	}
}

func requireEachOnce(t *testing.T, d *tester, rows int) {
	t.Helper()
	for _, workers := range []int{1, 4} {
		seen := numbers(t, d, source.Options{DSN: d.dsn, Workers: workers, ChunkRows: 70, BatchRows: 33})
		require.Len(t, seen, rows)
		slices.Sort(seen)
		for i, n := range seen {
			require.Equal(t, int64(i+1), n)
		}
	}
}

// numbers reads the last column of table k.
func numbers(t *testing.T, d *tester, o source.Options) []int64 {
	t.Helper()
	src, err := source.Open(t.Context(), o)
	require.NoError(t, err)
	defer src.Close()
	snap, err := src.Snapshot(t.Context())
	require.NoError(t, err)
	defer snap.Close()
	all := &lastColumn{}
	require.NoError(t, snap.Read(t.Context(), func(context.Context, *change.Table) (change.Writer, error) { return all, nil }, nil))
	return all.values
}

type lastColumn struct {
	mu     sync.Mutex
	values []int64
}

func (l *lastColumn) Write(_ context.Context, b *change.Batch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.values = append(l.values, b.Cols[len(b.Cols)-1].Ints...)
	return nil
}

func (l *lastColumn) Close(context.Context) error { return nil }

func TestOneBigTableIsSharedBetweenWorkersInChunksOfOneSize(t *testing.T) {
	t.Parallel()
	d := database(t)
	d.exec(t, "create table k (id bigint primary key, n int not null)")
	d.exec(t, "insert into k select if(seq % 2, seq, 1000000000000000000 - seq * 7919), seq from seq_1_to_60000")
	d.exec(t, "analyze table k")
	src, err := source.Open(t.Context(), source.Options{DSN: d.dsn, Workers: 2, ChunkRows: 1000, BatchRows: 1000})
	require.NoError(t, err)
	defer src.Close()
	snap, err := src.Snapshot(t.Context())
	require.NoError(t, err)
	defer snap.Close()
	both := make(chan struct{})
	var meet sync.Once
	c := &collector{rows: map[string][]string{}}
	writers := 0
	require.NoError(t, snap.Read(t.Context(), func(ctx context.Context, table *change.Table) (change.Writer, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if writers++; writers == 2 {
			meet.Do(func() { close(both) })
		}
		return &collecting{c, table}, nil
	}, nil))
	<-both // Both workers had a share of the one table.
	require.Len(t, c.rows["k"], 60000)
	whole := slices.DeleteFunc(slices.Clone(c.batches), func(n int) bool { return n != 1000 })
	require.Greater(t, len(whole), 50, "chunks have the rows that they should have, whatever the keys")
	require.Equal(t, 1000, slices.Max(c.batches))
}

func TestTotalsAreExactToTheCurrencyAndTheCent(t *testing.T) {
	t.Parallel()
	d := database(t)
	d.exec(t, "create table CLAIM (ID int primary key, AMOUNT decimal(38,10), CURRENCY varchar(4), FEE decimal(10,2))")
	d.exec(t, "insert into CLAIM select seq, 1234567890123456789012345678.0000000001, 'KES', if(seq % 2, 0.10, null) from seq_1_to_3000")
	o := source.Options{DSN: d.dsn, ChunkRows: 100, Tables: []source.Contract{{
		Name: "claim", Identifier: "CLAIM",
		Money: []change.Money{{Column: "fee", Currency: ""}, {Column: "amount", Currency: "currency"}},
	}}}
	require.Equal(t, []change.Totals{{Table: "claim", Rows: 3000, Money: []change.MoneyTotal{
		{Column: "amount", Currency: "KES", Sum: "3703703670370370367037037034000.0000003", Rows: 3000},
		{Column: "fee", Currency: "", Sum: "150", Rows: 1500},
	}}}, unweighed(totals(t, o)))

	d.exec(t, "update CLAIM set CURRENCY = case ID % 4 when 0 then 'KES' when 1 then 'kes' when 2 then 'KES ' else null end, AMOUNT = 1.5")
	require.Equal(t, []change.MoneyTotal{
		{Column: "amount", Currency: "", Sum: "1125", Rows: 750},
		{Column: "amount", Currency: "KES", Sum: "1125", Rows: 750},
		{Column: "amount", Currency: "KES ", Sum: "1125", Rows: 750},
		{Column: "amount", Currency: "kes", Sum: "1125", Rows: 750},
		{Column: "fee", Currency: "", Sum: "150", Rows: 1500},
	}, unweighed(totals(t, o))[0].Money)
}
