package model

import (
	"regexp"
	"strings"
)

// tag is one `{{ … }}` or `{% … %}` of a file.
type tag struct {
	block bool   // {% … %}.
	inner string // What stands between the braces.
	at    int    // The offset of its first brace.
}

// scan finds the tags of a file, past comments and raw blocks. open is the offset of a tag or comment that is never closed, or -1.
func scan(text string) (tags []tag, open int) {
	for at := 0; ; {
		i := nextTag(text, at)
		if i < 0 {
			return tags, -1
		}
		closing := map[byte]string{'{': "}}", '%': "%}", '#': "#}"}[text[i+1]]
		n := closed(text[i+2:], closing)
		if n < 0 {
			return tags, i
		}
		at = i + 2 + n + 2
		if text[i+1] == '#' {
			continue
		}
		t := tag{block: text[i+1] == '%', inner: text[i+2 : i+2+n], at: i}
		tags = append(tags, t)
		if t.block && t.word() == "raw" {
			end := endraw.FindStringIndex(text[at:])
			if end == nil {
				return tags, i
			}
			at += end[1]
		}
	}
}

var endraw = regexp.MustCompile(`\{%-?\s*endraw\s*-?%\}`)

func nextTag(text string, from int) int {
	for i := from; i+1 < len(text); i++ {
		if text[i] == '{' && (text[i+1] == '{' || text[i+1] == '%' || text[i+1] == '#') {
			return i
		}
	}
	return -1
}

// closed is the offset of the closing braces outside quotes; a comment knows no quotes.
func closed(text, closing string) int {
	quote := byte(0)
	depth := 0
	for i := 0; i+1 < len(text); i++ {
		c := text[i]
		switch {
		case closing == "#}":
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
			continue
		case c == '\'' || c == '"':
			quote = c
			continue
		case c == '{':
			depth++
			continue
		case c == '}' && depth > 0:
			depth--
			continue
		}
		if text[i:i+2] == closing {
			return i
		}
	}
	return -1
}

// word is the first word of a block, such as "if" or "endmacro".
func (t tag) word() string {
	text := strings.TrimLeft(t.inner, "-+ \t\r\n")
	end := 0
	for end < len(text) && (text[end] == '_' || text[end] >= 'a' && text[end] <= 'z') {
		end++
	}
	return text[:end]
}

// unended is the offset of the last block that has no end, or -1.
func unended(tags []tag) int {
	var stack []tag
	for _, t := range tags {
		if !t.block {
			continue
		}
		word := t.word()
		if begun, ok := strings.CutPrefix(word, "end"); ok {
			for i := len(stack) - 1; i >= 0; i-- {
				if stack[i].word() == begun {
					stack = append(stack[:i], stack[i+1:]...)
					break
				}
			}
			continue
		}
		switch word {
		case "set":
			if strings.Contains(t.inner, "=") {
				continue
			}
			stack = append(stack, t)
		case "if", "for", "macro", "call", "filter", "test", "with", "block":
			stack = append(stack, t)
		}
	}
	if len(stack) == 0 {
		return -1
	}
	return stack[len(stack)-1].at
}

// lineColumn is where an offset stands, both from 1.
func lineColumn(text string, at int) (line, column int) {
	before := text[:at]
	return strings.Count(before, "\n") + 1, at - strings.LastIndexByte(before, '\n')
}

// lineStart is the offset at which a line begins; the end of the text for a line beyond it.
func lineStart(text string, line int) int {
	at := 0
	for ; line > 1; line-- {
		i := strings.IndexByte(text[at:], '\n')
		if i < 0 {
			return len(text)
		}
		at += i + 1
	}
	return at
}

// spot is the offset, within the tags from a line on, of a word or a quoted text; the first tag from that line on where it is not
// found, and -1 where there is none.
func spot(text string, line int, word string) int {
	from := lineStart(text, line)
	tags, _ := scan(text)
	first := -1
	for _, t := range tags {
		end := t.at + 2 + len(t.inner)
		if end < from {
			continue
		}
		if first < 0 {
			first = t.at
		}
		if word == "" {
			break
		}
		for i := t.at + 2; i < end; {
			n := strings.Index(text[i:end], word)
			if n < 0 {
				break
			}
			if at := i + n; whole(text, at, len(word)) {
				return at
			}
			i += n + 1
		}
	}
	return first
}

// whole says whether the word at an offset is not a part of a longer one.
func whole(text string, at, length int) bool {
	letter := func(i int) bool {
		return i >= 0 && i < len(text) && (text[i] == '_' || text[i] >= '0' && text[i] <= '9' || text[i] >= 'a' && text[i] <= 'z' || text[i] >= 'A' && text[i] <= 'Z')
	}
	return !letter(at-1) && !letter(at+length)
}
