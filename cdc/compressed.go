package cdc

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"io"
)

// inflated is a value of one of MariaDB's compressed columns: a byte that says how, the length of the value, and it. A short one is stored
// as it is, behind a zero.
func inflated(p []byte) ([]byte, error) {
	if len(p) == 0 {
		return p, nil
	}
	if p[0] == 0 {
		return p[1:], nil
	}
	wide := int(p[0] & 7)
	if p[0]>>4 != 8 || len(p) < 1+wide {
		return nil, errMalformed
	}
	size := bigEndian(p[1 : 1+wide])
	var from io.Reader = flate.NewReader(bytes.NewReader(p[1+wide:]))
	if p[0]&8 == 0 {
		var err error
		if from, err = zlib.NewReader(bytes.NewReader(p[1+wide:])); err != nil {
			return nil, err
		}
	}
	out := bytes.NewBuffer(make([]byte, 0, min(size, 1<<20)))
	n, err := io.Copy(out, io.LimitReader(from, size+1))
	if err == nil && n != size {
		err = errMalformed
	}
	return out.Bytes(), err
}
