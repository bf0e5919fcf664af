package model

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"lifeline/change"
	"lifeline/project"
)

// Select chooses nodes as dbt does: a name, a folder of models, +name (with what it reads), name+ (with what reads it), 2+name (two
// steps), @name (what reads it, with all that those read), tag:x, path:x, source:x, config.materialized:x, resource_type:x, state:x, with *
// in names; several are a union, a comma is an intersection. An empty include means all. The answer is in build order.
func (g *Graph) Select(include, exclude []string) ([]*Node, error) {
	chosen := map[*Node]bool{}
	if len(include) == 0 {
		for _, n := range g.Nodes {
			chosen[n] = true
		}
	}
	if err := g.union(include, func(n *Node) { chosen[n] = true }); err != nil {
		return nil, err
	}
	if err := g.union(exclude, func(n *Node) { delete(chosen, n) }); err != nil {
		return nil, err
	}
	var out []*Node
	for _, n := range g.Nodes {
		if chosen[n] {
			out = append(out, n)
		}
	}
	return out, nil
}

func (g *Graph) union(criteria []string, do func(*Node)) error {
	for _, words := range criteria {
		for _, word := range strings.Fields(words) {
			found, err := g.intersection(word)
			if err != nil {
				return err
			}
			for n := range found {
				do(n)
			}
		}
	}
	return nil
}

func (g *Graph) intersection(word string) (map[*Node]bool, error) {
	var all map[*Node]bool
	for _, part := range strings.Split(word, ",") {
		found, err := g.one(part)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = found
			continue
		}
		for n := range all {
			if !found[n] {
				delete(all, n)
			}
		}
	}
	return all, nil
}

// one answers a single criterion with its plus signs.
func (g *Graph) one(word string) (map[*Node]bool, error) {
	core, up, down := word, 0, 0
	at := strings.HasPrefix(core, "@")
	if at {
		core, down = core[1:], everyStep
	}
	if before, after, ok := strings.Cut(core, "+"); ok && isSteps(before) {
		core, up = after, steps(before)
	}
	if i := strings.LastIndexByte(core, '+'); i >= 0 && isSteps(core[i+1:]) {
		core, down = core[:i], steps(core[i+1:])
	}
	if err := known(core); err != nil {
		return nil, err
	}
	if err := g.knownState(core); err != nil {
		return nil, err
	}
	found := map[*Node]bool{}
	for _, n := range g.Nodes {
		if g.matches(n, core) {
			found[n] = true
		}
	}
	if len(found) == 0 && strings.HasPrefix(core, "state:") {
		return found, nil // Nothing has changed, which is good news.
	}
	if len(found) == 0 {
		var names []string
		for _, n := range g.Nodes {
			names = append(names, n.Name)
		}
		try := "lifeline ls"
		if near := project.Nearest(core, names); near != "" {
			try = "--select " + near
		}
		return nil, &change.Problem{Err: fmt.Errorf("nothing is selected by %q", word), Class: change.ClassUsage, Try: try}
	}
	out := map[*Node]bool{}
	for n := range found {
		out[n] = true
		walk(n, up, out, func(n *Node) []*Node { return n.DependsOn })
		walk(n, down, out, g.readers)
	}
	if at {
		for n := range maps.Clone(out) {
			walk(n, everyStep, out, func(n *Node) []*Node { return n.DependsOn })
		}
	}
	return out, nil
}

// methods are the ways to choose by something else than a name.
var methods = []string{"config.materialized", "fqn", "path", "resource_type", "source", "state", "tag"}

// stateWords are what state: chooses by, against the manifest of --state.
var stateWords = []string{
	"new", "old", "modified", "unmodified", "modified.body", "modified.configs", "modified.relation", "modified.macros", "modified.contract",
	"modified.persisted_descriptions",
}

