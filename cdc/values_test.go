package cdc_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// typed is a column's type with values for it, as SQL writes them. only names servers that have the type, "" all.
type typed struct {
	only   string // "maria", "mysql", "new" (not 5.6), "97".
	kind   string
	values []string
}

// dates are values of a date.
var dates = []string{
	"'0000-00-00'", "'2022-11-00'", "'2022-00-15'", "'0000-11-30'", "'1000-01-01'", "'9999-12-31'", "'2024-02-29'", "null",
}

// timesOf are a type's values with that many digits of a second.
func timesOf(digits int) []string {
	out := []string{
		"'0000-00-00 00:00:00'", "'2022-11-00 20:59:22'", "'2022-00-00 00:00:00'", "'1969-12-31 23:59:59.999999'",
		"'9999-12-31 23:59:59'",
		"'2024-02-29 12:34:56.789123'", "'2020-01-01 00:00:00.100000'", "null",
	}
	if digits == 0 {
		out[5] = "'2024-02-29 12:34:56'"
	}
	return out
}

// documents are values of JSON, of every type that one can have inside.
var documents = []string{
	`'{"b": 1, "a": [1, 2.50, "x", null, true, false], "bb": {"": {}, "c": []}}'`, "null", "'null'", "'7'", "'-7'", "'\"x\"'", "'[]'", "'{}'",
	"'[32767, 32768, 65535, 65536, -32768, -32769, 2147483647, 2147483648, 4294967295, 4294967296, -2147483648, -2147483649]'",
	"'[9223372036854775807, 9223372036854775808, 18446744073709551615, -9223372036854775808, 18446744073709551616]'",
	"'[1.0, 0.1, -0.0, 1e14, 1e15, 123456789012345680, 1e16, 1.5e20, 1e-5, 1.25e-14, 1e-15, 1e-16, 1e308, 5e-324, 3.0e2, 0.00001234]'",
	`json_array('a"b\\\\c/d', concat('x', char(1), char(8), char(9), char(10), char(12), char(13), char(31), char(127), 'y'), 'Grüße 😀')`,
	"json_array(cast(1.50 as decimal(10, 2)), cast('-12345678901234567890.123' as decimal(40, 3)), cast('2015-01-15' as date), " +
		"cast('2015-01-15 23:24:25.12' as datetime(6)), cast('-12:34:56' as time), cast('838:59:59' as time), timestamp'2020-02-29 00:00:00', " +
		"year(now()) > 0, null)",
	"json_object('k', cast('abc' as binary), 'bit', b'101')", "json_object('long', cast(repeat('ab', 100) as binary))",
	"json_array(repeat('x', 127), repeat('y', 128), repeat('z', 40000))", "json_object('a', repeat('q', 70000), 'b', 5, 'c', -70000)",
	"concat('[', repeat('1,', 40000), '70000, -70000, 1]')",
}

