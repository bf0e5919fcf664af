package source_test

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/source"
)

// problemOf opens a source and returns what is wrong with its address.
func problemOf(t *testing.T, dsn string) *change.Problem {
	t.Helper()
	src, err := source.Open(t.Context(), source.Options{DSN: dsn})
	if err == nil {
		require.NoError(t, src.Close())
	}
	var p *change.Problem
	require.ErrorAs(t, err, &p, dsn)
	return p
}

// F25, F25b and their kind: nothing of an address that cannot be read for certain is looked up or shown.
func TestAnUnescapedPasswordIsNeitherShownNorLookedUp(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"mysql://u:Topf@Secret/99@127.0.0.1:1/d", "mysql://u:Topf@Secret#99@127.0.0.1:1/d", "mysql://u:Topf@Secret?99@127.0.0.1:1/d",
		"mysql://u:Topf/Secret@127.0.0.1:1/d", "mysql://u:50%Secret@127.0.0.1:1/d", "mariadb://u:Topf Secret@127.0.0.1:1/d",
		"root:Secret@tcp(127.0.0.1:1)/d", "mysql:/root:Secret@127.0.0.1/d", "mysql:root:Secret@127.0.0.1/d",
		"jdbc:mysql://127.0.0.1/d?password=Secret",
		"mysql://root:Topf@127.0.0.1:1/d?password=Secret", "mysql://root:Topf@127.0.0.1:1/d?tls=Secret", "Secret", "postgres://u:Secret@h/d",
		"csv:mysql://u:Secret@h/d",
	} {
		p := problemOf(t, dsn)
		require.Equal(t, change.ClassUsage, p.Class, dsn)
		require.NotContains(t, p.Error()+p.Try, "Topf")
		require.NotContains(t, p.Error()+p.Try, "Secret")
		require.NotEmpty(t, p.Try)
	}
}

// Every parameter of an address is honoured or refused.
func TestAddressParametersAreHonouredOrRefused(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"tsl=true": "unknown parameter tsl", "loc=Local": "unknown parameter loc", "tls=maybe": "tls of the source's address must be one of",
		"ssl=perhaps": "must be true or false", "tls=false&ssl-mode=REQUIRED": "say different things", "timeout=soon": "not a duration",
		"timeout=0": "more than nothing", "charset=latin1": "must be utf8mb4", "tls=false&ca=x.pem": "says that there is no TLS",
		"tls=verify-ca&ca=/gone.pem": "read the authority's certificate /gone.pem", "ssl-ca=/dev/null": "has no certificate",
		"tls=required&ca=/dev/null": "does not ask", "tls=true&cert=a.pem": "needs both cert and key",
		"ca=a&ssl-ca=b": "must be one file", "ca=": "must be one file", "socket=a&unix_socket=b": "must be one path",
		"timeout=1&connect_timeout=2": "says again", "timeout=1&timeout=1": "there twice",
		"tls=required&tls-version=1.4": "must be of TLSv1, TLSv1.1", "tls-version=TLSv1.2": "asks for none",
		"tls=required&tls-version=TLSv1&tlsVersions=TLSv1": "says again which versions",
		"sslmode=require&sslcert=/gone&sslkey=/gone":       "read the client's certificate", "tls": "has no value",
	} {
		require.Contains(t, problemOf(t, "mysql://u:p@127.0.0.1:1/d?"+query).Error(), want, query)
	}
	for _, query := range []string{"charset=utf8mb4", "timeout=2", "connect_timeout=2s", "tls=false", "ssl-mode=DISABLED", "useSSL=false"} {
		require.Contains(t, problemOf(t, "mysql://u:p@127.0.0.1:1/d?"+query).Error(), "connect to 127.0.0.1:1/d as u", query)
	}
}

// F17: a user who may only come by TLS comes by it, by any name that other programs have for it, and shows a certificate where that is
// asked for. A server that knows no TLS of this decade is spoken to in its own where the address says so.
func TestTLSIsHonouredByEveryName(t *testing.T) {
	t.Parallel()
	certificates := os.Getenv("LIFELINE_TEST_CERTIFICATES")
	if certificates == "" {
		t.Skip("LIFELINE_TEST_CERTIFICATES names no certificates of the servers")
	}
	ca := filepath.Join(certificates, "ca.pem")
	client := "&ssl-cert=" + filepath.Join(certificates, "client-cert.pem") + "&ssl-key=" + filepath.Join(certificates, "client-key.pem")
	onEveryServer(t, func(t *testing.T, d *tester) {
		d.exec(t, "create table T (ID int primary key)")
		dsn := d.user(t, "select")
		u, err := url.Parse(dsn)
		require.NoError(t, err)
		requires := func(what string) {
			statement := "alter user " + u.User.Username() + "@'%' require " + what
			if d.is56() {
				statement = "grant usage on *.* to " + u.User.Username() + "@'%' require " + what
			}
			d.exec(t, statement)
		}
		opens := func(dsn string, ok bool) error {
			src, err := source.Open(t.Context(), source.Options{DSN: dsn})
			require.Equal(t, ok, err == nil, "%s: %v", dsn, err)
			if err == nil {
				require.NoError(t, src.Close())
			}
			return err
		}
		requires("ssl")
		versions := ""
		if d.is56() {
			var p *change.Problem
			require.ErrorAs(t, opens(dsn+"?tls=required", false), &p)
			require.Contains(t, p.Try, "tls-version", "%v", p.Err)
			versions = "&tls-version=TLSv1,TLSv1.1"
		}
		for query, ok := range map[string]bool{
			"": false, "tls=false": false, "ssl-mode=DISABLED": false, "tls=preferred": true, "sslmode=prefer": true, "tls=skip-verify": true,
			"ssl-mode=REQUIRED": true, "sslmode=require": true, "ssl=true": true, "useSSL=true": true, "TLS=required": true,
			"ssl_mode=required": true, "tls=true": false, "sslmode=verify-full": false, "tls=verify-ca&ca=" + ca: true, "ssl-ca=" + ca: true,
			"tls=verify-identity&ca=" + ca: true, "tls=verify-ca": false,
		} {
			if ok {
				query += versions
			}
			_ = opens(dsn+"?"+query, ok)
		}
		if versions == "" {
			_ = opens(dsn+"?tls=required&tls-version=TLSv1", d.old(t))
			_ = opens(dsn+"?tls=required&enabledTLSProtocols=TLSv1.2,TLSv1.3", true)
		}
		elsewhere := *u
		elsewhere.Host = "localhost:" + u.Port()
		if err := opens(elsewhere.String()+"?tls=verify-identity"+versions+"&ca="+ca, false); err != nil {
			require.ErrorContains(t, err, "localhost", "the certificate is for another host")
		}
		requires("x509")
		require.ErrorContains(t, opens(dsn+"?tls=required"+versions, false), "Access denied")
		_ = opens(dsn+"?ssl-mode=VERIFY_CA&ssl-ca="+ca+client+versions, true)
	})
}

