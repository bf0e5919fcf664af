package change_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lifeline/change"
)

// FuzzDate compares with the standard library, which takes the same days of the calendar and refuses the others.
func FuzzDate(f *testing.F) {
	for _, s := range []string{"2022-11-00", "0000-01-01 00:00:00", "2020-02-29 12:34:56.789", "9999-12-31 23:59:59.999999", "1900-02-29"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := change.ParseTimestamp([]byte(s))
		want, err := time.Parse("2006-01-02 15:04:05.999999", s)
		if err == nil && want.Year() >= 1 && len(s) >= 19 && len(s) <= 26 && want.Format(time.DateTime) == s[:19] &&
			(len(s) == 19 || s[19] == '.') {
			require.True(t, ok, s)
			require.Equal(t, want.UnixMicro(), got, s)
		}
		if ok {
			require.Equal(t, s[:10], time.UnixMicro(got).UTC().Format(time.DateOnly))
		}
	})
}

func TestEveryDayOfTheCalendarIsCountedRight(t *testing.T) {
	t.Parallel()
	day := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 3_652_059 {
		got, ok := change.ParseDate(day.AppendFormat(nil, time.DateOnly))
		if !ok || got != day.Unix()/86400 {
			require.Equal(t, day.Unix()/86400, got, day)
		}
		day = day.AddDate(0, 0, 1)
	}
	require.Equal(t, 10000, day.Year())
}

func TestDecimalsKeepEveryDigit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		precision := rapid.IntRange(1, 38).Draw(t, "precision")
		scale := rapid.IntRange(0, precision).Draw(t, "scale")
		text := rapid.StringMatching(`[+-]?[0-9]{0,25}(\.[0-9]{0,20})?`).Draw(t, "text")
		table := &change.Table{Columns: []change.Column{{Name: "v", Type: change.Type{Kind: change.Decimal, Precision: precision, Scale: scale}}}}
		b, f := change.NewBatch(table, 1), change.NewFiller(table)
		f.Value(b, 0, []byte(text))
		f.End(b)
		want, valid := new(big.Rat).SetString(text)
		unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
		limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
		var unscaled *big.Rat
		if valid {
			unscaled = new(big.Rat).Mul(want, new(big.Rat).SetInt(unit))
			valid = unscaled.IsInt() && new(big.Int).Abs(unscaled.Num()).Cmp(limit) < 0
		}
		require.Equal(t, !valid, b.Cols[0].Nulls[0], text)
		require.Equal(t, valid, b.Raw.Nulls[0], "what is lost is kept as text")
		if !valid {
			return
		}
		got := new(big.Rat)
		if wide, ok := b.Cols[0].Wide[0]; ok {
			got.SetString(wide)
			got.Mul(got, new(big.Rat).SetInt(unit))
		} else {
			got.SetInt64(b.Cols[0].Ints[0])
			require.Less(t, len(new(big.Int).Abs(got.Num()).String()), 19)
		}
		require.Zero(t, got.Cmp(unscaled), "%s is not %s", got, unscaled)
	})
}

func TestRawIsJSONWhateverItHolds(t *testing.T) {
	t.Parallel()
	table := &change.Table{Columns: []change.Column{{Name: "a"}, {Name: `b"\`, Type: change.Type{Kind: change.Int32}}}}
	rapid.Check(t, func(t *rapid.T) {
		text, number := rapid.String().Draw(t, "text")+"\x00", rapid.String().Draw(t, "number")+"x"
		b, f := change.NewBatch(table, 1), change.NewFiller(table)
		f.Value(b, 0, []byte(text))
		f.Value(b, 1, []byte(number))
		f.End(b)
		var got map[string]string
		require.NoError(t, json.Unmarshal(b.Raw.BytesAt(0), &got))
		require.Equal(t, map[string]string{"a": text, `b"\`: number}, got)
		require.NotContains(t, string(b.Cols[0].BytesAt(0)), "\x00")
	})
}

func TestTypesMapToWhatLosesNothing(t *testing.T) {
	t.Parallel()
	for declared, want := range map[string]string{
		"tinyint(1)": "int16", "TINYINT(3) UNSIGNED": "int16", "smallint(5) unsigned": "int32", "int(11)": "int32", "integer": "int32",
		"int(10) unsigned zerofill": "int64", "bigint(20)": "int64", "bigint(20) unsigned": "decimal(20,0)", "bigint unsigned": "decimal(20,0)",
		"decimal(19,4)": "decimal(19,4)", "decimal(10, 2) unsigned": "decimal(10,2)", "decimal": "decimal(10,0)", "decimal(65,30)": "text",
		"float": "float32", "float(7,4)": "float32", "double precision": "float64", "bit(64)": "bytes", "enum('a,b(','c)')": "text",
		"json": "text", "time(6)": "text", "year(4)": "int16", "datetime(6)": "timestamp", "timestamp": "timestamp", "date": "date",
		"varchar(25)": "text", "char(3)": "text", "varbinary(16)": "bytes", "longblob": "bytes", "point": "bytes", "uuid": "text",
	} {
		got, err := change.TypeOf(declared)
		require.NoError(t, err)
		require.Equal(t, want, got.String(), declared)
	}
	for _, declared := range []string{"", "number", "decimal(x)", "decimal(3,4)", "timestamptz"} {
		_, err := change.TypeOf(declared)
		require.Error(t, err, declared)
	}
	require.True(t, change.SameType("int(11)", "INTEGER"))
	require.True(t, change.SameType("numeric( 10 , 0 )", "decimal(10)"))
	require.False(t, change.SameType("int", "int unsigned"))
	require.False(t, change.SameType("varchar(25)", "varchar(26)"))
}

func ExampleFiller() {
	table := &change.Table{Columns: []change.Column{{Name: "made", Type: change.Type{Kind: change.Timestamp}}}}
	b, f := change.NewBatch(table, 1), change.NewFiller(table)
	f.Value(b, 0, []byte("2022-11-00 10:00:00"))
	f.End(b)
	fmt.Println(b.Cols[0].Nulls[0], string(b.Raw.BytesAt(0)))
	// Output: true {"made":"2022-11-00 10:00:00"}
}
