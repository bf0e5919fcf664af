package project

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"lifeline/change"
)

// readSchemas reads the YAML files below the model, seed and test paths.
func (p *Project) readSchemas() error {
	folders := append(append(append([]string{}, p.paths.models...), p.paths.seeds...), p.paths.tests...)
	files, err := p.Files(append(folders, p.paths.macros...), ".yml", ".yaml")
	if err != nil {
		return err
	}
	for _, f := range files {
		o, err := ReadYAML(p.Dir, f)
		if err != nil {
			return err
		}
		if err := p.readSchema(o); err != nil {
			return err
		}
	}
	return nil
}

func (p *Project) readSchema(o *Object) error {
	o.Take("version")
	if v, ok := o.Take("snapshots"); ok {
		return v.Problem("snapshots are not supported", "take them out of this project")
	}
	return firstError(
		o.Each("sources", p.readSource),
		o.Each("models", p.readModelPatch),
		o.Each("seeds", p.readSeedPatch),
		o.Each("data_tests", p.readTestPatch),
		o.Each("unit_tests", p.readUnitTest),
		o.Finish(p, "macros", "exposures", "metrics", "groups", "analyses", "tests", "semantic_models", "saved_queries"),
	)
}

func (p *Project) readSource(o *Object) error {
	var all SourceTable
	var description string
	var meta, config map[string]any
	if err := firstError(o.Text("name", &all.Source), p.expanded(o, "schema", &all.Schema), p.describe(o, &description),
		all.readFreshness(p, o, &meta, &config)); err != nil {
		return err
	}
	if all.Source == "" {
		return o.Value.Problem("a source without a name", "name: carepay")
	}
	if _, err := lifelineMeta(o, meta); err != nil {
		return err
	}
	if all.Schema != "" && all.Schema != Staging {
		schema, _ := o.Take("schema")
		p.ignore("schema (source tables land in "+Staging+")", schema.Where())
	}
	if on, ok := config["enabled"]; ok {
		on, err := truth("enabled", on)
		if err != nil {
			return o.Value.explained(err)
		}
		all.disabled = !on
	}
	if err := o.Each("tables", func(t *Object) error { return p.readSourceTable(t, all) }); err != nil {
		return err
	}
	o.Take("quoting") // How dbt quotes names; here every name is quoted that needs it.
	return o.Finish(p, "database", "loader", "tags", "overrides")
}

// readSourceTable reads one table; all holds what the source says of each.
func (p *Project) readSourceTable(o *Object, all SourceTable) error {
	t := &all
	t.Where, t.Schema = o.Value.Where(), Staging
	var meta, config map[string]any
	if err := firstError(o.Text("name", &t.Name), p.expanded(o, "identifier", &t.Identifier), p.describe(o, &t.Description),
		t.readFreshness(p, o, &meta, &config)); err != nil {
		return err
	}
	if t.Name == "" {
		return o.Value.Problem("a source table without a name", "name: claim")
	}
	if t.Identifier == "" {
		t.Identifier = t.Name
	}
	if err := t.readMeta(o, meta); err != nil {
		return err
	}
	node := t.Source + "." + t.Name
	if on, ok := config["enabled"]; ok {
		on, err := truth("enabled", on)
		if err != nil {
			return o.Value.explained(err)
		}
		t.disabled = !on
	}
	if t.disabled {
		return nil // It is not there for anybody, nor are its tests.
	}
	for _, other := range p.Sources {
		if other.Name != t.Name {
			continue
		}
		if other.Source == t.Source {
			return o.Value.Problem(fmt.Sprintf("source table %q is declared twice", node), "take one out")
		}
		return o.Value.Problem(fmt.Sprintf("source tables %s.%s and %s would both land as %s.%s",
			other.Source, other.Name, node, Staging, t.Name),
			fmt.Sprintf("- {name: %s_%s, identifier: %s}", t.Source, t.Name, t.Identifier))
	}
	columns, err := p.readColumns(o, node)
	if err != nil {
		return err
	}
	t.Columns = columns
	if err := p.readTests(o, node, ""); err != nil {
		return err
	}
	p.Sources = append(p.Sources, t)
	o.Take("quoting")
	return o.Finish(p, "loaded_at_query", "tags", "external")
}

