package main

import (
	"bufio"
	"compress/gzip"
	"database/sql"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"lifeline/lifecycle"
	"lifeline/project"
	"lifeline/run"
	"lifeline/semantic"
	"lifeline/warehouse"
)

// realTables are the four tables of the brief's own database, where they stand beside the repository.
const realTables = "../../../shared/data/carepay"

// realTable is one of them: its columns as the database declares them, and its rows as text, with \N for null.
type realTable struct {
	name, file, columns string
	rows                [][]string
}

// readReal reads the four tables, treatments first. It shares no code with the program.
func readReal(t *testing.T) []*realTable {
	t.Helper()
	if _, err := os.Stat(realTables); err != nil {
		t.Skip("the brief's database is not beside the repository")
	}
	tables := []*realTable{
		{
			name: "TREATMENT", file: "treatments.csv",
			columns: "ID,STATUS,TYPE,DATE_CREATED,DATE_MODIFIED,DATE_SUBMITTED,DATE_TREATMENT,PROVIDER_ID,PROGRAM_ID",
		},
		{name: "CLAIM", file: "claims.csv", columns: "ID,STATUS,TYPE,DATE_CREATED,DATE_MODIFIED,TREATMENT_ID,PROGRAM_ID,AMOUNT,CURRENCY"},
		{name: "INVOICE", file: "invoices.csv", columns: "ID,STATUS,DATE_CREATED,TREATMENT_ID"},
		{name: "INVOICE_ITEM", file: "invoice_items.csv", columns: "ID,STATUS,DATE_CREATED,INVOICE_ID,PRODUCT_ID,CURRENCY,AMOUNT"},
	}
	for _, table := range tables {
		file, err := os.Open(filepath.Join(realTables, table.name+".tsv.gz"))
		require.NoError(t, err)
		in, err := gzip.NewReader(file)
		require.NoError(t, err)
		for lines := bufio.NewScanner(in); lines.Scan(); {
			table.rows = append(table.rows, strings.Split(lines.Text(), "\t"))
		}
		require.NoError(t, file.Close())
	}
	return tables
}

// sliceOfReal is one treatment in ten of the tables, with all that hangs on it; all of them in the soak. Rows that hang on nothing are
// chosen by what they name.
func sliceOfReal(t *testing.T, tables []*realTable) []*realTable {
	t.Helper()
	if long {
		return tables
	}
	chosen := func(key string) bool { return strings.HasSuffix(key, "3") }
	invoices := map[string]bool{} // To whether a treatment of theirs is chosen.
	var out []*realTable
	for _, table := range tables {
		part := &realTable{name: table.name, file: table.file, columns: table.columns}
		for _, row := range table.rows {
			var in bool
			switch table.name {
			case "TREATMENT":
				in = chosen(row[0])
			case "INVOICE_ITEM":
				invoice := row[table.index(t, "INVOICE_ID")]
				known := false
				if in, known = invoices[invoice]; !known {
					in = chosen(invoice)
				}
			default:
				in = chosen(row[table.index(t, "TREATMENT_ID")])
			}
			if table.name == "INVOICE" {
				invoices[row[0]] = in
			}
			if in {
				part.rows = append(part.rows, row)
			}
		}
		out = append(out, part)
	}
	return out
}

func (r *realTable) index(t *testing.T, column string) int {
	t.Helper()
	for i, name := range strings.Split(r.columns, ",") {
		if name == column {
			return i
		}
	}
	t.Fatalf("%s has no column %s", r.name, column)
	return 0
}

// realFolder writes the tables as CSV files, as the database holds them: the treatments are shifted.
func realFolder(t *testing.T, tables []*realTable) string {
	t.Helper()
	dir := t.TempDir()
	for _, table := range tables {
		var text strings.Builder
		text.WriteString(table.columns)
		for _, row := range table.rows {
			text.WriteString("\n" + strings.ReplaceAll(strings.Join(row, ","), `\N`, "NULL"))
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, table.file), []byte(text.String()), 0o600))
	}
	return dir
}

// realCount is what is counted of one status of one table: rows, the sum of the amounts that are known, and rows without one.
type realCount struct {
	rows, unknown int64
	units         big.Int // Ten-thousandths.
}

func (c *realCount) String() string {
	return fmt.Sprintf("%d rows, %s, %d without an amount", c.rows, c.units.String(), c.unknown)
}

// expected is what must be published of the tables, and what must be in quarantine, worked out row by row.
type expected struct {
	published   map[string]map[string]*realCount // By table and status.
	quarantined map[string]map[string]int64      // By table and reason.
	undated     map[string]int64                 // Published rows without DATE_CREATED.
	all         map[string]int
}

