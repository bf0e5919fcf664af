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

// seen is the stretch that a landing from the log ends. It is written with the rows.
func (w *walk) seen(ctx context.Context, from, to change.LogPosition, at time.Time) (warehouse.Stretch, error) {
	s := warehouse.Stretch{State: warehouse.StretchSeen, Begins: w.lastSeen(ctx), Ends: at}
	var err error
	if s.From, err = from.Encode(); err != nil {
		return s, err
	}
	s.To, err = to.Encode()
	return s, err
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

// notBefore is the first moment after the last landing, of this run too: nothing that lands after it was committed before, so that what
// was said of a moment stays true.
func (w *walk) notBefore(ctx context.Context) (time.Time, error) {
	var at sql.NullTime
	err := w.hold.DB().QueryRowContext(ctx, `
select max(taken_at)
from ops.positions`).Scan(&at)
	if err != nil {
		return time.Time{}, fmt.Errorf("read ops.positions: %w", err)
	}
	return at.Time.Add(time.Microsecond), nil
}

// jumped are the stretches of the log that the snapshot jumps over. What the log still has is resnapshotted: the comparison of staging with
// the snapshot tells what is certain of it. What it has not any more is lost.
func (w *walk) jumped(ctx context.Context, log *source.Log) ([]warehouse.Stretch, error) {
	before, err := w.lastPosition(ctx)
	if err != nil || before.Flavor == "" {
		return nil, err
	}
	from, err := before.Encode()
	if err != nil || from == w.snapshot.Position {
		return nil, err
	}
	s := warehouse.Stretch{
		State: warehouse.StretchResnapshotted, Why: w.report.ModeWhy, From: from, To: w.snapshot.Position, Begins: w.lastSeen(ctx),
		Ends: w.snapshot.TakenAt,
	}
	if log == nil || before.File == "" {
		return []warehouse.Stretch{s}, nil
	}
	stream, err := cdc.Open(ctx, w.logOptions(*log, log.Tables), before)
	if err == nil {
		return []warehouse.Stretch{s}, stream.Close()
	}
	var gone *cdc.GoneError
	if !errors.As(err, &gone) {
		return []warehouse.Stretch{s}, ctx.Err()
	}
	lost := s
	lost.State, lost.Why = warehouse.StretchLost, gone.Error()
	if gone.What != cdc.Purged {
		return []warehouse.Stretch{lost}, nil
	}
	first, began, err := cdc.Oldest(ctx, w.logOptions(*log, log.Tables))
	if err != nil || !began.After(lost.Begins) || !began.Before(lost.Ends) {
		return []warehouse.Stretch{lost}, ctx.Err()
	}
	if lost.To, err = first.Encode(); err != nil {
		return nil, err
	}
	lost.Ends, s.From, s.Begins = began, lost.To, began
	return []warehouse.Stretch{lost, s}, nil
}

// readLog describes the source's log; nil where there is none that can be read. That it cannot is no fault of a snapshot.
func (w *walk) readLog(ctx context.Context) (*source.Log, error) {
	logged, ok := w.source.(source.Logged)
	if !ok {
		return nil, nil
	}
	l, err := logged.Log(ctx)
	if err != nil || l.Unreadable != "" {
		if err != nil {
			w.opt.Logger.WarnContext(ctx, "the binary log cannot be looked at", "error", err)
		}
		return nil, ctx.Err()
	}
	return &l, nil
}

// afterSnapshot notes what the tables look like, so that the next run goes on from the log.
func (w *walk) afterSnapshot(ctx context.Context, l *source.Log) error {
	if l == nil {
		return nil
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
		has := len(s.Key) > 0 && len(columns[s.Name]) == len(s.Key)+len(warehouse.OwnSince)
		for _, k := range s.Key {
			has = has && slices.Contains(columns[s.Name], k)
		}
		w.followed[s.Name] = has
	}
	return rows.Err()
}
