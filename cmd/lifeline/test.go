package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"lifeline/change"
	"lifeline/modeltest"
	"lifeline/project"
)

type testCommand struct {
	Names []string `arg:"" optional:"" placeholder:"NAMES" help:"Only the unit tests of these names or of these models."`
}

func (testCommand) Help() string {
	return `Runs the unit tests of models (dbt's unit_tests: given rows, expected rows) in an engine in memory. No source and no
warehouse is touched. For the checks of a warehouse's data see lifeline check.

Examples:
  lifeline test
  lifeline test claims
  lifeline test --json`
}

func (c *testCommand) Run(ctx context.Context, g *Globals) error {
	p, err := g.load()
	if err != nil {
		return err
	}
	want, err := c.wanted(p)
	if err != nil {
		return err
	}
	results := []modeltest.Result{}
	if err := modeltest.Run(ctx, p, want, func(r modeltest.Result) {
		results = append(results, r)
		if !g.JSON {
			printUnit(g.terminal, r)
		}
	}); err != nil {
		return err
	}
	failed := 0
	for _, r := range results {
		if r.Status != modeltest.Pass {
			failed++
		}
	}
	if g.JSON {
		if err := writeJSON(g.terminal.out, results); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(g.terminal.out, "%d unit tests, %d passed, %d failed\n", len(results), len(results)-failed, failed)
	}
	if failed > 0 {
		return &toldError{fmt.Errorf("%d unit tests failed", failed)}
	}
	return nil
}

// wanted chooses tests by their own names and by their models'.
func (c *testCommand) wanted(p *project.Project) (func(*project.UnitTest) bool, error) {
	if len(c.Names) == 0 {
		return func(*project.UnitTest) bool { return true }, nil
	}
	wanted := map[string]bool{}
	for _, name := range c.Names {
		var known []string
		found := false
		for _, t := range p.UnitTests {
			found = found || t.Name == name || t.Model == name
			known = append(known, t.Name, t.Model)
		}
		if !found {
			try := project.Nearest(name, known)
			if try == "" {
				try = "lifeline test, for all of them"
			}
			return nil, &change.Problem{Err: errors.New("there is no unit test and no tested model " + name), Try: try, Class: change.ClassUsage}
		}
		wanted[name] = true
	}
	return func(t *project.UnitTest) bool { return wanted[t.Name] || wanted[t.Model] }, nil
}

func printUnit(t terminal, r modeltest.Result) {
	switch r.Status {
	case modeltest.Pass:
		fmt.Fprintf(t.out, "pass   %s  (%.2f s)\n", r.Name, r.Seconds)
	case modeltest.Error:
		fmt.Fprintf(t.out, "%s  %s  %s\n       %s\n", t.red("error"), r.Name, r.Where, strings.ReplaceAll(r.Error, "\n", "\n       "))
	default:
		fmt.Fprintf(t.out, "%s   %s  %s\n", t.red("fail"), r.Name, r.Where)
		printDifference(t.out, r)
	}
}

// printDifference shows the rows that differ under each other, expected ones with a minus, those that came instead with a plus.
func printDifference(w io.Writer, r modeltest.Result) {
	lines := [][]string{append([]string{" "}, r.Columns...)}
	for _, row := range r.Missing {
		lines = append(lines, append([]string{"-"}, row...))
	}
	for _, row := range r.Surplus {
		lines = append(lines, append([]string{"+"}, row...))
	}
	width := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	fmt.Fprintf(w, "       - %d expected rows are missing, + %d rows are not expected\n", len(r.Missing), len(r.Surplus))
	for _, line := range lines {
		var b strings.Builder
		for i, cell := range line {
			b.WriteString(cell + strings.Repeat(" ", width[i]-len([]rune(cell))+2))
		}
		fmt.Fprintf(w, "       %s\n", strings.TrimRight(b.String(), " "))
	}
}
