// Lint is the project's set of analyzers as one program for go vet: `go vet -vettool=bin/lint ./...`
// runs them, and keeps their results in the build cache. It is a module of its own, so that the
// product's go.mod knows nothing of linters. Formatting (gofumpt) and staticcheck are called beside
// it by `make lint`; sizes, imports and project rules are the work of tools/budgets.
//
// One big linter runner (golangci-lint) was weighed: it took two minutes to build on two cores and
// brought two hundred modules; this takes fifteen seconds, and says what it is for in one place.
package main

import (
	"go/ast"
	"go/token"
	"strings"

	"github.com/jingyugao/rowserrcheck/passes/rowserr"
	"github.com/kisielk/errcheck/errcheck"
	"github.com/nishanths/exhaustive"
	"github.com/polyfloyd/go-errorlint/errorlint"
	"github.com/ryanrolds/sqlclosecheck/pkg/analyzer"
	"github.com/sonatard/noctx"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/unitchecker"
)

func main() {
	// A default case is an answer for the values that come later, if it says so with an error.
	must(exhaustive.Analyzer.Flags.Set("default-signifies-exhaustive", "true"))

	// What cannot be printed cannot be reported either. Files are written through writers whose Flush is checked.
	errcheck.DefaultExcludedSymbols = append(errcheck.DefaultExcludedSymbols,
		"fmt.Fprint", "fmt.Fprintf", "fmt.Fprintln")

	wrapped := errorlint.NewAnalyzer()
	must(wrapped.Flags.Set("errorf", "true"))

	unitchecker.Main(
		deferredCloseIsFine(errcheck.Analyzer), // An error that nobody looks at is data that nobody misses.
		wrapped,                                // Errors are wrapped everywhere: == and type assertions would miss them.
		rowserr.NewAnalyzer("database/sql"),    // A row loop that ends early looks like a short table.
		analyzer.NewDeferOnlyAnalyzer(),        // Rows and statements left open hold connections of the source.
		notInTests(noctx.Analyzer),             // Every query must stop when its run is stopped.
		exhaustive.Analyzer,                    // A new kind or engine must be met in every switch.
	)
}

// deferredCloseIsFine lets `defer rows.Close()` and `defer tx.Rollback()` pass: they clean up after
// something whose own error is returned. A Close that is not deferred ends a write, and counts.
func deferredCloseIsFine(a *analysis.Analyzer) *analysis.Analyzer {
	return without(a, func(pass *analysis.Pass, file *ast.File, pos token.Pos) bool {
		fine := false
		ast.Inspect(file, func(n ast.Node) bool {
			d, ok := n.(*ast.DeferStmt)
			fine = fine || ok && d.Pos() <= pos && pos < d.End() && isCleanup(d.Call)
			return !fine
		})
		return fine
	})
}

// notInTests is for rules about what runs for hours: a test is ended by its own time limit.
func notInTests(a *analysis.Analyzer) *analysis.Analyzer {
	return without(a, func(pass *analysis.Pass, file *ast.File, _ token.Pos) bool {
		return strings.HasSuffix(pass.Fset.File(file.Pos()).Name(), "_test.go")
	})
}

// without drops the findings that fine accepts.
func without(a *analysis.Analyzer, fine func(*analysis.Pass, *ast.File, token.Pos) bool) *analysis.Analyzer {
	run := a.Run
	a.Run = func(pass *analysis.Pass) (any, error) {
		quiet := *pass
		quiet.Report = func(d analysis.Diagnostic) {
			for _, file := range pass.Files {
				if file.FileStart <= d.Pos && d.Pos < file.FileEnd && fine(pass, file, d.Pos) {
					return
				}
			}
			pass.Report(d)
		}
		return run(&quiet)
	}
	return a
}

func isCleanup(call *ast.CallExpr) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	return ok && (sel.Sel.Name == "Close" || sel.Sel.Name == "Rollback")
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
