package dashboard

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// opsGauges are what the books of the newest finished run say; alert rules stand on them. They are read once for each state of the books.
func (s *Server) opsGauges(ctx context.Context) (string, error) {
	e := s.store.acquire()
	defer s.store.release(e)
	db := e.booksDB()
	if db == nil {
		return "", nil
	}
	return remember(e, "metrics", func() (string, error) { return readGauges(ctx, db) })
}

func readGauges(ctx context.Context, db *sql.DB) (string, error) {
	var b strings.Builder
	for _, g := range opsGauges {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", g.name, g.help, g.name)
		if err := g.read(ctx, db, &b); err != nil {
			return "", fmt.Errorf("read %s: %w", g.name, err)
		}
	}
	return b.String(), nil
}

// gauge is a statement that gives rows of a label and a value.
type gauge struct{ name, label, help, sql string }

func (g gauge) read(ctx context.Context, db *sql.DB, b *strings.Builder) error {
	rows, err := db.QueryContext(ctx, g.sql)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var label string
		var value float64
		if err := rows.Scan(&label, &value); err != nil {
			return err
		}
		fmt.Fprintf(b, "%s{%s=%q} %g\n", g.name, g.label, label, value)
	}
	return rows.Err()
}

var opsGauges = []gauge{
	{"lifeline_last_run_seconds", "status", "When a run last ended this way, in seconds since 1970.", `
select status, cast(extract(epoch from max(ended_at)) as double precision)
from ops.runs
where ended_at is not null and command in ('run', 'build', 'follow')
group by status
order by status`},
	{"lifeline_runs_blocked", "reason", "Runs that were blocked or failed since the last good one.", `
select r.status, cast(count(*) as double precision)
from ops.runs as r
where r.status in ('blocked', 'failed') and r.command in ('run', 'build', 'follow') and r.run_id > coalesce((
	select max(g.run_id)
	from ops.runs as g
	where g.status in ('published', 'unchanged')), 0)
group by r.status
order by r.status`},
	{"lifeline_quarantine_rows", "state", "Rows in quarantine.", `
select state, cast(count(*) as double precision)
from quarantine.rows
group by state
order by state`},
	{"lifeline_checks", "status", "Checks of the newest run that checked.", `
select status, cast(count(*) as double precision)
from ops.check_results
where run_id = (select max(run_id) from ops.check_results)
group by status
order by status`},
}
