package source_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/source"
)

// keyType is a type that a key may have, and an expression that makes many values of it, dirty ones among them, from {s}, a number.
type keyType struct{ declared, values, server string }

var keyTypes = []keyType{
	{"tinyint", "{s} % 256 - 128", ""},
	{"smallint unsigned", "{s} % 65536", ""},
	{"int", "1000 - {s}", ""},
	{"bigint", "if({s} % 3, {s} * 7919, -9223372036854775807 + {s})", ""},
	{"bigint unsigned", "18446744073709551615 - {s} * 300000000000000", ""},
	{"decimal(30,10)", "if({s} % 2, {s} / 7, -{s} * 12345678901234567)", ""},
	{"decimal(5,2) unsigned", "{s} % 900 + 0.25", ""},
	{"float", "{s} / 7", ""},
	{"double", "if({s} % 2, pow(1.02, {s}), -{s} / 3)", ""},
	{"bit(40)", "{s} * 1234567", ""},
	{"year", "if({s} % 9 = 0, 0, 1901 + {s} % 250)", ""},
	{"date", "if({s} % 50 = 0, '0000-00-00', if({s} % 51 = 0, '2022-11-00', date_add('1000-01-01', interval {s} day)))", ""},
	{"datetime", "if({s} % 50 = 0, '2019-02-31 10:00:00', date_add('2001-01-01', interval {s} * 777 second))", ""},
	{"datetime(6)", "date_add('2001-01-01', interval {s} * 777777 microsecond)", ""},
	{"timestamp", "if({s} % 50 = 0, 0, date_add('2001-01-01', interval {s} div 3 hour))", ""},
	{"timestamp(3)", "date_add('2001-01-01', interval {s} * 777000 microsecond)", ""},
	{"time", "sec_to_time({s} * 97 - 900000)", ""},
	{"time(6)", "time('-10:00:00') + {s} / 1000", ""},
	{"char(12)", "concat(char(65 + {s} % 26), ' ', {s} div 26)", ""},
	{"varchar(40)", "concat(elt({s} % 7 + 1, '', 'ä', '%', '''', '\\\\', '日本', '😀'), {s} div 7)", ""},
	{"varchar(40) collate utf8mb4_bin", "concat(if({s} % 2, 'a', 'A'), {s} div 2)", ""},
	{"varchar(40) character set latin1 collate latin1_german2_ci", "concat('ß', {s})", ""},
	{"varchar(20) character set ucs2", "concat('é', {s})", ""},
	{"varchar(20) character set gbk", "concat('中', {s})", ""},
	{"varchar(20) collate utf8mb4_unicode_ci", "concat('Æ-', {s}, ' x')", ""},
	{"varchar(20) collate utf8mb4_0900_ai_ci", "concat('x', {s}, if({s} % 2, ' ', ''))", "mysql97"},
	{"binary(8)", "unhex(lpad(hex({s} * 2654435761), 16, '0'))", ""},
	{"varbinary(20)", "concat(unhex(hex({s} * 65793)), if({s} % 2, 0x00, ''))", ""},
	{"enum('z','b','a','Ä','it''s','')", "{s} % 6 + 1", ""},
	{"set('z','y','x','w','v','u','t')", "{s} % 128", ""},
	{"uuid", "concat(left(md5({s}), 8), '-', mid(md5({s}), 9, 4), '-', mid(md5({s}), 13, 4), '-', mid(md5({s}), 17, 4), '-', " +
		"right(md5({s}), 12))", "maria"},
	{"inet6", "concat('::', hex({s}))", "maria"},
}

func (k keyType) on(d *tester) bool {
	return k.server == "" || k.server == "maria" && d.maria || k.server == "mysql97" && !d.maria && !d.is56()
}

