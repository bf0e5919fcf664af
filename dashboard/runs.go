package dashboard

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/semantic"
	"lifeline/warehouse"
)

// books is where ops and quarantine are read; a problem before the first run.
func (c *request) booksDB() (*sql.DB, error) {
	if db := c.version.booksDB(); db != nil {
		return db, nil
	}
	return nil, &semantic.Problem{
		Title: "Nothing has run yet", Status: http.StatusServiceUnavailable,
		Detail: "there are no books before the first run", Hint: "lifeline run", Retryable: true,
	}
}

const selectRuns = `
select run_id, command, status, mode, started_at, ended_at, version, as_of, error
from ops.runs
where run_id between $1 and $2
order by run_id desc`

func (c *request) runs() error {
	db, err := c.booksDB()
	if err != nil {
		return err
	}
	limit, err := c.number("limit", 30, 1, 500)
	if err != nil {
		return err
	}
	return c.cached(strconv.Itoa(limit), func(ctx context.Context) (*reply, error) {
		data, err := loadRuns(ctx, db, limit, c.options)
		return &reply{data: data}, err
	})
}

// loadRuns reads the newest runs, with their steps, in a handful of statements.
func loadRuns(ctx context.Context, db *sql.DB, limit int, o Options) (*RunsData, error) {
	var newest sql.NullInt64
	if err := db.QueryRowContext(ctx, "select max(run_id) from ops.runs").Scan(&newest); err != nil {
		return nil, fmt.Errorf("read ops.runs: %w", err)
	}
	low := newest.Int64 - int64(limit) + 1
	runs, err := readRuns(ctx, db, low, newest.Int64)
	if err != nil {
		return nil, err
	}
	data := &RunsData{Runs: runs, Steps: warehouse.Steps(), Tables: []TableFreshness{}}
	data.P95 = p95(runs)
	data.Answer = runsAnswer(data)
	data.Tables, err = tableFreshness(ctx, db, o)
	return data, err
}

func readRuns(ctx context.Context, db *sql.DB, low, high int64) ([]RunInfo, error) {
	got, err := semantic.Fetch(ctx, db, selectRuns, 0, low, high)
	if err != nil {
		return nil, fmt.Errorf("read ops.runs: %w", err)
	}
	runs := make([]RunInfo, len(got.Rows))
	at := map[int64]*RunInfo{}
	for i, row := range got.Rows {
		runs[i] = RunInfo{
			ID: semantic.CountOf(row[0]), Command: semantic.TextOf(row[1]), Status: semantic.TextOf(row[2]), Mode: semantic.TextOf(row[3]),
			StartedAt: semantic.TimeOf(row[4]), EndedAt: semantic.TimeOrNil(row[5]),
			Version: semantic.CountOf(row[6]), AsOf: semantic.TimeOrNil(row[7]), Error: semantic.TextOf(row[8]), Steps: []RunStep{},
			Link: fmt.Sprintf("/runs/%d", semantic.CountOf(row[0])),
		}
		if runs[i].EndedAt != nil {
			runs[i].Seconds = runs[i].EndedAt.Sub(runs[i].StartedAt).Seconds()
		}
		at[runs[i].ID] = &runs[i]
	}
	type part struct {
		query string
		take  func(r *RunInfo, row []any)
	}
	for _, p := range []part{
		{
			`select run_id, step, name, status, started_at, seconds, rows, detail from ops.steps where run_id between $1 and $2 and step <> 'model'
				order by run_id, started_at`,
			func(r *RunInfo, row []any) { r.Steps = append(r.Steps, stepOf(row[1:], r.StartedAt)) },
		},
		{
			`select run_id, sum(read_rows), sum(inserted + updated + deleted) from ops.loads where run_id between $1 and $2 group by 1`,
			func(r *RunInfo, row []any) { r.Read, r.Changed = semantic.CountOf(row[1]), semantic.CountOf(row[2]) },
		},
		{
			`select run_id, count(*) filter (where status = 'pass'), count(*) filter (where status = 'warn'),
				count(*) filter (where status in ('fail', 'error'))
from ops.check_results where run_id between $1 and $2 group by 1`,
			func(r *RunInfo, row []any) {
				r.Checks = semantic.CheckCounts{
					Passed: int(semantic.CountOf(row[1])), Warned: int(semantic.CountOf(row[2])),
					Failed: int(semantic.CountOf(row[3])),
				}
			},
		},
		{
			`select run_id, right_value from ops.books where run_id between $1 and $2 and equation = '` + stagingIsCore + `' and item = 'rows'`,
			func(r *RunInfo, row []any) {
				if parts := strings.Split(semantic.TextOf(row[1]), " + "); len(parts) == 3 {
					r.Quarantined += semantic.CountOf(parts[1])
				}
			},
		},
	} {
		got, err := semantic.Fetch(ctx, db, p.query, 0, low, high)
		if err != nil {
			return nil, fmt.Errorf("read the runs' books: %w", err)
		}
		for _, row := range got.Rows {
			if r := at[semantic.CountOf(row[0])]; r != nil {
				p.take(r, row)
			}
		}
	}
	return runs, nil
}

