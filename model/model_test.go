package model_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/lifecycle"
	"lifeline/model"
	"lifeline/project"
)

// small writes a project of the given files and makes its graph.
func small(t *testing.T, files map[string]string) (*model.Graph, error) {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{
		"lifeline.yml":    "name: small\n",
		"dbt_project.yml": "name: small\nvars: {days: 7}\n",
		"models/src.yml":  "sources:\n  - name: shop\n    tables: [{name: orders}]\n",
	}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	p, err := project.Load(dir, project.Options{})
	require.NoError(t, err)
	return model.NewGraph(p, model.Options{Target: model.Target{Name: "dev", Type: "duckdb"}})
}

func relation(n *model.Node) string { return n.Schema + "." + n.Alias }

func find(t *testing.T, g *model.Graph, name string) *model.Node {
	t.Helper()
	for _, n := range g.Nodes {
		if n.Name == name {
			return n
		}
	}
	require.Fail(t, "no node "+name)
	return nil
}

func compiled(t *testing.T, g *model.Graph, name string, incremental bool) string {
	t.Helper()
	sql, err := g.Compile(find(t, g, name), model.Env{Relation: relation, This: "here.it", Incremental: incremental})
	require.NoError(t, err)
	return sql
}

func TestModelsCompile(t *testing.T) {
	t.Parallel()
	f := func(sql, want string) {
		t.Helper()
		g, err := small(t, map[string]string{
			"models/m.sql": sql,
			"models/e.sql": "{{ config(materialized='ephemeral') }}\nselect * from {{ source('shop', 'orders') }}",
			"models/d.sql": "{{ config(materialized='ephemeral') }}\nselect * from {{ ref('e') }}",
			"models/t.sql": "{{ config(materialized='table', schema='core', alias='renamed') }}select 1 as id",
			"models/s.yml": "sources: [{name: kept, tables: [{name: t, meta: {lifeline: {key: [id]}}, columns: [{name: id}]}]}]\n",
			"macros/m.sql": "{% macro twice(x, y=2) %}{{ x }} * {{ y }}{% endmacro %}\n{% macro outer_one(x) %}({{ twice(x) }}){% endmacro %}",
		})
		require.NoError(t, err)
		require.Equal(t, want, compiled(t, g, "m", false))
	}
	f("select 1", "select 1")
	f("select 1;\n", "select 1")
	f("select * from {{ ref('t') }}", "select * from core.renamed")
	f("select * from {{ ref('small', 't') }}", "select * from core.renamed")
	f("select * from {{ source('shop', 'orders') }}", "select * from staging.orders")
	f("select {{ var('days') }} as d, {{ var('none_such', 3) }} as e", "select 7 as d, 3 as e")
	f("select '{{ env_var('LIFELINE_NONE', 'x') }}' as e", "select 'x' as e")
	f("select '{{ target.type }}' as t from {{ this }}", "select 'duckdb' as t from here.it")
	f("select {{ twice('a') }}, {{ outer_one('b') }}", "select a * 2, (b * 2)")
	f("{% set c = ['a', 'b'] %}select {% for x in c %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}", "select a, b")
	// F30: PostgreSQL before 16 wants an alias behind a subquery, so versions() has one where the model gives it none.
	kept := "(select id, cast(null as varchar(10)) as _op, cast(null as timestamp) as _valid_from,\n" +
		"    cast(null as timestamp) as _valid_to, cast(null as varchar(20)) as _basis, cast(null as text) as _position,\n" +
		"    cast(null as varchar(20)) as _from_basis\n" +
		"from staging.t where false)"
	for rest, want := range map[string]string{
		"": " as versions_1", " as v": " as v", " v where true": " v where true", ` "V"`: ` "V"`, " -- all\n v": " -- all\n v",
		" where true": " as versions_1 where true", "\nWHERE true": " as versions_1\nWHERE true", ", x": " as versions_1, x",
		" /* c */ union all select 1": " as versions_1 /* c */ union all select 1", ") as y": " as versions_1) as y",
	} {
		f("select * from {{ versions('kept', 't', 'id') }}"+rest, "select * from "+kept+want)
	}
	f("{# gone #}select {% raw %}{{ x }}{% endraw %}", "select {{ x }}")
	f("select * from {{ ref('e') }}", "with __dbt__cte__e as (\nselect * from staging.orders\n)\nselect * from __dbt__cte__e")
	f("select * from {{ ref('d') }} join {{ ref('e') }} using (id)",
		"with __dbt__cte__e as (\nselect * from staging.orders\n),\n__dbt__cte__d as (\nselect * from __dbt__cte__e\n)\nselect * from "+
			"__dbt__cte__d join __dbt__cte__e using (id)")
	f("-- why\n/* more */ with x as (select * from {{ ref('e') }}) select * from x",
		"-- why\n/* more */ with __dbt__cte__e as (\nselect * from staging.orders\n),\nx as (select * from __dbt__cte__e) select * from x")
}

