package project

import (
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

// value is one YAML value with its place, so that every complaint names file, line and column.
type value struct {
	file string
	node ast.Node
}

// field is one key of a mapping.
type field struct {
	name string
	key  value
	value
}

// readYAML reads a file that holds one mapping; a missing file is nil without an error.
func readYAML(dir, file string) (*object, error) {
	text, err := os.ReadFile(filepath.Join(dir, file))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return parseYAML(file, text)
}

func parseYAML(file string, text []byte) (*object, error) {
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, syntaxProblem(file, err)
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		return &object{file: file}, nil
	}
	if len(tree.Docs) > 1 && tree.Docs[1].Body != nil {
		return nil, value{file, tree.Docs[1].Body}.problem("a second YAML document", "keep one document a file")
	}
	return value{file, tree.Docs[0].Body}.object()
}

// syntaxProblem takes the position out of the library's message.
func syntaxProblem(file string, err error) error {
	where, what := file, err.Error()
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) && syntax.GetToken() != nil {
		p := syntax.GetToken().Position
		where, what = fmt.Sprintf("%s:%d:%d", file, p.Line, p.Column), syntax.GetMessage()
	}
	return &change.Problem{Err: fmt.Errorf("broken YAML: %s", what), Where: where, Class: change.ClassUsage, Try: "mind indents, colons and quotes there"}
}

// line is where the value stands, from 1.
func (v value) line() int {
	if v.node == nil || v.node.GetToken() == nil {
		return 0
	}
	return v.node.GetToken().Position.Line
}

// firstLine is the line on which a mapping begins.
func (v value) firstLine() int {
	if m, ok := v.node.(*ast.MappingNode); ok && len(m.Values) > 0 {
		return m.Values[0].Key.GetToken().Position.Line
	}
	return v.line()
}

func (v value) where() string {
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

func (v value) problem(what, try string) error {
	return &change.Problem{Err: errors.New(what), Where: v.where(), Class: change.ClassUsage, Try: try}
}

// any is the value as plain Go: map[string]any, []any, string, int64, float64, bool or nil.
func (v value) any() (any, error) {
	if v.node == nil {
		return nil, nil
	}
	var out any
	if err := yaml.NodeToValue(v.node, &out); err != nil {
		return nil, v.problem("broken YAML value: "+err.Error(), "mend the value")
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

// text is a scalar as it reads; numbers and booleans too, as dbt takes them.
func (v value) text() (string, error) {
	x, err := v.any()
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
	return "", v.problem("a text is wanted here", "write one value, in quotes if it has a colon or braces")
}

func (v value) int() (int, error) {
	s, err := v.text()
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, v.problem(fmt.Sprintf("%q is no whole number", s), "2")
	}
	return n, nil
}

// list is a sequence; a single scalar counts as a list of one, as in dbt.
func (v value) list() ([]value, error) {
	switch n := unwrap(v.node).(type) {
	case nil, *ast.NullNode:
		return nil, nil
	case *ast.SequenceNode:
		out := make([]value, len(n.Values))
		for i, e := range n.Values {
			out[i] = value{v.file, e}
		}
		return out, nil
	case *ast.MappingNode, *ast.MappingValueNode:
		return nil, v.problem("a list is wanted here", "begin each item with a dash")
	}
	return []value{v}, nil
}

func (v value) texts() ([]string, error) {
	items, err := v.list()
	if err != nil {
		return nil, err
	}
	out := make([]string, len(items))
	for i, item := range items {
		if out[i], err = item.text(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// isMapping tells a mapping from a scalar, a list or nothing.
func (v value) isMapping() bool {
	switch unwrap(v.node).(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

// object is the value as a mapping that is read key by key.
func (v value) object() (*object, error) {
	o := &object{file: v.file, value: v}
	switch n := unwrap(v.node).(type) {
	case nil, *ast.NullNode:
	case *ast.MappingNode:
		for _, e := range n.Values {
			o.add(e)
		}
	case *ast.MappingValueNode:
		o.add(n)
	default:
		return nil, v.problem("a mapping is wanted here", "write key: value lines")
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

// object is a mapping of which each key must be taken: what is left over is unknown.
type object struct {
	file   string
	value  value
	fields []field
	taken  map[string]bool
}

func (o *object) add(e *ast.MappingValueNode) {
	key := value{o.file, e.Key}
	name, err := key.text()
	if err != nil {
		name = e.Key.String()
	}
	o.fields = append(o.fields, field{name: name, key: key, value: value{o.file, e.Value}})
}

// take returns the value of a key and marks the key as known.
func (o *object) take(name string) (value, bool) {
	if o.taken == nil {
		o.taken = map[string]bool{}
	}
	o.taken[name] = true
	for _, f := range o.fields {
		if f.name == name {
			return f.value, true
		}
	}
	return value{}, false
}

// rest are the fields that nobody took, in their order.
func (o *object) rest() []field {
	var out []field
	for _, f := range o.fields {
		if !o.taken[f.name] {
			out = append(out, f)
		}
	}
	return out
}

// known are the names that were asked for, sorted.
func (o *object) known() []string {
	names := make([]string, 0, len(o.taken))
	for n := range o.taken {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// finish complains about the first key that nobody took, unless it is one of dbt's that have no effect here: those are listed.
func (o *object) finish(p *Project, ignored ...string) error {
	for _, f := range o.rest() {
		if contains(ignored, f.name) {
			p.ignore(f.name, f.key.where())
			continue
		}
		try := "take the key out"
		if near := Nearest(f.name, append(o.known(), ignored...)); near != "" {
			try = near
		}
		return f.key.problem(fmt.Sprintf("unknown key %q", f.name), try)
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

// text reads an optional text; set is left as it is where the key is missing.
func (o *object) text(name string, set *string) error {
	v, ok := o.take(name)
	if !ok {
		return nil
	}
	s, err := v.text()
	if err == nil {
		*set = s
	}
	return err
}

func (o *object) texts(name string, set *[]string) error {
	v, ok := o.take(name)
	if !ok {
		return nil
	}
	s, err := v.texts()
	if err == nil {
		*set = s
	}
	return err
}

func (o *object) integer(name string, set *int) error {
	v, ok := o.take(name)
	if !ok {
		return nil
	}
	n, err := v.int()
	if err == nil {
		*set = n
	}
	return err
}

// dict reads an optional mapping as plain Go.
func (o *object) dict(name string, set *map[string]any) error {
	v, ok := o.take(name)
	if !ok {
		return nil
	}
	x, err := v.any()
	if err != nil {
		return err
	}
	m, ok := x.(map[string]any)
	if !ok && x != nil {
		return v.problem("a mapping is wanted here", "write key: value lines")
	}
	*set = m
	return nil
}

// each calls do with every item of an optional list of mappings.
func (o *object) each(name string, do func(*object) error) error {
	v, ok := o.take(name)
	if !ok {
		return nil
	}
	items, err := v.list()
	if err != nil {
		return err
	}
	for _, item := range items {
		child, err := item.object()
		if err != nil {
			return err
		}
		if err := do(child); err != nil {
			return err
		}
	}
	return nil
}
