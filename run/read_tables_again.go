package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lifeline/cdc"
	"lifeline/change"
	"lifeline/quality"
	"lifeline/source"
	"lifeline/warehouse"
)

// readAnew reads the tables that were set aside from the source, and brings the others to the same point by the log. A Stop names further
// tables to be read so, or none where everything is to be read.
func (w *walk) readAnew(ctx context.Context, r *logReading) (stop *cdc.Stop, err error) {
	var aside []*change.LoggedTable
	for _, t := range r.Tables {
		if _, anew := r.anew[t.Name]; anew {
			aside = append(aside, t)
		}
	}
	pause := time.Second
	for r.tries++; r.tries <= attempts; r.tries++ {
		stop, err = w.readAnewOnce(ctx, r, aside)
		if !source.IsViewLost(err) || ctx.Err() != nil {
			return stop, err
		}
		w.opt.Logger.WarnContext(ctx, "the view of the source was lost; taking a new snapshot", "error", err)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
		pause *= 2
		if r.from, err = w.lastPosition(ctx); err != nil {
			return nil, err
		}
	}
	return &cdc.Stop{Why: reasons(r.anew) + "; reading it by itself failed time and again"}, nil
}

// readAnewOnce takes a snapshot of the tables that were set aside. Where its place in the log is known as a stretch only, these tables read
// the stretch once more, by key, so that all tables end at its upper end (promise 4).
func (w *walk) readAnewOnce(ctx context.Context, r *logReading, aside []*change.LoggedTable) (stop *cdc.Stop, err error) {
	snap, err := w.source.(source.Logged).SnapshotOf(ctx, namesOf(aside))
	if err != nil {
		return nil, err
	}
	w.reading = snap
	defer func() { err = errors.Join(err, w.closeSnapshot()) }()
	low, _ := change.ParseLogPosition(snap.Info().Position)
	if low.File == "" {
		return &cdc.Stop{Why: reasons(r.anew) + "; its place in the binary log is not known"}, nil
	}
	if t := keyless(aside); t != "" && low.Replays() {
		return &cdc.Stop{Why: reasons(r.anew) + "; " + t +
			" has no key, and the source commits too often to know its place in the log exactly"}, nil
	}
	before := r.from
	r.Now = snap.Info().TakenAt // What has landed then is as old as the snapshot, not as the question for the log.
	if stop, err := w.follow(ctx, r, low.Upper()); err != nil || stop != nil {
		return stop, err
	}
	if err := w.landAside(ctx, snap, aside, r, before); err != nil {
		return nil, err
	}
	if low.Replays() {
		if stop, err := w.replay(ctx, r, aside, low); err != nil || stop != nil {
			return stop, err
		}
	}
	return nil, w.keepShapes(ctx, aside)
}

// landAside lands the rows of a snapshot of some tables. The position is that of the others, which stand at the same point.
func (w *walk) landAside(ctx context.Context, snap source.Snapshot, aside []*change.LoggedTable, r *logReading, before change.LogPosition,
) (err error) {
	tables := make([]*change.Table, len(aside))
	for i, t := range aside {
		tables[i] = t.Table
	}
	at := snap.Info()
	if at.Position, err = r.from.Encode(); err != nil {
		return err
	}
	load, err := w.hold.Load(ctx, tables, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, load.Abort(context.WithoutCancel(ctx))) }()
	if err := snap.Read(ctx, load.Writer, w.readProgress); err != nil {
		return err
	}
	if w.totals, err = snap.Totals(ctx); err != nil {
		return fmt.Errorf("totals of the source: %w", err)
	}
	w.partial = nil
	w.narrow(load, snap.Checksums())
	jumped, err := w.jumpedBy(ctx, r, aside, before, at)
	if err != nil {
		return err
	}
	load.With(warehouse.Conditions{Stretches: jumped, Guard: w.guard})
	landed, err := load.Commit(ctx, quality.LandedTotals(tables, w.totals))
	if err != nil {
		return err
	}
	w.noteDeleted(landed)
	w.addLanded(landed)
	_, err = w.sourceBooks(ctx, tables)
	return err
}

// replay brings tables from the lower end of a snapshot's stretch of the log to its upper end.
func (w *walk) replay(ctx context.Context, r *logReading, tables []*change.LoggedTable, low change.LogPosition) (*cdc.Stop, error) {
	to := low.Upper()
	return w.withLog(ctx, r.Log, tables, low, func(stream *cdc.Stream) (*cdc.Stop, error) {
		for {
			result, err := w.landChanges(ctx, stream, tables, cdc.Limit{File: to.File, Pos: to.Pos}, r.Now)
			if err != nil || result.Stop != nil || result.Reached {
				return result.Stop, err
			}
		}
	})
}

// jumpedBy are the stretches of the log that single tables jump over.
func (w *walk) jumpedBy(ctx context.Context, r *logReading, tables []*change.LoggedTable, from change.LogPosition, at change.Snapshot,
) ([]warehouse.Stretch, error) {
	before, err := from.Encode()
	if err != nil {
		return nil, err
	}
	out := make([]warehouse.Stretch, len(tables))
	for i, t := range tables {
		out[i] = warehouse.Stretch{
			Table: t.Name, State: warehouse.StretchResnapshotted, Why: r.anew[t.Name], From: before, To: at.Position,
			Begins: w.lastSeen(ctx), Ends: at.TakenAt,
		}
	}
	return out, nil
}

func namesOf(tables []*change.LoggedTable) []string {
	out := make([]string, len(tables))
	for i, t := range tables {
		out[i] = t.Name
	}
	return out
}

// keyless names a table whose rows nothing tells apart; "" where there is none.
func keyless(tables []*change.LoggedTable) string {
	if i := slices.IndexFunc(tables, func(t *change.LoggedTable) bool { return len(t.Unique) == 0 }); i >= 0 {
		return tables[i].Name
	}
	return ""
}
