package project

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
)

// form is one kind of mapping in a project's YAML files. Its text has a slot, %s, for one more key.
type form struct {
	name    string
	file    string
	text    string
	own     []string          // Keys that the text has already.
	used    map[string]string // Keys that change what is read, with a value that does.
	told    map[string]string // Keys that have no effect and are listed.
	silent  map[string]string // Keys that every dbt project has and that say nothing.
	refused map[string]string // Keys that are an error.
}

// The smallest project with one of each form.
var smallest = map[string]string{
	"lifeline.yml":       "name: l\n",
	"dbt_project.yml":    "name: p\nvars: {on: true}\n",
	"models/m.sql":       "select 1 as id",
	"models/n.sql":       "select 1 as id",
	"seeds/s.csv":        "id;x,y\n1;2,3\n",
	"tests/one.sql":      "select 1",
	"models/sources.yml": "sources: [{name: shop, tables: [{name: t, columns: [{name: id}, {name: day}, {name: a}, {name: c}]}]}]\n",
	"models/m.yml":       "models: [{name: m, columns: [{name: id, data_tests: [unique, not_null]}]}]\n",
	"models/s.yml":       "seeds: [{name: s}]\n",
	"tests/t.yml":        "data_tests: [{name: one}]\n",
	"models/u.yml":       "unit_tests: [{name: u, model: m, given: [{input: ref('n'), rows: []}], expect: {rows: []}}]\n",
}

const config = "{materialized: table}"

