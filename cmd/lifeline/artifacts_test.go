package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// artifact reads an artifact of a project.
func artifact(t *testing.T, dir, name string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	var out map[string]any
	require.NoError(t, json.Unmarshal(text, &out))
	return out
}

// What compile, run and docs leave in target/ says what was built, how it came out and what columns there are.
func TestArtifactsSayWhatWasBuilt(t *testing.T) {
	t.Parallel()
	project, source := dbtProject(t, map[string]string{
		"dbt_project.yml":    "name: p\ntarget-path: out\nmodels: {p: {+materialized: table}}\n",
		"macros/m.sql":       "{% macro one() %}1{% endmacro %}\n{% test odd(model, column_name) %}select 1 as x where false{% endtest %}",
		"models/first.sql":   "select id, v, {{ one() }} as n from {{ source('s', 't') }}",
		"models/second.sql":  "select count(*) as n from {{ ref('first') }}",
		"models/second.yml":  "models:\n  - name: second\n    description: How many.\n    columns: [{name: n, data_tests: [not_null, odd]}]\n",
		"tests/no_first.sql": "{{ config(severity='warn') }}select * from {{ ref('first') }}",
		"models/units.yml": "unit_tests:\n  - {name: u, model: second, given: [{input: ref('first'), rows: [{id: 1}]}]," +
			" expect: {rows: [{n: 1}]}}\n",
	})
	onEveryEngine(t, func(t *testing.T, dsn string) {
		report(t, 0, append([]string{"run", "--write-json"}, at(project, "csv:"+source, dsn)...)...)
		dir := filepath.Join(project, "out")
		manifest, results := artifact(t, dir, "manifest.json"), artifact(t, dir, "run_results.json")
		nodes := manifest["nodes"].(map[string]any)
		require.Len(t, nodes, 5)
		first := nodes["model.p.first"].(map[string]any)
		require.Equal(t, []any{"source.p.s.t"}, first["depends_on"].(map[string]any)["nodes"])
		require.Equal(t, []any{"macro.p.one"}, first["depends_on"].(map[string]any)["macros"])
		require.Contains(t, first["compiled_code"], `."staging"."t"`)
		require.Equal(t, []any{"model.p.second", "test.p.no_first"}, manifest["child_map"].(map[string]any)["model.p.first"])
		require.Contains(t, manifest["unit_tests"], "unit_test.p.second.u")
		statuses := map[string]any{}
		for _, r := range results["results"].([]any) {
			r := r.(map[string]any)
			require.Contains(t, nodes, r["unique_id"])
			statuses[r["unique_id"].(string)] = r["status"]
		}
		require.Len(t, statuses, 5)
		require.Equal(t, "success", statuses["model.p.second"])
		require.Equal(t, "warn", statuses["test.p.no_first"])

		o := lifeline(t, "docs", "--write-json", "--project", project, "--warehouse", dsn, "--out", t.TempDir())
		require.Zero(t, o.code, o.errors)
		catalog := artifact(t, dir, "catalog.json")
		second := catalog["nodes"].(map[string]any)["model.p.second"].(map[string]any)
		require.Equal(t, "BIGINT", strings.ToUpper(second["columns"].(map[string]any)["n"].(map[string]any)["type"].(string)))
		require.Contains(t, catalog["sources"], "source.p.s.t")
		readByDbt(t, dir)
	})
}

// readByDbt reads artifacts with dbt's own classes, where dbt is there.
func readByDbt(t *testing.T, dir string) {
	t.Helper()
	path := os.Getenv("LIFELINE_DBT")
	if path == "" {
		return
	}
	const program = `
import sys
from dbt.artifacts.schemas.catalog import CatalogArtifact
from dbt.artifacts.schemas.run import RunResultsArtifact
from dbt.contracts.graph.manifest import WritableManifest
for kind, name in [(WritableManifest, "manifest"), (RunResultsArtifact, "run_results"), (CatalogArtifact, "catalog")]:
    kind.read_and_check_versions(f"{sys.argv[1]}/{name}.json")
`
	out, err := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(path), "python"), "-c", program, dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// state: chooses what is new or modified against an earlier manifest, with what reads it, and by what was modified.
