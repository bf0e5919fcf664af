package main

import (
	"context"
	"fmt"
	"time"

	"lifeline/run"
)

type rollbackCommand struct {
	Wait time.Duration `placeholder:"10m" help:"Wait this long for another run that holds the warehouse."`
}

func (rollbackCommand) Help() string {
	return `Publishes the kept version before the published one, all tables at once. The next run makes a new version.

Examples:
  lifeline rollback
  lifeline rollback --json`
}

func (c *rollbackCommand) Run(ctx context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		return err
	}
	defer wh.Close()
	v, err := run.Rollback(ctx, run.Options{
		Project: p, Warehouse: wh, Command: "rollback", Version: version, Wait: c.Wait,
		Logger: g.logger(),
	})
	if err != nil {
		return err
	}
	if g.JSON {
		return writeJSON(g.terminal.out, map[string]any{"version": v.ID, "run_id": v.Run, "as_of": v.AsOf, "published_at": v.PublishedAt})
	}
	fmt.Fprintf(g.terminal.out, "version %d is published again (built by run %d, as of %s UTC)\n", v.ID, v.Run, timeText(v.AsOf))
	return nil
}
