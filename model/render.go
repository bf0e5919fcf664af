package model

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/nikolalohinski/gonja/v2"
	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"

	"lifeline/change"
	"lifeline/project"
)

// renderer turns a file's Jinja into SQL. The project's macros stand before each file, so that they are known everywhere.
type renderer struct {
	project *project.Project
	target  Target
	vars    map[string]any
	env     func(string) string
	macros  string
	lines   int // Lines of macros, to be taken off the lines in gonja's messages.
}

// hooks answer what a file asks for while it is rendered.
type hooks struct {
	ref         func(name string) (string, error)
	source      func(source, table string) (string, error)
	config      func(key string, value any) error
	this        string
	incremental bool
	extra       map[string]any // Further names, such as the model of a generic test.
}

var (
	testBegin = regexp.MustCompile(`\{%(-?)\s*test\s+(\w+)\s*\(`)
	testEnd   = regexp.MustCompile(`\{%(-?)\s*endtest\s*(-?)%\}`)
)

func newRenderer(p *project.Project, o Options) *renderer {
	r := &renderer{project: p, target: o.Target, vars: map[string]any{}, env: o.Env}
	for k, v := range p.Vars {
		r.vars[k] = v
	}
	for k, v := range o.Vars {
		r.vars[k] = v
	}
	var b strings.Builder
	for _, m := range p.Macros {
		sql := testBegin.ReplaceAllString(m.SQL, "{%${1} macro test_${2}(")
		b.WriteString(testEnd.ReplaceAllString(sql, "{%${1} endmacro ${2}%}"))
		b.WriteByte('\n')
	}
	r.macros = b.String()
	r.lines = strings.Count(r.macros, "\n")
	return r
}

// render returns the SQL of one file.
func (r *renderer) render(path, sql string, h hooks) (string, error) {
	settings := config.New()
	settings.StrictUndefined = true
	loader, err := loaders.NewMemoryLoader(map[string]string{"/" + path: r.macros + sql})
	if err != nil {
		return "", fmt.Errorf("render %s: %w", path, err)
	}
	t, err := exec.NewTemplate("/"+path, settings, loader, gonja.DefaultEnvironment)
	if err != nil {
		return "", r.problem(path, sql, err)
	}
	out, err := t.ExecuteToString(exec.NewContext(r.context(h)))
	if err != nil {
		return "", r.problem(path, sql, err)
	}
	return strings.TrimSpace(out), nil
}

// context are the names that a file may use.
func (r *renderer) context(h hooks) map[string]any {
	names := map[string]any{
		"this": h.this, "none": nil, "execute": true,
		"target":         map[string]any{"name": r.target.Name, "type": r.target.Type, "schema": r.target.Schema},
		"is_incremental": func(*exec.VarArgs) *exec.Value { return exec.AsValue(h.incremental) },
		"var":            r.variable,
		"env_var":        r.environment,
		"ref": func(a *exec.VarArgs) *exec.Value {
			if len(a.Args) < 1 || len(a.Args) > 2 {
				return exec.AsValue(errors.New("ref takes a model's name, or a project and a model's name"))
			}
			return safe(h.ref(a.Args[len(a.Args)-1].String()))
		},
		"source": func(a *exec.VarArgs) *exec.Value {
			if len(a.Args) != 2 {
				return exec.AsValue(errors.New("source takes the source's and the table's name"))
			}
			return safe(h.source(a.Args[0].String(), a.Args[1].String()))
		},
		"config": func(a *exec.VarArgs) *exec.Value { return configure(a, h.config) },
	}
	for _, name := range []string{"run_query", "statement", "adapter", "graph", "return", "log", "exceptions", "modules", "snapshot"} {
		names[name] = func(*exec.VarArgs) *exec.Value {
			return exec.AsValue(fmt.Errorf("%s is not supported: a model is one select that is the same on every engine", name))
		}
	}
	for k, v := range h.extra {
		names[k] = v
	}
	return names
}

func safe(s string, err error) *exec.Value {
	if err != nil {
		return exec.AsValue(err)
	}
	return exec.AsSafeValue(s)
}

