package run

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifeline/change"
	"lifeline/quality"
	"lifeline/source"
	"lifeline/source/preflight"
	"lifeline/warehouse"
)

// attempts is how often a snapshot is taken anew after its view of the source was lost.
const attempts = 5

// openSource connects to the source, where there is one to read.
func (w *walk) openSource(ctx context.Context) (err error) {
	if w.opt.Source == nil || w.onStream() {
		return nil // On an open log the source is asked for nothing, unless the log stops.
	}
	w.source, err = w.opt.Source(ctx)
	return err
}

// onStream tells whether the walk lands from a log that is open, whose tables were looked at when it was opened.
func (w *walk) onStream() bool { return w.opt.Following != nil && w.opt.Following.stream != nil }

// sourceAfterAll opens the source of a walk that the log alone does not bring on.
func (w *walk) sourceAfterAll(ctx context.Context) (err error) {
	if w.source != nil {
		return nil
	}
	if w.source, err = w.opt.Source(ctx); err != nil {
		return err
	}
	if err := w.preflight(ctx); err != nil {
		return err
	}
	w.tables, err = w.source.Tables(ctx)
	return err
}

// closeSource lets go of the source.
func (w *walk) closeSource() error {
	if w.source == nil {
		return nil
	}
	return errors.Join(w.closeSnapshot(), w.source.Close())
}

// closeSnapshot lets go of the source's point in time.
func (w *walk) closeSnapshot() error {
	if w.reading == nil {
		return nil
	}
	err := w.reading.Close()
	w.reading = nil
	return err
}

// preflight looks at the source before anything is touched; the first check that fails stops the run.
func (w *walk) preflight(ctx context.Context) error {
	if w.source == nil {
		return nil
	}
	for _, r := range w.source.Check(ctx) {
		if r.Status == preflight.Fail {
			return &change.Problem{Err: fmt.Errorf("preflight %s: %s", r.Name, r.What), Try: r.Try, Class: r.Class}
		}
		if r.Status == preflight.Warn {
			w.opt.Logger.WarnContext(ctx, "preflight", "check", r.Name, "what", r.What)
			w.report.Warnings = append(w.report.Warnings, r.What)
		}
	}
	return nil
}

// land brings the source's changes into staging: from its binary log where that tells all of them, else by reading one point in time. A
// lost connection loses the point (promise 4): what was read is dropped and a new snapshot is taken, a few times, with growing pauses.
func (w *walk) land(ctx context.Context) (string, error) {
	line, why, err := w.landLog(ctx)
	if err != nil || why == "" {
		return line, err
	}
	w.noLog = why
	if err := w.sourceAfterAll(ctx); err != nil {
		return "", err
	}
	return w.landAll(ctx)
}

func (w *walk) landAll(ctx context.Context) (string, error) {
	pause := time.Second
	for try := 1; ; try++ {
		line, err := w.landOnce(ctx)
		if err == nil || !source.IsViewLost(err) || try == attempts || ctx.Err() != nil {
			return line, err
		}
		w.opt.Logger.WarnContext(ctx, "the view of the source was lost; taking a new snapshot", "try", try+1, "error", err)
		w.opt.Progress.Advance(warehouse.StepLand, 0, 0, "rows")
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(pause):
		}
		pause *= 2
	}
}

func (w *walk) landOnce(ctx context.Context) (line string, err error) {
	began := w.opt.Now()
	snap, err := w.source.Snapshot(ctx)
	if err != nil {
		return "", err
	}
	w.reading = snap
	defer func() {
		if err != nil {
			err = errors.Join(err, w.closeSnapshot())
		}
	}()
	w.snapshot = snap.Info()
	w.report.Position = string(w.snapshot.Position)
	w.report.Consistency = w.snapshot.Way
	if w.snapshot.Why != "" {
		w.report.Warnings = append(w.report.Warnings, "the source is read over "+w.snapshot.Way+": "+w.snapshot.Why)
	}
	if err := w.lookAtClock(ctx); err != nil {
		return "", err
	}
	w.report.LockMS = float64(w.snapshot.LockTime.Microseconds()) / 1000

	load, err := w.hold.Load(ctx, w.tables, w.snapshot)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, load.Abort(context.WithoutCancel(ctx)))
		}
	}()
	if err = w.copyRows(ctx, snap, load); err != nil {
		return "", err
	}
	if w.totals, err = snap.Totals(ctx); err != nil {
		return "", fmt.Errorf("totals of the source: %w", err)
	}
	// After the snapshot: what was altered since then is told by the log that is read from there on.
	log, err := w.readLog(ctx)
	if err != nil {
		return "", err
	}
	jumped, err := w.jumped(ctx, log)
	if err != nil {
		return "", err
	}
	w.narrow(load, snap.Checksums())
	load.With(warehouse.Conditions{Stretches: jumped, Guard: w.guard, Anew: true})
	landed, err := load.Commit(ctx, quality.LandedTotals(w.tables, w.totals))
	if err != nil {
		return "", err
	}
	w.noteDeleted(landed)
	w.addLanded(landed)
	if err = w.afterSnapshot(ctx, log); err != nil {
		return "", err
	}
	return w.recordLanding(w.opt.Now().Sub(began)), nil
}

