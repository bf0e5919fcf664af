package dashboard

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"lifeline/semantic"
)

// reasonWords says reasons as people do.
var reasonWords = map[string]string{
	"no_key": "has no key", "duplicate_key": "shares its key with another row that says something else",
	"no_parent":          "belongs to a row that is not there",
	"parent_quarantined": "belongs to a row in quarantine", "superseded": "is an exact duplicate",
}

func reasonText(reason string) string {
	if w, is := reasonWords[reason]; is {
		return w
	}
	return strings.ReplaceAll(reason, "_", " ")
}

// quarantineQuery is a question for rows in quarantine.
type quarantineQuery struct{ table, reason, check, state string }

func (a quarantineQuery) where() string {
	parts := []string{"true"}
	if a.table != "" {
		parts = append(parts, "q.table_name = "+semantic.QuoteText(a.table))
	}
	switch a.state {
	case "all":
	case "open":
		parts = append(parts, "q.state in ('held', 'quarantined')")
	default:
		parts = append(parts, "q.state = "+semantic.QuoteText(a.state))
	}
	if a.reason != "" || a.check != "" {
		inner := "r.table_name = q.table_name and r.key is not distinct from q.key and r.occurrence = q.occurrence"
		if a.reason != "" {
			inner += " and r.reason = " + semantic.QuoteText(a.reason)
		}
		if a.check != "" {
			inner += " and r.check_name = " + semantic.QuoteText(a.check)
		}
		parts = append(parts, "exists (select 1 from quarantine.reasons as r where "+inner+")")
	}
	return strings.Join(parts, " and ")
}

func (c *request) quarantine() error {
	db, err := c.booksDB()
	if err != nil {
		return err
	}
	q := c.query()
	a := quarantineQuery{q.Get("table"), q.Get("reason"), q.Get("check"), q.Get("state")}
	if a.state == "" {
		a.state = "open"
	}
	for _, v := range []string{a.table, a.reason, a.check, a.state} {
		if strings.ContainsRune(v, 0) {
			return &semantic.FilterError{Name: "table", Value: "", Wants: "holds a zero byte"}
		}
	}
	limit, err := c.number("limit", 100, 1, 1000)
	if err != nil {
		return err
	}
	if f := q.Get("format"); f != "" && f != "json" {
		return c.quarantineFile(db, a, f)
	}
	key := fmt.Sprintf("%q|%d|%q", a, limit, q.Get("after"))
	return c.kept(key, func(ctx context.Context) (*reply, error) {
		data, page, err := c.loadQuarantine(ctx, db, a, limit, q.Get("after"))
		return &reply{data: data, page: page}, err
	})
}

// quarantineFile gives the raw rows, for the role data only.
func (c *request) quarantineFile(db *sql.DB, a quarantineQuery, format string) error {
	if !c.user.has(RoleData) {
		return c.missing(RoleData)
	}
	var n int64
	if err := db.QueryRowContext(c.r.Context(), "select count(*) from quarantine.rows as q where "+a.where()).Scan(&n); err != nil {
		return fmt.Errorf("count the quarantine: %w", err)
	}
	query := `select q.table_name, q.key, q.occurrence, q.state, q.first_run, q.last_run, q.first_seen, q.last_seen,
	(select string_agg(r.reason || coalesce(' ' || r.column_name, ''), '; ' order by r.reason, r.column_name) from quarantine.reasons as r
		where r.table_name = q.table_name and r.key is not distinct from q.key and r.occurrence = q.occurrence) as reasons,
	q.row
from quarantine.rows as q
where ` + a.where() + `
order by q.table_name, q.key, q.occurrence`
	return c.export(semantic.NewExport(c.version.books, query, fmt.Sprintf("quarantine-%s-%d-rows", c.version.snapshotID(), n), n, nil),
		format)
}

