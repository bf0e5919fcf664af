package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// time runs a shell command once unmeasured and then b.runs times, and keeps its seconds under a name. before runs ahead of each.
func (b *bench) timed(ctx context.Context, name string, before func(context.Context) error, command ...string) error {
	return b.timedAt(ctx, b.scale, b.runs, name, before, command...)
}

func (b *bench) timedAt(ctx context.Context, scale float64, runs int, name string, before func(context.Context) error,
	command ...string,
) error {
	r := result{Name: name, Scale: scale}
	for i := range runs {
		if before != nil {
			if err := before(ctx); err != nil {
				return fmt.Errorf("prepare %s: %w", name, err)
			}
		}
		fmt.Fprintf(os.Stderr, "%s, run %d of %d\n", name, i+1, runs)
		var out bytes.Buffer
		c := exec.CommandContext(ctx, command[0], command[1:]...)
		c.Stdout, c.Stderr = &out, &out
		began := time.Now()
		if err := c.Run(); err != nil {
			return fmt.Errorf("%s: %w\n%s", name, err, tail(out.String()))
		}
		r.Seconds = append(r.Seconds, time.Since(began).Seconds())
		if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
			r.PeakMB = max(r.PeakMB, float64(usage.Maxrss)/1024)
		}
		// A child of the bench says how long its measured part took, without its start.
		if measured, ok := strings.CutPrefix(lastLine(out.String()), "measured "); ok {
			var s float64
			if _, err := fmt.Sscan(measured, &s); err == nil {
				r.Seconds[i] = s
			}
			r.Parts = r.Parts.add(out.String())
			r.Detail = strings.TrimSpace(strings.Join(strings.Split(strings.TrimSpace(out.String()),
				"\n")[:strings.Count(strings.TrimSpace(out.String()), "\n")], "; "))
		}
	}
	b.results = append(b.results, r)
	return nil
}

// partLine is how a child tells of a time beside the measured one.
var partLine = regexp.MustCompile(`(?m)^([a-z ]+) ([0-9.]+) s$`)

func (p parts) add(out string) parts {
	for _, m := range partLine.FindAllStringSubmatch(out, -1) {
		var s float64
		if _, err := fmt.Sscan(m[2], &s); err != nil {
			continue
		}
		if p == nil {
			p = parts{}
		}
		p[m[1]] = append(p[m[1]], s)
	}
	return p
}

// part is the middle of a part's times over the runs of a command.
func (b *bench) part(name string, scale float64, part string) float64 {
	for _, r := range b.results {
		if s := slices.Sorted(slices.Values(r.Parts[part])); r.Name == name && r.Scale == scale && len(s) > 0 {
			return s[len(s)/2]
		}
	}
	return 0
}

// median is the middle of a measured command's runs, in seconds; 0 where it was not measured.
func (b *bench) median(name string, scale float64) float64 {
	for _, r := range b.results {
		if r.Name == name && r.Scale == scale && len(r.Seconds) > 0 {
			s := slices.Sorted(slices.Values(r.Seconds))
			return s[len(s)/2]
		}
	}
	return 0
}

func (b *bench) peak(name string) float64 {
	most := 0.0
	for _, r := range b.results {
		if r.Name == name {
			most = max(most, r.PeakMB)
		}
	}
	return most
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

func tail(s string) string {
	if len(s) > 2000 {
		s = s[len(s)-2000:]
	}
	return s
}
