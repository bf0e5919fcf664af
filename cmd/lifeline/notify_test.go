package main

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// webhook keeps what it is told.
type webhook struct {
	mu   sync.Mutex
	told []map[string]any
	code int
}

func (w *webhook) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var told map[string]any
	_ = json.NewDecoder(request.Body).Decode(&told) // What is no JSON stays nil and fails the test.
	w.told = append(w.told, told)
	answer.WriteHeader(w.code)
}

func (w *webhook) events() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, t := range w.told {
		out = append(out, t["event"].(string))
	}
	return out
}

func TestTheWebhookIsToldOnceAnIncident(t *testing.T) {
	t.Parallel()
	hook := &webhook{code: http.StatusOK}
	server := httptest.NewServer(hook)
	t.Cleanup(server.Close)
	project := shopCopy(t)
	edit(t, project, "lifeline.yml", "as_of:", "notify: {webhook: \""+server.URL+"/services/s3cret\", allow_private: true}\nas_of:")
	good, bad := "csv:"+shopCSV(t), copyOf(t, shopCSV(t))
	// Half of the purchases lose their customer: far more orphans than the check allows.
	lines := purchasesOf(t, bad)
	for i := 1; i < len(lines); i += 2 {
		lines[i] = changeField(lines[i], 2, "999999999")
	}
	setPurchases(t, bad, lines)
	dsn := duckAt(t, "notified")
	run := func(code int, source string) outcome {
		o := lifeline(t, append([]string{"run", "--full"}, at(project, source, dsn)...)...)
		require.Equal(t, code, o.code, o.errors)
		require.NotContains(t, o.out+o.errors, "s3cret")
		return o
	}
	run(0, good)
	require.Empty(t, hook.events(), "nothing is told of what is well")
	run(3, "csv:"+bad)
	run(3, "csv:"+bad)
	run(1, "mysql://nobody:hush@127.0.0.1:1/nowhere")
	require.Equal(t, []string{"blocked"}, hook.events(), "once an incident, not once a run")
	run(0, good)
	require.Equal(t, []string{"blocked", "recovered"}, hook.events())
	run(0, good)
	run(1, "mysql://nobody:hush@127.0.0.1:1/nowhere")
	require.Equal(t, []string{"blocked", "recovered", "failed"}, hook.events())

	first := hook.told[0]
	require.EqualValues(t, 2, first["run_id"])
	require.Contains(t, first["text"], "orphan_purchases")
	require.NotEmpty(t, first["found"])
	require.EqualValues(t, 2, hook.told[1]["since_run"])
	require.NotContains(t, hook.told[2]["text"], "hush")

	hook.code = http.StatusInternalServerError
	o := run(0, good)
	require.Contains(t, o.out, "the webhook was not told: it answered 500")

	// A killed run could tell nobody: the trouble that the next run finds is told, and its end.
	hook.code = http.StatusOK
	run(0, good)
	books, err := sql.Open("duckdb", strings.TrimPrefix(dsn, "duckdb:")+".lifeline/landing.duckdb")
	require.NoError(t, err)
	changed, err := books.ExecContext(t.Context(),
		"update ops.runs set status = 'failed', error = 'killed' where run_id = (select max(run_id) from ops.runs)")
	require.NoError(t, err)
	n, err := changed.RowsAffected()
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	require.NoError(t, books.Close())
	before := len(hook.events())
	run(3, "csv:"+bad)
	run(0, good)
	require.Equal(t, []string{"blocked", "recovered"}, hook.events()[before:])
}

func TestCheckTriesAndPublishesNothing(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, dsn string) {
		leaveToSoak(t, dsn)
		flags := at(shop, "csv:"+shopCSV(t), dsn)
		firstRun(t, flags)
		r := report(t, 0, append([]string{"check"}, flags...)...)
		require.EqualValues(t, "checked", r.Status)
		require.Zero(t, r.Version)
		require.NotEmpty(t, r.Checks)
		require.NotEmpty(t, r.Books)

		project := shopCopy(t)
		require.NoError(t, os.WriteFile(filepath.Join(project, "tests", "never.sql"), []byte("select 1 as n"), 0o600))
		flags = at(project, "", dsn)
		r = report(t, 3, append([]string{"check"}, flags...)...)
		require.EqualValues(t, "blocked", r.Status)
		r = report(t, 3, append([]string{"check"}, flags...)...)
		for _, c := range r.Checks {
			if c.Name == "never" {
				require.Equal(t, "persisting", c.Change)
				require.EqualValues(t, 3, c.Since)
			}
		}
		versions := lifeline(t, append([]string{"query", "--json", "--books"},
			append(flags, "select version from ops.versions where state = 'published'")...)...)
		require.JSONEq(t, `[{"version": 1}]`, versions.out)
	})
}
