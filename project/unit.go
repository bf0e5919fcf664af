package project

import "fmt"

// UnitTest is dbt's unit_tests: given rows of what a model reads, the rows that must come of it.
type UnitTest struct {
	Name        string
	Model       string
	Description string
	Given       []Fixture
	Expect      Fixture        // Its Input is empty.
	Vars        map[string]any // overrides.vars.
	Env         map[string]any // overrides.env_vars.
	Macros      map[string]any // overrides.macros, such as is_incremental: true.
	Disabled    bool
	File        string
	Line        int
}

// Fixture is a relation's rows in a unit test.
type Fixture struct {
	Input   string           // Such as ref('claims') or source('carepay', 'claim').
	Format  string           // dict (the default), csv or sql.
	Rows    []map[string]any // Of format dict.
	Text    string           // Of format csv or sql.
	Fixture string           // The name of a file with the rows, in place of them.
}

func (p *Project) readUnitTest(o *object) error {
	u := &UnitTest{File: o.file}
	var config, overrides map[string]any
	if err := firstError(o.text("name", &u.Name), o.text("model", &u.Model), o.text("description", &u.Description),
		o.dict("config", &config), o.dict("overrides", &overrides)); err != nil {
		return err
	}
	if u.Name == "" {
		return o.value.problem("a unit test without a name", "name: what_must_hold")
	}
	u.Line = o.value.firstLine()
	if p.Model(u.Model) == nil {
		return o.value.problem(fmt.Sprintf("unit test %q is of model %q, which does not exist", u.Name, u.Model), orElse(Nearest(u.Model, p.names()), "model: claims"))
	}
	for _, k := range sortedKeys(overrides) {
		m, ok := overrides[k].(map[string]any)
		if !ok {
			return o.value.problem(fmt.Sprintf("overrides.%s is no mapping", k), k+": {name: value}")
		}
		switch k {
		case "vars":
			u.Vars = m
		case "env_vars":
			u.Env = m
		case "macros":
			u.Macros = m
		default:
			return o.value.problem(fmt.Sprintf("unknown key %q under overrides", k), orElse(Nearest(k, []string{"vars", "env_vars", "macros"}), "vars, env_vars or macros"))
		}
	}
	u.Disabled = config["enabled"] == false
	if err := o.each("given", func(g *object) error {
		f, err := readFixture(p, g)
		if err == nil && f.Input == "" {
			err = g.value.problem("given rows without an input", "input: ref('claims')")
		}
		u.Given = append(u.Given, f)
		return err
	}); err != nil {
		return err
	}
	v, ok := o.take("expect")
	if !ok {
		return o.value.problem(fmt.Sprintf("unit test %q expects nothing", u.Name), "expect: {rows: [{id: 1}]}")
	}
	expect, err := v.object()
	if err != nil {
		return err
	}
	if u.Expect, err = readFixture(p, expect); err != nil {
		return err
	}
	p.UnitTests = append(p.UnitTests, u)
	return o.finish(p, "versions", "tags")
}

func readFixture(p *Project, o *object) (Fixture, error) {
	f := Fixture{Format: "dict"}
	if err := firstError(o.text("input", &f.Input), o.text("format", &f.Format), o.text("fixture", &f.Fixture)); err != nil {
		return f, err
	}
	if !contains([]string{"dict", "csv", "sql"}, f.Format) {
		return f, o.value.problem(fmt.Sprintf("format %q is none of dict, csv and sql", f.Format), "format: dict")
	}
	if v, ok := o.take("rows"); ok && f.Format != "dict" {
		text, err := v.text()
		if err != nil {
			return f, err
		}
		f.Text = text
	} else if ok {
		items, err := v.list()
		if err != nil {
			return f, err
		}
		for _, item := range items {
			x, err := item.any()
			if err != nil {
				return f, err
			}
			row, ok := x.(map[string]any)
			if !ok {
				return f, item.problem("a row is a mapping of columns to values", "- {id: 1, status: draft}")
			}
			f.Rows = append(f.Rows, row)
		}
	}
	return f, o.finish(p)
}