var forms = []form{
	{
		name: "lifeline.yml", file: "lifeline.yml", text: "%s\n", used: map[string]string{
			"name": "other", "source": "{dsn: csv:x}", "warehouse": "{dsn: duckdb:x}", "business_time_zone": "Africa/Nairobi", "as_of": "now",
			"thresholds": "{unique: {error_if: '>3'}}", "masking": "{columns: {t.day: drop}}", "notify": "{webhook: 'http://x'}",
			"keep_history": "90d", "max_deletes": "30%",
			"cdc": "{server_id: 7}",
		},
	},
	{
		name: "source of lifeline.yml", file: "lifeline.yml", text: "source: {%s}\n",
		used: map[string]string{"dsn": "csv:x", "time_zone": "Africa/Nairobi"},
	},
	{
		name: "cdc", file: "lifeline.yml", text: "cdc: {%s}\n", used: map[string]string{"server_id": "4711", "heartbeat": "500ms"},
	},
	{
		name: "warehouse", file: "lifeline.yml", text: "warehouse: {%s}\n",
		used: map[string]string{
			"dsn": "duckdb:x", "memory_limit": "1GB", "keep_versions": "3", "keep_runs": "30", "file_mode": "0440", "sql": "engine",
		},
	},
	{name: "as_of", file: "lifeline.yml", text: "as_of: {%s}\n", used: map[string]string{"rule": "now", "columns": "[t.day]"}},
	{
		name: "notify", file: "lifeline.yml", text: "notify: {%s}\n", used: map[string]string{
			"webhook": "http://x", "format": "slack, webhook: 'http://x'", "secret": "s, webhook: 'http://x'",
			"allow_private": "true, webhook: 'http://x'", "mail": "{server: 'smtp://h', from: a@b, to: [c@d]}",
		},
	},
	{
		name: "mail", file: "lifeline.yml", text: "notify: {mail: {%s}}\n", used: map[string]string{
			"server": "'smtp://h', from: a@b, to: [c@d]", "from": "a@b, server: 'smtp://h', to: [c@d]", "to": "[c@d], server: 'smtp://h', from: a@b",
		},
	},
	{
		name: "masking", file: "lifeline.yml", text: "masking: {%s}\n",
		used: map[string]string{"key": "0123456789abcdef", "columns": "{t.day: drop}"},
	},
	{
		name: "threshold", file: "lifeline.yml", text: "thresholds: {unique: {%s}}\n",
		used: map[string]string{"warn_if": "'>1'", "error_if": "'>1'", "note": "x", "until": "'2030-01-01', note: y"},
	},
	{
		name: "dbt_project.yml", file: "dbt_project.yml", text: "name: p\n%s\n", own: []string{"name"},
		used: map[string]string{
			"model-paths": "[models, other]", "seed-paths": "[seeds, other]", "test-paths": "[tests, other]", "macro-paths": "[other]",
			"docs-paths": "[other]", "snapshot-paths": "[other]", "function-paths": "[other]",
			"analysis-paths": "[other]", "vars": "{a: 1}", "models": "{+materialized: table}", "seeds": "{+schema: raw}",
			"target-path": "out",
			"data_tests":  "{+severity: warn}",
			"tests":       "{+severity: warn}",
		},
		told: keysTold("require-dbt-version", "clean-targets", "log-path", "asset-paths", "dispatch",
			"query-comment", "flags", "exposures", "metrics", "sources", "unit_tests", "snapshots",
			"dbt-cloud", "semantic-models", "saved-queries"),
		silent: map[string]string{"version": "1", "config-version": "2", "profile": "p", "quoting": "{}", "packages-install-path": "x"},
		refused: map[string]string{
			"on-run-start": "['drop table x']", "on-run-end": "['insert into x values (1)']",
			"source-paths": "x: y", "data-paths": "x: y",
		},
	},
	{
		name: "schema file", file: "models/x.yml", text: "%s\n",
		used: map[string]string{
			"sources": "[{name: z, tables: [{name: zt}]}]", "models": "[{name: n, description: d}]", "data_tests": "[{name: one, severity: warn}]",
			"unit_tests": "[{name: v, model: m, given: [], expect: {rows: []}}]",
		},
		told:    keysTold("macros", "exposures", "metrics", "groups", "analyses", "tests", "semantic_models", "saved_queries"),
		silent:  map[string]string{"version": "2", "seeds": "[]"},
		refused: map[string]string{"snapshots": "[x]"},
	},
	{
		name: "source", file: "models/sources.yml", own: []string{
			"name",
			"tables",
		}, text: "sources: [{name: shop, tables: [{name: t, columns: [{name: id}, {name: day}]}], %s}]\n",
		used: map[string]string{
			"freshness": "{warn_after: {count: 1, period: day}}", "loaded_at_field": "day",
			"config": "{loaded_at_field: day}",
		},
		told:   map[string]string{"schema": "raw", "database": "x", "loader": "x", "tags": "[x]", "overrides": "x"},
		silent: map[string]string{"description": "d", "meta": "{owner: x}", "quoting": "{}"},
	},
	{
		name: "source table", file: "models/sources.yml", own: []string{
			"name",
			"columns",
		}, text: "sources: [{name: shop, tables: [{name: t, columns: [{name: id}, {name: day}], %s}]}]\n",
		used: map[string]string{
			"identifier": "T1", "description": "d", "meta": "{lifeline: {key: [id]}}", "freshness": "{warn_after: {count: 1, period: day}}",
			"loaded_at_field": "day",
			"config":          "{enabled: false}", "data_tests": "[dbt_utils.not_constant]", "tests": "[dbt_utils.not_constant]",
		},
		told:   map[string]string{"loaded_at_query": "x", "tags": "[x]", "external": "{}"},
		silent: map[string]string{"quoting": "{}"},
	},
	{
		name: "column", file: "models/m.yml", own: []string{"name"}, text: "models: [{name: m, columns: [{name: id, %s}]}]\n",
		used: map[string]string{
			"data_type": "int", "description": "d", "meta": "{owner: x}", "config": "{meta: {owner: x}}",
			"data_tests": "[unique]", "tests": "[unique]", "quote": "true, data_tests: [unique]", "constraints": "[{type: unique}]",
		},
		told: keysTold("tags", "docs", "granularity", "policy_tags"),
	},
	{
		name: "model", file: "models/m.yml", own: []string{"name"}, text: "models: [{name: m, %s}]\n",
		used: map[string]string{
			"description": "d", "meta": "{owner: x}", "config": config, "columns": "[{name: id}]", "constraints": "[{type: check, expression: x}]",
			"data_tests": "[dbt_utils.equal_rowcount: {compare_model: ref('n')}]",
			"tests":      "[dbt_utils.equal_rowcount: {compare_model: ref('n')}]",
		},
		told:    keysTold("docs", "access", "group", "latest_version", "tags", "deprecation_date", "time_spine", "data_type"),
		refused: map[string]string{"versions": "[{v: 1}]"},
	},
	{
		name: "seed", file: "models/s.yml", own: []string{"name"}, text: "seeds: [{name: s, %s}]\n",
		used: map[string]string{
			"description": "d", "config": "{delimiter: ';'}", "columns": "[{name: 'id;x', description: d}]",
			"data_tests": "[dbt_utils.equal_rowcount: {compare_model: ref('n')}]",
			"tests":      "[dbt_utils.equal_rowcount: {compare_model: ref('n')}]",
		},
		told: keysTold("docs", "access", "group", "tags"), silent: map[string]string{"meta": "{owner: x}"},
	},
	{
		name: "test", file: "models/m.yml", text: "models: [{name: m, columns: [{name: id, data_tests: [{accepted_values: {values: [1], " +
			"%s}}]}]}]\n", own: []string{"values"},
		used: map[string]string{
			"name": "n1", "description": "d", "severity": "warn", "warn_if": "'>1'", "error_if": "'>1'", "where": "1 = 1", "enabled": "false",
			"tags": "[x]",
			"meta": "{lifeline: {on_fail: flag}}", "config": "{severity: warn}", "arguments": "{values: [2]}", "quote": "false", "limit": "5",
		},
		told: keysTold("store_failures", "store_failures_as", "fail_calc", "schema", "alias", "database", "group"),
	},
	{
		name: "description of a test file", file: "tests/t.yml", text: "data_tests: [{name: one, %s}]\n", own: []string{"name"},
		used: map[string]string{
			"description": "d", "severity": "warn", "warn_if": "'>1'", "error_if": "'>1'", "where": "1 = 1", "enabled": "false", "tags": "[x]",
			"meta": "{lifeline: {on_fail: flag}}", "config": "{severity: warn}", "limit": "5", "fail_calc": "sum(n)",
		},
		told: keysTold("docs", "store_failures", "store_failures_as", "schema", "alias", "database", "group"),
	},
	{
		name: "unit test", file: "models/u.yml", text: "unit_tests: [{name: u, model: m, expect: {rows: []}, %s}]\n", own: []string{
			"name",
			"model", "expect",
		},
		used: map[string]string{"description": "d", "given": "[{input: ref('n')}]", "overrides": "{vars: {a: 1}}", "config": "{enabled: false}"},
		told: keysTold("versions", "tags"),
	},
	{
		name: "rows of a unit test", file: "models/u.yml", text: "unit_tests: [{name: u, model: m, given: [], expect: {%s}}]\n",
		used: map[string]string{"input": "ref('n')", "format": "csv", "fixture": "f", "rows": "[{id: 1}]"},
	},
}

