package model

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"

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
	versions    func(source, table string, columns []string) (string, error)
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
		b.WriteString(asMacros(m.SQL))
		b.WriteByte('\n')
	}
	r.macros = b.String()
	r.lines = strings.Count(r.macros, "\n")
	return r
}

// parseTemplate reads a file's Jinja.
func parseTemplate(path, text string) (t *exec.Template, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("%v", x)
		}
	}()
	settings := config.New()
	settings.StrictUndefined = true
	loader, err := loaders.NewMemoryLoader(map[string]string{"/" + path: text})
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", path, err)
	}
	return exec.NewTemplate("/"+path, settings, loader, environment)
}

// checkMacros reads each file of macros on its own, so that a fault in one is told by its own name.
func (r *renderer) checkMacros() error {
	alone := &renderer{project: r.project}
	for _, m := range r.project.Macros {
		if _, err := parseTemplate(m.Path, asMacros(m.SQL)); err != nil {
			return alone.problem(m.Path, m.SQL, &fault{}, err)
		}
	}
	return nil
}

// asMacros makes macros of the generic tests in a file of them, line by line the same.
func asMacros(sql string) string {
	return testEnd.ReplaceAllString(testBegin.ReplaceAllString(sql, "{%${1} macro test_${2}("), "{%${1} endmacro ${2}%}")
}

// render returns the SQL of one file.
func (r *renderer) render(path, sql string, h hooks) (out string, err error) {
	f := &fault{}
	defer func() {
		// The library panics on some operators between kinds that do not go together.
		if x := recover(); x != nil {
			*f = fault{errors.New("an expression that cannot be computed"), "join texts with ~, and write the format filter in place of %", ""}
			err = r.problem(path, sql, f, f)
		}
	}()
	t, err := parseTemplate(path, r.macros+sql)
	if err != nil {
		return "", r.problem(path, sql, f, err)
	}
	out, err = t.ExecuteToString(exec.NewContext(r.context(h, f)))
	if err == nil && f.err != nil {
		// A filter such as default() has swallowed it; dbt would not have.
		err = f
	}
	if err != nil {
		return "", r.problem(path, sql, f, err)
	}
	return strings.TrimSpace(out), nil
}

// context are the names that a file may use.
func (r *renderer) context(h hooks, f *fault) map[string]any {
	names := map[string]any{
		"this": h.this, "none": nil, "execute": true, "project_name": r.project.Name,
		"target":         map[string]any{"name": r.target.Name, "type": r.target.Type, "schema": r.target.Schema},
		"is_incremental": func(*exec.VarArgs) *exec.Value { return exec.AsValue(h.incremental) },
		"var":            func(a *exec.VarArgs) *exec.Value { return r.variable(a, f) },
		"env_var":        func(a *exec.VarArgs) *exec.Value { return r.environment(a, f) },
		"ref":            func(a *exec.VarArgs) *exec.Value { return r.reference(a, h, f) },
		"source": func(a *exec.VarArgs) *exec.Value {
			if len(a.Args) != 2 || len(a.KwArgs) > 0 {
				return f.keep(errors.New("source takes the source's and the table's name"), "{{ source('carepay', 'claim') }}", "source")
			}
			s, err := h.source(a.Args[0].String(), a.Args[1].String())
			if err != nil {
				return f.keep(err, "lifeline ls", quote(a.Args[1].String()))
			}
			return exec.AsSafeValue(s)
		},
		"versions": func(a *exec.VarArgs) *exec.Value { return kept(a, h, f) },
		"config":   func(a *exec.VarArgs) *exec.Value { return configure(a, h.config, f) },
		// A project's macro of the same name stands over these.
		"temporal_join":      func(a *exec.VarArgs) *exec.Value { return temporalJoin(a, f) },
		"temporal_aggregate": func(a *exec.VarArgs) *exec.Value { return temporalAggregate(a, f) },
		"exceptions":         map[string]any{},
		"log":                func(*exec.VarArgs) *exec.Value { return exec.AsSafeValue("") },
		"print":              func(*exec.VarArgs) *exec.Value { return exec.AsSafeValue("") },
	}
	for k, v := range h.extra {
		names[k] = v
	}
	return names
}

// kept answers versions('source', 'table', 'column', …): the versions of the rows that have changed.
func kept(a *exec.VarArgs, h hooks, f *fault) *exec.Value {
	const try = "{{ versions('carepay', 'claim', 'id', 'status') }}"
	if len(a.Args) < 3 || len(a.KwArgs) > 0 {
		return f.keep(errors.New("versions takes the source's and the table's name and the columns that are wanted"), try, "versions")
	}
	var columns []string
	for _, c := range a.Args[2:] {
		columns = append(columns, c.String())
	}
	s, err := h.versions(a.Args[0].String(), a.Args[1].String(), columns)
	if err != nil {
		return f.keep(err, try, quote(a.Args[1].String()))
	}
	return exec.AsSafeValue(s)
}

// reference answers ref('model') and ref('project', 'model').
func (r *renderer) reference(a *exec.VarArgs, h hooks, f *fault) *exec.Value {
	if len(a.Args) < 1 || len(a.Args) > 2 || len(a.KwArgs) > 0 {
		return f.keep(errors.New("ref takes a model's name, or this project's and a model's name; versions of models are not supported"), "{{ ref('claims') }}", "ref")
	}
	name := a.Args[len(a.Args)-1].String()
	if in := a.Args[0].String(); len(a.Args) == 2 && in != r.project.Name {
		return f.keep(fmt.Errorf("ref into another project, %q, is not supported", in), "copy the model into this project", quote(in))
	}
	s, err := h.ref(name)
	if err != nil {
		return f.keep(err, "lifeline ls", quote(name))
	}
	return exec.AsSafeValue(s)
}

func configure(a *exec.VarArgs, set func(string, any) error, f *fault) *exec.Value {
	if set == nil {
		return exec.AsSafeValue("")
	}
	for _, key := range sortedKeys(a.KwArgs) {
		if err := set(key, plain(a.KwArgs[key].Interface())); err != nil {
			return f.keep(err, "see docs/projects.md for the configuration that is supported", key)
		}
	}
	return exec.AsSafeValue("")
}

func (r *renderer) variable(a *exec.VarArgs, f *fault) *exec.Value {
	if len(a.Args) == 0 {
		return f.keep(errors.New("var takes a name"), "{{ var('name') }}", "var")
	}
	name := a.Args[0].String()
	if v, ok := r.vars[name]; ok {
		return exec.AsValue(v)
	}
	if len(a.Args) > 1 {
		return a.Args[1]
	}
	if v, ok := a.KwArgs["default"]; ok {
		return v
	}
	return f.keep(unknown("variable", name, project.Nearest(name, sortedKeys(r.vars))),
		"vars: {"+name+": …} in dbt_project.yml, or {{ var('"+name+"', 'a default') }}", quote(name))
}

func (r *renderer) environment(a *exec.VarArgs, f *fault) *exec.Value {
	if len(a.Args) == 0 {
		return f.keep(errors.New("env_var takes a name"), "{{ env_var('NAME') }}", "env_var")
	}
	name := a.Args[0].String()
	if r.env != nil {
		if v := r.env(name); v != "" {
			return exec.AsValue(v)
		}
	}
	if len(a.Args) > 1 {
		return a.Args[1]
	}
	if v, ok := a.KwArgs["default"]; ok {
		return v
	}
	return f.keep(fmt.Errorf("environment variable %s is not set", name), "export "+name+"=…, or {{ env_var('"+name+"', 'a default') }}", quote(name))
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
