package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/dashboard"
	"lifeline/run"
	"lifeline/semantic"
)

// A project that says nothing of pages has them all the same: what came in, waits and left, the list and the page of each kind of record,
// with the figures that a query over the published tables gives.
func TestAProjectWithoutPagesShowsItsLifecycles(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, dsn string) {
		flags := at(shop, "csv:"+shopCSV(t), dsn)
		firstRun(t, flags)
		c := servedBy(t, shop, dsn)

		page := answered[semantic.PageData](t, c, "/api/v1/pages/overview?range=all")
		require.Len(t, page.Cards, 4)
		n := func(sql string) any {
			return query(t, flags, "select count(*) as n from analytics.dim_purchases where "+sql)[0]["n"]
		}
		for i, want := range []any{n("date_placed is not null"), n("status = 'placed'")} {
			require.Nil(t, page.Cards[i].Problem, page.Cards[i].ID)
			require.Equal(t, want, page.Cards[i].Rows[0][0], page.Cards[i].ID)
		}
		came, gone := 0.0, 0.0
		for _, row := range page.Cards[2].Rows {
			came, gone = came+row[2].(float64), gone+row[3].(float64)
		}
		require.Equal(t, []any{n("date_placed is not null"), n("date_sent is not null")}, []any{came, gone})
		states := map[any]any{}
		for _, row := range page.Cards[3].Rows {
			states[row[0]] = row[1]
		}
		require.Equal(t, map[any]any{"placed": n("status = 'placed'"), "sent": n("status = 'sent'"), "returned": n("status = 'returned'")},
			states)

		list := answered[semantic.RowsData](t, c, "/api/v1/tables/analytics.dim_purchases/rows?range=all&state=sent&limit=5")
		require.NotEmpty(t, list.Rows)
		record := answered[map[string]any](t, c, "/api/v1/records/purchases/1")
		require.NotEmpty(t, record["timeline"])
	})
}

// servedBy is the address of a dashboard over a warehouse.
func servedBy(t *testing.T, project, dsn string) string {
	t.Helper()
	g := &Globals{Project: project, Warehouse: dsn, terminal: terminal{in: os.Stdin, out: io.Discard, err: io.Discard}}
	p, err := g.load()
	require.NoError(t, err)
	wh, err := g.openWarehouse(t.Context(), p)
	require.NoError(t, err)
	s, err := g.newDashboard(t.Context(), p, wh, dashboard.Options{})
	require.NoError(t, err)
	h := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		h.Close()
		require.NoError(t, s.Close())
		require.NoError(t, wh.Close())
	})
	return h.URL
}

// answered reads the data of an answer of the API.
func answered[T any](t *testing.T, address, path string) T {
	t.Helper()
	answer, err := http.Get(address + path)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, "%s: %s", path, body)
	var out dashboard.Answer[T]
	require.NoError(t, json.Unmarshal(body, &out), path)
	return out.Data
}

// A dbt project is a project: lifeline.yml may be missing. One without models says that there is nothing to read, and what to do.
func TestABareProjectRunsAndSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	project := shopCopy(t)
	require.NoError(t, os.Remove(filepath.Join(project, "lifeline.yml")))
	flags := at(project, "csv:"+shopCSV(t), duckAt(t, "bare"))
	r := report(t, 0, append([]string{"run"}, flags...)...)
	require.Equal(t, run.Published, r.Status)
	require.EqualValues(t, 240, tableOf(t, r, "purchase").Published)

	for _, folder := range []string{"models/core", "models/analytics", "lifecycles"} {
		require.NoError(t, os.RemoveAll(filepath.Join(project, folder)))
	}
	o := lifeline(t, append([]string{"run"}, at(project, "csv:"+shopCSV(t), duckAt(t, "empty"))...)...)
	require.Zero(t, o.code, o.errors)
	require.Contains(t, o.out, "the project has no models")
	require.Contains(t, o.out, "lifeline init")
}
