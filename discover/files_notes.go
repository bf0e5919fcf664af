package discover

import (
	"fmt"
	"strings"
)

// notes is init.md: what was found, why it is believed, what was left out, what a person should say.
func (w *plan) notes(o Project) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# What was found in %s\n\nServer %s, %d tables, %d of them with rows. Written by `lifeline init`; nothing here is "+
		"read again, so the text may be deleted.\n\n",
		w.Catalog.Name, orElse(w.Catalog.Server, "a folder of CSV files"), len(w.Catalog.Tables), w.withRows())
	b.WriteString("High: declared, or name, type and values agree. Medium: name and type. Low guesses are not in force; they stand here " +
		"and as comments.\n\n")
	w.noteRecords(&b)
	w.noteList(&b, "What a person should say", w.Questions())
	w.noteKeys(&b)
	section(&b, "Dates", len(w.Dates), func(i int) Guess { return w.Dates[i].Guess })
	section(&b, "Money", len(w.Money), func(i int) Guess { return w.Money[i].Guess })
	masked := func(list []Sensitive) func(int) Guess {
		return func(i int) Guess {
			g := list[i].Guess
			g.What += "; proposed mask: " + list[i].Mask
			return g
		}
	}
	section(&b, "Personal data", len(w.Personal), masked(w.Personal))
	section(&b, "Secrets", len(w.Secrets), masked(w.Secrets))
	section(&b, "Personal beside other columns", len(w.Further), masked(w.Further))
	section(&b, "Times that are counted since 1970", len(w.Unix), func(i int) Guess { return w.Unix[i].Guess })
	section(&b, "Columns that may be shifted", len(w.Shifted), func(i int) Guess { return w.Shifted[i].Guess })
	section(&b, "Rows that count no more", len(w.Deletes), func(i int) Guess { return w.Deletes[i].Guess })
	section(&b, "Logs", len(w.Logs), func(i int) Guess { return w.Logs[i].Guess })
	section(&b, "Keys into several tables", len(w.Polymorphic), func(i int) Guess { return w.Polymorphic[i].Guess })
	section(&b, "Left out", len(w.LeftOut), func(i int) Guess { return w.LeftOut[i].Guess })
	var empty []string
	for _, t := range w.tables {
		if t.model == "" {
			empty = append(empty, t.t.Name)
		}
	}
	if len(empty) > 0 {
		fmt.Fprintf(&b, "## Empty tables\n\nThey land, and have no core model until they have rows; `lifeline init --update` adds it then: "+
			"%s.\n\n", strings.Join(empty, ", "))
	}
	w.noteList(&b, "What was not looked at", w.Profile.Notes)
	return b.String()
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (w *plan) withRows() int {
	n := 0
	for _, t := range w.Catalog.Tables {
		if s := w.Profile.Tables[t.Name]; s != nil && s.Rows > 0 {
			n++
		}
	}
	return n
}

func (w *plan) noteRecords(b *strings.Builder) {
	b.WriteString("## Records with a life\n\n")
	if len(w.records) == 0 {
		b.WriteString("None. No table has a column of states, or an end date that some rows have and others have not, with enough around it. " +
			"Tables, checks and table pages were made; no life was invented.\n\n")
		return
	}
	for _, pr := range w.records {
		r := pr.r
		fmt.Fprintf(b, "### %s (`%s`): %s\n\n%s.\n\n", heading(r.Name), r.Table, r.Confidence, r.Evidence)
		b.WriteString("| state | in the source | rows | means | because |\n|---|---|---|---|---|\n")
		for _, s := range r.States {
			fmt.Fprintf(b, "| %s | `%s` | %d | %s | %s |\n", s.Name, cell(s.Raw), s.Rows, s.Meaning, cell(s.Evidence))
		}
		b.WriteString("\n")
		if r.Log != nil {
			fmt.Fprintf(b, "Its changes: `%s` (%s): %s.\n\n", r.Log.Table, r.Log.Confidence, r.Log.Evidence)
		} else {
			b.WriteString("No table tells its changes; from the first run on, history keeps them.\n\n")
		}
		if r.Steps != nil {
			w.noteSteps(b, r.Steps)
		}
	}
}

// noteSteps says what may follow each state, and why.
func (w *plan) noteSteps(b *strings.Builder, s *Steps) {
	fmt.Fprintf(b, "Which state may follow which (%s): %s.", s.Confidence, s.Evidence)
	if len(s.Next) > 0 {
		b.WriteString(" A step that is not among them is a warning, and stays:\n\n")
		for _, from := range sortedKeys(s.Next) {
			fmt.Fprintf(b, "- %s → %s\n", from, orElse(strings.Join(s.Next[from], ", "), "nothing"))
		}
	}
	b.WriteString("\n\n")
}

func cell(s string) string { return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s) }

func (w *plan) noteKeys(b *strings.Builder) {
	var low []Guess
	fmt.Fprintf(b, "## Keys (%d)\n\n| key | confidence | evidence |\n|---|---|---|\n", len(w.Keys))
	for _, k := range w.Keys {
		if k.Confidence == Low {
			low = append(low, k.Guess)
			continue
		}
		fmt.Fprintf(b, "| `%s.%s` → `%s.%s` | %s | %s |\n", k.Table, k.Column, k.Parent, k.Key, k.Confidence, cell(k.Evidence))
	}
	b.WriteString("\n")
	if len(low) > 0 {
		b.WriteString("Not in force:\n\n")
		for _, g := range low {
			fmt.Fprintf(b, "- %s? %s.\n", g.What, g.Evidence)
		}
		b.WriteString("\n")
	}
}

func section(b *strings.Builder, title string, n int, of func(int) Guess) {
	if n == 0 {
		return
	}
	fmt.Fprintf(b, "## %s (%d)\n\n", title, n)
	for i := range n {
		g := of(i)
		fmt.Fprintf(b, "- %s (%s): %s.\n", g.What, g.Confidence, g.Evidence)
	}
	b.WriteString("\n")
}

func (w *plan) noteList(b *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "## %s\n\n", title)
	for _, l := range lines {
		fmt.Fprintf(b, "- %s\n", l)
	}
	b.WriteString("\n")
}

// Questions are what only a person can say.
func (p *Proposal) Questions() []string {
	var out []string
	if p.TimeZone == "" {
		out = append(out, "Which zone are the source's DATETIME values in? UTC is assumed: `source.time_zone` in lifeline.yml.")
	}
	for i := range p.Records {
		r := &p.Records[i]
		if p.Empty(r.Table) {
			continue
		}
		var unknown []string
		for _, s := range r.States {
			if s.Meaning == Unknown {
				unknown = append(unknown, s.Raw)
			}
		}
		if len(unknown) > 0 {
			out = append(out, fmt.Sprintf("What do these values of %s.%s mean: %s? Say open, decided or void in lifecycles/%s.yml, and their "+
				"names in seeds/status_map.csv.", r.Table, r.State, strings.Join(unknown, ", "), r.Name))
		}
	}
	without := 0
	for _, m := range p.Money {
		if m.Currency == "" && m.Confidence != Low {
			without++
		}
	}
	if without > 0 && p.Currency == "" {
		out = append(out, fmt.Sprintf("Which currency are the amounts in that have none beside them (%d columns)? `lifeline init --currency "+
			"KES` says it.",
			without))
	}
	return out
}
