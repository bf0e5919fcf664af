package dashboard_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/dashboard"
	"lifeline/sample"
	"lifeline/semantic"
	"lifeline/warehouse"
)

// publications is how many versions come under the readers; 20 in the full run.
func publications() int {
	if long {
		return 20
	}
	return 1
}

func TestReadersSeeWholeVersionsWhileNewOnesArePublished(t *testing.T) {
	skipIfShort(t)
	dir := t.TempDir()
	// The pages ask nothing of the KPIs, which are most of the models.
	require.NoError(t, os.CopyFS(filepath.Join(dir, "project"), os.DirFS(carepay)))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "project", "models", "kpi")))
	_, err := sample.Write(t.Context(), sample.Options{Project: "carepay", Scale: 0.01, Seed: 1, Dirt: "real"}, filepath.Join(dir, "0"))
	require.NoError(t, err)
	// The second source lacks the newest claim, which nothing refers to.
	require.NoError(t, os.CopyFS(filepath.Join(dir, "1"), os.DirFS(filepath.Join(dir, "0"))))
	text, err := os.ReadFile(filepath.Join(dir, "1", "claims.csv"))
	require.NoError(t, err)
	lines := strings.SplitAfter(strings.TrimRight(string(text), "\n"), "\n")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "1", "claims.csv"), []byte(strings.Join(lines[:len(lines)-1], "")), 0o644))
	t.Run("duckdb", func(t *testing.T) { follow(t, "duckdb:"+filepath.Join(dir, "w.duckdb"), dir) })
	t.Run("postgres", func(t *testing.T) {
		server := os.Getenv("LIFELINE_TEST_POSTGRES")
		if server == "" {
			t.Skip("LIFELINE_TEST_POSTGRES names no server")
		}
		follow(t, database(t, server), dir)
	})
}

// follow publishes two sources in turn while fifty readers ask; each answer must be wholly of its version.
func follow(t *testing.T, dsn, dir string) {
	publish := func(which int) {
		require.NoError(t, publishProject(filepath.Join(dir, "project"), dsn, filepath.Join(dir, fmt.Sprint(which))))
	}
	publish(0)
	counts := sync.Map{}
	note := func() {
		wh, err := warehouse.Open(context.Background(), warehouse.Options{DSN: dsn})
		require.NoError(t, err)
		defer wh.Close()
		r, err := wh.Published(context.Background())
		require.NoError(t, err)
		defer r.Close()
		var n claimCount
		require.NoError(t, r.DB.QueryRow("select count(*), count(*) filter (where currency = 'KES') from core.claims").Scan(&n.all, &n.ofPages))
		counts.Store(r.Version, n)
	}
	note()
	c := open(t, dsn)
	stop := make(chan struct{})
	var asked, newest atomic.Int64
	var mu sync.Mutex
	answers := map[seenRows]int{}
	var faults []error
	var work sync.WaitGroup
	for i := range 50 {
		work.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s, err := look(c, i, int(asked.Add(1)))
				mu.Lock()
				if err != nil {
					faults = append(faults, err)
				}
				answers[s]++
				mu.Unlock()
				newest.Store(max(newest.Load(), s.version))
				// A person asks again after a while; without a pause fifty loops would leave the run no processor.
				select {
				case <-stop:
				case <-time.After(2 * time.Second):
				}
			}
		})
	}
	for i := range publications() {
		began := time.Now()
		publish((i + 1) % 2)
		t.Logf("a run under fifty readers took %s", time.Since(began).Round(time.Millisecond))
		note()
		require.Eventually(t, func() bool { return newest.Load() == int64(i+2) }, 5*time.Minute, 20*time.Millisecond, "readers see it come")
	}
	close(stop)
	work.Wait()
	require.Empty(t, faults, "of %d", asked.Load())
	versions := map[int64]bool{}
	for s := range answers {
		n, known := counts.Load(s.version)
		require.True(t, known, "version %d", s.version)
		want := n.(claimCount).all
		if strings.Contains(s.what, "/pages/") {
			want = n.(claimCount).ofPages
		}
		require.Equal(t, want, s.rows, "%d answers of version %d by %s", answers[s], s.version, s.what)
		versions[s.version] = true
	}
	require.Len(t, versions, publications()+1, "readers saw each version")
	t.Logf("%d answers of %d versions", asked.Load(), len(versions))
}

// claimCount is how many claims a version has, and how many of them a page counts: those of its currency.
type claimCount struct{ all, ofPages int64 }

type seenRows = struct {
	version, rows int64
	what          string
}

