package dbt

import (
	"cmp"
	"maps"
	"slices"

	"lifeline/model"
	"lifeline/project"
)

// SourcesMark begins a file of Sources.
const SourcesMark = "# Written by lifeline export dbt --sources-only."

// Sources are the published tables as sources of a dbt project downstream: one source a schema. On DuckDB the published file is attached
// as lifeline.
func Sources(p *project.Project, env func(string) string) ([]byte, error) {
	g, err := model.NewGraph(p, model.Options{Target: model.Target{Name: "dbt", Type: "duckdb"}, Vars: unsettled(), Env: env})
	if err != nil {
		return nil, err
	}
	tables := map[string][]object{}
	for _, n := range g.Nodes {
		if n.Kind == model.KindSource || n.Materialized == model.Ephemeral {
			continue
		}
		o := object{{"name", n.Alias}}
		if n.Kind == model.KindSeed {
			o = append(o, field{"description", escapeJinja.Replace(n.Seed.Description)})
		} else {
			o = append(o, field{"description", escapeJinja.Replace(n.Model.Description)}, field{"columns", described(n.Model.Columns)})
		}
		tables[n.Schema] = append(tables[n.Schema], o)
	}
	var out []object
	for _, schema := range slices.Sorted(maps.Keys(tables)) {
		slices.SortFunc(tables[schema], func(a, b object) int { return cmp.Compare(a[0].value.(string), b[0].value.(string)) })
		out = append(out, object{
			{"name", p.Name + "_" + schema},
			{"description", "Published by Lifeline; all tables of it change at once."},
			{"database", "{{ 'lifeline' if target.type == 'duckdb' else target.database }}"},
			{"schema", schema},
			{"tables", tables[schema]},
		})
	}
	return append([]byte(SourcesMark+"\n"), yaml(object{{"version", 2}, {"sources", out}})...), nil
}

// unsettled are the instants of a run where none is looked at.
func unsettled() map[string]any {
	return map[string]any{"as_of": "AS OF", "snapshot_at": "SNAPSHOT AT"}
}

func described(columns []project.Column) []object {
	var out []object
	for _, c := range columns {
		out = append(out, object{{"name", c.Name}, {"description", escapeJinja.Replace(c.Description)}, {"data_type", c.DataType}})
	}
	return out
}
