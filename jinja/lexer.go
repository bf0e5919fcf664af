package jinja

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind int

const (
	tokData kind = iota
	tokOutput
	tokOutputEnd
	tokBlock
	tokBlockEnd
	tokName
	tokString
	tokNumber
	tokOperator
	tokEnd
)

// token is one word of a template: data between tags, or a word within one.
type token struct {
	kind  kind
	text  string // Data, a name or an operator as it stands.
	value Value  // Of a string or number.
	from  int    // Offsets in the source.
	to    int
}

type lexer struct {
	source *source
	text   string
	at     int
	tokens []token
}

var tagEnds = map[byte]string{'{': "}}", '%': "%}", '#': "#}"}

// lex cuts a template into tokens. Whitespace that a minus sign takes away is gone from the data.
func lex(s *source) ([]token, error) {
	l := &lexer{source: s, text: strings.TrimSuffix(s.text, "\n")}
	for l.at < len(l.text) {
		i := l.nextTag()
		if i < 0 {
			l.add(tokData, l.at, len(l.text))
			break
		}
		if err := l.tag(i); err != nil {
			return nil, err
		}
	}
	l.tokens = append(l.tokens, token{kind: tokEnd, from: len(l.text), to: len(l.text)})
	return l.tokens, nil
}

func (l *lexer) add(k kind, from, to int) {
	if k != tokData || to > from {
		l.tokens = append(l.tokens, token{kind: k, text: l.text[from:to], from: from, to: to})
	}
}

func (l *lexer) nextTag() int {
	for i := l.at; i+1 < len(l.text); i++ {
		if l.text[i] == '{' && tagEnds[l.text[i+1]] != "" {
			return i
		}
	}
	return -1
}

// tag reads one tag and the data before it.
func (l *lexer) tag(begin int) error {
	data, inner := begin, begin+2
	if inner < len(l.text) && (l.text[inner] == '-' || l.text[inner] == '+') {
		if l.text[inner] == '-' {
			data = l.at + len(strings.TrimRightFunc(l.text[l.at:begin], unicode.IsSpace))
		}
		inner++
	}
	l.add(tokData, l.at, data)
	letter := l.text[begin+1]
	l.at = inner
	if letter == '#' {
		return l.comment(begin)
	}
	if letter == '%' {
		if end, ok := l.blockWord("raw"); ok {
			return l.raw(begin, end)
		}
	}
	opening, closing := tokOutput, tokOutputEnd
	if letter == '%' {
		opening, closing = tokBlock, tokBlockEnd
	}
	l.tokens = append(l.tokens, token{kind: opening, from: begin, to: inner})
	return l.inside(begin, closing, tagEnds[letter])
}

func (l *lexer) comment(begin int) error {
	n := strings.Index(l.text[l.at:], "#}")
	if n < 0 {
		return l.fail(begin, "the braces are not closed", "close them: {# … #}")
	}
	strip := n > 0 && l.text[l.at+n-1] == '-'
	l.at += n + 2
	l.skip(strip)
	return nil
}

// skip passes the whitespace that a minus sign at a tag's end takes away.
func (l *lexer) skip(strip bool) {
	if strip {
		l.at = len(l.text) - len(strings.TrimLeftFunc(l.text[l.at:], unicode.IsSpace))
	}
}

// blockWord tells whether the block at the lexer holds this one word alone, and where its tag ends.
func (l *lexer) blockWord(word string) (end int, ok bool) {
	rest := strings.TrimLeft(l.text[l.at:], " \t\r\n")
	if !strings.HasPrefix(rest, word) {
		return 0, false
	}
	rest = strings.TrimLeft(rest[len(word):], " \t\r\n")
	for _, closing := range []string{"-%}", "+%}", "%}"} {
		if after, found := strings.CutPrefix(rest, closing); found {
			return len(l.text) - len(after), true
		}
	}
	return 0, false
}

