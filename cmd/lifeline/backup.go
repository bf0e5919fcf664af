package main

import (
	"context"
	"fmt"
	"time"

	"lifeline/warehouse"
)

type backupCommand struct {
	Dir  string        `arg:"" placeholder:"DIR" help:"Folder of the back-up; it must not exist."`
	Wait time.Duration `default:"10m" help:"Wait this long for a run that holds the warehouse."`
}

func (backupCommand) Help() string {
	return `Writes one consistent state of the warehouse into a folder: staging, history, the books, quarantine and the kept versions, with a
checksum of each file. Readers and the dashboard go on meanwhile; a run waits. PostgreSQL's is written by pg_dump.

Examples:
  lifeline backup /backup/2026-11-28 --project examples/carepay
  lifeline backup /backup/today --warehouse duckdb:carepay.duckdb`
}

func (c *backupCommand) Run(ctx context.Context, g *Globals) error {
	wh, err := g.warehouseAlone(ctx)
	if err != nil {
		return err
	}
	defer wh.Close()
	b, err := wh.Backup(ctx, c.Dir, version, c.Wait)
	if err != nil {
		return err
	}
	return g.printBackup("backed up", c.Dir, b)
}

type restoreCommand struct {
	Dir string `arg:"" placeholder:"DIR" help:"Folder that lifeline backup wrote."`
}

func (restoreCommand) Help() string {
	return `Makes a warehouse from a back-up, after proving every file by its checksum. The address must not hold a warehouse yet: ` +
		`nothing is
ever written over.

Example:
  lifeline restore /backup/2026-11-28 --warehouse duckdb:restored.duckdb`
}

func (c *restoreCommand) Run(ctx context.Context, g *Globals) error {
	wh, err := g.warehouseAlone(ctx)
	if err != nil {
		return err
	}
	defer wh.Close()
	b, err := wh.Restore(ctx, c.Dir)
	if err != nil {
		return err
	}
	return g.printBackup("restored", c.Dir, b)
}

// warehouseAlone opens the warehouse of the project, or that of the flag where no project is.
func (g *Globals) warehouseAlone(ctx context.Context) (warehouse.Warehouse, error) {
	p, err := g.load()
	if err != nil && g.Warehouse != "" {
		return warehouse.Open(ctx, warehouse.Options{DSN: g.Warehouse, Logger: g.logger()})
	}
	if err != nil {
		return nil, err
	}
	return g.openWarehouse(ctx, p)
}

func (g *Globals) printBackup(what, dir string, b warehouse.Backup) error {
	if g.JSON {
		return writeJSON(g.terminal.out, b)
	}
	var bytes int64
	for _, f := range b.Files {
		bytes += f.Bytes
	}
	_, err := fmt.Fprintf(g.terminal.out, "%s %s: version %d, %d files, %.1f MB, as of %s\n", what, dir, b.Published, len(b.Files),
		float64(bytes)/1e6, b.TakenAt.Format(time.DateTime+" UTC"))
	return err
}
