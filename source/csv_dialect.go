package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"lifeline/change"
)

// dialect is how a file writes its records. Fields are between commas, semicolons, tabs or bars, as the header shows; texts are in double
// quotes as RFC 4180 has them; nothing is the bare word NULL, or \N as MySQL and PostgreSQL export it.
type dialect struct {
	comma byte
	crlf  bool // The header ends in a carriage return and a newline, and so then do the records.
}

// separators are what may stand between fields; the first is taken where the header does not say otherwise.
const separators = ",;\t|"

// separatorOf is the separator by which a header names the most of the wanted columns, or, where none is wanted, gives the most names.
func separatorOf(header []byte, wanted []ContractColumn) byte {
	best, most := separators[0], 0
	for _, c := range []byte(separators) {
		names := strings.Split(strings.TrimRight(string(header), "\r\n"), string(c))
		score := len(names) - 1
		if len(wanted) > 0 {
			score = 0
			for _, name := range names {
				name = strings.Trim(strings.TrimSpace(name), `"`)
				for _, w := range wanted {
					if strings.EqualFold(w.Name, name) {
						score++
						break
					}
				}
			}
		}
		if score > most {
			best, most = c, score
		}
	}
	return best
}

// foreign names what makes a header that of another dialect; empty is none.
func foreign(header []byte) (what, try string) {
	line := strings.TrimRight(string(header), "\r\n")
	switch {
	case strings.ContainsRune(line, 0):
		return "the file is UTF-16, or has NUL bytes", encodingHint
	case !bytes.HasSuffix(header, []byte{'\n'}) && strings.ContainsRune(line, '\r') || strings.Count(line, "\r") > 1:
		return "the file's lines end in a carriage return alone", `newlines: tr '\r' '\n'`
	case strings.HasPrefix(strings.ToLower(line), "sep="):
		return "the first line is Excel's sep=, not a header", "the file without that line"
	case len(line) > 1 && line[0] == '\'' && line[len(line)-1] == '\'':
		return "the file's texts are in single quotes", "an export with double quotes"
	}
	return "", ""
}

// escapes refuses a file that has both \N for nothing and further backslashes: in MySQL's and PostgreSQL's exports those change what
// follows them, in others they are text, and the file does not say which.
func (s *seenFile) escapes() error {
	file, err := os.Open(s.path)
	if err != nil {
		return fmt.Errorf("read %s: %w", s.shown, cause(err))
	}
	defer file.Close()
	if _, err := file.Seek(s.header, io.SeekStart); err != nil {
		return fmt.Errorf("read %s: %w", s.shown, cause(err))
	}
	var null, other *change.Problem
	in := newRecords(file, s.lines, s.shown, s.dialect)
	in.quotes = s.quotes
	for null == nil || other == nil {
		fields, err := in.next()
		if err != nil {
			return nil // A file that cannot be split is told when it is read, with its place.
		}
		for _, f := range fields {
			at := bytes.IndexByte(f.text, '\\')
			bare := !f.quoted && string(f.text) == `\N`
			if at < 0 || bare && null != nil || !bare && other != nil {
				continue
			}
			where := s.broken(in.line, f.at+1, errors.New(`\N stands for nothing, and other fields have backslashes that may be escapes`),
				"an export with FIELDS ESCAPED BY '' (it writes NULL), or in CSV with doubled quotes")
			if bare {
				errors.As(where, &null)
			} else {
				errors.As(where, &other)
			}
		}
	}
	return other
}
