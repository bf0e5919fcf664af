package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"lifeline/change"
)

// ReadChanged reads the files whose bytes, or whose reading, are others than before.
func (n *folderSnapshot) ReadChanged(ctx context.Context, before []change.Checksums,
	open func(context.Context, *change.Table) (change.Writer, error), progress func(Progress),
) (*Changes, error) {
	out := &Changes{}
	n.kept = map[*seenFile]change.Totals{}
	var todo []*seenFile
	for _, f := range n.files {
		scope := change.Scope{Table: f.Name}
		at := slices.IndexFunc(before, func(c change.Checksums) bool { return c.Table == f.Name && c.Layout == f.layout() })
		if at < 0 {
			scope.Whole = true
			todo = append(todo, f)
			out.Why = append(out.Why, f.Name+": the file is not the one that landed")
		} else {
			n.kept[f] = before[at].Totals
			out.Compared += before[at].Totals.Rows
		}
		out.Scopes = append(out.Scopes, scope)
	}
	if len(todo) == len(n.files) {
		out.Why = nil
	}
	return out, n.readFiles(ctx, todo, open, progress)
}

// Checksums are the digests of the files, with how they are read.
func (n *folderSnapshot) Checksums() []change.Checksums {
	out := make([]change.Checksums, len(n.files))
	for i, f := range n.files {
		out[i] = change.Checksums{Table: f.Name, Layout: f.layout()}
	}
	return out
}

// layout names a file's bytes and what they are taken for.
func (s *seenFile) layout() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %x %q %q %q %v %d %v", sumVersion, s.digest, s.SourceName, s.Key, s.Money, s.dialect, s.shape.width, s.shape.at)
	for i := range s.Columns {
		c := &s.Columns[i]
		fmt.Fprintf(h, "\n%q %q %q %s", c.Name, c.SourceName, c.SourceType, c.Type)
		writeMask(h, c.Mask)
	}
	return hex.EncodeToString(h.Sum(nil))
}