// readFreshness reads freshness and loaded_at_field, at their own place and below config, and meta with them.
func (t *SourceTable) readFreshness(p *Project, o *Object, meta, config *map[string]any) error {
	if err := firstError(o.Dict("freshness", &t.freshness), o.Text("loaded_at_field", &t.LoadedAt), p.takeMeta(o, meta, config)); err != nil {
		return err
	}
	for _, k := range slices.Sorted(maps.Keys(*config)) {
		switch k {
		case "freshness":
			t.freshness, _ = (*config)[k].(map[string]any)
		case "loaded_at_field":
			t.LoadedAt = textOf((*config)[k])
		case "meta", "enabled":
		default:
			p.ignore("config."+k, o.Value.Where())
		}
	}
	return nil
}

// Staging is the schema that source tables land in, whatever schema a source names.
const Staging = "staging"

// expanded reads an optional text in which variables may stand.
func (p *Project) expanded(o *Object, name string, set *string) error {
	v, ok := o.Take(name)
	if !ok {
		return nil
	}
	s, err := v.Text()
	if err != nil {
		return err
	}
	x, err := p.expandText(s)
	if err != nil {
		return v.Problem(err.Error(), name+": "+cmp.Or(*set, "staging"))
	}
	*set = textOf(x)
	return nil
}

// readMeta reads a source table's meta.lifeline.
func (t *SourceTable) readMeta(o *Object, meta map[string]any) error {
	own, err := lifelineMeta(o, meta, "file", "key", "money", "shift")
	if err != nil {
		return err
	}
	// Staging has the source's names in small letters, however they are spelled there and here.
	t.File = textOf(own["file"])
	for _, c := range textsOf(own["key"]) {
		t.Key = append(t.Key, change.StagingName(c))
	}
	if t.Shift, err = readShift(o, own["shift"]); err != nil {
		return err
	}
	t.Money = map[string]string{}
	switch m := own["money"].(type) {
	case nil:
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(m)) {
			c := change.StagingName(name)
			if _, twice := t.Money[c]; twice {
				return o.Value.Problem("meta.lifeline.money names the column "+c+" twice", "each money column once")
			}
			t.Money[c] = change.StagingName(textOf(m[name]))
			t.MoneyOrder = append(t.MoneyOrder, c)
		}
	default:
		return o.Value.Problem("meta.lifeline.money maps a money column to its currency column", "money: {amount: currency}")
	}
	return nil
}

// readShift reads a source table's shift: {after: COLUMN, by: N}, and when: COLUMN for a table that may have either form.
func readShift(o *Object, v any) (*Shift, error) {
	if v == nil {
		return nil, nil
	}
	m, ok := v.(map[string]any)
	by, whole := m["by"].(int64)
	when, conditional := m["when"]
	keys := 2
	if conditional {
		keys = 3
	}
	if !ok || len(m) != keys || !whole || by == 0 || textOf(m["after"]) == "" || conditional && (textOf(when) == "" || by < 0) {
		return nil, o.Value.Problem(
			"meta.lifeline.shift says after which column the values are shifted and by how many columns, and may say by which further column that "+
				"is known",
			"shift: {after: status, by: 1}, or shift: {after: status, by: 1, when: type}")
	}
	return &Shift{
		After: strings.ToLower(textOf(m["after"])), By: int(by), When: strings.ToLower(textOf(when)), Where: o.Value.Where(),
	}, nil
}

// takeMeta reads meta, at its own place and below config.
func (p *Project) takeMeta(o *Object, meta, config *map[string]any) error {
	if err := firstError(o.Dict("meta", meta), o.Dict("config", config)); err != nil {
		return err
	}
	if inner, ok := (*config)["meta"].(map[string]any); ok {
		if *meta == nil {
			*meta = map[string]any{}
		}
		for k, v := range inner {
			(*meta)[k] = v
		}
	}
	return nil
}

