package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"lifeline/project"
)

func (d *Definition) pageNames() []string {
	out := make([]string, len(d.Pages))
	for i, p := range d.Pages {
		out[i] = p.Name
	}
	return out
}

// askPage binds the request's filters to a page.
func (c *call) askPage(name string) (*pageAsk, error) {
	s, err := c.snap()
	if err != nil {
		return nil, err
	}
	p := c.def.page(name)
	if p == nil {
		return nil, notFound("page", name, project.Nearest(name, c.def.pageNames()))
	}
	a, err := parseAsk(c.query())
	if err != nil {
		return nil, err
	}
	ask, err := newPageAsk(s, p, a, c.user.has(RoleData))
	if err != nil {
		return nil, err
	}
	c.filters = encodePairs(ask.main.exact())
	return ask, nil
}

// page answers one page with all its cards.
func (c *call) page(name string) error {
	ask, err := c.askPage(name)
	if err != nil {
		return err
	}
	only := c.query().Get("card")
	if only != "" && !slices.ContainsFunc(ask.page.Cards, func(f *CardFile) bool { return f.ID == only }) {
		return notFound("card", only, "")
	}
	key := encodePairs(ask.main.exact()) + "|" + ask.main.versus + "|" + encodePairs(ask.main.short()) + "|" + only + "|" + strings.Join(ask.main.notices, "|")
	e := c.e
	return c.cached(key, func(ctx context.Context) (*reply, error) {
		data, err := ask.compute(ctx, e, only)
		if err != nil {
			return nil, err
		}
		return &reply{data: data, bound: ask.main}, nil
	})
}

// cardFile gives the whole table of a card as a file: the very SQL of the card, without what only draws it.
func (c *call) cardFile(name, id string) error {
	ask, err := c.askPage(name)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(ask.page.Cards, func(f *CardFile) bool { return f.ID == id })
	if i < 0 {
		return notFound("card", id, "")
	}
	card := ask.page.Cards[i]
	text := card.SQL
	owner := card
	if card.Query != "" {
		text, owner = ask.page.Queries[card.Query], nil
	}
	query, err := ask.sql(c.r.Context(), text, owner)
	if err != nil {
		return err
	}
	format := c.query().Get("format")
	if format == "" {
		format = "csv"
	}
	if query, err = ask.shown(c.r.Context(), card, strings.TrimRight(query, "; \n")); err != nil {
		return err
	}
	var n int64
	if err := ask.snap.db.QueryRowContext(c.r.Context(), "select count(*) from ("+query+"\n) as c").Scan(&n); err != nil {
		return fmt.Errorf("count the export: %w", err)
	}
	return c.exportSQL(ask.snap.db, query, name+"-"+id+"-"+ask.snap.id, format, n, map[string]string{
		"question": card.Question, "definition": strings.TrimSpace(card.Definition), "filters": ask.main.text(), "snapshot": ask.snap.id,
	})
}

// shown narrows a card's SQL to the columns that the card shows as its table.
func (p *pageAsk) shown(ctx context.Context, c *CardFile, query string) (string, error) {
	got, err := fetch(ctx, p.snap.db, "select * from ("+query+"\n) as c limit 0", 0)
	if err != nil {
		return "", err
	}
	var names []string
	for _, column := range got.pick(c).columns {
		hidden := column.Name == allRows || slices.ContainsFunc(c.columns, func(f columnFile) bool { return f.Name == column.Name && f.Hidden })
		if !hidden {
			names = append(names, quoteName(column.Name))
		}
	}
	return "select " + strings.Join(names, ", ") + " from (" + query + "\n) as c", nil
}

