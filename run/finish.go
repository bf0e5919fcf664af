package run

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifeline/quality"
	"lifeline/warehouse"
)

// publish makes the version visible. The quarantine is written right before it, while the verdicts' working tables are there.
func (w *walk) publish(ctx context.Context) (string, error) {
	if err := w.build.Built(ctx); err != nil {
		return "", err
	}
	if err := w.writeQuarantine(ctx, quality.Ending{Publishes: true}); err != nil {
		return "", err
	}
	if err := quality.Record(ctx, w.build.DB(), w.report.RunID, w.results); err != nil {
		return "", err
	}
	w.recorded = true
	if err := w.recordModels(ctx, w.build.DB(), w.build.Version()); err != nil {
		return "", err
	}
	p := warehouse.Publication{Run: w.report.RunID, AsOf: w.asOf, Project: w.hash}
	err := w.build.Publish(ctx, p)
	if shown := new(warehouse.PublishedError); errors.As(err, &shown) {
		w.report.Version = shown.Version
	}
	if err != nil {
		return "", err
	}
	w.report.Status, w.report.Version = Published, w.build.Version()
	return fmt.Sprintf("version %d, every table at once", w.build.Version()), nil
}

func (w *walk) writeQuarantine(ctx context.Context, end quality.Ending) error {
	if w.rowVerdicts == nil {
		return nil
	}
	end.Run, end.At = w.report.RunID, w.opt.Now()
	return w.rowVerdicts.Write(ctx, w.build.DB(), end)
}

// finish writes the run's record whatever its end, and lets go of the warehouse. It does so also when the user interrupts.
func (w *walk) finish(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err != nil {
		err = w.fail(err)
		if w.build != nil {
			err = errors.Join(err, w.keepFindings(ctx), w.build.Discard(ctx))
		}
	}
	if err == nil && w.report.Status == Unchanged && w.build != nil {
		err = w.build.Discard(ctx)
	}
	if w.report.Status == Checked {
		err = errors.Join(w.build.Built(ctx), quality.Record(ctx, w.build.DB(), w.report.RunID, w.results), w.build.Discard(ctx))
	}
	w.report.EndedAt = w.opt.Now().UTC()
	for _, b := range w.books {
		w.report.Books = append(w.report.Books, BookReport{Table: b.Table, Equation: b.Equation + ", " + b.Item, Balances: b.Balances})
	}
	for _, r := range w.repairs {
		if r.Basis != "source" && r.Basis != "" {
			w.report.Repairs = append(w.report.Repairs, RepairReport(r))
		}
	}
	closing := errors.Join(w.closeSource(), w.record(ctx), w.hold.Close(ctx))
	if closing != nil && w.report.Status == Published {
		closing = &warehouse.PublishedError{Version: w.report.Version, Err: closing}
	}
	return errors.Join(err, closing)
}

// keepFindings writes what a stopped run found, while its tables are still there.
func (w *walk) keepFindings(ctx context.Context) error {
	if w.recorded || w.report.Status != Blocked {
		return nil
	}
	if err := w.build.Built(ctx); err != nil {
		return err
	}
	if !w.opt.Trial {
		if err := w.writeQuarantine(ctx, quality.Ending{}); err != nil {
			return err
		}
	}
	return quality.Record(ctx, w.build.DB(), w.report.RunID, w.results)
}