// tenThousandths reads an amount exactly.
func tenThousandths(t *testing.T, text string) *big.Int {
	t.Helper()
	whole, rest, _ := strings.Cut(text, ".")
	n, ok := new(big.Int).SetString(whole+rest, 10)
	require.True(t, ok && len(rest) == 4, text)
	return n
}

func expect(t *testing.T, tables []*realTable) expected {
	t.Helper()
	e := expected{
		published: map[string]map[string]*realCount{}, quarantined: map[string]map[string]int64{}, undated: map[string]int64{},
		all: map[string]int{},
	}
	keys := map[string]map[string]bool{}
	limit := tenThousandths(t, "100000000.0000")
	for _, table := range tables {
		e.all[table.name] = len(table.rows)
		published, quarantined := map[string]*realCount{}, map[string]int64{}
		keys[table.name] = map[string]bool{}
		e.published[table.name], e.quarantined[table.name] = published, quarantined
		for _, row := range table.rows {
			var amount *big.Int
			if table.name == "CLAIM" || table.name == "INVOICE_ITEM" {
				amount = tenThousandths(t, row[table.index(t, "AMOUNT")])
			}
			reason := ""
			switch {
			case table.name == "CLAIM" && !keys["TREATMENT"][row[table.index(t, "TREATMENT_ID")]],
				table.name == "INVOICE" && !keys["TREATMENT"][row[table.index(t, "TREATMENT_ID")]],
				table.name == "INVOICE_ITEM" && !keys["INVOICE"][row[table.index(t, "INVOICE_ID")]]:
				reason = "orphan"
			case amount != nil && amount.Sign() < 0:
				reason = "negative"
			case amount != nil && amount.Cmp(limit) > 0:
				reason = "too large"
			}
			if reason != "" {
				quarantined[reason]++
				continue
			}
			keys[table.name][row[0]] = true
			status := row[1]
			if published[status] == nil {
				published[status] = &realCount{}
			}
			published[status].rows++
			if amount != nil {
				published[status].units.Add(&published[status].units, amount)
				if amount.Sign() == 0 {
					published[status].unknown++
				}
			}
			created := table.index(t, "DATE_CREATED")
			if table.name == "TREATMENT" {
				created = table.index(t, "TYPE") // Where it lies.
			}
			if strings.HasPrefix(row[created], "0000") || row[created] == `\N` {
				e.undated[table.name]++
			}
		}
	}
	return e
}

// realStatuses are the rows by status of the tables as the brief has them, as counted when they were found.
var realStatuses = map[string]map[string]int64{
	"TREATMENT": {
		"CLOSED": 47_081, "DELETED": 14_091, "OPEN": 7_444, "IN_PROGRESS": 2_329, "SUBMITTED": 2_172, "PREAUTH": 488, "SCHEDULED": 369,
		"REOPENED": 94, "RESUBMITTED": 80,
	},
	"CLAIM": {
		"Approved": 41_675, "Draft": 18_532, "Deleted": 8_281, "Rejected": 2_828, "Submitted": 2_265, "PartiallyRejected": 85, "ReSubmitted": 81,
	},
	"INVOICE":      {"SUBMITTED": 29_166, "FINAL": 20_196, "DRAFT": 9_582, "RESUBMITTED": 258, "REOPENED": 16},
	"INVOICE_ITEM": {"ACTIVE": 66_851, "SUBMITTED": 49_072, "DELETED": 8_299, "APPROVED": 2_507, "REPLACED": 98, "REJECTED": 11},
}

func TestTheBriefsTablesAreWhatTheyWere(t *testing.T) {
	t.Parallel()
	tables := readReal(t)
	for _, table := range tables {
		got := map[string]int64{}
		for _, row := range table.rows {
			got[row[1]]++
		}
		require.Equal(t, realStatuses[table.name], got, table.name)
	}
	e := expect(t, tables)
	require.Equal(t, map[string]int64{"orphan": 25, "negative": 139}, e.quarantined["CLAIM"])
	require.Equal(t, map[string]int64{"negative": 2, "too large": 3}, e.quarantined["INVOICE_ITEM"])
	require.Empty(t, e.quarantined["TREATMENT"])
	require.Empty(t, e.quarantined["INVOICE"])
	require.EqualValues(t, 23_862, e.undated["INVOICE"])
	require.EqualValues(t, 42_564, e.undated["INVOICE_ITEM"])
	require.Zero(t, e.undated["TREATMENT"])
}

// coreOf are the tables of core by those of the source.
var coreOf = map[string]string{
	"TREATMENT": "core.treatments", "CLAIM": "core.claims", "INVOICE": "core.invoices",
	"INVOICE_ITEM": "core.invoice_items",
}

