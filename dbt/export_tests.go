package dbt

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"lifeline/model"
	"lifeline/project"
	"lifeline/quality"
)

// relations names nodes for compiled checks: as dbt refers to them. Checks of an entity that is not filtered yet look at its candidate.
func (e *Export) relations(candidateOf string) quality.Relations {
	name := func(n *model.Node) string {
		if n.Kind != model.KindSource && n.Name == candidateOf {
			return e.marks.of("{{ ref('" + n.Name + candidateSuffix + "') }}")
		}
		return e.referred(n)
	}
	return quality.Relations{
		Node: func(node string) (string, bool) {
			n, err := e.graph.Tested(&project.Test{Node: node})
			if err != nil {
				return "", false
			}
			return name(n), true
		},
		Ref: func(text string) (string, string, error) {
			n, err := e.graph.Refers(text)
			if err != nil {
				return "", "", err
			}
			return name(n), n.Name, nil
		},
	}
}

// compile makes a check of a shipped test, in the words of dbt.
func (e *Export) compile(t *project.Test, candidateOf string) (quality.Check, error) {
	rel := e.relations(candidateOf)
	resolved, err := e.graph.Resolve(t, model.Env{Relation: func(n *model.Node) string {
		name, _ := rel.Node(nodeName(n)) // Every node of the graph has one.
		return name
	}})
	if err != nil {
		return quality.Check{}, err
	}
	return quality.Compile(resolved, rel)
}

func nodeName(n *model.Node) string {
	if n.Kind == model.KindSource {
		return n.Source.Source + "." + n.Name
	}
	return n.Name
}

