package dbt

import (
	"fmt"

	"lifeline/model"
	"lifeline/project"
)

// PackageName is the name of the dbt package that Package makes.
const PackageName = "lifeline"

// Package makes the part of a project that real dbt does not find in its files as a dbt package: the tables of its lifecycles and the
// macros that Lifeline knows by itself. With it in dbt_packages, dbt parses the project as it stands.
func Package(p *project.Project, o Options) (*Export, error) {
	e := &Export{Files: map[string][]byte{}, project: p, options: o, marks: &marks{}, schemas: map[string]*schema{}}
	var err error
	if e.graph, err = model.NewGraph(p, model.Options{Target: model.Target{Name: "dbt", Type: "duckdb"}, Env: o.Env}); err != nil {
		return nil, err
	}
	for _, n := range e.graph.Nodes {
		if n.Kind != model.KindModel || !n.Model.Generated {
			continue
		}
		// In the file, since the project itself may describe the model.
		config := fmt.Sprintf("{{ config(materialized='%s', schema='%s', alias='%s', tags=[%s]) }}\n", n.Materialized, n.Schema, n.Alias,
			quotedList(distinct(n.Tags)))
		e.add(modelFile(n), config+n.Model.SQL)
		e.Models++
	}
	e.Files["macros/"+model.CleanMacrosFile] = []byte(model.CleanMacros)
	e.Files["dbt_project.yml"] = yaml(object{
		{"name", PackageName},
		{"version", "1.0.0"},
		{"config-version", 2},
		{"model-paths", []string{"models"}},
		{"macro-paths", []string{"macros"}},
	})
	return e, nil
}
