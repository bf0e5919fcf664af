package run

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"lifeline/notify"
	"lifeline/warehouse"
)

// notify tells whom the project names of an incident's beginning or end. Runs of one incident after its first tell nothing. Who
// does not answer is a warning: a run is not worse for it.
func (w *walk) notify(ctx context.Context, before incident) {
	n := w.notice(before)
	if n == nil {
		return
	}
	if err := (notify.Sender{Config: w.opt.Project.Config.Notify}).Send(context.WithoutCancel(ctx), n); err != nil {
		w.report.Warnings = append(w.report.Warnings, strings.Split(err.Error(), "\n")...)
		w.opt.Logger.WarnContext(ctx, "notify", "error", err)
	}
}

// incident is what the runs before left: the first run since the last good one that was stopped or failed, 0 for none.
type incident struct{ since int64 }

func (i incident) open() bool { return i.since != 0 }

// lastIncident looks at the runs before this one. Trial runs and rollbacks say nothing of the source, and a run that was killed or ended by
// somebody told nobody, so that it begins no incident.
func lastIncident(ctx context.Context, db *sql.DB, run int64) (incident, error) {
	var i incident
	err := db.QueryRowContext(ctx, `
select min(b.run_id)
from ops.runs as b
where b.run_id < $1 and b.status in ('blocked', 'failed') and b.error is distinct from $2
	and coalesce(b.error, '') not like '%context canceled%'
	and b.command in ('run', 'build', 'follow')
	and b.run_id > coalesce((
		select max(g.run_id)
		from ops.runs as g
		where g.run_id < $1 and g.status in ('published', 'unchanged') and g.command in ('run', 'build', 'follow')
	), 0)`, run, warehouse.Killed).Scan(nullable(&i.since))
	if err != nil {
		return i, fmt.Errorf("look at the runs before: %w", err)
	}
	return i, nil
}

// nullable scans a number of which null is zero.
func nullable(into *int64) sql.Scanner { return zeroNull{into} }

type zeroNull struct{ into *int64 }

// Scan keeps zero for a null.
func (z zeroNull) Scan(v any) error {
	var n sql.NullInt64
	err := n.Scan(v)
	*z.into = n.Int64
	return err
}

// notice is what is to be told; nil where nothing is.
func (w *walk) notice(before incident) *notify.Notice {
	r := w.report
	n := &notify.Notice{Project: r.Project, RunID: r.RunID, Status: string(r.Status), EndedAt: r.EndedAt}
	if r.Error != nil {
		n.Error = r.Error
	}
	switch {
	case r.Status == Blocked || r.Status == Failed:
		if before.open() {
			return nil
		}
		n.Event = string(r.Status)
		n.Text = fmt.Sprintf("%s: run %d %s: %s", r.Project, r.RunID, r.Status, r.Error.Message)
		for i := range w.results {
			if w.results[i].Stops() {
				n.Found = append(n.Found, w.results[i].String())
			}
		}
	case before.open():
		n.Event, n.Since = "recovered", before.since
		n.Text = fmt.Sprintf("%s: run %d %s; recovered; failing since run %d", r.Project, r.RunID, r.Status, before.since)
	default:
		return nil
	}
	return n
}