// quarantineChecks are the checks whose failing rows an entity may not hold.
func (e *Export) quarantineChecks(n *model.Node) ([]quality.Check, error) {
	var out []quality.Check
	for _, t := range e.project.Tests {
		if t.Disabled || t.Node != n.Name || t.OnFail != string(quality.Quarantine) {
			continue
		}
		if !t.Shipped() {
			return nil, refuse(place(t), fmt.Sprintf("%s quarantines rows by a test of the project's own", t.Name), "on_fail: flag")
		}
		c, err := e.compile(t, n.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func place(t *project.Test) string { return fmt.Sprintf("%s:%d", t.File, t.Line) }

// runs tells whether a test is one that a run evaluates.
func (e *Export) runs(t *project.Test) bool {
	if t.Disabled {
		return false
	}
	if t.Node == "" {
		return true
	}
	n, err := e.graph.Tested(t)
	return err == nil && n.Materialized != model.Ephemeral && !n.Config.Disabled
}

// tests writes each check as a file of SQL that gives the bad rows.
func (e *Export) tests() error {
	for _, t := range e.project.Tests {
		if !e.runs(t) {
			continue
		}
		e.Tests++
		if t.Kind == project.Singular {
			e.singular(t)
			continue
		}
		if !t.Shipped() {
			continue // It stands in its node's schema file.
		}
		candidate := ""
		if t.OnFail == string(quality.Quarantine) {
			candidate = t.Node
		}
		c, err := e.compile(t, candidate)
		if err != nil {
			return err
		}
		if !c.Portable() {
			e.Tests--
			e.note("tests of %s are left out: they compare with earlier runs, which dbt does not keep", t.Kind)
			continue
		}
		e.check(t, &c)
	}
	return nil
}

// singular copies a test that is SQL already.
func (e *Export) singular(t *project.Test) {
	file := e.place(t.File, "tests")
	if path.Ext(file) != ".sql" { // A lifecycle made it.
		file = strings.TrimSuffix(file, path.Ext(file)) + "/" + t.Name + ".sql"
	}
	e.Files[file] = []byte(t.SQL)
	warn, errorIf := thresholds(t)
	config := e.testConfig(severityOf(t), warn, errorIf, "0")
	s := e.in("tests")
	s.tests = append(s.tests, object{
		{"name", t.Name},
		{"description", escapeJinja.Replace(t.Description)},
		{"config", append(config, field{"tags", distinct(t.Tags)})},
	})
}

// thresholds are a test's own; Compile has refused one that cannot be read.
func thresholds(t *project.Test) (warn, errorIf quality.Threshold) {
	warn, _ = quality.ParseThreshold(t.WarnIf)
	errorIf, _ = quality.ParseThreshold(t.ErrorIf)
	return warn, errorIf
}

func severityOf(t *project.Test) quality.Severity {
	switch {
	case t.OnFail != "":
		return quality.Severity(strings.ToLower(t.OnFail))
	case strings.EqualFold(t.Severity, "warn"):
		return quality.Flag
	}
	return quality.Block
}

// testConfig says in dbt's words when a test warns and when it fails. dbt writes the bounds behind the number of failures, so a bound
// that is a condition of its own stands behind `is not null and`.
func (e *Export) testConfig(s quality.Severity, warn, errorIf quality.Threshold, tested string) object {
	bound := func(t quality.Threshold, failing string) string {
		if t.IsDefault() {
			return ""
		}
		condition, whole := t.SQL(failing, tested)
		if !whole {
			e.note("bounds such as 3x are not looked at: dbt keeps no earlier runs, so it knows no usual share")
		}
		return "is not null and (" + condition + ")"
	}
	severity := "error"
	if s == quality.Flag || s == quality.Info || s == quality.Quarantine && errorIf.IsDefault() {
		severity = "warn"
	}
	const failing = "count(*)"
	c := object{{"severity", severity}, {"warn_if", bound(warn, failing)}}
	if s == quality.Info {
		c[1].value = "is null" // It never warns.
	}
	if severity == "error" {
		c = append(c, field{"error_if", bound(errorIf, failing)})
	}
	return c
}

// check writes a shipped test.
func (e *Export) check(t *project.Test, c *quality.Check) {
	config := e.testConfig(c.Severity, c.WarnIf, c.ErrorIf, "coalesce(max(lifeline__tested), 0)")
	sql := c.SQL()
	if tested := c.TestedSQL(); tested == "" {
		// Of a whole table: the two numbers, which dbt adds up like rows.
		sql = "select failing as lifeline__failing, tested as lifeline__tested\nfrom (\n" + sql + "\n) as m (failing, tested)"
		for i := range config {
			if s, ok := config[i].value.(string); ok {
				config[i].value = strings.ReplaceAll(s, "count(*)", "coalesce(max(lifeline__failing), 0)")
			}
		}
		config = append(config, field{"fail_calc", "coalesce(max(lifeline__failing), 0)"})
	} else if !c.WarnIf.IsDefault() || !c.ErrorIf.IsDefault() {
		sql = "select b.*, (" + tested + ") as lifeline__tested\nfrom (\n" + sql + "\n) as b"
	}
	var call []string
	for _, f := range config {
		if s, ok := f.value.(string); ok && s != "" {
			call = append(call, f.name+"="+literal(s).String())
		}
	}
	if tags := distinct(t.Tags); len(tags) > 0 {
		call = append(call, "tags=["+quotedList(tags)+"]")
	}
	folder := strings.ReplaceAll(t.Node, ".", "/")
	e.add("tests/lifeline/"+folder+"/"+t.Name+".sql", "{{ config("+strings.Join(call, ", ")+") }}\n"+e.marks.restore(sql))
	if t.Description != "" {
		s := e.in("tests/lifeline/" + path.Dir(folder+"/x"))
		s.tests = append(s.tests, object{{"name", t.Name}, {"description", escapeJinja.Replace(t.Description)}})
	}
}

// ownTests are a node's generic tests that the project defines itself, for its schema file.
func (e *Export) ownTests(node, column string) []object {
	var out []object
	for _, t := range e.project.Tests {
		if t.Node != node || t.Column != column || t.Kind == project.Singular || t.Shipped() || !e.runs(t) {
			continue
		}
		warn, errorIf := thresholds(t)
		config := e.testConfig(severityOf(t), warn, errorIf, "0")
		out = append(out, object{{t.Kind, object{
			{"name", t.Name},
			{"description", escapeJinja.Replace(t.Description)},
			{"arguments", t.Args},
			{"config", append(config, field{"where", t.Where}, field{"tags", distinct(t.Tags)})},
		}}})
	}
	return out
}

// unitTests writes the unit tests. dbt wants rows, if none, of everything that the model reads.
func (e *Export) unitTests() error {
	for _, u := range e.project.UnitTests {
		if u.Disabled {
			continue
		}
		if lineEnds(u) {
			e.note("unit test %s has a carriage return, or a text that ends a line, which dbt takes out of given rows", u.Name)
			continue
		}
		n, err := e.graph.Tested(&project.Test{Node: u.Model})
		if err != nil {
			return err
		}
		name := u.Model
		if n.EntityOf != nil {
			name += candidateSuffix
		}
		given, err := e.given(u, n)
		if err != nil {
			return err
		}
		expect, err := e.fixture(u.Expect)
		if err != nil {
			return err
		}
		s := e.in(path.Dir(modelFile(n)))
		s.units = append(s.units, object{
			{"name", u.Name},
			{"description", escapeJinja.Replace(u.Description)},
			{"model", name},
			{"given", given},
			{"expect", expect},
			{"overrides", object{{"vars", e.unitVars(u)}, {"env_vars", u.Env}, {"macros", u.Macros}}},
		})
	}
	return nil
}

// lineEnds tells whether a unit test has texts that dbt would change: its templates know one line end, and lose the last.
func lineEnds(u *project.UnitTest) bool {
	for _, f := range append(slices.Clone(u.Given), u.Expect) {
		for _, row := range f.Rows {
			for _, v := range row {
				if s, ok := v.(string); ok && (strings.Contains(s, "\r") || strings.HasSuffix(s, "\n")) {
					return true
				}
			}
		}
	}
	return false
}

// unitVars are a unit test's variables. It does not look at the instants of a run: those that it does not set are the project's own.
func (e *Export) unitVars(u *project.UnitTest) map[string]any {
	asOf, ok := e.project.Vars["as_of"]
	if !ok {
		asOf = time.Time{}.Format(time.DateTime)
	}
	vars := map[string]any{"as_of": asOf, "snapshot_at": asOf}
	for _, given := range []map[string]any{e.project.Vars, u.Vars} {
		for _, name := range slices.Sorted(maps.Keys(given)) {
			if name == "as_of" && u.Vars["snapshot_at"] == nil && e.project.Vars["snapshot_at"] == nil {
				vars["snapshot_at"] = given[name]
			}
			if name == "as_of" || name == "snapshot_at" || u.Vars[name] != nil {
				vars[name] = given[name]
			}
		}
	}
	return vars
}

func (e *Export) given(u *project.UnitTest, n *model.Node) ([]object, error) {
	var out []object
	seen := map[*model.Node]bool{}
	for _, f := range u.Given {
		o, err := e.fixture(f)
		if err != nil {
			return nil, err
		}
		if f.Input != "this" {
			d, err := e.graph.Refers(f.Input)
			if err != nil {
				return nil, err
			}
			seen[d] = true
		}
		out = append(out, append(object{{"input", f.Input}}, o...))
	}
	for _, d := range n.DependsOn {
		if seen[d] || d.Materialized == model.Ephemeral {
			continue
		}
		if d.Kind == model.KindSeed {
			out = append(out, object{{"input", "ref('" + d.Name + "')"}, {"rows", seedRows(d.Seed)}})
			continue
		}
		input := "ref('" + d.Name + "')"
		if d.Kind == model.KindSource {
			input = fmt.Sprintf("source('%s', '%s')", d.Source.Source, d.Name)
		}
		out = append(out, object{{"input", input}, {"rows", emptyRows{}}})
	}
	return out, nil
}

// seedRows are a seed as rows: dbt would take its blanks for empty texts.
func seedRows(s *project.Seed) any {
	if len(s.Rows) == 0 {
		return emptyRows{}
	}
	rows := make([]any, len(s.Rows))
	for i, cells := range s.Rows {
		row := object{}
		for j, c := range s.Columns {
			if cells[j] == nil {
				row = append(row, field{c.Name, nothing{}})
				continue
			}
			row = append(row, field{c.Name, *cells[j]})
		}
		rows[i] = row
	}
	return rows
}

// nothing is a value that is said to be null.
type nothing struct{}

func (nothing) String() string { return "null" }

// emptyRows are rows that are said to be none.
type emptyRows struct{}

func (emptyRows) String() string { return "[]" }

func (e *Export) fixture(f project.Fixture) (object, error) {
	text := f.Text
	if f.Fixture != "" {
		var err error
		name := strings.TrimSuffix(f.Fixture, "."+f.Format) + "." + f.Format
		if text, err = e.readText("tests/fixtures/" + path.Base(name)); err != nil {
			return nil, err
		}
	}
	if f.Format != "dict" {
		return object{{"format", f.Format}, {"rows", text}}, nil
	}
	if len(f.Rows) == 0 {
		return object{{"rows", emptyRows{}}}, nil
	}
	rows := make([]any, len(f.Rows))
	for i, r := range f.Rows {
		rows[i] = r
	}
	return object{{"rows", rows}}, nil
}
