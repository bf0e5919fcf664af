package project

import (
	"fmt"
	"strings"

	"lifeline/change"
)

// Keys of dbt_project.yml that have no effect here.
var projectIgnored = []string{
	"require-dbt-version", "clean-targets", "target-path", "log-path", "packages-install-path",
	"analysis-paths", "docs-paths", "asset-paths", "snapshot-paths", "snapshots", "dispatch", "query-comment", "quoting", "flags",
	"data_tests", "tests", "exposures", "metrics", "on-run-start", "on-run-end", "sources", "unit_tests",
}

func (p *Project) readDbtProject() error {
	const file = "dbt_project.yml"
	o, err := readYAML(p.Dir, file)
	if err != nil {
		return err
	}
	if o == nil {
		return &change.Problem{Err: fmt.Errorf("%s holds no %s", p.Dir, file), Class: change.ClassUsage, Try: "add one with name: and model-paths:"}
	}
	p.files = append(p.files, file, "lifeline.yml")
	p.paths = paths{models: []string{"models"}, seeds: []string{"seeds"}, tests: []string{"tests"}, macros: []string{"macros"}}
	p.folders = map[string]any{}
	var models, seeds map[string]any
	if err := firstError(
		o.text("name", &p.Name),
		o.texts("model-paths", &p.paths.models), o.texts("seed-paths", &p.paths.seeds),
		o.texts("test-paths", &p.paths.tests), o.texts("macro-paths", &p.paths.macros),
		o.dict("models", &models), o.dict("seeds", &seeds), o.dict("vars", &p.Vars),
	); err != nil {
		return err
	}
	if p.Name == "" {
		return &change.Problem{Err: fmt.Errorf("the project has no name"), Where: file, Class: change.ClassUsage, Try: "name: my_project"}
	}
	for _, hook := range []string{"on-run-start", "on-run-end"} {
		if v, ok := o.take(hook); ok {
			if texts, err := v.texts(); err != nil || len(texts) > 0 {
				return v.problem(hook+" hooks are not supported", "take the hook out; run builds a version that nobody sees before it is whole")
			}
		}
	}
	p.folders["models"], p.folders["seeds"] = models, seeds
	p.packageVars()
	for _, key := range []string{"version", "config-version", "profile"} {
		o.take(key) // Every dbt project has these; that they mean nothing here is no news.
	}
	return o.finish(p, projectIgnored...)
}

// packageVars lifts the variables under the project's own name to the top, as dbt resolves them.
func (p *Project) packageVars() {
	own, ok := p.Vars[p.Name].(map[string]any)
	if p.Vars == nil {
		p.Vars = map[string]any{}
	}
	if !ok {
		return
	}
	delete(p.Vars, p.Name)
	for k, v := range own {
		p.Vars[k] = v
	}
}

func (p *Project) readMacros() error {
	files, err := p.find(p.paths.macros, ".sql")
	if err != nil {
		return err
	}
	generic, err := p.find([]string{p.paths.tests[0] + "/generic"}, ".sql")
	if err != nil {
		return err
	}
	for _, f := range append(files, generic...) {
		sql, err := p.read(f)
		if err != nil {
			return err
		}
		p.Macros = append(p.Macros, &Macro{Path: f, SQL: sql})
	}
	return nil
}

func (p *Project) readModels() error {
	for _, root := range p.paths.models {
		files, err := p.find([]string{root}, ".sql", ".py")
		if err != nil {
			return err
		}
		for _, f := range files {
			if strings.HasSuffix(f, ".py") {
				return &change.Problem{Err: fmt.Errorf("Python models are not supported"), Where: f, Class: change.ClassUsage, Try: "write the model in SQL"}
			}
			sql, err := p.read(f)
			if err != nil {
				return err
			}
			m := &Model{Name: baseName(f), Path: f, SQL: sql}
			inFolder := strings.Split(strings.TrimPrefix(f, root+"/"), "/")
			if err := p.folderConfig("models", inFolder[:len(inFolder)-1], m.Name, &m.Config); err != nil {
				return err
			}
			p.Models = append(p.Models, m)
		}
	}
	return nil
}

// folderConfig applies dbt_project.yml from the outer folder to the inner one.
func (p *Project) folderConfig(kind string, folders []string, name string, c *ModelConfig) error {
	level, _ := p.folders[kind].(map[string]any)
	if err := c.apply(level, "dbt_project.yml"); err != nil {
		return err
	}
	for _, step := range append(append([]string{p.Name}, folders...), name) {
		next, ok := level[step].(map[string]any)
		if !ok {
			if step == p.Name {
				continue
			}
			return nil
		}
		if err := c.apply(next, "dbt_project.yml"); err != nil {
			return err
		}
		level = next
	}
	return nil
}

// apply puts the `+key` settings of one level over the configuration.
func (c *ModelConfig) apply(level map[string]any, where string) error {
	for _, key := range sortedKeys(level) {
		if name, ok := strings.CutPrefix(key, "+"); ok {
			if _, err := c.Set(name, level[key]); err != nil {
				return &change.Problem{Err: err, Where: where, Class: change.ClassUsage, Try: "see docs/projects.md for the configuration that is supported"}
			}
		}
	}
	return nil
}

// Configuration keys of dbt that have no effect here.
var configIgnored = map[string]bool{
	"docs": true, "persist_docs": true, "full_refresh": true, "group": true, "access": true, "contract": true, "grants": true,
	"quote_columns": true, "delimiter": true, "event_time": true, "on_schema_change": true, "on_configuration_change": true,
	"incremental_strategy": true, "database": true, "quoting": true, "unlogged": true, "freshness": true, "concurrent_batches": true,
}

// Set puts one configuration value over the model's; known is false for a key that has no effect here. Both the YAML files and the
// config() call of a model come through it.
func (c *ModelConfig) Set(key string, v any) (known bool, err error) {
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
		c.Disabled = v == false
	case "tags":
		c.Tags = append(c.Tags, textsOf(v)...)
	case "unique_key":
		c.UniqueKey = textsOf(v)
	case "indexes":
		return true, c.setIndexes(v)
	case "meta", "column_types", "description":
	case "pre_hook", "post_hook", "pre-hook", "post-hook", "sql_header":
		if len(textsOf(v)) > 0 {
			return true, fmt.Errorf("%s is not supported", key)
		}
	default:
		if configIgnored[key] {
			return false, nil
		}
		return true, fmt.Errorf("unknown configuration %q", key)
	}
	return true, nil
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
		c.Indexes = append(c.Indexes, Index{Columns: textsOf(m["columns"]), Unique: m["unique"] == true})
	}
	return nil
}

func textOf(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func textsOf(v any) []string {
	switch x := v.(type) {
	case nil:
		return nil
	case []any:
		out := make([]string, len(x))
		for i, e := range x {
			out[i] = textOf(e)
		}
		return out
	}
	return []string{textOf(v)}
}
