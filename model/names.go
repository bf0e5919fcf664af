package model

import (
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeline/change"
	"lifeline/jinja"
	"lifeline/project"
)

// The names of dbt that a file may use, but for those of temporal.go.

// text is a call's argument of a number as a text.
func text(c *jinja.Call, i int) string {
	if i >= len(c.Args) {
		return ""
	}
	s, err := jinja.Text(c.Args[i])
	if err != nil {
		return ""
	}
	return s
}

// reference answers ref('model') and ref('project', 'model').
func (r *renderer) reference(c *jinja.Call, h hooks) (jinja.Value, error) {
	if len(c.Args) < 1 || len(c.Args) > 2 || len(c.Names) > 0 {
		return nil, &fault{
			errors.New("ref takes a model's name, or this project's and a model's name; versions of models are not supported"),
			"{{ ref('claims') }}", "ref",
		}
	}
	if in := text(c, 0); len(c.Args) == 2 && in != r.project.Name {
		return nil, &fault{fmt.Errorf("ref into another project, %q, is not supported", in), "copy the model into this project", quote(in)}
	}
	name := text(c, len(c.Args)-1)
	if h.ref == nil {
		return nil, &fault{errors.New("ref cannot be used here"), "write the name out", "ref"}
	}
	v, err := h.ref(name)
	return v, fromLookup(err, name)
}

// fromLookup gives an error the word that it is about.
func fromLookup(err error, name string) error {
	var f *fault
	if err == nil || errors.As(err, &f) {
		return err
	}
	return &fault{err, "lifeline ls", quote(name)}
}

func sourceTable(c *jinja.Call, h hooks) (jinja.Value, error) {
	if len(c.Args) != 2 || len(c.Names) > 0 {
		return nil, &fault{errors.New("source takes the source's and the table's name"), "{{ source('carepay', 'claim') }}", "source"}
	}
	if h.source == nil {
		return nil, &fault{errors.New("source cannot be used here"), "write the name out", "source"}
	}
	v, err := h.source(text(c, 0), text(c, 1))
	return v, fromLookup(err, text(c, 1))
}

// kept answers versions('source', 'table', 'column', …): the versions of the rows that have changed.
func kept(c *jinja.Call, h hooks) (jinja.Value, error) {
	const try = "{{ versions('carepay', 'claim', 'id', 'status') }}"
	if len(c.Args) < 3 || len(c.Names) > 0 || h.versions == nil {
		return nil, &fault{errors.New("versions takes the source's and the table's name and the columns that are wanted"), try, "versions"}
	}
	var columns []string
	for i := range c.Args[2:] {
		columns = append(columns, text(c, i+2))
	}
	s, err := h.versions(text(c, 0), text(c, 1), columns)
	if err != nil {
		var f *fault
		if errors.As(err, &f) {
			return nil, err
		}
		return nil, &fault{err, try, quote(text(c, 1))}
	}
	return s, nil
}

// past answers at(source('source', 'table'), 'moment'): the table as it was.
func past(c *jinja.Call, h hooks) (jinja.Value, error) {
	const try = "{{ at(source('carepay', 'claim'), '2026-11-28 10:15:00') }}"
	if len(c.Args) != 2 || len(c.Names) > 0 || h.at == nil {
		return nil, &fault{errors.New("at takes a source table and a moment"), try, "at"}
	}
	on, is := c.Args[0].(*relation)
	if !is || on.node == nil || on.node.Kind != KindSource {
		return nil, &fault{errors.New("at takes a source table: of models only the kept versions are known"), try, "at"}
	}
	moment := text(c, 1)
	s, err := h.at(on.node, moment)
	if err == nil {
		return s, nil
	}
	var p *change.Problem
	if errors.As(err, &p) {
		return nil, &fault{p.Err, p.Try, "at"}
	}
	return nil, &fault{err, try, "at"}
}

func (r *renderer) environment(c *jinja.Call) (jinja.Value, error) {
	if len(c.Args) == 0 {
		return nil, &fault{errors.New("env_var takes a name"), "{{ env_var('NAME') }}", "env_var"}
	}
	name := text(c, 0)
	if r.env != nil {
		if v := r.env(name); v != "" {
			return v, nil
		}
	}
	if v, ok := otherwise(c); ok {
		return v, nil
	}
	return nil, &fault{
		fmt.Errorf("environment variable %s is not set", name),
		"export " + name + "=…, or {{ env_var('" + name + "', 'a default') }}", quote(name),
	}
}

// otherwise is a call's second argument, or the one called default.
func otherwise(c *jinja.Call) (jinja.Value, bool) {
	if len(c.Args) > 1 {
		return c.Args[1], true
	}
	v, ok := c.Named["default"]
	return v, ok
}

