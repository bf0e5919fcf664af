package cdc

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"lifeline/change"
)

// Options say which log to read and what of it.
type Options struct {
	Network, Host  string // "tcp" and host:port, or "unix" and a path.
	User, Password string
	TLS            *tls.Config
	Preferred      bool // Without TLS, if the server has none.
	Timeout        time.Duration
	Shown          string // The address without secrets.
	MariaDB        bool
	Number         int                   // The server's version as 80036.
	Tables         []*change.LoggedTable // What lands; the events of other tables are passed over.
	ServerID       uint32                // Of this reader among the server's replicas; 0 takes one by chance.
	Heartbeat      time.Duration         // How often a server that has nothing to tell says so; 0 means 1 s.
	BatchRows      int                   // Images in a batch; 0 means 4,096.
	NotBefore      time.Time             // No commit is given an earlier time: what was committed by then has been read.
	Logger         *slog.Logger          // nil means silence.
}

// silence is how long a server may say nothing, not even that it lives, before the link is dead.
const silence = 30 * time.Second

// Stream is an open log. It is for one goroutine.
type Stream struct {
	options Options
	syncer  *replication.BinlogSyncer
	events  *replication.BinlogStreamer
	parser  *replication.BinlogParser
	inner   *replication.BinlogParser // Of what is inside compressed transactions.
	tables  map[string]*follower      // By database and name, as the log writes them.
	parents map[string][]dependency   // Tables whose rows others hang on by a cascade.
	texts   *converters
	began   bool
	moved   bool                     // To another server than the one that was read.
	current *replication.BinlogEvent // At hand.
	waiting *replication.BinlogEvent // Found by Await, or left by a Read that was cut there; the next Read takes it first.
	cut     bool
	stopped *Stop // Found by Await too.

	here     change.LogPosition // After the last whole transaction.
	newest   time.Time          // Of the commits so far, UTC: the log's order is that of the commits, whatever the clocks said.
	heard    time.Time          // The source's clock when it last said something, UTC.
	file     string             // Of the event at hand.
	ids      mysql.GTIDSet      // nil where the server names no transactions.
	number   int64              // Of transactions, within a Read.
	sequence int64              // Of images, within a Read.
	tx       transaction
	prepared map[string]*prepared // XA transactions, by their xid.
	out      *output
}

