package project

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"lifeline/change"
)

// Keys of dbt_project.yml that have no effect here.
var projectIgnored = []string{
	"require-dbt-version", "clean-targets", "log-path",
	"asset-paths", "snapshots", "dispatch", "query-comment", "flags",
	"dbt-cloud", "semantic-models", "saved-queries", "exposures", "metrics", "on-run-start", "on-run-end", "sources", "unit_tests",
}

func (p *Project) readDbtProject() error {
	const file = "dbt_project.yml"
	o, err := ReadYAML(p.Dir, file)
	if err != nil {
		return err
	}
	if o == nil {
		return &change.Problem{
			Err: fmt.Errorf("%s holds no %s", p.Dir, file), Class: change.ClassUsage,
			Try: "add one with name: and model-paths:",
		}
	}
	p.files = append(p.files, file)
	if _, err := os.Stat(filepath.Join(p.Dir, "lifeline.yml")); err == nil {
		p.files = append(p.files, "lifeline.yml")
	}
	p.paths = paths{
		models: []string{"models"}, seeds: []string{"seeds"}, tests: []string{"tests"}, macros: []string{"macros"},
		snapshots: []string{"snapshots"}, analyses: []string{"analyses"}, functions: []string{"functions"},
	}
	if err := firstError(
		o.Text("name", &p.Name), p.expanded(o, "target-path", &p.TargetPath),
		p.expanded(o, "packages-install-path", &p.packagesPath),
		o.Texts("model-paths", &p.paths.models), o.Texts("seed-paths", &p.paths.seeds),
		o.Texts("test-paths", &p.paths.tests), o.Texts("macro-paths", &p.paths.macros),
		o.Texts("docs-paths", &p.paths.docs), o.Texts("snapshot-paths", &p.paths.snapshots), o.Texts("analysis-paths", &p.paths.analyses),
		o.Texts("function-paths", &p.paths.functions),
		o.Dict("vars", &p.Vars),
	); err != nil {
		return err
	}
	if p.Name == "" {
		return &change.Problem{Err: fmt.Errorf("the project has no name"), Where: file, Class: change.ClassUsage, Try: "name: my_project"}
	}
	if err := firstError(p.oldPaths(o, "source-paths", "model-paths", &p.paths.models),
		p.oldPaths(o, "data-paths", "seed-paths", &p.paths.seeds)); err != nil {
		return err
	}
	p.hooks = map[string]Value{}
	for _, hook := range []string{"on-run-start", "on-run-end"} {
		if v, ok := o.Take(hook); ok {
			p.hooks[hook] = v // A macro that it calls is not read yet.
		}
	}
	p.folders = map[string]Value{}
	for _, kind := range []string{"models", "seeds", "data_tests", "tests"} {
		if v, ok := o.Take(kind); ok {
			p.folders[kind] = v
		}
	}
	p.packageVars()
	p.paths.clean()
	for _, key := range []string{"version", "config-version", "profile", "quoting"} {
		o.Take(key) // Every dbt project has these; that they mean nothing here is no news.
	}
	return o.Finish(p, projectIgnored...)
}

// oldPaths takes a key by the name that it had before dbt 1.0, as dbt still does.
func (p *Project) oldPaths(o *Object, old, now string, set *[]string) error {
	v, ok := o.Take(old)
	if !ok {
		return nil
	}
	for _, f := range o.Fields {
		if f.Name == now {
			return v.Problem(fmt.Sprintf("%s is the old name of %s, and both are there", old, now), "take "+old+" out")
		}
	}
	p.ignore(fmt.Sprintf("the name %s (dbt calls it %s since 1.0; it is taken as that)", old, now), v.Where())
	return o.Texts(old, set)
}

// packageVars lifts the variables under the project's own name to the top, as dbt resolves them.
func (p *Project) packageVars() {
	defer func() { maps.Copy(p.Vars, p.given) }()
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
	for _, list := range [][]string{p.models, p.seeds, p.tests, p.macros, p.docs, p.snapshots, p.analyses, p.functions} {
		for i := range list {
			list[i] = path.Clean(list[i])
		}
	}
}

