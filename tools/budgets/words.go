package main

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	parseTime   = regexp.MustCompile(`(?i)parsetime=(true|1)`)
	unfinished  = regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`)
	machinePath = regexp.MustCompile(`(^|[^\w./])/(work|root)/\w`)
)

// speaks are the folders whose programs talk to people: they may print and exit.
var speaks = []string{"cmd", "tools"}

// words looks for calls, imports and words that the project has decided against.
func words(t *tree) []breach {
	var out []breach
	for _, f := range t.files {
		for i, line := range f.lines {
			if machinePath.MatchString(line) {
				out = append(out, breach{
					file: f.name, line: i + 1, rule: "machine-path", what: "a path of one machine",
					mend: "use t.TempDir, a flag, or a path relative to the repository",
				})
			}
		}
		if f.ast == nil || f.dir() == "tools/budgets" {
			continue
		}
		out = append(out, bannedImports(t, f)...)
		out = append(out, bannedNodes(t, f)...)
		out = append(out, bannedComments(t, f)...)
	}
	return out
}

func bannedImports(t *tree, f *file) []breach {
	var out []breach
	for _, spec := range f.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		b := breach{file: f.name, line: t.at(spec), what: "imports " + p}
		switch {
		case strings.HasPrefix(p, "github.com/stretchr/testify/") && p != "github.com/stretchr/testify/require":
			b.rule, b.mend = "require-only", "use testify/require: a test stops at its first wrong value"
		case p == "log":
			b.rule, b.mend = "one-logger", "take a *slog.Logger; nil means silence"
		default:
			continue
		}
		out = append(out, b)
	}
	return out
}

func bannedNodes(t *tree, f *file) []breach {
	var out []breach
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if n == nil {
			return false
		}
		b := breach{file: f.name, line: t.at(n)}
		switch n := n.(type) {
		case *ast.BasicLit:
			if n.Kind == token.STRING && parseTime.MatchString(n.Value) {
				b.rule, b.what = "parse-time", "asks the MySQL driver to parse times"
			}
		case *ast.KeyValueExpr:
			if isName(n.Key, "ParseTime") && isName(n.Value, "true") {
				b.rule, b.what = "parse-time", "asks the MySQL driver to parse times"
			}
		case *ast.AssignStmt:
			if sel, ok := n.Lhs[0].(*ast.SelectorExpr); ok && sel.Sel.Name == "ParseTime" && isName(n.Rhs[0], "true") {
				b.rule, b.what = "parse-time", "asks the MySQL driver to parse times"
			}
		case *ast.CallExpr:
			b.rule, b.what, b.mend = bannedCall(f, n)
		}
		if b.rule == "parse-time" {
			b.mend = "scan bytes and use the source's own parser: the driver turns 2022-11-00 into another day"
		}
		if b.rule != "" {
			out = append(out, b)
		}
		return true
	})
	return out
}

func bannedCall(f *file, call *ast.CallExpr) (rule, what, mend string) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", "", ""
	}
	pkg, ok := sel.X.(*ast.Ident)
	if !ok {
		return "", "", ""
	}
	name := pkg.Name + "." + sel.Sel.Name
	talks := slices.Contains(speaks, f.top())
	switch {
	case name == "time.Sleep" && f.test:
		return "no-sleep", "sleeps in a test", "wait on a signal, or inject the clock"
	case strings.HasPrefix(name, "fmt.Print") && !talks && !f.test:
		return "no-print", "prints outside cmd", "return the value, or write to an io.Writer that was passed in"
	case name == "os.Exit" && !talks && !f.test:
		return "no-exit", "ends the process outside cmd", "return an error: only main exits"
	}
	return "", "", ""
}

func bannedComments(t *tree, f *file) []breach {
	var out []breach
	for _, group := range f.ast.Comments {
		for _, c := range group.List {
			if unfinished.MatchString(c.Text) {
				out = append(out, breach{
					file: f.name, line: t.at(c), rule: "unfinished", what: "a note that something is not finished",
					mend: "finish it, or file an issue and say in the comment what holds today",
				})
			}
		}
	}
	return out
}

func isName(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}
