package catalog

import (
	"regexp"
	"slices"
	"strings"
)

var (
	comment  = regexp.MustCompile(`--[^\n]*|(?s:/\*.*?\*/)`)
	asName   = regexp.MustCompile(`(?is)\sas\s+"?([a-z_][a-z0-9_]*)"?\s*$`)
	lastName = regexp.MustCompile(`(?is)^(?:[a-z_][a-z0-9_]*\.)?"?([a-z_][a-z0-9_]*)"?$`)
	starOf   = regexp.MustCompile(`(?is)^(?:([a-z_][a-z0-9_]*)\.)?\*$`)
	fromName = regexp.MustCompile(`(?is)^\s*(\(|[a-z_][a-z0-9_.]*)`)
	cteName  = regexp.MustCompile(`(?is)([a-z_][a-z0-9_]*)\s*(?:\([^)]*\)\s*)?as\s*(?:materialized\s*|not\s+materialized\s*)?$`)
)

// reader tells the columns of selects, as far as their text tells.
type reader struct {
	ctes   map[string]string   // Text by name.
	tables map[string][]string // Columns of the project's other tables.
}

// selected are the columns that a select gives; all is false where a star leads to a table whose columns are not known.
func selected(sql string, tables map[string][]string) (names []string, all bool) {
	r := reader{ctes: map[string]string{}, tables: tables}
	return r.columns(comment.ReplaceAllString(sql, " "))
}

func (r reader) columns(sql string) ([]string, bool) {
	body := withoutCTEs(sql, r.ctes)
	list, from, ok := clauses(body)
	if !ok {
		return nil, false
	}
	var out []string
	all := true
	for _, item := range splitTop(list, ',') {
		item = strings.TrimSpace(item)
		if m := starOf.FindStringSubmatch(item); m != nil {
			inner, known := r.star(m[1], from)
			out, all = append(out, inner...), all && known
			continue
		}
		m := asName.FindStringSubmatch(" " + item)
		if m == nil {
			m = lastName.FindStringSubmatch(item)
		}
		if m == nil {
			all = false
			continue
		}
		out = append(out, strings.ToLower(m[1]))
	}
	return out, all
}

// withoutCTEs gathers a select's CTEs by name and returns what follows them.
func withoutCTEs(sql string, ctes map[string]string) string {
	rest := strings.TrimSpace(sql)
	if len(rest) < 5 || !strings.EqualFold(rest[:4], "with") || !strings.ContainsAny(rest[4:5], " \n\t\r") {
		return rest
	}
	rest = rest[4:]
	for {
		open := strings.IndexByte(rest, '(')
		if open < 0 {
			return rest
		}
		m := cteName.FindStringSubmatch(rest[:open])
		if m == nil {
			// The columns of a CTE stand in brackets of their own.
			if next := strings.IndexByte(rest[open+1:], '('); next >= 0 {
				open += 1 + next
				m = cteName.FindStringSubmatch(rest[:open])
			}
		}
		end := closing(rest, open)
		if m == nil || end < 0 {
			return rest
		}
		ctes[strings.ToLower(m[1])] = rest[open+1 : end]
		rest = strings.TrimSpace(rest[end+1:])
		if !strings.HasPrefix(rest, ",") {
			return rest
		}
		rest = rest[1:]
	}
}

// clauses cuts a select into its list and what follows FROM.
func clauses(sql string) (list, from string, ok bool) {
	sql = strings.TrimSpace(sql)
	if len(sql) < 7 || !strings.EqualFold(sql[:6], "select") {
		return "", "", false
	}
	body := sql[6:]
	if t := strings.TrimSpace(body); len(t) > 9 && strings.EqualFold(t[:9], "distinct ") {
		body = t[9:]
	}
	if at := topWord(body, "union"); at >= 0 {
		body = body[:at] // The first select names the columns.
	}
	at := topWord(body, "from")
	if at < 0 {
		return body, "", true
	}
	return body[:at], body[at+4:], true
}

// star are the columns behind a star: those of the relation with that alias, or of all of them.
func (r reader) star(alias, from string) ([]string, bool) {
	for _, word := range []string{"where", "group", "order", "having", "union", "limit", "window", "qualify"} {
		if at := topWord(from, word); at >= 0 {
			from = from[:at]
		}
	}
	var out []string
	all, found := true, false
	for len(from) > 0 {
		next := topWord(from, "join")
		part, rest := from, ""
		if next >= 0 {
			part, rest = from[:next], from[next+4:]
		}
		if on := topWord(part, "on"); on >= 0 {
			part = part[:on]
		}
		name, inner := relationOf(part)
		from = rest
		if alias != "" && !strings.EqualFold(alias, name) {
			continue
		}
		found = true
		base := strings.ToLower(baseOf(part))
		if inner == "" {
			inner = r.ctes[base]
		}
		columns, known := r.tables[base]
		if inner != "" {
			columns, known = r.columns(inner)
		}
		for _, c := range columns {
			if !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
		all = all && known
	}
	return out, all && found
}

func baseOf(part string) string {
	m := fromName.FindStringSubmatch(part)
	if m == nil || m[1] == "(" {
		return ""
	}
	return m[1]
}

var aliasOf = regexp.MustCompile(`(?is)^\s*(?:as\s+)?([a-z_][a-z0-9_]*)?`)

// relationOf is the alias of a relation in FROM, and its text where it is a select in brackets.
func relationOf(part string) (alias, inner string) {
	m := fromName.FindStringSubmatchIndex(part)
	if m == nil {
		return "", ""
	}
	rest := part[m[3]:]
	base := part[m[2]:m[3]]
	if base == "(" {
		end := closing(part, m[2])
		if end < 0 {
			return "", ""
		}
		inner, rest, base = part[m[3]:end], part[end+1:], ""
	}
	if a := aliasOf.FindStringSubmatch(rest); a != nil && a[1] != "" {
		switch strings.ToLower(a[1]) {
		case "left", "inner", "cross", "right", "full", "natural":
		default:
			return a[1], inner
		}
	}
	return base, inner
}

// closing is where the bracket that opens at a place is closed; -1 where it is not.
func closing(s string, open int) int {
	end := -1
	scan(s[open:], func(i, depth int) bool {
		if depth == 0 && s[open+i] == ')' {
			end = open + i
			return false
		}
		return true
	})
	return end
}

// topWord is where a word stands outside brackets and quotes; -1 where it does not.
func topWord(s, word string) int {
	at := -1
	scan(s, func(i, depth int) bool {
		if depth == 0 && i+len(word) <= len(s) && strings.EqualFold(s[i:i+len(word)], word) && !isWord(s, i-1) && !isWord(s, i+len(word)) {
			at = i
			return false
		}
		return true
	})
	return at
}

func isWord(s string, i int) bool {
	if i < 0 || i >= len(s) {
		return false
	}
	c := s[i]
	return c == '_' || c == '.' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func splitTop(s string, by byte) []string {
	var out []string
	from := 0
	scan(s, func(i, depth int) bool {
		if depth == 0 && s[i] == by {
			out, from = append(out, s[from:i]), i+1
		}
		return true
	})
	return append(out, s[from:])
}

// scan calls for each letter outside quotes, with the depth of brackets after it.
func scan(s string, each func(i, depth int) bool) {
	depth := 0
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		if quote != 0 {
			if c == quote {
				quote = 0
			}
			continue
		}
		switch c {
		case '\'', '"':
			quote = c
		case '(':
			depth++
		case ')':
			depth--
		}
		if !each(i, depth) {
			return
		}
	}
}
