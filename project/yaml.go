package project

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"lifeline/change"
)

// Value is one YAML value with its place, so that every complaint names file, line and column.
type Value struct {
	file string
	node ast.Node
}

// IsZero tells that there is no value: the key was not given, or nothing stands behind it.
func (v Value) IsZero() bool { return v.node == nil }

// Field is one key of a mapping.
type Field struct {
	Name string
	Key  Value
	Value
}

// ReadYAML reads a file that holds one mapping; a missing file is nil without an error.
func ReadYAML(dir, file string) (*Object, error) {
	text, err := os.ReadFile(filepath.Join(dir, file))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return parseYAML(file, text)
}

func parseYAML(file string, text []byte) (*Object, error) {
	tree, err := parser.ParseBytes(bytes.TrimPrefix(text, []byte("\ufeff")), 0)
	if err != nil {
		return nil, syntaxProblem(file, err)
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		return &Object{file: file}, nil
	}
	if len(tree.Docs) > 1 && tree.Docs[1].Body != nil {
		return nil, Value{file, tree.Docs[1].Body}.Problem("a second YAML document", "keep one document a file")
	}
	body, err := resolveAliases(file, tree.Docs[0].Body)
	if err != nil {
		return nil, err
	}
	return Value{file, body}.Object()
}

// syntaxProblem takes the position out of the library's message.
func syntaxProblem(file string, err error) error {
	where, what := file, err.Error()
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) && syntax.GetToken() != nil {
		p := syntax.GetToken().Position
		where, what = fmt.Sprintf("%s:%d:%d", file, p.Line, p.Column), syntax.GetMessage()
	}
	return &change.Problem{
		Err: fmt.Errorf("broken YAML: %s", what), Where: where, Class: change.ClassUsage,
		Try: "mind indents, colons and quotes there",
	}
}

// Line is where the value stands, from 1.
func (v Value) Line() int {
	if v.node == nil || v.node.GetToken() == nil {
		return 0
	}
	return v.node.GetToken().Position.Line
}

// firstLine is the line on which a mapping begins.
func (v Value) firstLine() int {
	if m, ok := v.node.(*ast.MappingNode); ok && len(m.Values) > 0 {
		return m.Values[0].Key.GetToken().Position.Line
	}
	return v.Line()
}

// Where is the place of the value, as "file:line:column".
func (v Value) Where() string {
	if v.node == nil || v.node.GetToken() == nil {
		return v.file
	}
	p := v.node.GetToken().Position
	// A mapping's own token is its first colon; its first key says better where it begins.
	if m, ok := v.node.(*ast.MappingNode); ok && len(m.Values) > 0 {
		p = m.Values[0].Key.GetToken().Position
	}
	return fmt.Sprintf("%s:%d:%d", v.file, p.Line, p.Column)
}

// Problem is a mistake at the value, with what to try.
func (v Value) Problem(what, try string) error {
	return &change.Problem{Err: errors.New(what), Where: v.Where(), Class: change.ClassUsage, Try: try}
}

// explained gives an error the value's place.
func (v Value) explained(err error) error {
	if err == nil {
		return nil
	}
	return v.Problem(err.Error(), hint(err, "mend the value"))
}

// Any is the value as plain Go: map[string]Any, []Any, string, int64, float64, bool or nil.
func (v Value) Any() (any, error) {
	if v.node == nil {
		return nil, nil
	}
	var out any
	if err := yaml.NodeToValue(v.node, &out); err != nil {
		return nil, v.Problem("broken YAML value: "+err.Error(), "mend the value")
	}
	return plain(out), nil
}

// plain makes one Go type of each kind of number.
func plain(v any) any {
	switch x := v.(type) {
	case uint64:
		return int64(x)
	case int:
		return int64(x)
	case map[string]any:
		for k := range x {
			x[k] = plain(x[k])
		}
	case []any:
		for i := range x {
			x[i] = plain(x[i])
		}
	}
	return v
}

// Text is a scalar as it reads; numbers and booleans too, as dbt takes them.
func (v Value) Text() (string, error) {
	x, err := v.Any()
	if err != nil {
		return "", err
	}
	switch x := x.(type) {
	case nil:
		return "", nil
	case string:
		return x, nil
	case int64, float64, bool:
		return fmt.Sprint(x), nil
	}
	return "", v.Problem("a text is wanted here", "write one value, in quotes if it has a colon or braces")
}

// Int is a whole number.
func (v Value) Int() (int, error) {
	s, err := v.Text()
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, v.Problem(fmt.Sprintf("%q is not a whole number", s), "2")
	}
	return n, nil
}

// Bool is true or false.
func (v Value) Bool() (bool, error) {
	x, err := v.Any()
	if err != nil {
		return false, err
	}
	b, ok := x.(bool)
	if !ok {
		return false, v.Problem("true or false is wanted here", "true, without quotes")
	}
	return b, nil
}

// List is a sequence; a single scalar counts as a List of one, as in dbt.
func (v Value) List() ([]Value, error) {
	switch n := unwrap(v.node).(type) {
	case nil, *ast.NullNode:
		return nil, nil
	case *ast.SequenceNode:
		out := make([]Value, len(n.Values))
		for i, e := range n.Values {
			out[i] = Value{v.file, e}
		}
		return out, nil
	case *ast.MappingNode, *ast.MappingValueNode:
		return nil, v.Problem("a list is wanted here", "begin each item with a dash")
	}
	return []Value{v}, nil
}

