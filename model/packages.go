package model

import (
	"cmp"
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"lifeline/jinja"
	"lifeline/project"
)

// Column is a column of a relation, for macros that write it out.
type Column struct{ Name, Type string }

//go:embed macros/dbt.sql macros/dbt_utils.sql
var packageFiles embed.FS

// packages are the macros of dbt itself and of dbt_utils that are built in: PACKAGE__NAME.
var packages = sync.OnceValues(func() ([]*jinja.Template, error) {
	var out []*jinja.Template
	for _, file := range []string{"macros/dbt.sql", "macros/dbt_utils.sql"} {
		text, err := packageFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		t, err := jinja.Parse(file, string(text))
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
})

// macroPackage is a name such as dbt_utils, whose macros are built in.
type macroPackage struct {
	name   string
	known  []string
	broken map[string]error // Macros of an installed package that cannot be read, by PACKAGE.NAME.
}

// install makes the macros of installed packages known: those that are built in stand over them.
func (r *renderer) install(installed []*project.Package) {
	r.installed, r.broken = map[string][]*jinja.Template{}, map[string]error{}
	for _, pack := range installed {
		p := &macroPackage{name: pack.Name}
		for _, other := range r.packages {
			if other.name == pack.Name {
				p = other
			}
		}
		if p.broken == nil && len(p.known) == 0 {
			r.packages = append(r.packages, p)
		}
		p.broken = r.broken
		for _, m := range pack.Macros {
			t, err := jinja.Parse(m.Path, m.SQL)
			if err != nil {
				for _, name := range macroNamed.FindAllStringSubmatch(m.SQL, -1) {
					r.broken[pack.Name+"."+name[1]] = err
				}
				continue
			}
			r.installed[pack.Name] = append(r.installed[pack.Name], t)
			p.known = append(p.known, t.Macros()...)
		}
		slices.Sort(p.known)
		p.known = slices.Compact(p.known)
	}
}

var macroNamed = regexp.MustCompile(`\{%-?\s*(?:macro|test)\s+(\w+)`)

func newMacroPackage(name string, all []*jinja.Template) *macroPackage {
	p := &macroPackage{name: name}
	for _, t := range all {
		for _, m := range t.Macros() {
			if own, ok := strings.CutPrefix(m, name+"__"); ok {
				p.known = append(p.known, own)
			}
		}
	}
	slices.Sort(p.known)
	return p
}

// Kind is its kind for messages.
func (p *macroPackage) Kind() string { return "package" }

// Attr is one of its macros.
func (p *macroPackage) Attr(name string) (jinja.Value, bool) {
	return jinja.Native(p.name+"."+name, func(c *jinja.Call) (jinja.Value, error) {
		m, err := c.Macro(p.name + "__" + name)
		if m == nil && err == nil {
			m, err = c.PackageMacro(p.name, name)
		}
		if err == nil && m == nil {
			err = p.broken[p.name+"."+name]
		}
		if err != nil {
			return nil, err
		}
		if m == nil {
			try := "a macro of your own in macros/; " + p.name + " has " + strings.Join(p.known, ", ")
			if near := project.Nearest(name, p.known); near != "" {
				try = p.name + "." + near
			}
			return nil, &fault{fmt.Errorf("%s.%s is not built in", p.name, name), try, name}
		}
		return c.Invoke(m, &jinja.Call{Args: c.Args, Names: c.Names, Named: c.Named})
	}), true
}

// columnsOf answers adapter.get_columns_in_relation.
func columnsOf(c *jinja.Call, h hooks) (jinja.Value, error) {
	var v jinja.Value
	if len(c.Args) > 0 {
		v = c.Args[0]
	} else {
		v = c.Named["relation"]
	}
	r, ok := v.(*relation)
	if !ok || r.node == nil {
		return nil, &fault{fmt.Errorf("get_columns_in_relation takes a relation"), "ref('claims') or source('shop', 'orders')", ""}
	}
	columns := declared(r.node)
	if h.columns != nil {
		known, err := h.columns(r.node)
		if err != nil {
			return nil, err
		}
		if known != nil {
			columns = known
		}
	}
	out := &jinja.List{}
	for _, c := range columns {
		out.Items = append(out.Items, &object{"column", map[string]jinja.Value{
			"name": c.Name, "column": c.Name, "quoted": `"` + c.Name + `"`, "data_type": cmp.Or(c.Type, "text"), "dtype": cmp.Or(c.Type, "text"),
		}})
	}
	return out, nil
}

// Declared are the columns that the project gives a node.
func (n *Node) Declared() []Column { return declared(n) }

func declared(n *Node) []Column {
	var out []Column
	add := func(columns []project.Column) {
		for _, c := range columns {
			out = append(out, Column{c.Name, c.DataType})
		}
	}
	switch n.Kind {
	case KindSeed:
		for _, c := range n.Seed.Columns {
			out = append(out, Column{c.Name, c.Type})
		}
	case KindSource:
		add(n.Source.Columns)
	default:
		add(n.Model.Columns)
	}
	return out
}
