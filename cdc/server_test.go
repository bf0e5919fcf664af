package cdc_test

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/cdc"
	"lifeline/change"
	"lifeline/source"
)

// ownServer is a MariaDB of a test's own, for what would disturb others: its log is thrown away, its settings are changed, it is killed.
type ownServer struct {
	folder, port string
	process      *exec.Cmd
}

// programOf finds a program of the server's, which may lie beside the path.
func programOf(name string) string {
	for _, dir := range []string{"", "/usr/sbin/", "/usr/libexec/", "/usr/local/mysql/bin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	return ""
}

func newOwnServer(tb testing.TB, settings ...string) *ownServer {
	tb.Helper()
	install := programOf("mariadb-install-db")
	if install == "" || programOf("mariadbd") == "" {
		tb.Skip("there is no MariaDB to start")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(tb, err)
	require.NoError(tb, listener.Close())
	s := &ownServer{folder: tb.TempDir(), port: port}
	require.NoError(tb, os.Mkdir(s.temp(), 0o700))
	out, err := exec.Command(install, "--no-defaults", "--user=root", "--datadir="+s.data(), "--tmpdir="+s.temp(),
		"--auth-root-authentication-method=normal", "--skip-test-db", "--force").CombinedOutput()
	require.NoError(tb, err, string(out))
	require.NoError(tb, os.WriteFile(filepath.Join(s.folder, "init.sql"),
		[]byte("create or replace user own@'%' identified by 'x';\ngrant all on *.* to own@'%' with grant option;\n"), 0o600))
	s.start(tb, settings...)
	tb.Cleanup(func() { s.end(tb, syscall.SIGKILL) })
	return s
}

func (s *ownServer) data() string { return filepath.Join(s.folder, "data") }

// temp is for temporary tables: a server that starts deletes those of every other in the common folder.
func (s *ownServer) temp() string { return filepath.Join(s.folder, "tmp") }

func (s *ownServer) start(tb testing.TB, further ...string) {
	tb.Helper()
	s.process = exec.Command(programOf("mariadbd"), append([]string{
		"--no-defaults", "--user=root", "--datadir=" + s.data(), "--tmpdir=" + s.temp(),
		"--socket=" + filepath.Join(s.folder, "s"), "--port=" + s.port,
		"--bind-address=127.0.0.1", "--skip-name-resolve", "--server-id=1", "--binlog-format=ROW",
		"--init-file=" + filepath.Join(s.folder, "init.sql"), "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M",
		"--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0", "--performance-schema=OFF", "--aria-pagecache-buffer-size=1M",
	}, further...)...)
	require.NoError(tb, s.process.Start())
	u, err := url.Parse(s.base())
	require.NoError(tb, err)
	db := connect(tb, u, "")
	require.Eventually(tb, func() bool { return db.Ping() == nil }, time.Minute, 20*time.Millisecond)
}

func (s *ownServer) end(tb testing.TB, how syscall.Signal) {
	tb.Helper()
	if s.process == nil {
		return
	}
	require.NoError(tb, s.process.Process.Signal(how))
	late := time.AfterFunc(20*time.Second, func() { _ = s.process.Process.Kill() }) // A server that does not end by itself.
	_ = s.process.Wait()                                                            // It was killed.
	late.Stop()
	s.process = nil
}

func (s *ownServer) base() string { return "mysql://own:x@127.0.0.1:" + s.port + "/" }

// database makes one, or finds the one that is there.
func (s *ownServer) database(tb testing.TB) *tester {
	tb.Helper()
	u, err := url.Parse(s.base())
	require.NoError(tb, err)
	db := connect(tb, u, "")
	_, err = db.Exec("create database if not exists own")
	require.NoError(tb, err)
	u.Path = "/own"
	return &tester{dsn: u.String(), name: "own", db: connect(tb, u, "own"), maria: true, version: "mariadb"}
}

// dropReaders ends those that still hang on the log, which keep it from being purged.
func (d *tester) dropReaders(tb testing.TB) {
	tb.Helper()
	require.Eventually(tb, func() bool {
		rows, err := d.db.Query("select id from information_schema.processlist where command like 'Binlog Dump%'")
		require.NoError(tb, err)
		defer rows.Close()
		found := false
		for rows.Next() {
			var id int64
			require.NoError(tb, rows.Scan(&id))
			_, _ = d.db.Exec(fmt.Sprintf("kill %d", id)) // It may be gone.
			found = true
		}
		require.NoError(tb, rows.Err())
		return !found
	}, time.Minute, 10*time.Millisecond)
}

// goneAs is what became of a position; "" where it is gone on from.
func (d *tester) goneAs(tb testing.TB, from change.LogPosition) cdc.Gone {
	tb.Helper()
	l := d.log(tb)
	s, err := cdc.Open(tb.Context(), optionsOf(l), from)
	if err == nil {
		c := &collector{rows: map[string][]string{}}
		_, err = s.Read(tb.Context(), c.images, cdc.Limit{File: l.Here.File, Pos: l.Here.Pos})
		require.NoError(tb, s.Close())
	}
	var gone *cdc.GoneError
	if err == nil {
		return ""
	}
	require.ErrorAs(tb, err, &gone)
	var p *change.Problem
	require.True(tb, errors.As(err, &p) && p.Class == change.ClassPositionGone)
	return gone.What
}

// What is done to a server's log is told apart, and what is harmless is gone on from.
func TestWhatIsDoneToAServersLogIsToldApart(t *testing.T) {
	t.Parallel()
	s := newOwnServer(t, "--log-bin=binlog")
	d := s.database(t)
	d.exec(t, "create table t (id int primary key, v int)", "create table m (id int, v varchar(200)) engine = MyISAM")
	here := func() change.LogPosition { return d.log(t).Here }

	from := here()
	d.exec(t, "set global gtid_slave_pos = '9-9-99'", "insert into t values (1, 1)")
	require.Empty(t, d.goneAs(t, from), "gtid_current_pos names transactions of elsewhere that the log has not")

	from = here()
	d.exec(t, "insert into t values (2, 2)", "flush logs", "insert into t values (3, 3)")
	require.Empty(t, d.goneAs(t, from), "another file, the first still there")
	d.dropReaders(t)
	require.Eventually(t, func() bool { // A file stays as long as the server might need it after a crash.
		d.exec(t, "purge binary logs to '"+here().File+"'")
		var file, size string
		require.NoError(t, d.db.QueryRow("show binary logs").Scan(&file, &size))
		return file != from.File
	}, time.Minute, 50*time.Millisecond)
	require.Equal(t, cdc.Purged, d.goneAs(t, from))

	from = here()
	d.exec(t, "set global server_id = 77")
	require.Empty(t, d.goneAs(t, from), "another server that has all that was read")
	stranger := from
	stranger.GTID = "0-9-5000"
	require.Equal(t, cdc.Replaced, d.goneAs(t, stranger), "one that has not")
	stranger.GTID = ""
	require.Equal(t, cdc.Replaced, d.goneAs(t, stranger), "one of which that is not known")
	d.exec(t, "set global server_id = 1")

	from = here()
	d.exec(t, "flush logs", "flush logs")
	d.dropReaders(t)
	d.exec(t, "reset master")
	require.Contains(t, []cdc.Gone{cdc.Reset, cdc.Restored}, d.goneAs(t, from))
	from = here()
	require.Empty(t, from.GTID, "no transaction is in the log")
	d.exec(t, "insert into t values (4, 4)")
	got, r := d.read(t, from)
	require.Nil(t, r.Stop)
	require.Equal(t, []string{"+ id=4\nv=4"}, got.rows["t"], "from an empty set")
	d.exec(t, "reset master", "insert into t values (5, 5)", "insert into t values (6, 6)")
	after, _ := change.ParseLogPosition(r.Position)
	require.NotEmpty(t, d.goneAs(t, after), "a file of the same name and more bytes that begins with other transactions")

	from = here()
	d.exec(t, "set global max_binlog_stmt_cache_size = 4096")
	conn := s.database(t)
	_, err := conn.db.Exec("insert into m select seq, repeat('x', 200) from seq_1_to_1000")
	require.Error(t, err)
	_, r = d.read(t, from)
	require.NotNil(t, r.Stop, "what did not fit its log is in the table")
	require.Contains(t, r.Stop.Why, "lost changes")
	d.exec(t, "set global max_binlog_stmt_cache_size = 18446744073709547520")

	from = here()
	d.exec(t, "insert into t values (7, 7)")
	s.end(t, syscall.SIGKILL)
	s.start(t, "--log-bin=binlog")
	d = s.database(t)
	d.exec(t, "insert into t values (8, 8)")
	got, r = d.read(t, from)
	require.Nil(t, r.Stop)
	require.Equal(t, []string{"+ id=7\nv=7", "+ id=8\nv=8"}, got.rows["t"], "over a crash of the server")

	aBackupComesBack(t, s)
}

// aBackupComesBack takes a back-up of the server, lets work go on, and puts the back-up in its place.
func aBackupComesBack(t *testing.T, s *ownServer) {
	t.Helper()
	s.end(t, syscall.SIGTERM)
	backup := filepath.Join(s.folder, "backup")
	require.NoError(t, os.CopyFS(backup, os.DirFS(s.data())))
	s.start(t, "--log-bin=binlog")
	d := s.database(t)
	d.exec(t, "insert into t values (9, 9)", "insert into t values (10, 10)")
	from := d.log(t).Here
	s.end(t, syscall.SIGTERM)
	require.NoError(t, os.RemoveAll(s.data()))
	require.NoError(t, os.Rename(backup, s.data()))
	s.start(t, "--log-bin=binlog")
	d = s.database(t)
	require.NotEmpty(t, d.goneAs(t, from), "a backup came back")
	for id := range 20 { // Its log grows beyond the place.
		d.exec(t, fmt.Sprintf("insert into t values (%d, 0)", 100+id))
	}
	require.NotEmpty(t, d.goneAs(t, from), "a backup came back, and work went on")
}

// Each setting and right that keeps the log from being read is named, with what to do, by doctor as by whoever reads.
func TestWhatKeepsTheLogFromBeingReadIsNamed(t *testing.T) {
	t.Parallel()
	s := newOwnServer(t)
	d := s.database(t)
	d.exec(t, "create table t (id int primary key)", "create user some@'%' identified by 'x'", "create user right_ones@'%' identified by 'x'",
		"grant select, process on *.* to some@'%'", "grant select, process, replication slave, binlog monitor on *.* to right_ones@'%'")
	check := func(name, user, why, try string) {
		t.Helper()
		u, err := url.Parse(d.dsn)
		require.NoError(t, err)
		u.User = url.UserPassword(user, "x")
		src, err := source.Open(t.Context(), source.Options{DSN: u.String()})
		require.NoError(t, err)
		defer src.Close()
		l, err := src.(source.Logged).Log(t.Context())
		require.NoError(t, err)
		found := false
		for _, r := range src.Check(t.Context()) {
			if r.Name != "binlog" {
				continue
			}
			found = true
			if why == "" {
				require.Equal(t, "ok", string(r.Status), "%s: %s", name, r.What)
				continue
			}
			require.Equal(t, "warn", string(r.Status), name)
			require.Contains(t, r.What, why, name)
			require.Contains(t, r.Try, try, name)
		}
		require.True(t, found)
		if why == "" {
			require.Empty(t, l.Unreadable, name)
			return
		}
		require.Contains(t, l.Unreadable, why, name)
		require.Contains(t, l.Try, try, name)
	}
	check("without a log", "own", "no binary log (log_bin)", "log_bin")
	s.end(t, syscall.SIGTERM)
	s.start(t, "--log-bin=binlog", "--log-slave-updates=OFF")
	d = s.database(t)
	check("as it should be", "right_ones", "", "")
	check("without the rights", "some", "replication client; on MariaDB binlog monitor", "grant replication slave, replication client")
	d.exec(t, "grant binlog monitor on *.* to some@'%'")
	check("without one right", "some", "some may not read the binary log (replication slave)", "grant replication slave")
	for _, c := range [][4]string{
		{"binlog_format", "STATEMENT", "statements, not rows (binlog_format is STATEMENT)", "set global binlog_format = ROW"},
		{"binlog_format", "MIXED", "binlog_format is MIXED", "set global binlog_format = ROW"},
		{"binlog_row_image", "MINIMAL", "leaves values out (binlog_row_image is MINIMAL)", "set global binlog_row_image = FULL"},
		{"binlog_row_image", "NOBLOB", "binlog_row_image is NOBLOB", "set global binlog_row_image = FULL"},
	} {
		var was string
		require.NoError(t, d.db.QueryRow("select @@global."+c[0]).Scan(&was))
		d.exec(t, "set global "+c[0]+" = '"+c[1]+"'")
		check(c[0], "own", c[2], c[3])
		d.exec(t, "set global "+c[0]+" = '"+was+"'")
	}
	d.exec(t, "change master to master_host = '127.0.0.1', master_port = 1, master_user = 'x'", "start slave")
	check("a replica that logs nothing", "own", "a replica that does not log what it replicates", "log_slave_updates")
	d.exec(t, "stop slave")
	s.end(t, syscall.SIGTERM)
	s.start(t, "--log-bin=binlog", "--binlog-ignore-db=own")
	d = s.database(t)
	check("a filter", "own", "leaves databases out", "without binlog_do_db and binlog_ignore_db")
}