// look asks one of several questions whose answer is the number of all claims.
func look(c *client, who, n int) (seenRows, error) {
	paths := []string{
		"/api/v1/pages/overview?range=all&undated=include&basis=submitted&vs=none", "/api/v1/tables/core.claims/rows?limit=1",
		"/api/v1/pages/reconciliation?range=all&undated=include&vs=none", ask("select count(*) as n from core.claims"),
	}
	path := paths[(who+n)%len(paths)]
	if strings.Contains(path, "sql") && who > 1 {
		path = paths[0] // Two statements at once are all that one asker may run.
	}
	var answer *http.Response
	var err error
	if question, is := strings.CutPrefix(path, posted); is {
		answer, err = http.Post(c.url+"/api/v1/sql", "application/json", strings.NewReader(statement(c.t, question)))
	} else {
		answer, err = http.Get(c.url + path + fmt.Sprintf("&limit=%d", 1+n%3))
	}
	if err != nil {
		return seenRows{}, err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusTooManyRequests {
		return seenRows{version: 1, rows: -1}, errors.New("told to wait")
	}
	if answer.StatusCode != http.StatusOK {
		return seenRows{}, fmt.Errorf("%s: %s", path, answer.Status)
	}
	var body struct {
		Data struct {
			Rows  json.RawMessage
			Trust *semantic.Trust
			Cards []semantic.Card
		}
		Meta dashboard.Meta
		Page *semantic.Page
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		return seenRows{}, err
	}
	s := seenRows{version: body.Meta.Version, what: path}
	switch {
	case body.Page != nil:
		s.rows = body.Page.Total
	case strings.Contains(path, "sql"):
		var rows [][]int64
		if err := json.Unmarshal(body.Data.Rows, &rows); err != nil {
			return s, err
		}
		s.rows = rows[0][0]
	default:
		if err := json.Unmarshal(body.Data.Rows, &s.rows); err != nil {
			return s, err
		}
	}
	if t := body.Data.Trust; t != nil && (!t.Balances || t.Counted.Rows != s.rows) {
		return s, fmt.Errorf("%s of version %d: %s", path, s.version, t.Text)
	}
	for _, card := range body.Data.Cards {
		if card.Problem != nil {
			return s, fmt.Errorf("%s of version %d, %s: %s", path, s.version, card.ID, card.Problem.Detail)
		}
		if card.ID == "claims" && card.Tile != nil && fmt.Sprint(card.Tile.Value) != fmt.Sprint(s.rows) {
			return s, fmt.Errorf("%s of version %d: the tile says %v, the page %d", path, s.version, card.Tile.Value, s.rows)
		}
	}
	return s, nil
}

// copyPublished puts a copy of a DuckDB warehouse where there is none: its folder first and then, as a publication does it, the published
// file by a rename.
func copyPublished(from, to string) error {
	if err := os.CopyFS(to+".lifeline", os.DirFS(from+".lifeline")); err != nil {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(to+".new", text, 0o444), os.Rename(to+".new", to))
}

func TestBeforeTheFirstRunThePagesSayWhatToDo(t *testing.T) {
	t.Parallel()
	dsn := "duckdb:" + filepath.Join(t.TempDir(), "w.duckdb")
	c := open(t, dsn)
	meta := get[dashboard.MetaData](c, "/api/v1/meta").Data
	require.Equal(t, "empty", meta.State)
	require.NotEmpty(t, meta.FirstSteps)
	require.Equal(t, "empty", meta.Freshness.Status)
	require.Contains(t, c.problem("/api/v1/pages/overview", http.StatusServiceUnavailable).Hint, "lifeline run")
	c.problem("/api/v1/runs", http.StatusServiceUnavailable)
	status, _, _ := c.raw("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)

	// The first version is told to browsers that are open already.
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/api/v1/events", nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	require.NoError(t, copyPublished(filepath.Join(folder(t), "w.duckdb"), strings.TrimPrefix(dsn, "duckdb:")))
	c.server.Tell(dashboard.LiveEvent{Kind: "run", State: "begin", Step: "land"})
	var kinds []string
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		text, is := strings.CutPrefix(lines.Text(), "data: ")
		if !is {
			continue
		}
		var e dashboard.LiveEvent
		require.NoError(t, json.Unmarshal([]byte(text), &e))
		kinds = append(kinds, e.Kind)
		if e.Kind == "snapshot" && e.Snapshot == "v1" {
			break
		}
	}
	require.Equal(t, "hello", kinds[0])
	require.Contains(t, kinds, "run")
	require.Equal(t, "snapshot", kinds[len(kinds)-1])
	require.Positive(t, get[semantic.PageData](c, "/api/v1/pages/overview").Data.Rows)
}
