package main

import (
	"fmt"
	"go/ast"
	"slices"
	"strconv"
	"strings"
)

const (
	maxChain      = 6 // imports from the first package of a chain to its last
	maxOwnImports = 5
)

// layers orders the top folders: a package imports from lower layers and from its own folder, never
// upwards, and never from a sibling of its own layer.
var layers = map[string]int{
	"change": 0, "examples": 0, "jinja": 0,
	"project": 1,
	"source":  2, "cdc": 2, "warehouse": 2, "model": 2, "lifecycle": 2, "notify": 2,
	"quality": 3, "sample": 3, "catalog": 3, "trace": 3, "modeltest": 3, "discover": 3,
	"semantic": 4, "dbt": 4,
	"run": 5, "dashboard": 5,
	"cmd":   6,
	"tools": 7,
}

// onlyBy names packages that are not for everybody. Tests may import them always.
var onlyBy = map[string][]string{
	"sample":                  {"cmd", "sample", "tools"},
	"source/servertest":       {},
	"warehouse/warehousetest": {},
}

// wide are the folders whose work is to bring many packages together.
var wide = []string{"cmd", "run", "tools"}

// edge is one import of one of our packages by another, in code that is not a test.
type edge struct {
	from, to string // folders
	file     string
	line     int
}

func imports(t *tree) []breach {
	edges := ownImports(t)
	var out []breach
	for _, e := range edges {
		out = append(out, direction(e)...)
		out = append(out, reserved(e)...)
	}
	out = append(out, tooMany(edges)...)
	return append(out, chains(edges)...)
}

func ownImports(t *tree) []edge {
	var out []edge
	for _, f := range t.goFiles() {
		if f.test {
			continue
		}
		for _, spec := range f.ast.Imports {
			if to, ok := own(t.module, spec); ok {
				out = append(out, edge{from: f.dir(), to: to, file: f.name, line: t.at(spec)})
			}
		}
	}
	return out
}

func own(module string, spec *ast.ImportSpec) (string, bool) {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return "", false
	}
	return strings.CutPrefix(p, module+"/")
}

// helper reports whether a folder holds nothing but help for tests, which may reach everywhere.
func helper(dir string) bool { return strings.HasSuffix(dir, "test") }

func direction(e edge) []breach {
	from, to := topOf(e.from), topOf(e.to)
	b := breach{file: e.file, line: e.line, rule: "import-direction"}
	low, knownTo := layers[to]
	high, knownFrom := layers[from]
	switch {
	case !knownFrom || !knownTo:
		unknown := from
		if knownFrom {
			unknown = to
		}
		b.what = fmt.Sprintf("the folder %s has no layer", unknown)
		b.mend = "give it one in tools/budgets/imports.go, and say what it is in docs/architecture.md"
	case from == to || low < high || helper(e.from):
		return nil
	case low == high:
		b.what = fmt.Sprintf("%s imports its sibling %s", e.from, e.to)
		b.mend = "speak in the nouns of change or project, or take what is needed as an interface or a func"
	default:
		b.what = fmt.Sprintf("%s imports %s, which is above it", e.from, e.to)
		b.mend = "move the shared noun down to change or project, or pass it in from run"
	}
	return []breach{b}
}

func reserved(e edge) []breach {
	allowed, found := onlyBy[e.to]
	if !found || slices.Contains(allowed, topOf(e.from)) || helper(e.from) {
		return nil
	}
	return []breach{{
		file: e.file, line: e.line, rule: "import-reserved",
		what: fmt.Sprintf("%s imports %s", e.from, e.to),
		mend: "only tests and " + orNobody(allowed) + " may import it",
	}}
}

func orNobody(names []string) string {
	if len(names) == 0 {
		return "nobody else"
	}
	return strings.Join(names, ", ")
}

func tooMany(edges []edge) []breach {
	first := map[string]edge{}
	imported := map[string][]string{}
	for _, e := range edges {
		if _, seen := first[e.from]; !seen {
			first[e.from] = e
		}
		if !slices.Contains(imported[e.from], e.to) {
			imported[e.from] = append(imported[e.from], e.to)
		}
	}
	var out []breach
	for from, to := range imported {
		if len(to) <= maxOwnImports || slices.Contains(wide, topOf(from)) {
			continue
		}
		slices.Sort(to)
		out = append(out, breach{
			file: first[from].file, line: first[from].line, rule: "import-count",
			what: fmt.Sprintf("%s imports %d of our packages (%s), %d are allowed",
				from, len(to), strings.Join(to, ", "), maxOwnImports),
			mend: "only cmd and run bring packages together: have run pass in what is needed",
		})
	}
	return out
}

// chains reports the longest way down from each package that is too long. Go has no import cycles,
// but a tree that does not compile may: a package on the way is not entered again.
func chains(edges []edge) []breach {
	down := map[string][]edge{}
	imported := map[string]bool{}
	for _, e := range edges {
		down[e.from] = append(down[e.from], e)
		imported[e.to] = true
	}
	var longest func(from string, way []string) []string
	longest = func(from string, way []string) []string {
		way = append(slices.Clone(way), from)
		best := way
		for _, e := range down[from] {
			if slices.Contains(way, e.to) {
				continue
			}
			if w := longest(e.to, way); len(w) > len(best) {
				best = w
			}
		}
		return best
	}
	var out []breach
	for from, es := range down {
		if imported[from] || topOf(from) == "tools" {
			continue
		}
		if way := longest(from, nil); len(way)-1 > maxChain {
			out = append(out, breach{
				file: es[0].file, line: es[0].line, rule: "import-chain",
				what: fmt.Sprintf("a chain of %d imports (%s), %d are allowed",
					len(way)-1, strings.Join(way, " → "), maxChain),
				mend: "join two of the packages, or pass the lower one in",
			})
		}
	}
	return out
}
