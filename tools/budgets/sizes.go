package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"unicode/utf8"
)

const (
	maxFileLines  = 600
	maxFuncLines  = 80
	maxLineChars  = 140
	maxCyclomatic = 20
)

// looser are the folders whose functions may have more ways through than maxCyclomatic.
var looser = map[string]int{
	"discover": 45, // It weighs many small signs, each a condition; apart they would say less.
	"jinja":    26, // It follows Python's grammar of formats.
	"tools":    22,
}

// unwrapped are the folders whose lines are not measured yet.
var unwrapped = []string{"examples"}

// builtTypes is written by the pages' build, and not kept.
const builtTypes = "web/src/lib/drift.ts"

// sizes keeps files, functions and lines short enough to be read in one sitting. Tests count too.
func sizes(t *tree) []breach {
	var out []breach
	for _, f := range t.files {
		if !slices.Contains(unwrapped, f.top()) && f.name != builtTypes {
			out = append(out, lines(f)...)
		}
		if n := len(f.lines); n > maxFileLines {
			out = append(out, breach{
				file: f.name, line: maxFileLines + 1, rule: "file-size",
				what: fmt.Sprintf("%d lines, %d are allowed", n, maxFileLines),
				mend: "cut the file by verb into files that sort together, such as load.go and load_rows.go",
			})
		}
		if f.ast == nil {
			continue
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n, most := cyclomatic(fn), cmp.Or(looser[f.top()], maxCyclomatic); n > most {
				out = append(out, breach{
					file: f.name, line: t.at(fn), rule: "cyclomatic",
					what: fmt.Sprintf("%s has a cyclomatic complexity of %d, %d is allowed", fn.Name.Name, n, most),
					mend: "give the branches names: one function each, or a table of cases",
				})
			}
			if n := t.fset.Position(fn.End()).Line - t.at(fn) + 1; n > maxFuncLines {
				mend := "give the steps names: one function each; move long SQL to an embedded .sql file"
				if f.test {
					mend = "move the table of cases to a variable, or give the steps names"
				}
				out = append(out, breach{
					file: f.name, line: t.at(fn), rule: "function-size", mend: mend,
					what: fmt.Sprintf("%s has %d lines, %d are allowed", fn.Name.Name, n, maxFuncLines),
				})
			}
		}
	}
	return out
}

// lines reports every line that is longer than a screen is wide; a tab counts as one character.
func lines(f *file) []breach {
	var out []breach
	for i, text := range f.lines {
		if n := utf8.RuneCountInString(text); n > maxLineChars {
			out = append(out, breach{
				file: f.name, line: i + 1, rule: "line-length",
				what: fmt.Sprintf("%d characters, %d are allowed", n, maxLineChars),
				mend: "break it after a comma or an operator, or put the comment above",
			})
		}
	}
	return out
}

// cyclomatic counts the ways through a function: one, and one more for each branch, loop, case and short-circuit. A function literal
// counts where it stands.
func cyclomatic(fn *ast.FuncDecl) int {
	n := 1
	ast.Inspect(fn, func(node ast.Node) bool {
		switch x := node.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			n++
		case *ast.CaseClause:
			if x.List != nil {
				n++
			}
		case *ast.CommClause:
			if x.Comm != nil {
				n++
			}
		case *ast.BinaryExpr:
			if x.Op == token.LAND || x.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}
