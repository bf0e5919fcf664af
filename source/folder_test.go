package source_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/source"
	"lifeline/source/preflight"
)

var claims = source.Contract{
	Name: "claim", Identifier: "CLAIM", File: "claims.csv", Key: []string{"id"},
	Money: []change.Money{{Column: "amount", Currency: "currency"}},
	Columns: []source.ContractColumn{
		{Name: "id", DataType: "int"},
		{Name: "status", DataType: "varchar(25)"},
		{Name: "date_created", DataType: "datetime"},
		{Name: "amount", DataType: "decimal(19,4)"},
		{Name: "currency", DataType: "varchar(4)"},
	},
}

const header = "\ufeffID,STATUS,DATE_CREATED,AMOUNT,CURRENCY\n"

// files makes a folder and the options to read it.
func files(tb testing.TB, content string) source.Options {
	tb.Helper()
	dir := tb.TempDir()
	require.NoError(tb, os.WriteFile(filepath.Join(dir, "claims.csv"), []byte(content), 0o600))
	return source.Options{DSN: "csv:" + dir, Tables: []source.Contract{claims}, TimeZone: "UTC"}
}

func TestEveryFormOfCSVIsRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ content, want string }{
		"as the source writes it": {
			header + "1,Draft,NULL,5.5000,KES\n2,Approved,2018-01-25 23:04:45,NULL,NULL",
			"1|Draft|∅|55000/4|KES\n2|Approved|2018-01-25 23:04:45.000000|∅|∅",
		},
		"header only": {header, ""},
		"carriage returns": {
			strings.ReplaceAll(header, "\n", "\r\n") + "1,a,NULL,1,KES\r\n2,b,NULL,2,NULL\r\n",
			"1|a|∅|10000/4|KES\n2|b|∅|20000/4|∅",
		},
		"a return in a value": {header + "1,a,NULL,1,KES\r\n2,b,NULL,2,\r", "1|a|∅|10000/4|KES\r\n2|b|∅|20000/4|\r"},
		"a return after a number": {
			"id,status,date_created,currency,amount\n1,a,NULL,KES,1.5\r\n2,b,NULL,K,NULL\r\n",
			"1|a|∅|KES|15000/4\n2|b|∅|K|∅",
		},
		"no mark":       {"id,status,date_created,amount,currency\n1,a,NULL,1,KES\n", "1|a|∅|10000/4|KES"},
		"another order": {"CURRENCY,ID,AMOUNT,DATE_CREATED,STATUS\nKES,1,2,NULL,a\n", "KES|1|20000/4|∅|a"},
		"quotes": {
			header + "1,\"a, \"\"b\"\"\r\nc\",NULL,\"1.5\",\"NULL\"\n2,\"\",NULL,2,\n",
			"1|a, \"b\"\r\nc|∅|15000/4|NULL\n2||∅|20000/4|",
		},
		"a quote inside": {header + "1,5\" disk,NULL,1,K\n2,\"x\",NULL,1,K", "1|5\" disk|∅|10000/4|K\n2|x|∅|10000/4|K"},
		"an empty line":  {header + "1,a,NULL,1,K\n\n2,b,NULL,1,K\n\n", "1|a|∅|10000/4|K\n2|b|∅|10000/4|K"},
		"values that are none": {
			header + "x1,a\x00b,2022-11-00 10:00:00,1.23456,K\n,NULL,,,\n99999999999,\\N ,2018-02-29,1e3,K\n",
			`∅|ab|∅|∅|K|{"id":"x1","status":"a\u0000b","date_created":"2022-11-00 10:00:00","amount":"1.23456"}` + "\n" +
				`∅|∅|∅|∅||{"id":"","date_created":"","amount":""}` + "\n" +
				`∅|\N |∅|∅|K|{"id":"99999999999","date_created":"2018-02-29","amount":"1e3"}`,
		},
		"nothing as databases export it": {header + "1,\\N,\\N,\\N,\\N\n2,a,NULL,1,K\n", "1|∅|∅|∅|∅\n2|a|∅|10000/4|K"},
		"semicolons": {
			"ID;STATUS;DATE_CREATED;AMOUNT;CURRENCY\n1;\"a;b\";NULL;1;K\n2;a,b;NULL;1;K\n",
			"1|a;b|∅|10000/4|K\n2|a,b|∅|10000/4|K",
		},
		"tabs":                    {"\"ID\"\tSTATUS\tDATE_CREATED\tAMOUNT\tCURRENCY\r\n1\ta,b\tNULL\t1\tK\r\n", "1|a,b|∅|10000/4|K"},
		"bars":                    {"id|status|date_created|amount|currency\n1|a|NULL|1|K\n", "1|a|∅|10000/4|K"},
		"a line of nothing first": {header + "\n\n1,a,NULL,1,K\n", "1|a|∅|10000/4|K"},
		"a long field": {header + "1," + strings.Repeat("x", 10<<20) + ",NULL,1,K\n", "1|" + strings.Repeat("x", 10<<20) +
			"|∅|10000/4|K"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, strings.Join(read(t, files(t, c.content)).rows["claim"], "\n"))
		})
	}
}

