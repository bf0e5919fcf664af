package model

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeline/change"
	"lifeline/jinja"
	"lifeline/project"
)

// place is where a test stands.
func place(t *project.Test) string { return fmt.Sprintf("%s:%d", t.File, t.Line) }

// configureTests takes the configuration that tests give in their SQL, by config(), and switches off those on what is switched off.
func (g *Graph) configureTests() error {
	for _, name := range slices.Sorted(maps.Keys(g.byName)) {
		n := g.byName[name]
		if n.Kind != KindModel {
			continue
		}
		config := n.Config
		config.Materialized = cmp.Or(config.Materialized, View)
		if err := g.project.SettleContract(n.Model, config); err != nil {
			return err
		}
	}
	for _, t := range g.project.Tests {
		if n, ok := g.byName[t.Node]; ok && n.Config.Disabled {
			t.Disabled = true
		}
		if t.Shipped() || t.Disabled {
			continue
		}
		h := g.finding(&Node{Name: t.Name, Path: t.File}, edges{}, false)
		h.node, h.get = nil, nil
		set := t.Configure
		if t.Kind != project.Singular {
			set = t.Default // What the YAML file says of this one test stands over what the test says of itself.
		}
		h.config = func(key string, v any) error {
			known, err := set(key, v)
			if err == nil && !known {
				g.project.Ignore("config."+key, t.File)
			}
			return err
		}
		sql := t.SQL
		if t.Kind != project.Singular {
			args, extra := testArguments(t, &relation{"model", nil})
			sql, h.extra = "{{ "+testMacro(t)+"("+args+") }}", extra
		}
		if _, err := g.renderer.render(t.File, sql, h); err != nil && !t.Disabled {
			return at(place(t), t.File, err)
		}
	}
	return nil
}

// testArguments are the arguments of the macro that a project's own generic test is, and the names that they stand under.
func testArguments(t *project.Test, on jinja.Value) (string, map[string]any) {
	args, extra := []string{"model=model"}, map[string]any{"model": on}
	if t.Column != "" {
		args, extra["column_name"] = append(args, "column_name=column_name"), t.Column
	}
	for _, name := range slices.Sorted(maps.Keys(t.Args)) {
		args, extra["arg_"+name] = append(args, name+"=arg_"+name), t.Args[name]
	}
	return strings.Join(args, ", "), extra
}

// checkTests refuses tests that would never run.
func (g *Graph) checkTests() error {
	refuse := func(t *project.Test, what, try string) error {
		return &change.Problem{Err: fmt.Errorf("test %s %s", t.Name, what), Where: place(t), Class: change.ClassUsage, Try: try}
	}
	for _, t := range g.project.Tests {
		if t.Disabled {
			continue
		}
		n := g.byName[t.Node]
		switch {
		case n != nil && n.Materialized == Ephemeral:
			return refuse(t, "is on "+n.Name+", which is ephemeral and has no rows of its own", "materialized: view")
		case t.OnFail != "quarantine":
		case n == nil || n.Kind != KindModel || n.EntityOf == nil:
			return refuse(t, "sends rows to quarantine, but it is not on a model that cleans a source table row for row",
				"meta: {lifeline: {entity_of: TABLE}} on the model, or on_fail: block")
		}
	}
	for _, n := range g.Nodes {
		if n.EntityOf != nil && (n.Materialized == Ephemeral || n.Materialized == Incremental) {
			return &change.Problem{
				Err: fmt.Errorf("model %s cleans the source table %s row for row, which a model that is %s cannot",
					n.Name, n.EntityOf.Name, n.Materialized),
				Where: n.Path, Class: change.ClassUsage, Try: "materialized: table",
			}
		}
	}
	return nil
}
