package dashboard

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// stagingIsCore is the equation of the books that says where every row went.
const stagingIsCore = "staging = core + quarantine + superseded"

// ledger is the account of one source table in one run: rows and money by cleaned currency.
type ledger struct {
	run                                    int64
	read, core, quarantined, superseded    Amounts
	readMoney, coreMoney, asideMoney, more map[string]*big.Rat
}

// count fills in what stands on top of a page: rows, the trust strip, and why a page is empty.
func (p *pageAsk) count(ctx context.Context, e *edition, out *PageData) error {
	parts, err := p.parts(ctx)
	if err != nil {
		return fmt.Errorf("count the rows: %w", err)
	}
	out.Rows = parts["counted"].Rows
	if out.Rows == 0 {
		out.Empty = p.empty()
	}
	if !p.page.Trust || p.main.table.Source == "" || e.booksDB() == nil {
		return nil
	}
	books, err := remember(e, "ledger "+p.main.table.Source, func() (*ledger, error) {
		return readLedger(ctx, e.booksDB(), p.snap.run, p.main.table.Source)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the books: %w", err)
	}
	out.Trust, err = p.trust(ctx, e, parts, books)
	return err
}

// parts counts every row of the page's table once: counted, or the first reason why not. What does not depend on the period is kept
// with the version, for people change the period most.
func (p *pageAsk) parts(ctx context.Context) (map[string]Amounts, error) {
	b := p.main
	other, currency := "true", "true"
	for _, c := range b.conds {
		if c.Name == "currency" {
			currency = c.sql
		} else {
			other += " and " + c.sql
		}
	}
	undated := "false"
	counted, totals := b.groupsTable(b.table.moneyUnit()...), b.totalsTable()
	switch {
	case totals != "":
		undated = "not dated"
	case b.column != "":
		undated = quoteName(b.column) + " is null"
	}
	part := fmt.Sprintf("case when not (%s) then 'filtered' when not (%s) then 'currency' when %s then 'undated' else 'dated' end", coalesce(other), coalesce(currency), undated)
	key := b.table.Name + "|" + b.column + "|" + part // "not dated" is another condition for each date.
	var whole map[string]Amounts
	if kept, is := p.snap.kept.Load(key); is {
		whole = kept.(map[string]Amounts)
	} else {
		var err error
		if whole, err = p.amounts(ctx, part, "true", cmp.Or(totals, b.source(false)), totals != ""); err != nil {
			return nil, err
		}
		if p.snap.keptCount.Add(1) < 10000 {
			p.snap.kept.Store(key, whole)
		}
	}
	inside := whole["dated"]
	if b.column != "" && !(b.from.IsZero() && b.to.IsZero()) && b.undated != "only" {
		period, from := b.periodSQL(b.column, b.from, b.to, "exclude"), b.source(b.undated == "exclude")
		if counted != "" {
			period, from = daysSQL("day", b.from, b.to, "exclude"), counted
		}
		got, err := p.amounts(ctx, "'dated'", b.conditionsSQL()+" and "+period, from, counted != "")
		if err != nil {
			return nil, err
		}
		inside = got["dated"]
	}
	out := map[string]Amounts{"filtered": whole["filtered"], "currency": whole["currency"]}
	outside := minus(whole["dated"], inside)
	switch b.undated {
	case "only":
		out["counted"], out["period"] = whole["undated"], whole["dated"]
	case "include":
		out["counted"], out["period"] = plus(inside, whole["undated"]), outside
	default:
		out["counted"], out["period"], out["undated"] = inside, outside, whole["undated"]
	}
	return out, nil
}

// moneyUnit is the column that the first money column's currency is in, as a list of at most one.
func (t *table) moneyUnit() []string {
	if m := t.moneyColumns(); len(m) > 0 && t.Money[m[0]] != "" {
		return []string{t.Money[m[0]]}
	}
	return nil
}

// amounts counts rows and money of each part of a relation, whose rows may be groups of n.
func (p *pageAsk) amounts(ctx context.Context, part, where, from string, groups bool) (map[string]Amounts, error) {
	t := p.main.table
	money, unit, n := "cast(null as numeric(38,4))", "cast(null as varchar)", "count(*)"
	if groups {
		n = "cast(sum(n) as bigint)"
	}
	if m := t.moneyColumns(); len(m) > 0 {
		money = "cast(sum(" + quoteName(m[0]) + ") as numeric(38,4))"
	}
	if u := t.moneyUnit(); len(u) > 0 {
		unit = quoteName(u[0])
	}
	got, err := fetch(ctx, p.snap.db, fmt.Sprintf("select %s as part, %s as currency, %s as n, %s as money from %s as t where %s group by 1, 2",
		part, unit, n, money, from, where), 0)
	if err != nil {
		return nil, err
	}
	out := map[string]Amounts{}
	for _, row := range got.rows {
		a := orZero(out[textOf(row[0])])
		a.Rows += whole(row[2])
		if row[3] != nil {
			a.Money[textOf(row[1])] = textOf(row[3])
		}
		out[textOf(row[0])] = a
	}
	return out, nil
}

func plus(a, b Amounts) Amounts { return combine(a, b, 1) }

func minus(a, b Amounts) Amounts { return combine(a, b, -1) }

func combine(a, b Amounts, sign int64) Amounts {
	sums := map[string]*big.Rat{}
	for i, m := range []map[string]string{a.Money, b.Money} {
		for c, text := range m {
			x, ok := new(big.Rat).SetString(text)
			if !ok {
				continue
			}
			if sums[c] == nil {
				sums[c] = new(big.Rat)
			}
			if i == 1 && sign < 0 {
				x.Neg(x)
			}
			sums[c].Add(sums[c], x)
		}
	}
	return Amounts{Rows: a.Rows + sign*b.Rows, Money: moneyMap(sums)}
}

// coalesce takes null, which a condition gives on a missing value, as not met.
func coalesce(condition string) string { return "coalesce((" + condition + "), false)" }

func readLedger(ctx context.Context, db *sql.DB, run int64, table string) (*ledger, error) {
	l := &ledger{readMoney: map[string]*big.Rat{}, coreMoney: map[string]*big.Rat{}, asideMoney: map[string]*big.Rat{}, more: map[string]*big.Rat{}}
	var newest sql.NullInt64
	err := db.QueryRowContext(ctx, `
select max(run_id)
from ops.books
where equation = $1 and table_name = $2 and run_id <= $3`, stagingIsCore, table, run).Scan(&newest)
	if err != nil {
		return nil, err
	}
	if !newest.Valid {
		return nil, sql.ErrNoRows
	}
	l.run = newest.Int64
	got, err := fetch(ctx, db, `
select item, left_value, right_value
from ops.books
where equation = $1 and table_name = $2 and run_id = $3`, 0, stagingIsCore, table, l.run)
	if err != nil {
		return nil, err
	}
	for _, row := range got.rows {
		l.add(textOf(row[0]), textOf(row[1]), strings.Split(textOf(row[2]), " + "))
	}
	l.read.Money, l.core.Money = moneyMap(l.readMoney), moneyMap(l.coreMoney)
	l.quarantined.Money, l.superseded.Money = moneyMap(l.asideMoney), moneyMap(l.more)
	return l, nil
}

// add takes in one line: rows, or such as `amount "KES "`.
func (l *ledger) add(item, left string, right []string) {
	if len(right) != 3 {
		return
	}
	if item == "rows" {
		l.read.Rows, l.core.Rows = whole(left), whole(right[0])
		l.quarantined.Rows, l.superseded.Rows = whole(right[1]), whole(right[2])
		return
	}
	column, currency, ok := strings.Cut(item, " ")
	if !ok || strings.HasPrefix(item, "sum of ") || column == "" {
		return
	}
	if plain, err := strconv.Unquote(currency); err == nil {
		currency = plain
	}
	currency = strings.ToUpper(strings.TrimSpace(currency))
	if currency == "NULL" || currency == "NONE" {
		currency = ""
	}
	for i, m := range []map[string]*big.Rat{l.readMoney, l.coreMoney, l.asideMoney, l.more} {
		text := left
		if i > 0 {
			text = right[i-1]
		}
		if x, ok := new(big.Rat).SetString(text); ok {
			if m[currency] == nil {
				m[currency] = new(big.Rat)
			}
			m[currency].Add(m[currency], x)
		}
	}
}

func moneyMap(m map[string]*big.Rat) map[string]string {
	out := map[string]string{}
	for c, x := range m {
		if x.Sign() != 0 {
			out[c] = x.FloatString(4)
		}
	}
	return out
}

var exclusions = []struct{ reason, label string }{
	{"filtered", "not asked for"}, {"currency", "in another currency"}, {"undated", "without a date"}, {"period", "outside the period"},
}

// trust makes the strip and proves it: the parts come from the version, the sum from the books.
func (p *pageAsk) trust(ctx context.Context, e *edition, parts map[string]Amounts, books *ledger) (*Trust, error) {
	t := &Trust{
		Table: p.main.table.Source, Read: books.read, Counted: orZero(parts["counted"]), Quarantined: books.quarantined, Superseded: books.superseded,
		Excluded: []Exclusion{},
		Links: TrustLinks{
			Counted: p.main.follow(p.main.table.Name), Quarantined: "/quarantine?table=" + p.main.table.Source + "&state=quarantined",
			Checks: "/quality", Run: fmt.Sprintf("/runs/%d", books.run),
		},
	}
	if len(p.main.table.Money) == 0 {
		// Whoever declares no money has it added nowhere: there is nothing to compare the source's with.
		t.Read.Money, t.Quarantined.Money, t.Superseded.Money = map[string]string{}, map[string]string{}, map[string]string{}
	}
	words := []string{plural(t.Counted.Rows, "counted")}
	for _, x := range exclusions {
		a, is := parts[x.reason]
		if !is || a.Rows == 0 {
			continue
		}
		t.Excluded = append(t.Excluded, Exclusion{Reason: x.reason, Label: x.label, Counts: a, Link: p.excludedLink(x.reason)})
		words = append(words, plural(a.Rows, x.label))
	}
	words = append(words, plural(t.Quarantined.Rows, "quarantined"))
	if t.Superseded.Rows > 0 {
		words = append(words, plural(t.Superseded.Rows, "exact duplicates"))
	}
	t.Balances = balances(t)
	t.Text = fmt.Sprintf("%s %s read = %s", grouped(fmt.Sprint(t.Read.Rows)), p.main.table.Noun, strings.Join(words, " + "))
	if !t.Balances {
		t.Text += ": this does not add up"
	}
	var err error
	t.Checks, err = remember(e, "checks", func() (CheckCounts, error) { return countChecks(ctx, e.booksDB(), p.snap.run) })
	return t, err
}

func plural(n int64, words string) string { return grouped(fmt.Sprint(n)) + " " + words }

func orZero(a Amounts) Amounts {
	if a.Money == nil {
		a.Money = map[string]string{}
	}
	return a
}

// balances adds up rows and money of each currency.
func balances(t *Trust) bool {
	sum := Amounts{Rows: t.Counted.Rows + t.Quarantined.Rows + t.Superseded.Rows}
	money := map[string]*big.Rat{}
	take := func(m map[string]string, sign int64) {
		for c, text := range m {
			x, ok := new(big.Rat).SetString(text)
			if !ok {
				continue
			}
			if money[c] == nil {
				money[c] = new(big.Rat)
			}
			money[c].Add(money[c], x.Mul(x, new(big.Rat).SetInt64(sign)))
		}
	}
	take(t.Counted.Money, 1)
	take(t.Quarantined.Money, 1)
	take(t.Superseded.Money, 1)
	for _, x := range t.Excluded {
		sum.Rows += x.Counts.Rows
		take(x.Counts.Money, 1)
	}
	if len(t.Read.Money) > 0 {
		take(t.Read.Money, -1)
		for _, x := range money {
			if x.Sign() != 0 {
				return false
			}
		}
	}
	return sum.Rows == t.Read.Rows
}

// excludedLink leads to the rows of one exclusion where one filter set can say them.
func (p *pageAsk) excludedLink(reason string) string {
	if reason == "undated" {
		return p.main.follow(p.main.table.Name + "?undated=only")
	}
	return ""
}

// empty says why nothing matches and where something is.
func (p *pageAsk) empty() *Empty {
	b := p.main
	noun := b.table.Noun
	e := &Empty{Text: "No " + noun + ": " + b.text() + "."}
	if data := b.table.bounds[b.basis]; b.column != "" && !data.from.IsZero() {
		e.Text += " Data runs from " + dayText(data.from) + " to " + dayText(data.to) + "."
		e.Label, e.Link = "Go to all dates", pagePath(p.page, "range=all")
		if len(b.conds) > 1 {
			e.Label, e.Link = "Take the filters off", pagePath(p.page, "range=all")
		}
	}
	return e
}

func pagePath(p *PageFile, query string) string { return p.Path + "?" + query }

func countChecks(ctx context.Context, db *sql.DB, run int64) (CheckCounts, error) {
	var c CheckCounts
	got, err := fetch(ctx, db, `
select status, count(*)
from ops.check_results
where run_id = $1
group by 1`, 0, run)
	if err != nil {
		return c, fmt.Errorf("count the checks: %w", err)
	}
	for _, row := range got.rows {
		switch n := int(whole(row[1])); textOf(row[0]) {
		case "pass":
			c.Passed += n
		case "warn":
			c.Warned += n
		case "not_applicable":
		default:
			c.Failed += n
		}
	}
	return c, nil
}

// remember keeps what the books say for as long as they are these books.
func remember[T any](e *edition, key string, read func() (T, error)) (T, error) {
	if kept, is := e.kept.Load(key); is {
		return kept.(T), nil
	}
	v, err := read()
	if err == nil {
		e.kept.Store(key, v)
	}
	return v, err
}
