package cdc

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-mysql-org/go-mysql/client"
)

// converter gives a text in UTF-8.
type converter func([]byte) ([]byte, error)

// converters know how the server's character sets are read: the rows of the log have texts as they are stored, and a snapshot's rows come
// converted by the server. So the server itself is asked what each byte means (promise 6).
type converters struct {
	maria   bool
	ask     *client.Conn // nil where none is open.
	connect connecting
	known   map[string]converter
	width   map[string]int
}

func newConverters(o Options, c *client.Conn) (*converters, error) {
	t := &converters{maria: o.MariaDB, ask: c, connect: o.connect, known: map[string]converter{}, width: map[string]int{}}
	found, err := rows(c, "select character_set_name as name, maxlen as width from information_schema.character_sets")
	if err != nil {
		return nil, err
	}
	for _, r := range found {
		width := 0
		if _, err := fmt.Sscan(r["width"], &width); err != nil {
			return nil, fmt.Errorf("the width of %s: %w", r["name"], err)
		}
		t.width[r["name"]] = width
	}
	return t, nil
}

// of gives the converter of a character set, or says why there is none; nil for one whose texts are UTF-8 as they are.
func (t *converters) of(charset string) (converter, string) {
	switch charset {
	case "utf8mb4", "utf8mb3", "utf8", "ascii", "":
		return nil, ""
	case "ucs2":
		return fromUCS2, ""
	case "utf16":
		return func(p []byte) ([]byte, error) { return fromUTF16(p, binary.BigEndian) }, ""
	case "utf16le":
		return func(p []byte) ([]byte, error) { return fromUTF16(p, binary.LittleEndian) }, ""
	case "utf32":
		return fromUTF32, ""
	}
	if c := t.known[charset]; c != nil {
		return c, ""
	}
	if length := letterLengths[charset]; length != nil {
		l := &letters{texts: t, charset: charset, length: length, known: map[string][]byte{}}
		t.known[charset] = l.convert
		return l.convert, ""
	}
	if t.width[charset] != 1 {
		return nil, "its character set " + charset + " cannot be read from the log"
	}
	table, err := t.table(charset)
	if err != nil {
		return nil, "the server does not say how its character set " + charset + " is read: " + err.Error()
	}
	c := func(p []byte) ([]byte, error) {
		out := make([]byte, 0, len(p)+8)
		for _, b := range p {
			out = append(out, table[b]...)
		}
		return out, nil
	}
	t.known[charset] = c
	return c, ""
}

// table asks what each byte of a character set means.
func (t *converters) table(charset string) (table [256][]byte, err error) {
	var list []string
	for b := range 256 {
		list = append(list, fmt.Sprintf("hex(convert(_%s X'%02x' using utf8mb4)) as b%d", charset, b, b))
	}
	found, err := rows(t.ask, "select "+strings.Join(list, ", "))
	if err != nil {
		return table, err
	}
	for b := range table {
		if table[b], err = hex.DecodeString(found[0][fmt.Sprintf("b%d", b)]); err != nil {
			return table, err
		}
	}
	return table, nil
}

func fromUTF16(p []byte, order binary.ByteOrder) ([]byte, error) {
	if len(p)%2 != 0 {
		return nil, errMalformed
	}
	units := make([]uint16, len(p)/2)
	for i := range units {
		units[i] = order.Uint16(p[2*i:])
	}
	return []byte(string(utf16.Decode(units))), nil
}

// fromUCS2 reads letters of two bytes. A surrogate is a letter of its own there, and becomes three bytes, as the servers have it.
func fromUCS2(p []byte) ([]byte, error) {
	if len(p)%2 != 0 {
		return nil, errMalformed
	}
	out := make([]byte, 0, len(p)*3/2)
	for ; len(p) > 0; p = p[2:] {
		out = appendLetter(out, rune(binary.BigEndian.Uint16(p)))
	}
	return out, nil
}

// appendLetter adds a letter in UTF-8, a surrogate as if it were one.
func appendLetter(out []byte, r rune) []byte {
	if utf16.IsSurrogate(r) {
		return append(out, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
	}
	return utf8.AppendRune(out, r)
}

func fromUTF32(p []byte) ([]byte, error) {
	if len(p)%4 != 0 {
		return nil, errMalformed
	}
	var out []byte
	for ; len(p) > 0; p = p[4:] {
		out = appendLetter(out, rune(binary.BigEndian.Uint32(p)))
	}
	return out, nil
}
