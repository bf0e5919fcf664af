package lifecycle_test

import (
	"context"
	"crypto/md5"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // The driver of PostgreSQL.
	"github.com/stretchr/testify/require"

	"lifeline/lifecycle"
	"lifeline/model"
	"lifeline/project"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// shop is a business made up for these tests. Its records have everything that a lifecycle may have: parents, children, history, ties.
const shop = `lifecycle: order
from: ref('orders')
key: id
state: status
history: ref('order_versions')
states:
  new: {initial: true, previous: [], next: [paid, cancelled]}
  paid: {open: true}
  sent: {decided: true, next: [back]}
  back: {open: true}
  cancelled: {void: true, next: []}
parents:
  customer: {from: ref('customers'), on: customer_id}
children:
  scan: {from: ref('scans'), key: order_id}
related: {customer: customer_id, region: customer.region_id, last_scan: max(scan.id)}
columns: {scans_total: count(scan)}
measures: {amount: {currency: currency}}
activities:
  placed: {at: placed_at}
  paid: {at: paid_at, to: paid}
  sent: {state: sent, at: changed_at, basis: proxy}
  scanned: {each: scan, at: scanned_at, when: {kind: [in, out]}}
legs: {to_payment: [placed, paid]}
service_levels: {to_payment: 2d}
backlog: {enter: [paid, placed], leave: sent, by: region, ages: [7d, 28d]}
counters:
  by: [region, customer]
  windows: [7d, 28d, total]
  count:
    orders: {activity: placed}
    sent_orders: {activity: sent, state: sent, sum: {sent_amount: amount}}
    scans: {activity: scanned}
`

// files are the project around a lifecycle: each model shows a table of the schema raw.
func files(zone, text string) map[string]string {
	out := map[string]string{
		"lifeline.yml": "name: shop\nbusiness_time_zone: " + zone + "\n", "dbt_project.yml": "name: shop\n", "lifecycles/order.yml": text,
		"lifecycles/all.yml": "stream: fct_all\nof: [order]\nactors: [customer, region, order]\n",
	}
	for _, t := range []string{"orders", "order_versions", "customers", "scans"} {
		out["models/"+t+".sql"] = "{{ config(schema='core', materialized='ephemeral') }}\nselect * from raw." + t
	}
	if strings.Contains(text, "history: ref('order_versions')") {
		out["models/order_versions.sql"] = "{{ config(schema='core', materialized='ephemeral') }}\n" +
			"select record_key, state, valid_from, valid_to, op, basis, position, from_basis from raw.order_versions"
	}
	return out
}

func load(t testing.TB, files map[string]string) (*project.Project, error) {
	t.Helper()
	dir, err := os.MkdirTemp("", "lifecycle-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for name, content := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	return lifecycle.Load(dir, project.Options{})
}

// engine is a database that the generated models are built in.
type engine struct {
	name string
	db   *sql.DB
}

// engines hands each engine to a test body; PostgreSQL where there is one.
func engines(t *testing.T, body func(t *testing.T, e engine)) {
	t.Helper()
	t.Run("duckdb", func(t *testing.T) {
		t.Parallel()
		db, err := warehouse.OpenScratch(t.Context(), false)
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		body(t, engine{name: "duckdb", db: db})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		place := warehousetest.Postgres(t)
		db, err := sql.Open("pgx", place.DSN)
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		db.SetMaxOpenConns(1)
		body(t, engine{name: "postgres", db: db})
	})
}

func (e engine) exec(t testing.TB, statement string) {
	t.Helper()
	_, err := e.db.ExecContext(context.Background(), statement)
	require.NoError(t, err, statement)
}

// build makes every model of the project anew, in the order of the graph.
func (e engine) build(t testing.TB, p *project.Project, asOf string) *model.Graph {
	t.Helper()
	g, err := model.NewGraph(p, model.Options{Target: model.Target{Name: "test", Type: e.name}, Vars: map[string]any{"as_of": asOf}})
	require.NoError(t, err)
	e.exec(t, "drop schema if exists core cascade")
	e.exec(t, "drop schema if exists analytics cascade")
	e.exec(t, "create schema core")
	e.exec(t, "create schema analytics")
	for _, n := range g.Nodes {
		if n.Materialized == model.Ephemeral {
			continue
		}
		text, err := g.Compile(n, model.Env{Relation: relation, This: relation(n)})
		require.NoError(t, err)
		e.exec(t, "create "+n.Materialized+" "+relation(n)+" as\n"+text)
	}
	return g
}

func relation(n *model.Node) string { return n.Schema + "." + n.Alias }

// rows are a query's rows as text, sorted.
func (e engine) rows(t testing.TB, query string) []string {
	t.Helper()
	got, err := warehousetest.Query(context.Background(), e.db, query)
	require.NoError(t, err, query)
	sort.Strings(got)
	return got
}

// digest is a table's content in one text, in whatever order its rows come.
func (e engine) digest(t testing.TB, table string) string {
	t.Helper()
	return fmt.Sprintf("%x", md5.Sum([]byte(strings.Join(e.rows(t, "select * from "+table), "\n"))))
}
