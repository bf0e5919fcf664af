package dashboard

import (
	"context"
	"fmt"
	"io"
	"lifeline/semantic"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// export writes a file. A stream that breaks ends the connection without its last chunk, so that no reader can take a part for the
// whole.
func (c *request) export(x *semantic.Export, format string) error {
	kind, err := semantic.FileType(format)
	if err != nil {
		return err
	}
	done, err := c.exportTurn(c.r.Context())
	if err != nil {
		return err
	}
	defer done()
	// An export may take long; the connection's own deadlines would cut it. Each part has its own time, so that a client that reads no
	// more does not hold a query for ever.
	control := http.NewResponseController(c.w)
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Time{})
	header := c.w.Header()
	header.Set("Content-Type", kind)
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Disposition", `attachment; filename="`+fileName(x.Name)+"."+format+`"`)
	header.Set("X-Snapshot", c.version.snapshotID())
	if x.Rows >= 0 {
		header.Set("X-Row-Count", strconv.FormatInt(x.Rows, 10))
	}
	if c.r.Method == http.MethodHead {
		return nil
	}
	out := &countingWriter{w: c.w, control: control}
	rows, err := c.sendFile(x, format, out)
	c.audit("export", "format", format, "name", x.Name, "rows", rows, "bytes", out.n, "error", errText(err))
	if err != nil && out.n == 0 {
		for _, h := range []string{"X-Row-Count", "Content-Length"} {
			header.Del(h)
		}
		return err
	}
	if err != nil {
		c.log.Error("an export broke off", "request_id", c.id, "rows", rows, "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// sendFile sends a file, with its length where that is known before.
func (c *request) sendFile(x *semantic.Export, format string, out io.Writer) (int64, error) {
	f, err := x.Prepare(c.r.Context(), format)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if f.Size >= 0 {
		c.w.Header().Set("Content-Length", strconv.FormatInt(f.Size, 10))
		c.w.Header().Set("X-Row-Count", strconv.FormatInt(f.Rows, 10))
	}
	return f.Send(out)
}

// exportPatience is how long an export waits for others to end.
const exportPatience = time.Minute

// exportTurn lets half of a version's connections be used by exports, so that slow ones leave the pages theirs.
func (s *Server) exportTurn(ctx context.Context) (done func(), err error) {
	late := time.NewTimer(exportPatience)
	defer late.Stop()
	select {
	case s.exports <- struct{}{}:
		return func() { <-s.exports }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-late.C:
		return nil, &semantic.Problem{
			Title: "Too many at once", Status: http.StatusServiceUnavailable, Detail: fmt.Sprintf("%d exports are on their way", cap(s.exports)),
			Hint: "ask again when one of them has ended", Retryable: true,
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// fileName keeps letters that every system takes in a name.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, s)
}

// stalled is how long a client may take to read one part of a file.
const stalled = 2 * time.Minute

type countingWriter struct {
	w       io.Writer
	control *http.ResponseController
	n       int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	_ = c.control.SetWriteDeadline(time.Now().Add(stalled))
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
