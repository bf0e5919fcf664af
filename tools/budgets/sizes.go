package main

import (
	"fmt"
	"go/ast"
)

const (
	maxFileLines = 600
	maxFuncLines = 80
)

// sizes keeps files and functions short enough to be read in one sitting. Tests count too.
func sizes(t *tree) []breach {
	var out []breach
	for _, f := range t.files {
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
