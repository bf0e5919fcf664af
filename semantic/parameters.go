package semantic

import (
	"fmt"
	"slices"
	"strings"
)

// BindParameters writes values into a statement in place of :name, each as a quoted text, which both engines compare with any column. What
// comes out is checked as a whole afterwards, so a value can never do more than the statement might. Names without a value stay as
// they are and are returned; a value whose name is not there is a mistake.
func BindParameters(text string, values map[string]string) (filled string, missing []string, err error) {
	var out strings.Builder
	used := map[string]bool{}
	for text != "" {
		n := opaque(text)
		if n == 0 && text[0] == ':' {
			if name := word(text[1:]); name != "" {
				value, is := values[name]
				if is {
					out.WriteString(QuoteText(value))
					used[name] = true
				} else {
					out.WriteString(text[:1+len(name)])
					missing = append(missing, name)
				}
				text = text[1+len(name):]
				continue
			}
		}
		n = max(n, 1)
		out.WriteString(text[:n])
		text = text[n:]
	}
	for name := range values {
		if !used[name] {
			return "", nil, refused(fmt.Sprintf("there is a value for %s, but no :%s in the statement", name, name))
		}
	}
	slices.Sort(missing)
	return out.String(), slices.Compact(missing), nil
}

// opaque is the length of what a text begins with and no name can stand in: a quoted text or name, a comment, a cast.
func opaque(text string) int {
	for _, part := range []struct{ begin, end string }{{"'", "'"}, {`"`, `"`}, {"--", "\n"}, {"/*", "*/"}} {
		rest, is := strings.CutPrefix(text, part.begin)
		if !is {
			continue
		}
		i := strings.Index(rest, part.end)
		if i < 0 {
			return len(text)
		}
		return len(part.begin) + i + len(part.end)
	}
	if strings.HasPrefix(text, "::") {
		return 2
	}
	return 0
}

// word is the name that a text begins with.
func word(text string) string {
	n := 0
	for n < len(text) {
		c := text[n]
		letter := c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (n == 0 || c < '0' || c > '9') {
			break
		}
		n++
	}
	return text[:n]
}