func TestABrokenFileIsToldWithItsPlace(t *testing.T) {
	t.Parallel()
	good := "1,a,NULL,1,K\n"
	for name, c := range map[string]struct{ content, where, what string }{
		"torn":           {header + good + "2,b,NULL", "claims.csv:3:9", "the last line has 3 of 5 fields: the file is torn"},
		"too few":        {header + "2,b,NULL\n" + good, "claims.csv:2:9", "the line has 3 fields, the header names 5"},
		"too many":       {header + good + "2,b,NULL,1,K,x\n", "claims.csv:3:14", "the line has 6 fields, the header names 5"},
		"latin1":         {header + good + good + "3,Gr\xfc\xdfe,NULL,1,K\n", "claims.csv:4:5", "byte 0xfc is not UTF-8"},
		"utf-16":         {"\xff\xfeI\x00D\x00", "claims.csv:1:1", "UTF-16"},
		"empty":          {"", "claims.csv:1", "the file is empty"},
		"blank lines":    {"\n\n", "claims.csv:1", "only blank lines"},
		"gzip":           {"\x1f\x8b\x08\x00", "claims.csv:1:1", "compressed"},
		"zstd":           {"\x28\xb5\x2f\xfd\x00\x00", "claims.csv:1:1", "compressed"},
		"parquet":        {"PAR1\x15\x04", "claims.csv:1:1", "not CSV"},
		"open quote":     {header + good + "2,\"b,NULL,1,K\n3,c,NULL,1,K\n", "claims.csv:3:3", "a quoted field is never closed"},
		"after a quote":  {header + "2,\"b\"c,NULL,1,K\n", "claims.csv:2:6", "text follows a closing quote"},
		"lines inside":   {header + "2,\"b\n\n\",NULL,1,K\n3,c\n", "claims.csv:5:4", "the line has 2 fields"},
		"returns alone":  {"ID,STATUS\r1,a\r2,b\r", "claims.csv:1:1", "carriage return alone"},
		"wide, no mark":  {"I\x00D\x00\n\x00", "claims.csv:1:1", "UTF-16"},
		"excel":          {"sep=;\nID;STATUS\n", "claims.csv:1:1", "sep="},
		"single quotes":  {"'ID','STATUS'\n'1','a'\n", "claims.csv:1:1", "single quotes"},
		"escapes":        {header + "1,\\N,NULL,1,K\n2,a\\\\b,NULL,1,K\n", "claims.csv:3:3", "may be escapes"},
		"escaped quotes": {header + "1,\"a\\\"b\",NULL,1,K\n", "claims.csv:2:7", "text follows a closing quote"},
		"same names":     {"ID,id\n", "claims.csv:1", `column 2 is named "id"`},
		"staging's name": {"ID,_raw\n", "claims.csv:1", `column 2 is named "_raw"`},
	} {
		t.Run(name, func(t *testing.T) {
			err := readAll(t, files(t, c.content))
			var p *change.Problem
			require.ErrorAs(t, err, &p)
			require.Equal(t, c.where, p.Where)
			require.Contains(t, p.Error(), c.where)
			require.Contains(t, p.Error(), c.what)
			require.NotEmpty(t, p.Try)
			require.Equal(t, change.ClassBlocked, p.Class)
		})
	}
	t.Run("missing", func(t *testing.T) {
		o := files(t, header)
		o.Tables = []source.Contract{{Name: "x", File: "gone.csv"}}
		require.ErrorContains(t, readAll(t, o), "read gone.csv: no such file")
	})
	t.Run("no file", func(t *testing.T) {
		o := files(t, header)
		dir := strings.TrimPrefix(o.DSN, "csv:")
		require.NoError(t, os.Mkdir(filepath.Join(dir, "d.csv"), 0o700))
		require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "p.csv"), 0o600))
		for file, want := range map[string]string{
			"d.csv": "not a plain file", "p.csv": "not a plain file",
			"../x.csv": "not below the source's folder", "/etc/passwd": "not below the source's folder",
		} {
			o.Tables = []source.Contract{{Name: "x", File: file}}
			require.ErrorContains(t, readAll(t, o), want)
		}
		require.ErrorContains(t, readAll(t, source.Options{DSN: "csv:"}), "names no folder")
	})
	t.Run("no folder", func(t *testing.T) {
		require.ErrorContains(t, readAll(t, source.Options{DSN: "csv:/gone/away"}), "open the folder of CSV files /gone/away")
	})
}