// variables is the name var: var('name', 'default') and var.has_var('name').
type variables struct{ renderer *renderer }

// Kind is its kind for messages.
func (v *variables) Kind() string { return "function" }

// Attr is has_var.
func (v *variables) Attr(name string) (jinja.Value, bool) {
	return jinja.Native("has_var", func(c *jinja.Call) (jinja.Value, error) {
		_, ok := v.renderer.vars[text(c, 0)]
		return ok, nil
	}), name == "has_var"
}

// Call is var().
func (v *variables) Call(c *jinja.Call) (jinja.Value, error) {
	if len(c.Args) == 0 {
		return nil, &fault{errors.New("var takes a name"), "{{ var('name') }}", "var"}
	}
	name := text(c, 0)
	if x, ok := v.renderer.vars[name]; ok {
		return jinja.FromGo(x), nil
	}
	if x, ok := otherwise(c); ok {
		return x, nil
	}
	return nil, &fault{
		unknown("variable", name, project.Nearest(name, slices.Sorted(maps.Keys(v.renderer.vars)))),
		"vars: {" + name + ": …} in dbt_project.yml, or {{ var('" + name + "', 'a default') }}", quote(name),
	}
}

// configuration is the name config: config(key=value), config({…}), config.get('key', default) and config.require('key').
type configuration struct{ hooks hooks }

// Kind is its kind for messages.
func (k *configuration) Kind() string { return "config" }

// Attr are get and require.
func (k *configuration) Attr(name string) (jinja.Value, bool) {
	if name != "get" && name != "require" {
		return nil, false
	}
	return jinja.Native("config."+name, func(c *jinja.Call) (jinja.Value, error) {
		if k.hooks.get != nil {
			if v, ok := k.hooks.get(text(c, 0)); ok {
				return jinja.FromGo(v), nil
			}
		}
		if v, ok := otherwise(c); ok {
			return v, nil
		}
		if name == "require" {
			return nil, &fault{fmt.Errorf("the configuration has no %q", text(c, 0)), "config(" + text(c, 0) + "=…)", quote(text(c, 0))}
		}
		return nil, nil
	}), true
}

// Call is config().
func (k *configuration) Call(c *jinja.Call) (jinja.Value, error) {
	if len(c.Args) > 1 {
		return nil, &fault{errors.New("config takes one mapping, or names and values"), "{{ config(materialized='table') }}", "config"}
	}
	if len(c.Args) == 1 {
		d, ok := c.Args[0].(*jinja.Dict)
		if !ok {
			return nil, &fault{errors.New("config takes one mapping, or names and values"), "{{ config({'materialized': 'table'}) }}", "config"}
		}
		for key, v := range d.All() {
			name, err := jinja.Text(key)
			if err == nil {
				err = k.set(name, v, quote(name))
			}
			if err != nil {
				return nil, err
			}
		}
	}
	for _, name := range c.Names {
		if err := k.set(name, c.Named[name], name); err != nil {
			return nil, err
		}
	}
	return "", nil
}

func (k *configuration) set(name string, v jinja.Value, word string) error {
	if k.hooks.config == nil {
		return nil
	}
	if err := k.hooks.config(name, jinja.ToGo(v)); err != nil {
		try := cmp.Or(project.ConfigTry(name), "see docs/projects.md for the configuration that is supported")
		var hinted interface{ Hint() string }
		if errors.As(err, &hinted) {
			try = hinted.Hint()
		}
		return &fault{err, try, word}
	}
	return nil
}

// returned ends a macro with a value.
func returned(c *jinja.Call) (jinja.Value, error) {
	if len(c.Args) > 1 || len(c.Names) > 0 {
		return nil, &fault{errors.New("return takes one value"), "{{ return(value) }}", "return"}
	}
	if len(c.Args) == 0 {
		return nil, jinja.Return(nil)
	}
	return nil, jinja.Return(c.Args[0])
}

func refuse(c *jinja.Call) (jinja.Value, error) {
	return nil, &fault{errors.New(cmp.Or(text(c, 0), "the macro refuses")), "see the macro there for what it wants", ""}
}

// quiet is a function of dbt that has no effect here, which is told.
func quiet(name string, h hooks) func(*jinja.Call) (jinja.Value, error) {
	return func(*jinja.Call) (jinja.Value, error) {
		if h.told != nil {
			h.told(name)
		}
		return "", nil
	}
}

