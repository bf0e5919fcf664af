package run

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"lifeline/notify"
)

// unwritten tells whether passes have ended that ops does not have yet.
func (v *Verifying) unwritten() bool { return v != nil && len(v.results)+len(v.found) > 0 }

// recordVerified writes what was compared and found since the last walk.
func (w *walk) recordVerified(ctx context.Context, tx *sql.Tx) error {
	if w.opt.Following == nil || w.opt.Following.Verify == nil {
		return nil
	}
	v := w.opt.Following.Verify
	for _, p := range v.results {
		if _, err := tx.ExecContext(ctx, "delete from ops.verified where table_name = $1", p.table); err != nil {
			return fmt.Errorf("write ops.verified: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `
insert into ops.verified (table_name, began, ended, rows, different, moving, why)
values ($1, $2, $3, $4, $5, $6, $7)`, p.table, stamp(p.began), stamp(p.ended), p.rows, p.different, p.moving, orNull(p.why)); err != nil {
			return fmt.Errorf("write ops.verified: %w", err)
		}
	}
	for _, d := range v.found {
		if _, err := tx.ExecContext(ctx, `
insert into ops.differences (found_at, run_id, table_name, key, column_name, what, source_value, staging_value, repaired)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, stamp(d.at), w.report.RunID, d.Table, d.Key, orNull(d.Column), d.What, d.Source,
			d.Staging, v.Repair); err != nil {
			return fmt.Errorf("write ops.differences: %w", err)
		}
		w.different = append(w.different, d.Difference)
	}
	v.results, v.found = nil, nil
	return nil
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// notifyDifferences tells of what was found, once.
func (w *walk) notifyDifferences(ctx context.Context) {
	if len(w.different) == 0 {
		return
	}
	if w.opt.Following.Verify.Found != nil {
		w.opt.Following.Verify.Found(w.different)
	}
	n := differenceNotice(w.opt.Project.Name, w.different)
	n.RunID, n.Status, n.EndedAt = w.report.RunID, string(w.report.Status), w.report.EndedAt
	if err := (notify.Sender{Config: w.opt.Project.Config.Notify}).Send(context.WithoutCancel(ctx), n); err != nil {
		w.opt.Logger.WarnContext(ctx, "notify", "error", err)
		w.report.Warnings = append(w.report.Warnings, strings.Split(err.Error(), "\n")...)
	}
}

// differenceNotice tells of differences, without their values: they are not for every chat.
func differenceNotice(project string, found []Difference) *notify.Notice {
	rows := map[string]bool{}
	n := &notify.Notice{Event: "different", Project: project}
	for i := range found {
		rows[found[i].Table+" "+found[i].Key] = true
		if len(n.Found) < 20 {
			n.Found = append(n.Found, found[i].place())
		}
	}
	n.Text = fmt.Sprintf("%s: %d rows of staging are not as the source has them", project, len(rows))
	return n
}
