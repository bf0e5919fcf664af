package run

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
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

	from  change.LogPosition
	anew  map[string]string // Tables that the log cannot bring to where it stands, and why: they are read from the source.
	tries int               // Of reading them.
}

// followed are the tables whose changes are read from the log.
func (r *logReading) followed() []*change.LoggedTable {
	out := make([]*change.LoggedTable, 0, len(r.Tables))
	for _, t := range r.Tables {
		if _, anew := r.anew[t.Name]; !anew {
			out = append(out, t)
		}
	}
	return out
}

// landLog lands what the source's binary log tells since the last landing, and reads the tables of which it cannot tell. Where it tells of
// none, why says so, and the source is to be read whole; a position that is gone is an error, for what happened in between would be lost
// without a word.
func (w *walk) landLog(ctx context.Context) (line, why string, err error) {
	began := w.opt.Now()
	said := "the binary log tells all that changed since the last landing"
	var stops []*cdc.Stop
	if f := w.opt.Following; f != nil && f.stream != nil {
		stop, err := w.landFollowing(ctx, f)
		if err != nil || stop != nil && stop.Table == "" {
			return "", stop.Reason(), err
		}
		said = "following the binary log"
		if stop == nil {
			return w.endLog(ctx, began, said)
		}
		f.interrupted, stops = true, append(stops, stop)
	}
	if err := w.sourceAfterAll(ctx); err != nil {
		return "", "", err
	}
	reading, why, err := w.readableLog(ctx)
	if err != nil || why != "" {
		return "", why, err
	}
	for _, stop := range stops {
		if err := w.setAside(ctx, &reading, stop); err != nil {
			return "", "", err
		}
	}
	w.report.Mode = ModeLog
	if why, err = w.catchUp(ctx, &reading); err != nil || why != "" {
		return "", why, err
	}
	if len(reading.anew) > 0 {
		said += "; read anew: " + reasons(reading.anew)
	}
	return w.endLog(ctx, began, said)
}

// endLog puts into the report that the log was read.
func (w *walk) endLog(ctx context.Context, began time.Time, said string) (line, why string, err error) {
	w.report.Mode, w.report.ModeWhy, w.report.Consistency = ModeLog, said, "binary log"
	if err := w.addUnchanged(ctx); err != nil {
		return "", "", err
	}
	return w.recordLog(w.opt.Now().Sub(began)), "", nil
}

// catchUp brings all tables to where the log stands: by what the log tells, and by reading those of which it cannot tell. why says that
// everything is to be read.
func (w *walk) catchUp(ctx context.Context, r *logReading) (why string, err error) {
	for try := 1; ; {
		if len(r.anew) == len(r.Tables) && len(r.Tables) > 0 {
			return reasons(r.anew), nil
		}
		stop, err := w.follow(ctx, r, r.Here)
		if stop == nil && err == nil && len(r.anew) > 0 {
			stop, err = w.readAnew(ctx, r)
		}
		var lost *cdc.LostError
		switch {
		case errors.As(err, &lost) && try < attempts && ctx.Err() == nil:
			try++
			w.opt.Logger.WarnContext(ctx, "the link to the binary log was lost; going on from where it was", "error", err)
			if r.from, err = w.lastPosition(ctx); err != nil {
				return "", err
			}
		case err != nil:
			return "", err
		case stop == nil:
			return "", nil
		case stop.Table == "":
			return stop.Why, nil
		default:
			if err := w.setAside(ctx, r, stop); err != nil {
				return "", err
			}
		}
	}
}

// setAside notes that the log cannot tell of some tables: they are read from the source. It forgets what they looked like, so that a run
// that is killed before they are read leaves that to the next.
func (w *walk) setAside(ctx context.Context, r *logReading, stop *cdc.Stop) (err error) {
	for _, t := range append([]string{stop.Table}, stop.Also...) {
		if _, there := r.anew[t]; !there {
			r.anew[t] = stop.Why
			w.opt.Logger.InfoContext(ctx, "a table is read from the source", "table", t, "why", stop.Why)
		}
		if _, err := w.hold.DB().ExecContext(ctx, "delete from ops.log_tables where table_name = $1", t); err != nil {
			return fmt.Errorf("write ops.log_tables: %w", err)
		}
	}
	r.from, err = w.lastPosition(ctx)
	return err
}

