package dashboard_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
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

const carepay = "../examples/carepay"

var shared struct {
	once  sync.Once
	dir   string
	err   error
	pg    sync.Once
	pgDSN string
	pgErr error
	drop  func()
}

func TestMain(m *testing.M) {
	if semantic.IsSandboxProcess(os.Args) {
		os.Exit(semantic.SandboxProcess(os.Stdin, os.Stdout))
	}
	// Each draw asks for whole pages, on both engines: three at each change, a hundred in the soak. A number on the command
	// line, which is read after this, is obeyed.
	if !long {
		if err := flag.Set("rapid.checks", "3"); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	for _, end := range leaving {
		end()
	}
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir)
	}
	if shared.drop != nil {
		shared.drop()
	}
	os.Exit(code)
}

// leaving undoes, after the last test, what tests share.
var (
	leavingMu sync.Mutex
	leaving   []func()
)

func leave(end func()) {
	leavingMu.Lock()
	defer leavingMu.Unlock()
	leaving = append(leaving, end)
}

// long tells whether tests run at full size.
var long = os.Getenv("LIFELINE_SOAK") != ""

// oneIn is how much of many like things a test looks at: one in n, on PostgreSQL, which is asked the same, one in three times as many, and
// all of them in the soak.
func (c *client) oneIn(n int) int {
	switch {
	case long:
		return 1
	case c.postgres:
		return 3 * n
	}
	return n
}

// skipIfShort leaves tests that run whole projects to make test.
func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("pages over a published version are left to make test")
	}
}

// folder holds the sample and the shared warehouse of all tests that only read.
func folder(t *testing.T) string {
	t.Helper()
	skipIfShort(t)
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "dashboard-test-"); shared.err != nil {
			return
		}
		_, shared.err = sample.Write(context.Background(), sample.Options{Project: "carepay", Scale: 0.05, Seed: 1, Dirt: "real"},
			filepath.Join(shared.dir, "csv"))
		if shared.err == nil {
			shared.err = publish("duckdb:"+filepath.Join(shared.dir, "w.duckdb"), filepath.Join(shared.dir, "csv"))
		}
	})
	require.NoError(t, shared.err)
	return shared.dir
}

// load reads a project as it would be for a warehouse.
func load(dir, dsn string) (*project.Project, error) {
	p, err := lifecycle.Load(dir, project.Options{Env: os.Getenv})
	if err == nil {
		p.Config.Warehouse.DSN = dsn
	}
	return p, err
}

// publish runs the whole way once.
func publish(dsn, csv string) error { return publishProject(carepay, dsn, csv) }

func publishProject(dir, dsn, csv string) error {
	p, err := load(dir, dsn)
	if err != nil {
		return err
	}
	ctx := context.Background()
	wh, err := warehouse.Open(ctx, warehouse.Options{DSN: dsn, KeepVersions: 2})
	if err != nil {
		return err
	}
	defer wh.Close()
	_, err = run.Do(ctx, run.Options{
		Project: p, Warehouse: wh, Command: "run",
		Source: func(ctx context.Context) (source.Source, error) {
			return source.Open(ctx, source.Options{DSN: "csv:" + csv, TimeZone: "UTC", Tables: run.Contracts(p)})
		},
	})
	return err
}

// postgres is a database of our own on the test server; the test is skipped where there is none.
func postgres(t *testing.T) string {
	t.Helper()
	server := os.Getenv("LIFELINE_TEST_POSTGRES")
	if server == "" {
		t.Skip("LIFELINE_TEST_POSTGRES names no server")
	}
	dir := folder(t)
	shared.pg.Do(func() {
		if shared.pgDSN, shared.drop, shared.pgErr = create(server, "dashboard_test"); shared.pgErr == nil {
			shared.pgErr = publish(shared.pgDSN, filepath.Join(dir, "csv"))
		}
	})
	require.NoError(t, shared.pgErr)
	return shared.pgDSN
}

