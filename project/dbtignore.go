package project

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// ignoreRule is a line of .dbtignore, which is read as git reads its own.
type ignoreRule struct {
	form *regexp.Regexp
	back bool // The line begins with !: what it matches is there after all.
}

// ignoredByDbt tells whether .dbtignore leaves a file of the project out. The last line that matches decides.
func (p *Project) ignoredByDbt(file string) bool {
	if p.ignoreRules == nil {
		p.ignoreRules = []ignoreRule{}
		text, err := os.ReadFile(filepath.Join(p.Dir, ".dbtignore"))
		if err == nil {
			p.files = append(p.files, ".dbtignore")
			p.ignoreRules = append(p.ignoreRules, readIgnore(string(text))...)
		}
	}
	out := false
	for _, r := range p.ignoreRules {
		if r.form.MatchString(file) {
			out = !r.back
		}
	}
	return out
}

func readIgnore(text string) []ignoreRule {
	var out []ignoreRule
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		line, back := strings.CutPrefix(line, "!")
		folder := strings.HasSuffix(line, "/")
		line = strings.TrimSuffix(line, "/")
		// With a slash inside, a pattern begins at the project's folder; without one it matches at any depth.
		front := "^(?:.*/)?"
		if strings.Contains(line, "/") {
			front = "^"
		}
		end := "(?:/.*)?$"
		if folder {
			end = "/.*$"
		}
		form, err := regexp.Compile(front + globRegexp(strings.TrimPrefix(line, "/")) + end)
		if err == nil {
			out = append(out, ignoreRule{form, back})
		}
	}
	return out
}

// globRegexp writes a pattern with *, ?, ** and [a-z] as a regular expression.
func globRegexp(glob string) string {
	var out strings.Builder
	for i := 0; i < len(glob); i++ {
		rest := glob[i:]
		switch {
		case strings.HasPrefix(rest, "**/"):
			out.WriteString("(?:.*/)?")
			i += 2
		case strings.HasPrefix(rest, "**"):
			out.WriteString(".*")
			i++
		case glob[i] == '*':
			out.WriteString("[^/]*")
		case glob[i] == '?':
			out.WriteString("[^/]")
		case glob[i] == '[' && strings.Contains(rest, "]"):
			end := strings.Index(rest, "]")
			out.WriteString(strings.Replace(rest[:end+1], "[!", "[^", 1))
			i += end
		default:
			out.WriteString(regexp.QuoteMeta(glob[i : i+1]))
		}
	}
	return out.String()
}