func readAll(t *testing.T, o source.Options) error {
	t.Helper()
	src, err := source.Open(t.Context(), o)
	if err != nil {
		return err
	}
	snap, err := src.Snapshot(t.Context())
	if err != nil {
		return err
	}
	return snap.Read(t.Context(), (&collector{rows: map[string][]string{}}).open, nil)
}

func TestAFileThatChangesWhileItIsReadIsAnError(t *testing.T) {
	t.Parallel()
	o := files(t, header+strings.Repeat("1,a,NULL,1,K\n", 10000))
	path := filepath.Join(strings.TrimPrefix(o.DSN, "csv:"), "claims.csv")
	src, err := source.Open(t.Context(), o)
	require.NoError(t, err)
	snap, err := src.Snapshot(t.Context())
	require.NoError(t, err)
	c := &collector{rows: map[string][]string{}, onWrite: func(rows int) error {
		return os.WriteFile(path, []byte(header+"1,a,NULL,1,K\n"), 0o600)
	}}
	err = snap.Read(t.Context(), c.open, nil)
	require.ErrorContains(t, err, "claims.csv changed while it was read")

	snap, err = src.Snapshot(t.Context())
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(header+"2,a,NULL,1,K\n"), 0o600))
	require.NoError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
	_, err = snap.Totals(t.Context())
	require.ErrorContains(t, err, "claims.csv changed while it was read", "the digest finds what size and time do not")
}

func TestThePositionOfAFolderIsItsContent(t *testing.T) {
	t.Parallel()
	position := func(content string) change.Position {
		src, err := source.Open(t.Context(), files(t, content))
		require.NoError(t, err)
		snap, err := src.Snapshot(t.Context())
		require.NoError(t, err)
		return snap.Info().Position
	}
	require.Equal(t, position(header+"1,a,NULL,1,K\n"), position(header+"1,a,NULL,1,K\n"))
	require.NotEqual(t, position(header+"1,a,NULL,1,K\n"), position(header+"1,a,NULL,2,K\n"))
}

