package project

import (
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Singular is the kind of a test that is a SQL file of its own.
const Singular = "singular"

// TestKinds are the generic tests that are known, with the arguments each may have. quality compiles them; quality/check_test.go holds both
// lists together.
var TestKinds = map[string][]string{
	"not_null":        {},
	"unique":          {},
	"accepted_values": {"values", "quote"},
	"relationships":   {"to", "field"},

	"dbt_utils.expression_is_true":            {"expression"},
	"dbt_utils.unique_combination_of_columns": {"combination_of_columns"},
	"dbt_utils.accepted_range":                {"min_value", "max_value", "inclusive"},
	"dbt_utils.not_null_proportion":           {"at_least", "at_most"},
	"dbt_utils.at_least_one":                  {},
	"dbt_utils.not_constant":                  {},
	"dbt_utils.not_accepted_values":           {"values", "quote"},
	"dbt_utils.not_empty_string":              {"trim_whitespace"},
	"dbt_utils.equal_rowcount":                {"compare_model"},
	"dbt_utils.fewer_rows_than":               {"compare_model"},
	"dbt_utils.relationships_where":           {"to", "field", "from_condition", "to_condition"},
	"dbt_utils.recency":                       {"datepart", "field", "interval"},
	"dbt_utils.sequential_values":             {"interval"},

	"lifeline.cast_failure":      {"of", "key", "column", "count_only"},
	"lifeline.column_shift":      {"among"},
	"lifeline.column_went_empty": {"columns", "at_least"},
	"lifeline.control_chars":     {},
	"lifeline.date_floor":        {"min"},
	"lifeline.future_date":       {"hours"},
	"lifeline.mass_delete":       {},
	"lifeline.night_share":       {"offset", "from", "until"},
	"lifeline.null_literals":     {"words"},
	"lifeline.partial_date":      {"count_only"},
	"lifeline.present":           {},
	"lifeline.quarantine_rate":   {"of"},
	"lifeline.same_as":           {"parent", "field", "key", "column"},
	"lifeline.time_order":        {"earlier", "later", "tolerance", "parent", "field", "key"},
	"lifeline.volume":            {"days", "weeks", "width", "incidents"},
	"lifeline.zero_date":         {"count_only"},

	"dbt_expectations.expect_column_values_to_not_be_null":                     {"row_condition"},
	"dbt_expectations.expect_column_values_to_be_null":                         {"row_condition"},
	"dbt_expectations.expect_column_values_to_be_unique":                       {"row_condition"},
	"dbt_expectations.expect_column_values_to_be_in_set":                       {"value_set", "quote_values", "row_condition"},
	"dbt_expectations.expect_column_values_to_not_be_in_set":                   {"value_set", "quote_values", "row_condition"},
	"dbt_expectations.expect_column_values_to_be_between":                      {"min_value", "max_value", "strictly", "row_condition"},
	"dbt_expectations.expect_column_values_to_match_regex":                     {"regex", "row_condition"},
	"dbt_expectations.expect_column_values_to_not_match_regex":                 {"regex", "row_condition"},
	"dbt_expectations.expect_column_value_lengths_to_be_between":               {"min_value", "max_value", "row_condition"},
	"dbt_expectations.expect_column_pair_values_A_to_be_greater_than_B":        {"column_A", "column_B", "or_equal", "row_condition"},
	"dbt_expectations.expect_column_pair_values_to_be_equal":                   {"column_A", "column_B", "row_condition"},
	"dbt_expectations.expect_compound_columns_to_be_unique":                    {"column_list", "row_condition"},
	"dbt_expectations.expect_table_row_count_to_be_between":                    {"min_value", "max_value"},
	"dbt_expectations.expect_table_row_count_to_equal":                         {"value"},
	"dbt_expectations.expect_table_row_count_to_equal_other_table":             {"compare_model"},
	"dbt_expectations.expect_column_proportion_of_unique_values_to_be_between": {"min_value", "max_value"},
}

var (
	testBlock   = regexp.MustCompile(`\{%-?\s*test\s+(\w+)\s*\(([^)]*)\)`)
	notNameChar = regexp.MustCompile(`[^a-zA-Z0-9_]+`)
)

// Shipped tells whether the test is one that the program brings, rather than the project's own.
func (t *Test) Shipped() bool {
	_, ok := TestKinds[t.Kind]
	return ok && !t.Own
}

// readSingularTests reads the SQL files of the test paths; those of generic/ define tests and are macros.
func (p *Project) readSingularTests() error {
	files, err := p.Files(p.paths.tests, ".sql")
	if err != nil {
		return err
	}
	for _, f := range files {
		if p.isGeneric(f) {
			continue
		}
		sql, err := p.read(f)
		if err != nil {
			return err
		}
		t := &Test{Name: baseName(f), Kind: Singular, SQL: sql, Severity: "error", File: f, Line: 1}
		p.Tests = append(p.Tests, t)
		if err := p.testFolders(t); err != nil {
			return err
		}
	}
	return nil
}

// isGeneric tells whether a file of the test paths defines generic tests rather than being one test.
func (p *Project) isGeneric(file string) bool {
	for _, root := range p.paths.tests {
		if strings.HasPrefix(file, root+"/generic/") {
			return true
		}
	}
	return false
}

// Unique are the columns whose values together tell the rows apart where the test passes; none for a test that says nothing of it.
func (t *Test) Unique() []string {
	if t.Where != "" || t.Args["row_condition"] != nil {
		return nil
	}
	switch t.Kind {
	case "unique", "dbt_expectations.expect_column_values_to_be_unique":
		return []string{t.Column}
	case "dbt_utils.unique_combination_of_columns":
		return textsOf(t.Args["combination_of_columns"])
	case "dbt_expectations.expect_compound_columns_to_be_unique":
		return textsOf(t.Args["column_list"])
	}
	return nil
}

// ownTests are the generic tests that the project defines itself, with their arguments.
func (p *Project) ownTests() map[string][]string { return testsIn(p.Macros) }

func testsIn(macros []*Macro) map[string][]string {
	out := map[string][]string{}
	for _, m := range macros {
		for _, block := range testBlock.FindAllStringSubmatch(m.SQL, -1) {
			var args []string
			for _, a := range strings.Split(block[2], ",") {
				name, _, _ := strings.Cut(strings.TrimSpace(a), "=")
				if name = strings.TrimSpace(name); name != "" && name != "model" && name != "column_name" {
					args = append(args, name)
				}
			}
			out[block[1]] = args
		}
	}
	return out
}

// readTests reads data_tests (or the older tests) of a node or one of its columns.
func (p *Project) readTests(o *Object, node, column string) error {
	for _, key := range []string{"data_tests", "tests"} {
		v, ok := o.Take(key)
		if !ok {
			continue
		}
		items, err := v.List()
		if err != nil {
			return err
		}
		for _, item := range items {
			if err := p.readTest(item, node, column); err != nil {
				return err
			}
		}
	}
	return nil
}

// readTest takes the three forms: `- unique`, `- accepted_values: {…}` and `- {name: …, test_name: …}`.
func (p *Project) readTest(v Value, node, column string) error {
	t := &Test{Node: node, Column: column, Severity: "error", File: v.file, Line: v.Line(), Args: map[string]any{}}
	settings := &Object{file: v.file, Value: v}
	if kind, err := v.Text(); err == nil {
		t.Kind = kind
	} else {
		o, err := v.Object()
		if err != nil {
			return err
		}
		t.Line = o.Fields[0].Key.Line()
		if form, ok := o.Take("test_name"); ok {
			if t.Kind, err = form.Text(); err != nil {
				return err
			}
			settings = o
		} else {
			if len(o.Fields) != 1 {
				return v.Problem("a test is its name, or one name: with its arguments below", "- accepted_values: {values: [a, b]}")
			}
			t.Kind = o.Fields[0].Name
			if settings, err = o.Fields[0].Value.Object(); err != nil {
				return err
			}
		}
	}
	t.Kind = strings.TrimPrefix(t.Kind, "dbt.")
	// A project's own test of the name of a shipped one stands over it, as in dbt.
	own := p.ownTests()
	known, ok := own[t.Kind]
	if t.Own = ok; !ok {
		packed, installed := p.packageTests()[t.Kind]
		known, ok = TestKinds[t.Kind]
		switch {
		case installed && (!ok || !settings.argumentsAmong(known)):
			t.Own, known = true, packed // The package's own, where it takes more than what is built in.
		case !ok:
			return Value{v.file, v.node}.unknownTest(t.Kind, own)
		}
	}
	if t.Column == "" {
		// A test of a whole model may name its column as an argument.
		if err := settings.argumentText("column_name", &t.Column); err != nil {
			return err
		}
	}
	if err := firstError(settings.Text("name", &t.Name), p.describe(settings, &t.Description),
		t.readSettings(p, settings), t.readArgs(settings, known), settings.Finish(p)); err != nil {
		return err
	}
	if t.Named = t.Name != ""; !t.Named {
		t.Name = t.autoName()
	}
	t.full = t.Name
	p.Tests = append(p.Tests, t)
	return p.testFolders(t)
}

// argumentText reads an argument of a test, at its own level or below arguments.
func (o *Object) argumentText(name string, set *string) error {
	if err := o.Text(name, set); err != nil || *set != "" {
		return err
	}
	for _, f := range o.Fields {
		if f.Name != "arguments" {
			continue
		}
		inner, err := f.Value.Object()
		if err != nil {
			return nil
		}
		return inner.Text(name, set)
	}
	return nil
}

// argumentsAmong tells whether a test has no arguments but known ones and settings.
func (o *Object) argumentsAmong(known []string) bool {
	among := func(o *Object) bool {
		for _, f := range o.Fields {
			if !contains(known, f.Name) && !contains(testConfigKeys, f.Name) && !testConfigIgnored[f.Name] &&
				!contains([]string{"name", "description", "config", "arguments", "test_name", "column_name"}, f.Name) {
				return false
			}
		}
		return true
	}
	for _, f := range o.Fields {
		if f.Name == "arguments" {
			if inner, err := f.Value.Object(); err == nil && !among(inner) {
				return false
			}
		}
	}
	return among(o)
}

// ofPackage are the tests that are known of a package.
func ofPackage(name string) []string {
	var out []string
	for _, kind := range slices.Sorted(maps.Keys(TestKinds)) {
		if strings.HasPrefix(kind, name+".") {
			out = append(out, kind)
		}
	}
	if out == nil {
		return []string{"dbt's four tests", "those of dbt_utils", "those of dbt_expectations"}
	}
	return out
}

func (v Value) unknownTest(kind string, own map[string][]string) error {
	var names []string
	for k := range TestKinds {
		names = append(names, k)
	}
	for k := range own {
		names = append(names, k)
	}
	try := slip(kind, names)
	if pack, _, ok := strings.Cut(kind, "."); ok && try == "" {
		try = "a SQL file in tests/, or one of " + strings.Join(ofPackage(pack), ", ")
	}
	if try == "" {
		own := notNameChar.ReplaceAllString(kind, "_")
		try = "one of dbt's four tests, dbt_utils, dbt_expectations, or {% test " + own + "(model, column_name) %} in tests/generic"
	}
	return v.Problem(fmt.Sprintf("unknown test %q", kind), try)
}

// readSettings reads what every test may have: at its own level as in older dbt, or below config.
func (t *Test) readSettings(p *Project, o *Object) error {
	for _, key := range []string{"severity", "warn_if", "error_if", "where", "enabled", "tags", "meta", "limit", "fail_calc"} {
		if v, ok := o.Take(key); ok {
			if err := t.readSetting(p, key, v, o.Value); err != nil {
				return err
			}
		}
	}
	for key := range testConfigIgnored {
		if v, ok := o.Take(key); ok {
			p.ignore(key, v.Where())
		}
	}
	v, ok := o.Take("config")
	if !ok {
		return nil
	}
	config, err := v.Object()
	if err != nil {
		return err
	}
	for _, f := range config.Fields {
		if err := t.readSetting(p, f.Name, f.Value, f.Key); err != nil {
			return err
		}
	}
	return nil
}

// readSetting puts one configuration value of a YAML file over the test's.
func (t *Test) readSetting(p *Project, key string, v, at Value) error {
	x, err := v.Any()
	if err != nil {
		return err
	}
	if key != "where" && key != "meta" { // Those may hold Jinja for later.
		if x, err = p.expandAll(x); err != nil {
			return v.Problem(err.Error(), expandTry)
		}
	}
	known, err := t.Configure(key, x)
	if err != nil {
		return at.Problem(err.Error(), hint(err, testTry(key)))
	}
	if !known {
		p.ignore("config."+key, at.Where())
	}
	return nil
}

// readHold reads how long a late parent is waited for: days, or what Go calls a duration.
func (t *Test) readHold(text string) error {
	if text == "" {
		return nil
	}
	var err error
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n float64
		n, err = strconv.ParseFloat(days, 64)
		t.Hold = time.Duration(n * 24 * float64(time.Hour))
	} else {
		t.Hold, err = time.ParseDuration(text)
	}
	if err != nil || t.Hold < 0 {
		return hinted{fmt.Errorf("hold %q is not a length of time", text), "hold: 2d, or hold: 36h"}
	}
	if t.OnFail != "quarantine" || !strings.Contains(t.Kind, "relationships") {
		return hinted{errors.New("hold is for relationships tests with on_fail: quarantine"), "take it out"}
	}
	return nil
}

