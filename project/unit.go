package project

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

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

func (p *Project) readUnitTest(o *Object) error {
	u := &UnitTest{File: o.file}
	var config, overrides map[string]any
	if err := firstError(o.Text("name", &u.Name), o.Text("model", &u.Model), p.describe(o, &u.Description),
		o.Dict("config", &config), o.Dict("overrides", &overrides)); err != nil {
		return err
	}
	if u.Name == "" {
		return o.Value.Problem("a unit test without a name", "name: what_must_hold")
	}
	u.Line = o.Value.firstLine()
	if p.Model(u.Model) == nil {
		return o.Value.Problem(fmt.Sprintf("unit test %q is of model %q, which does not exist", u.Name, u.Model),
			cmp.Or(Nearest(u.Model, p.NodeNames()), "model: claims"))
	}
	for _, k := range slices.Sorted(maps.Keys(overrides)) {
		m, ok := overrides[k].(map[string]any)
		if !ok {
			return o.Value.Problem(fmt.Sprintf("overrides.%s is not a mapping", k), k+": {name: value}")
		}
		switch k {
		case "vars":
			u.Vars = m
		case "env_vars":
			u.Env = m
		case "macros":
			u.Macros = m
		default:
			return o.Value.Problem(fmt.Sprintf("unknown key %q under overrides", k),
				cmp.Or(Nearest(k, []string{"vars", "env_vars", "macros"}), "vars, env_vars or macros"))
		}
	}
	u.Disabled = config["enabled"] == false
	if err := o.Each("given", func(g *Object) error {
		f, err := readFixture(p, g)
		if err == nil && f.Input == "" {
			err = g.Value.Problem("given rows without an input", "input: ref('claims')")
		}
		u.Given = append(u.Given, f)
		return err
	}); err != nil {
		return err
	}
	v, ok := o.Take("expect")
	if !ok {
		return o.Value.Problem(fmt.Sprintf("unit test %q expects nothing", u.Name), "expect: {rows: [{id: 1}]}")
	}
	expect, err := v.Object()
	if err != nil {
		return err
	}
	if u.Expect, err = readFixture(p, expect); err != nil {
		return err
	}
	p.UnitTests = append(p.UnitTests, u)
	return o.Finish(p, "versions", "tags")
}

func readFixture(p *Project, o *Object) (Fixture, error) {
	f := Fixture{Format: "dict"}
	if err := firstError(o.Text("input", &f.Input), o.Text("format", &f.Format), o.Text("fixture", &f.Fixture)); err != nil {
		return f, err
	}
	if !contains([]string{"dict", "csv", "sql"}, f.Format) {
		return f, o.Value.Problem(fmt.Sprintf("format %q must be dict, csv or sql", f.Format), "format: dict")
	}
	if v, ok := o.Take("rows"); ok && f.Format != "dict" {
		text, err := v.Text()
		if err != nil {
			return f, err
		}
		f.Text = text
	} else if ok {
		items, err := v.List()
		if err != nil {
			return f, err
		}
		for _, item := range items {
			x, err := item.Any()
			if err != nil {
				return f, err
			}
			row, ok := x.(map[string]any)
			if !ok {
				return f, item.Problem("a row is a mapping of columns to values", "- {id: 1, status: draft}")
			}
			f.Rows = append(f.Rows, row)
		}
	}
	return f, o.Finish(p)
}
