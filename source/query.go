package source

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// errMalformed is an answer that is not MySQL's.
var errMalformed = errors.New("the server's answer is malformed")

// bind makes reads and writes fail once ctx is done. Call the returned function when the statement is over; it passes on
// ctx's error in place of the broken read that it caused.
func (c *conn) bind(ctx context.Context) func(*error) {
	stop := context.AfterFunc(ctx, func() { _ = c.net.SetDeadline(time.Unix(1, 0)) })
	return func(err *error) {
		if !stop() && ctx.Err() != nil {
			c.broken = context.Cause(ctx)
			if *err != nil {
				*err = context.Cause(ctx)
			}
		}
	}
}

// exec runs a statement whose rows nobody wants.
func (c *conn) exec(ctx context.Context, text string) error {
	_, err := c.query(ctx, text)
	return err
}

// query runs a statement and returns its rows by the lower-cased names of their columns; nulls are left out. It is for the few
// small answers that steer a snapshot.
func (c *conn) query(ctx context.Context, text string) (out []map[string]string, err error) {
	var names []string
	err = c.stream(ctx, text, func(n []string) error {
		names = n
		return nil
	}, func(p []byte) error {
		row := make(map[string]string, len(names))
		for _, name := range names {
			n, rest, null := lenenc(p)
			if n < 0 || n > len(rest) {
				return errMalformed
			}
			if !null {
				row[name] = string(rest[:n])
			}
			p = rest[n:]
		}
		out = append(out, row)
		return nil
	})
	return out, err
}

// stream runs a statement and hands every row's packet to row, which must not keep it. head gets the columns' names in lower
// case first; a statement without an answer calls neither. An error of row breaks the connection: the rest of the answer is unread.
func (c *conn) stream(ctx context.Context, text string, head func([]string) error, row func([]byte) error) error {
	c.use.Lock()
	defer c.use.Unlock()
	return c.streamLocked(ctx, text, head, row)
}

func (c *conn) streamLocked(ctx context.Context, text string, head func([]string) error, row func([]byte) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	done := c.bind(ctx)
	defer func() { done(&err) }()
	if err := c.send(mysql.COM_QUERY, text); err != nil {
		return err
	}
	columns, err := c.columns()
	if err != nil || columns == nil {
		return err
	}
	if head != nil {
		names := make([]string, len(columns))
		for i := range columns {
			names[i] = columns[i].name
		}
		if err := head(names); err != nil {
			return err
		}
	}
	return c.rows(row)
}

// rows hands the packets of an answer's rows to row. An error of row breaks the connection: the rest of the answer is unread.
func (c *conn) rows(row func([]byte) error) error {
	for {
		p, err := c.packet()
		if err != nil {
			return err
		}
		if len(p) == 0 {
			return c.lose(errMalformed)
		}
		switch {
		case p[0] == mysql.EOF_HEADER && len(p) < 9:
			return nil
		case p[0] == mysql.ERR_HEADER:
			return serverError(p)
		}
		if err := row(p); err != nil {
			c.broken = err
			return err
		}
	}
}

// columns reads the head of an answer; a statement without rows has none.
func (c *conn) columns() ([]definition, error) {
	p, err := c.packet()
	if err != nil {
		return nil, err
	}
	if len(p) == 0 {
		return nil, c.lose(errMalformed)
	}
	switch p[0] {
	case mysql.OK_HEADER:
		return nil, nil
	case mysql.ERR_HEADER:
		return nil, serverError(p)
	case mysql.LocalInFile_HEADER:
		return nil, c.lose(fmt.Errorf("the server asks for a local file: %w", errMalformed))
	}
	n, _, _ := lenenc(p)
	return c.definitions(n)
}

// definitions reads what is said of n columns, up to the mark that ends it.
func (c *conn) definitions(n int) ([]definition, error) {
	out := make([]definition, 0, max(n, 0))
	for {
		p, err := c.packet()
		if err != nil {
			return nil, err
		}
		if len(p) > 0 && p[0] == mysql.EOF_HEADER && len(p) < 9 {
			return out, nil
		}
		d, ok := define(p)
		if !ok {
			return nil, c.lose(errMalformed)
		}
		out = append(out, d)
	}
}

// define reads a column's definition: six texts, of which the fifth is its name (after catalog, schema, table and the table's own name),
// and a block of twelve bytes: character set, length, type, flags and decimals.
func define(p []byte) (definition, bool) {
	var d definition
	for i := range 6 {
		n, rest, _ := lenenc(p)
		if n < 0 || n > len(rest) {
			return d, false
		}
		if i == 4 {
			d.name = strings.ToLower(string(rest[:n]))
		}
		p = rest[n:]
	}
	if len(p) < 11 {
		return d, false
	}
	d.kind = p[7]
	d.unsigned = binary.LittleEndian.Uint16(p[8:])&mysql.UNSIGNED_FLAG != 0
	d.digits = int(p[10])
	return d, true
}
