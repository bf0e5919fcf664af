package model

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"lifeline/change"
	"lifeline/jinja"
	"lifeline/project"
)

// Env says for which database a node is compiled.
type Env struct {
	Relation    func(n *Node) string // How a relation is called in SQL.
	This        string               // What {{ this }} is.
	Incremental bool                 // What is_incremental() says.
	// Versions is a subquery in brackets with the versions of those rows of a source table that have changed since it was first read:
	// the columns, and _op, _valid_from, _valid_to, _basis, _position and _from_basis; what tells of a version's end is null for the
	// present one.
	// Nil gives none.
	Versions func(n *Node, columns []string) string
	// At is a subquery in brackets with a source table as it was at a moment, or why that is not known. Nil gives it as it is.
	At func(n *Node, moment string) (string, error)
	// Columns are those of a relation that is built; nil, or an answer of nil, leaves those that the project declares.
	Columns func(n *Node) ([]Column, error)
}

// ephemeralPrefix is dbt's name for the CTE of an ephemeral model.
const ephemeralPrefix = "__dbt__cte__"

// Compile renders a model to one select. Ephemeral models that it reads, directly or through others, stand before it as CTEs.
func (g *Graph) Compile(n *Node, env Env) (string, error) {
	if n.Kind != KindModel {
		return "", fmt.Errorf("%s is not a model", n.ID)
	}
	return g.compile(n, n.Path, n.Model.SQL, env, nil)
}

// CompileTest renders a singular test, or a generic test that the project defines, to a select of the bad rows.
func (g *Graph) CompileTest(t *project.Test, env Env) (string, error) {
	if t.Kind == project.Singular {
		return g.compile(nil, t.File, t.SQL, env, nil)
	}
	node, err := g.Tested(t)
	if err != nil {
		return "", err
	}
	if t, err = g.Resolve(t, env); err != nil {
		return "", err
	}
	on := &relation{env.Relation(node), node}
	if t.Where != "" {
		on.text = fmt.Sprintf("(select * from %s where %s) as tested", env.Relation(node), t.Where)
	}
	args, extra := testArguments(t, on)
	sql, err := g.compile(nil, t.File, "{{ "+testMacro(t)+"("+args+") }}", env, extra)
	return sql, at(place(t), t.File, err)
}

// testMacro is how the macro of a generic test is called.
func testMacro(t *project.Test) string {
	if pack, name, ok := strings.Cut(t.Kind, "."); ok {
		return pack + ".test_" + name
	}
	return "test_" + t.Kind
}

// Resolve renders the Jinja in a generic test's where and arguments, such as a variable in a bound; a test without any comes back as it
// is. ref() and source() as a whole argument, as relationships and compare_model have them, stay as they are: see Refers.
func (g *Graph) Resolve(t *project.Test, env Env) (*project.Test, error) {
	out := *t
	var err error
	text := func(s string) string {
		if err == nil && strings.Contains(s, "{{") {
			s, err = g.compileAt(place(t), t.File, s, env)
		}
		return s
	}
	out.Where, out.Args = text(t.Where), map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(t.Args)) {
		out.Args[name] = resolved(t.Args[name], text)
	}
	return &out, err
}

func resolved(v any, text func(string) string) any {
	switch v := v.(type) {
	case string:
		return text(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = resolved(v[i], text)
		}
		return list
	}
	return v
}

// compileAt renders a text that stands somewhere in a YAML file.
func (g *Graph) compileAt(where, path, sql string, env Env) (string, error) {
	out, err := g.compile(nil, path, sql, env, nil)
	return out, at(where, path, err)
}

var calledIn = regexp.MustCompile(`\(called at [^()]+\)$`)

// at puts a place in a YAML file for the one in the text that was rendered from it; a place in a macro stays.
func at(where, path string, err error) error {
	var p *change.Problem
	if errors.As(err, &p) && strings.HasPrefix(p.Where, path+":") {
		placed := *p
		placed.Where = where
		return &placed
	}
	if errors.As(err, &p) && strings.Contains(p.Error(), "(called at "+path+":") {
		placed := *p
		placed.Err = errors.New(calledIn.ReplaceAllLiteralString(p.Error(), "(called at "+where+")"))
		return &placed
	}
	return err
}

// Tested is the node that a generic test is on.
func (g *Graph) Tested(t *project.Test) (*Node, error) {
	if n, ok := g.byName[t.Node]; ok {
		return n, nil
	}
	if n, ok := g.byName["source:"+t.Node]; ok {
		return n, nil
	}
	return nil, &change.Problem{
		Err:   fmt.Errorf("test %s is on %q, which does not exist", t.Name, t.Node),
		Where: place(t), Class: change.ClassUsage, Try: "take the test out",
	}
}

func (g *Graph) compile(n *Node, path, sql string, env Env, extra map[string]any) (string, error) {
	c := &compilation{graph: g, env: env, done: map[*Node]bool{}}
	text, err := c.render(n, path, sql, c.env, extra)
	if err != nil {
		return "", err
	}
	return withCTEs(strings.TrimSuffix(strings.TrimSpace(text), ";"), c.ctes), nil
}

// compilation gathers the ephemeral models that one select needs.
type compilation struct {
	graph *Graph
	env   Env
	done  map[*Node]bool
	ctes  []string
}

