package project_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/lifecycle"
	"lifeline/project"
)

func TestFilesBesideTheModelsAreReadStrictly(t *testing.T) {
	t.Parallel()
	f := func(file, text, want string) {
		t.Helper()
		_, err := load(t, map[string]string{file: text})
		requireProblem(t, err, want)
	}
	f("lifeline.yml", "nmae: x\n", `lifeline.yml:1:1: unknown key "nmae" | name`)
	f("lifeline.yml", "business_time_zone: Africa/Nirobi\n",
		`lifeline.yml:1:21: unknown time zone "Africa/Nirobi" | business_time_zone: Africa/Nairobi`)
	f("lifeline.yml", "as_of: yesterday\n", `lifeline.yml:1:8: as_of "yesterday" is neither latest, now nor a date | as_of: latest`)
	f("lifeline.yml", "as_of: {rule: latest, columns: [claim.made]}\n",
		`lifeline.yml:1:9: as_of looks at "claim.made", which is not a column of a source table | columns: [claim.date_created]`)
	f("lifeline.yml", "warehouse: {keep_versions: some}\n", `lifeline.yml:1:28: "some" is not a whole number | 2`)
	f("lifeline.yml", "cdc: {server_id: -1}\n", `lifeline.yml:1:7: server_id -1 is not one that a server can have | server_id: 4711`)
	f("lifeline.yml", "cdc: {heartbeat: 1h}\n", `lifeline.yml:1:7: heartbeat "1h" is not a time from 100ms to 10s | heartbeat: 1s`)
	f("lifeline.yml", "warehouse: {keep_runs: 3}\n",
		`lifeline.yml:1:13: keep_runs must be at least 10: thresholds compare with the runs before | keep_runs: 500`)
	f("dbt_project.yml", "version: 1\n", `dbt_project.yml: the project has no name | name: my_project`)
	f("dbt_project.yml", "name: small\nmodel-path: [x]\n", `dbt_project.yml:2:1: unknown key "model-path" | model-paths`)
	const hookTry = "take the hook out, or write what it does as a model; a version is built where nobody sees it before it is whole"
	f("dbt_project.yml", "name: small\non-run-end: [\"truncate table x\"]\n", `dbt_project.yml:2:13: on-run-end is not supported: it changes `+
		`tables (truncate), and what is published would differ | `+hookTry)
	f("dbt_project.yml", "name: small\nmodels:\n  small:\n    +materialised: table\n",
		`dbt_project.yml:4:5: unknown configuration "materialised" | materialized`)
	f("dbt_project.yml", "name: small\nmodels:\n  small:\n    materialized: tabel\n",
		`dbt_project.yml:4:5: materialized "tabel" is not supported; there are table, view, ephemeral and incremental | see `+
			`docs/projects.md for the configuration that is supported`)
	f("models/p.py", "def model(dbt, session): pass\n", `models/p.py: models in Python are not supported | write the model in SQL`)
	f("seeds/s.csv", "", `seeds/s.csv:1: the seed is empty | begin with a line of column names`)
	f("seeds/s.csv", "a,b\n1\n", `seeds/s.csv:2:1: broken CSV: wrong number of fields | mind quotes and the number of fields`)
	f("seeds/s.csv", "a,a\n1,2\n", `seeds/s.csv:1: two columns are called "a" | rename one`)
	f("seeds/s.csv", "a,\n1,2\n", `seeds/s.csv:1: column 2 has no name | give every column of the first line a name`)
}

