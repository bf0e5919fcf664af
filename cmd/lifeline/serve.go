package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"lifeline/change"
	"lifeline/dashboard"
	"lifeline/model"
	"lifeline/project"
	"lifeline/run"
	"lifeline/semantic"
	"lifeline/source"
	"lifeline/warehouse"
)

type serveCommand struct {
	Addr    string        `default:"127.0.0.1:8080" help:"Where to listen. Beyond this machine only with authentication."`
	Every   time.Duration `placeholder:"15m" help:"Run the project at this interval too, and show its runs live."`
	Follow  bool          `help:"Follow the source's binary log too, and show what changes live."`
	Verify  bool          `help:"With --follow: keep comparing staging with the source, and show what differs."`
	Auth    string        `enum:"none,basic,token,proxy" default:"none" help:"none (loopback only), basic or token (with --users), or proxy."`
	Users   string        `placeholder:"FILE" help:"Users and tokens, a line each: name:roles:hash. Roles are viewer and data."`
	AddUser string        `placeholder:"NAME" help:"Read a password from stdin, print the user's line for --users, and end."`
	Roles   string        `default:"viewer" help:"Roles of --add-user, by comma: viewer, data; token (or token=2027-12-31, its last day)."`
	TLSCert string        `name:"tls-cert" placeholder:"FILE" help:"Certificate; with --tls-key the server speaks HTTPS."`
	TLSKey  string        `name:"tls-key" placeholder:"FILE" help:"Key of the certificate."`

	InsecureHTTP bool     `name:"insecure-http" help:"Take passwords without TLS; for a proxy in front that has it."`
	ProxyHeader  string   `default:"X-Forwarded-User" placeholder:"NAME" help:"Header with the user's name, of a trusted proxy."`
	ProxyGroups  string   `placeholder:"NAME" help:"Header with the user's groups; the group data gives that role."`
	ProxySecret  string   `env:"LIFELINE_PROXY_SECRET" placeholder:"TEXT" help:"What the proxy sends as X-Lifeline-Proxy-Secret."`
	ProxyFrom    []string `placeholder:"NETWORK" help:"Networks that the proxy asks from; loopback where none are named."`
	Host         []string `placeholder:"NAME" help:"Host names that this server answers to, beside those of loopback."`
}

func (serveCommand) Help() string {
	return `Serves the dashboard and its API over the published version, and switches to each new one.
Without --every or --follow it writes nothing.

Examples:
  lifeline serve --project examples/carepay
  lifeline serve --every 15m
  lifeline serve --follow
  printf %s "$PASSWORD" | lifeline serve --add-user ada --roles viewer,data >> users.txt
  lifeline serve --addr 0.0.0.0:8443 --auth basic --users users.txt --tls-cert cert.pem --tls-key key.pem --host data.example.org`
}

func (c *serveCommand) Run(ctx context.Context, g *Globals) error {
	if c.AddUser != "" {
		return c.addUser(g)
	}
	auth := dashboard.Auth{
		Mode: c.Auth, File: c.Users, Header: c.ProxyHeader, Groups: c.ProxyGroups, Secret: c.ProxySecret, Proxies: c.ProxyFrom,
	}
	if err := c.check(auth); err != nil {
		return err
	}
	p, err := g.load()
	if err != nil {
		return err
	}
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		return err
	}
	defer wh.Close()
	s, err := g.newDashboard(ctx, p, wh, dashboard.Options{Auth: auth, Hosts: c.Host, Live: c.Every > 0 || c.Follow, TLS: c.TLSCert != ""})
	if err != nil {
		return err
	}
	defer s.Close()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return &change.Problem{Err: fmt.Errorf("listen: %w", err), Class: change.ClassError, Try: "--addr 127.0.0.1:8081"}
	}
	scheme := "http"
	if c.TLSCert != "" {
		scheme = "https"
	}
	fmt.Fprintf(g.terminal.out, "%s://%s/\n", scheme, listener.Addr())
	return c.answer(ctx, g, s, listener)
}

// check refuses what would show data to strangers.
func (c *serveCommand) check(a dashboard.Auth) error {
	if err := dashboard.CheckAddress(c.Addr, a); err != nil {
		return err
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return &change.Problem{Err: errors.New("a certificate needs its key"), Class: change.ClassUsage, Try: "--tls-cert FILE --tls-key FILE"}
	}
	local := dashboard.CheckAddress(c.Addr, dashboard.Auth{}) == nil
	if (c.Auth == dashboard.AuthBasic || c.Auth == dashboard.AuthToken) && !local && c.TLSCert == "" && !c.InsecureHTTP {
		return &change.Problem{
			Err: errors.New("passwords and tokens would cross the network in the clear"), Class: change.ClassUsage,
			Try: "--tls-cert FILE --tls-key FILE, or --insecure-http behind a proxy that has TLS",
		}
	}
	return nil
}

