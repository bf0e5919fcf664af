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

	"lifeline/change"
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
		if _, known := project.TestKinds[tt.Kind]; known {
			continue
		}
		sql, err := g.CompileTest(tt, model.Env{Relation: relation})
		if err != nil {
			sql = told(err)
		}
		out["want test "+tt.Name] = strings.TrimRight(sql, "\n") + "\n"
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
