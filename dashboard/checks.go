package dashboard

import (
	"context"
	"database/sql"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"lifeline/project"
	"lifeline/semantic"
)

const selectChecks = `
select check_name, kind, node, column_name, severity, status, failing, tested, threshold
from ops.check_results`

// dimensions of quality, after Kahn.
var qualityDimensions = []string{"completeness", "conformance", "uniqueness", "plausibility", "consistency", "timeliness"}

func checkOf(row []any) CheckInfo {
	c := CheckInfo{
		Name: semantic.TextOf(row[0]), Kind: semantic.TextOf(row[1]), Table: semantic.TextOf(row[2]), Column: semantic.TextOf(row[3]),
		Severity: semantic.TextOf(row[4]), Status: semantic.TextOf(row[5]),
		Failing: semantic.CountOf(row[6]), Tested: semantic.CountOf(row[7]), Threshold: semantic.TextOf(row[8]), Trend: []int64{},
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
		return "Each row of " + c.Table + " keeps a rule: " + semantic.Title(c.Name)
	case "singular", "":
		return semantic.Title(c.Name)
	}
	text := semantic.Title(strings.TrimPrefix(kind, "expect_"))
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
	case strings.Contains(kind, "not_null") || strings.Contains(kind, "not_be_null") || strings.Contains(kind, "not_empty") ||
		strings.Contains(kind, "at_least_one"):
		return "completeness"
	case strings.Contains(kind, "unique"):
		return "uniqueness"
	case strings.Contains(kind, "relationships") || strings.Contains(kind, "equal") || kind == "singular" ||
		strings.Contains(kind, "fewer_rows"):
		return "consistency"
	case strings.Contains(kind, "recency") || strings.Contains(kind, "freshness"):
		return "timeliness"
	case strings.Contains(kind, "range") || strings.Contains(kind, "between") || strings.Contains(kind, "expression") ||
		strings.Contains(kind, "pair"):
		return "plausibility"
	}
	return "conformance"
}

// checkRuns are the newest runs that made checks, newest first.
func checkRuns(ctx context.Context, db *sql.DB, n int) ([]int64, error) {
	got, err := semantic.Fetch(ctx, db, "select distinct run_id from ops.check_results order by run_id desc limit "+strconv.Itoa(n), 0)
	if err != nil {
		return nil, fmt.Errorf("read ops.check_results: %w", err)
	}
	out := make([]int64, len(got.Rows))
	for i, row := range got.Rows {
		out[i] = semantic.CountOf(row[0])
	}
	return out, nil
}

func bad(status string) bool { return status == "warn" || status == "fail" || status == "error" }

