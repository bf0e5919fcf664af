package run

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // Business days need zones on machines without a zone database.

	"lifeline/change"
	"lifeline/warehouse"
)

// decideAsOf finds the instant that "last 7 days" ends at, and makes the graph for it. Rules: "latest" is the end of the business
// day of the newest valid time that is not after the snapshot; "now" the end of the business day of the snapshot; a date the end
// of that business day. The end is exclusive: windows are [as_of - 7d, as_of).
func (w *walk) decideAsOf(ctx context.Context) error {
	business, err := zone(w.opt.Project.Config.BusinessTimeZone, "business_time_zone")
	if err != nil {
		return err
	}
	stored, err := zone(w.opt.Project.Config.Source.TimeZone, "source.time_zone")
	if err != nil {
		return err
	}
	rule := w.opt.AsOf
	if rule == "" {
		rule = w.opt.Project.Config.AsOf.Rule
	}
	switch rule {
	case "", "latest":
		newest, err := w.newestTime(ctx, stored)
		if err != nil {
			return err
		}
		w.asOf = endOfDay(newest, business)
	case "now":
		w.asOf = endOfDay(w.snapshot.TakenAt, business)
	default:
		day, err := time.ParseInLocation(time.DateOnly, rule, business)
		if err != nil {
			return &change.Problem{
				Err: fmt.Errorf("as of %q is neither latest, now nor a date", rule), Class: change.ClassUsage,
				Try: "--as-of 2019-11-25",
			}
		}
		w.asOf = endOfDay(day, business)
	}
	asOf := w.asOf
	w.report.AsOf = &asOf
	w.asOfText, w.snapshotText = w.asOf.In(stored).Format(time.DateTime), w.snapshot.TakenAt.In(stored).Format(time.DateTime)
	if w.graph, err = w.newGraph(w.asOf.In(stored), w.snapshot.TakenAt.In(stored)); err != nil {
		return err
	}
	return w.choose()
}

// newestTime is the newest valid time in the columns that the project names, or in every column of a date or time that has landed
// where it names none; not after the snapshot, and the snapshot's own time where there is none. It reports the column.
func (w *walk) newestTime(ctx context.Context, stored *time.Location) (time.Time, error) {
	limit := w.snapshot.TakenAt
	columns, err := w.timeColumns(ctx)
	if err != nil {
		return limit, err
	}
	var newest time.Time
	for _, c := range columns {
		zone := stored
		if c.utc {
			zone = time.UTC
		}
		// The literal keeps one text for both engines; wall-clock times of the column's zone are compared as they stand.
		query := fmt.Sprintf(`
select max(%[2]s)
from staging.%[1]s
where %[2]s <= timestamp '%[3]s'`, c.table, c.name, limit.In(zone).Format(time.DateTime))
		if c.counted {
			zone = time.UTC
			query = fmt.Sprintf(`
select timestamp '1970-01-01 00:00:00' + cast(floor(max(s.seconds) / 86400.0) as integer) * interval '1 day'
	+ cast(max(s.seconds) %% 86400 as integer) * interval '1 second'
from (select case when %[2]s > 100000000000 then %[2]s / 1000 else %[2]s end as seconds from staging.%[1]s) as s
where s.seconds > 0 and s.seconds <= %[3]d`, c.table, c.name, limit.Unix())
		}
		var t sql.NullTime
		if err := w.hold.DB().QueryRowContext(ctx, query).Scan(&t); err != nil {
			return newest, fmt.Errorf("find the newest time in staging.%s.%s: %w", c.table, c.name, err)
		}
		if wall := t.Time; t.Valid {
			at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), zone)
			if at.After(newest) {
				newest, w.report.AsOfColumn = at, strings.ReplaceAll(c.table+"."+c.name, `"`, "")
			}
		}
	}
	if newest.IsZero() {
		return limit, nil
	}
	return newest, nil
}

// timeColumn is a column of staging with dates or times, as SQL writes its names.
type timeColumn struct {
	table, name string
	utc         bool // Its values are in UTC, not in the source's zone.
	counted     bool // Its numbers count seconds or milliseconds since 1970.
}

func (w *walk) timeColumns(ctx context.Context) ([]timeColumn, error) {
	var out []timeColumn
	named := w.opt.Project.Config.AsOf.Columns
	for _, column := range named {
		table, name, ok := strings.Cut(column, ".")
		if !ok {
			return nil, &change.Problem{
				Err:   fmt.Errorf("as_of column %q is not table.column", column),
				Where: "lifeline.yml", Class: change.ClassUsage, Try: "columns: [claim.date_created]",
			}
		}
		counted, err := w.isCounted(ctx, table, name)
		if err != nil {
			return nil, fmt.Errorf("look at the as_of column %s: %w", column, err)
		}
		out = append(out, timeColumn{warehouse.Name(table), warehouse.Name(strings.ToLower(name)), w.isUTC(table, name), counted})
	}
	if len(named) > 0 {
		return out, nil
	}
	for _, s := range w.opt.Project.Sources {
		names, err := w.datesOf(ctx, s.Name)
		if err != nil {
			return nil, fmt.Errorf("list the dates of staging.%s: %w", s.Name, err)
		}
		for _, name := range names {
			out = append(out, timeColumn{warehouse.Quote(s.Name), warehouse.Quote(name), w.isUTC(s.Name, name), false})
		}
	}
	return out, nil
}

