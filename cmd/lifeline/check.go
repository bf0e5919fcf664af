package main

import (
	"context"
	"time"
)

type checkCommand struct {
	AsOf string        `placeholder:"WHEN" help:"End of the last-7-days windows: latest, now or a date (YYYY-MM-DD)."`
	Wait time.Duration `placeholder:"10m" help:"Wait this long for a run that holds the warehouse."`
}

func (checkCommand) Help() string {
	return `Builds the next version from what has landed, runs every check on it and closes the books, as a run would; then drops it.
What was published stays as it is. Exit code 3 says that a run would be stopped.

Examples:
  lifeline check
  lifeline check --json | jq '.checks[] | select(.status != "pass")'`
}

func (c *checkCommand) Run(ctx context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	return g.walk(ctx, p, "check", nil, walkFlags{Wait: c.Wait, AsOf: c.AsOf}, reading{})
}
