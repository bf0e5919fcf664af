package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// field is one value of a record. The bare word NULL, without quotes, is null.
type field struct {
	text   []byte
	quoted bool
	at     int // Bytes from the record's start.
}

func (f *field) null() bool { return !f.quoted && len(f.text) <= 4 && isNull(string(f.text)) }

// isNull tells whether a bare field stands for nothing.
func isNull(text string) bool { return text == "NULL" || text == `\N` }

// longestRecord bounds a record, so that a quote that is never closed does not read a whole file into memory.
const longestRecord = 256 << 20

const encodingHint = "export the file as UTF-8, or: iconv -f LATIN1 -t UTF-8"

// records splits a stream into records: fields between separators, records between newlines, fields in double quotes as RFC 4180 has them.
// The last newline may be missing. A carriage return before a newline ends the record with it where the file's header ends so; else it
// belongs to the last value, as it does for LOAD DATA.
type records struct {
	in     io.Reader
	buf    []byte
	r, w   int
	end    bool
	line   int64 // The line of the record that was read last, from 1.
	after  int64 // The line after it.
	quotes bool  // Whether quotes may occur; without them a search is saved.
	dialect
	fields []field
	spare  []byte // Unquoted copies of fields with doubled quotes.
	shown  string
}

// newRecords starts after the given number of lines; quotes may occur.
func newRecords(in io.Reader, lines int64, shown string, d dialect) *records {
	return &records{in: in, buf: make([]byte, 256<<10), after: lines + 1, quotes: true, dialect: d, shown: shown}
}

// placed is an error with its byte in the record at hand.
type placed struct {
	err error
	at  int
	try string
}

func (e *placed) Error() string { return e.err.Error() }
func (e *placed) Unwrap() error { return e.err }

// next returns the fields of the next record, valid until the next call, and io.EOF after the last. Empty lines hold
// no record, as the standard library's reader has it too.
func (s *records) next() ([]field, error) {
	var record []byte
	for len(record) == 0 {
		var err error
		s.line = s.after
		if record, err = s.record(); err != nil {
			return nil, err
		}
	}
	if !utf8.Valid(record) {
		return nil, &placed{err: fmt.Errorf("byte 0x%02x is not UTF-8", record[invalidAt(record)]), at: invalidAt(record), try: encodingHint}
	}
	s.fields = s.fields[:0]
	if s.quotes && bytes.IndexByte(record, '"') >= 0 {
		err := s.splitQuoted(record)
		return s.fields, err
	}
	for start := 0; ; {
		comma := bytes.IndexByte(record[start:], s.comma)
		if comma < 0 {
			s.fields = append(s.fields, field{text: record[start:], at: start})
			return s.fields, nil
		}
		s.fields = append(s.fields, field{text: record[start : start+comma], at: start})
		start += comma + 1
	}
}

func invalidAt(p []byte) int {
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return 0
}

// Where a scan for the end of a record stands.
type scanState int

const (
	fieldStart scanState = iota
	inPlain
	inQuoted
	afterQuote // Behind a quote inside a quoted field: the field's end, or the first of a doubled quote.
)

// scan walks over bytes of a record.
func (state scanState) scan(p []byte, separator byte) scanState {
	for len(p) > 0 {
		c := p[0]
		switch {
		case state == inQuoted:
			quote := bytes.IndexByte(p, '"')
			if quote < 0 {
				return inQuoted
			}
			state, p = afterQuote, p[quote:]
		case c == '"' && (state == fieldStart || state == afterQuote):
			state = inQuoted
		default:
			comma := bytes.IndexByte(p, separator)
			if comma < 0 {
				return inPlain
			}
			state, p = fieldStart, p[comma:]
		}
		p = p[1:]
	}
	return state
}

// record finds the next record's bytes without its newline.
func (s *records) record() ([]byte, error) {
	scanned, state := 0, fieldStart
	for {
		part := s.buf[s.r+scanned : s.w]
		newline := bytes.IndexByte(part, '\n')
		if newline >= 0 {
			part = part[:newline]
		}
		if s.quotes {
			state = state.scan(part, s.comma)
		}
		scanned += len(part)
		switch {
		case newline >= 0 && state == inQuoted:
			scanned++
			s.after++
		case newline >= 0:
			s.after++
			return s.take(scanned, scanned+1), nil
		case s.end && s.r == s.w:
			return nil, io.EOF
		case s.end:
			return s.take(scanned, scanned), nil // A quote that is open here is told by splitQuoted.
		default:
			if err := s.more(); err != nil {
				return nil, err
			}
		}
	}
}

func (s *records) take(length, skip int) []byte {
	record := s.buf[s.r : s.r+length]
	s.r += skip
	if n := len(record); s.crlf && n > 0 && record[n-1] == '\r' {
		record = record[:n-1]
	}
	return record
}

// more reads on; a record that is longer than the buffer doubles it.
func (s *records) more() error {
	if s.r > 0 {
		s.w = copy(s.buf, s.buf[s.r:s.w])
		s.r = 0
	}
	if s.w == len(s.buf) {
		if len(s.buf) > longestRecord {
			return &placed{err: fmt.Errorf("a record has more than %d MB", longestRecord>>20), try: "look for a quote that is not closed"}
		}
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	n, err := s.in.Read(s.buf[s.w:])
	s.w += n
	if errors.Is(err, io.EOF) {
		s.end = true
		return nil
	}
	return err
}

// splitQuoted splits a record that has quotes. A quote opens a field only as its first byte; elsewhere it is text.
func (s *records) splitQuoted(record []byte) error {
	s.spare = s.spare[:0]
	if cap(s.spare) < len(record) {
		s.spare = make([]byte, 0, len(record)) // Fields point into it, so it must not move below.
	}
	for start := 0; ; {
		f := field{at: start}
		end := start
		if start < len(record) && record[start] == '"' {
			from := len(s.spare)
			f.quoted = true
			for end = start + 1; ; {
				quote := bytes.IndexByte(record[end:], '"')
				if quote < 0 {
					return &placed{err: errors.New("a quoted field is never closed"), at: start, try: "a closing quote; the file may be torn"}
				}
				s.spare = append(s.spare, record[end:end+quote]...)
				end += quote + 1
				if end == len(record) || record[end] != '"' {
					break
				}
				s.spare = append(s.spare, '"')
				end++
			}
			f.text = s.spare[from:len(s.spare):len(s.spare)]
			if end < len(record) && record[end] != s.comma {
				return &placed{
					err: errors.New("text follows a closing quote"), at: end,
					try: `a separator there, or "" for a quote inside the field; \" is not read`,
				}
			}
		} else {
			comma := bytes.IndexByte(record[start:], s.comma)
			end = len(record)
			if comma >= 0 {
				end = start + comma
			}
			f.text = record[start:end]
		}
		s.fields = append(s.fields, f)
		if end == len(record) {
			return nil
		}
		start = end + 1
	}
}
