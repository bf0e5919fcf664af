package source_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/source"
	"lifeline/source/preflight"
)

var treatments = source.Contract{
	Name: "treatment", Identifier: "TREATMENT", File: "claims.csv", Key: []string{"id"},
	Shift: &source.Shift{After: "status", By: 1, When: "type", Where: "models/sources.yml:7:9"},
	Columns: []source.ContractColumn{
		{Name: "id", DataType: "int"},
		{Name: "status", DataType: "varchar(25)"},
		{Name: "date_created", DataType: "datetime"},
		{Name: "date_treatment", DataType: "datetime"},
		{Name: "provider_id", DataType: "int"},
		{Name: "program_id", DataType: "int"},
	},
}

const (
	rightForm = "ID int primary key, STATUS varchar(25), DATE_CREATED datetime, DATE_TREATMENT datetime, PROVIDER_ID int, PROGRAM_ID int"
	wideForm  = "ID int primary key, STATUS varchar(25), TYPE varchar(25), DATE_CREATED datetime, DATE_TREATMENT datetime, PROVIDER_ID " +
		"int, PROGRAM_ID int"
	otherWide = "ID int primary key, STATUS varchar(25), NOTE varchar(25), DATE_CREATED datetime, DATE_TREATMENT datetime, PROVIDER_ID " +
		"int, PROGRAM_ID int"
	shiftedRow = "CLOSED,2018-03-01 08:00:00,2018-03-02 09:00:00,2079,36"
	rightRow   = "CLOSED,Outpatient,2018-03-01 08:00:00,2018-03-02 09:00:00,2079,36"
)

// Each table as the source declares it, its rows as the loader's file has them: a row that is short fills the columns from the left.
var shiftCases = map[string]struct {
	form   string
	rows   []string
	status preflight.Status
	told   []string
	quiet  []string // What must not be said.
	landed string   // By MySQL; the wide rows of a file that was made from it land alike.
	kept   string   // From a file whose short rows have lost nothing; landed where empty.
}{
	"shifted": {
		wideForm,
		[]string{"1," + shiftedRow, "2,OPEN,2018-03-01 08:00:00,NULL,7,36"},
		preflight.Warn,
		[]string{"shifted by 1, as 2 of 2 rows prove", "TYPE holds DATE_CREATED", "PROVIDER_ID holds PROGRAM_ID"},
		nil,
		"1|CLOSED|2018-03-01 08:00:00.000000|2018-03-02 09:00:00.000000|∅|36\n2|OPEN|2018-03-01 08:00:00.000000|∅|∅|36",
		"1|CLOSED|2018-03-01 08:00:00.000000|2018-03-02 09:00:00.000000|2079|36\n2|OPEN|2018-03-01 08:00:00.000000|∅|7|36",
	},
	"shifted, and some rows say nothing": {
		wideForm,
		[]string{"1," + shiftedRow, "2,OPEN,NULL,NULL,NULL,36"},
		preflight.Warn,
		[]string{"shifted by 1, as 1 of 2 rows prove"},
		nil,
		"1|CLOSED|2018-03-01 08:00:00.000000|2018-03-02 09:00:00.000000|∅|36\n2|OPEN|∅|∅|∅|36",
		"1|CLOSED|2018-03-01 08:00:00.000000|2018-03-02 09:00:00.000000|2079|36\n2|OPEN|∅|∅|∅|36",
	},
	"mended by taking the column out": {
		rightForm,
		[]string{"1,CLOSED,2018-03-01 08:00:00,2018-03-02 09:00:00,2079,36"},
		preflight.OK, nil,
		[]string{"shift"},
		"1|CLOSED|2018-03-01 08:00:00.000000|2018-03-02 09:00:00.000000|2079|36", "",
	},
	"mended by filling the column": {
		wideForm,
		[]string{"1," + rightRow, "2,OPEN,NULL,2018-03-01 08:00:00,NULL,2079,NULL"},
		preflight.Warn,
		[]string{"column TYPE of", "was added"},
		[]string{"shift", "moved", "lost"},
		"1|CLOSED|Outpatient|2018-03-01 08:00:00.000000|2018-03-02 09:00:00.000000|2079|36\n2|OPEN|∅|2018-03-01 08:00:00.000000|∅|2079|∅", "",
	},
	"some rows so and some so": {
		wideForm,
		[]string{"1," + shiftedRow, "2," + rightRow, "3," + shiftedRow},
		preflight.Fail,
		[]string{"in 2 of 3 rows the values after it are shifted by 1, in 1 they are not"},
		nil, "", "",
	},
	"rows that do not tell": {
		wideForm,
		[]string{"1,OPEN,NULL,NULL,NULL,36"},
		preflight.Fail,
		[]string{"its 1 rows do not say whether the values after it are shifted"},
		nil, "", "",
	},
	"no rows": {wideForm, nil, preflight.Warn, []string{"column TYPE of", "was added"}, []string{"shift", "moved"}, "", ""},
	"another column too many": {
		otherWide, []string{"1," + rightRow}, preflight.Fail, []string{"columns after STATUS are shifted by one: NOTE was added"}, nil, "", "",
	},
}

