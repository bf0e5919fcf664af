package dashboard

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lifeline/semantic"
)

// export writes a file. A stream that breaks ends the connection without its last chunk, so that no reader can take a part for the
// whole.
func (c *request) export(x *semantic.Export, format string) error {
	kind, err := semantic.FileType(format)
	if err != nil {
		return err
	}
	done, err := c.exports.Enter(c.r.Context(), c.share())
	if err != nil {
		return busy(err)
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
	out := &countingWriter{w: c.w, control: control, began: time.Now()}
	rows, err := c.sendFile(x, format, out)
	c.note("format", format, "name", x.Name, "rows", rows, "bytes", out.n, "error", errText(err))
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

// A reader of a file must take the first part within stalled, and go on at slowest bytes a second at least: one who reads no more, or
// nearly so, is cut and gives the place to others.
const (
	stalled = 30 * time.Second
	slowest = 16 << 10
)

type countingWriter struct {
	w       io.Writer
	control *http.ResponseController
	began   time.Time
	n       int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	now := time.Now()
	if c.n == 0 {
		c.began = now // Its making is not the reader's fault.
	}
	late := c.began.Add(stalled + time.Duration(c.n/slowest)*time.Second)
	if soon := now.Add(stalled); soon.Before(late) {
		late = soon
	}
	_ = c.control.SetWriteDeadline(late)
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
