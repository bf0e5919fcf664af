package main

import (
	"go/ast"
	"go/token"
	"slices"
)

// docs wants a comment on every package and on every exported thing of a package that others import.
func docs(t *tree) []breach {
	var out []breach
	first := map[string]*file{}
	var order []string
	documented := map[string]bool{}
	for _, f := range t.goFiles() {
		if f.test {
			continue
		}
		if first[f.dir()] == nil {
			first[f.dir()] = f
			order = append(order, f.dir())
		}
		if f.ast.Doc != nil {
			documented[f.dir()] = true
		}
		if f.ast.Name.Name != "main" {
			out = append(out, undocumented(t, f)...)
		}
	}
	slices.Sort(order)
	for _, dir := range order {
		if !documented[dir] {
			f := first[dir]
			out = append(out, breach{
				file: f.name, line: t.at(f.ast.Name), rule: "package-comment",
				what: "the package has no comment",
				mend: "say above `package` what it does, and what it leaves to others",
			})
		}
	}
	return out
}

func undocumented(t *tree, f *file) []breach {
	var out []breach
	miss := func(n ast.Node, name string) {
		out = append(out, breach{
			file: f.name, line: t.at(n), rule: "exported-comment",
			what: name + " is exported and has no comment",
			mend: "say what it is: units, time zone, grain, errors; or make it unexported",
		})
	}
	for _, d := range f.ast.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
				miss(d, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if name := undocumentedSpec(d, spec); name != "" {
					miss(spec, name)
				}
			}
		}
	}
	return out
}

// undocumentedSpec gives the name of an exported type, var or const that has no comment: of its own, at
// its line's end, or, for vars and consts, over its group.
func undocumentedSpec(d *ast.GenDecl, spec ast.Spec) string {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && s.Doc == nil && (d.Doc == nil || len(d.Specs) > 1) {
			return s.Name.Name
		}
	case *ast.ValueSpec:
		if d.Tok != token.IMPORT && s.Names[0].IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
			return s.Names[0].Name
		}
	}
	return ""
}

// Methods that only satisfy a well-known interface explain themselves.
var plain = []string{"Error", "String", "Unwrap", "Close", "Len", "Less", "Swap", "MarshalJSON", "UnmarshalJSON"}

func exportedReceiver(fn *ast.FuncDecl) bool {
	if fn.Recv == nil {
		return true
	}
	if slices.Contains(plain, fn.Name.Name) {
		return false
	}
	e := fn.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}