// knownState refuses a word of state: that says nothing, and any of them where there is nothing to compare with.
func (g *Graph) knownState(criterion string) error {
	word, ok := strings.CutPrefix(criterion, "state:")
	if !ok {
		return nil
	}
	if !slices.Contains(stateWords, word) {
		return &change.Problem{
			Err: fmt.Errorf("there is no selection by %q", criterion), Class: change.ClassUsage,
			Try: "state:" + cmp.Or(project.Nearest(word, stateWords), "modified"),
		}
	}
	if g.project.Against == nil {
		return &change.Problem{
			Err: fmt.Errorf("%q needs an earlier state to compare with", criterion), Class: change.ClassUsage,
			Try: "--state DIR, a folder with the manifest.json of an earlier run",
		}
	}
	return nil
}

// known refuses a method of dbt that is not here: it must not choose nothing in silence.
func known(criterion string) error {
	method, _, ok := strings.Cut(criterion, ":")
	if !ok || slices.Contains(methods, method) {
		return nil
	}
	try := "a name, or one of " + strings.Join(methods, ":, ") + ":"
	if near := project.Nearest(method, methods); near != "" {
		try = near + ":"
	}
	return &change.Problem{Err: fmt.Errorf("there is no selection by %q", method+":"), Class: change.ClassUsage, Try: try}
}

// everyStep is further than any graph is deep.
const everyStep = 1 << 30

func isSteps(s string) bool {
	_, err := strconv.Atoi(s)
	return s == "" || err == nil
}

func steps(s string) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return everyStep
}

func (g *Graph) matches(n *Node, criterion string) bool {
	method, name, ok := strings.Cut(criterion, ":")
	if !ok {
		method, name = "fqn", criterion
		if strings.Contains(criterion, "/") {
			method = "path"
		}
	}
	switch method {
	case "fqn":
		return glob(name, n.ID) || n.Kind != KindSource && g.matchesName(n, name)
	case "tag":
		for _, t := range n.Tags {
			if glob(name, t) {
				return true
			}
		}
	case "path":
		name = path.Clean(name)
		return n.Kind != KindSource && (n.Path == name || strings.HasPrefix(n.Path, name+"/") || glob(name, n.Path))
	case "source":
		return n.Kind == KindSource && (glob(name, n.Source.Source) || glob(name, n.Source.Source+"."+n.Name) || glob(name, n.Name))
	case "state":
		return slices.Contains(g.project.Against[n.ID], name)
	case "config.materialized":
		return n.Materialized == name
	case "resource_type":
		return string(n.Kind) == name
	}
	return false
}

// matchesName takes a node's name, or the folders before it joined by dots, with the project's name or without.
func (g *Graph) matchesName(n *Node, name string) bool {
	if glob(name, n.Name) {
		return true
	}
	folders := g.project.Folders(n.Path)
	for _, parts := range [][]string{folders, append([]string{g.project.Name}, folders...)} {
		for end := 1; end <= len(parts); end++ {
			if name == strings.Join(parts[:end], ".") || glob(name, strings.Join(append(slices.Clone(parts), n.Name), ".")) {
				return true
			}
		}
	}
	return false
}

func glob(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

// readers are the nodes that read n directly.
func (g *Graph) readers(n *Node) []*Node {
	var out []*Node
	for _, r := range g.Nodes {
		for _, d := range r.DependsOn {
			if d == n {
				out = append(out, r)
			}
		}
	}
	return out
}

func walk(n *Node, left int, seen map[*Node]bool, next func(*Node) []*Node) {
	// By breadth, so that a node is reached by its shortest way and a limit of steps is kept.
	layer := []*Node{n}
	visited := map[*Node]bool{n: true}
	for ; left > 0 && len(layer) > 0; left-- {
		var after []*Node
		for _, at := range layer {
			for _, d := range next(at) {
				if !visited[d] {
					visited[d], seen[d] = true, true
					after = append(after, d)
				}
			}
		}
		layer = after
	}
}

// Upstream are the nodes that n reads, directly or not.
func (g *Graph) Upstream(n *Node) map[*Node]bool {
	out := map[*Node]bool{}
	walk(n, everyStep, out, func(n *Node) []*Node { return n.DependsOn })
	return out
}
