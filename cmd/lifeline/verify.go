package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"lifeline/change"
	"lifeline/run"
	"lifeline/source"
)

type verifyCommand struct {
	Table         []string      `placeholder:"TABLE" help:"Only these source tables."`
	Repair        bool          `help:"Read exactly what differs again and land it."`
	SourceWorkers int           `default:"2" placeholder:"N" help:"Connections to the source."`
	AllowWeaker   bool          `help:"Compare with tables that have no consistent view, too; what changes meanwhile may differ."`
	Wait          time.Duration `placeholder:"DURATION" help:"With --repair, how long to wait for another run."`
}

func (verifyCommand) Help() string {
	return `Proves that staging holds what the source holds now: the source adds up the rows of each key range at one point in time, and
staging's own values are added up in the same way; ranges that differ are compared cell by cell. Exit code 0 is equal, 3 different.
What the source changed since the last run differs too: run first.

Examples:
  lifeline verify
  lifeline verify --table claim --json
  lifeline verify --repair`
}

func (c *verifyCommand) Run(ctx context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	if p.Config.Source.DSN == "" {
		return noSource()
	}
	contracts := run.Contracts(p)
	for _, name := range c.Table {
		if !slices.ContainsFunc(contracts, func(t source.Contract) bool { return t.Name == name }) {
			return &change.Problem{
				Err: fmt.Errorf("%s is not a source table of the project", name), Class: change.ClassUsage, Try: "lifeline ls, which lists them",
			}
		}
	}
	if len(c.Table) > 0 {
		contracts = slices.DeleteFunc(contracts, func(t source.Contract) bool { return !slices.Contains(c.Table, t.Name) })
	}
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		return err
	}
	defer wh.Close()
	found, err := run.Verify(ctx, run.Options{
		Project: p, Warehouse: wh, Wait: c.Wait, Logger: g.logger(),
		Source: func(ctx context.Context) (source.Source, error) {
			return source.Open(ctx, source.Options{
				DSN: p.Config.Source.DSN, TimeZone: p.Config.Source.TimeZone, Tables: contracts, Workers: c.SourceWorkers,
				Weak: c.AllowWeaker, Logger: g.logger(),
			})
		},
	}, c.Repair)
	if err != nil {
		return err
	}
	if err := g.printVerification(found); err != nil {
		return err
	}
	if found.Status != "different" {
		return nil
	}
	var rows int64
	for _, t := range found.Tables {
		rows += t.Different
	}
	try := "lifeline verify --repair"
	if found.Moved {
		try = "lifeline run, then verify again: the source has moved on since the last landing; or " + try
	}
	return &change.Problem{Err: fmt.Errorf("%d rows are not as the source has them", rows), Class: change.ClassBlocked, Try: try}
}

func (g *Globals) printVerification(v *run.Verification) error {
	if g.JSON {
		e := json.NewEncoder(g.terminal.out)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	for i := range v.Differences {
		fmt.Fprintln(g.terminal.out, v.Differences[i].String())
	}
	for _, t := range v.Tables {
		fmt.Fprintf(g.terminal.out, "%s: %d rows, %d compared cell by cell, %d different, %d repaired\n",
			t.Name, t.Rows, t.Read, t.Different, t.Repaired)
	}
	fmt.Fprintln(g.terminal.out, v.Status)
	return nil
}
