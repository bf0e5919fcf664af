package warehouse_test

import (
	"fmt"
	"os"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lifeline/change"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

var noon = time.Date(2023, 3, 1, 12, 0, 0, 0, time.UTC)

// landAlone lands one table in a run of its own.
func landAlone(t testing.TB, w warehouse.Warehouse, at time.Time, table *change.Table, rows ...warehousetest.Row) warehouse.Landed {
	t.Helper()
	r := warehousetest.Begin(t, w)
	landed := warehousetest.Land(t, r, at, []*change.Table{table}, warehousetest.Source{table: rows})
	warehousetest.End(t, r)
	return landed[0]
}

// ask runs a select over staging and history.
func ask(t testing.TB, w warehouse.Warehouse, query string) []string {
	t.Helper()
	r := warehousetest.Begin(t, w)
	out := warehousetest.Texts(t, r.DB(), query)
	require.NoError(t, r.Close(t.Context()))
	return out
}

func TestEveryKindOfValueLandsAsItIs(t *testing.T) {
	t.Parallel()
	warehousetest.Run(t, func(t *testing.T, p warehousetest.Place) {
		table := warehousetest.Table("everything", "id* int32", "a int16", "b int64", "c decimal(4,2)", "d decimal(9,3)", "e decimal(18,6)",
			"f decimal(20,0)", "g decimal(38,30)", "h float32", "i float64", "j text", "k bytes", "l date", "m timestamp")
		day := func(s string) time.Time {
			at, err := time.Parse("2006-01-02 15:04:05.999999", s)
			require.NoError(t, err)
			return at
		}
		long := "a text that is longer than the engine keeps in place, with ü and 漢字"
		w := p.Open(t, warehouse.Options{})
		landAlone(t, w, noon, table,
			warehousetest.Row{
				1, -32768, -1 << 63, "-99.99", "-999999.999", "-999999999999.999999", "18446744073709551615",
				"-12345678.123456789012345678901234567890", 1.5, -2.25, long,
				[]byte{0, 1, 255},
				day("0001-01-01 00:00:00"), day("0001-01-01 00:00:00"),
			},
			warehousetest.Row{
				2, 32767, 1<<63 - 1, "0.01", "0.001", "0.000001", "0", "0.000000000000000000000000000001", -0.5, 1e300, "",
				[]byte{},
				day("9999-12-31 00:00:00"), day("9999-12-31 23:59:59.999999"),
			},
			warehousetest.Row{3, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, `{"l":"2022-11-00"}`},
			warehousetest.Row{
				4, 0, 0, "0", "1", "1", "1", "1", 0.0, 0.0, "exactly 12 b", []byte("1234567890123"), day("1970-01-01 00:00:00"),
				day("1969-12-31 23:59:59.999999"),
			})
		require.Equal(t, []string{
			"1|-32768|-9223372036854775808|-99.99|-999999.999|-999999999999.999999|18446744073709551615|" +
				"-12345678.123456789012345678901234567890|1.5|-2.25|" +
				long + "|0001ff|0001-01-01|0001-01-01 00:00:00|null|1",
			"2|32767|9223372036854775807|0.01|0.001|0.000001|0|0.000000000000000000000000000001|-0.5|1e+300|||9999-12-31|9999-12-31 " +
				"23:59:59.999999|null|1",
			`3|null|null|null|null|null|null|null|null|null|null|null|null|null|{"l":"2022-11-00"}|1`,
			"4|0|0|0.00|1.000|1.000000|1|1.000000000000000000000000000000|0|0|exactly 12 b|31323334353637383930313233|1970-01-01|1969-12-31 " +
				"23:59:59.999999|null|1",
		}, ask(t, w, `
select id, a, b, cast(c as varchar), cast(d as varchar), cast(e as varchar), cast(f as varchar), cast(g as varchar), h, i, j, k,
	cast(l as varchar), cast(m as varchar), _raw, _run
from staging.everything
order by id`))
	})
}

func TestALoadChangesWhatChangedAndNothingElse(t *testing.T) {
	t.Parallel()
	warehousetest.Run(t, func(t *testing.T, p warehousetest.Place) {
		w := p.Open(t, warehouse.Options{})
		table := warehousetest.Table("claim", "id* int64", "status text", "amount decimal(19,4)")
		require.Equal(t, warehouse.Landed{Table: "claim", Read: 4, Rows: 4, Inserted: 4}, landAlone(t, w, noon, table,
			warehousetest.Row{1, "a", "1.5"}, warehousetest.Row{2, "b", "2"}, warehousetest.Row{3, nil, nil, `{"status":"x"}`},
			warehousetest.Row{4, "d", "4"}))

		again := landAlone(t, w, noon.Add(time.Hour), table,
			warehousetest.Row{4, "d", "4"}, warehousetest.Row{3, nil, nil, `{"status":"x"}`}, warehousetest.Row{2, "b", "2"},
			warehousetest.Row{1, "a", "1.5"})
		require.Equal(t, warehouse.Landed{Table: "claim", Read: 4, Rows: 4}, again, "the same rows in another order are not a change")
		require.False(t, again.Changed())

		require.Equal(t, warehouse.Landed{Table: "claim", Read: 4, Rows: 4, Inserted: 1, Updated: 2, Deleted: 1},
			landAlone(t, w, noon.Add(2*time.Hour), table,
				warehousetest.Row{1, "a", "1.5"}, warehousetest.Row{2, "B", "2"}, warehousetest.Row{3, nil, nil, `{"status":"y"}`},
				warehousetest.Row{5, "e", "5"}))
		require.Equal(t, []string{"1|a|1.5000|null|1", "2|B|2.0000|null|4", `3|null|null|{"status":"y"}|4`, "5|e|5.0000|null|4"},
			ask(t, w, "select id, status, cast(amount as varchar), _raw, _run - case when _run > 1 then -1 else 0 end "+
				"from staging.claim order by id"))
		require.Equal(t, []string{
			"2|b|1|update|2023-03-01 12:00:00|2023-03-01 14:00:00|snapshot|at 2023-03-01T14:00:00Z",
			`3|null|1|update|2023-03-01 12:00:00|2023-03-01 14:00:00|snapshot|at 2023-03-01T14:00:00Z`,
			"4|d|1|delete|2023-03-01 12:00:00|2023-03-01 14:00:00|snapshot|at 2023-03-01T14:00:00Z",
		}, ask(t, w, "select id, status, _run, _op, _valid_from, _valid_to, _basis, _position from history.claim order by id"))
		require.Equal(t, []string{"1|2023-03-01 12:00:00", "2|2023-03-01 13:00:00", "3|2023-03-01 14:00:00"},
			ask(t, w, "select run_id, taken_at from ops.positions order by run_id"))
	})
}

func TestEqualRowsAndEqualKeysAreKeptApart(t *testing.T) {
	t.Parallel()
	warehousetest.Run(t, func(t *testing.T, p warehousetest.Place) {
		w := p.Open(t, warehouse.Options{})
		for _, table := range []*change.Table{
			warehousetest.Table("keyed", "id* int64", "what text"),
			warehousetest.Table("keyless", "id int64", "what text"),
		} {
			landAlone(t, w, noon, table, warehousetest.Row{1, "a"}, warehousetest.Row{1, "a"}, warehousetest.Row{1, "b"},
				warehousetest.Row{nil, "n"}, warehousetest.Row{2, "c"})
			landed := landAlone(t, w, noon.Add(time.Hour), table,
				warehousetest.Row{1, "a"}, warehousetest.Row{1, "b"}, warehousetest.Row{1, "b"}, warehousetest.Row{nil, "m"}, warehousetest.Row{2, "c"})
			// One twin of key 1 became another; a null names no row, so that one is another row now.
			want := warehouse.Landed{Table: table.Name, Read: 5, Rows: 5, Inserted: 1, Updated: 1, Deleted: 1}
			if table.Key == nil {
				want = warehouse.Landed{Table: table.Name, Read: 5, Rows: 5, Inserted: 2, Deleted: 2}
			}
			require.Equal(t, want, landed)
			require.Equal(t, []string{"1|a", "1|b", "1|b", "2|c", "null|m"},
				ask(t, w, "select id, what from staging."+table.Name+" order by coalesce(id, 9), what"))
			require.Equal(t, []string{"1|a", "null|n"}, ask(t, w, "select id, what from history."+table.Name+" order by coalesce(id, 9)"))
		}
	})
}

func TestADecimalIsWidenedWhenAValueNeedsIt(t *testing.T) {
	t.Parallel()
	warehousetest.Run(t, func(t *testing.T, p warehousetest.Place) {
		w := p.Open(t, warehouse.Options{})
		table := warehousetest.Table("money", "id* int64", "a decimal(19,4)", "b decimal(25,2)", "c decimal(30,5)")
		texts := "select id, cast(a as varchar), cast(b as varchar), cast(c as varchar) from staging.money order by id"
		landAlone(t, w, noon, table, warehousetest.Row{1, "1", "2", "3"}, warehousetest.Row{2, "-1", "-2", "-3"})

		landed := landAlone(t, w, noon.Add(time.Hour), table, warehousetest.Row{1, "1", "2", "3"},
			warehousetest.Row{2, "999999999999999.9999", "-12345678901234567890123.45", "-3"})
		require.Equal(t, warehouse.Landed{Table: "money", Read: 2, Rows: 2, Updated: 1}, landed)
		require.Equal(t, []string{"1|1.0000|2.00|3.00000", "2|999999999999999.9999|-12345678901234567890123.45|-3.00000"}, ask(t, w, texts))

		landed = landAlone(t, w, noon.Add(2*time.Hour), table, warehousetest.Row{1, "1", "2", "3"}, warehousetest.Row{2, "-1", "-2", "-3"})
		require.Equal(t, warehouse.Landed{Table: "money", Read: 2, Rows: 2, Updated: 1}, landed)
		require.Equal(t, []string{"1|1.0000|2.00|3.00000", "2|-1.0000|-2.00|-3.00000"}, ask(t, w, texts))
		require.Equal(t, []string{"-1.0000|-2.00", "999999999999999.9999|-12345678901234567890123.45"},
			ask(t, w, "select cast(a as varchar), cast(b as varchar) from history.money order by _valid_to"))
	})
}

func TestStagingFollowsTheSourcesColumnsAndHistoryForgetsNone(t *testing.T) {
	t.Parallel()
	warehousetest.Run(t, func(t *testing.T, p warehousetest.Place) {
		w := p.Open(t, warehouse.Options{})
		landAlone(t, w, noon, warehousetest.Table("claim", "id* int32", "status text", "amount decimal(9,2)"),
			warehousetest.Row{1, "a", "1.50"}, warehousetest.Row{2, "b", "2"})
		// Moved, retyped, removed and added at once.
		landed := landAlone(t, w, noon.Add(time.Hour), warehousetest.Table("claim", "amount decimal(12,4)", "id* int32", "added text"),
			warehousetest.Row{"1.5", 1, nil}, warehousetest.Row{"2", 2, "new"}, warehousetest.Row{"3", 3, nil})
		require.Equal(t, warehouse.Landed{Table: "claim", Read: 3, Rows: 3, Inserted: 1, Updated: 2}, landed)
		require.Equal(t, []string{"1.5000|1|null|2", "2.0000|2|new|2", "3.0000|3|null|2"},
			ask(t, w, "select cast(amount as varchar), id, added, _run from staging.claim order by id"))
		require.Equal(t, []string{"amount", "id", "added", "_raw", "_run"},
			ask(t, w, "select column_name from information_schema.columns where table_schema = 'staging' and table_name = 'claim' order by "+
				"ordinal_position"))
		require.Equal(t, []string{"1|a|null|update", "2|b|null|update"},
			ask(t, w, "select id, status, added, _op from history.claim order by id"))
		// A number that becomes a text.
		landAlone(t, w, noon.Add(2*time.Hour), warehousetest.Table("claim", "amount text", "id* int32", "added text"),
			warehousetest.Row{"one", 1, nil}, warehousetest.Row{"2.0000", 2, "new"}, warehousetest.Row{"3.0000", 3, nil})
		require.Equal(t, []string{"one|1", "2.0000|2", "3.0000|3"}, ask(t, w, "select amount, id from staging.claim order by id"))
		require.Contains(t, ask(t, w, "select id, cast(amount as varchar) from history.claim order by _valid_to desc, id"), "1|1.5000")
	})
}

func TestAnAbortedLoadLeavesNothing(t *testing.T) {
	t.Parallel()
	warehousetest.Run(t, func(t *testing.T, p warehousetest.Place) {
		w := p.Open(t, warehouse.Options{})
		table := warehousetest.Table("claim", "id* int64", "status text")
		landAlone(t, w, noon, table, warehousetest.Row{1, "a"})
		r := warehousetest.Begin(t, w)
		l, err := r.Load(t.Context(), []*change.Table{table}, change.Snapshot{TakenAt: noon})
		require.NoError(t, err)
		writer, err := l.Writer(t.Context(), table)
		require.NoError(t, err)
		require.NoError(t, writer.Write(t.Context(), warehousetest.Batch(table, []warehousetest.Row{{2, "b"}})))
		require.NoError(t, l.Abort(t.Context()))
		require.NoError(t, l.Abort(t.Context()))
		_, err = l.Commit(t.Context(), nil)
		require.Error(t, err)
		landed := warehousetest.Land(t, r, noon, []*change.Table{table}, warehousetest.Source{table: {{1, "a"}}})
		require.False(t, landed[0].Changed())
		require.NoError(t, r.Close(t.Context()))
		require.Equal(t, []string{"1|a"}, ask(t, w, "select id, status from staging.claim"))
	})
}

// Every state that a table ever had can be told from staging and history. Many tables go through the same few loads.
func TestHistoryReplaysEveryEarlierState(t *testing.T) {
	t.Parallel()
	leaveToMakeTest(t)
	count, states := 9, 4
	if os.Getenv("LIFELINE_SOAK") == "1" {
		count, states = 300, 10
	}
	row := rapid.Custom(func(t *rapid.T) warehousetest.Row {
		return warehousetest.Row{
			rapid.SampledFrom([]any{nil, 1, 2, 3, 4, 5}).Draw(t, "id"),
			rapid.SampledFrom([]any{nil, "", "a", "a text of more than twelve bytes"}).Draw(t, "text"),
			rapid.SampledFrom([]any{nil, "0", "1.5", "123456789012345.6789"}).Draw(t, "amount"),
		}
	})
	past := rapid.SliceOfN(rapid.SliceOfN(row, 0, 8), states, states)
	warehousetest.Run(t, func(t *testing.T, p warehousetest.Place) {
		w := p.Open(t, warehouse.Options{})
		var tables []*change.Table
		pasts := map[string][][]warehousetest.Row{}
		for seed := range count {
			columns := []string{"id* int64", "t text", "amount decimal(19,4)"}
			if seed%3 == 0 {
				columns[0] = "id int64"
			}
			table := warehousetest.Table(fmt.Sprintf("t%d", seed), columns...)
			tables = append(tables, table)
			pasts[table.Name] = past.Example(seed)
		}
		at := func(state int) time.Time { return noon.Add(time.Duration(state) * time.Hour) }
		for state := range states {
			source := warehousetest.Source{}
			for _, table := range tables {
				source[table] = pasts[table.Name][state]
			}
			r := warehousetest.Begin(t, w)
			warehousetest.Land(t, r, at(state), tables, source)
			warehousetest.End(t, r)
		}
		r := warehousetest.Begin(t, w)
		defer func() { require.NoError(t, r.Close(t.Context())) }()
		for _, table := range tables {
			for state := range states {
				got := warehousetest.Texts(t, r.DB(), fmt.Sprintf(`
select s.id, s.t, cast(cast(s.amount as decimal(30,4)) as varchar)
from staging.%s as s
join ops.positions as p on p.run_id = s._run
where p.taken_at <= cast($1 as timestamp)
union all
select id, t, cast(cast(amount as decimal(30,4)) as varchar)
from history.%s
where _valid_from <= cast($1 as timestamp) and _valid_to > cast($1 as timestamp)`, table.Name, table.Name),
					at(state).Format("2006-01-02 15:04:05"))
				sort.Strings(got)
				require.Equal(t, plain(pasts[table.Name][state]), got, "table %s, state %d of %v", table.Name, state, pasts[table.Name])
			}
		}
	})
}

// plain writes rows as warehousetest.Texts does, in order.
func plain(rows []warehousetest.Row) []string {
	out := []string{}
	amounts := map[any]string{nil: "null", "0": "0.0000", "1.5": "1.5000", "123456789012345.6789": "123456789012345.6789"}
	for _, row := range rows {
		cells := [2]string{"null", "null"}
		for i, cell := range row[:2] {
			if cell != nil {
				cells[i] = fmt.Sprint(cell)
			}
		}
		out = append(out, cells[0]+"|"+cells[1]+"|"+amounts[row[2]])
	}
	slices.Sort(out)
	return out
}