// Parts of a big file are read by several workers; every row must come once, and places stay right.
func TestPartsOfABigFileGiveEachRowOnce(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(header)
	const rows = 60_000
	for i := range rows {
		fmt.Fprintf(&b, "%d,%s,2018-01-25 23:04:45,%d.25,KES\n", i, strings.Repeat("s", i%600), i)
	}
	o := files(t, b.String())
	o.Workers = 3
	c := read(t, o)
	require.Len(t, c.rows["claim"], rows)
	require.Greater(t, c.opened, 1)
	slices.Sort(c.rows["claim"])
	require.Len(t, slices.Compact(c.rows["claim"]), rows)
	require.Equal(t, []change.Totals{{Table: "claim", Rows: rows, Money: []change.MoneyTotal{
		{Column: "amount", Currency: "KES", Sum: fmt.Sprint(rows*(rows-1)/2 + rows/4), Rows: rows},
	}}}, unweighed(totals(t, o)))

	o = files(t, b.String()+"x,y")
	require.ErrorContains(t, readAll(t, o), fmt.Sprintf("claims.csv:%d:4", rows+2))
}

func TestTotalsLeaveOutWhatIsNoAmount(t *testing.T) {
	t.Parallel()
	o := files(t, header+"1,a,NULL,1.5,KES\n2,a,NULL,1e3,KES\n3,a,NULL,NULL,KES\n4,a,NULL,1.23456,KES\n5,a,NULL,0.10,NULL\n6,a,NULL,"+
		"-0.0200000,USD\n7,a,NULL,1234567890123456,KES\n8,a,NULL,+.5,KES\n")
	require.Equal(t, []change.Totals{{Table: "claim", Rows: 8, Money: []change.MoneyTotal{
		{Column: "amount", Currency: "", Sum: "0.1", Rows: 1},
		{Column: "amount", Currency: "KES", Sum: "2", Rows: 2},
		{Column: "amount", Currency: "USD", Sum: "-0.02", Rows: 1},
	}}}, unweighed(totals(t, o)))
}

// unweighed leaves out what the keys bring in.
func unweighed(all []change.Totals) []change.Totals {
	for i := range all {
		all[i].Keys = ""
		for j := range all[i].Money {
			all[i].Money[j].WeightedSum = ""
		}
	}
	return all
}

// A file and a server add up the same slices, by rows, keys, money and money weighed by key.
func TestAFileAndAServerGiveEqualSlices(t *testing.T) {
	t.Parallel()
	d := database(t)
	d.exec(t, "create table CLAIM (ID int, STATUS varchar(25), DATE_CREATED datetime, AMOUNT decimal(19,4), CURRENCY varchar(4), key (ID))")
	d.exec(t, "insert into CLAIM values (-3, 'a', null, 1.5, 'KES'), (-3, 'a', null, -0.25, 'kes'), (1001, 'b', null, null, null), (1999, "+
		"'c', null, 7.0001, 'KES'), (null, 'd', null, 9, 'KES')")
	o := files(t, header+"-3,a,NULL,1.5,KES\n-3,a,NULL,-0.25,kes\n1001,b,NULL,NULL,NULL\n1999,c,NULL,7.0001,KES\nNULL,d,NULL,9,KES\n")
	server := o
	server.DSN = d.dsn
	server.Tables = slices.Clone(o.Tables)
	server.Tables[0].Identifier = "CLAIM"
	slices := func(o source.Options, of change.Range) []change.Slice {
		s, err := source.Open(t.Context(), o)
		require.NoError(t, err)
		defer s.Close()
		tables, err := s.Tables(t.Context())
		require.NoError(t, err)
		snap, err := s.Snapshot(t.Context())
		require.NoError(t, err)
		defer snap.Close()
		out, err := snap.Ranges(t.Context(), tables[0], of)
		require.NoError(t, err)
		for i := range out {
			for j := range out[i].Money {
				out[i].Money[j], out[i].WeightedSums[j] = number(t, out[i].Money[j]), number(t, out[i].WeightedSums[j])
			}
		}
		return out
	}
	want := []change.Slice{
		{Number: 0, Low: -3, High: -3, Rows: 2, Keys: "-6", Money: []string{"1.2500"}, WeightedSums: []string{"-3.7500"}},
		{Number: 1, Low: 1001, High: 1001, Rows: 1, Keys: "1001", Money: []string{"0.0000"}, WeightedSums: []string{"0.0000"}},
		{Number: 2, Low: 1999, High: 1999, Rows: 1, Keys: "1999", Money: []string{"7.0001"}, WeightedSums: []string{"6993.0999"}},
	}
	for _, o := range []source.Options{o, server} {
		require.Equal(t, want, slices(o, change.Range{Low: -3, High: 1999, Width: 1000}))
		whole := slices(o, change.Range{})
		require.Len(t, whole, 1)
		require.EqualValues(t, 4, whole[0].Rows)
		require.EqualValues(t, -3, whole[0].Low)
		require.EqualValues(t, 1999, whole[0].High)
	}
}

