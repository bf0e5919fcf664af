package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lifeline/quality"
	"lifeline/run"
)

// printReport prints a run: JSON on stdout with --json, on failure too; else a short page. It returns the run's error, marked as
// told when it has been shown.
func (g *Globals) printReport(r *run.Report, err error) error {
	if g.JSON {
		if e := writeJSON(g.terminal.out, r); e != nil {
			return e
		}
		if err != nil {
			printFailure(g.terminal.err, g.terminal, describe(err))
			return &toldError{err}
		}
		return nil
	}
	if r.Status != run.Failed {
		g.printTables(r)
		g.printChecks(r)
	}
	if err != nil {
		return err
	}
	g.printEnd(r)
	return nil
}

func (g *Globals) printTables(r *run.Report) {
	if len(r.Tables) == 0 || r.Status == run.Unchanged {
		return
	}
	var rows [][]string
	for _, t := range r.Tables {
		rows = append(rows, []string{
			t.Name, count(t.Read), count(t.Inserted), count(t.Updated), count(t.Deleted),
			count(t.Repaired), count(t.Quarantined), count(t.Published),
		})
	}
	headers := []string{"table", "read", "inserted", "updated", "deleted", "repaired cells", "quarantined", "published"}
	fmt.Fprintln(g.terminal.out)
	grid(g.terminal.out, headers, rows, headers[1:]...)
}

// printChecks shows only the checks that warned or failed; all of them stand in ops.check_results.
func (g *Globals) printChecks(r *run.Report) {
	if len(r.Checks) == 0 {
		return
	}
	counts := map[string]int{}
	var findings []run.CheckReport
	var resolved, stale []string
	newest := ""
	for _, c := range r.Checks {
		if c.Change == string(quality.Resolved) {
			resolved = append(resolved, c.Name)
		}
		counts[c.Status]++
		table, fresh := strings.CutPrefix(c.Name, "source_freshness_")
		switch {
		case c.Status == "pass" || c.Status == "not_applicable":
		case fresh && c.Status == "warn":
			stale = append(stale, table)
			newest = max(newest, c.Detail)
		default:
			findings = append(findings, c)
		}
	}
	fmt.Fprintln(g.terminal.out)
	g.printFindings(findings)
	if len(stale) > 0 {
		fmt.Fprintf(g.terminal.out, "not fresh: %s; %s\n", strings.Join(stale, ", "), newest)
	}
	if len(resolved) > 0 {
		fmt.Fprintf(g.terminal.out, "resolved since the run before: %s\n", strings.Join(resolved, ", "))
	}
	failed := len(r.Checks) - counts["pass"] - counts["warn"] - counts["not_applicable"]
	fmt.Fprintf(g.terminal.out, "%d checks passed, %d warned, %d failed, %d do not apply\n",
		counts["pass"], counts["warn"], failed, counts["not_applicable"])
	g.printLeftOut(r)
	balanced := 0
	for _, b := range r.Books {
		if b.Balances {
			balanced++
		}
	}
	fmt.Fprintf(g.terminal.out, "%d of %d equations of the books balance\n", balanced, len(r.Books))
}

// printFindings prints the checks that warned or failed; the demo shows those with the most failing rows.
func (g *Globals) printFindings(findings []run.CheckReport) {
	if len(findings) == 0 {
		return
	}
	more := 0
	if g.mostFindings > 0 && len(findings) > g.mostFindings {
		slices.SortStableFunc(findings, func(a, b run.CheckReport) int {
			return cmp.Or(cmp.Compare(a.Status, b.Status), cmp.Compare(b.Failing, a.Failing))
		})
		more = len(findings) - g.mostFindings
		findings = findings[:g.mostFindings]
	}
	var rows [][]string
	for _, c := range findings {
		rows = append(rows, []string{c.Status, since(c), c.Name, count(c.Failing), ofTested(c)})
	}
	grid(g.terminal.out, []string{"check", "since", "name", "failing", "of"}, rows, "failing", "of")
	for _, c := range findings {
		if c.Detail != "" {
			fmt.Fprintln(g.terminal.out, " "+c.Name+": "+c.Detail)
		}
	}
	if more > 0 {
		fmt.Fprintf(g.terminal.out, " … and %d more, with fewer rows each; the dashboard's page Data quality has all\n", more)
	}
}

// ofTested is how many rows a check looked at; a query of the project's own does not say.
func ofTested(c run.CheckReport) string {
	if c.Tested == 0 {
		return ""
	}
	return count(c.Tested)
}

// printLeftOut says how much of what durations and KPIs could count they do not; a share is never rounded to nothing.
func (g *Globals) printLeftOut(r *run.Report) {
	if len(r.LeftOut) == 0 {
		return
	}
	fmt.Fprintln(g.terminal.out, "left out of durations and KPIs, as no true value is known:")
	for _, l := range r.LeftOut {
		n := l.Imputed + l.Missing
		share := fmt.Sprintf("%.1f %%", 100*float64(n)/float64(l.Of))
		if n*1000 < l.Of {
			share = "under 0.1 %"
		}
		fmt.Fprintf(g.terminal.out, "  %s.%s: %s of %s (%s)\n", l.Table, l.Column, count(n), count(l.Of), share)
	}
}

// since says whether a finding is new, or since which run it stands.
func since(c run.CheckReport) string {
	if c.Change == string(quality.New) {
		return "new"
	}
	return fmt.Sprintf("run %d", c.Since)
}

func (g *Globals) printEnd(r *run.Report) {
	t := g.terminal
	if n := len(r.Ignored); n > 0 {
		fmt.Fprintf(t.out, "note: without effect here: %s\n", summary(r.Ignored))
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(t.out, "note: %s\n", w)
	}
	took := seconds(r.EndedAt.Sub(r.StartedAt))
	switch r.Status {
	case run.Unchanged:
		fmt.Fprintf(t.out, "%s: nothing to do (%s); version %d stays published (run %d, %s)\n", t.green("unchanged"), r.Why, r.Version,
			r.RunID, took)
	case run.Checked:
		fmt.Fprintf(t.out, "%s: a run would publish this, as of %s (run %d, %s); nothing was changed\n", t.green("checked"), asOf(r),
			r.RunID, took)
	default:
		fmt.Fprintf(t.out, "%s version %d, as of %s (run %d, %s)\n", t.green(string(r.Status)), r.Version, asOf(r), r.RunID, took)
	}
}

func asOf(r *run.Report) string {
	if r.AsOf == nil {
		return "unknown"
	}
	text := timeText(*r.AsOf) + " UTC"
	if r.AsOfColumn != "" {
		text += " by " + r.AsOfColumn
	}
	return text
}

// printPlan prints what a dry run would do.
func (g *Globals) printPlan(p *run.PlanReport) error {
	if g.JSON {
		return writeJSON(g.terminal.out, p)
	}
	t := g.terminal
	fmt.Fprintf(t.out, "would read %d tables: %s\n", len(p.Tables), strings.Join(p.Tables, ", "))
	fmt.Fprintf(t.out, "would build %d models: %s\n", len(p.Models), strings.Join(p.Models, ", "))
	if len(p.Carried) > 0 {
		fmt.Fprintf(t.out, "would carry over %d: %s\n", len(p.Carried), strings.Join(p.Carried, ", "))
	}
	fmt.Fprintf(t.out, "would run %d checks, then publish the version after %d\n", p.Checks, p.Published)
	return nil
}

// summary joins the first of a list, and says how many more there are.
func summary(list []string) string {
	const shown = 3
	if len(list) <= shown {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more (lifeline doctor lists them)", strings.Join(list[:shown], ", "), len(list)-shown)
}