// loadChecks reads the newest results with what changed since the run before.
func loadChecks(ctx context.Context, db *sql.DB) (*ChecksData, error) {
	d := &ChecksData{
		New: []string{}, Resolved: []string{}, Persisting: []string{}, Checks: []CheckInfo{}, Matrix: []MatrixRow{},
		Dimensions: qualityDimensions,
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
	got, err := semantic.Fetch(ctx, db, selectChecks+" where run_id = $1 order by check_name", 0, d.Run)
	if err != nil {
		return nil, fmt.Errorf("read ops.check_results: %w", err)
	}
	at := map[string]int{}
	for _, row := range got.Rows {
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
	got, err := semantic.Fetch(ctx, db, `
select run_id, check_name, status, failing
from ops.check_results
where run_id >= $1
order by run_id`, 0, runs[len(runs)-1])
	if err != nil {
		return fmt.Errorf("read ops.check_results: %w", err)
	}
	began := map[string]int64{}
	before := map[string]bool{}
	for _, row := range got.Rows {
		run, name, status := semantic.CountOf(row[0]), semantic.TextOf(row[1]), semantic.TextOf(row[2])
		if run == d.Before && bad(status) {
			before[name] = true
		}
		if !bad(status) {
			delete(began, name)
		} else if began[name] == 0 {
			began[name] = run
		}
		if i, is := at[name]; is {
			d.Checks[i].Trend = append(d.Checks[i].Trend, semantic.CountOf(row[3]))
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
		cell.Link = "/quality?table=" + semantic.EscapeQuery(c.Table) + "&dimension=" + c.Dimension
	}
	slices.Sort(tables)
	for _, t := range tables {
		d.Matrix = append(d.Matrix, MatrixRow{t, cells[t]})
	}
	all := d.Counts.Passed + d.Counts.Warned + d.Counts.Failed
	d.Answer = fmt.Sprintf("%s of %s passed", semantic.CountText(int64(d.Counts.Passed)), semantic.PluralText(int64(all), "check"))
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

func (c *request) checks() error {
	db, err := c.booksDB()
	if err != nil {
		return err
	}
	return c.cached("", func(ctx context.Context) (*reply, error) {
		data, err := loadChecks(ctx, db)
		return &reply{data: data}, err
	})
}

func (c *request) check(name string) error {
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
			return &semantic.Problem{Title: "No rows to give", Status: 404, Detail: d.RowsNote, Hint: d.RowsLink}
		}
		x, err := c.version.FailingExport(c.r.Context(), name, d.Text, query)
		if err != nil {
			return err
		}
		return c.export(x, f)
	}
	return c.cached("", func(ctx context.Context) (*reply, error) {
		data, _, err := load(ctx)
		return &reply{data: data}, err
	})
}

func (c *request) loadCheck(ctx context.Context, db *sql.DB, name string) (*CheckData, string, error) {
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
		return nil, "", semantic.NotFound("check", name, project.Nearest(name, names))
	}
	d := &CheckData{
		CheckInfo: all.Checks[i], History: []CheckResult{}, Columns: []semantic.Column{}, Rows: [][]any{},
		Whose: []semantic.CheckGroup{}, Pages: []string{}, Exports: []semantic.ExportLink{},
	}
	got, err := semantic.Fetch(ctx, db, `
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
	for j, row := range got.Rows {
		d.History = append(d.History, CheckResult{
			semantic.CountOf(row[0]), semantic.TimeOf(row[1]), semantic.TextOf(row[2]),
			semantic.CountOf(row[3]), semantic.CountOf(row[4]), semantic.TextOf(row[5]),
		})
		if j == 0 {
			text = semantic.TextOf(row[6])
		}
	}
	d.Answer = checkAnswer(d.CheckInfo)
	d.Pages = c.def.Readers(c.relationName(d.Table))
	query, note := "", "Nothing is published yet."
	if c.version.Version != nil {
		query, note = c.version.FailingSQL(text)
	}
	d.RowsNote = note
	if d.Severity == "quarantine" || query == "" {
		d.RowsLink = "/quarantine?check=" + semantic.EscapeQuery(name) + "&state=all"
	}
	if c.user.has(RoleData) {
		d.SQL = text
	}
	if query == "" {
		return d, "", nil
	}
	if err := c.sample(ctx, d, query); err != nil {
		d.RowsNote = "The published version cannot be asked this: " + semantic.FirstLine(err.Error())
		return d, "", nil
	}
	d.Exports = semantic.ExportLinks("/api/v1/checks/" + name)
	return d, query, nil
}

// sample reads the first failing rows; what the run that published this version has seen to be none is not looked for.
func (c *request) sample(ctx context.Context, d *CheckData, query string) error {
	newest := c.version.Run == d.History[0].Run && d.Severity != "quarantine"
	if newest && d.Status == "pass" && d.Failing == 0 {
		d.RowsNote = fmt.Sprintf("No row fails: run %d, which published this version, has looked.", c.version.Run)
		return nil
	}
	if !newest {
		d.RowsNote = "As the published version has it; quarantined rows are not in it."
	}
	got, err := c.version.Failing(ctx, query)
	if err != nil {
		return err
	}
	d.Columns, d.Rows, d.Total, d.Whose = got.Columns, got.Rows, got.Total, got.Whose
	return nil
}

// relationName finds a model's table by the name that checks use.
func (c *request) relationName(node string) string {
	if c.version.Version == nil {
		return node
	}
	for _, name := range c.version.Names {
		if strings.HasSuffix(name, "."+node) {
			return name
		}
	}
	return node
}

func checkAnswer(c CheckInfo) string {
	switch {
	case c.Status == "pass" && c.Failing == 0:
		return fmt.Sprintf("Passed: none of %s fails.", semantic.PluralText(c.Tested, "row"))
	case c.Status == "not_applicable":
		return "It did not apply to the newest run."
	}
	text := fmt.Sprintf("%s of %s fail (%s)", semantic.CountText(c.Failing), semantic.PluralText(c.Tested, "row"),
		semantic.PercentText(c.Share))
	switch c.Delta {
	case "new":
		text += "; this is new"
	case "persisting":
		text += fmt.Sprintf("; since run %d", c.FirstSeen)
	}
	return text + "."
}
