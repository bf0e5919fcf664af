package semantic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lifeline/change"
)

// MixedError says that money of several currencies was asked for as one number (promise 8).
type MixedError struct{ Currencies []string }

func (e *MixedError) Error() string {
	return "money of several currencies cannot be one number: " + strings.Join(e.Currencies, ", ")
}

// EntityError says that a page is about one thing and none or several were named.
type EntityError struct{ Name string }

func (e *EntityError) Error() string {
	return "this page is about one " + e.Name + ": name it, as in " + e.Name + "=12"
}

// PageQuery is one question to one page: the filters bound to each table that its cards read.
type PageQuery struct {
	snap    *Version
	page    *PageFile
	filters *Filters
	main    *boundQuery
	mu      sync.Mutex
	binds   map[string]*boundQuery
	once    map[string]*sharedQuery
	data    bool // The asker may see SQL.
}

// sharedQuery is a query of the page that several cards read; it runs once.
type sharedQuery struct {
	once   sync.Once
	sql    string
	result *Result
	err    error
}

func newPageQuery(s *Version, p *PageFile, a *Filters, data bool) (*PageQuery, error) {
	t := s.Tables[p.Table]
	if t == nil {
		return nil, fmt.Errorf("the page %s reads %s, which the published version does not have", p.Name, p.Table)
	}
	if p.Entity != "" && len(a.values(p.Entity)) != 1 {
		return nil, &EntityError{p.Entity}
	}
	ask := &PageQuery{snap: s, page: p, filters: a, binds: map[string]*boundQuery{}, once: map[string]*sharedQuery{}, data: data}
	for name := range p.Queries {
		ask.once[name] = &sharedQuery{}
	}
	var err error
	if ask.main, err = s.bindForPage(a, t); err != nil {
		return nil, err
	}
	if len(ask.main.mixed) > 0 && slices.ContainsFunc(p.Cards, func(c *CardFile) bool { return c.Money }) {
		return nil, &MixedError{ask.main.mixed}
	}
	return ask, nil
}

// values are the plain values of one filter.
func (a *Filters) values(name string) []string {
	for _, c := range a.conditions {
		if c.Name == name && c.Op == "=" {
			return c.Values
		}
	}
	return nil
}

