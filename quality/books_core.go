package quality

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// CoreBooks closes the second equation for every entity that went through Evaluate: staging's rows and amounts, by staging's
// raw currency, are those of core, of quarantine and of the superseded copies together. Core's amounts are added up in core
// itself, so a model that changes one is found out. Where an equation fails, the keys are looked for.
func (a *RowVerdicts) CoreBooks(ctx context.Context) ([]Equation, error) {
	var books []Equation
	for _, e := range a.entities.all() {
		if e.verdict == nil {
			continue
		}
		b, err := a.coreBook(ctx, e)
		if err != nil {
			return nil, fmt.Errorf("books of %s: %w", e.source.Name, err)
		}
		books = append(books, b...)
	}
	return books, nil
}

func (a *RowVerdicts) coreBook(ctx context.Context, e *entity) ([]Equation, error) {
	has, err := columnsOf(ctx, a.build.DB(), e.Relation)
	if err != nil {
		return nil, err
	}
	columns, err := e.source.columns(ctx, a.build.DB())
	if err != nil {
		return nil, err
	}
	byCurrency := map[string][]string{}
	for _, amount := range e.source.amounts() {
		byCurrency[e.source.Money[amount]] = append(byCurrency[e.source.Money[amount]], amount)
	}
	if len(byCurrency) == 0 {
		byCurrency[""] = nil
	}
	var rows, money []Equation
	var broken []string
	for _, currency := range slices.Sorted(maps.Keys(byCurrency)) {
		p := &sums{a: a, e: e, currency: currency, has: has, keys: e.source.numericKey(columns), columns: columns}
		for _, amount := range byCurrency[currency] {
			if !slices.Contains(has, amount) {
				return nil, fmt.Errorf("%s has no column %s, which the sources file declares as money: the books need it under that name",
					e.Node, amount)
			}
			p.amounts = append(p.amounts, amount)
		}
		if err := p.read(ctx); err != nil {
			return nil, err
		}
		if rows == nil {
			rows = p.rowBooks()
		}
		b, wrong := p.moneyBooks()
		money, broken = append(money, b...), append(broken, wrong...)
	}
	books := append(rows, money...)
	if ok, _ := Balance(books); ok {
		return books, nil
	}
	detail, err := a.findKeys(ctx, e, slices.Compact(broken))
	if err != nil {
		return nil, err
	}
	for i := range books {
		if !books[i].Balances {
			books[i].Detail = strings.TrimPrefix(books[i].Detail+"; "+detail, "; ")
		}
	}
	return books, nil
}

