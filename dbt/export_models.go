package dbt

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"path"
	"slices"
	"strings"

	"lifeline/model"
	"lifeline/project"
)

// The models that stand behind an entity: its source table with one row per key, its rows before the quarantine, and the keys of those in
// quarantine.
const (
	keyedSuffix      = "__keyed"
	candidateSuffix  = "__candidate"
	quarantineSuffix = "__quarantine"
)

// models writes every model: SQL files as they stand, lifecycles as files of their own, entities with their quarantine as a filter.
func (e *Export) models() error {
	for _, n := range e.graph.Nodes {
		if n.Kind != model.KindModel {
			continue
		}
		e.Models++
		if n.EntityOf != nil {
			if err := e.entity(n); err != nil {
				return err
			}
			continue
		}
		file := modelFile(n)
		sql, err := e.sql(n)
		if err != nil {
			return err
		}
		e.add(file, sql+e.settled(n))
		e.describe(n, path.Dir(file), n.Name)
	}
	return nil
}

// modelFile is where a model stands in the export.
func modelFile(n *model.Node) string {
	if !strings.HasSuffix(n.Path, ".sql") {
		file := strings.TrimSuffix(strings.TrimSuffix(n.Path, path.Ext(n.Path)), "/")
		return "models/" + file + "/" + n.Name + ".sql"
	}
	if strings.HasPrefix(n.Path, "models/") {
		return n.Path
	}
	return "models/" + n.Path
}

// settled is the configuration that stands over what a model's own SQL says, where that says anything.
func (e *Export) settled(n *model.Node) string {
	if !strings.Contains(n.Model.SQL, "config(") {
		return ""
	}
	return fmt.Sprintf("\n{{ config(materialized='%s', schema='%s', alias='%s') }}", n.Materialized, n.Schema, n.Alias)
}

// describe writes a model into the schema file of its folder.
func (e *Export) describe(n *model.Node, folder, name string) {
	s := e.in(folder)
	s.models = append(s.models, object{
		{"name", name},
		{"description", escapeJinja.Replace(n.Model.Description)},
		{"config", e.modelConfig(n)},
		{"data_tests", e.ownTests(n.Name, "")},
		{"columns", e.columns(n.Name, n.Model.Columns)},
	})
}

func (e *Export) modelConfig(n *model.Node) object {
	c := object{{"materialized", n.Materialized}, {"schema", n.Schema}}
	if n.Alias != n.Name {
		c = append(c, field{"alias", n.Alias})
	}
	c = append(c, field{"tags", distinct(n.Tags)})
	if n.Materialized == model.Incremental {
		c = append(c, field{"unique_key", n.Config.UniqueKey}, field{"on_schema_change", "sync_all_columns"})
	}
	var indexes []object
	for _, i := range n.Config.Indexes {
		indexes = append(indexes, object{{"columns", i.Columns}, {"unique", i.Unique}})
	}
	if n.Materialized == model.Table || n.Materialized == model.Incremental {
		c = append(c, field{"indexes", indexes})
	}
	if n.Config.Enforced {
		if slices.ContainsFunc(n.Model.Columns, func(c project.Column) bool { return c.DataType == "" }) || len(n.Model.Columns) == 0 {
			e.note("contract of %s: dbt wants a data_type for every column, so dbt does not enforce it", n.Name)
		} else {
			c = append(c, field{"contract", object{{"enforced", true}}})
		}
	}
	return append(c, field{"meta", e.meta(n)})
}

// meta is a model's meta without the expressions that only Lifeline reads.
func (e *Export) meta(n *model.Node) map[string]any {
	out := map[string]any{}
	for k, v := range n.Model.Meta {
		if own, ok := v.(map[string]any); ok && k == "lifeline" {
			kept := map[string]any{}
			for name, x := range own {
				if name != "records" {
					kept[name] = x
				}
			}
			v = kept
		}
		out[k] = plainJinja(v)
	}
	return out
}

