package quality

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
)

// testInput is one test as its kind sees it.
type testInput struct {
	relation string // The tested node, as SQL calls it.
	column   string // As SQL reads it beside the alias t; empty for a test of the whole node.
	args     args
	where    string
	ref      func(text string) (relation, node string, err error) // Names what an argument such as ref('claims') points at.
	now      time.Time
}

// testSQL is what a kind makes of a test. Exactly one of cond, repeated and measure is set.
type testSQL struct {
	cond  string // True for a bad row t.
	alone bool   // cond looks at t only, so that it can be counted in one scan with others.
	// Joined to t for cond; it may find each t several times only if cond is false for it then.
	join string
	// The columns whose values may not repeat; all rows of a repeated value are bad.
	repeated []string
	nulls    bool // With repeated: nulls count as equal; else rows with a null are left out.
	// For a test of the whole table: a select of two numbers, failing and tested; with probe, what it looks at.
	measure string
	probe   func(ctx context.Context, db *sql.DB, r *Result) error // Works out failing and tested from measure where SQL does not say it well.
	shown   evidence                                               // What is shown of a bad row.
	parent  string                                                 // The node that cond looks a parent up in, "" for most.
	empty   bool                                                   // The test says something about an empty table too.
}

// kinds are the generic tests, by the names that dbt, dbt_utils and dbt_expectations gave them. Their arguments are
// project.TestKinds; check_test.go holds both lists together.
var kinds = map[string]func(*testInput) (testSQL, error){}

func register(family map[string]func(*testInput) (testSQL, error)) map[string]func(*testInput) (testSQL, error) {
	for name, f := range family {
		kinds[name] = f
	}
	return family
}

// Kinds lists the generic tests that can be compiled, in order.
func Kinds() []string {
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// target is the tested rows as a table t.
func (s *testInput) target() string {
	return target(s.relation, s.where)
}

func target(relation, where string) string {
	if where == "" {
		return relation + " as t"
	}
	return bind(`(select * from {relation} where {where}) as t`, "relation", relation, "where", where)
}

// needColumn says that the test stands under no column and names none.
func (s *testInput) needColumn() error {
	if s.column == "" {
		return fmt.Errorf("this test needs a column: put it under one, or give column_name")
	}
	return nil
}

// args are a test's arguments as YAML gave them.
type args map[string]any

// text gives an argument as text; a number or a boolean is given as SQL writes it.
func (a args) text(name string) (string, bool) {
	v, ok := a[name]
	if !ok || v == nil {
		return "", false
	}
	return strings.TrimSpace(scalar(v)), true
}

func scalar(v any) string {
	if t, ok := v.(time.Time); ok {
		return t.Format(time.DateTime)
	}
	return fmt.Sprint(v)
}

func (a args) mustText(name string) (string, error) {
	v, ok := a.text(name)
	if !ok || v == "" {
		return "", fmt.Errorf("the argument %q is missing", name)
	}
	return v, nil
}

// bool gives a yes or no, with what holds when it is not there.
func (a args) bool(name string, otherwise bool) (bool, error) {
	v, ok := a[name]
	if !ok || v == nil {
		return otherwise, nil
	}
	switch b := v.(type) {
	case bool:
		return b, nil
	case string:
		switch strings.ToLower(b) {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
	}
	return false, fmt.Errorf("the argument %q is true or false, not %v", name, v)
}

// list gives an argument that is a list.
func (a args) list(name string) ([]any, error) {
	v, ok := a[name]
	if !ok || v == nil {
		return nil, fmt.Errorf("the argument %q is missing", name)
	}
	switch l := v.(type) {
	case []any:
		return l, nil
	case []string:
		out := make([]any, len(l))
		for i, s := range l {
			out[i] = s
		}
		return out, nil
	}
	return nil, fmt.Errorf("the argument %q is a list, not %v", name, v)
}

// only refuses an argument that the test does not have, so that a misspelt bound is not silently no bound at all.
func (a args) only(names ...string) error {
	var unknown []string
	for name := range a {
		if !slices.Contains(names, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	sort.Strings(unknown)
	return fmt.Errorf("this test has no argument %q; it has %s", unknown[0], strings.Join(names, ", "))
}