func finding(t *testing.T, o source.Options) preflight.Result {
	t.Helper()
	src, err := source.Open(t.Context(), o)
	require.NoError(t, err)
	defer func() { require.NoError(t, src.Close()) }()
	worst := preflight.Result{Status: preflight.OK}
	for _, r := range src.Check(t.Context()) {
		if r.Name == "contract" && (r.Status == preflight.Fail || r.Status == preflight.Warn) || r.Name == "tables" &&
			r.Status == preflight.Fail {
			worst = r
		}
	}
	return worst
}

func TestAShiftIsBelievedOnlyWhereEveryRowOfATableProvesIt(t *testing.T) {
	t.Parallel()
	for name, c := range shiftCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := database(t)
			d.exec(t, "create table TREATMENT ("+c.form+")")
			width := strings.Count(c.form, ",") + 1
			for _, row := range c.rows {
				values := strings.Split(row, ",")
				for len(values) < width {
					values = append(values, "NULL")
				}
				list := strings.ReplaceAll("'"+strings.Join(values, "','")+"'", "'NULL'", "null")
				d.exec(t, "insert into TREATMENT values ("+list+")")
			}
			requireShift(t, source.Options{DSN: d.dsn, Tables: []source.Contract{treatments}, TimeZone: "UTC"}, c.status, c.told, c.quiet, c.landed)
		})
	}
}

// header of a declared form.
func headerOf(form string) string {
	var names []string
	for _, column := range strings.Split(form, ", ") {
		names = append(names, strings.Fields(column)[0])
	}
	return strings.Join(names, ",") + "\n"
}

func TestAShiftIsBelievedOnlyWhereEveryRowOfAFileProvesIt(t *testing.T) {
	t.Parallel()
	for name, c := range shiftCases {
		if name == "another column too many" {
			continue // A file is read by its names; its own test has it.
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kept := c.kept
			if kept == "" {
				kept = c.landed
			}
			o := files(t, headerOf(c.form)+strings.Join(c.rows, "\n"))
			o.Tables = []source.Contract{treatments}
			requireShift(t, o, c.status, c.told, c.quiet, kept)
		})
	}
}

func TestAFileMadeFromAShiftedTableIsReadLikeTheTable(t *testing.T) {
	t.Parallel()
	c := shiftCases["shifted"]
	o := files(t, headerOf(c.form)+"1,CLOSED,2018-03-01 08:00:00,2018-03-02 09:00:00,0000-00-00 00:00:00,36,NULL\n"+
		"2,OPEN,2018-03-01 08:00:00,0000-00-00 00:00:00,0000-00-00 00:00:00,36,NULL\n")
	o.Tables = []source.Contract{treatments}
	told := append([]string{"PROVIDER_ID is lost: it lay in DATE_TREATMENT, which holds none of its values"}, c.told...)
	requireShift(t, o, c.status, told, nil, c.landed)
}

// requireShift compares what preflight says and what lands, apart from what is kept in _raw.
func requireShift(t *testing.T, o source.Options, status preflight.Status, told, quiet []string, landed string) {
	t.Helper()
	r := finding(t, o)
	require.Equal(t, status, r.Status, "%+v", r)
	for _, text := range told {
		require.Contains(t, r.What, text)
	}
	for _, text := range quiet {
		require.NotContains(t, r.What, text)
	}
	if status == preflight.Fail {
		require.Equal(t, change.ClassBlocked, r.Class)
		require.NotEmpty(t, r.Try)
		return
	}
	rows := read(t, o).rows["treatment"]
	for i := range rows {
		rows[i], _, _ = strings.Cut(rows[i], "|{")
	}
	require.Equal(t, landed, strings.Join(rows, "\n"))
}

func TestARowThatDeniesTheShiftAfterTheFirstLookIsRefused(t *testing.T) {
	t.Parallel()
	d := database(t)
	d.exec(t, "create table TREATMENT ("+wideForm+")")
	d.exec(t, "insert into TREATMENT values (1, 'CLOSED', '2018-03-01 08:00:00', '2018-03-02 09:00:00', 0, 36, null)")
	src, err := source.Open(t.Context(), source.Options{DSN: d.dsn, Tables: []source.Contract{treatments}})
	require.NoError(t, err)
	defer func() { require.NoError(t, src.Close()) }()
	_, err = src.Tables(t.Context())
	require.NoError(t, err)
	d.exec(t, "insert into TREATMENT values (2, 'CLOSED', 'Outpatient', '2018-03-01 08:00:00', '2018-03-02 09:00:00', 2079, 36)")
	_, err = src.Snapshot(t.Context())
	require.ErrorContains(t, err, "in 1 of 2 rows the values after it are shifted by 1, in 1 they are not")
}