// database is a fresh one that goes with the test.
func database(t *testing.T, server string) string {
	t.Helper()
	dsn, drop, err := create(server, "dashboard_follow")
	require.NoError(t, err)
	t.Cleanup(drop)
	return dsn
}

// create makes a database of this process on a server.
func create(server, prefix string) (dsn string, drop func(), err error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", nil, err
	}
	db, err := sql.Open("pgx", server)
	if err != nil {
		return "", nil, err
	}
	name := fmt.Sprintf("%s_%d", prefix, os.Getpid())
	if _, err := db.Exec("create database " + name); err != nil {
		return "", nil, err
	}
	u.Path = "/" + name
	return u.String(), func() {
		_, _ = db.Exec("drop database if exists " + name + " with (force)")
		_ = db.Close()
	}, nil
}

// serve serves a warehouse on loopback; end ends it.
func serve(ctx context.Context, dsn string, change ...func(*dashboard.Options)) (c *client, end func() error, err error) {
	p, err := load(carepay, dsn)
	if err != nil {
		return nil, nil, err
	}
	d, err := semantic.ReadDefinition(carepay)
	if err != nil {
		return nil, nil, err
	}
	wh, err := warehouse.Open(ctx, warehouse.Options{DSN: dsn, Threads: 2})
	if err != nil {
		return nil, nil, err
	}
	graph, err := model.NewGraph(p, model.Options{
		Target: model.Target{Name: wh.Engine(), Type: wh.Engine()},
		Vars:   map[string]any{"as_of": "2000-01-01 00:00:00"},
	})
	if err != nil {
		return nil, nil, errors.Join(err, wh.Close())
	}
	o := dashboard.Options{Project: p, Definition: d, Warehouse: wh, Graph: graph, DSN: dsn, Build: "test", Poll: 20 * time.Millisecond}
	for _, c := range change {
		c(&o)
	}
	s, err := dashboard.New(ctx, o)
	if err != nil {
		return nil, nil, errors.Join(err, wh.Close())
	}
	h := httptest.NewServer(s.Handler())
	return &client{url: h.URL, server: s, postgres: wh.Engine() == "postgres"}, func() error {
		h.Close()
		return errors.Join(s.Close(), wh.Close())
	}, nil
}

// open serves a warehouse for one test.
func open(t *testing.T, dsn string, change ...func(*dashboard.Options)) *client {
	t.Helper()
	c, end, err := serve(t.Context(), dsn, change...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, end()) })
	return c.with(t)
}

// servers are those of the shared warehouses by their address: one serves all tests that only read and set nothing.
var servers sync.Map

// served is the server of a shared warehouse. Each test asks it from an address of its own, so that none takes another's share of it.
func served(t *testing.T, dsn string) *client {
	t.Helper()
	started, _ := servers.LoadOrStore(dsn, sync.OnceValues(func() (*client, error) {
		c, end, err := serve(context.Background(), dsn, func(o *dashboard.Options) { o.Poll = time.Second }) // No version will come.
		if err == nil {
			leave(func() { _ = end() })
		}
		return c, err
	}))
	c, err := started.(func() (*client, error))()
	require.NoError(t, err)
	own := c.with(t)
	own.transport = fromOwnAddress(t)
	return own
}

var askers atomic.Int64

// fromOwnAddress connects from an address of loopback that no other test uses, where the system has more than one.
func fromOwnAddress(t *testing.T) http.RoundTripper {
	t.Helper()
	n := askers.Add(1)
	address := net.IPv4(127, 1, byte(n>>8), byte(n))
	if l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort(address.String(), "0")); err != nil {
		return http.DefaultTransport
	} else if err := l.Close(); err != nil {
		require.NoError(t, err)
	}
	from := &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: address}}).DialContext}
	t.Cleanup(from.CloseIdleConnections)
	return from
}