// plainJinja keeps dbt from rendering what stands in meta.
func plainJinja(v any) any {
	switch v := v.(type) {
	case string:
		return escapeJinja.Replace(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plainJinja(v[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			out[k] = plainJinja(x)
		}
		return out
	}
	return v
}

func (e *Export) columns(node string, columns []project.Column) []object {
	var out []object
	for _, c := range columns {
		out = append(out, object{
			{"name", c.Name},
			{"description", escapeJinja.Replace(c.Description)},
			{"data_type", c.DataType},
			{"data_tests", e.ownTests(node, c.Name)},
		})
	}
	return out
}

// entity writes a core model that cleans a source table row for row.
func (e *Export) entity(n *model.Node) error {
	file := modelFile(n)
	folder := path.Dir(file)
	key := n.EntityOf.Key
	if len(key) == 0 {
		return refuse(n.EntityOf.Where, fmt.Sprintf("%s.%s has no declared key, so dbt cannot tell its rows apart", n.EntityOf.Source,
			n.EntityOf.Name), "meta: {lifeline: {key: [id]}}")
	}
	own := n.Config.UniqueKey
	if len(own) == 0 {
		own = key
	}
	checks, err := e.quarantineChecks(n)
	if err != nil {
		return err
	}
	keyed, candidate, quarantined := n.EntityOf.Name+keyedSuffix, n.Name+candidateSuffix, n.Name+quarantineSuffix
	for _, name := range []string{keyed, candidate, quarantined} {
		if e.project.Model(name) != nil || e.project.Seed(name) != nil {
			return refuse(n.Path, fmt.Sprintf("the export needs the name %s, and the project has it", name), "rename it")
		}
	}
	source := fmt.Sprintf("source('%s', '%s')", n.EntityOf.Source, n.EntityOf.Name)
	e.add(folder+"/"+keyed+".sql", fmt.Sprintf(
		"-- The rows of %s that have a key of their own: equal rows of one key once, different ones not at all.\n{{ lifeline_keyed(%s, [%s]) }}",
		n.EntityOf.Name, source, quotedList(key)))
	sql, err := e.sql(n)
	if err != nil {
		return err
	}
	e.add(folder+"/"+candidate+".sql", sql+e.overruled(n, candidate))
	s := e.in(folder)
	s.models = append(s.models,
		object{
			{"name", keyed},
			{"description", "The rows of " + n.EntityOf.Name + " that have a key of their own."},
			{"config", object{{"materialized", "table"}, {"schema", "intermediate"}}},
		},
		object{
			{"name", candidate},
			{"description", "The rows of " + n.Name + " before the quarantine."},
			{"config", object{{"materialized", "table"}, {"schema", "intermediate"}, {"meta", e.meta(n)}}},
		})
	filter := ""
	if len(checks) > 0 {
		parts := make([]string, len(checks))
		for i := range checks {
			parts[i] = e.marks.restore(strings.TrimSpace(checks[i].FailingSQL(own)))
		}
		e.add(folder+"/"+quarantined+".sql", "-- The keys of the rows that a check takes out of "+n.Name+", once for each check.\n"+
			strings.Join(parts, "\nunion all\n"))
		s.models = append(s.models, object{
			{"name", quarantined},
			{"description", "The keys of the rows that a check takes out of " + n.Name + ", once for each check."},
			{"config", object{{"materialized", "table"}, {"schema", "quarantine"}, {"alias", n.Alias}}},
		})
		same := make([]string, len(own))
		for i, c := range own {
			same[i] = "q." + quoteName(c) + " = c." + quoteName(c)
		}
		filter = fmt.Sprintf("\nwhere not exists (\n    select 1\n    from {{ ref('%s') }} as q\n    where %s\n)", quarantined,
			strings.Join(same, " and "))
	}
	e.add(file, fmt.Sprintf("-- %s without the rows in quarantine.\nselect c.*\nfrom {{ ref('%s') }} as c%s", n.Name, candidate, filter))
	e.describe(n, folder, n.Name)
	return nil
}

// overruled is the configuration of a candidate that stands over what its own SQL says.
func (e *Export) overruled(n *model.Node, alias string) string {
	if !strings.Contains(n.Model.SQL, "config(") {
		return ""
	}
	return fmt.Sprintf("\n{{ config(materialized='table', schema='intermediate', alias='%s', indexes=[]) }}", alias)
}

// seeds writes the seeds with the type of every column.
func (e *Export) seeds() error {
	for _, n := range e.graph.Nodes {
		if n.Kind != model.KindSeed {
			continue
		}
		var text bytes.Buffer
		w := csv.NewWriter(&text)
		types := object{}
		var columns []object
		header := make([]string, len(n.Seed.Columns))
		for i, c := range n.Seed.Columns {
			header[i] = c.Name
			types = append(types, field{c.Name, c.Type})
			columns = append(columns, object{
				{"name", c.Name}, {"description", escapeJinja.Replace(c.Description)}, {"data_tests", e.ownTests(n.Name, c.Name)},
			})
		}
		_ = w.Write(header) // A buffer takes everything.
		for _, row := range n.Seed.Rows {
			cells := make([]string, len(row))
			for i, cell := range row {
				if cell != nil {
					cells[i] = *cell
				}
			}
			_ = w.Write(cells)
		}
		w.Flush()
		e.Files["seeds/"+n.Name+".csv"] = text.Bytes()
		config := object{{"schema", n.Schema}, {"tags", distinct(n.Tags)}, {"column_types", types}, {"quote_columns", false}}
		if n.Alias != n.Name {
			config = append(config, field{"alias", n.Alias})
		}
		s := e.in("seeds")
		s.seeds = append(s.seeds, object{
			{"name", n.Name},
			{"description", escapeJinja.Replace(n.Seed.Description)},
			{"config", config},
			{"data_tests", e.ownTests(n.Name, "")},
			{"columns", columns},
		})
		e.Seeds++
	}
	return nil
}

// sources writes where the landed tables are.
func (e *Export) sources() error {
	var names []string
	tables := map[string][]object{}
	keys := map[string][]string{}
	for _, t := range e.project.Sources {
		if !slices.Contains(names, t.Source) {
			names = append(names, t.Source)
		}
		keys[t.Source+"."+t.Name] = t.Key
		node := t.Source + "." + t.Name
		o := object{
			{"name", t.Name},
			{"description", escapeJinja.Replace(t.Description)},
			{"config", object{{"meta", map[string]any{"lifeline": map[string]any{"key": anyList(t.Key)}}}}},
			{"data_tests", e.ownTests(node, "")},
			{"columns", e.columns(node, t.Columns)},
		}
		tables[t.Source] = append(tables[t.Source], o)
	}
	var out []object
	for _, name := range names {
		out = append(out, object{
			{"name", name},
			{"database", "{{ 'landing' if target.type == 'duckdb' else target.dbname }}"},
			{"schema", project.Staging},
			{"tables", tables[name]},
		})
	}
	if len(out) > 0 {
		e.Files["models/sources.yml"] = yaml(object{{"version", 2}, {"sources", out}})
	}
	e.keyMacros(keys)
	return nil
}

// keyMacros writes what the macros must know of this project: the key of each source table, and which model reads its source by key.
func (e *Export) keyMacros(keys map[string][]string) {
	own := map[string][]string{}
	for _, n := range e.graph.Nodes {
		if n.EntityOf != nil {
			own[n.Name+candidateSuffix] = []string{n.EntityOf.Source, n.EntityOf.Name, n.EntityOf.Name + keyedSuffix}
		}
	}
	e.add("macros/lifeline/project.sql", fmt.Sprintf(`
{#- The key of each source table. -#}
{%% macro lifeline_source_keys() %%}{{ return(%s) }}{%% endmacro %%}

{#- Of each model that cleans a source table: that source, and the model that has its rows by key. -#}
{%% macro lifeline_entities() %%}{{ return(%s) }}{%% endmacro %%}`, jinjaLists(keys), jinjaLists(own)))
}
