package model

import (
	"fmt"
	"slices"
	"strings"

	"lifeline/change"
	"lifeline/jinja"
	"lifeline/project"
)

// renderer turns a file's Jinja into SQL. The project's macros are known everywhere, and so are the shipped ones.
type renderer struct {
	project   *project.Project
	target    Target
	vars      map[string]any
	env       func(string) string
	packages  []*macroPackage
	installed map[string][]*jinja.Template // Macros of installed packages.
	broken    map[string]error             // Of them, by PACKAGE.NAME, those that cannot be read.
	macros    []*jinja.Template            // The shipped ones first: a later one stands over an earlier one.
}

// hooks answer what a file asks for while it is rendered.
type hooks struct {
	ref         func(name string) (jinja.Value, error)
	source      func(source, table string) (jinja.Value, error)
	versions    func(source, table string, columns []string) (string, error)
	at          func(n *Node, moment string) (string, error)
	config      func(key string, value any) error // Nil where config() sets nothing.
	get         func(key string) (any, bool)      // What config.get answers.
	told        func(what string)                 // Hears of calls that have no effect; may be nil.
	columns     func(n *Node) ([]Column, error)   // Of a relation that is built; nil where none is yet.
	this        jinja.Value
	node        *Node // The model that is rendered, if any.
	incremental bool
	extra       map[string]any // Further names, such as the arguments of a generic test.
}

func newRenderer(p *project.Project, o Options) (*renderer, error) {
	r := &renderer{project: p, target: o.Target, vars: map[string]any{}, env: o.Env}
	for k, v := range p.Vars {
		r.vars[k] = v
	}
	for k, v := range o.Vars {
		r.vars[k] = v
	}
	t, err := shipped()
	if err != nil {
		return nil, r.problem(err)
	}
	built, err := packages()
	if err != nil {
		return nil, r.problem(err)
	}
	r.macros = append(append(r.macros, t), built...)
	r.packages = []*macroPackage{newMacroPackage("dbt", built), newMacroPackage("dbt_utils", built), newMacroPackage("dbt_date", built)}
	r.install(p.Packages)
	defined := map[string]string{}
	for _, m := range p.Macros {
		t, err := jinja.Parse(m.Path, m.SQL)
		if err != nil {
			return nil, r.problem(err)
		}
		for _, name := range t.Macros() {
			if other, twice := defined[name]; twice {
				return nil, &change.Problem{
					Err:   fmt.Errorf("two macros are called %q: in %s and in %s", name, other, m.Path),
					Where: m.Path, Class: change.ClassUsage, Try: "rename one",
				}
			}
			defined[name] = m.Path
		}
		r.macros = append(r.macros, t)
	}
	return r, nil
}

// hasMacro tells whether the project defines a macro.
func (r *renderer) hasMacro(name string) bool {
	return slices.ContainsFunc(r.macros, func(t *jinja.Template) bool { return slices.Contains(t.Macros(), name) })
}

// render returns the SQL of one file.
func (r *renderer) render(path, sql string, h hooks) (string, error) {
	t, err := jinja.Parse(path, sql)
	if err != nil {
		return "", r.problem(err)
	}
	out, err := t.Render(r.context(h))
	if err != nil {
		return "", r.problem(err)
	}
	return strings.TrimSpace(out), nil
}

// context is what a file may use. A project's macro of the same name stands over these names.
func (r *renderer) context(h hooks) *jinja.Context {
	functions := map[string]func(*jinja.Call) (jinja.Value, error){
		"is_incremental":     func(*jinja.Call) (jinja.Value, error) { return h.incremental, nil },
		"env_var":            r.environment,
		"ref":                func(c *jinja.Call) (jinja.Value, error) { return r.reference(c, h) },
		"source":             func(c *jinja.Call) (jinja.Value, error) { return sourceTable(c, h) },
		"versions":           func(c *jinja.Call) (jinja.Value, error) { return kept(c, h) },
		"at":                 func(c *jinja.Call) (jinja.Value, error) { return past(c, h) },
		"temporal_join":      temporalJoin,
		"temporal_aggregate": temporalAggregate,
		"return":             returned,
		"log":                quiet("log()", h),
		"print":              quiet("print()", h),
		"tojson":             toJSON,
		"fromjson":           fromJSON,
		"local_md5":          localMD5,
	}
	names := map[string]jinja.Value{
		"this": h.this, "execute": true, "project_name": r.project.Name,
		"target": &object{"target", map[string]jinja.Value{"name": r.target.Name, "type": r.target.Type, "schema": r.target.Schema}},
		"var":    &variables{r}, "config": &configuration{h},
		"set": jinja.SetOf, "zip": jinja.Zip, "adapter": &adapter{r, h},
		"exceptions": &object{"exceptions", map[string]jinja.Value{
			"raise_compiler_error": jinja.Native("raise_compiler_error", refuse), "warn": jinja.Native("warn", quiet("exceptions.warn()", h)),
		}},
	}
	for name, f := range functions {
		names[name] = jinja.Native(name, f)
	}
	for _, p := range r.packages {
		names[p.name] = p
	}
	names["builtins"] = &object{"builtins", map[string]jinja.Value{
		"ref": names["ref"], "source": names["source"], "var": names["var"], "env_var": names["env_var"], "config": names["config"],
	}}
	if h.node != nil {
		names["model"] = modelObject(h.node, r.project.Name)
	}
	for k, v := range h.extra {
		names[k] = jinja.FromGo(v)
	}
	return &jinja.Context{Names: names, Modules: r.macros, Packages: r.installed, Missing: absent}
}

// absent says what is wrong with a name that nothing defines.
func absent(name string) (try string, err error) {
	if try, ok := unsupported[name]; ok {
		return try, fmt.Errorf("%s is not supported", name)
	}
	return "", nil
}
