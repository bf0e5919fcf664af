package dashboard

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"lifeline/project"
)

const selectChecks = `
select check_name, kind, node, column_name, severity, status, failing, tested, threshold
from ops.check_results`

// dimensions of quality, after Kahn.
var qualityDimensions = []string{"completeness", "conformance", "uniqueness", "plausibility", "consistency", "timeliness"}

func checkOf(row []any) CheckInfo {
	c := CheckInfo{
		Name: textOf(row[0]), Kind: textOf(row[1]), Table: textOf(row[2]), Column: textOf(row[3]), Severity: textOf(row[4]), Status: textOf(row[5]),
		Failing: whole(row[6]), Tested: whole(row[7]), Threshold: textOf(row[8]), Trend: []int64{},
	}
	c.Text, c.Dimension, c.Link = sentence(c), dimensionOf(c.Kind), "/quality/"+c.Name
	if c.Tested > 0 {
		c.Share = new(big.Rat).SetFrac64(c.Failing, c.Tested).FloatString(6)
	}
	return c
}

// sentence says a check as people do.
func sentence(c CheckInfo) string {
	of := "Each " + strings.TrimSuffix(c.Column, " ") + " of " + c.Table
	kind := c.Kind[strings.LastIndexByte(c.Kind, '.')+1:]
	switch kind {
	case "not_null", "expect_column_values_to_not_be_null":
		return of + " has a value"
	case "unique", "expect_column_values_to_be_unique":
		return of + " occurs once"
	case "accepted_values", "expect_column_values_to_be_in_set":
		return of + " is one of the known words"
	case "relationships", "relationships_where":
		return of + " leads to a row that is there"
	case "accepted_range", "expect_column_values_to_be_between":
		return of + " lies within its bounds"
	case "unique_combination_of_columns", "expect_compound_columns_to_be_unique":
		return "Each combination of the key's columns occurs once in " + c.Table
	case "not_null_proportion":
		return "Enough values of " + c.Column + " of " + c.Table + " are there"
	case "expression_is_true":
		return "Each row of " + c.Table + " keeps a rule: " + title(c.Name)
	case "singular", "":
		return title(c.Name)
	}
	text := title(strings.TrimPrefix(kind, "expect_"))
	if c.Table != "" {
		text += ", on " + c.Table
	}
	if c.Column != "" {
		text += "." + c.Column
	}
	return text
}

func dimensionOf(kind string) string {
	switch {
	case strings.Contains(kind, "not_null") || strings.Contains(kind, "not_be_null") || strings.Contains(kind, "not_empty") || strings.Contains(kind, "at_least_one"):
		return "completeness"
	case strings.Contains(kind, "unique"):
		return "uniqueness"
	case strings.Contains(kind, "relationships") || strings.Contains(kind, "equal") || kind == "singular" || strings.Contains(kind, "fewer_rows"):
		return "consistency"
	case strings.Contains(kind, "recency") || strings.Contains(kind, "freshness"):
		return "timeliness"
	case strings.Contains(kind, "range") || strings.Contains(kind, "between") || strings.Contains(kind, "expression") || strings.Contains(kind, "pair"):
		return "plausibility"
	}
	return "conformance"
}

// checkRuns are the newest runs that made checks, newest first.
func checkRuns(ctx context.Context, db *sql.DB, n int) ([]int64, error) {
	got, err := fetch(ctx, db, "select distinct run_id from ops.check_results order by run_id desc limit "+strconv.Itoa(n), 0)
	if err != nil {
		return nil, fmt.Errorf("read ops.check_results: %w", err)
	}
	out := make([]int64, len(got.rows))
	for i, row := range got.rows {
		out[i] = whole(row[0])
	}
	return out, nil
}

func bad(status string) bool { return status == "warn" || status == "fail" || status == "error" }

// loadChecks reads the newest results with what changed since the run before.
func loadChecks(ctx context.Context, db *sql.DB) (*ChecksData, error) {
	d := &ChecksData{
		New: []string{}, Resolved: []string{}, Persisting: []string{}, Checks: []CheckInfo{}, Matrix: []MatrixRow{}, Dimensions: qualityDimensions,
	}
	runs, err := checkRuns(ctx, db, 30)
	if err != nil || len(runs) == 0 {
		d.Answer = "No check has run yet."
		return d, err
	}
	d.Run = runs[0]
	if len(runs) > 1 {
		d.Before = runs[1]
	}
	got, err := fetch(ctx, db, selectChecks+" where run_id = $1 order by check_name", 0, d.Run)
	if err != nil {
		return nil, fmt.Errorf("read ops.check_results: %w", err)
	}
	at := map[string]int{}
	for _, row := range got.rows {
		c := checkOf(row)
		at[c.Name] = len(d.Checks)
		d.Checks = append(d.Checks, c)
	}
	if err := d.trends(ctx, db, runs, at); err != nil {
		return nil, err
	}
	d.sum()
	return d, nil
}

