package run

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"lifeline/warehouse"
)

// notice is what the webhook gets: once when runs begin to be stopped or to fail, and once when they are well again. `text` is what chat
// programs show.
type notice struct {
	Text    string       `json:"text"`
	Event   string       `json:"event"` // blocked, failed or recovered.
	Project string       `json:"project"`
	RunID   int64        `json:"run_id"`
	Status  Status       `json:"status"`
	Since   int64        `json:"since_run,omitempty"` // Recovered: the first run of the incident.
	EndedAt time.Time    `json:"ended_at"`
	Error   *ErrorReport `json:"error,omitempty"`
	Found   []string     `json:"found,omitempty"` // The checks that stopped the run.
}

// noticeTimeout bounds the webhook, which must not hold a run up.
const noticeTimeout = 10 * time.Second

// notify tells the project's webhook of an incident's beginning or end. Runs of one incident after its first tell nothing. A webhook
// that does not answer is a warning: a run is not worse for it.
func (w *walk) notify(ctx context.Context, before incident) {
	n := w.notice(before)
	if w.opt.Project.Config.Webhook == "" || n == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noticeTimeout)
	defer cancel()
	if err := post(ctx, w.opt.Project.Config.Webhook, n); err != nil {
		w.report.Warnings = append(w.report.Warnings, "the webhook was not told: "+err.Error())
		w.opt.Logger.WarnContext(ctx, "webhook", "error", err)
	}
}

// incident is what the runs before left: the first run since the last good one that was stopped or failed, 0 for none.
type incident struct{ since int64 }

func (i incident) open() bool { return i.since != 0 }

// lastIncident looks at the runs before this one. Trial runs and rollbacks say nothing of the source, and a run that was killed told
// nobody, so that it begins no incident.
func lastIncident(ctx context.Context, db *sql.DB, run int64) (incident, error) {
	var i incident
	err := db.QueryRowContext(ctx, `
select min(b.run_id)
from ops.runs as b
where b.run_id < $1 and b.status in ('blocked', 'failed') and b.error is distinct from $2 and b.command in ('run', 'build')
	and b.run_id > coalesce((
		select max(g.run_id)
		from ops.runs as g
		where g.run_id < $1 and g.status in ('published', 'unchanged') and g.command in ('run', 'build')
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
func (w *walk) notice(before incident) *notice {
	r := w.report
	n := &notice{Project: r.Project, RunID: r.RunID, Status: r.Status, EndedAt: r.EndedAt, Error: r.Error}
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
		n.Text = fmt.Sprintf("%s: run %d %s; well again since the trouble of run %d", r.Project, r.RunID, r.Status, before.since)
	default:
		return nil
	}
	return n
}

func post(ctx context.Context, address string, n *notice) error {
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(text))
	if err != nil {
		return errors.New("notify.webhook is no address") // The error itself would show it (promise 10).
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // Without the address, which is a secret.
		}
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("it answered %s", answer.Status)
	}
	return nil
}
