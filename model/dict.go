package model

import (
	"errors"

	"github.com/nikolalohinski/gonja/v2"
	"github.com/nikolalohinski/gonja/v2/exec"
)

// environment is gonja's own, but that the mappings of a template keep the order in which they were written, as Python's do, and that
// a change to one is kept: the library's methods sort the keys and work on a copy.
var environment = &exec.Environment{
	Context:           gonja.DefaultEnvironment.Context,
	Filters:           gonja.DefaultEnvironment.Filters,
	Tests:             gonja.DefaultEnvironment.Tests,
	ControlStructures: gonja.DefaultEnvironment.ControlStructures,
	Methods: exec.Methods{
		Bool: gonja.DefaultEnvironment.Methods.Bool, Str: gonja.DefaultEnvironment.Methods.Str, Int: gonja.DefaultEnvironment.Methods.Int,
		Float: gonja.DefaultEnvironment.Methods.Float, List: gonja.DefaultEnvironment.Methods.List, Dict: dictMethods(),
	},
}

type dictMethod func(d *exec.Dict, a *exec.VarArgs) any

func dictMethods() *exec.MethodSet[map[string]any] {
	ordered := map[string]dictMethod{
		"keys": func(d *exec.Dict, _ *exec.VarArgs) any {
			return each(d, func(p *exec.Pair) any { return p.Key.Interface() })
		},
		"values": func(d *exec.Dict, _ *exec.VarArgs) any {
			return each(d, func(p *exec.Pair) any { return p.Value.Interface() })
		},
		"items":      func(d *exec.Dict, _ *exec.VarArgs) any { return each(d, item) },
		"update":     updateDict,
		"setdefault": setDefault,
		"pop":        popDict,
		"clear":      func(d *exec.Dict, _ *exec.VarArgs) any { d.Pairs = nil; return nil },
	}
	methods := map[string]exec.Method[map[string]any]{}
	for _, name := range []string{"keys", "values", "items", "update", "setdefault", "pop", "clear", "get", "copy"} {
		known, ok := gonja.DefaultEnvironment.Methods.Dict.Get(name)
		if !ok {
			continue
		}
		methods[name] = func(m map[string]any, self *exec.Value, a *exec.VarArgs) (any, error) {
			// The library's own method goes first: it judges the arguments.
			out, err := known(m, self, a)
			d, isDict := self.Interface().(*exec.Dict)
			if do := ordered[name]; err == nil && isDict && do != nil {
				return do(d, a), nil
			}
			return out, err
		}
	}
	// dbt's exceptions object is a mapping here too.
	methods["raise_compiler_error"] = func(_ map[string]any, _ *exec.Value, a *exec.VarArgs) (any, error) {
		if len(a.Args) == 0 {
			return nil, errors.New(raised + "the macro refuses")
		}
		return nil, errors.New(raised + a.Args[0].String())
	}
	methods["warn"] = func(map[string]any, *exec.Value, *exec.VarArgs) (any, error) { return "", nil }
	return exec.NewMethodSet(methods)
}

func each(d *exec.Dict, of func(*exec.Pair) any) []any {
	out := make([]any, 0, len(d.Pairs))
	for _, p := range d.Pairs {
		out = append(out, of(p))
	}
	return out
}

func item(p *exec.Pair) any { return []any{p.Key.Interface(), p.Value.Interface()} }

func findPair(d *exec.Dict, key string) int {
	for i, p := range d.Pairs {
		if p.Key.String() == key {
			return i
		}
	}
	return -1
}

func setPair(d *exec.Dict, key, v *exec.Value) {
	if i := findPair(d, key.String()); i >= 0 {
		d.Pairs[i].Value = v
		return
	}
	d.Pairs = append(d.Pairs, &exec.Pair{Key: key, Value: v})
}

func updateDict(d *exec.Dict, a *exec.VarArgs) any {
	for _, arg := range a.Args {
		arg.Iterate(func(_, _ int, key, v *exec.Value) bool {
			if v != nil {
				setPair(d, key, v)
			}
			return true
		}, func() {})
	}
	for _, name := range sortedKeys(a.KwArgs) {
		setPair(d, exec.AsValue(name), a.KwArgs[name])
	}
	return nil
}

func setDefault(d *exec.Dict, a *exec.VarArgs) any {
	if i := findPair(d, a.Args[0].String()); i >= 0 {
		return d.Pairs[i].Value.Interface()
	}
	v := exec.AsValue(nil)
	if len(a.Args) > 1 {
		v = a.Args[1]
	}
	setPair(d, a.Args[0], v)
	return v.Interface()
}

func popDict(d *exec.Dict, a *exec.VarArgs) any {
	i := findPair(d, a.Args[0].String())
	if i < 0 {
		if len(a.Args) > 1 {
			return a.Args[1].Interface()
		}
		return nil
	}
	v := d.Pairs[i].Value
	d.Pairs = append(d.Pairs[:i], d.Pairs[i+1:]...)
	return v.Interface()
}