// lookAtClock tells of a clock that was set back: history's order is then that of the landings, not of the clock.
func (w *walk) lookAtClock(ctx context.Context) error {
	var newest sql.NullTime
	if err := w.hold.DB().QueryRowContext(ctx, `
select max(taken_at)
from ops.positions`).Scan(&newest); err != nil {
		return fmt.Errorf("read ops.positions: %w", err)
	}
	if back := newest.Time.Sub(w.snapshot.TakenAt); newest.Valid && back > time.Millisecond {
		w.report.Warnings = append(w.report.Warnings, fmt.Sprintf(
			"the clock was set back: this snapshot's time is %s before the last landing's; rows that it replaces end in history when they began",
			back.Round(time.Second)))
	}
	return nil
}

// copyRows passes the source's rows on: those of the key ranges that changed, where it is known what the others add up to, else all.
func (w *walk) copyRows(ctx context.Context, snap source.Snapshot, load warehouse.Load) error {
	w.partial, w.report.Mode, w.report.ModeWhy = nil, ModeFull, w.noLog
	before, err := w.checksums(ctx)
	if err != nil {
		return err
	}
	if len(before) == 0 {
		return snap.Read(ctx, load.Writer, w.readProgress)
	}
	if w.partial, err = snap.ReadChanged(ctx, before, load.Writer, w.readProgress); err != nil {
		return err
	}
	if slices.ContainsFunc(w.partial.Scopes, func(s change.Scope) bool { return !s.Whole }) {
		w.report.Mode = ModeChecksums
	}
	if len(w.partial.Why) > 0 {
		w.report.ModeWhy += "; read whole: " + strings.Join(w.partial.Why, "; ")
	}
	return nil
}

func (w *walk) readProgress(p source.Progress) {
	if p.Compared > 0 {
		w.opt.Progress.Advance(warehouse.StepLand, p.Compared, 0, "rows compared")
		return
	}
	w.opt.Progress.Advance(warehouse.StepLand, p.Rows, p.Total, "rows")
}

// checksums are those of what staging holds, where the run may go by them.
func (w *walk) checksums(ctx context.Context) ([]change.Checksums, error) {
	if w.opt.Full {
		return nil, nil
	}
	return warehouse.ReadChecksums(ctx, w.hold.DB())
}

// narrow tells the load what its rows stand for, and what they add up to.
func (w *walk) narrow(load warehouse.Load, sums []change.Checksums) {
	for i := range sums {
		for _, t := range w.totals {
			if t.Table == sums[i].Table {
				sums[i].Totals = t
			}
		}
	}
	var scopes []change.Scope
	if w.partial != nil {
		scopes = w.partial.Scopes
	}
	load.Narrow(scopes, sums)
}

// recordLanding puts the counts of the load into the report.
func (w *walk) recordLanding(took time.Duration) string {
	var read, inserted, updated, deleted int64
	for _, l := range w.landed {
		t := w.report.table(l.Table)
		t.Read, t.Landed, t.Inserted, t.Updated, t.Deleted = l.Read, l.Rows, l.Inserted, l.Updated, l.Deleted
		read, inserted, updated, deleted = read+l.Read, inserted+l.Inserted, updated+l.Updated, deleted+l.Deleted
	}
	changes := fmt.Sprintf("%d inserted, %d updated, %d deleted", inserted, updated, deleted)
	if inserted+updated+deleted == 0 {
		changes = "nothing changed"
	}
	if w.report.Mode == ModeChecksums {
		return fmt.Sprintf("checksums: %d rows compared, %d read of %d tables: %s; %s, locked %.0f ms",
			w.partial.Compared, read, len(w.landed), changes, w.snapshot.Way, w.report.LockMS)
	}
	rate := float64(read) / max(took.Seconds(), 0.001)
	return fmt.Sprintf("%d rows of %d tables (%.0f rows/s): %s; %s, locked %.0f ms", read, len(w.landed), rate, changes,
		w.snapshot.Way, w.report.LockMS)
}
