package model

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/parser"

	"lifeline/change"
)

// fault is what a name of ours (ref, var, …) had to complain about while a file was rendered.
type fault struct {
	err  error
	try  string
	word string // What to look for in the file, to say the column.
}

func (f *fault) Error() string { return f.err.Error() }

// quote marks a word as one that stands in quotes in the file.
func quote(word string) string { return "'" + word + "'" }

// keep remembers the first complaint and hands it to the template as an error.
func (f *fault) keep(err error, try, word string) *exec.Value {
	var deep *fault
	if f.err == nil && errors.As(err, &deep) {
		*f = *deep
	} else if f.err == nil {
		*f = fault{err, try, word}
	}
	return exec.AsValue(err)
}

// Names of dbt that a file may use there and not here, and what to do instead.
var unsupported = map[string]string{
	"run_query":        "write the query as a model of its own and ref() it",
	"statement":        "write the query as a model of its own and ref() it",
	"load_result":      "write the query as a model of its own and ref() it",
	"store_result":     "write the query as a model of its own and ref() it",
	"adapter":          "call the macro by its own name, and write SQL that is the same on every engine",
	"graph":            "name the models by ref()",
	"builtins":         "call ref(), source() or var() by its own name",
	"return":           "let the macro write its text: what stands in it is its value",
	"modules":          "write the value as a variable in dbt_project.yml, or compute it in SQL",
	"api":              "write SQL that is the same on every engine",
	"dbt":              "write SQL that is the same on every engine; cast() and extract() are",
	"dbt_utils":        "write it out in SQL, or add a macro of your own; of packages only the tests are known",
	"dbt_expectations": "write it out in SQL, or add a macro of your own; of packages only the tests are known",
	"dbt_date":         "write it out in SQL, or add a macro of your own; of packages only the tests are known",
	"snapshot":         "history keeps every earlier version of a source's rows",
	"materialization":  "there are table, view, ephemeral and incremental",
	"docs":             "write descriptions into the YAML file",
}

var (
	atLine      = regexp.MustCompile(`at line (\d+): `)
	notDefined  = regexp.MustCompile(`Unable to evaluate name "(\w+)"`)
	notCallable = regexp.MustCompile(`(?:^|[: ])(\w+) is not callable`)
	noBlock     = regexp.MustCompile(`ControlStructure '(\w+)' not found`)
	noFilter    = regexp.MustCompile(`filter '(\w+)' not found`)
	noAttribute = regexp.MustCompile(`Unable to evaluate (\S+): attribute '(\w+)' not found`)
	noArgument  = regexp.MustCompile(`macro '(\w+)' failed to evaluate 'parameter "(\w+)" was not provided'`)
	wrappers    = regexp.MustCompile(`^(?:unable to execute template: |Unable to [a-z]+ (?:controlStructure|expression|condition)(?: "\w+"| at line \d+)?: |call\(.*?\}?\]\): |\w+ControlStructure\(.*?\): |invalid call to (?:function|method) '\w+'(?: of \S+)?: |Unable to execute macro '\w+': )`)
)

// raised marks the text of exceptions.raise_compiler_error.
const raised = "\x01"

// explain turns gonja's message into ours: what is wrong, what to try, and the word to look for in the file.
func explain(text string) fault {
	if i := strings.LastIndex(text, raised); i >= 0 {
		return fault{errors.New(text[i+len(raised):]), "see the macro there for what it wants", ""}
	}
	for _, form := range []*regexp.Regexp{notDefined, notCallable, noBlock} {
		m := form.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		if try, ok := unsupported[m[1]]; ok {
			return fault{fmt.Errorf("%s is not supported", m[1]), try, m[1]}
		}
		switch form {
		case notDefined:
			return fault{fmt.Errorf("%q is not defined", m[1]), "{{ var('" + m[1] + "') }} for a variable, or define a macro of that name", m[1]}
		case notCallable:
			return fault{fmt.Errorf("there is no macro %q", m[1]), "define it in a file of macros/", m[1]}
		}
		return fault{fmt.Errorf("{%% %s %%} is not known here", m[1]), "there are if, for, set, macro, call, filter, do, with and raw", m[1]}
	}
	if m := noAttribute.FindStringSubmatch(text); m != nil {
		return fault{fmt.Errorf("%s does not exist", m[1]), "see docs/projects.md for the names that a model may use", m[1]}
	}
	if m := noFilter.FindStringSubmatch(text); m != nil {
		return fault{fmt.Errorf("there is no filter %q", m[1]), "see the filters of Jinja 2", m[1]}
	}
	if m := noArgument.FindStringSubmatch(text); m != nil {
		return fault{fmt.Errorf("macro %q is called without its argument %q", m[1], m[2]), "give it, or a default in the macro", m[1]}
	}
	if all := atLine.FindAllStringIndex(text, -1); all != nil {
		text = text[all[len(all)-1][1]:]
	}
	for {
		shorter := wrappers.ReplaceAllString(text, "")
		if shorter == text {
			break
		}
		text = shorter
	}
	return fault{err: errors.New(strings.TrimSuffix(strings.TrimSpace(text), ".")), try: "look at the braces and names there"}
}

