package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lifeline/change"
	"lifeline/project"
	"lifeline/run"
	"lifeline/warehouse"
)

// past answers a question of staging as it was.
func (c *queryCommand) past(ctx context.Context, g *Globals, p *project.Project, wh warehouse.Warehouse) (err error) {
	if c.Books {
		return &change.Problem{
			Err: errors.New("--books has no past: its tables keep every run"), Class: change.ClassUsage, Try: "one of --at and --books",
		}
	}
	at, err := run.Moment(c.At)
	if err != nil {
		return err
	}
	r, err := openStaging(ctx, wh, c.Wait)
	if err != nil {
		return nothingPublished(err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	tables := map[string]string{}
	for _, name := range warehouse.StagingNames(c.SQL) {
		if tables[name] != "" {
			continue
		}
		if !slices.ContainsFunc(p.Sources, func(s *project.SourceTable) bool { return s.Name == name }) {
			return &change.Problem{
				Err: fmt.Errorf("staging.%s is not a source table of the project", name), Class: change.ClassUsage,
				Try: "lifeline ls, which lists them",
			}
		}
		then, err := run.Past(ctx, r.DB, name, at)
		if err != nil {
			return err
		}
		tables[name] = then.SQL(r.Landing())
		if note := then.Note(); note != "" {
			fmt.Fprintln(g.terminal.err, note)
		}
	}
	if len(tables) == 0 {
		return &change.Problem{
			Err: errors.New("the statement names no table of staging, and only those have a past"), Class: change.ClassUsage,
			Try: fmt.Sprintf(`lifeline query --at '%s' "select * from staging.TABLE"`, c.At),
		}
	}
	conn, statement, err := r.Standing(ctx, tables, c.SQL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return c.print(ctx, g.terminal, conn, statement)
}

// openStaging opens staging for a look, once a run that holds it lets go.
func openStaging(ctx context.Context, wh warehouse.Warehouse, wait time.Duration) (*warehouse.Reader, error) {
	deadline := time.Now().Add(wait)
	for {
		r, err := wh.OpenStaging(ctx)
		var held *warehouse.HeldError
		if !errors.As(err, &held) {
			return r, err
		}
		if !time.Now().Before(deadline) {
			return nil, &change.Problem{Err: err, Class: change.ClassHeld, Try: "--wait 2m, or ask once the run has ended"}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