// lifelineMeta is what stands under meta.lifeline; a key of it that is not known is an error. Where none is known it must not be there.
func lifelineMeta(o *Object, meta map[string]any, known ...string) (map[string]any, error) {
	if len(known) == 0 && meta["lifeline"] != nil {
		return nil, o.Value.Problem("meta.lifeline has no meaning here", "put it on a table, a model or a test")
	}
	own, err := lifelineKeys(meta, known...)
	return own, o.Value.explained(err)
}

func (p *Project) readModelPatch(o *Object) error {
	var name, description string
	if err := firstError(o.Text("name", &name), p.describe(o, &description)); err != nil {
		return err
	}
	m := p.Model(name)
	if m == nil && p.Seed(name) != nil {
		return o.Value.Problem(fmt.Sprintf("%q is a seed", name), "describe it under seeds:")
	}
	if m == nil {
		return o.Value.Problem(fmt.Sprintf("there is no model %q", name),
			cmp.Or(Nearest(name, p.NodeNames()), "add "+name+".sql, or take the description out"))
	}
	if m.PatchedIn != "" {
		return o.Value.Problem(fmt.Sprintf("model %q is described twice, here and in %s", name, m.PatchedIn), "take one out")
	}
	if v, ok := o.Take("versions"); ok {
		return v.Problem("versions of models are not supported", "keep each version as a model of its own")
	}
	m.PatchedIn, m.patchedAt = o.file, o.Value.Where()
	if description != "" || !m.Generated {
		m.Description = description
	}
	var config map[string]any
	if err := p.takeMeta(o, &m.Meta, &config); err != nil {
		return err
	}
	if err := p.applyConfig(o, &m.Config); err != nil {
		return err
	}
	if err := m.readMeta(o); err != nil {
		return err
	}
	var err error
	if m.Columns, err = p.readColumns(o, name); err != nil {
		return err
	}
	if err := firstError(p.readTests(o, name, ""), p.readConstraints(o, name, "")); err != nil {
		return err
	}
	return o.Finish(p, "docs", "access", "group", "latest_version", "tags", "deprecation_date", "time_spine", "data_type")
}

var modelMetaKeys = []string{"entity_of", "entity_count_of", "entity_key", "grain", "records", "columns_of", "distribute_by"}

// readMeta reads a model's meta.lifeline.
func (m *Model) readMeta(o *Object) error {
	own, err := lifelineKeys(m.Meta, modelMetaKeys...)
	if err != nil {
		return o.Value.explained(err)
	}
	m.EntityOf, m.CountsOf = textOf(own["entity_of"]), textOf(own["entity_count_of"])
	m.CountsKey, m.Grain = cmp.Or(textOf(own["entity_key"]), "id"), textsOf(own["grain"])
	m.ColumnsOf, m.DistributeBy = textOf(own["columns_of"]), textOf(own["distribute_by"])
	m.Records, err = readRecords(o, own["records"])
	return err
}

// SetMeta puts the meta of a config() call over what the YAML files say of a model.
func (p *Project) SetMeta(m *Model, meta map[string]any) error {
	all := map[string]any{}
	for k, v := range m.Meta {
		all[k] = v
	}
	for k, v := range meta {
		all[k] = v
	}
	m.Meta = all
	if err := m.readMeta(&Object{file: m.Path, Value: Value{file: m.Path}}); err != nil {
		return unplaced(err)
	}
	return unplaced(p.settleModel(m))
}

// unplaced takes the place off an error whose place the caller knows better.
func unplaced(err error) error {
	var problem *change.Problem
	if errors.As(err, &problem) {
		return hinted{problem.Err, problem.Try}
	}
	return err
}

// applyConfig puts the config of a YAML file over a model's or seed's configuration.
func (p *Project) applyConfig(o *Object, c *ModelConfig) error {
	v, ok := o.Take("config")
	if !ok {
		return nil
	}
	config, err := v.Object()
	if err != nil {
		return err
	}
	for _, f := range config.Fields {
		if err := p.setConfig(c, f.Name, f.Value, f.Key); err != nil {
			return err
		}
	}
	return nil
}