func TestSeedsTakeTheirConfigurationFromBothPlaces(t *testing.T) {
	t.Parallel()
	p, err := load(t, map[string]string{
		"dbt_project.yml": "name: small\nseeds:\n  small:\n    +schema: raw\n    deep:\n      +column_types: {from: timestamp, not_here: " +
			"text}\n      s: {+alias: renamed}\n",
		"seeds/deep/s.csv": "id;from;null_text;day\n1;;NULL;2019-02-29\n",
		"seeds/deep/s.yml": "seeds:\n  - name: s\n    config: {delimiter: ';', column_types: {id: bigint}}\n",
		"seeds/flat.csv":   "id\n1\n",
	})
	require.NoError(t, err)
	s := p.Seed("s")
	require.Equal(t, "raw", s.Config.Schema)
	require.Equal(t, "renamed", s.Config.Alias)
	require.Equal(t, "raw", p.Seed("flat").Config.Schema)
	require.Equal(t, []project.SeedColumn{
		{Name: "id", Type: "bigint"},
		{Name: "from", Type: "timestamp"},
		{Name: "null_text", Type: "text"},
		{Name: "day", Type: "text"},
	}, s.Columns)
	require.Nil(t, s.Rows[0][2])

	_, err = load(t, map[string]string{
		"seeds/s.csv": "id,status\n1,x\n",
		"seeds/s.yml": "seeds:\n  - name: s\n    config: {column_types: {stats: text}}\n",
	})
	requireProblem(t, err, `seeds/s.yml:2:5: column_types names "stats", which the seed s does not have | status`)
}

func TestFoldersWithoutAModelAreListed(t *testing.T) {
	t.Parallel()
	p, err := load(t, map[string]string{
		"dbt_project.yml": "name: small\nmodel-paths: [./models/]\nmodels:\n  small:\n    core: {+schema: core, materialized: table}\n    " +
			"cor: {+schema: core}\n",
		"models/core/a.sql": "select 1 as id",
	})
	require.NoError(t, err)
	require.Equal(t, "core", p.Model("a").Config.Schema)
	require.Equal(t, "table", p.Model("a").Config.Materialized)
	require.Equal(t, []project.Ignored{{Key: "models.small.cor (nothing lies there)", Where: "dbt_project.yml:6:5"}}, p.Ignored)
}

func TestVariablesStandInConfigurationAndSources(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"dbt_project.yml": "name: small\nvars: {on: false, layer: inner}\n",
		"models/off.sql":  "select 1 as id",
		"models/docs.md":  "{% docs claims %}\nall claims\n{% enddocs %}\n",
		"models/x.yml": `
models:
  - name: claims
    description: "Of {{ doc('claims') }}."
    config: {schema: "{{ var('layer') }}", tags: ["{{ env_var('TAG', 'none') }}"]}
  - name: off
    config: {enabled: "{{ var('on') }}"}
sources:
  - name: shop
    schema: "{{ var('raw', 'raw_default') }}"
    freshness: {warn_after: {count: 1, period: day}}
    loaded_at_field: changed
    tables:
      - name: orders
        identifier: "{{ env_var('TAG') }}_orders"
        config: {loaded_at_field: made}
      - name: items
        freshness:
`,
	})
	p, err := project.Load(dir, project.Options{Env: func(name string) string { return map[string]string{"TAG": "east"}[name] }})
	require.NoError(t, err)
	require.Equal(t, "Of all claims.", p.Model("claims").Description)
	require.Equal(t, "inner", p.Model("claims").Config.Schema)
	require.Equal(t, []string{"east"}, p.Model("claims").Config.Tags)
	require.True(t, p.Model("off").Config.Disabled)
	orders, items := p.Source("shop", "orders"), p.Source("shop", "items")
	require.Equal(t, "staging", orders.Schema, "whatever schema the source names")
	require.Equal(t, "east_orders", orders.Identifier)
	require.Equal(t, "made", orders.LoadedAt)
	require.NotZero(t, orders.Freshness)
	require.Equal(t, "changed", items.LoadedAt)
	require.Zero(t, items.Freshness)
}

