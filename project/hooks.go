package project

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// A hook runs SQL of its own around a model or a build. What it does to rights, indexes or statistics is left out and told; one that
// changes rows or tables is refused, since what is published would differ.

var changesRows = regexp.MustCompile(`(?i)\b(insert|update|delete|merge|truncate|drop|copy|call|execute|run_query|statement|` +
	`create\s+(or\s+replace\s+)?(temp\w*\s+)?(table|view|schema|function|materialized)|alter\s+(table|view|schema|system))\b`)

// hookTexts are the statements of a hook: a text, a mapping with sql, or a list of them.
func hookTexts(v any) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		var out []string
		for _, x := range v {
			out = append(out, hookTexts(x)...)
		}
		return out
	case map[string]any:
		return hookTexts(v["sql"])
	}
	if s := strings.TrimSpace(textOf(v)); s != "" {
		return []string{s}
	}
	return nil
}

// harmfulHook is the word by which a hook changes rows or tables, itself or in a macro of the project that it calls; empty where it does
// not.
func (p *Project) harmfulHook(v any) string {
	for _, sql := range hookTexts(v) {
		if word := changesRows.FindString(sql); word != "" {
			return word
		}
		for _, call := range calledMacro.FindAllStringSubmatch(sql, -1) {
			if word, known := p.changesInMacro(call[1], map[string]bool{}); word != "" || !known {
				return cmp.Or(word, call[1])
			}
		}
	}
	return ""
}

var calledMacro = regexp.MustCompile(`\{[{%]-?\s*(?:do\s+)?(\w+)\s*\(`)

// changesInMacro looks through a macro of the project and what it calls; known is false for one that nobody knows.
func (p *Project) changesInMacro(name string, seen map[string]bool) (word string, known bool) {
	if seen[name] || name == "log" || name == "print" || name == "return" {
		return "", true
	}
	seen[name] = true
	for _, m := range p.Macros {
		for _, block := range splitMacros(m.Path, m.SQL) {
			if !regexp.MustCompile(`^\s*\{%-?\s*macro\s+` + name + `\s*\(`).MatchString(block.SQL) {
				continue
			}
			if word := changesRows.FindString(block.SQL); word != "" {
				return word, true
			}
			for _, call := range calledMacro.FindAllStringSubmatch(block.SQL, -1) {
				if word, _ := p.changesInMacro(call[1], seen); word != "" {
					return word, true
				}
			}
			return "", true
		}
	}
	return "", false
}

// hookTry is what to do about a hook that is refused.
const hookTry = "take the hook out, or write what it does as a model; a version is built where nobody sees it before it is whole"

// TakeHook refuses a hook that changes rows or tables; any other is left out, which its key in the list of what has no effect tells.
func (p *Project) TakeHook(name string, v any) error {
	if len(hookTexts(v)) == 0 {
		return nil
	}
	if word := p.harmfulHook(v); word != "" {
		return fmt.Errorf("%s is not supported: it changes tables (%s), and what is published would differ", name, word)
	}
	return nil
}

// TakeConfigHook is TakeHook for a key of config(), and nothing for one that is not a hook.
func (p *Project) TakeConfigHook(key string, v any) error {
	if !configHooks[key] {
		return nil
	}
	if err := p.TakeHook(key, v); err != nil {
		return hinted{err, hookTry}
	}
	return nil
}
