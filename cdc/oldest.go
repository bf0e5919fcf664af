package cdc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-mysql-org/go-mysql/replication"

	"lifeline/change"
)

// firstPlace is where the events of a log's file begin.
const firstPlace = 4

// Oldest finds where the log that the server still has begins, and when that was written, UTC.
func Oldest(ctx context.Context, o Options) (from change.LogPosition, began time.Time, err error) {
	s := &Stream{options: o, parser: replication.NewBinlogParser()}
	s.parser.SetFlavor(s.flavor())
	s.options.ServerID = anyServerID()
	c, err := s.options.connect(ctx)
	if err != nil {
		return from, began, s.explain("connect to", err)
	}
	is, err := s.identify(c)
	if err = errors.Join(err, c.Close()); err != nil {
		return from, began, s.explain("ask for the binary log of", err)
	}
	if len(is.files) == 0 {
		return from, began, fmt.Errorf("%s does not say which files its binary log has", o.Shown)
	}
	from = change.LogPosition{Flavor: s.flavor(), Server: is.server, File: is.files[0].name, Pos: firstPlace}
	if err := s.start(from, byPlace); err != nil {
		return from, began, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for {
		event, err := s.events.GetEvent(ctx)
		if err != nil {
			return from, began, s.explain("read the binary log of", err)
		}
		if h := event.Header; h.Timestamp > 0 && h.Flags&replication.LOG_EVENT_ARTIFICIAL_F == 0 {
			from.Born = h.Timestamp
			return from, time.Unix(int64(h.Timestamp), 0).UTC(), nil
		}
	}
}
