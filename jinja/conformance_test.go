package jinja_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/jinja"
)

// answer is what jinja2 makes of a template: its text, or the name of its error.
type answer struct{ Template, Text, Error string }

func answers(t *testing.T, path string) []answer {
	t.Helper()
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		t.Skipf("%s is not there", path)
	}
	require.NoError(t, err)
	var out []answer
	for line := range bytes.Lines(text) {
		var a answer
		require.NoError(t, json.Unmarshal(line, &a))
		out = append(out, a)
	}
	require.NotEmpty(t, out)
	return out
}

func render(template string) (string, error) {
	t, err := jinja.Parse("t.sql", template)
	if err != nil {
		return "", err
	}
	return t.Render(&jinja.Context{})
}

// requireAnswers holds this package to jinja2's answers: what jinja2 refuses is an error here, and what it renders is the same text
// here, or an error with its place in at most one of fifty.
func requireAnswers(t *testing.T, list []answer) {
	t.Helper()
	refused := 0
	for _, a := range list {
		got, err := render(a.Template)
		switch {
		case err != nil:
			var placed *jinja.Error
			require.ErrorAs(t, err, &placed, "%s", a.Template)
			require.Positive(t, placed.Pos.Line, "%s", a.Template)
			if a.Error == "" {
				refused++
				t.Logf("refused: %s: %v", a.Template, err)
			}
		case a.Error != "":
			t.Errorf("%s\ngives %q, and jinja2 says %s", a.Template, got, a.Error)
		case got != a.Text:
			t.Errorf("%s\n got %q\nwant %q", a.Template, got, a.Text)
		}
	}
	require.LessOrEqual(t, refused*50, len(list), "too many templates are refused")
}

func TestTemplatesGiveWhatJinja2Gives(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"testdata/answers.ndjson", "../../shared/cases/F12/jinja2.ndjson"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			requireAnswers(t, answers(t, path))
		})
	}
}

// python asks the jinja2 of this machine, where there is one.
func python(t *testing.T, stdin []byte, args ...string) []byte {
	t.Helper()
	if exec.Command("python3", "-c", "import jinja2; assert jinja2.__version__ >= '3.1'").Run() != nil {
		t.Skip("python3 with jinja2 3.1 is not here")
	}
	c := exec.Command("python3", append([]string{"-W", "ignore"}, args...)...)
	c.Stdin = bytes.NewReader(stdin)
	out, err := c.Output()
	require.NoError(t, err)
	return out
}

func TestTheAnswersAreThoseOfJinja2(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/answers.ndjson")
	require.NoError(t, err)
	now := bytes.Split(python(t, text, "testdata/answers.py"), []byte("\n"))
	for i, line := range bytes.Split(text, []byte("\n")) {
		require.Equal(t, string(line), string(now[i]))
	}
}

func TestGeneratedTemplatesGiveWhatJinja2Gives(t *testing.T) {
	t.Parallel()
	seed := time.Now().UnixNano() % 1_000_000
	t.Logf("seed %d", seed)
	templates := python(t, nil, "testdata/generate.py", strconv.FormatInt(seed, 10), "400")
	path := filepath.Join(t.TempDir(), "answers.ndjson")
	require.NoError(t, os.WriteFile(path, python(t, templates, "testdata/answers.py"), 0o600))
	texts, same := 0, 0
	for _, a := range answers(t, path) {
		got, err := render(a.Template)
		if a.Error == "" {
			texts++
			if err == nil {
				same++
			}
		}
		if err == nil && a.Error == "" {
			require.Equal(t, a.Text, got, "%s", a.Template)
		}
	}
	// Half of the rest print a generator or a part that is not there, which are errors here.
	require.Greater(t, same*100, texts*70, "%d of %d", same, texts)
}
