package source_test

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
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
		"sslmode=require&sslcert=/gone&sslkey=/gone": "read the client's certificate", "tls": "has no value",
	} {
		require.Contains(t, problemOf(t, "mysql://u:p@127.0.0.1:1/d?"+query).Error(), want, query)
	}
	for _, query := range []string{"charset=utf8mb4", "timeout=2", "connect_timeout=2s", "tls=false", "ssl-mode=DISABLED", "useSSL=false"} {
		require.Contains(t, problemOf(t, "mysql://u:p@127.0.0.1:1/d?"+query).Error(), "connect to 127.0.0.1:1/d as u", query)
	}
}

// F17: a user who may only come by TLS comes by it, by any name that other programs have for it.
func TestTLSIsHonouredByEveryName(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		var name, has string
		if d.db.QueryRow("show variables like 'tls_version'").Scan(&name, &has) != nil || has == "" || d.maria {
			t.Skip("the server has no certificate of its own")
		}
		d.exec(t, "create table T (ID int primary key)")
		dsn := d.user(t, "select")
		u, err := url.Parse(dsn)
		require.NoError(t, err)
		d.exec(t, "alter user "+u.User.Username()+"@'%' require ssl")
		certificates := os.Getenv("LIFELINE_TEST_MYSQL97_DATA")
		ca := filepath.Join(certificates, "ca.pem")
		for query, ok := range map[string]bool{
			"": false, "tls=false": false, "ssl-mode=DISABLED": false, "tls=preferred": true, "sslmode=prefer": true, "tls=skip-verify": true,
			"ssl-mode=REQUIRED": true, "sslmode=require": true, "ssl=true": true, "useSSL=true": true, "TLS=required": true,
			"ssl_mode=required": true,
			"tls=true":          false, "sslmode=verify-full": false, "tls=verify-ca&ca=" + ca: true, "ssl-ca=" + ca: true,
			"tls=verify-identity&ca=" +
				ca: false,
		} {
			if strings.Contains(query, ca) && certificates == "" {
				continue
			}
			src, err := source.Open(t.Context(), source.Options{DSN: dsn + "?" + query})
			require.Equal(t, ok, err == nil, "%s: %v", query, err)
			if err == nil {
				require.NoError(t, src.Close())
			}
		}
		if certificates == "" {
			return
		}
		d.exec(t, "alter user "+u.User.Username()+"@'%' require x509")
		_, err = source.Open(t.Context(), source.Options{DSN: dsn + "?tls=required"})
		require.ErrorContains(t, err, "Access denied")
		src, err := source.Open(t.Context(), source.Options{
			DSN: dsn + "?ssl-mode=VERIFY_CA&ssl-ca=" + ca + "&ssl-cert=" + filepath.Join(certificates, "client-cert.pem") + "&ssl-key=" +
				filepath.Join(certificates, "client-key.pem"),
		})
		require.NoError(t, err)
		require.NoError(t, src.Close())
	})
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
			require.Eventually(t, func() bool { return connections(t, d, u.User.Username()) == 0 }, 10*time.Second, 5*time.Millisecond)
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