// sqlRequest takes a statement from the query string or from a body of JSON.
func (c *call) sqlRequest() error {
	if c.r.Method != http.MethodPost {
		return c.sql(c.query().Get("q"), namedValues(c.query()))
	}
	if kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); kind != "application/json" {
		return &Problem{Title: "JSON is wanted", Status: http.StatusUnsupportedMediaType, Detail: "the body is {\"q\": \"select …\"} of type application/json"}
	}
	var body SQLRequest
	d := json.NewDecoder(io.LimitReader(c.r.Body, 200<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		return &Problem{Title: "The body cannot be read", Status: http.StatusBadRequest, Detail: "the body is {\"q\": \"select …\"}, at most 200 kB"}
	}
	return c.sql(body.Query, body.Values)
}

// dimension lists the values of one filter under the other filters.
func (c *call) dimension(name string) error {
	s, err := c.snap()
	if err != nil {
		return err
	}
	tableName := c.query().Get("table")
	if tableName == "" {
		tableName = s.def.Model.Main
	}
	t := s.tables[tableName]
	if t == nil {
		return notFound("table", tableName, project.Nearest(tableName, s.names))
	}
	column := t.Filters[name]
	if name == "currency" {
		column = t.currencyColumn()
	}
	if column == "" && t.column(name) != nil {
		column = name
	}
	if column == "" {
		return notFound("filter", name, project.Nearest(name, s.filterNames()))
	}
	a, err := parseAsk(c.query())
	if err != nil {
		return err
	}
	b, err := s.bind(a, t, c.query().Get("table") == "")
	if err != nil {
		return err
	}
	limit := 50
	if text := c.query().Get("limit"); text != "" {
		if _, err := fmt.Sscan(text, &limit); err != nil || limit < 1 || limit > 500 {
			return &badFilter{"limit", text, "is a number from 1 to 500"}
		}
	}
	q := c.query().Get("q")
	key := fmt.Sprintf("%s|%s|%s|%d", encodePairs(b.exact()), tableName, q, limit)
	return c.cached(key, func(ctx context.Context) (*reply, error) {
		data, err := s.choices(ctx, b, name, column, q, limit)
		return &reply{data: data, bound: b}, err
	})
}

func (s *snapshot) filterNames() []string {
	out := []string{"currency"}
	for _, f := range s.def.Model.filters {
		out = append(out, f.Name)
	}
	return out
}

// options counts a filter's values; those that are selected come first and never vanish.
func (s *snapshot) choices(ctx context.Context, b *bound, name, column, q string, limit int) (*DimensionData, error) {
	f, _ := s.def.Model.filter(name)
	selected := []string{}
	for _, c := range b.conds {
		if c.Name == name {
			selected = append(selected, c.Values...)
		}
	}
	col := quoteName(column)
	match := "true"
	if q != "" {
		match = "position(lower(" + quoteText(q) + ") in lower(" + quoteText(f.Prefix) + " || cast(" + col + " as varchar))) > 0"
	}
	got, err := fetch(ctx, s.db, fmt.Sprintf("select %s as value, count(*) as n from %s as t where %s and %s group by 1 order by 2 desc, 1",
		col, b.source(true, column), b.where(name), match), 0)
	if err != nil {
		return nil, fmt.Errorf("count the values of %s: %w", name, err)
	}
	data := &DimensionData{Name: name, Label: f.Label, Options: []Option{}, Total: int64(len(got.rows))}
	if data.Label == "" {
		data.Label = title(name)
	}
	counts := map[string]int64{}
	for _, row := range got.rows {
		counts[valueOrNull(row[0])] = whole(row[1])
	}
	for _, v := range selected {
		data.Options = append(data.Options, Option{v, s.valueLabel(f, v), counts[v], true})
	}
	for _, row := range got.rows {
		v := valueOrNull(row[0])
		if slices.Contains(selected, v) || len(data.Options) >= limit {
			continue
		}
		data.Options = append(data.Options, Option{v, s.valueLabel(f, v), whole(row[1]), false})
	}
	return data, nil
}

func valueOrNull(v any) string {
	if v == nil {
		return nullWord
	}
	return textOf(v)
}

// document gives the OpenAPI document.
func (c *call) document() error {
	h := c.w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "private, no-cache")
	_, err := c.w.Write(c.openapi)
	return err
}
