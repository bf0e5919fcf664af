package cdc

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"
)

// letterLength says how many bytes the letter has that a text begins with.
type letterLength func(p []byte) int

// between tells whether a byte lies in one of some ranges.
func between(b byte, ranges ...byte) bool {
	for i := 0; i < len(ranges); i += 2 {
		if b >= ranges[i] && b <= ranges[i+1] {
			return true
		}
	}
	return false
}

// pairs are sets whose letters have two bytes where the first lies in one of some ranges.
func pairs(ranges ...byte) letterLength {
	return func(p []byte) int {
		if between(p[0], ranges...) {
			return 2
		}
		return 1
	}
}

// japaneseEUC has letters of three bytes too.
func japaneseEUC(p []byte) int {
	switch {
	case p[0] == 0x8f:
		return 3
	case p[0] == 0x8e || between(p[0], 0xa1, 0xfe):
		return 2
	}
	return 1
}

// chinese18030 has letters of four bytes, whose second is a digit.
func chinese18030(p []byte) int {
	switch {
	case !between(p[0], 0x81, 0xfe):
		return 1
	case len(p) > 1 && between(p[1], '0', '9'):
		return 4
	}
	return 2
}

// letterLengths are the sets whose letters have several bytes.
var letterLengths = map[string]letterLength{
	"gbk": pairs(0x81, 0xfe), "gb2312": pairs(0xa1, 0xf7), "big5": pairs(0xa1, 0xf9), "euckr": pairs(0x81, 0xfe),
	"sjis": pairs(0x81, 0x9f, 0xe0, 0xfc), "cp932": pairs(0x81, 0x9f, 0xe0, 0xfc), "ujis": japaneseEUC, "eucjpms": japaneseEUC,
	"gb18030": chinese18030,
}

// letters reads texts of such a set. It asks the server once what a letter means.
type letters struct {
	texts   *converters
	charset string
	length  letterLength
	known   map[string][]byte
}

// askAtOnce is how many letters are asked for in one statement.
const askAtOnce = 200

func (l *letters) convert(p []byte) ([]byte, error) {
	out, missing := l.spell(p)
	if len(missing) == 0 {
		return out, nil
	}
	for len(missing) > 0 {
		n := min(askAtOnce, len(missing))
		if err := l.ask(missing[:n]); err != nil {
			return nil, err
		}
		missing = missing[n:]
	}
	out, _ = l.spell(p)
	return out, nil
}

// spell puts the letters of a text together, as far as they are known.
func (l *letters) spell(p []byte) (out []byte, missing []string) {
	out = make([]byte, 0, len(p)+len(p)/2)
	var noted map[string]bool
	for len(p) > 0 {
		n := min(l.length(p), len(p))
		letter, known := l.known[string(p[:n])]
		if !known && !noted[string(p[:n])] {
			if noted == nil {
				noted = map[string]bool{}
			}
			noted[string(p[:n])] = true
			missing = append(missing, string(p[:n]))
		}
		out, p = append(out, letter...), p[n:]
	}
	return out, missing
}

func (l *letters) ask(missing []string) error {
	list := make([]string, len(missing))
	for i, letter := range missing {
		list[i] = fmt.Sprintf("hex(convert(convert(X'%x' using %s) using utf8mb4)) as c%d", letter, l.charset, i)
	}
	found, err := l.texts.question("select " + strings.Join(list, ", "))
	if err != nil {
		return fmt.Errorf("ask what letters of %s mean: %w", l.charset, err)
	}
	for i, letter := range missing {
		text, err := hex.DecodeString(found[0][fmt.Sprintf("c%d", i)])
		if err != nil {
			return fmt.Errorf("letter %x of %s: %w", letter, l.charset, err)
		}
		if len(text) == 0 { // No letter: the server prints it so.
			text = []byte("?")
		}
		l.known[letter] = text
	}
	return nil
}

// question asks the server, over a new connection where there is none, or the one before was ended.
func (t *converters) question(text string) ([]map[string]string, error) {
	if t.ask != nil {
		if found, err := rows(t.ask, text); err == nil {
			return found, nil
		}
		t.close()
	}
	var err error
	if t.ask, err = t.connect(context.Background()); err != nil {
		t.ask = nil
		return nil, err
	}
	return rows(t.ask, text)
}

// close lets go of the connection.
func (t *converters) close() {
	if t.ask != nil {
		_ = t.ask.Close() // Nothing waits on it.
		t.ask = nil
	}
}

// connecting opens a connection for questions.
type connecting func(context.Context) (*client.Conn, error)
