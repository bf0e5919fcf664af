package warehouse

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"unicode"

	"lifeline/change"
)

// defaultKeep is how many published versions are kept when nobody says.
const defaultKeep = 2

// Open opens the warehouse that o.DSN names. It creates nothing: Begin does. A DSN that names no engine or no place is a
// *change.Problem of class usage.
func Open(ctx context.Context, o Options) (Warehouse, error) {
	if o.KeepVersions <= 0 {
		o.KeepVersions = defaultKeep
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	scheme, rest, found := strings.Cut(o.DSN, ":")
	switch {
	case found && scheme == "duckdb":
		path, err := duckPath(rest)
		if err != nil {
			return nil, err
		}
		if o.MemoryLimit != "" {
			if _, err := memoryBytes(o.MemoryLimit); err != nil {
				return nil, err
			}
		}
		w := &duckWarehouse{Options: o, paths: duckPathsOf(path)}
		if o.FileMode != 0 {
			w.paths.mode = o.FileMode
		}
		return w, nil
	case found && (scheme == "postgres" || scheme == "postgresql"):
		return newPostgres(ctx, o)
	case o.DSN == "":
		return nil, usage("no warehouse is named", "duckdb:warehouse.duckdb or postgres://user@host/database")
	case !found || strings.ContainsAny(scheme, `/\.`):
		// A DSN may hold a password, so only the part before a colon is ever shown (promise 10).
		return nil, usage("the warehouse's address names no engine", "duckdb:PATH or postgres://user@host/database")
	}
	return nil, usage(fmt.Sprintf("there is no warehouse engine %q", scheme), "duckdb:PATH or postgres://user@host/database")
}

// duckPath makes a path of its part of the DSN; duckdb:PATH, duckdb:///PATH and duckdb://PATH are all understood.
func duckPath(rest string) (string, error) {
	rest, slashes := strings.CutPrefix(rest, "//")
	if host, _, _ := strings.Cut(rest, "/"); slashes && strings.Contains(host, "@") { // It may hold a password, so it is not shown.
		return "", usage("the warehouse duckdb: names a server, where a file is wanted", "duckdb:warehouse.duckdb")
	}
	if strings.TrimSpace(rest) == "" {
		return "", usage("the warehouse duckdb: has no path", "duckdb:warehouse.duckdb")
	}
	const plain = "the path of a file on this machine: duckdb:warehouse.duckdb"
	switch {
	case strings.HasPrefix(rest, "~"):
		return "", usage(fmt.Sprintf("the warehouse path %q begins with ~, which the shell does not expand there", rest), `duckdb:$HOME/…`)
	case strings.TrimSpace(rest) != rest || strings.ContainsFunc(rest, unicode.IsControl):
		return "", usage(fmt.Sprintf("the warehouse path %q has a blank at an end, or a character that is not printed", rest), plain)
	case strings.HasPrefix(rest, ":memory:"):
		return "", usage("a warehouse in memory would keep nothing", plain)
	case strings.HasPrefix(rest, "md:") || strings.HasPrefix(rest, "motherduck:") || strings.Contains(rest, "://"):
		return "", usage("the warehouse path is an address elsewhere", plain)
	}
	if strings.HasSuffix(rest, "/") {
		return "", usage(fmt.Sprintf("the warehouse path %q is a folder", rest), "duckdb:"+rest+"warehouse.duckdb")
	}
	path, err := filepath.Abs(rest)
	if err != nil {
		return "", fmt.Errorf("resolve the warehouse path: %w", err)
	}
	if path, err = followLink(path); err != nil {
		return "", err
	}
	// The driver reads its file name as a URL, so these would open another file, or lose its settings; the working folder may have them too.
	if strings.ContainsAny(path, "?%#") {
		return "", usage(fmt.Sprintf("the warehouse path %q has a %%, ? or # in it", path), "a path without these characters")
	}
	return path, nil
}

// usage is a problem of the command line or the configuration.
func usage(what, try string) error {
	return &change.Problem{Err: fmt.Errorf("%s", what), Try: try, Class: change.ClassUsage}
}
