package project

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// testConfigKeys are the configuration keys of a test that have an effect.
var testConfigKeys = []string{"severity", "where", "warn_if", "error_if", "enabled", "meta", "tags", "limit", "fail_calc"}

// testConfigIgnored are those of dbt that have none here.
var testConfigIgnored = map[string]bool{
	"store_failures": true, "store_failures_as": true, "schema": true, "alias": true, "database": true,
	"group": true,
}

// Configure puts one configuration value over a test's, as config() in its SQL gives it. known is false for a key that has no effect here.
func (t *Test) Configure(key string, v any) (known bool, err error) {
	switch key {
	case "severity":
		t.Severity = strings.ToLower(textOf(v))
		if t.Severity != "error" && t.Severity != "warn" {
			return true, fmt.Errorf("severity %q is neither error nor warn", textOf(v))
		}
	case "warn_if":
		t.WarnIf = textOf(v)
	case "error_if":
		t.ErrorIf = textOf(v)
	case "where":
		t.Where = textOf(v)
	case "limit":
		if err := t.setLimit(v); err != nil {
			return true, err
		}
	case "fail_calc":
		if t.Shipped() {
			return false, nil // It counts what dbt's own SQL of that test gives.
		}
		t.FailCalc = textOf(v)
	case "enabled":
		on, err := truth(key, v)
		if err != nil {
			return true, err
		}
		t.Disabled = !on
	case "tags":
		t.Tags = textsOf(v)
	case "meta":
		m, ok := v.(map[string]any)
		if !ok && v != nil {
			return true, fmt.Errorf("meta is not a mapping")
		}
		return true, t.setMeta(m)
	default:
		if testConfigIgnored[key] {
			return false, nil
		}
		if near := slip(key, testConfigKeys); near != "" {
			return true, fmt.Errorf("unknown test configuration %q; did you mean %q?", key, near)
		}
		return false, nil // An adapter's or a project's own key.
	}
	t.given(key)
	return true, nil
}

func (t *Test) setLimit(v any) error {
	n, err := strconv.ParseInt(textOf(v), 10, 64)
	if v != nil && (err != nil || n < 1) {
		return fmt.Errorf("limit %q is not a number of rows", textOf(v))
	}
	t.Limit = n
	return nil
}

// testTry is what to write in place of a test's configuration that is wrong.
func testTry(key string) string {
	if near := slip(key, testConfigKeys); near != "" && near != key {
		return near
	}
	return "severity: warn"
}

func (t *Test) given(key string) {
	if t.set == nil {
		t.set = map[string]bool{}
	}
	t.set[key] = true
}

// Default puts a configuration value under a test's: one that its own YAML or config() gives stands over it.
func (t *Test) Default(key string, v any) (known bool, err error) {
	if t.set[key] {
		return true, nil
	}
	known, err = t.Configure(key, v)
	delete(t.set, key)
	return known, err
}

// setMeta reads meta.lifeline of a test; other keys of meta are anybody's.
func (t *Test) setMeta(meta map[string]any) error {
	own, err := lifelineKeys(meta, "on_fail", "warn_if", "error_if", "note", "until", "hold")
	if err != nil || own == nil {
		return err
	}
	t.given("meta")
	if s := textOf(own["warn_if"]); s != "" {
		t.WarnIf = s
		t.given("warn_if")
	}
	if s := textOf(own["error_if"]); s != "" {
		t.ErrorIf = s
		t.given("error_if")
	}
	t.Note, t.Until = textOf(own["note"]), textOf(own["until"])
	if err := checkUntil(t.Note, t.Until); err != nil {
		return err
	}
	if t.OnFail = textOf(own["on_fail"]); !contains([]string{"", "quarantine", "block", "flag", "info"}, t.OnFail) {
		return hinted{fmt.Errorf("on_fail %q must be quarantine, block, flag or info", t.OnFail), "on_fail: quarantine"}
	}
	return t.readHold(textOf(own["hold"]))
}

// truth is a boolean, or its word.
func truth(key string, v any) (bool, error) {
	switch x := v.(type) {
	case bool:
		return x, nil
	case string:
		switch strings.ToLower(x) {
		case "true", "yes", "on":
			return true, nil
		case "false", "no", "off":
			return false, nil
		}
	}
	return false, fmt.Errorf("%s is true or false, not %q", key, textOf(v))
}

// hinted is an error that knows what to try.
type hinted struct {
	error
	try string
}

// Hint is what to try.
func (h hinted) Hint() string { return h.try }

// hint is what an error says to try, or something else.
func hint(err error, otherwise string) string {
	if h, ok := err.(interface{ Hint() string }); ok {
		return h.Hint()
	}
	return otherwise
}

// lifelineKeys is what stands under meta.lifeline; a key of it that is not known is an error.
func lifelineKeys(meta map[string]any, known ...string) (map[string]any, error) {
	own, ok := meta["lifeline"].(map[string]any)
	if !ok {
		if meta["lifeline"] != nil {
			return nil, hinted{fmt.Errorf("meta.lifeline is not a mapping"), "lifeline: {" + known[0] + ": …}"}
		}
		return nil, nil
	}
	for _, k := range slices.Sorted(maps.Keys(own)) {
		if !contains(known, k) {
			return nil, hinted{fmt.Errorf("unknown key %q under meta.lifeline", k), cmp.Or(Nearest(k, known), strings.Join(known, ", "))}
		}
	}
	return own, nil
}

// testFolders applies data_tests (or tests) of dbt_project.yml to a test, from the outer folder to the test itself.
func (p *Project) testFolders(t *Test) error {
	for _, kind := range []string{"tests", "data_tests"} {
		level, ok := p.folders[kind]
		if !ok {
			continue
		}
		steps := []string{p.Name}
		if inner, ok := p.below(t.File); ok {
			folders := strings.Split(inner, "/")
			steps = append(steps, folders[:len(folders)-1]...)
		}
		if err := p.testLevels(level, append(steps, t.Name), t); err != nil {
			return err
		}
	}
	return nil
}

func (p *Project) testLevels(level Value, steps []string, t *Test) error {
	if err := p.testLevel(level, t); err != nil {
		return err
	}
	for _, step := range steps {
		o, err := level.Object()
		if err != nil {
			return err
		}
		next, ok := o.Take(step)
		if !ok {
			if step == p.Name {
				continue
			}
			return nil
		}
		p.usedFolders = append(p.usedFolders, next.Where())
		if err := p.testLevel(next, t); err != nil {
			return err
		}
		level = next
	}
	return nil
}

func (p *Project) testLevel(level Value, t *Test) error {
	o, err := level.Object()
	if err != nil {
		return err
	}
	for _, f := range o.Fields {
		name, plus := strings.CutPrefix(f.Name, "+")
		if !plus && f.IsMapping() {
			continue
		}
		x, err := f.Any()
		if err != nil {
			return err
		}
		if x, err = p.expandAll(x); err != nil {
			return f.Value.Problem(err.Error(), expandTry)
		}
		known, err := t.Default(name, x)
		if err != nil {
			return f.Key.Problem(err.Error(), hint(err, testTry(name)))
		}
		if !known {
			p.ignore("config."+name, f.Key.Where())
		}
	}
	return nil
}

// below is a file's path below the model, seed or test path that it lies in.
func (p *Project) below(file string) (string, bool) {
	for _, list := range [][]string{p.paths.models, p.paths.seeds, p.paths.tests} {
		for _, root := range list {
			if inner, ok := strings.CutPrefix(file, root+"/"); ok {
				return inner, true
			}
		}
	}
	return "", false
}