// keysTold gives keys without an effect some value.
func keysTold(names ...string) map[string]string {
	out := map[string]string{}
	for _, n := range names {
		out[n] = "[x]"
	}
	return out
}

// read loads the smallest project with one file changed.
func read(t *testing.T, file, text string) (*Project, error) {
	t.Helper()
	dir := t.TempDir()
	for name, standard := range smallest {
		if name == file {
			continue
		}
		put(t, dir, name, standard)
	}
	put(t, dir, file, text)
	return Load(dir, Options{})
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// effect is everything that a project says to the rest of the program.
func effect(t *testing.T, p *Project) string {
	t.Helper()
	text, err := json.Marshal([]any{p.Name, p.Config, p.Sources, p.Models, p.Seeds, p.Tests, p.UnitTests, p.Vars, len(p.masks)})
	require.NoError(t, err)
	return fmt.Sprintf("%s %+v %s", text, p.paths, p.TargetPath)
}

// entry is a form's text with one more key.
func (f form) entry(key, value string) string { return fmt.Sprintf(f.text, key+": "+value) }

// Promise 11: every key of every form is used, told or refused, and a key that nobody knows is refused with its place.
func TestEveryKeyIsUsedToldOrRefused(t *testing.T) {
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			require.ElementsMatch(t, f.known(t), f.listed(), "each key of the form is in the table, and no other")
			base, err := read(t, f.file, fmt.Sprintf(f.text, ""))
			require.NoError(t, err)
			without := effect(t, base)
			f.requireUsed(t, without)
			for key, value := range f.told {
				p, err := read(t, f.file, f.entry(key, value))
				require.NoError(t, err, key)
				told := slices.ContainsFunc(p.Ignored,
					func(i Ignored) bool { return strings.Contains(i.Key, key) && strings.HasPrefix(i.Where, f.file+":") })
				require.True(t, told, "%s has no effect and is not listed: %v", key, p.Ignored)
			}
			for key, value := range f.refused {
				_, err := read(t, f.file, f.entry(key, value))
				requirePlaced(t, f.file, err)
			}
		})
	}
}