// trends adds what earlier runs said of each check.
func (d *ChecksData) trends(ctx context.Context, db *sql.DB, runs []int64, at map[string]int) error {
	got, err := fetch(ctx, db, `
select run_id, check_name, status, failing
from ops.check_results
where run_id >= $1
order by run_id`, 0, runs[len(runs)-1])
	if err != nil {
		return fmt.Errorf("read ops.check_results: %w", err)
	}
	began := map[string]int64{}
	before := map[string]bool{}
	for _, row := range got.rows {
		run, name, status := whole(row[0]), textOf(row[1]), textOf(row[2])
		if run == d.Before && bad(status) {
			before[name] = true
		}
		if !bad(status) {
			delete(began, name)
		} else if began[name] == 0 {
			began[name] = run
		}
		if i, is := at[name]; is {
			d.Checks[i].Trend = append(d.Checks[i].Trend, whole(row[3]))
		}
	}
	for i := range d.Checks {
		c := &d.Checks[i]
		c.FirstSeen = began[c.Name]
		switch now := bad(c.Status); {
		case now && before[c.Name]:
			c.Delta = "persisting"
			d.Persisting = append(d.Persisting, c.Name)
		case now:
			c.Delta = "new"
			d.New = append(d.New, c.Name)
		case before[c.Name]:
			c.Delta = "resolved"
			d.Resolved = append(d.Resolved, c.Name)
		}
	}
	return nil
}

func (d *ChecksData) sum() {
	cells := map[string][]MatrixCell{}
	var tables []string
	for _, c := range d.Checks {
		switch {
		case c.Status == "pass":
			d.Counts.Passed++
		case c.Status == "warn":
			d.Counts.Warned++
		case bad(c.Status):
			d.Counts.Failed++
		default:
			continue
		}
		name := c.Table
		if name == "" {
			name = "whole version"
		}
		if cells[name] == nil {
			cells[name] = make([]MatrixCell, len(qualityDimensions))
			tables = append(tables, name)
		}
		cell := &cells[name][slices.Index(qualityDimensions, c.Dimension)]
		cell.Total++
		if c.Status == "pass" {
			cell.Passed++
		}
		if rank(c.Status) > rank(cell.Worst) {
			cell.Worst = c.Status
		}
		cell.Link = "/quality?table=" + escapeQuery(c.Table) + "&dimension=" + c.Dimension
	}
	slices.Sort(tables)
	for _, t := range tables {
		d.Matrix = append(d.Matrix, MatrixRow{t, cells[t]})
	}
	all := d.Counts.Passed + d.Counts.Warned + d.Counts.Failed
	d.Answer = fmt.Sprintf("%s of %s passed", countText(int64(d.Counts.Passed)), pluralText(int64(all), "check"))
	if d.Counts.Warned > 0 {
		d.Answer += fmt.Sprintf(", %d warned", d.Counts.Warned)
	}
	if d.Counts.Failed > 0 {
		d.Answer += fmt.Sprintf(", %d failed", d.Counts.Failed)
	}
	if d.Before > 0 {
		d.Answer += fmt.Sprintf("; %d new, %d resolved and %d persisting since run %d", len(d.New), len(d.Resolved), len(d.Persisting), d.Before)
	}
	d.Answer += "."
}

func rank(status string) int {
	return slices.Index([]string{"", "pass", "not_applicable", "warn", "fail", "error"}, status)
}

func (c *call) checks() error {
	db, err := c.booksDB()
	if err != nil {
		return err
	}
	return c.cached("", func(ctx context.Context) (*reply, error) {
		data, err := loadChecks(ctx, db)
		return &reply{data: data}, err
	})
}

var (
	duckVersion     = regexp.MustCompile(`"?\bv"?\.("?[a-z_]+"?\.)`)
	postgresVersion = regexp.MustCompile(`__v\d+\b`)
	onlyInRun       = regexp.MustCompile(`(?i)\b(staging|history|quarantine|build)"?\.|\b_failing\b|"?build__v`)
)

