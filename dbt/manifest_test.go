package dbt_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/dbt"
	"lifeline/model"
	"lifeline/project"
)

// A test has the unique id that dbt 1.11.16 gives it, whatever its arguments: tools join the artifacts of both by it.
func TestTestsHaveDbtsUniqueIDs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"dbt_project.yml": "name: p\n",
		"macros/t.sql":    "{% test mine(model, column_name, low, high, flags, word, ratio) %}select 1 as x where false{% endtest %}",
		"models/m.sql":    "select 1 as id, 'a' as s",
		"models/n.sql":    "select 1 as id",
		"models/m.yml": `
sources:
  - {name: raw, schema: main, tables: [{name: t, columns: [{name: id, data_tests: [unique]}]}]}
models:
  - name: m
    columns:
      - name: id
        data_tests:
          - not_null: {config: {severity: warn}}
          - relationships: {to: ref('n'), field: id}
          - mine: {low: 1, high: 2.5, flags: [true, false], word: "it's \"so\"", ratio: -3}
          - mine: {name: named_one, low: 1, high: 2, flags: [a, b], word: it's, ratio: 1.0}
      - name: s
        data_tests:
          - accepted_values: {values: [a, b], quote: true}
          - accepted_values: {values: [1, 2], quote: false, config: {where: "id > 0"}}
`,
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	p, err := project.Load(dir, project.Options{})
	require.NoError(t, err)
	graph, err := model.NewGraph(p, model.Options{Target: model.Target{Name: "duckdb", Type: "duckdb"}})
	require.NoError(t, err)
	manifest, err := (&dbt.Artifacts{Project: p, Graph: graph, Adapter: "duckdb", Database: "w"}).Manifest()
	require.NoError(t, err)
	var ids []string
	for id := range maps.Keys(manifest["nodes"].(map[string]any)) {
		if strings.HasPrefix(id, "test.") {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	require.Equal(t, []string{
		"test.p.accepted_values_m_s__False__1__2.dcc0f66e9c",
		"test.p.accepted_values_m_s__True__a__b.56176adc9c",
		"test.p.mine_m_id__True__False__2_5__1___3__it_s_so_.696e8e7fba",
		"test.p.named_one.6d4d8ca95d",
		"test.p.not_null_m_id.41ed50364b",
		"test.p.relationships_m_id__id__ref_n_.1dd5c97c70",
		"test.p.source_unique_raw_t_id.2fc627af8f",
	}, ids)
}
