package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// onTerminal runs the program on a pseudo-terminal; what is written to the first pipe is typed, the second is the screen.
func onTerminal(t *testing.T, ctx context.Context, args ...string) (*exec.Cmd, io.Writer, io.Reader) {
	t.Helper()
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("there is no script(1) to make a terminal with")
	}
	program := command(ctx, args...)
	c := exec.CommandContext(ctx, script, "-qec", "exec "+strings.Join(program.Args, " "), "/dev/null")
	c.Env = program.Env
	keys, err := c.StdinPipe()
	require.NoError(t, err)
	screen, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	return c, keys, screen
}

func TestTheDemoOnATerminalEndsInTheDashboardUntilCtrlC(t *testing.T) {
	leaveToMakeTest(t)
	// Not parallel: it looks at the demo's own port.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	taken, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:8080")
	if err == nil {
		defer taken.Close()
	}
	c, keys, screen := onTerminal(t, ctx, "demo", "fooddelivery", "--dir", t.TempDir(), "--scale", "0.01")
	at := regexp.MustCompile(`http://localhost:(\d+)`)
	var all strings.Builder
	var url string
	lines := bufio.NewScanner(screen)
	for url == "" && lines.Scan() {
		all.WriteString(lines.Text() + "\n")
		if m := at.FindStringSubmatch(lines.Text()); m != nil {
			url = m[0]
		}
	}
	require.NotEmpty(t, url, all.String())
	require.NotEqual(t, "http://localhost:8080", url)
	require.Contains(t, all.String(), "Port 8080 is taken")
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", http.NoBody)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusOK, answer.StatusCode)
	_, err = keys.Write([]byte{3})
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, screen)
	require.NoError(t, c.Wait(), "Ctrl-C is how it ends, and no error")
}

func TestTheDemoOnATerminalEndsWithItsReportWhereNoDashboardIsWanted(t *testing.T) {
	leaveToMakeTest(t)
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c, _, screen := onTerminal(t, ctx, "demo", "--no-serve", "--dir", t.TempDir(), "--scale", "0.02")
	out, err := io.ReadAll(screen)
	require.NoError(t, err)
	require.NoError(t, c.Wait())
	require.Contains(t, string(out), "Try next:")
	require.NotContains(t, string(out), "http://localhost")
	_, next, _ := strings.Cut(string(out), "Try next:")
	tried := 0
	for line := range strings.Lines(next) {
		line = strings.TrimSpace(line)
		if line == "" || strings.Contains(line, " serve ") {
			continue
		}
		sh := exec.CommandContext(ctx, "sh", "-c", line)
		sh.Env = c.Env
		said, err := sh.CombinedOutput()
		require.NoError(t, err, "%s\n%s", line, said)
		tried++
	}
	require.Equal(t, 4, tried, "the lines are meant to be pasted")
}