// numbers are types of numbers, dates and times with values.
var numbers = []typed{
	{"", "tinyint", []string{"-128", "127", "0", "null"}},
	{"", "tinyint unsigned", []string{"255", "0"}},
	{"", "tinyint(1)", []string{"-3", "1", "null"}},
	{"", "smallint", []string{"-32768", "32767"}},
	{"", "smallint unsigned zerofill", []string{"65535", "7"}},
	{"", "mediumint", []string{"-8388608", "8388607", "-1"}},
	{"", "mediumint unsigned", []string{"16777215"}},
	{"", "int", []string{"-2147483648", "2147483647", "null"}},
	{"", "int(5) unsigned zerofill", []string{"4294967295", "3349714808"}},
	{"", "bigint", []string{"-9223372036854775808", "9223372036854775807"}},
	{"", "bigint unsigned", []string{"18446744073709551615", "9223372036854775808", "0", "null"}},
	{"", "decimal(10,2)", []string{"-12345678.90", "0.01", "-0.01", "99999999.99", "0", "null"}},
	{"", "decimal(65,30)", []string{"-12345678901234567890123456789012345.123456789012345678901234567890", "0"}},
	{"", "decimal(38,0)", []string{"99999999999999999999999999999999999999", "-1"}},
	{"", "decimal(9,9)", []string{"0.123456789", "-0.000000001"}},
	{"", "decimal(20,0) unsigned", []string{"18446744073709551615"}},
	{"", "decimal(19,4)", []string{"123456789012345.6789", "-1000000000.5"}},
	{"", "float", []string{"0.1", "-3.4e38", "1e-30", "16777217", "null"}},
	{"", "float(7,2)", []string{"123.45"}},
	{"", "double", []string{"-0e0", "0.1", "1e308", "-2.2250738585072014e-308", "123456789.123456789"}},
	{"", "bit(1)", []string{"b'1'", "b'0'", "null"}},
	{"", "bit(12)", []string{"b'101010101010'"}},
	{"", "bit(64)", []string{"b'1'", "-1"}},
	{"", "year", []string{"0", "1901", "2155", "null"}},
	{"", "date", dates},
	{"", "time", []string{"'-838:59:59'", "'838:59:59'", "'00:00:00'", "'12:34:56'", "'-00:00:01'", "null"}},
	{"", "time(2)", []string{"'-00:00:00.01'", "'-00:00:01'", "'-00:00:01.01'", "'-00:00:01.10'", "'23:59:59.99'", "'0'"}},
	{"", "time(4)", []string{"'-12:34:56.7891'", "'12:34:56.7'"}},
	{"", "time(6)", []string{"'-838:59:58.999999'", "'00:00:00.000001'", "'0'"}},
	{"", "datetime", timesOf(0)},
	{"", "datetime(1)", timesOf(1)},
	{"", "datetime(3)", timesOf(3)},
	{"", "datetime(6)", timesOf(6)},
	{"", "timestamp null", []string{"'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "null"}},
	{"", "timestamp(6) null", []string{"'0000-00-00 00:00:00'", "'2020-02-29 12:34:56.789123'", "null"}},
	{"", "timestamp(3) null", []string{"'2020-02-29 12:34:56.789'"}},
}

func typesOf(d *tester) []typed {
	texts := []string{"''", "'a  '", "'Grüße, Ωmega, €'", "'it''s'", "'a\\0b'", "'\\\\ \" \\n'", "null"}
	words := []string{"''", "'a'", "'b c'", "'ü'", "0", "null"}
	return theirs(d, append(append([]typed{}, numbers...), []typed{
		{"", "char(30)", texts},
		{"", "varchar(200)", texts},
		{"", "varchar(2000)", texts},
		{"", "tinytext", texts},
		{"", "text", texts},
		{"", "mediumtext", texts},
		{"", "longtext", append(texts, "repeat('xyz', 30000)")},
		{"", "char(20) character set latin1", []string{"'Grüße €'", "''", "x'80819fff'"}},
		{"", "varchar(50) character set latin2", []string{"'Łódź'", "null"}},
		{"", "text character set cp1251", []string{"'Привет'"}},
		{"", "varchar(50) character set ucs2", []string{"'Grüße'"}},
		{"", "char(10) character set utf16", []string{"'a😀b'", "''", "'x '"}},
		{"", "varchar(50) character set utf32", []string{"'a😀b'"}},
		{"", "varchar(50) character set utf8", []string{"'Ω'"}},
		{"", "char(90) character set utf8mb4", []string{"'Grüße'", "repeat('€', 90)"}},
		{"", "varchar(20) character set ascii", []string{"'abc'"}},
		{"maria", "varchar(20) character set ascii", []string{"x'61fe'", "'?'"}},
		{"", "varchar(20) character set ucs2", []string{"_ucs2 x'd83dde00'", "_ucs2 x'd83d'", "_ucs2 x'0000d800'"}},
		{"maria", "text character set utf32", []string{"cast(x'0000d800' as binary)", "cast(x'0001f600' as binary)"}},
		{"", "varchar(20) character set greek", []string{"'Ωμέγα'"}},
		{"", "binary(4)", []string{"x'01'", "x'00000000'", "x'01020000'", "x'20202020'", "null"}},
		{"", "varbinary(20)", []string{"x'0100'", "''", "x'00'"}},
		{"", "binary(200)", []string{"x'ff00'"}},
		{"", "tinyblob", []string{"x'00ff'", "null"}},
		{"", "blob", []string{"x'00ff0000'"}},
		{"", "mediumblob", []string{"repeat(x'00', 70000)"}},
		{"", "longblob", []string{"''"}},
		{"", "enum('a','b c','ü','it''s','x,y')", append(words, "'it''s'", "'x,y'")},
		{"", "set('a','b c','ü','it''s')", append(words, "'a,ü'", "'it''s,b c'", "15")},
		{"", "set(" + strings.TrimSuffix(strings.Repeat("'%d',", 64), ",") + ")", []string{"18446744073709551615", "1"}},
		{"", "geometry", []string{"point(1, 2)", "null"}},
		{"", "point", []string{"point(-1.5, 2)"}},
		{"maria", "json", []string{`'{"b": 1, "a": [1, 2.50, "x"]}'`, "null"}},
		{"maria", "varchar(200) compressed", []string{"''", "'short'", "repeat('long Ω ', 20)", "null"}},
		{"maria", "text compressed", []string{"''", "'short'", "repeat('long Ω ', 2000)", "null"}},
		{"maria", "blob compressed", []string{"repeat(x'00ff', 2000)"}},
		{"maria", "varchar(3000) compressed character set gbk", []string{"repeat('中文', 700)"}},
		{"", "varchar(60) character set gbk", []string{"'中文字 abc €'", "''", "null"}},
		{"", "varchar(60) character set gb2312", []string{"'中文'"}},
		{"", "text character set big5", []string{"'中文字 \\\\ 功'"}},
		{"", "varchar(60) character set euckr", []string{"'한국어 ab'"}},
		{"", "varchar(60) character set sjis", []string{"'日本語 ｶﾅ ソ\\\\ ~'"}},
		{"", "char(60) character set cp932", []string{"'日本語 ｶﾅ ① 髙'"}},
		{"", "varchar(60) character set ujis", []string{"'日本語 ｶﾅ 丂'"}},
		{"", "varchar(60) character set eucjpms", []string{"'日本語 ｶﾅ ①'"}},
		{"mysql", "varchar(60) character set gb18030", []string{"'中文 😀 é €'"}},
		{"", "varchar(60) character set tis620", []string{"'ไทย'"}},
		{"", "varchar(60) character set hebrew", []string{"'עברית'"}},
		{"", "varchar(60) character set koi8r", []string{"'Привет'"}},
		{"", "enum('中','文') character set gbk", []string{"'文'", "'中'"}},
		{"maria", "uuid", []string{
			"'123e4567-e89b-12d3-a456-426655440000'", "'00000000-0000-0000-0000-000000000000'", "'018f6f3c-0000-7000-8000-00000000ab00'", "null",
		}},
		{"maria", "inet6", []string{"'::1'", "'::ffff:192.0.2.1'", "'2001:db8::ff00:42:8329'", "'::'", "'2001:db8::'", "null"}},
		{"maria", "inet4", []string{"'192.0.2.0'", "'0.0.0.0'", "'10.0.0.255'"}},
		{"mysql", "json", documents},
		{"97", "vector(3)", []string{"string_to_vector('[1,2.5,-3]')", "null"}},
	}...))
}

// theirs are the types that the server has.
func theirs(d *tester, all []typed) []typed {
	var out []typed
	for _, t := range all {
		switch {
		case t.only == "maria" && !d.maria, t.only == "mysql" && (d.maria || d.is56()), t.only == "97" && !strings.HasPrefix(d.version, "9"):
			continue
		}
		if strings.HasPrefix(t.kind, "set('%d'") {
			n := 0
			for strings.Contains(t.kind, "%d") {
				n++
				t.kind = strings.Replace(t.kind, "%d", fmt.Sprintf("w%d", n), 1)
			}
		}
		out = append(out, t)
	}
	return out
}

// Every type lands alike by a snapshot and by the log, insert, update and delete.
func TestTheLogAndASnapshotLandTheSameValues(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		types := typesOf(d)
		n := 0
		columns := []string{"id int primary key"}
		for i, c := range types {
			columns = append(columns, fmt.Sprintf("c%d %s", i, c.kind))
			n = max(n, len(c.values))
		}
		d.exec(t, "create table wide ("+strings.Join(columns, ", ")+")")
		from := d.log(t).Here
		for row := range n {
			values := []string{fmt.Sprint(row + 1)}
			for _, c := range types {
				values = append(values, c.values[row%len(c.values)])
			}
			d.exec(t, "insert into wide values ("+strings.Join(values, ", ")+")")
		}
		want := d.snapshot(t).rows["wide"]
		require.Len(t, want, n)
		got, r := d.read(t, from)
		require.Nil(t, r.Stop)
		require.True(t, r.Reached)
		require.Len(t, got.rows["wide"], n)
		for i := range want {
			a, b := strings.Split(want[i], "\n"), strings.Split(strings.TrimPrefix(got.rows["wide"][i], "+ "), "\n")
			require.Len(t, b, len(a))
			for k := range a {
				column := ""
				if k > 0 && k <= len(types) {
					column = types[k-1].kind
				}
				require.Equal(t, a[k], b[k], "row %d, %s", i+1, column)
			}
		}
		from = d.log(t).Here
		d.exec(t, "delete from wide")
		got, _ = d.read(t, from)
		var gone []string
		for _, row := range got.rows["wide"] {
			gone = append(gone, strings.TrimPrefix(row, "- "))
		}
		require.ElementsMatch(t, want, gone)
	})
}