// old tells whether a server still speaks the TLS of 1999.
func (d *tester) old(t *testing.T) bool {
	t.Helper()
	var name, versions string
	require.NoError(t, d.db.QueryRow("show variables like 'tls_version'").Scan(&name, &versions))
	return slices.Contains(strings.Split(versions, ","), "TLSv1.0") || slices.Contains(strings.Split(versions, ","), "TLSv1")
}

// A server is reached by its socket, where that can be seen from here.
func TestASocketIsAnAddress(t *testing.T) {
	t.Parallel()
	d := database(t)
	d.exec(t, "create table T (ID int primary key); insert into T values (7)")
	var socket string
	require.NoError(t, d.db.QueryRow("select @@socket").Scan(&socket))
	if _, err := os.Stat(socket); err != nil {
		t.Skipf("the server's socket %s is not seen from here", socket)
	}
	u, err := url.Parse(d.dsn)
	require.NoError(t, err)
	u.Host = "nowhere.invalid"
	got := read(t, source.Options{DSN: u.String() + "?socket=" + socket})
	require.Equal(t, map[string][]string{"t": {"7"}}, got.rows)
}

// F27: names in any language, whatever the server's own character set.
func TestNamesInAnyLanguage(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		name := d.name + "_dätä"
		d.exec(t, "create database `"+name+"`")
		defer d.exec(t, "drop database `"+name+"`")
		d.exec(t, "create table `"+name+"`.`жук ``x``` (`größe %s` int primary key, `a.b` varchar(9), `--` int) character set utf8mb4")
		d.exec(t, "insert into `"+name+"`.`жук ``x``` values (1, 'é', 2)")
		u, err := url.Parse(d.dsn)
		require.NoError(t, err)
		u.Path = "/" + name
		got := read(t, source.Options{DSN: u.String()})
		require.Equal(t, map[string][]string{"жук `x`": {"1|é|2"}}, got.rows)
	})
}

// F32: with fewer connections than asked for it takes those that it gets, and says how many it needs where there are too few.
func TestALimitOnConnectionsIsKept(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		d.exec(t, "create table T (ID int primary key); insert into T values (1), (2)")
		dsn := d.user(t, "select; global process")
		u, err := url.Parse(dsn)
		require.NoError(t, err)
		for _, c := range []struct {
			limit, workers int
			way            string
		}{{3, 2, "equal transaction ids"}, {2, 2, "one connection"}, {2, 1, "one connection"}, {1, 2, ""}} {
			limit(t, d, u.User.Username(), c.limit)
			src, err := source.Open(t.Context(), source.Options{DSN: dsn, Workers: c.workers})
			require.NoError(t, err)
			snap, err := src.Snapshot(t.Context())
			if c.way == "" {
				var p *change.Problem
				require.True(t, errors.As(err, &p), "%v", err)
				require.Contains(t, p.Try, "two connections")
			} else {
				require.NoError(t, err)
				require.Contains(t, []string{c.way, "one connection"}, snap.Info().Way) // Others may commit all the time.
				all := &collector{rows: map[string][]string{}}
				require.NoError(t, snap.Read(t.Context(), all.open, nil))
				require.Len(t, all.rows["t"], 2)
				require.NoError(t, snap.Close())
			}
			require.NoError(t, src.Close())
			require.Eventually(t, func() bool { return connections(t, d, u.User.Username()) == 0 }, time.Minute, 5*time.Millisecond)
		}
	})
}

func limit(t *testing.T, d *tester, user string, connections int) {
	t.Helper()
	text := "alter user " + user + "@'%' with max_user_connections " + strconv.Itoa(connections)
	if d.is56() {
		text = "grant usage on *.* to " + user + "@'%' with max_user_connections " + strconv.Itoa(connections)
	}
	d.exec(t, text)
}

func connections(t *testing.T, d *tester, user string) (n int) {
	t.Helper()
	require.NoError(t, d.db.QueryRow("select count(*) from information_schema.processlist where user = ?", user).Scan(&n))
	return n
}