// stepOf reads step, name, status, started_at, seconds, rows, detail.
func stepOf(row []any, began time.Time) RunStep {
	s := RunStep{
		Step: semantic.TextOf(row[0]), Name: semantic.TextOf(row[1]), Status: semantic.TextOf(row[2]), Rows: semantic.CountOf(row[5]),
		Detail: semantic.TextOf(row[6]),
	}
	s.Seconds, _ = row[4].(float64)
	if t := semantic.TimeOf(row[3]); !t.IsZero() {
		s.Start = math.Max(0, t.Sub(began).Seconds())
	}
	return s
}

func p95(runs []RunInfo) float64 {
	var all []float64
	for _, r := range runs {
		if r.Status == "published" {
			all = append(all, r.Seconds)
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[int(math.Ceil(0.95*float64(len(all))))-1]
}

func runsAnswer(d *RunsData) string {
	if len(d.Runs) == 0 {
		return "Nothing has run yet."
	}
	bad := 0
	for _, r := range d.Runs {
		if r.Status == "failed" || r.Status == "blocked" {
			bad++
		}
	}
	last := d.Runs[0]
	text := fmt.Sprintf("Run %d %s", last.ID, runWord(last.Status))
	if last.EndedAt != nil {
		text += " in " + secondsText(last.Seconds)
	}
	if bad == 0 {
		return text + "; none of the last " + semantic.PluralText(int64(len(d.Runs)), "run") + " failed."
	}
	return text + fmt.Sprintf("; %d of the last %s did not publish.", bad, semantic.PluralText(int64(len(d.Runs)), "run"))
}

func runWord(status string) string {
	switch status {
	case "published":
		return "published"
	case "unchanged":
		return "found nothing new"
	case "blocked":
		return "was stopped by a check, the contract or the books"
	case "running":
		return "is running"
	}
	return "failed"
}

func secondsText(s float64) string {
	switch {
	case s < 10:
		return fmt.Sprintf("%.1f s", s)
	case s < 120:
		return fmt.Sprintf("%.0f s", s)
	}
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}

// tableFreshness says of each table of the source when it was read, when it last changed, and why it may be late.
func tableFreshness(ctx context.Context, db *sql.DB, o Options) ([]TableFreshness, error) {
	got, err := semantic.Fetch(ctx, db, `
select l.table_name, max(r.ended_at), max(r.ended_at) filter (where l.inserted + l.updated + l.deleted > 0), max(r.run_id)
from ops.loads as l
inner join ops.runs as r on r.run_id = l.run_id
where r.status in ('published', 'unchanged')
group by 1
order by 1`, 0)
	if err != nil {
		return nil, fmt.Errorf("read how fresh tables are: %w", err)
	}
	rows, err := semantic.Fetch(ctx, db, `
select l.table_name, l.rows
from ops.loads as l
inner join (select table_name, max(run_id) as run_id from ops.loads group by 1) as n
    on n.table_name = l.table_name and n.run_id = l.run_id`, 0)
	if err != nil {
		return nil, fmt.Errorf("read how many rows tables have: %w", err)
	}
	counts := map[string]int64{}
	for _, row := range rows.Rows {
		counts[semantic.TextOf(row[0])] = semantic.CountOf(row[1])
	}
	bad, err := lastBad(ctx, db)
	if err != nil {
		return nil, err
	}
	out := []TableFreshness{}
	for _, row := range got.Rows {
		t := TableFreshness{
			Table: semantic.TextOf(row[0]), LoadedAt: semantic.TimeOrNil(row[1]), Changed: semantic.TimeOrNil(row[2]),
			Rows: counts[semantic.TextOf(row[0])], Status: "fresh",
		}
		switch late := staleAfter(o); {
		case bad != nil && t.LoadedAt != nil && bad.StartedAt.After(*t.LoadedAt):
			t.Status, t.Cause = "late", fmt.Sprintf("run %d %s at step %s", bad.ID, runWord(bad.Status), badStep(bad))
		case late > 0 && t.LoadedAt != nil && time.Since(*t.LoadedAt) > late:
			t.Status, t.Cause = "late", "no run since; one is promised every "+late.String()
		case t.Changed != nil && t.LoadedAt != nil && t.Changed.Before(*t.LoadedAt):
			t.Status, t.Cause = "unchanged", "the source brought nothing new"
		default:
			t.Cause = "the newest run brought it"
		}
		out = append(out, t)
	}
	return out, nil
}

func staleAfter(o Options) time.Duration {
	if o.Definition == nil {
		return 0
	}
	d, err := time.ParseDuration(o.Definition.Model.StaleAfter)
	if err != nil {
		return 0
	}
	return d
}

// lastBad is the newest run where it did not end well.
func lastBad(ctx context.Context, db *sql.DB) (*RunInfo, error) {
	var newest sql.NullInt64
	if err := db.QueryRowContext(ctx, "select max(run_id) from ops.runs where status <> 'running'").Scan(&newest); err != nil {
		return nil, fmt.Errorf("read ops.runs: %w", err)
	}
	runs, err := readRuns(ctx, db, newest.Int64, newest.Int64)
	if err != nil || len(runs) == 0 || runs[0].Status != "failed" && runs[0].Status != "blocked" {
		return nil, err
	}
	return &runs[0], nil
}

func badStep(r *RunInfo) string {
	for _, s := range r.Steps {
		if s.Status == "failed" {
			return s.Step
		}
	}
	if len(r.Steps) > 0 {
		return r.Steps[len(r.Steps)-1].Step
	}
	return "begin"
}

func (c *request) run(text string) error {
	db, err := c.booksDB()
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return semantic.NotFound("run", text, "")
	}
	return c.cached("", func(ctx context.Context) (*reply, error) {
		data, err := loadRun(ctx, db, id)
		if err == nil && !c.user.has(RoleData) {
			for i := range data.Books {
				data.Books[i].Detail = "" // It may hold keys and values.
			}
		}
		return &reply{data: data}, err
	})
}

func loadRun(ctx context.Context, db *sql.DB, id int64) (*RunData, error) {
	runs, err := readRuns(ctx, db, id, id)
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 {
		return nil, semantic.NotFound("run", strconv.FormatInt(id, 10), "")
	}
	d := &RunData{RunInfo: runs[0], Loads: []RunLoad{}, Models: []RunStep{}, Books: []Book{}, Results: []CheckInfo{}, Repairs: []Repair{}}
	var host, build, position, consistency, hash sql.NullString
	var pid, good, previous, next sql.NullInt64
	var lock sql.NullFloat64
	var before sql.NullString
	err = db.QueryRowContext(ctx, `
select r.host, r.pid, r.lifeline_version, r.position, r.consistency, r.lock_ms, r.project_hash,
	(select max(g.run_id) from ops.runs as g where g.run_id < r.run_id and g.status = 'published'),
	(select max(p.run_id) from ops.runs as p where p.run_id < r.run_id),
	(select min(n.run_id) from ops.runs as n where n.run_id > r.run_id),
	(select b.position from ops.runs as b where b.run_id = (select max(q.run_id) from ops.runs as q where q.run_id < r.run_id and q.position <>
	    ''))
from ops.runs as r
where r.run_id = $1`, id).Scan(&host, &pid, &build, &position, &consistency, &lock, &hash, &good, &previous, &next, &before)
	if err != nil {
		return nil, fmt.Errorf("read run %d: %w", id, err)
	}
	d.Host, d.PID, d.Build, d.ProjectHash = host.String, pid.Int64, build.String, hash.String
	d.Position, d.Consistency, d.LockMS = position.String, consistency.String, lock.Float64
	d.Good, d.Previous, d.Next, d.PositionBefore = good.Int64, previous.Int64, next.Int64, before.String
	if err := d.details(ctx, db); err != nil {
		return nil, fmt.Errorf("read run %d: %w", id, err)
	}
	d.Answer = d.answer()
	return d, nil
}

func (d *RunData) details(ctx context.Context, db *sql.DB) error {
	before := map[string]float64{}
	got, err := semantic.Fetch(ctx, db, `select step, name, seconds from ops.steps where run_id = $1`, 0, d.Good)
	if err != nil {
		return err
	}
	for _, row := range got.Rows {
		seconds, _ := row[2].(float64)
		before[semantic.TextOf(row[0])+"/"+semantic.TextOf(row[1])] = seconds
	}
	if got, err = semantic.Fetch(ctx, db, `select step, name, status, started_at, seconds, rows, detail from ops.steps where run_id = $1 and
		step = 'model' order by seconds desc, name`, 0, d.ID); err != nil {
		return err
	}
	for _, row := range got.Rows {
		d.Models = append(d.Models, stepOf(row, d.StartedAt))
	}
	for _, list := range [][]RunStep{d.Steps, d.Models} {
		for i, s := range list {
			if seconds, is := before[s.Step+"/"+s.Name]; is {
				list[i].Before = &seconds
			}
		}
	}
	if got, err = semantic.Fetch(ctx, db, `select table_name, read_rows, inserted, updated, deleted, rows, seconds from ops.loads where run_id
		= $1 order by table_name`, 0, d.ID); err != nil {
		return err
	}
	for _, row := range got.Rows {
		seconds, _ := row[6].(float64)
		d.Loads = append(d.Loads, RunLoad{
			semantic.TextOf(row[0]), semantic.CountOf(row[1]), semantic.CountOf(row[2]), semantic.CountOf(row[3]),
			semantic.CountOf(row[4]), semantic.CountOf(row[5]), seconds,
		})
	}
	if got, err = semantic.Fetch(ctx, db, `select table_name, equation, item, left_value, right_value, balances, detail from ops.books where
		run_id = $1 order by table_name, equation, item`, 0, d.ID); err != nil {
		return err
	}
	for _, row := range got.Rows {
		balances, _ := row[5].(bool)
		d.Books = append(d.Books, Book{
			semantic.TextOf(row[0]), semantic.TextOf(row[1]), semantic.TextOf(row[2]), semantic.TextOf(row[3]),
			semantic.TextOf(row[4]), balances, semantic.TextOf(row[6]),
		})
	}
	if got, err = semantic.Fetch(ctx, db, `select table_name, column_name, basis, cast(sum(rows) as bigint) from ops.repairs where run_id = $1
		group by 1, 2, 3 order by 4 desc, 1, 2, 3`, 0, d.ID); err != nil {
		return err
	}
	for _, row := range got.Rows {
		d.Repairs = append(d.Repairs, Repair{semantic.TextOf(row[0]), semantic.TextOf(row[1]), semantic.TextOf(row[2]), semantic.CountOf(row[3])})
	}
	got, err = semantic.Fetch(ctx, db, selectChecks+` where run_id = $1 and status not in ('pass', 'not_applicable') order by check_name`, 0,
		d.ID)
	if err != nil {
		return err
	}
	for _, row := range got.Rows {
		d.Results = append(d.Results, checkOf(row))
	}
	return nil
}

func (d *RunData) answer() string {
	text := fmt.Sprintf("Run %d %s", d.ID, runWord(d.Status))
	if d.Error != "" {
		return text + " at step " + badStep(&d.RunInfo) + ": " + semantic.FirstLine(d.Error)
	}
	if d.Read > 0 {
		text += fmt.Sprintf(": %s read, %s changed", semantic.PluralText(d.Read, "row"), semantic.CountText(d.Changed))
	}
	if d.Quarantined > 0 {
		text += fmt.Sprintf(", %s in quarantine", semantic.CountText(d.Quarantined))
	}
	return text + "."
}
