package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"lifeline/change"
)

// usage is an error of the command line (exit code 2) with what to type instead.
func usage(err error, try string) error {
	return &change.Problem{Err: err, Try: try, Class: change.ClassUsage}
}

type versionCommand struct{}

func (versionCommand) Help() string { return "Example:\n  lifeline version" }

func (versionCommand) Run(_ context.Context, g *Globals) error {
	if g.JSON {
		return writeJSON(g.terminal.out, versionOf())
	}
	_, err := fmt.Fprintf(g.terminal.out, "lifeline %s (%s)\n", version, runtime.Version())
	return err
}

// versionOf is what a machine wants to know of a binary.
func versionOf() map[string]string {
	out := map[string]string{"version": version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/duckdb/duckdb-go/v2" {
				out["duckdb_go"] = m.Version
			}
		}
	}
	return out
}