// Kind, node, then column and arguments by their names: relationships_claims_id__id__ref_claims_ is a name as dbt gives it.
func TestTestsAreNamedAsDbtNamesThem(t *testing.T) {
	t.Parallel()
	p, err := load(t, map[string]string{"models/x.yml": `
sources:
  - name: shop
    tables:
      - name: orders
        columns: [{name: id, data_tests: [not_null]}]
models:
  - name: claims
    data_tests:
      - dbt_utils.expression_is_true: {arguments: {expression: "amount >= 0"}}
      - dbt_utils.unique_combination_of_columns: {combination_of_columns: [id, status]}
    columns:
      - name: id
        data_tests:
          - unique
          - unique: {config: {where: "id > 0"}}
          - relationships: {to: ref('claims'), field: id}
      - name: status
        data_tests:
          - accepted_values: {values: [draft, sent], quote: true}
          - accepted_values: {values: [a_long_word_of_thirty_letters_x, another_word_of_thirty_letters, a_third_word_of_thirty_letters]}
`})
	require.NoError(t, err)
	var names []string
	for _, test := range p.Tests {
		names = append(names, test.Name)
	}
	require.Equal(t, []string{
		"source_not_null_shop_orders_id",
		"unique_claims_id",
		"unique_claims_id_2",
		"relationships_claims_id__id__ref_claims_",
		"accepted_values_claims_status__True__draft__sent",
		"accepted_values_claims_status__a_long_word_of_thirty_letters_x__another_word_of_thirty_lett_e5116e12",
		"dbt_utils_expression_is_true_claims_amount_0",
		"dbt_utils_unique_combination_of_columns_claims_id__status",
	}, names)
}

func TestUnitTestsAreKept(t *testing.T) {
	t.Parallel()
	p, err := load(t, map[string]string{"models/x.yml": `
unit_tests:
  - name: trims
    model: claims
    description: A word is trimmed.
    overrides:
      macros: {is_incremental: true}
      vars: {as_of: "2019-01-01"}
    given:
      - input: source('shop', 'orders')
        rows:
          - {id: 1, status: " Draft "}
          - {id: 2, status: null}
      - input: ref('status_map')
        format: csv
        rows: |
          id,state
          1,draft
    expect:
      rows: [{id: 1, status: draft}]
`})
	require.NoError(t, err)
	require.Len(t, p.UnitTests, 1)
	u := p.UnitTests[0]
	require.Equal(t, "claims", u.Model)
	require.Equal(t, 3, u.Line)
	require.Equal(t, map[string]any{"is_incremental": true}, u.Macros)
	require.Equal(t, []map[string]any{{"id": int64(1), "status": " Draft "}, {"id": int64(2), "status": nil}}, u.Given[0].Rows)
	require.Equal(t, "id,state\n1,draft\n", u.Given[1].Text)
	require.Equal(t, []map[string]any{{"id": int64(1), "status": "draft"}}, u.Expect.Rows)
}

func TestTheShippedProjectLoads(t *testing.T) {
	t.Parallel()
	p, err := lifecycle.Load("../examples/carepay", project.Options{})
	require.NoError(t, err)
	require.Empty(t, p.Ignored)
	for _, c := range p.Seed("status_map").Columns {
		require.NotEmpty(t, c.Type)
		if c.Name == "era_from" {
			require.Equal(t, "timestamp", c.Type)
		}
	}
}

// Whatever stands in the project's own files, reading them ends with a project or a problem.
func FuzzProjectFilesNeverPanic(f *testing.F) {
	f.Add("dbt_project.yml", "name: small\nmodels:\n  small: {+schema: x, core: {+tags: [a]}}\nseeds: {+column_types: {a: "+
		"text}}\ntest-paths: []\n")
	f.Add("lifeline.yml", "name: x\nsource: {dsn: \"${A:-b}\"}\nas_of: {rule: now, columns: []}\n")
	f.Add("seeds/s.csv", "a,b\n1,\"x\n")
	f.Add("macros/m.sql", "{% test x(model, column_name=3, , y) %}")
	f.Fuzz(func(t *testing.T, file, text string) {
		switch file {
		case "dbt_project.yml", "lifeline.yml", "seeds/s.csv", "macros/m.sql":
		default:
			t.Skip()
		}
		// Folders outside the project's are another matter.
		if strings.Contains(text, "..") || strings.Contains(text, "/") {
			t.Skip()
		}
		dir := write(t, map[string]string{file: text})
		p, err := project.Load(dir, project.Options{})
		if err == nil {
			require.NotNil(t, p)
			_, err = os.Stat(filepath.Join(dir, "dbt_project.yml"))
			require.NoError(t, err)
		}
	})
}

