package main

import (
	"fmt"
	"strconv"
	"strings"

	"lifeline/change"
	"lifeline/trace"
)

func textOr(text *string, null string) string {
	if text == nil {
		return null
	}
	return *text
}

// seen is a text as it landed, in quotes where an eye would miss something of it.
func seen(text *string) string {
	if text != nil && (*text == "" || strconv.Quote(*text) != `"`+*text+`"` || strings.TrimSpace(*text) != *text) {
		return strconv.Quote(*text)
	}
	return textOr(text, "null")
}

// printChain prints the way of a row, step by step.
func printChain(t terminal, c *trace.Chain) {
	fmt.Fprintf(t.out, "version %d\n", c.Version)
	for _, s := range c.Steps {
		fmt.Fprintf(t.out, "\n%s  %s\n", t.bold(s.Table), s.Via)
		if s.File != "" {
			fmt.Fprintf(t.out, "  made by %s\n", s.File)
		}
		printRow(t, s.Row)
	}
	if c.Note != "" {
		fmt.Fprintf(t.out, "\n%s\n", c.Note)
	}
	printRepairs(t, c.Repairs)
	printPast(t, c)
	printRelated(t, "names", c.Parents)
	printRelated(t, "has", c.Children)
	printRelated(t, "is made of", c.MadeOf)
}

func printRow(t terminal, row trace.Row) {
	wide := 0
	for _, v := range row {
		wide = max(wide, len(v.Column))
	}
	for _, v := range row {
		fmt.Fprintf(t.out, "  %-*s  %s\n", wide, v.Column, textOr(v.Text, "null"))
	}
}

// printRepairs shows the cells that are not as the source has them.
func printRepairs(t terminal, repairs []trace.Repair) {
	var rows [][]string
	for _, r := range repairs {
		if r.Basis != "source" {
			rows = append(rows, []string{r.Column, textOr(r.Value, "null"), r.Basis, seen(r.Raw), strings.Join(r.Rules, "; ")})
		}
	}
	if len(rows) > 0 {
		fmt.Fprintf(t.out, "\n%s\n", t.bold("not as the source has it"))
		grid(t.out, []string{"column", "value", "basis", "landed as", "what runs do to such cells"}, rows)
	} else if len(repairs) > 0 {
		fmt.Fprintf(t.out, "\nEvery cell with a basis is as the source has it.\n")
	}
}

func printPast(t terminal, c *trace.Chain) {
	if len(c.History) > 0 {
		fmt.Fprintf(t.out, "\n%s\n", t.bold("earlier versions of the source's row"))
		var rows [][]string
		for _, p := range c.History {
			var changes []string
			for _, x := range p.Changes {
				changes = append(changes, fmt.Sprintf("%s: %s, then %s", x.Column, textOr(x.Was, "null"), textOr(x.Became, "null")))
			}
			rows = append(rows, []string{p.Op, textOr(p.From, ""), textOr(p.To, ""), textOr(p.Run, ""), strings.Join(changes, "; ")})
		}
		grid(t.out, []string{"op", "valid from", "valid to", "run", "what changed after it"}, rows, "run")
	}
	if len(c.Runs) > 0 {
		fmt.Fprintf(t.out, "\n%s\n", t.bold("read by"))
		var rows [][]string
		for _, r := range c.Runs {
			rows = append(rows, []string{
				r.ID, textOr(r.Command, ""), textOr(r.Status, ""), textOr(r.Started, ""), textOr(r.Version, ""),
				textOr(r.At, ""),
			})
		}
		grid(t.out, []string{"run", "command", "status", "started", "version", "position"}, rows, "run", "version")
	}
}

func printRelated(t terminal, verb string, related []trace.Related) {
	for _, r := range related {
		keys := strings.Join(r.Keys, ", ")
		if int64(len(r.Keys)) < r.Rows {
			keys += ", …"
		}
		rows := "rows"
		if r.Rows == 1 {
			rows = "row"
		}
		fmt.Fprintf(t.out, "\n%s %s %s of %s (%s)", verb, count(r.Rows), rows, t.bold(r.Table), r.Column)
		if r.Rows > 0 {
			fmt.Fprintf(t.out, ": %s\n  lifeline trace %s %s", keys, change.ShellWord(r.Table), change.ShellWord(r.Keys[0]))
		}
		fmt.Fprintln(t.out)
	}
}

// figureColumns are those that people tell figures apart by, and what they say.
var figureColumns = []string{
	"period", "program_id", "provider_id", "currency", "measure", "part", "basis", "value", "n", "numerator",
	"denominator", "excluded", "excluded_share",
}

func printFigures(t terminal, all tracedFigures) {
	var columns []string
	for _, c := range figureColumns {
		for _, f := range all.Figures {
			if f.Get(c) != nil {
				columns = append(columns, c)
				break
			}
		}
	}
	var rows [][]string
	for _, f := range all.Figures {
		row := make([]string, len(columns))
		for i, c := range columns {
			row[i] = textOr(f.Get(c), "")
		}
		rows = append(rows, row)
	}
	fmt.Fprintf(t.out, "%s, version %d\n", t.bold(all.Model), all.Version)
	grid(t.out, columns, rows, "value", "n", "numerator", "denominator", "excluded", "excluded_share")
	if len(all.Behind) == 0 {
		fmt.Fprintf(t.err, "%s figures match; their records are listed for up to %d: --month, --program, --provider, --currency, --measure, "+
			"--part, --basis\n",
			count(int64(len(all.Figures))), listedFigures)
		return
	}
	for _, b := range all.Behind {
		printBehind(t, b)
	}
}

func printBehind(t terminal, b *trace.Behind) {
	var which []string
	for _, c := range []string{"measure", "period", "program_id", "provider_id", "currency", "part", "basis"} {
		if text := b.Figure.Get(c); text != nil {
			which = append(which, strings.TrimSuffix(c, "_id")+" "+*text)
		}
	}
	fmt.Fprintf(t.out, "\n%s = %s\n", t.bold(strings.Join(which, ", ")), textOr(b.Figure.Get("value"), "null"))
	if len(b.Sets) == 0 {
		fmt.Fprintln(t.out, "  made of other figures of this table, not of records")
	}
	for _, s := range b.Sets {
		fmt.Fprintf(t.out, "  %s: %s in the numerator, %s in n, %s left out", s.Of, count(s.Hits), count(s.N), count(s.LeftOut))
		if s.Divide > 0 {
			fmt.Fprintf(t.out, ", %s in the denominator alone", count(s.Divide))
		}
		fmt.Fprintln(t.out)
		for _, r := range s.Records {
			fmt.Fprintf(t.out, "    %s  %s\n", r.Key, strings.Join(roles(r), ", "))
		}
		if more := s.Total - int64(len(s.Records)); more > 0 {
			fmt.Fprintf(t.out, "    and %s more; --limit 0 lists all\n", count(more))
		}
	}
	if !b.Agrees {
		fmt.Fprintf(t.out, "  These records do not add up to the published figure (n %s, numerator %s, excluded %s): the project has changed "+
			"since that version was built. Try: lifeline run\n",
			b.Rows, b.Numerator, b.Excluded)
	}
}

// roles say where a record counts.
func roles(r trace.Record) []string {
	var out []string
	if r.Hit {
		out = append(out, "numerator + "+r.Adds)
	}
	if r.Counted {
		out = append(out, "n")
	}
	if r.LeftOut {
		out = append(out, "left out")
	}
	if len(out) == 0 {
		out = append(out, "denominator + "+r.Adds)
	}
	return out
}
