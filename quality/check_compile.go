package quality

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"lifeline/change"
	"lifeline/project"
)

// Relations says how the nodes that tests name are called in SQL.
type Relations struct {
	// Node gives the relation of a model, seed or source table by its name as tests have it.
	Node func(name string) (relation string, ok bool)
	// Ref gives what an argument such as ref('claims') or source('carepay', 'claim') points at.
	Ref func(text string) (relation, node string, err error)
	// Key gives the columns that tell a node's rows apart, nil where nothing does. A nil func means nil for all.
	Key func(node string) []string
	// Now is the time that recency counts from; zero means the present.
	Now time.Time
}

func (r Relations) now() time.Time {
	if r.Now.IsZero() {
		return time.Now().UTC()
	}
	return r.Now.UTC()
}

// Compile makes a check of a declared test. A test with SQL, singular or of the project's own kind, comes with that rendered,
// and so do where and the arguments. Its errors are of the project: they say file and line.
func Compile(t *project.Test, rel Relations) (Check, error) {
	c, err := compile(t, rel)
	if err != nil {
		return Check{}, &change.Problem{
			Err:   fmt.Errorf("test %s on %s: %w", t.Kind, t.Node, err),
			Where: position(t.File, t.Line),
			Class: change.ClassUsage,
		}
	}
	return c, nil
}

func compile(t *project.Test, rel Relations) (Check, error) {
	c := Check{
		Name: t.Name, Kind: shortKind(t.Kind), Node: t.Node, Column: t.Column, File: t.File, Line: t.Line, where: t.Where,
	}
	var err error
	if c.WarnIf, err = ParseThreshold(t.WarnIf); err != nil {
		return c, fmt.Errorf("warn_if: %w", err)
	}
	if c.ErrorIf, err = ParseThreshold(t.ErrorIf); err != nil {
		return c, fmt.Errorf("error_if: %w", err)
	}
	if c.Severity, err = severity(t); err != nil {
		return c, err
	}
	c.Note, c.Until, c.limit = t.Note, t.Until, t.Limit
	if c.Until != "" && rel.now().Format(time.DateOnly) > c.Until {
		c.WarnIf, c.ErrorIf, c.Expired = Threshold{}, Threshold{}, true
	}
	if rel.Key != nil {
		for _, k := range rel.Key(t.Node) {
			c.Key = append(c.Key, bare(k))
		}
	}
	if t.SQL != "" {
		c.failCalc = t.FailCalc
		c.singular = strings.TrimRight(strings.TrimSpace(t.SQL), "; \n")
		return c, nil
	}
	of, ok := kinds[c.Kind]
	if !ok {
		return c, fmt.Errorf("there is no such test here; there are %s", strings.Join(Kinds(), ", "))
	}
	if c.relation, ok = rel.Node(t.Node); !ok {
		return c, fmt.Errorf("the node %s is not built", t.Node)
	}
	s := &testInput{relation: c.relation, args: maps.Clone(t.Args), ref: rel.Ref, now: rel.now()}
	// dbt_expectations has a where of its own for most of its tests.
	if condition, ok := s.args.text("row_condition"); ok {
		c.where = both(c.where, condition)
	}
	delete(s.args, "row_condition")
	s.where = c.where
	if t.Column != "" {
		s.column = column(t.Column)
	}
	c.testSQL, err = of(s)
	return c, err
}

func both(a, b string) string {
	if a == "" {
		return b
	}
	return bind("({a}) and ({b})", "a", a, "b", b)
}

// shortKind leaves the package out of a test's name: dbt_utils.accepted_range is accepted_range.
func shortKind(kind string) string {
	if i := strings.LastIndexByte(kind, '.'); i >= 0 {
		return kind[i+1:]
	}
	return kind
}

// severity is what a failing test does: as on_fail says, else block for error and flag for warn.
func severity(t *project.Test) (Severity, error) {
	switch s := Severity(strings.ToLower(t.OnFail)); s {
	case Block, Quarantine, Flag, Info:
		return s, nil
	case "":
	default:
		return "", fmt.Errorf("on_fail is quarantine, block, flag or info, not %q", t.OnFail)
	}
	switch strings.ToLower(t.Severity) {
	case "", "error":
		return Block, nil
	case "warn":
		return Flag, nil
	}
	return "", fmt.Errorf("severity is error or warn, not %q", t.Severity)
}
