package dbt

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lifeline/model"
	"lifeline/project"
)

// Manifest is the project as dbt's manifest (v12): every model, seed, source table, test, unit test and macro, and what reads what.
func (a *Artifacts) Manifest() (map[string]any, error) {
	head := a.head("manifest/v12")
	sum := md5.Sum([]byte(a.Project.Name))
	for k, v := range (entry{
		"project_name": a.Project.Name, "project_id": hex.EncodeToString(sum[:]), "user_id": nil, "send_anonymous_usage_stats": false,
		"adapter_type": a.Adapter, "run_started_at": head["invocation_started_at"],
		"quoting": entry{"database": true, "schema": true, "identifier": true, "column": nil},
	}) {
		head[k] = v
	}
	a.nodes = entry{}
	sources := entry{}
	macros := macrosOf(a.Project)
	for _, n := range a.Graph.Nodes {
		switch n.Kind {
		case model.KindSource:
			sources[n.ID] = a.source(n)
		case model.KindSeed:
			a.nodes[n.ID] = a.seed(n)
		default:
			node, err := a.model(n, macros)
			if err != nil {
				return nil, err
			}
			a.nodes[n.ID] = node
		}
	}
	if err := a.tests(macros); err != nil {
		return nil, err
	}
	units := a.units()
	parents, children := a.lineage(sources, units)
	return map[string]any{
		"metadata": head, "nodes": a.nodes, "sources": sources, "macros": macros.entries(a.Project.Name), "docs": a.overview(),
		"exposures": entry{}, "metrics": entry{}, "groups": entry{}, "selectors": entry{}, "disabled": entry{}, "functions": entry{},
		"parent_map": parents, "child_map": children, "group_map": entry{}, "saved_queries": entry{}, "semantic_models": entry{},
		"unit_tests": units,
	}, nil
}

// lineage are the ids that each node depends on, and those that depend on it.
func (a *Artifacts) lineage(sources, units entry) (parents, children map[string][]string) {
	parents, children = map[string][]string{}, map[string][]string{}
	for _, all := range []entry{a.nodes, sources, units} {
		for id, v := range all {
			parents[id], children[id] = []string{}, append([]string{}, children[id]...)
			on, _ := v.(entry)["depends_on"].(entry)
			for _, parent := range stringsOf(on["nodes"]) {
				parents[id] = append(parents[id], parent)
				children[parent] = append(children[parent], id)
			}
		}
	}
	for _, m := range []map[string][]string{parents, children} {
		for id := range m {
			slices.Sort(m[id])
		}
	}
	return parents, children
}

// overview is the page that dbt's docs begin with.
func (a *Artifacts) overview() entry {
	id := "doc." + a.Project.Name + ".__overview__"
	return entry{id: entry{
		"name": "__overview__", "resource_type": "doc", "package_name": a.Project.Name, "path": "overview.md",
		"original_file_path": "docs/overview.md", "unique_id": id,
		"block_contents": "# " + a.Project.Name + "\n\nTables that Lifeline publishes. Its own pages: `lifeline docs`.",
	}}
}

// common are the keys that every node has.
func (a *Artifacts) common(id, kind, name, file string) entry {
	path := file
	if inner, ok := a.Project.Below(file); ok {
		path = inner
	}
	fqn := append([]string{a.Project.Name}, a.Project.Folders(file)...)
	return entry{
		"unique_id": id, "resource_type": kind, "name": name, "package_name": a.Project.Name, "path": path,
		"original_file_path": file, "fqn": append(fqn, name), "database": a.Database,
	}
}

// checksum is dbt's digest of a file: of its text without blanks at both ends.
func checksum(text string) entry {
	sum := sha256.Sum256([]byte(strings.TrimSpace(text)))
	return entry{"name": "sha256", "checksum": hex.EncodeToString(sum[:])}
}

