package dbt

import (
	"regexp"
	"slices"

	"lifeline/project"
)

type macroText struct{ file, text string }

// macroTexts are a project's macros by their names in dbt; a generic test is test_NAME.
type macroTexts map[string]macroText

var (
	macroBegin = regexp.MustCompile(`\{%-?\s*(macro|test)\s+(\w+)\s*\(`)
	macroEnd   = regexp.MustCompile(`\{%-?\s*end(?:macro|test)\s*-?%\}`)
	callOf     = regexp.MustCompile(`(\w+)\s*\(|dispatch\(\s*['"](\w+)['"]`)
)

// macrosOf takes a project's macros out of their files.
func macrosOf(p *project.Project) macroTexts {
	out := macroTexts{}
	for _, m := range p.Macros {
		for _, at := range macroBegin.FindAllStringSubmatchIndex(m.SQL, -1) {
			name := m.SQL[at[4]:at[5]]
			if m.SQL[at[2]:at[3]] == "test" {
				name = "test_" + name
			}
			text := m.SQL[at[0]:]
			if end := macroEnd.FindStringIndex(text); end != nil {
				text = text[:end[1]]
			}
			out[name] = macroText{m.Path, text}
		}
	}
	return out
}

// called are the project's macros that a text calls, by their names, sorted.
func (m macroTexts) called(text string) []string {
	var out []string
	for _, found := range callOf.FindAllStringSubmatch(text, -1) {
		for _, name := range found[1:] {
			for _, form := range []string{name, "default__" + name, "duckdb__" + name, "postgres__" + name} {
				if _, ok := m[form]; ok && name != "" && !slices.Contains(out, form) {
					out = append(out, form)
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// ids are the unique ids of macros by their names.
func (macroTexts) ids(project string, names []string) []string {
	out := []string{}
	for _, n := range names {
		out = append(out, "macro."+project+"."+n)
	}
	return out
}

func (m macroTexts) entries(project string) entry {
	out := entry{}
	for name, text := range m {
		var on []string
		for _, called := range m.called(text.text) {
			if called != name {
				on = append(on, called)
			}
		}
		id := "macro." + project + "." + name
		out[id] = entry{
			"name": name, "resource_type": "macro", "package_name": project, "path": text.file, "original_file_path": text.file,
			"unique_id": id, "macro_sql": text.text, "depends_on": entry{"macros": m.ids(project, on)}, "description": "", "meta": entry{},
			"docs": entry{"show": true, "node_color": nil}, "patch_path": nil, "arguments": []entry{}, "created_at": 0.0,
			"supported_languages": nil, "config": entry{"meta": entry{}, "docs": entry{"show": true, "node_color": nil}},
		}
	}
	return out
}
