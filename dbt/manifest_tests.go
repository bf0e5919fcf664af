package dbt

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"lifeline/model"
	"lifeline/project"
)

// tests adds every test of the project to the nodes.
func (a *Artifacts) tests(macros macroTexts) error {
	a.names = map[string]string{}
	for _, t := range a.Project.Tests {
		if t.Disabled || t.Constraint != "" { // dbt writes constraints into the table.
			continue
		}
		var id string
		var e entry
		var err error
		if t.Kind == project.Singular {
			id = "test." + a.Project.Name + "." + t.Name
			e, err = a.singular(id, t, macros)
		} else {
			id, e, err = a.generic(t, macros)
		}
		if err != nil {
			return err
		}
		a.nodes[id], a.names[t.Name] = e, id
	}
	return nil
}

// test are the keys that both kinds of tests have.
func (a *Artifacts) test(id, name, alias string, t *project.Test) entry {
	e := a.common(id, "test", name, t.File)
	orNotZero := func(s string) string {
		if s == "" {
			return "!= 0"
		}
		return s
	}
	var where any
	if t.Where != "" {
		where = t.Where
	}
	meta := entry{}
	if t.OnFail != "" {
		meta["lifeline"] = entry{"on_fail": t.OnFail}
	}
	tags := distinctTags(t.Tags)
	for k, v := range (entry{
		"schema": "dbt_test__audit", "alias": alias, "checksum": entry{"name": "none", "checksum": ""}, "tags": tags,
		"description": t.Description,
		"columns":     entry{}, "meta": meta, "group": nil, "docs": entry{"show": true, "node_color": nil}, "patch_path": nil, "build_path": nil,
		"unrendered_config": entry{}, "created_at": float64(a.Started.UnixMilli()) / 1000, "relation_name": nil, "doc_blocks": []string{},
		"language": "sql", "metrics": []string{}, "functions": []string{}, "extra_ctes_injected": false, "extra_ctes": []entry{},
		"compiled": false, "compiled_code": nil, "contract": entry{"enforced": false, "alias_types": true, "checksum": nil},
		"config": entry{
			"enabled": true, "alias": nil, "schema": "dbt_test__audit", "database": nil, "tags": tags, "meta": meta, "group": nil,
			"static_analysis": nil, "materialized": "test", "severity": strings.ToUpper(t.Severity), "store_failures": nil,
			"store_failures_as": nil, "where": where, "limit": nil, "fail_calc": "count(*)", "warn_if": orNotZero(t.WarnIf),
			"error_if": orNotZero(t.ErrorIf),
		},
	}) {
		e[k] = v
	}
	return e
}

func (a *Artifacts) singular(id string, t *project.Test, macros macroTexts) (entry, error) {
	e := a.test(id, t.Name, t.Name, t)
	relation := func(n *model.Node) string { return a.relationName(n.Schema, n.Alias) }
	var on []string
	refs, sources := []entry{}, [][]string{}
	sql, err := a.Graph.CompileTest(t, model.Env{Relation: func(n *model.Node) string {
		if !slices.Contains(on, n.ID) {
			on = append(on, n.ID)
			if n.Kind == model.KindSource {
				sources = append(sources, []string{n.Source.Source, n.Name})
			} else {
				refs = append(refs, entry{"name": n.Name, "package": nil, "version": nil})
			}
		}
		return relation(n)
	}})
	if err != nil {
		return nil, err
	}
	e["checksum"], e["raw_code"], e["compiled"], e["compiled_code"] = checksum(t.SQL), strings.TrimSpace(t.SQL), true, sql
	e["extra_ctes_injected"], e["refs"], e["sources"] = true, refs, sources
	e["compiled_path"] = path.Join("target", "compiled", a.Project.Name, t.File)
	e["depends_on"] = entry{"macros": macros.ids(a.Project.Name, macros.called(t.SQL)), "nodes": append([]string{}, on...)}
	return e, nil
}