func (a *Artifacts) model(n *model.Node, macros macroTexts) (entry, error) {
	relation := func(n *model.Node) string { return a.relationName(n.Schema, n.Alias) }
	sql, err := a.Graph.Compile(n, model.Env{Relation: relation, This: relation(n)})
	if err != nil {
		return nil, err
	}
	e := a.common(n.ID, "model", n.Name, n.Path)
	a.built(e, n, n.Model.Description, n.Model.PatchedIn, n.Model.Columns, n.Model.Meta)
	refs, sources, on := []entry{}, [][]string{}, []string{}
	for _, d := range n.DependsOn {
		on = append(on, d.ID)
		if d.Kind == model.KindSource {
			sources = append(sources, []string{d.Source.Source, d.Name})
		} else {
			refs = append(refs, entry{"name": d.Name, "package": nil, "version": nil})
		}
	}
	if n.Materialized == model.Ephemeral {
		e["relation_name"] = nil
	}
	enforced := entry{"enforced": n.Config.Enforced, "alias_types": true, "checksum": nil}
	for k, v := range (entry{
		"checksum": checksum(n.Model.SQL), "raw_code": strings.TrimSpace(n.Model.SQL), "language": "sql", "refs": refs, "sources": sources,
		"metrics": []string{}, "functions": []string{}, "compiled": true, "compiled_code": sql, "extra_ctes": []entry{}, "contract": enforced,
		"extra_ctes_injected": true, "access": "protected", "constraints": []entry{}, "version": nil, "latest_version": nil,
		"compiled_path": filepath.ToSlash(filepath.Join("target", "compiled", a.Project.Name, n.Path)),
		"depends_on":    entry{"macros": macros.ids(a.Project.Name, macros.called(n.Model.SQL)), "nodes": on},
		"primary_key":   append([]string{}, n.Model.Grain...), "deprecation_date": nil, "time_spine": nil,
	}) {
		e[k] = v
	}
	return e, nil
}

func (a *Artifacts) seed(n *model.Node) entry {
	e := a.common(n.ID, "seed", n.Name, n.Path)
	var columns []project.Column
	for _, c := range n.Seed.Columns {
		columns = append(columns, project.Column{Name: c.Name, DataType: c.Type, Description: c.Description})
	}
	a.built(e, n, n.Seed.Description, "", columns, nil)
	text, err := os.ReadFile(filepath.Join(a.Project.Dir, filepath.FromSlash(n.Path)))
	if err != nil {
		text = nil // It was read a moment ago; a digest of nothing makes it modified.
	}
	e["checksum"], e["raw_code"], e["root_path"] = checksum(string(text)), "", a.Project.Dir
	e["depends_on"] = entry{"macros": []string{}}
	return e
}

// built adds what models and seeds have in common.
func (a *Artifacts) built(e entry, n *model.Node, description, patch string, columns []project.Column, meta map[string]any) {
	given := entry{}
	for k, v := range n.Config.Values() {
		if k != "meta" && k != "description" {
			given[k] = v
		}
	}
	materialized := n.Materialized
	if n.Kind == model.KindSeed {
		materialized = "seed"
	}
	config := nodeConfig(n, materialized, meta)
	if docs, ok := given["docs"].(map[string]any); ok {
		config["docs"] = entry{"show": docs["show"] != false, "node_color": docs["node_color"]}
	}
	if n.Kind == model.KindSeed {
		config["delimiter"], config["quote_columns"] = ",", nil
		delete(config, "access")
		delete(config, "freshness")
	}
	for k, v := range (entry{
		"schema": n.Schema, "alias": n.Alias, "relation_name": a.relationName(n.Schema, n.Alias), "tags": distinctTags(n.Tags),
		"description": description, "meta": orEmpty(meta), "group": nil, "docs": config["docs"], "columns": columnEntries(columns),
		"patch_path": patchPath(a.Project.Name, patch), "build_path": nil, "unrendered_config": given, "config": config,
		"created_at": float64(a.Started.UnixMilli()) / 1000, "doc_blocks": []string{},
	}) {
		e[k] = v
	}
}

