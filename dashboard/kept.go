package dashboard

import (
	"context"
	"fmt"
	"strings"
)

// longestKept is the longest time, in days over both periods, whose rows a page keeps for itself: of more than these there are too
// many, and a page about all of them is asked for seldom and then found in the cache.
const longestKept = 800

// keepRows finds the page's rows, of its period and the one before, once for all of its cards, and keeps them in memory until the page
// is done: each card would look through the whole table for them. Only DuckDB's copies in memory are kept again.
func (p *pageAsk) keepRows(ctx context.Context) (letGo func(), err error) {
	b := p.main
	nothing := func() {}
	if b.table.fast == "" || b.source() != b.table.fast || b.column == "" || b.from.IsZero() || b.to.IsZero() || b.to.Sub(b.from).Hours() > 24*longestKept/2 {
		return nothing, nil
	}
	uses := 0
	for _, text := range p.texts() {
		for _, name := range []string{"rows", "rows_both", "rows_before"} {
			uses += strings.Count(text, "{{ "+name+" }}")
		}
	}
	if uses < 2 {
		return nothing, nil
	}
	name := fmt.Sprintf("memory.asks.t%d", p.snap.asks.Add(1))
	if _, err := p.snap.db.ExecContext(ctx, "create table "+name+" as select * from "+b.subquery("rows_both")+" as r"); err != nil {
		return nil, fmt.Errorf("find the page's rows: %w", err)
	}
	rows := func(which string) string {
		return "(select * exclude (is_now, is_before) from " + name + " as t where " + which + ")"
	}
	pairs := []string{b.subquery("rows_both"), "(select * from " + name + " as t)", b.subquery("rows"), rows("is_now")}
	if b.versus != "none" {
		pairs = append(pairs, b.subquery("rows_before"), rows("is_before"))
	}
	p.kept = strings.NewReplacer(pairs...)
	return func() { _, _ = p.snap.db.ExecContext(context.WithoutCancel(ctx), "drop table if exists "+name) }, nil
}

// texts are the SQL of the page's queries and cards, as its file has them.
func (p *pageAsk) texts() []string {
	var out []string
	for _, q := range p.page.Queries {
		out = append(out, q)
	}
	for _, c := range p.page.Cards {
		if c.Table == "" && c.Basis == "" {
			out = append(out, c.SQL)
		}
	}
	return out
}

// fromKept is a query that reads the kept rows; who asks for a card's SQL is shown the one that finds them.
func (p *pageAsk) fromKept(query string) string {
	if p.kept == nil {
		return query
	}
	return p.kept.Replace(query)
}