// F33. A model that writes, or is more than one select, is refused when the project is read: nothing is landed before.
func TestAModelIsOneSelect(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"with x as (insert into staging.t values (99) returning id) select * from x":        "has insert in a with",
		"with x as (select 1), y AS NOT MATERIALIZED (\n-- why\nDELETE from t) select 1":    "has delete in a with",
		"with x(a, b) as materialized ( /* c */ update t set a = 1 returning a) select 1":   "has update in a with",
		"with x as (merge into t using u on true when matched then delete) select * from x": "has merge in a with",
		"select 1 as a; delete from staging.t":                                              "has several statements",
		"select 1 as a;; select 2":                                                          "has several statements",
		"delete from staging.t":                                                             "begins with delete",
		"-- a comment\nDrop table staging.t":                                                "begins with drop",
		"copy (select 1) to '/tmp/x'":                                                       "begins with copy",
		"select 1 as a into staging.y":                                                      "selects into something",
		"{% if is_incremental() %}truncate t{% else %}select 1{% endif %}":                  "begins with truncate",
	} {
		_, err := small(t, map[string]string{"models/w.sql": "{{ config(materialized='incremental') }}" + sql})
		var p *change.Problem
		require.ErrorAs(t, err, &p, sql)
		require.Contains(t, p.Error(), "model w "+want)
		require.Equal(t, "models/w.sql", p.Where)
		require.NotEmpty(t, p.Try)
	}
	for _, sql := range []string{
		"select ';' as a, \";into\" as b, $q$; delete$q$ as c, $$;$$ as d -- ; drop\n/* ; */;",
		"select e'\\'; drop' as a", "(select 1) union (select 2);",
		"with recursive t as (select 1 as n union all select n + 1 from t) select n as \"delete\" from t", "values (1)",
		"select replace(a, 'b', 'c') from x", "select a as deleted, t.comment, update_at from t", "from t",
	} {
		_, err := small(t, map[string]string{"models/w.sql": sql})
		require.NoError(t, err, sql)
	}
}

// F26, S3. Two models that differ in capitals only, and schemas that the engines' sessions use themselves, are refused.
func TestNamesOfModelsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	for want, files := range map[string]map[string]string{
		"would both be analytics.orders": {"models/Orders.sql": "select 1 as a", "models/orders.sql": "select 1 as a"},
		"would both be mart.m": {
			"models/m.sql": "{{ config(schema='Mart') }}select 1 as a", "models/n.sql": "{{ config(schema='mart', alias='M') }}select 1 as a",
		},
		`in the schema "Since"`:    {"models/m.sql": "{{ config(schema='Since') }}select 1 as a"},
		`in the schema "lifeline"`: {"models/m.sql": "{{ config(schema='lifeline') }}select 1 as a"},
		`in the schema "prev"`:     {"models/m.sql": "{{ config(schema='prev') }}select 1 as a"},
		`in the schema "v"`:        {"models/m.sql": "{{ config(schema='v') }}select 1 as a"},
	} {
		_, err := small(t, files)
		require.ErrorContains(t, err, want)
	}
}

