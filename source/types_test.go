package source_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/source"
)

func TestEveryTypeLandsWithoutLoss(t *testing.T) {
	t.Parallel()
	d := database(t)
	var columns, values, wants, raw []string
	for i, c := range []struct{ declared, value, want string }{
		{"tinyint(1)", "-128", "-128"},
		{"tinyint(1)", "2", "2"},
		{"tinyint unsigned", "255", "255"},
		{"smallint unsigned", "65535", "65535"},
		{"mediumint", "-8388608", "-8388608"},
		{"int(8) unsigned zerofill", "4294967295", "4294967295"},
		{"int(8) zerofill", "7", "7"},
		{"int", "-2147483648", "-2147483648"},
		{"bigint", "-9223372036854775808", "-9223372036854775808"},
		{"bigint unsigned", "18446744073709551615", "wide 18446744073709551615"},
		{"bigint unsigned", "5", "5/0"},
		{"decimal(19,4)", "-55071840.0001", "-550718400001/4"},
		{"decimal(38,10)", "-9999999999999999999999999999.9999999999", "wide -9999999999999999999999999999.9999999999"},
		{"decimal(38,30)", "0.000000000000000000000000000001", "1/30"},
		{
			"decimal(65,30)", "-99999999999999999999999999999999999.999999999999999999999999999999",
			"-99999999999999999999999999999999999.999999999999999999999999999999",
		},
		{"decimal(5,0)", "-0", "0/0"},
		{"float", "0.1", "0.10000000149011612"},
		{"float", "16777217.5", "16777218"},
		{"float", "3.4028234e38", "3.4028234663852886e+38"},
		{"double", "0.1", "0.10000000000000001"},
		{"double", "-1.7976931348623157e308", "-1.7976931348623157e+308"},
		{"bit(1)", "b'1'", "x01"},
		{"bit(64)", "b'1000000000000000000000000000000000000000000000000000000000000001'", "x8000000000000001"},
		{"char(5)", "'ab'", "ab"},
		{"varchar(20) character set latin1", "'Grüße'", "Grüße"},
		{"varchar(20) character set utf8mb4", "'😀 ok'", "😀 ok"},
		{"varchar(20)", "''", ""},
		{"varchar(20)", "'NULL'", "NULL"},
		{"varchar(20)", "null", "∅"},
		{"varchar(20)", `'a\0b"\\'`, `ab"\|"a\u0000b\"\\"`},
		{"binary(3)", "x'00ff'", "x00ff00"},
		{"varbinary(3)", "x'00'", "x00"},
		{"blob", "x'ff00fe'", "xff00fe"},
		{"text", "repeat('x', 40000)", strings.Repeat("x", 40000)},
		{"enum('a','b')", "'b'", "b"},
		{"enum('a','b')", "'zzz'", ""},
		{"set('a','b','c')", "'a,c'", "a,c"},
		{"json", `'{"k": [1, 2]}'`, `{"k": [1, 2]}`},
		{"time", "'-838:59:59'", "-838:59:59"},
		{"time(6)", "'838:59:58.999999'", "838:59:58.999999"},
		{"year", "0", "0"},
		{"year", "2155", "2155"},
		{"date", "'9999-12-31'", "9999-12-31"},
		{"datetime(6)", "'2019-11-25 17:04:34.000001'", "2019-11-25 17:04:34.000001"},
		{"datetime", "'2018-02-29'", `∅|"0000-00-00 00:00:00"`},
		{"timestamp(3) null", "'2019-11-25 17:04:34.123'", "2019-11-25 17:04:34.123000"},
	} {
		columns = append(columns, fmt.Sprintf("v%d %s", i, c.declared))
		values = append(values, c.value)
		want, lost, _ := strings.Cut(c.want, "|")
		wants = append(wants, want)
		if lost != "" {
			raw = append(raw, fmt.Sprintf(`"v%d":%s`, i, lost))
		}
	}
	d.exec(t, "create table T ("+strings.Join(columns, ", ")+")")
	d.exec(t, "insert into T values ("+strings.Join(values, ", ")+")")
	wants = append(wants, "{"+strings.Join(raw, ",")+"}")
	require.Equal(t, []string{strings.Join(wants, "|")}, read(t, source.Options{DSN: d.dsn}).rows["t"])
}