func toJSON(c *jinja.Call) (jinja.Value, error) {
	if len(c.Args) == 0 {
		return nil, &fault{errors.New("tojson takes a value"), "{{ tojson(value) }}", "tojson"}
	}
	sorted, _ := c.Named["sort_keys"].(bool)
	s, err := jinja.JSON(c.Args[0], sorted)
	if v, ok := otherwise(c); err != nil && ok {
		return v, nil
	}
	return s, err
}

func fromJSON(c *jinja.Call) (jinja.Value, error) {
	v, err := jinja.ParseJSON(text(c, 0))
	if x, ok := otherwise(c); err != nil && ok {
		return x, nil
	}
	return v, err
}

func localMD5(c *jinja.Call) (jinja.Value, error) {
	sum := md5.Sum([]byte(text(c, 0)))
	return hex.EncodeToString(sum[:]), nil
}

// object is a name with parts, such as target.
type object struct {
	name  string
	parts map[string]jinja.Value
}

// Kind is its name.
func (o *object) Kind() string { return o.name }

// Attr is one of its parts.
func (o *object) Attr(name string) (jinja.Value, bool) {
	v, ok := o.parts[name]
	return v, ok
}

// modelObject is the name model: what dbt says of the model that is rendered.
func modelObject(n *Node, projectName string) jinja.Value {
	return &object{"model", map[string]jinja.Value{
		"name": n.Name, "alias": n.Alias, "schema": n.Schema, "resource_type": string(n.Kind), "unique_id": n.ID, "package_name": projectName,
		"original_file_path": n.Path, "path": n.Path, "tags": jinja.FromGo(n.Tags),
	}}
}

// relation is what ref(), source() and this give: a relation's name in SQL, with its parts.
type relation struct {
	text string
	node *Node
}

// Kind is its kind for messages.
func (r *relation) Kind() string { return "relation" }

func (r *relation) String() string { return r.text }

// Attr are the parts that dbt's relations have, by the names of the published version.
func (r *relation) Attr(name string) (jinja.Value, bool) {
	if r.node == nil {
		return nil, false
	}
	switch name {
	case "name", "identifier", "table":
		return cmp.Or(r.node.Alias, r.node.Name), true
	case "schema":
		return r.node.Schema, true
	}
	return nil, false
}

// adapter is the name adapter: adapter.dispatch('macro') and adapter.quote('name').
type adapter struct {
	renderer *renderer
	hooks    hooks
}

// Kind is its kind for messages.
func (a *adapter) Kind() string { return "adapter" }

// Attr are dispatch, quote, type and get_columns_in_relation.
func (a *adapter) Attr(name string) (jinja.Value, bool) {
	switch name {
	case "dispatch":
		return jinja.Native("adapter.dispatch", a.dispatch), true
	case "quote":
		return jinja.Native("adapter.quote", func(c *jinja.Call) (jinja.Value, error) { return `"` + text(c, 0) + `"`, nil }), true
	case "get_columns_in_relation":
		return jinja.Native("adapter.get_columns_in_relation", func(c *jinja.Call) (jinja.Value, error) { return columnsOf(c, a.hooks) }), true
	case "type":
		return jinja.Native("adapter.type", func(*jinja.Call) (jinja.Value, error) { return a.dialect(), nil }), true
	}
	return jinja.Native("adapter."+name, func(*jinja.Call) (jinja.Value, error) {
		return nil, &fault{
			fmt.Errorf("adapter.%s is not supported", name), "a model is compiled before anything is read from the warehouse",
			name,
		}
	}), true
}

// dialect is the prefix of macros for the engine.
func (a *adapter) dialect() string { return a.renderer.target.Type }

// dispatch finds the macro for the engine, or the default one.
func (a *adapter) dispatch(c *jinja.Call) (jinja.Value, error) {
	name := text(c, 0)
	pack := text(c, 1)
	if v, ok := c.Named["macro_namespace"]; ok && pack == "" {
		pack, _ = jinja.Text(v)
	}
	pack = cmp.Or(pack, c.Package())
	if pack != "" {
		// What is built in stands over a package's own, and a project's macro over both.
		if m, err := c.Macro(pack + "__" + name); err != nil || m != nil {
			return m, err
		}
	}
	for _, prefix := range []string{a.dialect(), "default"} {
		m, err := c.Macro(prefix + "__" + name)
		if m == nil && err == nil && pack != "" {
			m, err = c.PackageMacro(pack, prefix+"__"+name)
		}
		if err != nil || m != nil {
			return m, err
		}
	}
	return nil, &fault{
		fmt.Errorf("there is neither a macro %q nor %q", a.dialect()+"__"+name, "default__"+name),
		"{% macro default__" + strings.TrimSpace(name) + "(…) %} in a file of macros/; macros of packages are not known", quote(name),
	}
}