// generic makes a generic test with the unique id that dbt gives it.
func (a *Artifacts) generic(t *project.Test, macros macroTexts) (string, entry, error) {
	on, err := a.Graph.Tested(t)
	if err != nil {
		return "", nil, err
	}
	nodes, refs, sources := []string{on.ID}, []entry{}, [][]string{}
	call, key := "ref('"+on.Name+"')", "models."+on.Name
	switch on.Kind {
	case model.KindSource:
		call, key = fmt.Sprintf("source('%s', '%s')", on.Source.Source, on.Name), "sources."+on.Source.Source
		sources = append(sources, []string{on.Source.Source, on.Name})
	case model.KindSeed:
		key = "seeds." + on.Name
		fallthrough
	default:
		refs = append(refs, entry{"name": on.Name, "package": nil, "version": nil})
	}
	args := entry{"model": "{{ get_where_subquery(" + call + ") }}"}
	if t.Column != "" {
		args["column_name"] = t.Column
	}
	for k, v := range t.Args {
		args[k] = v
		if text, ok := v.(string); ok && (k == "to" || k == "compare_model") {
			if other, err := a.Graph.Refers(text); err == nil && other != on {
				nodes = append([]string{other.ID}, nodes...)
				if other.Kind == model.KindSource {
					sources = append([][]string{{other.Source.Source, other.Name}}, sources...)
				} else {
					refs = append([]entry{{"name": other.Name, "package": nil, "version": nil}}, refs...)
				}
			}
		}
	}
	space, kind := any(nil), t.Kind
	if pack, own, ok := strings.Cut(kind, "."); ok {
		space, kind = pack, own
	}
	metadata := entry{"namespace": space, "name": kind, "kwargs": args}
	name := t.FullName()
	id := fmt.Sprintf("test.%s.%s.%s", a.Project.Name, name, testDigest(name, metadata))
	e := a.test(id, name, shortened(t, name), t)
	macro := macros.ids(a.Project.Name, macros.called("test_"+kind+"("))
	e["raw_code"] = "{{ test_" + kind + "(**_dbt_generic_test_kwargs) }}"
	if space != nil {
		e["raw_code"] = fmt.Sprintf("{{ %s.test_%s(**_dbt_generic_test_kwargs) }}", space, kind)
	}
	if short := shortened(t, name); short != name {
		e["raw_code"] = fmt.Sprintf("%s{{ config(alias=\"%s\") }}", e["raw_code"], short)
		e["config"].(entry)["alias"], e["unrendered_config"] = short, entry{"alias": short}
	}
	e["path"], e["refs"], e["sources"] = shortened(t, name)+".sql", refs, sources
	e["depends_on"] = entry{"macros": macro, "nodes": nodes}
	e["file_key_name"], e["attached_node"], e["test_metadata"] = key, on.ID, metadata
	e["column_name"] = nil
	if t.Column != "" {
		e["column_name"] = t.Column
	}
	return id, e, nil
}

// shortened is the name of a test where names are short, as dbt shortens it.
func shortened(t *project.Test, name string) string {
	if len(name) < 64 || t.Named {
		return name
	}
	front := strings.ReplaceAll(t.Kind, ".", "_") + "_" + strings.ReplaceAll(t.Node, ".", "_")
	if strings.Contains(t.Node, ".") {
		front = "source_" + front
	}
	sum := md5.Sum([]byte(name))
	return front[:min(30, len(front))] + "_" + hex.EncodeToString(sum[:])
}

// testDigest is the end of a generic test's unique id: dbt takes it of the test as Python would print it.
func testDigest(name string, metadata entry) string {
	sum := md5.Sum([]byte(name + python(metadata)))
	return hex.EncodeToString(sum[:])[22:]
}

// python prints mappings and lists of texts as Python does, every other value as a text.
func python(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, pythonText(k)+": "+python(v[k]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = python(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case nil:
		return "'None'"
	case bool:
		return map[bool]string{true: "'True'", false: "'False'"}[v]
	case float64:
		text := strconv.FormatFloat(v, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return pythonText(text)
	}
	return pythonText(fmt.Sprint(v))
}

// pythonText is a text in the quotes that Python takes.
func pythonText(s string) string {
	quote := "'"
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = `"`
	}
	s = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s)
	if quote == "'" {
		s = strings.ReplaceAll(s, "'", `\'`)
	}
	return quote + s + quote
}

func (a *Artifacts) units() entry {
	out := entry{}
	for _, u := range a.Project.UnitTests {
		if u.Disabled {
			continue
		}
		id := "unit_test." + a.Project.Name + "." + u.Model + "." + u.Name
		e := a.common(id, "unit_test", u.Name, u.File)
		delete(e, "database")
		e["fqn"] = append(append([]string{a.Project.Name}, a.Project.Folders(u.File)...), u.Model, u.Name)
		given := []entry{}
		for _, f := range u.Given {
			g := fixture(f)
			g["input"] = f.Input
			given = append(given, g)
		}
		on := []string{}
		for _, n := range a.Graph.Nodes {
			if n.Kind == model.KindModel && n.Name == u.Model {
				on = append(on, n.ID)
			}
		}
		e["model"], e["given"], e["expect"], e["description"] = u.Model, given, fixture(u.Expect), u.Description
		e["depends_on"], e["schema"], e["created_at"] = entry{"macros": []string{}, "nodes": on}, nil, float64(a.Started.UnixMilli())/1000
		e["overrides"], e["versions"], e["version"] = nil, nil, nil
		if len(u.Vars)+len(u.Env)+len(u.Macros) > 0 {
			e["overrides"] = entry{"macros": orEmpty(u.Macros), "vars": orEmpty(u.Vars), "env_vars": orEmpty(u.Env)}
		}
		e["config"] = entry{"tags": []string{}, "meta": entry{}, "enabled": true, "static_analysis": nil}
		e["checksum"] = nil
		out[id] = e
	}
	return out
}

func fixture(f project.Fixture) entry {
	e := entry{"format": f.Format, "fixture": nil, "rows": f.Rows}
	switch {
	case f.Fixture != "":
		e["fixture"], e["rows"] = f.Fixture, nil
	case f.Format != "dict":
		e["rows"] = f.Text
	case f.Rows == nil:
		e["rows"] = []entry{}
	}
	return e
}
