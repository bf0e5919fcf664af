package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lifeline/change"
	"lifeline/source"
)

// The states of a stretch of a source's log, as ops.continuity has them.
const (
	StretchSeen          = "seen"          // Every change in it has landed with its time.
	StretchResnapshotted = "resnapshotted" // A snapshot stands at its end; what came and went within it is not known.
	StretchLost          = "lost"          // The same, and the source has no log of it any more.
)

// noteSeen lengthens the stretch that is being followed, or begins one.
func (w *walk) noteSeen(ctx context.Context, from, to change.LogPosition, at time.Time) error {
	before, err := from.Encode()
	if err != nil {
		return err
	}
	after, err := to.Encode()
	if err != nil {
		return err
	}
	result, err := w.hold.DB().ExecContext(ctx, `
update ops.continuity
set to_position = $1, to_time = $2
where run_id = $3 and state = 'seen' and stream = ''`, string(after), stamp(at), w.report.RunID)
	if err != nil {
		return fmt.Errorf("write ops.continuity: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return w.noteStretch(ctx, StretchSeen, "", "", before, after, w.lastSeen(ctx), at)
}

// lastSeen is the end of the stretch before; the zero time where there is none.
func (w *walk) lastSeen(ctx context.Context) time.Time {
	var at time.Time
	err := w.hold.DB().QueryRowContext(ctx, `
select taken_at
from ops.positions
where run_id < $1
order by run_id desc
limit 1`, w.report.RunID).Scan(&at)
	if err != nil {
		return time.Time{}
	}
	return at
}

// noteStretch adds a stretch, of one table or, with "", of all that have none of their own; none is ever changed to be less, or taken away.
func (w *walk) noteStretch(ctx context.Context, state, table, why string, from, to change.Position, begins, ends time.Time) error {
	var start any
	if !begins.IsZero() {
		start = stamp(begins)
	}
	_, err := w.hold.DB().ExecContext(ctx, `
insert into ops.continuity (stream, state, from_position, to_position, from_time, to_time, run_id, why)
values ($1, $2, $3, $4, $5, $6, $7, $8)`, table, state, string(from), string(to), start, stamp(ends), w.report.RunID, why)
	if err != nil {
		return fmt.Errorf("write ops.continuity: %w", err)
	}
	return nil
}

// beforeSnapshot forgets what the tables looked like: a snapshot is about to land them anew.
func (w *walk) beforeSnapshot(ctx context.Context) (change.Position, error) {
	last, err := w.lastPosition(ctx)
	if err != nil {
		return "", err
	}
	if _, err := w.hold.DB().ExecContext(ctx, "delete from ops.log_tables"); err != nil {
		return "", fmt.Errorf("write ops.log_tables: %w", err)
	}
	if last.Flavor == "" {
		return "", nil
	}
	return last.Encode()
}

// afterSnapshot notes the stretch that the snapshot has jumped over, and what the tables look like, so that the next run goes on from the
// log. That the log cannot be read is no fault of this run.
func (w *walk) afterSnapshot(ctx context.Context, before change.Position) error {
	if before != "" && before != w.snapshot.Position {
		state := StretchResnapshotted
		if w.opt.Resnapshot {
			state = StretchLost
		}
		if err := w.noteStretch(ctx, state, "", w.report.ModeWhy, before, w.snapshot.Position, w.lastSeen(ctx), w.snapshot.TakenAt); err != nil {
			return err
		}
	}
	logged, ok := w.source.(source.Logged)
	if !ok {
		return nil
	}
	l, err := logged.Log(ctx)
	if err != nil || l.Unreadable != "" {
		if err != nil {
			w.opt.Logger.WarnContext(ctx, "the binary log cannot be looked at", "error", err)
		}
		return ctx.Err()
	}
	tables := l.Tables
	if at, _ := change.ParseLogPosition(w.snapshot.Position); at.Replays() { // Rows that nothing tells apart cannot be read twice.
		tables = slices.DeleteFunc(slices.Clone(tables), func(t *change.LoggedTable) bool { return len(t.Unique) == 0 })
	}
	return w.keepShapes(ctx, tables)
}

// keepShapes notes what tables looked like when they landed: from now on the log can tell of them.
func (w *walk) keepShapes(ctx context.Context, tables []*change.LoggedTable) error {
	tx, err := w.hold.DB().BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write ops.log_tables: %w", err)
	}
	for _, t := range tables {
		if _, err := tx.ExecContext(ctx, `
insert into ops.log_tables (table_name, shape, run_id)
values ($1, $2, $3)`, t.Name, t.Shape(), w.report.RunID); err != nil {
			return errors.Join(fmt.Errorf("write ops.log_tables: %w", err), tx.Rollback())
		}
	}
	return tx.Commit()
}

// lookAtSince finds the tables of which the log has brought rows with their times, by the key that the project tells them apart by.
func (w *walk) lookAtSince(ctx context.Context) error {
	rows, err := w.hold.DB().QueryContext(ctx, `
select table_name, column_name
from information_schema.columns
where table_schema = 'since'`)
	if err != nil {
		return fmt.Errorf("look at since: %w", err)
	}
	defer func() { _ = rows.Close() }()
	columns := map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			return fmt.Errorf("look at since: %w", err)
		}
		columns[table] = append(columns[table], column)
	}
	w.followed = map[string]bool{}
	for _, s := range w.opt.Project.Sources {
		has := len(s.Key) > 0 && len(columns[s.Name]) == len(s.Key)+2
		for _, k := range s.Key {
			has = has && slices.Contains(columns[s.Name], k)
		}
		w.followed[s.Name] = has
	}
	return rows.Err()
}
