package run

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"lifeline/change"
	"lifeline/notify"
	"lifeline/quality"
	"lifeline/source"
	"lifeline/warehouse"
)

// listed is how many differences a verification names; all are counted.
const listed = 1000

// Verification is what a comparison of the source with staging has found.
type Verification struct {
	RunID       int64           `json:"run_id,omitempty"` // Of the repair.
	Status      string          `json:"status"`           // equal, different or repaired.
	Moved       bool            `json:"moved"`            // The source has moved on since the last landing, and so may differ.
	Tables      []VerifiedTable `json:"tables"`
	Differences []Difference    `json:"differences"`
}

// VerifiedTable counts what was compared of one table, in rows.
type VerifiedTable struct {
	Name      string `json:"name"`
	Rows      int64  `json:"rows"` // In staging.
	Read      int64  `json:"read"` // Of the source, cell by cell, since their range's checksum differs.
	Different int64  `json:"different"`
	Repaired  int64  `json:"repaired"`
}

// Difference is a cell, or a whole row, that is not alike on both sides.
type Difference struct {
	Table   string  `json:"table"`
	Key     string  `json:"key"`
	Column  string  `json:"column,omitempty"` // Empty for a row that one side lacks.
	What    string  `json:"what"`             // differs, not in staging, not in the source.
	Source  *string `json:"source"`
	Staging *string `json:"staging"`
}

type verify struct {
	o      Options
	repair bool
	db     *sql.DB
	hold   warehouse.Run
	load   warehouse.Load
	snap   source.Snapshot
	tables []*change.Table
	out    *Verification

	mu   sync.Mutex
	rows map[string][]verifiedRow // What the source gave.
}

