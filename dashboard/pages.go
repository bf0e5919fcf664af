package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"lifeline/semantic"
)

// number reads a parameter that is a whole number between two bounds.
func (c *request) number(name string, usual, low, high int) (int, error) {
	text := c.query().Get(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, &semantic.FilterError{Name: name, Value: text, Wants: fmt.Sprintf("is a number from %d to %d", low, high)}
	}
	return n, nil
}

// question is the version that the request reads and its filters.
func (c *request) question() (*semantic.Version, *semantic.Filters, error) {
	s, err := c.snap()
	if err != nil {
		return nil, nil, err
	}
	a, err := semantic.ParseFilters(c.query())
	return s, a, err
}

func (c *request) askPage(name string) (*semantic.PageQuery, error) {
	s, a, err := c.question()
	if err != nil {
		return nil, err
	}
	ask, err := s.Page(name, a, c.user.has(RoleData))
	if err != nil {
		return nil, err
	}
	c.filters = ask.Exact()
	return ask, nil
}

// page answers one page with all its cards.
func (c *request) page(name string) error {
	ask, err := c.askPage(name)
	if err != nil {
		return err
	}
	only := c.query().Get("card")
	if only != "" && !ask.HasCard(only) {
		return semantic.NotFound("card", only, "")
	}
	return c.cached(ask.Key(only), pageReply(ask, c.version, only))
}

// pageReply computes a page, or only one card of it.
func pageReply(ask *semantic.PageQuery, e *servedVersion, only string) func(ctx context.Context) (*reply, error) {
	return func(ctx context.Context) (*reply, error) {
		data, err := ask.Answer(ctx, e.pageOps(), only)
		return &reply{data: data, question: ask}, err
	}
}

// cardFile gives the whole table of a card as a file.
func (c *request) cardFile(name, id string) error {
	ask, err := c.askPage(name)
	if err != nil {
		return err
	}
	x, err := ask.CardExport(c.r.Context(), id)
	if err != nil {
		return err
	}
	return c.export(x, cmp.Or(c.query().Get("format"), "csv"))
}

// dimension lists the values of one filter under the other filters.
func (c *request) dimension(name string) error {
	s, a, err := c.question()
	if err != nil {
		return err
	}
	limit, err := c.number("limit", 50, 1, 500)
	if err != nil {
		return err
	}
	q, err := s.Dimension(name, c.query().Get("table"), c.query().Get("q"), limit, a)
	if err != nil {
		return err
	}
	return c.cached(q.Key(), func(ctx context.Context) (*reply, error) {
		data, err := q.Answer(ctx)
		return &reply{data: data, question: q}, err
	})
}

// rows answers one page of a table's rows, or gives all of them as a file.
func (c *request) rows(name string) error {
	s, a, err := c.question()
	if err != nil {
		return err
	}
	limit, err := c.number("limit", 100, 1, 1000)
	if err != nil {
		return err
	}
	q := c.query()
	l, err := s.Rows(name, a, semantic.ListOptions{Sort: q.Get("sort"), Fields: q.Get("fields"), Limit: limit, After: q.Get("after")})
	if err != nil {
		return err
	}
	c.filters = l.Exact()
	if f := q.Get("format"); f != "" && f != "json" {
		x, err := l.Export(c.r.Context())
		if err != nil {
			return err
		}
		return c.export(x, f)
	}
	histogram := q.Get("histogram") == "1"
	return c.cached(l.Key(histogram), func(ctx context.Context) (*reply, error) {
		data, page, err := l.Answer(ctx, histogram)
		return &reply{data: data, page: page, question: l}, err
	})
}

// record answers one record of a kind; of the first kind where none is named.
func (c *request) record(kind, key string) error {
	s, err := c.snap()
	if err != nil {
		return err
	}
	e := c.version
	return c.cached(kind, func(ctx context.Context) (*reply, error) {
		data, err := s.Record(ctx, e.recordOps(), kind, key)
		return &reply{data: data}, err
	})
}

func (c *request) document() error {
	h := c.w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "private, no-cache")
	_, err := c.w.Write(c.openapi)
	return err
}