func TestGeneratedAndInvisibleColumnsAreRead(t *testing.T) {
	t.Parallel()
	d := database(t)
	d.exec(t, "create table g (ID int primary key, `od``d name` int invisible default 4, twice int generated always as (ID * 2) virtual, "+
		"kept int generated always as (ID + 1) stored)")
	d.exec(t, "insert into g (ID) values (3)")
	require.Equal(t, []string{"3|4|6|4"}, read(t, source.Options{DSN: d.dsn}).rows["g"])
}

// The twelve literals that the other tools trip over, in every kind of date column: what is a day lands as that day, what is
// none is null, and its text is kept.
func TestNoDateIsInventedAndNoneIsLost(t *testing.T) {
	t.Parallel()
	d := database(t)
	literals := []struct {
		text                      string
		digits                    int
		date, datetime, timestamp string // What lands; "" is null with the raw text, "-" cannot be stored in such a column.
	}{
		{"0000-00-00 00:00:00", 0, "", "", ""},
		{"0000-00-00 00:00:00.000", 3, "", "", ""},
		{"0000-00-00 00:00:00.000000", 6, "", "", ""},
		{"2022-11-00 00:00:00", 0, "", "", "-"},
		{"2022-00-00 00:00:00", 0, "", "", "-"},
		{"2022-00-15 10:11:12", 0, "", "", "-"},
		{"0000-01-01 00:00:00", 0, "", "", "-"},
		{"0000-11-30 23:59:59", 0, "", "", "-"},
		{"1970-01-01 00:00:01", 0, "1970-01-01", "1970-01-01 00:00:01.000000", "1970-01-01 00:00:01.000000"},
		{"0001-01-01 00:00:00", 0, "0001-01-01", "0001-01-01 00:00:00.000000", "-"},
		{"9999-12-31 23:59:59.999999", 6, "9999-12-31", "9999-12-31 23:59:59.999999", "-"},
		{"2020-02-29 12:34:56.789", 3, "2020-02-29", "2020-02-29 12:34:56.789000", "2020-02-29 12:34:56.789000"},
	}
	for _, nullable := range []string{"not null", "null"} {
		for _, kind := range []string{"date", "datetime", "timestamp"} {
			t.Run(kind+" "+nullable, func(t *testing.T) {
				var columns, values, wants, raws []string
				for i, l := range literals {
					want, declared, text := map[string]string{"date": l.date, "datetime": l.datetime, "timestamp": l.timestamp}[kind], kind, l.text
					if want == "-" {
						continue
					}
					if kind == "date" {
						text = text[:10]
					} else {
						declared = fmt.Sprintf("%s(%d)", kind, l.digits)
					}
					columns = append(columns, fmt.Sprintf("v%d %s %s default '2001-01-01'", i, declared, nullable))
					values = append(values, "'"+text+"'")
					if want == "" {
						want = "∅"
						raws = append(raws, fmt.Sprintf(`"v%d":%q`, i, text))
					}
					wants = append(wants, want)
				}
				table := fmt.Sprintf("d_%s_%s", kind, nullable[:3])
				d.exec(t, fmt.Sprintf("create table %s (%s)", table, strings.Join(columns, ", ")))
				d.exec(t, fmt.Sprintf("insert into %s values (%s)", table, strings.Join(values, ", ")))
				wants = append(wants, "{"+strings.Join(raws, ",")+"}")
				got := read(t, source.Options{DSN: d.dsn, Tables: []source.Contract{{Name: "t", Identifier: table}}})
				require.Equal(t, []string{strings.Join(wants, "|")}, got.rows["t"])
			})
		}
	}
}