// reasons lists tables with why they are read.
func reasons(anew map[string]string) string {
	var parts []string
	said := map[string]bool{}
	for _, t := range slices.Sorted(maps.Keys(anew)) {
		if why := anew[t]; !said[why] {
			said[why] = true
			parts = append(parts, why)
		}
	}
	return strings.Join(parts, "; ")
}

// readableLog looks whether reading the log can resume.
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
		if r.Try != "" {
			r.Unreadable += " (Try: " + r.Try + ")"
		}
		return r, r.Unreadable, err
	}
	if r.from.File == "" {
		return r, "the place of the last landing in the binary log is not known", nil
	}
	if err = w.forgetOthers(ctx, r.Tables); err != nil {
		return r, "", err
	}
	if r.anew, err = w.changedShapes(ctx, r.Tables); err != nil {
		return r, "", err
	}
	for t, why := range r.anew {
		if err := w.setAside(ctx, &r, &cdc.Stop{Table: t, Why: why}); err != nil {
			return r, "", err
		}
	}
	return r, "", nil
}

// forgetOthers forgets what tables looked like that the project has no more: what the log tells of them from here on is passed over, so
// that a project that has them again must read them.
func (w *walk) forgetOthers(ctx context.Context, tables []*change.LoggedTable) error {
	names := []string{"''"}
	for _, t := range tables {
		names = append(names, warehouse.Literal(t.Name))
	}
	if _, err := w.hold.DB().ExecContext(ctx, `
delete from ops.log_tables
where table_name not in (`+strings.Join(names, ", ")+")"); err != nil {
		return fmt.Errorf("write ops.log_tables: %w", err)
	}
	return nil
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

// changedShapes says which tables are others than those that landed, and why.
func (w *walk) changedShapes(ctx context.Context, tables []*change.LoggedTable) (map[string]string, error) {
	rows, err := w.hold.DB().QueryContext(ctx, `
select table_name, shape
from ops.log_tables`)
	if err != nil {
		return nil, fmt.Errorf("read ops.log_tables: %w", err)
	}
	defer func() { _ = rows.Close() }()
	shapes := map[string]string{}
	for rows.Next() {
		var name, shape string
		if err := rows.Scan(&name, &shape); err != nil {
			return nil, fmt.Errorf("read ops.log_tables: %w", err)
		}
		shapes[name] = shape
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read ops.log_tables: %w", err)
	}
	out := map[string]string{}
	for _, t := range tables {
		shape, there := shapes[t.Name]
		switch {
		case t.Trouble != "":
			out[t.Name] = t.Trouble
		case !there:
			out[t.Name] = t.Name + " has not landed with a place in the binary log yet"
		case shape != t.Shape():
			out[t.Name] = t.Name + " has other columns, keys or masks than when it landed"
		}
	}
	return out, w.stagingAsLanded(ctx, tables, out)
}

// stagingAsLanded adds the tables of staging that somebody dropped or changed the columns of; reading them whole puts them right.
func (w *walk) stagingAsLanded(ctx context.Context, tables []*change.LoggedTable, out map[string]string) error {
	rows, err := w.hold.DB().QueryContext(ctx, `
select table_name, column_name
from information_schema.columns
where table_schema = 'staging'
	and table_catalog = current_database()`)
	if err != nil {
		return fmt.Errorf("look at the columns of staging: %w", err)
	}
	defer func() { _ = rows.Close() }()
	have := map[string]map[string]bool{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			return fmt.Errorf("look at the columns of staging: %w", err)
		}
		if have[table] == nil {
			have[table] = map[string]bool{}
		}
		have[table][column] = true
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("look at the columns of staging: %w", err)
	}
	for _, t := range tables {
		is := have[t.Name]
		same := len(is) == len(t.Columns)+2 && is["_raw"] && is["_run"]
		for _, c := range t.Columns {
			same = same && is[c.Name]
		}
		if !same && out[t.Name] == "" {
			out[t.Name] = "staging." + t.Name + " is not as a run has left it"
		}
	}
	return nil
}