// readForeign refuses what dbt would build and Lifeline does not, and lists what only dbt reads.
func (p *Project) readForeign() error {
	snapshots, err := p.Files(p.paths.snapshots, ".sql", ".yml", ".yaml")
	if err != nil {
		return err
	}
	if len(snapshots) > 0 {
		return usage(snapshots[0], "snapshots are not supported",
			"take it out: history keeps every earlier version of a source's rows, and versions() reads them")
	}
	functions, err := p.Files(p.paths.functions, ".sql", ".py")
	if err != nil {
		return err
	}
	if len(functions) > 0 {
		return usage(functions[0], "functions of the warehouse are not built", "take it out, or write it as a macro")
	}
	for file, what := range map[string]string{
		"profiles.yml":  "profiles.yml (lifeline.yml, --warehouse or LIFELINE_WAREHOUSE name the database)",
		"selectors.yml": "selectors.yml, a default selector too (--select chooses)",
	} {
		if _, err := os.Stat(filepath.Join(p.Dir, file)); err == nil {
			p.ignore(what, file)
		}
	}
	analyses, err := p.Files(p.paths.analyses, ".sql")
	if err != nil {
		return err
	}
	for _, f := range analyses {
		p.ignore("an analysis (it is not compiled)", f)
	}
	for _, file := range []string{"packages.yml", "dependencies.yml"} {
		o, err := ReadYAML(p.Dir, file)
		if err != nil || o == nil {
			if err != nil {
				return err
			}
			continue
		}
		if v, ok := o.Take("projects"); ok {
			return v.Problem("other projects are not supported", "copy the models that are needed into this project")
		}
		if err := firstError(o.Each("packages", p.readPackage), o.Finish(p)); err != nil {
			return err
		}
	}
	return nil
}

// readPackage lists a package of which nothing is known here.
func (p *Project) readPackage(o *Object) error {
	var name string
	for _, key := range []string{"package", "git", "local", "tarball", "private", "hub"} {
		if v, ok := o.Take(key); ok {
			text, err := v.Text()
			if err != nil {
				return err
			}
			name = text
		}
	}
	for _, known := range []string{"dbt_utils", "dbt_expectations", "dbt-utils", "dbt-expectations"} {
		if strings.HasSuffix(strings.TrimSuffix(name, ".git"), "/"+known) {
			return nil
		}
	}
	p.ignore("package "+name+" (its models are not built; its macros and tests are known where dbt deps has installed it)", o.Value.Where())
	return nil
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
	for _, name := range slices.Sorted(maps.Keys(p.hooks)) {
		v := p.hooks[name]
		x, err := v.Any()
		if err != nil {
			return err
		}
		if err := p.TakeHook(name, x); err != nil {
			return v.Problem(err.Error(), hookTry)
		}
		if len(hookTexts(x)) > 0 {
			p.ignore(name+" (hooks are not run)", v.Where())
		}
	}
	return nil
}

// tellOtherFiles lists files among the models that are none: x.SQL, or x.sql.bak, would be left out in silence.
func (p *Project) tellOtherFiles(root string) error {
	err := filepath.WalkDir(filepath.Join(p.Dir, root), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Clean(root) == "." {
			return err
		}
		known := []string{".sql", ".py", ".yml", ".yaml", ".md", ".txt", ".csv"}
		if slices.Contains(known, filepath.Ext(file)) || strings.HasPrefix(d.Name(), ".") {
			return nil
		}
		rel, err := filepath.Rel(p.Dir, file)
		p.ignore("a file that is neither .sql nor .yml", filepath.ToSlash(rel))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (p *Project) readModels() error {
	for _, root := range p.paths.models {
		files, err := p.Files([]string{root}, ".sql", ".py")
		if err != nil {
			return err
		}
		for _, f := range files {
			if strings.HasSuffix(f, ".py") {
				return &change.Problem{
					Err: fmt.Errorf("models in Python are not supported"), Where: f, Class: change.ClassUsage,
					Try: "write the model in SQL",
				}
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
		if err := p.tellOtherFiles(root); err != nil {
			return err
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