func (l *lexer) raw(begin, end int) error {
	l.at = end
	l.skip(l.text[end-3] == '-')
	from := l.at
	for i := from; i+1 < len(l.text); i++ {
		if l.text[i] != '{' || l.text[i+1] != '%' {
			continue
		}
		l.at = i + 2
		strip := l.at < len(l.text) && l.text[l.at] == '-'
		if strip {
			l.at++
		}
		if close, ok := l.blockWord("endraw"); ok {
			to := i
			if strip {
				to = from + len(strings.TrimRightFunc(l.text[from:i], unicode.IsSpace))
			}
			l.add(tokData, from, to)
			l.at = close
			l.skip(l.text[close-3] == '-')
			return nil
		}
	}
	return l.fail(begin, "{% raw %} has no end", "{% endraw %}")
}

// inside reads the words of a tag up to its end. Braces of a mapping hide the end of the tag.
func (l *lexer) inside(begin int, closing kind, end string) error {
	depth := 0
	for {
		l.at += len(l.text[l.at:]) - len(strings.TrimLeftFunc(l.text[l.at:], unicode.IsSpace))
		rest := l.text[l.at:]
		if rest == "" {
			return l.fail(begin, "the braces are not closed", "close them: "+l.text[begin:begin+2]+" … "+end)
		}
		if depth == 0 {
			signs := "-+"
			if closing == tokOutputEnd {
				signs = "-" // There a plus sign is one.
			}
			bare := strings.TrimLeft(rest[:1], signs)
			if after, ok := strings.CutPrefix(bare+rest[1:], end); ok {
				l.tokens = append(l.tokens, token{kind: closing, from: l.at, to: len(l.text) - len(after)})
				l.at = len(l.text) - len(after)
				l.skip(rest[0] == '-')
				return nil
			}
		}
		if err := l.word(); err != nil {
			return err
		}
		switch t := l.tokens[len(l.tokens)-1]; {
		case t.kind != tokOperator:
		case strings.Contains("([{", t.text):
			depth++
		case strings.Contains(")]}", t.text):
			depth--
			if depth < 0 {
				return l.fail(t.from, fmt.Sprintf("unexpected %q", t.text), "balance the brackets there")
			}
		}
	}
}

var operators = strings.Fields("// ** == != >= <= + - * / % ~ < > = . : , ; | ( ) [ ] { }")

func (l *lexer) word() error {
	rest := l.text[l.at:]
	c, _ := utf8.DecodeRuneInString(rest)
	switch {
	case c == '\'' || c == '"':
		return l.string(byte(c))
	case c >= '0' && c <= '9':
		return l.number()
	case c == '_' || unicode.IsLetter(c):
		n := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if n < 0 {
			n = len(rest)
		}
		l.add(tokName, l.at, l.at+n)
		l.at += n
		return nil
	}
	for _, o := range operators {
		if strings.HasPrefix(rest, o) {
			l.add(tokOperator, l.at, l.at+len(o))
			l.at += len(o)
			return nil
		}
	}
	return l.fail(l.at, fmt.Sprintf("unexpected %q", c), "mind quotes and operators there")
}

func (l *lexer) string(quote byte) error {
	begin := l.at
	for i := begin + 1; i < len(l.text); i++ {
		switch l.text[i] {
		case '\\':
			i++
		case quote:
			text, err := unescape(l.text[begin+1 : i])
			if err != nil {
				return l.fail(begin, err.Error(), `write a backslash twice: \\`)
			}
			l.tokens = append(l.tokens, token{kind: tokString, value: text, from: begin, to: i + 1})
			l.at = i + 1
			return nil
		}
	}
	return l.fail(begin, "a text that is not closed", "close it with the quote that opened it")
}

const decimal = "0123456789"

// digitsOf are the digits behind a prefix.
var digitsOf = map[string]string{"0x": decimal + "abcdefABCDEF", "0o": "01234567", "0b": "01"}

