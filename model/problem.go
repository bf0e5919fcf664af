package model

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"lifeline/change"
	"lifeline/jinja"
)

// fault is what a name of ours (ref, var, …) had to complain about while a file was rendered.
type fault struct {
	err  error
	try  string
	word string // What to look for in the call, to say the column.
}

func (f *fault) Error() string { return f.err.Error() }

func (f *fault) Unwrap() error { return f.err }

// quote marks a word as one that stands in quotes in the file.
func quote(word string) string { return "'" + word + "'" }

// Names of dbt that a file may use there and not here, and what to do instead.
var unsupported = map[string]string{
	"run_query":          "write the query as a model of its own and ref() it",
	"statement":          "write the query as a model of its own and ref() it",
	"load_result":        "write the query as a model of its own and ref() it",
	"store_result":       "write the query as a model of its own and ref() it",
	"graph":              "name the models by ref()",
	"modules":            "write the value as a variable in dbt_project.yml, or compute it in SQL",
	"api":                "write SQL that is the same on every engine",
	"dbt_expectations":   "dbt deps brings its macros; its tests are built in",
	"snapshot":           "history keeps every earlier version of a source's rows",
	"materialization":    "there are table, view, ephemeral and incremental",
	"docs":               "put the block into a file that ends in .md",
	"run_started_at":     "{{ var('snapshot_at') }} is when the source was read and {{ var('as_of') }} the end of the last business day in it",
	"invocation_id":      "a build gives the same rows each time; the runs are in ops.runs",
	"dbt_version":        "write SQL that is the same on every engine",
	"flags":              "is_incremental() says whether rows are added to those of the version before",
	"selected_resources": "a model's SQL must not depend on what is selected",
	"database_schemas":   "name the models by ref()",
	"schemas":            "name the models by ref()",
	"pre_hooks":          "hooks are not supported",
	"post_hooks":         "hooks are not supported",
	"include":            "define a macro in a file of macros/",
	"import":             "macros of macros/ are known everywhere",
	"from":               "macros of macros/ are known everywhere",
	"extends":            "define a macro in a file of macros/",
	"block":              "define a macro in a file of macros/",
}

// problem turns an error of rendering into the user's: file, line, column, what, and what to try. Within a macro the place is the
// macro's, and the message tells who called it.
func (r *renderer) problem(err error) error {
	var done *change.Problem
	if errors.As(err, &done) {
		return done
	}
	var e *jinja.Error
	if !errors.As(err, &e) {
		return err
	}
	p := &change.Problem{Err: e.Err, Where: e.Pos.String(), Class: change.ClassUsage, Try: cmp.Or(e.Try, "look at the braces and names there")}
	if e.Syntax && e.Name == "" {
		p.Err = fmt.Errorf("broken Jinja: %w", e.Err)
	}
	if try, ok := unsupported[e.Name]; ok && e.Name != "" {
		p.Err, p.Try = fmt.Errorf("%s is not supported", e.Name), try
	} else if e.Name != "" && e.Try == "" {
		p.Try = "{{ var('" + e.Name + "') }} for a variable, or define a macro of that name"
	}
	var f *fault
	if errors.As(e.Err, &f) {
		p.Err, p.Try = f.err, f.try
		if at := within(e.Text, f.word); at > 0 {
			p.Where = moved(e.Pos, e.Text[:at]).String()
		}
	}
	if len(e.Calls) > 0 {
		p.Err = fmt.Errorf("%w (called at %s)", p.Err, e.Calls[len(e.Calls)-1])
	}
	return p
}

// moved is the place after some text.
func moved(p jinja.Pos, text string) jinja.Pos {
	if n := strings.Count(text, "\n"); n > 0 {
		p.Line, p.Column = p.Line+n, len(text)-strings.LastIndexByte(text, '\n')
		return p
	}
	p.Column += len(text)
	return p
}

// within is the offset of a word, or of one in double quotes, in a text; -1 where it does not stand there.
func within(text, word string) int {
	if word == "" {
		return -1
	}
	for _, form := range []string{word, strings.ReplaceAll(word, "'", `"`)} {
		for at := 0; at < len(text); {
			n := strings.Index(text[at:], form)
			if n < 0 {
				break
			}
			if standsAlone(text, at+n, len(form)) {
				return at + n
			}
			at += n + 1
		}
	}
	return -1
}

// standsAlone says whether the word at an offset is not a part of a longer one.
func standsAlone(text string, at, length int) bool {
	letter := func(i int) bool {
		if i < 0 || i >= len(text) {
			return false
		}
		c := text[i]
		return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	return !letter(at-1) && !letter(at+length)
}

// lineColumn is where an offset stands, both from 1.
func lineColumn(text string, at int) (line, column int) {
	before := text[:at]
	return strings.Count(before, "\n") + 1, at - strings.LastIndexByte(before, '\n')
}
