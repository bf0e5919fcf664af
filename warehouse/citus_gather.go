package warehouse

import (
	"fmt"
	"slices"
	"strings"
)

// What no worker can answer, such as grouping sets or an outer join on another column than the key, the coordinator answers from what it
// is sent: each spread table that the statement names becomes a materialized CTE, and what is left reads no shard.

// token is a word, a quoted name or a sign of a statement; blanks, comments and the insides of literals are none.
type token struct {
	start, end int
	text       string // A word in lower case, a quoted name without its quotes.
	name       bool   // A word or a quoted name.
	quoted     bool
	depth      int // Of parentheses around it.
}

// tokens reads a statement as far as names need it.
func tokens(sql string) []token {
	var out []token
	depth := 0
	for i := 0; i < len(sql); {
		c := sql[i]
		switch {
		case strings.HasPrefix(sql[i:], "--"):
			i = after(sql, i, "\n")
		case strings.HasPrefix(sql[i:], "/*"):
			i = after(sql, i+2, "*/")
		case c == '\'':
			i = endOfQuoted(sql, i, '\'')
		case c == '"':
			end := endOfQuoted(sql, i, '"')
			text := strings.ReplaceAll(sql[i+1:max(end-1, i+1)], `""`, `"`)
			out = append(out, token{start: i, end: end, text: text, name: true, quoted: true, depth: depth})
			i = end
		case isWordByte(c) && (c < '0' || c > '9'):
			end := i
			for end < len(sql) && (isWordByte(sql[end]) || sql[end] == '$') {
				end++
			}
			out = append(out, token{start: i, end: end, text: strings.ToLower(sql[i:end]), name: true, depth: depth})
			i = end
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		default:
			if c == ')' {
				depth--
			}
			out = append(out, token{start: i, end: i + 1, text: sql[i : i+1], depth: depth})
			if c == '(' {
				depth++
			}
			i++
		}
	}
	return out
}

