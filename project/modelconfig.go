package project

import (
	"fmt"
	"regexp"
	"strings"
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

// applyLevel puts the settings of one level over the configuration: `+key`, and `key` where its value can be no folder.
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
	if x, err = p.expandAll(x); err != nil {
		return v.Problem(err.Error(), "write the value itself, or {{ var('name') }} or {{ env_var('NAME') }} alone")
	}
	known, err := c.Set(name, x)
	if err != nil {
		try := "see docs/projects.md for the configuration that is supported"
		if near := Nearest(name, configKnown()); near != "" && near != name {
			try = near
		}
		return key.Problem(err.Error(), try)
	}
	if !known {
		p.ignore("config."+name, key.Where())
	}
	return nil
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

var varCall = regexp.MustCompile(`\{\{\s*var\(\s*['"]([^'"]+)['"]\s*(?:,\s*['"]([^'"]*)['"]\s*)?\)\s*\}\}`)

// expandAll puts variables into a value from a YAML file: var() and env_var() on their own. Other Jinja there is refused.
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

func (p *Project) expandText(s string) (any, error) {
	if !strings.Contains(s, "{{") {
		return s, nil
	}
	if m := varCall.FindStringSubmatch(s); m != nil && m[0] == s {
		// Alone it keeps its type, so that enabled: "{{ var('on') }}" is true or false.
		if v, ok := p.Vars[m[1]]; ok {
			return v, nil
		}
	}
	s = varCall.ReplaceAllStringFunc(s, func(call string) string {
		m := varCall.FindStringSubmatch(call)
		if v, ok := p.Vars[m[1]]; ok {
			return textOf(v)
		}
		if m[2] != "" {
			return m[2]
		}
		return call
	})
	s = expand(s, p.env)
	if strings.Contains(s, "{{") {
		return nil, fmt.Errorf("%q is not supported in a YAML file", s)
	}
	return s, nil
}

// Configuration keys of dbt that have no effect here.
var configIgnored = map[string]bool{
	"docs": true, "persist_docs": true, "full_refresh": true, "group": true, "access": true, "contract": true, "grants": true,
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
		on, ok := v.(bool)
		if !ok {
			return true, fmt.Errorf("enabled is true or false, not %q", textOf(v))
		}
		c.Disabled = !on
	case "tags":
		c.Tags = append(c.Tags, textsOf(v)...)
	case "unique_key":
		c.UniqueKey = textsOf(v)
	case "indexes":
		return true, c.setIndexes(v)
	case "column_types":
		types, ok := v.(map[string]any)
		if !ok {
			return true, fmt.Errorf("column_types maps columns to types")
		}
		if c.columnTypes == nil {
			c.columnTypes = map[string]string{}
		}
		for name, t := range types {
			c.columnTypes[name] = textOf(t)
		}
	case "delimiter":
		c.delimiter = textOf(v)
	case "meta", "description":
	case "pre_hook", "post_hook", "pre-hook", "post-hook", "sql_header":
		if len(textsOf(v)) > 0 {
			return true, fmt.Errorf("%s is not supported", key)
		}
	case "snapshot_meta_column_names", "strategy":
		return true, fmt.Errorf("%s belongs to a snapshot, and snapshots are not supported", key)
	default:
		if configIgnored[key] {
			return false, nil
		}
		return true, fmt.Errorf("unknown configuration %q", key)
	}
	return true, nil
}

// Get is a configuration value as it was given.
func (c *ModelConfig) Get(key string) (any, bool) {
	v, ok := c.values[key]
	return v, ok
}

// ConfigTry is what a misspelt configuration key most likely means; empty where none is near.
func ConfigTry(key string) string {
	if near := Nearest(key, configKnown()); near != key {
		return near
	}
	return ""
}

// configKnown are the keys that have an effect.
func configKnown() []string {
	return []string{"materialized", "schema", "alias", "enabled", "tags", "unique_key", "indexes", "meta", "column_types", "delimiter"}
}

func (c *ModelConfig) setIndexes(v any) error {
	items, ok := v.([]any)
	if !ok {
		return fmt.Errorf("indexes is no list")
	}
	c.Indexes = nil
	for _, item := range items {
		m, ok := item.(map[string]any)
		if !ok {
			return fmt.Errorf("an index is {columns: […], unique: true}")
		}
		for _, k := range sortedKeys(m) {
			if !contains([]string{"columns", "unique", "type", "name"}, k) {
				return fmt.Errorf("an index has no %q; it is {columns: […], unique: true}", k)
			}
		}
		columns := textsOf(m["columns"])
		if len(columns) == 0 {
			return fmt.Errorf("an index without columns; it is {columns: […], unique: true}")
		}
		c.Indexes = append(c.Indexes, Index{Columns: columns, Unique: m["unique"] == true})
	}
	return nil
}
