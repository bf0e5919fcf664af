package project

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeline/jinja"
)

// folderConfig applies dbt_project.yml to a model or seed, from the outer folder to the file.
func (p *Project) folderConfig(kind, root, file string, c *ModelConfig) error {
	level, ok := p.folders[kind]
	if !ok {
		return nil
	}
	if err := p.applyLevel(level, c); err != nil {
		return err
	}
	steps := strings.Split(strings.TrimPrefix(file, root+"/"), "/")
	steps[len(steps)-1] = baseName(file)
	for _, step := range append([]string{p.Name}, steps...) {
		o, err := level.Object()
		if err != nil {
			return err
		}
		next, ok := o.Take(step)
		if !ok {
			if step == p.Name {
				continue
			}
			return nil
		}
		p.usedFolders = append(p.usedFolders, next.Where())
		if err := p.applyLevel(next, c); err != nil {
			return err
		}
		level = next
	}
	return nil
}

// applyLevel puts the settings of one level over the configuration: `+key`, and `key` where its value cannot be a folder.
func (p *Project) applyLevel(level Value, c *ModelConfig) error {
	o, err := level.Object()
	if err != nil {
		return err
	}
	for _, f := range o.Fields {
		name, plus := strings.CutPrefix(f.Name, "+")
		if !plus && f.IsMapping() {
			continue
		}
		if err := p.setConfig(c, name, f.Value, f.Key); err != nil {
			return err
		}
	}
	return nil
}

// setConfig takes one configuration value out of a YAML file.
func (p *Project) setConfig(c *ModelConfig, name string, v, key Value) error {
	x, err := v.Any()
	if err != nil {
		return err
	}
	if name == "meta" {
		return nil // Read by takeMeta; its texts may hold Jinja for later.
	}
	if configHooks[name] { // Its Jinja is for later.
		if err := p.TakeHook(name, x); err != nil {
			return key.Problem(err.Error(), hookTry)
		}
	} else {
		if x, err = p.expandAll(x); err != nil {
			return v.Problem(err.Error(), expandTry)
		}
	}
	known, err := c.Set(name, x)
	if err != nil {
		return key.Problem(err.Error(), cmp.Or(ConfigTry(name), "see docs/projects.md for the configuration that is supported"))
	}
	if !known {
		p.ignore("config."+name, key.Where())
	}
	return nil
}

// Unused lists what has no effect here, each key once with its first place.
func (p *Project) Unused() []string {
	var out []string
	seen := map[string]bool{}
	for _, i := range p.Ignored {
		if !seen[i.Key] {
			seen[i.Key] = true
			out = append(out, i.String())
		}
	}
	return out
}

// Ignore lists, once a place, a key or call that has no effect here.
func (p *Project) Ignore(key, where string) { p.ignore(key, where) }

func (p *Project) ignore(key, where string) {
	i := Ignored{Key: key, Where: where}
	for _, other := range p.Ignored {
		if other == i {
			return
		}
	}
	p.Ignored = append(p.Ignored, i)
}

// unusedFolders lists the folders of dbt_project.yml in which nothing lies: most likely they are misspelt.
func (p *Project) unusedFolders(kind string) error {
	top, ok := p.folders[kind]
	if !ok {
		return nil
	}
	var walk func(v Value, name string) error
	walk = func(v Value, name string) error {
		o, err := v.Object()
		if err != nil {
			return err
		}
		for _, f := range o.Fields {
			if strings.HasPrefix(f.Name, "+") || !f.IsMapping() {
				continue
			}
			inner := name + "." + f.Name
			if !contains(p.usedFolders, f.Value.Where()) {
				p.ignore(inner+" (nothing lies there)", f.Key.Where())
				continue
			}
			if err := walk(f.Value, inner); err != nil {
				return err
			}
		}
		return nil
	}
	return walk(top, kind)
}

// expandTry is what to write where Jinja in a YAML file is not understood.
const expandTry = "write the value itself, or {{ var('name') }} or {{ env_var('NAME') }}"