func isWordByte(c byte) bool {
	return c == '_' || c >= 0x80 || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func after(sql string, from int, end string) int {
	i := strings.Index(sql[from:], end)
	if i < 0 {
		return len(sql)
	}
	return from + i + len(end)
}

// endOfQuoted is the place after the closing quote; a doubled quote stands for itself.
func endOfQuoted(sql string, from int, quote byte) int {
	for i := from + 1; i < len(sql); i++ {
		if sql[i] != quote {
			continue
		}
		if i+1 < len(sql) && sql[i+1] == quote {
			i++
			continue
		}
		return i + 1
	}
	return len(sql)
}

// gathering rewrites one statement.
type gathering struct {
	sql    string
	tokens []token
	spread func(schema, name string) (relation string, is bool) // schema is empty where the statement names none.
	ctes   []string                                             // Names that the statement itself defines.
	pulled []string                                             // Relations, each a CTE by its place.
	out    strings.Builder
	copied int // How far the statement is in out.
}

// gather gives the statement over CTEs that pull every spread table that it reads to the coordinator. It is the statement itself where it
// reads none, or is none that can have a CTE.
func gather(sql string, spread func(schema, name string) (relation string, is bool)) (gathered string, pulls bool) {
	g := &gathering{sql: sql, tokens: tokens(sql), spread: spread}
	at, with := g.place()
	if at < 0 {
		return sql, false
	}
	for i := 0; i+1 < len(g.tokens); i++ {
		if t := g.tokens[i]; t.name && g.text(i+1) == "as" && (g.text(i+2) == "(" || g.text(i+2) == "materialized" || g.text(i+2) == "not") {
			g.ctes = append(g.ctes, t.text)
		}
	}
	for i := 0; i < len(g.tokens); i++ {
		if g.tokens[i].start < at { // The table that is made or written to.
			continue
		}
		i += g.replace(i)
	}
	if len(g.pulled) == 0 {
		return sql, false
	}
	g.out.WriteString(sql[g.copied:])
	ctes := make([]string, len(g.pulled))
	for n, relation := range g.pulled {
		ctes[n] = fmt.Sprintf("lifeline__pulled_%d as materialized (select * from %s)", n+1, relation)
	}
	head := "with " + strings.Join(ctes, ", ")
	if with {
		head = " " + strings.Join(ctes, ", ") + ","
	}
	body := g.out.String()
	return body[:at] + head + " " + body[at:], true
}

// place says where the CTEs go: after the statement's own WITH, or before its select.
func (g *gathering) place() (at int, afterWith bool) {
	for i, t := range g.tokens {
		if t.depth > 0 || !t.name || t.quoted {
			continue
		}
		switch t.text {
		case "with":
			if g.text(i+1) == "recursive" {
				return g.tokens[i+1].end, true
			}
			if g.text(i+1) == "(" || g.text(i+1) == "no" { // Of a table's options.
				continue
			}
			return t.end, true
		case "select", "delete", "update":
			if i > 0 && g.text(i-1) == "for" {
				continue
			}
			return t.start, false
		}
	}
	// A union of selects in parentheses.
	if len(g.tokens) > 0 && g.tokens[0].text == "(" {
		return g.tokens[0].start, false
	}
	return -1, false
}

func (g *gathering) text(i int) string {
	if i < 0 || i >= len(g.tokens) || g.tokens[i].quoted {
		return ""
	}
	return g.tokens[i].text
}

// replace puts a CTE's name for the table that begins at a token, and says how many tokens more it took.
func (g *gathering) replace(i int) int {
	t := g.tokens[i]
	if !t.name || g.text(i-1) == "." || g.text(i-1) == "into" || g.text(i-1) == "update" || g.text(i-1) == "table" ||
		g.text(i-1) == "from" && g.text(i-2) == "delete" {
		return 0
	}
	last, schema, name := i, "", t.text
	reads := g.text(i-1) == "from" || g.text(i-1) == "join" || g.text(i-1) == "using"
	if g.text(i+1) == "." && i+2 < len(g.tokens) && g.tokens[i+2].name {
		last, schema, name = i+2, t.text, g.tokens[i+2].text
	} else if !reads || slices.Contains(g.ctes, name) {
		return 0
	}
	if g.text(last+1) == "(" {
		return 0
	}
	relation, is := g.spread(schema, name)
	if !is {
		return 0
	}
	g.out.WriteString(g.sql[g.copied:t.start])
	g.copied = g.tokens[last].end
	if g.text(last+1) == "." { // A column with its table's whole name.
		g.out.WriteString(Quote(name))
		return last - i
	}
	n := slices.Index(g.pulled, relation)
	if n < 0 {
		n = len(g.pulled)
		g.pulled = append(g.pulled, relation)
	}
	fmt.Fprintf(&g.out, "lifeline__pulled_%d", n+1)
	if !g.hasAlias(last + 1) {
		g.out.WriteString(" as " + Quote(name))
	}
	return last - i
}

// hasAlias tells whether a token names the table before it.
func (g *gathering) hasAlias(i int) bool {
	if i >= len(g.tokens) || !g.tokens[i].name {
		return false
	}
	word := g.tokens[i].text
	return g.tokens[i].quoted || word == "as" || !reservedWords[word] && word != "set" && word != "window"
}

// inlineCTEs asks for every CTE of a select to be planned in its place; it has the same rows. A recursive one cannot be.
func inlineCTEs(sql string) string {
	all := tokens(sql)
	var out strings.Builder
	copied := 0
	for i, t := range all {
		if t.text == "recursive" && !t.quoted {
			return sql
		}
		if t.text != "as" || t.quoted || i+2 >= len(all) || all[i+1].text != "(" {
			continue
		}
		if next := all[i+2].text; next == "select" || next == "with" || next == "(" {
			out.WriteString(sql[copied:t.end] + " not materialized")
			copied = t.end
		}
	}
	return out.String() + sql[copied:]
}