// Verify compares the source, at one point in time, with staging's own values: by the checksums of key ranges, and where those differ cell
// by cell. With repair it lands what differs, and nothing else, as a run of its own.
func Verify(ctx context.Context, o Options, repair bool) (out *Verification, err error) {
	if o.Progress == nil {
		o.Progress = silent{}
	}
	v := &verify{o: o, repair: repair, out: &Verification{Status: "equal", Differences: []Difference{}}, rows: map[string][]verifiedRow{}}
	closing, err := v.open(ctx)
	if err != nil {
		return v.out, err
	}
	defer func() { err = errors.Join(err, closing()) }()
	src, err := o.Source(ctx)
	if err != nil {
		return v.out, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	if v.tables, err = src.Tables(ctx); err != nil {
		return v.out, err
	}
	if v.snap, err = src.Snapshot(ctx); err != nil {
		return v.out, err
	}
	defer func() { err = errors.Join(err, v.snap.Close()) }()
	return v.out, v.compare(ctx)
}

// open opens staging: for a repair as a run, else for a look.
func (v *verify) open(ctx context.Context) (func() error, error) {
	if !v.repair {
		r, err := v.o.Warehouse.OpenStaging(ctx)
		if err != nil {
			return nil, held(err)
		}
		v.db = r.DB
		return r.Close, nil
	}
	host := thisHost()
	var err error
	v.hold, err = v.o.Warehouse.Begin(ctx, warehouse.Holder{Command: "verify", Host: host.name, PID: host.pid}, v.o.Wait)
	if err != nil {
		return nil, held(err)
	}
	v.db, v.out.RunID = v.hold.DB(), v.hold.ID()
	return func() error {
		_, err := v.db.ExecContext(context.WithoutCancel(ctx), `
update ops.runs
set mode = 'verify'
where run_id = $1`, v.out.RunID)
		return errors.Join(err, v.hold.Close(context.WithoutCancel(ctx)))
	}, nil
}

func (v *verify) compare(ctx context.Context) error {
	last, err := v.lastLanding(ctx)
	if err != nil {
		return err
	}
	v.out.Moved = last.Position != v.snap.Info().Position
	before := []change.Checksums{}
	for _, t := range v.tables {
		sums, rows, err := v.sumsOf(ctx, t)
		if err != nil {
			return err
		}
		if sums != nil {
			before = append(before, *sums)
		}
		v.out.Tables = append(v.out.Tables, VerifiedTable{Name: t.Name, Rows: rows})
	}
	if v.repair {
		// The position stays: what the log tells from there on is applied to the repaired rows as well.
		if v.load, err = v.hold.Load(ctx, v.tables, last); err != nil {
			return err
		}
		defer func() { _ = v.load.Abort(context.WithoutCancel(ctx)) }()
	}
	changes, err := v.snap.ReadChanged(ctx, before, v.writer, nil)
	if err != nil {
		return err
	}
	for i, t := range v.tables {
		if err := v.compareTable(ctx, t, changes.Scopes[i], &v.out.Tables[i]); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(v.out.Tables, func(t VerifiedTable) bool { return t.Different > 0 }) {
		return nil
	}
	v.out.Status = "different"
	if !v.out.Moved || v.repair {
		v.tell(ctx)
	}
	if v.repair {
		return v.mend(ctx, changes.Scopes)
	}
	return nil
}

// tell tells whom the project names. What the source changed since the last landing is no news.
func (v *verify) tell(ctx context.Context) {
	n := differenceNotice(v.o.Project.Name, v.out.Differences)
	n.RunID, n.EndedAt, n.Status = v.out.RunID, v.snap.Info().TakenAt, v.out.Status
	if err := (notify.Sender{Config: v.o.Project.Config.Notify}).Send(context.WithoutCancel(ctx), n); err != nil && v.o.Logger != nil {
		v.o.Logger.WarnContext(ctx, "notify", "error", err)
	}
}

// lastLanding is the position that staging stands at.
func (v *verify) lastLanding(ctx context.Context) (change.Snapshot, error) {
	// Its time too: what is repaired was so then, and the log goes on from there.
	at := change.Snapshot{Way: v.snap.Info().Way}
	var text string
	err := v.db.QueryRowContext(ctx, `
select position, taken_at
from ops.positions
order by run_id desc
limit 1`).Scan(&text, &at.TakenAt)
	if errors.Is(err, sql.ErrNoRows) {
		return at, warehouse.ErrNothingPublished
	}
	at.Position = change.Position(text)
	return at, err
}

// sumsOf adds up a table of staging.
func (v *verify) sumsOf(ctx context.Context, t *change.Table) (sums *change.Checksums, rows int64, err error) {
	order := ""
	if column := v.snap.OrderOf(t); column != "" {
		// Named with its table: PostgreSQL takes a bare name for the text that is selected.
		order = "order by " + warehouse.Quote(t.Name) + "." + warehouse.Quote(column)
	}
	sums, err = v.snap.SumsOf(t, func(each func(*change.Batch) error) error {
		return warehouse.StagingRows(ctx, v.db, v.o.Warehouse.Engine(), t, order, func(b *change.Batch) error {
			rows += int64(b.Len)
			return each(b)
		})
	})
	if sums == nil && err == nil {
		err = v.db.QueryRowContext(ctx, "select count(*) from staging."+warehouse.Quote(t.Name)).Scan(&rows)
	}
	return sums, rows, err
}

// mend lands what was read.
func (v *verify) mend(ctx context.Context, scopes []change.Scope) error {
	totals, err := v.snap.Totals(ctx)
	if err != nil {
		return err
	}
	v.load.Narrow(scopes, nil)
	landed, err := v.load.Commit(ctx, quality.LandedTotals(v.tables, totals))
	if err != nil {
		return err
	}
	for _, l := range landed {
		for i := range v.out.Tables {
			if v.out.Tables[i].Name == l.Table {
				v.out.Tables[i].Repaired = l.Inserted + l.Updated + l.Deleted
			}
		}
		if _, err := v.db.ExecContext(ctx, `
insert into ops.loads (run_id, table_name, read_rows, inserted, updated, deleted, rows)
values ($1, $2, $3, $4, $5, $6, $7)`, v.out.RunID, l.Table, l.Read, l.Inserted, l.Updated, l.Deleted, l.Rows); err != nil {
			return fmt.Errorf("record the repair: %w", err)
		}
	}
	v.out.Status = "repaired"
	_, err = v.db.ExecContext(ctx, `
update ops.runs
set status = 'unchanged', ended_at = $2
where run_id = $1`, v.out.RunID, stamp(v.snap.Info().TakenAt))
	return err
}

// where selects a scope's rows of staging.
func scopeWhere(t *change.Table, s change.Scope, some []change.Interval) string {
	if s.Whole {
		return ""
	}
	column := warehouse.Quote(s.Column)
	parts := []string{"1 = 0"}
	for _, i := range some {
		both := []string{column + " is not null"}
		if i.Low != nil {
			both = append(both, column+" >= "+*i.Low)
		}
		if i.High != nil {
			both = append(both, column+" <= "+*i.High)
		}
		parts = append(parts, "("+strings.Join(both, " and ")+")")
	}
	return "where " + strings.Join(parts, " or ")
}
