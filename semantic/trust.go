package semantic

import (
	"cmp"
	"context"
	"fmt"
	"strings"
)

// Account is where every row of one source table went in one run: read = core + quarantined + superseded, in rows and in money by
// cleaned currency.
type Account struct {
	Run                                 int64
	Read, Core, Quarantined, Superseded Amounts
}

// PageOps answers what the books of a version's run say.
type PageOps interface {
	// Account is a source table's in a run, or in the newest run before it that has one; nil where there is none.
	Account(ctx context.Context, run int64, table string) (*Account, error)
	// CountChecks counts the results of a run's checks.
	CountChecks(ctx context.Context, run int64) (CheckCounts, error)
}

// count fills in what stands on top of a page: rows, the trust strip, and why a page is empty.
func (p *PageQuery) count(ctx context.Context, ops PageOps, out *PageData) error {
	parts, err := p.parts(ctx)
	if err != nil {
		return fmt.Errorf("count the rows: %w", err)
	}
	out.Rows = parts["counted"].Rows
	if out.Rows == 0 {
		out.Empty = p.empty()
	}
	if !p.page.Trust || p.main.table.Source == "" || ops == nil {
		return nil
	}
	account, err := ops.Account(ctx, p.snap.Run, p.main.table.Source)
	if err != nil {
		return fmt.Errorf("read the books: %w", err)
	}
	if account == nil {
		return nil
	}
	out.Trust, err = p.trust(ctx, ops, parts, account)
	return err
}