// readArgs reads a test's arguments, at its own level or below arguments as in newer dbt.
func (t *Test) readArgs(o *Object, known []string) error {
	from := []*Object{o}
	if v, ok := o.Take("arguments"); ok {
		inner, err := v.Object()
		if err != nil {
			return err
		}
		inner.Take("column_name") // Read before.
		from = append(from, inner)
	}
	for _, level := range from {
		for _, name := range known {
			v, ok := level.Take(name)
			if !ok {
				continue
			}
			x, err := v.Any()
			if err != nil {
				return err
			}
			t.Args[name] = x
		}
	}
	if len(from) == 2 {
		if rest := from[1].Rest(); len(rest) > 0 {
			return rest[0].Key.Problem(fmt.Sprintf("test %q has no argument %q", t.Kind, rest[0].Name),
				cmp.Or(Nearest(rest[0].Name, known), "take it out"))
		}
	}
	return nil
}

// longestName is how long a name may get that is made up: beyond it an eye finds nothing in a report.
const longestName = 100

// FullName is a test's name as dbt gives it, however long.
func (t *Test) FullName() string {
	if t.Named || t.Kind == Singular {
		return cmp.Or(t.full, t.Name)
	}
	return t.fullName()
}

// autoName names a test as dbt does. Where that gets very long the end of it gives way to a digest.
func (t *Test) autoName() string {
	name := t.fullName()
	if len(name) <= longestName {
		return name
	}
	sum := md5.Sum([]byte(name))
	digest := hex.EncodeToString(sum[:4])
	return strings.TrimRight(name[:longestName-len(digest)-1], "_") + "_" + digest
}

// fullName is made of the kind, the node, then column and arguments in the order of their names.
func (t *Test) fullName() string {
	front := strings.ReplaceAll(t.Kind, ".", "_") + "_" + strings.ReplaceAll(t.Node, ".", "_")
	if strings.Contains(t.Node, ".") {
		front = "source_" + front
	}
	args := map[string]any{}
	for k, v := range t.Args {
		args[k] = v
	}
	if t.Column != "" {
		args["column_name"] = t.Column
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(args)) {
		for _, part := range flat(args[k]) {
			parts = append(parts, notNameChar.ReplaceAllString(part, "_"))
		}
	}
	return front + "_" + strings.Join(parts, "__")
}

// flat is an argument as Python would write each of its parts.
func flat(v any) []string {
	var out []string
	switch v := v.(type) {
	case nil:
		return []string{"None"}
	case bool:
		return []string{map[bool]string{true: "True", false: "False"}[v]}
	case []any:
		for _, e := range v {
			out = append(out, flat(e)...)
		}
		return out
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out = append(out, flat(v[k])...)
		}
		return out
	}
	return []string{textOf(v)}
}