func (f form) requireUsed(t *testing.T, without string) {
	t.Helper()
	for key, value := range f.used {
		p, err := read(t, f.file, f.entry(key, value))
		require.NoError(t, err, key)
		require.NotEqual(t, without, effect(t, p), "%s changes nothing", key)
	}
}

func (f form) listed() []string {
	out := slices.Clone(f.own)
	for _, list := range []map[string]string{f.used, f.told, f.silent, f.refused} {
		out = append(out, slices.Sorted(maps.Keys(list))...)
	}
	return out
}

// known are the keys that the form's own reader knows: it is given one that nobody does, and heard where it complains.
func (f form) known(t *testing.T) []string {
	t.Helper()
	var last []string
	heardKeys = func(o *Object, ignored []string) {
		if slices.ContainsFunc(o.Fields, func(f Field) bool { return f.Name == "nobody_knows_it" }) {
			last = append(o.known(), ignored...)
		}
	}
	defer func() { heardKeys = nil }()
	_, err := read(t, f.file, f.entry("nobody_knows_it", "1"))
	requirePlaced(t, f.file, err)
	require.NotEmpty(t, last)
	slices.Sort(last)
	return slices.Compact(last)
}

func requirePlaced(t *testing.T, file string, err error) {
	t.Helper()
	var p *change.Problem
	require.ErrorAs(t, err, &p)
	require.Regexp(t, "^"+file+`:\d+:\d+$`, p.Where)
	require.NotEmpty(t, p.Try)
}

// A configuration key is used, listed or refused, in the YAML file and in config() alike: both come through Set.
func TestEveryConfigurationKeyIsUsedToldOrRefused(t *testing.T) {
	t.Parallel()
	used := map[string]any{
		"materialized": "table", "schema": "core", "alias": "x", "enabled": false, "tags": []any{"a"}, "unique_key": "id",
		"indexes": []any{map[string]any{"columns": []any{"id"}}}, "meta": map[string]any{"a": 1}, "column_types": map[string]any{"a": "text"},
		"delimiter": ";", "contract": map[string]any{"enforced": true},
	}
	require.ElementsMatch(t, configKnown(), slices.Sorted(maps.Keys(used)))
	for key, v := range used {
		var c ModelConfig
		known, err := c.Set(key, v)
		require.NoError(t, err, key)
		require.True(t, known, key)
		c.values = nil
		if key != "meta" { // The caller puts it on the model: SetMeta.
			require.NotEqual(t, ModelConfig{}, c, key)
		}
	}
	told := append(slices.Sorted(maps.Keys(configIgnored)), "pre_hook", "post-hook",
		"cluster_by", "transient", "elementary", "team", "partition_by", "dist", "sort", "file_format")
	for _, key := range told {
		known, err := new(ModelConfig).Set(key, "x")
		require.NoError(t, err, key)
		require.False(t, known, "%s has no effect, which is told", key)
	}
	for key, v := range map[string]any{
		"sql_header": "x", "strategy": "check", "materialised": "table", "shema": "x", "tag": "x",
		"uniquekey":    "x",
		"materialized": "snapshot", "enabled": "maybe", "column_types": "x", "indexes": "x",
	} {
		_, err := new(ModelConfig).Set(key, v)
		require.Error(t, err, key)
	}
}

