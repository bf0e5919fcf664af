package discover

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

var moneyWords = []string{
	"amount", "amt", "price", "cost", "total", "subtotal", "fee", "tax", "charge", "payment", "paid", "balance", "salary", "wage", "revenue",
	"discount", "credit", "debit", "budget", "premium",
	"deposit", "refund", "refunded", "tip", "commission", "bonus", "income", "expense", "due", "invoiced", "shipping", "canceled", "tco",
	"fare", "rent", "loan", "interest", "donation", "copay", "copayment", "deductible",
	"allowance", "payable", "receivable", "margin", "profit", "turnover", "msrp", "wholesale", "adjustment", "surcharge", "ttc", "ht", "tva",
	"montant", "prix", "importe", "precio", "betrag", "preis", "vat", "payout", "earning", "money", "gross", "net", "wrapping", "handling",
	"freight", "postage", "markup", "spend", "spent", "reimbursement", "taxe", "amountpaid", "capital", "principal",
}

var notMoneyWords = []string{
	"qty", "quantity", "count", "percent", "percentage", "pct", "weight", "number", "hour", "day", "minute", "second", "latitude",
	"longitude", "lat", "lng", "lon", "ratio", "factor", "width", "height", "depth", "length", "volume", "score",
	"rating", "duration", "probability", "conversion", "exchange", "id", "code", "size", "temperature", "page", "point", "age", "rank",
	"index", "position", "precision", "quality", "level", "version", "year", "month", "week", "time", "bytes", "distance", "speed", "unit",
	"units",
	"dose", "bpm", "pulse", "ph", "bmi", "class", "stock", "type", "status", "visit", "view", "vote", "sort",
}

// money finds the columns that hold amounts, and the column that says their currency.
func (l *look) money() {
	declared := map[string]int{}
	var rest []Amount
	for _, t := range l.catalog.Tables {
		if t.View || l.looks(t).copyOf != "" && false {
			continue
		}
		for _, c := range t.Columns {
			if l.isKey(t, c) {
				continue
			}
			conf, why := l.amount(t, c)
			if conf == "" {
				if c.kind() == decimal && !has(c.words, notMoneyWords...) && !has(c.words, "rate", "value") {
					rest = append(rest, Amount{Table: t.Name, Column: c.Name})
				}
				continue
			}
			if c.kind() == decimal {
				declared[c.Type]++
			}
			l.out.Money = append(l.out.Money, Amount{Table: t.Name, Column: c.Name, Guess: Guess{t.Name + "." + c.Name + " is money", conf, why}})
		}
	}
	for _, a := range rest {
		c := l.catalog.Table(a.Table).Column(a.Column)
		if scale(c) >= 2 && declared[c.Type] >= 2 {
			a.Guess = Guess{a.Table + "." + a.Column + " is money", Low, fmt.Sprintf("declared as %s, as %d columns of money are", c.Type,
				declared[c.Type])}
			l.out.Money = append(l.out.Money, a)
		}
	}
	for i := range l.out.Money {
		a := &l.out.Money[i]
		t := l.catalog.Table(a.Table)
		if cur := currencyOf(t, t.Column(a.Column)); cur != nil {
			a.Currency = cur.Name
			a.Evidence += "; its currency is beside it in " + cur.Name
		}
	}
}

func (l *look) isKey(t *Table, c *Column) bool {
	return slices.Contains(t.Primary, c.Name) || slices.ContainsFunc(l.out.keysOf[t.Name], func(k *Key) bool { return k.Column == c.Name })
}

func scale(c *Column) int {
	_, args, ok := strings.Cut(c.Type, ",")
	if !ok {
		return 0
	}
	n := 0
	for _, r := range strings.TrimSpace(args) {
		if r < '0' || r > '9' {
			break
		}
		n = n*10 + int(r-'0')
	}
	return n
}

// amount says how sure a column is money.
func (l *look) amount(t *Table, c *Column) (Confidence, string) {
	w := c.words
	k := c.kind()
	if k != decimal && k != float && k != integer || c.isFlag() || c.Unix != "" || len(w) == 0 {
		return "", ""
	}
	named := has(w, moneyWords...)
	if has(w, "rate") && !has(w, "tax", "exchange", "conversion", "interest", "discount", "vat", "commission", "currency", "to", "tva") &&
		(has(w, "rental", "hourly", "daily", "monthly", "weekly", "room", "pay", "shipping", "rent", "night", "labour", "labor", "billing") ||
			len(w) == 1 && has(t.words, "price", "shipping", "room")) {
		named = true
	} else if has(w, "rate") {
		return "", ""
	}
	value := has(w, "value") && len(w) == 1 && has(t.words, "total", "payment", "price", "amount", "transaction", "invoice", "tax")
	if !named && !value || has(w, notMoneyWords...) && !has(w, "amount", "price", "cost", "amt") {
		return "", ""
	}
	if has(w, "qty", "quantity", "percent", "count", "pct", "percentage", "weight", "number", "type", "id", "ratio", "factor") {
		return "", ""
	}
	switch k {
	case decimal:
		if scale(c) == 0 && !has(w, "amount", "price", "salary", "cost", "total") {
			return "", ""
		}
		return High, "its name and " + c.Type
	case float:
		if slices.Contains([]string{"due", "shipping", "canceled", "interest", "tip", "net", "gross", "margin"}, w[len(w)-1]) && len(w) == 1 {
			return "", ""
		}
		return Medium, "its name; " + c.Type + " holds amounts inexactly"
	default: // Judged below.
	}
	strong := has(w, "amount", "price", "salary", "cost", "fee", "wage", "amt", "fare", "premium", "balance", "budget", "total") ||
		has(w, "cent", "cents")
	if c.Base == "tinyint" || c.Base == "smallint" && !has(w, "price") || !strong || has(w, "total") && len(w) > 1 &&
		!has(w, "amount", "price", "grand", "paid") || c.Nullable && has(w, "used") {
		return "", ""
	}
	return Medium, "its name; whole numbers, in units or in cents"
}

// currencyOf finds the column beside an amount that says its currency: by a common first word, else the one named after the table,
// else the only one.
func currencyOf(t *Table, amount *Column) *Column {
	if has(amount.words, "usd", "usdollar", "eur", "dollar", "dollars", "euro") {
		return nil
	}
	var found []*Column
	for _, c := range t.Columns {
		if !has(c.words, "currency", "curr", "devise", "moneda", "waehrung") || has(c.words, "rate", "value", "symbol", "default", "name",
			"position", "conversion") || c.isFlag() {
			continue
		}
		if k := c.kind(); k == text || k == enum || k == integer && has(c.words, "id", "currency") {
			found = append(found, c)
		}
	}
	score := func(c *Column) int {
		front := c.words[0]
		n := 0
		if front == amount.words[0] && front != "currency" {
			n += 8
		}
		if len(c.words) <= 2 && has([]string{front}, "currency", "id") {
			n += 4
		}
		if has(t.words, front) || front == "order" || front == "transaction" || front == "invoice" || front == "quote" {
			n += 5
		}
		if has([]string{front}, "base", "global", "store", "shop", "company", "default", "original", "local") && front != amount.words[0] {
			n -= 5
		}
		if has(c.words, "code") {
			n++
		}
		return n
	}
	slices.SortStableFunc(found, func(a, b *Column) int { return cmp.Compare(score(b), score(a)) })
	if len(found) == 0 {
		return nil
	}
	return found[0]
}
