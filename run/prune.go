package run

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"lifeline/project"
	"lifeline/warehouse"
)

// pruneOften is how many times a table's history is pruned while one keep_history goes by: each time reads the table.
const pruneOften = 50

// pruneHistory takes away superseded versions that are older than keep_history, and notes since when all are kept.
func (w *walk) pruneHistory(ctx context.Context) error {
	for _, s := range w.opt.Project.Sources {
		keep := w.opt.Project.Config.HistoryOf(s.Name)
		if keep == 0 || w.opt.Trial {
			continue
		}
		n, err := w.pruneTable(ctx, s, keep)
		if err != nil {
			return fmt.Errorf("take old versions out of history.%s: %w", s.Name, err)
		}
		if n > 0 {
			w.opt.Logger.InfoContext(ctx, "old versions were taken away", "table", s.Name, "versions", n, "keep_history", keep.String())
		}
	}
	return nil
}

func (w *walk) pruneTable(ctx context.Context, s *project.SourceTable, keep time.Duration) (n int64, err error) {
	horizon := stamp(w.snapshot.TakenAt.Add(-keep))
	var due bool
	if err := w.hold.DB().QueryRowContext(ctx, `
select exists (select 1 from ops.kept where table_name = $1 and since_time < cast($2 as timestamp))`, s.Name,
		horizon.Add(-keep/pruneOften)).Scan(&due); err != nil || !due {
		return 0, err
	}
	tx, err := w.hold.DB().BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }()
	var result sql.Result
	if result, err = tx.ExecContext(ctx, "delete from "+warehouse.Relation("history", s.Name)+" where _valid_to < cast($1 as timestamp)",
		horizon); err != nil {
		return 0, err
	}
	if n, err = result.RowsAffected(); err != nil {
		return 0, err
	}
	if _, err = tx.ExecContext(ctx, `
update ops.kept
set since_time = cast($2 as timestamp), pruned_run = case when cast($3 as bigint) > 0 then cast($4 as bigint) else pruned_run end
where table_name = $1`, s.Name, horizon, n, w.report.RunID); err != nil {
		return 0, err
	}
	return n, tx.Commit()
}

// pruneRuns takes the details of runs beyond keep_runs out of ops: steps, loads, results of checks, books and repairs. The row of each run
// stays, since versions of rows are dated by it, and so do the details of runs whose versions are kept.
func (w *walk) pruneRuns(ctx context.Context, tx *sql.Tx) error {
	keep := w.opt.Project.Config.Warehouse.KeepRuns
	if keep == 0 {
		return nil
	}
	oldest := w.report.RunID - int64(keep) + 1
	for _, table := range []string{"steps", "loads", "check_results", "check_rows", "books", "repairs"} {
		if _, err := tx.ExecContext(ctx, "delete from ops."+table+`
where run_id < $1 and run_id not in (
    select run_id from ops.versions where state in ('published', 'kept') and run_id is not null)`, oldest); err != nil {
			return err
		}
	}
	return nil
}