// requireReal compares a published warehouse with what was worked out row by row.
func requireReal(t *testing.T, flags []string, e expected) {
	t.Helper()
	for table, core := range coreOf {
		amounts := "'0.0000' as amount, 0 as unknown"
		if table == "CLAIM" || table == "INVOICE_ITEM" {
			amounts = "cast(cast(coalesce(sum(amount), 0) as numeric(30, 4)) as varchar) as amount, count(*) - count(amount) as unknown"
		}
		got := map[string]string{}
		for _, row := range query(t, flags, "select status_raw, count(*) as n, "+amounts+" from "+core+" group by status_raw") {
			c := realCount{rows: int64(row["n"].(float64)), unknown: int64(row["unknown"].(float64))}
			c.units = *tenThousandths(t, row["amount"].(string))
			got[row["status_raw"].(string)] = c.String()
		}
		want := map[string]string{}
		for status, c := range e.published[table] {
			want[status] = c.String()
		}
		require.Equal(t, want, got, table)
		undated := query(t, flags, "select count(*) - count(date_created) as n from "+core)
		require.EqualValues(t, e.undated[table], undated[0]["n"], table)
		unknown := query(t, flags, "select count(*) as n from "+core+" where status = 'unknown' and status_raw <> 'FINAL'")
		require.EqualValues(t, 0, unknown[0]["n"], table)
	}
	rules := map[string]string{
		"orphan_rate_claims": "CLAIM orphan", "va11_claims_amount_negative": "CLAIM negative",
		"va11_invoice_items_amount_negative": "INVOICE_ITEM negative", "va13_invoice_items_amount_range": "INVOICE_ITEM too large",
	}
	got, want := map[string]int64{}, map[string]int64{}
	for _, row := range query(t, append([]string{"--books"}, flags...), `
select r.check_name as rule, count(*) as n
from quarantine.reasons as r
group by r.check_name`) {
		rule, known := rules[row["rule"].(string)]
		require.True(t, known, "%v quarantines %v rows, and nothing says that they are defects", row["rule"], row["n"])
		got[rule] = int64(row["n"].(float64))
	}
	for table, reasons := range e.quarantined {
		for reason, n := range reasons {
			want[table+" "+reason] = n
		}
	}
	require.Equal(t, want, got)
}

// requirePublishedAsIs runs the shipped project, nothing edited, and compares what it published.
func requirePublishedAsIs(t *testing.T, flags []string, e expected) run.Report {
	t.Helper()
	r := report(t, 0, append([]string{"run"}, flags...)...)
	require.Equal(t, run.Published, r.Status)
	said := strings.Join(r.Warnings, "\n")
	require.Contains(t, said, "TYPE holds DATE_CREATED")
	require.Contains(t, said, "PROVIDER_ID is lost")
	require.Contains(t, said, fmt.Sprintf("as %[1]d of %[1]d rows prove and none denies", e.all["TREATMENT"]))
	for _, equation := range r.Books {
		require.True(t, equation.Balances, "%+v", equation)
	}
	requireReal(t, flags, e)
	return r
}

// realCSV is the brief's database, published once from CSV files for all tests that only read it.
var realCSV struct {
	sync.Mutex
	flags  []string
	want   expected
	report run.Report
}

// publishedReal gives the flags of a DuckDB warehouse with the brief's database in it, through CSV files.
func publishedReal(t *testing.T) ([]string, expected) {
	t.Helper()
	leaveToMakeTest(t)
	realCSV.Lock()
	defer realCSV.Unlock()
	if realCSV.flags == nil {
		tables := readReal(t)
		e := expect(t, tables)
		to, err := sharedFolder("real-")
		require.NoError(t, err)
		flags := at(carepay, "csv:"+realFolder(t, tables), "duckdb:"+filepath.Join(to, "carepay.duckdb"))
		realCSV.report = requirePublishedAsIs(t, flags, e)
		realCSV.flags, realCSV.want = flags, e
	}
	return realCSV.flags, realCSV.want
}

func TestTheBriefsDatabasePublishesWithNothingEdited(t *testing.T) {
	t.Parallel()
	flags, _ := publishedReal(t)
	requireRulesAsWritten(t, realCSV.report)
	requireProvidersAreMissed(t, flags)
}

// requireProvidersAreMissed reads the page by provider, which cannot be filled: each of its cards says why and what to do.
func requireProvidersAreMissed(t *testing.T, flags []string) {
	t.Helper()
	for _, c := range providersPage(t, flags).Cards {
		require.Empty(t, c.Rows, c.ID)
		require.Contains(t, fmt.Sprint(c.Answer), "the provider was lost when the source was loaded; lifeline doctor says how", c.ID)
	}
}

