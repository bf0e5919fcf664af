package change

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ParseKey reads a row's key of so many columns as a person writes it: a JSON array, or values between commas by the rules of CSV, where an
// empty one is null. A key of one column is that column's value as it stands, unless it is a JSON array of one. nil is null.
func ParseKey(text string, columns int) ([]*string, error) {
	if values, ok := jsonKey(text); ok && len(values) == columns {
		return values, nil
	}
	if columns == 1 {
		if text == "" {
			return []*string{nil}, nil
		}
		return []*string{&text}, nil
	}
	values, ok := csvKey(text)
	if !ok || len(values) != columns {
		return nil, fmt.Errorf("%s is not a key of %d values; write it as a JSON array, or with commas and quotes as in CSV", text, columns)
	}
	return values, nil
}

func jsonKey(text string) ([]*string, bool) {
	if !strings.HasPrefix(strings.TrimSpace(text), "[") {
		return nil, false
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var raw []any
	if err := decoder.Decode(&raw); err != nil || decoder.More() {
		return nil, false
	}
	out := make([]*string, len(raw))
	for i, v := range raw {
		switch v := v.(type) {
		case nil:
		case string:
			out[i] = &v
		case json.Number, bool:
			s := fmt.Sprint(v)
			out[i] = &s
		default:
			return nil, false
		}
	}
	return out, true
}

func csvKey(text string) ([]*string, bool) {
	r := csv.NewReader(strings.NewReader(text))
	r.TrimLeadingSpace = true
	record, err := r.Read()
	if err != nil {
		return nil, false
	}
	out := make([]*string, len(record))
	for i, v := range record {
		if v != "" {
			out[i] = &v
		}
	}
	return out, true
}

// KeyText is a key of several columns as the quarantine keeps it: a JSON array of texts.
func KeyText(values []*string) string {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		if v == nil {
			b.WriteString("null")
			continue
		}
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(*v); err != nil {
			panic(err) // A text can always be written.
		}
		b.Truncate(b.Len() - 1) // The encoder's line end.
	}
	b.WriteByte(']')
	return b.String()
}

var plainWord = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// ShellWord writes a text as one word of a shell's command, so that a command that is shown can be pasted.
func ShellWord(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

var hexText = regexp.MustCompile(`^(?i)(?:0x|\\x|x')([0-9a-f]*)'?$`)

// ParseBytes reads bytes as a person writes them: 0x00ff, \x00ff or x'00ff'.
func ParseBytes(text string) ([]byte, bool) {
	m := hexText.FindStringSubmatch(text)
	if m == nil {
		return nil, false
	}
	b, err := hex.DecodeString(m[1])
	return b, err == nil
}

// BytesText writes bytes as an engine's cast from and to text has them, by the name of its type: bytea or blob.
func BytesText(kind string, b []byte) string {
	if kind == "bytea" {
		return `\x` + hex.EncodeToString(b)
	}
	var out strings.Builder
	for _, c := range b {
		if c < 32 || c > 126 || c == '\\' || c == '\'' || c == '"' {
			fmt.Fprintf(&out, `\x%02X`, c)
			continue
		}
		out.WriteByte(c)
	}
	return out.String()
}

// KeySpellings are the texts under which the quarantine may keep the row that a person means by a key.
func KeySpellings(text string) []string {
	out := []string{text}
	add := func(values []*string) {
		for _, kind := range []string{"", "bytea"} {
			spelled := make([]*string, len(values))
			for i, v := range values {
				spelled[i] = v
				if v == nil || kind == "" {
					continue
				}
				if b, is := ParseBytes(*v); is {
					s := BytesText(kind, b)
					spelled[i] = &s
				}
			}
			s := KeyText(spelled)
			if len(spelled) == 1 && spelled[0] != nil {
				s = *spelled[0]
			}
			if !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	add([]*string{&text})
	if values, ok := jsonKey(text); ok {
		add(values)
	}
	if values, ok := csvKey(text); ok {
		add(values)
	}
	return out
}
