package project

import (
	"fmt"
	"path"
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
	o, err := ReadYAML(p.Dir, file)
	if err != nil {
		return err
	}
	if o == nil {
		return &change.Problem{Err: fmt.Errorf("%s holds no %s", p.Dir, file), Class: change.ClassUsage, Try: "add one with name: and model-paths:"}
	}
	p.files = append(p.files, file, "lifeline.yml")
	p.paths = paths{models: []string{"models"}, seeds: []string{"seeds"}, tests: []string{"tests"}, macros: []string{"macros"}}
	if err := firstError(
		o.Text("name", &p.Name),
		o.Texts("model-paths", &p.paths.models), o.Texts("seed-paths", &p.paths.seeds),
		o.Texts("test-paths", &p.paths.tests), o.Texts("macro-paths", &p.paths.macros),
		o.Dict("vars", &p.Vars),
	); err != nil {
		return err
	}
	if p.Name == "" {
		return &change.Problem{Err: fmt.Errorf("the project has no name"), Where: file, Class: change.ClassUsage, Try: "name: my_project"}
	}
	for _, hook := range []string{"on-run-start", "on-run-end"} {
		if v, ok := o.Take(hook); ok {
			if texts, err := v.Texts(); err != nil || len(texts) > 0 {
				return v.Problem(hook+" hooks are not supported", "take the hook out; run builds a version that nobody sees before it is whole")
			}
		}
	}
	p.folders = map[string]Value{}
	for _, kind := range []string{"models", "seeds"} {
		if v, ok := o.Take(kind); ok {
			p.folders[kind] = v
		}
	}
	p.packageVars()
	p.paths.clean()
	for _, key := range []string{"version", "config-version", "profile"} {
		o.Take(key) // Every dbt project has these; that they mean nothing here is no news.
	}
	return o.Finish(p, projectIgnored...)
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

// clean takes "./" and the slash at the end off, so that folders compare.
func (p *paths) clean() {
	for _, list := range [][]string{p.models, p.seeds, p.tests, p.macros} {
		for i := range list {
			list[i] = path.Clean(list[i])
		}
	}
}

func (p *Project) readMacros() error {
	files, err := p.Files(p.paths.macros, ".sql")
	if err != nil {
		return err
	}
	var folders []string
	for _, root := range p.paths.tests {
		folders = append(folders, root+"/generic")
	}
	generic, err := p.Files(folders, ".sql")
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
		files, err := p.Files([]string{root}, ".sql", ".py")
		if err != nil {
			return err
		}
		for _, f := range files {
			if strings.HasSuffix(f, ".py") {
				return &change.Problem{Err: fmt.Errorf("models in Python are not supported"), Where: f, Class: change.ClassUsage, Try: "write the model in SQL"}
			}
			sql, err := p.read(f)
			if err != nil {
				return err
			}
			m := &Model{Name: baseName(f), Path: f, SQL: sql}
			if err := p.folderConfig("models", root, f, &m.Config); err != nil {
				return err
			}
			p.Models = append(p.Models, m)
		}
	}
	return p.unusedFolders("models")
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