func TestEveryConfigurationKeyOfATestIsUsedToldOrRefused(t *testing.T) {
	t.Parallel()
	used := map[string]any{
		"severity": "WARN", "where": "x", "warn_if": ">1", "error_if": ">1", "enabled": false, "tags": "a",
		"limit": 5, "fail_calc": "sum(n)",
		"meta": map[string]any{"lifeline": map[string]any{"on_fail": "flag"}},
	}
	require.ElementsMatch(t, testConfigKeys, slices.Sorted(maps.Keys(used)))
	for key, v := range used {
		var c Test
		known, err := c.Configure(key, v)
		require.NoError(t, err, key)
		require.True(t, known, key)
		c.set = nil
		require.NotEqual(t, Test{}, c, key)
	}
	for key := range testConfigIgnored {
		known, err := new(Test).Configure(key, "x")
		require.NoError(t, err, key)
		require.False(t, known, key)
	}
	for key, v := range map[string]any{
		"severity": "fatal", "severty": "warn", "enabled": "maybe", "meta": "x",
	} {
		_, err := new(Test).Configure(key, v)
		require.Error(t, err, key)
	}
	_, err := new(Test).Configure("meta", map[string]any{"lifeline": map[string]any{"onfail": "flag"}})
	require.EqualError(t, err, `unknown key "onfail" under meta.lifeline`)
}

// The keys of meta.lifeline, each with what it does to a project.
func TestEveryKeyOfMetaLifelineIsUsedOrRefused(t *testing.T) {
	f := func(file, text string, used map[string]string) {
		t.Helper()
		base, err := read(t, file, fmt.Sprintf(text, ""))
		require.NoError(t, err)
		for key, value := range used {
			p, err := read(t, file, fmt.Sprintf(text, key+": "+value))
			require.NoError(t, err, key)
			require.NotEqual(t, effect(t, base), effect(t, p), "%s changes nothing", key)
		}
		_, err = read(t, file, fmt.Sprintf(text, "nobody_knows_it: 1"))
		var p *change.Problem
		require.ErrorAs(t, err, &p)
		require.Contains(t, p.Error(), `unknown key "nobody_knows_it"`)
		for _, key := range strings.Split(p.Try, ", ") {
			require.Contains(t, used, key)
		}
	}
	f("models/m.yml", "models: [{name: m, meta: {lifeline: {%s}}}]\n", map[string]string{
		"entity_of": "t", "entity_count_of": "n", "entity_key": "k", "grain": "[id]", "columns_of": "n", "distribute_by": "id",
		"records": "[{of: n, key: id, from: x}]",
	})
	f("models/sources.yml", "sources: [{name: shop, tables: [{name: t, columns: [{name: a}, {name: c}, {name: day}], meta: {lifeline: "+
		"{%s}}}]}]\n", map[string]string{
		"file": "t.csv", "key": "[a]", "money": "{a: c}", "shift": "{after: a, by: 1}",
	})
	f("models/sources.yml", "sources: [{name: shop, tables: [{name: t, columns: [{name: day}, {name: a, meta: {lifeline: {%s}}}]}]}]\n",
		map[string]string{"mask": "drop"})
	f("models/m.yml", "models: [{name: m, columns: [{name: id, data_tests: [{relationships: {to: ref('n'), field: id, meta: {lifeline: "+
		"{%s}}}}]}]}]\n", map[string]string{
		"on_fail": "flag", "warn_if": "'>1'", "error_if": "'>1'", "note": "x", "until": "'2030-01-01', note: x",
		"hold": "2d, on_fail: quarantine",
	})
	for file, text := range map[string]string{
		"models/s.yml":       "seeds: [{name: s, meta: {lifeline: {key: [id]}}}]\n",
		"models/sources.yml": "sources: [{name: shop, meta: {lifeline: {key: [id]}}, tables: [{name: t, columns: [{name: day}]}]}]\n",
	} {
		_, err := read(t, file, text)
		requirePlaced(t, file, err)
	}
}

// A file among the models that is none is told.
func TestAFileThatIsNoModelIsTold(t *testing.T) {
	t.Parallel()
	p, err := read(t, "models/deep/b.SQL", "select 1 as a")
	require.NoError(t, err)
	require.Contains(t, p.Unused(), "a file that is neither .sql nor .yml (models/deep/b.SQL)")
}
