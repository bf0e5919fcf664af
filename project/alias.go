package project

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
)

// resolver puts what an anchor names in the place of its aliases and of merge keys, so that nobody else meets either.
type resolver struct {
	file    string
	anchors map[string]ast.Node
	sizes   map[ast.Node]int
}

// mostNodes bounds what aliases of aliases may grow to.
const mostNodes = 100_000

func resolveAliases(file string, body ast.Node) (ast.Node, error) {
	r := &resolver{file: file, anchors: map[string]ast.Node{}, sizes: map[ast.Node]int{}}
	return r.resolve(body)
}

// sized remembers how many nodes a resolved one stands for.
func (r *resolver) sized(n ast.Node, size int) (ast.Node, error) {
	if size > mostNodes {
		return nil, Value{r.file, n}.Problem("aliases of aliases make too much of this", "write it out")
	}
	r.sizes[n] = size
	return n, nil
}

func (r *resolver) resolve(n ast.Node) (ast.Node, error) {
	switch x := n.(type) {
	case *ast.AnchorNode:
		inner, err := r.resolve(x.Value)
		if err != nil {
			return nil, err
		}
		r.anchors[x.Name.GetToken().Value] = inner
		return inner, nil
	case *ast.AliasNode:
		name := x.Value.GetToken().Value
		inner, ok := r.anchors[name]
		if !ok {
			return nil, Value{r.file, x}.Problem(fmt.Sprintf("there is no anchor %q above this alias", name),
				"&"+name+" where the value stands first")
		}
		return inner, nil
	case *ast.TagNode:
		inner, err := r.resolve(x.Value)
		if err != nil {
			return nil, err
		}
		x.Value = inner
		return r.sized(x, r.sizes[inner])
	case *ast.SequenceNode:
		size := 1
		for i := range x.Values {
			inner, err := r.resolve(x.Values[i])
			if err != nil {
				return nil, err
			}
			x.Values[i] = inner
			size += r.sizes[inner]
		}
		return r.sized(x, size)
	case *ast.MappingValueNode:
		return r.mapping(ast.Mapping(x.GetToken(), false, x))
	case *ast.MappingNode:
		return r.mapping(x)
	}
	return r.sized(n, 1)
}

// mapping resolves a mapping's values, and puts the keys of merged mappings behind its own: a key of its own stands over a merged one,
// and an earlier merged mapping over a later one.
func (r *resolver) mapping(m *ast.MappingNode) (ast.Node, error) {
	var own, merged []*ast.MappingValueNode
	size := 1
	for _, e := range m.Values {
		inner, err := r.resolve(e.Value)
		if err != nil {
			return nil, err
		}
		size += r.sizes[inner] + 1
		if _, isMerge := e.Key.(*ast.MergeKeyNode); !isMerge {
			e.Value = inner
			own = append(own, e)
			continue
		}
		more, err := r.merge(e, inner)
		if err != nil {
			return nil, err
		}
		merged = append(merged, more...)
	}
	seen := map[string]bool{}
	m.Values = nil
	for _, e := range append(own, merged...) {
		if key := e.Key.String(); !seen[key] {
			seen[key] = true
			m.Values = append(m.Values, e)
		}
	}
	return r.sized(m, size)
}

// merge are the keys that `<<: *a` or `<<: [*a, *b]` brings.
func (r *resolver) merge(e *ast.MappingValueNode, v ast.Node) ([]*ast.MappingValueNode, error) {
	switch x := v.(type) {
	case *ast.MappingNode:
		return x.Values, nil
	case *ast.SequenceNode:
		var out []*ast.MappingValueNode
		for _, item := range x.Values {
			more, err := r.merge(e, item)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		}
		return out, nil
	}
	return nil, Value{r.file, e.Key}.Problem("only mappings can be merged", "<<: *name, where name stands for a mapping")
}