// number reads a whole or broken number as Python writes it: 1_000, 0x1f, 1.5, 1e3.
func (l *lexer) number() error {
	begin, i := l.at, l.at
	digits := func(set string) {
		in := func(i int) bool { return i < len(l.text) && strings.IndexByte(set, l.text[i]) >= 0 }
		for in(i) || i < len(l.text) && l.text[i] == '_' && in(i+1) {
			i++
		}
	}
	float := false
	if set := digitsOf[strings.ToLower(l.text[i:min(i+2, len(l.text))])]; set != "" {
		i += 2
		digits(set)
	} else {
		digits(decimal)
		if i+1 < len(l.text) && l.text[i] == '.' && strings.IndexByte(decimal, l.text[i+1]) >= 0 && !l.afterDot() {
			float = true
			i++
			digits(decimal)
		}
		if e := exponent(l.text[i:]); e > 0 {
			float = true
			i += e
			digits(decimal)
		}
	}
	text := strings.ReplaceAll(l.text[begin:i], "_", "")
	t := token{kind: tokNumber, text: text, from: begin, to: i}
	if float {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return l.fail(begin, fmt.Sprintf("%s is not a number", text), "write it out")
		}
		t.value = f
	} else {
		n, ok := new(big.Int).SetString(text, wholeBase(text))
		if !ok || len(text) > 1 && text[0] == '0' && wholeBase(text) == 10 && strings.Trim(text, "0") != "" {
			return l.fail(begin, fmt.Sprintf("%s is not a whole number", text), "write it without zeros in front")
		}
		t.value = whole(n)
	}
	l.tokens, l.at = append(l.tokens, t), i
	return nil
}

// afterDot tells whether the number is a part, as in a.0.1, so that no fraction can follow.
func (l *lexer) afterDot() bool {
	t := l.tokens[len(l.tokens)-1]
	return t.kind == tokOperator && t.text == "."
}

// wholeBase is 0, for Go to see, where a prefix names the base.
func wholeBase(text string) int {
	if len(text) > 1 && text[0] == '0' && (text[1] < '0' || text[1] > '9') {
		return 0
	}
	return 10
}

// exponent is how many letters an exponent's mark takes; 0 where none stands there.
func exponent(text string) int {
	if text == "" || text[0] != 'e' && text[0] != 'E' {
		return 0
	}
	n := 1
	if n < len(text) && (text[n] == '+' || text[n] == '-') {
		n++
	}
	if n < len(text) && text[n] >= '0' && text[n] <= '9' {
		return n
	}
	return 0
}

var escapes = map[byte]string{
	'n': "\n", 't': "\t", 'r': "\r", 'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v", '\\': `\`, '\'': "'", '"': `"`, '\n': "",
}

// unescape reads the backslashes of a text as Python does.
func unescape(text string) (string, error) {
	if strings.IndexByte(text, '\\') < 0 {
		return text, nil
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		c := text[i]
		if s, ok := escapes[c]; ok {
			b.WriteString(s)
			continue
		}
		wide := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
		switch {
		case wide > 0:
			if i+wide >= len(text) {
				return "", fmt.Errorf(`\%c is followed by too few digits`, c)
			}
			n, err := strconv.ParseUint(text[i+1:i+1+wide], 16, 32)
			if err != nil {
				return "", fmt.Errorf(`\%s is not a character`, text[i:i+1+wide])
			}
			b.WriteRune(rune(n))
			i += wide
		case c >= '0' && c <= '7':
			end := i
			for end < len(text) && end < i+3 && text[end] >= '0' && text[end] <= '7' {
				end++
			}
			n, _ := strconv.ParseUint(text[i:end], 8, 32)
			b.WriteRune(rune(n))
			i = end - 1
		case c == 'N':
			return "", errors.New(`\N{…} is not supported`)
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

func (l *lexer) fail(at int, what, try string) error {
	return &Error{Err: errors.New(what), Try: try, Pos: l.source.pos(at), Syntax: true}
}
