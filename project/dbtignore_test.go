package project_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/project"
)

// loadFiles reads a project of the given files, without lifeline.yml.
func loadFiles(t *testing.T, files map[string]string) (*project.Project, error) {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{"dbt_project.yml": "name: p\n", "models/a.sql": "select 1 as id\n"}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		at := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		require.NoError(t, os.WriteFile(at, []byte(text), 0o600))
	}
	return project.Load(dir, project.Options{})
}

// .dbtignore leaves files out as under dbt, by the rules of git.
func TestDbtignoreLeavesFilesOut(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for _, name := range []string{"a", "b", "old/c", "old/deep/d", "keep/old_e", "x/y/f", "x/y/g"} {
		files["models/"+name+".sql"] = "select 1 as id"
	}
	for text, left := range map[string]string{
		"":                     "a b c d old_e f g",
		"# nothing\n\n":        "a b c d old_e f g",
		"b.sql":                "a c d old_e f g",
		"old/":                 "a b old_e f g",
		"/models/old":          "a b old_e f g",
		"models/*.sql":         "c d old_e f g",
		"*.sql\n!f.sql":        "f",
		"models/**/d.sql":      "a b c old_e f g",
		"**/y/[g-z].sql":       "a b c d old_e f",
		"models/x/**\n!**/g.*": "a b c d old_e g",
		"?.sql":                "old_e",
	} {
		files[".dbtignore"] = text
		p, err := loadFiles(t, files)
		require.NoError(t, err)
		var names []string
		for _, m := range p.Models {
			names = append(names, m.Name)
		}
		require.ElementsMatch(t, strings.Fields(left), names, text)
	}
}

// What dbt would read besides is refused or told: functions, profiles, selectors.
func TestFilesThatOnlyDbtReadsAreRefusedOrTold(t *testing.T) {
	t.Parallel()
	p, err := loadFiles(t, map[string]string{"profiles.yml": "p: {}\n", "selectors.yml": "selectors: []\n"})
	require.NoError(t, err)
	told := strings.Join(p.Unused(), "\n")
	require.Contains(t, told, "profiles.yml (")
	require.Contains(t, told, "selectors.yml, a default selector too")
	for name, text := range map[string]string{"functions/f.sql": "", "fns/f.sql": "function-paths: [fns]\n"} {
		_, err := loadFiles(t, map[string]string{name: "x + 1", "dbt_project.yml": "name: p\n" + text})
		var problem *change.Problem
		require.ErrorAs(t, err, &problem)
		require.Equal(t, name, problem.Where)
	}
}

// A source that is switched off is not there, nor are its tables, but for those that say otherwise themselves.
func TestADisabledSourceIsNotThere(t *testing.T) {
	t.Parallel()
	p, err := loadFiles(t, map[string]string{"models/s.yml": "sources:\n  - name: x\n    config: {enabled: false}\n    tables:\n" +
		"      - {name: t, columns: [{name: id, data_tests: [unique]}]}\n      - {name: u, config: {enabled: true}}\n"})
	require.NoError(t, err)
	require.Len(t, p.Sources, 1)
	require.Equal(t, "u", p.Sources[0].Name)
	require.Empty(t, p.Tests)
}

// A constraint that says too little, or what no engine holds, is refused at its place.
func TestConstraintsThatCannotHoldAreRefused(t *testing.T) {
	t.Parallel()
	for constraint, says := range map[string]string{
		"{type: primary_key}": "needs its columns", "{type: check}": "without an expression", "{type: exclude, columns: [id]}": "unknown type",
		"{type: foreign_key, columns: [id]}": "as many columns", "{type: custom, expression: x}": "type custom is not supported",
		"{type: foreign_key, columns: [id], to: ref('a'), to_columns: [x, y]}": "as many columns",
		"{type: unique, columns: [id], expresion: x}":                          `unknown key "expresion"`,
	} {
		_, err := loadFiles(t, map[string]string{"models/a.yml": "models:\n  - name: a\n    constraints:\n      - " + constraint + "\n"})
		var problem *change.Problem
		require.ErrorAs(t, err, &problem, constraint)
		require.Contains(t, problem.Error(), says)
		require.Contains(t, problem.Where, "models/a.yml:4")
		require.NotEmpty(t, problem.Try)
	}
}