func (p *Project) readSeedPatch(o *Object) error {
	var name string
	if err := o.Text("name", &name); err != nil {
		return err
	}
	s := p.Seed(name)
	if s == nil {
		return o.Value.Problem(fmt.Sprintf("there is no seed %q", name), cmp.Or(Nearest(name, p.NodeNames()), "add "+name+".csv"))
	}
	var meta, config map[string]any
	if err := firstError(p.describe(o, &s.Description), p.takeMeta(o, &meta, &config), p.applyConfig(o, &s.Config)); err != nil {
		return err
	}
	if err := s.parse(); err != nil {
		return err
	}
	if _, err := lifelineMeta(o, meta); err != nil {
		return err
	}
	own, _ := config["column_types"].(map[string]any)
	if unknown := s.retype(); unknown != "" && own[unknown] != nil {
		return o.Value.Problem(fmt.Sprintf("column_types names %q, which the seed %s does not have", unknown, name),
			cmp.Or(Nearest(unknown, s.names()), "column_types: {"+s.Columns[0].Name+": text}"))
	}
	columns, err := p.readColumns(o, name)
	if err != nil {
		return err
	}
	for _, c := range columns {
		for i := range s.Columns {
			if s.Columns[i].Name == c.Name {
				s.Columns[i].Description = c.Description
			}
		}
	}
	if err := p.readTests(o, name, ""); err != nil {
		return err
	}
	return o.Finish(p, "docs", "access", "group", "tags")
}

// readTestPatch gives a singular test its description and configuration.
func (p *Project) readTestPatch(o *Object) error {
	var name string
	if err := o.Text("name", &name); err != nil {
		return err
	}
	for _, t := range p.Tests {
		if t.Name == name && t.Kind == Singular {
			return firstError(p.describe(o, &t.Description), t.readSettings(p, o), o.Finish(p, "docs"))
		}
	}
	return o.Value.Problem(fmt.Sprintf("there is no singular test %q", name), "name a file of tests/ without its ending")
}

// readColumns reads the columns of a node and the tests on them. Those of a source table get the names that they have in staging,
// which are the source's in small letters.
func (p *Project) readColumns(o *Object, node string) ([]Column, error) {
	var out []Column
	isSource := strings.Contains(node, ".")
	err := o.Each("columns", func(c *Object) error {
		var col Column
		var config map[string]any
		var quote bool
		if err := firstError(c.Text("name", &col.Name), c.Boolean("quote", &quote), c.Text("data_type", &col.DataType),
			p.describe(c, &col.Description), p.takeMeta(c, &col.Meta, &config)); err != nil {
			return err
		}
		if col.Name == "" {
			return c.Value.Problem("a column without a name", "name: id")
		}
		if isSource {
			col.Name = strings.ToLower(col.Name)
			if slices.ContainsFunc(out, func(o Column) bool { return o.Name == col.Name }) {
				return c.Value.Problem(fmt.Sprintf("column %s of %s is declared twice", col.Name, node), "take one out")
			}
		}
		if err := p.readMask(c, node, &col); err != nil {
			return err
		}
		out = append(out, col)
		tested := col.Name
		if quote && !isSource {
			tested = `"` + strings.ReplaceAll(col.Name, `"`, `""`) + `"`
		}
		if err := p.readTests(c, node, tested); err != nil {
			return err
		}
		if p.Model(node) != nil {
			if err := p.readConstraints(c, node, tested); err != nil {
				return err
			}
		}
		for _, k := range slices.Sorted(maps.Keys(config)) {
			if k != "meta" {
				p.ignore("columns.config."+k, c.Value.Where())
			}
		}
		return c.Finish(p, "tags", "constraints", "docs", "granularity", "policy_tags")
	})
	return out, err
}

// names are all models and seeds, sorted.
func (p *Project) NodeNames() []string {
	var out []string
	for _, m := range p.Models {
		out = append(out, m.Name)
	}
	for _, s := range p.Seeds {
		out = append(out, s.Name)
	}
	sort.Strings(out)
	return out
}

func usage(where, what, try string) error {
	return &change.Problem{Err: fmt.Errorf("%s", what), Where: where, Class: change.ClassUsage, Try: try}
}