// record writes ops.runs, steps, loads, books and repairs in one transaction; quality has its own for the rest.
func (w *walk) record(ctx context.Context) error {
	db := w.hold.DB()
	if err := errors.Join(
		quality.RecordBooks(ctx, db, w.report.RunID, w.books),
		quality.RecordRepairs(ctx, db, w.report.RunID, w.repairs),
	); err != nil {
		return fmt.Errorf("record the run: %w", err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("record the run: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := w.recordRows(ctx, tx); err != nil {
		return fmt.Errorf("record the run: %w", err)
	}
	if err := w.pruneRuns(ctx, tx); err != nil {
		return fmt.Errorf("take old runs out of ops: %w", err)
	}
	return tx.Commit()
}

func (w *walk) recordRows(ctx context.Context, tx *sql.Tx) error {
	r := w.report
	if err := recordSteps(ctx, tx, r); err != nil {
		return err
	}
	var loads [][]any
	for _, l := range w.landed {
		loads = append(loads, []any{r.RunID, l.Table, l.Read, l.Inserted, l.Updated, l.Deleted, l.Rows})
	}
	if err := insertRows(ctx, tx, "ops.loads (run_id, table_name, read_rows, inserted, updated, deleted, rows)", loads); err != nil {
		return err
	}
	if err := w.recordVerified(ctx, tx); err != nil {
		return err
	}
	var asOf, message, version any
	if r.AsOf != nil {
		asOf = stamp(*r.AsOf)
	}
	if r.Error != nil {
		message = r.Error.Message
	}
	if r.Version > 0 {
		version = r.Version
	}
	_, err := tx.ExecContext(ctx, `
update ops.runs
set project = $2, status = $3, mode = $4, ended_at = $5, position = $6, consistency = $7, lock_ms = $8, as_of = $9, version = $10,
    project_hash = $11, error = $12, lifeline_version = $13
where run_id = $1`, r.RunID, r.Project, string(r.Status), r.Mode, stamp(r.EndedAt), r.Position, r.Consistency, r.LockMS, asOf, version,
		w.hash, message, w.opt.Version)
	return err
}

type stepRow struct {
	StepReport
	model string // Of the build; empty for the step itself.
	at    time.Time
	rows  int64
}

// recordSteps writes the steps, and the models of the build, into ops.steps.
func recordSteps(ctx context.Context, tx *sql.Tx, r *Report) error {
	var rows []stepRow
	at := r.StartedAt
	for _, s := range r.Steps {
		rows = append(rows, stepRow{StepReport: s, at: at})
		at = at.Add(time.Duration(s.Seconds * float64(time.Second)))
	}
	for _, m := range r.Models {
		step := StepReport{Name: warehouse.StepModel, Seconds: m.Seconds, Status: "done", Detail: m.how()}
		rows = append(rows, stepRow{StepReport: step, model: m.Name, at: r.StartedAt, rows: m.Rows})
	}
	values := make([][]any, len(rows))
	for i, s := range rows {
		values[i] = []any{r.RunID, s.Name, s.model, stamp(s.at), s.Seconds, s.rows, s.Status, s.Detail}
	}
	return insertRows(ctx, tx, "ops.steps (run_id, step, name, started_at, seconds, rows, status, detail)", values)
}

// insertedAtOnce is how many rows one statement writes: each statement waits for the server.
const insertedAtOnce = 100

// insertRows writes rows of the same columns, many at a time.
func insertRows(ctx context.Context, db interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}, into string, rows [][]any,
) error {
	for some := range slices.Chunk(rows, insertedAtOnce) {
		var lines []string
		var values []any
		for _, row := range some {
			places := make([]string, len(row))
			for i := range row {
				places[i] = fmt.Sprintf("$%d", len(values)+i+1)
			}
			lines, values = append(lines, "("+strings.Join(places, ", ")+")"), append(values, row...)
		}
		if _, err := db.ExecContext(ctx, "insert into "+into+"\nvalues\n    "+strings.Join(lines, ",\n    "), values...); err != nil {
			return err
		}
	}
	return nil
}

// Rollback publishes the version before, and records that as a run of its own.
func Rollback(ctx context.Context, o Options) (warehouse.Version, error) {
	w, err := newWalk(o)
	if err != nil {
		return warehouse.Version{}, err
	}
	w.report.Mode = "rollback"
	host := thisHost()
	w.hold, err = o.Warehouse.Begin(ctx, warehouse.Holder{Command: o.Command, Host: host.name, PID: host.pid, Since: w.opt.Now().UTC()},
		o.Wait)
	if err != nil {
		return warehouse.Version{}, held(err)
	}
	w.report.RunID = w.hold.ID()
	v, err := w.hold.Rollback(ctx)
	if err == nil {
		w.report.Status, w.report.Version, w.asOf = Published, v.ID, v.AsOf
		w.report.AsOf = &v.AsOf
	}
	return v, w.finish(ctx, err)
}