func (c *compilation) render(of *Node, path, sql string, env Env, extra map[string]any) (string, error) {
	rendered, err := c.graph.renderer.render(path, sql, hooks{
		node: of, this: &relation{env.This, of}, incremental: env.Incremental, extra: extra, get: configOf(of), columns: c.env.Columns,
		ref: func(name string) (jinja.Value, error) {
			n, err := c.graph.lookup(name)
			if err != nil {
				return nil, err
			}
			if n.Materialized != Ephemeral {
				return &relation{c.env.Relation(n), n}, nil
			}
			text, err := c.inline(n)
			return &relation{text, n}, err
		},
		source: func(source, table string) (jinja.Value, error) {
			n, err := c.graph.lookupSource(source, table)
			if err != nil {
				return nil, err
			}
			return &relation{c.env.Relation(n), n}, nil
		},
		at: func(n *Node, moment string) (string, error) {
			if c.env.At == nil {
				return "(select * from " + c.env.Relation(n) + ")", nil
			}
			return c.env.At(n, moment)
		},
		versions: func(source, table string, columns []string) (string, error) {
			n, err := c.graph.lookupVersions(source, table, columns)
			if err != nil {
				return "", err
			}
			if c.env.Versions == nil {
				return noVersions(c.env.Relation(n), columns) + afterVersions, nil
			}
			return c.env.Versions(n, columns) + afterVersions, nil
		},
	})
	return aliased(rendered), err
}

// afterVersions marks where the subquery of versions() ends: PostgreSQL before 16 wants an alias there, which DuckDB does not.
const afterVersions = "/*lifeline:versions*/"

var nextWord = regexp.MustCompile(`^(?:\s|--[^\n]*\n|/\*(?s:.*?)\*/)*(\pL[\pL\d_]*|"|.)?`)

// noAliases are the words that go on with a select after a subquery, and so are no alias of it.
const noAliases = " where group order limit join left right inner full cross on using having union except intersect window offset " +
	"fetch natural for positional asof qualify "

// aliased gives each subquery of versions() an alias where the model gives it none.
func aliased(sql string) string {
	parts := strings.Split(sql, afterVersions)
	for i := 1; i < len(parts); i++ {
		word := nextWord.FindStringSubmatch(parts[i])[1]
		r, _ := utf8.DecodeRuneInString(word)
		if word != `"` && (!unicode.IsLetter(r) && r != '_' || strings.Contains(noAliases, " "+strings.ToLower(word)+" ")) {
			parts[i] = fmt.Sprintf(" as versions_%d%s", i, parts[i])
		}
	}
	return strings.Join(parts, "")
}

// configOf answers config.get for a model; a text elsewhere has no configuration.
func configOf(n *Node) func(string) (any, bool) {
	if n == nil {
		return nil
	}
	return n.Config.Get
}

// noVersions is the subquery where nothing is kept.
func noVersions(relation string, columns []string) string {
	return "(select " + strings.Join(columns, ", ") + `, cast(null as varchar(10)) as _op, cast(null as timestamp) as _valid_from,
    cast(null as timestamp) as _valid_to, cast(null as varchar(20)) as _basis, cast(null as text) as _position,
    cast(null as varchar(20)) as _from_basis
from ` + relation + ` where false)`
}

// inline puts an ephemeral model, after those it reads itself, among the CTEs.
func (c *compilation) inline(n *Node) (string, error) {
	name := ephemeralPrefix + n.Name
	if c.done[n] {
		return name, nil
	}
	c.done[n] = true
	// An ephemeral model has no rows of its own that it could add to, whoever reads it.
	text, err := c.render(n, n.Path, n.Model.SQL, Env{This: name}, nil)
	if err != nil {
		return "", err
	}
	c.ctes = append(c.ctes, fmt.Sprintf("%s as (\n%s\n)", name, text))
	return name, nil
}

// leading are the blanks and comments before a statement's first word.
var leading = regexp.MustCompile(`^(?:\s+|--[^\n]*(?:\n|$)|(?s:/\*.*?\*/))*`)

// withCTEs puts CTEs before a select, into its own WITH where it has one.
func withCTEs(sql string, ctes []string) string {
	if len(ctes) == 0 {
		return sql
	}
	head := leading.FindString(sql)
	body := sql[len(head):]
	all := strings.Join(ctes, ",\n")
	if len(body) > 4 && strings.EqualFold(body[:4], "with") && strings.ContainsAny(body[4:5], " \t\r\n") {
		rest := strings.TrimLeft(body[4:], " \t\r\n")
		if len(rest) > 9 && strings.EqualFold(rest[:9], "recursive") {
			return head + "with recursive " + all + ",\n" + strings.TrimLeft(rest[9:], " \t\r\n")
		}
		return head + "with " + all + ",\n" + rest
	}
	return head + "with " + all + "\n" + body
}

// CompileText renders a text that stands somewhere else than in a model, such as a select in a YAML file; where says where. Ephemeral
// models that it reads stand before it as CTEs.
func (g *Graph) CompileText(where, sql string, env Env) (string, error) {
	file, _, _ := strings.Cut(where, ":")
	return g.compileAt(where, file, sql, env)
}