// What people bring from dbt gets an answer that fits.
func TestWhatIsBroughtFromDbtIsAnsweredRightly(t *testing.T) {
	t.Parallel()
	f := func(file, text, want string) {
		t.Helper()
		_, err := load(t, map[string]string{file: text, "seeds/words.csv": "a\n1\n"})
		requireProblem(t, err, want)
	}
	f("dbt_project.yml", "name: small\nmodel-paths: [models]\nsource-paths: [models]\n",
		`dbt_project.yml:3:15: source-paths is the old name of model-paths, and both are there | take source-paths out`)
	f("dbt_project.yml", "name: small\nmodels:\n  +post-hook: \"delete from {{ this }}\"\n",
		`dbt_project.yml:3:3: post-hook is not supported: it changes tables (delete), and what is published would differ | take the hook out, `+
			`or write what it does as a model; a version is built where nobody sees it before it is whole`)
	f("models/x.yml", "models: [{name: words}]\n", `models/x.yml:1:11: "words" is a seed | describe it under seeds:`)
	f("models/x.yml", "models: [{name: claims, data_tests: [{dbt_utils.equality: {compare_model: ref('claims')}}]}]\n",
		`models/x.yml:1:39: unknown test "dbt_utils.equality" | a SQL file in tests/, or one of `+
			"dbt_utils.accepted_range, dbt_utils.at_least_one, dbt_utils.equal_rowcount, dbt_utils.expression_is_true, dbt_utils.fewer_rows_than, "+
			"dbt_utils.not_accepted_values, dbt_utils.not_constant, dbt_utils.not_empty_string, dbt_utils.not_null_proportion, dbt_utils.recency, "+
			"dbt_utils.relationships_where, dbt_utils.sequential_values, dbt_utils.unique_combination_of_columns")
	f("models/x.yml", "models: [{name: claims, description: \"{{ doc('none') }}\"}]\n",
		`models/x.yml:1:38: there is no docs block "none" | {% docs none %}…{% enddocs %} in a file that ends in .md, below the models`)
	f("snapshots/s.sql", "{% snapshot s %}{% endsnapshot %}",
		`snapshots/s.sql: snapshots are not supported | take it out: history keeps every earlier version of a source's rows, and versions() `+
			`reads them`)
	f("dependencies.yml", "projects: [{name: other}]\n",
		`dependencies.yml:1:11: other projects are not supported | copy the models that are needed into this project`)
	f("models/x.yml", "sources:\n  - {name: a, tables: [{name: o}]}\n  - {name: b, tables: [{name: o}]}\n",
		`models/x.yml:3:25: source tables a.o and b.o would both land as staging.o | - {name: b_o, identifier: o}`)
}

func TestYAMLValuesAreRenderedAsDbtRendersThem(t *testing.T) {
	t.Parallel()
	p, err := load(t, map[string]string{
		"dbt_project.yml": "name: small\nvars: {n: 3}\nmodels:\n  small:\n    +enabled: \"{{ var('x', true) }}\"\n    +tags: [\"t{{ var('n') + " +
			"1 }}\"]\n" +
			"    +schema: \"{{ 'raw' if var('n') > 2 else 'other' }}\"\n",
	})
	require.NoError(t, err)
	c := p.Model("claims").Config
	require.False(t, c.Disabled)
	require.Equal(t, []string{"t4"}, c.Tags)
	require.Equal(t, "raw", c.Schema)
}

func TestSeedsTakeTheTypesThatDbtGives(t *testing.T) {
	t.Parallel()
	p, err := load(t, map[string]string{
		"seeds/s.csv": "day,at,n,m,code,kept\n2024-1-5,2024-01-05T00:00:00Z,1e3,1.5e2,007,1e3\n2024-11-15,2024-01-05T10:00:00Z,7,2,1:00:00," +
			"2024-1-5\n",
		"seeds/s.yml": "seeds: [{name: s, config: {column_types: {kept: text}}}]\n",
	})
	require.NoError(t, err)
	s := p.Seed("s")
	types, cells := []string{}, []string{}
	for i, c := range s.Columns {
		types, cells = append(types, c.Type), append(cells, *s.Rows[0][i])
	}
	require.Equal(t, []string{"date", "timestamp", "integer", "integer", "text", "text"}, types)
	require.Equal(t, []string{"2024-01-05", "2024-01-05T00:00:00", "1000", "150", "007", "1e3"}, cells)
}