// on binds the question to another table or another date basis.
func (p *PageQuery) on(tableName, basis string) (*boundQuery, error) {
	if tableName == "" {
		tableName = p.page.Table
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	key := tableName + "|" + basis
	if b := p.binds[key]; b != nil {
		return b, nil
	}
	t := p.snap.Tables[tableName]
	if t == nil {
		return nil, fmt.Errorf("there is no table %s", tableName)
	}
	a := *p.filters
	if basis != "" {
		if t.Dates[basis] == "" {
			return nil, fmt.Errorf("%s has no date basis %q", tableName, basis)
		}
		a.basis, a.undated = basis, ""
	}
	b, err := p.snap.bindForPage(&a, t)
	if err != nil {
		return nil, err
	}
	p.binds[key] = b
	return b, nil
}

// Answer answers the whole page; its cards are computed side by side.
func (p *PageQuery) Answer(ctx context.Context, ops PageOps, only string) (*PageData, error) {
	out := &PageData{
		Name: p.page.Name, Title: p.page.Title, Description: strings.TrimSpace(p.page.Description), Noun: p.main.table.Noun,
		RowsLink: p.main.follow(p.main.table.Name), Cards: []Card{},
	}
	if v := p.filters.values(p.page.Entity); p.page.Entity != "" && len(v) == 1 {
		f, _ := p.snap.def.Model.filter(p.page.Entity)
		out.Title = p.snap.valueLabel(f, v[0])
	}
	cards := p.page.Cards
	if only != "" {
		cards = slices.DeleteFunc(slices.Clone(cards), func(c *CardFile) bool { return c.ID != only })
	}
	out.Cards = make([]Card, len(cards))
	var work sync.WaitGroup
	var trustErr error
	work.Go(func() { trustErr = p.count(ctx, ops, out) })
	for i, c := range cards {
		work.Go(func() { out.Cards[i] = p.card(ctx, c) })
	}
	work.Wait()
	if trustErr != nil {
		return nil, trustErr
	}
	return out, ctx.Err()
}

// card computes one card; what goes wrong with it is its own, the others stand.
func (p *PageQuery) card(ctx context.Context, c *CardFile) Card {
	began := time.Now()
	out := Card{
		ID: c.ID, Question: c.Question, Mark: c.Mark, Width: c.Width, Definition: strings.TrimSpace(c.Definition),
		Columns: []Column{}, Rows: [][]any{}, Notes: slices.Clone(c.Notes), Exports: []ExportLink{},
	}
	if out.Notes == nil {
		out.Notes = []string{}
	}
	if err := p.fill(ctx, c, &out); err != nil {
		out.Problem = &Problem{
			Type: "about:blank", Title: "This card could not be computed", Status: 500, Detail: FirstLine(err.Error()), Retryable: true,
		}
		if errors.Is(err, context.DeadlineExceeded) {
			out.Problem.Detail = "the time for one card was up"
		}
	}
	out.MS = float64(time.Since(began).Microseconds()) / 1000
	return out
}

func (p *PageQuery) fill(ctx context.Context, c *CardFile, out *Card) error {
	b, err := p.on(c.Table, c.Basis)
	if err != nil {
		return err
	}
	sql, got, err := p.run(ctx, c)
	if out.SQL = ""; p.data {
		out.SQL = sql
	}
	if err != nil {
		return err
	}
	got = p.dress(c, b, got)
	out.Columns, out.Rows, out.Total = got.Columns, got.Rows, max(got.total, int64(len(got.Rows)))
	if b.column != "" {
		out.Basis = b.snap.def.Model.basisLabel(b.basis)
	}
	for _, name := range b.ignored {
		out.Notes = append(out.Notes, "The filter “"+strings.ToLower(p.filterLabel(name))+"” does not apply to these rows.")
	}
	rows := c.Rows
	if rows == "" {
		rows = b.table.Name
	}
	out.RowsLink = got.fillIn(b.follow(p.fixBasis(c, rows)))
	out.Exports = ExportLinks(fmt.Sprintf("/api/v1/pages/%s/cards/%s?%s", p.page.Name, c.ID, encodePairs(p.main.exact())))
	out.Encoding = p.encoding(c, b, got)
	for _, l := range c.Lines {
		out.Lines = append(out.Lines, Reference(l))
	}
	if c.Tile != nil {
		if out.Tile, err = p.tile(ctx, c, out.RowsLink, got); err != nil {
			return err
		}
	}
	if out.Answer, err = p.answer(c, got); err != nil {
		return fmt.Errorf("the answer's text: %w", err)
	}
	limit := c.Limit
	if limit == 0 {
		limit = 1000
	}
	if len(out.Rows) <= limit {
		return nil
	}
	out.Rows, out.Truncated = out.Rows[:limit], true
	return nil
}

func (p *PageQuery) filterLabel(name string) string {
	f, _ := p.snap.def.Model.filter(name)
	return cmp.Or(f.Label, Title(name))
}

// fixBasis names the card's own date basis in its link.
func (p *PageQuery) fixBasis(c *CardFile, link string) string {
	if c.Basis == "" || strings.Contains(link, "basis=") {
		return link
	}
	separator := "?"
	if strings.Contains(link, "?") {
		separator = "&"
	}
	return link + separator + "basis=" + c.Basis
}

// run executes a card's SQL, or takes the page's query that it names.
func (p *PageQuery) run(ctx context.Context, c *CardFile) (string, *Result, error) {
	if c.Query != "" {
		return p.shared(ctx, c.Query)
	}
	sql, err := p.sql(ctx, c.SQL, c)
	if err != nil {
		return "", nil, err
	}
	if c.Top && c.Limit > 0 {
		got, err := p.first(ctx, c, sql)
		return sql, got, err
	}
	got, err := p.snap.query(ctx, c.SQL, sql)
	return sql, got, err
}

// allRows is the column beside the first rows of an answer that tells how many there are: counting them in a query of its own would
// compute them twice.
const allRows = "all_rows"

// first are the first rows of a card and the count of all. A query that limits itself by {{ top }} brings that column; to others it is
// added.
func (p *PageQuery) first(ctx context.Context, c *CardFile, sql string) (*Result, error) {
	limited := strings.ReplaceAll(c.SQL, "{{ top }}", strconv.Itoa(c.Limit+1))
	query, err := p.sql(ctx, limited, c)
	if err != nil {
		return nil, err
	}
	if limited == c.SQL {
		query = p.snap.reader.FirstRows(sql, c.Limit+1, "count(*) over () as "+allRows)
	}
	got, err := p.snap.query(ctx, c.SQL, query)
	if err != nil {
		return nil, err
	}
	return got.counted()
}

// counted takes the count of all rows out of an answer's first rows. The answer itself stays as it is, for others may read it.
func (r *Result) counted() (*Result, error) {
	place := r.index(allRows)
	if place < 0 {
		return nil, fmt.Errorf("a query with {{ top }} needs a column %s with the count of all rows", allRows)
	}
	out := &Result{Columns: slices.Delete(slices.Clone(r.Columns), place, place+1), Rows: make([][]any, len(r.Rows))}
	for i, row := range r.Rows {
		out.total = CountOf(row[place])
		out.Rows[i] = slices.Delete(slices.Clone(row), place, place+1)
	}
	return out, nil
}

// maxCardRows bounds what one card may bring; a card is for people.
const maxCardRows = 100000

func (p *PageQuery) shared(ctx context.Context, name string) (string, *Result, error) {
	q := p.once[name]
	if q == nil {
		return "", nil, fmt.Errorf("the page has no query %q", name)
	}
	q.once.Do(func() {
		text := p.page.Queries[name]
		limited := topOfQuery.ReplaceAllString(text, "$1")
		var query string
		if q.sql, q.err = p.sql(ctx, text, nil); q.err != nil {
			return
		}
		if query, q.err = p.sql(ctx, limited, nil); q.err != nil {
			return
		}
		if q.result, q.err = p.snap.query(ctx, text, query); q.err == nil && limited != text {
			q.result, q.err = q.result.counted()
		}
	})
	return q.sql, q.result, q.err
}

// topOfQuery is how many rows a query of the page reads for its cards; a file has all.
var topOfQuery = regexp.MustCompile(`\{\{ top\((\d+)\) \}\}`)

// valuesOf is a relation of the values that one of the page's queries has in a column. Engines join it faster than they look into a list.
func (p *PageQuery) valuesOf(ctx context.Context, arg string) (string, error) {
	query, column, _ := strings.Cut(arg, ".")
	_, got, err := p.shared(ctx, query)
	if err != nil {
		return "", err
	}
	i := got.index(column)
	if i < 0 {
		return "", fmt.Errorf("{{ values(%s) }}: the query has no column %q", arg, column)
	}
	list := []string{}
	for _, row := range got.Rows {
		switch v := row[i].(type) {
		case nil:
		case int64:
			list = append(list, strconv.FormatInt(v, 10))
		default:
			list = append(list, QuoteText(TextOf(v)))
		}
	}
	return fmt.Sprintf("(select unnest(cast(array[%s] as %s[])) as %s)", strings.Join(list, ", "), got.Columns[i].Type, quoteName(column)), nil
}

// sql puts the filters into a text.
func (p *PageQuery) sql(ctx context.Context, text string, c *CardFile) (string, error) {
	out, err := expand(text, func(name, arg string) (string, error) {
		if name == "values" {
			return p.valuesOf(ctx, arg)
		}
		if c == nil || (c.Basis == "" && c.Table == "") {
			return p.placeholder(name, arg)
		}
		b, err := p.on(c.Table, c.Basis)
		if err != nil {
			return "", err
		}
		inner := &PageQuery{
			snap: p.snap, page: p.page, filters: b.Filters, main: b, binds: map[string]*boundQuery{p.page.Table + "|": b},
			once: p.once,
		}
		if c.Table != "" {
			inner.binds[c.Table+"|"] = b
		}
		if arg == "" && strings.HasPrefix(name, "rows") && !strings.HasPrefix(name, "rows_on") {
			return b.subquery(name), nil
		}
		return inner.placeholder(name, arg)
	})
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(p.snap.rename(out)), nil
}

// dress gives the columns of an answer what the card says of them, in a copy.
func (p *PageQuery) dress(c *CardFile, b *boundQuery, got *Result) *Result {
	out := got.pick(c)
	pieced := map[int]bool{}
	for i := range out.Columns {
		col := &out.Columns[i]
		for _, f := range c.columns {
			if f.Name != col.Name {
				continue
			}
			col.Label, col.Format = cmp.Or(f.Label, col.Label), cmp.Or(f.Format, col.Format)
			col.Hidden, col.Low, col.Color, col.Help = f.Hidden, f.Low, f.Color, f.Help
			switch {
			case strings.HasPrefix(f.Link, "/"):
				col.Link = f.Link
			case f.Link != "":
				col.Link = p.pieces(b, b.follow(p.fixBasis(c, f.Link)), out, pieced)
			}
		}
		if filter, is := p.snap.def.Model.filter(col.Name); is && col.Link == "" && filter.Path != "" {
			col.Link = entityLink(filter.Path, col.Name, p.main)
		}
		if col.Format == "money" {
			col.Unit = p.main.currency
		}
	}
	out.finish()
	out.round()
	return out
}

// pick copies an answer. Of a query that several cards share, a card takes the columns that it names, in its order.
func (r *Result) pick(c *CardFile) *Result {
	var places []int
	for _, f := range c.columns {
		if i := r.index(f.Name); i >= 0 && c.Query != "" {
			places = append(places, i)
		}
	}
	if len(places) == 0 {
		for i := range r.Columns {
			places = append(places, i)
		}
	}
	out := &Result{Rows: make([][]any, len(r.Rows)), total: r.total}
	for _, i := range places {
		out.Columns = append(out.Columns, r.Columns[i])
	}
	for j, row := range r.Rows {
		for _, i := range places {
			out.Rows[j] = append(out.Rows[j], row[i])
		}
	}
	return out
}

// fillIn puts the first row's values into a link's template.
func (r *Result) fillIn(link string) string {
	if len(r.Rows) == 0 || !strings.Contains(link, "{") {
		return link
	}
	for i, c := range r.Columns {
		link = strings.ReplaceAll(link, "{"+c.Name+"}", EscapeQuery(valueOrNull(r.Rows[0][i])))
		link = strings.ReplaceAll(link, "{+"+c.Name+"}", TextOf(r.Rows[0][i]))
	}
	return link
}

// pieces makes links whose query comes partly from a column, such as {+part}, hold both the page's conditions and the piece's: what a
// piece says of a filter is narrowed by what the page says of it, and a piece that says nothing gets the page's.
func (p *PageQuery) pieces(b *boundQuery, link string, r *Result, done map[int]bool) string {
	for i, c := range r.Columns {
		mark := "{+" + c.Name + "}"
		if !strings.Contains(link, mark) {
			continue
		}
		names := map[string]bool{}
		parsed := make([][]pair, len(r.Rows))
		for j, row := range r.Rows {
			if done[i] {
				break
			}
			parsed[j] = splitPairs(TextOf(row[i]))
			for _, x := range parsed[j] {
				names[x.name] = true
			}
		}
		if !done[i] {
			for j, row := range r.Rows {
				row[i] = b.piece(parsed[j], names)
			}
			b.pieceNames = names
		}
		done[i] = true
		path, query, _ := strings.Cut(link, "?")
		kept := slices.DeleteFunc(strings.Split(query, "&"), func(part string) bool {
			name, _, _ := strings.Cut(part, "=")
			return b.pieceNames[name] && b.hasCondition(name)
		})
		link = path + "?" + strings.Join(kept, "&")
	}
	return link
}

// entityLink leads to the page about one value with the page's period.
func entityLink(path, column string, b *boundQuery) string {
	link := strings.ReplaceAll(path, "{value}", "{"+column+"}")
	pairs := slices.DeleteFunc(b.short(), func(x pair) bool { return x.name == column })
	if q := encodePairs(pairs); q != "" {
		link += "?" + q
	}
	return link
}

func (p *PageQuery) encoding(c *CardFile, b *boundQuery, got *Result) Encoding {
	e := Encoding{
		X: c.Encoding.X, Y: c.Encoding.Y, Label: c.Encoding.Label, Size: c.Encoding.Size, Color: c.Encoding.Color, Kind: c.Encoding.Kind,
		Low: c.Encoding.Low, High: c.Encoding.High, Split: c.Encoding.Split, Panels: c.Encoding.Panels, Below: c.Encoding.Below,
		Log: c.Encoding.Log,
	}
	if c.Encoding.Time {
		low, high := b.span()
		e.Grain = grainOf(low, high)
	}
	if c.Encoding.Median && len(e.Y) > 0 {
		e.XMid, e.YMid = median(got, e.X), median(got, e.Y[0])
	}
	return e
}

func median(r *Result, column string) string {
	i := r.index(column)
	if i < 0 {
		return ""
	}
	var all []*big.Rat
	for _, row := range r.Rows {
		if x := rational(row[i]); x != nil {
			all = append(all, x)
		}
	}
	if len(all) == 0 {
		return ""
	}
	slices.SortFunc(all, func(a, b *big.Rat) int { return a.Cmp(b) })
	mid := new(big.Rat).Add(all[(len(all)-1)/2], all[len(all)/2])
	return change.TrimDecimal(mid.Quo(mid, big.NewRat(2, 1)).FloatString(6))
}

// tile makes the headline number from the card's first row.
func (p *PageQuery) tile(ctx context.Context, c *CardFile, link string, got *Result) (*Tile, error) {
	f := c.Tile
	i := got.index(f.Value)
	if i < 0 {
		return nil, fmt.Errorf("the tile's value %q is not a column of the answer", f.Value)
	}
	t := &Tile{
		Label: cmp.Or(f.Label, got.Columns[i].Label), Format: cmp.Or(f.Format, got.Columns[i].Format), Unit: got.Columns[i].Unit,
		Direction: cmp.Or(f.Direction, "none"), Link: link, Spark: []any{},
	}
	if got.Columns[i].Link != "" {
		t.Link = got.fillIn(got.Columns[i].Link)
	}
	if len(got.Rows) > 0 {
		t.Value = got.Rows[0][i]
		if j := got.index(f.Before); j >= 0 && p.main.versus != "none" {
			t.Before = got.Rows[0][j]
			t.Change = changeAs(t.Format, t.Value, t.Before)
		}
	}
	var err error
	if f.Second != "" {
		if t.Second, err = p.template(f.Second, got); err != nil {
			return nil, err
		}
	}
	query, column, two := strings.Cut(f.Spark, ".")
	if !two {
		return t, nil
	}
	_, days, err := p.shared(ctx, query)
	if err != nil {
		return nil, err
	}
	if t.Spark, err = runningMean(days, column, 7); err != nil {
		return nil, err
	}
	return t, nil
}

// runningMean is the mean of the values so far, at most n of them, for each row.
func runningMean(r *Result, column string, n int) ([]any, error) {
	i := r.index(column)
	if i < 0 {
		return nil, fmt.Errorf("the spark's column %q is not in its query", column)
	}
	out := make([]any, len(r.Rows))
	for at := range r.Rows {
		sum, count := new(big.Rat), int64(0)
		for _, row := range r.Rows[max(0, at-n+1) : at+1] {
			if x := rational(row[i]); x != nil {
				sum.Add(sum, x)
				count++
			}
		}
		if count > 0 {
			out[at] = change.TrimDecimal(sum.Quo(sum, big.NewRat(count, 1)).FloatString(2))
		}
	}
	return out, nil
}

var spaces = regexp.MustCompile(`\s+`)

// FirstLine shortens an engine's message to what a person reads.
func FirstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return strings.TrimSpace(spaces.ReplaceAllString(s, " "))
}
