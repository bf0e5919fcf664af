package dashboard_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/dashboard"
	"lifeline/lifecycle"
	"lifeline/model"
	"lifeline/project"
	"lifeline/run"
	"lifeline/sample"
	"lifeline/semantic"
	"lifeline/source"
	"lifeline/warehouse"
)

// food makes a sample of the food project, runs it and serves it.
func food(t *testing.T) *client {
	t.Helper()
	const dir = "../examples/fooddelivery"
	files := t.TempDir()
	dsn := "duckdb:" + filepath.Join(files, "food.duckdb")
	_, err := sample.Write(t.Context(), sample.Options{Project: "fooddelivery", Scale: 0.05, Seed: 1, Dirt: "real"},
		filepath.Join(files, "csv"))
	require.NoError(t, err)
	p, err := lifecycle.Load(dir, project.Options{Env: os.Getenv})
	require.NoError(t, err)
	p.Config.Warehouse.DSN = dsn
	wh, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn, KeepVersions: 2, Threads: 2})
	require.NoError(t, err)
	_, err = run.Do(t.Context(), run.Options{
		Project: p, Warehouse: wh, Command: "run", Full: true,
		Source: func(ctx context.Context) (source.Source, error) {
			return source.Open(ctx, source.Options{DSN: "csv:" + filepath.Join(files, "csv"), TimeZone: "UTC", Tables: run.Contracts(p)})
		},
	})
	require.NoError(t, err)
	d, err := semantic.ReadDefinition(dir)
	require.NoError(t, err)
	graph, err := model.NewGraph(p, model.Options{
		Target: model.Target{Name: wh.Engine(), Type: wh.Engine()},
		Vars:   map[string]any{"as_of": "2000-01-01 00:00:00"},
	})
	require.NoError(t, err)
	s, err := dashboard.New(t.Context(), dashboard.Options{Project: p, Definition: d, Warehouse: wh, Graph: graph, DSN: dsn, Build: "test"})
	require.NoError(t, err)
	h := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		h.Close()
		require.NoError(t, s.Close())
		require.NoError(t, wh.Close())
	})
	return &client{t: t, url: h.URL, server: s}
}

func TestFoodDeliveryIsServed(t *testing.T) {
	t.Parallel()
	c := food(t)
	t.Run("the operations page answers every question", func(t *testing.T) { requireOperations(t, c.with(t)) })
	t.Run("an order is a record with its steps", func(t *testing.T) { requireSteps(t, c.with(t)) })
}

func requireOperations(t *testing.T, c *client) {
	t.Helper()
	for _, filters := range []string{
		"", "?range=365d", "?range=all", "?status=cancelled", "?region=1&range=7d", "?undated=only",
		"?from=2031-01-01",
	} {
		page := get[semantic.PageData](c, "/api/v1/pages/operations"+filters)
		require.GreaterOrEqual(t, len(page.Data.Cards), 8)
		for _, card := range page.Data.Cards {
			require.Nil(t, card.Problem, "%s: %s", filters, card.ID)
			require.NotEmpty(t, card.Answer, "%s: %s", filters, card.ID)
		}
		require.True(t, page.Data.Trust.Balances, "%s: %s", filters, page.Data.Trust.Text)
		// Every count of a card's rows is the number of orders behind its link.
		if filters == "" || strings.HasPrefix(filters, "?region") {
			requireCountsLead(c, page.Data)
		}
	}
}

// requireCountsLead follows the links of the first two rows of every card.
func requireCountsLead(c *client, page semantic.PageData) {
	c.t.Helper()
	followed := 0
	for _, card := range page.Cards {
		for _, row := range card.Rows[:min(2, len(card.Rows))] {
			for i, column := range card.Columns {
				n, is := row[i].(json.Number)
				if !is || column.Format != "count" || column.Link == "" {
					continue
				}
				link, err := url.Parse(fillIn(column.Link, card.Columns, row))
				require.NoError(c.t, err)
				require.Equal(c.t, "/orders", link.Path)
				rows := get[semantic.RowsData](c, "/api/v1/tables/analytics.dim_orders/rows?limit=1&"+link.RawQuery)
				require.Equal(c.t, n.String(), json.Number(jsonText(c, rows.Page.Total)).String(), "%s.%s: %s", card.ID, column.Name, link)
				followed++
			}
		}
	}
	require.Greater(c.t, followed, 8)
}

func jsonText(c *client, v any) string {
	text, err := json.Marshal(v)
	require.NoError(c.t, err)
	return string(text)
}

func requireSteps(t *testing.T, c *client) {
	t.Helper()
	rows := get[semantic.RowsData](c, "/api/v1/tables/analytics.dim_orders/rows?limit=1&fields=order_id&status=delivered")
	key, is := rows.Data.Rows[0][0].(string)
	if !is {
		key = jsonText(c, rows.Data.Rows[0][0])
	}
	record := get[semantic.RecordData](c, "/api/v1/records/orders/"+key)
	require.GreaterOrEqual(t, len(record.Data.Timeline), 3)
	require.Equal(t, "delivered", record.Data.State)
	require.Len(t, record.Data.Related, 2)
	require.NotEmpty(t, record.Data.Related[0].Rows)
	status, _, _ := c.raw("/api/v1/records/orders/none")
	require.Equal(t, http.StatusNotFound, status)
}
