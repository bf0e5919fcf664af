package run

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"lifeline/cdc"
	"lifeline/change"
	"lifeline/source"
	"lifeline/warehouse"
)

// logRows is about how many images of rows are landed at once.
const logRows = 200_000

// logReading is a source's log with the place that it is read from.
type logReading struct {
	source.Log

	from change.LogPosition
}

// landLog lands what the source's binary log tells since the last landing. Where it cannot, why says so, and the source is to be read
// whole; a position that is gone is an error, for what happened in between would be lost without a word.
func (w *walk) landLog(ctx context.Context) (line, why string, err error) {
	began := w.opt.Now()
	if f := w.opt.Following; f != nil && f.stream != nil {
		return w.landFollowing(ctx, f)
	}
	reading, why, err := w.readableLog(ctx)
	if err != nil || why != "" {
		return "", why, err
	}
	for try := 1; ; try++ {
		stop, err := w.follow(ctx, reading)
		var lost *cdc.LostError
		var drift *warehouse.DriftError
		switch {
		case errors.As(err, &drift):
			return "", drift.Error(), nil
		case errors.As(err, &lost) && try < attempts && ctx.Err() == nil:
			w.opt.Logger.WarnContext(ctx, "the link to the binary log was lost; going on from where it was", "error", err)
			if reading.from, err = w.lastPosition(ctx); err != nil {
				return "", "", err
			}
		case err != nil:
			return "", "", err
		case stop != nil:
			return "", stop.Why, nil
		default:
			w.report.Mode, w.report.ModeWhy = ModeLog, "the binary log tells all that changed since the last landing"
			w.report.Consistency = "binary log"
			if err := w.addUnchanged(ctx); err != nil {
				return "", "", err
			}
			return w.recordLog(w.opt.Now().Sub(began)), "", nil
		}
	}
}

// readableLog looks whether the log can be gone on with.
func (w *walk) readableLog(ctx context.Context) (r logReading, why string, err error) {
	logged, ok := w.source.(source.Logged)
	switch {
	case !ok:
		return r, "a folder has no log of its changes", nil
	case w.opt.Full:
		return r, "--full asks for it", nil
	case w.opt.Resnapshot:
		return r, "--resnapshot asks for it", nil
	}
	if r.from, err = w.lastPosition(ctx); err != nil {
		return r, "", err
	}
	if r.from.Flavor == "" {
		return r, "nothing has landed from this source yet", nil
	}
	if r.Log, err = logged.Log(ctx); err != nil || r.Unreadable != "" {
		return r, r.Unreadable, err
	}
	if r.from.File == "" {
		return r, "the place of the last landing in the binary log is not known", nil
	}
	why, err = w.sameShapes(ctx, r.Tables)
	return r, why, err
}

// lastPosition is how far the source has been read; the zero value where nothing has landed.
func (w *walk) lastPosition(ctx context.Context) (change.LogPosition, error) {
	var text string
	err := w.hold.DB().QueryRowContext(ctx, `
select position
from ops.positions
order by run_id desc
limit 1`).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return change.LogPosition{}, nil
	}
	if err != nil {
		return change.LogPosition{}, fmt.Errorf("read ops.positions: %w", err)
	}
	p, _ := change.ParseLogPosition(change.Position(text))
	return p, nil
}

// sameShapes says which table is another than the one that landed; "" where all are the same.
func (w *walk) sameShapes(ctx context.Context, tables []*change.LoggedTable) (string, error) {
	rows, err := w.hold.DB().QueryContext(ctx, `
select table_name, shape
from ops.log_tables`)
	if err != nil {
		return "", fmt.Errorf("read ops.log_tables: %w", err)
	}
	defer func() { _ = rows.Close() }()
	shapes := map[string]string{}
	for rows.Next() {
		var name, shape string
		if err := rows.Scan(&name, &shape); err != nil {
			return "", fmt.Errorf("read ops.log_tables: %w", err)
		}
		shapes[name] = shape
	}
	if err := rows.Err(); err != nil {
		return "", fmt.Errorf("read ops.log_tables: %w", err)
	}
	for _, t := range tables {
		shape, there := shapes[t.Name]
		switch {
		case !there:
			return t.Name + " has not landed with a place in the binary log yet", nil
		case t.Trouble != "":
			return t.Trouble, nil
		case shape != t.Shape():
			return t.Name + " has other columns, keys or masks than when it landed", nil
		}
	}
	return "", nil
}

