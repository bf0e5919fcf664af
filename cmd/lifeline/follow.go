package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lifeline/change"
	"lifeline/dashboard"
	"lifeline/project"
	"lifeline/run"
	"lifeline/source"
	"lifeline/warehouse"
)

type followCommand struct {
	PublishEvery  time.Duration `default:"10s" placeholder:"10s" help:"Publish a change at most this long after it was made."`
	LandEvery     time.Duration `default:"250ms" placeholder:"250ms" help:"How long to gather changes before landing them."`
	Wait          time.Duration `placeholder:"10m" help:"Wait this long for another run that holds the warehouse."`
	SourceWorkers int           `default:"2" help:"Connections for reading tables whole, where that is needed."`
	Verify        bool          `help:"Keep comparing staging with the source, a slice at a time, without locks."`
	Repair        bool          `help:"With --verify: read a table that differs again, at the position of the others."`
	Prove         share         `placeholder:"1%" help:"Compute a random share of keys again and compare them before publishing."`
}

func (followCommand) Help() string {
	return `Stays on the source's binary log: every change lands within a moment, with its commit time, and is checked and published at an
interval. It begins as a run does, resumes where it was after any stop, and ends with exit code 0 on SIGTERM.

Examples:
  lifeline follow --project examples/carepay --source mysql://reader:pass@db/carepay --warehouse duckdb:carepay.duckdb
  lifeline follow --publish-every 30s
  lifeline follow --verify --repair`
}

func (c *followCommand) Run(ctx context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		return err
	}
	defer wh.Close()
	o, err := g.followOptions(p, wh, c.SourceWorkers)
	if err != nil {
		return err
	}
	if c.Repair && !c.Verify {
		return usage(errors.New("--repair is for what --verify finds"), "--verify --repair")
	}
	if c.Verify {
		o.Following.Verify = &run.Verifying{Repair: c.Repair, Found: g.tellDifferences}
	}
	o.Wait, o.Prove = c.Wait, float64(c.Prove)
	o.Following.PublishEvery, o.Following.LandEvery = c.PublishEvery, c.LandEvery
	o.Following.Report = func(r *run.Report, err error) { g.tellFollowed(o.Following, r, err) }
	return run.Follow(ctx, o)
}

// followOptions are those of a run that goes on.
func (g *Globals) followOptions(p *project.Project, wh warehouse.Warehouse, workers int) (run.Options, error) {
	if len(p.Sources) == 0 || p.Config.Source.DSN == "" {
		return run.Options{}, noSource()
	}
	return run.Options{
		Project: p, Warehouse: wh, Command: "follow", Version: version, Logger: g.logger(), Following: &run.Following{},
		Source: func(ctx context.Context) (source.Source, error) {
			return g.openSource(ctx, p, sourceOptions{Workers: workers})
		},
	}, nil
}

// tellFollowed prints a line for each landing that changed something, and the failures.
func (g *Globals) tellFollowed(f *run.Following, r *run.Report, err error) {
	switch {
	case err != nil:
		show(terminal{in: g.terminal.in, out: g.terminal.err, err: g.terminal.err}, &Globals{terminal: g.terminal, LogFormat: g.LogFormat}, err)
	case g.JSON:
		_ = writeJSON(g.terminal.out, r) // Whoever reads has gone away, or sees it.
	case r.Status == run.Published:
		var changes int64
		for _, t := range r.Tables {
			changes += t.Inserted + t.Updated + t.Deleted
		}
		fmt.Fprintf(g.terminal.err, "%s  run %d: %d changes landed (%s), published version %d, %.1f s behind\n",
			time.Now().UTC().Format("15:04:05"), r.RunID, changes, r.Mode, r.Version, f.Lag().Seconds)
	}
}

// tellDifferences prints what a comparison has found.
func (g *Globals) tellDifferences(found []run.Difference) {
	for i := range found {
		fmt.Fprintf(g.terminal.err, "%s  %s\n", time.Now().UTC().Format("15:04:05"), found[i].String())
	}
}

// follow follows the source for the pages of serve.
func (c *serveCommand) follow(ctx context.Context, g *Globals, s *dashboard.Server) {
	for ctx.Err() == nil {
		err := c.followOnce(ctx, g, s)
		if ctx.Err() != nil {
			return
		}
		pause := 10 * time.Second
		if err != nil {
			show(terminal{in: g.terminal.in, out: g.terminal.err, err: g.terminal.err}, &Globals{terminal: g.terminal, LogFormat: g.LogFormat}, err)
			var p *change.Problem
			if errors.As(err, &p) && (p.Class == change.ClassUsage || p.Class == change.ClassPositionGone) {
				return // The pages stay; somebody has to decide.
			}
		}
		if errors.As(err, new(*run.DeletesError)) {
			pause = time.Minute // Somebody has to look; following resumes once a run was allowed to delete.
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// tellLag tells browsers every other second how far behind the source the follower is.
func tellLag(ctx context.Context, s *dashboard.Server, f *run.Following) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		l := f.Lag()
		state := "connected"
		if !l.Connected {
			state = "away"
		}
		s.Tell(dashboard.LiveEvent{Kind: "lag", State: state, Text: fmt.Sprintf("%.1f", l.Seconds)})
	}
}

func (c *serveCommand) followOnce(ctx context.Context, g *Globals, s *dashboard.Server) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		return err
	}
	defer wh.Close()
	o, err := g.followOptions(p, wh, 2)
	if err != nil {
		return err
	}
	if c.Verify {
		o.Following.Verify = &run.Verifying{Found: g.tellDifferences}
	}
	o.Progress = &told{s: s}
	s.Follows(func() (float64, bool) {
		l := o.Following.Lag()
		return l.Seconds, l.Connected
	})
	ticking, stop := context.WithCancel(ctx)
	defer stop()
	go tellLag(ticking, s, o.Following)
	o.Following.Report = func(r *run.Report, err error) {
		e := dashboard.LiveEvent{Kind: "run", State: "finished"}
		if r != nil {
			e.Run, e.Status, e.Text = r.RunID, string(r.Status), r.Why
		}
		s.Tell(e)
		if err != nil {
			g.tellFollowed(o.Following, r, err)
		}
	}
	return run.Follow(ctx, o)
}
