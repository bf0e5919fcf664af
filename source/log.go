package source

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/change"
)

// Log is what package cdc needs to read a server's binary log.
type Log struct {
	Network, Host  string
	User, Password string
	TLS            *tls.Config
	Preferred      bool // Without TLS, if the server has none.
	Timeout        time.Duration
	Shown          string // The address without secrets.
	Database       string
	MariaDB        bool
	Number         int                   // The version as 80036.
	Tables         []*change.LoggedTable // In the order of Source.Tables.
	Here           change.LogPosition    // Where the log stands now; File is empty where that is not known.
	Now            time.Time             // The server's clock before that, UTC.
	Unreadable     string                // Why no changes can be read from it; empty where they can.
	Try            string                // What to do about that.
}

// Logged is a source that may have a log of its changes.
type Logged interface {
	// Log describes the log and the tables as they are now.
	Log(ctx context.Context) (Log, error)
	// SnapshotOf takes one point in time over some of the tables, named as in staging.
	SnapshotOf(ctx context.Context, names []string) (Snapshot, error)
}

// Log describes the binary log and the tables as it has them.
func (s *server) Log(ctx context.Context) (Log, error) {
	tables, err := s.describe(ctx)
	if err != nil {
		return Log{}, err
	}
	a := s.address
	l := Log{
		Network: a.network, Host: a.host, User: a.user, Password: a.password, TLS: a.tls, Preferred: a.preferred, Timeout: a.timeout,
		Shown: a.shown, Database: a.database, MariaDB: s.maria, Number: s.number,
	}
	trouble, err := s.unreadable(ctx)
	if l.Unreadable, l.Try = trouble.why, trouble.try; err != nil || l.Unreadable != "" {
		return l, a.explainNothing(err, "look at the binary log of "+a.shown)
	}
	if err := s.logNow(ctx, &l); err != nil {
		return l, a.explain("ask where the binary log of "+a.shown+" stands", err)
	}
	if l.Here.File == "" {
		l.Unreadable, l.Try = noMonitor, s.grantLog()
		return l, nil
	}
	silent, err := s.silentCascades(ctx)
	if err != nil {
		return l, a.explain("ask how foreign keys are kept on "+a.shown, err)
	}
	var keys *actingKeys
	if silent {
		if keys, err = s.actingKeysFor(ctx, len(tables)); err != nil {
			return l, a.explain("look at the foreign keys of "+a.shown, err)
		}
	}
	for _, t := range tables {
		logged, err := s.logged(ctx, t, keys)
		if err != nil {
			return l, a.explain("look at "+t.SourceName+" for the binary log", err)
		}
		l.Tables = append(l.Tables, logged)
	}
	return l, nil
}

func (a address) explainNothing(err error, doing string) error {
	if err == nil {
		return nil
	}
	return a.explain(doing, err)
}

// logNow asks for the clock first: whatever was committed by then is before the place.
func (s *server) logNow(ctx context.Context, l *Log) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows, err := s.askLocked(ctx, "select utc_timestamp(6) as now")
	if err != nil {
		return err
	}
	us, ok := change.ParseTimestamp([]byte(rows[0]["now"]))
	if !ok {
		return fmt.Errorf("the source's time %q: %w", rows[0]["now"], errMalformed)
	}
	l.Now = time.UnixMicro(us).UTC()
	if l.Here, err = s.identity(ctx, s.control); err != nil {
		return err
	}
	return s.locate(ctx, s.control, &l.Here)
}

// logged describes a table as the log has it; keys are nil where the log has the rows that foreign keys change.
func (s *server) logged(ctx context.Context, t *serverTable, keys *actingKeys) (*change.LoggedTable, error) {
	out := &change.LoggedTable{Table: t.Table, Schema: s.address.database}
	if t.isView {
		out.Trouble = t.SourceName + " is a view, and the log has tables only"
		return out, nil
	}
	for i, r := range t.said {
		c := change.LoggedColumn{
			Name: r["name"], Type: r["type"], Charset: r["charset"], Nullable: r["nullable"] == "YES", LandsAs: slices.Index(t.shape.at, i),
			Generated: strings.Contains(strings.ReplaceAll(strings.ToUpper(r["extra"]), "DEFAULT_GENERATED", ""), "GENERATED"),
		}
		c.Digits, _ = strconv.Atoi(r["digits"]) // None is none.
		out.Physical = append(out.Physical, c)
	}
	out.Unique = t.unique()
	if keys == nil {
		return out, nil
	}
	var err error
	out.Cascades, err = keys.cascades(ctx, t.SourceName)
	return out, err
}

// unique are the columns of the primary key, where their values land as they are: a mask may make one of two.
func (t *serverTable) unique() []string {
	for _, name := range t.primary {
		if i := t.Index(name); i < 0 || t.Columns[i].Mask != nil || t.shape.mapped {
			return nil
		}
	}
	return t.primary
}