// Tables of random keys, of one to four columns of any type, are read in small chunks by several workers: what comes is what one statement
// over the whole table gives, in count and content.
func TestChunksGiveWhatOneStatementGives(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 1))
		types := slices.DeleteFunc(slices.Clone(keyTypes), func(k keyType) bool { return !k.on(d) })
		for n := range len(types) + soak(12, 400) {
			chosen := []keyType{types[n%len(types)]} // Every type once as the only column and as the last of several.
			if n >= len(types) || n%2 == 0 {
				for range 1 + random.IntN(3) {
					chosen = append(chosen, types[random.IntN(len(types))])
				}
				slices.Reverse(chosen)
			}
			var names []string
			for _, k := range chosen {
				names = append(names, k.declared)
			}
			t.Run(strings.Join(names, ", "), func(t *testing.T) { requireChunksWhole(t, d, random, chosen) })
		}
	})
}

func requireChunksWhole(t *testing.T, d *tester, random *rand.Rand, chosen []keyType) {
	t.Helper()
	const rows = 400
	var columns, names, values []string
	for i, k := range chosen {
		name := []string{"`order`", "`a b`", "`select`", "`ключ`", "`x-y%s`"}[i]
		falling := ""
		if !d.is56() && random.IntN(4) == 0 && (!d.maria || strings.HasPrefix(d.version, "11")) {
			falling = " desc"
		}
		columns, names = append(columns, name+" "+k.declared+" not null"), append(names, name+falling)
		s := "seq"
		if len(chosen) > 1 {
			s = []string{"(seq % 7)", "(seq div 50)", "(seq % 50)", "1", "seq"}[random.IntN(5)]
		}
		values = append(values, strings.ReplaceAll(k.values, "{s}", s))
	}
	kind := []string{"primary key", "unique key", "unique key aa"}[random.IntN(3)]
	d.exec(t, "drop table if exists k")
	made := fmt.Sprintf("create table k (n int not null, %s, pad varchar(20), %s (%s))", strings.Join(columns, ", "), kind,
		strings.Join(names, ", "))
	d.exec(t, made)
	d.exec(t, fmt.Sprintf("insert ignore into k select seq, %s, repeat('p', seq %% 20) from %s", strings.Join(values, ", "), d.seq(t, rows)))
	contract := []source.Contract{{Name: "k", Identifier: "k"}}
	whole := read(t, source.Options{DSN: d.dsn, Workers: 1, ChunkRows: 1 << 20, Tables: contract}).rows["k"]
	parts := read(t, source.Options{DSN: d.dsn, Workers: 3, ChunkRows: 5 + random.IntN(60), BatchRows: 20, Tables: contract}).rows["k"]
	var count int
	require.NoError(t, d.db.QueryRow("select count(*) from k").Scan(&count))
	require.Len(t, whole, count, made)
	require.Greater(t, count, 0, made)
	slices.Sort(whole)
	slices.Sort(parts)
	require.Len(t, parts, len(whole), made)
	require.Equal(t, whole, parts, made)
}

// A composite key over many rows of one leading value, whose last column is of a type that sorts otherwise than its text.
func TestALongCompositeKeyLosesNoRow(t *testing.T) {
	t.Parallel()
	d := database(t)
	rows := soak(21_000, 210_000)
	for _, declared := range []string{"timestamp", "enum('z','a','m')", "year", "time", "float", "uuid", "set('b','a')"} {
		d.exec(t, "drop table if exists k")
		d.exec(t, fmt.Sprintf("create table k (g int, w %s not null, s varchar(20), n int not null, primary key (g, w, s))", declared))
		value := map[string]string{
			"timestamp": "date_add('2020-01-01', interval seq div 3 second)", "year": "1901 + seq % 200", "time": "sec_to_time(seq div 2)",
			"float": "seq / 3", "uuid": "concat('00000000-0000-0000-0000-', lpad(seq div 4, 12, '0'))",
		}[declared]
		if value == "" {
			value = "1 + seq % 3"
		}
		d.exec(t, fmt.Sprintf("insert into k select 1, %s, concat('s', seq), seq from seq_1_to_%d", value, rows))
		seen := numbers(t, d, source.Options{DSN: d.dsn, Workers: 2, ChunkRows: rows / 7})
		slices.Sort(seen)
		require.Len(t, slices.Compact(seen), rows, declared)
	}
}
