package source

import (
	"bufio"
	"bytes"
	"io"

	"lifeline/change"
)

// keepReturns prepares a file for the standard library's reader, which drops a carriage return before a newline and before the end of the
// file from every record. In a file whose lines do not end with CRLF it belongs to the value; doubled, one of the two is left.
func (t *fileTable) keepReturns(in *bufio.Reader) io.Reader {
	if t.crlf {
		return in
	}
	return &returnKeeper{in: in}
}

// lastValue drops the carriage return that a number or a date at the end of a line cannot mean, as the servers do.
func (t *fileTable) lastValue(p []byte, typ change.Type) []byte {
	if t.crlf || typ.Kind == change.Text || typ.Kind == change.Bytes {
		return p
	}
	return bytes.TrimSuffix(p, []byte{'\r'})
}

type returnKeeper struct {
	in   *bufio.Reader
	part [16 << 10]byte
	out  []byte // What was made and not yet handed out.
	made []byte
}

// Read hands bytes on, a carriage return at the end of a line twice.
func (k *returnKeeper) Read(p []byte) (int, error) {
	if len(k.out) == 0 {
		n, err := k.in.Read(k.part[:])
		if n == 0 {
			return 0, err
		}
		k.out = k.part[:n]
		if bytes.IndexByte(k.out, '\r') >= 0 {
			k.out = k.doubled(k.out)
		}
	}
	n := copy(p, k.out)
	k.out = k.out[n:]
	return n, nil
}

func (k *returnKeeper) doubled(part []byte) []byte {
	k.made = k.made[:0]
	for i, c := range part {
		k.made = append(k.made, c)
		if c == '\r' && k.endsLine(part[i+1:]) {
			k.made = append(k.made, c)
		}
	}
	return k.made
}

// endsLine tells whether a newline or nothing follows.
func (k *returnKeeper) endsLine(rest []byte) bool {
	if len(rest) > 0 {
		return rest[0] == '\n'
	}
	next, _ := k.in.Peek(1) // Nothing to peek at is the end of the file.
	return len(next) == 0 || next[0] == '\n'
}