func columnsOf(ctx context.Context, db querier, relation string) ([]string, error) {
	rows, err := db.QueryContext(ctx, bind(`select * from {relation} where 1 = 0`, "relation", relation))
	if err != nil {
		return nil, fmt.Errorf("columns of %s: %w", relation, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("columns of %s: %w", relation, err)
	}
	return names, rows.Err()
}

// sums adds up the amounts of one entity that share a currency column.
type sums struct {
	a        *RowVerdicts
	e        *entity
	currency string
	amounts  []string
	has      []string // Columns of core.
	keys     bool     // The keys are added up too, so that one row in another's place is noticed, and the amounts by weight of their key.
	columns  []stagingColumn

	staging, core, aside, superseded ledger
}

// read fills the ledgers. Core is first added up by its own currency, one scan. That says all where the raw currency is
// already clean. Where it is not, the rows of odd raw currencies are looked up in core by their key; and where that does not
// explain everything, all are.
func (p *sums) read(ctx context.Context) error {
	db, n := p.a.build.DB(), p.width()
	var err error
	if p.staging, err = readLedger(ctx, db, p.e.source.Relation()+" as s", p.by("s"), p.sums("s")); err != nil {
		return err
	}
	p.aside, p.superseded = ledger{}, ledger{}
	if p.e.aside != "" {
		if p.aside, err = p.state(ctx, "<> 'superseded'"); err != nil {
			return err
		}
		if p.superseded, err = p.state(ctx, "= 'superseded'"); err != nil {
			return err
		}
	}
	want := ledger{}
	want.add(p.staging, 1, n)
	want.add(p.aside, -1, n)
	want.add(p.superseded, -1, n)
	if p.currency == "" || slices.Contains(p.has, p.currency) {
		if p.core, err = readLedger(ctx, db, p.e.Relation+" as c", p.by("c"), p.sums("c")); err != nil {
			return err
		}
		if p.core.equals(want, n) || p.currency == "" {
			return nil
		}
		if err := p.explain(ctx, want); err != nil || p.core.equals(want, n) {
			return err
		}
	}
	p.core, err = p.joined(ctx, "", p.by("s"))
	return err
}

// explain moves core's rows of odd raw currencies from the currency that core gives them to their raw one.
func (p *sums) explain(ctx context.Context, want ledger) error {
	var odd []string
	for raw, l := range want {
		if p.core[raw] == nil && l.rows > 0 {
			odd = append(odd, raw)
		}
	}
	if len(odd) == 0 {
		return nil
	}
	slices.Sort(odd)
	only := bind(`where {raw} in ({odd})`, "raw", "coalesce(cast("+p.by("s")+" as text), '')", "odd", list(odd, text))
	moved, err := p.joined(ctx, only, bind(`coalesce(cast({raw} as text), '') || {tab} || coalesce(cast({own} as text), '')`,
		"raw", p.by("s"), "tab", text(tab), "own", p.by("c")))
	if err != nil {
		return err
	}
	for name, l := range moved {
		raw, own, _ := strings.Cut(name, tab)
		p.core.line(own, p.width()).add(l, -1)
		p.core.line(raw, p.width()).add(l, 1)
	}
	return nil
}

// tab stands between the two currencies of one line.
const tab = "\t"

// joined adds core's amounts up beside the staging row of the same key. A core row without one counts under no currency.
func (p *sums) joined(ctx context.Context, where, by string) (ledger, error) {
	join := "left join"
	if where != "" {
		join = "join"
	}
	from := bind(`{core} as c {join} {keyed} as s on {same} {where}`, "core", p.e.Relation, "join", join,
		"keyed", p.e.keyed.Relation, "same", p.e.sameInCore("s", "c"), "where", where)
	return readLedger(ctx, p.a.build.DB(), from, by, p.sums("c"))
}

// state adds up the rows set aside that are superseded, or those that are not: the held ones count with the quarantined.
func (p *sums) state(ctx context.Context, state string) (ledger, error) {
	from := bind(`{aside} as a where a.lifeline__state {state}`, "aside", p.e.aside, "state", state)
	return readLedger(ctx, p.a.build.DB(), from, p.by("a"), p.sums("a"))
}

func (p *sums) by(alias string) string {
	if p.currency == "" {
		return "''"
	}
	return alias + "." + ident(p.currency)
}

// sums are the expressions to add up of staging (s), the rows set aside (a) or core (c).
func (p *sums) sums(alias string) []string {
	out := make([]string, len(p.amounts), p.width())
	for i, a := range p.amounts {
		out[i] = alias + "." + ident(a)
	}
	if !p.keys {
		return out
	}
	key := p.e.source.Key[0]
	if alias == "c" {
		key = p.e.Key[0]
	}
	out = append(out, alias+"."+ident(key))
	for _, a := range p.amounts {
		out = append(out, weighed(alias, a, key, p.columns))
	}
	return out
}

func (p *sums) width() int {
	if p.keys {
		return 2*len(p.amounts) + 1
	}
	return len(p.amounts)
}

// rowBooks compares the number of rows and, where they are numbers, the sum of the keys.
func (p *sums) rowBooks() []Equation {
	var total [4]*term
	for i, l := range []ledger{p.staging, p.core, p.aside, p.superseded} {
		total[i] = ledger{}.line("", p.width())
		for _, x := range l {
			total[i].add(x, 1)
		}
	}
	right := &term{sums: ledger{}.line("", p.width()).sums}
	for _, t := range total[1:] {
		right.add(t, 1)
	}
	books := []Equation{{
		Table: p.e.source.Name, Equation: StagingIsCore, Item: "rows", Balances: total[0].rows == right.rows,
		Left:  strconv.FormatInt(total[0].rows, 10),
		Right: join(total[1:], " + ", func(l *term) string { return strconv.FormatInt(l.rows, 10) }),
	}}
	if !p.keys {
		return books
	}
	n := len(p.amounts)
	return append(books, Equation{
		Table: p.e.source.Name, Equation: StagingIsCore, Item: "sum of " + p.e.source.Key[0],
		Balances: total[0].sums[n].Cmp(right.sums[n]) == 0, Left: decimal(total[0].sums[n]),
		Right: join(total[1:], " + ", func(l *term) string { return decimal(l.sums[n]) }),
	})
}

// moneyBooks compares the ledgers, and lists the amounts that differ.
func (p *sums) moneyBooks() (books []Equation, broken []string) {
	n := p.width()
	for i, amount := range p.amounts {
		for _, c := range currencies(p.staging, p.core, p.aside, p.superseded) {
			left := p.staging.line(c, n)
			right := &term{sums: ledger{}.line(c, n).sums}
			var parts []string
			for _, l := range []ledger{p.core, p.aside, p.superseded} {
				right.add(l.line(c, n), 1)
				parts = append(parts, decimal(l.line(c, n).sums[i]))
			}
			b := Equation{
				Table: p.e.source.Name, Equation: StagingIsCore, Item: item(amount, c),
				Left: decimal(left.sums[i]), Right: strings.Join(parts, " + "),
				Balances: left.sums[i].Cmp(right.sums[i]) == 0 && left.rows == right.rows,
			}
			if p.keys && b.Balances && left.sums[len(p.amounts)+1+i].Cmp(right.sums[len(p.amounts)+1+i]) != 0 {
				b.Balances, b.Detail = false, "the same sum over other rows"
			}
			if !b.Balances {
				broken = append(broken, amount)
			}
			books = append(books, b)
		}
	}
	return books, broken
}

// sameInCore compares a source's key with core's.
func (e *entity) sameInCore(source, core string) string {
	parts := make([]string, len(e.Key))
	for i := range e.Key {
		parts[i] = fmt.Sprintf("%s.%s = %s.%s", source, ident(e.source.Key[i]), core, ident(e.Key[i]))
	}
	return strings.Join(parts, " and ")
}