// number is a decimal to four places; none is zero.
func number(t *testing.T, text string) string {
	t.Helper()
	x := new(big.Rat)
	if text != "" {
		_, ok := x.SetString(text)
		require.True(t, ok, text)
	}
	return x.FloatString(4)
}

// F18: an empty line is not a row, for the loader and for the books.
func TestAnEmptyLineIsNoRowOfOneColumn(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]int64{"v\n1\n\n2\n": 2, "v\r\n1\r\n\r\n\r\n2": 2, "v\n\"\"\n\n": 1, "v\n\n": 0} {
		o := files(t, content)
		o.Tables = []source.Contract{{Name: "claim", File: "claims.csv", Columns: []source.ContractColumn{{Name: "v", DataType: "varchar(9)"}}}}
		require.Len(t, read(t, o).rows["claim"], int(want), "%q", content)
		require.Equal(t, want, totals(t, o)[0].Rows, "%q", content)
	}
}

// The same values land alike from a file and from a server.
func TestAFileAndAServerGiveEqualBatches(t *testing.T) {
	t.Parallel()
	d := database(t)
	d.exec(t, "create table CLAIM (ID int primary key, STATUS varchar(25), DATE_CREATED datetime, AMOUNT decimal(19,4), CURRENCY varchar(4))")
	d.exec(t, "insert into CLAIM values (1, 'Draft', '2018-01-25 23:04:45', -5.5, 'KES'), (2, 'Grüße', '2022-11-00', "+
		"123456789012345.6789, null), (3, '', null, null, 'USD')")
	o := files(t, header+"1,Draft,2018-01-25 23:04:45,-5.5000,KES\n2,Grüße,2022-11-00 00:00:00,123456789012345.6789,NULL\n3,,NULL,NULL,USD")
	server := source.Options{DSN: d.dsn, Tables: []source.Contract{claims}}
	require.Equal(t, read(t, server).rows, read(t, o).rows)
	require.Equal(t, totals(t, server), totals(t, o))
}

func TestABrokenContractIsNamed(t *testing.T) {
	t.Parallel()
	row := "1,a,NULL,1,K\n"
	for name, c := range map[string]struct {
		content string
		status  preflight.Status
		check   string
		what    string
	}{
		"kept": {header + row, preflight.OK, "contract", "as agreed"},
		"added": {
			"ID,STATUS,DATE_CREATED,AMOUNT,CURRENCY,NOTE\n1,a,NULL,1,K,n\n", preflight.Warn, "contract",
			"column NOTE of claims.csv was added",
		},
		"removed": {"ID,STATUS,DATE_CREATED,AMOUNT\n1,a,NULL,1\n", preflight.Fail, "contract", "column CURRENCY of claims.csv was removed"},
		"moved": {
			"STATUS,ID,DATE_CREATED,AMOUNT,CURRENCY\na,1,NULL,1,K\n", preflight.Warn, "contract",
			"column ID of claims.csv moved from 1 to 2",
		},
		"shifted": {
			"ID,STATUS,TYPE,DATE_CREATED,AMOUNT,CURRENCY\n" + row, preflight.Fail, "tables",
			"columns after STATUS are shifted by one: TYPE was added",
		},
		"missing": {"", preflight.Fail, "tables", "the file is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			src, err := source.Open(t.Context(), files(t, c.content))
			require.NoError(t, err)
			requireFinding(t, src.Check(t.Context()), c.check, c.status, c.what)
		})
	}
}