// expandAll renders the Jinja in a value from a YAML file, in which var(), env_var() and project_name are known.
func (p *Project) expandAll(x any) (any, error) {
	switch x := x.(type) {
	case string:
		return p.expandText(x)
	case []any:
		for i := range x {
			var err error
			if x[i], err = p.expandAll(x[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range x {
			var err error
			if x[k], err = p.expandAll(x[k]); err != nil {
				return nil, err
			}
		}
	}
	return x, nil
}

// expandText renders one text; one expression alone keeps its type, so that enabled: "{{ var('on') }}" is true or false.
func (p *Project) expandText(s string) (any, error) {
	if !strings.Contains(s, "{{") && !strings.Contains(s, "{%") {
		return s, nil
	}
	t, err := jinja.Parse("value", s)
	if err != nil {
		return nil, fmt.Errorf("%q is broken Jinja: %w", s, err)
	}
	v, err := t.Value(&jinja.Context{Names: map[string]jinja.Value{
		"project_name": p.Name, "target": p.targetNames(),
		"var": jinja.Native("var", func(c *jinja.Call) (jinja.Value, error) {
			return p.named(c, "variable", func(name string) (any, bool) { x, ok := p.Vars[name]; return x, ok })
		}),
		"env_var": jinja.Native("env_var", func(c *jinja.Call) (jinja.Value, error) {
			return p.named(c, "environment variable", func(name string) (any, bool) { x := p.env(name); return x, x != "" })
		}),
	}})
	if err != nil {
		return nil, fmt.Errorf("%q cannot be used in a YAML file: %w", s, err)
	}
	return jinja.ToGo(v), nil
}

// targetSchema is the schema of models that name none.
const targetSchema = "analytics"

// targetNames is target in a YAML file. Its type is the one that the project's own files name: a flag comes later.
func (p *Project) targetNames() jinja.Value {
	kind := p.Config.Warehouse.Engine()
	return jinja.FromGo(map[string]any{
		"name": cmp.Or(p.Target, kind), "type": kind, "schema": targetSchema, "database": p.Name, "profile_name": p.Name, "threads": int64(1),
	})
}

// named answers var() and env_var() in a YAML file.
func (p *Project) named(c *jinja.Call, what string, find func(string) (any, bool)) (jinja.Value, error) {
	if len(c.Args) == 0 {
		return nil, errors.New("a name is missing")
	}
	name, err := jinja.Text(c.Args[0])
	if err != nil {
		return nil, err
	}
	if v, ok := find(name); ok {
		return jinja.FromGo(v), nil
	}
	if len(c.Args) > 1 {
		return c.Args[1], nil
	}
	if v, ok := c.Named["default"]; ok {
		return v, nil
	}
	return nil, fmt.Errorf("there is no %s %q", what, name)
}

// configHooks run SQL of their own around a model: see TakeHook.
var configHooks = map[string]bool{"pre_hook": true, "post_hook": true, "pre-hook": true, "post-hook": true}

// Configuration keys of dbt that have no effect here.
var configIgnored = map[string]bool{
	"docs": true, "persist_docs": true, "full_refresh": true, "group": true, "access": true, "grants": true, "static_analysis": true,
	"quote_columns": true, "event_time": true, "on_schema_change": true, "on_configuration_change": true,
	"incremental_strategy": true, "database": true, "quoting": true, "unlogged": true, "freshness": true, "concurrent_batches": true,
}

// Set puts one configuration value over the model's; known is false for a key that has no effect here. Both the YAML files and the
// config() call of a model come through it.
func (c *ModelConfig) Set(key string, v any) (known bool, err error) {
	if c.values == nil {
		c.values = map[string]any{}
	}
	c.values[key] = v
	switch key {
	case "materialized":
		c.Materialized = fmt.Sprint(v)
		switch c.Materialized {
		case "table", "view", "ephemeral", "incremental":
			return true, nil
		}
		return true, fmt.Errorf("materialized %q is not supported; there are table, view, ephemeral and incremental", c.Materialized)
	case "schema":
		c.Schema = textOf(v)
	case "alias":
		c.Alias = textOf(v)
	case "enabled":
		on, err := truth(key, v)
		if err != nil {
			return true, err
		}
		c.Disabled = !on
	case "tags":
		c.Tags = append(c.Tags, textsOf(v)...)
	case "unique_key":
		c.UniqueKey = textsOf(v)
	case "indexes":
		return true, c.setIndexes(v)
	case "column_types":
		return true, c.setColumnTypes(v)
	case "delimiter":
		c.delimiter = textOf(v)
	case "meta", "description":
	case "contract":
		m, _ := v.(map[string]any)
		on, err := truth("contract.enforced", orFalse(m["enforced"]))
		c.Enforced = on
		return true, err
	case "snapshot_meta_column_names", "strategy":
		return true, fmt.Errorf("%s belongs to a snapshot, and snapshots are not supported", key)
	default:
		return unusedConfig(key, v)
	}
	return true, nil
}

func (c *ModelConfig) setColumnTypes(v any) error {
	types, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("column_types maps columns to types")
	}
	if c.columnTypes == nil {
		c.columnTypes = map[string]string{}
	}
	for name, t := range types {
		c.columnTypes[name] = textOf(t)
	}
	return nil
}

// unusedConfig tells keys that have no effect here from those that are not supported and those that nobody knows.
func unusedConfig(key string, v any) (used bool, err error) {
	switch {
	case key == "sql_header" && len(textsOf(v)) > 0:
		return true, fmt.Errorf("%s is not supported", key)
	case configHooks[key] || configIgnored[key] || slip(key, configKnown()) == "":
		return false, nil // dbt's, an adapter's or a project's own.
	}
	return true, fmt.Errorf("unknown configuration %q", key)
}

func orFalse(v any) any {
	if v == nil {
		return false
	}
	return v
}

// Get is a configuration value as it was given.
func (c *ModelConfig) Get(key string) (any, bool) {
	v, ok := c.values[key]
	return v, ok
}

// Values are all configuration values as they were given.
func (c *ModelConfig) Values() map[string]any { return c.values }

// ConfigTry is what a misspelt configuration key most likely means; empty where none is near.
func ConfigTry(key string) string {
	if near := slip(key, configKnown()); near != key {
		return near
	}
	return ""
}

// configKnown are the keys that have an effect.
func configKnown() []string {
	return []string{
		"materialized", "schema", "alias", "enabled", "tags", "unique_key", "indexes", "meta", "column_types", "delimiter",
		"contract",
	}
}

func (c *ModelConfig) setIndexes(v any) error {
	items, ok := v.([]any)
	if !ok {
		return fmt.Errorf("indexes is not a list")
	}
	c.Indexes = nil
	for _, item := range items {
		m, ok := item.(map[string]any)
		if !ok {
			return fmt.Errorf("an index is {columns: […], unique: true}")
		}
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !contains([]string{"columns", "unique", "type", "name"}, k) {
				return fmt.Errorf("an index has no %q; it is {columns: […], unique: true}", k)
			}
		}
		columns := textsOf(m["columns"])
		if len(columns) == 0 {
			return fmt.Errorf("an index without columns; it is {columns: […], unique: true}")
		}
		if t := textOf(m["type"]); t != "" && t != "btree" {
			return fmt.Errorf("an index of type %q is not supported; it is a btree", t)
		}
		c.Indexes = append(c.Indexes, Index{Columns: columns, Unique: m["unique"] == true})
	}
	return nil
}
