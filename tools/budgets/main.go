// Budgets checks what no general linter knows about this project: how long files and functions may
// be, which package may import which, and the project's own rules of style and safety. It reads
// the source only, compiles nothing, and prints every breach with its place and the mend.
//
//	go run ./tools/budgets [DIR]
//
// A rule that must be broken in one place is waived there by a comment on the same line or the line
// above, with a reason: `// budgets: allow RULE: because ...`.
package main

import (
	"fmt"
	"io"
	"os"
	"sort"
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	breaches, err := check(root)
	if err != nil {
		fmt.Fprintf(os.Stderr, "Error: %v\n", err)
		os.Exit(1)
	}
	if len(breaches) > 0 {
		report(os.Stdout, breaches)
		os.Exit(1)
	}
}

// breach is one broken rule: where, what, and how to mend it.
type breach struct {
	file string // relative to the root, with slashes
	line int    // from 1; 0 means the file or folder as a whole
	rule string // the name that a waiver uses
	what string
	mend string
}

// check applies every rule to the tree under root; breaches come in order of place.
func check(root string) ([]breach, error) {
	t, err := readTree(root)
	if err != nil {
		return nil, err
	}
	var all []breach
	for _, rules := range []func(*tree) []breach{sizes, imports, words, docs, money} {
		all = append(all, rules(t)...)
	}
	var kept []breach
	for _, b := range all {
		if !t.waived(b) {
			kept = append(kept, b)
		}
	}
	kept = append(kept, t.badWaivers...)
	sort.SliceStable(kept, func(i, j int) bool {
		if kept[i].file != kept[j].file {
			return kept[i].file < kept[j].file
		}
		return kept[i].line < kept[j].line
	})
	return kept, nil
}

func report(w io.Writer, breaches []breach) {
	for _, b := range breaches {
		place := b.file
		if b.line > 0 {
			place = fmt.Sprintf("%s:%d", b.file, b.line)
		}
		fmt.Fprintf(w, "%s: %s (%s)\n\tTry: %s\n", place, b.what, b.rule, b.mend)
	}
	fmt.Fprintf(w, "%d breaches of the budgets\n", len(breaches))
}