// Money that is not there, or that cannot be added up exactly, is refused before anything lands, of a file as of a server.
func TestMoneyThatCannotBeAddedUpIsRefusedFirst(t *testing.T) {
	t.Parallel()
	d := database(t)
	d.exec(t, "create table CLAIM (ID int primary key, WORD varchar(25), FACTOR double, AMOUNT decimal(19,4), CURRENCY binary(3))")
	columns := []source.ContractColumn{
		{Name: "id", DataType: "int"},
		{Name: "word", DataType: "varchar(25)"},
		{Name: "factor", DataType: "double"},
		{Name: "amount", DataType: "decimal(19,4)"},
		{Name: "currency", DataType: "binary(3)"},
	}
	file := files(t, "ID,WORD,FACTOR,AMOUNT,CURRENCY\n")
	for want, money := range map[string]change.Money{
		"column none of %s, which meta.lifeline.money names, is not there":         {Column: "none"},
		"column word of %s, which meta.lifeline.money names, is varchar(25)":       {Column: "word"},
		"column factor of %s, which meta.lifeline.money names, is double":          {Column: "factor"},
		"column none of %s, which meta.lifeline.money names, as a currency is not": {Column: "amount", Currency: "none"},
		"column currency of %s, which meta.lifeline.money names, is binary(3)":     {Column: "amount", Currency: "currency"},
	} {
		for dsn, name := range map[string]string{d.dsn: "CLAIM", file.DSN: "claims.csv"} {
			src, err := source.Open(t.Context(), source.Options{DSN: dsn, Tables: []source.Contract{
				{Name: "claim", Identifier: "CLAIM", File: "claims.csv", Money: []change.Money{money}, Columns: columns},
			}})
			require.NoError(t, err)
			requireFinding(t, src.Check(t.Context()), "tables", preflight.Fail, fmt.Sprintf(want, name))
			require.NoError(t, src.Close())
		}
	}
}

func requireFinding(t *testing.T, results []preflight.Result, check string, status preflight.Status, what string) preflight.Result {
	t.Helper()
	require.True(t, slices.IsSortedFunc(results, func(a, b preflight.Result) int { return strings.Compare(a.Name, b.Name) }))
	i := slices.IndexFunc(results, func(r preflight.Result) bool { return r.Name == check })
	require.GreaterOrEqual(t, i, 0)
	require.Equal(t, status, results[i].Status, "%+v", results[i])
	require.Contains(t, results[i].What, what)
	if status == preflight.Fail {
		require.NotEmpty(t, results[i].Try)
		require.NotZero(t, results[i].Class)
	}
	return results[i]
}

