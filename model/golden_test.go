package model_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"lifeline/change"
	"lifeline/lifecycle"
	"lifeline/model"
	"lifeline/project"
)

var update = flag.Bool("update", false, "write what comes out as what is wanted")

// sections splits a case file into its files: each begins with a line `-- NAME --`.
func sections(text string) (names []string, files map[string]string) {
	files = map[string]string{}
	name := ""
	for line := range strings.Lines(text) {
		if inner, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(strings.TrimSpace(inner), " --") {
			name = strings.TrimSuffix(strings.TrimSpace(inner), " --")
			names, files[name] = append(names, name), ""
			continue
		}
		files[name] += line
	}
	return names, files
}

// write makes a project folder of the given files around a minimal one.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{"lifeline.yml": "name: small\n", "dbt_project.yml": "name: small\n"}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

func graph(t *testing.T, files map[string]string) (*project.Project, *model.Graph, error) {
	t.Helper()
	env := func(name string) string { return map[string]string{"REGION": "east"}[name] }
	p, err := project.Load(write(t, files), project.Options{Env: env})
	if err != nil {
		return nil, nil, err
	}
	g, err := model.NewGraph(p, model.Options{Target: model.Target{Name: "test", Type: "duckdb"}, Env: env})
	return p, g, err
}

// told is an error as a user reads it.
func told(err error) string {
	var p *change.Problem
	if !errors.As(err, &p) {
		return "NO PROBLEM: " + err.Error()
	}
	return fmt.Sprintf("%s: %s\nTry: %s\nexit %d\n", p.Where, p.Error(), p.Try, p.Class)
}

// outcome is everything that a project gives: its nodes in order, the SQL of each, or what is wrong.
func outcome(t *testing.T, files map[string]string) map[string]string {
	t.Helper()
	p, g, err := graph(t, files)
	if err != nil {
		return map[string]string{"want error": told(err)}
	}
	out := map[string]string{}
	var order strings.Builder
	for _, n := range g.Nodes {
		fmt.Fprintf(&order, "%s %s %s", n.ID, relation(n), n.Materialized)
		for _, d := range n.DependsOn {
			fmt.Fprintf(&order, " <%s", d.Name)
		}
		order.WriteString("\n")
		if n.Kind != model.KindModel || n.Materialized == model.Ephemeral {
			continue
		}
		for _, incremental := range []bool{false, true} {
			name := "want " + n.Name
			if incremental {
				if n.Materialized != model.Incremental {
					continue
				}
				name += " again"
			}
			sql, err := g.Compile(n, model.Env{Relation: relation, This: relation(n), Incremental: incremental})
			if err != nil {
				sql = told(err)
			}
			out[name] = strings.TrimRight(sql, "\n") + "\n"
		}
	}
	out["want order"] = order.String()
	for _, tt := range p.Tests {
		if tt.Shipped() || tt.Disabled {
			continue
		}
		sql, err := g.CompileTest(tt, model.Env{Relation: relation})
		if err != nil {
			sql = told(err)
		}
		out["want test "+tt.Name+map[bool]string{true: " of severity warn"}[tt.Severity == "warn"]] = strings.TrimRight(sql, "\n") + "\n"
	}
	return out
}

// Each testdata/NAME.txt is a project and what comes of it: the order of its nodes, their SQL, or its error.
func TestAProjectGivesItsSQLOrItsError(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, path := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			names, all := sections(string(text))
			files, want := map[string]string{}, map[string]string{}
			for name, text := range all {
				if strings.HasPrefix(name, "want ") {
					want[name] = text
				} else if name != "" {
					files[name] = text
				}
			}
			got := outcome(t, files)
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(rewritten(all, names, got)), 0o644))
				return
			}
			require.Equal(t, want, got)
		})
	}
}

// rewritten is a case file with new wanted parts.
func rewritten(all map[string]string, names []string, got map[string]string) string {
	var b strings.Builder
	b.WriteString(all[""])
	for _, name := range names {
		if !strings.HasPrefix(name, "want ") {
			fmt.Fprintf(&b, "-- %s --\n%s", name, all[name])
		}
	}
	var wanted []string
	for name := range got {
		wanted = append(wanted, name)
	}
	sort.Strings(wanted)
	for _, name := range wanted {
		fmt.Fprintf(&b, "-- %s --\n%s", name, got[name])
	}
	return b.String()
}

