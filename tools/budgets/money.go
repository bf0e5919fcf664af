package main

import (
	"go/ast"
	"regexp"
	"strings"
)

// Promise 8: money is decimal from end to end. These find the float where its name or its line gives it away.
var (
	moneyName = regexp.MustCompile(`(?i)(amount|money|price|cost)s?$`)
	// A cast that closes on the same line, or the :: form, behind a column that holds money.
	moneySQL = regexp.MustCompile(`(?i)\b\w*(amount|money|price|cost)\w*\b` +
		`(\s+as\s+|\s*::\s*|\s+)(double( precision)?|float[48]?|real)\b`)
)

func money(t *tree) []breach {
	var out []breach
	for _, f := range t.files {
		switch {
		case f.ast != nil && f.dir() != "tools/budgets":
			out = append(out, moneyGo(t, f)...)
		case strings.HasSuffix(f.name, ".sql"):
			for i, line := range f.lines {
				code, _, _ := strings.Cut(line, "--")
				if moneySQL.MatchString(code) {
					out = append(out, breach{
						file: f.name, line: i + 1, rule: "money-float", what: "money as a float",
						mend: "cast it to numeric(19,4)",
					})
				}
			}
		}
	}
	return out
}

func moneyGo(t *tree, f *file) []breach {
	var out []breach
	ast.Inspect(f.ast, func(n ast.Node) bool {
		var names []*ast.Ident
		var typ ast.Expr
		switch n := n.(type) {
		case *ast.Field:
			names, typ = n.Names, n.Type
		case *ast.ValueSpec:
			names, typ = n.Names, n.Type
		default:
			return true
		}
		if !isName(typ, "float64") && !isName(typ, "float32") {
			return true
		}
		for _, name := range names {
			if moneyName.MatchString(name.Name) {
				out = append(out, breach{
					file: f.name, line: t.at(name), rule: "money-float", what: name.Name + " is money in a float",
					mend: "use apd.Decimal, or the decimal's text",
				})
			}
		}
		return true
	})
	return out
}
