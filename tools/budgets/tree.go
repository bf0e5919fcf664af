package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// tree is the project's own source, read once for all rules.
type tree struct {
	module     string
	fset       *token.FileSet
	files      []*file
	badWaivers []breach
}

// file is one hand-written source file. ast is nil where it is not Go.
type file struct {
	name   string // relative to the root, with slashes
	lines  []string
	ast    *ast.File
	test   bool
	waived map[int][]string // line to the rules waived there
}

// dir is the folder of the file, "." for the root.
func (f *file) dir() string { return path.Dir(f.name) }

// top is the first folder of the file's path: the layer it belongs to.
func (f *file) top() string { return topOf(f.dir()) }

func topOf(dir string) string {
	top, _, _ := strings.Cut(dir, "/")
	return top
}

// at turns a position of the syntax tree into a line.
func (t *tree) at(n ast.Node) int { return t.fset.Position(n.Pos()).Line }

// goFiles are the files that the Go rules look at.
func (t *tree) goFiles() []*file {
	var out []*file
	for _, f := range t.files {
		if f.ast != nil {
			out = append(out, f)
		}
	}
	return out
}

var (
	measured    = map[string]bool{".go": true, ".sql": true, ".ts": true, ".tsx": true, ".css": true, ".sh": true}
	skippedDirs = map[string]bool{"testdata": true, "node_modules": true, "vendor": true, "dist": true, "bin": true, "lifeline-demo": true}
	generated   = regexp.MustCompile(`(?m)^(//|/\*|--) ?Code generated .* DO NOT EDIT\.`)
	moduleLine  = regexp.MustCompile(`(?m)^module\s+(\S+)`)
	waiver      = regexp.MustCompile(`(?://|--|/\*)\s*budgets: allow ([a-z-]+)(?:: *(\S.*))?`)
)

func readTree(root string) (*tree, error) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("read the module's name: %w", err)
	}
	m := moduleLine.FindSubmatch(mod)
	if m == nil {
		return nil, fmt.Errorf("read the module's name: %s has no module line", filepath.Join(root, "go.mod"))
	}
	t := &tree{module: string(m[1]), fset: token.NewFileSet()}
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if p != root && skip(p, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		case !d.Type().IsRegular() || !measured[filepath.Ext(p)]:
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return fmt.Errorf("name %s: %w", p, err)
		}
		return t.add(p, filepath.ToSlash(rel))
	})
	if err != nil {
		return nil, fmt.Errorf("read the tree: %w", err)
	}
	return t, nil
}

// skip leaves out what is not ours or not written by hand, and modules of their own.
func skip(p, name string) bool {
	if skippedDirs[name] || strings.HasPrefix(name, ".") {
		return true
	}
	_, err := os.Stat(filepath.Join(p, "go.mod"))
	return err == nil
}

func (t *tree) add(p, name string) error {
	data, err := os.ReadFile(p)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if generated.Match(data) {
		return nil
	}
	f := &file{
		name:   name,
		lines:  strings.Split(string(bytes.TrimSuffix(data, []byte("\n"))), "\n"),
		test:   strings.HasSuffix(name, "_test.go"),
		waived: map[int][]string{},
	}
	if strings.HasSuffix(name, ".go") {
		f.ast, err = parser.ParseFile(t.fset, name, data, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parse %s: %w", name, err)
		}
	}
	t.readWaivers(f)
	t.files = append(t.files, f)
	return nil
}

// readWaivers notes which rules are waived on which line. The tool's own source only talks of them.
func (t *tree) readWaivers(f *file) {
	if f.dir() == "tools/budgets" {
		return
	}
	for i, line := range f.lines {
		m := waiver.FindStringSubmatch(line)
		switch {
		case m == nil:
		case m[2] == "":
			t.badWaivers = append(t.badWaivers, breach{
				file: f.name, line: i + 1, rule: "waiver", what: "a waiver without a reason",
				mend: "write `// budgets: allow " + m[1] + ": ` and why",
			})
		default:
			f.waived[i+1] = append(f.waived[i+1], m[1])
			f.waived[i+2] = append(f.waived[i+2], m[1])
		}
	}
}

func (t *tree) waived(b breach) bool {
	for _, f := range t.files {
		if f.name != b.file {
			continue
		}
		for _, rule := range f.waived[b.line] {
			if rule == b.rule {
				return true
			}
		}
	}
	return false
}