// follow reads the log up to a place.
func (w *walk) follow(ctx context.Context, r *logReading, to change.LogPosition) (*cdc.Stop, error) {
	tables := r.followed()
	return w.withLog(ctx, r.Log, tables, r.from, func(stream *cdc.Stream) (*cdc.Stop, error) {
		limit := cdc.Limit{File: to.File, Pos: to.Pos, Rows: logRows}
		for {
			result, err := w.landChanges(ctx, stream, tables, limit, r.Now)
			if err != nil || result.Stop != nil {
				return result.Stop, err
			}
			if result.Reached {
				w.snapshot = change.Snapshot{Position: result.Position, TakenAt: result.At, Way: "binary log"}
				w.report.Position = string(result.Position)
				r.from = stream.Position()
				return nil, nil
			}
		}
	})
}

// withLog opens the log for some tables. That a right is missing is told, and no reason to read nothing; rows that are not as the log found
// them are read from the source.
func (w *walk) withLog(ctx context.Context, l source.Log, tables []*change.LoggedTable, from change.LogPosition,
	do func(*cdc.Stream) (*cdc.Stop, error),
) (stop *cdc.Stop, err error) {
	options := w.logOptions(l, tables)
	if options.NotBefore, err = w.notBefore(ctx); err != nil {
		return nil, err
	}
	stream, err := cdc.Open(ctx, options, from)
	var p *change.Problem
	if errors.As(err, &p) && p.Class == change.ClassUsage {
		return &cdc.Stop{Why: fmt.Sprintf("%v (%s)", err, p.Try)}, nil
	}
	if err != nil {
		return nil, err
	}
	stop, err = do(stream)
	return stop, errors.Join(err, stream.Close())
}

// landChanges reads a part of the log and lands it with its position. What a snapshot may have seen is landed whole or not at all.
func (w *walk) landChanges(ctx context.Context, stream *cdc.Stream, tables []*change.LoggedTable, limit cdc.Limit, now time.Time,
) (result cdc.Result, err error) {
	before := stream.Position()
	load, err := w.hold.Changes(ctx, tables)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, load.Abort(context.WithoutCancel(ctx))) }()
	if result, err = stream.Read(ctx, load.Writer, limit); err != nil {
		return result, err
	}
	if result.Stop != nil && result.Replays {
		return result, nil
	}
	if result.Reached {
		result.At = now
	}
	if result.Newest.After(result.At) {
		result.At = result.Newest
	}
	if after := stream.Position(); after == before && result.Images == 0 {
		return result, nil
	}
	seen, err := w.seen(ctx, before, stream.Position(), result.At)
	if err != nil {
		return result, err
	}
	load.With(warehouse.Conditions{Stretches: []warehouse.Stretch{seen}, Guard: w.guard})
	landed, err := load.Commit(ctx, result.LogBatch)
	var drift *warehouse.DriftError
	if errors.As(err, &drift) {
		result.Stop = &cdc.Stop{Why: drift.Error(), Table: drift.Table}
		return result, nil
	}
	if err != nil {
		return result, err
	}
	w.noteDeleted(landed)
	w.addLanded(landed)
	w.opt.Progress.Advance(warehouse.StepLand, w.changes(), 0, "changes")
	return result, nil
}

func (w *walk) logOptions(l source.Log, tables []*change.LoggedTable) cdc.Options {
	return cdc.Options{
		Network: l.Network, Host: l.Host, User: l.User, Password: l.Password, TLS: l.TLS, Preferred: l.Preferred, Timeout: l.Timeout,
		Shown: l.Shown, MariaDB: l.MariaDB, Number: l.Number, Tables: tables, Logger: w.opt.Logger,
		ServerID: uint32(w.opt.Project.Config.CDC.ServerID), Heartbeat: w.opt.Project.Config.CDC.Heartbeat,
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
