package dbt

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"lifeline/change"
	"lifeline/model"
)

// State is an earlier manifest, of Lifeline or of dbt, that a project is compared with.
type State struct {
	nodes  map[string]entry
	macros map[string]string
}

// ReadState reads the manifest of a folder of artifacts.
func ReadState(dir string) (*State, error) {
	file := filepath.Join(dir, ManifestFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &change.Problem{
			Err: fmt.Errorf("%s holds no %s to compare with", dir, ManifestFile), Class: change.ClassUsage,
			Try: "--state with the target folder of an earlier run, or of dbt",
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	var m struct {
		Nodes   map[string]entry `json:"nodes"`
		Sources map[string]entry `json:"sources"`
		Macros  map[string]struct {
			SQL string `json:"macro_sql"`
		} `json:"macros"`
	}
	if err := json.Unmarshal(text, &m); err != nil || m.Nodes == nil {
		return nil, &change.Problem{
			Err: fmt.Errorf("%s is not a manifest of dbt", file), Where: file, Class: change.ClassUsage,
			Try: "lifeline compile, or dbt parse, writes one",
		}
	}
	s := &State{nodes: m.Nodes, macros: map[string]string{}}
	for id, node := range m.Sources {
		s.nodes[id] = node
	}
	for id, macro := range m.Macros {
		s.macros[id] = macro.SQL
	}
	return s, nil
}

// Compare says of every node of the project what state: words choose it by: new or old, modified or unmodified, and what was modified as in
// dbt: modified.body, .configs, .relation, .macros, .contract and .persisted_descriptions (which dbt and Lifeline never persist).
func (a *Artifacts) Compare(old *State) (map[string][]string, error) {
	manifest, err := a.Manifest()
	if err != nil {
		return nil, err
	}
	// As JSON, so that both sides are made of the same types.
	text, err := json.Marshal(map[string]any{"nodes": manifest["nodes"], "sources": manifest["sources"]})
	if err != nil {
		return nil, fmt.Errorf("compare with the state: %w", err)
	}
	var now struct{ Nodes, Sources map[string]entry }
	if err := json.Unmarshal(text, &now); err != nil {
		return nil, fmt.Errorf("compare with the state: %w", err)
	}
	macros := a.modifiedMacros(old)
	out := map[string][]string{}
	for _, n := range a.Graph.Nodes {
		node := now.Nodes[n.ID]
		if n.Kind == model.KindSource {
			node = now.Sources[n.ID]
		}
		before, there := old.nodes[n.ID]
		if !there {
			out[n.ID] = []string{"new", "modified", "modified.body", "modified.configs", "modified.relation", "modified.contract"}
			continue
		}
		words := []string{"old"}
		for _, what := range modifications {
			if what.differs(before, node) {
				words = append(words, "modified."+what.name)
			}
		}
		if n.Model != nil && slices.ContainsFunc(macros.texts.called(n.Model.SQL), func(name string) bool { return macros.modified[name] }) {
			words = append(words, "modified.macros")
		}
		if len(words) > 1 {
			words = append(words, "modified")
		} else {
			words = append(words, "unmodified")
		}
		out[n.ID] = words
	}
	return out, nil
}

// modifications are the ways in which a node can have been modified, by dbt's words.
var modifications = []struct {
	name    string
	differs func(before, now entry) bool
}{
	{"body", func(before, now entry) bool {
		return differ(before, now, "checksum") || differ(before, now, "identifier")
	}},
	{"configs", func(before, now entry) bool {
		return !reflect.DeepEqual(comparedConfig(before), comparedConfig(now))
	}},
	{"relation", func(before, now entry) bool {
		for _, key := range []string{"schema", "alias", "database"} {
			if !reflect.DeepEqual(configured(before)[key], configured(now)[key]) {
				return true
			}
		}
		return false
	}},
	{"contract", func(before, now entry) bool {
		if !enforced(before) && !enforced(now) {
			return false
		}
		return enforced(before) != enforced(now) || !reflect.DeepEqual(columnTypes(before), columnTypes(now))
	}},
}

func differ(before, now entry, key string) bool { return !reflect.DeepEqual(before[key], now[key]) }

func configured(node entry) entry {
	config, _ := node["unrendered_config"].(entry)
	return config
}

// comparedConfig is the configuration that makes another table: names of relations are compared by themselves, and what only describes is
// not compared, as in dbt.
func comparedConfig(node entry) entry {
	out := entry{}
	for k, v := range configured(node) {
		if !slices.Contains([]string{"schema", "alias", "database", "tags", "group", "docs", "meta", "persist_docs", "description"}, k) {
			out[k] = v
		}
	}
	return out
}

func enforced(node entry) bool {
	contract, _ := node["contract"].(entry)
	return contract["enforced"] == true
}

func columnTypes(node entry) map[string]any {
	out := map[string]any{}
	columns, _ := node["columns"].(entry)
	for name, c := range columns {
		column, _ := c.(entry)
		out[name] = column["data_type"]
	}
	return out
}

// macroChanges are a project's macros, and which of them are not as they were, themselves or what they call.
type macroChanges struct {
	texts    macroTexts
	modified map[string]bool
}

func (a *Artifacts) modifiedMacros(old *State) macroChanges {
	c := macroChanges{macrosOf(a.Project), map[string]bool{}}
	for name, m := range c.texts {
		if before, ok := old.macros["macro."+a.Project.Name+"."+name]; !ok || before != m.text {
			c.modified[name] = true
		}
	}
	for again := true; again; {
		again = false
		for name, m := range c.texts {
			if c.modified[name] {
				continue
			}
			if slices.ContainsFunc(c.texts.called(m.text), func(called string) bool { return c.modified[called] }) {
				c.modified[name], again = true, true
			}
		}
	}
	return c
}