func nodeConfig(n *model.Node, materialized string, meta map[string]any) entry {
	c := n.Config
	var key any
	if len(c.UniqueKey) > 0 {
		key = c.UniqueKey
	}
	none := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	config := entry{
		"enabled": true, "alias": none(c.Alias), "schema": none(c.Schema), "database": nil, "tags": distinctTags(n.Tags), "meta": orEmpty(meta),
		"group": nil, "static_analysis": nil, "materialized": materialized, "incremental_strategy": nil, "batch_size": nil, "lookback": 1,
		"begin": nil, "persist_docs": entry{}, "post-hook": []entry{}, "pre-hook": []entry{}, "quoting": entry{}, "column_types": entry{},
		"full_refresh": nil, "unique_key": key, "on_schema_change": "ignore", "on_configuration_change": "apply", "grants": entry{},
		"packages": []string{}, "docs": entry{"show": true, "node_color": nil}, "event_time": nil, "concurrent_batches": nil,
		"contract": entry{"enforced": c.Enforced, "alias_types": true}, "access": "protected", "freshness": nil,
	}
	if len(c.Indexes) > 0 {
		var indexes []entry
		for _, i := range c.Indexes {
			indexes = append(indexes, entry{"columns": i.Columns, "unique": i.Unique})
		}
		config["indexes"] = indexes
	}
	return config
}

func (a *Artifacts) source(n *model.Node) entry {
	s := n.Source
	e := a.common(n.ID, "source", n.Name, n.Path)
	for k, v := range (entry{
		"schema": n.Schema, "fqn": []string{a.Project.Name, s.Source, n.Name}, "source_name": s.Source, "source_description": "", "loader": "",
		"identifier": n.Alias, "quoting": entry{"database": nil, "schema": nil, "identifier": nil, "column": nil}, "external": nil,
		"loaded_at_field": nil, "loaded_at_query": nil, "freshness": nil, "description": s.Description, "columns": columnEntries(s.Columns),
		"meta": entry{}, "source_meta": entry{}, "tags": []string{}, "patch_path": nil, "unrendered_config": entry{}, "doc_blocks": []string{},
		"relation_name": a.relationName(n.Schema, n.Alias), "created_at": float64(a.Started.UnixMilli()) / 1000, "unrendered_database": nil,
		"unrendered_schema": nil, "config": entry{
			"enabled": true, "event_time": nil, "freshness": nil, "loaded_at_field": nil, "loaded_at_query": nil, "meta": entry{},
			"tags": []string{},
		},
	}) {
		e[k] = v
	}
	if s.LoadedAt != "" {
		e["loaded_at_field"] = s.LoadedAt
	}
	return e
}

func columnEntries(columns []project.Column) entry {
	out := entry{}
	for _, c := range columns {
		var kind any
		if c.DataType != "" {
			kind = c.DataType
		}
		out[c.Name] = entry{
			"name": c.Name, "description": c.Description, "data_type": kind, "meta": orEmpty(c.Meta), "constraints": []entry{}, "quote": nil,
			"config": entry{"meta": orEmpty(c.Meta), "tags": []string{}}, "tags": []string{}, "granularity": nil, "doc_blocks": []string{},
		}
	}
	return out
}

func patchPath(name, file string) any {
	if file == "" {
		return nil
	}
	return name + "://" + file
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return entry{}
	}
	return m
}

func distinctTags(tags []string) []string {
	if out := distinct(tags); out != nil {
		return out
	}
	return []string{}
}

// stringsOf are the texts of a list, read from JSON or made here.
func stringsOf(v any) []string {
	switch v := v.(type) {
	case []string:
		return v
	case []any:
		out := make([]string, 0, len(v))
		for _, x := range v {
			if s, ok := x.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}