func TestAServerIsChecked(t *testing.T) {
	t.Parallel()
	d := database(t)
	agreed := "ID int primary key, STATUS varchar(25), DATE_CREATED datetime, AMOUNT decimal(19,4), CURRENCY varchar(4)"
	for name, c := range map[string]struct {
		columns, check string
		status         preflight.Status
		what           string
	}{
		"kept":    {agreed, "contract", preflight.OK, "as agreed"},
		"added":   {agreed + ", NOTE text", "contract", preflight.Warn, "column NOTE of CLAIM was added"},
		"removed": {strings.Replace(agreed, "STATUS varchar(25), ", "", 1), "contract", preflight.Fail, "column STATUS of CLAIM was removed"},
		"retyped": {
			strings.Replace(agreed, "decimal(19,4)", "double", 1), "contract", preflight.Fail,
			"column AMOUNT of CLAIM changed its type from decimal(19,4) to double",
		},
		"shifted": {
			strings.Replace(agreed, "DATE_CREATED", "TYPE varchar(25), DATE_CREATED", 1), "contract", preflight.Fail,
			"column DATE_CREATED of CLAIM moved from 3 to 4; columns after STATUS are shifted by one: TYPE was added",
		},
		"no key":  {strings.Replace(agreed, " primary key", "", 1), "tables", preflight.OK, "with their keys"},
		"rights":  {agreed, "rights", preflight.OK, "may be read"},
		"zone":    {agreed, "time_zone", preflight.Warn, "UTC is taken"},
		"version": {agreed, "version", preflight.OK, ""},
		"answers": {agreed, "reachable", preflight.OK, "answers"},
	} {
		t.Run(name, func(t *testing.T) {
			d.exec(t, "create or replace table CLAIM ("+c.columns+")")
			src, err := source.Open(t.Context(), source.Options{DSN: d.dsn, Tables: []source.Contract{claims}})
			require.NoError(t, err)
			defer src.Close()
			r := requireFinding(t, src.Check(t.Context()), c.check, c.status, c.what)
			if c.check == "contract" && c.status == preflight.Fail {
				require.Equal(t, change.ClassBlocked, r.Class)
			}
		})
	}
	d.exec(t, "create or replace table CLAIM ("+agreed+")")
	few, err := source.Open(t.Context(), source.Options{DSN: d.user(t, "select"), Tables: []source.Contract{claims}})
	require.NoError(t, err)
	defer few.Close()
	requireFinding(t, few.Check(t.Context()), "rights", preflight.Warn, "over one connection")
	none, err := source.Open(t.Context(), source.Options{DSN: d.user(t, "insert"), Tables: []source.Contract{claims}})
	require.NoError(t, err)
	defer none.Close()
	requireFinding(t, none.Check(t.Context()), "rights", preflight.Fail, "may not read CLAIM")
	gone, err := source.Open(t.Context(), source.Options{DSN: d.dsn, Tables: []source.Contract{claims, {Name: "gone"}}})
	require.NoError(t, err)
	defer gone.Close()
	requireFinding(t, gone.Check(t.Context()), "tables", preflight.Fail, "table gone is not in")
}

// FuzzCSV compares our reader with the standard library's on whatever both take.
func FuzzCSV(f *testing.F) {
	f.Add([]byte("a,b,c\n1,\"x, \"\"y\"\"\",\n2,\"l\nm\",NULL"))
	f.Add([]byte("a,b\r\n1,2\r\n\r\n3,4\r\n"))
	f.Add([]byte("a,b\n\"\",\"\"\"\"\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		if bytes.Contains(body, []byte("\r")) || bytes.IndexByte(body, 0) >= 0 {
			return // The standard library drops carriage returns inside quotes; NULs go by design.
		}
		lines := append([]byte("c1,c2,c3\n"), body...)
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "f.csv"), lines, 0o600))
		want, err := csv.NewReader(bytes.NewReader(lines)).ReadAll()
		if err != nil {
			want = nil // It is stricter on quotes; then ours must only not fall over.
		}
		src, err := source.Open(context.Background(), source.Options{DSN: "csv:" + dir, Tables: []source.Contract{{Name: "f"}}})
		require.NoError(t, err)
		snap, err := src.Snapshot(context.Background())
		require.NoError(t, err)
		c := &collector{rows: map[string][]string{}}
		err = snap.Read(context.Background(), c.open, nil)
		if want == nil || err != nil {
			var p *change.Problem
			require.True(t, err == nil || errors.As(err, &p) || errors.Is(err, io.EOF), "%v", err)
			return
		}
		require.Len(t, c.rows["f"], len(want)-1)
		for i, record := range want[1:] {
			got := strings.ReplaceAll(c.rows["f"][i], "∅", "NULL")
			require.Equal(t, strings.ReplaceAll(strings.Join(record, "|"), "∅", "NULL"), got)
		}
	})
}