// duckDSN is the shared DuckDB warehouse.
func duckDSN(t *testing.T) string {
	t.Helper()
	return "duckdb:" + filepath.Join(folder(t), "w.duckdb")
}

// duck serves the shared DuckDB warehouse, by a server of the test's own where it changes a setting.
func duck(t *testing.T, change ...func(*dashboard.Options)) *client {
	t.Helper()
	if len(change) > 0 {
		return open(t, duckDSN(t), change...)
	}
	return served(t, duckDSN(t))
}

// onEveryEngine runs a test that only reads on DuckDB and PostgreSQL.
func onEveryEngine(t *testing.T, do func(t *testing.T, c *client)) {
	t.Run("duckdb", func(t *testing.T) { do(t, duck(t)) })
	t.Run("postgres", func(t *testing.T) { do(t, served(t, postgres(t))) })
}

type fataler interface {
	require.TestingT
	Helper()
}

type client struct {
	t         fataler
	url       string
	server    *dashboard.Server
	header    http.Header
	transport http.RoundTripper // nil means the default.
	postgres  bool              // The engine of the warehouse.
}

// with is the same client that complains to another test.
func (c *client) with(t fataler) *client {
	other := *c
	other.t = t
	return &other
}

func (c *client) request(method, path, body string) *http.Response {
	c.t.Helper()
	if question, is := strings.CutPrefix(path, posted); is {
		method, path, body = http.MethodPost, "/api/v1/sql", statement(c.t, question)
	}
	r, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	require.NoError(c.t, err)
	for k, v := range c.header {
		r.Header[k] = v
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	transport := c.transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	answer, err := transport.RoundTrip(r)
	require.NoError(c.t, err, path)
	return answer
}

// posted marks a path of tests as a statement, which goes into the body of a POST.
const posted = "sql:"

// ask is a path of tests that runs a statement; &format=csv and &p.NAME=value may follow.
func ask(query string) string { return posted + "q=" + url.QueryEscape(query) }

// statement is the body that asks what a path of tests says.
func statement(t fataler, question string) string {
	pairs, err := url.ParseQuery(question)
	require.NoError(t, err)
	body := dashboard.SQLRequest{Query: pairs.Get("q"), Format: pairs.Get("format"), Values: map[string]string{}}
	for name, list := range pairs {
		if short, is := strings.CutPrefix(name, "p."); is {
			body.Values[short] = list[0]
		}
	}
	text, err := json.Marshal(body)
	require.NoError(t, err)
	return string(text)
}

// raw asks and returns status, headers and body.
func (c *client) raw(path string) (int, http.Header, []byte) {
	c.t.Helper()
	answer := c.request(http.MethodGet, path, "")
	defer answer.Body.Close()
	var body io.Reader = answer.Body
	if answer.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(answer.Body)
		require.NoError(c.t, err)
		body = z
	}
	text, err := io.ReadAll(body)
	require.NoError(c.t, err, path)
	return answer.StatusCode, answer.Header, text
}

// get reads an answer that must be there.
func get[T any](c *client, path string) dashboard.Answer[T] {
	c.t.Helper()
	status, _, body := c.raw(path)
	require.Equal(c.t, http.StatusOK, status, "%s: %s", path, body)
	var out dashboard.Answer[T]
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	d.DisallowUnknownFields()
	require.NoError(c.t, d.Decode(&out), path)
	return out
}

// problem reads an answer that must be a problem of the given status.
func (c *client) problem(path string, status int) semantic.Problem {
	c.t.Helper()
	got, header, body := c.raw(path)
	require.Equal(c.t, status, got, "%s: %s", path, body)
	require.Equal(c.t, "application/problem+json", header.Get("Content-Type"), path)
	var p semantic.Problem
	require.NoError(c.t, json.Unmarshal(body, &p))
	require.Equal(c.t, status, p.Status)
	require.NotEmpty(c.t, p.Title)
	require.NotEmpty(c.t, p.Request)
	return p
}
