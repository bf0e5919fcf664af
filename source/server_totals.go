package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/apd/v3"
	"golang.org/x/sync/errgroup"

	"lifeline/change"
)

// Totals lets the server count the rows and add up the money, in its own decimal arithmetic, on the snapshot's connections. A big table
// is added up by ranges of its key, so that no statement runs for long (promise 9).
func (n *serverSnapshot) Totals(ctx context.Context) ([]change.Totals, error) {
	sums := make(map[*serverTable]*adder, len(n.tables))
	var all []*keyRange
	for _, t := range n.tables {
		if _, as := n.kept[t]; as {
			continue // Its rows are proved to be those that were added up.
		}
		sums[t] = newAdder()
		all = append(all, n.parts(ctx, t)...)
	}
	todo := make(chan *keyRange, len(all))
	for _, r := range all {
		todo <- r
	}
	close(todo)
	group, inner := errgroup.WithContext(ctx)
	for _, c := range n.conns {
		group.Go(func() error {
			for p := range todo {
				err := n.yielding(inner, p.table, func(ctx context.Context) error {
					return errors.Join(n.addRange(ctx, c, p, sums[p.table]), c.release(ctx))
				})
				if err != nil {
					return n.server.address.explain("add up "+p.table.SourceName, err)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := n.same(ctx); err != nil {
		return nil, err
	}
	out := make([]change.Totals, len(n.tables))
	for i, t := range n.tables {
		if kept, as := n.kept[t]; as {
			out[i] = kept
			continue
		}
		out[i] = sums[t].totals(t.Table)
	}
	return out, nil
}

// parts divides a table into ranges that together have every key there can be: those that Read read by, if they are without a gap, else
// as many as there are connections.
func (n *serverSnapshot) parts(ctx context.Context, t *serverTable) []*keyRange {
	n.mu.Lock()
	chunks := n.chunks[t]
	n.mu.Unlock()
	if whole := joined(chunks, int64(n.server.options.ChunkRows)); whole != nil {
		return whole
	}
	return n.divide(ctx, &keyRange{table: t, rows: n.estimate(ctx, n.conns[0], t, nil, nil)})
}

// joined puts ranges in order, from the one without a lower bound to the one without an upper, and small neighbours together. It is nil
// if they are no such chain: a gap would hide from the books what Read has passed over.
func joined(chunks []*keyRange, rows int64) []*keyRange {
	after := make(map[string]*keyRange, len(chunks)) // By the lower bound.
	for _, c := range chunks {
		after[fmt.Sprintf("%q", c.low)] = c
	}
	if len(after) != len(chunks) {
		return nil
	}
	var out []*keyRange
	at := fmt.Sprintf("%q", []string(nil))
	for i := range chunks {
		c := after[at]
		if c == nil || (c.high == nil) != (i == len(chunks)-1) {
			return nil
		}
		if last := len(out) - 1; last >= 0 && out[last].rows+c.rows <= rows {
			out[last].high, out[last].rows = c.high, out[last].rows+c.rows
		} else {
			joinedTo := *c
			out = append(out, &joinedTo)
		}
		at = fmt.Sprintf("%q", c.high)
	}
	return out
}

// divide cuts a big table into as many parts as there are connections, where its key is a number.
func (n *serverSnapshot) divide(ctx context.Context, p *keyRange) []*keyRange {
	parts := []*keyRange{p}
	for len(parts) < len(n.conns) && p.table.keys != nil && p.table.keys[0].whole {
		i := 0
		for j := range parts {
			if parts[j].rows > parts[i].rows {
				i = j
			}
		}
		largest := parts[i]
		if largest.rows < int64(n.server.options.ChunkRows) {
			break
		}
		middle := n.halve(ctx, n.conns[0], largest, largest.rows)
		if middle == nil {
			break
		}
		upper := &keyRange{table: p.table, low: middle, high: largest.high, rows: largest.rows / 2}
		largest.high, largest.rows = middle, largest.rows-largest.rows/2
		parts = slices.Insert(parts, i+1, upper)
	}
	return parts
}

// addRange adds up one range. Where the first rows show one currency only, the server is asked to prove that for all, which takes
// a third of the time of grouping.
func (n *serverSnapshot) addRange(ctx context.Context, c *conn, p *keyRange, sums *adder) error {
	t := p.table
	if len(t.Money) == 0 {
		rows, err := c.query(ctx, "select count(*) as n"+t.keySum()+" from "+n.server.from(t)+t.force()+t.where(p.low, p.high))
		if err != nil {
			return err
		}
		return errors.Join(sums.count(rows[0]["n"]), sums.countKeys(rows[0]["k"]))
	}
	byCurrency := map[string][]string{}
	var order []string
	for _, m := range t.Money {
		if !slices.Contains(order, m.Currency) {
			order = append(order, m.Currency)
		}
		byCurrency[m.Currency] = append(byCurrency[m.Currency], m.Column)
	}
	for i, currency := range order {
		money := byCurrency[currency]
		known, one := "", currency == ""
		var err error
		if !one {
			if known, one, err = n.guess(ctx, c, p, currency); err != nil {
				return err
			}
		}
		done := false
		if one {
			if done, err = n.addOne(ctx, c, p, currency, known, money, i == 0, sums); err != nil {
				return err
			}
		}
		if !done {
			if err := n.addGroups(ctx, c, p, currency, money, i == 0, sums); err != nil {
				return err
			}
		}
	}
	return nil
}

// guess looks at the first rows' currencies.
func (n *serverSnapshot) guess(ctx context.Context, c *conn, p *keyRange, currency string) (string, bool, error) {
	name := p.table.column(currency)
	rows, err := c.query(ctx, fmt.Sprintf("select distinct binary c as c from (select %s as c from %s%s%s limit 1000) as some",
		name, n.server.from(p.table), p.table.force(), p.table.where(p.low, p.high)))
	if err != nil || len(rows) != 1 {
		return "", false, err
	}
	known, has := rows[0]["c"]
	plain := !strings.ContainsFunc(known, func(r rune) bool { return r < ' ' || r > '~' })
	return known, has && plain, nil
}

// addOne sums without groups. It reports false, and adds nothing, if a row has another currency than the known one.
func (n *serverSnapshot) addOne(ctx context.Context, c *conn, p *keyRange, currency, known string, money []string, count bool,
	sums *adder,
) (bool, error) {
	parts := []string{"count(*) as n" + p.table.keySum()}
	if currency != "" {
		name := p.table.column(currency)
		parts = append(parts, fmt.Sprintf("count(%s) as with_currency, max(%s <> binary %s) as other", name, name, literal(known)))
	}
	rows, err := c.query(ctx, "select "+strings.Join(append(parts, p.table.sums(money)...), ", ")+
		" from "+n.server.from(p.table)+p.table.force()+p.table.where(p.low, p.high))
	if err != nil {
		return false, err
	}
	r := rows[0]
	if currency != "" && r["n"] != "0" && (r["with_currency"] != r["n"] || r["other"] != "0") {
		return false, nil
	}
	return true, sums.add(r, known, money, count)
}

// addGroups sums by the currency's exact bytes in UTF-8, as staging holds it: a collation would take KES and kes for one.
func (n *serverSnapshot) addGroups(ctx context.Context, c *conn, p *keyRange, currency string, money []string, count bool,
	sums *adder,
) error {
	rows, err := c.query(ctx, fmt.Sprintf("select cast(convert(%s using utf8mb4) as binary) as lifeline__currency, count(*) as n%s, %s "+
		"from %s%s%s group by lifeline__currency",
		p.table.column(currency), p.table.keySum(), strings.Join(p.table.sums(money), ", "), n.server.from(p.table), p.table.force(),
		p.table.where(p.low, p.high)))
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := sums.add(r, strings.ReplaceAll(r["lifeline__currency"], "\x00", ""), money, count); err != nil {
			return err
		}
	}
	return nil
}

func (t *serverTable) column(name string) string {
	if i := t.Index(name); i >= 0 {
		return ident(t.Columns[i].SourceName)
	}
	return ident(name)
}

func (t *serverTable) sums(money []string) []string {
	out := make([]string, len(money))
	for i, m := range money {
		out[i] = fmt.Sprintf("count(%s) as n%d, sum(%s) as s%d", t.column(m), i, t.column(m), i)
		if w := t.weighed(m); w != "" {
			out[i] += fmt.Sprintf(", %s as w%d", w, i)
		}
	}
	return out
}

// keySum adds up the key, where it is one whole number.
func (t *serverTable) keySum() string {
	if c, whole := t.IntegerKey(); whole {
		return ", sum(" + ident(c.SourceName) + ") as k"
	}
	return ""
}

// weighed adds up an amount by the weights of the keys. (A product of whole numbers could be too long for the server.)
func (t *serverTable) weighed(money string) string {
	c, whole := t.IntegerKey()
	if !whole {
		return ""
	}
	return fmt.Sprintf("sum(%s * cast(mod(%s, %d) as decimal(4,0)))", t.column(money), ident(c.SourceName), change.ChecksumWeight)
}

// Ranges lets the server add up slices of a table, on one of the snapshot's connections.
func (n *serverSnapshot) Ranges(ctx context.Context, of *change.Table, r change.Range) ([]change.Slice, error) {
	i := slices.IndexFunc(n.tables, func(t *serverTable) bool { return t.Name == of.Name })
	if i < 0 {
		return nil, fmt.Errorf("there is no table %s", of.Name)
	}
	t := n.tables[i]
	c, whole := t.IntegerKey()
	if !whole {
		return nil, fmt.Errorf("%s has no key of whole numbers", t.Name)
	}
	key := ident(c.SourceName)
	number, where := "0", key+" is not null"
	if r.Width > 0 {
		number = fmt.Sprintf("(%s - (%d)) div %d", key, r.Low, r.Width)
		where = fmt.Sprintf("%s between %d and %d", key, r.Low, r.High)
	}
	parts := []string{number + " as lifeline__slice, count(*) as n, min(" + key + ") as low, max(" + key + ") as high" + t.keySum()}
	for i, m := range t.Money {
		parts = append(parts, fmt.Sprintf("sum(%s) as s%d, %s as w%d", t.column(m.Column), i, t.weighed(m.Column), i))
	}
	rows, err := n.conns[0].query(ctx, "select "+strings.Join(parts,
		", ")+" from "+n.server.from(t)+" where "+where+" group by lifeline__slice order by lifeline__slice")
	if err != nil {
		return nil, n.server.address.explain("add up "+t.SourceName, err)
	}
	out := make([]change.Slice, len(rows))
	for i, row := range rows {
		x := &out[i]
		for _, f := range []struct {
			name string
			into *int64
		}{{"lifeline__slice", &x.Number}, {"n", &x.Rows}, {"low", &x.Low}, {"high", &x.High}} {
			if *f.into, err = strconv.ParseInt(row[f.name], 10, 64); err != nil {
				return nil, fmt.Errorf("add up %s: %w", t.SourceName, err)
			}
		}
		x.Keys = row["k"]
		for j := range t.Money {
			x.Money = append(x.Money, row[fmt.Sprintf("s%d", j)])
			x.WeightedSums = append(x.WeightedSums, row[fmt.Sprintf("w%d", j)])
		}
	}
	return out, nil
}

func (t *serverTable) force() string {
	if t.keys == nil {
		return ""
	}
	return " force index (" + ident(t.index) + ")"
}

// adder gathers the totals of one table from its parts, in exact decimals. Its methods may be called from several goroutines.
type adder struct {
	mu    sync.Mutex
	rows  int64
	keys  apd.Decimal
	money map[[2]string]*moneySum // By column and currency.
}

type moneySum struct {
	sum     apd.Decimal
	weighed apd.Decimal
	rows    int64
}

// exact adds without rounding: no sum of a table has more digits than it keeps.
var exact = apd.BaseContext.WithPrecision(200)

func newAdder() *adder { return &adder{money: map[[2]string]*moneySum{}} }

func (a *adder) count(text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("a count: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rows += n
	return nil
}

// add takes a row of n, n0, s0, n1, s1, … of one currency.
func (a *adder) add(r map[string]string, currency string, money []string, count bool) error {
	if count {
		if err := errors.Join(a.count(r["n"]), a.countKeys(r["k"])); err != nil {
			return err
		}
	}
	for i, m := range money {
		n, err := strconv.ParseInt(r[fmt.Sprintf("n%d", i)], 10, 64)
		if err != nil {
			return fmt.Errorf("a count of %s: %w", m, err)
		}
		if n == 0 {
			continue
		}
		x, _, err := apd.NewFromString(r[fmt.Sprintf("s%d", i)])
		if err != nil {
			return fmt.Errorf("a sum of %s: %w", m, err)
		}
		weighed := new(apd.Decimal)
		if text := r[fmt.Sprintf("w%d", i)]; text != "" {
			if weighed, _, err = apd.NewFromString(text); err != nil {
				return fmt.Errorf("a sum of %s: %w", m, err)
			}
		}
		if err := a.plus(m, currency, x, weighed, n); err != nil {
			return err
		}
	}
	return nil
}

// countKeys adds a sum of keys; "" is none.
func (a *adder) countKeys(text string) error {
	if text == "" {
		return nil
	}
	x, _, err := apd.NewFromString(text)
	if err != nil {
		return fmt.Errorf("a sum of keys: %w", err)
	}
	return a.plusKey(x)
}

func (a *adder) plusKey(x *apd.Decimal) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, err := exact.Add(&a.keys, &a.keys, x)
	return err
}

func (a *adder) plus(column, currency string, x, weighed *apd.Decimal, rows int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := [2]string{column, currency}
	s := a.money[key]
	if s == nil {
		s = &moneySum{}
		a.money[key] = s
	}
	s.rows += rows
	if _, err := exact.Add(&s.weighed, &s.weighed, weighed); err != nil {
		return err
	}
	_, err := exact.Add(&s.sum, &s.sum, x)
	return err
}

// totals lists what was added, ordered.
func (a *adder) totals(t *change.Table) change.Totals {
	out := change.Totals{Table: t.Name, Rows: a.rows}
	_, whole := t.IntegerKey()
	if whole {
		out.Keys = plainText(&a.keys)
	}
	for key, s := range a.money {
		m := change.MoneyTotal{Column: key[0], Currency: key[1], Sum: plainText(&s.sum), Rows: s.rows}
		if whole {
			m.WeightedSum = plainText(&s.weighed)
		}
		out.Money = append(out.Money, m)
	}
	slices.SortFunc(out.Money, func(a, b change.MoneyTotal) int {
		return cmp.Or(strings.Compare(a.Column, b.Column), strings.Compare(a.Currency, b.Currency))
	})
	return out
}

// plainText writes a decimal without zeros at its end.
func plainText(x *apd.Decimal) string {
	var reduced apd.Decimal
	reduced.Reduce(x)
	return reduced.Text('f')
}
