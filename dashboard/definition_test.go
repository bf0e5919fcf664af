package dashboard_test

import (
	"errors"
	"os"
	"path/filepath"
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
		"an unknown format":      {"a.yml", onePage + "    columns: {a: {format: euro}}\n", "dashboards/a.yml"},
		"an unknown basis":       {"model.yml", "tables: {core.claims: {dates: {created: date_created}}}\n", "dashboards/model.yml"},
		"records without a key":  {"model.yml", "records: {claims: {table: core.claims}}\n", "dashboards/model.yml"},
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