// failingRows is the select of a check's failing rows over the published version, or why it cannot be asked there.
func (c *call) failingRows(sql string) (string, string) {
	s := c.e.snapshot
	switch {
	case s == nil:
		return "", "Nothing is published yet."
	case sql == "":
		return "", "The books keep no SQL of this check."
	}
	text := strings.TrimRight(strings.TrimSpace(sql), "; \n")
	if s.engine == "duckdb" {
		text = duckVersion.ReplaceAllString(text, "$1")
	} else {
		text = postgresVersion.ReplaceAllString(text, fmt.Sprintf("__v%d", s.version))
	}
	if onlyInRun.MatchString(text) {
		return "", "This check reads what only a run sees; its rows that were set aside are in quarantine."
	}
	return text, ""
}

func (c *call) check(name string) error {
	db, err := c.booksDB()
	if err != nil {
		return err
	}
	load := func(ctx context.Context) (*CheckData, string, error) { return c.loadCheck(ctx, db, name) }
	if f := c.query().Get("format"); f != "" && f != "json" {
		d, query, err := load(c.r.Context())
		if err != nil {
			return err
		}
		if query == "" {
			return &Problem{Title: "No rows to give", Status: 404, Detail: d.RowsNote, Hint: d.RowsLink}
		}
		// The page may know from the run that nothing fails; a file says what its own select gives.
		if err := c.e.db.QueryRowContext(c.r.Context(), "select count(*) from ("+query+"\n) as f").Scan(&d.Total); err != nil {
			return fmt.Errorf("count the failing rows of %s: %w", name, err)
		}
		return c.exportSQL(c.e.db, query, "check-"+name+"-"+c.e.id, f, d.Total, map[string]string{"check": d.Text, "snapshot": c.e.id})
	}
	return c.cached("", func(ctx context.Context) (*reply, error) {
		data, _, err := load(ctx)
		return &reply{data: data}, err
	})
}

func (c *call) loadCheck(ctx context.Context, db *sql.DB, name string) (*CheckData, string, error) {
	all, err := loadChecks(ctx, db)
	if err != nil {
		return nil, "", err
	}
	i := slices.IndexFunc(all.Checks, func(x CheckInfo) bool { return x.Name == name })
	if i < 0 {
		names := make([]string, len(all.Checks))
		for j, x := range all.Checks {
			names[j] = x.Name
		}
		return nil, "", notFound("check", name, project.Nearest(name, names))
	}
	d := &CheckData{CheckInfo: all.Checks[i], History: []CheckResult{}, Columns: []Column{}, Rows: [][]any{}, Whose: []CheckGroup{}, Pages: []string{}, Exports: []ExportLink{}}
	got, err := fetch(ctx, db, `
select c.run_id, r.started_at, c.status, c.failing, c.tested, c.threshold, c.sql
from ops.check_results as c
inner join ops.runs as r on r.run_id = c.run_id
where c.check_name = $1
order by c.run_id desc
limit 100`, 0, name)
	if err != nil {
		return nil, "", fmt.Errorf("read the check %s: %w", name, err)
	}
	text := ""
	for j, row := range got.rows {
		d.History = append(d.History, CheckResult{whole(row[0]), timeOf(row[1]), textOf(row[2]), whole(row[3]), whole(row[4]), textOf(row[5])})
		if j == 0 {
			text = textOf(row[6])
		}
	}
	d.Answer = checkAnswer(d.CheckInfo)
	d.Pages = c.readers(c.relationName(d.Table))
	query, note := c.failingRows(text)
	d.RowsNote = note
	if d.Severity == "quarantine" || query == "" {
		d.RowsLink = "/quarantine?check=" + escapeQuery(name) + "&state=all"
	}
	if c.user.has(RoleData) {
		d.SQL = text
	}
	if query == "" {
		return d, "", nil
	}
	if err := c.sample(ctx, d, query); err != nil {
		d.RowsNote = "The published version cannot be asked this: " + firstLine(err.Error())
		return d, "", nil
	}
	for _, f := range []string{"csv", "parquet", "ndjson"} {
		d.Exports = append(d.Exports, ExportLink{f, "/api/v1/checks/" + name + "?format=" + f})
	}
	return d, query, nil
}

