package dashboard

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"lifeline/semantic"
)

func (c *request) metaData() error {
	// The age of the data and the asker are of this moment, so the answer is made each time; it costs a few small reads of the books.
	ctx, cancel := context.WithTimeout(c.r.Context(), c.options.CardTime)
	defer cancel()
	d, err := c.loadMeta(ctx)
	if err != nil {
		return err
	}
	body, err := encode(c.version, &reply{data: d}, c.began)
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "private, no-cache")
	return c.send(body)
}

func (c *request) loadMeta(ctx context.Context) (*MetaData, error) {
	m := &c.def.Model
	d := &MetaData{
		Project: cmp.Or(c.options.Project.Config.Name, c.options.Project.Name), Build: c.options.Build, Engine: c.store.wh.Engine(),
		State:    "ready",
		TimeZone: c.options.Project.Config.BusinessTimeZone, User: User{c.user.name, c.user.roles}, Live: c.options.Live, Behind: c.behind(),
		Pages: c.def.PageInfos(), Records: []semantic.RecordInfo{}, Filters: m.FilterInfos(), Bases: m.BasisInfos(),
		Ranges:     []semantic.RangeInfo{},
		Currencies: []semantic.Option{}, States: m.StateInfos(), Badges: []Badge{}, Examples: append([]semantic.Example{}, m.Examples...),
		Limits: Limits{c.options.SQL.Rows, int(c.options.SQL.Time / time.Second), 1000},
	}
	s := c.version.Version
	if s == nil {
		d.State = "empty"
		d.FirstSteps = []Step{
			{
				"Say where the source is", "export LIFELINE_SOURCE=mysql://reader:password@host:3306/database",
				c.options.Project.Config.Source.DSN != "",
			},
			{"In the project's folder, check that everything is ready", "lifeline doctor", false},
			{"Load and publish for the first time", "lifeline run", false},
			{"Open the first page", "this page shows it by itself", false},
		}
	} else {
		d.Records = s.RecordInfos()
		d.Currencies, d.Currency = append(d.Currencies, s.Currencies...), s.Currency
		d.DataThrough = semantic.FormatDay(s.Through)
		if t := s.Tables[m.Main]; t != nil {
			d.DataFrom, _ = s.Span(t)
		}
		d.Ranges = s.Ranges()
	}
	var err error
	if d.Freshness, err = c.freshness(ctx); err != nil {
		return nil, err
	}
	d.Badges, err = c.badges(ctx)
	return d, err
}

// freshness decides on the server whether the data is current, and why not.
func (c *request) freshness(ctx context.Context) (Freshness, error) {
	f := Freshness{Status: "empty", Text: "Nothing has been loaded yet.", Link: "/runs"}
	db := c.version.booksDB()
	if db == nil {
		return f, nil
	}
	var last sql.NullInt64
	var status sql.NullString
	var loaded sql.NullTime
	err := db.QueryRowContext(ctx, `
select r.run_id, r.status, (select max(g.ended_at) from ops.runs as g where g.status in ('published', 'unchanged'))
from ops.runs as r
where r.run_id = (select max(run_id) from ops.runs)`).Scan(&last, &status, &loaded)
	if err != nil {
		return f, fmt.Errorf("read how fresh the data is: %w", err)
	}
	f.LastRun, f.LastStatus, f.Link = last.Int64, status.String, fmt.Sprintf("/runs/%d", last.Int64)
	age := ""
	if loaded.Valid {
		at := loaded.Time.UTC()
		f.LoadedAt = &at
		age = "Loaded " + agoText(time.Since(at)) + "."
	}
	if s := c.version.Version; s != nil {
		at := s.PublishedAt
		f.PublishedAt, f.Status = &at, "fresh"
	}
	f.Text = age
	bad, err := lastBad(ctx, db)
	if err != nil {
		return f, err
	}
	late := staleAfter(c.options)
	switch {
	case bad != nil:
		f.Status = "failing"
		f.Text = strings.TrimSpace(fmt.Sprintf("%s Run %d %s at step %s.", age, bad.ID, runWord(bad.Status), badStep(bad)))
		f.Link = fmt.Sprintf("/runs/%d", bad.ID)
	case late > 0 && loaded.Valid && time.Since(loaded.Time) > late:
		f.Status = "stale"
		f.Text = fmt.Sprintf("%s A load is promised every %s.", age, late)
	}
	return f, nil
}

