package warehouse

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"lifeline/change"
)

// Promise 11: every parameter of a PostgreSQL address changes how it is connected to, and any other is refused with its name.
func TestEveryParameterOfAPostgresAddressIsHonouredOrRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := selfSigned(t, dir)
	file := func(name, text string) string {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		return filepath.Join(dir, name)
	}
	pass := file("pass", "*:*:*:*:from-the-file\n")
	service := file("service", "[s]\nhost=elsewhere\n")
	effect := func(dsn string) string {
		require.NoError(t, checkAddress(dsn), dsn)
		c, err := pgx.ParseConfig(dsn)
		require.NoError(t, err, dsn)
		seen := fmt.Sprint(c.Host, c.Port, c.User, c.Password, c.Database, c.ConnectTimeout, c.RuntimeParams, c.ChannelBinding, c.RequireAuth,
			c.ValidateConnect != nil, c.SSLNegotiation, len(c.Fallbacks))
		if c.TLSConfig != nil {
			seen += fmt.Sprint(c.TLSConfig.ServerName, c.TLSConfig.RootCAs != nil, len(c.TLSConfig.Certificates), c.TLSConfig.NextProtos)
		}
		return seen
	}
	for name, query := range map[string][2]string{ // Without it, and with it.
		"sslmode":         {"host=h", "host=h&sslmode=disable"},
		"sslrootcert":     {"host=h&sslmode=verify-ca", "host=h&sslmode=verify-ca&sslrootcert=" + cert},
		"sslcert":         {"host=h&sslmode=require", "host=h&sslmode=require&sslcert=" + cert + "&sslkey=" + key},
		"sslkey":          {"host=h&sslmode=require", "host=h&sslmode=require&sslcert=" + cert + "&sslkey=" + key},
		"sslpassword":     {"", ""}, // It opens a key that is encrypted.
		"sslsni":          {"host=h&sslmode=require", "host=h&sslmode=require&sslsni=0"},
		"sslnegotiation":  {"host=h&sslmode=require", "host=h&sslmode=require&sslnegotiation=direct"},
		"connect_timeout": {"", "connect_timeout=7"}, "target_session_attrs": {"", "target_session_attrs=read-write"},
		"host": {"", "host=other"}, "port": {"", "port=7"}, "user": {"", "user=u"}, "password": {"", "password=p"},
		"dbname": {"", "dbname=other"}, "database": {"", "database=other"}, "passfile": {"", "passfile=" + pass},
		"servicefile": {"", "service=s&servicefile=" + service}, "service": {"", "service=s&servicefile=" + service},
		"channel_binding": {"", "channel_binding=require"}, "require_auth": {"", "require_auth=scram-sha-256"},
		"options": {"", "options=-c%20geqo%3Doff"},
	} {
		require.Contains(t, postgresParameters, name)
		if query[0] != query[1] {
			require.NotEqual(t, effect("postgres:///?"+query[0]), effect("postgres:///?"+query[1]), name)
		}
	}
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(postgresParameters))), 21, "each is in the table above")
	for query, want := range map[string]string{
		"sslmod=require": "parameter sslmod,", "SSLMODE=require": "parameter SSLMODE,", "pool_max_conns=3": "parameter pool_max_conns,",
		"search_path=x": "parameter search_path,", "application_name=x": "parameter application_name,", "krbspn=x": "parameter krbspn,",
		"ssl_min_protocol_version=TLSv1.3": "parameter ssl_min_protocol_version,", "statement_timeout=5": "parameter statement_timeout,",
		"sslmode=Secret": "a value of sslmode that cannot be used", "connect_timeout=Secret": "a value of connect_timeout that",
		"sslmode=require&sslcert=/Secret": "a value of sslcert", "sslrootcert=/Secret": "a value of sslrootcert",
		"channel_binding=Secret": "a value of channel_binding", "require_auth=Secret": "a value of require_auth",
		"target_session_attrs=Secret": "a value of target_session_attrs", "service=Secret&servicefile=" + service: "a value of service",
		"dbname=Secret": "says dbname twice", "host=Secret": "says host twice", "user=Secret": "says user twice",
		"sslmode=require&sslmode=disable": "is there twice", "sslmode": "has no value",
	} {
		dsn := "postgres://u:Hidden@127.0.0.1:1/d?" + query
		_, err := Open(t.Context(), Options{DSN: dsn})
		var p *change.Problem
		require.ErrorAs(t, err, &p, query)
		require.Contains(t, p.Error(), want, query)
		require.Equal(t, change.ClassUsage, p.Class)
		require.NotEmpty(t, p.Try)
		require.NotContains(t, p.Error()+p.Try, "Secret")
		require.NotContains(t, p.Error()+p.Try, "Hidden")
	}
	for _, dsn := range []string{
		"postgres://u:Hidden@Secret@127.0.0.1:1/d", "postgres://u:Hidden@Secret/9@127.0.0.1:1/d", "postgres://u@x:Hidden@127.0.0.1:1/d",
		"postgresql://u:Hidden/Secret@127.0.0.1:1/d", "postgres://u:50%Hidden@127.0.0.1:1/d",
	} {
		_, err := Open(t.Context(), Options{DSN: dsn})
		require.Error(t, err)
		require.NotContains(t, fmt.Sprintf("%+v", err), "Hidden")
		require.NotContains(t, fmt.Sprintf("%+v", err), "Secret")
	}
}

// Promise 11: what stands in the place of a path and is none is refused.
func TestAPathOfDuckDBIsAPath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"": "has no path", " ": "has no path", "w.duckdb?access_mode=read_only": "has a %, ? or #",
		"a%20b": "has a %, ? or #", "a#b/w": "has a %, ? or #",
		"dir/":       "is a folder",
		"~/w.duckdb": "begins with ~", " w.duckdb": "a blank at an end", "w.duckdb\n": "a blank at an end", ":memory:": "in memory",
		"//u:p@h/x": "names a server",
		"md:shop":   "an address elsewhere", "s3://bucket/w.duckdb": "an address elsewhere",
		"https://h/w.duckdb": "an address elsewhere",
	} {
		_, err := Open(t.Context(), Options{DSN: "duckdb:" + path})
		var p *change.Problem
		require.ErrorAs(t, err, &p, path)
		require.Contains(t, p.Error(), want)
		require.Equal(t, change.ClassUsage, p.Class)
		require.NotEmpty(t, p.Try)
	}
}

// selfSigned writes a certificate and its key.
func selfSigned(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	is := x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, &is, &is, &private.PublicKey, private)
	require.NoError(t, err)
	plain, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: plain}), 0o600))
	return cert, key
}
