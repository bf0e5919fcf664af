package main

import (
	"bufio"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// service is what compose.yaml says of one container.
type service struct {
	Entrypoint  []string
	Command     []string
	Environment map[string]string
}

// composeServices reads compose.yaml with the values of .env.
func composeServices(t *testing.T, env map[string]string) map[string]service {
	t.Helper()
	text, err := os.ReadFile("../../compose.yaml")
	require.NoError(t, err)
	filled := regexp.MustCompile(`\$\$|\$\{(\w+)(?::[-?]([^}]*))?\}`).ReplaceAllStringFunc(string(text), func(m string) string {
		if m == "$$" {
			return "$"
		}
		parts := regexp.MustCompile(`\$\{(\w+)(?::-([^}]*))?`).FindStringSubmatch(m)
		if v, ok := env[parts[1]]; ok {
			return v
		}
		return parts[2]
	})
	var c struct{ Services map[string]service }
	require.NoError(t, yaml.Unmarshal([]byte(filled), &c))
	return c.Services
}

// TestTheContainersCommandsWork runs what compose.yaml runs in the containers sample and lifeline-duckdb, one after the other, on a real
// MySQL and without Docker: paths and hosts are those of this machine.
func TestTheContainersCommandsWork(t *testing.T) {
	t.Parallel()
	dsn := mysqlDatabase(t)
	password := "composepassword"
	services := composeServices(t, map[string]string{
		"MYSQL_ROOT_PASSWORD": "r", "MYSQL_READER_PASSWORD": "x", "SAMPLE_SCALE": "0.02", "POSTGRES_PASSWORD": "p",
		"DASHBOARD_PASSWORD": password, "EVERY": "1h",
	})
	state := t.TempDir()
	bin := filepath.Join(state, "bin")
	require.NoError(t, os.Mkdir(bin, 0o700))
	self, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(bin, "lifeline"), []byte("#!/bin/sh\nexec "+self+" \"$@\"\n"), 0o700))
	here := strings.NewReplacer("/var/lib/lifeline", state, "/tmp/users", filepath.Join(state, "users"), "0.0.0.0:8080", "127.0.0.1:0",
		"/usr/share/lifeline/examples", filepath.Dir(carepay), "mysql://root:$MYSQL_ROOT_PASSWORD@mysql:3306/carepay", dsn,
		"mysql://lifeline:x@mysql:3306/carepay", dsn)
	start := func(name string) *exec.Cmd {
		s, ok := services[name]
		require.True(t, ok, name)
		args := append(s.Entrypoint[1:], here.Replace(s.Command[0]))
		c := exec.CommandContext(t.Context(), s.Entrypoint[0], args...)
		c.Env = append(os.Environ(), asLifeline+"=1", "PATH="+bin+":"+os.Getenv("PATH"))
		for k, v := range s.Environment {
			c.Env = append(c.Env, k+"="+here.Replace(v))
		}
		c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
		return c
	}
	for range 2 { // The second time it has nothing to do.
		out, err := start("sample").CombinedOutput()
		require.NoError(t, err, "%s", out)
	}

	serve := start("lifeline-duckdb")
	out, err := serve.StdoutPipe()
	require.NoError(t, err)
	serve.Stderr = os.Stderr
	require.NoError(t, serve.Start())
	address, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	go func() { _, _ = io.Copy(io.Discard, out) }() // Ends with the process.
	ask := func(path, user string) int {
		u, err := url.Parse(strings.TrimSpace(address))
		require.NoError(t, err)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.JoinPath(path).String(), nil)
		require.NoError(t, err)
		if user != "" {
			request.SetBasicAuth(user, password)
		}
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	require.Eventually(t, func() bool { return ask("/readyz", "") == http.StatusOK }, 5*time.Minute, 200*time.Millisecond)
	require.Equal(t, http.StatusUnauthorized, ask("/api/v1/pages/overview", ""))
	require.Equal(t, http.StatusOK, ask("/api/v1/pages/overview", "admin"))
	require.NoError(t, serve.Process.Signal(syscall.SIGTERM))
	require.NoError(t, serve.Wait(), "SIGTERM ends it well")
}