// A session may write the changes of documents to the log in place of the documents: they land as the server has them then.
func TestChangesOfDocumentsLandAsTheDocuments(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		if d.maria || d.is56() {
			return // They have no such option.
		}
		d.exec(t, "create table j (id int primary key, a json, n int, b json)",
			`insert into j
			values (1, '{"x": 1, "yy": [1, 2, 3], "z z": {"k": "v"}, "d.e": 1, "q\\"t": 1}', 1, '[1, 2, {"a": 5}]'), (2, null, 2, '{}')`)
		from := d.log(t).Here
		d.session(t, "set binlog_row_value_options = 'PARTIAL_JSON'",
			`update j set a = json_set(a, '$.x', 22), n = 5`,
			`update j set a = json_set(a, '$.yy[1]', json_object('m', 1.5)), b = json_set(b, '$[2].a', 'text', '$[2].b', 1)`,
			`update j set a = json_remove(a, '$.yy[0]'), b = json_remove(b, '$[0]')`,
			`update j set a = json_set(a, '$."z z".k', null, '$."z z".kk', 1, '$."d.e"', 2, '$."q\\"t"', 3, '$.aaa', 4, '$.b', 5)`,
			`update j set a = json_replace(a, '$.yy[0].m', cast(2.50 as decimal(5, 2)))`,
			`update j set b = json_set(b, '$[9]', 9)`, `update j set a = '[]', b = null where id = 1`, `update j set a = '{"n": {}}' where id = 2`)
		want := d.snapshot(t)
		c, r := d.read(t, from)
		require.Nil(t, r.Stop)
		last := map[string]string{}
		for _, row := range c.rows["j"] {
			if after, is := strings.CutPrefix(row, "+ "); is {
				id, _, _ := strings.Cut(after, "\n")
				last[id] = after
			}
		}
		require.ElementsMatch(t, want.rows["j"], []string{last["id=1"], last["id=2"]})
		chain := map[string]string{}
		for _, row := range c.rows["j"] { // What a row was is what it had become.
			id, _, _ := strings.Cut(row[2:], "\n")
			if was, known := chain[id]; known && row[0] == '-' {
				require.Equal(t, was, row[2:])
			}
			chain[id] = row[2:]
		}
	})
}