func TestNodesAreChosenByWhatChanged(t *testing.T) {
	t.Parallel()
	const typed = "models:\n  - {name: d, columns: [{name: id, data_type: integer}], config: {contract: {enforced: true}}}\n"
	project, source := dbtProject(t, map[string]string{
		"macros/m.sql":     "{% macro one() %}{{ two() }}{% endmacro %}{% macro two() %}1{% endmacro %}",
		"models/a.sql":     "select 1 as id",
		"models/b.sql":     "select {{ one() }} as id, id as other from {{ ref('a') }}",
		"models/c.sql":     "select id from {{ ref('b') }}",
		"models/d.sql":     "select 4 as id",
		"seeds/words.csv":  "word\none\n",
		"models/typed.yml": typed,
	})
	target := filepath.Join(t.TempDir(), "state")
	o := lifeline(t, "compile", "--write-json", "--project", project, "--target-path", target)
	require.Zero(t, o.code, o.errors)
	write := func(name, text string) func() {
		file := filepath.Join(project, name)
		before, err := os.ReadFile(file)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return func() {
			if err != nil {
				require.NoError(t, os.Remove(file))
				return
			}
			require.NoError(t, os.WriteFile(file, before, 0o600))
		}
	}
	chosen := func(criterion string, want ...string) {
		t.Helper()
		o := lifeline(t, "ls", "--json", "--project", project, "--state", target, "--select", criterion)
		require.Zero(t, o.code, o.errors)
		var nodes []listed
		require.NoError(t, json.Unmarshal([]byte(o.out), &nodes))
		var names []string
		for _, n := range nodes {
			names = append(names, n.ID[strings.LastIndexByte(n.ID, '.')+1:])
		}
		require.ElementsMatch(t, want, names, criterion)
	}
	chosen("state:modified")
	chosen("state:unmodified,resource_type:model", "a", "b", "c", "d")

	undo := write("models/a.sql", "select 2 as id")
	chosen("state:modified", "a")
	chosen("state:modified+", "a", "b", "c")
	chosen("state:modified+1,state:new state:modified.body", "a")
	chosen("state:modified.configs")
	undo()
	undo = write("models/a.sql", "\nselect 1 as id\n\n")
	chosen("state:modified")
	undo()
	undo = write("macros/m.sql", "{% macro one() %}{{ two() }}{% endmacro %}{% macro two() %}2{% endmacro %}")
	chosen("state:modified.macros", "b")
	undo()
	undo = write("models/typed.yml", strings.ReplaceAll(typed, "integer", "bigint"))
	chosen("state:modified.contract", "d")
	undo()
	undo = write("models/c.sql", "{{ config(materialized='view', alias='see') }}select id from {{ ref('b') }}")
	chosen("state:modified.configs", "c")
	chosen("state:modified.relation", "c")
	undo()
	undo = write("seeds/words.csv", "word\ntwo\n")
	chosen("state:modified", "words")
	undo()
	undo = write("models/e.sql", "select 5 as id from {{ ref('d') }}")
	chosen("state:new", "e")
	chosen("@state:new", "e", "d")
	undo()

	requireStateTold(t, project, target, source)
}

// A selection by state that chooses nothing is good news; one without a state, or a state without one, is not taken.
func requireStateTold(t *testing.T, project, target, source string) {
	t.Helper()
	flags := at(project, "csv:"+source, "duckdb:"+filepath.Join(t.TempDir(), "w.duckdb"))
	o := lifeline(t, append([]string{"run", "--select", "state:modified+", "--state", target}, flags...)...)
	require.Zero(t, o.code, o.errors)
	require.Contains(t, o.out, "unchanged: nothing that --select and --state choose has changed")
	for says, args := range map[string][]string{
		"needs an earlier state":      {"ls", "--select", "state:modified"},
		"--state has no effect":       {"ls", "--select", "a", "--state", target},
		"holds no manifest.json":      {"ls", "--select", "state:new", "--state", project},
		"Try: state:modified.configs": {"ls", "--select", "state:modified.config", "--state", target},
	} {
		o := lifeline(t, append(args, "--project", project)...)
		require.Equal(t, 2, o.code, says)
		require.Contains(t, o.errors, says)
	}
}