func (c *request) loadQuarantine(ctx context.Context, db *sql.DB, a quarantineQuery, limit int, after string) (*QuarantineData,
	*semantic.Page, error,
) {
	d := &QuarantineData{
		Reasons: []QuarantineReason{}, States: []semantic.Option{}, Tables: []semantic.Option{}, Rows: []QuarantineRow{},
		Exports: []semantic.ExportLink{},
		Command: "lifeline quarantine replay",
	}
	for _, part := range []struct {
		column string
		into   *[]semantic.Option
		chosen string
		where  string
	}{
		{"state", &d.States, a.state, quarantineQuery{a.table, a.reason, a.check, "all"}.where()},
		{"table_name", &d.Tables, a.table, quarantineQuery{"", a.reason, a.check, a.state}.where()},
	} {
		got, err := semantic.Fetch(ctx, db, "select q."+part.column+", count(*) from quarantine.rows as q where "+part.where+
			" group by 1 order by 2 desc, 1", 0)
		if err != nil {
			return nil, nil, fmt.Errorf("count the quarantine: %w", err)
		}
		for _, row := range got.Rows {
			*part.into = append(*part.into, semantic.Option{
				Value: semantic.TextOf(row[0]), Label: semantic.Title(semantic.TextOf(row[0])), Rows: semantic.CountOf(row[1]),
				Selected: semantic.TextOf(row[0]) == part.chosen,
			})
		}
	}
	if err := c.loadReasons(ctx, db, a, d); err != nil {
		return nil, nil, fmt.Errorf("read the reasons of the quarantine: %w", err)
	}
	page := &semantic.Page{}
	if err := db.QueryRowContext(ctx, "select count(*) from quarantine.rows as q where "+a.where()).Scan(&page.Total); err != nil {
		return nil, nil, fmt.Errorf("count the quarantine: %w", err)
	}
	next, err := c.loadRows(ctx, db, a, d, limit, after)
	if err != nil {
		return nil, nil, err
	}
	page.Next = next
	d.Answer = quarantineAnswer(d)
	d.Exports = semantic.ExportLinks("/api/v1/quarantine?" + semantic.QueryString("table", a.table, "reason", a.reason, "check", a.check,
		"state", a.state))
	return d, page, nil
}

// loadReasons ranks reasons by rows, with the money that is held. A row with two reasons counts for both.
func (c *request) loadReasons(ctx context.Context, db *sql.DB, a quarantineQuery, d *QuarantineData) error {
	const open = "select count(*) from quarantine.rows where state in ('held', 'quarantined')"
	if err := db.QueryRowContext(ctx, open).Scan(&d.Open); err != nil {
		return err
	}
	got, err := semantic.Fetch(ctx, db, `
select r.table_name, r.reason, coalesce(r.check_name, ''), coalesce(r.column_name, ''), count(distinct coalesce(q.key, '') || ' ' ||
    cast(q.occurrence as varchar)), min(q.first_seen)
from quarantine.reasons as r
inner join quarantine.rows as q on q.table_name = r.table_name and q.key is not distinct from r.key and q.occurrence = r.occurrence
where `+a.where()+`
group by 1, 2, 3, 4
order by 5 desc, 1, 2, 3, 4`, 0)
	if err != nil {
		return err
	}
	for _, row := range got.Rows {
		r := QuarantineReason{
			Table: semantic.TextOf(row[0]), Reason: semantic.TextOf(row[1]), Text: reasonText(semantic.TextOf(row[1])),
			Check: semantic.TextOf(row[2]), Column: semantic.TextOf(row[3]),
			Rows: semantic.CountOf(row[4]), Oldest: semantic.TimeOrNil(row[5]),
		}
		r.Link = "/quarantine?" + semantic.QueryString("table", r.Table, "reason", r.Reason, "state", a.state)
		if r.Check != "" {
			r.Link = "/quarantine?" + semantic.QueryString("table", r.Table, "reason", r.Reason, "check", r.Check, "state", a.state)
		}
		if r.Money, err = c.heldMoney(ctx, db, quarantineQuery{r.Table, r.Reason, r.Check, a.state}); err != nil {
			return err
		}
		d.Reasons = append(d.Reasons, r)
	}
	return nil
}

// heldMoney sums the declared money of rows that are held, by the source's own currency word, in exact decimals.
func (c *request) heldMoney(ctx context.Context, db *sql.DB, a quarantineQuery) (map[string]string, error) {
	out := map[string]string{}
	for _, s := range c.options.Project.Sources {
		if s.Name != a.table || len(s.Money) == 0 {
			continue
		}
		got, err := semantic.Fetch(ctx, db, "select q.row from quarantine.rows as q where "+a.where(), 0)
		if err != nil {
			return nil, err
		}
		sums := semantic.Sums{}
		for _, row := range got.Rows {
			values := rawRow(semantic.TextOf(row[0]))
			for amount, currency := range s.Money {
				text := values[strings.ToLower(amount)]
				if text == nil {
					continue
				}
				word := ""
				if w := values[strings.ToLower(currency)]; w != nil {
					word = *w
				}
				sums.Add(word, *text)
			}
		}
		return sums.Texts(), nil
	}
	return out, nil
}

// rawRow reads a kept staging row; every value as text, null as nil.
func rawRow(text string) map[string]*string {
	values := map[string]any{}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&values) != nil {
		return map[string]*string{}
	}
	out := map[string]*string{}
	for k, v := range values {
		if v == nil {
			out[k] = nil
			continue
		}
		s := fmt.Sprint(v)
		if m, is := v.(map[string]any); is {
			b, _ := json.Marshal(m)
			s = string(b)
		}
		out[k] = &s
	}
	return out
}