// A server may compress transactions, and the events of rows: they are read as if it had not.
func TestCompressedTransactionsAreRead(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		d.exec(t, "create table t (id int primary key, v varchar(2000))", "create table other (id int primary key)")
		from := d.log(t).Here
		statements := []string{
			"start transaction", "insert into t values (1, repeat('x', 2000)), (2, repeat('y', 2000))", "insert into other values (1)",
			"update t set v = repeat('z', 2000) where id = 2", "delete from t where id = 1", "commit", "insert into t values (3, 'c')",
		}
		switch {
		case d.is56():
			return
		case d.maria:
			d.exec(t, "set global log_bin_compress = 1, global log_bin_compress_min_len = 10")
			defer d.exec(t, "set global log_bin_compress = 0")
		default:
			statements = append([]string{"set binlog_transaction_compression = on"}, statements...)
		}
		d.session(t, statements...)
		got, r := d.read(t, from)
		require.Nil(t, r.Stop)
		x, y, z := strings.Repeat("x", 2000), strings.Repeat("y", 2000), strings.Repeat("z", 2000)
		require.Equal(t, []string{
			"+ id=1\nv=" + x, "+ id=2\nv=" + y, "- id=2\nv=" + y, "+ id=2\nv=" + z, "- id=1\nv=" + x, "+ id=3\nv=c",
		}, got.rows["t"])
		require.Len(t, got.rows["other"], 1)
	})
}
