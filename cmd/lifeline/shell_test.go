package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAShellIsToldHowALineGoesOn(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for line, want := range map[string][]string{
		"lifeline qu": {"quarantine", "query"}, "lifeline quarantine ": {"ls", "replay", "show"}, "lifeline serve --auth ": {
			"basic", "none",
			"proxy", "token",
		},
		"lifeline run --fu": {"--full"}, "lifeline completion ": {"bash", "fish", "zsh"}, "lifeline run --project " +
			folder[:len(folder)-1]: {folder + "/"},
	} {
		c := command(t.Context())
		c.Env = append(c.Env, "COMP_LINE="+line)
		out, err := c.Output()
		require.NoError(t, err, line)
		require.ElementsMatch(t, want, strings.Fields(string(out)), line)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		o := lifeline(t, "completion", shell)
		require.Zero(t, o.code, o.errors)
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("%s is not here", shell)
			continue
		}
		c := exec.CommandContext(t.Context(), path, "-n")
		c.Stdin = strings.NewReader(o.out)
		text, err := c.CombinedOutput()
		require.NoError(t, err, "%s: %s", shell, text)
	}
}

func TestTheManualNamesEveryCommandAndFlag(t *testing.T) {
	t.Parallel()
	page := lifeline(t, "man").out
	help := lifeline(t, "--help").out
	commands := regexp.MustCompile(`(?m)^  ([a-z]+)(?: [a-z<]| +)`).FindAllStringSubmatch(help[strings.Index(help, "Commands:"):], -1)
	require.Greater(t, len(commands), 15)
	for _, c := range commands {
		require.Regexp(t, `(?m)^\.SS `+c[1], page)
		for _, f := range regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`).FindAllStringSubmatch(lifeline(t, c[1], "--help").out, -1) {
			require.Contains(t, page, `\-\-`+strings.ReplaceAll(f[1], "-", `\-`), c[1])
		}
	}
	for code := range "012345" {
		require.Contains(t, page, ".B "+string(rune('0'+code))+"\n")
	}
	require.Regexp(t, `^\.TH LIFELINE 1 "" `, page, "without a date: two builds of one version give one page")
}

func TestTheVersionIsReadByMachines(t *testing.T) {
	t.Parallel()
	var v map[string]string
	require.NoError(t, json.Unmarshal([]byte(lifeline(t, "version", "--json").out), &v))
	require.Equal(t, runtime.GOARCH, v["arch"])
	require.Equal(t, runtime.Version(), v["go"])
	require.NotEmpty(t, v["version"])
}

func TestLogsAreRecordsALineWhereTheyAreWanted(t *testing.T) {
	t.Parallel()
	o := lifeline(t, append([]string{"run", "--log-format", "json"}, at(shop, "csv:"+shopCSV(t), "duckdb:"+filepath.Join(t.TempDir(),
		"w.duckdb"))...)...)
	require.Zero(t, o.code, o.errors)
	steps := map[string]bool{}
	for line := range strings.Lines(o.errors) {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &record), line)
		if step, ok := record["step"].(string); ok {
			require.False(t, steps[step], "%s is told twice", step)
			steps[step] = true
		}
	}
	require.True(t, steps["land"] && steps["publish"], o.errors)
	o = lifeline(t, "run", "--log-format", "json", "--project", filepath.Join(t.TempDir(), "nothing"))
	require.Equal(t, 2, o.code)
	var record map[string]any
	require.NoError(t, json.Unmarshal([]byte(o.errors), &record), o.errors)
	require.Equal(t, "ERROR", record["level"])
	require.NotEmpty(t, record["try"])
}