// Texts is a list of texts, or one text as a list of one.
func (v Value) Texts() ([]string, error) {
	items, err := v.List()
	if err != nil {
		return nil, err
	}
	out := make([]string, len(items))
	for i, item := range items {
		if out[i], err = item.Text(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// IsMapping tells a mapping from a scalar, a list or nothing.
func (v Value) IsMapping() bool {
	switch unwrap(v.node).(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

// Object is the value as a mapping that is read key by key.
func (v Value) Object() (*Object, error) {
	o := &Object{file: v.file, Value: v}
	switch n := unwrap(v.node).(type) {
	case nil, *ast.NullNode:
	case *ast.MappingNode:
		for _, e := range n.Values {
			o.add(e)
		}
	case *ast.MappingValueNode:
		o.add(n)
	default:
		return nil, v.Problem("a mapping is wanted here", "write key: value lines")
	}
	return o, nil
}

func unwrap(n ast.Node) ast.Node {
	switch x := n.(type) {
	case *ast.AnchorNode:
		return unwrap(x.Value)
	case *ast.TagNode:
		return unwrap(x.Value)
	}
	return n
}

// Object is a mapping of which each key must be taken: what is left over is unknown.
type Object struct {
	file   string
	Value  Value
	Fields []Field
	taken  map[string]bool
}

func (o *Object) add(e *ast.MappingValueNode) {
	key := Value{o.file, e.Key}
	name, err := key.Text()
	if err != nil {
		name = e.Key.String()
	}
	o.Fields = append(o.Fields, Field{Name: name, Key: key, Value: Value{o.file, e.Value}})
}

// Take returns the value of a key and marks the key as known.
func (o *Object) Take(name string) (Value, bool) {
	if o.taken == nil {
		o.taken = map[string]bool{}
	}
	o.taken[name] = true
	for _, f := range o.Fields {
		if f.Name == name {
			return f.Value, true
		}
	}
	return Value{}, false
}

// Rest are the fields that nobody took, in their order.
func (o *Object) Rest() []Field {
	var out []Field
	for _, f := range o.Fields {
		if !o.taken[f.Name] {
			out = append(out, f)
		}
	}
	return out
}

// known are the names that were asked for, sorted.
func (o *Object) known() []string {
	names := make([]string, 0, len(o.taken))
	for n := range o.taken {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// heardKeys, where a test sets it, hears of the keys that a mapping knows.
var heardKeys func(o *Object, ignored []string)

// Finish complains about the first key that nobody took, unless it is one of dbt's that have no effect here: those are listed.
// p may be nil where a form has no such keys.
func (o *Object) Finish(p *Project, ignored ...string) error {
	if heardKeys != nil {
		heardKeys(o, ignored)
	}
	for _, f := range o.Rest() {
		if contains(ignored, f.Name) {
			p.ignore(f.Name, f.Key.Where())
			continue
		}
		try := "take the key out"
		if near := Nearest(f.Name, append(o.known(), ignored...)); near != "" {
			try = near
		}
		if p != nil && p.Plain {
			// dbt leaves it be, and says so as well.
			p.ignore(fmt.Sprintf("%s (dbt has no such key; Try: %s)", f.Name, try), f.Key.Where())
			continue
		}
		return f.Key.Problem(fmt.Sprintf("unknown key %q", f.Name), try)
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// Text reads an optional Text; set is left as it is where the key is missing.
func (o *Object) Text(name string, set *string) error {
	v, ok := o.Take(name)
	if !ok {
		return nil
	}
	s, err := v.Text()
	if err == nil {
		*set = s
	}
	return err
}

// Texts reads a key with a list of texts into set, which stays as it is where the key is not given.
func (o *Object) Texts(name string, set *[]string) error {
	v, ok := o.Take(name)
	if !ok {
		return nil
	}
	s, err := v.Texts()
	if err == nil {
		*set = s
	}
	return err
}

// Integer reads a key with a whole number into set, which stays as it is where the key is not given.
func (o *Object) Integer(name string, set *int) error {
	v, ok := o.Take(name)
	if !ok {
		return nil
	}
	n, err := v.Int()
	if err == nil {
		*set = n
	}
	return err
}

// Boolean reads a key with true or false into set, which stays as it is where the key is not given.
func (o *Object) Boolean(name string, set *bool) error {
	v, ok := o.Take(name)
	if !ok {
		return nil
	}
	b, err := v.Bool()
	if err == nil {
		*set = b
	}
	return err
}

// Dict reads an optional mapping of variables as plain Go.
func (o *Object) Dict(name string, set *map[string]any) error {
	v, ok := o.Take(name)
	if !ok {
		return nil
	}
	if v.node != nil {
		v.node = variables(v.node)
	}
	x, err := v.Any()
	if err != nil {
		return err
	}
	m, ok := x.(map[string]any)
	if !ok && x != nil {
		return v.Problem("a mapping is wanted here", "write key: value lines")
	}
	*set = m
	return nil
}

// Each calls do with every item of an optional list of mappings.
func (o *Object) Each(name string, do func(*Object) error) error {
	v, ok := o.Take(name)
	if !ok {
		return nil
	}
	items, err := v.List()
	if err != nil {
		return err
	}
	for _, item := range items {
		child, err := item.Object()
		if err != nil {
			return err
		}
		if err := do(child); err != nil {
			return err
		}
	}
	return nil
}
