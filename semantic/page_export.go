package semantic

import (
	"context"
	"fmt"
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

// Page binds a question to a page by its name.
func (s *Version) Page(name string, a *Filters, showSQL bool) (*PageQuery, error) {
	p := s.def.Page(name)
	if p == nil {
		return nil, NotFound("page", name, project.Nearest(name, s.def.pageNames()))
	}
	return newPageQuery(s, p, a, showSQL)
}

// HasCard says whether the page has a card of that id.
func (p *PageQuery) HasCard(id string) bool {
	return slices.ContainsFunc(p.page.Cards, func(f *CardFile) bool { return f.ID == id })
}

// Key names the question, for a cache of its answers; only is the one card that is asked for, or empty.
func (p *PageQuery) Key(only string) string {
	b := p.main
	return strings.Join([]string{encodePairs(b.exact()), b.versus, encodePairs(b.short()), only, strings.Join(b.notices, "|")}, "|")
}

// Exact is the page's question as a query string with its dates written out.
func (p *PageQuery) Exact() string { return p.main.Exact() }

// Applied says how the page's question was understood.
func (p *PageQuery) Applied() *AppliedFilters { return p.main.Applied() }

// Notices say what of the page's question was not understood or does not apply.
func (p *PageQuery) Notices() []string { return p.main.Notices() }

// CardExport is the whole table of a card as a file: the very SQL of the card, without what only draws it.
func (p *PageQuery) CardExport(ctx context.Context, id string) (*Export, error) {
	i := slices.IndexFunc(p.page.Cards, func(f *CardFile) bool { return f.ID == id })
	if i < 0 {
		return nil, NotFound("card", id, "")
	}
	card := p.page.Cards[i]
	text, owner := card.SQL, card
	if card.Query != "" {
		text, owner = p.page.Queries[card.Query], nil
	}
	query, err := p.sql(ctx, text, owner)
	if err != nil {
		return nil, err
	}
	if query, err = p.shown(ctx, card, strings.TrimRight(query, "; \n")); err != nil {
		return nil, err
	}
	var n int64
	if err := p.snap.db.QueryRowContext(ctx, "select count(*) from ("+query+"\n) as c").Scan(&n); err != nil {
		return nil, fmt.Errorf("count the export: %w", err)
	}
	return &Export{
		reader: p.snap.reader, sql: query, Rows: n, Name: p.page.Name + "-" + id + "-" + p.snap.ID,
		about: map[string]string{
			"question": card.Question, "definition": strings.TrimSpace(card.Definition), "filters": p.main.text(), "snapshot": p.snap.ID,
		},
	}, nil
}

// shown narrows a card's SQL to the columns that the card shows as its table.
func (p *PageQuery) shown(ctx context.Context, c *CardFile, query string) (string, error) {
	got, err := Fetch(ctx, p.snap.db, "select * from ("+query+"\n) as c limit 0", 0)
	if err != nil {
		return "", err
	}
	var names []string
	for _, column := range got.pick(c).Columns {
		hidden := column.Name == allRows || slices.ContainsFunc(c.columns, func(f columnFile) bool { return f.Name == column.Name && f.Hidden })
		if !hidden {
			names = append(names, quoteName(column.Name))
		}
	}
	return p.snap.reader.Over(query, names...), nil
}

// Readers are the cards that read a table, as page/card.
func (d *Definition) Readers(table string) []string {
	out := []string{}
	for _, p := range d.Pages {
		for _, card := range p.Cards {
			text := card.SQL + p.Queries[card.Query]
			direct := strings.Contains(text, table)
			if p.Table == table && card.Table == "" && strings.Contains(text, "{{ rows") {
				direct = true
			}
			if direct || card.Table == table {
				out = append(out, p.Name+"/"+card.ID)
			}
		}
	}
	return out
}
