package dashboard_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/semantic"
)

// folderWith writes a project's dashboards folder.
func folderWith(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "dashboards"), 0o755))
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "dashboards", name), []byte(text), 0o644))
	}
	return dir
}

const onePage = "title: A\ncards:\n  - id: one\n    question: What?\n    answer: x\n    sql: select 1 as a\n"

func TestAProjectWithoutPagesHasNone(t *testing.T) {
	t.Parallel()
	d, err := semantic.ReadDefinition(t.TempDir())
	require.NoError(t, err)
	require.Empty(t, d.Pages)
}

func TestPagesAreReadStrictlyAndWithTheirPlace(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]struct{ file, text, where string }{
		"an unknown key":         {"a.yml", onePage + "colour: red\n", "dashboards/a.yml:7:1"},
		"an unknown key in card": {"a.yml", onePage + "    marks: bars\n", "dashboards/a.yml:7:5"},
		"broken YAML":            {"a.yml", "title: [A\n", "dashboards/a.yml:"},
		"no title":               {"a.yml", "cards: []\n", "dashboards/a.yml"},
		"an unknown mark":        {"a.yml", onePage + "    mark: pie\n", "dashboards/a.yml"},
		"neither sql nor query":  {"a.yml", "title: A\ncards:\n  - id: one\n    question: What?\n", "dashboards/a.yml"},
		"an unknown query":       {"a.yml", "title: A\ncards:\n  - id: one\n    question: What?\n    query: now\n", "dashboards/a.yml"},
		"an id twice":            {"a.yml", onePage + "  - id: one\n    question: Why?\n    sql: select 1 as a\n", "dashboards/a.yml"},
		"an unknown format":      {"a.yml", onePage + "    columns: {a: {format: euro}}\n", "dashboards/a.yml:7:18"},
		"an unknown basis":       {"model.yml", "tables: {core.claims: {dates: {created: date_created}}}\n", "dashboards/model.yml:1:"},
		"records without a key":  {"model.yml", "records: {claims: {table: core.claims}}\n", "dashboards/model.yml:1:"},
		"a file of another kind": {"a.json", "{}", "dashboards/a.json"},
		"a key of a filter":      {"model.yml", "main: core.t\nfilters:\n  state: {colour: red}\n", "dashboards/model.yml:3:"},
		"a key of a state":       {"model.yml", "states: {new: {colour: red}}\n", "dashboards/model.yml:1:"},
		"a key of a base":        {"model.yml", "bases: {a: {colour: red}}\n", "dashboards/model.yml:1:"},
		"a key of a record":      {"model.yml", "records: {a: {colour: red}}\n", "dashboards/model.yml:1:"},
		"a key of a timeline":    {"model.yml", "records: {a: {timeline: [{colour: red}]}}\n", "dashboards/model.yml:1:"},
		"a key of a relation":    {"model.yml", "records: {a: {related: [{colour: red}]}}\n", "dashboards/model.yml:1:"},
		"a key of a sum":         {"model.yml", "records: {a: {sum: {colour: red}}}\n", "dashboards/model.yml:1:"},
		"a key of a table":       {"model.yml", "tables: {t: {colour: red}}\n", "dashboards/model.yml:1:"},
		"a key of a derived":     {"model.yml", "derived: {t: {sql: select 1, colour: red}}\n", "dashboards/model.yml:1:"},
		"a key of an example":    {"model.yml", "examples: [{colour: red}]\n", "dashboards/model.yml:1:"},
		"a key of an encoding":   {"a.yml", onePage + "    encoding: {colour: red}\n", "dashboards/a.yml:7:"},
		"a key of a tile":        {"a.yml", onePage + "    tile: {colour: red}\n", "dashboards/a.yml:7:"},
		"a key of a line":        {"a.yml", onePage + "    lines: [{colour: red}]\n", "dashboards/a.yml:7:"},
		"a key of a column":      {"a.yml", onePage + "    columns: {a: {colour: red}}\n", "dashboards/a.yml:7:"},
		"a range":                {"model.yml", "range: 90 days\n", "dashboards/model.yml:1:8"},
		"a versus":               {"model.yml", "versus: last\n", "dashboards/model.yml:1:9"},
		"a duration":             {"model.yml", "stale_after: a day\n", "dashboards/model.yml:1:14"},
		"a kind of filter":       {"model.yml", "filters: {a: {kind: zip}}\n", "dashboards/model.yml:1:21"},
		"a tone":                 {"model.yml", "states: {new: {tone: pink}}\n", "dashboards/model.yml:1:22"},
		"a format of a table":    {"model.yml", "tables: {t: {formats: {a: euro}}}\n", "dashboards/model.yml:1:27"},
		"a filter of a table":    {"model.yml", "tables: {t: {filters: {a: b}}}\n", "dashboards/model.yml:1:27"},
		"a filter of a page":     {"a.yml", onePage + "filters: [a]\n", "dashboards/a.yml:7:11"},
		"an entity":              {"a.yml", onePage + "entity: a\n", "dashboards/a.yml:7:9"},
		"a basis of a card":      {"a.yml", onePage + "    basis: a\n", "dashboards/a.yml:7:12"},
		"an axis":                {"a.yml", onePage + "    lines: [{axis: z}]\n", "dashboards/a.yml:7:"},
		"a direction":            {"a.yml", onePage + "    tile: {value: a, direction: north}\n", "dashboards/a.yml:7:33"},
		"a format of a tile":     {"a.yml", onePage + "    tile: {value: a, format: euro}\n", "dashboards/a.yml:7:30"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := semantic.ReadDefinition(folderWith(t, map[string]string{bad.file: bad.text}))
			var p *change.Problem
			require.True(t, errors.As(err, &p), "%v", err)
			require.Contains(t, p.Where, bad.where, err.Error())
			require.Equal(t, change.ClassUsage, p.Class)
			require.NotEmpty(t, p.Try)
		})
	}
}

// Promise 11: what the forms of a page know, the program reads somewhere; a field that nothing reads would be ignored.
func TestEveryKeyOfAPageIsReadBySomething(t *testing.T) {
	t.Parallel()
	fields, read := map[string]bool{}, map[string]bool{"Axis": true} // A line goes to the browser as a whole.
	for _, folder := range []string{"../semantic", "."} {
		files, err := filepath.Glob(folder + "/*.go")
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			require.NoError(t, err)
			ast.Inspect(parsed, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.Field:
					if n.Tag != nil && strings.Contains(n.Tag.Value, "yaml:") && !strings.Contains(n.Tag.Value, "inline") {
						for _, name := range n.Names {
							fields[name.Name] = true
						}
					}
				case *ast.SelectorExpr:
					read[n.Sel.Name] = true
				}
				return true
			})
		}
	}
	require.Greater(t, len(fields), 60)
	for name := range fields {
		require.True(t, read[name], "nothing reads %s", name)
	}
}

func TestTheShippedPagesAreRead(t *testing.T) {
	t.Parallel()
	d, err := semantic.ReadDefinition(carepay)
	require.NoError(t, err)
	require.Equal(t, "overview", d.Pages[0].Name)
	for _, p := range d.Pages {
		require.NotEmpty(t, p.Description, p.Name)
		for _, c := range p.Cards {
			require.NotEmpty(t, c.Answer, c.ID)
			require.NotEmpty(t, c.Definition, c.ID)
		}
	}
}
