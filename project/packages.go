package project

import (
	"cmp"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

// Package is an installed package of dbt, of which the macros and generic tests are known.
type Package struct {
	Name   string
	Macros []*Macro // One macro each, with blank lines before it, so that lines count as in the file.
}

var (
	macroBlock = regexp.MustCompile(`\{%-?\s*(?:macro|test)\s+\w+`)
	blockEnd   = regexp.MustCompile(`\{%-?\s*end(?:macro|test)\s*-?%\}`)
)

// readInstalled reads the packages that `dbt deps` has put beside the project.
func (p *Project) readInstalled() error {
	root := cmp.Or(p.packagesPath, "dbt_packages")
	entries, err := os.ReadDir(filepath.Join(p.Dir, filepath.FromSlash(root)))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		folder := path.Join(root, e.Name())
		o, err := ReadYAML(p.Dir, folder+"/dbt_project.yml")
		if err != nil || o == nil {
			continue // Not a package, or one that only another dbt understands; a call of its macros says so.
		}
		name, macros, models := e.Name(), []string{"macros"}, []string{"models"}
		if err := firstError(o.Text("name", &name), o.Texts("macro-paths", &macros), o.Texts("model-paths", &models)); err != nil {
			return err
		}
		if err := p.readPackageMacros(name, folder, macros); err != nil {
			return err
		}
		built, err := p.Files([]string{path.Join(folder, models[0])}, ".sql")
		if err != nil {
			return err
		}
		if len(built) > 0 {
			p.ignore("models of the package "+name+" (they are not built)", folder)
		}
	}
	return nil
}

func (p *Project) readPackageMacros(name, folder string, paths []string) error {
	var folders []string
	for _, f := range append(paths, "tests/generic") {
		folders = append(folders, path.Join(folder, f))
	}
	files, err := p.Files(folders, ".sql")
	if err != nil {
		return err
	}
	pack := &Package{Name: name}
	for _, file := range files {
		sql, err := p.read(file)
		if err != nil {
			return err
		}
		pack.Macros = append(pack.Macros, splitMacros(file, sql)...)
	}
	p.Packages = append(p.Packages, pack)
	sort.Slice(p.Packages, func(i, j int) bool { return p.Packages[i].Name < p.Packages[j].Name })
	return nil
}

// splitMacros takes the macros of a file apart: of a package some may need what is not here, and nobody may call them.
func splitMacros(file, sql string) []*Macro {
	var out []*Macro
	begins := macroBlock.FindAllStringIndex(sql, -1)
	for i, at := range begins {
		end := len(sql)
		if i+1 < len(begins) {
			end = begins[i+1][0]
		}
		block := sql[at[0]:end]
		if close := blockEnd.FindAllStringIndex(block, -1); len(close) > 0 {
			block = block[:close[0][1]]
		}
		out = append(out, &Macro{Path: file, SQL: strings.Repeat("\n", strings.Count(sql[:at[0]], "\n")) + block})
	}
	return out
}

// packageTests are the generic tests of installed packages, as PACKAGE.NAME, with their arguments.
func (p *Project) packageTests() map[string][]string {
	out := map[string][]string{}
	for _, pack := range p.Packages {
		for name, args := range testsIn(pack.Macros) {
			out[pack.Name+"."+name] = args
		}
	}
	return out
}
