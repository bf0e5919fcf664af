package dashboard

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (c *call) metaData() error {
	// The age of the data and the asker are of this moment, so the answer is made each time; it costs a few small reads of the books.
	ctx, cancel := context.WithTimeout(c.r.Context(), c.options.CardTime)
	defer cancel()
	d, err := c.loadMeta(ctx)
	if err != nil {
		return err
	}
	body, err := c.encode(&reply{data: d}, c.began)
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "private, no-cache")
	return c.send(body)
}

func (c *call) loadMeta(ctx context.Context) (*MetaData, error) {
	m := &c.def.Model
	d := &MetaData{
		Project: cmp.Or(c.options.Project.Config.Name, c.options.Project.Name), Build: c.options.Build, Engine: c.store.wh.Engine(), State: "ready",
		TimeZone: c.options.Project.Config.BusinessTimeZone, User: User{c.user.name, c.user.roles}, Live: c.options.Live,
		Pages: []PageInfo{}, Records: []RecordInfo{}, Filters: []FilterInfo{}, Bases: []BasisInfo{}, Ranges: []RangeInfo{},
		Currencies: []Option{}, States: []StateInfo{}, Badges: []Badge{}, Examples: append([]Example{}, m.Examples...),
		Limits: Limits{c.options.SQLRows, int(c.options.SQLTime / time.Second), 1000},
	}
	d.States = append(d.States, m.states...)
	for _, b := range m.bases {
		d.Bases = append(d.Bases, BasisInfo{b.Name, m.basisLabel(b.Name), b.Hint, len(d.Bases) == 0})
	}
	for _, f := range m.filters {
		d.Filters = append(d.Filters, FilterInfo{f.Name, cmp.Or(f.Label, title(f.Name)), f.Prefix, f.Path, f.Kind, true, true, f.Hint})
	}
	for _, p := range c.def.Pages {
		d.Pages = append(d.Pages, c.pageInfo(p))
	}
	s := c.e.snapshot
	if s == nil {
		d.State = "empty"
		d.FirstSteps = []Step{
			{"Say where the source is", "export LIFELINE_SOURCE=mysql://reader:password@host:3306/database", c.options.Project.Config.Source.DSN != ""},
			{"Look whether everything is ready", "lifeline doctor --project " + c.options.Project.Name, false},
			{"Load and publish for the first time", "lifeline run --project " + c.options.Project.Name, false},
			{"Open the first page", "this page shows it by itself", false},
		}
	} else {
		for _, r := range m.records {
			d.Records = append(d.Records, s.recordInfo(r))
		}
		d.Currencies, d.Currency = append(d.Currencies, s.currencies...), s.currency
		d.DataThrough = dayOrNone(s.through)
		if t := s.tables[m.Main]; t != nil {
			d.DataFrom = dayOrNone(t.bounds[s.defaultBasis(t)].from)
		}
		d.Ranges = s.ranges()
	}
	var err error
	if d.Freshness, err = c.freshness(ctx); err != nil {
		return nil, err
	}
	d.Badges, err = c.badges(ctx)
	return d, err
}

func (c *call) pageInfo(p *PageFile) PageInfo {
	info := PageInfo{Name: p.Name, Path: p.Path, Title: p.Title, Section: cmp.Or(p.Section, "Operations"), Icon: p.Icon, Filters: slices.Clone(p.Filters), Entity: p.Entity}
	if p.Hidden {
		info.Section = ""
	}
	if info.Filters == nil {
		info.Filters = []string{}
		if t := c.def.Model.Tables[p.Table]; t != nil {
			for _, f := range c.def.Model.filters {
				if t.Filters[f.Name] != "" {
					info.Filters = append(info.Filters, f.Name)
				}
			}
		}
	}
	return info
}

// ranges are the periods that people ask for; they end at the newest data.
func (s *snapshot) ranges() []RangeInfo {
	out := []RangeInfo{}
	names := []string{"7d", "28d", "90d", "365d"}
	if usual := s.def.Model.Range; usual != "all" && !slices.Contains(names, usual) {
		names = append(names, usual)
		slices.SortFunc(names, func(a, b string) int {
			x, _ := strconv.Atoi(strings.TrimSuffix(a, "d"))
			y, _ := strconv.Atoi(strings.TrimSuffix(b, "d"))
			return cmp.Compare(x, y)
		})
	}
	for _, name := range names {
		n, _ := strconv.Atoi(strings.TrimSuffix(name, "d"))
		out = append(out, RangeInfo{name, fmt.Sprintf("Last %d days", n), name == s.def.Model.Range, dayOrNone(s.through.AddDate(0, 0, 1-n)), dayOrNone(s.through)})
	}
	all := RangeInfo{Name: "all", Label: "All dates", Default: s.def.Model.Range == "all", To: dayOrNone(s.through)}
	if t := s.tables[s.def.Model.Main]; t != nil {
		b := t.bounds[s.defaultBasis(t)]
		all.From, all.To = dayOrNone(b.from), dayOrNone(b.to)
	}
	return append(out, all)
}