func agoText(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return "just now"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

// badges are the numbers to act on beside the navigation.
func (c *request) badges(ctx context.Context) ([]Badge, error) {
	out := []Badge{}
	db := c.version.booksDB()
	if db == nil {
		return out, nil
	}
	var open int64
	if err := db.QueryRowContext(ctx, "select count(*) from quarantine.rows where state in ('held', 'quarantined')").Scan(&open); err != nil {
		return nil, fmt.Errorf("count the quarantine: %w", err)
	}
	if open > 0 {
		out = append(out, Badge{"/quarantine", open, semantic.Plural(open, "rows in quarantine"), "warn"})
	}
	var run sql.NullInt64
	if err := db.QueryRowContext(ctx, "select max(run_id) from ops.check_results").Scan(&run); err != nil {
		return nil, fmt.Errorf("read the checks: %w", err)
	}
	counts, err := countChecks(ctx, db, run.Int64)
	if err != nil {
		return nil, err
	}
	switch {
	case counts.Failed > 0:
		out = append(out, Badge{"/quality", int64(counts.Failed), semantic.Plural(int64(counts.Failed), "checks failed"), "bad"})
	case counts.Warned > 0:
		out = append(out, Badge{"/quality", int64(counts.Warned), semantic.Plural(int64(counts.Warned), "checks warned"), "warn"})
	}
	var different sql.NullInt64
	if err := db.QueryRowContext(ctx, "select sum(different) from ops.verified").Scan(&different); err != nil &&
		!strings.Contains(err.Error(), "does not exist") { // Written by an older program.
		return nil, fmt.Errorf("read what was compared with the source: %w", err)
	}
	if different.Int64 > 0 {
		out = append(out, Badge{
			"/tables", different.Int64, semantic.Plural(different.Int64, "rows of staging are not as the source has them"), "bad",
		})
	}
	bad, err := lastBad(ctx, db)
	if err != nil {
		return nil, err
	}
	if bad != nil {
		out = append(out, Badge{"/runs", 1, fmt.Sprintf("run %d %s", bad.ID, runWord(bad.Status)), "bad"})
	}
	return out, nil
}

// search finds pages, records by key, tables, columns, checks and values of filters.
func (c *request) search() error {
	q := strings.TrimSpace(c.query().Get("q"))
	if strings.ContainsRune(q, 0) || len(q) > 200 {
		return &semantic.FilterError{Name: "q", Value: "", Wants: "is a short text"}
	}
	return c.cached(q, func(ctx context.Context) (*reply, error) {
		data := &SearchData{Hits: []semantic.Hit{}}
		if q == "" {
			return &reply{data: data}, nil
		}
		err := c.find(ctx, q, data)
		if len(data.Hits) > 30 {
			data.Hits = data.Hits[:30]
		}
		return &reply{data: data}, err
	})
}

// find looks into the version, the pages and the checks.
func (c *request) find(ctx context.Context, q string, d *SearchData) error {
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), strings.ToLower(q)) }
	s := c.version.Version
	if s != nil {
		records, err := s.FindRecords(ctx, q)
		if err != nil {
			return err
		}
		d.Hits = append(d.Hits, records...)
	}
	for _, p := range c.def.Pages {
		if has(p.Title) && p.Entity == "" {
			d.Hits = append(d.Hits, semantic.Hit{Kind: "page", Text: p.Title, Note: p.Section, Link: p.Path})
		}
	}
	if s == nil {
		return nil
	}
	found, err := s.Find(ctx, q)
	if err != nil {
		return err
	}
	d.Hits = append(d.Hits, found...)
	db := c.version.booksDB()
	if db == nil {
		return nil
	}
	all, err := loadChecks(ctx, db)
	if err != nil {
		return err
	}
	for _, x := range all.Checks {
		if has(x.Name) || has(x.Text) {
			d.Hits = append(d.Hits, semantic.Hit{Kind: "check", Text: x.Text, Note: x.Status, Link: x.Link})
		}
	}
	return nil
}