func configure(a *exec.VarArgs, set func(string, any) error) *exec.Value {
	if set == nil {
		return exec.AsSafeValue("")
	}
	for _, key := range sortedKeys(a.KwArgs) {
		if err := set(key, plain(a.KwArgs[key].Interface())); err != nil {
			return exec.AsValue(err)
		}
	}
	return exec.AsSafeValue("")
}

func (r *renderer) variable(a *exec.VarArgs) *exec.Value {
	if len(a.Args) == 0 {
		return exec.AsValue(errors.New("var takes a name"))
	}
	name := a.Args[0].String()
	if v, ok := r.vars[name]; ok {
		return exec.AsValue(v)
	}
	if len(a.Args) > 1 {
		return a.Args[1]
	}
	return exec.AsValue(fmt.Errorf("there is no variable %q: add it to vars in dbt_project.yml, or give a default", name))
}

func (r *renderer) environment(a *exec.VarArgs) *exec.Value {
	if len(a.Args) == 0 {
		return exec.AsValue(errors.New("env_var takes a name"))
	}
	if r.env != nil {
		if v := r.env(a.Args[0].String()); v != "" {
			return exec.AsValue(v)
		}
	}
	if len(a.Args) > 1 {
		return a.Args[1]
	}
	return exec.AsValue(fmt.Errorf("environment variable %s is not set", a.Args[0].String()))
}

// plain makes ordinary Go of gonja's lists and mappings.
func plain(v any) any {
	switch x := v.(type) {
	case exec.ValuesList:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = plain(e.Interface())
		}
		return out
	case *exec.Dict:
		out := map[string]any{}
		for _, pair := range x.Pairs {
			out[pair.Key.String()] = plain(pair.Value.Interface())
		}
		return out
	case *exec.Value:
		return plain(x.Interface())
	}
	return v
}

var (
	atLine  = regexp.MustCompile(`(?i)line[ :=]+(\d+)(?:[ ,]+col[ :=]+(\d+))?`)
	quoted  = regexp.MustCompile(`(?s)failed to parse template '.*': `)
	prefix  = regexp.MustCompile(`^unable to execute template: |Unable to (?:render expression|execute controlStructure) at line \d+: |invalid call to function '\w+': `)
	callOf  = regexp.MustCompile(`call\(\[.*?\], map\[.*?\]\): `)
	trailer = regexp.MustCompile(`\s*\(Line: \d+ Col: \d+, near .*\)`)
)

// problem turns gonja's message into the user's: file, line, column, what.
func (r *renderer) problem(path, sql string, err error) error {
	var inner *change.Problem
	if errors.As(err, &inner) {
		return inner
	}
	text := quoted.ReplaceAllString(err.Error(), "")
	where := path
	if m := atLine.FindStringSubmatch(text); m != nil {
		if line, e := strconv.Atoi(m[1]); e == nil {
			where = r.place(path, line, m[2])
		}
	}
	for _, cut := range []*regexp.Regexp{trailer, prefix, callOf} {
		text = cut.ReplaceAllString(text, "")
	}
	try := "look at the braces and names on that line"
	if name := regexp.MustCompile(`Unable to evaluate name "(\w+)"`).FindStringSubmatch(text); name != nil {
		text = fmt.Sprintf("%q is not defined", name[1])
		try = "{{ var('" + name[1] + "') }} for a variable, or define a macro of that name"
	}
	return &change.Problem{Err: errors.New(strings.TrimSpace(text)), Where: where, Class: change.ClassUsage, Try: try}
}

// place maps a line of the rendered text, macros first, to a file and its line.
func (r *renderer) place(path string, line int, column string) string {
	if line > r.lines {
		line -= r.lines
	} else {
		for _, m := range r.project.Macros {
			n := strings.Count(m.SQL, "\n") + 1
			if line <= n {
				path = m.Path
				break
			}
			line -= n
		}
	}
	if column == "" {
		return fmt.Sprintf("%s:%d", path, line)
	}
	return fmt.Sprintf("%s:%d:%s", path, line, column)
}