// parts counts every row of the page's table once: counted, or the first reason why not. What does not depend on the period is kept
// with the version, for people change the period most.
func (p *PageQuery) parts(ctx context.Context) (map[string]Amounts, error) {
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
	part := fmt.Sprintf("case when not (%s) then 'filtered' when not (%s) then 'currency' when %s then 'undated' else 'dated' end",
		coalesce(other), coalesce(currency), undated)
	key := b.table.Name + "|" + b.column + "|" + part // "not dated" is another condition for each date.
	var whole map[string]Amounts
	if kept, is := p.snap.kept.Load(key); is {
		whole = kept.(map[string]Amounts)
	} else {
		var err error
		if whole, err = p.amounts(ctx, part, "true", cmp.Or(totals, b.source()), totals != ""); err != nil {
			return nil, err
		}
		if p.snap.keptCount.Add(1) < 10000 {
			p.snap.kept.Store(key, whole)
		}
	}
	inside := whole["dated"]
	if b.column != "" && !(b.from.IsZero() && b.to.IsZero()) && b.undated != "only" {
		period, from := b.periodSQL(b.column, b.from, b.to, "exclude"), b.sourceByDate()
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
func (t *Table) moneyUnit() []string {
	if m := t.moneyColumns(); len(m) > 0 && t.Money[m[0]] != "" {
		return []string{t.Money[m[0]]}
	}
	return nil
}

// amounts counts rows and money of each part of a relation, whose rows may be groups of n.
func (p *PageQuery) amounts(ctx context.Context, part, where, from string, groups bool) (map[string]Amounts, error) {
	t := p.main.table
	money, unit, n, unknown := "cast(null as numeric(38,4))", "cast(null as varchar)", "count(*)", "0"
	if groups {
		n = "cast(sum(n) as bigint)"
	}
	if m := t.moneyColumns(); len(m) > 0 {
		money, unknown = "cast(sum("+quoteName(m[0])+") as numeric(38,4))", "count(*) - count("+quoteName(m[0])+")"
		if groups {
			unknown = "cast(sum(" + quoteName(m[0]+withoutSuffix) + ") as bigint)"
		}
	}
	if u := t.moneyUnit(); len(u) > 0 {
		unit = quoteName(u[0])
	}
	got, err := Fetch(ctx, p.snap.db, fmt.Sprintf("select %s as part, %s as currency, %s as n, %s as money, %s as unknown from %s as t "+
		"where %s group by 1, 2",
		part, unit, n, money, unknown, from, where), 0)
	if err != nil {
		return nil, err
	}
	out := map[string]Amounts{}
	for _, row := range got.Rows {
		a := orZero(out[TextOf(row[0])])
		a.Rows += CountOf(row[2])
		a.unknown += CountOf(row[4])
		if row[3] != nil {
			a.Money[TextOf(row[1])] = TextOf(row[3])
		}
		out[TextOf(row[0])] = a
	}
	return out, nil
}

func plus(a, b Amounts) Amounts { return combine(a, b, 1) }

func minus(a, b Amounts) Amounts { return combine(a, b, -1) }

func combine(a, b Amounts, sign int64) Amounts {
	sums := Sums{}
	sums.addAll(a.Money, 1)
	sums.addAll(b.Money, sign)
	return Amounts{Rows: a.Rows + sign*b.Rows, Money: sums.Texts(), unknown: a.unknown + sign*b.unknown}
}

// coalesce takes null, which a condition gives on a missing value, as not met.
func coalesce(condition string) string { return "coalesce((" + condition + "), false)" }

var exclusions = []struct{ reason, label string }{
	{"filtered", "not asked for"}, {"currency", "in another currency"}, {"undated", "without a date"}, {"period", "outside the period"},
}

// trust makes the strip and proves it: the parts come from the version, the sum from the books.
func (p *PageQuery) trust(ctx context.Context, ops PageOps, parts map[string]Amounts, account *Account) (*Trust, error) {
	t := &Trust{
		Table: p.main.table.Source, Read: account.Read, Counted: orZero(parts["counted"]), Quarantined: account.Quarantined,
		Superseded: account.Superseded,
		Excluded:   []Exclusion{},
		Links: TrustLinks{
			Counted: p.main.follow(p.main.table.Name), Quarantined: "/quarantine?table=" + p.main.table.Source + "&state=open",
			Checks: "/quality", Run: fmt.Sprintf("/runs/%d", account.Run),
		},
	}
	if len(p.main.table.Money) == 0 {
		// Whoever declares no money has it added nowhere: there is nothing to compare the source's with.
		t.Read.Money, t.Quarantined.Money, t.Superseded.Money = map[string]string{}, map[string]string{}, map[string]string{}
	}
	words := []string{Plural(t.Counted.Rows, "counted")}
	for _, x := range exclusions {
		a, is := parts[x.reason]
		if !is || a.Rows == 0 {
			continue
		}
		t.Excluded = append(t.Excluded, Exclusion{Reason: x.reason, Label: x.label, Counts: a, Link: p.excludedLink(x.reason)})
		words = append(words, Plural(a.Rows, x.label))
	}
	words = append(words, Plural(t.Quarantined.Rows, "quarantined"))
	if t.Superseded.Rows > 0 {
		words = append(words, Plural(t.Superseded.Rows, "exact duplicates"))
	}
	t.Balances = balances(t)
	t.Text = fmt.Sprintf("%s %s read = %s", grouped(fmt.Sprint(t.Read.Rows)), p.main.table.Noun, strings.Join(words, " + "))
	if !t.Balances {
		t.Text += ": this does not add up"
	}
	if t.WithoutMoney = t.Counted.unknown; t.WithoutMoney > 0 {
		t.Text += fmt.Sprintf("; %s of the counted (%s) have no amount, and sums leave them out",
			grouped(fmt.Sprint(t.WithoutMoney)), PercentText(float64(t.WithoutMoney)/float64(t.Counted.Rows)))
	}
	var err error
	t.Checks, err = ops.CountChecks(ctx, p.snap.Run)
	return t, err
}

// Plural writes a count with its words, such as 12 rows.
func Plural(n int64, words string) string { return grouped(fmt.Sprint(n)) + " " + words }

func orZero(a Amounts) Amounts {
	if a.Money == nil {
		a.Money = map[string]string{}
	}
	return a
}

// balances adds up rows and money of each currency.
func balances(t *Trust) bool {
	rows, money := t.Counted.Rows+t.Quarantined.Rows+t.Superseded.Rows, Sums{}
	for _, a := range []Amounts{t.Counted, t.Quarantined, t.Superseded} {
		money.addAll(a.Money, 1)
	}
	for _, x := range t.Excluded {
		rows += x.Counts.Rows
		money.addAll(x.Counts.Money, 1)
	}
	if len(t.Read.Money) > 0 {
		money.addAll(t.Read.Money, -1)
		if len(money.Texts()) > 0 {
			return false
		}
	}
	return rows == t.Read.Rows
}

// excludedLink leads to the rows of one exclusion where one filter set can say them.
func (p *PageQuery) excludedLink(reason string) string {
	if reason == "undated" {
		return p.main.follow(p.main.table.Name + "?undated=only")
	}
	return ""
}

// empty says why nothing matches and where something is.
func (p *PageQuery) empty() *Empty {
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