func TestSelectionByFolderAndMethod(t *testing.T) {
	t.Parallel()
	_, g, err := graph(t, map[string]string{
		"models/s.yml":           "sources:\n  - name: shop\n    tables: [{name: orders}, {name: items}]\n",
		"seeds/words.csv":        "id\n1\n",
		"models/core/a.sql":      "select * from {{ source('shop', 'orders') }}",
		"models/core/b.sql":      "{{ config(materialized='incremental') }}select * from {{ ref('a') }} join {{ ref('words') }} using (id)",
		"models/mart/deep/c.sql": "{{ config(tags=['x']) }}select * from {{ ref('b') }}",
		"models/mart/d.sql":      "select * from {{ source('shop', 'items') }}",
		"models/mart/e.sql":      "select * from {{ ref('d') }} join {{ ref('a') }} using (id)",
	})
	require.NoError(t, err)
	f := func(include, exclude, want string) {
		t.Helper()
		nodes, err := g.Select(strings.Fields(include), strings.Fields(exclude))
		require.NoError(t, err)
		var names []string
		for _, n := range nodes {
			names = append(names, n.Name)
		}
		require.Equal(t, want, strings.Join(names, " "))
	}
	f("core", "", "a b")
	f("small.core", "", "a b")
	f("mart.deep", "", "c")
	f("mart.deep.c", "", "c")
	f("mart.*", "", "d c e")
	f("small", "core", "words d c e")
	f("models/mart", "", "d c e")
	f("path:models/mart/*.sql", "", "d e")
	f("models/mart/d.sql", "", "d")
	f("@a", "", "words items d orders a b c e")
	f("@d", "", "items d orders a e")
	f("1+c+1", "", "b c")
	f("source:shop.items+", "", "items d e")
	f("source:items+1", "", "items d")
	f("resource_type:seed+", "", "words b c")
	f("config.materialized:incremental", "", "b")
	f("tag:x,mart c,core", "", "c")
	f("+e,core", "", "a")
	f("core mart", "tag:x e", "d a b")
	f("source.small.shop.orders", "", "orders")
	f("model.small.*", "", "d a b c e")

	bad := func(include, says, try string) {
		t.Helper()
		_, err := g.Select([]string{include}, nil)
		var p *change.Problem
		require.ErrorAs(t, err, &p)
		require.Equal(t, says, p.Error())
		require.Equal(t, try, p.Try)
		require.Equal(t, change.ClassUsage, p.Class)
	}
	bad("state:modified", `"state:modified" needs an earlier state to compare with`,
		"--state DIR, a folder with the manifest.json of an earlier run")
	bad("result:error", `there is no selection by "result:"`,
		"a name, or one of config.materialized:, fqn:, path:, resource_type:, source:, state:, tag:")
	bad("tags:x", `there is no selection by "tags:"`, "tag:")
	bad("tag:nothing", `nothing is selected by "tag:nothing"`, "lifeline ls")
	bad("word", `nothing is selected by "word"`, "--select words")
}

// Whatever order the files come in, the graph is ordered by what it means: each node after what it reads, and always the same.
func TestAnyOrderOfFilesGivesOneOrderOfNodes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(rt, "models")
		var models []*project.Model
		for i := range n {
			sql := "select 1 as id"
			for j := range i {
				if rapid.Bool().Draw(rt, "reads") {
					sql += fmt.Sprintf(" union all select id from {{ ref('m%d') }}", j)
				}
			}
			models = append(models, &project.Model{Name: fmt.Sprintf("m%d", i), Path: fmt.Sprintf("models/m%d.sql", i), SQL: sql})
		}
		order := func(models []*project.Model) string {
			g, err := model.NewGraph(&project.Project{Name: "p", Models: models}, model.Options{})
			require.NoError(rt, err)
			place := map[*model.Node]int{}
			var names []string
			for i, n := range g.Nodes {
				place[n] = i
				names = append(names, n.Name)
				for _, d := range n.DependsOn {
					at, before := place[d]
					require.True(rt, before && at < i, "%s before %s", d.Name, n.Name)
				}
			}
			return strings.Join(names, " ")
		}
		want := order(models)
		require.Equal(rt, want, order(rapid.Permutation(models).Draw(rt, "files")))
	})
}