// providersPage is the page by provider over all days.
func providersPage(t *testing.T, flags []string) *semantic.PageData {
	t.Helper()
	p, err := lifecycle.Load(carepay, project.Options{Env: os.Getenv})
	require.NoError(t, err)
	wh, err := warehouse.Open(t.Context(), warehouse.Options{DSN: flags[slices.Index(flags, "--warehouse")+1]})
	require.NoError(t, err)
	defer wh.Close()
	v, err := openVersion(t.Context(), p, wh)
	require.NoError(t, err)
	defer v.Close()
	all, err := semantic.ParseFilters(url.Values{"range": {"all"}})
	require.NoError(t, err)
	ask, err := v.Page("providers", all, false)
	require.NoError(t, err)
	page, err := ask.Answer(t.Context(), nil, "")
	require.NoError(t, err)
	require.NotEmpty(t, page.Cards)
	return page
}

// requireRulesAsWritten compares what each rule found with the table of docs/quality.md.
func requireRulesAsWritten(t *testing.T, r run.Report) {
	t.Helper()
	page, err := os.ReadFile("../../docs/quality.md")
	require.NoError(t, err)
	_, part, found := strings.Cut(string(page), "## What the rules find in the brief's own database\n")
	require.True(t, found)
	part, _, _ = strings.Cut(part, "\n## ")
	written := map[string]string{}
	for line := range strings.Lines(part) {
		if cells := strings.Split(line, "|"); strings.HasPrefix(line, "| `") {
			name := strings.Trim(strings.Fields(cells[1])[0], "`")
			written[name] = strings.ReplaceAll(strings.TrimSpace(cells[2]), ",", "")
		}
	}
	counted := map[string]string{}
	for _, c := range r.Checks {
		if told := c.Status != "pass" || c.Severity == "info"; c.Failing > 0 && told &&
			(!strings.HasPrefix(c.Name, "source_freshness") || strings.HasSuffix(c.Name, "_treatment")) {
			counted[c.Name] = fmt.Sprint(c.Failing)
		}
		require.NotEqual(t, "fail", c.Status, c.Name)
	}
	require.Equal(t, written, counted)
}

// loadReal loads tables into a server as the brief's database holds them.
func loadReal(t *testing.T, db *sql.DB, source string, tables []*realTable) {
	t.Helper()
	name := source[strings.LastIndex(source, "/")+1:]
	schema, err := os.ReadFile(filepath.Join(realTables, "schema.sql"))
	require.NoError(t, err)
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	exec := func(text string) {
		_, err := conn.ExecContext(t.Context(), text)
		require.NoError(t, err)
	}
	exec("create database " + name + " character set latin1")
	exec("use " + name)
	exec("set session sql_mode = ''")
	for line := range strings.Lines(string(schema)) {
		if strings.HasPrefix(line, "create table") {
			exec(strings.TrimSpace(line))
		}
	}
	dir := t.TempDir()
	for _, table := range tables {
		var text strings.Builder
		for _, row := range table.rows {
			text.WriteString(strings.Join(row, "\t") + "\n")
		}
		path := filepath.Join(dir, table.name)
		require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o600))
		mysql.RegisterLocalFile(path)
		exec("load data local infile '" + path + "' into table " + table.name)
		mysql.DeregisterLocalFile(path)
	}
}

func TestTheBriefsDatabaseIsTheSameFromAServerOnEveryEngine(t *testing.T) {
	t.Parallel()
	source := mysqlDatabase(t)
	tables := sliceOfReal(t, readReal(t))
	loadReal(t, mysqlAdmin(t), source, tables)
	e := expect(t, tables)
	fromFiles := at(entitiesOnly(t), "csv:"+realFolder(t, tables), duckAt(t, "files"))
	requirePublishedAsIs(t, fromFiles, e)
	want := map[string][][]string{}
	for _, core := range coreOf {
		want[core] = published(t, fromFiles, core+" order by id")
	}
	onEveryEngine(t, func(t *testing.T, dsn string) {
		if strings.HasPrefix(dsn, "duckdb:") && !long {
			t.Skip("DuckDB has it from files, and the server's rows are compared on PostgreSQL; both at once with LIFELINE_SOAK=1")
		}
		flags := at(entitiesOnly(t), source, dsn)
		requirePublishedAsIs(t, flags, e)
		for core, rows := range want {
			got := published(t, flags, core+" order by id")
			require.Equal(t, len(rows), len(got), core)
			for i := range rows {
				require.Equal(t, rows[i], got[i], core)
			}
		}
	})
}
