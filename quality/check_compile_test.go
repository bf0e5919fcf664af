package quality_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/lifecycle"
	"lifeline/project"
	"lifeline/quality"
)

func TestEveryTestOfTheShippedProjectsCompiles(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("../examples/*/dbt_project.yml")
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	for _, f := range folders {
		p, err := lifecycle.Load(filepath.Dir(f), project.Options{})
		require.NoError(t, err)
		rel := quality.Relations{
			Node: func(name string) (string, bool) { return "s." + name, true },
			Ref:  func(text string) (string, string, error) { return text, text, nil },
		}
		aside := 0
		for _, test := range p.Tests {
			if _, ok := project.TestKinds[test.Kind]; !ok {
				continue
			}
			c, err := quality.Compile(test, rel)
			require.NoError(t, err)
			require.NotEmpty(t, c.SQL())
			if c.Severity == quality.Quarantine {
				require.True(t, c.OfRows(), "%s cannot set rows aside", c.Name)
				aside++
			}
		}
		require.Positive(t, aside, "%s sets nothing aside", p.Name)
	}
}