// Models are compiled by several goroutines at once.
func TestManyCompileAtOnce(t *testing.T) {
	t.Parallel()
	p, err := lifecycle.Load("../examples/carepay", project.Options{})
	require.NoError(t, err)
	g, err := model.NewGraph(p, model.Options{Target: model.Target{Type: "postgres"}})
	require.NoError(t, err)
	var group errgroup.Group
	for _, n := range append(append([]*model.Node{}, g.Nodes...), g.Nodes...) {
		if n.Kind == model.KindModel {
			group.Go(func() error {
				sql, err := g.Compile(n, model.Env{Relation: relation, This: relation(n)})
				if strings.Contains(sql, "{{") {
					return errors.New(sql)
				}
				return err
			})
		}
	}
	require.NoError(t, group.Wait())
}

func TestALineOfCompiledSQLIsPlacedInItsFile(t *testing.T) {
	t.Parallel()
	_, g, err := graph(t, map[string]string{
		"macros/m.sql": "{% macro two() %}1 as one,\n    2 as two{% endmacro %}",
		"models/e.sql": "{{ config(materialized='ephemeral') }}\n\nselect\n    1 as id",
		"models/m.sql": `{{ config(materialized='table') }}
-- What it is.
with a as (
    select id
    from {{ ref('e') }}
)
select
    id,
    {{ two() }},
    {% for c in ['x', 'y'] %}
    a.{{ c }},
    {% endfor %}
    broken_here
from a
`,
	})
	require.NoError(t, err)
	var n *model.Node
	for _, n = range g.Nodes {
		if n.Name == "m" {
			break
		}
	}
	sql, err := g.Compile(n, model.Env{Relation: relation})
	require.NoError(t, err)
	lines := strings.Split(sql, "\n")
	f := func(text, want string) {
		t.Helper()
		for i, line := range lines {
			if strings.TrimSpace(line) == text {
				require.Equal(t, want, g.Place(n, sql, i+1), sql)
				return
			}
		}
		require.Fail(t, "no line "+text, sql)
	}
	f("1 as id", "models/e.sql:4")
	f("-- What it is.", "models/m.sql:2")
	f("select id", "models/m.sql:4")
	f("from __dbt__cte__e", "models/m.sql:5")
	f("1 as one,", "models/m.sql:9")
	f("2 as two,", "models/m.sql:9")
	f("a.y,", "models/m.sql:11")
	f("broken_here", "models/m.sql:13")
	f("from a", "models/m.sql:14")
	require.Equal(t, "models/m.sql", g.Place(n, sql, 1000))
}

func TestATestsTextsMayHoldVariables(t *testing.T) {
	t.Parallel()
	p, g, err := graph(t, map[string]string{
		"dbt_project.yml": "name: small\nvars: {top: 5}\n",
		"models/a.sql":    "select 1 as id",
		"models/x.yml": `
models:
  - name: a
    columns:
      - name: id
        data_tests:
          - dbt_utils.accepted_range: {min_value: 0, max_value: "{{ var('top') }}",
              config: {where: "id in (select id from {{ ref('a') }})"}}
          - relationships: {to: ref('a'), field: id}
          - accepted_values: {values: ["{{ var('none') }}"]}
`,
	})
	require.NoError(t, err)
	got, err := g.Resolve(p.Tests[0], model.Env{Relation: relation})
	require.NoError(t, err)
	require.Equal(t, map[string]any{"min_value": int64(0), "max_value": "5"}, got.Args)
	require.Equal(t, "id in (select id from analytics.a)", got.Where)
	require.Equal(t, "{{ var('top') }}", p.Tests[0].Args["max_value"])
	got, err = g.Resolve(p.Tests[1], model.Env{Relation: relation})
	require.NoError(t, err)
	require.Equal(t, "ref('a')", got.Args["to"])
	_, err = g.Resolve(p.Tests[2], model.Env{Relation: relation})
	require.Equal(t, "models/x.yml:10: there is no variable \"none\"\nTry: vars: {none: …} in dbt_project.yml, or {{ var('none', 'a "+
		"default') }}\nexit 2\n", told(err))
}
