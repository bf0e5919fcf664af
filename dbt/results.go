package dbt

import (
	"cmp"
	"fmt"
	"strings"
)

// Result is how one model or test of a run came out.
type Result struct {
	Model   string // A model's name; empty for a test.
	Test    string
	Status  string // success, pass, warn, fail, error or skipped.
	Message string
	Rows    int64 // Rows of a model, failing rows of a test.
	Seconds float64
}

// RunResults are the results of a run (dbt's run-results v6). Results of checks that are not tests of the project are left out.
func (a *Artifacts) RunResults(results []Result, args map[string]any, seconds float64) (map[string]any, error) {
	if a.nodes == nil {
		if _, err := a.Manifest(); err != nil {
			return nil, err
		}
	}
	all := []entry{}
	for _, r := range results {
		id := a.names[r.Test]
		if r.Model != "" {
			id = a.relationID(r.Model)
		}
		if id == "" {
			continue
		}
		e := entry{
			"status": r.Status, "timing": []entry{}, "thread_id": "Thread-1", "execution_time": r.Seconds, "adapter_response": entry{},
			"message": nil, "failures": nil, "unique_id": id, "compiled": nil, "compiled_code": nil, "relation_name": nil,
		}
		if r.Message != "" {
			e["message"] = r.Message
		}
		if r.Test != "" {
			e["failures"] = r.Rows
		} else {
			node := a.nodes[id].(entry)
			e["adapter_response"] = entry{"_message": "OK", "rows_affected": r.Rows}
			e["relation_name"] = node["relation_name"]
			if code, ok := node["compiled_code"]; ok {
				e["compiled"], e["compiled_code"] = true, code
			}
		}
		all = append(all, e)
	}
	head := a.head("run-results/v6")
	return map[string]any{"metadata": head, "results": all, "elapsed_time": seconds, "args": args}, nil
}

// relationID is the id of a model or seed by its name or by the name of its relation.
func (a *Artifacts) relationID(name string) string {
	for _, kind := range []string{"model", "seed"} {
		id := fmt.Sprintf("%s.%s.%s", kind, a.Project.Name, name[strings.LastIndexByte(name, '.')+1:])
		if _, ok := a.nodes[id]; ok {
			return id
		}
	}
	return ""
}

// CatalogColumn is a column of a table that is there.
type CatalogColumn struct {
	Schema, Table, Name, Type string
	View                      bool
}

// Catalog says what columns the published tables have (dbt's catalog v1), in the order of the columns given. A source table has those that
// the project declares.
func (a *Artifacts) Catalog(columns []CatalogColumn) map[string]any {
	of := map[string][]CatalogColumn{}
	for _, c := range columns {
		of[c.Schema+"."+c.Table] = append(of[c.Schema+"."+c.Table], c)
	}
	nodes, sources := entry{}, entry{}
	for _, n := range a.Graph.Nodes {
		if n.Source != nil {
			var declared []CatalogColumn
			for _, c := range n.Source.Columns {
				declared = append(declared, CatalogColumn{Schema: n.Schema, Table: n.Alias, Name: c.Name, Type: cmp.Or(c.DataType, "text")})
			}
			sources[n.ID] = a.catalogTable(n.ID, n.Schema, n.Alias, declared)
			continue
		}
		if found := of[n.Schema+"."+n.Alias]; len(found) > 0 {
			nodes[n.ID] = a.catalogTable(n.ID, n.Schema, n.Alias, found)
		}
	}
	return map[string]any{"metadata": a.head("catalog/v1"), "nodes": nodes, "sources": sources, "errors": nil}
}

func (a *Artifacts) catalogTable(id, schema, name string, columns []CatalogColumn) entry {
	of := entry{}
	kind := "BASE TABLE"
	for i, c := range columns {
		of[c.Name] = entry{"type": c.Type, "index": i + 1, "name": c.Name, "comment": nil}
		if c.View {
			kind = "VIEW"
		}
	}
	return entry{
		"metadata": entry{"type": kind, "schema": schema, "name": name, "database": a.Database, "comment": nil, "owner": nil},
		"columns":  of, "unique_id": id,
		"stats": entry{"has_stats": entry{
			"id": "has_stats", "label": "Has Stats?", "value": false, "include": false,
			"description": "Indicates whether there are statistics for this table",
		}},
	}
}