// loadRows reads one page of rows, by key.
func (c *request) loadRows(ctx context.Context, db *sql.DB, a quarantineQuery, d *QuarantineData, limit int, after string) (string, error) {
	where := a.where()
	if after != "" {
		var k [3]string
		raw, err := base64.RawURLEncoding.DecodeString(after)
		if err != nil || json.Unmarshal(raw, &k) != nil || strings.ContainsRune(k[0]+k[1], 0) {
			return "", &semantic.FilterError{Name: "after", Value: after, Wants: "is not a cursor of this list; begin again without it"}
		}
		occurrence, err := semantic.TypedLiteral("after", k[2], "bigint")
		if err != nil {
			return "", err
		}
		where += fmt.Sprintf(" and (q.table_name, coalesce(q.key, ''), q.occurrence) > (%s, %s, %s)", semantic.QuoteText(k[0]),
			semantic.QuoteText(k[1]), occurrence)
	}
	got, more, err := semantic.FetchPage(ctx, db, fmt.Sprintf(`
select q.table_name, coalesce(q.key, '') as key, q.occurrence, q.state, q.first_run, q.last_run, q.first_seen, q.last_seen, q.row
from quarantine.rows as q
where %s
order by q.table_name, coalesce(q.key, ''), q.occurrence`, where), limit)
	if err != nil {
		return "", fmt.Errorf("read the quarantine: %w", err)
	}
	next := ""
	if more {
		last := got.Rows[len(got.Rows)-1]
		raw, err := json.Marshal([3]string{semantic.TextOf(last[0]), semantic.TextOf(last[1]), semantic.TextOf(last[2])})
		if err != nil {
			return "", fmt.Errorf("write the cursor: %w", err)
		}
		next = base64.RawURLEncoding.EncodeToString(raw)
	}
	at := map[string]int{}
	var keys []string
	for _, row := range got.Rows {
		r := QuarantineRow{
			Table: semantic.TextOf(row[0]), Key: semantic.TextOf(row[1]), Occurrence: semantic.CountOf(row[2]), State: semantic.TextOf(row[3]),
			FirstRun: semantic.CountOf(row[4]), LastRun: semantic.CountOf(row[5]),
			FirstSeen: semantic.TimeOf(row[6]), LastSeen: semantic.TimeOf(row[7]), Reasons: []QuarantineCause{},
		}
		if c.user.has(RoleData) {
			r.Row = rawRow(semantic.TextOf(row[8]))
		}
		at[fmt.Sprint(r.Table, "\x00", r.Key, "\x00", r.Occurrence)] = len(d.Rows)
		keys = append(keys, fmt.Sprintf("(%s, %s, %d)", semantic.QuoteText(r.Table), semantic.QuoteText(r.Key), r.Occurrence))
		d.Rows = append(d.Rows, r)
	}
	if len(keys) == 0 {
		return next, nil
	}
	got, err = semantic.Fetch(ctx, db, `
select r.table_name, coalesce(r.key, ''), r.occurrence, r.reason, r.check_name, r.column_name, r.value
from quarantine.reasons as r
inner join (values `+strings.Join(keys, ", ")+`) as k(t, k, o) on k.t = r.table_name and k.k = coalesce(r.key, '') and k.o = r.occurrence
order by r.reason, r.check_name, r.column_name`, 0)
	if err != nil {
		return "", fmt.Errorf("read the reasons of the quarantine: %w", err)
	}
	for _, row := range got.Rows {
		i, is := at[fmt.Sprint(semantic.TextOf(row[0]), "\x00", semantic.TextOf(row[1]), "\x00", semantic.CountOf(row[2]))]
		if !is {
			continue
		}
		cause := QuarantineCause{
			Reason: semantic.TextOf(row[3]), Text: reasonText(semantic.TextOf(row[3])), Check: semantic.TextOf(row[4]),
			Column: semantic.TextOf(row[5]),
		}
		if row[6] != nil && c.user.has(RoleData) {
			v := semantic.TextOf(row[6])
			cause.Value = &v
		}
		d.Rows[i].Reasons = append(d.Rows[i].Reasons, cause)
	}
	return next, nil
}

func quarantineAnswer(d *QuarantineData) string {
	if d.Open == 0 {
		return "Nothing is in quarantine."
	}
	text := semantic.PluralText(d.Open, "row") + " in quarantine"
	if len(d.Reasons) > 0 {
		r := d.Reasons[0]
		text += fmt.Sprintf("; most often because a row of %s %s (%s)", r.Table, r.Text, semantic.CountText(r.Rows))
	}
	return text + "."
}
