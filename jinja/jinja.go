// Package jinja renders Jinja 2 templates as Python's jinja2 does, and dbt with it: the same text, or an error with its place. Values
// are Python's: integers and floats print as Python prints them, mappings keep their order, lists change in place, tuples are not lists.
//
// What is missing differs on purpose: a name that nothing defines, and a part that a value does not have, are errors where jinja2 would
// print nothing. Templates do not read other templates (no include, import, extends or block), and nothing is escaped for HTML.
//
// It knows nothing of dbt: what ref() or config() mean is the caller's to say (Context.Names).
package jinja

import (
	"errors"
	"fmt"
	"strings"
)

// Pos is a place in a template; line and column count from 1.
type Pos struct {
	File   string
	Line   int
	Column int
	Offset int
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Error is a fault of a template with its place.
type Error struct {
	Err    error
	Try    string // What may mend it; empty where that is not known.
	Pos    Pos
	Text   string // What stands in the template there: the tag or call.
	Name   string // The name that is not defined, or the unknown tag, filter or test.
	Syntax bool   // The template could not be read at all.
	Calls  []Pos  // Where the macros were called that led there, the innermost first.
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

type source struct {
	file string
	text string
}

func (s *source) pos(at int) Pos {
	before := s.text[:min(at, len(s.text))]
	return Pos{File: s.file, Line: strings.Count(before, "\n") + 1, Column: len(before) - strings.LastIndexByte(before, '\n'), Offset: at}
}

// Template is a template that has been read. Many may render it at once.
type Template struct {
	source *source
	body   []node
	macros []string
}

// Parse reads a template; file is its name in places.
func Parse(file, text string) (*Template, error) {
	s := &source{file: file, text: strings.ReplaceAll(text, "\r\n", "\n")}
	tokens, err := lex(s)
	if err != nil {
		return nil, err
	}
	p := &parser{source: s, tokens: tokens}
	body, err := p.body()
	if err != nil {
		return nil, err
	}
	t := &Template{source: s, body: body}
	for _, n := range body {
		if m, ok := n.(*macroNode); ok {
			t.macros = append(t.macros, m.name)
		}
	}
	return t, nil
}

// Macros are the names of the macros that stand at the template's top.
func (t *Template) Macros() []string { return t.macros }

// Text is the template's text, as places count in it.
func (t *Template) Text() string { return t.source.text }

// Context is what a template is rendered with. It may be used for one rendering at a time.
type Context struct {
	Names map[string]Value // What a name means, beside Jinja's own.
	// Modules are templates whose macros are known everywhere. A later one stands over an earlier one, and macros stand over Names.
	Modules []*Template
	// Missing says what is wrong with a name that nothing defines, and what to try; nil for a plain answer.
	Missing func(name string) (try string, err error)

	// Packages are the templates of packages, by the packages' names.
	Packages map[string][]*Template

	modules  map[string]*moduleFrame
	packages map[string]map[string]*moduleFrame
	depth    int
	steps    int
}

type moduleFrame struct {
	template *Template
	pack     string // The package that the template belongs to, if any.
	frame    *frame
}

// Render returns the template's text.
func (t *Template) Render(c *Context) (string, error) {
	f := c.top()
	if err := f.run(t.body); err != nil {
		return "", outside(err)
	}
	return f.out.String(), nil
}

// Value is the value of a template that is one expression and nothing else, kept as what it is; other templates give their text.
func (t *Template) Value(c *Context) (Value, error) {
	if len(t.body) == 1 {
		if o, ok := t.body[0].(*outputNode); ok {
			v, err := o.expr.eval(c.top())
			return v, outside(err)
		}
	}
	return t.Render(c)
}

// outside makes an error of a signal that has nothing around it to end.
func outside(err error) error {
	var s *signal
	if errors.As(err, &s) {
		return &Error{Err: fmt.Errorf("%s stands outside of what it could end", s.word), Pos: s.pos, Try: "put it into a macro or a loop"}
	}
	return err
}

func (c *Context) top() *frame {
	c.modules = map[string]*moduleFrame{}
	for _, t := range c.Modules {
		m := &moduleFrame{template: t}
		for _, name := range t.macros {
			c.modules[name] = m
		}
	}
	c.packages = map[string]map[string]*moduleFrame{}
	for pack, templates := range c.Packages {
		c.packages[pack] = map[string]*moduleFrame{}
		for _, t := range templates {
			m := &moduleFrame{template: t, pack: pack}
			for _, name := range t.macros {
				c.packages[pack][name] = m
			}
		}
	}
	return &frame{context: c, vars: map[string]Value{}, out: silent()}
}

func silent() *strings.Builder { return &strings.Builder{} }

// lookup finds a name that the template itself does not define.
func (c *Context) lookup(name string) (Value, bool, error) {
	if m, ok := c.modules[name]; ok {
		return m.value(c, name)
	}
	if v, ok := c.Names[name]; ok {
		return v, true, nil
	}
	v, ok := globals[name]
	return v, ok, nil
}