// freshness decides on the server whether the data is current, and why not.
func (c *call) freshness(ctx context.Context) (Freshness, error) {
	f := Freshness{Status: "empty", Text: "Nothing has been loaded yet.", Link: "/runs"}
	db := c.e.booksDB()
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
	if s := c.e.snapshot; s != nil {
		at := s.at
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
func (c *call) badges(ctx context.Context) ([]Badge, error) {
	out := []Badge{}
	db := c.e.booksDB()
	if db == nil {
		return out, nil
	}
	var held int64
	if err := db.QueryRowContext(ctx, "select count(*) from quarantine.rows where state = 'quarantined'").Scan(&held); err != nil {
		return nil, fmt.Errorf("count the quarantine: %w", err)
	}
	if held > 0 {
		out = append(out, Badge{"/quarantine", held, plural(held, "rows held back"), "warn"})
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
		out = append(out, Badge{"/quality", int64(counts.Failed), plural(int64(counts.Failed), "checks failed"), "bad"})
	case counts.Warned > 0:
		out = append(out, Badge{"/quality", int64(counts.Warned), plural(int64(counts.Warned), "checks warned"), "warn"})
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
func (c *call) search() error {
	q := strings.TrimSpace(c.query().Get("q"))
	if strings.ContainsRune(q, 0) || len(q) > 200 {
		return &badFilter{"q", "", "is a short text"}
	}
	return c.cached(q, func(ctx context.Context) (*reply, error) {
		data := &SearchData{Hits: []Hit{}}
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

func (c *call) find(ctx context.Context, q string, d *SearchData) error {
	low := strings.ToLower(q)
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), low) }
	add := func(kind, text, note, link string) { d.Hits = append(d.Hits, Hit{kind, text, note, link}) }
	s := c.e.snapshot
	if s != nil {
		for _, r := range s.def.Model.records {
			t := s.tables[r.Table]
			if t == nil {
				continue
			}
			row, err := readRow(ctx, s, t, t.Key, q)
			if err != nil {
				return err
			}
			if row != nil {
				info := s.recordInfo(r)
				add("record", info.Singular+" "+q, textOf(row.values[cmp.Or(r.State, "status")]), "/"+r.Name+"/"+escapeQuery(q))
			}
		}
	}
	for _, p := range c.def.Pages {
		if has(p.Title) && p.Entity == "" {
			add("page", p.Title, p.Section, p.Path)
		}
	}
	if s == nil {
		return nil
	}
	if t := s.tables[s.def.Model.Main]; t != nil {
		for _, f := range s.def.Model.filters {
			if f.Path == "" || t.Filters[f.Name] == "" {
				continue
			}
			b, err := s.bind(&ask{}, t, false)
			if err != nil {
				return err
			}
			got, err := s.choices(ctx, b, f.Name, t.Filters[f.Name], q, 5)
			if err != nil {
				return err
			}
			for _, o := range got.Options {
				add(f.Name, o.Label, plural(o.Rows, t.Noun), strings.ReplaceAll(f.Path, "{value}", escapeQuery(o.Value)))
			}
		}
	}
	for _, name := range s.names {
		if has(name) {
			add("table", name, plural(s.tables[name].rows, "rows"), "/tables/"+name)
		}
	}
	for _, name := range s.names {
		for _, col := range s.tables[name].columns {
			if has(col.Name) && len(d.Hits) < 60 {
				add("column", name+"."+col.Name, col.Type, "/tables/"+name)
			}
		}
	}
	if db := c.e.booksDB(); db != nil {
		all, err := loadChecks(ctx, db)
		if err != nil {
			return err
		}
		for _, x := range all.Checks {
			if has(x.Name) || has(x.Text) {
				add("check", x.Text, x.Status, x.Link)
			}
		}
	}
	return nil
}
