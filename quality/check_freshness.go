package quality

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Freshness is dbt's freshness of a source table: how old its newest row may be.
type Freshness struct {
	Node       string // "source.table".
	Relation   string
	LoadedAt   string // The column or expression that says when a row was written; UTC.
	Filter     string // A condition on the rows that count; empty for all.
	WarnAfter  time.Duration
	ErrorAfter time.Duration // 0 means never.
	File       string
	Line       int
}

// Checks makes the checks of a freshness: one that tells, and one that stops the publication where an age is set for that. now is when
// the source was read.
func (f Freshness) Checks(now time.Time) []Check {
	var out []Check
	if f.WarnAfter > 0 {
		out = append(out, f.check("source_freshness_", Flag, f.WarnAfter, now))
	}
	if f.ErrorAfter > 0 {
		out = append(out, f.check("source_freshness_error_", Block, f.ErrorAfter, now))
	}
	return out
}

func (f Freshness) check(prefix string, severity Severity, allowed time.Duration, now time.Time) Check {
	c := Check{
		Name: prefix + notWord.ReplaceAllString(f.Node, "_"), Kind: "freshness", Node: f.Node, Column: f.LoadedAt, Severity: severity,
		File: f.File, Line: f.Line,
	}
	c.relation, c.where = f.Relation, f.Filter
	c.measure = bind(`
		select max({c}), count(*)
		from {target}`, "c", column(f.LoadedAt), "target", target(f.Relation, f.Filter))
	c.probe = func(ctx context.Context, db *sql.DB, r *Result) error {
		var newest sql.NullTime
		var rows int64
		if err := db.QueryRowContext(ctx, c.measure).Scan(&newest, &rows); err != nil {
			return err
		}
		if r.Tested = min(rows, 1); rows == 0 {
			return nil
		}
		if !newest.Valid {
			r.Failing, r.Detail = 1, "no row says when it was written"
			return nil
		}
		age := now.Sub(newest.Time.UTC())
		r.Detail = fmt.Sprintf("the newest is of %s UTC, %s old; %s is allowed", newest.Time.UTC().Format(time.DateTime), span(age),
			span(allowed))
		if age > allowed {
			r.Failing = 1
		}
		return nil
	}
	return c
}

// span writes a duration in its two largest units.
func span(d time.Duration) string {
	minutes := int64(d / time.Minute)
	switch {
	case minutes >= 48*60:
		return fmt.Sprintf("%d d %d h", minutes/1440, minutes%1440/60)
	case minutes >= 60:
		return fmt.Sprintf("%d h %d min", minutes/60, minutes%60)
	}
	return fmt.Sprintf("%d min", minutes)
}