// sample reads the first failing rows, and counts them all: together, and by program, provider and what else the project filters by,
// where they have its column.
func (c *call) sample(ctx context.Context, d *CheckData, query string) error {
	newest := c.e.run == d.History[0].Run && d.Severity != "quarantine"
	if newest && d.Status == "pass" && d.Failing == 0 {
		d.RowsNote = fmt.Sprintf("No row fails: run %d, which published this version, has looked.", c.e.run)
		return nil
	}
	if !newest {
		d.RowsNote = "As the published version has it; rows that were set aside are in quarantine."
	}
	got, err := fetch(ctx, c.e.db, "select * from ("+query+"\n) as f limit 100", 0)
	if err != nil {
		return err
	}
	d.Columns, d.Rows = got.columns, got.rows
	if len(d.Rows) < 100 {
		d.Total = int64(len(d.Rows))
		if d.Total == 0 {
			return nil
		}
	}
	var filters []filterFile
	var columns []string
	for _, f := range c.def.Model.filters {
		i := slices.IndexFunc(d.Columns, func(x Column) bool { return x.Name != "id" && c.def.Model.filteredBy(f.Name, x.Name) })
		if i < 0 || slices.Contains(columns, quoteName(d.Columns[i].Name)) {
			continue
		}
		filters, columns = append(filters, f), append(columns, quoteName(d.Columns[i].Name))
		d.Whose = append(d.Whose, CheckGroup{Filter: f.Name, Label: cmp.Or(f.Label, title(f.Name)), Options: []Option{}})
	}
	if got, err = fetch(ctx, c.e.db, whoseSQL(query, columns), 0); err != nil {
		return err
	}
	for _, row := range got.rows {
		i, n := whole(row[0]), whole(row[2])
		if i < 0 {
			d.Total = n
			continue
		}
		o := Option{Value: nullWord, Label: "none", Rows: n}
		if row[1] != nil {
			o.Value = textOf(row[1])
			o.Label = c.e.valueLabel(filters[i], o.Value)
		}
		d.Whose[i].Options, d.Whose[i].Total = append(d.Whose[i].Options, o), whole(row[3])
	}
	return nil
}

// whoseSQL counts rows by each of the columns and in all, in one pass: place of the column or -1, value, rows, number of values. Of each
// column there are the eight values with most rows.
func whoseSQL(query string, columns []string) string {
	sets, place, value := "()", "-1", "null"
	if len(columns) > 0 {
		place, value = "case", "case"
		for i, column := range columns {
			sets += ", (" + column + ")"
			place += fmt.Sprintf(" when grouping(%s) = 0 then %d", column, i)
			value += fmt.Sprintf(" when grouping(%[1]s) = 0 then cast(%[1]s as varchar)", column)
		}
		place, value = place+" else -1 end", value+" end"
	}
	return fmt.Sprintf(`
with counts as (
	select %s as place, %s as value, count(*) as failing
	from (%s
	) as f
	group by grouping sets (%s)
),
ranked as (
	select *, row_number() over (partition by place order by failing desc, value) as n, count(*) over (partition by place) as all_values
	from counts
)
select place, value, failing, all_values
from ranked
where n <= 8
order by place, n`, place, value, query, sets)
}

// relationName finds a model's table by the name that checks use.
func (c *call) relationName(node string) string {
	if c.e.snapshot == nil {
		return node
	}
	for _, name := range c.e.names {
		if strings.HasSuffix(name, "."+node) {
			return name
		}
	}
	return node
}

// readers are the cards that read a table, as page/card.
func (c *call) readers(table string) []string {
	out := []string{}
	for _, p := range c.def.Pages {
		for _, card := range p.Cards {
			text := card.SQL + p.Queries[card.Query]
			direct := strings.Contains(text, table)
			if p.Table == table && card.Table == "" && strings.Contains(text, "{{ rows") {
				direct = true
			}
			if direct || card.Table == table {
				out = append(out, p.Name+"/"+card.ID)
			}
		}
	}
	return out
}

func checkAnswer(c CheckInfo) string {
	switch {
	case c.Status == "pass" && c.Failing == 0:
		return fmt.Sprintf("Passed: none of %s fails.", pluralText(c.Tested, "row"))
	case c.Status == "not_applicable":
		return "It did not apply to the newest run."
	}
	text := fmt.Sprintf("%s of %s fail (%s)", countText(c.Failing), pluralText(c.Tested, "row"), percentText(c.Share))
	switch c.Delta {
	case "new":
		text += "; this is new"
	case "persisting":
		text += fmt.Sprintf("; since run %d", c.FirstSeen)
	}
	return text + "."
}