// follow reads the log up to where it stood when it was described.
func (w *walk) follow(ctx context.Context, r logReading) (stop *cdc.Stop, err error) {
	stream, err := cdc.Open(ctx, w.logOptions(r.Log), r.from)
	var p *change.Problem
	if errors.As(err, &p) && p.Class == change.ClassUsage { // A right is missing: that is told, and no reason to read nothing.
		return &cdc.Stop{Why: fmt.Sprintf("%v (%s)", err, p.Try)}, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	limit := cdc.Limit{File: r.Here.File, Pos: r.Here.Pos, Rows: logRows}
	for {
		result, err := w.landChanges(ctx, stream, r, limit)
		if err != nil || result.Stop != nil {
			return result.Stop, err
		}
		if result.Reached {
			w.snapshot = change.Snapshot{Position: result.Position, TakenAt: r.Now, Way: "binary log"}
			w.report.Position = string(result.Position)
			return nil, nil
		}
	}
}

// landChanges reads a part of the log and lands it with its position.
func (w *walk) landChanges(ctx context.Context, stream *cdc.Stream, r logReading, limit cdc.Limit) (result cdc.Result, err error) {
	before := stream.Position()
	load, err := w.hold.Changes(ctx, r.Tables)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, load.Abort(context.WithoutCancel(ctx))) }()
	if result, err = stream.Read(ctx, load.Writer, limit); err != nil {
		return result, err
	}
	if result.Reached {
		result.At = r.Now
	}
	if after := stream.Position(); after == before && result.Images == 0 {
		return result, nil
	}
	landed, err := load.Commit(ctx, result.LogBatch)
	if err != nil {
		return result, err
	}
	w.addLanded(landed)
	w.opt.Progress.Advance(warehouse.StepLand, w.changes(), 0, "changes")
	return result, w.noteSeen(ctx, before, stream.Position(), result.At)
}

func (w *walk) logOptions(l source.Log) cdc.Options {
	return cdc.Options{
		Network: l.Network, Host: l.Host, User: l.User, Password: l.Password, TLS: l.TLS, Preferred: l.Preferred, Timeout: l.Timeout,
		Shown: l.Shown, MariaDB: l.MariaDB, Number: l.Number, Tables: l.Tables, Logger: w.opt.Logger,
	}
}

// addLanded adds the counts of one landing to those of the run.
func (w *walk) addLanded(landed []warehouse.Landed) {
	for _, l := range landed {
		found := false
		for i := range w.landed {
			if have := &w.landed[i]; have.Table == l.Table {
				have.Read, have.Rows = have.Read+l.Read, l.Rows
				have.Inserted, have.Updated, have.Deleted = have.Inserted+l.Inserted, have.Updated+l.Updated, have.Deleted+l.Deleted
				found = true
			}
		}
		if !found {
			w.landed = append(w.landed, l)
		}
	}
}

// addUnchanged adds the tables of which the log told nothing.
func (w *walk) addUnchanged(ctx context.Context) error {
	rows, err := w.hold.DB().QueryContext(ctx, `
select l.table_name, l.rows
from ops.loads as l
where l.run_id = (select max(m.run_id) from ops.loads as m where m.table_name = l.table_name)`)
	if err != nil {
		return fmt.Errorf("read ops.loads: %w", err)
	}
	defer func() { _ = rows.Close() }()
	before := map[string]int64{}
	for rows.Next() {
		var name string
		var n sql.NullInt64
		if err := rows.Scan(&name, &n); err != nil {
			return fmt.Errorf("read ops.loads: %w", err)
		}
		before[name] = n.Int64
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read ops.loads: %w", err)
	}
	for _, t := range w.tables {
		if !slices.ContainsFunc(w.landed, func(l warehouse.Landed) bool { return l.Table == t.Name }) {
			w.landed = append(w.landed, warehouse.Landed{Table: t.Name, Rows: before[t.Name]})
		}
	}
	return nil
}

// changes counts what has landed.
func (w *walk) changes() (n int64) {
	for _, l := range w.landed {
		n += l.Inserted + l.Updated + l.Deleted
	}
	return n
}

// recordLog puts the counts into the report.
func (w *walk) recordLog(took time.Duration) string {
	var images, inserted, updated, deleted int64
	changed := 0
	for _, l := range w.landed {
		if l.Read > 0 {
			changed++
		}
		t := w.report.table(l.Table)
		t.Read, t.Landed, t.Inserted, t.Updated, t.Deleted = l.Read, l.Rows, l.Inserted, l.Updated, l.Deleted
		images, inserted, updated, deleted = images+l.Read, inserted+l.Inserted, updated+l.Updated, deleted+l.Deleted
	}
	if images == 0 {
		return "nothing changed; from the binary log"
	}
	return fmt.Sprintf("%d changes of %d tables from the binary log (%.0f rows/s): %d inserted, %d updated, %d deleted",
		inserted+updated+deleted, changed, float64(images)/max(took.Seconds(), 0.001), inserted, updated, deleted)
}