func TestIncrementalModelsSeeBothWays(t *testing.T) {
	t.Parallel()
	g, err := small(t, map[string]string{
		"models/t.sql": "select 1 as id",
		"models/m.sql": "{{ config(materialized='incremental', unique_key='id') }}select 1 as id {% if is_incremental() %}from {{ ref('t') }} " +
			"where id > (select max(id) from {{ this }}){% endif %}",
	})
	require.NoError(t, err)
	require.Equal(t, "select 1 as id", compiled(t, g, "m", false))
	require.Equal(t, "select 1 as id from analytics.t where id > (select max(id) from here.it)", compiled(t, g, "m", true))
	require.Equal(t, []*model.Node{find(t, g, "t")}, find(t, g, "m").DependsOn)
	require.Equal(t, []string{"id"}, find(t, g, "m").Config.UniqueKey)
}

func TestAViewThatReachesASourceBecomesATable(t *testing.T) {
	t.Parallel()
	g, err := small(t, map[string]string{
		"models/a.sql": "{{ config(materialized='ephemeral') }}select * from {{ source('shop', 'orders') }}",
		"models/b.sql": "select * from {{ ref('a') }}",
		"models/c.sql": "select * from {{ ref('b') }}",
	})
	require.NoError(t, err)
	require.Equal(t, model.Table, find(t, g, "b").Materialized)
	require.Equal(t, model.View, find(t, g, "c").Materialized)
}

func TestGenerateSchemaNameIsHonoured(t *testing.T) {
	t.Parallel()
	g, err := small(t, map[string]string{
		"macros/g.sql": "{% macro generate_schema_name(custom_schema_name, node) %}{% if custom_schema_name is none %}{{ target.schema }}{% " +
			"else %}x_{{ custom_schema_name }}{% endif %}{% endmacro %}",
		"models/a.sql":  "{{ config(schema='core') }}select 1 as id",
		"models/b.sql":  "select 1 as id",
		"seeds/s.csv":   "id\n1\n",
		"models/xx.yml": "version: 2\n",
	})
	require.NoError(t, err)
	require.Equal(t, "x_core", find(t, g, "a").Schema)
	require.Equal(t, "analytics", find(t, g, "b").Schema)
	require.Equal(t, "analytics", find(t, g, "s").Schema)
}

func TestBrokenModelsNameTheirPlace(t *testing.T) {
	t.Parallel()
	f := func(sql, where, says, try string) {
		t.Helper()
		_, err := small(t, map[string]string{
			"models/m.sql": sql, "models/claims.sql": "select 1 as id", "macros/z.sql": "{% macro ok() %}\n\n{% endmacro %}",
		})
		var p *change.Problem
		require.True(t, errors.As(err, &p), "%v", err)
		require.Equal(t, where, p.Where)
		require.Contains(t, p.Error(), says)
		require.Contains(t, p.Try, try)
		require.Equal(t, change.ClassUsage, p.Class)
	}
	f("select 1\nfrom {{ ref('claim') }}", "models/m.sql:2:13", `there is no model or seed "claim"; did you mean "claims"?`, "")
	f("select 1\nfrom {{ source('shop', 'order') }}", "models/m.sql:2:24", `did you mean "shop.orders"?`, "")
	f("select 1\nfrom {{ nope }}", "models/m.sql:2:9", `"nope" is not defined`, "var('nope')")
	f("select 1\nfrom {{ ref('claims' }}", "models/m.sql:2:23", "expected", "")
	f("select 1\n\n{% if true %}", "models/m.sql:3:1", "{% if %} has no end", "{% endif %}")
	f("{{ config(materialised='table') }}select 1", "models/m.sql:1:11", `unknown configuration "materialised"`, "")
	f("select {{ var('none_such') }}", "models/m.sql:1:15", `there is no variable "none_such"`, "")
	f("select {{ run_query('select 1') }}", "models/m.sql:1:11", "run_query is not supported", "")
	f("select * from {{ ref('m') }}", "models/m.sql:1:22", "m -> m", "take one of the references out")
}

func TestACircleIsNamed(t *testing.T) {
	t.Parallel()
	_, err := small(t, map[string]string{
		"models/a.sql": "select * from {{ ref('c') }}", "models/b.sql": "select * from {{ ref('a') }}",
		"models/c.sql": "select * from {{ ref('b') }}",
	})
	require.ErrorContains(t, err, "a -> c -> b -> a")
}

