package warehousetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Citus is a clean warehouse in a database of its own on every node of the cluster whose coordinator LIFELINE_TEST_CITUS names.
func Citus(t testing.TB) Place {
	t.Helper()
	dsn := os.Getenv("LIFELINE_TEST_CITUS")
	if dsn == "" {
		if os.Getenv("LIFELINE_TEST_REQUIRE_CITUS") == "1" {
			t.Fatal("LIFELINE_TEST_CITUS is not set")
		}
		t.Skip("LIFELINE_TEST_CITUS is not set")
	}
	at, err := url.Parse(dsn)
	require.NoError(t, err)
	hosts := append([]string{at.Host}, workers(t, dsn)...)
	name := "warehouse_" + strings.ToLower(rand.Text()[:12])
	for _, host := range hosts {
		requireExec(t, address(at, host, at.Path), "set citus.enable_create_database_propagation = off", "create database "+name)
		t.Cleanup(func() {
			requireExec(t, address(at, host, at.Path), "set citus.enable_create_database_propagation = off", "drop database "+name+" with (force)")
		})
		requireExec(t, address(at, host, "/"+name), "create extension citus")
	}
	own := address(at, at.Host, "/"+name)
	requireExec(t, own, fmt.Sprintf("select citus_set_coordinator_host('%s', %s)", at.Hostname(), at.Port()))
	for _, host := range hosts[1:] {
		AddNode(t, own, host)
	}
	return Place{Engine: "citus", DSN: own}
}

// AddNode makes a worker of a server, such as "127.0.0.1:5433".
func AddNode(t testing.TB, coordinator, host string) {
	t.Helper()
	node, port, _ := strings.Cut(host, ":")
	requireExec(t, coordinator, fmt.Sprintf("select citus_add_node('%s', %s)", node, port))
}

func workers(t testing.TB, dsn string) []string {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	return Texts(t, db, "select nodename || ':' || nodeport from pg_dist_node where groupid > 0 order by 1")
}

func address(at *url.URL, host, path string) string {
	u := *at
	u.Host, u.Path = host, path
	return u.String()
}

func requireExec(t testing.TB, dsn string, statements ...string) {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	conn, err := db.Conn(context.Background())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	for _, s := range statements {
		_, err := conn.ExecContext(context.Background(), s)
		require.NoError(t, err, s)
	}
}