// problem turns an error of rendering into the user's: file, line, column, what, and what to try. Within a macro the place is the
// macro's, and the message tells who called it.
func (r *renderer) problem(path, sql string, f *fault, err error) error {
	var done *change.Problem
	if errors.As(err, &done) {
		return done
	}
	var syntax *parser.SyntaxError
	if errors.As(err, &syntax) {
		return r.syntaxProblem(path, sql, syntax)
	}
	text := err.Error()
	var lines []int
	for _, m := range atLine.FindAllStringSubmatch(text, -1) {
		if n, e := strconv.Atoi(m[1]); e == nil {
			lines = append(lines, n)
		}
	}
	if f.err == nil {
		*f = explain(text)
	}
	if f.word == "" && len(lines) > 0 {
		r.nameUnsupported(path, sql, lines[len(lines)-1], f)
	}
	p := &change.Problem{Err: f.err, Where: path, Class: change.ClassUsage, Try: f.try}
	if len(lines) == 0 {
		p.Where = r.place(path, sql, r.lines+1, f.word)
		return p
	}
	p.Where = r.place(path, sql, lines[len(lines)-1], f.word)
	if outer := lines[0]; outer > r.lines && lines[len(lines)-1] <= r.lines {
		p.Err = fmt.Errorf("%w (called at %s)", f.err, r.place(path, sql, outer, ""))
	}
	return p
}

// syntaxProblem names a fault in the template's own grammar. The library knows its place only sometimes.
func (r *renderer) syntaxProblem(path, sql string, s *parser.SyntaxError) error {
	p := &change.Problem{Class: change.ClassUsage}
	found := explain(s.Message)
	p.Err, p.Try = fmt.Errorf("broken Jinja: %w", found.err), found.try
	if noBlock.MatchString(s.Message) {
		p.Err = found.err
	}
	tags, open := scan(sql)
	at := open
	switch {
	case open >= 0:
		p.Err, p.Try = errors.New("braces that are not closed"), "close them: "+sql[open:open+2]+" … "+map[byte]string{'{': "}}", '%': "%}", '#': "#}"}[sql[open+1]]
	case strings.Contains(s.Message, "EOF") && unended(tags) >= 0:
		at = unended(tags)
		word := tag{inner: sql[at+2:]}.word()
		p.Err, p.Try = fmt.Errorf("{%% %s %%} has no end", word), "{% end"+word+" %}"
	case s.Line > r.lines:
		p.Where = fmt.Sprintf("%s:%d:%d", path, s.Line-r.lines, s.Column)
		return p
	default:
		at = brokenTag(tags)
	}
	if at < 0 {
		p.Where = path
		return p
	}
	line, column := lineColumn(sql, at)
	p.Where = fmt.Sprintf("%s:%d:%d", path, line, column)
	return p
}

// nameUnsupported looks for a name that is not supported in the tag that failed: the library does not always say which name it was.
func (r *renderer) nameUnsupported(path, sql string, line int, f *fault) {
	_, text, line := r.file(path, sql, line)
	tags, _ := scan(text)
	at := spot(text, line, "")
	for _, t := range tags {
		if m := anyCall.FindStringSubmatch(t.inner); t.at == at && m != nil {
			if try, ok := unsupported[m[1]]; ok {
				*f = fault{fmt.Errorf("%s is not supported", m[1]), try, m[1]}
			}
		}
	}
}

var anyCall = regexp.MustCompile(`\b(adapter|graph|builtins|modules|api|dbt\w*|return|run_query)\s*[.(]`)

// brokenTag is the offset of the first tag that does not stand on its own, or -1.
func brokenTag(tags []tag) int {
	for _, t := range tags {
		text := "{{" + t.inner + "}}"
		if t.block {
			word := t.word()
			switch word {
			case "if", "for", "macro", "call", "filter":
				text = "{%" + t.inner + "%}{% end" + word + " %}"
			case "elif":
				text = "{% if true %}{%" + t.inner + "%}{% endif %}"
			case "set", "do":
				text = "{%" + t.inner + "%}"
			default:
				continue
			}
		}
		if _, err := parseTemplate("tag", text); err != nil {
			return t.at
		}
	}
	return -1
}

// file maps a line of the rendered text, macros first, to a file, its text and the line in it.
func (r *renderer) file(path, sql string, line int) (string, string, int) {
	if line > r.lines {
		return path, sql, line - r.lines
	}
	for _, m := range r.project.Macros {
		n := strings.Count(m.SQL, "\n") + 1
		if line <= n {
			return m.Path, m.SQL, line
		}
		line -= n
	}
	return path, sql, 1
}

// place is the file, line and column of a word on or after a line of the rendered text.
func (r *renderer) place(path, sql string, line int, word string) string {
	path, sql, line = r.file(path, sql, line)
	at := spot(sql, line, word)
	if double := strings.ReplaceAll(word, "'", `"`); double != word && (at < 0 || !strings.HasPrefix(sql[at:], word)) {
		if other := spot(sql, line, double); other >= 0 && strings.HasPrefix(sql[other:], double) {
			at = other
		}
	}
	if at < 0 {
		return fmt.Sprintf("%s:%d", path, line)
	}
	line, column := lineColumn(sql, at)
	return fmt.Sprintf("%s:%d:%d", path, line, column)
}
