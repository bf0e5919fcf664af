package warehouse_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/warehouse"
)

// A role that may only come by TLS, or with a client's certificate, owns a warehouse where the address says so; and so does one that
// comes by the server's socket.
func TestTLSOfAPostgresWarehouseIsHonoured(t *testing.T) {
	t.Parallel()
	certificates, server := os.Getenv("LIFELINE_TEST_CERTIFICATES"), os.Getenv("LIFELINE_TEST_POSTGRES")
	if certificates == "" || server == "" {
		t.Skip("LIFELINE_TEST_CERTIFICATES names no certificates of the servers")
	}
	db, err := sql.Open("pgx", server)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	database, password := fmt.Sprintf("tls_%d", os.Getpid()), fmt.Sprintf("p%d", os.Getpid())
	exec := func(text string, args ...any) {
		t.Helper()
		_, err := db.Exec(fmt.Sprintf(text, args...))
		require.NoError(t, err)
	}
	exec("create database %s", database)
	t.Cleanup(func() { exec("drop database %s with (force)", database) })
	for _, kind := range []string{"tls", "x509"} { // pg_hba.conf of scripts/testdb knows these two groups.
		exec("do $$ begin create role lifeline_%s; exception when duplicate_object then null; end $$", kind)
		exec("create role %[1]s_%[2]s login superuser password '%[3]s' in role lifeline_%[2]s", database, kind, password)
		t.Cleanup(func() { exec("drop role %s_%s", database, kind) })
	}
	u, err := url.Parse(server)
	require.NoError(t, err)
	ca := "sslrootcert=" + filepath.Join(certificates, "ca.pem")
	client := "&sslcert=" + filepath.Join(certificates, "client-cert.pem") + "&sslkey=" + filepath.Join(certificates, "client-key.pem")
	try := func(role, host, query string, ok bool) {
		t.Helper()
		u.User, u.Host, u.RawQuery = url.UserPassword(database+"_"+role, password), host+":"+u.Port(), query
		w, err := warehouse.Open(t.Context(), warehouse.Options{DSN: u.String()})
		if err == nil {
			_, err = w.Examine(t.Context())
			require.NoError(t, w.Close())
		}
		require.Equal(t, ok, err == nil, "%s %s: %v", role, query, err)
	}
	u.Path = "/" + database
	for query, ok := range map[string]bool{
		"sslmode=disable": false, "sslmode=prefer": true, "": true, "sslmode=require": true, "sslmode=verify-ca&" + ca: true,
		"sslmode=verify-full&" + ca: true, "sslmode=verify-full": false,
	} {
		try("tls", "127.0.0.1", query, ok)
	}
	try("tls", "localhost", "sslmode=verify-ca&"+ca, true)
	try("tls", "localhost", "sslmode=verify-full&"+ca, false)
	try("x509", "127.0.0.1", "sslmode=require", false)
	try("x509", "127.0.0.1", "sslmode=verify-full&"+ca+client, true)

	var folder, port string
	require.NoError(t, db.QueryRow("select current_setting('unix_socket_directories'), current_setting('port')").Scan(&folder, &port))
	if _, err := os.Stat(filepath.Join(folder, ".s.PGSQL."+port)); err == nil {
		u, err := url.Parse(server)
		require.NoError(t, err)
		u.Host, u.Path, u.RawQuery = "", "/"+database, "host="+url.QueryEscape(folder)+"&port="+port
		w, err := warehouse.Open(t.Context(), warehouse.Options{DSN: u.String()})
		require.NoError(t, err)
		_, err = w.Examine(t.Context())
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
}
