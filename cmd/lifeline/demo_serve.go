package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/term"

	"lifeline/dashboard"
)

// The demo's dashboard: its port, and how many after it are tried where that one is taken.
const (
	demoPort  = 8080
	demoPorts = 20
)

// attended tells whether a person sits there who can look at the pages and end them: only then may a command wait.
func (t terminal) attended() bool {
	for _, s := range []any{t.in, t.out} {
		f, ok := s.(*os.File)
		if !ok || !term.IsTerminal(int(f.Fd())) {
			return false
		}
	}
	return true
}

// serve ends the demo in its dashboard until Ctrl-C, which is how it is meant to end and no error.
func (c *demoCommand) serve(ctx context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		return err
	}
	defer wh.Close()
	s, err := g.newDashboard(ctx, p, wh, dashboard.Options{Auth: dashboard.Auth{Mode: dashboard.AuthNone}})
	if err != nil {
		return err
	}
	defer s.Close()
	listener, err := listenFrom(ctx, demoPort, demoPorts)
	if err != nil {
		return err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if port != demoPort {
		fmt.Fprintf(g.terminal.out, "\nPort %d is taken, so the dashboard is on %d.", demoPort, port)
	}
	fmt.Fprintf(g.terminal.out, "\nThe dashboard is at http://localhost:%d until Ctrl-C.\n", port)
	return (&serveCommand{}).answer(ctx, g, s, listener)
}

// listenFrom listens on loopback at the first free port of several.
func listenFrom(ctx context.Context, port, several int) (net.Listener, error) {
	for at := port; ; at++ {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(at)))
		if err == nil {
			return l, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) || at+1 >= port+several {
			return nil, fmt.Errorf("listen for the demo's dashboard: %w", err)
		}
	}
}
