package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"lifeline/change"
)

// folderSnapshot is a folder whose files must not change any more.
type folderSnapshot struct {
	folder *folder
	files  []*seenFile
	info   change.Snapshot
	kept   map[*seenFile]change.Totals // Of files that are as they were.
}

// seenFile is a file as it was when the snapshot was taken.
type seenFile struct {
	*fileTable
	size     int64
	modified time.Time
	digest   []byte
	quotes   bool
	rows     int64 // Newlines after the header, so about the rows.
	parts    []part
}

// part is a range of a file that starts with a record.
type part struct {
	file     *seenFile
	from, to int64
	lines    int64 // Lines before it.
}

// partBytes is about how much of a file one worker reads at a time.
const partBytes = 8 << 20

// Snapshot reads every file once for its digest, which later reads are compared with, and cuts it into parts.
func (f *folder) Snapshot(ctx context.Context) (Snapshot, error) {
	tables, err := f.describe(ctx)
	if err != nil {
		return nil, err
	}
	n := &folderSnapshot{folder: f, info: change.Snapshot{TakenAt: time.Now().UTC(), Way: "folder"}}
	all := sha256.New()
	for _, t := range tables {
		s := &seenFile{fileTable: t}
		if err := s.look(ctx); err != nil {
			return nil, err
		}
		fmt.Fprintf(all, "%s %d %x\n", t.shown, s.size, s.digest)
		n.files = append(n.files, s)
	}
	text, err := json.Marshal(map[string]string{"flavor": "csv", "digest": hex.EncodeToString(all.Sum(nil))})
	if err != nil {
		return nil, fmt.Errorf("write the position: %w", err)
	}
	n.info.Position = change.Position(text)
	return n, nil
}

// look reads the file: its digest, whether it has quotes, its lines, and where parts may start.
func (s *seenFile) look(ctx context.Context) error {
	file, err := os.Open(s.path)
	if err != nil {
		return fmt.Errorf("read %s: %w", s.shown, cause(err))
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("read %s: %w", s.shown, cause(err))
	}
	s.size, s.modified = info.Size(), info.ModTime()
	hash := sha256.New()
	buf := make([]byte, 1<<20)
	var at, lines int64
	backslash := false
	starts := []part{{file: s, from: s.header, lines: s.lines}}
	next := s.header + partBytes
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := file.Read(buf)
		p := buf[:n]
		hash.Write(p)
		s.quotes = s.quotes || bytes.IndexByte(p, '"') >= 0
		backslash = backslash || bytes.IndexByte(p, '\\') >= 0
		if at+int64(n) > next {
			skip := int(max(next-at, 0))
			if newline := bytes.IndexByte(p[skip:], '\n'); newline >= 0 {
				cut := skip + newline + 1
				starts = append(starts, part{file: s, from: at + int64(cut), lines: lines + int64(bytes.Count(p[:cut], []byte{'\n'}))})
				next = at + int64(cut) + partBytes
			}
		}
		lines += int64(bytes.Count(p, []byte{'\n'}))
		at += int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", s.shown, cause(err))
		}
	}
	if at != s.size {
		return s.changed()
	}
	s.digest, s.rows = hash.Sum(nil), max(lines-s.lines, 0)
	if s.quotes { // A newline may then be inside a field, so only the header's end is known to start a record.
		starts = starts[:1]
	}
	for i := range starts {
		starts[i].to = s.size
		if i > 0 {
			starts[i-1].to = starts[i].from
		}
	}
	s.parts = starts
	if backslash {
		return s.escapes()
	}
	return nil
}

// changed says that the file is not the one that was seen.
func (s *seenFile) changed() error {
	return &change.Problem{
		Err: fmt.Errorf("%s changed while it was read", s.shown), Where: s.shown, Class: change.ClassError,
		Try: "run again once the export is finished; better still, export to a new folder and rename it",
	}
}

// verify compares the file with what was seen, by its size and time.
func (s *seenFile) verify() error {
	info, err := os.Stat(s.path)
	if err != nil || info.Size() != s.size || !info.ModTime().Equal(s.modified) {
		return s.changed()
	}
	return nil
}

// Info says what was taken.
func (n *folderSnapshot) Info() change.Snapshot { return n.info }

// Close does nothing.
func (n *folderSnapshot) Close() error { return nil }
