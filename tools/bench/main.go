// Command bench measures the figures of docs/brief.md: landing against the limits of the stock tools, building against DuckDB
// alone, the dashboard's pages under load, memory at every scale. It prints one table, keeps its raw figures as JSON and says what it could
// not measure.
//
// Every figure is a ratio of medians within one run, because the speed of a shared machine drifts. Run it by `make bench`, which
// starts the servers.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// bench holds the servers, the folder of this run and what was measured.
type bench struct {
	scale    float64
	runs     int
	dir      string
	mysql    string // Data source name of the loaded source.
	postgres string // Data source name of an own database.
	results  []result
	notes    []string
}

// result is one measured command: its runs in seconds and the most memory that one of its processes took.
type result struct {
	Name    string    `json:"name"`
	Scale   float64   `json:"scale"`
	Seconds []float64 `json:"seconds"`
	PeakMB  float64   `json:"peak_mb,omitempty"`
	Detail  string    `json:"detail,omitempty"`
	Parts   parts     `json:"parts,omitempty"`
}

// parts are times beside the measured one that a child tells of, in seconds, a value a run.
type parts map[string][]float64

func main() {
	// A child of the bench does one measured thing and ends, so that its memory is its own.
	if len(os.Args) > 2 && os.Args[1] == "child" {
		exitOn(child(context.Background(), os.Args[2:]))
		return
	}
	scale := flag.Float64("scale", 30, "size of the sample; 1 is 333,000 rows, 30 is ten million")
	runs := flag.Int("runs", 3, "counted runs of each command")
	out := flag.String("out", "bench.json", "file for the raw figures")
	only := flag.String("only", "limits,pgloader,landing,building,pages,postgres,lives,changed,log,again,small", "what to measure")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exitOn(measure(ctx, *scale, *runs, *out, *only))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, scale float64, runs int, out, only string) error {
	dir, err := os.MkdirTemp("", "lifeline-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// The servers run under accounts of their own and read the files of the COPY limit.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	b := &bench{scale: scale, runs: runs, dir: dir}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	steps := map[string]func(context.Context) error{
		"limits": b.limits, "pgloader": b.pgloader, "landing": b.landing, "building": b.building, "pages": b.pages,
		"postgres": b.buildingPostgres, "small": b.small, "lives": b.lives, "changed": b.changed,
		"log": b.followLog, "again": b.again,
	}
	for _, name := range strings.Split(only, ",") {
		step, ok := steps[name]
		if !ok {
			return fmt.Errorf("there is nothing to measure called %q", name)
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	b.print(os.Stdout)
	return b.keep(out)
}

// keep writes the raw figures.
func (b *bench) keep(path string) error {
	text, err := json.MarshalIndent(map[string]any{
		"at": time.Now().UTC().Format(time.RFC3339), "go": runtime.Version(), "cores": runtime.NumCPU(),
		"scale": b.scale, "results": b.results, "notes": b.notes,
	}, "", "  ")
	if err != nil {
		return err
	}
	path = filepath.Clean(path)
	fmt.Printf("\nraw figures: %s\n", path)
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

func (b *bench) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}