// addUser prints a line for the users' file; the password is read from stdin, so that it stands in no list of processes.
func (c *serveCommand) addUser(g *Globals) error {
	if strings.ContainsAny(c.AddUser, ":\n#") {
		return &change.Problem{Err: fmt.Errorf("%q cannot be a name", c.AddUser), Class: change.ClassUsage, Try: "--add-user ada"}
	}
	line, err := bufio.NewReader(g.terminal.in).ReadString('\n')
	if err != nil && line == "" {
		return &change.Problem{
			Err: errors.New("there is no password on stdin"), Class: change.ClassUsage,
			Try: `printf %s "$PASSWORD" | lifeline serve --add-user ada`,
		}
	}
	password := strings.TrimRight(line, "\r\n")
	if len(password) < 8 {
		return &change.Problem{Err: errors.New("the password is shorter than 8 characters"), Class: change.ClassUsage, Try: "a longer one"}
	}
	hash, err := dashboard.HashSecret(password)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(g.terminal.out, "%s:%s:%s\n", c.AddUser, c.Roles, hash)
	return err
}

// newDashboard opens the server over a warehouse with the project's own pages.
func (g *Globals) newDashboard(ctx context.Context, p *project.Project, wh warehouse.Warehouse,
	o dashboard.Options,
) (*dashboard.Server, error) {
	d, err := semantic.DefinitionOf(p)
	if err != nil {
		return nil, err
	}
	graph, err := model.NewGraph(p, model.Options{
		Target: model.Target{Name: wh.Engine(), Type: wh.Engine()},
		Vars:   map[string]any{"as_of": "2000-01-01 00:00:00"}, Env: os.Getenv,
	})
	if err != nil {
		return nil, err
	}
	level := slog.LevelInfo
	if g.Verbose {
		level = slog.LevelDebug
	}
	o.Project, o.Definition, o.Warehouse, o.Graph, o.DSN, o.Build = p, d, wh, graph, p.Config.Warehouse.DSN, version
	o.Pages = dashboard.Built()
	o.Logger = g.loggerAt(level)
	return dashboard.New(ctx, o)
}

// answer serves until it is told to stop, then lets requests in flight end.
func (c *serveCommand) answer(ctx context.Context, g *Globals, s *dashboard.Server, listener net.Listener) error {
	server := s.HTTPServer()
	// Streams of events end with this, so that they hold up no stop.
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	server.BaseContext = func(net.Listener) context.Context { return base }
	ended := make(chan error, 1)
	go func() {
		if c.TLSCert != "" {
			ended <- server.ServeTLS(listener, c.TLSCert, c.TLSKey)
			return
		}
		ended <- server.Serve(listener)
	}()
	runs := make(chan struct{})
	go func() {
		defer close(runs)
		switch {
		case c.Follow:
			c.follow(ctx, g, s)
		case c.Every > 0:
			c.runEvery(ctx, g, s)
		}
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	cut()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := server.Shutdown(last)
	<-runs
	if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("stop serving: %w", err)
	}
	return nil
}

// runEvery makes the runs of --every and tells browsers what happens. A run that fails is told and the next one comes all the same.
func (c *serveCommand) runEvery(ctx context.Context, g *Globals, s *dashboard.Server) {
	for {
		began := time.Now()
		err := c.once(ctx, g, s)
		if err != nil && ctx.Err() == nil {
			show(terminal{in: g.terminal.in, out: g.terminal.err, err: g.terminal.err}, &Globals{terminal: g.terminal, LogFormat: g.LogFormat}, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(time.Second, time.Until(began.Add(c.Every)))):
		}
	}
}

func (c *serveCommand) once(ctx context.Context, g *Globals, s *dashboard.Server) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		return err
	}
	defer wh.Close()
	o := run.Options{Project: p, Warehouse: wh, Command: "run", Version: version, Progress: &told{s: s}, Logger: g.logger()}
	if len(p.Sources) > 0 {
		o.Source = func(ctx context.Context) (source.Source, error) { return g.openSource(ctx, p, sourceOptions{}) }
	}
	report, err := run.Do(ctx, o)
	e := dashboard.LiveEvent{Kind: "run", State: "finished"}
	if report != nil {
		e.Run, e.Status, e.Text = report.RunID, string(report.Status), report.Why
	}
	s.Tell(e)
	return err
}

// told passes a run's progress on to browsers, at most five times a second for one step.
type told struct {
	s    *dashboard.Server
	last throttled
}

// Begin says that a step has begun.
func (t *told) Begin(step string) {
	t.s.Tell(dashboard.LiveEvent{Kind: "run", State: "begin", Step: step})
}

// Advance says how far the step is.
func (t *told) Advance(step string, done, total int64, unit string) {
	if t.last.now(step) {
		t.s.Tell(dashboard.LiveEvent{Kind: "run", State: "advance", Step: step, Done: done, Total: total, Text: unit})
	}
}

// End says what the step did.
func (t *told) End(step, line string) {
	t.s.Tell(dashboard.LiveEvent{Kind: "run", State: "end", Step: step, Text: line})
}

// throttled says yes to one of several calls in a short time.
type throttled struct {
	mu   sync.Mutex
	last map[string]time.Time
}

func (t *throttled) now(step string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = map[string]time.Time{}
	}
	if time.Since(t.last[step]) < 200*time.Millisecond {
		return false
	}
	t.last[step] = time.Now()
	return true
}
