package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lifeline/change"
)

// contract compares every table's columns with what the project agreed on. What only was added can be landed and is told; what
// went, changed its type or moved stops a run, because values would land under wrong names or not at all.
func contract(_ context.Context, t *Target) Result {
	if t.Trouble != nil {
		return Result{Status: Skipped, What: "the tables could not be looked at"}
	}
	var broken, told []string
	agreed := 0
	for i := range t.Tables {
		table := &t.Tables[i]
		if !table.Found || len(table.Contract) == 0 {
			continue
		}
		agreed++
		b, w := compare(table)
		broken, told = append(broken, b...), append(append(told, w...), table.Told...)
	}
	try := "have the source mended; or, if the change is meant, bring models/sources.yml up to date"
	switch {
	case len(broken) > 0:
		if slices.ContainsFunc(broken, func(b string) bool { return strings.Contains(b, "are shifted by") }) {
			try = "have the table loaded again; or map its columns back by meta.lifeline.shift: {after: …, by: 1} in models/sources.yml"
		}
		return Result{Status: Fail, What: strings.Join(append(broken, told...), "; "), Try: try, Class: change.ClassBlocked}
	case len(told) > 0:
		try := "bring models/sources.yml up to date"
		if slices.ContainsFunc(t.Tables, func(table Table) bool { return len(table.Told) > 0 }) {
			try = "have the table loaded again under its right names: what is lost comes back with it"
		}
		return Result{Status: Warn, What: strings.Join(told, "; "), Try: try}
	case agreed == 0:
		return Result{Status: Skipped, What: "no columns were agreed on"}
	}
	return Result{Status: OK, What: fmt.Sprintf("the columns of %d tables are as agreed", agreed)}
}

// compare names what differs between a table and its contract.
func compare(t *Table) (broken, told []string) {
	found, agreed := places(t.Columns), places(t.Contract)
	var added []string
	for _, c := range t.Columns {
		if _, ok := agreed[strings.ToLower(c.Name)]; !ok {
			added = append(added, c.Name)
		}
	}
	for _, c := range t.Contract {
		at, ok := found[strings.ToLower(c.Name)]
		if !ok {
			broken = append(broken, fmt.Sprintf("column %s of %s was removed", spelt(t, c.Name), t.Name))
			continue
		}
		is := t.Columns[at]
		if c.Type != "" && is.Type != "" && !change.SameType(is.Type, c.Type) {
			broken = append(broken, fmt.Sprintf("column %s of %s changed its type from %s to %s", is.Name, t.Name, c.Type, is.Type))
		}
	}
	moved := movements(t, found, agreed, added)
	if t.ByName {
		told = append(told, moved...)
	} else {
		broken = append(broken, moved...)
	}
	for _, name := range added {
		told = append(told, fmt.Sprintf("column %s of %s was added", name, t.Name))
	}
	return broken, told
}

func places(columns []Column) map[string]int {
	out := make(map[string]int, len(columns))
	for i, c := range columns {
		out[strings.ToLower(c.Name)] = i
	}
	return out
}

// spelt writes an agreed name in the table's own way, which is capitals where all its other names are.
func spelt(t *Table, name string) string {
	for _, c := range t.Columns {
		if c.Name != strings.ToUpper(c.Name) {
			return name
		}
	}
	return strings.ToUpper(name)
}

// movements names the columns that stand elsewhere. Where a new column pushed all that follow, that is said once.
func movements(t *Table, found, agreed map[string]int, added []string) []string {
	var moved []string
	for _, c := range t.Contract {
		name := strings.ToLower(c.Name)
		at, ok := found[name]
		if !ok || at == agreed[name] {
			continue
		}
		text := fmt.Sprintf("column %s of %s moved from %d to %d", t.Columns[at].Name, t.Name, agreed[name]+1, at+1)
		if by := at - agreed[name]; by > 0 && pushed(t, agreed, at) == by {
			if after, what := pushers(t, agreed, added, at); after != "" {
				if slices.ContainsFunc(moved, func(m string) bool { return strings.HasSuffix(m, what) }) {
					continue
				}
				text += fmt.Sprintf("; columns after %s are shifted by %s: %s", after, number(by), what)
			}
		}
		moved = append(moved, text)
	}
	return moved
}

// pushed counts the new columns before place at.
func pushed(t *Table, agreed map[string]int, at int) int {
	n := 0
	for _, c := range t.Columns[:at] {
		if _, ok := agreed[strings.ToLower(c.Name)]; !ok {
			n++
		}
	}
	return n
}

// pushers names the new columns before place at, and the column that they follow.
func pushers(t *Table, agreed map[string]int, added []string, at int) (after, what string) {
	var names []string
	for i, c := range t.Columns[:at] {
		if _, ok := agreed[strings.ToLower(c.Name)]; ok || !slices.Contains(added, c.Name) {
			continue
		}
		if len(names) == 0 && i > 0 {
			after = t.Columns[i-1].Name
		}
		names = append(names, c.Name)
	}
	verb := " was added"
	if len(names) > 1 {
		verb = " were added"
	}
	return after, strings.Join(names, ", ") + verb
}

func number(n int) string {
	if words := []string{"none", "one", "two", "three"}; n < len(words) {
		return words[n]
	}
	return fmt.Sprint(n)
}