func TestChildrenOfQuarantineFollowTheirParents(t *testing.T) {
	t.Parallel()
	g, err := small(t, map[string]string{
		"models/child.sql":  "select 1 as id, 2 as parent_id",
		"models/parent.sql": "select 2 as id",
		"models/x.yml": `
models:
  - name: child
    meta: {lifeline: {entity_of: orders}}
    columns:
      - name: parent_id
        data_tests:
          - relationships: {to: ref('parent'), field: id, config: {meta: {lifeline: {on_fail: quarantine}}}}
`,
	})
	require.NoError(t, err)
	require.Equal(t, []*model.Node{find(t, g, "parent")}, find(t, g, "child").DependsOn)
}

func TestOwnGenericTestsCompile(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"lifeline.yml": "name: s\n", "dbt_project.yml": "name: s\n", "models/m.sql": "select 1 as id",
		"tests/generic/even.sql": "{% test even(model, column_name, by=2) %}\nselect * from {{ model }} where {{ column_name }} % {{ by }} <> " +
			"0\n{% endtest %}",
		"models/x.yml": "models:\n  - name: m\n    columns:\n      - name: id\n        data_tests: [even: {by: 4, config: {where: 'id > " +
			"0'}}]\n",
		"tests/single.sql": "select * from {{ ref('m') }} where id is null",
	}
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	p, err := project.Load(dir, project.Options{})
	require.NoError(t, err)
	g, err := model.NewGraph(p, model.Options{})
	require.NoError(t, err)
	require.Len(t, p.Tests, 2)
	var texts []string
	for _, test := range p.Tests {
		sql, err := g.CompileTest(test, model.Env{Relation: relation})
		require.NoError(t, err)
		texts = append(texts, sql)
	}
	require.ElementsMatch(t, []string{
		"select * from analytics.m where id is null",
		"select * from (select * from analytics.m where id > 0) as tested where id % 4 <> 0",
	}, texts)
}

func TestSelection(t *testing.T) {
	t.Parallel()
	g, err := small(t, map[string]string{
		"models/core/a.sql": "{{ config(tags=['x']) }}select * from {{ source('shop', 'orders') }}",
		"models/core/b.sql": "select * from {{ ref('a') }}",
		"models/mart/c.sql": "{{ config(tags=['x', 'y']) }}select * from {{ ref('b') }}",
		"models/mart/d.sql": "select 1 as id",
	})
	require.NoError(t, err)
	f := func(include, exclude, want string) {
		t.Helper()
		nodes, err := g.Select(fields(include), fields(exclude))
		require.NoError(t, err, include)
		var names []string
		for _, n := range nodes {
			if n.Kind == model.KindModel {
				names = append(names, n.Name)
			}
		}
		require.Equal(t, want, strings.Join(names, " "), include)
	}
	f("", "", "d a b c")
	f("b", "", "b")
	f("+b", "", "a b")
	f("b+", "", "b c")
	f("+b+", "", "a b c")
	f("1+c", "", "b c")
	f("2+c", "", "a b c")
	f("tag:x", "", "a c")
	f("tag:x,tag:y", "", "c")
	f("path:models/mart", "", "d c")
	f("source:shop+", "", "a b c")
	f("a c", "", "a c")
	f("*", "tag:x", "d b")
	f("", "a+", "d")
	_, err = g.Select([]string{"aa"}, nil)
	require.ErrorContains(t, err, `nothing is selected by "aa"`)
}

func fields(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func TestTheOrderIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	order := func() (names []string) {
		p, err := lifecycle.Load("../examples/carepay", project.Options{})
		require.NoError(t, err)
		g, err := model.NewGraph(p, model.Options{Target: model.Target{Type: "duckdb"}, Vars: map[string]any{"as_of": "2019-11-25 21:00:00"}})
		require.NoError(t, err)
		place := map[*model.Node]int{}
		for i, n := range g.Nodes {
			place[n] = i
			names = append(names, n.ID)
			for _, d := range n.DependsOn {
				require.Less(t, place[d], i, "%s before %s", d.ID, n.ID)
			}
			if n.Kind == model.KindModel {
				_, err := g.Compile(n, model.Env{Relation: relation, This: relation(n)})
				require.NoError(t, err)
			}
		}
		return names
	}
	first := order()
	for range 5 {
		require.Equal(t, first, order())
	}
}
