package cdc

import (
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/replication"
)

// token is a word, a name or a sign of a statement; texts in quotes are left out of it.
type token struct {
	text   string
	quoted bool // In backticks or quotes: a name or a text, never a word of the language.
}

func (t token) upper() string { return strings.ToUpper(t.text) }

// tokens takes a statement apart. Comments are left out, but for what MySQL runs of them.
func tokens(text string) []token {
	var out []token
	for i := 0; i < len(text); {
		if n := blank(text[i:]); n > 0 {
			i += n
			continue
		}
		t, n := oneToken(text[i:])
		out = append(out, t)
		i += n
	}
	return out
}

// blank is the length of what stands between two tokens; of a comment that MySQL runs only its marks.
func blank(text string) int {
	to := func(end string) int {
		if i := strings.Index(text[1:], end); i >= 0 {
			return 1 + i + len(end)
		}
		return len(text)
	}
	switch {
	case strings.ContainsRune(" \t\n\r;", rune(text[0])):
		return 1
	case text[0] == '#' || strings.HasPrefix(text, "-- ") || strings.HasPrefix(text, "--\n"):
		return to("\n")
	case strings.HasPrefix(text, "/*!") || strings.HasPrefix(text, "/*M!"):
		mark := strings.IndexByte(text, '!') + 1
		return len(text) - len(strings.TrimLeft(text[mark:], "0123456789"))
	case strings.HasPrefix(text, "*/"):
		return 2
	case strings.HasPrefix(text, "/*"):
		return to("*/")
	}
	return 0
}

// oneToken reads the token that a text begins with, and its length.
func oneToken(text string) (token, int) {
	c := text[0]
	switch {
	case (c == 'x' || c == 'X') && len(text) > 1 && text[1] == '\'':
		_, n := quotedText(text[1:])
		return token{text: text[:1+n]}, 1 + n
	case c == '`' || c == '\'' || c == '"':
		value, n := quotedText(text)
		return token{value, true}, n
	case !isWord(c):
		return token{text: string(rune(c))}, 1
	}
	n := 1
	for n < len(text) && isWord(text[n]) {
		n++
	}
	return token{text: text[:n]}, n
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// quotedText reads what stands between quotes, and how long it is with them.
func quotedText(text string) (string, int) {
	quote := text[0]
	var out strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote != '`' && i+1 < len(text):
			i++
			out.WriteByte(text[i])
		case text[i] == quote && i+1 < len(text) && text[i+1] == quote:
			i++
			out.WriteByte(quote)
		case text[i] == quote:
			return out.String(), i + 1
		default:
			out.WriteByte(text[i])
		}
	}
	return out.String(), len(text)
}

func timeOf(h *replication.EventHeader) time.Time { return time.Unix(int64(h.Timestamp), 0).UTC() }
