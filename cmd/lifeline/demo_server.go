package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lifeline/change"
)

// server is a throw-away MariaDB or MySQL in a temporary folder, on a free port of the loopback address.
type server struct {
	dsn     string
	version string
	dir     string
	process *exec.Cmd
	output  *bytes.Buffer
}

// startServer finds a server program on this machine, makes an empty data folder for it and waits until it answers.
func startServer(ctx context.Context) (*server, error) {
	program, err := findServer()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "lifeline-mysql-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the server: %w", err)
	}
	s := &server{dir: dir, output: &bytes.Buffer{}}
	if err := s.start(ctx, program); err != nil {
		s.stop()
		return nil, fmt.Errorf("start %s: %w%s", filepath.Base(program), err, lastLines(s.output.String()))
	}
	return s, nil
}

func findServer() (string, error) {
	for _, name := range []string{"mariadbd", "mysqld", "/usr/sbin/mariadbd", "/usr/sbin/mysqld", "/usr/local/mysql/bin/mysqld"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", &change.Problem{
		Err: errors.New("no MariaDB or MySQL server program is on this machine"), Class: change.ClassError,
		Try: "lifeline demo (without --mysql it needs no server), or install mariadb-server",
	}
}

func (s *server) start(ctx context.Context, program string) error {
	out, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return err
	}
	s.version = strings.TrimSpace(string(out))
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	credential, flags, err := s.asWhom()
	if err != nil {
		return err
	}
	data := filepath.Join(s.dir, "data")
	if err := s.initialise(ctx, program, data, credential, flags); err != nil {
		return err
	}
	initFile := filepath.Join(s.dir, "init.sql")
	sql := "create user if not exists 'demo'@'127.0.0.1';\ngrant all on *.* to 'demo'@'127.0.0.1';\n"
	if err := os.WriteFile(initFile, []byte(sql), 0o644); err != nil {
		return err
	}
	s.process = exec.CommandContext(context.WithoutCancel(ctx), program, append([]string{
		"--no-defaults", "--datadir=" + data, "--tmpdir=" + s.dir, "--socket=" + filepath.Join(s.dir, "s"),
		"--pid-file=" + filepath.Join(s.dir, "pid"), "--bind-address=127.0.0.1", "--port=" + strconv.Itoa(port), "--skip-name-resolve",
		"--init-file=" + initFile, "--local-infile=1", "--innodb-flush-log-at-trx-commit=0",
	}, flags...)...)
	s.process.Stdout, s.process.Stderr = s.output, s.output
	s.process.SysProcAttr = credential
	if err := s.process.Start(); err != nil {
		return err
	}
	s.dsn = fmt.Sprintf("mysql://demo@127.0.0.1:%d/carepay", port)
	return s.wait(ctx, port)
}

// asWhom says under which account the server runs: these servers refuse root.
func (s *server) asWhom() (*syscall.SysProcAttr, []string, error) {
	if os.Geteuid() != 0 {
		return nil, nil, nil
	}
	for _, name := range []string{"mysql", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(u.Uid)
		if err != nil {
			return nil, nil, err
		}
		gid, err := strconv.Atoi(u.Gid)
		if err != nil {
			return nil, nil, err
		}
		if err := os.Chown(s.dir, uid, gid); err != nil {
			return nil, nil, err
		}
		return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, []string{"--user=" + name}, nil
	}
	return nil, nil, errors.New("running as root, and there is no account mysql or nobody to run the server under")
}

// initialise makes the data folder. Temporary tables go into a folder of its own, here and when the server runs: a server that starts
// deletes those of every other in the common one.
func (s *server) initialise(ctx context.Context, program, data string, as *syscall.SysProcAttr, flags []string) error {
	args := []string{"--no-defaults", "--initialize-insecure", "--datadir=" + data, "--tmpdir=" + s.dir}
	if strings.Contains(s.version, "MariaDB") {
		install, err := exec.LookPath("mariadb-install-db")
		if err != nil {
			if install, err = exec.LookPath("mysql_install_db"); err != nil {
				return err
			}
		}
		program = install
		args = []string{"--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--datadir=" + data, "--tmpdir=" + s.dir}
	}
	c := exec.CommandContext(ctx, program, append(args, flags...)...)
	c.Dir, c.Stdout, c.Stderr, c.SysProcAttr = s.dir, s.output, s.output, as
	return c.Run()
}

func (s *server) wait(ctx context.Context, port int) error {
	died := make(chan error, 1)
	go func() { died <- s.process.Wait() }()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-died:
			s.process = nil
			return fmt.Errorf("the server ended: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline:
			return errors.New("the server did not answer within 30 s")
		case <-tick.C:
			var d net.Dialer
			if c, err := d.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
				return c.Close()
			}
		}
	}
}

// stop ends the server and removes its folder.
func (s *server) stop() {
	if s.process != nil && s.process.Process != nil {
		_ = s.process.Process.Signal(syscall.SIGTERM)
		for range 100 {
			if s.process.Process.Signal(syscall.Signal(0)) != nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		_ = s.process.Process.Kill()
	}
	_ = os.RemoveAll(s.dir)
}

func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func lastLines(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	if len(lines) > 5 {
		lines = lines[len(lines)-5:]
	}
	if s = strings.Join(lines, "\n  "); s != "" {
		return "\n  " + s
	}
	return ""
}
