package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// target is one figure that is wanted, as a ratio of two medians of this run.
type target struct {
	what      string
	of, to    string
	ofScale   float64
	atMost    float64 // 0 where the bound is atLeast.
	atLeast   float64
	otherwise string // A second command to compare with, where the larger of the two counts.
}

func (b *bench) targets() []target {
	s := b.scale
	var changed []target
	for _, engine := range []string{"DuckDB", "PostgreSQL"} {
		for _, c := range changes {
			changed = append(changed, target{
				what: "CPU after " + c.name + " / whole, " + engine, of: changedRun(engine, c), to: wholeRun(engine), ofScale: s, atMost: c.share,
			})
		}
	}
	return append(changed, []target{
		{
			what: "land into PostgreSQL / the larger of its limits", of: "land into PostgreSQL", to: "limit: stock client to nowhere",
			otherwise: "limit: COPY from files", ofScale: s, atMost: 1.3,
		},
		{
			what: "pipe of the stock tools / land into PostgreSQL", of: "pipe: stock client into psql COPY", to: "land into PostgreSQL", ofScale: s,
			atLeast: 1,
		},
		{what: "pgloader / land into PostgreSQL", of: "pgloader", to: "land into PostgreSQL", ofScale: s, atLeast: 4},
		{
			what: "fetch all, insert one by one / land into PostgreSQL, scale 1", of: "fetch all, insert one by one", to: "land into PostgreSQL",
			ofScale: 1, atLeast: 100,
		},
		{what: "land into DuckDB / read limit", of: "land into DuckDB", to: "limit: stock client to nowhere", ofScale: s, atMost: 1.2},
		{
			what: "run after 0.1 % changes by the log / everything", of: "run after 0.1 % by log", to: "run, everything, before log", ofScale: s,
			atMost: 0.1,
		},
		{
			what: "run after 0.1 % changes by checksums / everything", of: "run after 0.1 % by checksums",
			to: "run, everything, before checksums", ofScale: s, atMost: 0.25,
		},
		{what: "build / the same SQL on DuckDB alone", of: "build on DuckDB", to: "the same SQL on DuckDB alone", ofScale: s, atMost: 1.15},
	}...)
}

// print shows one table of what was measured, the ratios that are wanted, memory, and what is missing.
func (b *bench) print(w io.Writer) {
	fmt.Fprintf(w, "%-44s %6s %8s %8s %8s %9s  %s\n", "command", "scale", "min s", "median s", "max s", "peak MB", "")
	for _, r := range b.results {
		s := slices.Sorted(slices.Values(r.Seconds))
		fmt.Fprintf(w, "%-44s %6g %8.2f %8.2f %8.2f %9.0f  %s\n", r.Name, r.Scale, s[0], s[len(s)/2], s[len(s)-1], r.PeakMB, r.Detail)
	}
	fmt.Fprintf(w, "\n%-64s %8s %8s\n", "ratio of medians", "is", "wanted")
	for _, t := range b.targets() {
		is, to := b.median(t.of, t.ofScale), b.median(t.to, t.ofScale)
		if t.otherwise != "" {
			to = max(to, b.median(t.otherwise, t.ofScale))
		}
		if is == 0 || to == 0 {
			fmt.Fprintf(w, "%-64s %8s\n", t.what, "not measured")
			continue
		}
		ratio, wanted, kept := is/to, fmt.Sprintf("<= %g", t.atMost), is/to <= t.atMost
		if t.atLeast > 0 {
			wanted, kept = fmt.Sprintf(">= %g", t.atLeast), ratio >= t.atLeast
		}
		fmt.Fprintf(w, "%-64s %8.2f %8s %s\n", t.what, ratio, wanted, verdict(kept))
	}
	for _, engine := range []string{"DuckDB", "PostgreSQL"} {
		land, build := "land into "+engine, "build on "+engine
		work := b.median(land, b.scale) + b.median(build, b.scale)
		checks := b.part(land, b.scale, "totals") + b.part(build, b.scale, "verdicts on rows") + b.part(build, b.scale, "checks and books")
		if what := "checks and books / land + build, " + engine; b.median(build, b.scale) == 0 || b.median(land, b.scale) == 0 {
			fmt.Fprintf(w, "%-64s %8s\n", what, "not measured")
		} else {
			fmt.Fprintf(w, "%-64s %8.2f %8s %s\n", what, checks/work, "<= 0.35", verdict(checks <= 0.35*work))
		}
	}
	b.printLandStep(w)
	b.printLives(w)
	b.printPages(w)
	for _, m := range []struct {
		name string
		most float64
	}{{"land into PostgreSQL", 100}, {"land into DuckDB", 500}} {
		if peak := b.peak(m.name); peak > 0 {
			fmt.Fprintf(w, "%-64s %8.0f %8s %s\n", m.name+", peak MB", peak, fmt.Sprintf("<= %g", m.most), verdict(peak <= m.most))
		}
	}
	if len(b.notes) > 0 {
		fmt.Fprintf(w, "\n%s\n", strings.Join(b.notes, "\n"))
	}
}

// printLandStep compares the step that a user sees, the source's totals in it, with the stock client's read.
func (b *bench) printLandStep(w io.Writer) {
	for _, engine := range []string{"DuckDB", "PostgreSQL"} {
		what, step, read := "land step of a run into "+engine+" / read limit", b.part(wholeRun(engine), b.scale, "land step"),
			b.median("limit: stock client to nowhere", b.scale)
		if step == 0 || read == 0 {
			fmt.Fprintf(w, "%-64s %8s\n", what, "not measured")
			continue
		}
		fmt.Fprintf(w, "%-64s %8.2f %8s %s\n", what, step/read, "<= 1.4", verdict(step <= 1.4*read))
	}
}

// printLives compares the tables of lifecycles with what they replace, as the data doubles, and on two engines.
func (b *bench) printLives(w io.Writer) {
	const replaced = "those that were written by hand"
	ratio := func(what string, is, to, most float64) {
		if is == 0 || to == 0 {
			fmt.Fprintf(w, "%-64s %8s\n", what, "not measured")
			return
		}
		fmt.Fprintf(w, "%-64s %8.2f %8s %s\n", what, is/to, fmt.Sprintf("<= %g", most), verdict(is <= most*to))
	}
	ratio("tables of lifecycles / the same written by hand", b.part(generated, b.scale, replaced), b.part(handwritten, b.scale, replaced), 1.2)
	ratio("tables of lifecycles, DuckDB / PostgreSQL", b.median(generated, b.scale), b.median(onPostgres, b.scale), 0.4)
	scales := b.lifeScales()
	for i := 1; i < len(scales); i++ {
		ratio(fmt.Sprintf("tables of lifecycles, scale %g / scale %g", scales[i], scales[i-1]), b.median(generated, scales[i]),
			b.median(generated, scales[i-1]), 2.3)
	}
}

func verdict(kept bool) string {
	if kept {
		return "kept"
	}
	return "MISSED"
}
