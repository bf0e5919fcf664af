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
		c := text[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ';':
			i++
		case c == '#' || strings.HasPrefix(text[i:], "-- ") || strings.HasPrefix(text[i:], "--\n"):
			end := strings.IndexByte(text[i:], '\n')
			if end < 0 {
				return out
			}
			i += end + 1
		case strings.HasPrefix(text[i:], "/*!") || strings.HasPrefix(text[i:], "/*M!"):
			i += strings.IndexByte(text[i:], '!') + 1
			for i < len(text) && text[i] >= '0' && text[i] <= '9' {
				i++
			}
		case strings.HasPrefix(text[i:], "*/"):
			i += 2
		case strings.HasPrefix(text[i:], "/*"):
			end := strings.Index(text[i+2:], "*/")
			if end < 0 {
				return out
			}
			i += end + 4
		case (c == 'x' || c == 'X') && i+1 < len(text) && text[i+1] == '\'':
			_, n := quotedText(text[i+1:])
			out = append(out, token{text: text[i : i+1+n]})
			i += 1 + n
		case c == '`' || c == '\'' || c == '"':
			value, n := quotedText(text[i:])
			out = append(out, token{value, true})
			i += n
		case isWord(c):
			end := i
			for end < len(text) && isWord(text[end]) {
				end++
			}
			out = append(out, token{text: text[i:end]})
			i = end
		default:
			out = append(out, token{text: string(c)})
			i++
		}
	}
	return out
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