// datesOf are the columns of a staging table that hold dates or times.
func (w *walk) datesOf(ctx context.Context, table string) ([]string, error) {
	rows, err := w.hold.DB().QueryContext(ctx, "select * from "+warehouse.Relation("staging", table)+" limit 0")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, t := range types {
		if kind := strings.ToLower(t.DatabaseTypeName()); kind == "date" || strings.HasPrefix(kind, "timestamp") {
			out = append(out, t.Name())
		}
	}
	return out, rows.Err()
}

// isCounted tells whether a column that the project names has whole numbers, which then count since 1970.
func (w *walk) isCounted(ctx context.Context, table, column string) (bool, error) {
	rows, err := w.hold.DB().QueryContext(ctx,
		"select "+warehouse.Name(strings.ToLower(column))+" from staging."+warehouse.Name(table)+" limit 0")
	if err != nil {
		return false, err
	}
	defer func() { _ = rows.Close() }()
	types, err := rows.ColumnTypes()
	if err != nil || len(types) != 1 {
		return false, cmp.Or(err, rows.Err())
	}
	kind := strings.ToLower(types[0].DatabaseTypeName())
	return strings.Contains(kind, "int") && !strings.Contains(kind, "interval") || strings.HasPrefix(kind, "numeric") ||
		strings.HasPrefix(kind, "decimal"), rows.Err()
}

// isUTC tells whether a column is a TIMESTAMP of MySQL, which lands in UTC.
func (w *walk) isUTC(table, column string) bool {
	is := func(declared string) bool { return strings.HasPrefix(strings.ToLower(declared), "timestamp") }
	for _, t := range w.tables {
		for _, c := range t.Columns {
			if t.Name == table && c.Name == column {
				return is(c.SourceType)
			}
		}
	}
	for _, s := range w.opt.Project.Sources {
		for _, c := range s.Columns {
			if s.Name == table && c.Name == column {
				return is(c.DataType)
			}
		}
	}
	return false
}

// endOfDay is the first instant after the business day that t falls in, in UTC.
func endOfDay(t time.Time, business *time.Location) time.Time {
	local := t.In(business)
	return time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, business).UTC()
}

func zone(name, key string) (*time.Location, error) {
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, &change.Problem{
			Err: fmt.Errorf("%s: unknown time zone %q", key, name), Where: "lifeline.yml", Class: change.ClassUsage,
			Try: key + ": Africa/Nairobi",
		}
	}
	return loc, nil
}

// open reads what the last landing left, so that a build without a source has a point in time and tables to name.
func (w *walk) open(ctx context.Context) error {
	if w.onStream() {
		w.tables = w.opt.Following.tables
		return nil
	}
	if w.source != nil {
		var err error
		w.tables, err = w.source.Tables(ctx)
		return err
	}
	if len(w.opt.Project.Sources) == 0 {
		// A project of seeds alone reads nothing and lands nothing.
		w.snapshot.TakenAt = w.opt.Now().UTC()
		return nil
	}
	var position string
	err := w.hold.DB().QueryRowContext(ctx, `
select position, taken_at
from ops.positions
order by run_id desc
limit 1`).Scan(&position, &w.snapshot.TakenAt)
	if errors.Is(err, sql.ErrNoRows) {
		return &change.Problem{Err: errors.New("nothing has landed yet"), Class: change.ClassError, Try: "lifeline run"}
	}
	if err != nil {
		return fmt.Errorf("read ops.positions: %w", err)
	}
	w.snapshot.Position = change.Position(position)
	w.report.Position = position
	w.kept, err = warehouse.ReadLandedTotals(ctx, w.hold.DB())
	return err
}

// nothingToDo tells whether source, project and as-of are all as at the last publication. That the source is as it landed is not
// enough: what landed may be newer than what is published, where a run was blocked or killed in between.
func (w *walk) nothingToDo(ctx context.Context) (bool, error) {
	if w.opt.Full || w.opt.Source == nil {
		return false, nil
	}
	for _, l := range w.landed {
		if l.Changed() {
			return false, nil
		}
	}
	var version int64
	var hash string
	var asOf time.Time
	var waiting bool
	err := w.hold.DB().QueryRowContext(ctx, `
select v.version, v.project_hash, v.as_of,
    exists (select 1 from ops.positions as p where p.run_id > v.run_id and coalesce(p.changed, true))
from ops.versions as v
where v.state = 'published'`).Scan(&version, &hash, &asOf, &waiting)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read ops.versions: %w", err)
	}
	if waiting || hash != w.hash || !asOf.Equal(w.asOf) {
		return false, nil
	}
	if ends, err := w.holdEnds(ctx); err != nil || ends {
		return false, err
	}
	w.report.Status, w.report.Version = Unchanged, version
	w.report.Why = "source, project and as-of are as at the last publication"
	return true, nil
}