// Open connects to the log at a position. A position that the server cannot go on from is a change.Problem of class ClassPositionGone
// that says what happened to it.
func Open(ctx context.Context, o Options, from change.LogPosition) (*Stream, error) {
	if o.BatchRows <= 0 {
		o.BatchRows = 4096
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.ServerID == 0 {
		o.ServerID = anyServerID()
	}
	s := &Stream{
		options: o, here: from, newest: o.NotBefore, file: from.File, tables: map[string]*follower{}, parents: map[string][]dependency{},
		prepared: map[string]*prepared{}, parser: replication.NewBinlogParser(),
	}
	s.parser.SetFlavor(s.flavor())
	s.parser.SetRowsEventDecodeFunc(keepRows)
	if err := s.open(ctx, from); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// anyServerID is a number for a reader among the server's replicas. People number their servers from 1.
func anyServerID() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // It never fails.
	return binary.LittleEndian.Uint32(b[:]) | 1<<31
}

func (s *Stream) open(ctx context.Context, from change.LogPosition) error {
	c, err := s.options.connect(ctx)
	if err != nil {
		return s.explain("connect to", err)
	}
	defer func() {
		_ = c.Close()
		if s.texts != nil {
			s.texts.ask = nil
		}
	}()
	way, err := s.locate(c, from)
	if err != nil {
		return err
	}
	if s.texts, err = newConverters(s.options, c); err != nil {
		return s.explain("ask about the character sets of", err)
	}
	for _, t := range s.options.Tables {
		f, err := newFollower(t, s.texts)
		if err != nil {
			return err
		}
		s.tables[tableName(t.Schema, t.SourceName)] = f
		for _, k := range t.Cascades {
			name := tableName(k.Schema, k.Parent)
			s.parents[name] = append(s.parents[name], dependency{t, k})
		}
	}
	return s.start(from, way)
}

func tableName(schema, table string) string { return schema + "\x00" + table }

func (s *Stream) flavor() string {
	if s.options.MariaDB {
		return mysql.MariaDBFlavor
	}
	return mysql.MySQLFlavor
}

// start begins the dump.
func (s *Stream) start(from change.LogPosition, way startWay) (err error) {
	s.syncer = replication.NewBinlogSyncer(replication.BinlogSyncerConfig{
		ServerID: s.options.ServerID, Flavor: s.flavor(), Host: s.options.Host, User: s.options.User, Password: s.options.Password,
		TLSConfig: s.options.TLS, RawModeEnabled: true,
		HeartbeatPeriod: cmp.Or(s.options.Heartbeat, time.Second), ReadTimeout: silence, DisableRetrySync: true,

		EventCacheCount: 256, DiscardGTIDSet: true, FillZeroLogPos: s.options.MariaDB, Localhost: "lifeline",
		Dialer: s.options.dial, Logger: slog.New(slog.DiscardHandler), // Its lines would show the user and the settings.
	})
	if way == byIDs {
		s.events, err = s.syncer.StartSyncGTID(s.ids.Clone())
	} else {
		s.events, err = s.syncer.StartSync(mysql.Position{Name: from.File, Pos: uint32(from.Pos)})
	}
	if err != nil {
		return s.explain("ask for the binary log of", err)
	}
	return nil
}

// Close ends the reading.
func (s *Stream) Close() error {
	if s.syncer != nil {
		s.syncer.Close()
		s.syncer = nil
	}
	if s.texts != nil {
		s.texts.close()
	}
	return nil
}

// Position is where the last whole transaction that was read ends.
func (s *Stream) Position() change.LogPosition { return s.here.Settled() }

func (o Options) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	d := &net.Dialer{Timeout: o.Timeout}
	return d.DialContext(ctx, o.Network, o.Host)
}

// connect opens a connection for questions. It settles whether TLS is there.
func (o *Options) connect(ctx context.Context) (*client.Conn, error) {
	connect := func() (*client.Conn, error) {
		return client.ConnectWithDialer(ctx, o.Network, o.Host, o.User, o.Password, "", o.dial, func(c *client.Conn) error {
			c.UnsetCapability(mysql.CLIENT_QUERY_ATTRIBUTES)
			if o.TLS != nil {
				c.SetTLSConfig(o.TLS.Clone())
			}
			c.SetAttributes(map[string]string{"program_name": "lifeline"})
			return c.SetCollation("utf8mb4_general_ci")
		})
	}
	c, err := connect()
	if err != nil && o.Preferred && strings.Contains(err.Error(), "does not support TLS") {
		o.TLS = nil
		c, err = connect()
	}
	return c, err
}

// rows runs a statement and returns its rows by the lower-cased names of their columns.
func rows(c *client.Conn, text string) ([]map[string]string, error) {
	r, err := c.Execute(text)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out := make([]map[string]string, r.RowNumber())
	for i := range out {
		out[i] = map[string]string{}
		for j, f := range r.Fields {
			value, err := r.GetString(i, j)
			if err != nil {
				return nil, err
			}
			out[i][strings.ToLower(string(f.Name))] = strings.Clone(value) // It lies in a buffer that is used again.
		}
	}
	return out, nil
}

// LostError says that the link to the server broke; the position stands, and another Open goes on from it.
type LostError struct{ Err error }

func (e *LostError) Error() string { return "the link to the binary log was lost: " + e.Err.Error() }

// Unwrap returns what broke it.
func (e *LostError) Unwrap() error { return e.Err }

// explain puts what was being done before an error.
func (s *Stream) explain(doing string, err error) error {
	var my *mysql.MyError
	if errors.As(err, &my) {
		if p := s.serverProblem(my); p != nil {
			return p
		}
		return &change.Problem{
			Err: fmt.Errorf("%s %s: %w", doing, s.options.Shown, err), Class: change.ClassError,
			Try: "lifeline doctor, which says what is missing",
		}
	}
	return &LostError{fmt.Errorf("%s %s: %w", doing, s.options.Shown, err)}
}
