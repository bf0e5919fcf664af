package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"lifeline/change"
	"lifeline/warehouse"
)

type runsCommand struct {
	ID    int64 `arg:"" optional:"" help:"Show this run only, with its steps, tables and checks."`
	Limit int   `default:"20" help:"How many runs to list."`
}

func (runsCommand) Help() string {
	return `Examples:
  lifeline runs
  lifeline runs 12
  lifeline runs --json | jq '.[0].status'`
}

const listRuns = `
select run_id, command, status, mode, started_at, ended_at, version, as_of, error
from ops.runs
order by run_id desc
limit $1`

const showRun = `
select run_id, command, status, mode, started_at, ended_at, version, as_of, error
from ops.runs
where run_id = $1`

const showSteps = `
select step, status, seconds, rows, detail
from ops.steps
where run_id = $1 and step <> 'model'
order by started_at, step`

const showChecks = `
select status, check_name, failing, tested, severity
from ops.check_results
where run_id = $1 and status not in ('pass', 'not_applicable')
order by status, check_name`

func (c *runsCommand) Run(ctx context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		return err
	}
	defer wh.Close()
	r, err := wh.OpenOps(ctx)
	if err != nil {
		return nothingPublished(err)
	}
	defer r.Close()
	if c.ID == 0 {
		return g.printQuery(ctx, r.DB, listRuns, c.Limit)
	}
	return c.one(ctx, g, r.DB)
}

func (c *runsCommand) one(ctx context.Context, g *Globals, db *sql.DB) error {
	var there int
	if err := db.QueryRowContext(ctx, `select count(*) from ops.runs where run_id = $1`, c.ID).Scan(&there); err != nil {
		return fmt.Errorf("read ops.runs: %w", err)
	}
	if there == 0 {
		return &change.Problem{Err: fmt.Errorf("there is no run %d", c.ID), Class: change.ClassUsage, Try: "lifeline runs"}
	}
	queries := []string{showRun, showSteps, showChecks}
	if g.JSON {
		queries = queries[:1]
	}
	for _, q := range queries {
		if err := g.printQuery(ctx, db, q, c.ID); err != nil {
			return err
		}
	}
	return nil
}

func (g *Globals) printQuery(ctx context.Context, db *sql.DB, query string, args ...any) error {
	rows, err := warehouse.Lossless(ctx, db, query, args...)
	if err != nil {
		return fmt.Errorf("read the books: %w", err)
	}
	defer rows.Close()
	if g.JSON {
		return printObjects(g.terminal.out, rows)
	}
	return printGrid(g.terminal, rows, 0)
}

// nothingPublished tells a reader who came before the first run what to do.
func nothingPublished(err error) error {
	if !errors.Is(err, warehouse.ErrNothingPublished) {
		return err
	}
	return &change.Problem{Err: err, Class: change.ClassError, Try: "lifeline run"}
}
