package source

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

// conn is a connection to a server. The library shakes hands; after that the text protocol is read here, because a packet at a
// time from a buffer of our own costs no allocation and no copy per row.
type conn struct {
	use      sync.Mutex // Held while a statement runs.
	net      net.Conn
	id       uint32
	sequence byte
	buf      []byte
	r, w     int                   // What is read from the net and not yet taken: buf[r:w].
	big      []byte                // A packet that the buffer is too small for.
	broken   error                 // Why the connection cannot be used any more.
	reason   atomic.Pointer[error] // Why it was closed by ourselves.
}

// wireBuffer holds a few thousand rows. A row that is longer goes through conn.big.
const wireBuffer = 256 << 10

func dial(ctx context.Context, a address) (*conn, error) {
	c, err := shakeHands(ctx, a)
	if err != nil && a.preferred && strings.Contains(err.Error(), "does not support TLS") {
		a.tls = nil
		return shakeHands(ctx, a)
	}
	return c, err
}

func shakeHands(ctx context.Context, a address) (*conn, error) {
	dialer := &net.Dialer{Timeout: a.timeout}
	var raw net.Conn
	connect := func(ctx context.Context, network, addr string) (net.Conn, error) {
		var err error
		raw, err = dialer.DialContext(ctx, network, addr)
		if err == nil {
			err = raw.SetDeadline(time.Now().Add(a.timeout)) // A port that answers and then says nothing must not hold us.
		}
		return raw, err
	}
	c, err := client.ConnectWithDialer(ctx, a.network, a.host, a.user, a.password, a.database, connect, func(c *client.Conn) error {
		c.UnsetCapability(mysql.CLIENT_QUERY_ATTRIBUTES) // They would change how a query is sent.
		c.UnsetCapability(mysql.CLIENT_DEPRECATE_EOF)    // It would change how answers end.
		// The library's default is unknown to older servers, which then take the database's name for latin1.
		if err := c.SetCollation("utf8mb4_general_ci"); err != nil {
			return err
		}
		c.SetAttributes(map[string]string{"program_name": "lifeline"})
		if a.tls != nil {
			c.SetTLSConfig(a.tls.Clone())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := raw.SetDeadline(time.Time{}); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return &conn{net: c.Conn.Conn, id: c.GetConnectionID(), buf: make([]byte, wireBuffer)}, nil
}

// lostError says that the connection, and with it the view of the source, is gone.
type lostError struct{ err error }

func (e *lostError) Error() string { return "the connection to the source was lost: " + e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// fill reads until at least n bytes wait in the buffer.
func (c *conn) fill(n int) error {
	if c.r > 0 && (c.r == c.w || len(c.buf)-c.r < n) {
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
	}
	for c.w-c.r < n {
		m, err := c.net.Read(c.buf[c.w:])
		c.w += m
		if err != nil && c.w-c.r < n {
			return c.lose(err)
		}
	}
	return nil
}

func (c *conn) lose(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if reason := c.reason.Load(); reason != nil {
		err = *reason
	}
	c.broken = &lostError{err}
	return c.broken
}

// packet returns the next packet's payload, valid until the next call.
func (c *conn) packet() ([]byte, error) {
	if c.w-c.r < 4 {
		if err := c.fill(4); err != nil {
			return nil, err
		}
	}
	n, err := c.header()
	if err != nil {
		return nil, err
	}
	if n+4 > len(c.buf) || n == mysql.MaxPayloadLen {
		return c.bigPacket(n)
	}
	if c.w-c.r < n+4 {
		if err := c.fill(n + 4); err != nil {
			return nil, err
		}
	}
	p := c.buf[c.r+4 : c.r+4+n]
	c.r += 4 + n
	return p, nil
}

func (c *conn) header() (int, error) {
	h := c.buf[c.r : c.r+4]
	if h[3] != c.sequence {
		return 0, c.lose(fmt.Errorf("packet %d came where %d was due", h[3], c.sequence))
	}
	c.sequence++
	return int(h[0]) | int(h[1])<<8 | int(h[2])<<16, nil
}

// keepBig is the size above which the memory of a big packet is given back.
const keepBig = 4 << 20

// bigPacket puts together a packet that the buffer does not hold, or that goes on in further packets.
func (c *conn) bigPacket(n int) ([]byte, error) {
	if cap(c.big) > keepBig {
		c.big = nil
	}
	c.big = c.big[:0]
	for {
		c.r += 4
		at := len(c.big)
		c.big = append(c.big, make([]byte, n)...)
		m := copy(c.big[at:], c.buf[c.r:c.w])
		c.r += m
		if _, err := io.ReadFull(c.net, c.big[at+m:]); err != nil {
			return nil, c.lose(err)
		}
		if n < mysql.MaxPayloadLen {
			return c.big, nil
		}
		if err := c.fill(4); err != nil {
			return nil, err
		}
		var err error
		if n, err = c.header(); err != nil {
			return nil, err
		}
	}
}

// send starts a command.
func (c *conn) send(command byte, text string) error {
	if c.broken != nil {
		return c.broken
	}
	n := len(text) + 1
	if n >= mysql.MaxPayloadLen {
		return fmt.Errorf("a statement of %d bytes is too long", n)
	}
	p := make([]byte, 0, n+4)
	p = append(p, byte(n), byte(n>>8), byte(n>>16), 0, command)
	p = append(p, text...)
	c.sequence = 1
	if _, err := c.net.Write(p); err != nil {
		return c.lose(err)
	}
	return nil
}

// close says good-bye if the connection is between two statements.
func (c *conn) close() error {
	if !c.use.TryLock() {
		return c.net.Close()
	}
	defer c.use.Unlock()
	if c.broken == nil {
		_ = c.send(mysql.COM_QUIT, "") // The server notices a closed connection too.
	}
	c.broken = net.ErrClosed
	return c.net.Close()
}

// touch keeps the server from taking the connection for idle, if no statement runs.
func (c *conn) touch(ctx context.Context) {
	if !c.use.TryLock() {
		return
	}
	defer c.use.Unlock()
	if c.broken == nil {
		_ = c.streamLocked(ctx, "do 0", nil, nil) // Whoever uses it next gets the error.
	}
}

func serverError(p []byte) error {
	e := &mysql.MyError{Message: "malformed error"}
	if len(p) >= 3 {
		e.Code = binary.LittleEndian.Uint16(p[1:])
		e.Message = string(p[3:])
		if len(p) >= 9 && p[3] == '#' {
			e.State, e.Message = string(p[4:9]), string(p[9:])
		}
	}
	return e
}

// lenenc reads a length; null is the mark of a null value.
func lenenc(p []byte) (n int, rest []byte, null bool) {
	if len(p) == 0 {
		return -1, nil, false
	}
	switch p[0] {
	case 0xfb:
		return 0, p[1:], true
	case 0xfc:
		if len(p) >= 3 {
			return int(p[1]) | int(p[2])<<8, p[3:], false
		}
	case 0xfd:
		if len(p) >= 4 {
			return int(p[1]) | int(p[2])<<8 | int(p[3])<<16, p[4:], false
		}
	case 0xfe:
		if len(p) >= 9 {
			return int(binary.LittleEndian.Uint64(p[1:])), p[9:], false
		}
	default:
		return int(p[0]), p[1:], false
	}
	return -1, nil, false
}
